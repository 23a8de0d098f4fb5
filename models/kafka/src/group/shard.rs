//! One partition of `__consumer_offsets` under its coordinator: its groups and their journal (Kafka:
//! `CoordinatorRuntime.CoordinatorContext`). What the groups mean by what they write is `classic` and
//! `consumer`.

use super::classic;
use super::journal::{Around, Context, Journal, Outcome, Undo, failed, reply};
use super::store::{Group, Store};
use super::{Action, GroupTimer};
use crate::config::ClusterConfig;
use ackproof_types::{ErrorCode, GroupId, LeaderEpoch, Offset};

/// A coordinator of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shard {
    pub(super) epoch: LeaderEpoch,
    /// It is still reading its log (R9.6).
    pub(super) loading: bool,
    pub(super) store: Store,
    pub(super) journal: Journal,
    /// Members named by this coordinator so far.
    pub(super) named: u64,
}

impl Shard {
    /// Takes over what an earlier coordinator wrote, beyond the high watermark (R9.6).
    pub(super) fn new(
        partition: u16,
        epoch: LeaderEpoch,
        store: Store,
        end: Offset,
        high_watermark: Offset,
    ) -> Self {
        let journal = Journal::new(partition, end, high_watermark);
        Self { epoch, loading: true, store, journal, named: 0 }
    }

    /// Steps one classic group, if there is one.
    pub(super) fn with_classic(
        &mut self,
        group: GroupId,
        around: Around<'_>,
        actions: &mut Vec<Action>,
        step: impl FnOnce(&mut classic::Group, &mut Context<'_>),
    ) {
        if let Some(state) = self.store.classic(group) {
            step(state, &mut Context::new(group, around, &mut self.journal, actions));
        }
    }

    /// What holds of a shard between any two steps.
    pub(super) fn check(&self, config: &ClusterConfig, counts: &[u16]) {
        self.journal.check();
        for group in self.store.groups.values() {
            match group {
                Group::Classic(state) => state.check(),
                Group::Consumer(state) => state.check(config, counts),
            }
        }
    }

    /// The oldest batch handed over could not be appended: the state goes back to what is written
    /// (R9.4). Returns who waited for it, and for what was built on it.
    pub(super) fn revert(&mut self, around: Around<'_>, actions: &mut Vec<Action>) -> Vec<Outcome> {
        let (undo, outcomes) = self.journal.revert(actions);
        undo.into_iter().for_each(|step| self.undo(step, around, actions));
        outcomes
    }

    fn undo(&mut self, step: Undo, around: Around<'_>, actions: &mut Vec<Action>) {
        match step {
            Undo::NoGroup(group) => drop(self.store.groups.remove(&group)),
            Undo::Put(record) => self.store.replay(&record),
            Undo::Replaced(group, member, before) => {
                self.with_classic(group, around, actions, |state, cx| {
                    state.restore(member, *before, cx);
                });
            }
            Undo::Offset(group, partition, before) => {
                self.store.put_offset(group, partition, before);
            }
            Undo::Session(group, member, left) => {
                actions.push(Action::Arm(GroupTimer::Session(group, member), left.into()));
            }
        }
    }

    /// What was waited for is over.
    pub(super) fn conclude(
        &mut self,
        outcome: Outcome,
        result: Result<(), ErrorCode>,
        around: Around<'_>,
        actions: &mut Vec<Action>,
    ) {
        match (outcome, result) {
            (Outcome::Reply(to, response), Ok(())) => reply(actions, to, response),
            (Outcome::Reply(to, response), Err(error)) => {
                reply(actions, to, failed(&response, error));
            }
            (Outcome::Parked(..), Ok(())) => {}
            (Outcome::Parked(group, member, to), Err(error)) => {
                self.with_classic(group, around, actions, |state, cx| {
                    state.give_up(member, to, error, cx);
                });
            }
            (Outcome::Assignment(group, generation, shares), result) => {
                let result = result.map(|()| shares);
                self.with_classic(group, around, actions, |state, cx| {
                    state.assigned(generation, result, cx);
                });
            }
        }
    }
}
