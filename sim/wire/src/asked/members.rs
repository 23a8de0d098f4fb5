//! JoinGroup, SyncGroup, Heartbeat and LeaveGroup. What assignors say passes through unread; where they say it as
//! Kafka's consumers do, topics and partitions are read as well, for the record.

use super::{Asked, code, known, millis, one, topic_name, word};
use crate::fact::Fact;
use crate::frame::Head;
use crate::names::NOBODY;
use crate::{Broken, Split, Wire, apis};
use ackproof_kafka::assignor::{Assignor, Subscriber};
use ackproof_kafka::message::{
    GroupRequest, GroupResponse, JoinGroupRequest, JoinGroupResponse, MemberAssignment,
    MemberClaim, MemberMetadata, Request, Response, SyncGroupRequest,
};
use ackproof_types::{
    ErrorCode, GenerationId, GroupId, MemberId, RebalanceReason, TopicId, TopicPartition,
};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition as Assigned;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    self as wire, ConsumerProtocolAssignment, ConsumerProtocolSubscription, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Protocols that members may name; a coordinator compares each with each.
const MOST_PROTOCOLS: usize = 32;

/// Of a JoinGroup request.
#[derive(Debug)]
pub(crate) struct Joining {
    protocol_type: StrBytes,
    member: StrBytes,
    refused: Option<ErrorCode>,
}

/// Of a SyncGroup request.
#[derive(Debug)]
pub(crate) struct Syncing {
    claim: Option<MemberClaim>,
    protocol_type: Option<StrBytes>,
    protocol_name: Option<StrBytes>,
}

/// Of a LeaveGroup request.
#[derive(Debug)]
pub(crate) struct Leaving {
    members: Vec<(StrBytes, Option<StrBytes>)>,
}

impl Wire {
    /// What a member's assignor says of it, as Kafka's consumers do.
    fn subscription(&self, bytes: &Bytes) -> Option<ConsumerProtocolSubscription> {
        let version = versioned(bytes)?;
        let body = bytes.slice(2..);
        // Later versions add to the end.
        let version = version.clamp(0, 3);
        apis::SUBSCRIPTION.check_bare(&body, version).ok()?;
        ConsumerProtocolSubscription::decode(&mut body.clone(), version).ok()
    }

    /// What it says that a member gets.
    fn partitions(&self, bytes: &Bytes) -> Arc<[TopicPartition]> {
        let read = || {
            let version = versioned(bytes)?.clamp(0, 3);
            let body = bytes.slice(2..);
            apis::ASSIGNMENT.check_bare(&body, version).ok()?;
            ConsumerProtocolAssignment::decode(&mut body.clone(), version).ok()
        };
        let assigned = read().map(|it| it.assigned_partitions).unwrap_or_default();
        let named = |one: &Assigned| -> Vec<TopicPartition> {
            one.partitions.iter().filter_map(|index| self.named(&one.topic, *index)).collect()
        };
        let all: BTreeSet<TopicPartition> = assigned.iter().flat_map(named).collect();
        all.into_iter().collect()
    }

    fn claim(
        &mut self,
        group: &str,
        generation: i32,
        member: &str,
        instance: Option<&StrBytes>,
    ) -> Option<MemberClaim> {
        Some(MemberClaim {
            group: self.names.group(group)?,
            generation: GenerationId(generation.max(-1)),
            member: self.names.member(member),
            instance: instance.and_then(|name| self.names.instance(name.as_str())),
        })
    }

    pub(super) fn ask_join(
        &mut self,
        head: &Head,
        request: wire::JoinGroupRequest,
        facts: &mut Vec<Fact>,
    ) -> Result<Split, Broken> {
        let refuse = |error| {
            let (protocol_type, member) =
                (request.protocol_type.clone(), request.member_id.clone());
            Ok(known(Asked::JoinGroup(Joining { protocol_type, member, refused: Some(error) })))
        };
        let Some(group) = self.names.group(request.group_id.0.as_str()) else {
            facts.push(Fact::Missing("room for another group".to_owned()));
            return refuse(ErrorCode::UnknownServerError);
        };
        if request.protocols.is_empty() || request.protocols.len() > MOST_PROTOCOLS {
            return refuse(ErrorCode::InconsistentGroupProtocol);
        }
        let mut protocols = Vec::new();
        for protocol in &request.protocols {
            protocols.extend(self.names.assignor(protocol.name.as_str()));
        }
        let said = request.protocols.first().and_then(|one| self.subscription(&one.metadata));
        let said = said.filter(|_| request.protocol_type.as_str() == "consumer");
        let topics: BTreeSet<TopicId> = said
            .iter()
            .flat_map(|it| &it.topics)
            .filter_map(|name| self.names.topic(name.as_str()))
            .collect();
        let owned: BTreeSet<TopicPartition> = said
            .iter()
            .flat_map(|it| &it.owned_partitions)
            .flat_map(|one| {
                one.partitions.iter().filter_map(|index| self.named(&one.topic, *index))
            })
            .collect();
        facts.push(Fact::Subscribed { group, topics: topics.iter().copied().collect() });
        let member = Some(request.member_id.as_str()).filter(|name| !name.is_empty());
        let instance = request.group_instance_id.as_ref();
        let rebalance_timeout = if head.version >= 1 {
            request.rebalance_timeout_ms
        } else {
            request.session_timeout_ms
        };
        let metadata = MemberMetadata {
            protocols: protocols.into(),
            instance: instance.and_then(|name| self.names.instance(name.as_str())),
            topics: topics.into_iter().collect(),
            owned: owned.into_iter().collect(),
            generation: said
                .map_or(GenerationId::UNKNOWN, |it| GenerationId(it.generation_id.max(-1))),
            user_data: None,
            opaque: Some(self.names.keep(&packed(&request.protocols))),
        };
        let join = JoinGroupRequest {
            group,
            member: member.map(|name| self.names.member(name)),
            require_known_member_id: head.version >= 4,
            session_timeout: millis(request.session_timeout_ms),
            rebalance_timeout: millis(rebalance_timeout),
            metadata,
            reason: RebalanceReason::Joined,
        };
        let (protocol_type, member) = (request.protocol_type, request.member_id);
        let asked = Asked::JoinGroup(Joining { protocol_type, member, refused: None });
        Ok(one(asked, Request::Group(GroupRequest::JoinGroup(join))))
    }

    pub(super) fn joined(
        &mut self,
        head: &Head,
        client: u16,
        joining: &Joining,
        answers: Vec<Response>,
    ) -> Option<wire::JoinGroupResponse> {
        let body = wire::JoinGroupResponse::default().with_generation_id(-1);
        // Before version 7 a refusal has an empty protocol.
        let body = match head.version {
            7.. => body.with_protocol_name(None),
            _ => body.with_protocol_name(Some(StrBytes::default())),
        };
        let refused = |error: ErrorCode, member: StrBytes| {
            Some(body.clone().with_error_code(error.code()).with_member_id(member))
        };
        let answer = match (joining.refused, answers.into_iter().next()?) {
            (Some(error), _) => return refused(error, joining.member.clone()),
            (None, Response::Group(GroupResponse::JoinGroup(answer))) => answer,
            (None, _) => return None,
        };
        let prefix = self.clients.get(usize::from(client)).cloned().unwrap_or_default();
        match answer {
            JoinGroupResponse::Refused(error) => refused(error, joining.member.clone()),
            JoinGroupResponse::MemberIdRequired(id) => {
                let name = self.names.member_name(id, &prefix);
                refused(ErrorCode::MemberIdRequired, StrBytes::from_string(name))
            }
            JoinGroupResponse::Joined {
                generation,
                member,
                leader,
                protocol,
                members,
                skip_assignment,
            } => {
                let members: Vec<_> = members
                    .iter()
                    .map(|one| self.subscriber(head, one, protocol, &prefix))
                    .collect();
                let body = wire::JoinGroupResponse::default()
                    .with_generation_id(generation.0)
                    .with_protocol_name(Some(word(self.names.assignor_name(protocol))))
                    .with_leader(StrBytes::from_string(self.names.member_name(leader, &prefix)))
                    .with_member_id(StrBytes::from_string(self.names.member_name(member, &prefix)))
                    .with_members(members);
                let body = if head.version >= 7 {
                    body.with_protocol_type(Some(joining.protocol_type.clone()))
                } else {
                    body
                };
                Some(if head.version >= 9 {
                    body.with_skip_assignment(skip_assignment)
                } else {
                    body
                })
            }
        }
    }

    /// A member as the leader of its group is told of it.
    fn subscriber(
        &mut self,
        head: &Head,
        one: &Subscriber,
        protocol: Assignor,
        prefix: &str,
    ) -> JoinGroupResponseMember {
        let name = self.names.member_name(one.id, prefix);
        let metadata = match one.opaque {
            Some(opaque) => unpacked(&self.names.kept(opaque), self.names.assignor_name(protocol)),
            None => self.spoken_for(&one.topics),
        };
        let told = JoinGroupResponseMember::default()
            .with_member_id(StrBytes::from_string(name))
            .with_metadata(metadata);
        let instance = one.instance.and_then(|it| self.names.instances.get(usize::from(it)));
        if head.version >= 5 {
            told.with_group_instance_id(instance.map(|name| word(name)))
        } else {
            told
        }
    }

    /// What a simulated member subscribes to, as Kafka's consumers say it.
    fn spoken_for(&self, topics: &[TopicId]) -> Bytes {
        let topics = topics.iter().map(|id| word(self.names.topic_name(*id))).collect();
        encoded(&ConsumerProtocolSubscription::default().with_topics(topics))
    }

    pub(super) fn ask_sync(&mut self, request: wire::SyncGroupRequest) -> Result<Split, Broken> {
        let group = request.group_id.0.as_str();
        let instance = request.group_instance_id.as_ref();
        let claim = self.claim(group, request.generation_id, request.member_id.as_str(), instance);
        let syncing = Syncing {
            claim,
            protocol_type: request.protocol_type,
            protocol_name: request.protocol_name,
        };
        let asked = Asked::SyncGroup(syncing);
        let Some(claim) = claim else { return Ok(known(asked)) };
        let share = |one: &wire::sync_group_request::SyncGroupRequestAssignment| {
            let assignment = MemberAssignment {
                partitions: self.partitions(&one.assignment),
                opaque: Some(self.names.keep(&one.assignment)),
            };
            (self.names.member(one.member_id.as_str()), assignment)
        };
        let assignment = request.assignments.iter().map(share).collect();
        let sync = SyncGroupRequest { claim, assignment };
        Ok(one(asked, Request::Group(GroupRequest::SyncGroup(sync))))
    }

    pub(super) fn synced(
        &self,
        head: &Head,
        syncing: Syncing,
        answers: Vec<Response>,
        facts: &mut Vec<Fact>,
    ) -> Option<wire::SyncGroupResponse> {
        let result = match answers.into_iter().next()? {
            Response::Group(GroupResponse::SyncGroup(result)) => result,
            _ => Err(ErrorCode::UnknownServerError),
        };
        let mut body = wire::SyncGroupResponse::default()
            .with_error_code(code(result.as_ref().map_err(|error| *error)));
        if head.version >= 5 {
            body = body
                .with_protocol_type(syncing.protocol_type)
                .with_protocol_name(syncing.protocol_name);
        }
        if let (Ok(given), Some(claim)) = (result, syncing.claim) {
            let partitions = Arc::clone(&given.partitions);
            facts.push(Fact::Assigned { group: claim.group, partitions });
            body = body.with_assignment(self.assignment(&given));
        }
        Some(body)
    }

    fn assignment(&self, given: &MemberAssignment) -> Bytes {
        if let Some(opaque) = given.opaque {
            return self.names.kept(opaque);
        }
        if given.partitions.is_empty() {
            return Bytes::new();
        }
        let mut topics: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
        for one in given.partitions.iter() {
            topics.entry(one.topic).or_default().push(i32::from(one.partition));
        }
        let named = |(id, partitions)| {
            let topic: TopicName = topic_name(self.names.topic_name(id));
            Assigned::default().with_topic(topic).with_partitions(partitions)
        };
        let all = topics.into_iter().map(named).collect();
        encoded(&ConsumerProtocolAssignment::default().with_assigned_partitions(all))
    }

    pub(super) fn ask_heartbeat(
        &mut self,
        request: &wire::HeartbeatRequest,
    ) -> Result<Split, Broken> {
        let instance = request.group_instance_id.as_ref();
        let member = request.member_id.as_str();
        let claim =
            self.claim(request.group_id.0.as_str(), request.generation_id, member, instance);
        // A group for which there is no room has no members.
        let claim = claim.unwrap_or(MemberClaim {
            group: GroupId(u16::MAX),
            generation: GenerationId::UNKNOWN,
            member: NOBODY,
            instance: None,
        });
        Ok(one(Asked::Heartbeat, Request::Group(GroupRequest::Heartbeat(claim))))
    }

    pub(super) fn ask_leave(
        &mut self,
        head: &Head,
        request: wire::LeaveGroupRequest,
        facts: &mut Vec<Fact>,
    ) -> Result<Split, Broken> {
        let members: Vec<(StrBytes, Option<StrBytes>)> = if head.version >= 3 {
            let all = request.members.into_iter();
            all.map(|one| (one.member_id, one.group_instance_id)).collect()
        } else {
            vec![(request.member_id, None)]
        };
        let group = self.names.group(request.group_id.0.as_str());
        let ids: Vec<MemberId> =
            members.iter().map(|(name, _)| self.names.member(name.as_str())).collect();
        let asked = Asked::LeaveGroup(Leaving { members });
        let Some(group) = group.filter(|_| !ids.is_empty()) else { return Ok(known(asked)) };
        facts.push(Fact::Speaks(group));
        let leave =
            |member| Request::Group(GroupRequest::LeaveGroup(group, member, RebalanceReason::Left));
        Ok(Split { asked, requests: ids.into_iter().map(leave).collect() })
    }

    pub(super) fn left(
        head: &Head,
        leaving: Leaving,
        answers: &[Response],
    ) -> wire::LeaveGroupResponse {
        let error = |place: usize| super::group_error(answers.get(place));
        let body = wire::LeaveGroupResponse::default();
        if head.version < 3 {
            return body.with_error_code(error(0));
        }
        let members = leaving.members.into_iter().enumerate().map(|(place, (member, instance))| {
            MemberResponse::default()
                .with_member_id(member)
                .with_group_instance_id(instance)
                .with_error_code(error(place))
        });
        body.with_members(members.collect())
    }
}

/// The version in front of what an assignor says.
fn versioned(bytes: &Bytes) -> Option<i16> {
    (bytes.len() >= 2).then(|| bytes.clone().get_i16())
}

/// What an assignor says, with the version in front.
fn encoded(body: &impl Encodable) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    // Version 0 holds every name there is.
    let _ = body.encode(&mut out, 0);
    out.freeze()
}

/// What a member says for each of its protocols, as one run of bytes.
fn packed(protocols: &[wire::join_group_request::JoinGroupRequestProtocol]) -> BytesMut {
    let mut out = BytesMut::new();
    for protocol in protocols {
        let (name, metadata) = (protocol.name.as_bytes(), &protocol.metadata);
        out.put_u32(u32::try_from(name.len()).unwrap_or(0));
        out.put_slice(name);
        out.put_u32(u32::try_from(metadata.len()).unwrap_or(0));
        out.put_slice(metadata);
    }
    out
}

/// What it says for the protocol `wanted`.
fn unpacked(packed: &Bytes, wanted: &str) -> Bytes {
    let mut rest = packed.clone();
    let mut part = || {
        (rest.len() >= 4).then(|| {
            let length = (rest.get_u32() as usize).min(rest.len());
            rest.split_to(length)
        })
    };
    while let (Some(name), Some(metadata)) = (part(), part()) {
        if name == wanted.as_bytes() {
            return metadata;
        }
    }
    Bytes::new()
}
