//! Every request in every version that is spoken: what a client sends is understood, and what it gets it can read.

use ackproof_kafka::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, Message, MetadataResponse,
    PartitionDescription, PartitionMetadata, Request, Response,
};
use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, LeaderEpoch, MemberId, Offset, ProducerEpoch, ProducerId,
    TopicId, TopicPartition,
};
use ackproof_wire::{Endpoint, Setting, Topic, Wire};
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use std::sync::Arc;

fn wire() -> Wire {
    let topic = |name: &str| Topic { name: name.to_owned(), is_internal: name.starts_with('_') };
    Wire::new(Setting {
        topics: vec![topic("__consumer_offsets"), topic("orders")],
        groups: vec!["ledger".to_owned()],
        room_for_groups: 4,
        room_for_clients: 4,
        room_for_producers: 4,
        first_producer: 0,
        brokers: (1..=3)
            .map(|id| Endpoint {
                id: BrokerId(id),
                host: "localhost".to_owned(),
                port: 9090 + id,
                rack: Some(format!("zone-{id}")),
            })
            .collect(),
        racks: vec!["zone-1".to_owned()],
        epoch_ms: 0,
    })
}

fn framed<R: Encodable + HeaderVersion>(key: ApiKey, version: i16, body: &R) -> Bytes {
    let mut out = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_correlation_id(7)
        .with_client_id(Some(StrBytes::from_static_str("billing")));
    header.encode(&mut out, R::header_version(version)).expect("a head");
    body.encode(&mut out, version).unwrap_or_else(|error| panic!("{key:?} v{version}: {error}"));
    out.freeze()
}

/// What a machine says to a request, as if all were well.
fn well(request: &Request) -> Response {
    let partition = TopicPartition::new(TopicId(1), 0);
    let metadata =
        PartitionMetadata { partition, leader: Some(BrokerId(2)), leader_epoch: LeaderEpoch(5) };
    match request {
        Request::ApiVersions => Response::ApiVersions,
        Request::Produce(produce) => {
            let results = produce.batches.iter().map(|(at, _)| (*at, Ok(Offset(40))));
            Response::Produce(results.collect(), Vec::new())
        }
        Request::Fetch(_) => Response::Fetch(Vec::new()),
        Request::ListOffsets(_) => Response::ListOffsets(Vec::new()),
        Request::OffsetsForLeaderEpoch(_) => Response::OffsetsForLeaderEpoch(Vec::new()),
        Request::Metadata(_) => Response::Metadata(MetadataResponse {
            brokers: Arc::new([BrokerId(1), BrokerId(2)]),
            partitions: vec![metadata],
        }),
        Request::DescribeTopicPartitions(_) => Response::DescribeTopicPartitions(
            Arc::new([BrokerId(1), BrokerId(2)]),
            vec![PartitionDescription {
                metadata,
                replicas: vec![BrokerId(2), BrokerId(3)],
                isr: vec![BrokerId(2)],
                elr: Vec::new(),
                offline: vec![BrokerId(3)],
            }],
        ),
        Request::FindCoordinator(_) => Response::FindCoordinator(Ok(BrokerId(3))),
        Request::InitProducerId => Response::InitProducerId(Ok((ProducerId(9), ProducerEpoch(0)))),
        Request::Group(request) => Response::Group(match request {
            GroupRequest::JoinGroup(join) => GroupResponse::JoinGroup(JoinGroupResponse::Joined {
                generation: GenerationId(3),
                member: MemberId(1),
                leader: MemberId(1),
                protocol: join.metadata.protocols[0],
                members: vec![join.metadata.subscriber(MemberId(1))],
                skip_assignment: false,
            }),
            GroupRequest::SyncGroup(sync) => GroupResponse::SyncGroup(Ok(sync
                .assignment
                .first()
                .map(|(_, share)| share.clone())
                .unwrap_or_default())),
            GroupRequest::Heartbeat(_) => GroupResponse::Heartbeat(Ok(())),
            GroupRequest::LeaveGroup(..) => GroupResponse::LeaveGroup(Ok(())),
            GroupRequest::OffsetCommit(_) => GroupResponse::OffsetCommit(Ok(())),
            GroupRequest::OffsetFetch(_) => GroupResponse::OffsetFetch(Ok(vec![(partition, None)])),
            GroupRequest::ConsumerGroupHeartbeat(_) => {
                GroupResponse::ConsumerGroupHeartbeat(Err(ErrorCode::UnsupportedVersion))
            }
        }),
        Request::Controller(_) => panic!("no client asks a controller"),
    }
}

/// Sends `body` in `version`, lets all be well and reads the answer.
fn asked<R, A>(wire: &mut Wire, key: ApiKey, version: i16, body: &R) -> A
where
    R: Encodable + HeaderVersion,
    A: Decodable + HeaderVersion,
{
    let taken = wire.frame(1, &framed(key, version, body));
    let taken = taken.unwrap_or_else(|broken| panic!("{key:?} v{version}: {broken:?}"));
    let mut frame = None;
    for message in taken.requests {
        let Message::Request(correlation, request) = message else { panic!("a request") };
        frame = wire.answer(Message::Response(correlation, well(&request))).frame;
    }
    let mut frame = frame.unwrap_or_else(|| panic!("{key:?} v{version}: no answer"));
    let length = frame.split_to(4);
    let told = i32::from_be_bytes(length[..].try_into().expect("four bytes"));
    assert_eq!(usize::try_from(told), Ok(frame.len()));
    let header = ResponseHeader::decode(&mut frame, A::header_version(version)).expect("a head");
    assert_eq!(header.correlation_id, 7);
    let answer = A::decode(&mut frame, version);
    let answer = answer.unwrap_or_else(|error| panic!("{key:?} v{version}: {error}"));
    assert!(frame.is_empty(), "{key:?} v{version}: {} bytes are left", frame.len());
    answer
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("orders"))
}

/// A batch of one record, uncompressed, as a client makes it.
fn batch() -> Bytes {
    let mut out = BytesMut::new();
    let record = [0x0c, 0, 0, 0, 1, 0, 0];
    out.put_i64(0);
    out.put_i32(49 + 7);
    out.put_i32(-1);
    out.put_i8(2);
    out.put_u32(0);
    out.put_i16(0);
    out.put_i32(0);
    out.put_i64(1);
    out.put_i64(1);
    out.put_i64(-1);
    out.put_i16(-1);
    out.put_i32(-1);
    out.put_i32(1);
    out.put_slice(&record);
    let sum = crc32c::crc32c(&out[21..]);
    out[17..21].copy_from_slice(&sum.to_be_bytes());
    out.freeze()
}

#[test]
fn records() {
    use fetch_request::{FetchPartition, FetchTopic};
    use produce_request::{PartitionProduceData, TopicProduceData};
    for version in 3..=12 {
        let data = PartitionProduceData::default().with_index(0).with_records(Some(batch()));
        let data = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
        let request = ProduceRequest::default().with_acks(-1).with_topic_data(vec![data]);
        let answer: ProduceResponse = asked(&mut wire(), ApiKey::Produce, version, &request);
        let part = &answer.responses[0].partition_responses[0];
        assert_eq!((part.error_code, part.base_offset), (0, 40), "version {version}");
    }
    for version in 4..=17 {
        let part = FetchPartition::default().with_partition(0).with_partition_max_bytes(1 << 20);
        let topic = if version < 13 {
            FetchTopic::default().with_topic(topic())
        } else {
            FetchTopic::default().with_topic_id(uuid::Uuid::nil())
        };
        let topic = topic.with_partitions(vec![part]);
        let request =
            FetchRequest::default().with_replica_id(BrokerId_(-1)).with_topics(vec![topic]);
        let request = if version >= 15 { request.with_replica_id(BrokerId_(-1)) } else { request };
        let answer: FetchResponse = asked(&mut wire(), ApiKey::Fetch, version, &request);
        let error = answer.responses[0].partitions[0].error_code;
        let expected = if version < 13 { -1 } else { ErrorCode::UnknownTopicId.code() };
        assert_eq!(error, expected, "version {version}: no data, or a topic that is not there");
    }
}

use kafka_protocol::messages::BrokerId as BrokerId_;

#[test]
fn places() {
    use list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    use offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    for version in 1..=10 {
        let part = ListOffsetsPartition::default().with_timestamp(-2);
        let topic = ListOffsetsTopic::default().with_name(topic()).with_partitions(vec![part]);
        let request = ListOffsetsRequest::default().with_topics(vec![topic]);
        let answer: ListOffsetsResponse =
            asked(&mut wire(), ApiKey::ListOffsets, version, &request);
        assert_eq!(answer.topics.len(), 1);
    }
    for version in 2..=4 {
        let part = OffsetForLeaderPartition::default().with_leader_epoch(3);
        let topic = OffsetForLeaderTopic::default().with_topic(topic()).with_partitions(vec![part]);
        let request = OffsetForLeaderEpochRequest::default().with_topics(vec![topic]);
        let answer: OffsetForLeaderEpochResponse =
            asked(&mut wire(), ApiKey::OffsetForLeaderEpoch, version, &request);
        assert_eq!(answer.topics.len(), 1);
    }
}

#[test]
fn the_cluster() {
    use metadata_request::MetadataRequestTopic;
    for version in 0..=4 {
        let request = ApiVersionsRequest::default();
        let answer: ApiVersionsResponse =
            asked(&mut wire(), ApiKey::ApiVersions, version, &request);
        assert!(answer.api_keys.len() > 10 && answer.error_code == 0);
    }
    for version in 0..=13 {
        let named = MetadataRequestTopic::default().with_name(Some(topic()));
        let request = MetadataRequest::default().with_topics(Some(vec![named]));
        let answer: MetadataResponse_ = asked(&mut wire(), ApiKey::Metadata, version, &request);
        let part = &answer.topics[0].partitions[0];
        assert_eq!((part.leader_id.0, part.isr_nodes.len(), part.replica_nodes.len()), (2, 1, 2));
        assert_eq!(answer.brokers.len(), 2);
    }
    for version in 0..=6 {
        let key = StrBytes::from_static_str("ledger");
        let request = FindCoordinatorRequest::default();
        let request = if version >= 4 {
            request.with_coordinator_keys(vec![key.clone(), key])
        } else {
            request.with_key(key)
        };
        let answer: FindCoordinatorResponse =
            asked(&mut wire(), ApiKey::FindCoordinator, version, &request);
        let all = answer.coordinators.iter().map(|one| one.port);
        let ports: Vec<i32> =
            if version >= 4 { all.collect() } else { vec![answer.port, answer.port] };
        assert_eq!(ports, [9093, 9093]);
    }
    for version in 0..=5 {
        let request = InitProducerIdRequest::default().with_transactional_id(None);
        let answer: InitProducerIdResponse =
            asked(&mut wire(), ApiKey::InitProducerId, version, &request);
        assert_eq!((answer.producer_id.0, answer.producer_epoch), (9, 0));
    }
    for version in 0..=1 {
        let request = DescribeClusterRequest::default();
        let answer: DescribeClusterResponse =
            asked(&mut wire(), ApiKey::DescribeCluster, version, &request);
        assert_eq!(answer.brokers.len(), 2);
    }
}

use kafka_protocol::messages::MetadataResponse as MetadataResponse_;

#[test]
fn members() {
    use join_group_request::JoinGroupRequestProtocol;
    use leave_group_request::MemberIdentity;
    use sync_group_request::SyncGroupRequestAssignment;
    let group = GroupId(StrBytes::from_static_str("ledger"));
    let said = Bytes::from_static(b"only the client can read it");
    for version in 0..=9 {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("mine"))
            .with_metadata(said.clone());
        let request = JoinGroupRequest::default()
            .with_group_id(group.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol]);
        let mut wire = wire();
        let answer: JoinGroupResponse_ = asked(&mut wire, ApiKey::JoinGroup, version, &request);
        assert_eq!(answer.protocol_name.as_deref(), Some("mine"));
        assert_eq!((answer.members.len(), &answer.members[0].metadata), (1, &said));
        assert_eq!(answer.leader, answer.member_id);
        let version = version.min(5);
        let share = SyncGroupRequestAssignment::default()
            .with_member_id(answer.member_id.clone())
            .with_assignment(said.clone());
        let request = SyncGroupRequest::default()
            .with_group_id(group.clone())
            .with_member_id(answer.member_id.clone())
            .with_assignments(vec![share]);
        let synced: SyncGroupResponse = asked(&mut wire, ApiKey::SyncGroup, version, &request);
        assert_eq!(synced.assignment, said, "it passes unread");
    }
    for version in 0..=4 {
        let request = HeartbeatRequest::default().with_group_id(group.clone());
        let answer: HeartbeatResponse = asked(&mut wire(), ApiKey::Heartbeat, version, &request);
        assert_eq!(answer.error_code, 0);
    }
    for version in 0..=5 {
        let request = LeaveGroupRequest::default().with_group_id(group.clone());
        let request = if version >= 3 {
            request.with_members(vec![MemberIdentity::default(), MemberIdentity::default()])
        } else {
            request
        };
        let answer: LeaveGroupResponse = asked(&mut wire(), ApiKey::LeaveGroup, version, &request);
        assert_eq!(
            (answer.error_code, answer.members.len()),
            (0, if version >= 3 { 2 } else { 0 })
        );
    }
}

use kafka_protocol::messages::JoinGroupResponse as JoinGroupResponse_;

#[test]
fn offsets() {
    use offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic};
    use offset_fetch_request::{
        OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
    };
    let group = GroupId(StrBytes::from_static_str("ledger"));
    for version in 2..=9 {
        let parts = [0, 1].map(|index| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(index)
                .with_committed_offset(5)
        });
        let known =
            OffsetCommitRequestTopic::default().with_name(topic()).with_partitions(parts.to_vec());
        let unknown = known.clone().with_name(TopicName(StrBytes::from_static_str("nowhere")));
        let request = OffsetCommitRequest::default()
            .with_group_id(group.clone())
            .with_topics(vec![known, unknown]);
        let answer: OffsetCommitResponse =
            asked(&mut wire(), ApiKey::OffsetCommit, version, &request);
        let errors = answer.topics.iter().flat_map(|one| &one.partitions).map(|one| one.error_code);
        assert_eq!(errors.collect::<Vec<_>>(), [0, 0, 3, 3]);
    }
    for version in 1..=9 {
        let request = OffsetFetchRequest::default();
        let request = if version >= 8 {
            let topic = OffsetFetchRequestTopics::default()
                .with_name(topic())
                .with_partition_indexes(vec![0]);
            let one = OffsetFetchRequestGroup::default()
                .with_group_id(group.clone())
                .with_topics(Some(vec![topic]));
            request.with_groups(vec![one.clone(), one])
        } else {
            let topic = OffsetFetchRequestTopic::default()
                .with_name(topic())
                .with_partition_indexes(vec![0]);
            request.with_group_id(group.clone()).with_topics(Some(vec![topic]))
        };
        let answer: OffsetFetchResponse =
            asked(&mut wire(), ApiKey::OffsetFetch, version, &request);
        let offsets: Vec<i64> = if version >= 8 {
            let groups = answer.groups.iter().flat_map(|one| &one.topics);
            groups.flat_map(|one| &one.partitions).map(|one| one.committed_offset).collect()
        } else {
            let topics = answer.topics.iter().flat_map(|one| &one.partitions);
            topics.map(|one| one.committed_offset).collect()
        };
        assert_eq!(offsets.len(), if version >= 8 { 2 } else { 1 });
        assert!(offsets.iter().all(|offset| *offset == -1));
    }
}

#[test]
fn a_version_beyond_is_told_which_are_spoken() {
    let mut wire = wire();
    let frame = framed(ApiKey::ApiVersions, 4, &ApiVersionsRequest::default());
    let mut beyond = BytesMut::from(&frame[..]);
    beyond[3] = 9;
    let taken = wire.frame(1, &beyond.freeze()).unwrap();
    let [Message::Request(correlation, _)] = taken.requests[..] else { panic!("one request") };
    let mut answer =
        wire.answer(Message::Response(correlation, Response::ApiVersions)).frame.unwrap();
    let _ = answer.split_to(4);
    ResponseHeader::decode(&mut answer, 0).unwrap();
    let told = ApiVersionsResponse::decode(&mut answer, 0).unwrap();
    assert!(told.error_code == 35 && !told.api_keys.is_empty());
    let produce = framed(ApiKey::Produce, 13, &ProduceRequest::default());
    assert!(wire.frame(1, &produce).unwrap_err().why.contains("versions 3 to 12"));
}
