//! From a line to its event: every line, by an exhaustive match. Names become indices, and what a judge
//! takes for granted is made sure of here: partitions that exist, brokers that append, offsets in order.
//!
//! - `names` from a name to what it stands for

mod names;

use super::budget::Budget;
use super::claims::Claims;
use super::lines::Line;
use super::text::{Position, Text};
use crate::context::Context;
use crate::history::Event;
use crate::record_set::RecordSet;
use ackproof_types::{
    GenerationId, GroupId, LeaderEpoch, MemberId, NodeId, Offset, ProducerIndex, Record, RecordId,
    RecordSlice, TopicId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is wrong, the part of the line that it is about, and a hint.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) what: String,
    /// Where in memory the text is that is wrong.
    pub(super) text: Option<usize>,
    pub(super) hint: Option<String>,
}

impl Mistake {
    fn new(what: String) -> Self {
        Self { what, text: None, hint: None }
    }

    fn about(what: String, text: &Text<'_>, hint: Option<String>) -> Self {
        Self { what, text: Some(text.as_ptr() as usize), hint }
    }
}

type Found<T> = Result<T, Mistake>;

/// What names stand for, and what was said so far.
#[derive(Debug)]
pub(super) struct Names {
    context: Arc<Context>,
    nodes: BTreeMap<String, NodeId>,
    topics: BTreeMap<String, TopicId>,
    producers: BTreeMap<String, ProducerIndex>,
    groups: BTreeMap<String, GroupId>,
    sent: RecordSet,
    budget: Budget,
    claims: Claims,
}

fn by_name<'c, T>(
    names: impl Iterator<Item = &'c str>,
    make: impl Fn(u16) -> T,
) -> BTreeMap<String, T> {
    names.map(str::to_owned).zip((0..=u16::MAX).map(make)).collect()
}

impl Names {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self {
            nodes: by_name(context.nodes.iter().map(String::as_str), NodeId),
            topics: by_name(context.topics.iter().map(|topic| topic.name.as_str()), TopicId),
            producers: by_name(context.producers.iter().map(|p| p.name.as_str()), ProducerIndex),
            groups: by_name(context.groups.iter().map(|group| group.name.as_str()), GroupId),
            sent: RecordSet::default(),
            budget: Budget::default(),
            claims: Claims::default(),
            context: Arc::clone(context),
        }
    }

    /// The node and the event of `line`.
    pub(super) fn event(&mut self, line: &Line<'_>) -> Found<(NodeId, Event)> {
        let (_, _, node) = line.head();
        let node = node.map(|name| self.node(name)).transpose()?;
        let event = match line {
            Line::PhaseLine(_)
            | Line::FaultStarted(_)
            | Line::FaultEnded(_)
            | Line::ProcessStarted(_)
            | Line::ProcessEnded(_) => self.run(line)?,
            Line::SendBlocked(_)
            | Line::Sent(_)
            | Line::Rejected(_)
            | Line::Acked(_)
            | Line::Failed(_)
            | Line::Retried(_)
            | Line::ProducerEpochBumped(_) => self.produced(line)?,
            Line::Assigned(_)
            | Line::Revoked(_)
            | Line::Lost(_)
            | Line::Positioned(_)
            | Line::Polled(_)
            | Line::Processed(_)
            | Line::CommitSent(_)
            | Line::Committed(_)
            | Line::CommitFailed(_) => self.consumed(line)?,
            Line::Appended(_)
            | Line::Truncated(_)
            | Line::HighWatermark(_)
            | Line::BecameLeader(_)
            | Line::BecameFollower(_)
            | Line::NotEnoughReplicas(_)
            | Line::DuplicateBatch(_)
            | Line::CoordinatorLoaded(_)
            | Line::BrokerStarted(_) => {
                let brokers = 1..=self.context.brokers;
                if !node.is_some_and(|node| brokers.contains(&node.0)) {
                    let what = "this happens at a broker: \"node\":\"broker-1\"".to_owned();
                    return Err(Mistake::new(what));
                }
                self.replicated(line)?
            }
            Line::Rebalanced(_)
            | Line::LeaderElected(_)
            | Line::IsrChanged(_)
            | Line::Fenced(_)
            | Line::Unfenced(_)
            | Line::FinalRead(_)
            | Line::FinalReadDone(_)
            | Line::FinalReadBy(_) => self.decided(line)?,
        };
        let node = self.place_of(node, &event)?;
        let context = &self.context;
        let (name, place) = (|id| context.record(id), |at| context.partition(at));
        self.claims.check(node, &event, name, place).map_err(Mistake::new)?;
        Ok((node, event))
    }

    /// Where an event happened that does not say it: only where nothing rests on it, or the event tells.
    fn place_of(&self, node: Option<NodeId>, event: &Event) -> Found<NodeId> {
        if let Some(node) = node {
            return Ok(node);
        }
        let of = |record: Option<&Record>| {
            record.map(|record| self.context.producer(record.id.producer).node)
        };
        let found = match event {
            Event::SendBlocked { record }
            | Event::Sent { record, .. }
            | Event::Rejected { record, .. } => of(Some(record)),
            Event::Acked { records, .. } | Event::Failed { records, .. } => of(records.first()),
            Event::Retried { first, .. } => of(Some(first)),
            Event::Phase(_)
            | Event::FaultStarted { .. }
            | Event::FaultEnded { .. }
            | Event::Rebalanced { .. }
            | Event::LeaderElected { .. }
            | Event::IsrChanged { .. }
            | Event::Fenced { .. }
            | Event::Unfenced { .. }
            | Event::FinalRead { .. }
            | Event::FinalReadDone { .. }
            | Event::FinalReadBy { .. } => Some(NodeId::CONTROLLER),
            Event::ProcessStarted
            | Event::ProcessEnded(_)
            | Event::ProducerEpochBumped { .. }
            | Event::Assigned { .. }
            | Event::Revoked { .. }
            | Event::Lost { .. }
            | Event::Positioned { .. }
            | Event::Polled { .. }
            | Event::Processed { .. }
            | Event::CommitSent { .. }
            | Event::Committed { .. }
            | Event::CommitFailed { .. }
            | Event::Appended { .. }
            | Event::Truncated { .. }
            | Event::HighWatermark { .. }
            | Event::BecameLeader { .. }
            | Event::BecameFollower { .. }
            | Event::NotEnoughReplicas { .. }
            | Event::DuplicateBatch { .. }
            | Event::CoordinatorLoaded { .. }
            | Event::BrokerStarted => None,
        };
        found.ok_or_else(|| Mistake::new("missing field `node`: the process it happened at".into()))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
    fn run(&self, line: &Line<'_>) -> Found<Event> {
        Ok(match line {
            Line::PhaseLine(one) => Event::Phase(one.phase),
            Line::FaultStarted(one) => Event::FaultStarted {
                fault: one.fault,
                target: one.target.as_ref().map(|name| self.node(name)).transpose()?,
                text: (*one.text).into(),
            },
            Line::FaultEnded(one) => Event::FaultEnded { fault: one.fault },
            Line::ProcessStarted(_) => Event::ProcessStarted,
            Line::ProcessEnded(one) => Event::ProcessEnded(one.how),
            _ => unreachable!("the caller sends only its own kinds"),
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
    fn produced(&mut self, line: &Line<'_>) -> Found<Event> {
        Ok(match line {
            Line::SendBlocked(one) => Event::SendBlocked { record: plain(self.id(&one.record)?) },
            Line::Sent(one) => {
                let record = Record { id: self.id(&one.record)?, key: one.key, size: one.size };
                let partition =
                    one.partition.as_ref().map(|place| self.place(place)).transpose()?;
                if let (Some(place), Some(text)) = (partition, &one.partition) {
                    self.written(place, text, &RecordSlice::whole([record].into()))?;
                }
                self.sent.insert(record.id);
                Event::Sent { record, partition }
            }
            Line::Rejected(one) => {
                let record = plain(self.id(&one.record)?);
                self.sent.insert(record.id);
                Event::Rejected { record, error: one.error.0 }
            }
            Line::Acked(one) => {
                let partition = self.place(&one.partition)?;
                let records = self.outcome(&one.records)?;
                self.written(partition, &one.partition, &records)?;
                let base_offset = Offset(one.base_offset.0);
                if base_offset != Offset::UNKNOWN {
                    self.spans(partition, base_offset, records.len())?;
                }
                let by = one.by.map(|id| self.broker(id)).transpose()?;
                Event::Acked { partition, base_offset, by, records }
            }
            Line::Failed(one) => {
                let records = self.outcome(&one.records)?;
                let partition =
                    one.partition.as_ref().map(|place| self.place(place)).transpose()?;
                if let (Some(partition), Some(text)) = (partition, &one.partition) {
                    self.written(partition, text, &records)?;
                }
                let (error, maybe_written) = (one.error.0, one.maybe_written);
                Event::Failed { partition, records, error, maybe_written }
            }
            Line::Retried(one) => Event::Retried {
                partition: self.place(&one.partition)?,
                first: plain(self.id(&one.first)?),
                error: one.error.0,
            },
            Line::ProducerEpochBumped(one) => {
                Event::ProducerEpochBumped { partition: self.place(&one.partition)? }
            }
            _ => unreachable!("the caller sends only its own kinds"),
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
    fn consumed(&mut self, line: &Line<'_>) -> Found<Event> {
        let member = |member: Option<u64>| MemberId(member.unwrap_or(0));
        Ok(match line {
            Line::Assigned(one) => Event::Assigned {
                group: self.group(&one.group)?,
                member: member(one.member),
                generation: one.generation.map_or(GenerationId::UNKNOWN, |one| GenerationId(one.0)),
                partitions: self.places(&one.partitions)?,
            },
            Line::Revoked(one) => Event::Revoked {
                group: self.group(&one.group)?,
                member: member(one.member),
                partitions: self.places(&one.partitions)?,
            },
            Line::Lost(one) => Event::Lost {
                group: self.group(&one.group)?,
                member: member(one.member),
                partitions: self.places(&one.partitions)?,
            },
            Line::Positioned(one) => Event::Positioned {
                group: self.group(&one.group)?,
                partition: self.place(&one.partition)?,
                offset: at(one.offset),
                source: one.source,
            },
            Line::Polled(one) => {
                let (group, partition) = (self.group(&one.group)?, self.place(&one.partition)?);
                let (base_offset, records) = (at(one.base_offset), self.records(&one.records)?);
                self.spans(partition, base_offset, records.len())?;
                Event::Polled { group, partition, base_offset, records }
            }
            Line::Processed(one) => {
                let (group, partition) = (self.group(&one.group)?, self.place(&one.partition)?);
                let (offset, record) = (at(one.offset), plain(self.id(&one.record)?));
                self.spans(partition, offset, 1)?;
                let dead_lettered = one.dead_lettered;
                Event::Processed { group, partition, offset, record, dead_lettered }
            }
            Line::CommitSent(one) => {
                let (group, offsets) = (self.group(&one.group)?, self.offsets(&one.offsets)?);
                Event::CommitSent { group, offsets }
            }
            Line::Committed(one) => {
                let (group, offsets) = (self.group(&one.group)?, self.offsets(&one.offsets)?);
                Event::Committed { group, offsets }
            }
            Line::CommitFailed(one) => Event::CommitFailed {
                group: self.group(&one.group)?,
                offsets: self.offsets(&one.offsets)?,
                error: one.error.0,
                maybe_written: one.maybe_written,
            },
            _ => unreachable!("the caller sends only its own kinds"),
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
    fn replicated(&mut self, line: &Line<'_>) -> Found<Event> {
        Ok(match line {
            Line::Appended(one) => {
                let (partition, epoch) = (self.place(&one.partition)?, LeaderEpoch(one.epoch.0));
                let (base_offset, next_offset) = (at(one.base_offset), at(one.next_offset));
                let records = self.records(&one.records)?;
                if base_offset.plus(records.len()) > next_offset {
                    let what = "next_offset is one past the last of the records";
                    return Err(Mistake::new(what.to_owned()));
                }
                let length = usize::try_from(next_offset - base_offset).unwrap_or(usize::MAX);
                self.spans(partition, base_offset, length)?;
                let as_leader = one.as_leader;
                Event::Appended { partition, epoch, base_offset, next_offset, records, as_leader }
            }
            Line::Truncated(one) => Event::Truncated {
                partition: self.place(&one.partition)?,
                from: at(one.from),
                to: at(one.to),
            },
            Line::HighWatermark(one) => Event::HighWatermark {
                partition: self.place(&one.partition)?,
                epoch: LeaderEpoch(one.epoch.0),
                offset: at(one.offset),
            },
            Line::BecameLeader(one) => Event::BecameLeader {
                partition: self.place(&one.partition)?,
                epoch: LeaderEpoch(one.epoch.0),
                log_end: at(one.log_end),
                high_watermark: at(one.high_watermark),
            },
            Line::BecameFollower(one) => Event::BecameFollower {
                partition: self.place(&one.partition)?,
                epoch: LeaderEpoch(one.epoch.0),
                leader: one.leader.map(|id| self.broker(id)).transpose()?,
            },
            Line::NotEnoughReplicas(one) => {
                Event::NotEnoughReplicas { partition: self.place(&one.partition)?, isr: one.isr }
            }
            Line::DuplicateBatch(one) => Event::DuplicateBatch {
                partition: self.place(&one.partition)?,
                base_offset: at(one.base_offset),
            },
            Line::CoordinatorLoaded(one) => {
                Event::CoordinatorLoaded { partition: self.place(&one.partition)? }
            }
            Line::BrokerStarted(_) => Event::BrokerStarted,
            _ => unreachable!("the caller sends only its own kinds"),
        })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the caller sends only its own kinds")]
    fn decided(&mut self, line: &Line<'_>) -> Found<Event> {
        Ok(match line {
            Line::Rebalanced(one) => Event::Rebalanced {
                group: self.group(&one.group)?,
                generation: GenerationId(one.generation.0),
                members: one.members,
                reason: one.reason.map(|reason| reason.0),
            },
            Line::LeaderElected(one) => Event::LeaderElected {
                partition: self.place(&one.partition)?,
                leader: one.leader.map(|id| self.broker(id)).transpose()?,
                epoch: LeaderEpoch(one.epoch.0),
                isr: self.brokers(&one.isr)?,
                unclean: one.unclean,
            },
            Line::IsrChanged(one) => Event::IsrChanged {
                partition: self.place(&one.partition)?,
                before: self.brokers(&one.before)?,
                isr: self.brokers(&one.isr)?,
            },
            Line::Fenced(one) => Event::Fenced { broker: self.broker(one.broker)? },
            Line::Unfenced(one) => Event::Unfenced { broker: self.broker(one.broker)? },
            Line::FinalRead(one) => {
                let (partition, base_offset) = (self.place(&one.partition)?, at(one.base_offset));
                let records = self.records(&one.records)?;
                self.spans(partition, base_offset, records.len())?;
                Event::FinalRead { partition, base_offset, records }
            }
            Line::FinalReadDone(one) => {
                let (partition, start, end) =
                    (self.place(&one.partition)?, at(one.start), at(one.end));
                if start > end {
                    let what = format!("the log starts at {start}, past its end {end}");
                    return Err(Mistake::new(what));
                }
                Event::FinalReadDone { partition, start, end }
            }
            Line::FinalReadBy(one) => Event::FinalReadBy {
                partition: self.place(&one.partition)?,
                broker: self.broker(one.broker)?,
                epoch: LeaderEpoch(one.epoch.0),
            },
            _ => unreachable!("the caller sends only its own kinds"),
        })
    }
}

const fn plain(id: RecordId) -> Record {
    Record { id, key: None, size: 0 }
}

const fn at(offset: Position) -> Offset {
    Offset(offset.0)
}
