//! Final reads that a deposed leader answered. What it has is not what the log is: they are set aside
//! before anyone judges them. Where the history does not say who answered, nothing is set aside.

use crate::context::Context;
use crate::history::Event;
use crate::places::Places;
use ackproof_types::{BrokerId, LeaderEpoch, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A leadership: its epoch and its leader.
type Leadership = (LeaderEpoch, BrokerId);

/// A partition.
#[derive(Debug, Default)]
struct Answers {
    /// By broker: the last epoch for which it was elected.
    elected: BTreeMap<BrokerId, LeaderEpoch>,
    /// Who answers.
    by: Option<Leadership>,
    /// A leadership that answered, and one that had deposed it by then. It stays, because a log that was
    /// read from two leaders is the log of neither.
    stale: Option<(Leadership, Leadership)>,
}

impl Answers {
    /// The last leadership of another broker that came after the one that answers. A partition without a
    /// leader has no other log.
    fn deposing(&self) -> Option<Leadership> {
        let (epoch, broker) = self.by?;
        let others = self.elected.iter().filter(|(other, _)| **other != broker);
        others.map(|(other, elected)| (*elected, *other)).filter(|one| one.0 > epoch).max()
    }
}

/// Which leaderships were elected, and which ones answer the final read.
#[derive(Debug)]
pub(crate) struct Deposed {
    context: Arc<Context>,
    partitions: Places<Answers>,
}

impl Deposed {
    pub(crate) fn new(context: Arc<Context>) -> Self {
        Self { context, partitions: Places::default() }
    }

    /// Takes an event; whether it is what a deposed leader answered, which nobody judges.
    pub(crate) fn sets_aside(&mut self, event: &Event) -> bool {
        match event {
            Event::LeaderElected { partition, leader: Some(leader), epoch, .. } => {
                self.partitions.of(*partition).elected.insert(*leader, *epoch);
            }
            Event::FinalReadBy { partition, broker, epoch } => {
                self.partitions.of(*partition).by = Some((*epoch, *broker));
            }
            Event::FinalRead { partition, .. } | Event::FinalReadDone { partition, .. } => {
                let answers = self.partitions.of(*partition);
                if answers.stale.is_none() {
                    answers.stale = answers.by.zip(answers.deposing());
                }
                return answers.stale.is_some();
            }
            _ => {}
        }
        false
    }

    /// Whether the final read of this partition is set aside.
    pub(crate) fn disbelieves(&self, partition: TopicPartition) -> bool {
        self.partitions.get(partition).is_some_and(|answers| answers.stale.is_some())
    }

    /// What was set aside and why; none: nothing.
    pub(crate) fn words(&self) -> Option<String> {
        let stale: Vec<_> =
            self.partitions.iter().filter_map(|(place, one)| Some((place, one.stale?))).collect();
        let (place, ((epoch, who), (later, leader))) = *stale.first()?;
        let (place, who) = (self.context.partition(place), self.context.broker_name(who));
        let leader = self.context.broker_name(leader);
        let others = match stale.len() - 1 {
            0 => String::new(),
            1 => "; the same of 1 other partition".to_owned(),
            others => format!("; the same of {others} other partitions"),
        };
        Some(format!(
            "{who} answered the final read of {place} as leader of epoch {epoch}; it did not know that \
             {leader} had been elected in epoch {later}{others}"
        ))
    }
}
