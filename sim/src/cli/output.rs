//! Where text goes: results to stdout, talk to stderr, colours only where they are wanted.
//!
//! A reader that went away (`| head`) is no error and no reason to talk; a full disk is one.

use super::status::Status;
use ackproof::recorder::Trace;
use ackproof_oracle::jsonl::{entry_line, header_line};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes a result; the status is `Met` unless it could not be written.
pub(crate) fn result(text: &str) -> Status {
    let mut out = anstream::stdout();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Says something beside the result.
pub(crate) fn talk(text: &str) {
    // If nobody can hear us, there is nobody to tell.
    let _unheard = anstream::stderr().write_all(text.as_bytes());
}

fn written(done: io::Result<()>) -> Status {
    match done {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            talk(&format!("error: cannot write the result: {error}\n"));
            Status::Internal
        }
        Ok(()) | Err(_) => Status::Met,
    }
}

/// Streams a history to stdout: its header, then an entry a line.
#[derive(Clone)]
pub(crate) struct TraceOut(Arc<Mutex<Writing>>);

struct Writing {
    out: BufWriter<Stdout>,
    has_header: bool,
    done: io::Result<()>,
}

impl TraceOut {
    /// Nothing written yet.
    pub(crate) fn new() -> Self {
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        Self(Arc::new(Mutex::new(Writing { out, has_header: false, done: Ok(()) })))
    }

    /// What a run is given.
    pub(crate) fn trace(&self) -> Trace {
        let shared = Arc::clone(&self.0);
        Box::new(move |entry, context| {
            let mut writing = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if !writing.has_header {
                writing.has_header = true;
                writing.done = writeln!(writing.out, "{}", header_line(context));
            }
            if writing.done.is_ok() {
                writing.done = writeln!(writing.out, "{}", entry_line(entry, context));
            }
        })
    }

    /// After the run.
    pub(crate) fn finish(&self) -> Status {
        let mut writing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = writing.out.flush();
        written(std::mem::replace(&mut writing.done, Ok(())).and(flushed))
    }
}
