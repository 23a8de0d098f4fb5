//! What brokers say to each other and to the controller, one message at a time.
//!
//! The same as in [`crate::broker`], for one partition and without what is parked, delayed or sent again.
//! Kafka: `Partition#fetchRecords`, `AbstractFetcherThread`, `AlterPartitionManager` (R2.8 to R2.13, R3.6, R3.10).

use super::replica::{Change, Fetch, Process, Replica};
use super::{Replicas, Setup, Witness};
use crate::message::{FetchPartition, Fetched, FetchingReplica, IsrState};
use crate::observation::Observation;
use crate::partition::follower::Fetching;
use crate::partition::leader::Surroundings;
use crate::partition::{Partition, Role};
use crate::variant::{Variant, Variants};
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch};
use std::sync::Arc;

impl Replica {
    /// Whether it would fetch from `leader` now.
    pub(super) fn fetches_from(&self, leader: BrokerId) -> bool {
        let partition = self.process.as_ref().map(|process| &process.partition);
        match partition.map(|partition| &partition.role) {
            Some(Role::Follower(follower)) => follower.fetches_from(leader),
            Some(Role::Leader(_)) | None => false,
        }
    }

    /// R2.2: what it asks `leader` for.
    pub(super) fn ask(
        &mut self,
        leader: BrokerId,
        variants: Variants,
    ) -> Option<(FetchingReplica, FetchPartition)> {
        let broker = self.id;
        let process = self.process.as_mut()?;
        let asked = process.partition.ask(leader, u32::MAX, variants)?;
        Some((FetchingReplica { broker, epoch: process.epoch }, asked))
    }

    /// R2.8 to R2.14: reads for a follower, and believes what it claims.
    pub(super) fn serve(
        &mut self,
        (replica, asked): (FetchingReplica, FetchPartition),
        setup: &Setup,
        seen: &mut dyn FnMut(Observation),
    ) -> Result<Fetched, ErrorCode> {
        let (mut joins, mut moved) = (false, false);
        let served = self.with(setup, seen, |process, around, _| {
            let fetched = read(&process.partition, &asked, replica.broker, around);
            let (what, when) = ((replica, asked.offset), (around.tick, around.variants));
            moved = process.partition.fetched_unfenced(&fetched, what, when);
            let fetched = fetched?;
            if fetched.diverging.is_some() || process.partition.leader_epoch < asked.leader_epoch {
                return Ok(fetched);
            }
            let alive = around.image.brokers.get(&replica.broker).filter(|one| !one.fenced);
            if alive.is_some_and(|known| known.epoch > replica.epoch) {
                return Err(ErrorCode::NotLeaderOrFollower);
            }
            (joins, moved) = claim(process, replica, &asked, around);
            Ok(fetched)
        });
        if joins {
            self.propose();
        }
        if moved {
            self.with(setup, seen, |process, around, out| {
                process.partition.maybe_advance(around, out)
            });
        }
        served.unwrap_or(Err(ErrorCode::NotLeaderOrFollower))
    }

    /// What it asked for matters only until it is answered.
    pub(super) fn is_answered(&mut self) {
        let partition = self.process.as_mut().map(|process| &mut process.partition);
        if let Some(follower) = partition.and_then(Partition::follower) {
            follower.asked = LeaderEpoch::UNKNOWN;
        }
    }

    /// R2.5, R2.6, R2.9: takes what `leader` sent.
    pub(super) fn take(
        &mut self,
        leader: BrokerId,
        answer: Result<Fetched, ErrorCode>,
        setup: &Setup,
        seen: &mut dyn FnMut(Observation),
    ) {
        if !self.fetches_from(leader) {
            return;
        }
        self.with(setup, seen, |process, around, out| {
            let partition = &mut process.partition;
            match answer {
                Ok(fetched) if fetched.fetch_offset != partition.log.end() => {}
                Ok(Fetched { diverging: Some(end), .. }) => {
                    partition.truncate_on_divergence(end, around.variants, out);
                }
                Ok(fetched) => {
                    partition.compare_no_more(around.variants);
                    for batch in &fetched.batches {
                        if !partition.append_as_follower(batch, out) {
                            stop(partition);
                            return;
                        }
                    }
                    partition.log.set_high_watermark(fetched.high_watermark);
                }
                Err(ErrorCode::FencedLeaderEpoch) => {
                    let current = partition.leader_epoch;
                    if partition.follower().is_some_and(|one| one.asked == current) {
                        stop(partition);
                    }
                }
                // It waits, and asks again: here it may ask at once.
                Err(_) => {}
            }
        });
    }

    /// R3.1: what the leader has decided goes to the controller.
    pub(super) fn propose(&mut self) {
        let Some(process) = &mut self.process else { return };
        let own = (self.id, process.epoch);
        let partition = &mut process.partition;
        let id = partition.id;
        let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
        let Ok(leader) = partition.leader() else { return };
        if self.change != Change::None {
            leader.refused();
            return;
        }
        if let Some(number) = leader.pending()
            && let Some(proposal) = leader.proposal(id, epoch, version, own)
        {
            self.change = Change::Asked(own.1, proposal, number);
        }
    }

    /// R3.10.
    pub(super) fn altered(
        &mut self,
        (answer, number): (Option<Result<IsrState, ErrorCode>>, u64),
        setup: &Setup,
        seen: &mut dyn FnMut(Observation),
    ) {
        let mut again = false;
        self.with(setup, seen, |process, around, out| {
            let partition = &mut process.partition;
            let (epoch, version) = (partition.leader_epoch, partition.partition_epoch);
            let Ok(leader) = partition.leader() else { return };
            // R3.11: metadata has replaced what was proposed.
            if leader.pending() != Some(number) {
                return;
            }
            match answer {
                Some(Ok(state))
                    if state.leader_epoch == epoch && state.partition_epoch >= version =>
                {
                    leader.accepted(&state);
                    partition.partition_epoch = state.partition_epoch;
                    if !around.variants.has(Variant::HighWatermarkStuckAfterShrink) {
                        partition.maybe_advance(around, out);
                    }
                }
                Some(Err(ErrorCode::IneligibleReplica)) => leader.refused(),
                // It stays pending until metadata says what holds.
                Some(
                    Ok(_)
                    | Err(
                        ErrorCode::UnknownTopicOrPartition
                        | ErrorCode::FencedLeaderEpoch
                        | ErrorCode::InvalidUpdateVersion
                        | ErrorCode::InvalidRequest,
                    ),
                ) => {}
                Some(Err(_)) | None => again = true,
            }
        });
        if again {
            self.propose();
        }
    }

    /// The epoch under which it is registered.
    pub(super) fn epoch(&self) -> BrokerEpoch {
        self.process.as_ref().map_or(BrokerEpoch::UNKNOWN, |process| process.epoch)
    }

    /// Its fetch from the leader at this place.
    pub(super) fn fetch_mut(&mut self, leader: u8) -> &mut Fetch {
        &mut self.fetches[usize::from(leader)]
    }
}

impl Replicas {
    /// A follower takes what `leader` sent.
    pub(super) fn answered(
        &mut self,
        (at, leader): (u8, u8),
        answer: Result<Fetched, ErrorCode>,
        seen: Witness<'_>,
    ) {
        let setup = Arc::clone(&self.setup);
        let outside = matches!(answer, Err(ErrorCode::OffsetOutOfRange));
        let leader_id = setup.cluster.brokers[usize::from(leader)];
        let replica = self.replica_mut(at);
        let id = replica.id;
        replica.take(leader_id, answer, &setup, &mut |fact| seen(Some(id), fact));
        if outside {
            self.come_into_range(at, leader, seen);
        }
    }

    /// R2.11: its log is not within what `leader` has. It asks where that ends, and hears it in the same step.
    fn come_into_range(&mut self, at: u8, leader: u8, seen: Witness<'_>) {
        let (setup, leader) = (Arc::clone(&self.setup), self.replica(leader));
        let follower = self.replica(at);
        if !follower.fetches_from(leader.id) {
            return;
        }
        let of = |replica: &Replica| replica.process.as_ref().map(|one| one.partition.leader_epoch);
        let Some(end) = leader.led().map(|partition| partition.log.end()) else { return };
        if of(leader) != of(follower) {
            return;
        }
        let id = follower.id;
        self.replica_mut(at).with(&setup, &mut |fact| seen(Some(id), fact), |process, _, out| {
            if end < process.partition.log.end() {
                process.partition.truncate(end, out);
            }
        });
    }
}

/// R2.8, R2.13: what a leader has for a follower.
fn read(
    partition: &Partition,
    asked: &FetchPartition,
    follower: BrokerId,
    around: Surroundings<'_>,
) -> Result<Fetched, ErrorCode> {
    if let Some(fetched) = partition.check_fetch(asked, around.variants)? {
        return Ok(fetched);
    }
    match &partition.role {
        Role::Follower(_) => return Err(ErrorCode::NotLeaderOrFollower),
        Role::Leader(leader) if !leader.is_replica(follower) => {
            return Err(ErrorCode::UnknownLeaderEpoch);
        }
        Role::Leader(_) => {}
    }
    let log = &partition.log;
    let diverging =
        partition.divergence(asked.offset, asked.last_fetched_epoch, around.variants)?;
    if diverging.is_none() && (asked.offset > log.end() || asked.offset < log.start()) {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let batches = match diverging {
        Some(_) => Vec::new(),
        None => log.read(asked.offset, log.end(), u64::MAX, true),
    };
    Ok(Fetched {
        fetch_offset: asked.offset,
        high_watermark: log.high_watermark(),
        log_start: log.start(),
        diverging,
        preferred_read_replica: None,
        batches,
    })
}

/// R2.13, R3.6: returns whether the follower is to join the in-sync set, and whether its log end moved.
fn claim(
    process: &mut Process,
    replica: FetchingReplica,
    asked: &FetchPartition,
    around: Surroundings<'_>,
) -> (bool, bool) {
    let partition = &mut process.partition;
    let (end, high_watermark) = (partition.log.end(), partition.log.high_watermark());
    let Ok(leader) = partition.leader() else { return (false, false) };
    let moved = leader.fetched(replica.broker, replica.epoch, asked.offset, end, around.tick);
    (leader.maybe_expand(replica.broker, high_watermark, around), moved)
}

/// Not before the next leader epoch.
fn stop(partition: &mut Partition) {
    if let Some(follower) = partition.follower() {
        follower.fetching = Fetching::Stopped;
    }
}
