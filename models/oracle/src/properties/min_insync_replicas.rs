//! `min-insync-replicas`: what a leader exposes, and what `acks=all` acknowledges, is on
//! `min.insync.replicas` replicas at that moment, whether it is lost later or not.
//!
//! Source: KIP-966's strict minimum, R2.17, R4.3, R4.6. A witness is a high watermark that rose, and a record acknowledged
//! with `acks=all` where high watermarks are on record, those of the last leader too. No more count than there are
//! replicas (R4.2). A leader is held to the minimum that it goes by: it learns late of another. It does *not* ask whom
//! it believes to be in sync: that is not on record. It counts the replicas whose logs reach as far; one of which no
//! append is on record may. Broken on purpose by `min-isr-ignored`, `hw-ignores-followers`.
//!
//! What cannot fool it. *A stale leader* exposes only what all those have claimed that it knows as in sync; it
//! learns of a smaller set late, but waits for the larger one until then. What it exposes after an unclean
//! election is not heard: those that had it may have cut it by then. *A late message*: an answer that was
//! under way is older than the rise that allowed it. *A restart* keeps the log, or cuts what a power loss
//! took (R1.20): that replica counts as one that may have everything, until it appends again.

use crate::context::Context;
use crate::exposed::Exposed;
use crate::gone::Gone;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::restarts::Restarts;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{
    Acks, BrokerId, LeaderEpoch, NodeId, Offset, RecordSlice, TopicId, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::ProcessStarted,
    Kind::Acked,
    Kind::Appended,
    Kind::Truncated,
    Kind::TailLost,
    Kind::HighWatermark,
    Kind::BecameLeader,
    Kind::BecameFollower,
    Kind::LeaderElected,
    Kind::TopicConfigured,
    Kind::ReplicasChanged,
    Kind::LogDeleted,
    Kind::TopicDeleted,
];

/// A partition.
#[derive(Debug, Default)]
struct Replicas {
    /// Ends of the logs that are on record.
    ends: BTreeMap<NodeId, Offset>,
    exposed: Exposed,
    /// Epoch of the last unclean election; older leaderships are not heard.
    floor: LeaderEpoch,
    /// The smallest number of replicas that it was given.
    fewest: Option<u16>,
    /// Its replicas, where they were changed.
    members: Option<Vec<NodeId>>,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    gone: Gone,
    context: Arc<Context>,
    partitions: Places<Replicas>,
    restarts: Restarts,
    /// The minimum that a broker goes by, where it was altered.
    altered: BTreeMap<(NodeId, TopicId), u16>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            gone: Gone::default(),
            context: Arc::clone(context),
            partitions: Places::default(),
            restarts: Restarts::default(),
            altered: BTreeMap::new(),
        }
    }

    fn rise(&mut self, entry: &Entry, place: TopicPartition, epoch: LeaderEpoch, to: Offset) {
        let replicas = self.partitions.of(place);
        replicas.exposed.rise(entry.node, to);
        if epoch < replicas.floor {
            return;
        }
        self.report.judged(1);
        let topic = &self.context.topics[place.topic.index()];
        let altered = self.altered.get(&(entry.node, place.topic)).copied();
        let count = replicas.fewest.map_or(topic.replication_factor, |fewest| fewest);
        let least = altered.unwrap_or(topic.min_insync_replicas).min(count);
        let least = usize::from(least);
        let unknown = match &replicas.members {
            Some(all) => all.iter().filter(|one| !replicas.ends.contains_key(*one)).count(),
            None => usize::from(topic.replication_factor).saturating_sub(replicas.ends.len()),
        };
        let have = replicas.ends.values().filter(|end| **end >= to).count();
        if have + unknown < least {
            let context = &self.context;
            self.report.violated(entry, || {
                let (who, place) = (context.node(entry.node), context.partition(place));
                let verb = if have == 1 { "has" } else { "have" };
                format!(
                    "{who} exposed {place} up to {to}, which {have} of {} replicas {verb}: \
                     min.insync.replicas is {least}",
                    topic.replication_factor
                )
            });
        }
    }

    fn ack(&mut self, entry: &Entry, place: TopicPartition, base: Offset, records: &RecordSlice) {
        let Some(exposed) =
            self.partitions.get(place).and_then(|replicas| replicas.exposed.highest())
        else {
            return;
        };
        let context = &self.context;
        let all = |id| context.producer(id).acks == Acks::All;
        let Some(first) = records.first().filter(|first| all(first.id.producer)) else { return };
        self.report.judged(records.len());
        let end = base.plus(records.len());
        if end > exposed {
            self.report.violated(entry, || {
                let (what, place) = (context.record(first.id), context.partition(place));
                format!(
                    "{what} was acknowledged with acks=all at {place} offset {base}, and no leader \
                     had exposed more than {exposed}"
                )
            });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if self.gone.observe(&entry.event) {
            return;
        }
        let has_lost = self.restarts.observe(entry);
        match &entry.event {
            Event::Appended { partition, next_offset, .. } => {
                self.partitions.of(*partition).ends.insert(entry.node, *next_offset);
            }
            // It had more, and its fetches may have told its leader so.
            Event::Truncated { partition, .. } | Event::TailLost { partition, .. } if has_lost => {
                self.partitions.of(*partition).ends.remove(&entry.node);
            }
            Event::Truncated { partition, to, .. } => {
                if let Some(end) = self.partitions.of(*partition).ends.get_mut(&entry.node) {
                    *end = *to;
                }
            }
            Event::HighWatermark { partition, epoch, offset } => {
                self.rise(entry, *partition, *epoch, *offset);
            }
            Event::BecameLeader { partition, high_watermark, .. } => {
                self.partitions.of(*partition).exposed.led(entry.node, *high_watermark);
            }
            Event::LeaderElected { partition, leader, epoch, unclean, .. } => {
                let replicas = self.partitions.of(*partition);
                if let Some(leader) = *leader {
                    replicas.exposed.elected(self.context.process(leader));
                }
                if *unclean {
                    replicas.floor = *epoch;
                }
            }
            Event::ReplicasChanged { partition, replicas, .. } => {
                let count = u16::try_from(replicas.len()).unwrap_or(u16::MAX);
                let known = self.partitions.of(*partition);
                known.fewest = Some(known.fewest.unwrap_or(u16::MAX).min(count));
                let process = |one: &BrokerId| self.context.process(*one);
                known.members = Some(replicas.iter().map(process).collect());
            }
            // It has nothing, and may follow again.
            Event::LogDeleted { partition, .. } => {
                self.partitions.of(*partition).ends.remove(&entry.node);
            }
            Event::TopicConfigured { topic, min_insync_replicas } => {
                self.altered.insert((entry.node, *topic), *min_insync_replicas);
            }
            Event::Acked { partition, base_offset, records, .. }
                if *base_offset != Offset::UNKNOWN =>
            {
                self.ack(entry, *partition, *base_offset, records);
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Event;
    use crate::test_history::*;
    use crate::verdict::{Judgement, PropertyResult};
    use ackproof_types::{Acks, LeaderEpoch, Offset};

    fn run(events: Vec<(u16, Event)>) -> PropertyResult {
        judge("min-insync-replicas", events)
    }

    /// Record 0 is on all three brokers and exposed; record 1 is on these.
    fn second_on(brokers: &[u16]) -> Vec<(u16, Event)> {
        let mut events: Vec<_> = (1..=3).map(|broker| appended(broker, 0, 0, &[0])).collect();
        events.push(high_watermark(1, 0, 1));
        events.extend(brokers.iter().map(|broker| appended(*broker, 0, 1, &[1])));
        events
    }

    fn with(mut events: Vec<(u16, Event)>, last: Vec<(u16, Event)>) -> PropertyResult {
        events.extend(last);
        run(events)
    }

    fn cut(broker: u16, from: i64, to: i64) -> (u16, Event) {
        (broker, Event::Truncated { partition: P, from: Offset(from), to: Offset(to) })
    }

    #[test]
    fn exposing_or_acknowledging_what_too_few_have_violates_at_once() {
        let exposed = with(second_on(&[1]), vec![high_watermark(1, 0, 2)]);
        assert_eq!((exposed.judgement, exposed.violation_count), (Judgement::Violated, 1));
        let told = "broker-1 exposed payments-0 up to 2, which 1 of 3 replicas has: \
                    min.insync.replicas is 2";
        assert_eq!(exposed.violations[0].summary, told);
        let acked = with(second_on(&[1]), vec![sent(1), acked(1, &[1])]);
        let told = "billing-0#1 was acknowledged with acks=all at payments-0 offset 1, and no leader had \
                    exposed more than 1";
        assert_eq!((acked.violation_count, acked.violations[0].summary.as_str()), (1, told));
    }

    #[test]
    fn what_enough_have_holds() {
        let result =
            with(second_on(&[1, 2]), vec![high_watermark(1, 0, 2), sent(1), acked(1, &[1])]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
        // Other replicas may have it, and with acks=1 nothing is promised.
        let alone = vec![appended(1, 0, 0, &[0]), high_watermark(1, 0, 1)];
        assert_eq!(run(alone).judgement, Judgement::Held);
        let mut context = context();
        context.producers[0].acks = Acks::Leader;
        let mut events = second_on(&[1]);
        events.push(acked(1, &[1]));
        let result = judge_in(&context, "min-insync-replicas", events);
        assert_eq!(result.judgement, Judgement::Held);
        // With one replica the minimum is one.
        context.topics[1].replication_factor = 1;
        let alone = vec![appended(1, 0, 0, &[0]), high_watermark(1, 0, 1)];
        let result = judge_in(&context, "min-insync-replicas", alone);
        assert_eq!(result.judgement, Judgement::Held);
    }

    #[test]
    fn a_leader_is_held_to_the_minimum_that_it_goes_by() {
        let configured = |broker, min_insync_replicas| {
            (broker, Event::TopicConfigured { topic: P.topic, min_insync_replicas })
        };
        let exposes = |before: Vec<(u16, Event)>, on: &[u16]| {
            with(second_on(on), [before, vec![high_watermark(1, 0, 2)]].concat()).judgement
        };
        assert_eq!(exposes(vec![configured(1, 1)], &[1]), Judgement::Held);
        assert_eq!(exposes(vec![configured(2, 1)], &[1]), Judgement::Violated, "another broker's");
        assert_eq!(exposes(vec![configured(1, 3)], &[1, 2]), Judgement::Violated);
        assert_eq!(exposes(vec![configured(1, 9)], &[1, 2, 3]), Judgement::Held, "R4.2");
        let back = vec![configured(1, 1), configured(1, 2)];
        assert_eq!(exposes(back, &[1]), Judgement::Violated, "the last one counts");
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        // Broker 1 is replaced by broker 2, and does not know; a fetch of broker 2 reaches it late. Broker 3
        // starts anew and cuts what it will fetch again. The answer of broker 1 is heard last.
        let last = vec![
            elected(2, 1, &[2, 3]),
            (3, Event::ProcessStarted),
            high_watermark(1, 0, 2),
            appended(3, 0, 1, &[9]),
            cut(3, 2, 1),
            sent(1),
            acked(1, &[1]),
        ];
        assert_eq!(with(second_on(&[1, 2]), last).judgement, Judgement::Held);
        // After an unclean election those that had it have cut it.
        let (node, mut event) = elected(3, 1, &[3]);
        if let Event::LeaderElected { unclean, .. } = &mut event {
            *unclean = true;
        }
        let late = vec![(node, event), cut(2, 2, 1), high_watermark(1, 0, 2)];
        assert_eq!(with(second_on(&[1, 2]), late).judgement, Judgement::Held);
    }

    #[test]
    fn what_a_replica_lost_with_its_power_it_may_have_told_before() {
        let back = |last: Vec<(u16, Event)>| {
            let start = vec![(2, Event::ProcessStarted), cut(2, 2, 1)];
            with(second_on(&[1, 2]), [start, last, vec![high_watermark(1, 0, 2)]].concat())
        };
        assert_eq!(back(vec![]).judgement, Judgement::Held);
        assert_eq!(back(vec![appended(2, 0, 1, &[])]).judgement, Judgement::Violated, "it is back");
        let alive = vec![cut(2, 2, 1), high_watermark(1, 0, 2)];
        assert_eq!(with(second_on(&[1, 2]), alive).judgement, Judgement::Violated);
    }

    #[test]
    fn a_leader_without_high_watermarks_on_record_may_have_exposed_more() {
        let last = || vec![sent(1), acked(1, &[1])];
        let next = [vec![elected(2, 1, &[1, 2, 3])], last()].concat();
        assert_eq!(with(second_on(&[1, 2]), next).judgement, Judgement::Held);
        let told = [vec![elected(2, 1, &[1, 2, 3]), high_watermark(2, 1, 1)], last()].concat();
        assert_eq!(with(second_on(&[1, 2]), told).judgement, Judgement::Violated);
    }

    #[test]
    fn without_high_watermarks_nothing_is_judged() {
        assert_eq!(run(vec![sent(0), acked(0, &[0])]).judgement, Judgement::Vacuous);
        let (partition, epoch, log_end) = (P, LeaderEpoch(0), Offset(0));
        let took = Event::BecameLeader { partition, epoch, log_end, high_watermark: Offset(0) };
        let answered = vec![(1, took), sent(0), acked(0, &[0])];
        assert_eq!(run(answered).judgement, Judgement::Vacuous);
    }
}
