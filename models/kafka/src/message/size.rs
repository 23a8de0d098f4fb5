//! How many bytes a message is on the wire, near enough to tell how long a narrow link takes for it.
//!
//! Numbers are sums of the fields in Kafka's message definitions (`clients/src/main/resources/common/message`)
//! in the versions that 4.0 speaks: Produce 12, Fetch 17, Metadata 13 and so on, all in the flexible encoding
//! (a byte for the length of an array or string and for the tags of a structure). What the models leave out
//! counts as a usual value: [`NAME`] and [`MEMBER`] for strings, three replicas a partition. It knows no TCP.

use super::group::{JoinGroupRequest, JoinGroupResponse, SyncGroupRequest};
use super::{
    ConsumerGroupHeartbeatRequest, ControllerRequest, ControllerResponse, FetchSession, Fetched,
    GroupRequest, GroupResponse, Message, Payload, ProduceRequest, RecordBatch, Request, Response,
    quorum,
};
use ackproof_types::{TopicId, TopicPartition};

/// The name of a topic, a group, a host or a client.
const NAME: u64 = 16;
/// A member id: the client id, a dash and a UUID.
const MEMBER: u64 = NAME + 37;
/// Size 4, key 2, version 2, correlation 4, client id 2, tags 1 (request header 2).
const REQUEST: u64 = 15 + NAME;
/// Size 4, correlation 4, tags 1 (response header 1).
const RESPONSE: u64 = 9;
/// A record batch without records (`DefaultRecordBatch.RECORD_BATCH_OVERHEAD`).
const BATCH: u64 = 61;
/// A topic by its name around its partitions.
const TOPIC: u64 = 3 + NAME;
/// A topic by its id around its partitions.
const TOPIC_ID: u64 = 18;
/// A record of the metadata log: most are of some 50 bytes, a registration of some 150.
pub(crate) const METADATA_RECORD: u64 = 80;

impl Message {
    /// Its size in bytes, from its length field on.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        match self {
            Self::Request(_, request) => REQUEST + of_request(request),
            Self::Response(_, response) => RESPONSE + of_response(response),
            Self::NoResponse(_) => 0,
            // Every response has the field.
            Self::Throttled(_, answer) => answer.wire_bytes(),
        }
    }
}

impl ProduceRequest {
    /// Its size in bytes, with the header of a request.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        let data: u64 = self.batches.iter().map(|(_, batch)| batch.wire_bytes()).sum();
        REQUEST + 9 + listed(firsts(&self.batches), TOPIC, 8) + data
    }
}

impl RecordBatch {
    /// Its size in bytes, with its header.
    #[must_use]
    pub fn wire_bytes(&self) -> u64 {
        let size = u64::from(self.size);
        match &self.payload {
            // The producer counts the header in, and what surrounds key and value of each record.
            Payload::Records(_) => size,
            Payload::Group(_) => BATCH + size,
        }
    }
}

fn count(items: usize) -> u64 {
    u64::try_from(items).unwrap_or(u64::MAX)
}

/// `each` for every partition, and `around` for every topic; the partitions of one stand together.
fn listed(ids: impl Iterator<Item = TopicPartition>, around: u64, each: u64) -> u64 {
    let mut topic: Option<TopicId> = None;
    let sizes = ids.map(|id| {
        let is_same = topic.replace(id.topic) == Some(id.topic);
        if is_same { each } else { around + each }
    });
    sizes.sum()
}

fn firsts<'a, T: 'a>(
    pairs: &'a [(TopicPartition, T)],
) -> impl Iterator<Item = TopicPartition> + 'a {
    pairs.iter().map(|(id, _)| *id)
}

fn of_request(request: &Request) -> u64 {
    match request {
        Request::ApiVersions => 27,
        Request::Produce(produce) => produce.wire_bytes() - REQUEST,
        Request::Fetch(fetch) => {
            let replica = if fetch.replica.is_some() { 15 } else { 0 };
            let forgotten = match &fetch.session {
                FetchSession::Continue { forgotten, .. } => {
                    listed(forgotten.iter().copied(), TOPIC_ID, 4)
                }
                FetchSession::Sessionless | FetchSession::Begin(_) => 0,
            };
            let ids = fetch.partitions.iter().map(|one| one.partition);
            let rack = if fetch.rack.is_some() { NAME } else { 0 };
            25 + replica + rack + listed(ids, TOPIC_ID, 33) + forgotten
        }
        Request::ListOffsets(asked) => {
            11 + listed(asked.iter().map(|one| one.partition), TOPIC, 17)
        }
        Request::OffsetsForLeaderEpoch(asked) => {
            6 + listed(asked.iter().map(|one| one.partition), TOPIC, 13)
        }
        Request::Metadata(topics) | Request::DescribeTopicPartitions(topics) => {
            4 + (18 + NAME) * count(topics.len())
        }
        Request::FindCoordinator(_) => 4 + NAME,
        Request::Group(request) => of_group_request(request),
        Request::InitProducerId => 16,
        Request::Controller(request) => of_controller_request(request),
    }
}

fn of_group_request(request: &GroupRequest) -> u64 {
    match request {
        GroupRequest::JoinGroup(join) => join_request(join),
        GroupRequest::SyncGroup(sync) => sync_request(sync),
        GroupRequest::Heartbeat(_) => 8 + NAME + MEMBER,
        GroupRequest::LeaveGroup(..) => 36 + NAME + MEMBER,
        GroupRequest::OffsetCommit(commit) => {
            9 + NAME + MEMBER + listed(firsts(&commit.offsets), TOPIC, 18)
        }
        GroupRequest::OffsetFetch(fetch) => {
            let member = if fetch.member.is_some() { MEMBER } else { 0 };
            let partitions = fetch.partitions.iter().flatten().copied();
            11 + NAME + member + listed(partitions, TOPIC, 4)
        }
        GroupRequest::ConsumerGroupHeartbeat(heartbeat) => heartbeat_request(heartbeat),
    }
}

fn of_controller_request(request: &ControllerRequest) -> u64 {
    match request {
        ControllerRequest::BrokerRegistration(_) => 150,
        ControllerRequest::BrokerHeartbeat(_) => 23, // offline ones too: a directory has one id
        ControllerRequest::AlterPartition(alter) => {
            let members: usize = alter.partitions.iter().map(|one| one.isr.len()).sum();
            let ids = alter.partitions.iter().map(|one| one.partition);
            14 + listed(ids, TOPIC_ID, 15) + 13 * count(members)
        }
        ControllerRequest::AllocateProducerIds(..) => 13,
        // One partition, and the cluster id.
        ControllerRequest::MetadataFetch(_) => 25 + TOPIC_ID + 33 + 25,
        // One partition, the cluster id, and the directory ids of both ends.
        ControllerRequest::Quorum(_) => 25 + NAME + 80,
    }
}

/// Two assignors by default, each with the subscription.
fn join_request(join: &JoinGroupRequest) -> u64 {
    let one = 36 + metadata(&join.metadata.topics, &join.metadata.owned);
    55 + NAME + MEMBER + one * count(join.metadata.protocols.len())
}

fn sync_request(sync: &SyncGroupRequest) -> u64 {
    let given = sync.assignment.iter();
    let given: u64 = given.map(|(_, partitions)| 3 + MEMBER + assignment(partitions)).sum();
    24 + NAME + MEMBER + given
}

/// What is not said is a byte each.
fn heartbeat_request(heartbeat: &ConsumerGroupHeartbeatRequest) -> u64 {
    let named = u64::from(heartbeat.instance.is_some()) + u64::from(heartbeat.assignor.is_some());
    let topics = heartbeat.topics.as_ref().map_or(0, |topics| topics.len());
    let owned = heartbeat.owned.iter().flat_map(|owned| owned.iter().copied());
    let listed = listed(owned, TOPIC_ID, 4);
    17 + NAME + MEMBER + NAME * named + (1 + NAME) * count(topics) + listed
}

fn metadata(topics: &[TopicId], owned: &[TopicPartition]) -> u64 {
    (2 + NAME) * count(topics.len()) + listed(owned.iter().copied(), 6 + NAME, 4)
}

fn assignment(partitions: &[TopicPartition]) -> u64 {
    10 + listed(partitions.iter().copied(), 6 + NAME, 4)
}

fn of_response(response: &Response) -> u64 {
    match response {
        // Some fifty keys of 7 bytes, and the features.
        Response::ApiVersions => 450,
        // A new leader comes with its address.
        Response::Produce(results, leaders) => {
            6 + listed(firsts(results), TOPIC, 33) + (27 + NAME) * count(leaders.len())
        }
        Response::Fetch(partitions) => {
            let data: u64 =
                partitions.iter().filter_map(|one| one.result.as_ref().ok()).map(fetched).sum();
            12 + listed(partitions.iter().map(|one| one.partition), TOPIC_ID, 40) + data
        }
        Response::FetchSessionRefused(_) => 12,
        Response::ListOffsets(results) => 6 + listed(firsts(results), TOPIC, 27),
        Response::OffsetsForLeaderEpoch(results) => 6 + listed(firsts(results), TOPIC, 19),
        Response::Metadata(metadata) => {
            let ids = metadata.partitions.iter().map(|one| one.partition);
            36 + (11 + NAME) * count(metadata.brokers.len()) + listed(ids, 26 + NAME, 42)
        }
        Response::DescribeTopicPartitions(brokers, partitions) => {
            let ids = partitions.iter().map(|one| one.metadata.partition);
            36 + (11 + NAME) * count(brokers.len()) + listed(ids, 26 + NAME, 42)
        }
        Response::FindCoordinator(_) => 19 + 2 * NAME,
        Response::Group(response) => of_group_response(response),
        Response::InitProducerId(_) => 17,
        Response::Controller(response) => of_controller_response(response),
    }
}

fn of_group_response(response: &GroupResponse) -> u64 {
    match response {
        GroupResponse::JoinGroup(join) => join_response(join),
        GroupResponse::SyncGroup(given) => 23 + given.as_ref().map_or(0, |given| assignment(given)),
        GroupResponse::Heartbeat(_) => 7,
        GroupResponse::LeaveGroup(_) => 11 + MEMBER,
        GroupResponse::OffsetCommit(_) => 13 + TOPIC,
        GroupResponse::OffsetFetch(read) => {
            9 + NAME + read.as_ref().map_or(0, |read| listed(firsts(read), TOPIC, 20))
        }
        GroupResponse::ConsumerGroupHeartbeat(answer) => {
            let given = answer.as_ref().ok().and_then(|answer| answer.assignment.as_ref());
            let listed = given.map_or(0, |given| 2 + listed(given.iter().copied(), TOPIC_ID, 4));
            18 + MEMBER + listed
        }
    }
}

fn of_controller_response(response: &ControllerResponse) -> u64 {
    match response {
        ControllerResponse::BrokerRegistration(_) => 15,
        ControllerResponse::BrokerHeartbeat(_) => 10,
        ControllerResponse::AlterPartition(result) => {
            8 + result.as_ref().map_or(0, |results| listed(firsts(results), TOPIC_ID, 33))
        }
        ControllerResponse::AllocateProducerIds(_) => 19,
        ControllerResponse::MetadataFetch(answer) => {
            let records = match &answer.result {
                Ok(quorum::Fetched::Entries { entries, .. }) => entries.len(),
                Ok(quorum::Fetched::Snapshot(snapshot)) => snapshot.records.len(),
                Ok(quorum::Fetched::Diverging(_) | quorum::Fetched::SnapshotId(_)) | Err(_) => 0,
            };
            let batch = if records == 0 { 0 } else { BATCH };
            12 + TOPIC_ID + 40 + batch + METADATA_RECORD * count(records)
        }
        ControllerResponse::Quorum(_) => 12 + NAME + 20,
    }
}

fn fetched(fetched: &Fetched) -> u64 {
    fetched.batches.iter().map(|batch| batch.wire_bytes()).sum()
}

fn join_response(join: &JoinGroupResponse) -> u64 {
    let members = match join {
        JoinGroupResponse::Joined { members, .. } => members.as_slice(),
        JoinGroupResponse::MemberIdRequired(_) | JoinGroupResponse::Refused(_) => &[],
    };
    let members = members.iter().map(|it| 40 + MEMBER + metadata(&it.topics, &it.owned));
    30 + 2 * MEMBER + members.sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{CorrelationId, FetchedPartition};
    use ackproof_types::{LeaderEpoch, Offset, ProducerIndex, Record, RecordId, Timestamp};
    use std::sync::Arc;

    fn batch(records: u32) -> Arc<RecordBatch> {
        let id = RecordId { producer: ProducerIndex(0), number: 0 };
        let payload = vec![Record { id, key: None, size: 10 }; records as usize];
        Arc::new(RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: None,
            max_timestamp: Timestamp::START,
            size: 61 + 10 * records,
            payload: Payload::Records(payload.into()),
        })
    }

    fn answer(batches: Vec<Arc<RecordBatch>>) -> u64 {
        let (zero, partition) = (Offset(0), TopicPartition::new(TopicId(1), 0));
        let fetched = Fetched {
            fetch_offset: zero,
            high_watermark: zero,
            log_start: zero,
            diverging: None,
            preferred_read_replica: None,
            batches,
        };
        let partitions = vec![FetchedPartition { partition, result: Ok(fetched) }];
        Message::Response(CorrelationId(0), Response::Fetch(partitions)).wire_bytes()
    }

    #[test]
    fn a_batch_is_as_large_as_its_producer_says() {
        assert_eq!(batch(1).wire_bytes(), 61 + 10);
        assert_eq!(batch(100).wire_bytes(), 61 + 1000);
    }

    #[test]
    fn a_fetch_answer_carries_its_batches() {
        assert_eq!(answer(vec![]), 79);
        assert_eq!(answer(vec![batch(1), batch(10)]), 79 + 71 + 161);
    }

    #[test]
    fn a_topic_counts_once_for_its_partitions() {
        let id = |topic, partition| TopicPartition::new(TopicId(topic), partition);
        let ids = [id(1, 0), id(1, 1), id(2, 0)];
        assert_eq!(listed(ids.into_iter(), 100, 1), 203);
    }
}
