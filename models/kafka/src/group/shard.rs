//! One partition of `__consumer_offsets` under its coordinator: what it is about to write, and the
//! answers it holds until what was written is replicated (Kafka: `CoordinatorRuntime`). What the groups
//! mean by it is `classic`.

use super::classic::Group;
use super::member::Caller;
use super::record::GroupRecord;
use super::{Action, GroupTimer};
use crate::config::BrokerSettings;
use crate::message::Response;
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, GroupId, LeaderEpoch, Micros, Offset};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// An active coordinator of one partition.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) epoch: LeaderEpoch,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) journal: Journal,
    /// Members named by this coordinator so far.
    pub(super) named: u64,
}

/// What a shard writes and waits for.
#[derive(Debug)]
pub(super) struct Journal {
    pub(super) partition: u16,
    /// One past the last offset written.
    pub(super) end: Offset,
    pub(super) high_watermark: Offset,
    /// Handed to the broker and not yet answered with `appended`.
    pub(super) appending: VecDeque<(Arc<[GroupRecord]>, Outcome)>,
    /// Written, not yet replicated; offsets ascend.
    pub(super) held: VecDeque<Held>,
}

/// What follows when a write is replicated, or fails.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Nobody waits.
    Nothing,
    /// A commit.
    Commit(Caller),
    /// A read of offsets, which is an empty write (R9.5).
    Read(Caller, Response),
    /// The leader's assignment for a generation (R9.18).
    Assignment(GroupId, GenerationId),
}

/// See [`Journal::held`].
#[derive(Debug)]
pub(super) struct Held {
    /// Names its timer.
    pub(super) operation: u64,
    /// Completes at this high watermark.
    pub(super) offset: Offset,
    /// What follows.
    pub(super) outcome: Outcome,
}

/// What the steps of a group work on.
pub(super) struct Context<'a> {
    pub(super) group: GroupId,
    pub(super) settings: &'a BrokerSettings,
    pub(super) journal: &'a mut Journal,
    pub(super) actions: &'a mut Vec<Action>,
}

impl Context<'_> {
    pub(super) fn reply(&mut self, to: Caller, response: Response) {
        reply(self.actions, to, response);
    }

    pub(super) fn append(&mut self, records: Vec<GroupRecord>, outcome: Outcome) {
        let records: Arc<[GroupRecord]> = records.into();
        self.journal.appending.push_back((Arc::clone(&records), outcome));
        self.actions.push(Action::Append { partition: self.journal.partition, records });
    }

    pub(super) fn arm(&mut self, timer: GroupTimer, delay: Micros) {
        self.actions.push(Action::Arm(timer, delay));
    }

    pub(super) fn disarm(&mut self, timer: GroupTimer) {
        self.actions.push(Action::Disarm(timer));
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.actions.push(Action::Observe(observation));
    }
}

pub(super) fn reply(actions: &mut Vec<Action>, to: Caller, response: Response) {
    actions.push(Action::Reply {
        connection: to.connection,
        correlation: to.correlation,
        response,
    });
}

/// The error a caller sees for the error of an append (R9.8).
#[expect(clippy::wildcard_enum_match_arm, reason = "all other codes pass as they are")]
pub(super) fn translated(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge => ErrorCode::UnknownServerError,
        other => other,
    }
}
