//! Commits as a history shows them, and why one passed what its group had in hand. It judges nothing.

use crate::cause::LossCause;
use crate::context::{GroupContext, Word};
use crate::history::{Entry, Event};
use ackproof_types::{
    CommitStrategy, Covers, GroupId, GroupProtocol, NodeId, Offset, OnRecordFailure, Timestamp,
};
use std::collections::BTreeSet;

/// A commit, as it was last seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Commit {
    pub(crate) at: Timestamp,
    pub(crate) node: NodeId,
    pub(crate) offset: Offset,
    pub(crate) attempt: Attempt,
    pub(crate) end: CommitEnd,
}

/// What its member has done since the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitEnd {
    /// Nothing in the partition.
    Last,
    /// It ended in good order.
    Closed,
    /// It went on.
    WorkedOn,
}

/// Which attempt a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// Nothing went before that had failed, or a poll made it.
    First,
    /// The one before failed, and no poll made this one.
    Again,
}

/// The attempts of members that have failed, and when members polled.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    failed: BTreeSet<(GroupId, NodeId)>,
    /// By process.
    polled: Vec<Option<Timestamp>>,
}

impl Attempts {
    pub(crate) fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::CommitFailed { group, .. } => {
                self.failed.insert((*group, entry.node));
            }
            Event::Committed { group, .. } => {
                self.failed.remove(&(*group, entry.node));
            }
            Event::Polled { .. } => {
                let index = entry.node.index();
                if self.polled.len() <= index {
                    self.polled.resize(index + 1, None);
                }
                self.polled[index] = Some(entry.at);
            }
            _ => {}
        }
    }

    /// Which attempt the commit of `group` is that `entry` shows.
    pub(crate) fn of(&self, entry: &Entry, group: GroupId) -> Attempt {
        let by_poll = self.polled.get(entry.node.index()).copied().flatten() == Some(entry.at);
        if !by_poll && self.failed.contains(&(group, entry.node)) {
            Attempt::Again
        } else {
            Attempt::First
        }
    }
}

/// Why a commit of a member of `group` passed what the group was given and had not processed.
pub(crate) fn committed_early(group: &GroupContext, attempt: Attempt, end: CommitEnd) -> LossCause {
    let Word::Known(commit) = group.commit else { return LossCause::CommitPastWork };
    let throws = group.consuming.on_failure == OnRecordFailure::Throw;
    let by_close = end == CommitEnd::Closed && throws;
    let is_consumer = group.protocol == Word::Known(GroupProtocol::Consumer);
    match (commit, group.consuming.covers) {
        (CommitStrategy::BeforeProcessing, _) => LossCause::CommitBeforeProcessing,
        (CommitStrategy::Auto | CommitStrategy::AutoInBackground, _) if by_close => {
            LossCause::CloseAfterException
        }
        (CommitStrategy::AutoWithHandOff, _) => LossCause::HandOff,
        (CommitStrategy::AutoInBackground, _) => LossCause::StoredCommit,
        (CommitStrategy::Auto, _) if is_consumer && attempt == Attempt::Again => {
            LossCause::RevocationCommitAgain
        }
        (CommitStrategy::Auto, _) if is_consumer => LossCause::BackgroundCommit,
        (_, Some(Covers::Positions)) => LossCause::WorkerPositions,
        (_, Some(Covers::HighestDone)) => LossCause::HighestDone,
        (
            CommitStrategy::Auto
            | CommitStrategy::SyncAfterBatch
            | CommitStrategy::AsyncAfterBatch
            | CommitStrategy::SyncPerRecord
            | CommitStrategy::Never,
            Some(Covers::Contiguous) | None,
        ) => LossCause::CommitPastWork,
    }
}

/// The application was done with a record that it had not processed.
pub(crate) const fn given_up(group: &GroupContext) -> LossCause {
    match group.consuming.on_failure {
        OnRecordFailure::DropPoll => LossCause::DroppedPoll,
        OnRecordFailure::DeadLetter
        | OnRecordFailure::Skip
        | OnRecordFailure::SeekBack
        | OnRecordFailure::Throw => LossCause::Skipped,
    }
}
