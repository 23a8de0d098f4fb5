//! Groups that went over to another cluster: what had no copy there by then, and what they did again.

use super::{ACKED, Measure, record_id};
use crate::cause::DuplicateCause;
use crate::history::Entry;
use crate::verdict::Moved;
use ackproof_types::{GroupId, RecordId};

impl Measure {
    /// The application of `group` goes over: what is acknowledged and neither processed nor copied is left behind.
    pub(super) fn move_over(&mut self, entry: &Entry, group: GroupId, to: GroupId) {
        let at = entry.at;
        self.clocks.stop(at, group);
        self.formation.observe(entry);
        let topics = &self.context.groups[group.index()].topics;
        let processed = &self.groups[group.index()].1;
        let mut left = Vec::new();
        for (producer, flags) in self.records.iter().enumerate() {
            let of = self.context.producers.get(producer);
            if !of.is_some_and(|one| topics.contains(&one.topic.name())) {
                continue;
            }
            let acked = flags.iter().enumerate().filter(|(_, flags)| **flags & ACKED != 0);
            let ids = acked.map(|(number, _)| record_id(producer, number));
            left.extend(ids.filter(|id| !processed.contains(*id) && !self.copies.is_copied(*id)));
        }
        let not_copied = left.len() as u64;
        let to = self.context.group(to).to_owned();
        let moved = Moved { to, at, not_copied, never_copied: not_copied };
        self.groups[group.index()].0.moved = Some(moved);
        self.left.push((group, left));
    }

    /// Counts what was left behind for good.
    pub(super) fn count_left(&mut self) {
        for (group, left) in std::mem::take(&mut self.left) {
            let never = left.iter().filter(|id| !self.copies.is_copied(**id)).count() as u64;
            if let Some(moved) = &mut self.groups[group.index()].0.moved {
                moved.never_copied = never;
            }
        }
    }

    /// Why the group that a record is new to has processed it before: as another copy, or before it went over.
    pub(super) fn done_elsewhere(
        &mut self,
        group: GroupId,
        id: RecordId,
    ) -> Option<DuplicateCause> {
        let before = self.copies.came_from(group)?;
        let origin = self.copies.origin(id);
        if origin == id {
            return None;
        }
        // Among what it has processed the record itself stands for all of its copies.
        let is_first = self.groups[group.index()].1.insert(origin);
        let was_here = self.groups[before.index()].1.contains(origin);
        match (is_first, was_here) {
            (true, false) => None,
            (true, true) => Some(DuplicateCause::TranslationLag),
            (false, _) => Some(DuplicateCause::MirrorRestart),
        }
    }

    /// Whether the group has processed the record, as this copy or another one, or before it went over.
    pub(super) fn has_done(&self, group: GroupId, id: RecordId) -> bool {
        let has = |group: GroupId, id| self.groups[group.index()].1.contains(id);
        let origin = self.copies.origin(id);
        let before = self.copies.came_from(group);
        has(group, id)
            || before.is_some_and(|before| {
                let was_passed = self.copies.has_passed(before, origin);
                has(group, origin) || has(before, origin) || was_passed
            })
    }

    /// Notes what groups had passed over when their applications went: theirs to answer for.
    pub(super) fn note_passed(&mut self) {
        let Self { open, copies, standings, .. } = self;
        for (group, place, offset, id) in open.iter() {
            let group = GroupId(u16::try_from(*group).expect("a group's id is a u16"));
            let is_past = standings.get(group, *place).is_some_and(|one| one.passed(*offset));
            if is_past && copies.has_left(group) {
                copies.pass(group, *id);
            }
        }
    }
}
