//! One process: a machine with its disk and timers, behind an interface that does not name its type.
//!
//! The world tells; the process carries out its machine's effects on the kernel it is handed. A process
//! crash drops the machine and keeps the disk.

use super::events::Due;
use super::kernel::Kernel;
use super::timers::{Entry, Outcome, Timers};
use ackproof_kafka::broker::{Broker, BrokerCall, BrokerDisk, BrokerWrite};
use ackproof_kafka::config::{BrokerConfig, LogDirs};
use ackproof_kafka::consumer::{Consumer, ConsumerCall, Timer as ConsumerTimer};
use ackproof_kafka::controller::{Controller, ControllerCall};
use ackproof_kafka::driver::{self, After, Surroundings};
use ackproof_kafka::harm::{Harm, Trouble};
use ackproof_kafka::machine::{Disk, Input, LostTail, Machine, Peer, Route, To};
use ackproof_kafka::message::Message;
use ackproof_kafka::mirror::{Mirror, MirrorCall};
use ackproof_kafka::observation::Observation;
use ackproof_kafka::pipeline::{self, Pipeline};
use ackproof_kafka::producer::{Producer, ProducerCall};
use ackproof_kafka::reader::Reader;
use ackproof_oracle::history::TailLoss;
use ackproof_scenario::schedule::draw;
use ackproof_types::{
    Delay, Hold, KafkaVersion, LogDir, Micros, NodeId, Offset, Record, TopicPartition,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::VecDeque;
use std::sync::Arc;

/// What surroundings ask of a process.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    /// A producer's application sends.
    Send(Record),
    /// A producer's application has sent its last record.
    End,
    /// Stop in good order.
    Stop,
    /// The application stops or resumes polling.
    Hold(Hold, bool),
    /// An administrator asks the controller for something.
    Administer(ControllerCall),
    /// A member's application has read in its sink where to begin.
    Begin(TopicPartition, Offset),
    /// A log directory cannot be written, or can again.
    Storage(LogDir, Option<Trouble>),
}

/// What a process is told.
#[derive(Debug)]
pub(crate) enum Stimulus {
    /// A message.
    Deliver(Peer, Message),
    /// The socket of a connection it opened has taken all that it sent.
    SendCompleted(Route),
    /// A connection it opened ended.
    Disconnected(Route),
    /// A timer of its came up.
    Timer(Entry),
    /// A call.
    Call(Call),
}

/// A process whose machine's type is hidden.
pub(crate) trait Process {
    /// Starts a machine on the disk.
    fn boot(&mut self, kernel: &mut Kernel) -> After;
    /// The next machine is that of another line of Kafka.
    fn install(&mut self, line: KafkaVersion);
    /// One step. Nothing happens if no machine runs.
    fn step(&mut self, stimulus: Stimulus, kernel: &mut Kernel) -> After;
    /// Drops the machine and its timers.
    fn kill(&mut self);
    /// Drops them, and takes a part of the disk, or all of it. Says what logs have lost.
    fn lose(&mut self, how: TailLoss, rng: &mut ChaCha8Rng) -> Vec<LostTail>;
    /// Something happens to its disk. Says what logs have lost.
    fn suffer(&mut self, harm: Harm) -> Vec<LostTail>;
    /// A broker's log directories and its disk.
    fn storage(&self) -> Option<(LogDirs, &BrokerDisk)>;
    /// Whether a machine runs.
    fn is_up(&self) -> bool;
    /// Whether its machine can be asked to stop.
    fn can_stop(&self) -> bool;
    /// Whether this timer has run out by `now`, and a thread of its own watches it.
    fn is_watched(&self, entry: Entry, now: u64) -> bool;
    /// The next record number its application wants to send, for a producer.
    fn next_record(&self) -> u32;
    /// Its application has come to its end: nobody starts it again.
    fn is_over(&self) -> bool;
    /// What it draws from now on comes from `rng`.
    fn reseed(&mut self, rng: ChaCha8Rng);
}

/// Turns the world's calls into a machine's.
pub(crate) trait Callable: Machine {
    /// None: this machine cannot be asked that.
    fn call(call: Call) -> Option<Self::Call>;
    /// What it is started with as another line of Kafka; none: it has no line.
    fn installed(_config: &Self::Config, _line: KafkaVersion) -> Option<Self::Config> {
        None
    }
    /// Whether another thread than the one that takes messages acts on `timer`: of a process that was frozen,
    /// either may go on first.
    fn is_watched(_timer: Self::Timer) -> bool {
        false
    }
    /// The same as a change of a broker's disk: those take time.
    fn of_broker(_write: &<Self::Disk as Disk>::Write) -> Option<&BrokerWrite> {
        None
    }
    /// A broker's log directories and its disk.
    fn storage<'p>(
        _config: &Self::Config,
        _disk: &'p Self::Disk,
    ) -> Option<(LogDirs, &'p BrokerDisk)> {
        None
    }
    /// Where a producer's source stands.
    fn next_record(_disk: &Self::Disk) -> u32 {
        0
    }
    /// Whether a producer's application has come to its end.
    fn is_over(_disk: &Self::Disk) -> bool {
        false
    }
}

impl Callable for Controller {
    fn call(call: Call) -> Option<ControllerCall> {
        match call {
            Call::Administer(call) => Some(call),
            Call::Stop => Some(ControllerCall::Shutdown),
            Call::Send(_) | Call::End | Call::Hold(..) | Call::Begin(..) | Call::Storage(..) => {
                None
            }
        }
    }
    fn installed(config: &Self::Config, line: KafkaVersion) -> Option<Self::Config> {
        let cluster = config.cluster.upgraded(line);
        Some(Self::Config { id: config.id, cluster: Arc::new(cluster) })
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
            Call::Storage(dir, trouble) => Some(BrokerCall::Storage(dir, trouble)),
            Call::Send(_) | Call::End | Call::Hold(..) | Call::Administer(_) | Call::Begin(..) => {
                None
            }
        }
    }
    fn installed(config: &Self::Config, line: KafkaVersion) -> Option<Self::Config> {
        let cluster = config.cluster.upgraded(line);
        Some(Self::Config { cluster: Arc::new(cluster), ..config.clone() })
    }
    fn of_broker(write: &BrokerWrite) -> Option<&BrokerWrite> {
        Some(write)
    }
    fn storage<'p>(
        config: &BrokerConfig,
        disk: &'p BrokerDisk,
    ) -> Option<(LogDirs, &'p BrokerDisk)> {
        Some((config.cluster.broker.log_dirs, disk))
    }
}

impl Callable for Producer {
    fn call(call: Call) -> Option<ProducerCall> {
        match call {
            Call::Send(record) => Some(ProducerCall::Send(record)),
            Call::End => Some(ProducerCall::End),
            Call::Storage(..)
            | Call::Stop
            | Call::Hold(..)
            | Call::Administer(_)
            | Call::Begin(..) => None,
        }
    }
    fn next_record(disk: &Self::Disk) -> u32 {
        disk.next()
    }
    fn is_over(disk: &Self::Disk) -> bool {
        disk.is_over()
    }
}

impl Callable for Consumer {
    fn call(call: Call) -> Option<ConsumerCall> {
        match call {
            Call::Stop => Some(ConsumerCall::Leave),
            Call::Hold(hold, on) => Some(ConsumerCall::Hold(hold, on)),
            Call::Begin(partition, offset) => Some(ConsumerCall::Begin(partition, offset)),
            Call::Send(_) | Call::End | Call::Administer(_) | Call::Storage(..) => None,
        }
    }
    /// Kafka: `AbstractCoordinator.HeartbeatThread`. Its session it takes up again with the answers that came.
    fn is_watched(timer: ConsumerTimer) -> bool {
        timer == ConsumerTimer::MaxPoll
    }
}

impl Callable for Mirror {
    fn call(call: Call) -> Option<MirrorCall> {
        match call {
            Call::Stop => Some(MirrorCall::Stop),
            Call::Send(_)
            | Call::End
            | Call::Hold(..)
            | Call::Administer(_)
            | Call::Begin(..)
            | Call::Storage(..) => None,
        }
    }
}

impl Callable for Pipeline {
    fn call(call: Call) -> Option<ConsumerCall> {
        Consumer::call(call)
    }
    fn is_watched(timer: pipeline::Timer) -> bool {
        matches!(timer, pipeline::Timer::Consumer(one) if Consumer::is_watched(one))
    }
}

/// A process with what belongs to it in this world.
pub(crate) struct Running<M: Machine> {
    node: NodeId,
    process: driver::Process<M>,
    /// What it is started with instead, from these times on.
    later: VecDeque<(Micros, M::Config)>,
    timers: Timers<M::Timer>,
    rng: ChaCha8Rng,
}

impl<M: Machine> Running<M> {
    /// A process that has not started, with an empty disk.
    pub(crate) fn new(node: NodeId, config: M::Config, rng: ChaCha8Rng) -> Self {
        Self {
            node,
            process: driver::Process::new(config),
            later: VecDeque::new(),
            timers: Timers::new(),
            rng,
        }
    }

    /// The same, with what it is started with from other times on; ascending.
    pub(crate) fn deploying(self, later: VecDeque<(Micros, M::Config)>) -> Self {
        Self { later, ..self }
    }
}

/// What a step of a process acts on.
struct Around<'a, M: Machine> {
    node: NodeId,
    timers: &'a mut Timers<M::Timer>,
    rng: &'a mut ChaCha8Rng,
    kernel: &'a mut Kernel,
}

impl<M: Callable> Surroundings<M> for Around<'_, M> {
    fn send(&mut self, to: To, message: Message) {
        match to {
            To::Route(route) => self.kernel.request(self.node, route, message),
            To::Connection(id) => self.kernel.answer(self.node, id, message),
        }
    }

    fn await_send(&mut self, route: Route) {
        self.kernel.await_send(self.node, route);
    }

    fn close(&mut self, to: To) {
        match to {
            To::Route(route) => self.kernel.close(self.node, route),
            To::Connection(id) => self.kernel.end(id),
        }
    }

    fn arm(&mut self, timer: M::Timer, delay: Delay) {
        let deadline = self.kernel.events.now() + draw(self.rng, delay).0;
        if let Some(entry) = self.timers.arm(timer, deadline) {
            self.kernel.events.push(deadline, Due::Timer(self.node, entry));
        }
    }

    fn disarm(&mut self, timer: M::Timer) {
        self.timers.disarm(timer);
    }

    fn observe(&mut self, observation: Observation) {
        self.kernel.observe(self.node, observation);
    }

    fn wrote(&mut self, write: &<M::Disk as Disk>::Write) {
        if let Some(write) = M::of_broker(write) {
            self.kernel.wrote(self.node, write);
        }
    }
}

impl<M: Callable> Process for Running<M> {
    fn boot(&mut self, kernel: &mut Kernel) -> After {
        self.timers.clear();
        let now = kernel.events.now();
        let Self { node, process, later, timers, rng } = self;
        while let Some((_, config)) = later.pop_front_if(|(from, _)| from.0 <= now) {
            process.configure(config);
        }
        process.boot(kernel.clock(*node), &mut Around { node: *node, timers, rng, kernel })
    }

    fn install(&mut self, line: KafkaVersion) {
        if let Some(config) = M::installed(self.process.config(), line) {
            self.process.configure(config);
        }
    }

    fn step(&mut self, stimulus: Stimulus, kernel: &mut Kernel) -> After {
        let now = kernel.events.now();
        let Self { node, process, timers, rng, .. } = self;
        if process.machine().is_none() {
            return After::Runs;
        }
        let input = match stimulus {
            Stimulus::Deliver(from, message) => Input::Deliver { from, message },
            Stimulus::SendCompleted(route) => Input::SendCompleted(route),
            Stimulus::Disconnected(route) => Input::Disconnected(route),
            Stimulus::Timer(entry) => match timers.due(entry, now) {
                Outcome::Fire(timer) => Input::Fire(timer),
                Outcome::Later(deadline) => {
                    kernel.events.push(deadline, Due::Timer(*node, entry));
                    return After::Runs;
                }
                Outcome::Nothing => return After::Runs,
            },
            Stimulus::Call(call) => {
                let Some(call) = M::call(call) else { return After::Runs };
                Input::Call(call)
            }
        };
        process.step(kernel.clock(*node), input, &mut Around { node: *node, timers, rng, kernel })
    }

    fn kill(&mut self) {
        self.process.kill();
        self.timers.clear();
    }

    fn lose(&mut self, how: TailLoss, rng: &mut ChaCha8Rng) -> Vec<LostTail> {
        self.timers.clear();
        match how {
            TailLoss::Power => {
                self.process.lose_power(&mut |changes| rng.random_range(0..=changes))
            }
            TailLoss::Disk => self.process.lose_disk(),
        }
    }

    fn suffer(&mut self, harm: Harm) -> Vec<LostTail> {
        self.process.suffer(harm)
    }

    fn storage(&self) -> Option<(LogDirs, &BrokerDisk)> {
        M::storage(self.process.config(), self.process.disk())
    }

    fn is_up(&self) -> bool {
        self.process.machine().is_some()
    }

    fn can_stop(&self) -> bool {
        M::call(Call::Stop).is_some()
    }

    fn is_watched(&self, entry: Entry, now: u64) -> bool {
        self.timers.past(entry, now).is_some_and(M::is_watched)
    }

    fn next_record(&self) -> u32 {
        M::next_record(self.process.disk())
    }

    fn is_over(&self) -> bool {
        M::is_over(self.process.disk())
    }

    fn reseed(&mut self, rng: ChaCha8Rng) {
        self.rng = rng;
    }
}
