//! Sockets and the clock: simulated time goes as fast as that of the machine, from when the cluster is ready.
//!
//! A thread accepts the connections of a broker, one reads each connection and one writes it; all that comes in goes
//! through one channel to the thread of the world. Memory is bounded: what is read and not taken yet counts against a
//! budget, and nothing more is read from a client that does not take its answers.

use super::connections::Shared;
use super::door::{Outgoing, Source};
use super::inbox::{Told, Writer};
use super::order::{Order, Reply};
use super::tail::Tail;
use super::tape::{Incoming, Tape};
use ackproof_types::BrokerId;
use rustix::net::{Shutdown, shutdown, sockopt};
use rustix::time::{ClockId, clock_gettime};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Tells the world that nobody comes any more.
#[derive(Clone)]
pub struct Stop(Sender<Told>, Option<Arc<Tail>>);

impl Stop {
    /// From here on the cluster is healed, settles and is read, at its own speed.
    pub fn stop(&self) {
        if let Some(tail) = &self.1 {
            tail.finish();
        }
        // Nobody listens once it is over.
        let _ = self.0.send(Told::End);
    }
}

/// Where orders are handed in.
#[derive(Clone)]
pub struct Desk(Sender<Told>);

impl Desk {
    /// Hands in an order; the reply comes when it is carried out, or never, if the run is over.
    #[must_use]
    pub fn ask(&self, order: Order) -> Receiver<Reply> {
        let (reply, replies) = channel();
        // Nobody listens once it is over, and the receiver says so.
        let _ = self.0.send(Told::Order(order, Some(reply)));
        replies
    }

    /// What has come in so far; none: the run is over.
    #[must_use]
    pub fn tape(&self) -> Option<Tape> {
        let (reply, tape) = channel();
        self.0.send(Told::Tape(reply)).ok()?;
        tape.recv().ok()
    }
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
    /// Who waits for what became of an order, and how many there were.
    replies: BTreeMap<u32, Sender<Reply>>,
    orders: u32,
    tape: Tape,
    lag: Lag,
    on_ready: Option<Box<dyn FnOnce() + Send>>,
    complain: Box<dyn FnMut(&str) + Send>,
}

impl Live {
    /// Takes a port for each broker, on `host`: the next ones from `first`, or any. `ready`: when the clock takes over.
    /// In `processed` the
    /// application says what it has processed. `on_ready` is called then; `complain` with what was wrong with a client.
    ///
    /// # Errors
    /// The port that cannot be had.
    pub fn new(
        brokers: impl Iterator<Item = BrokerId>,
        (host, first): (&str, Option<u16>),
        ready: u64,
        processed: Option<File>,
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
        let alarm = alarm(told.clone()).map_err(|error| error.to_string())?;
        let tail = processed.map(|file| Arc::new(Tail::new(file, told.clone())));
        if let Some(tail) = &tail {
            Tail::follow(tail).map_err(|error| error.to_string())?;
        }
        let shared = Shared::new(told, tail);
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
            replies: BTreeMap::new(),
            orders: 0,
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
        Stop(self.shared.told.clone(), self.shared.tail.clone())
    }

    /// Where orders are handed in.
    #[must_use]
    pub fn desk(&self) -> Desk {
        Desk(self.shared.told.clone())
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
            match come {
                Some(Told::Alarm) => continue,
                Some(Told::Tape(reply)) => {
                    // Who has gone meanwhile does not hear of it.
                    let _ = reply.send(self.tape.clone());
                    continue;
                }
                _ => {}
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
            Told::Order(order, reply) => {
                self.orders += 1;
                if let Some(reply) = reply {
                    self.replies.insert(self.orders, reply);
                }
                Incoming::Order { number: self.orders, order }
            }
            // The others are not held.
            Told::End | Told::Alarm | Told::Tape(_) => {
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
            Outgoing::Reply(number, reply) => {
                match self.replies.remove(&number) {
                    // Who has lost patience does not hear of it.
                    Some(waits) => _ = waits.send(reply),
                    None if reply.status >= 400 => (self.complain)(&reply.words()),
                    None => {}
                }
            }
        }
    }
}
