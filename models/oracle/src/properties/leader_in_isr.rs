//! `leader-in-isr`: in every state that the controller decides, the leader is a member of the in-sync
//! set.
//!
//! Source: bug corpus §9.1 LeaderInIsr, read as "no leader, or a member". A witness is a
//! decision of the controller with a leader. It does *not* speak of what
//! brokers believe; an unclean election holds too, since it makes the leader the only member. Broken
//! on purpose by an election that leaves the in-sync set as it was.
//!
//! What cannot fool it. *A stale leader*, *a late message* and *a restart* are matters of brokers: the
//! controller alone decides both the leader and the set, in one order.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{BrokerId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[Kind::LeaderElected, Kind::IsrChanged];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    leaders: BTreeMap<TopicPartition, Option<BrokerId>>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self { report: Report::new(name), context: Arc::clone(context), leaders: BTreeMap::new() }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        let (place, leader, isr) = match &entry.event {
            Event::LeaderElected { partition, leader, isr, .. } => {
                self.leaders.insert(*partition, *leader);
                (*partition, *leader, isr)
            }
            Event::IsrChanged { partition, isr, .. } => {
                (*partition, self.leaders.get(partition).copied().flatten(), isr)
            }
            _ => return,
        };
        let Some(leader) = leader else { return };
        self.report.judged(1);
        if !isr.contains(&leader) {
            let context = &self.context;
            self.report.violated(entry, || {
                let (leader, place) = (context.broker_name(leader), context.partition(place));
                let isr: Vec<u16> = isr.iter().map(|broker| broker.0).collect();
                format!("{leader} leads {place} outside the in-sync set {isr:?}")
            });
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
    use crate::verdict::Judgement;
    use ackproof_types::{BrokerId, LeaderEpoch, Offset};

    const NAME: &str = "leader-in-isr";

    #[test]
    fn a_leader_outside_violates() {
        let isr_changed = Event::IsrChanged {
            partition: P,
            before: [BrokerId(1), BrokerId(2)].into(),
            isr: [BrokerId(2)].into(),
        };
        let result = judge(NAME, vec![elected(1, 0, &[1, 2]), (0, isr_changed)]);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    }

    #[test]
    fn a_leader_inside_holds() {
        assert_eq!(judge(NAME, vec![elected(1, 0, &[1])]).judgement, Judgement::Held);
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let event = Event::BecameLeader {
            partition: P,
            epoch: LeaderEpoch(0),
            log_end: Offset(0),
            high_watermark: Offset(0),
        };
        // Broker 1 takes the lead when it has lost it already, and starts anew.
        let events = vec![
            elected(1, 0, &[1, 2]),
            elected(2, 1, &[2]),
            (1, event),
            (1, Event::ProcessStarted),
            high_watermark(1, 0, 1),
            elected(2, 2, &[1, 2]),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
    }

    #[test]
    fn an_offline_partition_proves_nothing() {
        assert_eq!(judge(NAME, vec![elected(0, 4, &[1])]).judgement, Judgement::Vacuous);
    }
}
