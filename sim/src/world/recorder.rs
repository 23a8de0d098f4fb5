//! Puts facts on record: order, time, digest, and whoever listens.
//!
//! The one place where a model's observation becomes an entry of the history, by an exhaustive match.

use super::autoscaler::Lags;
use super::nemesis::anchors::Anchors;
use super::nemesis::leaders::Leaders;
use super::post::{Letters, Post};
use super::sights::Sights;
use ackproof_kafka::config::ResetTo;
use ackproof_kafka::message::Message;
use ackproof_kafka::observation::{Observation, PositionSource as Found, StartReason as Moved};
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, PositionSource, StartReason};
use ackproof_oracle::judge::Judge;
use ackproof_oracle::verdict::Subject;
use ackproof_types::{NodeId, Offset, Timestamp, TopicPartition};
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Receives every entry, in order.
pub type Trace = Box<dyn FnMut(&Entry, &Context) + Send>;

/// Who looks on at a run. It goes the same way without.
#[derive(Default)]
pub struct Watch {
    /// Is shown every entry.
    pub trace: Option<Trace>,
    /// Gathers what becomes of messages.
    pub letters: Option<Letters>,
}

impl From<Option<Trace>> for Watch {
    fn from(trace: Option<Trace>) -> Self {
        Self { trace, letters: None }
    }
}

/// Bytes that are gathered before they are hashed.
const GATHERED: usize = 4096;

/// The digest of a run. The parts of an entry are a few bytes each, and hashing them one by one costs
/// more than all else that is done to it: they are gathered first. Little-endian, so that the digest is
/// the same on every machine.
struct Digest {
    gathered: Vec<u8>,
    state: Xxh3,
}

impl Digest {
    fn new() -> Self {
        Self { gathered: Vec::with_capacity(2 * GATHERED), state: Xxh3::new() }
    }

    fn flush_if_full(&mut self) {
        if self.gathered.len() >= GATHERED {
            self.state.update(&self.gathered);
            self.gathered.clear();
        }
    }

    fn value(&mut self) -> u128 {
        self.state.update(&self.gathered);
        self.gathered.clear();
        self.state.digest128()
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.gathered.extend_from_slice(bytes);
    }
    fn write_u8(&mut self, value: u8) {
        self.gathered.push(value);
    }
    fn write_u16(&mut self, value: u16) {
        self.write(&value.to_le_bytes());
    }
    fn write_u32(&mut self, value: u32) {
        self.write(&value.to_le_bytes());
    }
    fn write_u64(&mut self, value: u64) {
        self.write(&value.to_le_bytes());
    }
    fn write_i32(&mut self, value: i32) {
        self.write(&value.to_le_bytes());
    }
    fn write_i64(&mut self, value: i64) {
        self.write(&value.to_le_bytes());
    }
    // Lengths and the kinds of enums: their width differs between machines.
    fn write_usize(&mut self, value: usize) {
        self.write(&(value as u64).to_le_bytes());
    }
    fn write_isize(&mut self, value: isize) {
        self.write(&(value as i64).to_le_bytes());
    }
    fn finish(&self) -> u64 {
        let mut state = self.state.clone();
        state.update(&self.gathered);
        state.digest()
    }
}

/// Which of the facts that one record of the metadata log may tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// A topic grows, by the record of its first new partition.
    Growth,
    /// The state of a broker or a partition.
    State,
    /// Who is eligible to lead a partition.
    Eligible,
    /// The replicas of a partition.
    Replicas,
}

/// Collects the history of one run.
pub(crate) struct Recorder {
    context: Arc<Context>,
    judge: Judge,
    digest: Digest,
    ladder: Vec<u128>,
    next_rung: u64,
    seq: u64,
    messages: u64,
    trace: Option<Trace>,
    leaders: Leaders,
    /// What several controllers have told, by its offset in the metadata log.
    decided: BTreeSet<(NodeId, u64, Part)>,
    coordinators: Vec<TopicPartition>,
    /// How far groups are behind; none: nobody asks.
    pub(crate) lags: Option<Lags>,
    /// What operators outside see; none: there are none.
    pub(crate) sights: Option<Sights>,
    /// What faults wait for.
    pub(crate) anchors: Anchors,
    /// What is on its way; none: nobody asks.
    pub(crate) post: Option<Post>,
}

/// What a recorder has at the end.
pub(crate) struct Recorded {
    pub(crate) judge: Judge,
    pub(crate) digest: u128,
    pub(crate) ladder: Vec<u128>,
    pub(crate) entries: u64,
    pub(crate) messages: u64,
}

impl Recorder {
    pub(crate) fn new(
        context: Arc<Context>,
        coordinators: Vec<TopicPartition>,
        watch: Watch,
        subjects: &[Subject],
    ) -> Self {
        let judge = if subjects.is_empty() {
            Judge::new(Arc::clone(&context))
        } else {
            Judge::telling(Arc::clone(&context), subjects)
        };
        // Whoever looks at every entry may ask about any record.
        let judge = if watch.trace.is_some() { judge.explaining() } else { judge };
        let leaders = Leaders::new(Arc::clone(&context));
        Self {
            judge,
            context,
            digest: Digest::new(),
            ladder: Vec::new(),
            next_rung: 1_000_000,
            seq: 0,
            messages: 0,
            trace: watch.trace,
            leaders,
            decided: BTreeSet::new(),
            coordinators,
            lags: None,
            sights: None,
            anchors: Anchors::default(),
            post: watch.letters.map(Post::new),
        }
    }

    /// A fact from a model.
    pub(crate) fn observe(&mut self, now: u64, node: NodeId, observation: Observation) {
        if let Observation::Decided { offset, fact } = observation {
            return self.decided(now, node, offset, *fact);
        }
        self.record(now, node, translate(observation));
    }

    /// What controllers have decided is put on record once, at the first of them: whoever hears first that it is
    /// committed tells it.
    fn decided(&mut self, now: u64, node: NodeId, offset: u64, fact: Observation) {
        let event = translate(fact);
        let first = self.context.first_controller(node);
        let part = match event {
            Event::PartitionsAdded { .. } | Event::TopicCreated { .. } => Part::Growth,
            Event::EligibleChanged { .. } => Part::Eligible,
            Event::ReplicasChanged { .. } => Part::Replicas,
            _ => Part::State,
        };
        if self.decided.insert((first, offset, part)) {
            self.record(now, first, event);
        }
    }

    /// A fact.
    pub(crate) fn record(&mut self, now: u64, node: NodeId, event: Event) {
        self.climb(now);
        self.leaders.observe(node, &event);
        if let Some(lags) = &mut self.lags {
            lags.observe(&event);
        }
        if let Some(sights) = &mut self.sights {
            sights.observe(&event);
        }
        let entry = Entry { seq: self.seq, at: Timestamp::from_micros(now), node, event };
        self.seq += 1;
        entry.hash(&mut self.digest);
        self.digest.flush_if_full();
        tracing::debug!(at_us = now, node = self.context.node(node), event = ?entry.event);
        if let Some(trace) = &mut self.trace {
            trace(&entry, &self.context);
        }
        self.judge.observe(&entry);
        if !self.anchors.is_empty() {
            self.anchors.look(&entry, &self.leaders, &self.coordinators);
        }
    }

    /// A message was delivered.
    pub(crate) fn delivered(&mut self, now: u64, from: NodeId, to: NodeId) {
        self.climb(now);
        self.messages += 1;
        self.digest.write_u64(now);
        self.digest.write_u32(u32::from(from.0) << 16 | u32::from(to.0));
    }

    /// A message sets out on a connection: from whom to whom.
    pub(crate) fn sent(&mut self, message: &Message, ends: (NodeId, NodeId)) {
        self.anchors.look_at_message(message, ends, &self.leaders);
    }

    /// Who leads what, so far.
    pub(crate) fn leaders(&self) -> &Leaders {
        &self.leaders
    }

    /// The partition of `__consumer_offsets` whose leader coordinates a group.
    pub(crate) fn offsets_partition(&self, group: u16) -> TopicPartition {
        self.coordinators[usize::from(group)]
    }

    /// One rung of the ladder for each simulated second.
    fn climb(&mut self, now: u64) {
        while now >= self.next_rung {
            self.ladder.push(self.digest.value());
            self.next_rung += 1_000_000;
        }
    }

    pub(crate) fn conclude(mut self) -> Recorded {
        Recorded {
            judge: self.judge,
            digest: self.digest.value(),
            ladder: self.ladder,
            entries: self.seq,
            messages: self.messages,
        }
    }
}

/// What a model observed as an event: of every variant its fields, and after a colon what becomes of one
/// that is not the same in both.
macro_rules! translate {
    ($($name:ident { $( $field:ident $(: $value:expr)? ),* })*) => {
        pub(crate) fn translate(observation: Observation) -> Event {
            match observation {
                $( Observation::$name { $($field),* } => Event::$name { $( $field $(: $value)? ),* }, )*
                Observation::BrokerStarted { epoch: _ } => Event::BrokerStarted,
                Observation::FeaturesUpdated(features) => Event::FeaturesUpdated {
                    metadata_version: features.metadata_version.metadata_version().into(),
                    eligible_leader_replicas: features.eligible_leader_replicas.into(),
                },
                Observation::MetadataSnapshot(it) => Event::MetadataSnapshot {
                    offset: place(it.offset),
                    checksum: it.checksum,
                    loaded: it.loaded,
                },
                Observation::Misplaced(api) => Event::Misplaced { api: api.into() },
                Observation::ControllerElected(epoch) => Event::ControllerElected { epoch },
                Observation::ControllerResigned(epoch) => Event::ControllerResigned { epoch },
                Observation::OrderRefused(request, error) => Event::OrderRefused {
                    request: request.into(),
                    error,
                },
                Observation::LogDeleted(partition) => Event::LogDeleted { partition },
                Observation::TopicCreated(topic, partitions) => {
                    Event::TopicCreated { topic, partitions }
                }
                Observation::TopicDeleted(topic, partitions) => {
                    Event::TopicDeleted { topic, partitions }
                }
                Observation::Decided { fact, .. } => translate(*fact),
            }
        }
    };
}

translate! {
    SendBlocked { record }
    Sent { record, partition: Some(partition) }
    Rejected { record, error }
    Acked { partition, base_offset, by: Some(by), records }
    Failed { partition: Some(partition), records, error, maybe_written }
    Unsent { records }
    Retried { partition, first, error }
    ProducerEpochBumped { partition }
    Assigned { group, member, generation, partitions }
    Revoked { group, member, partitions }
    Lost { group, member, partitions }
    Positioned { group, partition, offset, source: found(source) }
    Polled { group, partition, base_offset, records }
    Processed { group, partition, offset, record, dead_lettered }
    GaveUp { group, partition, offset, record }
    CommitSent { group, offsets }
    Committed { group, offsets }
    CommitFailed { group, offsets, error, maybe_written }
    Appended { partition, epoch, base_offset, next_offset, records, as_leader }
    Truncated { partition, from, to }
    HighWatermark { partition, epoch, offset }
    BecameLeader { partition, epoch, log_end, high_watermark }
    BecameFollower { partition, epoch, leader }
    NotEnoughReplicas { partition, isr }
    DuplicateBatch { partition, base_offset }
    CoordinatorLoaded { partition }
    Rebalanced { group, generation, members, reason: Some(reason) }
    MemberFenced { group, member, generation }
    PartitionsReleased { group, member, generation, partitions }
    PollFailed { group, error }
    PollOverdue { group }
    MemberReplaced { group, before, member }
    OffsetsExpired { group, partitions }
    GroupDeleted { group }
    FollowerChosen { group, partition, broker }
    Derived { group, partition, offset, record, output }
    LeaderElected { partition, leader, epoch, isr, unclean }
    PartitionsAdded { topic, partitions }
    IsrChanged { partition, before, isr }
    EligibleChanged { partition, elr, last_leader }
    ReplicasChanged { partition, replicas, adding }
    TopicAltered { topic, min_insync_replicas, unclean_leader_election }
    TopicConfigured { topic, min_insync_replicas }
    Fenced { broker }
    Unfenced { broker }
    MetadataApplied { offset: place(offset), checksums }
    FinalRead { partition, base_offset, records }
    FinalReadDone { partition, start, end }
    FinalReadBy { partition, broker, epoch }
    LogStartMoved { partition, from, to, why: moved(why) }
    LogCompacted { partition, from, to }
    LogDirFailed { dir: dir.number(), partitions, halts }
}

fn moved(why: Moved) -> StartReason {
    match why {
        Moved::Age => StartReason::Age,
        Moved::Size => StartReason::Size,
        Moved::Leader => StartReason::Leader,
    }
}

fn place(offset: u64) -> Offset {
    Offset(i64::try_from(offset).expect("a log fits 63 bits"))
}

fn found(source: Found) -> PositionSource {
    match source {
        Found::Committed => PositionSource::Committed,
        Found::NoCommit(ResetTo::Earliest) => PositionSource::NoCommitEarliest,
        Found::NoCommit(ResetTo::Latest) => PositionSource::NoCommitLatest,
        Found::NoCommit(ResetTo::NotOlderThan(_)) => PositionSource::NoCommitByDuration,
        Found::OutOfRange(ResetTo::Earliest) => PositionSource::OutOfRangeEarliest,
        Found::OutOfRange(ResetTo::Latest) => PositionSource::OutOfRangeLatest,
        Found::OutOfRange(ResetTo::NotOlderThan(_)) => PositionSource::OutOfRangeByDuration,
        Found::Truncated => PositionSource::Truncated,
        Found::Sought => PositionSource::Sought,
        Found::Kept => PositionSource::Kept,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathering_changes_no_digest() {
        let mut digest = Digest::new();
        let mut plain = Xxh3::new();
        for number in 0..3000_u64 {
            number.hash(&mut digest);
            digest.flush_if_full();
            plain.update(&number.to_le_bytes());
            if number % 700 == 0 {
                assert_eq!(digest.value(), plain.digest128(), "a rung of the ladder");
            }
        }
        assert_eq!(digest.value(), plain.digest128());
    }
}
