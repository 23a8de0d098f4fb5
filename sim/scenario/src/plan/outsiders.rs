//! Clients that no model speaks for: programs outside, which talk to the simulated brokers on the wire.

use super::Plan;
use ackproof_types::{Acks, TopicId};

/// All of them. None in a run that nobody talks to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outsiders {
    /// They take the place of the producers and groups of the scenario, which have no process then.
    pub replace: bool,
    /// They say themselves what they have processed; else their commits say so.
    pub told: bool,
    /// Each with its `client.id`.
    pub clients: Vec<String>,
    /// What they write.
    pub producers: Vec<OutsideProducer>,
    /// The groups of consumers that they form.
    pub groups: Vec<OutsideGroup>,
}

impl Plan {
    /// The name of a group by its number: those of the scenario come first, then those that clients outside form.
    #[must_use]
    pub fn group_name(&self, index: u16) -> &str {
        let place = usize::from(index);
        match place.checked_sub(self.groups.len()) {
            Some(outside) => self.outsiders.groups.get(outside).map_or("", |group| &group.name),
            None => &self.groups[place].name,
        }
    }

    /// The same with clients from outside in the place of its producers and of the members of its groups.
    #[must_use]
    pub fn replaced(mut self) -> Self {
        self.outsiders.replace = true;
        self.producers.iter_mut().for_each(|producer| producer.instances = 0);
        self.groups.iter_mut().for_each(|group| group.members = 0);
        self
    }
}

/// A client that writes to a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideProducer {
    /// The client, by index.
    pub client: u16,
    /// Where it writes.
    pub topic: TopicId,
    /// What it asks to be answered for; the least, if it asked for different things.
    pub acks: Acks,
    /// Its batches have a producer id.
    pub idempotent: bool,
}

/// A group of consumers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutsideGroup {
    /// Its `group.id`.
    pub name: String,
    /// What its members subscribe to, ascending.
    pub topics: Vec<TopicId>,
}
