//! What must hold of every state.
//!
//! The first two are those of Kafka's published specification of replication (`Kip320.tla`, hachikuji/
//! kafka-specification), the others follow from what Kafka promises.

use super::Replicas;
use crate::log::stored::StoredLog;
use crate::partition::Role;
use ackproof_types::{BrokerId, Offset};
use std::fmt;

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// A member of a leader's own in-sync set has not what the leader exposes.
    WeakIsr,
    /// A member of the controller's in-sync set has not what a leader exposes.
    StrongIsr,
    /// Two logs have different records below both high watermarks.
    CommittedPrefix,
    /// The leader that the controller chose, and that knows it, has not what was acknowledged.
    LeaderCompleteness,
}

impl Invariant {
    /// All, in the order in which they are looked at.
    pub const ALL: [Self; 4] =
        [Self::WeakIsr, Self::StrongIsr, Self::CommittedPrefix, Self::LeaderCompleteness];

    /// Its stable name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WeakIsr => "weak-isr",
            Self::StrongIsr => "strong-isr",
            Self::CommittedPrefix => "committed-prefix",
            Self::LeaderCompleteness => "leader-completeness",
        }
    }

    /// What it says, in a sentence.
    #[must_use]
    pub const fn about(self) -> &'static str {
        match self {
            Self::WeakIsr => {
                "each member of a leader's in-sync set has all that the leader exposes"
            }
            Self::StrongIsr => {
                "each member of the controller's in-sync set has all that any leader exposes"
            }
            Self::CommittedPrefix => "two logs agree below both of their high watermarks",
            Self::LeaderCompleteness => "the current leader has every acknowledged record",
        }
    }
}

impl fmt::Display for Invariant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Replicas {
    /// Whether it holds here.
    #[must_use]
    pub fn holds(&self, invariant: Invariant) -> bool {
        match invariant {
            Invariant::WeakIsr => self.every_leader(|isr_of_leader| isr_of_leader),
            Invariant::StrongIsr => {
                let isr = &self.quorum.partition().isr;
                self.every_leader(|_| isr)
            }
            Invariant::CommittedPrefix => self.committed_agree(),
            Invariant::LeaderCompleteness => self.leader_is_complete(),
        }
    }

    /// Whether of each leader the members of what `set` makes of its in-sync set have what it exposes.
    fn every_leader<'a>(&'a self, set: impl Fn(&'a [BrokerId]) -> &'a [BrokerId]) -> bool {
        self.replicas.iter().filter_map(|replica| Some((replica, replica.led()?))).all(
            |(leader, partition)| {
                let Role::Leader(role) = &partition.role else { return true };
                let exposed = partition.log.high_watermark();
                let own = partition.log.stored();
                set(role.isr()).iter().filter(|member| **member != leader.id).all(|member| {
                    let log = self.replica(self.place(*member)).log(&self.setup);
                    agree(Some(own), log, exposed)
                })
            },
        )
    }

    fn committed_agree(&self) -> bool {
        let exposed: Vec<_> = self
            .replicas
            .iter()
            .filter_map(|replica| {
                let partition = &replica.process.as_ref()?.partition;
                Some((partition.log.stored(), partition.log.high_watermark()))
            })
            .collect();
        exposed.iter().enumerate().all(|(nth, (log, upto))| {
            exposed[nth + 1..]
                .iter()
                .all(|(other, bound)| agree(Some(log), Some(other), *upto.min(bound)))
        })
    }

    fn leader_is_complete(&self) -> bool {
        let state = self.quorum.partition();
        let Some(leader) = state.leader else { return true };
        let replica = self.replica(self.place(leader));
        let Some(partition) = replica.led() else { return true };
        if partition.leader_epoch != state.leader_epoch {
            return true;
        }
        let log = partition.log.stored();
        self.counts.acked.iter().all(|(number, at)| {
            log.at(Offset(*at)).is_some_and(|batch| {
                batch.records().iter().any(|record| record.id.number == u32::from(*number))
            })
        })
    }
}

/// Whether both have the same batches below `upto`.
fn agree(one: Option<&StoredLog>, other: Option<&StoredLog>, upto: Offset) -> bool {
    let below = |log| {
        let all: &[_] = Option::map_or(log, &[], StoredLog::batches);
        all[..all.partition_point(|batch| batch.base_offset < upto)].iter()
    };
    below(one).eq(below(other))
}
