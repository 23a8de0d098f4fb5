//! Records come in with Produce and go out with Fetch. It knows of their batches no more than the header says.

use super::{Asked, broker, code, epoch, millis, offset, one, word};
use crate::batches::{self, Header};
use crate::fact::Fact;
use crate::frame::Head;
use crate::{Broken, Split, Wire};
use ackproof_kafka::message::{
    FetchPartition, FetchRequest, FetchSession, Fetched, FetchedPartition, PartitionMetadata,
    Payload, ProduceRequest, Rack, RecordBatch, Request, Response,
};
use ackproof_types::{
    Acks, ErrorCode, LeaderEpoch, Offset, Record, RecordSlice, Timestamp, TopicPartition,
};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::fetch_response::{
    EpochEndOffset, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{self as wire, TopicName};
use kafka_protocol::records::{
    Compression, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE, Record as WireRecord,
    RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use std::sync::Arc;

/// A Produce request, partition by partition.
#[derive(Debug)]
pub(crate) struct Produced {
    parts: Vec<Part>,
}

/// What the machine was asked to append.
type Outcome = (TopicPartition, Arc<[Record]>);

#[derive(Debug)]
struct Part {
    topic: TopicName,
    index: i32,
    /// What the machine was asked, or why it was not.
    outcome: Result<Outcome, ErrorCode>,
}

/// A Fetch request, partition by partition.
#[derive(Debug)]
pub(crate) struct Wanted {
    parts: Vec<(TopicName, uuid::Uuid, i32, Result<TopicPartition, ErrorCode>)>,
    /// It continues a session, which nobody began.
    in_session: bool,
}

/// No client sends such a batch again as it is.
fn is_final(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::MessageTooLarge
            | ErrorCode::InvalidRecord
            | ErrorCode::InvalidTimestamp
            | ErrorCode::InvalidRequiredAcks
    )
}

impl Wire {
    pub(super) fn ask_produce(
        &mut self,
        client: u16,
        request: wire::ProduceRequest,
        facts: &mut Vec<Fact>,
    ) -> Result<Split, Broken> {
        let acks = match request.acks {
            0 => Some(Acks::None),
            1 => Some(Acks::Leader),
            -1 => Some(Acks::All),
            _ => None,
        };
        if request.transactional_id.is_some() {
            facts.push(Fact::Missing("transactions".to_owned()));
        }
        let mut batches = Vec::new();
        let mut parts = Vec::new();
        for topic in request.topic_data {
            for data in topic.partition_data {
                let bytes = data.records.unwrap_or_default();
                let place = (client, self.named(&topic.name, data.index));
                let taken = match (acks, request.transactional_id.is_some()) {
                    (None, _) => Err(ErrorCode::InvalidRequiredAcks),
                    (_, true) => Err(ErrorCode::InvalidRecord),
                    (Some(acks), false) => self.take(place, acks, &bytes, facts),
                };
                let outcome = taken.map(|(outcome, batch)| {
                    batches.push((outcome.0, batch));
                    outcome
                });
                parts.push(Part { topic: topic.name.clone(), index: data.index, outcome });
            }
        }
        let (asked, timeout) = (Asked::Produce(Produced { parts }), millis(request.timeout_ms));
        if batches.is_empty() {
            return Ok(super::known(asked));
        }
        let acks = acks.unwrap_or(Acks::All);
        Ok(one(asked, Request::Produce(ProduceRequest { acks, timeout, batches })))
    }

    /// Takes one batch of a client.
    fn take(
        &mut self,
        (client, partition): (u16, Option<TopicPartition>),
        acks: Acks,
        bytes: &Bytes,
        facts: &mut Vec<Fact>,
    ) -> Result<(Outcome, RecordBatch), ErrorCode> {
        let partition = partition.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let header = batches::header(bytes)?;
        let idempotent = header.producer.is_some();
        let room = self.writer(client, partition.topic, acks, idempotent);
        let taken = room.and_then(|writer| self.batches.take((writer, partition), header, bytes));
        let Some(taken) = taken else {
            facts.push(Fact::Missing("room for another producer".to_owned()));
            return Err(ErrorCode::UnknownServerError);
        };
        if !taken.again {
            facts.push(Fact::Sent { partition, records: Arc::clone(&taken.records) });
        }
        if acks == Acks::None {
            facts.push(Fact::Unanswered { partition, records: Arc::clone(&taken.records) });
        }
        let batch = self.batch(header, bytes, &taken.records);
        Ok(((partition, taken.records), batch))
    }

    fn batch(&self, header: Header, bytes: &Bytes, records: &Arc<[Record]>) -> RecordBatch {
        RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: header.producer,
            max_timestamp: self.time(header.max_timestamp),
            size: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            payload: Payload::Records(Arc::clone(records)),
        }
    }

    /// Simulated time of milliseconds since 1970.
    pub(super) fn time(&self, ms: i64) -> Timestamp {
        let since = ms.saturating_sub(self.setting.epoch_ms).max(0);
        Timestamp::from_micros(since.unsigned_abs().saturating_mul(1000).min(1 << 60))
    }

    pub(super) fn produced(
        &self,
        head: &Head,
        produced: Produced,
        answers: Vec<Response>,
        facts: &mut Vec<Fact>,
    ) -> Option<wire::ProduceResponse> {
        let (results, leaders) = match answers.into_iter().next()? {
            Response::Produce(results, leaders) => (results, leaders),
            Response::ApiVersions => (Vec::new(), Vec::new()),
            _ => return None,
        };
        let mut topics: Vec<TopicProduceResponse> = Vec::new();
        let mut endpoints: Vec<NodeEndpoint> = Vec::new();
        for Part { topic, index, outcome } in produced.parts {
            let result = outcome.and_then(|(partition, records)| {
                let told = results.iter().find(|(id, _)| *id == partition).map(|(_, told)| *told);
                let told = told.unwrap_or(Err(ErrorCode::UnknownServerError));
                match told {
                    Ok(base_offset) => facts.push(Fact::Acked { partition, base_offset, records }),
                    Err(error) if is_final(error) => {
                        facts.push(Fact::Refused { partition, records, error });
                    }
                    Err(_) => {}
                }
                told.map_err(|error| (error, partition)).map_err(|(error, partition)| {
                    self.hint(head, partition, &leaders, &mut endpoints);
                    error
                })
            });
            let mut part = PartitionProduceResponse::default()
                .with_index(index)
                .with_error_code(code(result))
                .with_base_offset(result.map_or(-1, |offset| offset.0))
                .with_log_append_time_ms(-1);
            if head.version >= 5 {
                part = part.with_log_start_offset(if result.is_ok() { 0 } else { -1 });
            }
            let leader = self.named(&topic, index);
            let leader = leaders.iter().find(|one| Some(one.partition) == leader);
            if head.version >= 10
                && let Some(PartitionMetadata { leader: Some(leader), leader_epoch, .. }) = leader
            {
                let told = LeaderIdAndEpoch::default()
                    .with_leader_id(broker(*leader))
                    .with_leader_epoch(leader_epoch.0);
                part = part.with_current_leader(told);
            }
            match topics.last_mut().filter(|last| last.name == topic) {
                Some(last) => last.partition_responses.push(part),
                None => topics.push(
                    TopicProduceResponse::default()
                        .with_name(topic)
                        .with_partition_responses(vec![part]),
                ),
            }
        }
        let body = wire::ProduceResponse::default().with_responses(topics);
        Some(if head.version >= 10 { body.with_node_endpoints(endpoints) } else { body })
    }

    /// Where the leader of `partition` is, if the answer may say so (KIP-951).
    fn hint(
        &self,
        head: &Head,
        partition: TopicPartition,
        leaders: &[PartitionMetadata],
        endpoints: &mut Vec<NodeEndpoint>,
    ) {
        let leader = leaders.iter().find(|one| one.partition == partition);
        let Some(leader) = leader.and_then(|one| one.leader) else { return };
        let known = endpoints.iter().any(|one| one.node_id == broker(leader));
        let there = self.setting.brokers.iter().find(|one| one.id == leader);
        if head.version >= 10
            && !known
            && let Some(there) = there
        {
            endpoints.push(
                NodeEndpoint::default()
                    .with_node_id(broker(there.id))
                    .with_host(word(&there.host))
                    .with_port(i32::from(there.port))
                    .with_rack(there.rack.as_deref().map(word)),
            );
        }
    }

    pub(super) fn ask_fetch(
        &self,
        head: &Head,
        request: wire::FetchRequest,
    ) -> Result<Split, Broken> {
        if request.replica_id.0 >= 0 || request.replica_state.replica_id.0 >= 0 {
            return Err(Broken { why: "Fetch as a replica: only brokers replicate".to_owned() });
        }
        let in_session = head.version >= 7 && request.session_epoch > 0;
        let mut parts = Vec::new();
        let mut partitions = Vec::new();
        for topic in request.topics {
            let id = match head.version {
                13.. => self.names.topic_by_id(topic.topic_id).ok_or(ErrorCode::UnknownTopicId),
                _ => {
                    let known = self.names.topic(topic.topic.0.as_str());
                    known.ok_or(ErrorCode::UnknownTopicOrPartition)
                }
            };
            for part in topic.partitions {
                let place = id.and_then(|id| {
                    let unknown = ErrorCode::UnknownTopicOrPartition;
                    Self::partition(Some(id), part.partition).ok_or(unknown)
                });
                if let Ok(partition) = place {
                    partitions.push(FetchPartition {
                        partition,
                        offset: offset(part.fetch_offset),
                        leader_epoch: epoch(part.current_leader_epoch),
                        last_fetched_epoch: epoch(part.last_fetched_epoch),
                        log_start: Offset::UNKNOWN,
                        max_bytes: u32::try_from(part.partition_max_bytes).unwrap_or(0),
                    });
                }
                parts.push((topic.topic.clone(), topic.topic_id, part.partition, place));
            }
        }
        partitions.sort_unstable_by_key(|one| one.partition);
        partitions.dedup_by_key(|one| one.partition);
        let rack = request.rack_id.as_str();
        let rack = self.setting.racks.iter().position(|known| known == rack);
        let asked = Asked::Fetch(Wanted { parts, in_session });
        if in_session {
            return Ok(super::known(asked));
        }
        Ok(one(
            asked,
            Request::Fetch(FetchRequest {
                replica: None,
                rack: rack.and_then(|place| u16::try_from(place).ok()).map(Rack),
                max_wait: millis(request.max_wait_ms),
                min_bytes: u32::try_from(request.min_bytes).unwrap_or(0),
                max_bytes: u32::try_from(request.max_bytes).unwrap_or(0),
                session: FetchSession::Sessionless,
                partitions,
            }),
        ))
    }

    pub(super) fn fetched(
        &self,
        head: &Head,
        wanted: &Wanted,
        answers: Vec<Response>,
        facts: &mut Vec<Fact>,
    ) -> Option<wire::FetchResponse> {
        if wanted.in_session {
            let error = ErrorCode::FetchSessionIdNotFound.code();
            return Some(wire::FetchResponse::default().with_error_code(error));
        }
        let Response::Fetch(told) = answers.into_iter().next()? else { return None };
        let mut topics: Vec<FetchableTopicResponse> = Vec::new();
        for (name, id, index, place) in &wanted.parts {
            let found = place.map(|partition| told.iter().find(|one| one.partition == partition));
            let part = match found {
                Err(error) => Self::nothing(*index, error),
                Ok(None) => Self::nothing(*index, ErrorCode::UnknownServerError),
                Ok(Some(FetchedPartition { partition, result })) => match result {
                    Err(error) => Self::nothing(*index, *error),
                    Ok(fetched) => self.data(head, *index, *partition, fetched, facts),
                },
            };
            match topics.last_mut().filter(|last| last.topic == *name && last.topic_id == *id) {
                Some(last) => last.partitions.push(part),
                None => {
                    let topic = FetchableTopicResponse::default().with_partitions(vec![part]);
                    topics.push(if head.version >= 13 {
                        topic.with_topic_id(*id)
                    } else {
                        topic.with_topic(name.clone())
                    });
                }
            }
        }
        Some(wire::FetchResponse::default().with_responses(topics))
    }

    fn nothing(index: i32, error: ErrorCode) -> PartitionData {
        PartitionData::default()
            .with_partition_index(index)
            .with_error_code(error.code())
            .with_high_watermark(-1)
            .with_last_stable_offset(-1)
            .with_log_start_offset(-1)
            .with_records(Some(Bytes::new()))
    }

    fn data(
        &self,
        head: &Head,
        index: i32,
        partition: TopicPartition,
        fetched: &Fetched,
        facts: &mut Vec<Fact>,
    ) -> PartitionData {
        let mut records = BytesMut::new();
        for batch in &fetched.batches {
            if !self.batches.put(batch, &mut records) {
                self.written_inside(batch, &mut records);
            }
            facts.extend(delivered(partition, fetched.fetch_offset, batch));
        }
        let mut part = PartitionData::default()
            .with_partition_index(index)
            .with_high_watermark(fetched.high_watermark.0)
            .with_last_stable_offset(fetched.high_watermark.0)
            .with_aborted_transactions(None)
            .with_records(Some(records.freeze()));
        if head.version >= 5 {
            part = part.with_log_start_offset(fetched.log_start.0);
        }
        if head.version >= 11
            && let Some(preferred) = fetched.preferred_read_replica
        {
            part = part.with_preferred_read_replica(broker(preferred));
        }
        if head.version >= 12
            && let Some(diverging) = fetched.diverging
        {
            let told = EpochEndOffset::default()
                .with_epoch(diverging.epoch.0)
                .with_end_offset(diverging.end.0);
            part = part.with_diverging_epoch(told);
        }
        part
    }

    /// A batch that a simulated producer or a coordinator wrote: its records say which they are.
    fn written_inside(&self, batch: &RecordBatch, out: &mut BytesMut) {
        let names: Vec<String> = match &batch.payload {
            Payload::Records(records) => records.iter().map(|one| one.id.to_string()).collect(),
            Payload::Group(records) => records.iter().map(|_| String::new()).collect(),
        };
        let record = |(place, name): (usize, &String)| WireRecord {
            transactional: false,
            control: false,
            delete_horizon: false,
            partition_leader_epoch: batch.leader_epoch.0,
            producer_id: NO_PRODUCER_ID,
            producer_epoch: NO_PRODUCER_EPOCH,
            timestamp_type: TimestampType::Creation,
            offset: batch.base_offset.plus(place).0,
            sequence: NO_SEQUENCE,
            timestamp: self.setting.epoch_ms
                + i64::try_from(batch.max_timestamp.as_millis()).unwrap_or(0),
            key: None,
            value: Some(Bytes::from(name.clone())),
            headers: kafka_protocol::indexmap::IndexMap::default(),
        };
        let records: Vec<WireRecord> = names.iter().enumerate().map(record).collect();
        let options = RecordEncodeOptions { version: 2, compression: Compression::None };
        // Plain records are always encodable; if not, the client gets the rest.
        let _ = RecordBatchEncoder::encode(out, &records, &options);
    }
}

/// The records of a batch from the offset on that was asked for.
fn delivered(partition: TopicPartition, from: Offset, batch: &RecordBatch) -> Option<Fact> {
    let Payload::Records(records) = &batch.payload else { return None };
    let skipped = usize::try_from(from.since(batch.base_offset)).unwrap_or(0).min(records.len());
    let rest = RecordSlice::whole(Arc::clone(records)).slice(skipped..records.len());
    (!rest.is_empty()).then(|| Fact::Delivered {
        partition,
        base_offset: batch.base_offset.plus(skipped),
        records: rest,
    })
}
