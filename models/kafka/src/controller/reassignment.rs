//! Replicas that move to other brokers (KIP-455).
//!
//! Replicas that are added follow first. Once all that stay are in the in-sync set, those that are removed leave it,
//! and with it the partition, whose leader changes if it is one of them. Kafka: `ReplicationControlManager`,
//! `PartitionReassignmentReplicas`, `PartitionReassignmentRevert`.

use super::election::{self, Assignment, Change, Election};
use super::partitions::isr_state;
use super::{Controller, Out};
use crate::message::{IsrProposal, IsrState};
use crate::metadata::PartitionRegistration;
use ackproof_types::{BrokerId, ErrorCode, TopicPartition};

impl Controller {
    /// An administrator wants these replicas, or, without any, that what is under way is given up. Refused where a
    /// replica is named twice or is not registered, and where nothing is under way.
    pub(super) fn reassign(
        &mut self,
        partition: TopicPartition,
        replicas: Option<&[BrokerId]>,
        out: &mut Out,
    ) -> Result<(), ErrorCode> {
        let old = self.image.partitions.get(&partition);
        let old = old.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let change = match replicas {
            Some(target) => self.move_to(partition, old, target),
            None => self.give_up(partition, old),
        };
        if let Some(change) = change? {
            self.write_partition(partition, change, out);
        }
        Ok(())
    }

    fn move_to(
        &self,
        partition: TopicPartition,
        old: &PartitionRegistration,
        target: &[BrokerId],
    ) -> Result<Option<Change>, ErrorCode> {
        let mut each = target.to_vec();
        each.sort_unstable();
        each.dedup();
        let known = each.iter().all(|one| self.image.brokers.contains_key(one));
        if target.is_empty() || each.len() < target.len() || !known {
            return Err(ErrorCode::InvalidReplicaAssignment);
        }
        let assignment = Assignment::towards(old, target);
        let rules = self.rules(partition);
        Ok(election::reassign(old, &old.isr, assignment, Election::Online, rules, |replica| {
            self.image.may_lead(replica, partition)
        }))
    }

    fn give_up(
        &self,
        partition: TopicPartition,
        old: &PartitionRegistration,
    ) -> Result<Option<Change>, ErrorCode> {
        if !old.is_reassigned() {
            return Err(ErrorCode::NoReassignmentInProgress);
        }
        let stay = |all: &[BrokerId]| -> Vec<BrokerId> {
            all.iter().copied().filter(|one| !old.adding.contains(one)).collect()
        };
        let (replicas, mut isr) = (stay(&old.replicas), stay(&old.isr));
        let election = self.election_of(partition);
        if isr.is_empty() {
            // Nobody who was a replica before is in sync: going back throws away what the others have.
            if election != Election::Unclean {
                return Err(ErrorCode::InvalidReplicaAssignment);
            }
            isr.extend(replicas.first());
        }
        let assignment = Assignment { replicas, adding: Vec::new(), removing: Vec::new() };
        let rules = self.rules(partition);
        Ok(election::reassign(old, &isr, assignment, election, rules, |replica| {
            self.image.may_lead(replica, partition)
        }))
    }

    /// R3.9: a change of the in-sync set may end a reassignment, and with it the leadership of whoever asked.
    pub(super) fn alter_reassigned(
        &mut self,
        proposal: &IsrProposal,
        isr: &[BrokerId],
        out: &mut Out,
    ) -> Result<IsrState, ErrorCode> {
        let partition = proposal.partition;
        let Some(old) = self.image.partitions.get(&partition) else {
            return Err(ErrorCode::UnknownTopicOrPartition);
        };
        let (election, rules) = (self.election_of(partition), self.rules(partition));
        let change = election::change(old, isr, election, rules, |replica| {
            self.image.may_lead(replica, partition)
        });
        let leader = old.leader;
        let recovered = || Change {
            state: PartitionRegistration {
                partition_epoch: old.partition_epoch.next(),
                ..old.clone()
            },
            unclean: false,
        };
        let change = change.or_else(|| (proposal.recovering != old.recovering).then(recovered));
        let Some(mut change) = change else { return Ok(isr_state(old)) };
        change.state.recovering = proposal.recovering;
        let altered = isr_state(&change.state);
        let led_elsewhere = change.state.leader != leader;
        self.write_partition(partition, change, out);
        if led_elsewhere { Err(ErrorCode::NewLeaderElected) } else { Ok(altered) }
    }
}
