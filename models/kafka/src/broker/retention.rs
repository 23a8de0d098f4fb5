//! Where logs begin: retention, its checkpoint, and what a follower's leader says of it.
//!
//! What goes is the log's decision. Kafka: `LogManager#cleanupLogs`, `#checkpointLogStartOffsets`,
//! `AbstractFetcherThread#fetchOffsetAndTruncate` (R1.18, R1.23, R2.5, R2.11).

use super::{Broker, Out, Timer, replica_fetcher};
use crate::log::retention::StartMoved;
use crate::message::{
    ListOffsetsPartition, ListedOffset, Message, OffsetSpec, PartitionResults, Request,
};
use crate::observation::{Observation, StartReason};
use crate::partition::Partition;
use crate::partition::follower::Fetching;
use ackproof_types::{BrokerId, ErrorCode, Offset, TopicPartition};

/// Where its leader's log begins and ends, of one partition.
type Range = (Result<ListedOffset, ErrorCode>, Result<ListedOffset, ErrorCode>);

impl Broker {
    pub(super) fn begin_log_tasks(&self, out: &mut Out) {
        let delay = self.settings().log_initial_task_delay;
        out.arm(Timer::Retention, delay);
        out.arm(Timer::LogStartCheckpoint, delay);
        if let Some(backoff) = self.settings().log_cleaner_backoff {
            out.arm(Timer::Cleaner, backoff);
        }
    }

    /// R1.18: looks through all logs.
    pub(super) fn retain(&mut self, out: &mut Out) {
        let (now, variants) = (self.env.now, self.env.cluster.variants);
        let mut moved = Vec::new();
        for partition in self.partitions.all_mut() {
            let id = partition.id;
            let these = partition.log.retain(now, variants, out);
            moved.extend(these.into_iter().map(|one| (id, one)));
        }
        for (id, one) in moved {
            tell(id, one, out);
            self.note(id);
        }
        out.arm(Timer::Retention, self.settings().log_retention_check_interval);
    }

    /// R1.23.
    pub(super) fn checkpoint_starts(&mut self, out: &mut Out) {
        for partition in self.partitions.all_mut() {
            partition.log.checkpoint_start(out);
        }
    }

    /// R2.11: these are outside of what `leader` has: it is asked where its logs begin and end.
    pub(super) fn ask_ranges(
        &mut self,
        leader: BrokerId,
        partitions: &[TopicPartition],
        out: &mut Out,
    ) {
        let mut asked = Vec::new();
        for id in partitions {
            let Some(partition) = self.partitions.get(*id) else { continue };
            let (partition, leader_epoch) = (*id, partition.leader_epoch);
            for spec in [OffsetSpec::LogEnd, OffsetSpec::Earliest] {
                asked.push(ListOffsetsPartition { partition, leader_epoch, spec });
            }
            self.rest(*id, leader, Fetching::Asking);
        }
        if !asked.is_empty() {
            let request = Message::Request(self.correlation(), Request::ListOffsets(asked));
            out.send(replica_fetcher(leader), request);
        }
    }

    /// R2.11: `leader` says where its logs end and begin.
    pub(super) fn ranges_told(
        &mut self,
        leader: BrokerId,
        answers: &PartitionResults<ListedOffset>,
        out: &mut Out,
    ) {
        for pair in answers.chunks_exact(2) {
            let (id, end) = pair[0];
            let follower = self.partitions.get_mut(id).and_then(Partition::follower);
            // It may follow another meanwhile, or the same in a later epoch.
            let asks = follower
                .is_some_and(|one| one.leader == Some(leader) && one.fetching == Fetching::Asking);
            if asks {
                self.range_told((id, leader), (end, pair[1].1), out);
            }
        }
        self.fetch_from(leader, out);
    }

    fn range_told(&mut self, (id, leader): (TopicPartition, BrokerId), told: Range, out: &mut Out) {
        let (Ok(end), Ok(start)) = told else {
            self.rest(id, leader, Fetching::Delayed);
            out.arm(Timer::PartitionBackoff(id), self.settings().replica_fetch_backoff);
            return;
        };
        let Some(partition) = self.partitions.get_mut(id) else { return };
        partition.come_into((start.offset, end.offset), out);
        if let Some(follower) = partition.follower() {
            follower.fetching = Fetching::Ready;
        }
        self.fetchers.entry(leader).or_default().changed.push(id);
    }
}

impl Partition {
    /// R2.11: comes into what its leader has.
    fn come_into(&mut self, (start, end): (Offset, Offset), out: &mut Out) {
        let own = self.log.end();
        if end < own {
            self.truncate(end, out);
        } else if start > own {
            let (from, to, why) = (self.log.start(), start, StartReason::Leader);
            self.log.start_over(to, out);
            out.observe(Observation::Truncated { partition: self.id, from: own, to });
            tell(self.id, StartMoved { from, to, why }, out);
        }
    }

    /// R2.5: begins where its leader does.
    pub(super) fn take_start(&mut self, leader: Offset, out: &mut Out) {
        if let Some(moved) = self.log.begin_at_least_at(leader, out) {
            tell(self.id, moved, out);
        }
    }
}

fn tell(partition: TopicPartition, moved: StartMoved, out: &mut Out) {
    let StartMoved { from, to, why } = moved;
    out.observe(Observation::LogStartMoved { partition, from, to, why });
}
