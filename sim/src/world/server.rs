//! The server in front of a broker, where a request takes time; only with `cluster.capacity`.
//!
//! A network thread reads a request, a bounded queue holds it, a request handler works on it, and only then
//! does the machine take its step. What the step sends leaves once what it wrote is on the disk, for which the
//! handler waits; a network thread sends an answer, and reads from the disk what is not in memory. A request
//! that waits in the machine (for replicas, for data) holds no thread. Kafka: `SocketServer.Processor`,
//! `RequestChannel`, `KafkaRequestHandlerPool`. It knows no rule of the broker and no other process.

mod disk;
#[cfg(test)]
mod tests;

use super::events::{Due, Events};
use ackproof_kafka::broker::BrokerWrite;
use ackproof_kafka::machine::{ConnectionId, Peer, Route};
use ackproof_kafka::message::{Message, Response};
use ackproof_oracle::history::Event;
use ackproof_scenario::capacity::Capacity;
use ackproof_types::{Micros, NodeId};
use disk::{Disk, took};
use std::collections::VecDeque;

/// How many threads there are, and what they can do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) capacity: Capacity,
    /// `num.network.threads`.
    pub(crate) network_threads: usize,
    /// `num.io.threads`.
    pub(crate) handlers: usize,
    /// `queued.max.requests`.
    pub(crate) queued_max: usize,
}

/// A request that has come.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) from: NodeId,
    pub(crate) peer: Peer,
    pub(crate) message: Message,
    /// When.
    pub(crate) at: u64,
}

/// Something that the machine sent and that waits for the disk.
#[derive(Debug)]
pub(crate) enum Held {
    Answer(ConnectionId, Message),
    Request(Route, Message),
}

/// What a thread does.
#[derive(Debug)]
enum Job {
    /// A network thread reads a request.
    Read(Arrived),
    /// A request handler works on it.
    Handle(Arrived),
    /// A request handler waits for the disk.
    Flush,
    /// A network thread sends an answer.
    Write(ConnectionId, Message),
    /// Nobody works: what was sent waits for the disk.
    Hold(Held),
}

/// What is to be done when a thread has come to its end.
#[derive(Debug)]
pub(crate) enum Done {
    Nothing,
    /// The machine takes its step; then [`Server::handled`].
    Handle(Arrived),
    /// The answer is on its way, and the connection free for the next request.
    Answer(ConnectionId, Message),
    /// The request is on its way.
    Request(Route, Message),
}

/// Longest waits and time at work since the last account.
#[derive(Debug, Default)]
struct Account {
    since: u64,
    longest_queue: u64,
    handlers: u64,
}

/// The server of one broker.
#[derive(Debug)]
pub(crate) struct Server {
    node: NodeId,
    limits: Limits,
    /// By number, with when it began.
    running: Vec<(u64, u64, Job)>,
    next: u64,
    idle_network: usize,
    /// What network threads have to do.
    network: VecDeque<Job>,
    /// Network threads that stand before a full queue.
    blocked: VecDeque<Arrived>,
    queue: VecDeque<Arrived>,
    idle_handlers: usize,
    disk: Disk,
    /// Until when the disk has all that the step under way wrote.
    written: u64,
    account: Account,
}

impl Server {
    pub(crate) fn new(node: NodeId, limits: Limits) -> Self {
        Self {
            node,
            limits,
            running: Vec::new(),
            next: 0,
            idle_network: limits.network_threads,
            network: VecDeque::new(),
            blocked: VecDeque::new(),
            queue: VecDeque::new(),
            idle_handlers: limits.handlers,
            disk: Disk::new(limits.capacity),
            written: 0,
            account: Account::default(),
        }
    }

    /// Whose it is.
    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    /// The process is no more, and with it every request. What was written stays in the page cache.
    pub(crate) fn clear(&mut self) {
        let Limits { network_threads, handlers, .. } = self.limits;
        self.running.clear();
        self.network.clear();
        self.blocked.clear();
        self.queue.clear();
        (self.idle_network, self.idle_handlers) = (network_threads, handlers);
    }

    /// From now on nothing takes time: what is asked is no part of what the scenario measures.
    pub(crate) fn lift(&mut self) {
        self.limits.capacity = Capacity::default();
        self.disk.lift();
    }

    /// A request has come on a connection that waits for no other.
    pub(crate) fn arrived(&mut self, request: Arrived, events: &mut Events) {
        self.network.push_back(Job::Read(request));
        self.feed_network(events);
    }

    /// A step of the machine begins.
    pub(crate) fn begin(&mut self) {
        self.written = 0;
    }

    /// The step under way changes the disk.
    pub(crate) fn wrote(&mut self, now: u64, write: &BrokerWrite) {
        self.written = self.written.max(self.disk.write(now, write));
    }

    /// The handler that gave a request to the machine is free once all that was written for it is on the disk.
    pub(crate) fn handled(&mut self, events: &mut Events) {
        if self.idle_handlers == self.limits.handlers {
            // The process ended in this step.
        } else if self.written > events.now() {
            self.start(Job::Flush, self.written, events);
        } else {
            self.idle_handlers += 1;
            self.feed_handlers(events);
        }
    }

    /// The machine answers, or asks another server: now, or when the disk has what it wrote before.
    pub(crate) fn send(&mut self, what: Held, events: &mut Events) -> Done {
        if self.written > events.now() {
            self.start(Job::Hold(what), self.written, events);
            return Done::Nothing;
        }
        self.pass(what, events)
    }

    /// The machine gives up what it asked on `route`: what has not left never will.
    pub(crate) fn close(&mut self, route: Route) {
        let held = |job: &Job| matches!(job, Job::Hold(Held::Request(other, _)) if *other == route);
        self.running.retain(|(.., job)| !held(job));
    }

    fn pass(&mut self, what: Held, events: &mut Events) -> Done {
        match what {
            Held::Request(route, message) => Done::Request(route, message),
            // Nobody sends that: the connection is free at once.
            Held::Answer(id, message) if message.wire_bytes() == 0 => Done::Answer(id, message),
            Held::Answer(id, message) => {
                self.network.push_back(Job::Write(id, message));
                self.feed_network(events);
                Done::Nothing
            }
        }
    }

    /// What a thread does has come to its end, unless the process ended before.
    pub(crate) fn finish(&mut self, number: u64, events: &mut Events) -> Done {
        let Some(place) = self.running.iter().position(|(other, ..)| *other == number) else {
            return Done::Nothing;
        };
        let (_, began, job) = self.running.swap_remove(place);
        let worked = events.now() - began;
        match job {
            Job::Read(request) if self.queue.len() < self.limits.queued_max => {
                self.queue.push_back(request);
                self.idle_network += 1;
                self.feed_handlers(events);
                self.feed_network(events);
                Done::Nothing
            }
            Job::Read(request) => {
                self.blocked.push_back(request);
                Done::Nothing
            }
            Job::Handle(request) => {
                self.account.handlers += worked;
                Done::Handle(request)
            }
            Job::Flush => {
                self.account.handlers += worked;
                self.idle_handlers += 1;
                self.feed_handlers(events);
                Done::Nothing
            }
            Job::Write(id, message) => {
                self.idle_network += 1;
                self.feed_network(events);
                Done::Answer(id, message)
            }
            Job::Hold(what) => self.pass(what, events),
        }
    }

    fn start(&mut self, job: Job, until: u64, events: &mut Events) {
        self.next += 1;
        self.running.push((self.next, events.now(), job));
        events.push(until, Due::Served(self.node, self.next));
    }

    fn feed_network(&mut self, events: &mut Events) {
        while self.idle_network > 0
            && let Some(job) = self.network.pop_front()
        {
            self.idle_network -= 1;
            let now = events.now();
            let bytes =
                |message: &Message| took(message.wire_bytes(), self.limits.capacity.network);
            let until = match &job {
                Job::Read(request) => now + bytes(&request.message),
                Job::Write(_, message) => {
                    let bytes = bytes(message);
                    self.read(now, message) + bytes
                }
                Job::Handle(_) | Job::Flush | Job::Hold(_) => now,
            };
            self.start(job, until, events);
        }
    }

    /// When what an answer has of old data has come from the disk.
    fn read(&mut self, now: u64, message: &Message) -> u64 {
        match message {
            Message::Response(_, Response::Fetch(partitions)) => self.disk.read(now, partitions),
            Message::Throttled(_, answer) => self.read(now, answer),
            Message::Response(..) | Message::Request(..) | Message::NoResponse(_) => now,
        }
    }

    fn feed_handlers(&mut self, events: &mut Events) {
        while self.idle_handlers > 0
            && let Some(request) = self.queue.pop_front()
        {
            self.idle_handlers -= 1;
            let now = events.now();
            self.account.longest_queue = self.account.longest_queue.max(now - request.at);
            let Capacity { request: each, handler, .. } = self.limits.capacity;
            let takes =
                each.unwrap_or(Micros::ZERO).0 + took(request.message.wire_bytes(), handler);
            self.start(Job::Handle(request), now + takes, events);
            if let Some(request) = self.blocked.pop_front() {
                self.queue.push_back(request);
                self.idle_network += 1;
                self.feed_network(events);
            }
        }
    }

    /// How busy it has been since the last account.
    pub(crate) fn account(&mut self, now: u64) -> Event {
        let Account { since, longest_queue, handlers } = std::mem::take(&mut self.account);
        self.account.since = now;
        let (disk_queue_us, disk) = self.disk.account();
        let passed = now - since;
        let threads = u64::try_from(self.limits.handlers).unwrap_or(u64::MAX);
        let share = |part: u64, whole: u64| {
            let millionths = part.saturating_mul(1_000_000) / whole.max(1);
            u32::try_from(millionths.min(1_000_000)).unwrap_or(1_000_000)
        };
        Event::BrokerLoad {
            queue_us: longest_queue,
            handlers_ppm: share(handlers, passed.saturating_mul(threads)),
            disk_queue_us,
            disk_ppm: share(disk, passed),
        }
    }
}
