//! Members with a `group.instance.id`: who is who after a restart (KIP-345; R9.14, R9.21).

use super::{Group, State, refuse};
use crate::group::GroupTimer;
use crate::group::journal::{Context, Outcome, Undo};
use crate::group::member::{Before, Caller, Parked};
use crate::message::{GroupResponse, JoinGroupRequest, JoinGroupResponse};
use crate::observation::Observation;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, MemberId, RebalanceReason};

impl Group {
    /// The member that has this instance id now.
    pub(super) fn static_member(&self, instance: u16) -> Option<MemberId> {
        let mut members = self.members.iter();
        members.find(|(_, one)| one.metadata.instance == Some(instance)).map(|(id, _)| *id)
    }

    /// A static member joins without a member id: it is `new` from now on
    /// (`GroupMetadataManager#classicGroupJoinNewStaticMember`).
    pub(in super::super) fn join_static(
        &mut self,
        new: MemberId,
        instance: u16,
        request: &JoinGroupRequest,
        caller: Caller,
        cx: &mut Context<'_>,
    ) {
        if !self.supports(&request.metadata.protocols) {
            return refuse(ErrorCode::InconsistentGroupProtocol, caller, cx);
        }
        let Some(old) = self.static_member(instance) else {
            return self.add(new, request, caller, cx);
        };
        if cx.config.variants.has(Variant::StaticMemberClone) && self.state != State::Stable {
            return self.join(old, request, caller, cx);
        }
        let Some(member) = self.members.get(&old) else { return };
        let before = Before::of(old, member);
        self.replace(old, new, cx);
        cx.observe(Observation::MemberReplaced { group: cx.group, before: old, member: new });
        let Some(member) = self.members.get_mut(&new) else { return };
        member.metadata = request.metadata.clone();
        member.rebalance_timeout = request.rebalance_timeout;
        member.session_timeout = request.session_timeout;
        member.joining = Some(Parked::Waiting(caller));
        cx.arm(GroupTimer::Session(cx.group, new), request.session_timeout);
        match self.state {
            State::Stable if self.protocol == self.select_protocol() => {
                self.step_in(before, new, caller, cx);
            }
            State::Stable => self.rebalance_or_complete(RebalanceReason::Metadata, cx),
            // The leader may make its assignment for the id before.
            State::CompletingRebalance => self.prepare(RebalanceReason::Joined, cx),
            State::Empty | State::InitialRebalance { .. } | State::PreparingRebalance => {
                self.rebalance_or_complete(RebalanceReason::Joined, cx);
            }
        }
        self.parked(new, caller, cx);
    }

    /// It takes the place of the member before, with its partitions, and nobody else notices.
    fn step_in(&mut self, before: Before, new: MemberId, caller: Caller, cx: &mut Context<'_>) {
        if let Some(member) = self.members.get_mut(&new) {
            member.joining = None;
        }
        let shares = self.members.iter();
        let shares: Vec<_> = shares.map(|(id, one)| (*id, one.assignment.clone())).collect();
        let response = self.joined(new, self.leader == Some(new));
        let undo = Undo::Replaced(cx.group, new, Box::new(before));
        cx.write([self.record(cx, &shares)], [undo], Some(Outcome::Reply(caller, response)));
    }

    /// `ClassicGroup#replaceStaticMember`: who waits under the old id is fenced.
    fn replace(&mut self, old: MemberId, new: MemberId, cx: &mut Context<'_>) {
        let Some(mut member) = self.members.remove(&old) else { return };
        cx.disarm(GroupTimer::Session(cx.group, old));
        if let Some(caller) = member.joining.take().and_then(Parked::caller) {
            let fenced = JoinGroupResponse::Refused(ErrorCode::FencedInstanceId);
            cx.reply(caller, GroupResponse::JoinGroup(fenced));
        }
        if let Some(caller) = member.syncing.take().and_then(Parked::caller) {
            cx.reply(caller, GroupResponse::SyncGroup(Err(ErrorCode::FencedInstanceId)));
        }
        self.members.insert(old, member);
        self.rename(old, new);
    }

    /// Nobody took the place of `before` after all.
    pub(in super::super) fn restore(
        &mut self,
        new: MemberId,
        before: Before,
        cx: &mut Context<'_>,
    ) {
        let Before { id, metadata, session_timeout, rebalance_timeout } = before;
        let Some(member) = self.members.get_mut(&new) else { return };
        (member.metadata, member.rebalance_timeout) = (metadata, rebalance_timeout);
        member.session_timeout = session_timeout;
        self.rename(new, id);
        cx.disarm(GroupTimer::Session(cx.group, new));
        cx.arm(GroupTimer::Session(cx.group, id), session_timeout);
        cx.observe(Observation::MemberReplaced { group: cx.group, before: new, member: id });
    }

    fn rename(&mut self, old: MemberId, new: MemberId) {
        let Some(member) = self.members.remove(&old) else { return };
        self.members.insert(new, member);
        if self.unsynced.remove(&old) {
            self.unsynced.insert(new);
        }
        if self.leader == Some(old) {
            self.leader = Some(new);
        }
    }
}
