//! What a coordinator of one partition of `__consumer_offsets` is about to write, and the answers it
//! holds until what was written is replicated (Kafka: `CoordinatorRuntime`). It knows nothing of groups.
//!
//! Every operation is a write, be it an empty one: its answer waits for whatever was written before it
//! (R9.3, R9.5). So a coordinator cut off from its replicas answers neither commits nor heartbeats.

use super::member::{Before, Caller};
use super::{Action, GroupTimer};
use crate::config::{BrokerSettings, ClusterConfig};
use crate::message::{Commit, GroupRecord, GroupResponse, JoinGroupResponse, MemberAssignment};
use crate::observation::Observation;
use ackproof_types::{
    ErrorCode, GenerationId, GroupId, MemberId, Micros, Offset, Timestamp, TopicId, TopicPartition,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// The partitions of each member, as the leader shared them out.
pub(super) type Shares = Vec<(MemberId, MemberAssignment)>;

/// What a shard writes and waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Journal {
    pub(super) partition: u16,
    /// One past the last offset written.
    pub(super) end: Offset,
    pub(super) high_watermark: Offset,
    /// What the next append will hold.
    batch: Batch,
    /// Handed to the broker and not yet answered with `appended`.
    appending: VecDeque<Batch>,
    /// Written, not yet replicated; offsets ascend.
    held: VecDeque<(Offset, Waiting)>,
    /// Outcomes that waited so far; names them.
    operations: u64,
}

/// Records of one append and who waits for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Batch {
    records: Vec<GroupRecord>,
    waiting: Vec<Waiting>,
    undo: Vec<Undo>,
    /// What is a fact once the records are in the log.
    facts: Vec<Observation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Waiting {
    operation: u64,
    outcome: Outcome,
}

/// How the state was before a record, in case it cannot be appended (R9.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Undo {
    /// The committed offset.
    Offset(GroupId, TopicPartition, Option<Commit>),
    /// There was no such group.
    NoGroup(GroupId),
    /// A member has the place that another one had.
    Replaced(GroupId, MemberId, Box<Before>),
    /// What this record tells.
    Put(GroupRecord),
    /// The member of a consumer group was there, with so much of its session left.
    Session(GroupId, MemberId, Micros),
}

/// What follows when a write is replicated, or fails.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Outcome {
    /// This answer, or its error.
    Reply(Caller, GroupResponse),
    /// A join or sync is parked: nothing if that is still so, else the error.
    Parked(GroupId, MemberId, Caller),
    /// The leader's assignment for a generation (R9.18).
    Assignment(GroupId, GenerationId, Shares),
}

impl Journal {
    /// Nothing written yet by this coordinator, in a log that ends at `end`.
    pub(super) fn new(partition: u16, end: Offset, high_watermark: Offset) -> Self {
        Self {
            partition,
            end,
            high_watermark,
            batch: Batch::default(),
            appending: VecDeque::new(),
            held: VecDeque::new(),
            operations: 0,
        }
    }

    /// Answers are held in the order of the log, none that the high watermark covers.
    pub(super) fn check(&self) {
        assert!(self.held.iter().is_sorted_by_key(|(offset, _)| *offset), "held in order");
        assert!(self.appending.is_empty(), "an append is carried out in its step");
    }

    /// The oldest batch handed over was appended up to `end`.
    pub(super) fn appended(&mut self, end: Offset, actions: &mut Vec<Action>) {
        let Some(batch) = self.appending.pop_front() else { return };
        self.end = end;
        actions.extend(batch.facts.into_iter().map(Action::Observe));
        self.held.extend(batch.waiting.into_iter().map(|it| (end, it)));
    }

    /// The oldest batch handed over could not be appended (R9.4): how to take back what was built on it,
    /// newest first, and who waited for it.
    pub(super) fn revert(&mut self, actions: &mut Vec<Action>) -> (Vec<Undo>, Vec<Outcome>) {
        let open = std::mem::take(&mut self.batch);
        let (mut undo, mut waiting) = (Vec::new(), Vec::new());
        for batch in self.appending.drain(..).chain(std::iter::once(open)) {
            undo.extend(batch.undo);
            waiting.extend(batch.waiting);
        }
        undo.reverse();
        let partition = self.partition;
        actions.push(Action::Disarm(GroupTimer::Linger(partition)));
        let outcome = |it: Waiting| {
            actions.push(Action::Disarm(GroupTimer::Operation(partition, it.operation)));
            it.outcome
        };
        (undo, waiting.into_iter().map(outcome).collect())
    }

    /// Hands the open batch to the broker.
    pub(super) fn flush(&mut self, actions: &mut Vec<Action>) {
        if self.batch.records.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        let records: Arc<[GroupRecord]> = std::mem::take(&mut batch.records).into();
        self.appending.push_back(batch);
        actions.push(Action::Append { partition: self.partition, records });
    }

    /// The next outcome that the high watermark covers.
    pub(super) fn replicated(&mut self, actions: &mut Vec<Action>) -> Option<Outcome> {
        let high_watermark = self.high_watermark;
        let (_, waiting) = self.held.pop_front_if(|(offset, _)| *offset <= high_watermark)?;
        actions.push(Action::Disarm(GroupTimer::Operation(self.partition, waiting.operation)));
        Some(waiting.outcome)
    }

    /// Commits that wait for replicas: the variant answers them now.
    pub(super) fn unreplicated_commits(&mut self, actions: &mut Vec<Action>) -> Vec<Outcome> {
        let mut commits = Vec::new();
        for (offset, waiting) in std::mem::take(&mut self.held) {
            if matches!(waiting.outcome, Outcome::Reply(_, GroupResponse::OffsetCommit(_))) {
                let timer = GroupTimer::Operation(self.partition, waiting.operation);
                actions.push(Action::Disarm(timer));
                commits.push(waiting.outcome);
            } else {
                self.held.push_back((offset, waiting));
            }
        }
        commits
    }

    /// R9.4: `operation` waits no more; what it wrote stays.
    pub(super) fn give_up(&mut self, operation: u64) -> Option<Outcome> {
        let batches = self.appending.iter_mut().chain(std::iter::once(&mut self.batch));
        for Batch { waiting, .. } in batches {
            if let Some(at) = waiting.iter().position(|it| it.operation == operation) {
                return Some(waiting.remove(at).outcome);
            }
        }
        let at = self.held.iter().position(|(_, it)| it.operation == operation)?;
        self.held.remove(at).map(|(_, it)| it.outcome)
    }

    /// Everyone who waits; stops the timers.
    pub(super) fn abandon(mut self, actions: &mut Vec<Action>) -> Vec<Outcome> {
        let partition = self.partition;
        actions.push(Action::Disarm(GroupTimer::Linger(partition)));
        let batches = self.appending.drain(..).chain(std::iter::once(self.batch));
        let written = self.held.into_iter().map(|(_, waiting)| waiting);
        let all = written.chain(batches.flat_map(|batch| batch.waiting));
        all.map(|Waiting { operation, outcome }| {
            actions.push(Action::Disarm(GroupTimer::Operation(partition, operation)));
            outcome
        })
        .collect()
    }

    /// Whether something written is not yet replicated.
    fn is_pending(&self) -> bool {
        !self.batch.records.is_empty()
            || !self.appending.is_empty()
            || self.end > self.high_watermark
    }

    fn wait(&mut self, outcome: Outcome) -> GroupTimer {
        let operation = self.operations;
        self.operations += 1;
        let waiting = Waiting { operation, outcome };
        if !self.batch.records.is_empty() {
            self.batch.waiting.push(waiting);
        } else if let Some(last) = self.appending.back_mut() {
            last.waiting.push(waiting);
        } else {
            self.held.push_back((self.end, waiting));
        }
        GroupTimer::Operation(self.partition, operation)
    }
}

/// What is around a coordinator in one step.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) config: &'a ClusterConfig,
    /// Partitions by topic.
    pub(super) counts: &'a [u16],
    /// Which topic has each name.
    pub(super) ids: &'a [TopicId],
    pub(super) now: Timestamp,
}

/// What the steps of a group work on.
pub(super) struct Context<'a> {
    pub(super) group: GroupId,
    pub(super) now: Timestamp,
    pub(super) config: &'a ClusterConfig,
    counts: &'a [u16],
    ids: &'a [TopicId],
    pub(super) settings: &'a BrokerSettings,
    pub(super) journal: &'a mut Journal,
    pub(super) actions: &'a mut Vec<Action>,
}

impl<'a> Context<'a> {
    /// What a step of `group` works on.
    pub(super) fn new(
        group: GroupId,
        Around { config, counts, ids, now }: Around<'a>,
        journal: &'a mut Journal,
        actions: &'a mut Vec<Action>,
    ) -> Self {
        Self { group, now, config, counts, ids, settings: &config.broker, journal, actions }
    }

    /// The number of partitions of `topic`; 0 if there is no such topic.
    pub(super) fn partition_count(&self, topic: TopicId) -> u16 {
        self.counts.get(topic.index()).copied().unwrap_or(0)
    }

    /// The partition by the id of the topic that has this name.
    pub(super) fn place(&self, named: TopicPartition) -> TopicPartition {
        let id = self.ids.get(named.topic.index()).copied().unwrap_or(named.topic);
        TopicPartition::new(id, named.partition)
    }

    /// Answers at once.
    pub(super) fn reply(&mut self, to: Caller, response: GroupResponse) {
        reply(self.actions, to, response);
    }

    /// Answers once everything written before is replicated (R9.5).
    pub(super) fn respond(&mut self, to: Caller, response: GroupResponse) {
        if self.journal.is_pending() {
            self.wait(Outcome::Reply(to, response));
        } else {
            self.reply(to, response);
        }
    }

    /// A join or sync is parked.
    pub(super) fn parked(&mut self, member: MemberId, to: Caller) {
        if self.journal.is_pending() {
            self.wait(Outcome::Parked(self.group, member, to));
        }
    }

    /// Writes `records`, which the state has taken over already. The batch that holds them is appended
    /// after `group.coordinator.append.linger.ms` (R9.3, R17.55).
    pub(super) fn write(
        &mut self,
        records: impl IntoIterator<Item = GroupRecord>,
        undo: impl IntoIterator<Item = Undo>,
        outcome: Option<Outcome>,
    ) {
        let linger = self.settings.group_coordinator_append_linger;
        let opens = self.journal.batch.records.is_empty();
        self.journal.batch.records.extend(records);
        self.journal.batch.undo.extend(undo);
        if let Some(outcome) = outcome {
            self.wait(outcome);
        }
        if linger == Micros::ZERO {
            self.journal.flush(self.actions);
        } else if opens {
            self.arm(GroupTimer::Linger(self.journal.partition), linger);
        }
    }

    /// What is a fact as soon as the next write is in the log.
    pub(super) fn observe_once_written(&mut self, observation: Observation) {
        self.journal.batch.facts.push(observation);
    }

    fn wait(&mut self, outcome: Outcome) {
        let timer = self.journal.wait(outcome);
        self.arm(timer, self.settings.offsets_commit_timeout);
    }

    pub(super) fn arm(&mut self, timer: GroupTimer, delay: Micros) {
        self.actions.push(Action::Arm(timer, delay.into()));
    }

    pub(super) fn disarm(&mut self, timer: GroupTimer) {
        self.actions.push(Action::Disarm(timer));
    }

    pub(super) fn observe(&mut self, observation: Observation) {
        self.actions.push(Action::Observe(observation));
    }
}

pub(super) fn reply(actions: &mut Vec<Action>, to: Caller, response: GroupResponse) {
    actions.push(Action::Reply {
        connection: to.connection,
        correlation: to.correlation,
        response,
    });
}

/// What is said instead of `response`. OffsetFetch must not say `COORDINATOR_NOT_AVAILABLE`
/// (`GroupCoordinatorService#handleOffsetFetchException`).
pub(super) fn failed(response: &GroupResponse, error: ErrorCode) -> GroupResponse {
    match response {
        GroupResponse::OffsetFetch(_) if error == ErrorCode::CoordinatorNotAvailable => {
            GroupResponse::OffsetFetch(Err(ErrorCode::NotCoordinator))
        }
        GroupResponse::OffsetFetch(_) => GroupResponse::OffsetFetch(Err(error)),
        GroupResponse::Heartbeat(_) => GroupResponse::Heartbeat(Err(error)),
        GroupResponse::ConsumerGroupHeartbeat(_) => {
            GroupResponse::ConsumerGroupHeartbeat(Err(error))
        }
        GroupResponse::LeaveGroup(_) => GroupResponse::LeaveGroup(Err(error)),
        GroupResponse::OffsetCommit(_) => GroupResponse::OffsetCommit(Err(error)),
        GroupResponse::SyncGroup(_) => GroupResponse::SyncGroup(Err(error)),
        GroupResponse::JoinGroup(_) => GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)),
    }
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
