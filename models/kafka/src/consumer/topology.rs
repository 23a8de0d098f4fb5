//! What a reading client knows of leaders and partitions, and whether it wants to know more. It sends
//! nothing itself.
//!
//! Kafka: `Metadata`, `MetadataCache`.

use crate::message::MetadataResponse;
use ackproof_types::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use std::collections::BTreeMap;

/// Who leads a partition, and since which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leadership {
    /// The leader; none while there is none.
    pub(crate) leader: Option<BrokerId>,
    /// The epoch of this fact.
    pub(crate) epoch: LeaderEpoch,
}

/// Whether fresh metadata may and must be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inquiry {
    #[default]
    Idle,
    /// A request is under way.
    UnderWay,
    /// The last one is too fresh to ask again.
    CoolingDown,
}

/// The cluster as metadata responses show it.
#[derive(Debug)]
pub(crate) struct Topology {
    partitions: BTreeMap<TopicPartition, Leadership>,
    wanted: bool,
    inquiry: Inquiry,
}

impl Default for Topology {
    /// Nothing is known, so all is wanted.
    fn default() -> Self {
        Self { partitions: BTreeMap::new(), wanted: true, inquiry: Inquiry::Idle }
    }
}

impl Topology {
    /// What is known of `partition`.
    pub(crate) fn of(&self, partition: TopicPartition) -> Option<Leadership> {
        self.partitions.get(&partition).copied()
    }

    /// The leader of `partition` with its epoch, if there is one; otherwise asks to find out.
    pub(crate) fn leader(&mut self, partition: TopicPartition) -> Option<(BrokerId, LeaderEpoch)> {
        let known = self.of(partition);
        let leader = known.and_then(|known| Some((known.leader?, known.epoch)));
        self.wanted |= leader.is_none();
        leader
    }

    /// The number of partitions of `topic`, 0 if it is not known.
    pub(crate) fn partition_count(&self, topic: TopicId) -> u16 {
        let all = TopicPartition::new(topic, 0)..=TopicPartition::new(topic, u16::MAX);
        u16::try_from(self.partitions.range(all).count()).unwrap_or(u16::MAX)
    }

    /// What is known may be stale.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether to ask now.
    pub(crate) fn is_due(&self) -> bool {
        self.wanted && self.inquiry == Inquiry::Idle
    }

    /// A request was sent.
    pub(crate) fn asked(&mut self) {
        self.wanted = false;
        self.inquiry = Inquiry::UnderWay;
    }

    /// The request failed; [`Self::cooled`] must follow after a while.
    pub(crate) fn failed(&mut self) {
        self.wanted = true;
        self.inquiry = Inquiry::CoolingDown;
    }

    /// `retry.backoff.ms` has passed since the last answer.
    pub(crate) fn cooled(&mut self) {
        self.inquiry = Inquiry::Idle;
    }

    /// Takes an answer; facts of older epochs are ignored (R5.28). [`Self::cooled`] must follow after
    /// a while.
    pub(crate) fn update(&mut self, response: &MetadataResponse) {
        self.inquiry = Inquiry::CoolingDown;
        for told in &response.partitions {
            let fact = Leadership { leader: told.leader, epoch: told.leader_epoch };
            let known = self.partitions.entry(told.partition).or_insert(fact);
            if told.leader_epoch >= known.epoch {
                *known = fact;
            }
        }
    }
}
