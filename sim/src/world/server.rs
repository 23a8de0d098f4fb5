//! The server in front of a broker, where a request takes time; only with `cluster.capacity`.
//!
//! A network thread reads a request, a bounded queue holds it, a request handler works on it, and only then
//! does the machine take its step. What the step sends leaves once what it wrote is on the disk, for which the
//! handler waits; a network thread sends an answer, and reads from the disk what is not in memory. A request
//! that waits in the machine (for replicas, for data) holds no thread. Kafka: `SocketServer.Processor`,
//! `RequestChannel`, `KafkaRequestHandlerPool`. A thread works where a core is free; one that waits for the disk
//! needs none. It knows no rule of the broker and no other process.

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

/// Cores of a machine; without a figure more than there can be threads.
fn cores(capacity: Capacity) -> usize {
    capacity.cores.map_or(usize::MAX / 2, usize::from)
}

/// Longest waits and time at work since the last account.
#[derive(Debug, Default)]
struct Account {
    since: u64,
    longest_queue: u64,
    handlers: u64,
}

/// What a thread does, since when.
#[derive(Debug)]
struct Running {
    number: u64,
    began: u64,
    on_core: bool,
    job: Job,
}

/// The server of one broker.
#[derive(Debug)]
pub(crate) struct Server {
    node: NodeId,
    limits: Limits,
    running: Vec<Running>,
    next: u64,
    idle_cores: usize,
    idle_network: usize,
    /// What network threads have to do, and the turn of each.
    network: VecDeque<(u64, Job)>,
    /// Network threads that stand before a full queue.
    blocked: VecDeque<Arrived>,
    /// What request handlers have to do, and the turn of each.
    queue: VecDeque<(u64, Arrived)>,
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
            idle_cores: cores(limits.capacity),
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
        let Limits { capacity, network_threads, handlers, .. } = self.limits;
        self.idle_cores = cores(capacity);
        self.running.clear();
        self.network.clear();
        self.blocked.clear();
        self.queue.clear();
        (self.idle_network, self.idle_handlers) = (network_threads, handlers);
    }

    /// From now on nothing takes time: what is asked is no part of what the scenario measures.
    pub(crate) fn lift(&mut self) {
        self.limits.capacity = Capacity::default();
        self.idle_cores = cores(self.limits.capacity);
        self.disk.lift();
    }

    /// A request has come on a connection that waits for no other.
    pub(crate) fn arrived(&mut self, request: Arrived, events: &mut Events) {
        self.await_network(Job::Read(request), events);
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
            self.start(Job::Flush, false, self.written, events);
        } else {
            self.idle_handlers += 1;
            self.feed(events);
        }
    }

    /// The machine answers, or asks another server: now, or when the disk has what it wrote before.
    pub(crate) fn send(&mut self, what: Held, events: &mut Events) -> Done {
        if self.written > events.now() {
            self.start(Job::Hold(what), false, self.written, events);
            return Done::Nothing;
        }
        self.pass(what, events)
    }

    /// The machine gives up what it asked on `route`: what has not left never will.
    pub(crate) fn close(&mut self, route: Route) {
        let held = |job: &Job| matches!(job, Job::Hold(Held::Request(other, _)) if *other == route);
        self.running.retain(|running| !held(&running.job));
    }

    fn pass(&mut self, what: Held, events: &mut Events) -> Done {
        match what {
            Held::Request(route, message) => Done::Request(route, message),
            // Nobody sends that: the connection is free at once.
            Held::Answer(id, message) if message.wire_bytes() == 0 => Done::Answer(id, message),
            Held::Answer(id, message) => {
                self.await_network(Job::Write(id, message), events);
                Done::Nothing
            }
        }
    }

    /// What a thread does has come to its end, unless the process ended before.
    pub(crate) fn finish(&mut self, number: u64, events: &mut Events) -> Done {
        let Some(place) = self.running.iter().position(|running| running.number == number) else {
            return Done::Nothing;
        };
        let Running { began, on_core, job, .. } = self.running.swap_remove(place);
        self.idle_cores += usize::from(on_core);
        let worked = events.now() - began;
        let done = match job {
            Job::Read(request) if self.queue.len() < self.limits.queued_max => {
                let turn = self.turn();
                self.queue.push_back((turn, request));
                self.idle_network += 1;
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
                Done::Nothing
            }
            Job::Write(id, message) => {
                self.idle_network += 1;
                Done::Answer(id, message)
            }
            Job::Hold(what) => self.pass(what, events),
        };
        self.feed(events);
        done
    }

    /// The next number: of what begins, and of who is next where a core is free.
    fn turn(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn start(&mut self, job: Job, on_core: bool, until: u64, events: &mut Events) {
        let number = self.turn();
        self.idle_cores -= usize::from(on_core);
        self.running.push(Running { number, began: events.now(), on_core, job });
        events.push(until, Due::Served(self.node, number));
    }

    fn await_network(&mut self, job: Job, events: &mut Events) {
        let turn = self.turn();
        self.network.push_back((turn, job));
        self.feed(events);
    }

    /// Threads that have something to do begin with it, in the order in which it came, while cores are free.
    fn feed(&mut self, events: &mut Events) {
        while self.idle_cores > 0 {
            let network = self.network.front().filter(|_| self.idle_network > 0);
            let handler = self.queue.front().filter(|_| self.idle_handlers > 0);
            match (network.map(|(turn, _)| turn), handler.map(|(turn, _)| turn)) {
                (None, None) => break,
                (Some(network), Some(handler)) if handler < network => self.feed_handler(events),
                (Some(_), _) => self.feed_network(events),
                (None, Some(_)) => self.feed_handler(events),
            }
        }
    }

    fn feed_network(&mut self, events: &mut Events) {
        let Some((_, job)) = self.network.pop_front() else { return };
        self.idle_network -= 1;
        let now = events.now();
        let Capacity { network, network_request, .. } = self.limits.capacity;
        let each = network_request.unwrap_or(Micros::ZERO).0;
        // The request and its answer share what is the same for every request.
        let (ready, takes) = match &job {
            Job::Read(request) => (now, each / 2 + took(request.message.wire_bytes(), network)),
            Job::Write(_, message) => {
                let takes = each.div_ceil(2) + took(message.wire_bytes(), network);
                (self.read(now, message), takes)
            }
            Job::Handle(_) | Job::Flush | Job::Hold(_) => (now, 0),
        };
        self.start(job, ready == now, ready + takes, events);
    }

    /// When what an answer has of old data has come from the disk.
    fn read(&mut self, now: u64, message: &Message) -> u64 {
        match message {
            Message::Response(_, Response::Fetch(partitions)) => self.disk.read(now, partitions),
            Message::Throttled(_, answer) => self.read(now, answer),
            Message::Response(..) | Message::Request(..) | Message::NoResponse(_) => now,
        }
    }

    fn feed_handler(&mut self, events: &mut Events) {
        let Some((_, request)) = self.queue.pop_front() else { return };
        self.idle_handlers -= 1;
        let now = events.now();
        self.account.longest_queue = self.account.longest_queue.max(now - request.at);
        let Capacity { request: each, handler, .. } = self.limits.capacity;
        let takes = each.unwrap_or(Micros::ZERO).0 + took(request.message.wire_bytes(), handler);
        self.start(Job::Handle(request), true, now + takes, events);
        if let Some(request) = self.blocked.pop_front() {
            let turn = self.turn();
            self.queue.push_back((turn, request));
            self.idle_network += 1;
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
