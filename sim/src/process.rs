//! One process: a machine with its disk and timers, behind an interface that does not name its type.
//!
//! The world asks; the process answers with erased effects. A process crash drops the machine and
//! keeps the disk.

use ackproof_kafka::broker::{Broker, BrokerCall};
use ackproof_kafka::consumer::{Consumer, ConsumerCall};
use ackproof_kafka::controller::Controller;
use ackproof_kafka::machine::{Disk, Effect, Input, Machine, Outbox, Peer, Route, To};
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::Observation;
use ackproof_kafka::producer::{Producer, ProducerCall};
use ackproof_kafka::reader::Reader;
use ackproof_types::{Delay, Record, Timestamp};
use std::collections::BTreeMap;

/// An effect the world carries out; writes and timers' names stay in the process.
#[derive(Debug)]
pub(crate) enum Consequence {
    /// Hand a message to a connection.
    Send(To, Message),
    /// End a connection.
    Close(To),
    /// Wake the process with this token after a length drawn from the range.
    Wake(u64, Delay),
    /// Put a fact on record.
    Observe(Observation),
    /// The process has ended by itself.
    Exit,
}

/// What surroundings ask of a process.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// A producer's application sends.
    Send(Record),
    /// Stop in good order.
    Stop,
    /// The application stops or resumes polling.
    Stall(bool),
}

/// What a process is told.
#[derive(Debug)]
pub(crate) enum Stimulus {
    /// A message.
    Deliver(Peer, Message),
    /// A connection it opened ended.
    Disconnected(Route),
    /// A token it asked to be woken with.
    Wake(u64),
    /// A call.
    Call(Call),
}

/// A process whose machine's type is hidden.
pub(crate) trait Process {
    /// Starts a machine on the disk.
    fn boot(&mut self, now: Timestamp, into: &mut Vec<Consequence>);
    /// One step.
    fn step(&mut self, now: Timestamp, stimulus: Stimulus, into: &mut Vec<Consequence>);
    /// Drops the machine and its timers.
    fn kill(&mut self);
    /// Whether a machine runs.
    fn is_up(&self) -> bool;
    /// The next record number its application wants to send, for a producer.
    fn next_record(&self) -> u32;
}

/// Turns the world's calls into a machine's.
pub(crate) trait Callable: Machine {
    /// None: this machine cannot be asked that.
    fn call(call: Call) -> Option<Self::Call>;
    /// Where a producer's source stands.
    fn next_record(_disk: &Self::Disk) -> u32 {
        0
    }
}

impl Callable for Controller {
    fn call(_call: Call) -> Option<Self::Call> {
        None
    }
}

impl Callable for Reader {
    fn call(_call: Call) -> Option<Self::Call> {
        None
    }
}

impl Callable for Broker {
    fn call(call: Call) -> Option<BrokerCall> {
        match call {
            Call::Stop => Some(BrokerCall::Shutdown),
            Call::Send(_) | Call::Stall(_) => None,
        }
    }
}

impl Callable for Producer {
    fn call(call: Call) -> Option<ProducerCall> {
        match call {
            Call::Send(record) => Some(ProducerCall::Send(record)),
            Call::Stop | Call::Stall(_) => None,
        }
    }
    fn next_record(disk: &Self::Disk) -> u32 {
        disk.next()
    }
}

impl Callable for Consumer {
    fn call(call: Call) -> Option<ConsumerCall> {
        match call {
            Call::Stop => Some(ConsumerCall::Leave),
            Call::Stall(stalled) => Some(ConsumerCall::Stall(stalled)),
            Call::Send(_) => None,
        }
    }
}

/// A machine with what belongs to its process.
pub(crate) struct Running<M: Machine> {
    config: M::Config,
    disk: M::Disk,
    machine: Option<M>,
    outbox: Outbox<M>,
    tokens: BTreeMap<M::Timer, u64>,
    timers: BTreeMap<u64, M::Timer>,
    next_token: u64,
}

impl<M: Machine> Running<M> {
    /// A process that has not started, with an empty disk.
    pub(crate) fn new(config: M::Config) -> Self {
        Self {
            config,
            disk: M::Disk::default(),
            machine: None,
            outbox: Outbox::default(),
            tokens: BTreeMap::new(),
            timers: BTreeMap::new(),
            next_token: 0,
        }
    }

    fn carry_out(&mut self, into: &mut Vec<Consequence>) {
        let Self { disk, outbox, tokens, timers, next_token, .. } = self;
        for effect in outbox.drain() {
            match effect {
                Effect::Send { to, message } => into.push(Consequence::Send(to, message)),
                Effect::Close(to) => into.push(Consequence::Close(to)),
                Effect::Arm { timer, delay } => {
                    *next_token += 1;
                    if let Some(old) = tokens.insert(timer, *next_token) {
                        timers.remove(&old);
                    }
                    timers.insert(*next_token, timer);
                    into.push(Consequence::Wake(*next_token, delay));
                }
                Effect::Disarm(timer) => {
                    if let Some(old) = tokens.remove(&timer) {
                        timers.remove(&old);
                    }
                }
                Effect::Write(write) => disk.apply(write),
                // The page cache is all there is without power loss, so nothing waits for a flush.
                Effect::Flush(_) => {}
                Effect::Observe(observation) => into.push(Consequence::Observe(observation)),
                Effect::Exit => into.push(Consequence::Exit),
            }
        }
    }
}

impl<M: Callable> Process for Running<M> {
    fn boot(&mut self, now: Timestamp, into: &mut Vec<Consequence>) {
        self.kill();
        self.machine = Some(M::boot(&self.config, &self.disk, now, &mut self.outbox));
        self.carry_out(into);
    }

    fn step(&mut self, now: Timestamp, stimulus: Stimulus, into: &mut Vec<Consequence>) {
        let Some(machine) = &mut self.machine else { return };
        let input = match stimulus {
            Stimulus::Deliver(from, message) => Input::Deliver { from, message },
            Stimulus::Disconnected(route) => Input::Disconnected(route),
            Stimulus::Wake(token) => {
                let Some(timer) = self.timers.remove(&token) else { return };
                self.tokens.remove(&timer);
                Input::Fire(timer)
            }
            Stimulus::Call(call) => {
                let Some(call) = M::call(call) else { return };
                Input::Call(call)
            }
        };
        machine.step(now, input, &mut self.outbox);
        self.carry_out(into);
    }

    fn kill(&mut self) {
        self.machine = None;
        self.tokens.clear();
        self.timers.clear();
        drop(self.outbox.drain());
    }

    fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    fn next_record(&self) -> u32 {
        M::next_record(&self.disk)
    }
}
