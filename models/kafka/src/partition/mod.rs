//! One replica of a partition: its log and its role.
//!
//! Decides what appending, fetching and changes of role do to the log; parking, timers and requests
//! are the broker's. Kafka: `Partition` (R2.*, R3.*, R4.*).

pub mod follower;
pub mod high_watermark;
pub mod leader;
#[cfg(test)]
mod tests;

use crate::log::ReplicaLog;
use crate::log::disk::BrokerWrite;
use crate::log::producers::Admission;
use crate::machine::Outbox;
use crate::message::{EpochEnd, FetchPartition, Fetched, FetchingReplica, RecordBatch};
use crate::metadata::PartitionRegistration;
use crate::observation::Observation;
use crate::variant::{Variant, Variants};
use ackproof_types::{BrokerId, ErrorCode, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use follower::Follower;
use high_watermark::Advance;
use leader::{LagTick, Leader, Surroundings};
use std::sync::Arc;

/// What a replica is to its partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Takes appends, counts followers.
    Leader(Leader),
    /// Copies from the leader, if there is one.
    Follower(Follower),
}

/// A replica.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Partition {
    /// Which.
    pub id: TopicPartition,
    /// Its log.
    pub log: ReplicaLog,
    /// The leadership it belongs to; UNKNOWN before the first metadata.
    pub leader_epoch: LeaderEpoch,
    /// The partition epoch it knows.
    pub partition_epoch: PartitionEpoch,
    /// Its role.
    pub role: Role,
}

/// Where a produced batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Placed {
    /// Offset of its first record.
    pub base: Offset,
    /// One past its last.
    pub next: Offset,
    /// It was there before.
    pub duplicate: bool,
}

/// What changed with new metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleChange {
    /// Nothing that matters to requests.
    None,
    /// This broker leads from here on, or under a new epoch.
    Led,
    /// This broker follows under a new epoch.
    Followed,
}

impl Partition {
    /// A replica that has heard of no leadership yet.
    #[must_use]
    pub fn new(id: TopicPartition, log: ReplicaLog) -> Self {
        Self {
            id,
            log,
            leader_epoch: LeaderEpoch::UNKNOWN,
            partition_epoch: PartitionEpoch::UNKNOWN,
            role: Role::Follower(Follower::of(None)),
        }
    }

    /// What holds of a replica between any two steps.
    pub(crate) fn check(&self) {
        self.log.check();
        if let Role::Leader(leader) = &self.role {
            leader.check(self.log.end());
            assert!(self.log.latest_epoch() <= self.leader_epoch, "nobody wrote after its leader");
        }
    }

    /// The leader's side, or why not.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`.
    pub fn leader(&mut self) -> Result<&mut Leader, ErrorCode> {
        match &mut self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower(_) => Err(ErrorCode::NotLeaderOrFollower),
        }
    }

    /// Whether this broker leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// The follower's side, unless this broker leads.
    pub fn follower(&mut self) -> Option<&mut Follower> {
        match &mut self.role {
            Role::Follower(follower) => Some(follower),
            Role::Leader(_) => None,
        }
    }

    /// R2.22, R2.23, R2.7: applies the controller's state.
    pub(crate) fn apply<T>(
        &mut self,
        state: &PartitionRegistration,
        around: Surroundings<'_>,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> RoleChange {
        let is_known = state.partition_epoch == self.partition_epoch
            && state.leader_epoch == self.leader_epoch;
        let passes = is_known && around.variants.is_mended();
        if state.partition_epoch < self.partition_epoch || passes {
            return RoleChange::None;
        }
        let new_epoch = state.leader_epoch > self.leader_epoch;
        self.partition_epoch = state.partition_epoch;
        self.leader_epoch = state.leader_epoch;
        if state.leader == Some(around.id) {
            self.lead(state, around, new_epoch, out)
        } else {
            self.follow(state.leader, new_epoch, around.variants, out)
        }
    }

    fn lead<T>(
        &mut self,
        state: &PartitionRegistration,
        around: Surroundings<'_>,
        new_epoch: bool,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> RoleChange {
        let end = self.log.end();
        let change = match &mut self.role {
            Role::Leader(leader) if new_epoch => {
                leader.renew(state, around.id, end, around.tick);
                if around.variants.is_mended() {
                    leader.forget_claims();
                }
                RoleChange::Led
            }
            Role::Leader(leader) => {
                leader.update(state, around.id);
                RoleChange::None
            }
            Role::Follower(_) => {
                self.role = Role::Leader(Leader::new(state, around.id, end, around.tick));
                RoleChange::Led
            }
        };
        if change == RoleChange::Led {
            if !around.variants.has(Variant::EpochStartOnlyOnAppend) {
                self.log.begin_epoch(state.leader_epoch, out);
            }
            out.observe(Observation::BecameLeader {
                partition: self.id,
                epoch: state.leader_epoch,
                log_end: end,
                high_watermark: self.log.high_watermark(),
            });
        }
        change
    }

    fn follow<T>(
        &mut self,
        leader: Option<BrokerId>,
        new_epoch: bool,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> RoleChange {
        if !new_epoch {
            return RoleChange::None;
        }
        let compared = match &self.role {
            Role::Follower(before)
                if variants.has(Variant::MissedEpochSkipsTruncation) && before.leader == leader =>
            {
                before.compared
            }
            Role::Follower(_) | Role::Leader(_) => false,
        };
        self.role = Role::Follower(Follower { compared, ..Follower::of(leader) });
        out.observe(Observation::BecameFollower {
            partition: self.id,
            epoch: self.leader_epoch,
            leader,
        });
        if variants.has(Variant::TruncateToHighWatermark) {
            let to = self.log.high_watermark();
            self.truncate(to, out);
        }
        RoleChange::Followed
    }

    /// R2.3, §2.3: whether a request's leader epoch is this replica's.
    ///
    /// # Errors
    /// `FENCED_LEADER_EPOCH` or `UNKNOWN_LEADER_EPOCH`.
    pub fn check_epoch(&self, epoch: LeaderEpoch) -> Result<(), ErrorCode> {
        if epoch == LeaderEpoch::UNKNOWN || epoch == self.leader_epoch {
            Ok(())
        } else if epoch < self.leader_epoch {
            Err(ErrorCode::FencedLeaderEpoch)
        } else {
            Err(ErrorCode::UnknownLeaderEpoch)
        }
    }

    /// §1.2, R1.3: stamps and appends a client's batch.
    ///
    /// # Errors
    /// `NOT_LEADER_OR_FOLLOWER`, or what [`ProducerStates::admit`] says. Nothing is written then.
    ///
    /// [`ProducerStates::admit`]: crate::log::producers::ProducerStates::admit
    pub(crate) fn append_as_leader<T>(
        &mut self,
        mut batch: RecordBatch,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Result<Placed, ErrorCode> {
        self.leader()?;
        if let Some(stamp) = batch.producer
            && !variants.has(Variant::NoDeduplication)
        {
            match self.log.producers().admit(stamp, batch.count(), variants)? {
                Admission::Fresh => {}
                Admission::Duplicate(base, next) => {
                    out.observe(Observation::DuplicateBatch {
                        partition: self.id,
                        base_offset: base,
                    });
                    return Ok(Placed { base, next, duplicate: true });
                }
            }
        }
        batch.base_offset = self.log.end();
        batch.leader_epoch = self.leader_epoch;
        let placed =
            Placed { base: batch.base_offset, next: batch.next_offset(), duplicate: false };
        self.observe_append(&batch, true, out);
        self.log.append(Arc::new(batch), out);
        Ok(placed)
    }

    /// R2.5: appends a leader's batch as it is, behind the gap that compaction may have left. Returns whether it
    /// fits at the end.
    pub(crate) fn append_as_follower<T>(
        &mut self,
        batch: &Arc<RecordBatch>,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> bool {
        if batch.base_offset < self.log.end() {
            return false;
        }
        self.observe_append(batch, false, out);
        self.log.append(Arc::clone(batch), out);
        true
    }

    fn observe_append<T>(
        &self,
        batch: &RecordBatch,
        as_leader: bool,
        out: &mut Outbox<T, BrokerWrite>,
    ) {
        out.observe(Observation::Appended {
            partition: self.id,
            epoch: batch.leader_epoch,
            base_offset: batch.base_offset,
            next_offset: batch.next_offset(),
            records: batch.records(),
            as_leader,
        });
    }

    /// R2.2: what a fetch from `leader` says of it; none if it is not fetched from there.
    pub(crate) fn ask(
        &mut self,
        leader: BrokerId,
        max_bytes: u32,
        variants: Variants,
    ) -> Option<FetchPartition> {
        let epoch = self.leader_epoch;
        let follower = self.follower().filter(|follower| follower.fetches_from(leader))?;
        follower.asked = epoch;
        let compared = follower.compared;
        let named = !variants.has(Variant::NoEpochInFetch);
        let last = self.log.latest_epoch();
        Some(FetchPartition {
            partition: self.id,
            offset: self.log.end(),
            leader_epoch: if named { epoch } else { LeaderEpoch::UNKNOWN },
            last_fetched_epoch: if compared { LeaderEpoch::UNKNOWN } else { last },
            log_start: self.log.start(),
            max_bytes,
        })
    }

    /// With some bugs a follower compares its log once, as before KIP-595, and not at each fetch. Its leader has
    /// found no difference; says whether its next fetch is another for that.
    pub(crate) fn compare_no_more(&mut self, variants: Variants) -> bool {
        const ONCE: [Variant; 2] =
            [Variant::MissedEpochSkipsTruncation, Variant::UnfencedTruncationSource];
        ONCE.iter().any(|bug| variants.has(*bug))
            && self.follower().is_some_and(|one| !std::mem::replace(&mut one.compared, true))
    }

    /// R2.8: whether a follower's fetch is of this replica's epoch. What `FencedBecomeFollowerAndTruncate` of
    /// `Kip320.tla` forbids is beside it: who has not reached the follower's epoch says where the logs part.
    ///
    /// # Errors
    /// Those of [`Self::check_epoch`]; with the bug those of [`Self::divergence`].
    pub(crate) fn check_fetch(
        &self,
        asked: &FetchPartition,
        variants: Variants,
    ) -> Result<Option<Fetched>, ErrorCode> {
        let Err(error) = self.check_epoch(asked.leader_epoch) else { return Ok(None) };
        let answers = error == ErrorCode::UnknownLeaderEpoch
            && variants.has(Variant::UnfencedTruncationSource);
        if !answers {
            return Err(error);
        }
        let none = Variants::default();
        Ok(Some(Fetched {
            fetch_offset: asked.offset,
            high_watermark: self.log.high_watermark(),
            log_start: self.log.start(),
            diverging: self.divergence(asked.offset, asked.last_fetched_epoch, none)?,
            preferred_read_replica: None,
            batches: Vec::new(),
        }))
    }

    /// What rule 3 of `Kip320.tla` forbids: a follower's claim counts though its fetch was refused, being of
    /// another epoch. Returns whether its log end changed.
    pub(crate) fn fetched_unfenced(
        &mut self,
        result: &Result<Fetched, ErrorCode>,
        (replica, offset): (FetchingReplica, Offset),
        (tick, variants): (LagTick, Variants),
    ) -> bool {
        let of_another =
            matches!(result, Err(ErrorCode::FencedLeaderEpoch | ErrorCode::UnknownLeaderEpoch));
        let end = self.log.end();
        of_another
            && variants.has(Variant::UnfencedHighWatermarkAdvance)
            && self.leader().is_ok_and(|leader| {
                leader.fetched(replica.broker, replica.epoch, offset.min(end), end, tick)
            })
    }

    /// R2.8: where the fetcher's log parts from this leader's, if it does.
    ///
    /// # Errors
    /// `OFFSET_OUT_OF_RANGE` if this log has no answer, or begins after the offset.
    pub fn divergence(
        &self,
        offset: Offset,
        last_fetched: LeaderEpoch,
        variants: Variants,
    ) -> Result<Option<EpochEnd>, ErrorCode> {
        if last_fetched == LeaderEpoch::UNKNOWN || variants.has(Variant::NoDivergenceCheck) {
            return Ok(None);
        }
        let mut end = self.log.end_of(last_fetched);
        // KAFKA-7415: an epoch that is later than all it has noted is taken for its own.
        if variants.has(Variant::EpochStartOnlyOnAppend) && last_fetched > self.log.latest_epoch() {
            end = EpochEnd { epoch: last_fetched, end: self.log.end() };
        }
        if variants.has(Variant::EpochEndOfUnknownEpoch) && end != EpochEnd::UNDEFINED {
            end.epoch = last_fetched;
        }
        if end == EpochEnd::UNDEFINED || offset < self.log.start() {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let diverges = end.epoch < last_fetched || end.end < offset;
        Ok(diverges.then_some(end))
    }

    /// R2.9: cuts a follower's log on its leader's word.
    pub(crate) fn truncate_on_divergence<T>(
        &mut self,
        leader: EpochEnd,
        variants: Variants,
        out: &mut Outbox<T, BrokerWrite>,
    ) {
        let own = self.log.end_of(leader.epoch);
        let to = if own == EpochEnd::UNDEFINED {
            leader.end
        } else if own.epoch == leader.epoch {
            own.end.min(leader.end)
        } else {
            own.end
        };
        let to = to.min(self.log.end());
        if to < self.log.end() || !variants.has(Variant::EpochsSurviveTruncation) {
            self.truncate(to, out);
        }
    }

    pub(crate) fn truncate<T>(&mut self, to: Offset, out: &mut Outbox<T, BrokerWrite>) {
        if let Some(from) = self.log.truncate(to, out) {
            out.observe(Observation::Truncated { partition: self.id, from, to });
        }
    }

    /// R2.17: advances a leader's high watermark if it may; returns whether it did.
    pub(crate) fn maybe_advance<T>(
        &mut self,
        around: Surroundings<'_>,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        match leader.high_watermark(self.log.high_watermark(), self.log.end(), around) {
            Advance::To(offset) => {
                self.log.set_high_watermark(offset);
                out.observe(Observation::HighWatermark {
                    partition: self.id,
                    epoch: self.leader_epoch,
                    offset,
                });
                true
            }
            Advance::BelowMinInSync | Advance::Unchanged => false,
        }
    }
}
