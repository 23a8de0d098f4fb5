//! Puts facts on record: order, time, digest, and whoever listens.
//!
//! The one place where a model's observation becomes an entry of the history, by an exhaustive match.

use crate::nemesis::leaders::Leaders;
use ackproof_kafka::message::OffsetSpec;
use ackproof_kafka::observation::{Observation, PositionSource as Found};
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, PositionSource};
use ackproof_oracle::judge::Judge;
use ackproof_types::{NodeId, Timestamp, TopicPartition};
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Receives every entry, in order.
pub type Trace = Box<dyn FnMut(&Entry, &Context) + Send>;

/// Collects the history of one run.
pub(crate) struct Recorder {
    context: Arc<Context>,
    judge: Judge,
    digest: Xxh3,
    ladder: Vec<u128>,
    next_rung: u64,
    seq: u64,
    messages: u64,
    trace: Option<Trace>,
    leaders: Leaders,
    coordinators: Vec<TopicPartition>,
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
        trace: Option<Trace>,
    ) -> Self {
        Self {
            judge: Judge::new(Arc::clone(&context)),
            context,
            digest: Xxh3::new(),
            ladder: Vec::new(),
            next_rung: 1_000_000,
            seq: 0,
            messages: 0,
            trace,
            leaders: Leaders::default(),
            coordinators,
        }
    }

    /// A fact from a model.
    pub(crate) fn observe(&mut self, now: u64, node: NodeId, observation: Observation) {
        self.record(now, node, translate(observation));
    }

    /// A fact.
    pub(crate) fn record(&mut self, now: u64, node: NodeId, event: Event) {
        self.climb(now);
        self.leaders.observe(&event);
        let entry = Entry { seq: self.seq, at: Timestamp::from_micros(now), node, event };
        self.seq += 1;
        entry.hash(&mut self.digest);
        tracing::debug!(at_us = now, node = self.context.node(node), event = ?entry.event);
        if let Some(trace) = &mut self.trace {
            trace(&entry, &self.context);
        }
        self.judge.observe(&entry);
    }

    /// A message was delivered.
    pub(crate) fn delivered(&mut self, now: u64, from: NodeId, to: NodeId) {
        self.climb(now);
        self.messages += 1;
        self.digest.write_u64(now);
        self.digest.write_u32(u32::from(from.0) << 16 | u32::from(to.0));
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
            self.ladder.push(self.digest.digest128());
            self.next_rung += 1_000_000;
        }
    }

    pub(crate) fn conclude(self) -> Recorded {
        Recorded {
            judge: self.judge,
            digest: self.digest.digest128(),
            ladder: self.ladder,
            entries: self.seq,
            messages: self.messages,
        }
    }
}

#[expect(clippy::too_many_lines, reason = "one exhaustive translation, a line or two a variant")]
fn translate(observation: Observation) -> Event {
    match observation {
        Observation::Sent { record, partition } => Event::Sent { record, partition },
        Observation::Rejected { record, error } => Event::Rejected { record, error },
        Observation::Acked { partition, base_offset, by, records } => {
            Event::Acked { partition, base_offset, by, records }
        }
        Observation::Failed { partition, records, error, maybe_written } => {
            Event::Failed { partition, records, error, maybe_written }
        }
        Observation::Retried { partition, first, error } => {
            Event::Retried { partition, first, error }
        }
        Observation::ProducerEpochBumped { partition } => Event::ProducerEpochBumped { partition },
        Observation::Assigned { group, member, generation, partitions } => {
            Event::Assigned { group, member, generation, partitions }
        }
        Observation::Revoked { group, member, partitions } => {
            Event::Revoked { group, member, partitions }
        }
        Observation::Lost { group, member, partitions } => {
            Event::Lost { group, member, partitions }
        }
        Observation::Positioned { group, partition, offset, source } => {
            Event::Positioned { group, partition, offset, source: found(source) }
        }
        Observation::Polled { group, partition, base_offset, records } => {
            Event::Polled { group, partition, base_offset, records }
        }
        Observation::Processed { group, partition, offset, record, dead_lettered } => {
            Event::Processed { group, partition, offset, record, dead_lettered }
        }
        Observation::CommitSent { group, offsets } => Event::CommitSent { group, offsets },
        Observation::Committed { group, offsets } => Event::Committed { group, offsets },
        Observation::CommitFailed { group, offsets, error, maybe_written } => {
            Event::CommitFailed { group, offsets, error, maybe_written }
        }
        Observation::Appended {
            partition,
            epoch,
            base_offset,
            next_offset,
            records,
            as_leader,
        } => Event::Appended { partition, epoch, base_offset, next_offset, records, as_leader },
        Observation::Truncated { partition, from, to } => Event::Truncated { partition, from, to },
        Observation::HighWatermark { partition, epoch, offset } => {
            Event::HighWatermark { partition, epoch, offset }
        }
        Observation::BecameLeader { partition, epoch, log_end, high_watermark } => {
            Event::BecameLeader { partition, epoch, log_end, high_watermark }
        }
        Observation::BecameFollower { partition, epoch, leader } => {
            Event::BecameFollower { partition, epoch, leader }
        }
        Observation::NotEnoughReplicas { partition, isr } => {
            Event::NotEnoughReplicas { partition, isr }
        }
        Observation::DuplicateBatch { partition, base_offset } => {
            Event::DuplicateBatch { partition, base_offset }
        }
        Observation::CoordinatorLoaded { partition } => Event::CoordinatorLoaded { partition },
        Observation::Rebalanced { group, generation, members } => {
            Event::Rebalanced { group, generation, members }
        }
        Observation::BrokerStarted { epoch: _ } => Event::BrokerStarted,
        Observation::LeaderElected { partition, leader, epoch, isr, unclean } => {
            Event::LeaderElected { partition, leader, epoch, isr, unclean }
        }
        Observation::IsrChanged { partition, before, isr } => {
            Event::IsrChanged { partition, before, isr }
        }
        Observation::Fenced { broker } => Event::Fenced { broker },
        Observation::Unfenced { broker } => Event::Unfenced { broker },
        Observation::FinalRead { partition, base_offset, records } => {
            Event::FinalRead { partition, base_offset, records }
        }
        Observation::FinalReadDone { partition, start, end } => {
            Event::FinalReadDone { partition, start, end }
        }
    }
}

fn found(source: Found) -> PositionSource {
    match source {
        Found::Committed => PositionSource::Committed,
        Found::NoCommit(OffsetSpec::Earliest) => PositionSource::NoCommitEarliest,
        Found::NoCommit(OffsetSpec::Latest) => PositionSource::NoCommitLatest,
        Found::OutOfRange(OffsetSpec::Earliest) => PositionSource::OutOfRangeEarliest,
        Found::OutOfRange(OffsetSpec::Latest) => PositionSource::OutOfRangeLatest,
        Found::Truncated => PositionSource::Truncated,
    }
}
