//! Who wants to join: a group is created, or one of the other kind that is empty makes way (Kafka:
//! `GroupMetadataManager#classicGroupJoin`, `#getOrMaybeCreateConsumerGroup`).

use super::classic;
use super::consumer;
use super::journal::{Context, Undo};
use super::member::Caller;
use super::store::{Group, Store};
use super::{GroupTimer, migrate};
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupRecord, GroupResponse,
    JoinGroupRequest, JoinGroupResponse,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, MemberEpoch, MemberId, Micros, RebalanceReason};

/// R9.14; whether `new` was given away.
pub(super) fn classic(
    store: &mut Store,
    request: &JoinGroupRequest,
    new: MemberId,
    to: Caller,
    cx: &mut Context<'_>,
) -> bool {
    let bounds = cx.settings.group_min_session_timeout..=cx.settings.group_max_session_timeout;
    // R9.22.
    if !bounds.contains(&request.session_timeout) {
        return refuse(ErrorCode::InvalidSessionTimeout, to, cx);
    }
    if store.consumer(cx.group).is_some_and(|state| !state.members.is_empty()) {
        return classic_to_consumer(store, request, new, to, cx);
    }
    let Some(member) = request.member else {
        make_way_for_classic(store, cx);
        if store.classic(cx.group).is_none() {
            // R9.14: the group exists from here on, also for a later coordinator.
            cx.write([classic::Group::unborn(cx.group)], [Undo::NoGroup(cx.group)], None);
        }
        let Some(state) = store.classic_or_new(cx.group) else { return false };
        if !state.supports(&request.metadata.protocols) {
            return refuse(ErrorCode::InconsistentGroupProtocol, to, cx);
        }
        if let Some(instance) = request.metadata.instance {
            state.join_static(new, instance, request, to, cx);
        } else if !request.require_known_member_id {
            state.add(new, request, to, cx);
        } else {
            state.name(new, request.session_timeout, cx);
            cx.reply(to, GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(new)));
        }
        return true;
    };
    match store.classic(cx.group) {
        Some(state) => {
            state.join(member, request, to, cx);
            false
        }
        None => refuse(ErrorCode::UnknownMemberId, to, cx),
    }
}

fn refuse(error: ErrorCode, to: Caller, cx: &mut Context<'_>) -> bool {
    cx.reply(to, GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)));
    false
}

/// A consumer group that is empty is deleted.
fn make_way_for_classic(store: &mut Store, cx: &mut Context<'_>) {
    let Some(state) = store.consumer(cx.group) else { return };
    let mut change = consumer::Change::new(cx.group);
    state.end(&mut change, cx);
    store.groups.remove(&cx.group);
    cx.observe_once_written(Observation::GroupDeleted { group: cx.group });
    change.finish(None, cx);
}

/// R9.29: a heartbeat of a member of a consumer group. One that joins creates the group.
pub(super) fn consumer(
    store: &mut Store,
    request: &ConsumerGroupHeartbeatRequest,
    to: Caller,
    cx: &mut Context<'_>,
) {
    if let Err(error) = consumer::validate(request, cx) {
        return cx.reply(to, GroupResponse::ConsumerGroupHeartbeat(Err(error)));
    }
    if request.epoch < MemberEpoch::JOIN {
        return leave(store, request, to, cx);
    }
    if let Some(state) = store.consumer(cx.group) {
        let change = consumer::Change::new(cx.group);
        return state.heartbeat(request, to, change, cx);
    }
    let joins = request.epoch == MemberEpoch::JOIN;
    let change = match store.classic(cx.group) {
        _ if !joins => Err(ErrorCode::GroupIdNotFound),
        None => Ok(create(store, None, cx)),
        Some(state) if state.is_empty() => {
            let instead = make_way_for_consumer(state, cx);
            Ok(create(store, Some(instead), cx))
        }
        Some(state) if state.members.contains_key(&request.member) => {
            Err(ErrorCode::FencedMemberEpoch)
        }
        Some(_) => Ok(migrate::upgrade(store, cx)),
    };
    match (change, store.consumer(cx.group)) {
        (Ok(change), Some(state)) => state.heartbeat(request, to, change, cx),
        (Err(error), _) => cx.reply(to, GroupResponse::ConsumerGroupHeartbeat(Err(error))),
        (Ok(_), None) => {}
    }
}

fn create(
    store: &mut Store,
    instead: Option<(GroupRecord, Undo)>,
    cx: &Context<'_>,
) -> consumer::Change {
    store.groups.insert(cx.group, Group::Consumer(consumer::Group::unborn(cx)));
    consumer::Change::created(cx.group, instead)
}

/// R9.29: a member leaves for good or, if it is a static one, for the time being.
fn leave(
    store: &mut Store,
    request: &ConsumerGroupHeartbeatRequest,
    to: Caller,
    cx: &mut Context<'_>,
) {
    let known = store.consumer(cx.group).ok_or(ErrorCode::GroupIdNotFound);
    let state = match known.and_then(|state| state.check_leave(request).map(|()| state)) {
        Ok(state) => state,
        Err(error) => return cx.reply(to, GroupResponse::ConsumerGroupHeartbeat(Err(error))),
    };
    let response = GroupResponse::ConsumerGroupHeartbeat(Ok(ConsumerGroupHeartbeatResponse {
        epoch: request.epoch,
        heartbeat_interval: Micros::ZERO,
        assignment: None,
    }));
    if request.epoch == MemberEpoch::LEAVE_STATIC {
        let mut change = consumer::Change::new(cx.group);
        state.go_away(request.member, &mut change, cx);
        return change.answer(to, response, cx);
    }
    migrate::remove(store, request.member, RebalanceReason::Left, Some((to, response)), cx);
}

/// A member of a consumer group that speaks the classic protocol; whether `new` was given away.
fn classic_to_consumer(
    store: &mut Store,
    request: &JoinGroupRequest,
    new: MemberId,
    to: Caller,
    cx: &mut Context<'_>,
) -> bool {
    let Some(state) = store.consumer(cx.group) else { return false };
    if !state.supports(&request.metadata.protocols) {
        return refuse(ErrorCode::InconsistentGroupProtocol, to, cx);
    }
    let is_new = request.member.is_none() && request.metadata.instance.is_none();
    if is_new && request.require_known_member_id {
        cx.reply(to, GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(new)));
        return true;
    }
    let joined = match state.join_classic(request, new, cx) {
        Ok(joined) => joined,
        Err(error) => return refuse(error, to, cx),
    };
    let consumer::Joined { mut change, answer, downgrades } = joined;
    if downgrades {
        migrate::downgrade(store, None, &mut change, cx);
    }
    change.answer(to, answer, cx);
    request.member.is_none()
}

/// A classic group that is empty is deleted, with the names that it gave.
fn make_way_for_consumer(state: &classic::Group, cx: &mut Context<'_>) -> (GroupRecord, Undo) {
    for id in &state.pending {
        cx.disarm(GroupTimer::Session(cx.group, *id));
    }
    cx.observe_once_written(Observation::GroupDeleted { group: cx.group });
    (GroupRecord::NoGroup(cx.group), Undo::Put(state.emptied(cx.group)))
}
