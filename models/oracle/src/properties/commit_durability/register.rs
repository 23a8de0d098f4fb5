//! The committed offset of one partition of a group, as far as clients know of it: what was sent, what was
//! acknowledged, who asks. It knows no groups and no logs.

use crate::history::Entry;
use ackproof_types::{GenerationId, NodeId, Offset, Timestamp};

/// The generation of a member. Fencing orders generations only as long as the coordinator forgets none,
/// so the number of unclean elections and deletions of the group before goes with it. None: not on record.
pub(super) type Generation = Option<(u32, GenerationId)>;

/// Whether `one` certainly came after `other`.
pub(super) fn is_later(one: Generation, other: Generation) -> bool {
    match (one, other) {
        (Some((era, one)), Some((other_era, other))) => era == other_era && one > other,
        _ => false,
    }
}

/// What is known of a commit's outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Pending,
    Unknown,
    Acked {
        seq: u64,
        at: Timestamp,
    },
    /// Its coordinator put it in the place of what was committed: it may be read from here on, until a commit
    /// that is sent later has taken its place. It may also be lost again.
    Expired {
        seq: u64,
    },
}

/// A commit of one partition. Having none is a commit of [`Offset::UNKNOWN`] before all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) value: Offset,
    pub(super) node: NodeId,
    pub(super) generation: Generation,
    pub(super) sent: u64,
    /// A coordinator that an unclean election deposed may have taken it.
    pub(super) by_deposed: bool,
    pub(super) outcome: Outcome,
}

impl Write {
    /// Whether it took effect for certain, and after `other`.
    pub(super) fn follows(&self, other: &Self) -> bool {
        if !matches!(self.outcome, Outcome::Acked { .. }) {
            return false;
        }
        if let Outcome::Acked { seq, .. } | Outcome::Expired { seq } = other.outcome
            && self.sent > seq
        {
            return true;
        }
        is_later(self.generation, other.generation)
    }

    pub(super) fn acked_by(&self, seq: u64) -> bool {
        matches!(self.outcome, Outcome::Acked { seq: acked, .. } if acked <= seq)
    }
}

/// No member committed yet.
pub(super) const NONE: Write = Write {
    value: Offset::UNKNOWN,
    node: NodeId(u16::MAX),
    generation: None,
    sent: 0,
    by_deposed: false,
    outcome: Outcome::Acked { seq: 0, at: Timestamp::START },
};

/// A member that was assigned the partition and has no position yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) node: NodeId,
    pub(super) generation: Generation,
    pub(super) since: u64,
}

/// The committed offset of a group in a partition.
#[derive(Debug)]
pub(super) struct Register {
    /// Those that may still be read, or still wait for their answer.
    pub(super) writes: Vec<Write>,
    pub(super) readers: Vec<Reader>,
}

impl Default for Register {
    fn default() -> Self {
        Self { writes: vec![NONE], readers: Vec::new() }
    }
}

impl Register {
    /// The oldest commit of `node` like this that has no outcome: where two look alike, the older makes
    /// the weaker claim.
    pub(super) fn pending(&self, node: NodeId, value: Offset) -> Option<usize> {
        self.writes.iter().position(|write| {
            (write.node, write.value, write.outcome) == (node, value, Outcome::Pending)
        })
    }

    /// Takes an acknowledgement that a member of `generation` hears. A commit that was sent after one of a
    /// later generation was acknowledged should have been refused: that one is returned.
    pub(super) fn ack(
        &mut self,
        entry: &Entry,
        value: Offset,
        generation: Generation,
        by_deposed: bool,
    ) -> Option<Write> {
        let outcome = Outcome::Acked { seq: entry.seq, at: entry.at };
        let mut contradicted = None;
        if let Some(index) = self.pending(entry.node, value) {
            self.writes[index].outcome = outcome;
            self.writes[index].by_deposed |= by_deposed;
            let write = self.writes[index];
            contradicted =
                self.writes.iter().find(|one| one.follows(&write) && write.follows(one)).copied();
        } else if !self.is_over(generation, entry.seq) {
            let (node, sent) = (entry.node, entry.seq);
            self.writes.push(Write { value, node, generation, sent, by_deposed, outcome });
        }
        self.prune(entry.seq);
        contradicted
    }

    pub(super) fn fail(&mut self, node: NodeId, value: Offset, maybe_written: bool) {
        let Some(index) = self.pending(node, value) else { return };
        if maybe_written {
            self.writes[index].outcome = Outcome::Unknown;
        } else {
            self.writes.remove(index);
        }
    }

    /// The commit that was certainly the later one when a read began at `since`.
    pub(super) fn superseding(&self, write: &Write, since: u64) -> Option<Write> {
        self.writes.iter().rev().find(|one| one.acked_by(since) && one.follows(write)).copied()
    }

    /// Whether a commit of a later generation was acknowledged by then: a member of `generation` is a
    /// zombie, whose commits are refused from then on.
    pub(super) fn is_over(&self, generation: Generation, by: u64) -> bool {
        self.writes.iter().any(|one| one.acked_by(by) && is_later(one.generation, generation))
    }

    /// From `seq` on there may be no commit.
    pub(super) fn expire(&mut self, seq: u64) {
        self.writes.push(Write { sent: seq, outcome: Outcome::Expired { seq }, ..NONE });
    }

    /// `node` looks nothing up, or not any more.
    pub(super) fn release(&mut self, node: NodeId) {
        self.readers.retain(|reader| reader.node != node);
    }

    /// `node` ended: nobody hears the answers to its commits and lookups.
    pub(super) fn end(&mut self, node: NodeId) {
        self.release(node);
        for write in self.writes.iter_mut().filter(|write| write.node == node) {
            if write.outcome == Outcome::Pending {
                write.outcome = Outcome::Unknown;
            }
        }
    }

    /// Forgets what no read can find any more, neither one under way nor a later one. What waits for its
    /// answer stays: without it, the answer would look like a new commit. So does what came before it, which
    /// may say that it had to be refused.
    pub(super) fn prune(&mut self, now: u64) {
        let reads = self.readers.iter().map(|reader| reader.since);
        let pending = self.writes.iter().filter(|write| write.outcome == Outcome::Pending);
        let oldest = reads.chain(pending.map(|write| write.sent)).min().unwrap_or(now);
        let mut index = 0;
        while index < self.writes.len() {
            let write = &self.writes[index];
            if write.outcome != Outcome::Pending && self.superseding(write, oldest).is_some() {
                self.writes.remove(index);
            } else {
                index += 1;
            }
        }
    }

    /// Takes the lookup of `node`, if one is under way: whether it proves something, and the commit
    /// that should have been found, if `found` is not legal.
    pub(super) fn read(
        &mut self,
        node: NodeId,
        found: Offset,
        now: u64,
    ) -> Option<(bool, Option<Write>)> {
        let index = self.readers.iter().position(|reader| reader.node == node)?;
        let Reader { since, generation, .. } = self.readers.remove(index);
        if self.is_over(generation, since) {
            self.prune(now);
            return None;
        }
        let proves = self.writes.iter().any(|one| one.sent > 0 && one.acked_by(since));
        let legal = self
            .writes
            .iter()
            .any(|one| one.value == found && self.superseding(one, since).is_none());
        let mut latest = self.writes.iter().rev().filter(|one| one.acked_by(since));
        let expected = latest.find(|one| self.superseding(one, since).is_none()).copied();
        self.prune(now);
        Some((proves, expected.filter(|_| !legal)))
    }
}
