//! A group that changes its kind (KIP-848, online migration; policy `bidirectional`): a classic group
//! becomes a consumer group with the first member that speaks the consumer protocol, and a classic one again
//! when the last of them goes.

use super::GroupTimer;
use super::classic;
use super::consumer::{self, Change};
use super::journal::{Context, Undo};
use super::member::Caller;
use super::store::{Group, Store};
use crate::message::{GroupRecord, GroupResponse};
use ackproof_types::{GenerationId, MemberId, RebalanceReason};

/// The classic group becomes a consumer group; what is to be written so far. Its members go on, and are
/// told to join again.
pub(super) fn upgrade(store: &mut Store, cx: &mut Context<'_>) -> Change {
    let Some(state) = store.classic(cx.group) else { return Change::new(cx.group) };
    state.dissolve(cx);
    let undo = Undo::Put(state.remembered(cx.group));
    let mut change = Change::created(cx.group, Some((GroupRecord::NoGroup(cx.group), undo)));
    let mut upgraded = consumer::Group::default();
    upgraded.adopt(state.generation, &state.members, &mut change, cx);
    store.groups.insert(cx.group, Group::Consumer(upgraded));
    change
}

/// The consumer group becomes a classic group of its members, but for one. Each has what it was to have in
/// the end, as in Kafka: if it becomes a consumer group again before they have joined, what they still own
/// counts as free.
pub(super) fn downgrade(
    store: &mut Store,
    without: Option<MemberId>,
    change: &mut Change,
    cx: &mut Context<'_>,
) {
    let Some(state) = store.consumer(cx.group) else { return };
    let generation = GenerationId::from(state.epoch);
    let downgraded = classic::Group::migrated(generation, state.released(without));
    state.end(change, cx);
    for (id, member) in &downgraded.members {
        cx.arm(GroupTimer::Session(cx.group, *id), member.session_timeout);
    }
    change.write_also(downgraded.written(cx.group));
    store.groups.insert(cx.group, Group::Classic(downgraded));
}

/// A member of a consumer group goes (R9.33). If it was the last that spoke the consumer protocol, the others
/// are a classic group from here on.
pub(super) fn remove(
    store: &mut Store,
    id: MemberId,
    reason: RebalanceReason,
    answer: Option<(Caller, GroupResponse)>,
    cx: &mut Context<'_>,
) {
    let Some(state) = store.consumer(cx.group) else { return };
    if !state.members.contains_key(&id) {
        return;
    }
    let mut change = Change::new(cx.group);
    if !state.downgrades_without(id) {
        state.fence(id, reason, &mut change, cx);
        return change.finish(answer, cx);
    }
    state.leaves(id, &mut change, cx);
    downgrade(store, Some(id), &mut change, cx);
    change.finish(answer, cx);
    if let Some(state) = store.classic(cx.group) {
        state.rebalance(reason, cx);
    }
}
