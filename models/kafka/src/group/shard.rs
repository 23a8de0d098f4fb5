//! One partition of `__consumer_offsets` under its coordinator: its groups and their journal (Kafka:
//! `CoordinatorRuntime.CoordinatorContext`). What the groups mean by what they write is `classic`.

use super::Action;
use super::classic::Group;
use super::journal::{Context, Journal, Outcome, Undo, failed, reply};
use crate::config::BrokerSettings;
use ackproof_types::{ErrorCode, GroupId, LeaderEpoch, Offset};
use std::collections::BTreeMap;

/// A coordinator of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shard {
    pub(super) epoch: LeaderEpoch,
    /// It is still reading its log (R9.6).
    pub(super) loading: bool,
    pub(super) groups: BTreeMap<GroupId, Group>,
    pub(super) journal: Journal,
    /// Members named by this coordinator so far.
    pub(super) named: u64,
}

impl Shard {
    /// Takes over what an earlier coordinator wrote, beyond the high watermark (R9.6).
    pub(super) fn new(
        partition: u16,
        epoch: LeaderEpoch,
        groups: BTreeMap<GroupId, Group>,
        end: Offset,
        high_watermark: Offset,
    ) -> Self {
        let journal = Journal::new(partition, end, high_watermark);
        Self { epoch, loading: true, groups, journal, named: 0 }
    }

    /// Steps one group, if it exists.
    pub(super) fn with_group(
        &mut self,
        group: GroupId,
        settings: &BrokerSettings,
        actions: &mut Vec<Action>,
        step: impl FnOnce(&mut Group, &mut Context<'_>),
    ) {
        if let Some(state) = self.groups.get_mut(&group) {
            let journal = &mut self.journal;
            step(state, &mut Context { group, settings, journal, actions });
        }
    }

    /// The oldest batch handed over could not be appended: the state goes back to what is written
    /// (R9.4). Returns who waited for it, and for what was built on it.
    pub(super) fn revert(
        &mut self,
        settings: &BrokerSettings,
        actions: &mut Vec<Action>,
    ) -> Vec<Outcome> {
        let (undo, outcomes) = self.journal.revert(actions);
        undo.into_iter().for_each(|step| self.undo(step, settings, actions));
        outcomes
    }

    fn undo(&mut self, step: Undo, settings: &BrokerSettings, actions: &mut Vec<Action>) {
        match step {
            Undo::NoGroup(group) => drop(self.groups.remove(&group)),
            Undo::Replaced(group, member, before) => {
                self.with_group(group, settings, actions, |state, cx| {
                    state.restore(member, *before, cx);
                });
            }
            Undo::Offset(group, partition, before) => {
                let Some(state) = self.groups.get_mut(&group) else { return };
                match before {
                    Some(before) => drop(state.offsets.insert(partition, before)),
                    None => drop(state.offsets.remove(&partition)),
                }
            }
        }
    }

    /// What was waited for is over.
    pub(super) fn conclude(
        &mut self,
        outcome: Outcome,
        result: Result<(), ErrorCode>,
        settings: &BrokerSettings,
        actions: &mut Vec<Action>,
    ) {
        match (outcome, result) {
            (Outcome::Reply(to, response), Ok(())) => reply(actions, to, response),
            (Outcome::Reply(to, response), Err(error)) => {
                reply(actions, to, failed(&response, error));
            }
            (Outcome::Parked(..), Ok(())) => {}
            (Outcome::Parked(group, member, to), Err(error)) => {
                self.with_group(group, settings, actions, |state, cx| {
                    state.give_up(member, to, error, cx);
                });
            }
            (Outcome::Assignment(group, generation, shares), result) => {
                let result = result.map(|()| shares);
                self.with_group(group, settings, actions, |state, cx| {
                    state.assigned(generation, result, cx);
                });
            }
        }
    }
}
