//! The number of a group's members by its lag, as an autoscaler outside the cluster decides it.
//!
//! KEDA's scaler sums up, over the partitions of a group, how far its commits are behind the ends of their logs,
//! and takes no more of it than keeps a member for each partition busy. Kubernetes asks for as many replicas as that
//! sum divided by the threshold, more of them at once, fewer only after a while. It looks at what an administrator
//! sees, and knows no process.

use ackproof_oracle::history::Event;
use ackproof_oracle::partitions::Partitions;
use ackproof_scenario::plan::{Autoscale, Plan};
use ackproof_types::{GroupId, Micros, Offset, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What groups have committed, and where logs end for readers.
#[derive(Debug)]
pub(crate) struct Lags {
    partitions: Partitions,
    committed: BTreeMap<(GroupId, TopicPartition), Offset>,
    ends: BTreeMap<TopicPartition, Offset>,
    /// Topics that are deleted: nobody is behind there.
    gone: BTreeSet<TopicId>,
}

impl Lags {
    /// Nothing written, nothing committed.
    pub(crate) fn new(partitions: Partitions) -> Self {
        let (committed, ends, gone) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Self { partitions, committed, ends, gone }
    }

    /// Takes an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        self.partitions.observe(event);
        match event {
            Event::Committed { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.committed.insert((*group, *partition), *offset);
                }
            }
            Event::HighWatermark { partition, offset, .. } => {
                self.ends.insert(*partition, *offset);
            }
            Event::TopicDeleted { topic, .. } => {
                self.gone.insert(*topic);
            }
            _ => {}
        }
    }

    /// How far each partition of the group at this place of `plan` is behind.
    fn of(&self, plan: &Plan, index: u16) -> Vec<u64> {
        let group = GroupId(index);
        let topics = plan.groups[group.index()].topics.iter();
        let topics = topics.flat_map(|name| self.partitions.lives(*name));
        let topics = topics.filter(|topic| !self.gone.contains(topic));
        let behind = |partition: TopicPartition| {
            let end = self.ends.get(&partition).map_or(0, |end| end.0);
            let done = self.committed.get(&(group, partition)).map_or(0, |offset| offset.0);
            u64::try_from(end - done).unwrap_or(0)
        };
        topics.flat_map(|topic| self.partitions.all(topic)).map(behind).collect()
    }
}

/// The autoscaler of one group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Autoscaler {
    pub(crate) group: u16,
    pub(crate) config: Autoscale,
    least: u16,
    /// When it changed something last.
    changed: Micros,
}

impl Autoscaler {
    /// Those of `plan`.
    pub(crate) fn all(plan: &Plan) -> Vec<Self> {
        let of = |(group, one): (u16, &ackproof_scenario::plan::Group)| {
            let config = one.autoscale?;
            Some(Self { group, config, least: one.members, changed: Micros::ZERO })
        };
        (0..).zip(&plan.groups).filter_map(of).collect()
    }

    /// How many members there are to be, of `current` ones.
    pub(crate) fn look(&mut self, now: Micros, current: u16, plan: &Plan, lags: &Lags) -> u16 {
        let lags = lags.of(plan, self.group);
        let wanted = wanted(&lags, self.config.lag).clamp(self.least, self.config.max);
        let cools = now < self.changed + self.config.cooldown;
        if wanted == current || (wanted < current && cools) {
            return current;
        }
        self.changed = now;
        wanted
    }
}

/// Members for these lags, one a partition at most.
fn wanted(lags: &[u64], each: u32) -> u16 {
    let needed = lags.iter().sum::<u64>().div_ceil(u64::from(each));
    u16::try_from(needed.min(lags.len() as u64)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_for_each_part_of_the_lag_and_no_more_than_partitions() {
        assert_eq!(wanted(&[0, 0, 0], 100), 0);
        assert_eq!(wanted(&[1, 0, 0], 100), 1);
        assert_eq!(wanted(&[100, 0, 0], 100), 1);
        assert_eq!(wanted(&[100, 1, 0], 100), 2);
        assert_eq!(wanted(&[5000, 0, 0], 100), 3);
    }
}
