//! Metadata, DescribeCluster, FindCoordinator and InitProducerId.

use super::{Asked, broker, code, known, one, topic_name, word};
use crate::fact::Fact;
use crate::frame::Head;
use crate::names::Names;
use crate::{Endpoint, Split, Wire};
use ackproof_kafka::message::{PartitionDescription, Request, Response};
use ackproof_types::{BrokerId, ErrorCode, TopicId};
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{self as wire, ProducerId};
use kafka_protocol::protocol::StrBytes;

/// The one identifier that every cluster here has.
const CLUSTER: &str = "YWNrcHJvb2Ytc2VydmUtMA";
/// Why a transactional producer is turned away.
const NO_TRANSACTIONS: &str = "ackproof does not model transactions";

impl Wire {
    fn endpoint(&self, id: BrokerId) -> Option<&Endpoint> {
        self.setting.brokers.iter().find(|one| one.id == id)
    }

    /// The topics that are asked for; none: all of them. Before version 1, none named means all.
    fn asked_topics(
        &self,
        version: i16,
        request: &wire::MetadataRequest,
    ) -> Option<Vec<Result<TopicId, MetadataResponseTopic>>> {
        let topics = request.topics.as_ref()?;
        if topics.is_empty() && version == 0 {
            return None;
        }
        let find = |one: &wire::metadata_request::MetadataRequestTopic| match &one.name {
            Some(name) => self.names.topic(name.0.as_str()).ok_or_else(|| {
                let error = ErrorCode::UnknownTopicOrPartition.code();
                MetadataResponseTopic::default()
                    .with_error_code(error)
                    .with_name(Some(name.clone()))
            }),
            None => self.names.topic_by_id(one.topic_id).ok_or_else(|| {
                let topic = MetadataResponseTopic::default()
                    .with_error_code(ErrorCode::UnknownTopicId.code())
                    .with_topic_id(one.topic_id);
                if version >= 12 {
                    topic.with_name(None)
                } else {
                    topic.with_name(Some(topic_name("")))
                }
            }),
        };
        Some(topics.iter().map(find).collect())
    }

    pub(super) fn ask_metadata(&self, request: wire::MetadataRequest) -> Split {
        one(Asked::Metadata(request), Request::DescribeTopicPartitions(Vec::new()))
    }

    pub(super) fn described(
        &self,
        head: &Head,
        asked: &wire::MetadataRequest,
        answers: Vec<Response>,
    ) -> Option<wire::MetadataResponse> {
        let Response::DescribeTopicPartitions(alive, partitions) = answers.into_iter().next()?
        else {
            return None;
        };
        let all = || {
            let there =
                |id: &TopicId| partitions.iter().any(|one| one.metadata.partition.topic == *id);
            (0..).map(TopicId).take(self.names.topics.len()).filter(there).map(Ok).collect()
        };
        let topics = self.asked_topics(head.version, asked).unwrap_or_else(all);
        let topic = |found: Result<TopicId, MetadataResponseTopic>| {
            found.map_or_else(|unknown| unknown, |id| self.topic(head, id, &partitions))
        };
        let brokers = alive.iter().filter_map(|id| self.endpoint(*id)).map(|there| {
            let told = MetadataResponseBroker::default()
                .with_node_id(broker(there.id))
                .with_host(word(&there.host))
                .with_port(i32::from(there.port));
            if head.version >= 1 { told.with_rack(there.rack.as_deref().map(word)) } else { told }
        });
        let mut body = wire::MetadataResponse::default()
            .with_brokers(brokers.collect())
            .with_topics(topics.into_iter().map(topic).collect());
        // In KRaft any broker is named: it hands requests on.
        if head.version >= 1 {
            body = body.with_controller_id(alive.first().map_or(broker_none(), |id| broker(*id)));
        }
        if head.version >= 2 {
            body = body.with_cluster_id(Some(StrBytes::from_static_str(CLUSTER)));
        }
        Some(body)
    }

    fn topic(
        &self,
        head: &Head,
        id: TopicId,
        partitions: &[PartitionDescription],
    ) -> MetadataResponseTopic {
        let here = partitions.iter().filter(|one| one.metadata.partition.topic == id);
        let ids = |brokers: &[BrokerId]| brokers.iter().map(|one| broker(*one)).collect();
        let parts: Vec<_> = here
            .map(|one| {
                let leader = one.metadata.leader;
                let error = if leader.is_none() { ErrorCode::LeaderNotAvailable.code() } else { 0 };
                let mut told = MetadataResponsePartition::default()
                    .with_error_code(error)
                    .with_partition_index(i32::from(one.metadata.partition.partition))
                    .with_leader_id(leader.map_or(broker_none(), broker))
                    .with_replica_nodes(ids(&one.replicas))
                    .with_isr_nodes(ids(&one.isr));
                if head.version >= 7 {
                    told = told.with_leader_epoch(one.metadata.leader_epoch.0);
                }
                if head.version >= 5 {
                    told = told.with_offline_replicas(ids(&one.offline));
                }
                told
            })
            .collect();
        let error = if parts.is_empty() { ErrorCode::UnknownTopicOrPartition.code() } else { 0 };
        let known = self.names.topics.get(id.index());
        let mut told = MetadataResponseTopic::default()
            .with_error_code(error)
            .with_name(Some(topic_name(self.names.topic_name(id))))
            .with_partitions(parts);
        if head.version >= 1 {
            told = told.with_is_internal(known.is_some_and(|topic| topic.is_internal));
        }
        if head.version >= 10 {
            told = told.with_topic_id(Names::uuid(id));
        }
        told
    }

    pub(super) fn cluster(&self, answers: Vec<Response>) -> Option<wire::DescribeClusterResponse> {
        let Response::Metadata(told) = answers.into_iter().next()? else { return None };
        let brokers = told.brokers.iter().filter_map(|id| self.endpoint(*id)).map(|there| {
            DescribeClusterBroker::default()
                .with_broker_id(broker(there.id))
                .with_host(word(&there.host))
                .with_port(i32::from(there.port))
                .with_rack(there.rack.as_deref().map(word))
        });
        Some(
            wire::DescribeClusterResponse::default()
                .with_cluster_id(StrBytes::from_static_str(CLUSTER))
                .with_controller_id(told.brokers.first().map_or(broker_none(), |id| broker(*id)))
                .with_brokers(brokers.collect()),
        )
    }

    pub(super) fn ask_coordinator(
        &mut self,
        head: &Head,
        request: wire::FindCoordinatorRequest,
        facts: &mut Vec<Fact>,
    ) -> Split {
        let keys = if head.version >= 4 { request.coordinator_keys } else { vec![request.key] };
        if request.key_type != 0 {
            facts.push(Fact::Missing("transactions".to_owned()));
            return known(Asked::FindCoordinator(keys, true));
        }
        let groups: Vec<_> = keys.iter().map(|key| self.names.group(key.as_str())).collect();
        if groups.iter().any(Option::is_none) {
            facts.push(Fact::Missing("room for another group".to_owned()));
        }
        let asked = Asked::FindCoordinator(keys, false);
        if groups.is_empty() {
            return known(asked);
        }
        // A key without a group keeps its place.
        let request =
            |group: Option<_>| group.map_or(Request::ApiVersions, Request::FindCoordinator);
        Split { asked, requests: groups.into_iter().map(request).collect() }
    }

    pub(super) fn coordinators(
        &self,
        head: &Head,
        keys: &[StrBytes],
        transactions: bool,
        answers: Vec<Response>,
    ) -> wire::FindCoordinatorResponse {
        let mut answers = answers.into_iter();
        let found = keys.iter().map(|key| {
            let result = match answers.next() {
                _ if transactions => Err(ErrorCode::TransactionalIdAuthorizationFailed),
                Some(Response::FindCoordinator(result)) => result,
                _ => Err(ErrorCode::CoordinatorNotAvailable),
            };
            let there = result.ok().and_then(|id| self.endpoint(id));
            let message = transactions.then(|| StrBytes::from_static_str(NO_TRANSACTIONS));
            Coordinator::default()
                .with_key(key.clone())
                .with_node_id(there.map_or(broker_none(), |there| broker(there.id)))
                .with_host(there.map_or_else(StrBytes::default, |there| word(&there.host)))
                .with_port(there.map_or(-1, |there| i32::from(there.port)))
                .with_error_code(code(result))
                .with_error_message(message)
        });
        let found: Vec<Coordinator> = found.collect();
        let body = wire::FindCoordinatorResponse::default();
        if head.version >= 4 {
            return body.with_coordinators(found);
        }
        let Some(one) = found.into_iter().next() else { return body };
        let body = body
            .with_error_code(one.error_code)
            .with_node_id(one.node_id)
            .with_host(one.host)
            .with_port(one.port);
        if head.version >= 1 { body.with_error_message(one.error_message) } else { body }
    }

    pub(super) fn ask_producer_id(
        request: &wire::InitProducerIdRequest,
        facts: &mut Vec<Fact>,
    ) -> Split {
        if request.transactional_id.is_some() {
            facts.push(Fact::Missing("transactions".to_owned()));
            return known(Asked::InitProducerId(true));
        }
        // Without a transactional id a new one is given, whatever the client has (`handleInitProducerId`).
        one(Asked::InitProducerId(false), Request::InitProducerId)
    }

    pub(super) fn producer_id(refused: bool, answers: &[Response]) -> wire::InitProducerIdResponse {
        let result = match answers.first() {
            _ if refused => Err(ErrorCode::TransactionalIdAuthorizationFailed),
            Some(Response::InitProducerId(result)) => *result,
            _ => Err(ErrorCode::UnknownServerError),
        };
        wire::InitProducerIdResponse::default()
            .with_error_code(code(result))
            .with_producer_id(ProducerId(result.map_or(-1, |(id, _)| id.0)))
            .with_producer_epoch(result.map_or(-1, |(_, epoch)| epoch.0))
    }
}

fn broker_none() -> wire::BrokerId {
    wire::BrokerId(-1)
}
