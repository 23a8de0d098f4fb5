//! The group coordinator's place in the broker: elections, appends and the high watermark of
//! `__consumer_offsets`.
//!
//! Kafka: `GroupCoordinatorService`, `CoordinatorPartitionWriter` (R9.1–R9.6).

use super::{Broker, Out, Timer, reply};
use crate::group::{Action, GroupTimer};
use crate::machine::ConnectionId;
use crate::message::{CorrelationId, GroupRecord, GroupRequest, Payload, RecordBatch, Response};
use ackproof_types::{ErrorCode, GroupId, LeaderEpoch, Offset, TopicPartition};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Bytes of a coordinator's record, all told.
const RECORD_BYTES: u32 = 120;

impl Broker {
    /// R9.1.
    pub(super) fn offsets_partition(&self, group: GroupId) -> Option<TopicPartition> {
        let home = self.coordinator.home(group)?;
        Some(TopicPartition::new(self.env.cluster.consumer_offsets, home))
    }

    pub(super) fn handle_group(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: &GroupRequest,
        out: &mut Out,
    ) {
        let mut actions = self.coordinator.spare_actions();
        self.coordinator.handle(self.env.now, (connection, correlation), request, &mut actions);
        self.carry_out(actions, out);
    }

    pub(super) fn group_fire(&mut self, timer: GroupTimer, out: &mut Out) {
        let mut actions = self.coordinator.spare_actions();
        self.coordinator.fire(self.env.now, timer, &mut actions);
        self.carry_out(actions, out);
    }

    pub(super) fn coordinator_role_changed(
        &mut self,
        id: TopicPartition,
        is_leader: bool,
        was_leader: bool,
        out: &mut Out,
    ) {
        if id.topic != self.env.cluster.consumer_offsets {
            return;
        }
        let mut actions = self.coordinator.spare_actions();
        if was_leader && !is_leader {
            self.coordinator.resigned(id.partition, &mut actions);
        }
        if is_leader && let Some(partition) = self.partitions.get(id) {
            self.coordinator.elected(
                id.partition,
                partition.leader_epoch,
                partition.log.batches(),
                partition.log.high_watermark(),
                &mut actions,
            );
        }
        self.carry_out(actions, out);
    }

    /// Topics are deleted, and what groups have committed there goes with them.
    pub(super) fn partitions_deleted(&mut self, deleted: BTreeSet<TopicPartition>, out: &mut Out) {
        if !deleted.is_empty() {
            let mut actions = self.coordinator.spare_actions();
            self.coordinator.partitions_deleted(self.env.now, &deleted, &mut actions);
            self.carry_out(actions, out);
        }
    }

    pub(super) fn coordinator_high_watermark(
        &mut self,
        id: TopicPartition,
        offset: Offset,
        out: &mut Out,
    ) {
        if id.topic == self.env.cluster.consumer_offsets {
            let mut actions = self.coordinator.spare_actions();
            self.coordinator.high_watermark(self.env.now, id.partition, offset, &mut actions);
            self.carry_out(actions, out);
        }
    }

    fn carry_out(&mut self, mut actions: Vec<Action>, out: &mut Out) {
        for action in actions.drain(..) {
            match action {
                Action::Reply { connection, correlation, response } => {
                    reply(connection, correlation, Response::Group(response), out);
                }
                Action::Append { partition, records } => {
                    let id = TopicPartition::new(self.env.cluster.consumer_offsets, partition);
                    let result = self.append_group(id, records, out);
                    let mut more = self.coordinator.spare_actions();
                    self.coordinator.appended(self.env.now, partition, result, &mut more);
                    self.carry_out(more, out);
                    if result.is_ok() {
                        self.wake_followers(id, out);
                        self.advance(id, out);
                    }
                }
                Action::Arm(timer, delay) => out.arm(Timer::Group(timer), delay),
                Action::Disarm(timer) => out.disarm(Timer::Group(timer)),
                Action::Observe(observation) => out.observe(observation),
            }
        }
        self.coordinator.keep_spare(actions);
    }

    /// R9.3: with acks=1, so the minimum of in-sync replicas is not asked for.
    fn append_group(
        &mut self,
        id: TopicPartition,
        records: Arc<[GroupRecord]>,
        out: &mut Out,
    ) -> Result<Offset, ErrorCode> {
        let now = self.env.now;
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        self.make_room(id, RECORD_BYTES.saturating_mul(count), out)?;
        let partition = self.partitions.get_mut(id).ok_or(ErrorCode::NotCoordinator)?;
        let batch = RecordBatch {
            base_offset: Offset(0),
            leader_epoch: LeaderEpoch::UNKNOWN,
            producer: None,
            max_timestamp: now,
            size: RECORD_BYTES.saturating_mul(count),
            payload: Payload::Group(records),
        };
        partition.append_as_leader(batch, self.env.cluster.variants, out).map(|placed| placed.next)
    }
}
