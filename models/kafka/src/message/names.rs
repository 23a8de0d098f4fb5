//! What Kafka calls each request, for the record (`ApiKeys`). A response has the name of what it answers.

use super::quorum::{QuorumReply, QuorumRequest};
use super::{
    ControllerRequest, ControllerResponse, GroupRequest, GroupResponse, Request, Response,
};

impl Request {
    /// Kafka's name of the API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ApiVersions => "ApiVersions",
            Self::Produce(_) => "Produce",
            Self::Fetch(_) => "Fetch",
            Self::ListOffsets(_) => "ListOffsets",
            Self::OffsetsForLeaderEpoch(_) => "OffsetForLeaderEpoch",
            Self::Metadata(_) => "Metadata",
            Self::DescribeTopicPartitions(_) => "DescribeTopicPartitions",
            Self::FindCoordinator(_) => "FindCoordinator",
            Self::InitProducerId => "InitProducerId",
            Self::Group(request) => request.name(),
            Self::Controller(request) => request.name(),
        }
    }
}

impl ControllerRequest {
    /// Kafka's name of the API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::BrokerRegistration(_) => "BrokerRegistration",
            Self::BrokerHeartbeat(_) => "BrokerHeartbeat",
            Self::AlterPartition(_) => "AlterPartition",
            Self::AllocateProducerIds(..) => "AllocateProducerIds",
            Self::MetadataFetch(_) => "Fetch",
            Self::Quorum(request) => request.name(),
        }
    }
}

impl QuorumRequest {
    /// Kafka's name of the API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Vote(_) => "Vote",
            Self::BeginEpoch { .. } => "BeginQuorumEpoch",
            Self::EndEpoch { .. } => "EndQuorumEpoch",
        }
    }
}

impl Response {
    /// Kafka's name of the API that it answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ApiVersions => "ApiVersions",
            Self::Produce(..) => "Produce",
            Self::Fetch(_) | Self::FetchSessionRefused(_) => "Fetch",
            Self::ListOffsets(_) => "ListOffsets",
            Self::OffsetsForLeaderEpoch(_) => "OffsetForLeaderEpoch",
            Self::Metadata(_) => "Metadata",
            Self::DescribeTopicPartitions(..) => "DescribeTopicPartitions",
            Self::FindCoordinator(_) => "FindCoordinator",
            Self::InitProducerId(_) => "InitProducerId",
            Self::Group(response) => response.name(),
            Self::Controller(response) => response.name(),
        }
    }
}

impl ControllerResponse {
    /// Kafka's name of the API that it answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::BrokerRegistration(_) => "BrokerRegistration",
            Self::BrokerHeartbeat(_) => "BrokerHeartbeat",
            Self::AlterPartition(_) => "AlterPartition",
            Self::AllocateProducerIds(_) => "AllocateProducerIds",
            Self::MetadataFetch(_) => "Fetch",
            Self::Quorum(answer) => match answer.result {
                Ok(QuorumReply::Granted | QuorumReply::Refused) => "Vote",
                Ok(QuorumReply::Heard) | Err(_) => "BeginQuorumEpoch",
            },
        }
    }
}

impl GroupRequest {
    /// Kafka's name of the API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::JoinGroup(_) => "JoinGroup",
            Self::SyncGroup(_) => "SyncGroup",
            Self::Heartbeat(_) => "Heartbeat",
            Self::LeaveGroup(..) => "LeaveGroup",
            Self::OffsetCommit(_) => "OffsetCommit",
            Self::OffsetFetch(_) => "OffsetFetch",
            Self::ConsumerGroupHeartbeat(_) => "ConsumerGroupHeartbeat",
        }
    }
}

impl GroupResponse {
    /// Kafka's name of the API that it answers.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::JoinGroup(_) => "JoinGroup",
            Self::SyncGroup(_) => "SyncGroup",
            Self::Heartbeat(_) => "Heartbeat",
            Self::LeaveGroup(_) => "LeaveGroup",
            Self::OffsetCommit(_) => "OffsetCommit",
            Self::OffsetFetch(_) => "OffsetFetch",
            Self::ConsumerGroupHeartbeat(_) => "ConsumerGroupHeartbeat",
        }
    }
}
