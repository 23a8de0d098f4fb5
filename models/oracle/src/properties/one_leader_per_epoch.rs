//! `one-leader-per-epoch`: a leader epoch of a partition belongs to one broker, in what the controller
//! chose and in what brokers took.
//!
//! Source: bug corpus §10.2 OneLeaderPerEpoch. It does *not* forbid two brokers that believe to lead
//! at the same time in different epochs, nor the same broker twice. Broken on purpose by a
//! controller that forgets to raise the epoch.

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
        let (place, epoch, node) = match &entry.event {
            Event::BecameLeader { partition, epoch, .. } => (*partition, *epoch, entry.node),
            Event::LeaderElected { partition, leader: Some(leader), epoch, .. } => {
                (*partition, *epoch, NodeId::from(*leader))
            }
            _ => return,
        };
        self.report.judged(1);
        let first = *self.leaders.entry((place, epoch)).or_insert(node);
        if first != node {
            let context = &self.context;
            self.report.violated(entry, || {
                let place = context.partition(place);
                let (first, second) = (context.node(first), context.node(node));
                (format!("{first} and {second} both lead {place} in epoch {epoch}"), Vec::new())
            });
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::test_history::*;
    use crate::verdict::Judgement;

    const NAME: &str = "one-leader-per-epoch";

    #[test]
    fn two_leaders_of_one_epoch_violate() {
        let result = judge(NAME, vec![elected(1, 4, &[1, 2]), elected(2, 4, &[1, 2])]);
        assert_eq!(result.judgement, Judgement::Violated);
    }

    #[test]
    fn leaders_of_different_epochs_hold() {
        let result = judge(NAME, vec![elected(1, 4, &[1, 2]), elected(2, 5, &[2])]);
        assert_eq!(result.judgement, Judgement::Held);
    }

    #[test]
    fn an_offline_partition_proves_nothing() {
        assert_eq!(judge(NAME, vec![elected(0, 4, &[1])]).judgement, Judgement::Vacuous);
    }
}
