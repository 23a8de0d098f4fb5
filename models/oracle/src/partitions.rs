//! How many partitions each topic has by now, and whether all of a topic's logs were read to their end. It
//! judges nothing.

use crate::context::Context;
use crate::history::Event;
use ackproof_types::{TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Partitions by topic.
#[derive(Clone, Debug, Default)]
pub struct Partitions {
    first: Vec<u16>,
    /// Of topics that were created again.
    later: BTreeMap<TopicId, u16>,
}

impl Partitions {
    /// What the topics begin with.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        let first = context.topics.iter().map(|topic| topic.partitions).collect();
        Self { first, later: BTreeMap::new() }
    }

    /// Takes an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::PartitionsAdded { topic, partitions }
        | Event::TopicCreated { topic, partitions } = event
        {
            self.grow(*topic, *partitions);
        }
    }

    pub(crate) fn grow(&mut self, topic: TopicId, partitions: u16) {
        let count = match topic.life() {
            0 => &mut self.first[topic.index()],
            _ => self.later.entry(topic).or_default(),
        };
        *count = (*count).max(partitions);
    }

    /// How many the topic has.
    #[must_use]
    pub fn of(&self, topic: TopicId) -> u16 {
        match topic.life() {
            0 => self.first[topic.index()],
            _ => self.later.get(&topic).copied().unwrap_or(0),
        }
    }

    /// Those of the topic.
    pub fn all(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<> {
        (0..self.of(topic)).map(move |number| TopicPartition::new(topic, number))
    }

    /// All topics of this name so far.
    pub fn lives(&self, name: TopicId) -> impl Iterator<Item = TopicId> {
        let later = self.later.keys().copied().filter(move |topic| topic.name() == name);
        std::iter::once(name).chain(later)
    }

    /// Those of all topics.
    pub(crate) fn sum(&self) -> usize {
        self.first.iter().chain(self.later.values()).map(|count| usize::from(*count)).sum()
    }
}

/// Which logs were read to their end.
#[derive(Clone, Debug, Default)]
pub struct Read {
    partitions: Partitions,
    done: BTreeSet<TopicPartition>,
}

impl Read {
    /// None yet.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self { partitions: Partitions::new(context), done: BTreeSet::new() }
    }

    /// Takes an event.
    pub fn observe(&mut self, event: &Event) {
        self.partitions.observe(event);
        if let Event::FinalReadDone { partition, .. } = event {
            self.done.insert(*partition);
        }
        // There is no more to read.
        if let Event::TopicDeleted { topic, .. } = event {
            self.done.extend(self.partitions.all(*topic));
        }
    }

    /// Those of the topic.
    pub(crate) fn all(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<> {
        self.partitions.all(topic)
    }

    /// Whether that of `partition` was.
    #[must_use]
    pub fn has(&self, partition: TopicPartition) -> bool {
        self.done.contains(&partition)
    }

    /// Whether all that topics of this name had were: what was not found is in no log then.
    #[must_use]
    pub fn is_whole(&self, name: TopicId) -> bool {
        let all = self.partitions.lives(name).flat_map(|topic| self.partitions.all(topic));
        all.into_iter().all(|partition| self.done.contains(&partition))
    }
}
