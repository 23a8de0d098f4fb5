//! From the tools' logs to entries, and what is decided where the tools are silent:
//! - A `send` is not printed. Values count up from 0, so once a number shows up anywhere all below it were
//!   sent, and no later than then. Numbers past the summary's `sent` were not sent.
//! - A failed send may have been written, unless the exception says that it never left the client.
//! - A record counts as processed when its `record_data` is printed: the consumer does nothing else with
//!   it, and commits only after that. `onPartitionsLost` prints what `onPartitionsRevoked` does.
//! - A tool whose log has no `shutdown_complete` crashed after its last line.
//! - An idempotent producer raises its epoch after a failed send, and does not tell.
//! - A final read is taken after the clients had the time to finish: the history then has a settle phase.

use super::{Commit, Dump, Line, Log, Place, What};
use ackproof_oracle::context::{Context, GroupContext, ProducerContext, TopicContext};
use ackproof_oracle::history::{Entry, Event, Phase, ProcessEnd};
use ackproof_types::{
    ErrorCode, GenerationId, GroupId, MemberId, NodeId, Offset, ProducerIndex, Record, RecordId,
    RecordSlice, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the logs do not say of the configuration.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The group of all consumers.
    pub group: String,
    /// `acks` of all producers.
    pub acks: String,
    /// `enable.idempotence` of all producers. The tool sets `retries=0`, which switches it off.
    pub idempotent: bool,
    /// `auto.offset.reset` of all consumers.
    pub reset: String,
}

/// A producer as far as its log was read.
#[derive(Debug, Default)]
struct Sender {
    /// What the summary says at the end; none: it was killed.
    limit: Option<u64>,
    /// Sent in this life, and in any.
    through: u32,
    ever: u32,
    up: bool,
}

/// A history in the making.
struct Making<'a> {
    context: Context,
    settings: &'a Settings,
    /// Producers by the prefix of their values.
    prefixes: BTreeMap<String, ProducerIndex>,
    senders: Vec<Sender>,
    owned: Vec<BTreeSet<TopicPartition>>,
    /// Whether a consumer prints its records.
    told: Vec<bool>,
    entries: Vec<Entry>,
    now: u64,
    foreign: u64,
}

/// The history of these logs: its context, its entries, and how many values were of none of the producers.
///
/// # Errors
/// What keeps the logs from being one history.
pub fn history(
    producers: &[Log],
    consumers: &[Log],
    dump: Option<&Dump>,
    settings: &Settings,
) -> Result<(Context, Vec<Entry>, u64), String> {
    let (context, prefixes) = context(producers, consumers, dump, settings)?;
    let senders = producers.iter().map(|log| {
        let sent = log.lines.iter().rev().find_map(|line| match line.what {
            What::Summary { sent } => Some(sent),
            _ => None,
        });
        Sender { limit: sent, ..Sender::default() }
    });
    let mut making = Making {
        context,
        settings,
        prefixes,
        senders: senders.collect(),
        owned: vec![BTreeSet::new(); consumers.len()],
        told: vec![false; consumers.len()],
        entries: Vec::new(),
        now: 0,
        foreign: 0,
    };
    let mut lines: Vec<(u64, usize, &Line)> = Vec::new();
    for (index, log) in producers.iter().chain(consumers).enumerate() {
        lines.extend(log.lines.iter().map(|line| (line.timestamp, index, line)));
    }
    // Stable: lines of one process keep their order.
    lines.sort_by_key(|(timestamp, ..)| *timestamp);
    let last: BTreeMap<usize, usize> =
        lines.iter().enumerate().map(|(position, (_, index, _))| (*index, position)).collect();
    making.now = lines.first().map_or(0, |(timestamp, ..)| *timestamp);
    making.put(NodeId::CONTROLLER, Event::Phase(Phase::Load));
    let mut open = BTreeSet::new();
    for (position, (timestamp, index, line)) in lines.iter().enumerate() {
        making.now = *timestamp;
        match line.what {
            What::Started => open.insert(*index),
            What::Stopped => open.remove(index),
            _ => false,
        };
        if *index < producers.len() {
            making.produced(*index, &line.what)?;
        } else {
            making.consumed(index - producers.len(), &line.what)?;
        }
        if last[index] == position && open.remove(index) {
            making.ended(*index, ProcessEnd::Crash);
        }
    }
    if let Some(dump) = dump {
        making.put(NodeId::CONTROLLER, Event::Phase(Phase::Settle));
        making.put(NodeId::CONTROLLER, Event::Phase(Phase::FinalRead));
        making.read(dump);
    }
    making.put(NodeId::CONTROLLER, Event::Phase(Phase::End));
    Ok((making.context, making.entries, making.foreign))
}

/// `3.17` as the prefix `3` and the number 17; a value without a prefix has none.
fn parse(value: &str) -> Option<(&str, u32)> {
    let (prefix, number) = value.rsplit_once('.').unwrap_or(("", value));
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten().map(|number| (prefix, number))
}

/// The partitions that a line names.
fn named(what: &What) -> Vec<(&str, u16)> {
    match what {
        What::Acked { topic, partition, .. } | What::Record { topic, partition, .. } => {
            vec![(topic, *partition)]
        }
        What::Assigned(all) | What::Revoked(all) => {
            all.iter().map(|place| (place.topic.as_str(), place.partition)).collect()
        }
        What::Committed { offsets, .. } => {
            offsets.iter().map(|one| (one.topic.as_str(), one.partition)).collect()
        }
        What::Failed { topic, .. } => vec![(topic, 0)],
        What::Started | What::Stopped | What::Summary { .. } | What::Consumed { .. } => Vec::new(),
    }
}

fn context(
    producers: &[Log],
    consumers: &[Log],
    dump: Option<&Dump>,
    settings: &Settings,
) -> Result<(Context, BTreeMap<String, ProducerIndex>), String> {
    let mut sizes: BTreeMap<&str, u16> = BTreeMap::new();
    let lines = producers.iter().chain(consumers).flat_map(|log| &log.lines);
    let mut places: Vec<(&str, u16)> = lines.flat_map(|line| named(&line.what)).collect();
    let held = dump.into_iter().flat_map(|dump| dump.partitions.keys());
    places.extend(held.map(|place| (place.topic.as_str(), place.partition)));
    for (topic, partition) in places {
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
    };
    let mut topics = vec![topic("__consumer_offsets", 50)];
    topics.extend(sizes.iter().map(|(name, size)| topic(name, *size)));
    let mut nodes = vec!["controller".to_owned()];
    nodes.extend(producers.iter().chain(consumers).map(|log| log.name.clone()));
    let distinct: BTreeSet<&String> = nodes.iter().collect();
    if distinct.len() != nodes.len() {
        return Err("two logs have the same name: name the files after their processes".to_owned());
    }
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
        let topic =
            of.map_or(0, |(_, topic)| sizes.keys().position(|name| name == topic).unwrap_or(0));
        if let Some((prefix, _)) = of
            && prefixes.insert(prefix.to_owned(), ProducerIndex(index)).is_some()
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
            topic: TopicId(1 + u16::try_from(topic).unwrap_or(0)),
            acks: settings.acks.clone(),
            idempotent: settings.idempotent,
            ordered: settings.idempotent,
        });
    }
    let group = GroupContext {
        name: settings.group.clone(),
        topics: (1..).map(TopicId).take(sizes.len()).collect(),
        commit: "sync-after-batch".to_owned(),
        reset: settings.reset.clone(),
    };
    let groups = if consumers.is_empty() { Vec::new() } else { vec![group] };
    Ok((Context { nodes, brokers: 0, topics, producers: known, groups }, prefixes))
}

/// Whether a send certainly never left the client, by what its exception says.
fn is_certain(exception: &str, message: &str) -> bool {
    let class = exception.rsplit('.').next().unwrap_or_default();
    match class {
        "RecordTooLargeException" | "SerializationException" | "BufferExhaustedException" => true,
        // Else it waited in a batch, which may have been on its way.
        "TimeoutException" => message.contains("not present in metadata after"),
        _ => false,
    }
}

fn code(exception: &str) -> ErrorCode {
    match exception.rsplit('.').next().unwrap_or_default() {
        "TimeoutException" => ErrorCode::DeliveryTimeout,
        "NotEnoughReplicasException" => ErrorCode::NotEnoughReplicas,
        "NotEnoughReplicasAfterAppendException" => ErrorCode::NotEnoughReplicasAfterAppend,
        "RecordTooLargeException" => ErrorCode::MessageTooLarge,
        "NetworkException" | "DisconnectException" => ErrorCode::NetworkException,
        "NotLeaderOrFollowerException" => ErrorCode::NotLeaderOrFollower,
        "OutOfOrderSequenceException" => ErrorCode::OutOfOrderSequenceNumber,
        _ => ErrorCode::UnknownServerError,
    }
}

impl Making<'_> {
    fn put(&mut self, node: NodeId, event: Event) {
        let (seq, at) = (self.entries.len() as u64, self.now.saturating_mul(1000));
        self.entries.push(Entry { seq, at: Timestamp::from_micros(at), node, event });
    }

    fn node(index: usize) -> NodeId {
        NodeId(1 + u16::try_from(index).expect("there are fewer files"))
    }

    fn place(&self, topic: &str, partition: u16) -> TopicPartition {
        let index = self.context.topics.iter().position(|one| one.name == topic);
        let index =
            index.and_then(|index| u16::try_from(index).ok()).expect("every topic is known");
        TopicPartition::new(TopicId(index), partition)
    }

    /// The record of a value, sent by now; none: it is nobody's.
    fn record(&mut self, value: &str) -> Option<Record> {
        let found = parse(value).and_then(|(prefix, number)| {
            let producer = *self.prefixes.get(prefix)?;
            Some(RecordId { producer, number })
        });
        let Some(id) = found else {
            self.foreign += 1;
            return None;
        };
        if id.number >= self.senders[id.producer.index()].ever {
            self.send(id);
        }
        Some(Record { id, key: None, size: 0 })
    }

    /// Everything up to `id` was sent in this life of its producer, unless its summary says otherwise.
    fn send(&mut self, id: RecordId) {
        let sender = &mut self.senders[id.producer.index()];
        if sender.limit.is_some_and(|limit| u64::from(id.number) >= limit) {
            return;
        }
        let numbers = sender.through..id.number.saturating_add(1);
        sender.through = sender.through.max(numbers.end);
        sender.ever = sender.ever.max(numbers.end);
        for number in numbers {
            let id = RecordId { number, ..id };
            let record = Record { id, key: None, size: 0 };
            self.put(Self::node(id.producer.index()), Event::Sent { record, partition: None });
        }
    }

    fn ended(&mut self, index: usize, how: ProcessEnd) {
        self.put(Self::node(index), Event::ProcessEnded(how));
    }

    fn produced(&mut self, index: usize, what: &What) -> Result<(), String> {
        let node = Self::node(index);
        match what {
            What::Started => {
                if self.senders[index].up {
                    self.ended(index, ProcessEnd::Crash);
                }
                (self.senders[index].up, self.senders[index].through) = (true, 0);
                self.put(node, Event::ProcessStarted);
            }
            What::Stopped => {
                self.senders[index].up = false;
                self.ended(index, ProcessEnd::Clean);
            }
            What::Summary { sent } => {
                let last = u32::try_from(sent.saturating_sub(1)).unwrap_or(u32::MAX);
                let producer = ProducerIndex(u16::try_from(index).expect("there are fewer files"));
                if *sent > u64::from(self.senders[index].through) {
                    self.send(RecordId { producer, number: last });
                }
            }
            What::Acked { value, topic, partition, offset } => {
                let Some(record) = self.outcome(value) else { return Ok(()) };
                let (partition, base_offset) = (self.place(topic, *partition), Offset(*offset));
                let records = RecordSlice::whole([record].into());
                self.put(node, Event::Acked { partition, base_offset, by: None, records });
            }
            What::Failed { value, topic, exception, message } => {
                let Some(record) = self.outcome(value) else { return Ok(()) };
                let error = code(exception);
                if is_certain(exception, message) {
                    self.put(node, Event::Rejected { record, error });
                    return Ok(());
                }
                let records = RecordSlice::whole([record].into());
                let maybe_written = true;
                self.put(node, Event::Failed { partition: None, records, error, maybe_written });
                if self.settings.idempotent {
                    let place = self.place(topic, 0);
                    for partition in 0..self.context.topics[place.topic.index()].partitions {
                        let partition = TopicPartition { partition, ..place };
                        self.put(node, Event::ProducerEpochBumped { partition });
                    }
                }
            }
            What::Assigned(_)
            | What::Revoked(_)
            | What::Record { .. }
            | What::Consumed { .. }
            | What::Committed { .. } => return Err(self.misplaced(index, "VerifiableConsumer")),
        }
        Ok(())
    }

    fn misplaced(&self, index: usize, tool: &str) -> String {
        format!("{}: this has lines of a {tool}", self.context.node(Self::node(index)))
    }

    /// The record of an outcome: sent in this life, if it was not before.
    fn outcome(&mut self, value: &str) -> Option<Record> {
        let record = self.record(value)?;
        if record.id.number >= self.senders[record.id.producer.index()].through {
            self.send(record.id);
        }
        Some(record)
    }

    fn consumed(&mut self, index: usize, what: &What) -> Result<(), String> {
        let process = self.senders.len() + index;
        let (node, group) = (Self::node(process), GroupId(0));
        let member = MemberId(process as u64);
        match what {
            What::Started => self.put(node, Event::ProcessStarted),
            What::Stopped => self.ended(process, ProcessEnd::Clean),
            What::Assigned(places) => {
                let places: Vec<_> = self.places(places);
                self.owned[index].extend(places);
                let partitions = self.owned[index].iter().copied().collect();
                let generation = GenerationId::UNKNOWN;
                self.put(node, Event::Assigned { group, member, generation, partitions });
            }
            What::Revoked(places) => {
                let places = self.places(places);
                self.owned[index].retain(|place| !places.contains(place));
                self.put(node, Event::Revoked { group, member, partitions: places.into() });
            }
            What::Record { value, topic, partition, offset } => {
                self.told[index] = true;
                let Some(record) = self.record(value) else { return Ok(()) };
                let (partition, offset) = (self.place(topic, *partition), Offset(*offset));
                let records = RecordSlice::whole([record].into());
                self.put(node, Event::Polled { group, partition, base_offset: offset, records });
                let dead_lettered = false;
                self.put(
                    node,
                    Event::Processed { group, partition, offset, record, dead_lettered },
                );
            }
            What::Consumed { count } => {
                if *count > 0 && !self.told[index] {
                    let name = self.context.node(node);
                    return Err(format!(
                        "{name}: no record_data: start the consumer with --verbose"
                    ));
                }
            }
            What::Committed { offsets, success, error } => {
                let pair =
                    |one: &Commit| (self.place(&one.topic, one.partition), Offset(one.offset));
                let pairs: Vec<_> = offsets.iter().map(pair).collect();
                if pairs.is_empty() {
                    return Ok(());
                }
                let offsets = pairs.into();
                if *success {
                    self.put(node, Event::Committed { group, offsets });
                    return Ok(());
                }
                // CommitFailedException: the coordinator refused it.
                let maybe_written = !error.contains("is not part of an active group");
                let code = if maybe_written {
                    ErrorCode::UnknownServerError
                } else {
                    ErrorCode::UnknownMemberId
                };
                let event = Event::CommitFailed { group, offsets, error: code, maybe_written };
                self.put(node, event);
            }
            What::Acked { .. } | What::Failed { .. } | What::Summary { .. } => {
                return Err(self.misplaced(process, "VerifiableProducer"));
            }
        }
        Ok(())
    }

    fn places(&self, places: &[Place]) -> Vec<TopicPartition> {
        places.iter().map(|place| self.place(&place.topic, place.partition)).collect()
    }

    fn read(&mut self, dump: &Dump) {
        for (place, held) in &dump.partitions {
            let partition = self.place(&place.topic, place.partition);
            for (offset, value) in &held.values {
                let Some(record) = self.record(value) else { continue };
                let (base_offset, records) = (Offset(*offset), RecordSlice::whole([record].into()));
                let event = Event::FinalRead { partition, base_offset, records };
                self.put(NodeId::CONTROLLER, event);
            }
            let first = held.values.keys().next().copied();
            let past = held.values.keys().next_back().map_or(0, |last| last + 1);
            let start = Offset(held.start.or(first).unwrap_or(0));
            let end = Offset(held.end.unwrap_or(past).max(start.0));
            self.put(NodeId::CONTROLLER, Event::FinalReadDone { partition, start, end });
        }
    }
}
