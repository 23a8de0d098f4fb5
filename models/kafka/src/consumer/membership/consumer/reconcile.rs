//! How a member gets to its target (R9.35): commits, gives up what it is not to keep, takes what is new, and
//! tells. What it keeps goes on meanwhile.
//!
//! Kafka: `AbstractMembershipManager#maybeReconcile`, `#revokeAndAssign`. The network thread begins it, with
//! auto-commit at the next poll, so that the commit covers nothing that is not processed (R17.46). The
//! callbacks run in the thread that polls.

use super::{LocalAssignment, State};
use crate::consumer::membership::Ownership;
use crate::consumer::{Consumer, Out, Timer};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::GenerationId;
use std::sync::Arc;

/// A reconciliation in progress, to what was the target when it began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reconciliation {
    to: LocalAssignment,
    step: Step,
}

/// What it waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// The commit before the revocation.
    Commit,
    /// The thread that polls, which runs the callbacks.
    Callbacks,
}

impl Consumer {
    /// Begins a reconciliation that needs no commit.
    pub(in crate::consumer::membership) fn reconcile_in_background(&mut self) {
        if !self.config.application.commit.is_automatic() && self.begin_reconciliation() {
            self.committed_before_revocation();
        }
    }

    /// Begins a reconciliation, and commits what earlier polls returned. Whether there is something more to
    /// do.
    pub(super) fn reconcile_and_commit(&mut self, out: &mut Out) -> bool {
        if !self.config.application.commit.is_automatic() || !self.begin_reconciliation() {
            return false;
        }
        let offsets = self.positions.consumed();
        if offsets.is_empty() {
            self.committed_before_revocation();
            return true;
        }
        // The time that the coordinator gives it.
        self.commit_in_background(offsets, self.config.max_poll_interval, out);
        false
    }

    /// What is to be revoked is not read any more from here on, so that the commit is the last word on it.
    fn begin_reconciliation(&mut self) -> bool {
        let member = &mut self.membership.consumer;
        let Some(to) = member.target.clone() else { return false };
        if member.state != State::Reconciling
            || member.reconciliation.is_some()
            || member.current.as_ref() == Some(&to)
        {
            return false;
        }
        if !self.config.variants.has(Variant::FetchWhileRevoking) {
            self.positions.give_up_all_but(&to.partitions);
        }
        member.reconciliation = Some(Reconciliation { to, step: Step::Commit });
        true
    }

    /// However the commit ended.
    pub(in crate::consumer::membership) fn committed_before_revocation(&mut self) {
        if let Some(reconciliation) = &mut self.membership.consumer.reconciliation {
            reconciliation.step = Step::Callbacks;
        }
    }

    /// `onPartitionsRevoked`, then `onPartitionsAssigned`. Whether there was something to run.
    pub(super) fn run_callbacks(&mut self, out: &mut Out) -> bool {
        let is_due = |one: &&Reconciliation| one.step == Step::Callbacks;
        let due = self.membership.consumer.reconciliation.as_ref().filter(is_due);
        let Some(kept) = due.map(|one| Arc::clone(&one.to.partitions)) else { return false };
        if self.listener_commits(&kept, out) {
            return true;
        }
        let member = &mut self.membership.consumer;
        let Some(Reconciliation { to, .. }) = member.reconciliation.take() else { return false };
        let (group, id) = (self.config.group, member.id);
        // Its epoch may be a later one by now, in which the coordinator gave a part of this to others: Kafka does
        // not look again (`#maybeAbortReconciliation`).
        let generation = GenerationId::from(to.epoch);
        let partitions = Arc::clone(&to.partitions);
        member.current = Some(to);
        member.state = State::Acknowledging;
        let revoked = self.not_any_more(&partitions);
        if !revoked.is_empty() {
            let partitions = revoked.into();
            out.observe(Observation::Revoked { group, member: id, partitions });
        }
        self.positions.assign(&partitions);
        self.membership.owned = Some(Ownership { member: id, partitions: Arc::clone(&partitions) });
        out.observe(Observation::Assigned { group, member: id, generation, partitions });
        if self.config.application.commit.is_automatic() {
            self.commits.auto_due = false;
            out.arm(Timer::AutoCommit, self.config.auto_commit_interval);
        }
        true
    }
}
