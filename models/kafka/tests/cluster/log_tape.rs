//! What replicas of one log, their controller and a client say to each other, line by line with the time, as a
//! reader of Kafka's protocol would write it down. It knows what a message says, and not whether that is right.
//!
//! A fetch stands with its answer, if that brings something new. One without an offset asks as the one before.

use ackproof_kafka::message::{
    ControllerRequest, ControllerResponse, CorrelationId, FetchRequest, Fetched, Message, Request,
    Response,
};
use ackproof_kafka::observation::Observation;
use ackproof_types::{Acks, BrokerId, ErrorCode, NodeId, Offset, TopicPartition};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct LogTape {
    partition: TopicPartition,
    /// Fetches without an answer so far, by who asks.
    asked: BTreeMap<(NodeId, CorrelationId), String>,
    /// The high watermark that a replica was told last.
    told: BTreeMap<NodeId, Offset>,
}

impl LogTape {
    pub(crate) fn new(partition: TopicPartition) -> Self {
        Self { partition, asked: BTreeMap::new(), told: BTreeMap::new() }
    }

    /// What a message says of the log, in lines.
    pub(crate) fn heard(&mut self, from: NodeId, to: NodeId, message: &Message) -> Vec<String> {
        match message {
            Message::Request(id, Request::Fetch(fetch)) => {
                self.asked.insert((from, *id), self.fetch(fetch));
                Vec::new()
            }
            Message::Response(id, Response::Fetch(parts)) => {
                let asked = self.asked.remove(&(to, *id)).unwrap_or_else(|| "Fetch".to_owned());
                let part = parts.iter().find(|part| part.partition == self.partition);
                let told = part.and_then(|part| self.fetched(to, part.result.as_ref()));
                told.map(|told| format!("{asked}: {told}")).into_iter().collect()
            }
            Message::Request(_, Request::Produce(produce)) => {
                let acks = match produce.acks {
                    Acks::None => "0",
                    Acks::Leader => "1",
                    Acks::All => "all",
                };
                let of_this = produce.batches.iter().filter(|(id, _)| *id == self.partition);
                let batch =
                    |(_, batch): &(TopicPartition, ackproof_kafka::message::RecordBatch)| {
                        let stamp = batch.producer.map_or_else(String::new, |stamp| {
                            let (id, epoch) = (stamp.id.0, stamp.epoch.0);
                            format!(
                                ", producer {id} epoch {epoch} sequence {}",
                                stamp.base_sequence.0
                            )
                        });
                        format!("Produce acks={acks}{stamp}")
                    };
                of_this.map(batch).collect()
            }
            Message::Response(_, Response::Produce(parts, _)) => {
                let of_this = parts.iter().filter(|(id, _)| *id == self.partition);
                of_this.map(|(_, result)| format!("Produce {}", outcome(*result, at))).collect()
            }
            Message::Request(_, Request::Controller(ControllerRequest::AlterPartition(it))) => {
                let of_this = it.partitions.iter().filter(|one| one.partition == self.partition);
                of_this.map(proposal).collect()
            }
            Message::Response(
                _,
                Response::Controller(ControllerResponse::AlterPartition(Ok(all))),
            ) => {
                let of_this = all.iter().filter(|(id, _)| *id == self.partition);
                let line =
                    |result: &Result<ackproof_kafka::message::IsrState, ErrorCode>| match result {
                        Ok(it) => format!(
                            "in-sync {}, partition epoch {}",
                            set(&it.isr),
                            it.partition_epoch.0
                        ),
                        Err(error) => error.to_string(),
                    };
                of_this.map(|(_, result)| format!("AlterPartition {}", line(result))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn fetch(&self, fetch: &FetchRequest) -> String {
        let part = fetch.partitions.iter().find(|part| part.partition == self.partition);
        part.map_or_else(
            || "Fetch".to_owned(),
            |part| {
                let (epoch, last) = (part.leader_epoch.0, part.last_fetched_epoch.0);
                match fetch.replica {
                    Some(_) => format!(
                        "Fetch from {} in epoch {epoch}, last record of epoch {last}",
                        part.offset
                    ),
                    None => format!("Fetch from {}", part.offset),
                }
            },
        )
    }

    fn fetched(&mut self, to: NodeId, result: Result<&Fetched, &ErrorCode>) -> Option<String> {
        let data = match result {
            Err(error) => return Some(error.to_string()),
            Ok(data) => data,
        };
        let before = self.told.insert(to, data.high_watermark);
        let high = format!("high watermark {}", data.high_watermark);
        if let Some(end) = data.diverging {
            return Some(format!("diverging, epoch {} ends at {}", end.epoch.0, end.end));
        }
        match (data.batches.first(), data.batches.last()) {
            (Some(first), Some(last)) => {
                Some(format!("{} up to {}, {high}", first.base_offset, last.next_offset()))
            }
            _ if before != Some(data.high_watermark) => Some(format!("nothing, {high}")),
            _ => None,
        }
    }

    /// What becomes of the log, or of those who keep it.
    pub(crate) fn saw(&self, fact: &Observation) -> Option<String> {
        let is_this = |partition: &TopicPartition| *partition == self.partition;
        Some(match fact {
            Observation::Appended { partition, base_offset, next_offset, as_leader, .. }
                if is_this(partition) =>
            {
                let how = if *as_leader { "appends" } else { "copies" };
                format!("{how} {base_offset} up to {next_offset}")
            }
            Observation::Truncated { partition, from, to } if is_this(partition) => {
                format!("cuts its log from {from} to {to}")
            }
            Observation::HighWatermark { partition, offset, .. } if is_this(partition) => {
                format!("has high watermark {offset}")
            }
            Observation::BecameLeader { partition, epoch, log_end, high_watermark }
                if is_this(partition) =>
            {
                let epoch = epoch.0;
                format!(
                    "leads in epoch {epoch}: log end {log_end}, high watermark {high_watermark}"
                )
            }
            Observation::BecameFollower { partition, epoch, leader: Some(leader) }
                if is_this(partition) =>
            {
                format!("follows broker-{} in epoch {}", leader.0, epoch.0)
            }
            Observation::LogStartMoved { partition, from, to, .. } if is_this(partition) => {
                format!("has its log begin at {to}, no more at {from}")
            }
            Observation::LeaderElected { partition, leader, epoch, isr, .. }
                if is_this(partition) =>
            {
                let leader =
                    leader.map_or_else(|| "nobody".to_owned(), |id| format!("broker-{}", id.0));
                format!("elects {leader}, epoch {}, in-sync {}", epoch.0, set(isr))
            }
            Observation::IsrChanged { partition, isr, .. } if is_this(partition) => {
                format!("decides on in-sync {}", set(isr))
            }
            Observation::Fenced { broker } => format!("fences broker-{}", broker.0),
            Observation::Unfenced { broker } => format!("unfences broker-{}", broker.0),
            Observation::BrokerStarted { epoch } => {
                format!("is registered, broker epoch {}", epoch.0)
            }
            _ => return None,
        })
    }
}

fn proposal(one: &ackproof_kafka::message::IsrProposal) -> String {
    let isr: Vec<BrokerId> = one.isr.iter().map(|(id, _)| *id).collect();
    let epochs: Vec<String> = one.isr.iter().map(|(_, epoch)| epoch.0.to_string()).collect();
    format!(
        "AlterPartition in-sync {} of broker epochs [{}], leader epoch {}, partition epoch {}",
        set(&isr),
        epochs.join(" "),
        one.leader_epoch.0,
        one.partition_epoch.0
    )
}

fn at(offset: Offset) -> String {
    format!("at {offset}")
}

fn outcome<T>(result: Result<T, ErrorCode>, spell: impl Fn(T) -> String) -> String {
    result.map_or_else(|error| error.to_string(), spell)
}

fn set(brokers: &[BrokerId]) -> String {
    let all: Vec<String> = brokers.iter().map(|id| id.0.to_string()).collect();
    format!("[{}]", all.join(" "))
}
