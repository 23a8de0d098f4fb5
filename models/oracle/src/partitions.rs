//! How many partitions each topic has by now, and whether all of a topic's logs were read to their end. It
//! judges nothing.

use crate::context::Context;
use crate::history::Event;
use ackproof_types::{TopicId, TopicPartition};
use std::collections::BTreeSet;

/// Partitions by topic.
#[derive(Clone, Debug, Default)]
pub struct Partitions(Vec<u16>);

impl Partitions {
    /// What the topics begin with.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self(context.topics.iter().map(|topic| topic.partitions).collect())
    }

    /// Takes an event.
    pub fn observe(&mut self, event: &Event) {
        if let Event::PartitionsAdded { topic, partitions } = event {
            self.grow(*topic, *partitions);
        }
    }

    pub(crate) fn grow(&mut self, topic: TopicId, partitions: u16) {
        let count = &mut self.0[topic.index()];
        *count = (*count).max(partitions);
    }

    /// How many the topic has.
    #[must_use]
    pub fn of(&self, topic: TopicId) -> u16 {
        self.0[topic.index()]
    }

    /// Those of the topic.
    pub fn all(&self, topic: TopicId) -> impl Iterator<Item = TopicPartition> + use<> {
        (0..self.of(topic)).map(move |number| TopicPartition::new(topic, number))
    }

    /// Those of all topics.
    pub(crate) fn sum(&self) -> usize {
        self.0.iter().map(|count| usize::from(*count)).sum()
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

    /// Whether all of the topic's were: what was not found is in no log then.
    #[must_use]
    pub fn is_whole(&self, topic: TopicId) -> bool {
        self.partitions.all(topic).all(|partition| self.done.contains(&partition))
    }
}
