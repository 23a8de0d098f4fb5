//! Who joins a group, leaves it and is fenced (Kafka: `GroupMetadataManager`; R9.29, R9.30, R9.33).

use super::change::Change;
use super::group::Group;
use crate::group::GroupTimer;
use crate::group::journal::{Context, Undo};
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupRecord, CurrentAssignment, MemberState,
};
use crate::observation::Observation;
use crate::profile::Rule;
use ackproof_types::{ErrorCode, MemberEpoch, MemberId, Micros, RebalanceReason, TopicPartition};

/// A member whose removal could not be written is removed again after this time (Kafka:
/// `CoordinatorRuntime.EventBasedCoordinatorTimer`).
const RETRY: Micros = Micros::from_millis(500);

impl Group {
    /// R9.30: whether the member may stay or join; the static member whose place it takes.
    pub(super) fn admit(
        &self,
        request: &ConsumerGroupHeartbeatRequest,
        cx: &Context<'_>,
    ) -> Result<Option<MemberId>, ErrorCode> {
        let joins = request.epoch == MemberEpoch::JOIN;
        let holder = request.instance.map(|instance| self.static_member(instance));
        match holder {
            None if joins || self.members.contains_key(&request.member) => {
                self.check_epoch(request, cx)?;
                Ok(None)
            }
            None => Err(ErrorCode::UnknownMemberId),
            Some(None) if joins => Ok(None),
            Some(Some(holder)) if joins => {
                let is_away = self.current(holder).epoch == MemberEpoch::LEAVE_STATIC;
                if is_away || self.is_classic(holder) {
                    Ok(Some(holder))
                } else {
                    Err(ErrorCode::UnreleasedInstanceId)
                }
            }
            Some(None) => Err(ErrorCode::UnknownMemberId),
            Some(Some(holder)) if holder != request.member => Err(ErrorCode::FencedInstanceId),
            Some(Some(_)) => {
                self.check_epoch(request, cx)?;
                Ok(None)
            }
        }
    }

    /// `GroupMetadataManager#throwIfConsumerGroupMemberEpochIsInvalid`: the epoch before is good as long as
    /// the answer with the new one may have been lost.
    fn check_epoch(
        &self,
        request: &ConsumerGroupHeartbeatRequest,
        cx: &Context<'_>,
    ) -> Result<(), ErrorCode> {
        let known = self.current(request.member);
        let joins = request.epoch == MemberEpoch::JOIN;
        if joins && cx.config.profile.has(Rule::FencedMemberRejoins) {
            return Ok(());
        }
        let has_all = |owned: &[TopicPartition]| {
            owned.iter().all(|partition| known.assigned.contains_key(partition))
        };
        let may_not_know = request.epoch == known.previous
            && request.owned.as_ref().is_some_and(|owned| has_all(owned));
        if request.epoch == known.epoch || (request.epoch < known.epoch && may_not_know) {
            Ok(())
        } else {
            Err(ErrorCode::FencedMemberEpoch)
        }
    }

    /// A static member comes back under another id, with all that it had.
    pub(super) fn replace(
        &mut self,
        old: MemberId,
        new: MemberId,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) {
        let session = cx.settings.group_consumer_session_timeout;
        change.undo(Undo::Session(cx.group, old, session));
        cx.disarm(GroupTimer::Session(cx.group, old));
        cx.disarm(GroupTimer::Rebalance(cx.group, old));
        let said = self.members.get(&old).cloned();
        let target = self.target.get(&old).cloned();
        let (epoch, previous) = (MemberEpoch::JOIN, MemberEpoch::JOIN);
        let current = CurrentAssignment { epoch, previous, ..self.current(old) };
        cx.observe(Observation::MemberReplaced { group: cx.group, before: old, member: new });
        self.remove(old, change);
        change.put(self, ConsumerGroupRecord::Member(new, said));
        change.put(self, ConsumerGroupRecord::Target(new, target));
        change.put(self, ConsumerGroupRecord::Current(new, Some(current)));
    }

    /// R9.30: whether the member may leave.
    pub(in super::super) fn check_leave(
        &self,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<(), ErrorCode> {
        let known = match request.instance {
            None => self.members.contains_key(&request.member).then_some(request.member),
            Some(instance) => self.static_member(instance),
        };
        match known {
            None => Err(ErrorCode::UnknownMemberId),
            Some(known) if known != request.member => Err(ErrorCode::FencedInstanceId),
            Some(_) => Ok(()),
        }
    }

    /// R9.29: a static member leaves for the time being. Its partitions wait for it.
    pub(in super::super) fn go_away(
        &mut self,
        id: MemberId,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) {
        self.tell_of_fence(id, cx);
        let mut away = self.current(id);
        away.epoch = MemberEpoch::LEAVE_STATIC;
        away.revoking.clear();
        change.put(self, ConsumerGroupRecord::Current(id, Some(away)));
    }

    /// R9.32: whether the member is still to give something up.
    pub(in super::super) fn is_revoking(&self, id: MemberId) -> bool {
        let current = self.current(id);
        let is_away = current.epoch == MemberEpoch::LEAVE_STATIC;
        current.state == MemberState::UnrevokedPartitions && !is_away
    }

    /// A member goes, and its partitions are free at once. It may not know.
    pub(in super::super) fn fence(
        &mut self,
        id: MemberId,
        reason: RebalanceReason,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) {
        self.leaves(id, change, cx);
        self.remove(id, change);
        self.bump(reason, change, cx);
    }

    /// R9.31: why a group changes whose topics have got partitions, if they have (Kafka:
    /// `ModernGroup#hasMetadataExpired`).
    pub(super) fn outgrown(&self, cx: &Context<'_>) -> Option<RebalanceReason> {
        self.is_outgrown(|topic| cx.partition_count(topic)).then_some(RebalanceReason::Metadata)
    }

    /// R9.31: the group changed.
    pub(super) fn bump(
        &mut self,
        reason: RebalanceReason,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) {
        change.put(self, ConsumerGroupRecord::Epoch(Some(self.epoch.next())));
        cx.observe(Observation::Rebalanced {
            group: cx.group,
            generation: self.epoch.into(),
            members: u16::try_from(self.members.len()).unwrap_or(u16::MAX),
            reason,
        });
    }

    /// No timer waits for the member any more, unless that it goes cannot be written.
    pub(in super::super) fn leaves(&self, id: MemberId, change: &mut Change, cx: &mut Context<'_>) {
        self.tell_of_fence(id, cx);
        change.undo(Undo::Session(cx.group, id, RETRY));
        cx.disarm(GroupTimer::Session(cx.group, id));
        cx.disarm(GroupTimer::Rebalance(cx.group, id));
        cx.disarm(GroupTimer::MemberJoin(cx.group, id));
        cx.disarm(GroupTimer::MemberSync(cx.group, id));
    }

    fn tell_of_fence(&self, id: MemberId, cx: &mut Context<'_>) {
        let generation = self.epoch.into();
        cx.observe(Observation::MemberFenced { group: cx.group, member: id, generation });
    }

    pub(super) fn remove(&mut self, id: MemberId, change: &mut Change) {
        change.put(self, ConsumerGroupRecord::Current(id, None));
        change.put(self, ConsumerGroupRecord::Target(id, None));
        change.put(self, ConsumerGroupRecord::Member(id, None));
    }
}
