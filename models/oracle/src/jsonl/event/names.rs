//! From a name in a line to what it stands for, or to what is wrong with it. It knows no event.

use super::{Found, Mistake, Names, at, plain};
use crate::jsonl::nearest;
use crate::jsonl::text::{Offsets, Position, Text};
use ackproof_types::{
    BrokerId, GroupId, NodeId, Offset, Record, RecordId, RecordSlice, TopicPartition,
};
use std::sync::Arc;

impl Names {
    pub(super) fn node(&self, name: &Text<'_>) -> Found<NodeId> {
        let known = || self.nodes.keys().map(String::as_str);
        self.nodes.get(&**name).copied().ok_or_else(|| unknown("process", name, name, known()))
    }

    pub(super) fn group(&self, name: &Text<'_>) -> Found<GroupId> {
        let known = || self.groups.keys().map(String::as_str);
        self.groups.get(&**name).copied().ok_or_else(|| unknown("group", name, name, known()))
    }

    pub(super) fn broker(&self, id: u16) -> Found<BrokerId> {
        let brokers = self.context.brokers;
        let what = || format!("no broker {id}: the header has {brokers}, numbered from 1");
        let known = (1..=brokers).contains(&id).then_some(BrokerId(id));
        known.ok_or_else(|| Mistake::new(what()))
    }

    pub(super) fn brokers(&self, ids: &[u16]) -> Found<Arc<[BrokerId]>> {
        ids.iter().map(|id| self.broker(*id)).collect()
    }

    /// `payments-0`.
    pub(super) fn place(&self, text: &Text<'_>) -> Found<TopicPartition> {
        let parts = text.rsplit_once('-').and_then(|(topic, number)| Some((topic, whole(number)?)));
        let Some((name, number)) = parts else {
            let what = format!("{:?} is not a partition like payments-0", &**text);
            return Err(Mistake::about(what, text, None));
        };
        let known = || self.topics.keys().map(String::as_str);
        let topic = *self.topics.get(name).ok_or_else(|| unknown("topic", name, text, known()))?;
        let count = self.context.topics[topic.index()].partitions;
        match u16::try_from(number) {
            Ok(number) if number < count => Ok(TopicPartition::new(topic, number)),
            _ => {
                let what = format!("no partition {number}: {name} has {count}, numbered from 0");
                Err(Mistake::about(what, text, None))
            }
        }
    }

    pub(super) fn places(&self, texts: &[Text<'_>]) -> Found<Arc<[TopicPartition]>> {
        texts.iter().map(|text| self.place(text)).collect()
    }

    pub(super) fn offsets(&self, offsets: &Offsets<'_>) -> Found<Arc<[(TopicPartition, Offset)]>> {
        let pair = |(place, offset): &(Text<'_>, Position)| Ok((self.place(place)?, at(*offset)));
        offsets.0.iter().map(pair).collect()
    }

    /// `billing-0#117`.
    pub(super) fn id(&mut self, text: &Text<'_>) -> Found<RecordId> {
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
        Ok(id)
    }

    pub(super) fn records(&mut self, texts: &[Text<'_>]) -> Found<RecordSlice> {
        let records: Found<Arc<[Record]>> =
            texts.iter().map(|text| self.id(text).map(plain)).collect();
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

    /// A producer speaks of its own topic only.
    pub(super) fn written(
        &self,
        at: TopicPartition,
        text: &Text<'_>,
        records: &RecordSlice,
    ) -> Found<()> {
        let topic = |id: RecordId| self.context.producer(id.producer).topic;
        let Some(other) = records.iter().find(|record| topic(record.id) != at.topic) else {
            return Ok(());
        };
        let (record, topic) = (self.context.record(other.id), topic(other.id));
        let topic = &self.context.topics[topic.index()].name;
        let what = format!("the producer of {record:?} writes to {topic}");
        Err(Mistake::about(what, text, None))
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
