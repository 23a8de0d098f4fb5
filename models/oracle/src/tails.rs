//! What brokers lost of a log with their power or their disks, until they are in sync anew. It judges nothing.

use crate::cause::LossCause;
use crate::context::Context;
use crate::history::TailLoss;
use crate::ranges::Ranges;
use ackproof_types::{BrokerId, NodeId, Offset};
use std::collections::BTreeMap;

/// Lost ends of one log.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    lost: BTreeMap<(NodeId, TailLoss), Ranges>,
}

impl Tails {
    /// The log of `broker` ends at `to` now, and ended at `from`.
    pub(crate) fn lose(&mut self, broker: NodeId, by: TailLoss, (from, to): (Offset, Offset)) {
        self.lost.entry((broker, by)).or_default().insert(to.0, from.0);
    }

    /// Who joins the in-sync set has caught up.
    pub(crate) fn take_isr(&mut self, before: &[BrokerId], isr: &[BrokerId], context: &Context) {
        let joins =
            |node| isr.iter().any(|one| context.process(*one) == node && !before.contains(one));
        self.lost.retain(|(node, _), _| !joins(*node));
    }

    /// `broker` leads: its log is the partition's, and what is missing there is told.
    pub(crate) fn lead(&mut self, broker: NodeId) {
        self.lost.retain(|(node, _), _| *node != broker);
    }

    /// With what `broker` lost what it had at `offset`, if it did.
    pub(crate) fn at(&self, broker: NodeId, offset: i64) -> Option<LossCause> {
        self.by(broker, |lost| lost.contains(offset))
    }

    /// With what `broker` lost anything, if it did.
    pub(crate) fn any(&self, broker: NodeId) -> Option<LossCause> {
        self.by(broker, |_| true)
    }

    fn by(&self, broker: NodeId, is: impl Fn(&Ranges) -> bool) -> Option<LossCause> {
        let with = |by| self.lost.get(&(broker, by)).is_some_and(&is);
        let disk = with(TailLoss::Disk).then_some(LossCause::DiskLost);
        disk.or_else(|| with(TailLoss::Power).then_some(LossCause::PowerLoss))
    }

    /// Whether another than `broker` lost what it had at `offset`.
    pub(crate) fn others(&self, broker: NodeId, offset: i64) -> bool {
        self.lost.iter().any(|((other, _), lost)| *other != broker && lost.contains(offset))
    }
}
