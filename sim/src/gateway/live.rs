//! Sockets and the clock: simulated time goes as fast as that of the machine, from when the cluster is ready.
//!
//! A thread accepts the connections of a broker, one reads each connection and one writes it; all that comes in goes
//! through one channel to the thread of the world. Memory is bounded: what is read and not taken yet counts against a
//! budget, and nothing more is read from a client that does not take its answers.

use super::door::{Outgoing, Source};
use super::tape::{Incoming, Tape};
use ackproof_types::BrokerId;
use ackproof_wire::MAX_FRAME;
use bytes::Bytes;
use rustix::net::{Shutdown, shutdown, sockopt};
use rustix::time::{ClockId, clock_gettime};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that are read ahead of the world, of all clients together.
const READ_AHEAD: usize = 256 << 20;
/// Bytes of answers that a client has not taken, from which on nothing more is read from it.
const UNTAKEN: usize = 8 << 20;
/// How much is read at a time: a frame takes no more memory than what has come of it.
const CHUNK: usize = 64 << 10;

/// How long an answer may take to be written to a client that has said goodbye.
const DRAIN: Duration = Duration::from_millis(200);

/// A number of bytes that may not go beyond a bound.
#[derive(Debug)]
struct Budget {
    used: Mutex<usize>,
    most: usize,
    freed: Condvar,
}

impl Budget {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { used: Mutex::new(0), most, freed: Condvar::new() })
    }

    fn locked(&self) -> MutexGuard<'_, usize> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room; one that is larger than all of it waits until nothing else is there.
    fn take(&self, bytes: usize) {
        let mut used = self.locked();
        while *used > 0 && *used + bytes > self.most {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
        *used += bytes;
    }

    fn add(&self, bytes: usize) {
        *self.locked() += bytes;
    }

    fn give_back(&self, bytes: usize) {
        let mut used = self.locked();
        *used = used.saturating_sub(bytes);
        self.freed.notify_all();
    }

    /// Waits until nothing is left, for a moment.
    fn drain(&self) {
        let used = self.locked();
        drop(self.freed.wait_timeout_while(used, DRAIN, |used| *used > 0));
    }

    /// Waits until it is below its bound.
    fn wait(&self) {
        let mut used = self.locked();
        while *used >= self.most {
            used = self.freed.wait(used).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// What a thread tells.
enum Told {
    Opened(u32, BrokerId, Writer),
    Frame(u32, Bytes),
    Written(u32),
    Closed(u32, bool),
    End,
    /// The time is over that the world wanted to wait.
    Alarm,
}

/// The side of a connection that answers go to.
struct Writer {
    answers: Sender<Bytes>,
    stream: TcpStream,
    untaken: Arc<Budget>,
}

/// Tells the world that nobody comes any more.
#[derive(Clone)]
pub struct Stop(Sender<Told>);

impl Stop {
    /// From here on the cluster is healed, settles and is read, at its own speed.
    pub fn stop(&self) {
        // Nobody listens once it is over.
        let _ = self.0.send(Told::End);
    }
}

/// The threads' side of all that is shared.
#[derive(Clone)]
struct Shared {
    told: Sender<Told>,
    next: Arc<Mutex<u32>>,
    read_ahead: Arc<Budget>,
}

/// What time it is on this machine, in microseconds. In the thread of the world the standard library tells simulated
/// time: madsim stands in for the functions of the C library, which this does not call.
fn machine() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let (seconds, nanos) = (now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    seconds * 1_000_000 + nanos / 1000
}

/// Rings when it is as late as was said last. A thread of its own: waiting for some time goes by a clock too.
fn alarm(told: Sender<Told>) -> io::Result<Sender<u64>> {
    let (set, times) = channel::<u64>();
    let wait = move || {
        while let Ok(mut until) = times.recv() {
            loop {
                match times.recv_timeout(Duration::from_micros(until.saturating_sub(machine()))) {
                    Ok(other) => until = other,
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            if told.send(Told::Alarm).is_err() {
                return;
            }
        }
    };
    std::thread::Builder::new().name("alarm".to_owned()).spawn(wait)?;
    Ok(set)
}

/// A port of a broker.
struct Port {
    address: SocketAddr,
    listener: Option<TcpListener>,
}

/// How far behind the clock of the machine the world was when something was due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// The most, in microseconds.
    pub max: u64,
}

/// Sockets and the clock.
pub struct Live {
    shared: Shared,
    incoming: Receiver<Told>,
    ports: BTreeMap<BrokerId, Port>,
    writers: BTreeMap<u32, Writer>,
    /// When the clock of the machine takes over, in simulated microseconds.
    ready: u64,
    began: Option<u64>,
    alarm: Sender<u64>,
    held: VecDeque<(u64, Told)>,
    tape: Tape,
    lag: Lag,
    on_ready: Option<Box<dyn FnOnce() + Send>>,
    complain: Box<dyn FnMut(&str) + Send>,
}

impl Live {
    /// Takes a port for each broker, on `host`: the next ones from `first`, or any. `ready`: when the clock takes over.
    /// `on_ready` is called then; `complain` with what was wrong with a client.
    ///
    /// # Errors
    /// The port that cannot be had.
    pub fn new(
        brokers: impl Iterator<Item = BrokerId>,
        (host, first): (&str, Option<u16>),
        ready: u64,
        on_ready: Box<dyn FnOnce() + Send>,
        complain: Box<dyn FnMut(&str) + Send>,
    ) -> Result<Self, String> {
        let mut ports = BTreeMap::new();
        for (place, broker) in (0..).zip(brokers) {
            let port = match first {
                Some(first) => first.checked_add(place).ok_or("the ports end at 65535")?,
                None => 0,
            };
            let listener = TcpListener::bind((host, port))
                .map_err(|error| format!("{host}:{port}, for broker {}: {error}", broker.0))?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            ports.insert(broker, Port { address, listener: Some(listener) });
        }
        let (told, incoming) = channel();
        let (next, read_ahead) = (Arc::default(), Budget::new(READ_AHEAD));
        let alarm = alarm(told.clone()).map_err(|error| error.to_string())?;
        let shared = Shared { told, next, read_ahead };
        for (broker, port) in &ports {
            if let Some(listener) = &port.listener {
                shared.accept(*broker, listener).map_err(|error| error.to_string())?;
            }
        }
        Ok(Self {
            shared,
            incoming,
            ports,
            writers: BTreeMap::new(),
            ready,
            began: None,
            alarm,
            held: VecDeque::new(),
            tape: Tape::default(),
            lag: Lag::default(),
            on_ready: Some(on_ready),
            complain,
        })
    }

    /// Where each broker listens.
    pub fn addresses(&self) -> impl Iterator<Item = (BrokerId, SocketAddr)> + '_ {
        self.ports.iter().map(|(broker, port)| (*broker, port.address))
    }

    /// Ends it.
    #[must_use]
    pub fn stop(&self) -> Stop {
        Stop(self.shared.told.clone())
    }

    /// What came in, and how late the world was.
    #[must_use]
    pub fn finish(self) -> (Tape, Lag) {
        (self.tape, self.lag)
    }

    /// What time it is there.
    fn clock(&self) -> u64 {
        self.ready + self.began.map_or(0, |began| machine() - began)
    }

    /// Opens or closes the port of a broker.
    fn listen(&mut self, broker: BrokerId, on: bool) {
        let Some(port) = self.ports.get_mut(&broker) else { return };
        if !on {
            if let Some(listener) = port.listener.take() {
                // Its thread waits in `accept`, and goes on with an error.
                let _ = shutdown(&listener, Shutdown::Both);
            }
            return;
        }
        if port.listener.is_some() {
            return;
        }
        match TcpListener::bind(port.address) {
            Ok(listener) => {
                if let Err(error) = self.shared.accept(broker, &listener) {
                    (self.complain)(&format!("broker {}: {error}", broker.0));
                }
                port.listener = Some(listener);
            }
            Err(error) => {
                let address = port.address;
                (self.complain)(&format!("broker {}: {address}: {error}", broker.0));
            }
        }
    }

    fn reset(&mut self, connection: u32) {
        if let Some(writer) = self.writers.remove(&connection) {
            // What is not sent yet is discarded, and the client gets a reset.
            let _ = sockopt::set_socket_linger(&writer.stream, Some(Duration::ZERO));
            let _ = writer.stream.shutdown(std::net::Shutdown::Both);
            writer.untaken.give_back(usize::MAX);
        }
    }
}

impl Shared {
    /// Accepts connections on a thread of its own, until the listener is shut down.
    fn accept(&self, broker: BrokerId, listener: &TcpListener) -> io::Result<()> {
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

impl Source for Live {
    fn next(&mut self, now: u64, due: Option<u64>) -> Option<u64> {
        if self.began.is_none() {
            if due.is_some_and(|due| due <= self.ready) {
                return None;
            }
            self.began = Some(machine());
            if let Some(on_ready) = self.on_ready.take() {
                on_ready();
            }
        }
        loop {
            if let Some((at, _)) = self.held.front() {
                return Some(*at).filter(|at| due.is_none_or(|due| *at <= due));
            }
            let mut come = self.incoming.try_recv().ok();
            let clock = self.clock();
            if come.is_none()
                && let Some(due) = due
            {
                if due <= clock {
                    self.lag.max = self.lag.max.max(clock - due);
                    return None;
                }
                let _ = self.alarm.send(machine() + (due - clock));
            }
            if come.is_none() {
                come = self.incoming.recv().ok();
            }
            if let Some(Told::Alarm) = come {
                continue;
            }
            // Later than all that has taken place, so that a tape repeats it in the same order.
            let at = self.clock().max(now + 1);
            self.held.extend(come.map(|told| (at, told)));
        }
    }

    fn take(&mut self) -> Incoming {
        let (at, told) = self.held.pop_front().unwrap_or((self.clock(), Told::End));
        let incoming = match told {
            Told::Opened(connection, broker, writer) => {
                self.writers.insert(connection, writer);
                Incoming::Opened { connection, broker }
            }
            Told::Frame(connection, frame) => {
                self.shared.read_ahead.give_back(frame.len());
                Incoming::Frame { connection, frame }
            }
            Told::Written(connection) => Incoming::Written { connection },
            Told::Closed(connection, clean) => {
                self.writers.remove(&connection);
                Incoming::Closed { connection, clean }
            }
            // An alarm is not held.
            Told::End | Told::Alarm => {
                let brokers: Vec<BrokerId> = self.ports.keys().copied().collect();
                brokers.into_iter().for_each(|broker| self.listen(broker, false));
                self.writers.clear();
                Incoming::End
            }
        };
        self.tape.0.push((at, incoming.clone()));
        incoming
    }

    fn put(&mut self, what: Outgoing) {
        match what {
            Outgoing::Frame(connection, frame) => {
                if let Some(writer) = self.writers.get(&connection) {
                    writer.untaken.add(frame.len());
                    // A connection that has ended is told in its turn.
                    let _ = writer.answers.send(frame);
                }
            }
            Outgoing::Reset(connection, why) => {
                if let Some(why) = why {
                    (self.complain)(&why);
                }
                self.reset(connection);
            }
            Outgoing::Listens(broker, on) => self.listen(broker, on),
        }
    }
}
