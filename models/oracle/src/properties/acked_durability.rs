//! `acked-durability`: every acknowledged record is in the log at the end, at the acknowledged offset.
//!
//! Source: bug corpus §10.2 AckedDurable and AckMatch. A witness is an acknowledged record whose place
//! was read at the end. It does *not* speak of `acks=0`, of records below the log's start (retention),
//! of partitions that were not read to the end, nor of delivery. Each loss names its cause: who took
//! the lead without the record, and which setting allowed it. Keeps 8 bytes an acknowledged record.
//! Broken on purpose by `trunc-to-hw`, `hw-ignores-followers`, unclean elections and `acks=1`.

use crate::cause::LossCause;
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::OffsetTable;
use crate::report::{Report, instant};
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::{BrokerId, LeaderEpoch, NodeId, Offset, RecordId, Timestamp, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Acked,
    Kind::BecameLeader,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::FinalRead,
    Kind::FinalReadDone,
];

/// Who took the lead without an acknowledged record, and why that could be.
#[derive(Clone, Copy, Debug)]
struct Doom {
    cause: LossCause,
    leader: NodeId,
    epoch: LeaderEpoch,
    at: Timestamp,
}

/// A partition.
#[derive(Debug, Default)]
struct Log {
    acked: OffsetTable,
    /// Acknowledged at an offset that was later acknowledged for another record.
    displaced: BTreeSet<(i64, RecordId)>,
    leader: Option<(LeaderEpoch, NodeId)>,
    unclean: Option<LeaderEpoch>,
    isr: Arc<[BrokerId]>,
    doomed: BTreeMap<(i64, RecordId), Doom>,
    /// What the final read found at places where it was not awaited.
    found: BTreeMap<i64, RecordId>,
    is_read: bool,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    logs: Places<Log>,
}

impl Log {
    /// A broker took the lead with a log that ends at `end`: what was acknowledged from there on is
    /// not in it.
    fn led(
        &mut self,
        entry: &Entry,
        (partition, epoch): (TopicPartition, LeaderEpoch),
        end: Offset,
        context: &Context,
    ) {
        let topic = &context.topics[partition.topic.index()];
        if self.leader.is_some_and(|(led, _)| led > epoch) {
            return;
        }
        let came_back = self.leader.is_none_or(|(_, before)| before == entry.node);
        self.leader = Some((epoch, entry.node));
        let alone = self.isr.len() == 1 && NodeId::from(self.isr[0]) == entry.node;
        for (offset, id) in self.acked.from(end.0) {
            // A cause names a setting only where the topic or the producer has it.
            let cause = if self.unclean == Some(epoch) {
                if topic.unclean_leader_election {
                    LossCause::UncleanElection
                } else {
                    LossCause::Replication
                }
            } else if context.producer(id.producer).acks == "1" {
                LossCause::AcksOne
            } else if alone && came_back && topic.min_insync_replicas <= 1 {
                LossCause::LastReplica
            } else {
                LossCause::Replication
            };
            let doom = Doom { cause, leader: entry.node, epoch, at: entry.at };
            self.doomed.entry((offset, id)).or_insert(doom);
        }
    }

    fn ack(
        &mut self,
        entry: &Entry,
        by: Option<BrokerId>,
        offset: i64,
        id: RecordId,
        context: &Context,
    ) {
        if self.is_read {
            return;
        }
        if self.found.get(&offset) == Some(&id) {
            self.found.remove(&offset);
            return;
        }
        if let Some(other) = self.acked.enter(offset, id).filter(|other| *other != id) {
            self.displaced.insert((offset, other));
        }
        // With acks=all a stale leader cannot answer; its answer was under way.
        let stale =
            self.leader.filter(|(_, leader)| by.is_some_and(|by| *leader != NodeId::from(by)));
        if let Some((epoch, leader)) = stale
            && context.producer(id.producer).acks == "1"
        {
            let doom = Doom { cause: LossCause::StaleLeader, leader, epoch, at: entry.at };
            self.doomed.insert((offset, id), doom);
        }
    }

    /// The final read found `id` at `offset`; whether that was awaited.
    fn find(&mut self, offset: i64, id: RecordId) -> bool {
        let awaited = self.acked.strike(offset, id)
            || (!self.displaced.is_empty() && self.displaced.remove(&(offset, id)));
        if !awaited || self.displaced.range((offset, FIRST)..=(offset, LAST)).next().is_some() {
            self.found.insert(offset, id);
        }
        awaited
    }
}

const FIRST: RecordId = RecordId { producer: ackproof_types::ProducerIndex(0), number: 0 };
const LAST: RecordId =
    RecordId { producer: ackproof_types::ProducerIndex(u16::MAX), number: u32::MAX };

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self { report: Report::new(name), context: Arc::clone(context), logs: Places::default() }
    }

    fn done(&mut self, entry: &Entry, partition: TopicPartition, start: Offset) {
        let log =
            std::mem::replace(self.logs.of(partition), Log { is_read: true, ..Log::default() });
        let mut missing: Vec<(i64, RecordId)> = log.acked.from(start.0).collect();
        missing.extend(log.displaced.iter().filter(|(offset, _)| *offset >= start.0));
        missing.sort_unstable();
        for (offset, id) in missing {
            self.report.judged(1);
            let doom = log.doomed.get(&(offset, id));
            let cause = match doom {
                Some(doom) => doom.cause,
                // Who led is on record, and nobody lacked it.
                None if log.leader.is_some() => LossCause::Replication,
                None if self.context.producer(id.producer).acks == "1" => LossCause::AcksOne,
                None => LossCause::NotOnRecord,
            };
            let subject = Subject { record: id, partition, offset: Offset(offset), group: None };
            let (context, found) = (&self.context, log.found.get(&offset));
            let why = (cause, doom.map(|doom| doom.at));
            self.report.lost((entry.seq, entry.at), why, subject, || {
                words(context, &subject, found.copied(), cause, doom)
            });
        }
    }
}

fn words(
    context: &Context,
    subject: &Subject,
    found: Option<RecordId>,
    cause: LossCause,
    doom: Option<&Doom>,
) -> String {
    let (name, place) = (context.record(subject.record), context.partition(subject.partition));
    let instead = found.map_or_else(|| "nothing".to_owned(), |other| context.record(other));
    let how = doom.map_or_else(String::new, |doom| {
        let (who, at) = (context.node(doom.leader), instant(doom.at));
        match doom.cause {
            LossCause::StaleLeader => {
                format!("; {who} led (epoch {}) when the answer arrived at {at}", doom.epoch)
            }
            _ => format!("; {who} took the lead without it (epoch {}) at {at}", doom.epoch),
        }
    });
    format!(
        "{name} was acknowledged at {place} offset {}, where the log holds {instead} at the end. \
         {}{how}",
        subject.offset,
        cause.about()
    )
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Acked { partition, base_offset, by, records }
                if *base_offset != Offset::UNKNOWN =>
            {
                let log = self.logs.of(*partition);
                for (index, record) in records.iter().enumerate() {
                    let offset = base_offset.plus(index).0;
                    log.ack(entry, *by, offset, record.id, &self.context);
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                let place = (*partition, *epoch);
                self.logs.of(*partition).led(entry, place, *log_end, &self.context);
            }
            Event::LeaderElected { partition, epoch, isr, unclean, .. } => {
                let log = self.logs.of(*partition);
                log.isr = Arc::clone(isr);
                if *unclean {
                    log.unclean = Some(*epoch);
                }
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.logs.of(*partition).isr = Arc::clone(isr);
            }
            Event::FinalRead { partition, base_offset, records } => {
                let log = self.logs.of(*partition);
                for (index, record) in records.iter().enumerate() {
                    if log.find(base_offset.plus(index).0, record.id) {
                        self.report.judged(1);
                    }
                }
            }
            Event::FinalReadDone { partition, start, .. } => {
                self.done(entry, *partition, *start);
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        let unread =
            self.logs.iter().find(|(_, log)| !log.is_read && log.acked.from(0).next().is_some());
        if let Some((place, _)) = unread {
            let context = &self.context;
            self.report.unjudged(|| {
                format!("the history has no final_read_done of {}", context.partition(place))
            });
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "acked-durability";

    fn took_lead(broker: u16, epoch: i32, end: i64) -> (u16, Event) {
        let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
        let high_watermark = Offset(0);
        (broker, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
    }

    fn cause_of(acks: &str, events: Vec<(u16, Event)>) -> (LossCause, String) {
        cause_in(&context(), acks, events)
    }

    fn cause_in(context: &Context, acks: &str, events: Vec<(u16, Event)>) -> (LossCause, String) {
        let mut context = context.clone();
        context.producers[0].acks = acks.into();
        let result = judge_in(&context, NAME, events);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
        let first = result.violations[0].clone();
        let counted = (None, first.cause.expect("a loss has a cause"));
        assert_eq!(result.causes.get(&counted), Some(&1));
        (first.cause.expect("a loss has a cause"), first.summary)
    }

    /// A record is acknowledged by broker 1, which leads all three; then this.
    fn loss(last: Vec<(u16, Event)>) -> Vec<(u16, Event)> {
        let mut events = vec![elected(1, 0, &[1, 2, 3]), took_lead(1, 0, 0), sent(0)];
        events.extend([appended(1, 0, 0, &[0]), acked(0, &[0])]);
        events.extend(last);
        events.push(final_done(0));
        events
    }

    fn unclean() -> Vec<(u16, Event)> {
        let (node, mut unclean) = elected(3, 1, &[3]);
        if let Event::LeaderElected { unclean, .. } = &mut unclean {
            *unclean = true;
        }
        loss(vec![(node, unclean), took_lead(3, 1, 0)])
    }

    /// The leader was the last in sync, and comes back without the record.
    fn alone() -> Vec<(u16, Event)> {
        loss(vec![elected(0, 1, &[1]), elected(1, 2, &[1]), took_lead(1, 2, 0)])
    }

    /// `context` with these settings of the topic.
    fn with(min_insync_replicas: u16, unclean_leader_election: bool) -> Context {
        let mut context = context();
        for topic in &mut context.topics {
            topic.min_insync_replicas = min_insync_replicas;
            topic.unclean_leader_election = unclean_leader_election;
        }
        context
    }

    #[test]
    fn a_loss_names_its_cause() {
        let crash = || loss(vec![elected(2, 1, &[2, 3]), took_lead(2, 1, 0)]);
        let (cause, summary) = cause_of("1", crash());
        assert_eq!(cause, LossCause::AcksOne);
        assert!(summary.contains("acks=1: the leader answered before every"), "{summary}");
        assert!(
            summary.contains("broker-2 took the lead without it (epoch 1) at 6.000s"),
            "{summary}"
        );
        assert_eq!(cause_of("all", crash()).0, LossCause::Replication);
        assert_eq!(cause_in(&with(2, true), "all", unclean()).0, LossCause::UncleanElection);
        assert_eq!(cause_in(&with(1, false), "all", alone()).0, LossCause::LastReplica);
    }

    #[test]
    fn a_setting_that_is_not_there_is_no_cause() {
        for acks in ["all", "1"] {
            let (cause, _) = cause_in(&with(2, false), acks, unclean());
            assert_eq!(cause, LossCause::Replication, "acks={acks}: unclean elections are off");
        }
        let (cause, summary) = cause_in(&with(2, false), "all", alone());
        assert_eq!(cause, LossCause::Replication, "min.insync.replicas=2");
        assert!(summary.contains("no setting explains it"), "{summary}");
        // The last in sync is another than the one that answered: it has what was acknowledged.
        let other = loss(vec![elected(2, 1, &[2]), took_lead(2, 1, 0)]);
        assert_eq!(cause_in(&with(1, false), "all", other).0, LossCause::Replication);
        for (settings, events) in [(with(1, false), unclean()), (with(1, true), alone())] {
            let (cause, _) = cause_in(&settings, "all", events);
            assert_ne!(cause, LossCause::UncleanElection);
        }
    }

    #[test]
    fn an_answer_of_a_replaced_leader_is_named() {
        let events =
            vec![took_lead(1, 0, 0), took_lead(2, 1, 0), sent(0), acked(0, &[0]), final_done(0)];
        assert_eq!(cause_of("1", events).0, LossCause::StaleLeader);
    }

    #[test]
    fn of_two_records_acknowledged_at_one_offset_one_is_lost() {
        let events = vec![
            sent(0),
            sent(1),
            acked(0, &[0]),
            acked(0, &[1]),
            final_read(0, &[1]),
            final_done(1),
        ];
        let (_, summary) = cause_of("all", events);
        assert!(summary.contains("holds billing-0#1 at the end"), "{summary}");
        let other = vec![
            sent(0),
            sent(1),
            acked(0, &[0]),
            acked(0, &[1]),
            final_read(0, &[0]),
            final_done(1),
        ];
        let (_, summary) = cause_of("all", other);
        assert!(summary.contains("billing-0#1 was acknowledged"), "{summary}");
    }

    #[test]
    fn a_record_at_its_offset_holds_also_if_the_answer_is_late() {
        let result =
            judge(NAME, vec![sent(0), acked(0, &[0, 1]), final_read(0, &[0, 1]), final_done(2)]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
        let late =
            vec![sent(0), acked(0, &[1]), final_read(0, &[1, 0]), acked(1, &[0]), final_done(2)];
        assert_eq!(judge(NAME, late).judgement, Judgement::Held);
    }

    #[test]
    fn a_record_below_the_logs_start_is_not_judged() {
        let done = (0, Event::FinalReadDone { partition: P, start: Offset(1), end: Offset(2) });
        let result = judge(NAME, vec![acked(0, &[0, 1]), final_read(1, &[1]), done]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 1));
    }

    #[test]
    fn without_a_final_read_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![sent(0), acked(0, &[0])]).judgement, Judgement::Vacuous);
        let unknown = vec![sent(0), acked(-1, &[0]), final_done(0)];
        assert_eq!(judge(NAME, unknown).judgement, Judgement::Vacuous, "acks=0 promises nothing");
    }
}
