//! One process of the cluster with its timers, and what a step of it wants done.

use ackproof_kafka::driver::{After, Process, Surroundings};
use ackproof_kafka::machine::{InputOf, Machine, Route, To};
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::Observation;
use ackproof_types::{BrokerId, Delay, NodeId, Server, Timestamp};
use std::collections::BTreeMap;

pub(crate) const CONTROLLER: NodeId = NodeId(0);

/// A process with its timers.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Running<M: Machine> {
    pub(crate) process: Process<M>,
    timers: BTreeMap<M::Timer, u64>,
}

impl<M: Machine> Running<M> {
    pub(crate) fn new(config: M::Config) -> Self {
        Self { process: Process::new(config), timers: BTreeMap::new() }
    }

    pub(crate) fn next_timer(&self) -> Option<u64> {
        self.timers.values().min().copied()
    }

    pub(crate) fn due(&mut self, at: u64) -> Option<M::Timer> {
        let (timer, _) = self.timers.iter().find(|(_, due)| **due == at)?;
        let timer = *timer;
        self.timers.remove(&timer);
        Some(timer)
    }

    pub(crate) fn boot(&mut self, node: NodeId, now: u64) -> Vec<Outside> {
        let mut around = Around { node, now, timers: &mut self.timers, outside: Vec::new() };
        let after = self.process.boot(Timestamp::from_micros(now), &mut around);
        around.finish(after)
    }

    pub(crate) fn step(&mut self, node: NodeId, now: u64, input: InputOf<M>) -> Vec<Outside> {
        let mut around = Around { node, now, timers: &mut self.timers, outside: Vec::new() };
        let after = self.process.step(Timestamp::from_micros(now), input, &mut around);
        let outside = around.finish(after);
        self.process.check();
        outside
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
        self.timers.clear();
    }
}

/// What one step wants done outside its process.
pub(crate) enum Outside {
    Send(NodeId, To, Message),
    Close(NodeId, To),
    Observed(NodeId, Observation),
    Exit(NodeId),
}

/// The process of a server.
pub(crate) fn node_of(route: Route) -> NodeId {
    match route.to {
        Server::Controller(_) => CONTROLLER,
        Server::Broker(BrokerId(id)) => NodeId(id),
    }
}

struct Around<'a, T> {
    node: NodeId,
    now: u64,
    timers: &'a mut BTreeMap<T, u64>,
    outside: Vec<Outside>,
}

impl<T> Around<'_, T> {
    fn finish(mut self, after: After) -> Vec<Outside> {
        if after == After::Exited {
            self.outside.push(Outside::Exit(self.node));
        }
        self.outside
    }
}

impl<M: Machine> Surroundings<M> for Around<'_, M::Timer> {
    fn send(&mut self, to: To, message: Message) {
        self.outside.push(Outside::Send(self.node, to, message));
    }
    // Only a producer without acks asks, and none runs here.
    fn await_send(&mut self, _route: Route) {}
    fn close(&mut self, to: To) {
        self.outside.push(Outside::Close(self.node, to));
    }
    fn arm(&mut self, timer: M::Timer, delay: Delay) {
        self.timers.insert(timer, self.now + delay.min.0.midpoint(delay.max.0));
    }
    fn disarm(&mut self, timer: M::Timer) {
        self.timers.remove(&timer);
    }
    fn observe(&mut self, observation: Observation) {
        self.outside.push(Outside::Observed(self.node, observation));
    }
}
