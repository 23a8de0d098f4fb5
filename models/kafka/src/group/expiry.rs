//! Committed offsets whose time is over, and groups that have nothing left (R9.37; Kafka:
//! `GroupCoordinatorShard#cleanupGroupMetadata`, `OffsetMetadataManager#cleanupExpiredOffsets`,
//! `GroupMetadataManager#maybeDeleteGroup`). When an offset expires, the group itself says.

use super::classic::Base;
use super::consumer;
use super::journal::{Around, Context, Undo};
use super::shard::Shard;
use super::store::{Group, Store};
use super::{Action, GroupTimer};
use crate::message::{Commit, GroupRecord};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{GroupId, Timestamp, TopicId, TopicPartition};
use std::sync::Arc;

impl Group {
    fn base(&self) -> Base {
        match self {
            Self::Classic(state) => state.expiry_base(),
            Self::Consumer(_) => Base::Commit,
        }
    }

    fn is_subscribed(&self, topic: TopicId) -> bool {
        match self {
            Self::Classic(state) => state.is_subscribed(topic),
            Self::Consumer(state) => state.is_subscribed(topic),
        }
    }
}

/// Writes the tombstones of all that has expired in a partition by now.
pub(super) fn clean_up(shard: &mut Shard, around: Around<'_>, actions: &mut Vec<Action>) {
    let groups: Vec<GroupId> = shard.store.groups.keys().copied().collect();
    for group in groups {
        let mut cx = Context::new(group, around, &mut shard.journal, actions);
        expire(&mut shard.store, &mut cx);
        if !shard.store.offsets.contains_key(&group) {
            delete(&mut shard.store, &mut cx);
        }
    }
}

fn expire(store: &mut Store, cx: &mut Context<'_>) {
    let group = cx.group;
    let (Some(state), Some(offsets)) = (store.groups.get(&group), store.offsets.get(&group)) else {
        return;
    };
    let is_over = |since: Timestamp| cx.now.since(since) >= cx.settings.offsets_retention;
    let forgets = cx.config.variants.has(Variant::OffsetsExpireDuringRebalance)
        && state.base() == Base::Never;
    let has_expired = |(partition, commit): &(&TopicPartition, &Commit)| {
        let is_over = match state.base() {
            Base::Commit => is_over(commit.at),
            Base::Since(since) => is_over(since),
            Base::Never => forgets && is_over(commit.at),
        };
        is_over && (forgets || !state.is_subscribed(partition.topic))
    };
    let expired = offsets.iter().filter(has_expired).map(|(partition, _)| *partition);
    let expired: Arc<[TopicPartition]> = expired.collect();
    if expired.is_empty() {
        return;
    }
    let take = |at: &TopicPartition| Undo::Offset(group, *at, store.take_offset(group, *at));
    let undo: Vec<Undo> = expired.iter().map(take).collect();
    let tombstone = |at: &TopicPartition| GroupRecord::NoOffset(group, *at);
    let records: Vec<GroupRecord> = expired.iter().map(tombstone).collect();
    cx.observe_once_written(Observation::OffsetsExpired { group, partitions: expired });
    cx.write(records, undo, None);
}

/// A group without members and offsets is no more. Whoever it had given a name must ask for another.
fn delete(store: &mut Store, cx: &mut Context<'_>) {
    let group = cx.group;
    let deleted = Observation::GroupDeleted { group };
    match store.groups.get_mut(&group) {
        Some(Group::Classic(state)) if state.is_empty() => {
            for id in &state.pending {
                cx.disarm(GroupTimer::Session(group, *id));
            }
            let undo = Undo::Put(state.emptied(group));
            store.groups.remove(&group);
            cx.observe_once_written(deleted);
            cx.write([GroupRecord::NoGroup(group)], [undo], None);
        }
        Some(Group::Consumer(state)) if state.members.is_empty() => {
            let mut change = consumer::Change::new(group);
            state.end(&mut change, cx);
            store.groups.remove(&group);
            cx.observe_once_written(deleted);
            change.finish(None, cx);
        }
        Some(Group::Classic(_) | Group::Consumer(_)) | None => {}
    }
}
