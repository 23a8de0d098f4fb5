//! What the controllers decided, of the text that Kafka's tool prints of their log: who leads which
//! partition in which epoch, who is in sync, which brokers are fenced. The log tells changes; epochs are
//! counted as Kafka counts them. A record's time is when the controller that was active appended it, a few
//! milliseconds before brokers learn of it. What was appended and not committed when the log was taken is
//! told too. It knows nothing of clients, and judges nothing.
//!
//! Kafka: `kafka.tools.DumpLogSegments --cluster-metadata-decoder`; `org.apache.kafka.metadata.PartitionRegistration`.

use super::lines;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::Event;
use ackproof_types::words::plural;
use ackproof_types::{BrokerId, LeaderEpoch, TopicId, TopicPartition};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::sync::Arc;

/// In a change record: the leader stays.
const NO_LEADER_CHANGE: i32 = -2;
/// R5.21: the leader was elected from outside the in-sync set, and recovers.
const RECOVERING: i8 = 1;

/// The controllers' log.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    changes: Vec<Change>,
    /// The last topic of a name, by name; its id.
    topics: BTreeMap<String, String>,
}

/// What a record changed.
#[derive(Clone, Debug)]
struct Change {
    /// Milliseconds since 1970.
    timestamp: u64,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Elected { place: Place, leader: i32, epoch: i32, isr: Vec<i32>, unclean: bool },
    InSync { place: Place, before: Vec<i32>, isr: Vec<i32> },
    Moved { place: Place, replicas: Vec<i32>, adding: Vec<i32> },
    Fenced(i32),
    Unfenced(i32),
}

/// A partition by its topic's id.
type Place = (String, u16);

/// A partition as far as the log was read.
#[derive(Debug)]
struct State {
    leader: i32,
    epoch: i32,
    isr: Vec<i32>,
    /// Eligible though not in sync: to elect one of them is clean.
    eligible: Vec<i32>,
    replicas: Vec<i32>,
    adding: Vec<i32>,
}

#[derive(Deserialize)]
struct Payload {
    r#type: String,
    data: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TopicRecord {
    name: String,
    topic_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionRecord {
    partition_id: u16,
    topic_id: String,
    #[serde(default)]
    replicas: Vec<i32>,
    isr: Vec<i32>,
    leader: i32,
    leader_epoch: i32,
    #[serde(default)]
    leader_recovery_state: i8,
    #[serde(default)]
    eligible_leader_replicas: Option<Vec<i32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PartitionChangeRecord {
    partition_id: u16,
    topic_id: String,
    replicas: Option<Vec<i32>>,
    adding_replicas: Option<Vec<i32>>,
    isr: Option<Vec<i32>>,
    leader: Option<i32>,
    leader_recovery_state: Option<i8>,
    eligible_leader_replicas: Option<Vec<i32>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegisterBrokerRecord {
    broker_id: i32,
    fenced: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BrokerRegistrationChangeRecord {
    broker_id: i32,
    /// 1: fenced; −1: no longer; 0: as before.
    #[serde(default)]
    fenced: i8,
}

fn data<T: DeserializeOwned>(payload: Payload) -> Result<T, String> {
    serde_json::from_value(payload.data).map_err(|error| format!("{}: {error}", payload.r#type))
}

fn same(one: &[i32], other: &[i32]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
}

/// The log while it is read.
#[derive(Debug, Default)]
struct Reading {
    metadata: Metadata,
    partitions: BTreeMap<Place, State>,
    /// Those that may serve. A broker begins fenced (R5.7).
    serving: BTreeSet<i32>,
    records: u64,
    now: u64,
}

impl Reading {
    fn put(&mut self, what: What) {
        self.metadata.changes.push(Change { timestamp: self.now, what });
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        let Some((head, payload)) = line.split_once(" payload: ") else { return Ok(()) };
        if !head.starts_with("| offset: ") {
            return Ok(());
        }
        self.records += 1;
        let time = head.split_once("CreateTime: ").and_then(|(_, rest)| rest.split(' ').next());
        let time: Option<u64> = time.and_then(|time| time.parse().ok());
        let time = time.ok_or("a record without CreateTime")?;
        // Of another controller, whose clock may be behind.
        self.now = self.now.max(time);
        let payload: Payload = serde_json::from_str(payload).map_err(|error| error.to_string())?;
        self.record(payload)
    }

    fn record(&mut self, payload: Payload) -> Result<(), String> {
        match payload.r#type.as_str() {
            "TOPIC_RECORD" => {
                let record: TopicRecord = data(payload)?;
                self.metadata.topics.insert(record.name, record.topic_id);
            }
            "PARTITION_RECORD" => self.created(data(payload)?),
            "PARTITION_CHANGE_RECORD" => self.changed(data(payload)?)?,
            "REGISTER_BROKER_RECORD" => {
                let record: RegisterBrokerRecord = data(payload)?;
                self.fence(record.broker_id, record.fenced);
            }
            "BROKER_REGISTRATION_CHANGE_RECORD" => {
                let record: BrokerRegistrationChangeRecord = data(payload)?;
                if record.fenced != 0 {
                    self.fence(record.broker_id, record.fenced > 0);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn created(&mut self, record: PartitionRecord) {
        let place = (record.topic_id, record.partition_id);
        let eligible = record.eligible_leader_replicas.unwrap_or_default();
        let (leader, epoch, isr) = (record.leader, record.leader_epoch, record.isr);
        let (replicas, adding) = (record.replicas, Vec::new());
        let state = State { leader, epoch, isr: isr.clone(), eligible, replicas, adding };
        self.partitions.insert(place.clone(), state);
        let unclean = record.leader_recovery_state == RECOVERING;
        self.put(What::Elected { place, leader, epoch, isr, unclean });
    }

    fn changed(&mut self, record: PartitionChangeRecord) -> Result<(), String> {
        let place = (record.topic_id, record.partition_id);
        let Some(state) = self.partitions.get_mut(&place) else {
            return Err(format!(
                "a change of partition {} of topic id {}, which the log does not have: dump it from its \
                 first record on",
                place.1, place.0
            ));
        };
        // Left out where they did not change.
        let replicas = record.replicas.unwrap_or_else(|| state.replicas.clone());
        let adding = record.adding_replicas.unwrap_or_else(|| state.adding.clone());
        let moves = (&replicas, &adding) != (&state.replicas, &state.adding);
        (state.replicas, state.adding) = (replicas.clone(), adding.clone());
        let before = state.isr.clone();
        let eligible = std::mem::take(&mut state.eligible);
        let leader = record.leader.filter(|leader| *leader != NO_LEADER_CHANGE);
        state.isr = record.isr.unwrap_or_else(|| before.clone());
        state.eligible = record.eligible_leader_replicas.unwrap_or_else(|| eligible.clone());
        let isr = state.isr.clone();
        let elected = leader.map(|leader| {
            // A record that carries a leader raises the epoch, also where that one led before.
            state.epoch = state.epoch.saturating_add(1);
            state.leader = leader;
            let clean = leader < 0 || before.contains(&leader) || eligible.contains(&leader);
            let unclean = !clean || record.leader_recovery_state == Some(RECOVERING);
            let (place, isr, epoch) = (place.clone(), isr.clone(), state.epoch);
            What::Elected { place, leader, epoch, isr, unclean }
        });
        if moves {
            self.put(What::Moved { place: place.clone(), replicas, adding });
        }
        if let Some(elected) = elected {
            self.put(elected);
        } else if !same(&before, &isr) {
            self.put(What::InSync { place, before, isr });
        }
        Ok(())
    }

    fn fence(&mut self, broker: i32, fenced: bool) {
        if fenced && self.serving.remove(&broker) {
            self.put(What::Fenced(broker));
        } else if !fenced && self.serving.insert(broker) {
            self.put(What::Unfenced(broker));
        }
    }
}

impl Metadata {
    /// Reads what the tool printed.
    ///
    /// # Errors
    /// The line that is none of the tool's, and why; or that there is no record.
    pub fn read(input: impl BufRead) -> Result<Self, String> {
        let mut reading = Reading::default();
        lines(input, |line| reading.line(line))?;
        if reading.records == 0 {
            return Err("1: no record: is this what kafka.tools.DumpLogSegments prints with \
                        --cluster-metadata-decoder?"
                .to_owned());
        }
        Ok(reading.metadata)
    }

    /// What happened to the brokers and topics of `context`, with the milliseconds since 1970, in order.
    ///
    /// # Errors
    /// A broker or partition of these topics that `context` does not have.
    pub fn events(&self, context: &Context) -> Result<Vec<(u64, Event)>, String> {
        let mut events = Vec::new();
        for Change { timestamp, what } in &self.changes {
            let event = match what {
                What::Elected { place, leader, epoch, isr, unclean } => {
                    let Some(partition) = self.place(place, context)? else { continue };
                    Event::LeaderElected {
                        partition,
                        leader: (*leader >= 0).then(|| broker(*leader, context)).transpose()?,
                        epoch: LeaderEpoch(*epoch),
                        isr: brokers(isr, context)?,
                        unclean: *unclean,
                    }
                }
                What::InSync { place, before, isr } => {
                    let Some(partition) = self.place(place, context)? else { continue };
                    let (before, isr) = (brokers(before, context)?, brokers(isr, context)?);
                    Event::IsrChanged { partition, before, isr }
                }
                What::Moved { place, replicas, adding } => {
                    let Some(partition) = self.place(place, context)? else { continue };
                    let all = replicas.iter().map(|id| broker(*id, context));
                    // In order of preference.
                    let replicas = all.collect::<Result<Vec<_>, _>>()?.into();
                    let adding = brokers(adding, context)?;
                    Event::ReplicasChanged { partition, replicas, adding }
                }
                What::Fenced(id) => Event::Fenced { broker: broker(*id, context)? },
                What::Unfenced(id) => Event::Unfenced { broker: broker(*id, context)? },
            };
            events.push((*timestamp, event));
        }
        Ok(events)
    }

    /// A partition of a topic of `context`; none: of another topic, or of one that was deleted.
    fn place(&self, place: &Place, context: &Context) -> Result<Option<TopicPartition>, String> {
        let (id, partition) = place;
        let known = (0..).map(TopicId).zip(&context.topics);
        let mut known = known.filter(|(_, topic)| self.topics.get(&topic.name) == Some(id));
        let Some((topic, of)) = known.next() else { return Ok(None) };
        if *partition >= of.partitions {
            let (name, count) = (&of.name, of.partitions);
            return Err(format!(
                "{name}-{partition}: the history's {name} has {}",
                plural(u64::from(count), "partition")
            ));
        }
        Ok(Some(TopicPartition::new(topic, *partition)))
    }
}

fn broker(id: i32, context: &Context) -> Result<BrokerId, String> {
    let known = || context.roster.brokers();
    let found = known().find(|broker| i32::from(broker.0) == id);
    found.ok_or_else(|| format!("broker {id}: the history's brokers are 1 to {}", known().count()))
}

/// Ascending, as a history has them.
fn brokers(ids: &[i32], context: &Context) -> Result<Arc<[BrokerId]>, String> {
    let mut all = ids.iter().map(|id| broker(*id, context)).collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable();
    Ok(all.into())
}

#[cfg(test)]
mod tests;
