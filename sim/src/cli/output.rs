//! Where text goes: results to stdout, talk to stderr, colours only where they are wanted.
//!
//! A reader that went away (`| head`) is no error and no reason to talk; a full disk is one.

use super::status::Status;
use ackproof::world::recorder::Trace;
use ackproof_oracle::jsonl::{entry_line, header_line};
use ackproof_reports::human;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes a result; the status is `Met` unless it could not be written.
pub(crate) fn result(text: &str) -> Status {
    let mut out = anstream::stdout();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Columns where there is no screen to ask.
const COLUMNS: usize = 100;
/// Narrower than this, words are cut to pieces.
const NARROWEST: usize = 20;

/// The columns of the screen: those of the terminal, or of `COLUMNS`. None: what is printed is no screen, and
/// lines stay whole, for whoever searches them.
fn screen() -> Option<usize> {
    let said = || std::env::var("COLUMNS").ok()?.parse::<usize>().ok();
    let terminal =
        || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    let columns = if io::stdout().is_terminal() { terminal().or_else(said) } else { said() };
    columns.filter(|columns| *columns > 0).map(|columns| columns.max(NARROWEST))
}

/// Tells the reports how wide the screen is; before any of them is made.
pub(crate) fn measure_screen() {
    human::set_width(screen().unwrap_or(COLUMNS));
}

/// Writes a result for people: lines that are wider than the screen go on below where they began.
pub(crate) fn for_people(text: &str) -> Status {
    match screen() {
        Some(columns) => result(&wrapped(text, columns)),
        None => result(text),
    }
}

/// `text` with lines of at most `columns`, but for commands, which are to be copied.
fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("ackproof ") || textwrap::core::display_width(line) <= columns {
            lines.push_str(line);
        } else {
            let margin = " ".repeat(margin(line).min(columns / 3).min(room(line, columns)));
            let options = textwrap::Options::new(columns)
                .subsequent_indent(&margin)
                .word_separator(textwrap::WordSeparator::AsciiSpace)
                .word_splitter(textwrap::WordSplitter::NoHyphenation);
            lines.push_str(&textwrap::wrap(line, options).join("\n"));
        }
        lines.push('\n');
    }
    lines
}

/// How far a line may be indented without cutting its longest word, the name of a setting.
fn room(line: &str, columns: usize) -> usize {
    let longest = line.split(' ').map(textwrap::core::display_width).max().unwrap_or(0);
    columns.saturating_sub(longest).max(2)
}

/// The column in which the text of a line begins: behind its indent, and behind the name of its row, which is
/// set off by two spaces or more.
fn margin(line: &str) -> usize {
    let plain = anstream::adapter::strip_str(line).to_string();
    let indent = plain.len() - plain.trim_start().len();
    let body = &plain[indent..];
    let row = body.find("  ").filter(|end| *end <= 30);
    let text = row.map_or(2, |end| end + body[end..].len() - body[end..].trim_start().len());
    indent + text
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
            Status::Usage
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_where_they_began() {
        let text = "records     sent 600, acked 599, failed 1, unknown 0\n  because it is so and not otherwise\n";
        assert_eq!(
            wrapped(text, 30),
            "records     sent 600, acked\n          599, failed 1,\n          unknown 0\n  because it is so and not\n    otherwise\n"
        );
        assert_eq!(wrapped(text, 80), text);
        let setting = "promised    it holds (topics.t.config.min.insync.replicas=2)\n";
        assert_eq!(
            wrapped(setting, 42),
            "promised    it holds\n   (topics.t.config.min.insync.replicas=2)\n",
            "a word that fits is not cut"
        );
        let command = "ackproof run scenarios/basics/leader-crash.json --seed 7\n";
        assert_eq!(wrapped(command, 30), command, "to be copied");
        let bold = "\u{1b}[1mrecords     \u{1b}[0msent 600\n";
        assert_eq!(wrapped(bold, 20), bold, "colours have no width");
    }
}
