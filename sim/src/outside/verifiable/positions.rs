//! Where members resumed. No tool prints a position, but the first record of a partition that a member prints
//! after it was assigned lies at it, if the log has none left out before: it is told only where that is certain.
//! - A base says what the topics and groups are. Without unclean elections no log is cut below what a group has
//!   read, so that no position is reset; with `earliest` only a lookup without a commit begins at 0.
//! - The final read has the record before: no compaction, marker or deletion has made a gap there.
//! - A second assignment before the first record (cooperative members keep what they have) tells nothing of
//!   what was looked up before it.
//!
//! It knows nothing of commits: whether a position is the right one is for the oracle to say.

use super::{Dump, Place};
use ackproof_oracle::context::{Context, TopicContext, Word};
use ackproof_oracle::history::PositionSource;
use ackproof_types::{GroupId, OffsetReset};
use std::collections::BTreeSet;

/// Positions that members look up.
#[derive(Debug)]
pub(super) struct Positions<'a> {
    context: Context,
    /// None: nothing can be told.
    dump: Option<&'a Dump>,
    /// By consumer: partitions that it was assigned and has not read.
    awaited: Vec<BTreeSet<Place>>,
}

impl<'a> Positions<'a> {
    /// Of so many consumers around a base of this `context`, with the final read.
    pub(super) fn new(context: &Context, dump: Option<&'a Dump>, consumers: usize) -> Self {
        Self { context: context.clone(), dump, awaited: vec![BTreeSet::new(); consumers] }
    }

    /// A consumer got these, and whatever it had before.
    pub(super) fn assigned(&mut self, consumer: usize, places: &[Place]) {
        self.awaited[consumer] = places.iter().cloned().collect();
    }

    /// It gave these back.
    pub(super) fn revoked(&mut self, consumer: usize, places: &[Place]) {
        self.awaited[consumer].retain(|place| !places.contains(place));
    }

    /// It starts anew.
    pub(super) fn started(&mut self, consumer: usize) {
        self.awaited[consumer].clear();
    }

    /// It read a record of `group`; says how it found the record's offset if that was its position.
    pub(super) fn read(
        &mut self,
        consumer: usize,
        group: GroupId,
        place: &Place,
        offset: i64,
    ) -> Option<PositionSource> {
        if !self.awaited[consumer].remove(place) {
            return None;
        }
        let known = |topic: &&TopicContext| topic.name == place.topic;
        let topic = self.context.topics.iter().find(known)?;
        let resets = self.context.groups[group.index()].reset != Word::Known(OffsetReset::Earliest);
        if topic.unclean_leader_election || resets {
            return None;
        }
        let held = self.dump?.partitions.get(place)?;
        match offset {
            0 => Some(PositionSource::NoCommitEarliest),
            _ => held.values.contains_key(&(offset - 1)).then_some(PositionSource::Committed),
        }
    }
}

#[cfg(test)]
mod tests;
