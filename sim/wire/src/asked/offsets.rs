//! OffsetCommit and OffsetFetch.

use super::{Asked, epoch, known, offset, topic_name};
use crate::fact::Fact;
use crate::frame::Head;
use crate::{Broken, Split, Wire};
use ackproof_kafka::message::{
    CommittedOffset, GroupRequest, GroupResponse, MemberClaim, OffsetCommitRequest,
    OffsetFetchRequest, Request, Response,
};
use ackproof_types::{ErrorCode, GenerationId, GroupId, Offset, TopicPartition};
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{self as wire, TopicName};
use kafka_protocol::protocol::StrBytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What clients write beside an offset, for the last offset that they did. No model reads it.
pub(crate) type CommitMetadata = BTreeMap<(GroupId, TopicPartition), (Offset, StrBytes)>;

/// A partition by its index, with what is committed of it; none: there is no such partition.
type Place = (i32, Option<(TopicPartition, Offset)>);
/// Partitions by topic.
type Wanted = Vec<(TopicName, Vec<i32>)>;
/// What a coordinator says of partitions.
type Found = Vec<(TopicPartition, Option<CommittedOffset>)>;

/// Of an OffsetCommit request.
#[derive(Debug)]
pub(crate) struct Committing {
    group: Option<GroupId>,
    topics: Vec<(TopicName, Vec<Place>)>,
}

/// Of an OffsetFetch request: each group with what is looked up.
#[derive(Debug)]
pub(crate) struct Looking {
    groups: Vec<(wire::GroupId, Option<GroupId>, Option<Wanted>)>,
}

/// What is told of one partition: offset, epoch, metadata, error.
type Told = (i64, i32, Option<StrBytes>, i16);

impl Wire {
    pub(super) fn ask_commit(
        &mut self,
        request: wire::OffsetCommitRequest,
        facts: &mut Vec<Fact>,
    ) -> Result<Split, Broken> {
        let group = self.names.group(request.group_id.0.as_str());
        let mut offsets = Vec::new();
        let mut topics = Vec::new();
        for topic in request.topics {
            let mut parts = Vec::new();
            for part in topic.partitions {
                let place = self.named(&topic.name, part.partition_index);
                let committed = CommittedOffset {
                    offset: offset(part.committed_offset),
                    leader_epoch: epoch(part.committed_leader_epoch),
                };
                if let (Some(partition), Some(group)) = (place, group) {
                    offsets.push((partition, committed));
                    let said = part.committed_metadata.unwrap_or_default();
                    self.metadata.insert((group, partition), (committed.offset, said));
                }
                let place = place.map(|partition| (partition, committed.offset));
                parts.push((part.partition_index, place));
            }
            topics.push((topic.name, parts));
        }
        let asked = Asked::OffsetCommit(Committing { group, topics });
        let Some(group) = group.filter(|_| !offsets.is_empty()) else { return Ok(known(asked)) };
        let member = self.names.member(request.member_id.as_str());
        let instance = request.group_instance_id;
        let claim = MemberClaim {
            group,
            generation: GenerationId(request.generation_id_or_member_epoch.max(-1)),
            member,
            instance: instance.and_then(|name| self.names.instance(name.as_str())),
        };
        let sent = offsets.iter().map(|(partition, it)| (*partition, it.offset)).collect();
        facts.push(Fact::CommitSent { group, offsets: sent });
        let commit = OffsetCommitRequest { claim, offsets, by_id: false };
        Ok(super::one(asked, Request::Group(GroupRequest::OffsetCommit(commit))))
    }

    pub(super) fn committed(
        &self,
        committing: Committing,
        answers: &[Response],
        facts: &mut Vec<Fact>,
    ) -> wire::OffsetCommitResponse {
        let error = super::group_error(answers.first());
        let Committing { group, topics } = committing;
        let places = topics.iter().flat_map(|(_, parts)| parts);
        let offsets: Arc<[_]> = places.filter_map(|(_, place)| *place).collect();
        if let (Some(group), Some(Response::Group(GroupResponse::OffsetCommit(result)))) =
            (group, answers.first())
            && !offsets.is_empty()
        {
            facts.push(match *result {
                Ok(()) => Fact::Committed { group, offsets },
                Err(error) => Fact::CommitFailed { group, offsets, error },
            });
        }
        let topic = |(name, parts): (TopicName, Vec<(i32, Option<_>)>)| {
            let part = |(index, place): (i32, Option<_>)| {
                let unknown = ErrorCode::UnknownTopicOrPartition.code();
                OffsetCommitResponsePartition::default()
                    .with_partition_index(index)
                    .with_error_code(if place.is_some() { error } else { unknown })
            };
            OffsetCommitResponseTopic::default()
                .with_name(name)
                .with_partitions(parts.into_iter().map(part).collect())
        };
        wire::OffsetCommitResponse::default().with_topics(topics.into_iter().map(topic).collect())
    }

    pub(super) fn ask_offsets(
        &mut self,
        head: &Head,
        request: wire::OffsetFetchRequest,
    ) -> Result<Split, Broken> {
        let groups: Vec<_> = if head.version >= 8 {
            let all = request.groups.into_iter();
            all.map(|one| {
                let topics = one.topics.map(|topics| {
                    topics.into_iter().map(|one| (one.name, one.partition_indexes)).collect()
                });
                (one.group_id, topics)
            })
            .collect()
        } else {
            // Before version 2, none named means none.
            let topics = request.topics.map(|topics| {
                topics.into_iter().map(|one| (one.name, one.partition_indexes)).collect()
            });
            vec![(request.group_id, topics)]
        };
        let mut requests = Vec::new();
        let mut looking = Vec::new();
        for (name, topics) in groups {
            let group = self.names.group(name.0.as_str());
            let partitions = topics.as_ref().map(|topics: &Vec<(TopicName, Vec<i32>)>| {
                let named = |(topic, parts): &(TopicName, Vec<i32>)| -> Vec<TopicPartition> {
                    parts.iter().filter_map(|index| self.named(topic, *index)).collect()
                };
                topics.iter().flat_map(named).collect()
            });
            requests.push(group.map_or(Request::ApiVersions, |group| {
                let fetch = OffsetFetchRequest { group, member: None, partitions };
                Request::Group(GroupRequest::OffsetFetch(fetch))
            }));
            looking.push((name, group, topics));
        }
        let asked = Asked::OffsetFetch(Looking { groups: looking });
        Ok(if requests.is_empty() { known(asked) } else { Split { asked, requests } })
    }

    pub(super) fn offsets(
        &self,
        head: &Head,
        looking: Looking,
        answers: Vec<Response>,
        facts: &mut Vec<Fact>,
    ) -> wire::OffsetFetchResponse {
        let mut answers = answers.into_iter();
        let mut told = Vec::new();
        for (name, group, topics) in looking.groups {
            let found = match (group, answers.next()) {
                (Some(group), Some(Response::Group(GroupResponse::OffsetFetch(result)))) => {
                    result.map(|offsets| (group, offsets))
                }
                _ => Err(ErrorCode::UnknownServerError),
            };
            let error = found.as_ref().map_or_else(|error| error.code(), |_| 0);
            told.push((name, error, self.looked_up(found.ok(), topics, error, facts)));
        }
        let body = wire::OffsetFetchResponse::default();
        if head.version >= 8 {
            let groups = told.into_iter().map(|(name, error, topics)| {
                let topics = topics.into_iter().map(|(topic, parts)| {
                    let part = |(index, (offset, epoch, metadata, error)): (i32, Told)| {
                        OffsetFetchResponsePartitions::default()
                            .with_partition_index(index)
                            .with_committed_offset(offset)
                            .with_committed_leader_epoch(epoch)
                            .with_metadata(metadata)
                            .with_error_code(error)
                    };
                    OffsetFetchResponseTopics::default()
                        .with_name(topic)
                        .with_partitions(parts.into_iter().map(part).collect())
                });
                OffsetFetchResponseGroup::default()
                    .with_group_id(name)
                    .with_error_code(error)
                    .with_topics(topics.collect())
            });
            return body.with_groups(groups.collect());
        }
        let Some((_, error, topics)) = told.into_iter().next() else { return body };
        let topics = topics.into_iter().map(|(topic, parts)| {
            let part = |(index, (offset, epoch, metadata, error)): (i32, Told)| {
                let told = OffsetFetchResponsePartition::default()
                    .with_partition_index(index)
                    .with_committed_offset(offset)
                    .with_metadata(metadata)
                    .with_error_code(error);
                if head.version >= 5 { told.with_committed_leader_epoch(epoch) } else { told }
            };
            OffsetFetchResponseTopic::default()
                .with_name(topic)
                .with_partitions(parts.into_iter().map(part).collect())
        });
        let body = body.with_topics(topics.collect());
        if head.version >= 2 { body.with_error_code(error) } else { body }
    }

    /// What is told of each partition that was asked for, or of all that there are.
    fn looked_up(
        &self,
        found: Option<(GroupId, Found)>,
        topics: Option<Wanted>,
        error: i16,
        facts: &mut Vec<Fact>,
    ) -> Vec<(TopicName, Vec<(i32, Told)>)> {
        let (group, found) = match found {
            Some((group, found)) => (Some(group), found),
            None => (None, Vec::new()),
        };
        facts.extend(group.map(Fact::Speaks));
        let topics = topics.unwrap_or_else(|| {
            let mut all: Vec<(TopicName, Vec<i32>)> = Vec::new();
            for (partition, _) in &found {
                let name = topic_name(self.names.topic_name(partition.topic));
                let index = i32::from(partition.partition);
                match all.last_mut().filter(|(last, _)| *last == name) {
                    Some((_, parts)) => parts.push(index),
                    None => all.push((name, vec![index])),
                }
            }
            all
        });
        let tell = |topic: &TopicName, index: i32| -> Told {
            let place = self.named(topic, index);
            let known = found.iter().find(|(partition, _)| Some(*partition) == place);
            let committed = known.and_then(|(_, committed)| *committed);
            let Some(committed) = committed else {
                return (-1, -1, Some(StrBytes::default()), error);
            };
            let said = group.zip(place).and_then(|key| self.metadata.get(&key));
            let said = said.filter(|(at, _)| *at == committed.offset).map(|(_, said)| said.clone());
            let metadata = Some(said.unwrap_or_default());
            (committed.offset.0, committed.leader_epoch.0, metadata, error)
        };
        let topic = |(name, parts): (TopicName, Vec<i32>)| {
            let parts = parts.into_iter().map(|index| (index, tell(&name, index))).collect();
            (name, parts)
        };
        topics.into_iter().map(topic).collect()
    }
}
