//! Committing and reading offsets, whatever kind the group is (Kafka: `OffsetMetadataManager`).

use super::Action;
use super::journal::Around;
use super::journal::{Context, Outcome, Undo};
use super::member::Caller;
use super::shard::Shard;
use super::store::{Group, Store};
use crate::message::{
    Commit, CommittedOffset, GroupRecord, GroupResponse, OffsetCommitRequest, OffsetFetchRequest,
};
use crate::variant::Variant;
use ackproof_types::{ErrorCode, GenerationId, GroupId, TopicPartition};
use std::collections::BTreeSet;

/// R9.9–R9.12: the state takes it over at once, the answer waits (R9.3).
pub(super) fn commit(
    store: &mut Store,
    request: &OffsetCommitRequest,
    to: Caller,
    cx: &mut Context<'_>,
) {
    let claim = &request.claim;
    let validate = !cx.config.variants.has(Variant::ZombieCommitAccepted);
    let verdict = match store.groups.get(&cx.group) {
        Some(Group::Classic(state)) => state.check_commit(claim, validate, cx),
        Some(Group::Consumer(state)) if validate => state.check_commit(request, cx),
        None if validate && claim.generation >= GenerationId(0) => Err(ErrorCode::GroupIdNotFound),
        Some(Group::Consumer(_)) | None => Ok(()),
    };
    if let Err(error) = verdict {
        return cx.reply(to, GroupResponse::OffsetCommit(Err(error)));
    }
    // A topic that is deleted is refused, and the others are written (Kafka: `KafkaApis#handleOffsetCommitRequest`).
    // By name, what is meant for a topic that is deleted is taken for the one that has its name now.
    let place = |(asked, committed): &(TopicPartition, CommittedOffset)| {
        let place = cx.place(*asked);
        // What a mirror keeps of another cluster's topics, Kafka Connect keeps in a topic of its own.
        let known = cx.config.topics.get(asked.topic.index());
        let is_foreign = known.is_some_and(|topic| topic.partitions == 0);
        let exists = is_foreign || cx.partition_count(asked.topic) > 0;
        let exists = exists && (!request.by_id || place == *asked);
        exists.then_some((place, *committed))
    };
    let known: Vec<_> = request.offsets.iter().filter_map(place).collect();
    let is_whole = known.len() == request.offsets.len();
    let refused = Err(match request.by_id {
        true => ErrorCode::UnknownTopicId,
        false => ErrorCode::UnknownTopicOrPartition,
    });
    let done = GroupResponse::OffsetCommit(if is_whole { Ok(()) } else { refused });
    if known.is_empty() {
        return cx.respond(to, done);
    }
    let group = cx.group;
    let created = (!store.groups.contains_key(&group)).then_some(Undo::NoGroup(group));
    if created.is_some() {
        store.classic_or_new(group);
    }
    let (offsets, at) = (store.offsets.entry(group).or_default(), cx.now);
    let take_over = |(partition, committed): &(TopicPartition, _)| {
        let commit = Commit { committed: *committed, at };
        Undo::Offset(group, *partition, offsets.insert(*partition, commit))
    };
    let undo = created.into_iter().chain(known.iter().map(take_over));
    let record = |(partition, committed): &(TopicPartition, _)| GroupRecord::Offset {
        group,
        partition: *partition,
        committed: *committed,
        at,
    };
    cx.write(known.iter().map(record), undo, Some(Outcome::Reply(to, done)));
}

/// R9.5, R9.11.
pub(super) fn fetch(store: &Store, request: &OffsetFetchRequest, to: Caller, cx: &mut Context<'_>) {
    let verdict = match store.groups.get(&cx.group) {
        Some(Group::Consumer(state)) => state.check_fetch(request),
        Some(Group::Classic(_)) | None => Ok(()),
    };
    if let Err(error) = verdict {
        return cx.reply(to, GroupResponse::OffsetFetch(Err(error)));
    }
    let known = store.offsets.get(&cx.group);
    let committed = |named: &TopicPartition| {
        known.and_then(|it| it.get(&cx.place(*named))).map(|it| it.committed)
    };
    let offsets = match &request.partitions {
        Some(partitions) => partitions.iter().map(|at| (*at, committed(at))).collect(),
        None => {
            let all = known.into_iter().flatten();
            all.map(|(at, it)| (at.name(), Some(it.committed))).collect()
        }
    };
    cx.respond(to, GroupResponse::OffsetFetch(Ok(offsets)));
}

/// Writes the tombstones of all that groups have committed in partitions that are deleted (Kafka:
/// `OffsetMetadataManager#onPartitionsDeleted`).
pub(super) fn delete(
    shard: &mut Shard,
    deleted: &BTreeSet<TopicPartition>,
    around: Around<'_>,
    actions: &mut Vec<Action>,
) {
    let groups: Vec<GroupId> = shard.store.offsets.keys().copied().collect();
    for group in groups {
        let known = shard.store.offsets.get(&group).into_iter().flat_map(|all| all.keys());
        let gone: Vec<TopicPartition> = known.filter(|at| deleted.contains(at)).copied().collect();
        if gone.is_empty() {
            continue;
        }
        let store = &mut shard.store;
        let undo: Vec<Undo> =
            gone.iter().map(|at| Undo::Offset(group, *at, store.take_offset(group, *at))).collect();
        let records: Vec<GroupRecord> =
            gone.iter().map(|at| GroupRecord::NoOffset(group, *at)).collect();
        Context::new(group, around, &mut shard.journal, actions).write(records, undo, None);
    }
}
