//! Threads that accept, read and write connections. All that comes in goes through one channel to the thread of the world.

use super::budget::Budget;
use super::inbox::{Told, Writer};
use super::tail::Tail;
use ackproof_types::BrokerId;
use ackproof_wire::MAX_FRAME;
use bytes::Bytes;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that are read ahead of the world, of all clients together.
const READ_AHEAD: usize = 256 << 20;
/// Bytes of answers that a client has not taken, from which on nothing more is read from it.
const UNTAKEN: usize = 8 << 20;
/// How much is read at a time: a frame takes no more memory than what has come of it.
const CHUNK: usize = 64 << 10;

/// The threads' side of all that is shared.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) told: Sender<Told>,
    next: Arc<Mutex<u32>>,
    pub(super) read_ahead: Arc<Budget>,
    /// Where the application says what it has processed.
    pub(super) tail: Option<Arc<Tail>>,
}

impl Shared {
    pub(super) fn new(told: Sender<Told>, tail: Option<Arc<Tail>>) -> Self {
        Self { told, next: Arc::default(), read_ahead: Budget::new(READ_AHEAD), tail }
    }

    /// Accepts connections on a thread of its own, until the listener is shut down.
    pub(super) fn accept(&self, broker: BrokerId, listener: &TcpListener) -> io::Result<()> {
        let (listener, shared) = (listener.try_clone()?, self.clone());
        let accept = move || {
            while let Ok((stream, _)) = listener.accept() {
                shared.open(broker, stream);
            }
        };
        std::thread::Builder::new().name(format!("accept-{}", broker.0)).spawn(accept).map(drop)
    }

    fn open(&self, broker: BrokerId, stream: TcpStream) {
        let _ = stream.set_nodelay(true);
        let (Ok(reading), Ok(writing)) = (stream.try_clone(), stream.try_clone()) else { return };
        let number = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next += 1;
            *next
        };
        let (answers, queue) = channel();
        let untaken = Budget::new(UNTAKEN);
        let writer = Writer { answers, stream, untaken: Arc::clone(&untaken) };
        if self.told.send(Told::Opened(number, broker, writer)).is_err() {
            return;
        }
        let (told, shared) = (self.told.clone(), self.clone());
        let taken = Arc::clone(&untaken);
        let write = move || write(number, writing, &queue, &taken, &told);
        let read = move || {
            let clean = shared.read(number, reading, &untaken);
            let _ = shared.told.send(Told::Closed(number, clean));
        };
        let spawned = std::thread::Builder::new().name(format!("read-{number}")).spawn(read);
        let spawned = spawned
            .and_then(|_| std::thread::Builder::new().name(format!("write-{number}")).spawn(write));
        if spawned.is_err() {
            let _ = self.told.send(Told::Closed(number, false));
        }
    }

    /// Reads frames until the connection ends; whether it ended in good order.
    fn read(&self, number: u32, mut stream: TcpStream, untaken: &Budget) -> bool {
        loop {
            let mut length = [0; 4];
            match read_exact_or_end(&mut stream, &mut length) {
                Ok(true) => {}
                Ok(false) => {
                    untaken.drain();
                    return true;
                }
                Err(_) => return false,
            }
            let Ok(length) = usize::try_from(i32::from_be_bytes(length)) else { return false };
            if length > MAX_FRAME {
                return false;
            }
            untaken.wait();
            let mut frame = Vec::with_capacity(length.min(CHUNK));
            while frame.len() < length {
                let (start, more) = (frame.len(), (length - frame.len()).min(CHUNK));
                self.read_ahead.take(more);
                frame.resize(start + more, 0);
                if stream.read_exact(&mut frame[start..]).is_err() {
                    self.read_ahead.give_back(frame.len());
                    return false;
                }
            }
            if let Some(tail) = &self.tail {
                // What was said before a commit was sent comes before it.
                tail.look();
            }
            if self.told.send(Told::Frame(number, frame.into())).is_err() {
                return false;
            }
        }
    }
}

/// Fills `bytes`; false: the connection had ended before.
fn read_exact_or_end(stream: &mut TcpStream, bytes: &mut [u8; 4]) -> io::Result<bool> {
    let first = loop {
        match stream.read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => break other?,
        }
    };
    if first == 0 {
        return Ok(false);
    }
    stream.read_exact(&mut bytes[first..]).map(|()| true)
}

fn write(
    number: u32,
    mut stream: TcpStream,
    queue: &Receiver<Bytes>,
    untaken: &Budget,
    told: &Sender<Told>,
) {
    while let Ok(answer) = queue.recv() {
        let done = stream.write_all(&answer);
        // Told before the reader of the connection may tell that it has ended.
        let heard = done.is_ok() && told.send(Told::Written(number)).is_ok();
        untaken.give_back(answer.len());
        if !heard {
            return;
        }
    }
}
