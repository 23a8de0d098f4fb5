//! How far a group came in a partition, and by which positions and commits. It judges nothing.

use crate::commits::{Attempt, Commit, CommitEnd};
use crate::history::{Entry, Event, PositionSource};
use crate::ranges::Ranges;
use crate::standing::Standing;
use ackproof_types::{NodeId, Offset, Timestamp};

/// A position that a member of the group found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resumption {
    pub(super) at: Timestamp,
    pub(super) node: NodeId,
    pub(super) offset: Offset,
    pub(super) source: PositionSource,
    /// It passed what lies below; what the group went back to later it passed no more.
    pub(super) until: Offset,
    /// One past the furthest that the group was given before.
    pub(super) given: Offset,
    pub(super) commit: Option<Commit>,
    /// The group's commit had expired.
    pub(super) is_expired: bool,
    /// It is the group's first one in a partition that was added while it ran.
    pub(super) is_added: bool,
}

/// What can explain a skipped record.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) given: Offset,
    /// All that it was given.
    pub(super) polled: Ranges,
    /// What an application was done with, without having processed it.
    pub(super) given_up: Ranges,
    /// Offsets that were cut off a log after the group had been given them, or had committed behind them.
    pub(super) cut: Ranges,
    pub(super) commit: Option<Commit>,
    /// It is no more.
    pub(super) is_expired: bool,
    /// The partition was added while the group ran, which has no position in it yet.
    pub(super) is_added: bool,
    /// Below this lies a position of a member that is not from here: kept, or committed by nobody.
    pub(super) brought: Offset,
    /// Those past all before.
    pub(super) resumptions: Vec<Resumption>,
    /// Nothing was given since the last of them.
    pub(super) is_unused: bool,
    pub(super) standing: Standing,
}

impl Progress {
    /// Whether the group passed `offset` because its position was out of range.
    pub(super) fn was_reset(&self, offset: Offset) -> bool {
        let passing = self.resumptions.iter().find(|one| one.until > offset);
        passing.is_some_and(|one| one.source.is_out_of_range())
    }

    pub(super) fn resume(&mut self, entry: &Entry, offset: Offset, source: PositionSource) {
        self.standing.resume(entry.node, offset);
        let is_added = std::mem::take(&mut self.is_added);
        let commit = self.commit.filter(|commit| commit.offset == offset);
        let is_brought = match source {
            PositionSource::Kept => true,
            PositionSource::Committed => commit.is_none(),
            _ => false,
        };
        if is_brought {
            self.brought = self.brought.max(offset);
        }
        // Who finds that its first position is out of range has passed nothing with it.
        let moved = |last: &Resumption| last.node == entry.node && last.offset > offset;
        if self.is_unused && self.resumptions.last().is_some_and(moved) {
            self.resumptions.pop();
            self.go_back(offset);
        }
        if self.resumptions.last().is_some_and(|last| last.until >= offset) {
            self.go_back(offset);
            return;
        }
        let (at, node, given, until) = (entry.at, entry.node, self.given, offset);
        let is_expired = self.is_expired;
        let found =
            Resumption { at, node, offset, source, until, given, commit, is_expired, is_added };
        self.resumptions.push(found);
        self.is_unused = true;
    }

    /// The log ends at `end` from now on: what the group knows of offsets above is of other records.
    pub(super) fn cut(&mut self, end: Offset) {
        self.standing.cut(end);
        let committed = self.commit.map_or(end, |commit| commit.offset);
        self.cut.insert(end.0, self.given.max(committed).0);
        self.polled.cut(end.0);
        self.given = self.given.min(end);
        self.go_back(end);
    }

    /// What is at `offset` and above comes again, or for the first time: nothing has passed it.
    pub(super) fn go_back(&mut self, offset: Offset) {
        for before in self.resumptions.iter_mut().rev() {
            if before.until < offset {
                break;
            }
            before.until = offset;
        }
        self.commit = self.commit.filter(|commit| commit.offset <= offset);
    }

    /// The member at `node` goes on, or ends.
    pub(super) fn after_commit(&mut self, node: NodeId, end: CommitEnd) {
        let last = self.commit.as_mut().filter(|one| one.node == node);
        if let Some(commit) = last.filter(|one| one.end == CommitEnd::Last) {
            commit.end = end;
        }
    }

    pub(super) fn commit(&mut self, entry: &Entry, offset: Offset, attempt: Attempt) {
        // Of two equal ones the first is the one that passed the records.
        if self.commit.is_none_or(|before| before.offset != offset) {
            let (at, node, end) = (entry.at, entry.node, CommitEnd::Last);
            self.commit = Some(Commit { at, node, offset, attempt, end });
        }
        if matches!(entry.event, Event::Committed { .. }) {
            self.standing.commit(offset);
            self.is_expired = false;
        }
    }
}
