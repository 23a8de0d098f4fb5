//! The state machine of one classic group (Kafka: `ClassicGroup`, `GroupMetadataManager`). It knows nothing
//! of high watermarks: what must be replicated goes to its `Context`.
//!
//! - `protocol` which assignor the members agree on · `statics` members with a `group.instance.id`
//! - `expiry` when its offsets expire
//! - `session` which members are heard of, and what they may do · `migration` to and from a consumer group

mod expiry;
mod migration;
mod protocol;
mod session;
mod statics;

pub(super) use expiry::Base;

use super::GroupTimer;
use super::journal::{Context, Outcome, Shares};
use super::member::{Caller, Member, Parked};
use crate::assignor::Assignor;
use crate::message::{
    GroupRecord, GroupResponse, JoinGroupRequest, JoinGroupResponse, MemberAssignment,
    PersistedMember, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Micros, RebalanceReason, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long a new member may take until its first join phase ends (R9.20).
const NEW_MEMBER_JOIN_TIMEOUT: Micros = Micros::from_secs(300);

/// The states of a group. Dead is absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// No members.
    Empty,
    /// The first join phase after Empty, which waits in steps (R9.16).
    InitialRebalance {
        /// Somebody joined during the running delay.
        joined: bool,
        /// How much longer the delay may be extended.
        remaining: Micros,
    },
    /// Members are asked to join again.
    PreparingRebalance,
    /// All joined; the leader's assignment is awaited.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Group {
    pub(super) state: State,
    pub(super) generation: GenerationId,
    pub(super) leader: Option<MemberId>,
    /// What its members chose for this generation.
    pub(super) protocol: Option<Assignor>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// Named, not yet joined (R9.14).
    pub(super) pending: BTreeSet<MemberId>,
    /// Joined, not yet synced (R9.17).
    pub(super) unsynced: BTreeSet<MemberId>,
    /// When the last member went; none: there are members, or never were any.
    pub(super) empty_since: Option<Timestamp>,
    /// What began the rebalance that is under way, or the last one.
    reason: RebalanceReason,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: State::Empty,
            generation: GenerationId(0),
            leader: None,
            protocol: None,
            members: BTreeMap::new(),
            pending: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            empty_since: None,
            reason: RebalanceReason::Joined,
        }
    }
}

impl Group {
    /// What holds of a group between any two steps.
    pub(super) fn check(&self) {
        let is_member = |id: &MemberId| self.members.contains_key(id);
        assert!(self.pending.iter().all(|id| !is_member(id)), "R9.14: named or joined");
        assert!(self.unsynced.iter().all(is_member), "R9.17: {:?}", self.unsynced);
        match self.state {
            State::Empty => assert!(self.members.is_empty(), "an empty group has no members"),
            State::InitialRebalance { .. } | State::PreparingRebalance => {}
            State::CompletingRebalance | State::Stable => {
                let parked = self.members.values().filter(|member| member.joining.is_some());
                assert_eq!(parked.count(), 0, "R9.17: joins are answered");
            }
        }
    }

    /// R9.14: names a member, which must come again.
    pub(super) fn name(&mut self, member: MemberId, session: Micros, cx: &mut Context<'_>) {
        self.pending.insert(member);
        cx.arm(GroupTimer::Session(cx.group, member), session);
    }

    /// R9.14, R9.15: a join with an id.
    pub(super) fn join(
        &mut self,
        id: MemberId,
        request: &JoinGroupRequest,
        caller: Caller,
        cx: &mut Context<'_>,
    ) {
        if !self.supports(&request.metadata.protocols) {
            return refuse(ErrorCode::InconsistentGroupProtocol, caller, cx);
        }
        if self.pending.remove(&id) {
            return self.add(id, request, caller, cx);
        }
        if let Err(error) = self.validate_member(id, request.metadata.instance) {
            return refuse(error, caller, cx);
        }
        let leads = self.leader == Some(id);
        let Some(member) = self.members.get_mut(&id) else { return };
        let unchanged = member.metadata == request.metadata;
        // The follow-up of a rebalance that took partitions away (R9.25).
        let other_topics = member.metadata.topics != request.metadata.topics;
        let reason = if other_topics { RebalanceReason::Metadata } else { request.reason };
        let current = match self.state {
            State::CompletingRebalance => unchanged,
            State::Stable => unchanged && !leads,
            State::Empty | State::InitialRebalance { .. } | State::PreparingRebalance => false,
        };
        if current {
            return cx.reply(caller, self.joined(id, false));
        }
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        member.metadata = request.metadata.clone();
        member.joining = Some(Parked::Waiting(caller));
        self.rebalance_or_complete(reason, cx);
        self.parked(id, caller, cx);
    }

    /// A join that is still waiting fails with the journal (R9.4).
    fn parked(&self, id: MemberId, caller: Caller, cx: &mut Context<'_>) {
        let joining = self.members.get(&id).and_then(|member| member.joining);
        if joining == Some(Parked::Waiting(caller)) {
            cx.parked(id, caller);
        }
    }

    /// The journal failed while `caller` was parked: it is told, its member still counts.
    pub(super) fn give_up(
        &mut self,
        id: MemberId,
        caller: Caller,
        error: ErrorCode,
        cx: &mut Context<'_>,
    ) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let waiting = Some(Parked::Waiting(caller));
        if member.joining == waiting {
            member.joining = Some(Parked::Answered);
            cx.reply(caller, GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)));
        } else if member.syncing == waiting {
            member.syncing = Some(Parked::Answered);
            cx.reply(caller, GroupResponse::SyncGroup(Err(error)));
        }
    }

    pub(super) fn add(
        &mut self,
        id: MemberId,
        request: &JoinGroupRequest,
        caller: Caller,
        cx: &mut Context<'_>,
    ) {
        self.leader.get_or_insert(id);
        self.empty_since = None;
        self.members.insert(
            id,
            Member {
                session_timeout: request.session_timeout,
                rebalance_timeout: request.rebalance_timeout,
                metadata: request.metadata.clone(),
                assignment: MemberAssignment::default(),
                joining: Some(Parked::Waiting(caller)),
                syncing: None,
                is_new: true,
            },
        );
        if let State::InitialRebalance { joined, .. } = &mut self.state {
            *joined = true;
        }
        cx.arm(GroupTimer::Session(cx.group, id), NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance_or_complete(RebalanceReason::Joined, cx);
        self.parked(id, caller, cx);
    }

    fn rebalance_or_complete(&mut self, reason: RebalanceReason, cx: &mut Context<'_>) {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare(reason, cx),
            State::PreparingRebalance => self.complete_if_all_joined(cx),
            // R9.16: only the delay ends it.
            State::InitialRebalance { .. } => {}
        }
    }

    /// R9.16.
    fn prepare(&mut self, reason: RebalanceReason, cx: &mut Context<'_>) {
        self.reason = reason;
        let timeout = self.rebalance_timeout();
        self.unsynced.clear();
        cx.disarm(GroupTimer::Sync(cx.group));
        if self.state == State::Empty {
            let delay = cx.settings.group_initial_rebalance_delay;
            let remaining = Micros(timeout.0.saturating_sub(delay.0));
            self.state = State::InitialRebalance { joined: false, remaining };
            return cx.arm(GroupTimer::Join(cx.group), delay);
        }
        self.answer_syncs(Err(ErrorCode::RebalanceInProgress), cx);
        self.state = State::PreparingRebalance;
        cx.arm(GroupTimer::Join(cx.group), timeout);
        self.complete_if_all_joined(cx);
    }

    fn complete_if_all_joined(&mut self, cx: &mut Context<'_>) {
        if self.pending.is_empty() && self.members.values().all(|m| m.joining.is_some()) {
            self.complete_join(cx);
        }
    }

    /// R9.16: the initial delay or the rebalance timeout is over.
    pub(super) fn join_timer(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::InitialRebalance { joined: true, remaining } if remaining > Micros::ZERO => {
                let delay = cx.settings.group_initial_rebalance_delay;
                let rest = Micros(remaining.0.saturating_sub(delay.0));
                self.state = State::InitialRebalance { joined: false, remaining: rest };
                cx.arm(GroupTimer::Join(cx.group), delay.min(remaining));
            }
            State::InitialRebalance { .. } | State::PreparingRebalance => self.complete_join(cx),
            State::Empty | State::CompletingRebalance | State::Stable => {}
        }
    }

    /// R9.17.
    fn complete_join(&mut self, cx: &mut Context<'_>) {
        cx.disarm(GroupTimer::Join(cx.group));
        let gone: Vec<MemberId> = self
            .members
            .iter()
            .filter(|(_, member)| member.joining.is_none() && !member.is_static())
            .map(|(id, _)| *id)
            .collect();
        for id in gone {
            cx.disarm(GroupTimer::Session(cx.group, id));
            self.members.remove(&id);
        }
        if !self.elect_leader() {
            // Static members that are away: their sessions decide.
            return cx.arm(GroupTimer::Join(cx.group), self.rebalance_timeout());
        }
        self.generation = self.generation.next();
        self.protocol = self.select_protocol();
        let count = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        cx.observe(Observation::Rebalanced {
            group: cx.group,
            generation: self.generation,
            members: count,
            reason: self.reason,
        });
        if self.members.is_empty() {
            (self.state, self.empty_since) = (State::Empty, Some(cx.now));
            return cx.write([self.record(cx, &[])], [], None);
        }
        self.state = State::CompletingRebalance;
        self.unsynced = self.members.keys().copied().collect();
        cx.arm(GroupTimer::Sync(cx.group), self.rebalance_timeout());
        for id in self.unsynced.clone() {
            let response = self.joined(id, false);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.is_new = false;
            cx.arm(GroupTimer::Session(cx.group, id), member.session_timeout);
            if let Some(caller) = member.joining.take().and_then(Parked::caller) {
                cx.reply(caller, response);
            }
        }
    }

    /// R9.18.
    pub(super) fn sync(&mut self, request: &SyncGroupRequest, to: Caller, cx: &mut Context<'_>) {
        if let Err(error) = self.validate(&request.claim) {
            return cx.reply(to, GroupResponse::SyncGroup(Err(error)));
        }
        let id = request.claim.member;
        let Some(member) = self.members.get_mut(&id) else { return };
        match self.state {
            State::Empty => cx.reply(to, GroupResponse::SyncGroup(Err(ErrorCode::UnknownMemberId))),
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                cx.reply(to, GroupResponse::SyncGroup(Err(ErrorCode::RebalanceInProgress)));
            }
            State::CompletingRebalance => {
                member.syncing = Some(Parked::Waiting(to));
                self.synced(id, cx);
                if self.leader == Some(id) {
                    let shares = request.assignment.clone();
                    let record = self.record(cx, &shares);
                    let outcome = Outcome::Assignment(cx.group, self.generation, shares);
                    cx.write([record], [], Some(outcome));
                } else {
                    cx.parked(id, to);
                }
            }
            State::Stable => {
                let assignment = member.assignment.clone();
                self.synced(id, cx);
                cx.reply(to, GroupResponse::SyncGroup(Ok(assignment)));
            }
        }
    }

    fn synced(&mut self, id: MemberId, cx: &mut Context<'_>) {
        if self.unsynced.remove(&id) && self.unsynced.is_empty() {
            cx.disarm(GroupTimer::Sync(cx.group));
        }
    }

    /// R9.18: the assignment of `generation` is replicated, or failed.
    pub(super) fn assigned(
        &mut self,
        generation: GenerationId,
        result: Result<Shares, ErrorCode>,
        cx: &mut Context<'_>,
    ) {
        if self.state != State::CompletingRebalance || self.generation != generation {
            return;
        }
        match result {
            Ok(shares) => {
                self.state = State::Stable;
                for (id, member) in &mut self.members {
                    member.assignment = share_of(*id, &shares);
                }
                self.answer_syncs(Ok(()), cx);
            }
            Err(error) => {
                self.answer_syncs(Err(error), cx);
                self.prepare(RebalanceReason::AssignmentNotStored, cx);
            }
        }
    }

    /// R9.17: members that did not sync in time go: they had their `max.poll.interval.ms`.
    pub(super) fn sync_timer(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::CompletingRebalance | State::Stable if !self.unsynced.is_empty() => {
                for id in std::mem::take(&mut self.unsynced) {
                    self.forget(id, cx);
                }
                self.prepare(RebalanceReason::PollIntervalExceeded, cx);
            }
            State::Empty
            | State::InitialRebalance { .. }
            | State::PreparingRebalance
            | State::CompletingRebalance
            | State::Stable => {}
        }
    }

    /// R9.21. Kafka rebalances even if the member was merely named.
    pub(super) fn leave(
        &mut self,
        id: MemberId,
        reason: RebalanceReason,
        cx: &mut Context<'_>,
    ) -> Result<(), ErrorCode> {
        if self.pending.remove(&id) {
            cx.disarm(GroupTimer::Session(cx.group, id));
        } else if !self.forget(id, cx) {
            return Err(ErrorCode::UnknownMemberId);
        }
        if self.state != State::Empty {
            self.rebalance_or_complete(reason, cx);
        }
        Ok(())
    }

    fn forget(&mut self, id: MemberId, cx: &mut Context<'_>) -> bool {
        let Some(member) = self.members.remove(&id) else { return false };
        cx.disarm(GroupTimer::Session(cx.group, id));
        self.unsynced.remove(&id);
        if let Some(caller) = member.joining.and_then(Parked::caller) {
            let refused = JoinGroupResponse::Refused(ErrorCode::UnknownMemberId);
            cx.reply(caller, GroupResponse::JoinGroup(refused));
        }
        // A parked sync is never answered: its member left on another connection.
        if self.leader == Some(id) {
            self.leader = self.members.keys().next().copied();
        }
        true
    }

    /// R9.18: everyone who waits gets its assignment, or the error, and a new session.
    fn answer_syncs(&mut self, result: Result<(), ErrorCode>, cx: &mut Context<'_>) {
        for (id, member) in &mut self.members {
            let Some(parked) = member.syncing.take() else { continue };
            cx.arm(GroupTimer::Session(cx.group, *id), member.session_timeout);
            if let Some(caller) = parked.caller() {
                let answer = result.map(|()| member.assignment.clone());
                cx.reply(caller, GroupResponse::SyncGroup(answer));
            }
        }
    }

    fn rebalance_timeout(&self) -> Micros {
        self.members.values().map(|m| m.rebalance_timeout).max().unwrap_or_default()
    }

    fn joined(&self, member: MemberId, skip_assignment: bool) -> GroupResponse {
        let leader = self.leader.unwrap_or(member);
        // A member that joins again in Stable never leads; in CompletingRebalance it may.
        let members = if leader == member {
            self.members.iter().map(|(id, member)| member.metadata.subscriber(*id)).collect()
        } else {
            Vec::new()
        };
        GroupResponse::JoinGroup(JoinGroupResponse::Joined {
            generation: self.generation,
            member,
            leader,
            protocol: self.protocol.unwrap_or(Assignor::Range),
            members,
            skip_assignment,
        })
    }

    fn record(&self, cx: &Context<'_>, shares: &[(MemberId, MemberAssignment)]) -> GroupRecord {
        GroupRecord::Group {
            group: cx.group,
            generation: self.generation,
            protocol: self.protocol,
            leader: self.leader,
            empty_since: self.empty_since,
            members: self
                .members
                .iter()
                .map(|(id, member)| member.persisted(*id, self.protocol, share_of(*id, shares)))
                .collect(),
        }
    }

    /// As it was written (R9.6).
    pub(super) fn restored(
        generation: GenerationId,
        (protocol, leader): (Option<Assignor>, Option<MemberId>),
        empty_since: Option<Timestamp>,
        members: &[PersistedMember],
    ) -> Self {
        let state = if members.is_empty() { State::Empty } else { State::Stable };
        let members = members.iter().map(|it| (it.member, Member::restored(it))).collect();
        Self { state, generation, leader, protocol, members, empty_since, ..Self::default() }
    }

    /// Whether nobody has joined.
    pub(super) fn is_empty(&self) -> bool {
        self.state == State::Empty
    }
}

fn refuse(error: ErrorCode, to: Caller, cx: &mut Context<'_>) {
    cx.reply(to, GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)));
}

/// Members that the leader left out get nothing (R9.18).
fn share_of(id: MemberId, shares: &[(MemberId, MemberAssignment)]) -> MemberAssignment {
    let share = shares.iter().find(|(member, _)| *member == id);
    share.map(|(_, partitions)| partitions.clone()).unwrap_or_default()
}
