//! Reads of followers and consumers, and their parking.
//!
//! Kafka: `ReplicaManager#fetchMessages`, `DelayedFetch` (R2.8–R2.16, R2.20, R2.21).

use super::{Broker, NOT_HOSTED, Out, Timer, reply};
use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, EpochEnd, EpochQuery, FetchPartition, FetchRequest, Fetched, FetchedPartition,
    FetchingReplica, ListOffsetsPartition, ListedOffset, OffsetSpec, Response,
};
use crate::partition::Partition;
use ackproof_types::{ErrorCode, Offset, TopicPartition};
use std::collections::BTreeMap;

/// Fetches that wait for data.
#[derive(Debug, Default)]
pub(super) struct FetchPurgatory {
    next: u64,
    parked: BTreeMap<u64, Parked>,
}

#[derive(Debug)]
struct Parked {
    connection: ConnectionId,
    correlation: CorrelationId,
    request: FetchRequest,
}

impl Broker {
    pub(super) fn handle_fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: FetchRequest,
        out: &mut Out,
    ) {
        let answer = self.read_all(&request);
        // R2.14: the claim of a follower counts when it is first read, not when it is answered.
        if let Some(replica) = request.replica {
            let claims: Vec<(TopicPartition, Offset)> = request
                .partitions
                .iter()
                .zip(&answer.readable)
                .filter(|(_, readable)| **readable)
                .map(|(asked, _)| (asked.partition, asked.offset))
                .collect();
            for (partition, offset) in claims {
                self.follower_fetched(partition, replica, offset, out);
            }
        }
        if answer.urgent || answer.bytes >= u64::from(request.min_bytes) || request.max_wait.0 == 0
        {
            reply(connection, correlation, Response::Fetch(answer.partitions), out);
            return;
        }
        self.fetch.next += 1;
        let id = self.fetch.next;
        out.arm(Timer::FetchWait(id), request.max_wait);
        self.fetch.parked.insert(id, Parked { connection, correlation, request });
    }

    /// R2.13, R3.6, R2.17.
    fn follower_fetched(
        &mut self,
        id: TopicPartition,
        replica: FetchingReplica,
        offset: Offset,
        out: &mut Out,
    ) {
        let Some(partition) = self.partitions.get_mut(&id) else { return };
        let (end, high_watermark) = (partition.log.end(), partition.log.high_watermark());
        let Ok(leader) = partition.leader() else { return };
        let around = self.env.around(id);
        let moved = leader.fetched(replica.broker, replica.epoch, offset, end, around.tick);
        if leader.maybe_expand(replica.broker, high_watermark, around) {
            self.propose(id, out);
        }
        if moved {
            self.advance(id, out);
        }
    }

    fn read_all(&self, request: &FetchRequest) -> Answer {
        let mut answer = Answer::default();
        for asked in &request.partitions {
            let left = u64::from(request.max_bytes).saturating_sub(answer.bytes);
            let result = self.read_one(asked, request.replica, left);
            answer.readable.push(matches!(&result, Ok(fetched) if fetched.diverging.is_none()));
            match &result {
                Ok(fetched) => {
                    answer.bytes += fetched.batches.iter().map(|b| u64::from(b.size)).sum::<u64>();
                    answer.urgent |= fetched.diverging.is_some();
                }
                Err(_) => answer.urgent = true,
            }
            answer.partitions.push(FetchedPartition { partition: asked.partition, result });
        }
        answer
    }

    fn read_one(
        &self,
        asked: &FetchPartition,
        replica: Option<FetchingReplica>,
        left: u64,
    ) -> Result<Fetched, ErrorCode> {
        let partition = self.partitions.get(&asked.partition).ok_or(NOT_HOSTED)?;
        partition.check_epoch(asked.leader_epoch)?;
        let log = &partition.log;
        let bound = match (&partition.role, replica) {
            (crate::partition::Role::Follower(_), _) => {
                return Err(ErrorCode::NotLeaderOrFollower);
            }
            (crate::partition::Role::Leader(leader), Some(replica)) => {
                if !leader.is_replica(replica.broker) {
                    return Err(ErrorCode::UnknownLeaderEpoch);
                }
                let known = self.env.image.brokers.get(&replica.broker).map(|one| one.epoch);
                if !Partition::is_current(replica.epoch, known) {
                    return Err(ErrorCode::NotLeaderOrFollower);
                }
                log.end()
            }
            (crate::partition::Role::Leader(_), None) => log.high_watermark(),
        };
        let variants = self.env.cluster.variants;
        let diverging = partition.divergence(asked.offset, asked.last_fetched_epoch, variants)?;
        if diverging.is_none() && (asked.offset > log.end() || asked.offset < log.start()) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let max_bytes = u32::try_from(left).unwrap_or(u32::MAX).min(asked.max_bytes);
        let batches = if diverging.is_some() || left == 0 {
            Vec::new()
        } else {
            log.read(asked.offset, bound, max_bytes)
        };
        Ok(Fetched {
            fetch_offset: asked.offset,
            high_watermark: log.high_watermark(),
            log_start: log.start(),
            diverging,
            batches,
        })
    }

    /// R2.16: an append wakes the followers that wait on `id`; the high watermark does not.
    pub(super) fn wake_followers(&mut self, id: TopicPartition, out: &mut Out) {
        self.wake(id, out, |request| request.replica.is_some());
    }

    /// A rise of the high watermark wakes the consumers.
    pub(super) fn wake_consumers(&mut self, id: TopicPartition, out: &mut Out) {
        self.wake(id, out, |request| request.replica.is_none());
    }

    /// A change of role wakes everyone who waits on `id`.
    pub(super) fn role_changed(&mut self, id: TopicPartition, out: &mut Out) {
        self.settle_produce(id, out);
        self.wake(id, out, |_| true);
    }

    fn wake(&mut self, id: TopicPartition, out: &mut Out, whom: impl Fn(&FetchRequest) -> bool) {
        let mut parked = std::mem::take(&mut self.fetch.parked);
        parked.retain(|number, one| {
            let waits = one.request.partitions.iter().any(|asked| asked.partition == id);
            if !waits || !whom(&one.request) {
                return true;
            }
            let answer = self.read_all(&one.request);
            if !answer.urgent && answer.bytes < u64::from(one.request.min_bytes) {
                return true;
            }
            out.disarm(Timer::FetchWait(*number));
            reply(one.connection, one.correlation, Response::Fetch(answer.partitions), out);
            false
        });
        self.fetch.parked = parked;
    }

    pub(super) fn fetch_wait_over(&mut self, number: u64, out: &mut Out) {
        let Some(one) = self.fetch.parked.remove(&number) else { return };
        let answer = self.read_all(&one.request);
        reply(one.connection, one.correlation, Response::Fetch(answer.partitions), out);
    }

    /// R2.20.
    pub(super) fn list_offset(
        &mut self,
        asked: &ListOffsetsPartition,
    ) -> Result<ListedOffset, ErrorCode> {
        let partition = self.partitions.get_mut(&asked.partition).ok_or(NOT_HOSTED)?;
        partition.check_epoch(asked.leader_epoch)?;
        let (start, high_watermark) = (partition.log.start(), partition.log.high_watermark());
        let leader_epoch = partition.leader_epoch;
        let epoch_start = partition.leader()?.epoch_start();
        match asked.spec {
            OffsetSpec::Earliest => Ok(ListedOffset { offset: start, leader_epoch }),
            OffsetSpec::Latest if high_watermark < epoch_start => {
                Err(ErrorCode::OffsetNotAvailable)
            }
            OffsetSpec::Latest => Ok(ListedOffset { offset: high_watermark, leader_epoch }),
        }
    }

    /// R1.13, for consumers that validate their positions (R8.7).
    pub(super) fn epoch_end(&mut self, asked: &EpochQuery) -> Result<EpochEnd, ErrorCode> {
        let partition = self.partitions.get_mut(&asked.partition).ok_or(NOT_HOSTED)?;
        partition.check_epoch(asked.current_leader_epoch)?;
        partition.leader()?;
        Ok(partition.log.end_of(asked.epoch))
    }
}

/// What a read of all partitions of a fetch found.
#[derive(Default)]
struct Answer {
    partitions: Vec<FetchedPartition>,
    /// Per asked partition: it was read, so a follower's claim counts.
    readable: Vec<bool>,
    bytes: u64,
    /// An error or a divergence: worth an answer at once.
    urgent: bool,
}
