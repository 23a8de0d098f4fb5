//! The one request of the members (Kafka: `GroupMetadataManager#consumerGroupHeartbeat`; R9.29–R9.32): it
//! brings the member up to date, the target up to date with the group, and the member nearer to its target.

use super::change::Change;
use super::group::Group;
use super::reconcile::{Goal, reconcile};
use crate::group::GroupTimer;
use crate::group::journal::Context;
use crate::group::member::Caller;
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, ConsumerGroupRecord,
    ConsumerMember, CurrentAssignment, GroupResponse, MemberState,
};
use crate::observation::Observation;
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, MemberEpoch, MemberId, RebalanceReason, TopicId, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Whether the request makes sense (`#throwIfConsumerGroupHeartbeatRequestIsInvalid`).
pub(in super::super) fn validate(
    request: &ConsumerGroupHeartbeatRequest,
    cx: &Context<'_>,
) -> Result<(), ErrorCode> {
    let is_first = request.rebalance_timeout.is_some()
        && request.topics.as_ref().is_some_and(|topics| !topics.is_empty())
        && request.owned.as_ref().is_some_and(|owned| owned.is_empty());
    let makes_sense = match request.epoch {
        MemberEpoch::JOIN => is_first,
        MemberEpoch::LEAVE => true,
        MemberEpoch::LEAVE_STATIC => request.instance.is_some(),
        epoch => epoch > MemberEpoch::JOIN,
    };
    let available = cx.settings.group_consumer_assignors;
    if cx.config.profile.features.group_version < 1 {
        Err(ErrorCode::UnsupportedVersion)
    } else if !makes_sense {
        Err(ErrorCode::InvalidRequest)
    } else if request.assignor.is_some_and(|assignor| !available.contains(&assignor)) {
        Err(ErrorCode::UnsupportedAssignor)
    } else {
        Ok(())
    }
}

impl Group {
    /// One that is about to get its first member. From 4.3 on its first target is that of epoch 2 (R17.59).
    pub(in super::super) fn unborn(cx: &Context<'_>) -> Self {
        let starts_late = cx.config.profile.has(Rule::AssignmentInterval);
        let epoch = MemberEpoch(i32::from(starts_late));
        Self { epoch, target_epoch: epoch, ..Self::default() }
    }

    /// A member joins or stays; `change` holds what created the group for it.
    pub(in super::super) fn heartbeat(
        &mut self,
        request: &ConsumerGroupHeartbeatRequest,
        to: Caller,
        mut change: Change,
        cx: &mut Context<'_>,
    ) {
        let replaces = match self.admit(request, cx) {
            Ok(replaces) => replaces,
            Err(error) => {
                return cx.reply(to, GroupResponse::ConsumerGroupHeartbeat(Err(error)));
            }
        };
        let id = request.member;
        if let Some(old) = replaces {
            self.replace(old, id, &mut change, cx);
        }
        let before = self.current(id);
        let said = self.said(request);
        if let Some(reason) = self.update(id, said, &mut change).or_else(|| self.outgrown(cx)) {
            self.bump(reason, &mut change, cx);
        }
        self.update_target(&mut change, cx);
        let after = self.advance(id, request.owned.as_deref(), &mut change, cx);
        cx.arm(GroupTimer::Session(cx.group, id), cx.settings.group_consumer_session_timeout);
        let is_news = request.is_full() || !after.assigned.keys().eq(before.assigned.keys());
        let response = ConsumerGroupHeartbeatResponse {
            epoch: after.epoch,
            heartbeat_interval: cx.settings.group_consumer_heartbeat_interval,
            assignment: is_news.then(|| after.assigned.keys().copied().collect()),
        };
        change.answer(to, GroupResponse::ConsumerGroupHeartbeat(Ok(response)), cx);
    }

    /// What the member is with what it says.
    fn said(&self, request: &ConsumerGroupHeartbeatRequest) -> ConsumerMember {
        let known = self.members.get(&request.member).cloned().unwrap_or_default();
        let topics = request.topics.as_ref().map(|topics| {
            let ascending: BTreeSet<TopicId> = topics.iter().copied().collect();
            ascending.into_iter().collect()
        });
        ConsumerMember {
            instance: request.instance.or(known.instance),
            rebalance_timeout: request.rebalance_timeout.unwrap_or(known.rebalance_timeout),
            topics: topics.unwrap_or(known.topics),
            assignor: request.assignor.or(known.assignor),
            classic: None,
        }
    }

    /// The member is `now`; why that changes the group, if it does: it subscribes to other topics (R9.31).
    pub(super) fn update(
        &mut self,
        id: MemberId,
        now: ConsumerMember,
        change: &mut Change,
    ) -> Option<RebalanceReason> {
        let before = self.members.get(&id);
        let topics_before = before.map(|before| Arc::clone(&before.topics)).unwrap_or_default();
        let reason = match before {
            None => RebalanceReason::Joined,
            Some(_) => RebalanceReason::Metadata,
        };
        let reason = (topics_before != now.topics).then_some(reason);
        if before != Some(&now) {
            change.put(self, ConsumerGroupRecord::Member(id, Some(now)));
        }
        reason
    }

    /// R9.32: a step of the member towards its target; what it has now. One that must give something up has
    /// its rebalance timeout for it; with the classic protocol it has its join for that.
    pub(super) fn advance(
        &mut self,
        id: MemberId,
        owned: Option<&[TopicPartition]>,
        change: &mut Change,
        cx: &mut Context<'_>,
    ) -> CurrentAssignment {
        let now = self.current(id);
        let partitions = self.target_of(id, cx);
        let topics = self.members.get(&id).map(|it| Arc::clone(&it.topics)).unwrap_or_default();
        let has_unsubscribed = cx.config.profile.has(Rule::AssignmentInterval)
            && now.assigned.keys().any(|partition| !topics.contains(&partition.topic));
        let goal = Goal { epoch: self.target_epoch, partitions: &partitions, has_unsubscribed };
        let ignores_owners = cx.config.variants.has(Variant::UnreleasedGranted);
        let is_free = |partition| ignores_owners || self.is_free(partition);
        let next = reconcile(&now, &goal, owned, is_free);
        if next == now {
            return now;
        }
        self.tell_of_release(id, &now, &next, cx);
        change.put(self, ConsumerGroupRecord::Current(id, Some(next.clone())));
        let timer = GroupTimer::Rebalance(cx.group, id);
        if self.is_classic(id) {
            return next;
        }
        if next.state == MemberState::UnrevokedPartitions {
            let timeout = self.members.get(&id).map(|it| it.rebalance_timeout);
            cx.arm(timer, timeout.unwrap_or_default());
        } else {
            cx.disarm(timer);
        }
        next
    }

    fn tell_of_release(
        &self,
        id: MemberId,
        now: &CurrentAssignment,
        next: &CurrentAssignment,
        cx: &mut Context<'_>,
    ) {
        let had = now.assigned.keys().chain(now.revoking.keys()).copied();
        let has = |one: &TopicPartition| {
            next.assigned.contains_key(one) || next.revoking.contains_key(one)
        };
        let released: BTreeSet<TopicPartition> = had.filter(|one| !has(one)).collect();
        if !released.is_empty() {
            cx.observe(Observation::PartitionsReleased {
                group: cx.group,
                member: id,
                generation: self.epoch.into(),
                partitions: released.into_iter().collect(),
            });
        }
    }
}
