//! Members that are heard of, or are not: heartbeats, commits and the ends of sessions. It knows nothing
//! of how a rebalance goes on.

use super::{Group, State};
use crate::group::GroupTimer;
use crate::group::journal::Context;
use crate::group::member::Caller;
use crate::message::{GroupResponse, MemberClaim};
use ackproof_types::{ErrorCode, GenerationId, MemberId, RebalanceReason};

impl Group {
    /// R9.19.
    pub(in super::super) fn heartbeat(
        &self,
        claim: &MemberClaim,
        to: Caller,
        cx: &mut Context<'_>,
    ) {
        if let Err(error) = self.validate(claim) {
            return cx.reply(to, GroupResponse::Heartbeat(Err(error)));
        }
        let result = match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                Err(ErrorCode::RebalanceInProgress)
            }
            State::CompletingRebalance | State::Stable => Ok(()),
        };
        self.touch(claim.member, cx);
        cx.respond(to, GroupResponse::Heartbeat(result));
    }

    /// R9.10; `validate` is off in the variant that takes anybody's.
    pub(in super::super) fn check_commit(
        &self,
        claim: &MemberClaim,
        validate: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), ErrorCode> {
        let anonymous = claim.generation < GenerationId(0) && self.state == State::Empty;
        if validate && !anonymous {
            self.validate(claim)?;
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

    /// R9.20. A join phase goes on without the member, even the first one.
    pub(in super::super) fn expire(&mut self, id: MemberId, cx: &mut Context<'_>) {
        let excused = self.members.get(&id).is_some_and(|m| m.is_parked() && !m.is_new);
        if excused {
            return;
        }
        let was_pending = self.pending.remove(&id);
        if !was_pending && !self.forget(id, cx) {
            return;
        }
        match self.state {
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                self.complete_if_all_joined(cx);
            }
            State::CompletingRebalance | State::Stable if !was_pending => {
                self.prepare(RebalanceReason::SessionExpired, cx);
            }
            State::Empty | State::CompletingRebalance | State::Stable => {}
        }
    }

    pub(super) fn validate(&self, claim: &MemberClaim) -> Result<(), ErrorCode> {
        self.validate_member(claim.member, claim.instance)?;
        if claim.generation == self.generation { Ok(()) } else { Err(ErrorCode::IllegalGeneration) }
    }

    /// `ClassicGroup#validateMember`.
    pub(super) fn validate_member(
        &self,
        id: MemberId,
        instance: Option<u16>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.static_member(instance) {
                None => return Err(ErrorCode::UnknownMemberId),
                Some(known) if known != id => return Err(ErrorCode::FencedInstanceId),
                Some(_) => {}
            }
        }
        if self.members.contains_key(&id) { Ok(()) } else { Err(ErrorCode::UnknownMemberId) }
    }

    fn touch(&self, id: MemberId, cx: &mut Context<'_>) {
        if let Some(member) = self.members.get(&id) {
            cx.arm(GroupTimer::Session(cx.group, id), member.session_timeout);
        }
    }
}
