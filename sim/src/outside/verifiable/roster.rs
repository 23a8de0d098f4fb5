//! Who is who: which process, producer or group a log is of, and which producer a value is of. With a base
//! its header says so; without one all of it is made up of what the logs name.

use super::frame::lives;
use super::{Base, Dump, Line, Log, Place, What};
use ackproof_oracle::context::{
    ConsumingContext, Context, GroupContext, GroupPart, OutputsContext, ProducerContext,
    ProducerLimits, TopicContext, Word, servers,
};
use ackproof_types::{
    Acks, CommitStrategy, GroupId, GroupProtocol, NodeId, OffsetReset, ProducerIndex, Record,
    RecordId, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the logs do not say of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The group of all consumers.
    pub group: String,
    /// `acks` of all producers.
    pub acks: Acks,
    /// `enable.idempotence` of all producers. The tool sets `retries=0`, which switches it off.
    pub idempotent: bool,
    /// `auto.offset.reset` of all consumers.
    pub reset: Word<OffsetReset>,
}

/// Who is who.
#[derive(Debug)]
pub(super) struct Roster {
    pub(super) context: Context,
    /// Of the logs of producers, in their order.
    pub(super) producers: Vec<ProducerIndex>,
    /// Of the logs of consumers, in their order.
    pub(super) consumers: Vec<(NodeId, GroupId)>,
    /// Who a value is of, by its prefix.
    prefixes: BTreeMap<String, Speaker>,
}

/// A life of a producer, which counts its values from 0 again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker {
    producer: ProducerIndex,
    /// Lives with a prefix of their own before it.
    pub(super) life: u16,
    /// The number of its first record among the producer's.
    pub(super) first: u32,
}

impl Speaker {
    /// Of a producer all of whose lives have one prefix.
    const fn only(producer: ProducerIndex) -> Self {
        Self { producer, life: 0, first: 0 }
    }
}

impl Roster {
    /// The process of a log, producers first.
    pub(super) fn node(&self, log: usize) -> NodeId {
        let producer = self.producers.get(log).map(|one| self.context.producer(*one).node);
        producer.unwrap_or_else(|| self.consumers[log - self.producers.len()].0)
    }

    pub(super) fn place(&self, topic: &str, partition: u16) -> TopicPartition {
        let index = self.context.topics.iter().position(|one| one.name == topic);
        let index = index.and_then(|index| u16::try_from(index).ok());
        TopicPartition::new(TopicId(index.expect("every topic is known")), partition)
    }

    /// The record of a value, and who says it; none: it is nobody's.
    pub(super) fn told(&self, value: &str) -> Option<(Record, Speaker)> {
        let (prefix, number) = parse(value)?;
        let speaker = *self.prefixes.get(prefix)?;
        let (producer, number) = (speaker.producer, speaker.first.checked_add(number)?);
        Some((Record { id: RecordId { producer, number }, key: None, size: 0 }, speaker))
    }

    /// The record of a value; none: it is nobody's.
    pub(super) fn record(&self, value: &str) -> Option<Record> {
        self.told(value).map(|(record, _)| record)
    }

    /// Of a base's header: a producer's values begin with its place there, and in every further life with the
    /// number of producers more; a member is `group-number`.
    pub(super) fn of(
        base: &Base,
        producers: &[Log],
        consumers: &[Log],
        dump: Option<&Dump>,
    ) -> Result<Self, String> {
        let mut context = base.context.clone();
        // What the tools print of commits is not all of them.
        context.groups.iter_mut().for_each(|group| group.commit_interval = None);
        let all = producers.iter().chain(consumers);
        distinct(all.clone().map(|log| log.name.as_str()))?;
        let unread = (0..).map(NodeId).zip(&context.nodes).find(|(node, name)| {
            let is_client = context.roster.server(*node).is_none();
            let started = |entry: &ackproof_oracle::history::Entry| {
                entry.node == *node
                    && entry.event == ackproof_oracle::history::Event::ProcessStarted
            };
            is_client
                && base.entries.iter().any(started)
                && !all.clone().any(|log| log.name == **name)
        });
        if let Some((_, name)) = unread {
            return Err(format!("{name} started, says the base; its log is missing"));
        }
        for (topic, partition) in places(producers, consumers, dump) {
            let known = context.topics.iter().find(|one| one.name == topic);
            if known.is_none_or(|one| partition >= one.partitions) {
                return Err(format!("{topic}-{partition} is not in the base's header"));
            }
        }
        let prefixes = speakers(base, &values(producers, consumers, dump));
        let producers =
            producers.iter().map(|log| producer(log, &context)).collect::<Result<_, _>>()?;
        let consumers =
            consumers.iter().map(|log| member(log, &context)).collect::<Result<_, _>>()?;
        Ok(Self { context, producers, consumers, prefixes })
    }

    /// Of the logs alone.
    pub(super) fn made(
        producers: &[Log],
        consumers: &[Log],
        dump: Option<&Dump>,
        settings: &Settings,
    ) -> Result<Self, String> {
        let mut sizes: BTreeMap<&str, u16> = BTreeMap::new();
        for (topic, partition) in places(producers, consumers, dump) {
            let size = sizes.entry(topic).or_default();
            *size = (*size).max(partition.saturating_add(1));
        }
        if sizes.is_empty() {
            return Err("the logs name no topic".to_owned());
        }
        let topic = |name: &str, partitions: u16| TopicContext {
            name: name.to_owned(),
            partitions,
            replication_factor: 1,
            min_insync_replicas: 1,
            unclean_leader_election: false,
            compacted: false,
        };
        let mut topics = vec![topic("__consumer_offsets", 50)];
        topics.extend(sizes.iter().map(|(name, size)| topic(name, *size)));
        let mut nodes = vec!["controller".to_owned()];
        nodes.extend(producers.iter().chain(consumers).map(|log| log.name.clone()));
        distinct(nodes.iter().map(String::as_str))?;
        let names: Vec<&str> = sizes.keys().copied().collect();
        let (known, prefixes) = senders(producers, &names, settings)?;
        let group = GroupContext {
            name: settings.group.clone(),
            topics: (1..).map(TopicId).take(sizes.len()).collect(),
            sink: None,
            outputs: OutputsContext::default(),
            part: GroupPart::Application,
            commit: Word::Known(CommitStrategy::SyncAfterBatch),
            protocol: Word::Known(GroupProtocol::Classic),
            reset: settings.reset.clone(),
            commit_interval: None,
            consuming: ConsumingContext::default(),
        };
        let groups = if consumers.is_empty() { Vec::new() } else { vec![group] };
        let (roster, clusters) = (servers(0), Vec::new());
        let context = Context { nodes, roster, clusters, topics, producers: known, groups };
        let nodes = (1..).map(NodeId).skip(producers.len()).take(consumers.len());
        Ok(Self {
            context,
            producers: (0..).map(ProducerIndex).take(producers.len()).collect(),
            consumers: nodes.map(|node| (node, GroupId(0))).collect(),
            prefixes,
        })
    }
}

fn distinct<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(format!(
                "two logs have the same name, {name}: name the files after their processes"
            ));
        }
    }
    Ok(())
}

/// `3.17` as the prefix `3` and the number 17; a value without a prefix has none.
fn parse(value: &str) -> Option<(&str, u32)> {
    let (prefix, number) = value.rsplit_once('.').unwrap_or(("", value));
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten().map(|number| (prefix, number))
}

/// The partitions that the logs and the final read name.
fn places<'l>(
    producers: &'l [Log],
    consumers: &'l [Log],
    dump: Option<&'l Dump>,
) -> impl Iterator<Item = (&'l str, u16)> {
    let lines = producers.iter().chain(consumers).flat_map(|log| &log.lines);
    let held = dump.into_iter().flat_map(|dump| dump.partitions.keys());
    let named = lines.flat_map(|Line { what, .. }| match what {
        What::Acked { topic, partition, .. } => vec![(topic.as_str(), *partition)],
        What::Record { place, .. } | What::Again { place, .. } => vec![place.pair()],
        What::Assigned(all) | What::Revoked(all) => all.iter().map(Place::pair).collect(),
        What::Consumed { batches, .. } => batches.iter().map(|one| one.place.pair()).collect(),
        What::Committed { offsets, .. } => {
            offsets.iter().map(|one| (one.topic.as_str(), one.partition)).collect()
        }
        What::Failed { topic, .. } => vec![(topic.as_str(), 0)],
        What::Started | What::Stopped | What::Summary { .. } | What::Raised => Vec::new(),
    });
    named.chain(held.map(Place::pair))
}

/// The producer that a log is of.
fn producer(log: &Log, context: &Context) -> Result<ProducerIndex, String> {
    let mut own = (0..).map(ProducerIndex).zip(&context.producers);
    let found = own.find(|(_, one)| context.node(one.node) == log.name);
    let found = found.map(|(index, _)| index);
    found.ok_or_else(|| format!("{}: no producer of the base's header has this process", log.name))
}

/// The process and the group that a log is of.
fn member(log: &Log, context: &Context) -> Result<(NodeId, GroupId), String> {
    let node = (0..).map(NodeId).zip(&context.nodes).find(|(_, name)| **name == log.name);
    let Some((node, _)) = node else {
        return Err(format!("{}: not among the nodes of the base's header", log.name));
    };
    let named = log.name.rsplit_once('-').map_or(log.name.as_str(), |(group, _)| group);
    let group = (0..).map(GroupId).zip(&context.groups).find(|(_, group)| group.name == named);
    let Some((group, _)) = group else {
        return Err(format!("{}: the base's header has no group {named:?}", log.name));
    };
    Ok((node, group))
}

/// How many values there are of each prefix, as far as anything shows: they count up from 0.
fn values<'l>(
    producers: &'l [Log],
    consumers: &'l [Log],
    dump: Option<&'l Dump>,
) -> BTreeMap<&'l str, u32> {
    let lines = producers.iter().chain(consumers).flat_map(|log| &log.lines);
    let held = dump.into_iter().flat_map(|dump| dump.partitions.values());
    let named = lines.filter_map(|line| match &line.what {
        What::Acked { value, .. } | What::Failed { value, .. } | What::Record { value, .. } => {
            Some(value.as_str())
        }
        _ => None,
    });
    let all = named.chain(held.flat_map(|held| held.values.values()).map(|one| one.value.as_str()));
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (prefix, number) in all.filter_map(parse) {
        let count = counts.entry(prefix).or_default();
        *count = (*count).max(number.saturating_add(1));
    }
    counts
}

/// Who a value is of in a run around `base`: there are no more lives than it tells of.
fn speakers(base: &Base, values: &BTreeMap<&str, u32>) -> BTreeMap<String, Speaker> {
    let producers = &base.context.producers;
    let mut speakers = BTreeMap::new();
    for (index, producer) in (0..).zip(producers) {
        let lives = u16::try_from(lives(base, producer.node).len()).unwrap_or(u16::MAX).max(1);
        let mut first = 0_u32;
        for life in 0..lives {
            let prefix = usize::from(index) + usize::from(life) * producers.len();
            let prefix = prefix.to_string();
            let count = values.get(prefix.as_str()).copied().unwrap_or(0);
            speakers.insert(prefix, Speaker { producer: ProducerIndex(index), life, first });
            first = first.saturating_add(count);
        }
    }
    speakers
}

type Senders = (Vec<ProducerContext>, BTreeMap<String, Speaker>);

/// Producers by what their logs say of values and topics.
fn senders(producers: &[Log], topics: &[&str], settings: &Settings) -> Result<Senders, String> {
    let mut prefixes = BTreeMap::new();
    let mut known = Vec::new();
    for (index, log) in (0_u16..).zip(producers) {
        let told = log.lines.iter().find_map(|line| match &line.what {
            What::Acked { value, topic, .. } | What::Failed { value, topic, .. } => {
                Some((value, topic))
            }
            _ => None,
        });
        let of = told.and_then(|(value, topic)| Some((parse(value)?.0, topic)));
        // One that never had an outcome is known by nothing.
        let topic = of.and_then(|(_, topic)| topics.iter().position(|name| name == topic));
        if let Some((prefix, _)) = of
            && prefixes.insert(prefix.to_owned(), Speaker::only(ProducerIndex(index))).is_some()
        {
            return Err(format!(
                "{}: another producer has the value prefix {prefix:?} too; start each with its own \
                 --value-prefix",
                log.name
            ));
        }
        known.push(ProducerContext {
            node: NodeId(1 + index),
            name: log.name.clone(),
            topic: TopicId(1 + topic.map_or(0, |topic| u16::try_from(topic).unwrap_or(0))),
            acks: settings.acks,
            idempotent: settings.idempotent,
            ordered: settings.idempotent,
            limits: ProducerLimits::default(),
        });
    }
    Ok((known, prefixes))
}
