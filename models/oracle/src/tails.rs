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
    /// Batches whose bytes are wrong.
    damaged: Vec<(NodeId, Offset, Offset)>,
    /// What was cut because of one.
    cut: BTreeMap<NodeId, Ranges>,
}

impl Tails {
    /// The log of `broker` ends at `to` now, and ended at `from`.
    pub(crate) fn lose(&mut self, broker: NodeId, by: TailLoss, (from, to): (Offset, Offset)) {
        self.lost.entry((broker, by)).or_default().insert(to.0, from.0);
    }

    /// Bytes of a batch of `broker` are wrong.
    pub(crate) fn damage(&mut self, broker: NodeId, from: Offset, to: Offset) {
        self.damaged.push((broker, from, to));
    }

    /// The log of `broker`, which has started, was cut: because of a batch that was wrong, or of what it lacked.
    pub(crate) fn cut(&mut self, broker: NodeId, (from, to): (Offset, Offset), has_lost: bool) {
        let is_why = |(node, at, _): &(NodeId, Offset, Offset)| *node == broker && *at == to;
        let because = self.damaged.iter().any(is_why);
        self.damaged.retain(|(node, at, _)| *node != broker || *at < to);
        match (has_lost, because) {
            (false, _) => {}
            (true, true) => self.cut.entry(broker).or_default().insert(to.0, from.0),
            (true, false) => self.lose(broker, TailLoss::Power, (from, to)),
        }
    }

    /// Whether what `broker` has at `offset` cannot be read.
    pub(crate) fn is_damaged(&self, broker: NodeId, offset: i64) -> bool {
        let holds = |(node, from, to): &(NodeId, Offset, Offset)| {
            *node == broker && (from.0..to.0).contains(&offset)
        };
        self.damaged.iter().any(holds)
    }

    /// Who joins the in-sync set has caught up.
    pub(crate) fn take_isr(&mut self, before: &[BrokerId], isr: &[BrokerId], context: &Context) {
        let joins =
            |node| isr.iter().any(|one| context.process(*one) == node && !before.contains(one));
        self.lost.retain(|(node, _), _| !joins(*node));
        self.cut.retain(|node, _| !joins(*node));
    }

    /// `broker` leads: its log is the partition's, and what is missing there is told.
    pub(crate) fn lead(&mut self, broker: NodeId) {
        self.lost.retain(|(node, _), _| *node != broker);
        self.cut.remove(&broker);
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
        let damaged = self.cut.get(&broker).is_some_and(&is).then_some(LossCause::DamagedLog);
        disk.or(damaged).or_else(|| with(TailLoss::Power).then_some(LossCause::PowerLoss))
    }

    /// Whether another than `broker` lost what it had at `offset`.
    pub(crate) fn others(&self, broker: NodeId, offset: i64) -> bool {
        self.lost.iter().any(|((other, _), lost)| *other != broker && lost.contains(offset))
    }
}
