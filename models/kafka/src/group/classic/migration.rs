//! A classic group as it is written, also when it becomes a consumer group or was one (KIP-848; Kafka:
//! `GroupMetadataManager#convertToConsumerGroup`, `#convertToClassicGroup`).

use super::{Group, State};
use crate::group::GroupTimer;
use crate::group::journal::Context;
use crate::group::member::{Member, Parked};
use crate::message::{GroupRecord, GroupResponse, JoinGroupResponse, PersistedMember};
use ackproof_types::{ErrorCode, GenerationId, GroupId, MemberId, RebalanceReason};
use std::collections::BTreeMap;

impl Group {
    /// A stable group of members that were in a consumer group.
    pub(in super::super) fn migrated(
        generation: GenerationId,
        members: BTreeMap<MemberId, Member>,
    ) -> Self {
        let mut group = Self { state: State::Stable, generation, members, ..Self::default() };
        group.protocol = group.select_protocol();
        group
    }

    /// It is no more: whoever waits is told to join again, and no timer of the group is left.
    pub(in super::super) fn dissolve(&self, cx: &mut Context<'_>) {
        cx.disarm(GroupTimer::Join(cx.group));
        cx.disarm(GroupTimer::Sync(cx.group));
        for id in &self.pending {
            cx.disarm(GroupTimer::Session(cx.group, *id));
        }
        let error = ErrorCode::RebalanceInProgress;
        for member in self.members.values() {
            if let Some(caller) = member.joining.and_then(Parked::caller) {
                let refused = JoinGroupResponse::Refused(error);
                cx.reply(caller, GroupResponse::JoinGroup(refused));
            }
            if let Some(caller) = member.syncing.and_then(Parked::caller) {
                cx.reply(caller, GroupResponse::SyncGroup(Err(error)));
            }
        }
    }

    /// A member is gone: the others share out its partitions.
    pub(in super::super) fn rebalance(&mut self, reason: RebalanceReason, cx: &mut Context<'_>) {
        self.prepare(reason, cx);
    }

    /// As it is written before anyone joined.
    pub(in super::super) fn unborn(group: GroupId) -> GroupRecord {
        Self::default().emptied(group)
    }

    /// As it is written without members.
    pub(in super::super) fn emptied(&self, group: GroupId) -> GroupRecord {
        let Self { generation, empty_since, .. } = *self;
        let (protocol, leader, members) = (None, None, Vec::new());
        GroupRecord::Group { group, generation, protocol, leader, empty_since, members }
    }

    /// As it is written.
    pub(in super::super) fn written(&self, group: GroupId) -> GroupRecord {
        let member = |(id, member): (&MemberId, &Member)| {
            member.persisted(*id, self.protocol, member.assignment.clone())
        };
        self.with_members(group, self.members.iter().map(member).collect())
    }

    /// All that is known of it, but for who waits.
    pub(in super::super) fn remembered(&self, group: GroupId) -> GroupRecord {
        let member = |(id, member): (&MemberId, &Member)| PersistedMember {
            member: *id,
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            metadata: member.metadata.clone(),
            assignment: member.assignment.clone(),
        };
        self.with_members(group, self.members.iter().map(member).collect())
    }

    fn with_members(&self, group: GroupId, members: Vec<PersistedMember>) -> GroupRecord {
        let Self { generation, protocol, leader, empty_since, .. } = *self;
        GroupRecord::Group { group, generation, protocol, leader, empty_since, members }
    }
}
