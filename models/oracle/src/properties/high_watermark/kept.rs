//! Which replicas must keep what is committed: those in the in-sync set, any of which may lead next. A replica that
//! cuts it off has been led astray, whether or not the record is lost in the end. It judges nothing.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::places::Places;
use crate::restarts::Restarts;
use ackproof_types::{BrokerId, LeaderEpoch, NodeId, Offset, TopicPartition};
use std::sync::Arc;

/// A partition as the controller has it.
#[derive(Debug, Default)]
struct State {
    epoch: Option<LeaderEpoch>,
    isr: Arc<[BrokerId]>,
    /// What the leader of that epoch has committed. A leader that begins below it has lost the rest: that is told
    /// elsewhere, and nobody need keep what the leader does not have.
    committed: Offset,
}

/// A replica that cut off what it had to keep.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) partition: TopicPartition,
    pub(super) from: Offset,
    pub(super) to: Offset,
    pub(super) committed: Offset,
}

#[derive(Debug, Default)]
pub(super) struct Kept {
    partitions: Places<State>,
    restarts: Restarts,
}

impl Kept {
    /// Takes an entry; whether it is the cut of a replica that had to keep more.
    pub(super) fn observe(&mut self, entry: &Entry, context: &Context) -> Option<Cut> {
        let has_lost = self.restarts.observe(entry);
        match &entry.event {
            Event::LeaderElected { partition, epoch, isr, .. } => {
                let state = self.partitions.of(*partition);
                (state.epoch, state.isr) = (Some(*epoch), Arc::clone(isr));
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.partitions.of(*partition).isr = Arc::clone(isr);
            }
            Event::HighWatermark { partition, epoch, offset } => {
                if let Some(state) = self.led(*partition, *epoch) {
                    state.committed = state.committed.max(*offset);
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                if let Some(state) = self.led(*partition, *epoch) {
                    state.committed = state.committed.min(*log_end);
                }
            }
            Event::Truncated { partition, from, to } if !has_lost => {
                let committed = self.committed(*partition, entry.node, context)?;
                let cut = Cut { partition: *partition, from: *from, to: *to, committed };
                return (*to < committed).then_some(cut);
            }
            // Whoever is in sync is a replica.
            Event::LogDeleted { partition } => {
                let committed = self.committed(*partition, entry.node, context)?;
                let (partition, from, to) = (*partition, committed, Offset(0));
                return (to < committed).then_some(Cut { partition, from, to, committed });
            }
            _ => {}
        }
        None
    }

    /// The partition, if it is led in `epoch`.
    fn led(&mut self, place: TopicPartition, epoch: LeaderEpoch) -> Option<&mut State> {
        Some(self.partitions.of(place)).filter(|state| state.epoch == Some(epoch))
    }

    /// Up to where the replica at `node` has to keep its log, if it is in sync.
    fn committed(&self, place: TopicPartition, node: NodeId, context: &Context) -> Option<Offset> {
        let state = self.partitions.get(place)?;
        let in_sync = state.isr.iter().any(|one| context.process(*one) == node);
        in_sync.then_some(state.committed)
    }
}
