//! A client's view of one topic: who leads each partition, as of the newest leader epoch it has seen.
//!
//! Knows nothing of requests or timers: when to ask is the asker's business. Kafka: `Metadata`,
//! `MetadataSnapshot` (R5.28).

use crate::message::{MetadataResponse, PartitionMetadata};
use ackproof_types::{BrokerId, LeaderEpoch};

/// Leaders of a topic's partitions, and the brokers that can be reached.
#[derive(Debug, Default)]
pub struct MetadataCache {
    partitions: Vec<Leadership>,
    brokers: Vec<BrokerId>,
    /// The last response knew the topic.
    knows_topic: bool,
}

#[derive(Clone, Copy, Debug)]
struct Leadership {
    leader: Option<BrokerId>,
    epoch: LeaderEpoch,
}

/// What a response taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Learned {
    /// A partition or a leader epoch that was not known before.
    pub news: bool,
    /// The topic does not exist yet, or a partition of it has no leader: ask again.
    pub incomplete: bool,
}

impl MetadataCache {
    /// Takes a response about the topic. What carries an older epoch than the one known is ignored, so
    /// that a broker that lags behind cannot move the client backwards.
    pub fn update(&mut self, response: &MetadataResponse) -> Learned {
        let mut learned = Learned { news: false, incomplete: response.partitions.is_empty() };
        self.brokers.clear();
        self.brokers.extend(response.brokers.iter());
        self.knows_topic = !learned.incomplete;
        if learned.incomplete {
            self.forget_leaders();
        }
        for one in &response.partitions {
            learned.incomplete |= one.leader.is_none();
            let index = usize::from(one.partition.partition);
            if index >= self.partitions.len() {
                let unknown = Leadership { leader: None, epoch: LeaderEpoch::UNKNOWN };
                self.partitions.resize(index + 1, unknown);
            }
            let known = &mut self.partitions[index];
            learned.news |= one.leader_epoch > known.epoch;
            if one.leader_epoch >= known.epoch {
                *known = Leadership { leader: one.leader, epoch: one.leader_epoch };
            }
        }
        learned
    }

    /// Takes a leader that another response named (KIP-951); true if that is news. Its address comes
    /// with it.
    pub fn hint(&mut self, hint: PartitionMetadata) -> bool {
        let Some(known) = self.partitions.get_mut(usize::from(hint.partition.partition)) else {
            return false;
        };
        let Some(leader) = hint.leader.filter(|_| hint.leader_epoch > known.epoch) else {
            return false;
        };
        *known = Leadership { leader: Some(leader), epoch: hint.leader_epoch };
        if !self.brokers.contains(&leader) {
            self.brokers.push(leader);
        }
        true
    }

    /// The leader of `partition`, if there is one and it can be reached.
    #[must_use]
    pub fn leader(&self, partition: u16) -> Option<BrokerId> {
        let known = self.partitions.get(usize::from(partition))?;
        known.leader.filter(|leader| self.brokers.contains(leader))
    }

    /// The newest leader epoch of `partition`; UNKNOWN before the first.
    #[must_use]
    pub fn epoch(&self, partition: u16) -> LeaderEpoch {
        self.partitions.get(usize::from(partition)).map_or(LeaderEpoch::UNKNOWN, |it| it.epoch)
    }

    /// Whether the topic exists, as far as is known now.
    #[must_use]
    pub fn knows_topic(&self) -> bool {
        self.knows_topic
    }

    fn forget_leaders(&mut self) {
        self.partitions.iter_mut().for_each(|it| it.leader = None);
    }

    /// Number of partitions that the topic was ever seen with.
    ///
    /// # Panics
    /// If there are more than `u16::MAX`, which no [`PartitionMetadata`] can name.
    #[must_use]
    pub fn partitions(&self) -> u16 {
        u16::try_from(self.partitions.len()).expect("partitions are numbered by u16")
    }

    /// The brokers of the last response.
    #[must_use]
    pub fn brokers(&self) -> &[BrokerId] {
        &self.brokers
    }

    /// Forgets which brokers answered last and starts again from `bootstrap`
    /// (`metadata.recovery.strategy` rebootstrap, R17.31). Only the epochs stay.
    pub fn rebootstrap(&mut self, bootstrap: impl Iterator<Item = BrokerId>) {
        self.knows_topic = false;
        self.forget_leaders();
        self.brokers.clear();
        self.brokers.extend(bootstrap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::{TopicId, TopicPartition};

    fn partition(leader: Option<u16>, epoch: i32) -> PartitionMetadata {
        PartitionMetadata {
            partition: TopicPartition::new(TopicId(1), 0),
            leader: leader.map(BrokerId),
            leader_epoch: LeaderEpoch(epoch),
        }
    }

    fn response(brokers: &[u16], leader: Option<u16>, epoch: i32) -> MetadataResponse {
        MetadataResponse {
            brokers: brokers.iter().copied().map(BrokerId).collect(),
            partitions: vec![partition(leader, epoch)],
        }
    }

    #[test]
    fn an_older_epoch_is_ignored() {
        let mut cache = MetadataCache::default();
        assert!(cache.update(&response(&[1, 2], Some(2), 5)).news);
        assert!(!cache.update(&response(&[1, 2], Some(1), 4)).news, "old");
        assert_eq!((cache.leader(0), cache.epoch(0)), (Some(BrokerId(2)), LeaderEpoch(5)));
        assert!(!cache.update(&response(&[1, 2], Some(2), 5)).news, "the same again");
    }

    #[test]
    fn a_leader_without_an_address_is_no_leader() {
        let mut cache = MetadataCache::default();
        cache.update(&response(&[1, 2], Some(2), 5));
        cache.update(&response(&[1], Some(1), 4));
        assert_eq!(cache.leader(0), None, "the stale broker does not list broker 2");
    }

    #[test]
    fn a_missing_leader_or_topic_asks_for_more() {
        let mut cache = MetadataCache::default();
        assert!(
            cache.update(&MetadataResponse { brokers: [].into(), partitions: vec![] }).incomplete
        );
        assert!(cache.update(&response(&[1], None, 3)).incomplete);
        assert!(!cache.update(&response(&[1], Some(1), 4)).incomplete);
    }

    #[test]
    fn after_a_rebootstrap_only_the_epochs_are_left() {
        let mut cache = MetadataCache::default();
        cache.update(&response(&[1], Some(1), 5));
        cache.rebootstrap([BrokerId(1), BrokerId(2)].into_iter());
        assert_eq!((cache.knows_topic(), cache.leader(0)), (false, None));
        assert_eq!(cache.brokers(), [BrokerId(1), BrokerId(2)]);
        cache.update(&response(&[1, 2], Some(2), 4));
        assert_eq!(cache.leader(0), None, "older than what was seen before");
        cache.update(&response(&[1, 2], Some(1), 5));
        assert_eq!((cache.knows_topic(), cache.leader(0)), (true, Some(BrokerId(1))));
    }

    #[test]
    fn a_hint_counts_only_if_it_is_newer() {
        let mut cache = MetadataCache::default();
        assert!(!cache.hint(partition(Some(3), 9)), "an unknown partition");
        cache.update(&response(&[1], Some(1), 5));
        assert!(!cache.hint(partition(Some(3), 5)), "the epoch is known");
        assert!(!cache.hint(partition(None, 6)), "no leader is no hint");
        assert!(cache.hint(partition(Some(3), 6)));
        assert_eq!(cache.leader(0), Some(BrokerId(3)), "its address came with the hint");
    }
}
