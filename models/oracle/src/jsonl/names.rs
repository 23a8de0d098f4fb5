//! From a name in a line to what it stands for, or to what is wrong with it. It knows no event.

use super::budget::Budget;
use super::header::most_partitions;
use super::nearest;
use super::text::Text;
use crate::context::Context;
use crate::partitions::Partitions;
use crate::record_set::RecordSet;
use ackproof_types::{
    BrokerId, GroupId, NodeId, Offset, ProducerIndex, Record, RecordId, RecordSlice, TopicId,
    TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is wrong, the part of the line that it is about, and a hint.
#[derive(Debug)]
pub(super) struct Mistake {
    pub(super) what: String,
    /// Where in memory the text is that is wrong.
    pub(super) text: Option<usize>,
    pub(super) hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(what: String) -> Self {
        Self { what, text: None, hint: None }
    }

    fn about(what: String, text: &Text<'_>, hint: Option<String>) -> Self {
        Self { what, text: Some(text.as_ptr() as usize), hint }
    }
}

pub(super) type Found<T> = Result<T, Mistake>;

/// What names stand for, and what was said so far.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) context: Arc<Context>,
    nodes: BTreeMap<String, NodeId>,
    topics: BTreeMap<String, TopicId>,
    /// Partitions by topic, so far.
    partitions: Partitions,
    producers: BTreeMap<String, ProducerIndex>,
    groups: BTreeMap<String, GroupId>,
    pub(super) sent: RecordSet,
    budget: Budget,
    /// Where in memory the text is that named a partition last.
    place: Option<usize>,
}

fn by_name<'c, T>(
    names: impl Iterator<Item = &'c str>,
    make: impl Fn(u16) -> T,
) -> BTreeMap<String, T> {
    names.map(str::to_owned).zip((0..=u16::MAX).map(make)).collect()
}

impl Names {
    pub(super) fn new(context: &Arc<Context>) -> Self {
        Self {
            nodes: by_name(context.nodes.iter().map(String::as_str), NodeId),
            topics: by_name(context.topics.iter().map(|topic| topic.name.as_str()), TopicId),
            producers: by_name(context.producers.iter().map(|p| p.name.as_str()), ProducerIndex),
            groups: by_name(context.groups.iter().map(|group| group.name.as_str()), GroupId),
            partitions: Partitions::new(context),
            sent: RecordSet::default(),
            budget: Budget::default(),
            place: None,
            context: Arc::clone(context),
        }
    }

    pub(super) fn node(&self, name: &Text<'_>) -> Found<NodeId> {
        let known = || self.nodes.keys().map(String::as_str);
        self.nodes.get(&**name).copied().ok_or_else(|| unknown("process", name, name, known()))
    }

    pub(super) fn group(&self, name: &Text<'_>) -> Found<GroupId> {
        let known = || self.groups.keys().map(String::as_str);
        self.groups.get(&**name).copied().ok_or_else(|| unknown("group", name, name, known()))
    }

    pub(super) fn broker(&self, id: u16) -> Found<BrokerId> {
        let brokers = || self.context.roster.brokers();
        let what =
            || format!("no broker {id}: the header has {}, numbered from 1", brokers().count());
        brokers().find(|known| known.0 == id).ok_or_else(|| Mistake::new(what()))
    }

    /// `payments-0`.
    pub(super) fn place(&mut self, text: &Text<'_>) -> Found<TopicPartition> {
        let parts = text.rsplit_once('-').and_then(|(topic, number)| Some((topic, whole(number)?)));
        let Some((name, number)) = parts else {
            let what = format!("{:?} is not a partition like payments-0", &**text);
            return Err(Mistake::about(what, text, None));
        };
        self.place = Some(text.as_ptr() as usize);
        let topic = self.known_topic(name, text)?;
        let count = self.partitions.of(topic);
        match u16::try_from(number) {
            Ok(number) if number < count => Ok(TopicPartition::new(topic, number)),
            _ => {
                let what = format!("no partition {number}: {name} has {count}, numbered from 0");
                Err(Mistake::about(what, text, None))
            }
        }
    }

    pub(super) fn topic(&self, name: &Text<'_>) -> Found<TopicId> {
        self.known_topic(name, name)
    }

    fn known_topic(&self, name: &str, text: &Text<'_>) -> Found<TopicId> {
        let known = || self.topics.keys().map(String::as_str);
        let (first, life) = name.rsplit_once('@').unwrap_or((name, "1"));
        let before = whole(life).and_then(|life| u16::try_from(life).ok()?.checked_sub(1));
        let later = || self.topics.get(first)?.in_life(before?);
        let topic = self.topics.get(name).copied().or_else(later);
        topic.ok_or_else(|| unknown("topic", name, text, known()))
    }

    /// The topic has so many partitions from here on.
    pub(super) fn grow(&mut self, topic: TopicId, partitions: u16) -> Found<()> {
        let (name, count) = (self.context.topic(topic), self.partitions.of(topic));
        if partitions <= count {
            return Err(Mistake::new(format!("{name} has {count} partitions before this")));
        }
        self.partitions.grow(topic, partitions);
        let (brokers, groups) = (self.context.roster.brokers().count(), self.context.groups.len());
        most_partitions(brokers, groups, self.partitions.sum()).map_err(Mistake::new)
    }

    /// `billing-0#117`.
    pub(super) fn record(&mut self, text: &Text<'_>) -> Found<Record> {
        let parts = text.rsplit_once('#').and_then(|(name, number)| Some((name, whole(number)?)));
        let Some((name, number)) = parts else {
            let what = format!("{:?} is not a record like billing-0#117", &**text);
            return Err(Mistake::about(what, text, None));
        };
        let known = || self.producers.keys().map(String::as_str);
        let found = self.producers.get(name).copied();
        let producer = found.ok_or_else(|| unknown("producer", name, text, known()))?;
        let id = RecordId { producer, number };
        self.budget.number(id).map_err(|what| Mistake::about(what, text, None))?;
        Ok(Record { id, key: None, size: 0 })
    }

    pub(super) fn records(&mut self, texts: &[Text<'_>]) -> Found<RecordSlice> {
        let records: Found<Arc<[Record]>> = texts.iter().map(|text| self.record(text)).collect();
        records.map(RecordSlice::whole)
    }

    /// The records of an outcome: only what was sent has one.
    pub(super) fn outcome(&mut self, texts: &[Text<'_>]) -> Found<RecordSlice> {
        let records = self.records(texts)?;
        let unsent = records.iter().position(|record| !self.sent.contains(record.id));
        let Some(text) = unsent.map(|index| &texts[index]) else { return Ok(records) };
        let what =
            format!("{:?} has an outcome, and no line before says that it was sent", &**text);
        let hint = "write a line of \"event\":\"sent\" for every call of send".to_owned();
        Err(Mistake::about(what, text, Some(hint)))
    }

    /// A producer speaks of its own topic only: `at` is the last place that was named.
    pub(super) fn written<'r>(
        &self,
        at: TopicPartition,
        mut records: impl Iterator<Item = &'r Record>,
    ) -> Found<()> {
        let topic = |id: RecordId| self.context.producer(id.producer).topic;
        let Some(other) = records.find(|record| topic(record.id) != at.topic.name()) else {
            return Ok(());
        };
        let (record, topic) = (self.context.record(other.id), topic(other.id));
        let topic = &self.context.topics[topic.index()].name;
        let what = format!("the producer of {record:?} writes to {topic}");
        Err(Mistake { what, text: self.place, hint: None })
    }

    pub(super) fn spans(&mut self, place: TopicPartition, from: Offset, count: usize) -> Found<()> {
        let to = from.plus(count);
        self.budget.offsets(place, from.0, to.0).map_err(Mistake::new)
    }
}

fn unknown<'n>(
    what: &str,
    name: &str,
    text: &Text<'_>,
    known: impl Iterator<Item = &'n str>,
) -> Mistake {
    let hint = nearest(name, known);
    Mistake::about(format!("the header has no {what} named {name:?}"), text, hint)
}

/// A number as it is written: digits, no sign.
fn whole(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}
