//! Watches the history for what faults wait for. It strikes nobody: whoever runs the world asks which
//! faults have come due, right after the step in which they have.

use super::leaders::Leaders;
use super::moments::Moments;
use crate::world::lower::{Cast, Role};
use ackproof_kafka::message::Message;
use ackproof_oracle::history::{Entry, Event, ProcessEnd};
use ackproof_scenario::anchor::{Anchor, Content, Place, RecordName};
use ackproof_scenario::plan::Target;
use ackproof_types::{
    BrokerId, NodeId, Offset, ProducerIndex, RecordId, RecordSlice, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

/// Faults that wait for something.
#[derive(Debug, Default)]
pub(crate) struct Anchors {
    waiting: Vec<(u32, Watch)>,
    due: VecDeque<u32>,
    /// Those about records of producers that have no process: clients outside may come in their place.
    later: Vec<(u32, Anchor)>,
    /// Who has come in the place of which producer and instance.
    outside: BTreeMap<(u16, u16), ProducerIndex>,
    pub(crate) moments: Moments,
}

/// An anchor in terms of the history.
#[derive(Clone, Copy, Debug)]
enum Watch {
    Appends(Option<NodeId>, What),
    Sent(RecordId),
    Acknowledged(RecordId),
    Fails(RecordId),
    SentAgain(RecordId),
    BecomesLeader(NodeId, TopicPartition),
    IsElected(BrokerId, TopicPartition),
    Truncates(NodeId, TopicPartition),
    Ends(NodeId, ProcessEnd),
    Polls(Who, What),
    StartsAt(Who, TopicPartition, Offset),
    Processes(Who, What),
    Commits(Who, TopicPartition, Offset),
}

/// What is appended or processed.
#[derive(Clone, Copy, Debug)]
enum What {
    At(TopicPartition, Offset),
    Record(RecordId),
}

/// A member, or any member of a group.
#[derive(Clone, Copy, Debug)]
enum Who {
    One(NodeId),
    Any(u16),
}

impl Anchors {
    /// Fault `number` waits for `anchor`.
    pub(crate) fn add(&mut self, number: u32, anchor: Anchor, cast: &Cast) {
        match watch(anchor, cast, &self.outside) {
            Some(watch) => self.waiting.push((number, watch)),
            None => self.later.push((number, anchor)),
        }
    }

    /// A client outside writes in the place of a producer of the scenario.
    pub(crate) fn joined(
        &mut self,
        (producer, instance): (u16, u16),
        index: ProducerIndex,
        cast: &Cast,
    ) {
        self.outside.entry((producer, instance)).or_insert(index);
        for (number, anchor) in std::mem::take(&mut self.later) {
            self.add(number, anchor, cast);
        }
    }

    /// Whether no fault waits: the usual case, and then nothing is to be looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.moments.is_empty()
    }

    /// Fault `number` waits no longer; says whether it did.
    pub(crate) fn withdraw(&mut self, number: u32) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|(waits, _)| *waits != number);
        let later = self.later.len();
        self.later.retain(|(waits, _)| *waits != number);
        self.waiting.len() < before || self.later.len() < later
    }

    /// Looks whether `entry` is what a fault waits for.
    pub(crate) fn look(
        &mut self,
        entry: &Entry,
        leaders: &Leaders,
        coordinators: &[TopicPartition],
    ) {
        let Self { waiting, due, moments, .. } = self;
        if !moments.is_empty() {
            due.extend(moments.look(entry, leaders, coordinators));
        }
        waiting.retain(|(number, watch)| {
            let comes = watch.is(entry);
            due.extend(comes.then_some(*number));
            !comes
        });
    }

    /// Looks whether `message`, which goes from the second to the first, makes a moment.
    pub(crate) fn look_at_message(
        &mut self,
        message: &Message,
        ends: (NodeId, NodeId),
        leaders: &Leaders,
    ) {
        if !self.moments.is_empty() {
            self.due.extend(self.moments.look_at_message(message, ends, leaders));
        }
    }

    /// Whether a fault has come due.
    pub(crate) fn is_due(&self) -> bool {
        !self.due.is_empty()
    }

    /// The next fault that has come due.
    pub(crate) fn next_due(&mut self) -> Option<u32> {
        self.due.pop_front()
    }

    /// Waits for nothing any more; returns who did.
    pub(crate) fn give_up(&mut self) -> Vec<u32> {
        let left = std::mem::take(&mut self.due);
        let waiting = std::mem::take(&mut self.waiting);
        let waiting = waiting.into_iter().map(|(number, _)| number);
        let later = std::mem::take(&mut self.later).into_iter().map(|(number, _)| number);
        left.into_iter().chain(waiting).chain(later).chain(self.moments.give_up_all()).collect()
    }
}

/// None: nobody plays that part, so it never comes.
fn watch(
    anchor: Anchor,
    cast: &Cast,
    outside: &BTreeMap<(u16, u16), ProducerIndex>,
) -> Option<Watch> {
    let record = |name: RecordName| {
        let here = record(name, cast);
        let there = outside.get(&(name.producer, name.instance));
        here.or_else(|| Some(RecordId { producer: *there?, number: name.number }))
    };
    let what = |content: Content| match content {
        Content::At(place) => Some(What::At(partition(place), Offset(place.offset))),
        Content::Record(name) => record(name).map(What::Record),
    };
    let who = |target: Target| match target {
        Target::Member(group, member) => cast.find(Role::Member(group, member)).map(Who::One),
        Target::Group(group) => Some(Who::Any(group)),
        _ => None,
    };
    Some(match anchor {
        Anchor::Appends(Target::Broker(broker), content) => {
            Watch::Appends(Some(cast.broker(broker)?), what(content)?)
        }
        Anchor::Appends(_leader, content) => Watch::Appends(None, what(content)?),
        Anchor::Sent(name) => Watch::Sent(record(name)?),
        Anchor::Acknowledged(name) => Watch::Acknowledged(record(name)?),
        Anchor::Fails(name) => Watch::Fails(record(name)?),
        Anchor::SentAgain(name) => Watch::SentAgain(record(name)?),
        Anchor::BecomesLeader(broker, topic, number) => {
            Watch::BecomesLeader(cast.broker(broker)?, TopicPartition::new(topic, number))
        }
        Anchor::IsElected(broker, topic, number) => {
            Watch::IsElected(BrokerId(broker), TopicPartition::new(topic, number))
        }
        Anchor::Truncates(broker, topic, number) => {
            Watch::Truncates(cast.broker(broker)?, TopicPartition::new(topic, number))
        }
        Anchor::Crashes(target) => Watch::Ends(process(target, cast)?, ProcessEnd::Crash),
        Anchor::Stops(target) => Watch::Ends(process(target, cast)?, ProcessEnd::Clean),
        Anchor::Polls(target, content) => Watch::Polls(who(target)?, what(content)?),
        Anchor::StartsAt(target, place) => {
            Watch::StartsAt(who(target)?, partition(place), Offset(place.offset))
        }
        Anchor::Processes(target, content) => Watch::Processes(who(target)?, what(content)?),
        Anchor::Commits(target, place) => {
            Watch::Commits(who(target)?, partition(place), Offset(place.offset))
        }
    })
}

fn process(target: Target, cast: &Cast) -> Option<NodeId> {
    let is = |role: Role| match (target, role) {
        (Target::Producer(producer, instance), Role::Producer(p, i, _)) => {
            (p, i) == (producer, instance)
        }
        (Target::Member(group, member), Role::Member(g, m)) => (g, m) == (group, member),
        _ => false,
    };
    match target {
        Target::Broker(broker) => cast.broker(broker),
        Target::Controller(number) => cast.controller_at(number),
        _ => cast.nodes().find(|(_, role)| is(*role)).map(|(node, _)| node),
    }
}

fn partition(place: Place) -> TopicPartition {
    TopicPartition::new(place.topic, place.partition)
}

fn record(name: RecordName, cast: &Cast) -> Option<RecordId> {
    cast.nodes().find_map(|(_, role)| match role {
        Role::Producer(producer, instance, index)
            if (producer, instance) == (name.producer, name.instance) =>
        {
            Some(RecordId { producer: index, number: name.number })
        }
        _ => None,
    })
}

impl Watch {
    fn is(&self, entry: &Entry) -> bool {
        match (self, &entry.event) {
            (Self::Appends(by, what), Event::Appended { as_leader, records, .. }) => {
                let fits = by.map_or(*as_leader, |node| node == entry.node);
                fits && what.is_appended(records, &entry.event)
            }
            (Self::Sent(id), Event::Sent { record, .. }) => record.id == *id,
            (Self::Acknowledged(id), Event::Acked { records, .. }) => has(records, *id),
            (Self::Fails(id), Event::Failed { records, .. }) => has(records, *id),
            (Self::Fails(id), Event::Rejected { record, .. }) => record.id == *id,
            (Self::SentAgain(id), Event::Retried { first, .. }) => first.id == *id,
            (Self::IsElected(broker, wanted), Event::LeaderElected { partition, leader, .. }) => {
                partition == wanted && *leader == Some(*broker)
            }
            (Self::Truncates(node, wanted), Event::Truncated { partition, .. }) => {
                entry.node == *node && partition == wanted
            }
            (Self::Ends(node, how), Event::ProcessEnded(end)) => {
                let is_clean = |how: ProcessEnd| how == ProcessEnd::Clean;
                entry.node == *node && is_clean(*end) == is_clean(*how)
            }
            (Self::Polls(who, what), Event::Polled { group, partition, base_offset, records }) => {
                let end = base_offset.plus(records.len());
                who.is(entry.node, group.0)
                    && match what {
                        What::At(wanted, at) => {
                            wanted == partition && base_offset <= at && *at < end
                        }
                        What::Record(id) => has(records, *id),
                    }
            }
            (
                Self::StartsAt(who, wanted, at),
                Event::Positioned { group, partition, offset, .. },
            ) => who.is(entry.node, group.0) && partition == wanted && offset == at,
            (Self::BecomesLeader(node, wanted), Event::BecameLeader { partition, .. }) => {
                entry.node == *node && partition == wanted
            }
            (
                Self::Processes(who, what),
                Event::Processed { group, partition, offset, record, .. },
            ) => {
                who.is(entry.node, group.0)
                    && match what {
                        What::At(wanted, at) => wanted == partition && at == offset,
                        What::Record(id) => record.id == *id,
                    }
            }
            (Self::Commits(who, wanted, least), Event::Committed { group, offsets }) => {
                let reaches = |(partition, offset): &(TopicPartition, Offset)| {
                    partition == wanted && offset >= least
                };
                who.is(entry.node, group.0) && offsets.iter().any(reaches)
            }
            _ => false,
        }
    }
}

impl What {
    fn is_appended(&self, records: &RecordSlice, event: &Event) -> bool {
        match (self, event) {
            (Self::Record(id), _) => has(records, *id),
            (Self::At(wanted, at), Event::Appended { partition, base_offset, next_offset, .. }) => {
                partition == wanted && base_offset <= at && at < next_offset
            }
            _ => false,
        }
    }
}

impl Who {
    fn is(self, node: NodeId, group: u16) -> bool {
        match self {
            Self::One(one) => one == node,
            Self::Any(any) => any == group,
        }
    }
}

fn has(records: &RecordSlice, id: RecordId) -> bool {
    records.iter().any(|record| record.id == id)
}
