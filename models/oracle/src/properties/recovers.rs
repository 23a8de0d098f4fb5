//! `recovers`: when the liveness bound after the healing of all faults is over, every partition has a
//! leader and a full in-sync set, no send is open, and every group has reached the high watermark.
//!
//! Source: bug corpus §10.3. A witness is a partition, a group's partition, or the set of open sends. Judged when the final read begins, if a settle phase came before. A group
//! has reached what it processed or was positioned at: skipped records are `at-least-once`'s business.
//! Sends of a process that ended are open no more. Histories without elections are judged by the
//! clients' side alone, and so is a partition without one. Broken on purpose by retry livelocks and in-sync sets that never grow.

use crate::context::Context;
use crate::history::{Entry, Event, Phase};
use crate::kind::Kind;
use crate::places::{GroupPlaces, Places};
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{BrokerId, GroupId, Offset, ProducerIndex, TopicId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::ProcessEnded,
    Kind::Sent,
    Kind::Acked,
    Kind::Failed,
    Kind::Rejected,
    Kind::Positioned,
    Kind::Processed,
    Kind::HighWatermark,
    Kind::LeaderElected,
    Kind::IsrChanged,
];

/// A partition as the controller sees it.
#[derive(Debug, Default)]
struct State {
    /// None: no election is on record.
    leader: Option<Option<BrokerId>>,
    isr: usize,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    settling: bool,
    judged: bool,
    states: BTreeMap<TopicPartition, State>,
    watermarks: Places<Option<Offset>>,
    open: RecordSet,
    reached: GroupPlaces<Option<Offset>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            settling: false,
            judged: false,
            states: BTreeMap::new(),
            watermarks: Places::default(),
            open: RecordSet::default(),
            reached: GroupPlaces::default(),
        }
    }

    fn reach(&mut self, group: GroupId, place: TopicPartition, offset: Offset) {
        let reached = self.reached.of(group, place);
        *reached = (*reached).max(Some(offset));
    }

    fn judge(&mut self, entry: &Entry) {
        self.judged = true;
        if !self.states.is_empty() {
            self.judge_replicas(entry);
        }
        self.report.judged(1);
        let open = self.open.iter().count();
        if let Some(first) = self.open.iter().next() {
            let context = &self.context;
            self.report.violated(entry, || {
                let first = context.record(first);
                format!("{open} sends have no outcome, the first of {first}")
            });
        }
        self.judge_lag(entry);
    }

    fn judge_replicas(&mut self, entry: &Entry) {
        for (index, topic) in self.context.topics.iter().enumerate() {
            let id = TopicId(u16::try_from(index).expect("a topic's id is a u16"));
            for partition in 0..topic.partitions {
                let state = self.states.get(&TopicPartition::new(id, partition));
                let Some(&State { leader: Some(leader), isr }) = state else { continue };
                self.report.judged(1);
                if leader.is_some() && isr >= usize::from(topic.replication_factor) {
                    continue;
                }
                self.report.violated(entry, || {
                    let name = &topic.name;
                    let what = match leader {
                        None => "has no leader".to_owned(),
                        Some(_) => {
                            format!("has {isr} of {} replicas in sync", topic.replication_factor)
                        }
                    };
                    format!("{name}-{partition} {what} at the end")
                });
            }
        }
    }

    fn judge_lag(&mut self, entry: &Entry) {
        for (index, group) in self.context.groups.iter().enumerate() {
            let id = GroupId(u16::try_from(index).expect("a group's id is a u16"));
            for (place, end) in self.watermarks.iter() {
                let Some(end) = end.filter(|end| *end > Offset(0)) else { continue };
                if !group.topics.contains(&place.topic) {
                    continue;
                }
                self.report.judged(1);
                let reached = self.reached.get(id, place).copied().flatten();
                if reached.is_some_and(|reached| reached >= end) {
                    continue;
                }
                let context = &self.context;
                self.report.violated(entry, || {
                    let (name, place) = (&group.name, context.partition(place));
                    let what = reached.map_or_else(
                        || format!("never had a position in {place}"),
                        |at| format!("is {} records behind in {place} (at {at})", end - at),
                    );
                    format!("{name} {what}; the high watermark is {end}")
                });
            }
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Phase(Phase::Settle) => self.settling = true,
            Event::Phase(Phase::FinalRead) if self.settling => self.judge(entry),
            Event::ProcessEnded(_) => {
                for (index, producer) in self.context.producers.iter().enumerate() {
                    if producer.node == entry.node {
                        let index = u16::try_from(index).expect("a producer's index is a u16");
                        self.open.clear(ProducerIndex(index));
                    }
                }
            }
            Event::Sent { record, .. } => {
                self.open.insert(record.id);
            }
            Event::Rejected { record, .. } => {
                self.open.remove(record.id);
            }
            Event::Acked { records, .. } | Event::Failed { records, .. } => {
                for record in records.iter() {
                    self.open.remove(record.id);
                }
            }
            Event::Positioned { group, partition, offset, .. } => {
                self.reach(*group, *partition, *offset);
            }
            Event::Processed { group, partition, offset, .. } => {
                self.reach(*group, *partition, *offset + 1);
            }
            Event::HighWatermark { partition, offset, .. } => {
                *self.watermarks.of(*partition) = Some(*offset);
            }
            Event::LeaderElected { partition, leader, isr, .. } => {
                self.states.insert(*partition, State { leader: Some(*leader), isr: isr.len() });
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.states.entry(*partition).or_default().isr = isr.len();
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        if !self.judged {
            self.report.unjudged(|| {
                "the history has no phase \"settle\" followed by \"final_read\"".to_owned()
            });
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, Phase};
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "recovers";

    /// A healed run whose last steps are `events`. The context's other topic recovers as well.
    fn run(mut events: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
        let (node, mut offsets) = elected(1, 0, &[1, 2, 3]);
        if let Event::LeaderElected { partition, .. } = &mut offsets {
            partition.topic = ackproof_types::TopicId::CONSUMER_OFFSETS;
        }
        events.insert(0, (node, offsets));
        events.push(phase(Phase::Settle));
        events.push(phase(Phase::FinalRead));
        events
    }

    #[test]
    fn no_leader_an_open_send_and_lag_each_violate() {
        let events = run(vec![elected(0, 1, &[1]), sent(0), high_watermark(1, 0, 1)]);
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 3));
    }

    #[test]
    fn a_healthy_end_holds() {
        let events = run(vec![
            elected(1, 0, &[1, 2, 3]),
            sent(0),
            high_watermark(1, 0, 1),
            acked(0, &[0]),
            processed(0, 0),
        ]);
        let result = judge(NAME, events);
        assert_eq!(result.judgement, Judgement::Held, "{:?}", result.violations);
    }

    #[test]
    fn without_settling_nothing_is_judged() {
        let events = vec![elected(0, 0, &[1]), phase(Phase::FinalRead)];
        assert_eq!(judge(NAME, events).judgement, Judgement::Vacuous);
    }
}
