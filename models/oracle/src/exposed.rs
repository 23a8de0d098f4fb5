//! How far a partition is exposed to consumers, as far as that is on record. It judges nothing.

use ackproof_types::{NodeId, Offset};
use std::collections::BTreeSet;

/// The highest high watermark of a partition, and who told of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exposed {
    highest: Option<Offset>,
    /// Brokers whose high watermarks are on record.
    telling: BTreeSet<NodeId>,
    /// Who was elected, or took the lead, last.
    leader: Option<NodeId>,
}

impl Exposed {
    /// The high watermark at `node` rose to `to`.
    pub(crate) fn rise(&mut self, node: NodeId, to: Offset) {
        self.highest = self.highest.max(Some(to));
        self.telling.insert(node);
    }

    /// `node` took the lead, and exposes as much as it knows. That alone does not say that what it exposes
    /// later will be on record.
    pub(crate) fn led(&mut self, node: NodeId, high_watermark: Offset) {
        self.highest = self.highest.max(Some(high_watermark));
        self.leader = Some(node);
    }

    /// `leader` was elected.
    pub(crate) fn elected(&mut self, leader: NodeId) {
        self.leader = Some(leader);
    }

    /// The highest high watermark so far. None: it is not on record, since not every broker tells of
    /// its own, and the last leader did not.
    pub(crate) fn highest(&self) -> Option<Offset> {
        let is_told = self.leader.is_none_or(|leader| self.telling.contains(&leader));
        self.highest.filter(|_| is_told && !self.telling.is_empty())
    }
}
