//! Which records are copies of which, and which groups have gone over to another cluster, as the history tells. It
//! judges nothing.

use crate::context::{Context, GroupContext, GroupPart};
use crate::history::{Entry, Event};
use crate::record_set::RecordSet;
use ackproof_types::{GroupId, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// Copies by mirrors.
#[derive(Debug)]
pub(crate) struct Copies {
    /// Of each group, what it is.
    parts: Vec<GroupPart>,
    has_mirrors: bool,
    /// What each copy was made of in the first place.
    origins: BTreeMap<RecordId, RecordId>,
    /// Records of which a copy was acknowledged.
    copied: RecordSet,
    /// Groups whose application has gone, with the ones that stand for them.
    moved: BTreeMap<GroupId, GroupId>,
    begun: BTreeSet<GroupId>,
    /// What groups whose application has gone had passed over themselves.
    passed: BTreeSet<(GroupId, RecordId)>,
}

impl Copies {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            parts: context.groups.iter().map(|group| group.part).collect(),
            has_mirrors: context.groups.iter().any(GroupContext::is_mirror),
            origins: BTreeMap::new(),
            copied: RecordSet::default(),
            moved: BTreeMap::new(),
            begun: BTreeSet::new(),
            passed: BTreeSet::new(),
        }
    }

    pub(crate) fn observe(&mut self, entry: &Entry) {
        if !self.has_mirrors {
            return;
        }
        match &entry.event {
            Event::Derived { group, record, output, .. }
                if self.parts[group.index()] == GroupPart::Mirror =>
            {
                let origin = self.origin(record.id);
                self.origins.insert(output.id, origin);
            }
            Event::Acked { records, .. } => {
                for record in records.iter() {
                    if let Some(origin) = self.origins.get(&record.id) {
                        self.copied.insert(*origin);
                    }
                }
            }
            Event::GroupMoved { group, to } => {
                self.moved.insert(*group, *to);
                self.begun.insert(*to);
            }
            _ => {}
        }
    }

    /// What a record was made of in the first place: itself, if it is no copy.
    pub(crate) fn origin(&self, id: RecordId) -> RecordId {
        self.origins.get(&id).copied().unwrap_or(id)
    }

    /// Whether a mirror made it.
    pub(crate) fn is_copy(&self, id: RecordId) -> bool {
        self.origins.contains_key(&id)
    }

    /// Whether a copy of it was acknowledged.
    pub(crate) fn is_copied(&self, id: RecordId) -> bool {
        self.copied.contains(id)
    }

    /// Whether the application of `group` has gone to another cluster.
    pub(crate) fn has_left(&self, group: GroupId) -> bool {
        self.moved.contains_key(&group)
    }

    /// A group whose application has gone had passed this record over: nobody else is to process it.
    pub(crate) fn pass(&mut self, group: GroupId, id: RecordId) {
        self.passed.insert((group, id));
    }

    /// Whether it had.
    pub(crate) fn has_passed(&self, group: GroupId, id: RecordId) -> bool {
        self.passed.contains(&(group, id))
    }

    /// Whether nobody expects anything of a group, or no more: its application has gone over to another cluster,
    /// or it stands for one that has not come.
    pub(crate) fn is_excused(&self, group: GroupId) -> bool {
        let stands_for = matches!(self.parts[group.index()], GroupPart::StandsFor(_));
        self.moved.contains_key(&group) || (stands_for && !self.begun.contains(&group))
    }

    /// The group whose application has come to this one.
    pub(crate) fn came_from(&self, group: GroupId) -> Option<GroupId> {
        match self.parts[group.index()] {
            GroupPart::StandsFor(other) if self.begun.contains(&group) => Some(other),
            GroupPart::StandsFor(_)
            | GroupPart::Application
            | GroupPart::Mirror
            | GroupPart::Outside { .. } => None,
        }
    }
}
