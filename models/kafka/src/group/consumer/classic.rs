//! Members of a consumer group that still speak the classic protocol (KIP-848, online migration; Kafka:
//! `GroupMetadataManager#classicGroupJoinToConsumerGroup` and the like). To them the group is one that
//! rebalances whenever their epoch is not the last: they join and get their part at once, led by nobody.

use super::change::Change;
use super::group::Group;
use crate::assignor::Assignor;
use crate::group::GroupTimer;
use crate::group::journal::Context;
use crate::group::member::{Caller, Member};
use crate::message::{
    ClassicMember, ConsumerGroupRecord, ConsumerMember, CurrentAssignment, GroupResponse,
    JoinGroupRequest, JoinGroupResponse, MemberClaim, MemberState,
};
use crate::profile::Rule;
use ackproof_types::{
    ErrorCode, GenerationId, MemberEpoch, MemberId, RebalanceReason, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Nobody has this id: the group has no leader.
const NOBODY: MemberId = MemberId(0);

/// A member that has joined, and what it is told once that is written.
pub(in super::super) struct Joined {
    pub(in super::super) change: Change,
    pub(in super::super) answer: GroupResponse,
    /// It took the place of the last one that spoke the consumer protocol.
    pub(in super::super) downgrades: bool,
}

impl Group {
    /// What the member said when it joined with the classic protocol.
    fn classic(&self, id: MemberId) -> Option<&ClassicMember> {
        self.members.get(&id)?.classic.as_ref()
    }

    /// Whether the member speaks the classic protocol.
    pub(super) fn is_classic(&self, id: MemberId) -> bool {
        self.classic(id).is_some()
    }

    /// Whether without this member only others are left that speak the classic protocol.
    pub(in super::super) fn downgrades_without(&self, id: MemberId) -> bool {
        let others = self.members.keys().filter(|other| **other != id);
        let mut others = others.map(|other| self.is_classic(*other)).peekable();
        !self.is_classic(id) && others.peek().is_some() && others.all(|is_classic| is_classic)
    }

    /// Whether all that speak the classic protocol support one of these (R9.15).
    pub(in super::super) fn supports(&self, protocols: &[Assignor]) -> bool {
        let classic = || self.members.values().filter_map(|member| member.classic.as_ref());
        let everybody =
            |one: &Assignor| classic().all(|member| member.metadata.protocols.contains(one));
        protocols.iter().any(everybody)
    }

    /// A member joins, under `new` if it has no id. It is told its epoch as its generation.
    pub(in super::super) fn join_classic(
        &mut self,
        request: &JoinGroupRequest,
        new: MemberId,
        cx: &mut Context<'_>,
    ) -> Result<Joined, ErrorCode> {
        let id = request.member.unwrap_or(new);
        let holder = request.metadata.instance.map(|instance| self.static_member(instance));
        let replaces = match (holder, request.member) {
            (None, _) | (Some(None), None) => None,
            (Some(Some(holder)), None) => Some(holder),
            (Some(None), Some(_)) => return Err(ErrorCode::UnknownMemberId),
            (Some(Some(holder)), Some(_)) if holder != id => {
                return Err(ErrorCode::FencedInstanceId);
            }
            (Some(Some(_)), Some(_)) => None,
        };
        let downgrades = replaces.is_some_and(|holder| self.downgrades_without(holder));
        let mut change = Change::new(cx.group);
        if let Some(holder) = replaces {
            self.replace(holder, id, &mut change, cx);
        }
        let known = self.members.get(&id).cloned().unwrap_or_default();
        let topics: BTreeSet<TopicId> = request.metadata.topics.iter().copied().collect();
        let now = ConsumerMember {
            instance: request.metadata.instance.or(known.instance),
            rebalance_timeout: request.rebalance_timeout,
            topics: topics.into_iter().collect(),
            assignor: known.assignor,
            classic: Some(ClassicMember {
                session_timeout: request.session_timeout,
                metadata: request.metadata.clone(),
            }),
        };
        if let Some(reason) = self.update(id, now, &mut change).or_else(|| self.outgrown(cx)) {
            self.bump(reason, &mut change, cx);
        }
        self.update_target(&mut change, cx);
        let current = self.advance(id, Some(&request.metadata.owned), &mut change, cx);
        self.rejoining.remove(&id);
        cx.disarm(GroupTimer::MemberJoin(cx.group, id));
        cx.arm(GroupTimer::Session(cx.group, id), request.session_timeout);
        cx.arm(GroupTimer::MemberSync(cx.group, id), request.rebalance_timeout);
        let answer = GroupResponse::JoinGroup(JoinGroupResponse::Joined {
            generation: current.epoch.into(),
            member: id,
            leader: NOBODY,
            protocol: request.metadata.protocols.first().copied().unwrap_or(Assignor::Range),
            members: Vec::new(),
            skip_assignment: false,
        });
        Ok(Joined { change, answer, downgrades })
    }

    /// A member that has joined asks for its part.
    pub(in super::super) fn sync_classic(
        &mut self,
        claim: &MemberClaim,
        to: Caller,
        cx: &mut Context<'_>,
    ) {
        let current = match self.validate_classic(claim) {
            Ok(current) => current,
            Err(error) => return cx.reply(to, GroupResponse::SyncGroup(Err(error))),
        };
        let revokes = current.state == MemberState::UnrevokedPartitions;
        if !revokes && current.epoch < self.news(cx) {
            self.awaits_join(claim.member, cx);
            let error = ErrorCode::RebalanceInProgress;
            return cx.reply(to, GroupResponse::SyncGroup(Err(error)));
        }
        cx.disarm(GroupTimer::MemberSync(cx.group, claim.member));
        self.touch(claim.member, cx);
        let assigned = current.assigned.keys().copied().collect();
        cx.respond(to, GroupResponse::SyncGroup(Ok(assigned)));
    }

    /// A member is alive. It is to join again if the group changed, if it must give something up, or if
    /// all that it waits for is free.
    pub(in super::super) fn heartbeat_classic(
        &mut self,
        claim: &MemberClaim,
        to: Caller,
        cx: &mut Context<'_>,
    ) {
        let current = match self.validate_classic(claim) {
            Ok(current) => current,
            Err(error) => return cx.reply(to, GroupResponse::Heartbeat(Err(error))),
        };
        self.touch(claim.member, cx);
        let must_join = current.epoch < self.news(cx)
            || match current.state {
                MemberState::Stable => false,
                MemberState::UnrevokedPartitions => true,
                MemberState::UnreleasedPartitions => {
                    let target = self.target_of(claim.member, cx);
                    let missing = |one: &&TopicPartition| !current.assigned.contains_key(one);
                    target.iter().filter(missing).all(|one| self.is_free(*one))
                }
            };
        let result = if must_join {
            self.awaits_join(claim.member, cx);
            Err(ErrorCode::RebalanceInProgress)
        } else {
            Ok(())
        };
        cx.respond(to, GroupResponse::Heartbeat(result));
    }

    /// A member leaves; another one with the consumer protocol may be left.
    pub(in super::super) fn leave_classic(
        &mut self,
        id: MemberId,
        to: Caller,
        cx: &mut Context<'_>,
    ) {
        if !self.is_classic(id) {
            let error = ErrorCode::UnknownMemberId;
            return cx.reply(to, GroupResponse::LeaveGroup(Err(error)));
        }
        let mut change = Change::new(cx.group);
        self.fence(id, RebalanceReason::Left, &mut change, cx);
        change.answer(to, GroupResponse::LeaveGroup(Ok(())), cx);
    }

    /// What those say who are asked to join again: the epoch that they are to reach. From 4.3 on only a
    /// new target counts (KAFKA-20272).
    fn news(&self, cx: &Context<'_>) -> MemberEpoch {
        if cx.config.profile.has(Rule::AssignmentInterval) { self.target_epoch } else { self.epoch }
    }

    fn awaits_join(&mut self, id: MemberId, cx: &mut Context<'_>) {
        if self.rejoining.insert(id) {
            let timeout = self.members.get(&id).map(|member| member.rebalance_timeout);
            cx.arm(GroupTimer::MemberJoin(cx.group, id), timeout.unwrap_or_default());
        }
    }

    fn touch(&self, id: MemberId, cx: &mut Context<'_>) {
        if let Some(member) = self.classic(id) {
            cx.arm(GroupTimer::Session(cx.group, id), member.session_timeout);
        }
    }

    fn validate_classic(&self, claim: &MemberClaim) -> Result<CurrentAssignment, ErrorCode> {
        let known = match claim.instance {
            None => Some(claim.member),
            Some(instance) => self.static_member(instance),
        };
        match known {
            Some(known) if known != claim.member => Err(ErrorCode::FencedInstanceId),
            Some(known) if self.is_classic(known) => {
                let current = self.current(known);
                let is_current = GenerationId::from(current.epoch) == claim.generation;
                if is_current { Ok(current) } else { Err(ErrorCode::IllegalGeneration) }
            }
            Some(_) | None => Err(ErrorCode::UnknownMemberId),
        }
    }

    /// Takes the members of a classic group over, as they are. Of a partition that two were given the first
    /// one keeps it.
    pub(in super::super) fn adopt(
        &mut self,
        generation: GenerationId,
        members: &BTreeMap<MemberId, Member>,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) {
        use ConsumerGroupRecord as Record;
        let epoch = MemberEpoch::from(generation);
        for (id, member) in members {
            let assigned = member.assignment.iter().filter(|one| self.is_free(**one));
            let assigned: BTreeMap<_, _> = assigned.map(|one| (*one, epoch)).collect();
            let target: Arc<[TopicPartition]> = assigned.keys().copied().collect();
            let topics: BTreeSet<TopicId> = member.metadata.topics.iter().copied().collect();
            let said = ConsumerMember {
                instance: member.metadata.instance,
                rebalance_timeout: member.rebalance_timeout,
                topics: topics.into_iter().collect(),
                assignor: None,
                classic: Some(ClassicMember {
                    session_timeout: member.session_timeout,
                    metadata: member.metadata.clone(),
                }),
            };
            let state = MemberState::Stable;
            let revoking = BTreeMap::new();
            let current = CurrentAssignment { epoch, previous: epoch, state, assigned, revoking };
            change.put(self, Record::Member(*id, Some(said)));
            change.put(self, Record::Target(*id, Some(target)));
            change.put(self, Record::Current(*id, Some(current)));
            cx.arm(GroupTimer::Session(cx.group, *id), member.session_timeout);
        }
        change.put(self, Record::Epoch(Some(epoch)));
        change.put(self, Record::TargetEpoch(Some(epoch)));
    }

    /// Its members, but for one, as members of a classic group with what they were to have.
    pub(in super::super) fn released(
        &self,
        without: Option<MemberId>,
    ) -> BTreeMap<MemberId, Member> {
        let members = self.members.iter().filter(|(id, _)| Some(**id) != without);
        let member = |(id, said): (&MemberId, &ConsumerMember)| {
            let classic = said.classic.as_ref()?;
            let assignment = self.target.get(id).cloned().unwrap_or_default().into();
            Some((*id, Member::migrated(classic, said.rebalance_timeout, assignment)))
        };
        members.filter_map(member).collect()
    }

    /// The group is no more.
    pub(in super::super) fn end(&mut self, change: &mut Change, cx: &mut Context<'_>) {
        let all: Vec<MemberId> = self.members.keys().copied().collect();
        for id in all {
            self.remove(id, change);
            cx.disarm(GroupTimer::Rebalance(cx.group, id));
            cx.disarm(GroupTimer::MemberJoin(cx.group, id));
            cx.disarm(GroupTimer::MemberSync(cx.group, id));
        }
        cx.disarm(GroupTimer::Assignment(cx.group));
        change.put(self, ConsumerGroupRecord::TargetEpoch(None));
        change.put(self, ConsumerGroupRecord::Epoch(None));
    }
}
