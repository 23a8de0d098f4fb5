//! What a leader keeps of its followers and its in-sync set.
//!
//! Decides; sends nothing. Kafka: `Partition`, `Replica` (R2.12–R2.19, R3.*).

use super::high_watermark::{Advance, Standing, advance};
use crate::message::{IsrProposal, IsrState};
use crate::metadata::{MetadataImage, PartitionRegistration};
use crate::variant::{Variant, Variants};
use ackproof_types::{BrokerEpoch, BrokerId, LeaderEpoch, Offset, PartitionEpoch, TopicPartition};
use std::hash::{Hash, Hasher};

/// Counts the lag checks (every `replica.lag.time.max.ms` / 2) of a broker. An instant is known by
/// the number of checks before it. A member last caught up between checks `k - 1` and `k` lags by at
/// most one interval at check `k`, by at most two at `k + 1` and by more than two at `k + 2`, where it
/// is removed, as by Kafka's comparison of clocks (R3.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LagTick(pub u64);

/// What the decisions of a leader depend on outside the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Surroundings<'a> {
    /// This broker.
    pub id: BrokerId,
    /// Its view of the cluster.
    pub image: &'a MetadataImage,
    /// Lag checks so far.
    pub tick: LagTick,
    /// `min.insync.replicas`.
    pub min_isr: usize,
    /// Bugs switched on.
    pub variants: Variants,
}

/// A follower as its leader sees it (R2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Remote {
    id: BrokerId,
    log_end: Offset,
    leader_end_at_last_fetch: Offset,
    last_fetch: Option<LagTick>,
    last_caught_up: Option<LagTick>,
    broker_epoch: Option<BrokerEpoch>,
}

impl Remote {
    /// One that has not fetched yet.
    fn new(id: BrokerId, last_caught_up: Option<LagTick>) -> Self {
        Self {
            id,
            log_end: Offset::UNKNOWN,
            leader_end_at_last_fetch: Offset::UNKNOWN,
            last_fetch: None,
            last_caught_up,
            broker_epoch: None,
        }
    }
}

/// The in-sync set with a change under way (R3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Pending {
    None,
    Expand(BrokerId),
    Shrink(Vec<BrokerId>),
}

/// The leader's side of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    epoch_start: Offset,
    isr: Vec<BrokerId>,
    pending: Pending,
    /// Counts what was ever pending: tells an answer from one to a change before.
    changes: u64,
    remotes: Vec<Remote>,
}

/// How many changes there were is left out: an explorer meets the same leader again, and looks beside it whether
/// what is under way is what is pending.
impl Hash for Leader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { epoch_start, isr, pending, changes: _, remotes } = self;
        (epoch_start, isr, pending, remotes).hash(state);
    }
}

impl Leader {
    /// A new leadership of a broker that did not lead before (R2.15).
    pub fn new(state: &PartitionRegistration, id: BrokerId, end: Offset, tick: LagTick) -> Self {
        let remotes = state
            .replicas
            .iter()
            .filter(|replica| **replica != id)
            .map(|replica| Remote::new(*replica, state.isr.contains(replica).then_some(tick)))
            .collect();
        Self {
            epoch_start: end,
            isr: state.isr.clone(),
            pending: Pending::None,
            changes: 0,
            remotes,
        }
    }

    /// R2.22: committed state from metadata replaces what is pending. Replicas come and go with it.
    pub fn update(&mut self, state: &PartitionRegistration, id: BrokerId) {
        self.isr.clone_from(&state.isr);
        self.pending = Pending::None;
        self.remotes.retain(|remote| state.replicas.contains(&remote.id));
        for replica in state.replicas.iter().filter(|replica| **replica != id) {
            if !self.is_replica(*replica) {
                self.remotes.push(Remote::new(*replica, None));
            }
        }
    }

    /// R2.15: the same broker leads on under a new epoch.
    pub fn renew(
        &mut self,
        state: &PartitionRegistration,
        id: BrokerId,
        end: Offset,
        tick: LagTick,
    ) {
        self.update(state, id);
        self.epoch_start = end;
        for remote in &mut self.remotes {
            let in_isr = state.isr.contains(&remote.id);
            remote.leader_end_at_last_fetch = end;
            remote.last_fetch = in_isr.then_some(tick);
            remote.last_caught_up = in_isr.then_some(tick);
        }
    }

    /// Not Kafka's rule (R2.15): what followers claimed in an earlier epoch says nothing of this one. A follower may
    /// have followed somebody else in between, and cut its log.
    pub(super) fn forget_claims(&mut self) {
        for remote in &mut self.remotes {
            *remote = Remote {
                log_end: Offset::UNKNOWN,
                leader_end_at_last_fetch: Offset::UNKNOWN,
                ..*remote
            };
        }
    }

    /// What holds of a leader whose log ends at `end`, between any two steps.
    pub(super) fn check(&self, end: Offset) {
        assert!(!self.isr.is_empty(), "R5.20: an in-sync set is never empty");
        assert!(self.epoch_start <= end, "a leader's log does not shrink");
        match &self.pending {
            Pending::None => {}
            Pending::Expand(broker) => {
                assert!(!self.isr.contains(broker), "R3.6: {broker:?} joins what it is in");
                assert!(self.is_replica(*broker), "R3.6: {broker:?} is no replica");
            }
            Pending::Shrink(out) => {
                assert!(out.iter().all(|broker| self.isr.contains(broker)), "R3.3: {out:?}");
                assert!(out.len() < self.isr.len(), "R3.3: the leader stays");
            }
        }
        for remote in &self.remotes {
            assert!(remote.log_end <= end, "R2.13: {remote:?} claims more than there is");
        }
    }

    /// Where this leadership began.
    #[must_use]
    pub fn epoch_start(&self) -> Offset {
        self.epoch_start
    }

    /// The committed in-sync set.
    #[must_use]
    pub fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    /// Size of the committed in-sync set.
    #[must_use]
    pub fn isr_len(&self) -> usize {
        self.isr.len()
    }

    /// R4.2: the minimum `stated`, but no more than there are replicas.
    #[must_use]
    pub fn effective(&self, stated: usize) -> usize {
        stated.min(self.remotes.len() + 1)
    }

    /// Size of the set the high watermark waits for.
    #[must_use]
    pub fn maximal_isr_len(&self) -> usize {
        self.isr.len() + usize::from(matches!(self.pending, Pending::Expand(_)))
    }

    /// Whether `broker` is in the committed in-sync set.
    #[must_use]
    pub fn in_isr(&self, broker: BrokerId) -> bool {
        self.isr.contains(&broker)
    }

    /// Whether `broker` is a follower of this partition.
    #[must_use]
    pub fn is_replica(&self, broker: BrokerId) -> bool {
        self.remotes.iter().any(|remote| remote.id == broker)
    }

    /// KIP-392: the follower that is most caught up of those in sync that have `offset` and are `near`
    /// (Kafka: `ReplicaView#comparator`).
    #[must_use]
    pub fn read_replica(
        &self,
        offset: Offset,
        near: impl Fn(BrokerId) -> bool,
    ) -> Option<BrokerId> {
        let all = self.remotes.iter();
        let fitting =
            all.filter(|one| self.in_isr(one.id) && one.log_end >= offset && near(one.id));
        fitting.max_by_key(|one| (one.log_end, one.last_caught_up, one.id)).map(|one| one.id)
    }

    /// R2.13: a follower's fetch claims everything below `offset`; `leader_end` was read before.
    /// Returns whether its log end changed.
    pub fn fetched(
        &mut self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        offset: Offset,
        leader_end: Offset,
        tick: LagTick,
    ) -> bool {
        let Some(remote) = self.remotes.iter_mut().find(|remote| remote.id == broker) else {
            return false;
        };
        if offset >= leader_end {
            remote.last_caught_up = remote.last_caught_up.max(Some(tick));
        } else if offset >= remote.leader_end_at_last_fetch {
            remote.last_caught_up = remote.last_caught_up.max(remote.last_fetch);
        }
        let moved = remote.log_end != offset;
        remote.log_end = offset;
        remote.leader_end_at_last_fetch = remote.leader_end_at_last_fetch.max(leader_end);
        remote.last_fetch = Some(tick);
        remote.broker_epoch = Some(epoch);
        moved
    }

    /// R2.17: the next high watermark.
    #[must_use]
    pub fn high_watermark(
        &self,
        current: Offset,
        end: Offset,
        around: Surroundings<'_>,
    ) -> Advance {
        if around.variants.has(Variant::HighWatermarkIgnoresFollowers) {
            return advance(current, end, std::iter::empty(), true);
        }
        let counts = |remote: &&Remote| {
            // R2.18: a replica that has not fetched yet counts with −1.
            !(around.variants.has(Variant::ReplicaMapCleared) && remote.log_end == Offset::UNKNOWN)
        };
        let remotes = self.remotes.iter().filter(counts);
        let remotes = remotes.map(|remote| (remote.log_end, self.standing(remote, end, around)));
        // Below every offset, so that any value is a rise.
        let current = if around.variants.has(Variant::HighWatermarkNotMonotone) {
            Offset::UNKNOWN + -1
        } else {
            current
        };
        let met = self.isr.len() >= self.effective(around.min_isr)
            || around.variants.has(Variant::MinIsrIgnored)
            || around.variants.has(Variant::HighWatermarkAdvanceBelowMinIsr);
        advance(current, end, remotes, met)
    }

    fn standing(&self, remote: &Remote, end: Offset, around: Surroundings<'_>) -> Standing {
        let joining = matches!(self.pending, Pending::Expand(id) if id == remote.id);
        if self.isr.contains(&remote.id) {
            Standing::InSync
        } else if around.variants.has(Variant::NoMaximalIsr) {
            Standing::Outside
        } else if joining {
            Standing::InSync
        } else if is_caught_up(remote, end, around.tick)
            && (is_eligible(remote, around.image)
                || around.variants.has(Variant::HighWatermarkCountsIneligible))
        {
            Standing::Joinable
        } else {
            Standing::Outside
        }
    }

    /// R3.6: whether the fetch just taken lets `broker` join; then the change is pending.
    pub fn maybe_expand(
        &mut self,
        broker: BrokerId,
        high_watermark: Offset,
        around: Surroundings<'_>,
    ) -> bool {
        let Some(remote) = self.remotes.iter().find(|remote| remote.id == broker) else {
            return false;
        };
        let reaches_epoch = remote.log_end >= self.epoch_start
            || around.variants.has(Variant::IsrJoinBeforeEpochStart);
        let joins = self.pending == Pending::None
            && !self.isr.contains(&broker)
            && is_eligible(remote, around.image)
            && (remote.log_end >= high_watermark && reaches_epoch
                || around.variants.has(Variant::IsrJoinBehindHighWatermark));
        if joins {
            self.pend(Pending::Expand(broker));
        }
        joins
    }

    /// R3.3: whether a check finds members that lag; then the change is pending.
    pub fn maybe_shrink(&mut self, end: Offset, around: Surroundings<'_>) -> bool {
        if self.pending != Pending::None {
            return false;
        }
        let out: Vec<BrokerId> = self
            .remotes
            .iter()
            .filter(|remote| self.isr.contains(&remote.id))
            .filter(|remote| !is_caught_up(remote, end, around.tick))
            .map(|remote| remote.id)
            .collect();
        let shrinks = !out.is_empty();
        if shrinks {
            self.pend(Pending::Shrink(out));
        }
        shrinks
    }

    fn pend(&mut self, pending: Pending) {
        self.pending = pending;
        self.changes += 1;
    }

    /// Names the change that is pending now, if one is (R3.11).
    #[must_use]
    pub fn pending(&self) -> Option<u64> {
        (self.pending != Pending::None).then_some(self.changes)
    }

    /// The proposal to send for what is pending; none if nothing is.
    #[must_use]
    pub fn proposal(
        &self,
        partition: TopicPartition,
        leader_epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
        own: (BrokerId, BrokerEpoch),
    ) -> Option<IsrProposal> {
        let mut members = self.isr.clone();
        match &self.pending {
            Pending::None => return None,
            Pending::Expand(broker) => members.push(*broker),
            Pending::Shrink(out) => members.retain(|member| !out.contains(member)),
        }
        let isr = members
            .into_iter()
            .map(|member| {
                let epoch = if member == own.0 { Some(own.1) } else { self.epoch_of(member) };
                (member, epoch.unwrap_or(BrokerEpoch::UNKNOWN))
            })
            .collect();
        // R5.21: whoever leads has recovered.
        Some(IsrProposal { partition, leader_epoch, partition_epoch, isr, recovering: false })
    }

    fn epoch_of(&self, broker: BrokerId) -> Option<BrokerEpoch> {
        self.remotes.iter().find(|remote| remote.id == broker)?.broker_epoch
    }

    /// R3.10: the controller accepted.
    pub fn accepted(&mut self, state: &IsrState) {
        self.isr.clone_from(&state.isr);
        self.pending = Pending::None;
    }

    /// R3.10: the controller refused for good; the last committed set stands.
    pub fn refused(&mut self) {
        self.pending = Pending::None;
    }
}

/// R3.2.
fn is_caught_up(remote: &Remote, end: Offset, tick: LagTick) -> bool {
    remote.log_end == end || remote.last_caught_up.is_some_and(|last| tick.0 < last.0 + 3)
}

/// R3.7. Whoever sends no epoch of its own is not asked for it.
fn is_eligible(remote: &Remote, image: &MetadataImage) -> bool {
    image.brokers.get(&remote.id).is_some_and(|registration| {
        registration.is_active()
            && remote
                .broker_epoch
                .is_some_and(|epoch| epoch == BrokerEpoch::UNKNOWN || epoch == registration.epoch)
    })
}
