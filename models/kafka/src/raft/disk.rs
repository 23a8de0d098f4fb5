//! The disk of a voter: its log, and what it has said in which election (Kafka: `quorum-state`). It knows nothing
//! of what the entries mean.

use crate::machine::{Disk, LostTail};
use crate::message::quorum::Entry;
use ackproof_types::{ControllerEpoch, ControllerId};
use std::fmt::Debug;
use std::hash::Hash;

/// What a voter must not forget (Kafka: `ElectionState`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ballot {
    /// The highest epoch it knows.
    pub epoch: ControllerEpoch,
    /// Whom it voted for in it.
    pub voted: Option<ControllerId>,
    /// Who leads it.
    pub leader: Option<ControllerId>,
}

/// The disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QuorumDisk<P> {
    entries: Vec<Entry<P>>,
    /// So many are safe against power loss.
    flushed: usize,
    ballot: Ballot,
    flushed_ballot: Ballot,
}

impl<P> Default for QuorumDisk<P> {
    fn default() -> Self {
        let (ballot, flushed_ballot) = (Ballot::default(), Ballot::default());
        Self { entries: Vec::new(), flushed: 0, ballot, flushed_ballot }
    }
}

impl<P> QuorumDisk<P> {
    /// The log.
    #[must_use]
    pub fn entries(&self) -> &[Entry<P>] {
        &self.entries
    }

    /// What was said in elections.
    #[must_use]
    pub const fn ballot(&self) -> Ballot {
        self.ballot
    }
}

/// A change of the disk.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QuorumWrite<P> {
    /// One more entry.
    Append(Entry<P>),
    /// Only so many entries stay.
    Truncate(u64),
    /// What it says in an election.
    Ballot(Ballot),
}

impl<P: Clone + Debug + Eq + Hash> Disk for QuorumDisk<P> {
    type Write = QuorumWrite<P>;

    fn apply(&mut self, write: Self::Write) {
        match write {
            QuorumWrite::Append(entry) => self.entries.push(entry),
            QuorumWrite::Truncate(end) => {
                self.entries.truncate(usize::try_from(end).unwrap_or(usize::MAX));
                self.flushed = self.flushed.min(self.entries.len());
            }
            QuorumWrite::Ballot(ballot) => self.ballot = ballot,
        }
    }

    fn flush(&mut self) {
        self.flushed = self.entries.len();
        self.flushed_ballot = self.ballot;
    }

    /// Two files: the log, and the ballot, which is replaced as a whole.
    fn lose_power(&mut self, survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        let unflushed = self.entries.len() - self.flushed;
        self.entries.truncate(self.flushed + survive(unflushed).min(unflushed));
        self.flushed = self.entries.len();
        if self.ballot != self.flushed_ballot && survive(1) == 0 {
            self.ballot = self.flushed_ballot;
        }
        self.flushed_ballot = self.ballot;
        Vec::new()
    }
}
