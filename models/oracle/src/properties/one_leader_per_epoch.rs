//! `one-leader-per-epoch`: a leader epoch of a partition belongs to one broker, in what the controller
//! chose and in what brokers took; and the controller's epochs never fall (R5.24).
//!
//! Source: bug corpus §10.2 OneLeaderPerEpoch. A witness is a second word on the same epoch: the broker's
//! on the controller's choice, or another choice. It does *not* forbid two brokers that believe to lead
//! at the same time in different epochs, nor the same broker twice. Broken on purpose by a
//! controller that forgets to raise the epoch.
//!
//! What cannot fool it. *A stale leader* leads in an epoch of its own. *A late message* makes a broker take
//! a lead that it has lost meanwhile, in that epoch. *After a restart* a broker may take the same lead again.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{LeaderEpoch, NodeId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[Kind::BecameLeader, Kind::LeaderElected];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    leaders: BTreeMap<(TopicPartition, LeaderEpoch), NodeId>,
    /// The highest epoch that the controller decided.
    decided: BTreeMap<TopicPartition, LeaderEpoch>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            leaders: BTreeMap::new(),
            decided: BTreeMap::new(),
        }
    }

    fn decide(&mut self, entry: &Entry, place: TopicPartition, epoch: LeaderEpoch) {
        let highest = self.decided.entry(place).or_insert(epoch);
        if epoch < *highest {
            let (context, highest) = (&self.context, *highest);
            self.report.violated(entry, || {
                let place = context.partition(place);
                format!("the controller gave {place} epoch {epoch} after epoch {highest}")
            });
        }
        *highest = epoch.max(*highest);
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if let Event::LeaderElected { partition, epoch, .. } = &entry.event {
            self.decide(entry, *partition, *epoch);
        }
        let (place, epoch, node) = match &entry.event {
            Event::BecameLeader { partition, epoch, .. } => (*partition, *epoch, entry.node),
            Event::LeaderElected { partition, leader: Some(leader), epoch, .. } => {
                (*partition, *epoch, self.context.process(*leader))
            }
            _ => return,
        };
        let Some(&first) = self.leaders.get(&(place, epoch)) else {
            self.leaders.insert((place, epoch), node);
            return;
        };
        self.report.judged(1);
        if first != node {
            let context = &self.context;
            self.report.violated(entry, || {
                let place = context.partition(place);
                let (first, second) = (context.node(first), context.node(node));
                format!("{first} and {second} both lead {place} in epoch {epoch}")
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
    use ackproof_types::{LeaderEpoch, Offset};

    const NAME: &str = "one-leader-per-epoch";

    #[test]
    fn two_leaders_of_one_epoch_violate() {
        let result = judge(NAME, vec![elected(1, 4, &[1, 2]), elected(2, 4, &[1, 2])]);
        assert_eq!(result.judgement, Judgement::Violated);
        let falls =
            judge(NAME, vec![elected(1, 4, &[1]), elected(0, 5, &[1]), elected(1, 3, &[1])]);
        assert_eq!(falls.judgement, Judgement::Violated, "{falls:?}");
    }

    #[test]
    fn leaders_of_different_epochs_hold() {
        let took = |broker: u16, epoch| {
            let (epoch, log_end) = (LeaderEpoch(epoch), Offset(0));
            let event =
                Event::BecameLeader { partition: P, epoch, log_end, high_watermark: Offset(0) };
            (broker, event)
        };
        let events = vec![elected(1, 4, &[1, 2]), elected(2, 5, &[2]), took(1, 4), took(2, 5)];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
        let wrong = vec![elected(1, 4, &[1, 2]), took(2, 4)];
        assert_eq!(judge(NAME, wrong).judgement, Judgement::Violated);
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        let took = |broker: u16, epoch| {
            let (epoch, log_end) = (LeaderEpoch(epoch), Offset(0));
            let event =
                Event::BecameLeader { partition: P, epoch, log_end, high_watermark: Offset(0) };
            (broker, event)
        };
        let events = vec![
            elected(1, 4, &[1, 2]),
            elected(2, 5, &[2]),
            took(2, 5),
            // It hears of its lead when it is over, starts anew and hears of it again.
            took(1, 4),
            (1, Event::ProcessStarted),
            took(1, 4),
        ];
        let result = judge(NAME, events);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 3));
    }

    #[test]
    fn an_offline_partition_proves_nothing() {
        assert_eq!(judge(NAME, vec![elected(0, 4, &[1])]).judgement, Judgement::Vacuous);
        assert_eq!(judge(NAME, vec![elected(1, 4, &[1])]).judgement, Judgement::Vacuous);
    }
}
