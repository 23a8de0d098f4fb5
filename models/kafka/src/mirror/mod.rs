//! A mirror: it copies a topic of one cluster into a topic of another one, and tells groups there how far they have
//! come here (MirrorMaker 2, a worker of Connect with a source task and a checkpoint task).
//!
//! - [`syncs`] which offset stands for which · `side` a client of one of the two clusters
//! - `copies` what is under way from one to the other · `groups` checkpoints, and what groups have committed
//!
//! A record is fetched, handed to a producer of the other cluster, and done with once its copy is acknowledged.
//! How far the task has come is kept in the other cluster, every `offset.flush.interval.ms`: a task that starts
//! again copies once more what it has copied since (R20.2).
//!
//! Kafka: `MirrorSourceTask`, `MirrorCheckpointTask`, and of Connect `WorkerSourceTask`, `SubmittedRecords` (R20.*).

mod copies;
mod groups;
mod side;
pub mod syncs;

use crate::config::ProducerConfig;
use crate::machine::{Disk, Effect, Input, InputOf, LostTail, Machine, Outbox, Peer, To};
use crate::observation::Observation;
use crate::pipeline;
use crate::producer::{self, Producer, ProducerCall, Progress, SourceCursor};
use crate::variant::Variants;
use ackproof_types::{
    GenerationId, GroupId, Lane, MemberId, Micros, Offset, Timestamp, TopicPartition,
};
use copies::Copies;
use side::{Came, Errand, Offsets, Side, Written};
use std::collections::BTreeMap;
use std::sync::Arc;
use syncs::{OffsetSync, OffsetSyncs};

pub use side::{SideConfig, Timer as SideTimer};

/// The effects of a mirror.
type Out = Outbox<Timer, Kept>;

/// `task.shutdown.graceful.timeout.ms`.
const PATIENCE: Micros = Micros::from_secs(5);

/// What a mirror is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MirrorConfig {
    /// What stands for the mirror in a history: its offsets are that group's.
    pub group: GroupId,
    /// The cluster that it copies from.
    pub source: SideConfig,
    /// The cluster that it copies to.
    pub target: SideConfig,
    /// Partitions of the topic.
    pub partitions: u16,
    /// The producer of copies.
    pub producer: ProducerConfig,
    /// `offset.flush.interval.ms`.
    pub flush_interval: Micros,
    /// `offset.lag.max`.
    pub offset_lag_max: i64,
    /// `emit.checkpoints.interval.seconds`; none: no checkpoints.
    pub checkpoint_interval: Option<Micros>,
    /// `sync.group.offsets.interval.seconds`; none: what groups have committed is told to nobody.
    pub sync_interval: Option<Micros>,
    /// Groups that read the topic, each with the one that stands for it in the other cluster.
    pub groups: Vec<(GroupId, GroupId)>,
    /// Bugs that are on.
    pub variants: Variants,
}

/// The timers of a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// One of the client of the source.
    Source(side::Timer),
    /// One of the client of the target.
    Target(side::Timer),
    /// One of the producer.
    Producer(producer::Timer),
    /// `offset.flush.interval.ms`.
    Flush,
    /// `emit.checkpoints.interval.seconds`.
    Checkpoint,
    /// `sync.group.offsets.interval.seconds`.
    Sync,
    /// `task.shutdown.graceful.timeout.ms`.
    Patience,
}

/// What surroundings ask of a mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MirrorCall {
    /// Stop in good order.
    Stop,
}

/// What topics of the two clusters keep of a mirror beside its offsets: pairs of offsets, and the checkpoints of
/// groups. The number of the next copy is no part of Kafka.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Keeping {
    next_copy: u32,
    syncs: BTreeMap<u16, OffsetSyncs>,
    checkpoints: BTreeMap<(GroupId, u16), OffsetSync>,
}

/// A change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// A copy was named, and the next one has this number.
    Named(u32),
    /// A pair of offsets of a partition.
    Sync(u16, OffsetSync),
    /// A group that has committed the first offset in a partition goes on at the second one.
    Checkpoint(GroupId, u16, OffsetSync),
}

impl Disk for Keeping {
    type Write = Kept;
    fn apply(&mut self, write: Kept) {
        match write {
            Kept::Named(next) => self.next_copy = next,
            Kept::Sync(partition, sync) => {
                let known = self.syncs.entry(partition);
                known
                    .and_modify(|syncs| syncs.take(sync))
                    .or_insert_with(|| OffsetSyncs::new(sync));
            }
            Kept::Checkpoint(group, partition, sync) => {
                self.checkpoints.insert((group, partition), sync);
            }
        }
    }
    fn flush(&mut self) {}
    fn lose_power(&mut self, _survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        Vec::new()
    }
}

/// How far the process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Course {
    /// It reads how far it had come.
    Begins,
    /// It copies.
    Copies,
    /// It waits for the outcomes of what it has sent.
    Drains,
    /// It keeps how far it has come, for the last time.
    Leaves,
}

/// A mirror.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mirror {
    config: MirrorConfig,
    source: Side,
    target: Side,
    /// None: it has ended.
    producer: Option<Producer>,
    kept: Keeping,
    copies: Copies,
    course: Course,
}

impl Machine for Mirror {
    type Config = MirrorConfig;
    type Timer = Timer;
    type Disk = Keeping;
    type Call = MirrorCall;

    fn boot(config: &MirrorConfig, disk: &Keeping, now: Timestamp, out: &mut Out) -> Self {
        let mut of_producer = producer::Out::default();
        let cursor = SourceCursor::at(disk.next_copy);
        let producer = Producer::boot(&config.producer, &cursor, now, &mut of_producer);
        let mut mirror = Self {
            config: config.clone(),
            source: Side::new(&config.source),
            target: Side::new(&config.target),
            producer: Some(producer),
            kept: disk.clone(),
            copies: Copies::default(),
            course: Course::Begins,
        };
        mirror.forward(of_producer, out);
        // R20.1: it assigns itself its partitions, and asks Connect where to begin.
        let (group, member, generation) = (config.group, MemberId(0), GenerationId::UNKNOWN);
        let partitions = mirror.partitions();
        out.observe(Observation::Assigned {
            group,
            member,
            generation,
            partitions: partitions.as_slice().into(),
        });
        mirror.target.go(Errand::Read(group, partitions));
        out.arm(Timer::Flush, config.flush_interval);
        if let Some(interval) = config.checkpoint_interval {
            out.arm(Timer::Checkpoint, interval);
        }
        if let Some(interval) = config.sync_interval {
            out.arm(Timer::Sync, interval);
        }
        mirror.drive(out);
        mirror
    }

    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut Out) {
        match input {
            Input::Deliver { from, message } => match pipeline::inner(from.route) {
                (Some(_), route) => {
                    let from = Peer { route, ..from };
                    self.produce(now, Input::Deliver { from, message }, out);
                }
                (None, route) if self.source.knows(route.to) => {
                    self.ask_source(Input::Deliver { from, message }, now, out);
                }
                (None, _) => self.ask_target(Input::Deliver { from, message }, out),
            },
            Input::Disconnected(route) => match pipeline::inner(route) {
                (Some(_), route) => self.produce(now, Input::Disconnected(route), out),
                (None, route) if self.source.knows(route.to) => {
                    self.ask_source(Input::Disconnected(route), now, out);
                }
                (None, route) => self.ask_target(Input::Disconnected(route), out),
            },
            Input::SendCompleted(route) => {
                let (_, route) = pipeline::inner(route);
                self.produce(now, Input::SendCompleted(route), out);
            }
            Input::Fire(Timer::Producer(timer)) => self.produce(now, Input::Fire(timer), out),
            Input::Fire(Timer::Source(timer)) => self.ask_source(Input::Fire(timer), now, out),
            Input::Fire(Timer::Target(timer)) => self.ask_target(Input::Fire(timer), out),
            Input::Fire(Timer::Flush) => {
                if self.course == Course::Copies {
                    self.flush(out);
                }
                out.arm(Timer::Flush, self.config.flush_interval);
            }
            Input::Fire(Timer::Checkpoint) => self.checkpoint_groups(out),
            Input::Fire(Timer::Sync) => self.sync_groups(out),
            Input::Fire(Timer::Patience) => return out.exit(),
            Input::Call(MirrorCall::Stop) => {
                out.arm(Timer::Patience, PATIENCE);
                self.course = Course::Drains;
                self.produce(now, Input::Call(ProducerCall::End), out);
            }
            Input::Flushed(_) => {}
        }
        self.drive(out);
    }

    fn check(&self) {
        self.source.check();
        self.target.check();
        self.producer.iter().for_each(Machine::check);
        self.copies.check(self.kept.next_copy);
    }
}

/// Hands on what one of the sides wants done.
fn forward_side(mut effects: side::Out, timer: fn(side::Timer) -> Timer, out: &mut Out) {
    for effect in effects.drain() {
        match effect {
            Effect::Send { to: To::Route(route), message } => out.send(route, message),
            Effect::Send { to: To::Connection(id), message } => out.reply(id, message),
            Effect::AwaitSend(route) => out.await_send(route),
            Effect::Close(to) => out.close(to),
            Effect::Arm { timer: one, delay } => out.arm(timer(one), delay),
            Effect::Disarm(one) => out.disarm(timer(one)),
            Effect::Write(never) => match never {},
            Effect::Flush(_) | Effect::Exit => {}
            Effect::Observe(observation) => out.observe(observation),
        }
    }
}

impl Mirror {
    /// The partitions of the topic in the source.
    fn partitions(&self) -> Vec<TopicPartition> {
        let topic = self.config.source.topic;
        (0..self.config.partitions).map(|number| TopicPartition::new(topic, number)).collect()
    }

    fn keep(&mut self, write: Kept, out: &mut Out) {
        self.kept.apply(write);
        out.write(write);
    }

    /// The producer takes an input.
    fn produce(&mut self, now: Timestamp, input: InputOf<Producer>, out: &mut Out) {
        let Some(producer) = &mut self.producer else { return };
        let mut effects = producer::Out::default();
        producer.step(now, input, &mut effects);
        self.forward(effects, out);
    }

    /// Hands on what the producer wants done, and takes what it has come to.
    fn forward(&mut self, mut effects: producer::Out, out: &mut Out) {
        let mut has_exited = false;
        for effect in effects.drain() {
            match effect {
                Effect::Send { to, message } => match pipeline::outer(Lane::Results, to) {
                    To::Route(route) => out.send(route, message),
                    To::Connection(id) => out.reply(id, message),
                },
                Effect::AwaitSend(route) => {
                    out.await_send(pipeline::outer_route(Lane::Results, route));
                }
                Effect::Close(to) => out.close(pipeline::outer(Lane::Results, to)),
                Effect::Arm { timer, delay } => out.arm(Timer::Producer(timer), delay),
                Effect::Disarm(timer) => out.disarm(Timer::Producer(timer)),
                // How far the mirror has come is its own.
                Effect::Write(Progress::To(_) | Progress::Over) | Effect::Flush(_) => {}
                Effect::Observe(observation) => out.observe(observation),
                Effect::Exit => has_exited = true,
            }
        }
        let acks = self.producer.as_mut().map(Producer::take_acks).unwrap_or_default();
        for ack in acks {
            self.acknowledged(&ack, out);
        }
        if !has_exited {
            return;
        }
        self.producer = None;
        if self.course == Course::Drains {
            self.course = Course::Leaves;
            self.flush(out);
        } else {
            // R20.3: after a send that failed the task has failed, and keeps nothing.
            out.exit();
        }
    }

    /// The client of the source takes an input.
    fn ask_source(&mut self, input: Input<side::Timer, ()>, now: Timestamp, out: &mut Out) {
        let mut effects = side::Out::default();
        let came = self.source.take(input, &mut effects);
        forward_side(effects, Timer::Source, out);
        match came {
            Some(Came::Fetched(answers)) if self.course == Course::Copies => {
                for answer in answers {
                    self.fetched(answer, now, out);
                }
            }
            Some(Came::Begins(starts)) => self.begin_anew(starts, out),
            Some(Came::Read(group, offsets)) => self.checkpoint(group, &offsets, out),
            Some(Came::Fetched(_) | Came::Written(..)) | None => {}
        }
    }

    /// The client of the target takes an input.
    fn ask_target(&mut self, input: Input<side::Timer, ()>, out: &mut Out) {
        let mut effects = side::Out::default();
        let came = self.target.take(input, &mut effects);
        forward_side(effects, Timer::Target, out);
        match came {
            Some(Came::Read(group, offsets)) if group == self.config.group => {
                self.begin(offsets, out);
            }
            Some(Came::Read(group, offsets)) => self.compare(group, &offsets, out),
            Some(Came::Written(group, offsets, written)) => {
                let told: Arc<[_]> = offsets.as_slice().into();
                out.observe(match written {
                    Written::Done => Observation::Committed { group, offsets: told },
                    Written::Refused { error, certain } => {
                        let maybe_written = !certain;
                        Observation::CommitFailed { group, offsets: told, error, maybe_written }
                    }
                });
                if group == self.config.group {
                    self.flushed(&offsets, written == Written::Done, out);
                }
            }
            Some(Came::Fetched(_) | Came::Begins(_)) | None => {}
        }
    }

    /// Asks the target to write `offsets` for a group.
    fn commit(&mut self, group: GroupId, offsets: Offsets, out: &mut Out) {
        let told = offsets.as_slice().into();
        if self.target.go(Errand::Write(group, offsets)) {
            out.observe(Observation::CommitSent { group, offsets: told });
        }
    }

    fn drive(&mut self, out: &mut Out) {
        let wanted = match self.course {
            Course::Copies => self.copies.wanted(),
            Course::Begins | Course::Drains | Course::Leaves => Vec::new(),
        };
        let mut effects = side::Out::default();
        self.source.drive(wanted, &mut effects);
        forward_side(effects, Timer::Source, out);
        let mut effects = side::Out::default();
        self.target.drive(Vec::new(), &mut effects);
        forward_side(effects, Timer::Target, out);
    }

    /// The offset of a partition of the other cluster that has the number of `here`.
    fn there(&self, here: TopicPartition, offset: Offset) -> (TopicPartition, Offset) {
        (TopicPartition::new(self.config.target.topic, here.partition), offset)
    }
}
