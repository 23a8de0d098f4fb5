//! Who may commit and read offsets (Kafka: `ConsumerGroup#validateOffsetCommit`, `#validateOffsetFetch`;
//! R9.11, R9.36). Nobody is asked whether it owns the partition (R9.12).

use super::group::Group;
use crate::group::journal::Context;
use crate::message::{MemberClaim, OffsetCommitRequest, OffsetFetchRequest};
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, MemberEpoch, MemberId, TopicPartition};

impl Group {
    /// A commit needs the member's epoch. From 4.3 on an older one will do, but not for a partition that the
    /// member was not given by then: that fails the whole commit (R17.57, KIP-1251).
    pub(in super::super) fn check_commit(
        &self,
        request: &OffsetCommitRequest,
        cx: &Context<'_>,
    ) -> Result<(), ErrorCode> {
        let MemberClaim { member, generation, .. } = request.claim;
        let epoch = MemberEpoch::from(generation);
        if epoch < MemberEpoch::JOIN && self.members.is_empty() {
            return Ok(());
        }
        let current = self.current.get(&member).ok_or(ErrorCode::UnknownMemberId)?;
        let had_by_then = |partition: &TopicPartition| {
            let since = current.assigned.get(partition).or_else(|| current.revoking.get(partition));
            since.is_some_and(|since| *since <= epoch)
        };
        let mut partitions = request.offsets.iter().map(|(partition, _)| partition);
        let is_late = epoch < current.epoch
            && !self.is_classic(member)
            && cx.config.profile.has(Rule::AssignmentEpochs)
            && !cx.config.variants.has(Variant::FalseFencingCommit);
        if epoch == current.epoch || (is_late && partitions.all(had_by_then)) {
            Ok(())
        } else {
            Err(self.stale(member))
        }
    }

    /// Whoever says who it is must be a member, in its epoch.
    pub(in super::super) fn check_fetch(
        &self,
        request: &OffsetFetchRequest,
    ) -> Result<(), ErrorCode> {
        let Some((member, epoch)) = request.member else { return Ok(()) };
        let current = self.current.get(&member).ok_or(ErrorCode::UnknownMemberId)?;
        if epoch == current.epoch { Ok(()) } else { Err(self.stale(member)) }
    }

    /// What another epoch is called in the protocol of the member.
    fn stale(&self, member: MemberId) -> ErrorCode {
        if self.is_classic(member) {
            ErrorCode::IllegalGeneration
        } else {
            ErrorCode::StaleMemberEpoch
        }
    }
}
