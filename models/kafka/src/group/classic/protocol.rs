//! Which assignor the members of a group agree on, and who of them runs it.

use super::{Group, State};
use crate::assignor::Assignor;

impl Group {
    /// Whether a member with these assignors may join (R9.15; `ClassicGroup#supportsProtocols`).
    pub(in super::super) fn supports(&self, protocols: &[Assignor]) -> bool {
        let everybody = |one: &Assignor| {
            self.members.values().all(|member| member.metadata.protocols.contains(one))
        };
        match self.state {
            State::Empty => !protocols.is_empty(),
            State::InitialRebalance { .. }
            | State::PreparingRebalance
            | State::CompletingRebalance
            | State::Stable => protocols.iter().any(everybody),
        }
    }

    /// Each member votes for the first of its assignors that all support; the one with the most votes wins
    /// (`ClassicGroup#selectProtocol`). Of several with as many, Kafka takes any; here the first.
    pub(super) fn select_protocol(&self) -> Option<Assignor> {
        let of = |member: &super::Member| std::sync::Arc::clone(&member.metadata.protocols);
        let all: Vec<_> = self.members.values().map(of).collect();
        let is_candidate = |one: &&Assignor| all.iter().all(|supported| supported.contains(one));
        let votes: Vec<Assignor> =
            all.iter().filter_map(|own| own.iter().find(is_candidate).copied()).collect();
        let count = |one: &Assignor| votes.iter().filter(|vote| *vote == one).count();
        let others = votes.iter().filter(|one| !Assignor::ALL.contains(one));
        let known = Assignor::ALL.iter().rev().filter(|one| votes.contains(one));
        others.rev().chain(known).max_by_key(|one| count(one)).copied()
    }

    /// The leader stays if it has joined; otherwise another one who has
    /// (`ClassicGroup#maybeElectNewJoinedLeader`). False if there are members and none has joined.
    pub(super) fn elect_leader(&mut self) -> bool {
        let has_joined = |id| self.members.get(id).is_some_and(|one| one.joining.is_some());
        if !self.leader.as_ref().is_some_and(has_joined) {
            self.leader = self.members.keys().find(|id| has_joined(id)).copied();
        }
        self.leader.is_some() || self.members.is_empty()
    }
}
