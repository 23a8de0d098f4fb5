//! The state machine of one classic group (Kafka: `ClassicGroup`, `GroupMetadataManager`), without
//! static members. It knows nothing of high watermarks: what must be replicated goes to its `Context`.

use super::GroupTimer;
use super::member::{Caller, Member};
use super::record::GroupRecord;
use super::shard::{Context, Outcome};
use crate::message::{
    CommittedOffset, JoinGroupRequest, JoinGroupResponse, MemberClaim, Response, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Micros, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long a new member may take until its first join phase ends (R9.20).
const NEW_MEMBER_JOIN_TIMEOUT: Micros = Micros::from_secs(300);

/// The states of a group. Dead is absence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
#[derive(Debug)]
pub(super) struct Group {
    pub(super) state: State,
    pub(super) generation: GenerationId,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    /// Named, not yet joined (R9.14).
    pub(super) pending: BTreeSet<MemberId>,
    /// Joined, not yet synced (R9.17).
    pub(super) unsynced: BTreeSet<MemberId>,
    /// The assignment on its way to the log.
    pub(super) proposed: BTreeMap<MemberId, Arc<[TopicPartition]>>,
    pub(super) offsets: BTreeMap<TopicPartition, CommittedOffset>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            state: State::Empty,
            generation: GenerationId(0),
            leader: None,
            members: BTreeMap::new(),
            pending: BTreeSet::new(),
            unsynced: BTreeSet::new(),
            proposed: BTreeMap::new(),
            offsets: BTreeMap::new(),
        }
    }
}

impl Group {
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
        if self.pending.remove(&id) {
            return self.add(id, request, caller, cx);
        }
        let leads = self.leader == Some(id);
        let Some(member) = self.members.get_mut(&id) else {
            let refused = JoinGroupResponse::Refused(ErrorCode::UnknownMemberId);
            return cx.reply(caller, Response::JoinGroup(refused));
        };
        let unchanged = member.topics == request.topics;
        let current = match self.state {
            State::CompletingRebalance => unchanged,
            State::Stable => unchanged && !leads,
            State::Empty | State::InitialRebalance { .. } | State::PreparingRebalance => false,
        };
        member.session_timeout = request.session_timeout;
        member.rebalance_timeout = request.rebalance_timeout;
        if current {
            return cx.reply(caller, self.joined(id));
        }
        member.topics = Arc::clone(&request.topics);
        member.joining = Some(caller);
        self.rebalance_or_complete(cx);
    }

    fn add(
        &mut self,
        id: MemberId,
        request: &JoinGroupRequest,
        caller: Caller,
        cx: &mut Context<'_>,
    ) {
        self.leader.get_or_insert(id);
        self.members.insert(
            id,
            Member {
                session_timeout: request.session_timeout,
                rebalance_timeout: request.rebalance_timeout,
                topics: Arc::clone(&request.topics),
                assignment: Arc::new([]),
                joining: Some(caller),
                syncing: None,
                is_new: true,
            },
        );
        if let State::InitialRebalance { joined, .. } = &mut self.state {
            *joined = true;
        }
        cx.arm(GroupTimer::Session(cx.group, id), NEW_MEMBER_JOIN_TIMEOUT);
        self.rebalance_or_complete(cx);
    }

    fn rebalance_or_complete(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::Empty | State::CompletingRebalance | State::Stable => self.prepare(cx),
            State::PreparingRebalance => self.complete_if_all_joined(cx),
            State::InitialRebalance { .. } => {}
        }
    }

    /// R9.16.
    fn prepare(&mut self, cx: &mut Context<'_>) {
        let timeout = self.rebalance_timeout();
        self.unsynced.clear();
        self.proposed.clear();
        cx.disarm(GroupTimer::Sync(cx.group));
        if self.state == State::Empty {
            let delay = cx.settings.group_initial_rebalance_delay;
            let remaining = Micros(timeout.0.saturating_sub(delay.0));
            self.state = State::InitialRebalance { joined: false, remaining };
            return cx.arm(GroupTimer::Join(cx.group), delay);
        }
        self.fail_syncs(ErrorCode::RebalanceInProgress, cx);
        self.state = State::PreparingRebalance;
        cx.arm(GroupTimer::Join(cx.group), timeout);
        self.complete_if_all_joined(cx);
    }

    fn complete_if_all_joined(&mut self, cx: &mut Context<'_>) {
        let all = self.pending.is_empty() && self.members.values().all(|m| m.joining.is_some());
        if all && self.state == State::PreparingRebalance {
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
            .filter_map(|(id, member)| member.joining.is_none().then_some(*id))
            .collect();
        for id in gone {
            cx.disarm(GroupTimer::Session(cx.group, id));
            self.members.remove(&id);
        }
        if self.leader.is_none_or(|leader| !self.members.contains_key(&leader)) {
            self.leader = self.members.keys().next().copied();
        }
        self.generation = self.generation.next();
        let count = u16::try_from(self.members.len()).unwrap_or(u16::MAX);
        cx.observe(Observation::Rebalanced {
            group: cx.group,
            generation: self.generation,
            members: count,
        });
        if self.members.is_empty() {
            self.state = State::Empty;
            let record = self.record(cx, &BTreeMap::new());
            return cx.append(vec![record], Outcome::Nothing);
        }
        self.state = State::CompletingRebalance;
        self.unsynced = self.members.keys().copied().collect();
        cx.arm(GroupTimer::Sync(cx.group), self.rebalance_timeout());
        for id in self.unsynced.clone() {
            let response = self.joined(id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.is_new = false;
            cx.arm(GroupTimer::Session(cx.group, id), member.session_timeout);
            if let Some(caller) = member.joining.take() {
                cx.reply(caller, response);
            }
        }
    }

    /// R9.18.
    pub(super) fn sync(&mut self, request: &SyncGroupRequest, to: Caller, cx: &mut Context<'_>) {
        if let Err(error) = self.check(&request.claim) {
            return cx.reply(to, Response::SyncGroup(Err(error)));
        }
        let id = request.claim.member;
        let Some(member) = self.members.get_mut(&id) else { return };
        match self.state {
            State::Empty => cx.reply(to, Response::SyncGroup(Err(ErrorCode::UnknownMemberId))),
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                cx.reply(to, Response::SyncGroup(Err(ErrorCode::RebalanceInProgress)));
            }
            State::CompletingRebalance => {
                member.syncing = Some(to);
                self.synced(id, cx);
                if self.leader == Some(id) {
                    self.proposed = request.assignment.iter().cloned().collect();
                    let record = self.record(cx, &self.proposed);
                    let outcome = Outcome::Assignment(cx.group, self.generation);
                    cx.append(vec![record], outcome);
                }
            }
            State::Stable => {
                let assignment = Arc::clone(&member.assignment);
                self.synced(id, cx);
                cx.reply(to, Response::SyncGroup(Ok(assignment)));
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
        result: Result<(), ErrorCode>,
        cx: &mut Context<'_>,
    ) {
        if self.state != State::CompletingRebalance || self.generation != generation {
            return;
        }
        if let Err(error) = result {
            self.fail_syncs(error, cx);
            return self.prepare(cx);
        }
        self.state = State::Stable;
        let mut proposed = std::mem::take(&mut self.proposed);
        for (id, member) in &mut self.members {
            member.assignment = proposed.remove(id).unwrap_or_else(|| Arc::new([]));
            if let Some(caller) = member.syncing.take() {
                cx.arm(GroupTimer::Session(cx.group, *id), member.session_timeout);
                cx.reply(caller, Response::SyncGroup(Ok(Arc::clone(&member.assignment))));
            }
        }
    }

    /// R9.17: members that did not sync in time go.
    pub(super) fn sync_timer(&mut self, cx: &mut Context<'_>) {
        match self.state {
            State::CompletingRebalance | State::Stable if !self.unsynced.is_empty() => {
                for id in std::mem::take(&mut self.unsynced) {
                    self.forget(id, cx);
                }
                self.prepare(cx);
            }
            State::Empty
            | State::InitialRebalance { .. }
            | State::PreparingRebalance
            | State::CompletingRebalance
            | State::Stable => {}
        }
    }

    /// R9.19.
    pub(super) fn heartbeat(
        &self,
        claim: &MemberClaim,
        cx: &mut Context<'_>,
    ) -> Result<(), ErrorCode> {
        self.check(claim)?;
        match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                self.touch(claim.member, cx);
                Err(ErrorCode::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => {
                self.touch(claim.member, cx);
                Ok(())
            }
        }
    }

    /// R9.10; `validate` is off in the variant that takes anybody's.
    pub(super) fn check_commit(
        &self,
        claim: &MemberClaim,
        validate: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), ErrorCode> {
        let anonymous = claim.generation < GenerationId(0) && self.state == State::Empty;
        if validate && !anonymous {
            self.check(claim)?;
        }
        match self.state {
            State::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty => Ok(()),
            State::InitialRebalance { .. } | State::PreparingRebalance | State::Stable => {
                // R9.13: as good as a heartbeat.
                self.touch(claim.member, cx);
                Ok(())
            }
        }
    }

    /// R9.20.
    pub(super) fn expire(&mut self, id: MemberId, cx: &mut Context<'_>) {
        let excused = self.members.get(&id).is_some_and(|m| m.is_parked() && !m.is_new);
        if !excused {
            self.remove(id, cx);
        }
    }

    /// R9.21. Whether the member was known.
    pub(super) fn remove(&mut self, id: MemberId, cx: &mut Context<'_>) -> bool {
        if self.pending.remove(&id) {
            cx.disarm(GroupTimer::Session(cx.group, id));
            self.complete_if_all_joined(cx);
            return true;
        }
        let known = self.forget(id, cx);
        if known {
            self.rebalance_or_complete(cx);
        }
        known
    }

    fn forget(&mut self, id: MemberId, cx: &mut Context<'_>) -> bool {
        let Some(member) = self.members.remove(&id) else { return false };
        cx.disarm(GroupTimer::Session(cx.group, id));
        self.unsynced.remove(&id);
        let error = ErrorCode::UnknownMemberId;
        if let Some(caller) = member.joining {
            cx.reply(caller, Response::JoinGroup(JoinGroupResponse::Refused(error)));
        }
        if let Some(caller) = member.syncing {
            cx.reply(caller, Response::SyncGroup(Err(error)));
        }
        if self.leader == Some(id) {
            self.leader = self.members.keys().next().copied();
        }
        true
    }

    fn fail_syncs(&mut self, error: ErrorCode, cx: &mut Context<'_>) {
        for (id, member) in &mut self.members {
            if let Some(caller) = member.syncing.take() {
                cx.arm(GroupTimer::Session(cx.group, *id), member.session_timeout);
                cx.reply(caller, Response::SyncGroup(Err(error)));
            }
        }
    }

    fn check(&self, claim: &MemberClaim) -> Result<(), ErrorCode> {
        if !self.members.contains_key(&claim.member) {
            Err(ErrorCode::UnknownMemberId)
        } else if claim.generation != self.generation {
            Err(ErrorCode::IllegalGeneration)
        } else {
            Ok(())
        }
    }

    fn touch(&self, id: MemberId, cx: &mut Context<'_>) {
        if let Some(member) = self.members.get(&id) {
            cx.arm(GroupTimer::Session(cx.group, id), member.session_timeout);
        }
    }

    fn rebalance_timeout(&self) -> Micros {
        self.members.values().map(|m| m.rebalance_timeout).max().unwrap_or_default()
    }

    fn joined(&self, member: MemberId) -> Response {
        let leader = self.leader.unwrap_or(member);
        // A member that joins again in Stable never leads; in CompletingRebalance it may.
        let members = if leader == member {
            self.members.iter().map(|(id, m)| (*id, Arc::clone(&m.topics))).collect()
        } else {
            Vec::new()
        };
        let generation = self.generation;
        Response::JoinGroup(JoinGroupResponse::Joined { generation, member, leader, members })
    }

    fn record(
        &self,
        cx: &Context<'_>,
        assignment: &BTreeMap<MemberId, Arc<[TopicPartition]>>,
    ) -> GroupRecord {
        let of = |id| assignment.get(id).cloned().unwrap_or_else(|| Arc::new([]));
        GroupRecord::Group {
            group: cx.group,
            generation: self.generation,
            leader: self.leader,
            members: self.members.iter().map(|(id, m)| m.persisted(*id, of(id))).collect(),
        }
    }
}
