//! One process: a machine with its disk and timers, behind an interface that does not name its type.
//!
//! The world tells; the process carries out its machine's effects on the kernel it is handed. A process
//! crash drops the machine and keeps the disk.

use super::events::Due;
use super::kernel::Kernel;
use super::timers::{Entry, Outcome, Timers};
use ackproof_kafka::broker::{Broker, BrokerCall};
use ackproof_kafka::consumer::{Consumer, ConsumerCall, Timer as ConsumerTimer};
use ackproof_kafka::controller::Controller;
use ackproof_kafka::machine::{Disk, Effect, Input, Machine, Outbox, Peer, Route, To};
use ackproof_kafka::message::Message;
use ackproof_kafka::producer::{Producer, ProducerCall};
use ackproof_kafka::reader::Reader;
use ackproof_scenario::schedule::draw;
use ackproof_types::{NodeId, Record, Timestamp};
use rand_chacha::ChaCha8Rng;

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
    /// A timer of its came up.
    Timer(Entry),
    /// A call.
    Call(Call),
}

/// Whether a process goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum After {
    /// It goes on.
    Runs,
    /// It ended by itself.
    Exited,
}

/// A process whose machine's type is hidden.
pub(crate) trait Process {
    /// Starts a machine on the disk.
    fn boot(&mut self, kernel: &mut Kernel) -> After;
    /// One step. Nothing happens if no machine runs.
    fn step(&mut self, stimulus: Stimulus, kernel: &mut Kernel) -> After;
    /// Drops the machine and its timers.
    fn kill(&mut self);
    /// Whether a machine runs.
    fn is_up(&self) -> bool;
    /// Whether this timer has run out by `now`, and a thread of its own watches it.
    fn is_watched(&self, entry: Entry, now: u64) -> bool;
    /// The next record number its application wants to send, for a producer.
    fn next_record(&self) -> u32;
}

/// Turns the world's calls into a machine's.
pub(crate) trait Callable: Machine {
    /// None: this machine cannot be asked that.
    fn call(call: Call) -> Option<Self::Call>;
    /// Whether another thread than the one that takes messages acts on `timer`: of a process that was frozen,
    /// either may go on first.
    fn is_watched(_timer: Self::Timer) -> bool {
        false
    }
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
    /// Kafka: `AbstractCoordinator.HeartbeatThread`. Its session it takes up again with the answers that came.
    fn is_watched(timer: ConsumerTimer) -> bool {
        timer == ConsumerTimer::MaxPoll
    }
}

/// A machine with what belongs to its process.
pub(crate) struct Running<M: Machine> {
    node: NodeId,
    config: M::Config,
    disk: M::Disk,
    machine: Option<M>,
    outbox: Outbox<M>,
    timers: Timers<M::Timer>,
    rng: ChaCha8Rng,
}

impl<M: Machine> Running<M> {
    /// A process that has not started, with an empty disk.
    pub(crate) fn new(node: NodeId, config: M::Config, rng: ChaCha8Rng) -> Self {
        Self {
            node,
            config,
            disk: M::Disk::default(),
            machine: None,
            outbox: Outbox::default(),
            timers: Timers::new(),
            rng,
        }
    }

    fn carry_out(&mut self, kernel: &mut Kernel) -> After {
        let node = self.node;
        let mut after = After::Runs;
        for effect in self.outbox.drain() {
            match effect {
                Effect::Send { to: To::Route(route), message } => {
                    kernel.request(node, route, message);
                }
                Effect::Send { to: To::Connection(id), message } => kernel.answer(id, message),
                Effect::Close(To::Route(route)) => kernel.close(node, route),
                Effect::Close(To::Connection(id)) => kernel.end(id),
                Effect::Arm { timer, delay } => {
                    let deadline = kernel.events.now() + draw(&mut self.rng, delay).0;
                    if let Some(entry) = self.timers.arm(timer, deadline) {
                        kernel.events.push(deadline, Due::Timer(node, entry));
                    }
                }
                Effect::Disarm(timer) => self.timers.disarm(timer),
                Effect::Write(write) => self.disk.apply(write),
                // The page cache is all there is without power loss, so nothing waits for a flush.
                Effect::Flush(_) => {}
                Effect::Observe(observation) => kernel.observe(node, observation),
                Effect::Exit => after = After::Exited,
            }
        }
        after
    }
}

impl<M: Callable> Process for Running<M> {
    fn boot(&mut self, kernel: &mut Kernel) -> After {
        self.kill();
        let now = Timestamp::from_micros(kernel.events.now());
        self.machine = Some(M::boot(&self.config, &self.disk, now, &mut self.outbox));
        self.carry_out(kernel)
    }

    fn step(&mut self, stimulus: Stimulus, kernel: &mut Kernel) -> After {
        let now = kernel.events.now();
        let Some(machine) = &mut self.machine else { return After::Runs };
        let input = match stimulus {
            Stimulus::Deliver(from, message) => Input::Deliver { from, message },
            Stimulus::Disconnected(route) => Input::Disconnected(route),
            Stimulus::Timer(entry) => match self.timers.due(entry, now) {
                Outcome::Fire(timer) => Input::Fire(timer),
                Outcome::Later(deadline) => {
                    kernel.events.push(deadline, Due::Timer(self.node, entry));
                    return After::Runs;
                }
                Outcome::Nothing => return After::Runs,
            },
            Stimulus::Call(call) => {
                let Some(call) = M::call(call) else { return After::Runs };
                Input::Call(call)
            }
        };
        machine.step(Timestamp::from_micros(now), input, &mut self.outbox);
        self.carry_out(kernel)
    }

    fn kill(&mut self) {
        self.machine = None;
        self.timers.clear();
        drop(self.outbox.drain());
    }

    fn is_up(&self) -> bool {
        self.machine.is_some()
    }

    fn is_watched(&self, entry: Entry, now: u64) -> bool {
        self.timers.past(entry, now).is_some_and(M::is_watched)
    }

    fn next_record(&self) -> u32 {
        M::next_record(&self.disk)
    }
}
