//! The disk of a voter: its log, and what it has said in which election (Kafka: `quorum-state`). It knows nothing
//! of what the entries mean.

use crate::machine::{Disk, LostTail};
use crate::message::quorum::{Entry, LogEnd, Snapshot};
use ackproof_types::{ControllerEpoch, ControllerId};
use std::fmt::Debug;
use std::hash::Hash;
use std::sync::Arc;

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
    /// What came before the entries ended there.
    base: LogEnd,
    /// The newest; safe as soon as it is there, since it is written as a whole and renamed.
    snapshot: Option<Arc<Snapshot<P>>>,
    entries: Vec<Entry<P>>,
    /// So many are safe against power loss.
    flushed: usize,
    ballot: Ballot,
    flushed_ballot: Ballot,
}

impl<P> Default for QuorumDisk<P> {
    fn default() -> Self {
        let (ballot, flushed_ballot) = (Ballot::default(), Ballot::default());
        let base = LogEnd::START;
        Self { base, snapshot: None, entries: Vec::new(), flushed: 0, ballot, flushed_ballot }
    }
}

impl<P> QuorumDisk<P> {
    /// What came before the first entry ended there.
    #[must_use]
    pub const fn base(&self) -> LogEnd {
        self.base
    }

    /// The newest snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> Option<&Arc<Snapshot<P>>> {
        self.snapshot.as_ref()
    }

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
    /// Only what comes before this offset stays.
    Truncate(u64),
    /// A snapshot of its own log.
    Snapshot(Arc<Snapshot<P>>),
    /// What comes before the end of the newest snapshot is deleted.
    Forget,
    /// A snapshot of another voter takes the place of the whole log.
    Load(Arc<Snapshot<P>>),
    /// What it says in an election.
    Ballot(Ballot),
}

impl<P: Clone + Debug + Eq + Hash> Disk for QuorumDisk<P> {
    type Write = QuorumWrite<P>;

    fn apply(&mut self, write: Self::Write) {
        match write {
            QuorumWrite::Append(entry) => self.entries.push(entry),
            QuorumWrite::Truncate(end) => {
                let stay = end.saturating_sub(self.base.offset);
                self.entries.truncate(usize::try_from(stay).unwrap_or(usize::MAX));
                self.flushed = self.flushed.min(self.entries.len());
            }
            QuorumWrite::Snapshot(snapshot) => self.snapshot = Some(snapshot),
            QuorumWrite::Forget => {
                let end = self.snapshot.as_ref().map_or(self.base, |snapshot| snapshot.end);
                let gone = end.offset.saturating_sub(self.base.offset);
                let gone = usize::try_from(gone).unwrap_or(usize::MAX).min(self.entries.len());
                self.entries.drain(..gone);
                self.flushed = self.flushed.saturating_sub(gone);
                self.base = end;
            }
            QuorumWrite::Load(snapshot) => {
                (self.base, self.flushed) = (snapshot.end, 0);
                self.entries.clear();
                self.snapshot = Some(snapshot);
            }
            QuorumWrite::Ballot(ballot) => self.ballot = ballot,
        }
    }

    fn flush(&mut self) {
        self.flushed = self.entries.len();
        self.flushed_ballot = self.ballot;
    }

    /// Of the log its end; the ballot is replaced as a whole.
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
