//! What happened around the records: at brokers, to processes and in groups. It counts, and judges nothing.

use super::{ENDED, Measure, SENT};
use crate::history::{Entry, Event, PositionSource, ProcessEnd};
use ackproof_types::{BrokerId, ErrorCode, NodeId, ProducerIndex, TopicPartition};

impl Measure {
    pub(super) fn witness(&mut self, entry: &Entry) {
        let witnesses = &mut self.witnesses;
        match &entry.event {
            Event::LeaderElected { partition, leader, isr, unclean, .. } => {
                self.elected(*partition, leader.is_some(), isr, *unclean);
            }
            Event::IsrChanged { partition, before, isr } => {
                witnesses.isr_shrunk += u64::from(before.iter().any(|id| !isr.contains(id)));
                witnesses.isr_expanded += u64::from(isr.iter().any(|id| !before.contains(id)));
                self.isr.insert(*partition, isr.len());
            }
            Event::NotEnoughReplicas { .. } => witnesses.not_enough_replicas += 1,
            Event::Truncated { .. } => witnesses.truncated += 1,
            Event::TailLost { .. } => witnesses.tail_lost += 1,
            Event::ReplicasChanged { .. } => witnesses.replicas_changed += 1,
            Event::TopicAltered { .. } => witnesses.topic_altered += 1,
            Event::TopicCreated { .. } => {
                witnesses.topic_created += 1;
                self.read.observe(&entry.event);
            }
            Event::TopicDeleted { topic, .. } => {
                witnesses.topic_deleted += 1;
                self.read.observe(&entry.event);
                self.delete_topic(entry.at, *topic);
            }
            Event::FeaturesUpdated { .. } => witnesses.features_updated += 1,
            Event::MetadataSnapshot { loaded, .. } => {
                witnesses.snapshot_loaded += u64::from(*loaded);
            }
            Event::Retried { partition, first, error } => {
                witnesses.retried += 1;
                self.outcomes.retried(*partition, *first, *error);
            }
            Event::DuplicateBatch { .. } => witnesses.duplicate_batch += 1,
            Event::ProducerEpochBumped { partition } => {
                witnesses.epoch_bumped += 1;
                for index in self.producers_at(entry.node) {
                    self.outcomes.bumped(index, *partition);
                }
            }
            Event::CoordinatorLoaded { partition } => {
                witnesses.coordinator_moved += u64::from(!self.coordinated.insert(*partition));
            }
            Event::Fenced { .. } => witnesses.fenced += 1,
            Event::PartitionsAdded { .. } => {
                witnesses.partitions_added += 1;
                self.read.observe(&entry.event);
            }
            Event::ProcessEnded(end) => self.process_ended(entry, *end),
            Event::ProcessStarted => {
                let is_ended = self.ended.remove(&entry.node);
                witnesses.process_restarted += u64::from(is_ended);
                // What starts again has ended, though nobody told.
                if !is_ended {
                    self.crashes.add(entry.node);
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                let led = self.epochs.of(*partition);
                if *epoch > *led {
                    *led = *epoch;
                    self.standings.all_of(*partition).for_each(|one| one.cut(*log_end));
                }
            }
            _ => self.work(entry),
        }
    }

    /// A process ended.
    fn process_ended(&mut self, entry: &Entry, how: ProcessEnd) {
        self.witnesses.process_killed += u64::from(how == ProcessEnd::Killed);
        self.witnesses.process_stopped += u64::from(how == ProcessEnd::Clean && !self.is_over);
        if how != ProcessEnd::Clean {
            self.witnesses.process_crashed += 1;
            self.crashes.add(entry.node);
        } else {
            self.redeliveries.values_mut().for_each(|work| work.ended(entry.node));
        }
        if !self.is_over {
            self.standings.values_mut().for_each(|one| one.leave(entry.node));
        }
        self.ended.insert(entry.node);
        for index in self.producers_at(entry.node) {
            self.clocks.ended(entry.at, index);
            self.open_at_end += self.open_of(index.index());
            self.outcomes.ended(entry.at, index);
            let sent = self.records.get_mut(index.index());
            let end = sent.as_ref().map_or(0, |sent| sent.len());
            let end = u32::try_from(end).expect("numbers of records are u32");
            self.ends[index.index()].push(end);
            let sent = sent.into_iter().flatten();
            sent.filter(|flags| **flags & SENT != 0).for_each(|flags| *flags |= ENDED);
        }
    }

    /// What members of groups do, and controllers.
    fn work(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Rebalanced { group, reason, .. } => {
                self.witnesses.rebalance += 1;
                let all = self.redeliveries.of_group_mut(*group);
                all.for_each(|one| one.rebalanced(*reason));
                let (counts, _) = &mut self.groups[group.index()];
                *counts.rebalances.entry(*reason).or_default() += 1;
            }
            Event::GaveUp { group, partition, offset, record } => {
                self.standings.of(*group, *partition).process(entry.node, *offset, record.id);
            }
            Event::PollOverdue { group } => {
                self.redeliveries.of_group_mut(*group).for_each(|one| one.overdue(entry.node));
            }
            Event::LogStartMoved { .. } => self.witnesses.log_start_moved += 1,
            Event::LogCompacted { .. } => self.witnesses.log_compacted += 1,
            Event::LogDamaged { .. } => self.witnesses.log_damaged += 1,
            Event::LogDirFailed { .. } => self.witnesses.log_dir_failed += 1,
            Event::FollowerChosen { .. } => self.witnesses.follower_chosen += 1,
            Event::ControllerElected { .. } => self.witnesses.controller_elected += 1,
            Event::MemberReplaced { group, before, member } => {
                let all = self.redeliveries.of_group_mut(*group);
                all.for_each(|one| one.replaced(*before, *member));
            }
            Event::GroupDeleted { group } => {
                self.redeliveries.of_group_mut(*group).for_each(|one| one.deleted());
            }
            Event::Assigned { group, partitions, member, generation } => {
                for partition in partitions.iter() {
                    let work = self.redeliveries.of(*group, *partition);
                    work.assigned(entry.node, (*member, *generation), &self.crashes);
                    self.standings.of(*group, *partition).assign(entry.node);
                }
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                let is_lost = matches!(entry.event, Event::Lost { .. });
                for partition in partitions.iter() {
                    let work = self.redeliveries.of(*group, *partition);
                    if is_lost {
                        work.lost(entry.node)
                    } else {
                        work.given_back(entry.node)
                    }
                    self.standings.of(*group, *partition).leave(entry.node);
                }
            }
            Event::Positioned { group, partition, offset, source } => {
                match source {
                    PositionSource::OutOfRangeEarliest
                    | PositionSource::OutOfRangeLatest
                    | PositionSource::OutOfRangeByDuration
                    | PositionSource::Truncated => self.witnesses.position_reset += 1,
                    PositionSource::Committed
                    | PositionSource::NoCommitEarliest
                    | PositionSource::NoCommitLatest
                    | PositionSource::NoCommitByDuration
                    | PositionSource::Sought
                    | PositionSource::Kept => {}
                }
                self.running.insert(group.index());
                self.standings.of(*group, *partition).resume(entry.node, *offset);
                let work = self.redeliveries.of(*group, *partition);
                work.positioned(entry.node, &self.crashes, offset.0, *source);
            }
            _ => self.commits(entry),
        }
    }

    /// What becomes of commits.
    fn commits(&mut self, entry: &Entry) {
        match &entry.event {
            Event::CommitFailed { group, error, offsets, .. } if is_refusal(*error) => {
                let (counts, _) = &mut self.groups[group.index()];
                *counts.refused_commits.entry(*error).or_default() += 1;
                for (partition, offset) in offsets.iter() {
                    let work = self.redeliveries.of(*group, *partition);
                    work.commit_refused(entry.node, offset.0);
                }
            }
            Event::CommitSent { group, offsets } => {
                for (partition, offset) in offsets.iter() {
                    self.redeliveries.of(*group, *partition).commit_sent(entry.node, offset.0);
                }
            }
            Event::Committed { group, offsets } => {
                self.running.insert(group.index());
                for (partition, offset) in offsets.iter() {
                    self.redeliveries.of(*group, *partition).committed(entry.node, offset.0);
                    self.standings.of(*group, *partition).commit(*offset);
                }
            }
            Event::OffsetsExpired { group, partitions } => {
                for partition in partitions.iter() {
                    self.redeliveries.of(*group, *partition).expired();
                }
            }
            _ => {}
        }
    }

    fn producers_at(&self, node: NodeId) -> Vec<ProducerIndex> {
        let producers = (0..).map(ProducerIndex).zip(&self.context.producers);
        producers.filter(|(_, one)| one.node == node).map(|(index, _)| index).collect()
    }

    fn elected(&mut self, partition: TopicPartition, led: bool, isr: &[BrokerId], unclean: bool) {
        let before = self.isr.insert(partition, isr.len());
        let witnesses = &mut self.witnesses;
        witnesses.unclean_election += u64::from(unclean);
        witnesses.offline += u64::from(!led);
        witnesses.isr_shrunk += u64::from(before.is_some_and(|before| isr.len() < before));
        // The first election of a partition is its creation.
        witnesses.leader_elected += u64::from(led && before.is_some());
    }
}

/// Whether the coordinator refused a commit because the member is not, or no more, of the generation
/// that may commit (R9.10).
const fn is_refusal(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::RebalanceInProgress
            | ErrorCode::IllegalGeneration
            | ErrorCode::UnknownMemberId
            | ErrorCode::StaleMemberEpoch
    )
}
