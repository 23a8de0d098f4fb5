//! From an entry to its line: every event, by an exhaustive match, with names for indices.

use super::lines::*;
use super::text::{Code, Epoch, Generation, MaybePosition, Offsets, Position, Reason, Text};
use crate::context::Context;
use crate::history::{Entry, Event};
use ackproof_types::{
    BrokerId, GenerationId, LeaderEpoch, NodeId, Offset, RecordSlice, TopicPartition,
};

/// `entry` as a line of a history of `context`, without a line end.
///
/// # Panics
/// If `entry` names what `context` does not have.
#[must_use]
pub fn entry_line(entry: &Entry, context: &Context) -> String {
    serde_json::to_string(&line(entry, context)).expect("a line has text for keys")
}

macro_rules! made {
    ($entry:ident, $names:ident, $name:ident { $($field:ident: $value:expr),* $(,)? }) => {
        Line::$name($name {
            seq: Some($entry.seq),
            at_us: $entry.at.as_micros(),
            node: Some($names.node($entry.node)),
            event: Text::from($name::TAG),
            $($field: $value),*
        })
    };
}

#[expect(clippy::too_many_lines, reason = "one exhaustive translation, a few lines a variant")]
pub(super) fn line<'a>(entry: &Entry, context: &'a Context) -> Line<'a> {
    let n = Names(context);
    match &entry.event {
        Event::Phase(phase) => made!(entry, n, PhaseLine { phase: *phase }),
        Event::FaultStarted { fault, target, text } => {
            let (target, text) = (target.map(|node| n.node(node)), text.to_string().into());
            made!(entry, n, FaultStarted { fault: *fault, target: target, text: text })
        }
        Event::FaultEnded { fault } => made!(entry, n, FaultEnded { fault: *fault }),
        Event::ProcessStarted => made!(entry, n, ProcessStarted {}),
        Event::ProcessEnded(how) => made!(entry, n, ProcessEnded { how: *how }),
        Event::Sent { record, partition } => {
            made!(
                entry,
                n,
                Sent {
                    record: context.record(record.id).into(),
                    partition: partition.map(|place| n.place(place)),
                    key: record.key,
                    size: record.size,
                }
            )
        }
        Event::SendBlocked { record } => {
            made!(entry, n, SendBlocked { record: context.record(record.id).into() })
        }
        Event::Rejected { record, error } => {
            let record = context.record(record.id).into();
            made!(entry, n, Rejected { record: record, error: Code(*error) })
        }
        Event::Acked { partition, base_offset, by, records } => {
            made!(
                entry,
                n,
                Acked {
                    partition: n.place(*partition),
                    base_offset: MaybePosition(base_offset.0),
                    by: by.map(|broker| broker.0),
                    records: n.records(records),
                }
            )
        }
        Event::Failed { partition, records, error, maybe_written } => {
            made!(
                entry,
                n,
                Failed {
                    partition: partition.map(|place| n.place(place)),
                    records: n.records(records),
                    error: Code(*error),
                    maybe_written: *maybe_written,
                }
            )
        }
        Event::Retried { partition, first, error } => {
            made!(
                entry,
                n,
                Retried {
                    partition: n.place(*partition),
                    first: context.record(first.id).into(),
                    error: Code(*error),
                }
            )
        }
        Event::ProducerEpochBumped { partition } => {
            made!(entry, n, ProducerEpochBumped { partition: n.place(*partition) })
        }
        Event::Assigned { group, member, generation, partitions } => {
            made!(
                entry,
                n,
                Assigned {
                    group: context.group(*group).into(),
                    member: Some(member.0),
                    generation: generation_of(*generation),
                    partitions: n.places(partitions),
                }
            )
        }
        Event::Revoked { group, member, partitions } => {
            made!(
                entry,
                n,
                Revoked {
                    group: context.group(*group).into(),
                    member: Some(member.0),
                    partitions: n.places(partitions),
                }
            )
        }
        Event::Lost { group, member, partitions } => {
            made!(
                entry,
                n,
                Lost {
                    group: context.group(*group).into(),
                    member: Some(member.0),
                    partitions: n.places(partitions),
                }
            )
        }
        Event::Positioned { group, partition, offset, source } => {
            made!(
                entry,
                n,
                Positioned {
                    group: context.group(*group).into(),
                    partition: n.place(*partition),
                    offset: at(*offset),
                    source: *source,
                }
            )
        }
        Event::Polled { group, partition, base_offset, records } => {
            made!(
                entry,
                n,
                Polled {
                    group: context.group(*group).into(),
                    partition: n.place(*partition),
                    base_offset: at(*base_offset),
                    records: n.records(records),
                }
            )
        }
        Event::Processed { group, partition, offset, record, dead_lettered } => {
            made!(
                entry,
                n,
                Processed {
                    group: context.group(*group).into(),
                    partition: n.place(*partition),
                    offset: at(*offset),
                    record: context.record(record.id).into(),
                    dead_lettered: *dead_lettered,
                }
            )
        }
        Event::CommitSent { group, offsets } => {
            let (group, offsets) = (context.group(*group).into(), n.offsets(offsets));
            made!(entry, n, CommitSent { group: group, offsets: offsets })
        }
        Event::Committed { group, offsets } => {
            let (group, offsets) = (context.group(*group).into(), n.offsets(offsets));
            made!(entry, n, Committed { group: group, offsets: offsets })
        }
        Event::CommitFailed { group, offsets, error, maybe_written } => {
            made!(
                entry,
                n,
                CommitFailed {
                    group: context.group(*group).into(),
                    offsets: n.offsets(offsets),
                    error: Code(*error),
                    maybe_written: *maybe_written,
                }
            )
        }
        Event::Appended { partition, epoch, base_offset, next_offset, records, as_leader } => {
            made!(
                entry,
                n,
                Appended {
                    partition: n.place(*partition),
                    epoch: epoch_of(*epoch),
                    base_offset: at(*base_offset),
                    next_offset: at(*next_offset),
                    records: n.records(records),
                    as_leader: *as_leader,
                }
            )
        }
        Event::Truncated { partition, from, to } => {
            let partition = n.place(*partition);
            made!(entry, n, Truncated { partition: partition, from: at(*from), to: at(*to) })
        }
        Event::HighWatermark { partition, epoch, offset } => {
            let (partition, epoch) = (n.place(*partition), epoch_of(*epoch));
            made!(
                entry,
                n,
                HighWatermark { partition: partition, epoch: epoch, offset: at(*offset) }
            )
        }
        Event::BecameLeader { partition, epoch, log_end, high_watermark } => {
            made!(
                entry,
                n,
                BecameLeader {
                    partition: n.place(*partition),
                    epoch: epoch_of(*epoch),
                    log_end: at(*log_end),
                    high_watermark: at(*high_watermark),
                }
            )
        }
        Event::BecameFollower { partition, epoch, leader } => {
            made!(
                entry,
                n,
                BecameFollower {
                    partition: n.place(*partition),
                    epoch: epoch_of(*epoch),
                    leader: leader.map(|broker| broker.0),
                }
            )
        }
        Event::NotEnoughReplicas { partition, isr } => {
            made!(entry, n, NotEnoughReplicas { partition: n.place(*partition), isr: *isr })
        }
        Event::DuplicateBatch { partition, base_offset } => {
            let (partition, base_offset) = (n.place(*partition), at(*base_offset));
            made!(entry, n, DuplicateBatch { partition: partition, base_offset: base_offset })
        }
        Event::CoordinatorLoaded { partition } => {
            made!(entry, n, CoordinatorLoaded { partition: n.place(*partition) })
        }
        Event::Rebalanced { group, generation, members, reason } => {
            made!(
                entry,
                n,
                Rebalanced {
                    group: context.group(*group).into(),
                    generation: Generation(generation.0),
                    members: *members,
                    reason: reason.map(Reason),
                }
            )
        }
        Event::BrokerStarted => made!(entry, n, BrokerStarted {}),
        Event::LeaderElected { partition, leader, epoch, isr, unclean } => {
            made!(
                entry,
                n,
                LeaderElected {
                    partition: n.place(*partition),
                    leader: leader.map(|broker| broker.0),
                    epoch: epoch_of(*epoch),
                    isr: brokers(isr),
                    unclean: *unclean,
                }
            )
        }
        Event::IsrChanged { partition, before, isr } => {
            let partition = n.place(*partition);
            made!(
                entry,
                n,
                IsrChanged { partition: partition, before: brokers(before), isr: brokers(isr) }
            )
        }
        Event::Fenced { broker } => made!(entry, n, Fenced { broker: broker.0 }),
        Event::Unfenced { broker } => made!(entry, n, Unfenced { broker: broker.0 }),
        Event::FinalRead { partition, base_offset, records } => {
            made!(
                entry,
                n,
                FinalRead {
                    partition: n.place(*partition),
                    base_offset: at(*base_offset),
                    records: n.records(records),
                }
            )
        }
        Event::FinalReadDone { partition, start, end } => {
            let partition = n.place(*partition);
            made!(
                entry,
                n,
                FinalReadDone { partition: partition, start: at(*start), end: at(*end) }
            )
        }
        Event::FinalReadBy { partition, broker, epoch } => {
            made!(
                entry,
                n,
                FinalReadBy {
                    partition: n.place(*partition),
                    broker: broker.0,
                    epoch: Epoch(epoch.0),
                }
            )
        }
    }
}

/// The names of a context as texts.
struct Names<'a>(&'a Context);

impl<'a> Names<'a> {
    fn node(&self, node: NodeId) -> Text<'a> {
        self.0.node(node).into()
    }

    fn place(&self, place: TopicPartition) -> Text<'a> {
        self.0.partition(place).into()
    }

    fn places(&self, places: &[TopicPartition]) -> Vec<Text<'a>> {
        places.iter().map(|place| self.place(*place)).collect()
    }

    fn records(&self, records: &RecordSlice) -> Vec<Text<'a>> {
        records.iter().map(|record| self.0.record(record.id).into()).collect()
    }

    fn offsets(&self, offsets: &[(TopicPartition, Offset)]) -> Offsets<'a> {
        let pair = |(place, offset): &(TopicPartition, Offset)| (self.place(*place), at(*offset));
        Offsets(offsets.iter().map(pair).collect())
    }
}

const fn at(offset: Offset) -> Position {
    Position(offset.0)
}

const fn epoch_of(epoch: LeaderEpoch) -> Epoch {
    Epoch(epoch.0)
}

fn generation_of(generation: GenerationId) -> Option<Generation> {
    (generation != GenerationId::UNKNOWN).then_some(Generation(generation.0))
}

fn brokers(ids: &[BrokerId]) -> Vec<u16> {
    ids.iter().map(|broker| broker.0).collect()
}
