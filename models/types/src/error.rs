//! Kafka's error codes, as far as the models use them.

use std::fmt;

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal;)*) => {
        /// An error code of the Kafka protocol. Names and numbers are those of
        /// `org.apache.kafka.common.protocol.Errors`; success is not an error here, so results are
        /// `Result<_, ErrorCode>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// Every code, in the order of the numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The number on the wire; client-side conditions that Kafka has no code for are below −1.
            #[must_use]
            pub const fn code(self) -> i16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// Kafka's name: that of `Errors`, or the exception's where the client has no code.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

error_codes! {
    /// The client gave up: `delivery.timeout.ms` or `max.block.ms` is over. An exception of the client, with
    /// no code on the wire; whether the batch may be written is told beside it.
    Timeout = -2, "TimeoutException";
    /// The broker does not know why.
    UnknownServerError = -1, "UNKNOWN_SERVER_ERROR";
    /// The fetch offset is outside the log.
    OffsetOutOfRange = 1, "OFFSET_OUT_OF_RANGE";
    /// A batch whose checksum is wrong.
    CorruptMessage = 2, "CORRUPT_MESSAGE";
    /// The broker does not host this partition.
    UnknownTopicOrPartition = 3, "UNKNOWN_TOPIC_OR_PARTITION";
    /// The partition has no leader now.
    LeaderNotAvailable = 5, "LEADER_NOT_AVAILABLE";
    /// This broker is not the leader, or not a replica at all.
    NotLeaderOrFollower = 6, "NOT_LEADER_OR_FOLLOWER";
    /// The wait ran out; on a produce request the batch may be written.
    RequestTimedOut = 7, "REQUEST_TIMED_OUT";
    /// Larger than `max.message.bytes`.
    MessageTooLarge = 10, "MESSAGE_TOO_LARGE";
    /// The connection ended before the answer; the request may have been processed.
    NetworkException = 13, "NETWORK_EXCEPTION";
    /// The coordinator is still replaying its partition.
    CoordinatorLoadInProgress = 14, "COORDINATOR_LOAD_IN_PROGRESS";
    /// No coordinator, or its write did not replicate in time.
    CoordinatorNotAvailable = 15, "COORDINATOR_NOT_AVAILABLE";
    /// This broker does not coordinate the group.
    NotCoordinator = 16, "NOT_COORDINATOR";
    /// The in-sync set is below `min.insync.replicas`; nothing was appended.
    NotEnoughReplicas = 19, "NOT_ENOUGH_REPLICAS";
    /// Appended, then the in-sync set fell below `min.insync.replicas`.
    NotEnoughReplicasAfterAppend = 20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND";
    /// `acks` is none of 0, 1, −1.
    InvalidRequiredAcks = 21, "INVALID_REQUIRED_ACKS";
    /// The generation is not the group's.
    IllegalGeneration = 22, "ILLEGAL_GENERATION";
    /// No common assignor.
    InconsistentGroupProtocol = 23, "INCONSISTENT_GROUP_PROTOCOL";
    /// The coordinator does not know this member.
    UnknownMemberId = 25, "UNKNOWN_MEMBER_ID";
    /// `session.timeout.ms` outside the broker's bounds.
    InvalidSessionTimeout = 26, "INVALID_SESSION_TIMEOUT";
    /// The group is rebalancing; the member must join again.
    RebalanceInProgress = 27, "REBALANCE_IN_PROGRESS";
    /// What a record bears is too far from the leader's clock.
    InvalidTimestamp = 32, "INVALID_TIMESTAMP";
    /// The broker does not speak this request, or not at its level of features.
    UnsupportedVersion = 35, "UNSUPPORTED_VERSION";
    /// There is a topic of this name.
    TopicAlreadyExists = 36, "TOPIC_ALREADY_EXISTS";
    /// A topic has as many partitions already, or more.
    InvalidPartitions = 37, "INVALID_PARTITIONS";
    /// Fewer brokers serve than a partition is to have replicas.
    InvalidReplicationFactor = 38, "INVALID_REPLICATION_FACTOR";
    /// Replicas that a partition cannot have.
    InvalidReplicaAssignment = 39, "INVALID_REPLICA_ASSIGNMENT";
    /// This node is not the active controller.
    NotController = 41, "NOT_CONTROLLER";
    /// The request makes no sense.
    InvalidRequest = 42, "INVALID_REQUEST";
    /// An idempotent batch that does not follow the last one.
    OutOfOrderSequenceNumber = 45, "OUT_OF_ORDER_SEQUENCE_NUMBER";
    /// The producer's epoch is older than one already seen.
    InvalidProducerEpoch = 47, "INVALID_PRODUCER_EPOCH";
    /// This transactional id may not be used.
    TransactionalIdAuthorizationFailed = 53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED";
    /// The log directory failed.
    KafkaStorageError = 56, "KAFKA_STORAGE_ERROR";
    /// The group id is not known.
    GroupIdNotFound = 69, "GROUP_ID_NOT_FOUND";
    /// The leader does not remember this fetch session (KIP-227).
    FetchSessionIdNotFound = 70, "FETCH_SESSION_ID_NOT_FOUND";
    /// The leader counts other fetches of this session (KIP-227).
    InvalidFetchSessionEpoch = 71, "INVALID_FETCH_SESSION_EPOCH";
    /// The request's leader epoch is older than the broker's.
    FencedLeaderEpoch = 74, "FENCED_LEADER_EPOCH";
    /// The request's leader epoch is newer than the broker's.
    UnknownLeaderEpoch = 75, "UNKNOWN_LEADER_EPOCH";
    /// The broker epoch is not the registered one.
    StaleBrokerEpoch = 77, "STALE_BROKER_EPOCH";
    /// The new leader's high watermark has not reached its epoch yet.
    OffsetNotAvailable = 78, "OFFSET_NOT_AVAILABLE";
    /// The joining member must come again with the id it was given.
    MemberIdRequired = 79, "MEMBER_ID_REQUIRED";
    /// Another process has this `group.instance.id` now (KIP-345).
    FencedInstanceId = 82, "FENCED_INSTANCE_ID";
    /// No replica that lives may lead.
    EligibleLeadersNotAvailable = 83, "ELIGIBLE_LEADERS_NOT_AVAILABLE";
    /// The partition has a leader.
    ElectionNotNeeded = 84, "ELECTION_NOT_NEEDED";
    /// No replica of the partition is being moved.
    NoReassignmentInProgress = 85, "NO_REASSIGNMENT_IN_PROGRESS";
    /// A record that the broker refuses.
    InvalidRecord = 87, "INVALID_RECORD";
    /// The partition epoch of an AlterPartition is old.
    InvalidUpdateVersion = 95, "INVALID_UPDATE_VERSION";
    /// The leader has another snapshot by now (KIP-630).
    SnapshotNotFound = 98, "SNAPSHOT_NOT_FOUND";
    /// The broker has no topic of this id (KIP-516).
    UnknownTopicId = 100, "UNKNOWN_TOPIC_ID";
    /// Another incarnation of this broker has a live session.
    DuplicateBrokerRegistration = 101, "DUPLICATE_BROKER_REGISTRATION";
    /// A replica of the proposed in-sync set may not join it (KIP-841, KIP-903).
    IneligibleReplica = 107, "INELIGIBLE_REPLICA";
    /// An AlterPartition has taken effect, ended a reassignment, and with it the leadership of its sender (KIP-455).
    NewLeaderElected = 108, "NEW_LEADER_ELECTED";
    /// The member's epoch is not the one that the coordinator knows: it must join again without partitions
    /// (KIP-848).
    FencedMemberEpoch = 110, "FENCED_MEMBER_EPOCH";
    /// A member that has not left has this `group.instance.id` (KIP-848).
    UnreleasedInstanceId = 111, "UNRELEASED_INSTANCE_ID";
    /// The coordinator has no such assignor (KIP-848).
    UnsupportedAssignor = 112, "UNSUPPORTED_ASSIGNOR";
    /// The member of a consumer group has another epoch by now (KIP-848).
    StaleMemberEpoch = 113, "STALE_MEMBER_EPOCH";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_ascending() {
        let codes: Vec<i16> = ErrorCode::ALL.iter().map(|error| error.code()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
    }
}
