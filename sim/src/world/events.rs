//! The one heap of a run: everything that is due, in the total order of (time, number of request).
//!
//! Entries are small and copied; what they are about lies with its owner. Moves madsim's clock along, so
//! that whoever asks the runtime for the time gets simulated time. Knows no process and no message.

use super::timers::Entry;
use ackproof_kafka::machine::ConnectionId;
use ackproof_oracle::history::Phase;
use ackproof_types::{NodeId, Offset, TopicPartition};
use madsim::time::TimeHandle;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Which way along a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Toward {
    /// To the process that accepted it.
    Acceptor,
    /// To the process that opened it.
    Opener,
}

/// What whoever runs the world wants to do at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Agenda {
    /// A producer's next record is due.
    Record(NodeId),
    /// What a fault waits for has happened.
    Anchor(u32),
    /// From now on a fault waits for its moment.
    Aim(u32),
    /// A fault whose moment has not come waits no longer.
    GiveUp(u32),
    /// A fault starts.
    Fault(u32),
    /// A fault ends.
    FaultEnd(u32),
    /// A look at what a fault waits for.
    FaultLook(u32),
    /// An autoscaler looks at the lag of its group.
    Scale(u16),
    /// A process starts.
    Boot(NodeId),
    /// A process that was started again is ready.
    Ready(NodeId),
    /// A phase starts.
    Phase(Phase),
    /// A process has ended by itself.
    Exited(NodeId),
    /// From now on chance takes another course.
    Fork,
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The next packet in flight on one way of a connection arrives.
    Arrival(ConnectionId, Toward),
    /// The first packet of a narrow link's queue has passed.
    Departure(NodeId, NodeId),
    /// One way of a connection sends again what has not passed.
    Retransmit(ConnectionId, Toward),
    /// The acceptor reads the next request that waits on a connection.
    Backlog(ConnectionId),
    /// The opener's socket has taken all that was sent on a connection.
    SendCompleted(ConnectionId),
    /// A connection that was opened must have been accepted by now.
    SetupDeadline(ConnectionId),
    /// The sockets of a process that was killed are gone.
    Dead(NodeId),
    /// A thread of a broker's server has come to the end of what it does.
    Served(NodeId, u64),
    /// An entry of a process's timers.
    Timer(NodeId, Entry),
    /// The application of a member has read in its sink where to begin in a partition.
    Begin(NodeId, TopicPartition, Offset),
    /// An item of the agenda.
    Agenda(Agenda),
}

/// Something due with its place in the order: time above, number of request below, so that one comparison
/// tells which of two is earlier.
#[derive(Clone, Copy)]
struct Item {
    place: u128,
    due: Due,
}

impl Item {
    fn at(&self) -> u64 {
        u64::try_from(self.place >> 64).unwrap_or(u64::MAX)
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Item {}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Item {
    /// The earlier one is the greater one, as the heap hands the greatest out first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.place.cmp(&self.place)
    }
}

/// What is due, by time, then in the order of requests.
pub(crate) struct Events {
    clock: TimeHandle,
    now: u64,
    requests: u64,
    heap: BinaryHeap<Item>,
    /// What was put at the present instant, in order. What the heap has of this instant was put there before.
    at_once: VecDeque<Due>,
}

impl Events {
    /// Nothing is due; time 0 is now. Needs a madsim runtime around it.
    pub(crate) fn new() -> Self {
        Self {
            clock: TimeHandle::current(),
            now: 0,
            requests: 0,
            heap: BinaryHeap::new(),
            at_once: VecDeque::new(),
        }
    }

    /// Microseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Puts `due` at `at`, or now if that has passed.
    pub(crate) fn push(&mut self, at: u64, due: Due) {
        if at <= self.now {
            return self.at_once.push_back(due);
        }
        self.requests += 1;
        let place = u128::from(at) << 64 | u128::from(self.requests);
        self.heap.push(Item { place, due });
    }

    /// When the next thing is due.
    pub(crate) fn next_at(&self) -> Option<u64> {
        if self.at_once.is_empty() { self.heap.peek().map(Item::at) } else { Some(self.now) }
    }

    /// Moves the clock to `at`, before which nothing is due.
    pub(crate) fn advance(&mut self, at: u64) {
        if at > self.now {
            self.clock.advance(Duration::from_micros(at - self.now));
            self.now = at;
        }
    }

    /// The next thing due, and moves the clock to it.
    pub(crate) fn pop(&mut self) -> Option<Due> {
        let is_of_now = |item: &Item| item.at() <= self.now;
        if !self.at_once.is_empty() && !self.heap.peek().is_some_and(is_of_now) {
            return self.at_once.pop_front();
        }
        let item = self.heap.pop()?;
        let (at, due) = (item.at(), item.due);
        self.advance(at);
        Some(due)
    }
}
