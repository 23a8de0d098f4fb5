//! Tables by partition, and by group and partition: dense, since topics and partitions are numbered
//! from 0. They know no event.

use ackproof_types::{GroupId, TopicId, TopicPartition};
use std::collections::BTreeMap;

/// One `T` a partition.
#[derive(Clone, Debug)]
pub(crate) struct Places<T> {
    topics: Vec<Vec<T>>,
    /// Of topics that were created again.
    later: BTreeMap<TopicId, Vec<T>>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { topics: Vec::new(), later: BTreeMap::new() }
    }
}

impl<T: Default> Places<T> {
    /// What is kept for `place`, made if there is nothing.
    #[inline]
    pub(crate) fn of(&mut self, place: TopicPartition) -> &mut T {
        let (topic, partition) = (place.topic.index(), usize::from(place.partition));
        if place.topic.life() > 0 {
            return self.of_later(place.topic, partition);
        }
        if self.topics.get(topic).is_none_or(|partitions| partitions.len() <= partition) {
            self.grow(topic, partition);
        }
        &mut self.topics[topic][partition]
    }

    #[cold]
    fn of_later(&mut self, topic: TopicId, partition: usize) -> &mut T {
        let partitions = self.later.entry(topic).or_default();
        if partitions.len() <= partition {
            partitions.resize_with(partition + 1, T::default);
        }
        &mut partitions[partition]
    }

    #[cold]
    fn grow(&mut self, topic: usize, partition: usize) {
        if self.topics.len() <= topic {
            self.topics.resize_with(topic + 1, Vec::new);
        }
        self.topics[topic].resize_with(partition + 1, T::default);
    }

    /// What is kept for `place`.
    pub(crate) fn get(&self, place: TopicPartition) -> Option<&T> {
        let partitions = match place.topic.life() {
            0 => self.topics.get(place.topic.index()),
            _ => self.later.get(&place.topic),
        };
        partitions?.get(usize::from(place.partition))
    }

    /// Everything, ascending; partitions below a known one are present as they were made.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TopicPartition, &T)> {
        let topics = (0..).map(TopicId).zip(&self.topics);
        let later = self.later.iter().map(|(topic, partitions)| (*topic, partitions));
        topics.chain(later).flat_map(|(topic, partitions)| {
            let numbered = (0..).zip(partitions);
            numbered.map(move |(number, one)| (TopicPartition::new(topic, number), one))
        })
    }

    /// Everything, in no order that matters.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.topics.iter_mut().chain(self.later.values_mut()).flatten()
    }
}

/// One `T` a group and partition.
#[derive(Clone, Debug)]
pub(crate) struct GroupPlaces<T> {
    groups: Vec<Places<T>>,
}

impl<T> Default for GroupPlaces<T> {
    fn default() -> Self {
        Self { groups: Vec::new() }
    }
}

impl<T: Default> GroupPlaces<T> {
    /// What is kept for `place` of `group`, made if there is nothing.
    #[inline]
    pub(crate) fn of(&mut self, group: GroupId, place: TopicPartition) -> &mut T {
        if self.groups.len() <= group.index() {
            self.groups.resize_with(group.index() + 1, Places::default);
        }
        self.groups[group.index()].of(place)
    }

    /// What is kept for `place` of `group`.
    pub(crate) fn get(&self, group: GroupId, place: TopicPartition) -> Option<&T> {
        self.groups.get(group.index())?.get(place)
    }

    /// What every group keeps for `place`.
    pub(crate) fn all_of(&mut self, place: TopicPartition) -> impl Iterator<Item = &mut T> {
        self.groups.iter_mut().map(move |places| places.of(place))
    }

    /// Everything of `group`, by partition.
    pub(crate) fn of_group(&self, group: GroupId) -> impl Iterator<Item = (TopicPartition, &T)> {
        self.groups.get(group.index()).into_iter().flat_map(Places::iter)
    }

    /// Everything of `group`, by partition.
    pub(crate) fn of_group_mut(&mut self, group: GroupId) -> impl Iterator<Item = &mut T> {
        self.groups.get_mut(group.index()).into_iter().flat_map(Places::values_mut)
    }

    /// Everything, in no order that matters.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.groups.iter_mut().flat_map(Places::values_mut)
    }
}
