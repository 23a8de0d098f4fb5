//! Which topics are deleted. What brokers do to their logs from then on, each when it hears of it, breaks no rule of
//! replication, and clients may hear late. It judges nothing.

use crate::history::Event;
use ackproof_types::{TopicId, TopicPartition};
use std::collections::BTreeSet;

/// Topics that are deleted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gone(BTreeSet<TopicId>);

impl Gone {
    /// Takes an event; whether it is about the log of a topic that is deleted.
    pub(crate) fn observe(&mut self, event: &Event) -> bool {
        if let Event::TopicDeleted { topic, .. } = event {
            self.0.insert(*topic);
            return true;
        }
        !self.0.is_empty() && partition(event).is_some_and(|place| self.has(place.topic))
    }

    pub(crate) fn has(&self, topic: TopicId) -> bool {
        self.0.contains(&topic)
    }
}

/// The partition whose log an event is about.
fn partition(event: &Event) -> Option<TopicPartition> {
    match event {
        Event::Acked { partition, .. }
        | Event::Appended { partition, .. }
        | Event::BecameLeader { partition, .. }
        | Event::BecameFollower { partition, .. }
        | Event::HighWatermark { partition, .. }
        | Event::IsrChanged { partition, .. }
        | Event::LeaderElected { partition, .. }
        | Event::LogCompacted { partition, .. }
        | Event::LogDamaged { partition, .. }
        | Event::LogDeleted { partition }
        | Event::LogStartMoved { partition, .. }
        | Event::Polled { partition, .. }
        | Event::ReplicasChanged { partition, .. }
        | Event::TailLost { partition, .. }
        | Event::Truncated { partition, .. } => Some(*partition),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Event;
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{BrokerId, LeaderEpoch};

    /// Replicas in sync delete their logs, and a leader that has not heard of it exposes more.
    #[test]
    fn brokers_may_delete_the_logs_of_a_deleted_topic_and_of_no_other() {
        let (leader, epoch) = (Some(BrokerId(1)), LeaderEpoch(0));
        let isr = [1, 2, 3].map(BrokerId).into();
        let elected = Event::LeaderElected { partition: P, leader, epoch, isr, unclean: false };
        let first = || {
            let appends = (1..=3).map(|broker| appended(broker, 0, 0, &[0]));
            let mut events = vec![(0, elected.clone()), sent(0), sent(1)];
            events.extend(appends);
            events.extend([high_watermark(1, 0, 1), acked(0, &[0])]);
            events
        };
        let gone = (0, Event::TopicDeleted { topic: P.topic, partitions: 1 });
        let deletes = |broker| (broker, Event::LogDeleted { partition: P });
        let last = [deletes(2), deletes(3), appended(1, 0, 1, &[1]), high_watermark(1, 0, 2)];
        for name in ["high-watermark", "log-matching", "min-insync-replicas"] {
            let judged = |between: &[(u16, Event)]| {
                judge(name, [&first()[..], between, &last].concat()).judgement
            };
            assert_eq!(judged(std::slice::from_ref(&gone)), Judgement::Held, "{name}");
            if name == "high-watermark" {
                assert_eq!(judged(&[]), Judgement::Violated, "{name}");
            }
        }
    }
}
