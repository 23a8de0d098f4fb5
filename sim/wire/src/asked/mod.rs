//! Request by request: what it becomes for the machine, and what its answer becomes for the client.
//!
//! - [`records`] Produce and Fetch · [`places`] ListOffsets and OffsetForLeaderEpoch
//! - [`cluster`] ApiVersions, Metadata, DescribeCluster, FindCoordinator, InitProducerId
//! - [`members`] JoinGroup, SyncGroup, Heartbeat, LeaveGroup · [`offsets`] OffsetCommit and OffsetFetch

mod cluster;
mod members;
mod offsets;
mod places;
mod records;

pub(crate) use offsets::CommitMetadata;

use crate::fact::Fact;
use crate::frame::{self, Head};
use crate::{Answered, Broken, Pending, Split, Wire};
use ackproof_kafka::message::{GroupResponse, Request, Response};
use ackproof_types::{ErrorCode, LeaderEpoch, Micros, Offset, TopicId, TopicPartition};
use bytes::Bytes;
use kafka_protocol::messages::{self, ApiKey, BrokerId, TopicName};
use kafka_protocol::protocol::{Decodable, StrBytes};

/// What must be remembered of a request for its answer.
#[derive(Debug)]
pub(crate) enum Asked {
    /// ApiVersions.
    ApiVersions,
    /// Produce.
    Produce(records::Produced),
    /// Fetch.
    Fetch(records::Wanted),
    /// ListOffsets.
    ListOffsets(messages::ListOffsetsRequest),
    /// OffsetForLeaderEpoch.
    EpochEnds(messages::OffsetForLeaderEpochRequest),
    /// Metadata.
    Metadata(messages::MetadataRequest),
    /// DescribeCluster.
    DescribeCluster,
    /// FindCoordinator: the keys, and whether transactions are meant.
    FindCoordinator(Vec<StrBytes>, bool),
    /// InitProducerId; true: it is refused.
    InitProducerId(bool),
    /// JoinGroup.
    JoinGroup(members::Joining),
    /// SyncGroup.
    SyncGroup(members::Syncing),
    /// Heartbeat.
    Heartbeat,
    /// LeaveGroup: who leaves.
    LeaveGroup(members::Leaving),
    /// OffsetCommit.
    OffsetCommit(offsets::Committing),
    /// OffsetFetch.
    OffsetFetch(offsets::Looking),
}

/// A frame that does not hold what its version says.
fn unreadable(head: &Head) -> Broken {
    Broken { why: format!("{:?} version {}: not readable", head.api, head.version) }
}

/// The request in `body`; its lengths were checked.
fn decode<T: Decodable>(head: &Head, mut body: Bytes) -> Result<T, Broken> {
    T::decode(&mut body, head.version).map_err(|_| unreadable(head))
}

/// A code on the wire.
fn code<T>(result: Result<T, ErrorCode>) -> i16 {
    result.err().map_or(0, ErrorCode::code)
}

fn word(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Milliseconds of a request as a length; none of them is below zero.
fn millis(ms: i32) -> Micros {
    Micros::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn broker(id: ackproof_types::BrokerId) -> BrokerId {
    BrokerId(i32::from(id.0))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(word(name))
}

fn epoch(number: i32) -> LeaderEpoch {
    LeaderEpoch(number.max(-1))
}

/// No log is as long as this.
const MOST: i64 = 1 << 60;

fn offset(number: i64) -> Offset {
    Offset(number.clamp(-1, MOST))
}

impl Wire {
    /// A partition that exists, by the number of its topic; whether the partition does, the machine knows.
    fn partition(topic: Option<TopicId>, index: i32) -> Option<TopicPartition> {
        Some(TopicPartition::new(topic?, u16::try_from(index).ok()?))
    }

    fn named(&self, name: &TopicName, index: i32) -> Option<TopicPartition> {
        Self::partition(self.names.topic(name.0.as_str()), index)
    }

    /// What a request becomes.
    pub(crate) fn ask(
        &mut self,
        head: &Head,
        client: u16,
        body: Bytes,
        facts: &mut Vec<Fact>,
    ) -> Result<Split, Broken> {
        match head.api {
            ApiKey::ApiVersions => {
                // Whatever it says of its software is read for its form alone.
                if !head.is_beyond {
                    decode::<messages::ApiVersionsRequest>(head, body)?;
                }
                Ok(one(Asked::ApiVersions, Request::ApiVersions))
            }
            ApiKey::Produce => self.ask_produce(client, decode(head, body)?, facts),
            ApiKey::Fetch => self.ask_fetch(head, decode(head, body)?),
            ApiKey::ListOffsets => Ok(self.ask_list_offsets(decode(head, body)?)),
            ApiKey::OffsetForLeaderEpoch => Ok(self.ask_epoch_ends(decode(head, body)?)),
            ApiKey::Metadata => Ok(self.ask_metadata(decode(head, body)?)),
            ApiKey::DescribeCluster => {
                decode::<messages::DescribeClusterRequest>(head, body)?;
                Ok(one(Asked::DescribeCluster, Request::Metadata(Vec::new())))
            }
            ApiKey::FindCoordinator => Ok(self.ask_coordinator(head, decode(head, body)?, facts)),
            ApiKey::InitProducerId => Ok(Self::ask_producer_id(&decode(head, body)?, facts)),
            ApiKey::JoinGroup => self.ask_join(head, decode(head, body)?, facts),
            ApiKey::SyncGroup => self.ask_sync(decode(head, body)?),
            ApiKey::Heartbeat => self.ask_heartbeat(&decode(head, body)?),
            ApiKey::LeaveGroup => self.ask_leave(head, decode(head, body)?, facts),
            ApiKey::OffsetCommit => self.ask_commit(decode(head, body)?, facts),
            ApiKey::OffsetFetch => self.ask_offsets(head, decode(head, body)?),
            _ => Err(unreadable(head)),
        }
    }

    /// What the answers to all parts of a request become.
    pub(crate) fn conclude(&mut self, pending: Pending) -> Answered {
        let Pending { head, client, asked, answers, throttled, .. } = pending;
        let answers: Vec<Response> = answers.into_iter().flatten().collect();
        let throttle = i32::try_from(throttled.as_millis()).unwrap_or(i32::MAX);
        let mut facts = Vec::new();
        let frame = match asked {
            Asked::ApiVersions => {
                frame::answer(&head, &frame::api_versions(&head).with_throttle_time_ms(throttle))
            }
            Asked::Produce(produced) => {
                let body = self.produced(&head, produced, answers, &mut facts);
                body.and_then(|body| frame::answer(&head, &body.with_throttle_time_ms(throttle)))
            }
            Asked::Fetch(wanted) => {
                let body = self.fetched(&head, &wanted, answers, &mut facts);
                body.and_then(|body| frame::answer(&head, &body.with_throttle_time_ms(throttle)))
            }
            Asked::ListOffsets(asked) => frame::answer(&head, &self.listed(&head, &asked, answers)),
            Asked::EpochEnds(asked) => frame::answer(&head, &self.epoch_ends(&asked, answers)),
            Asked::Metadata(asked) => {
                let body = self.described(&head, &asked, answers);
                body.and_then(|body| frame::answer(&head, &body))
            }
            Asked::DescribeCluster => {
                let body = self.cluster(answers);
                body.and_then(|body| frame::answer(&head, &body))
            }
            Asked::FindCoordinator(keys, transactions) => {
                frame::answer(&head, &self.coordinators(&head, &keys, transactions, answers))
            }
            Asked::InitProducerId(refused) => {
                frame::answer(&head, &Self::producer_id(refused, &answers))
            }
            Asked::JoinGroup(joining) => {
                let body = self.joined(&head, client, &joining, answers);
                body.and_then(|body| frame::answer(&head, &body))
            }
            Asked::SyncGroup(syncing) => {
                let body = self.synced(&head, syncing, answers, &mut facts);
                body.and_then(|body| frame::answer(&head, &body))
            }
            Asked::Heartbeat => {
                let error = group_error(answers.first());
                frame::answer(&head, &messages::HeartbeatResponse::default().with_error_code(error))
            }
            Asked::LeaveGroup(leaving) => {
                frame::answer(&head, &Self::left(&head, leaving, &answers))
            }
            Asked::OffsetCommit(committing) => {
                frame::answer(&head, &self.committed(committing, &answers, &mut facts))
            }
            Asked::OffsetFetch(looking) => {
                frame::answer(&head, &self.offsets(&head, looking, answers, &mut facts))
            }
        };
        Answered { frame, facts }
    }
}

/// A request that the machine takes as a whole.
fn one(asked: Asked, request: Request) -> Split {
    Split { asked, requests: vec![request] }
}

/// A request that needs no more of the machine than that it is there: its answer is known.
fn known(asked: Asked) -> Split {
    one(asked, Request::ApiVersions)
}

/// The error of an answer of a group's coordinator.
fn group_error(answer: Option<&Response>) -> i16 {
    let Some(Response::Group(answer)) = answer else { return ErrorCode::UnknownServerError.code() };
    match answer {
        GroupResponse::Heartbeat(result)
        | GroupResponse::LeaveGroup(result)
        | GroupResponse::OffsetCommit(result) => code(*result),
        GroupResponse::SyncGroup(result) => code(result.as_ref().map_err(|error| *error)),
        GroupResponse::OffsetFetch(result) => code(result.as_ref().map_err(|error| *error)),
        GroupResponse::ConsumerGroupHeartbeat(result) => {
            code(result.as_ref().map_err(|error| *error))
        }
        GroupResponse::JoinGroup(_) => ErrorCode::UnknownServerError.code(),
    }
}
