//! What one step changes of a group: one write, and the way back should it fail (R9.4). The group is changed
//! by nothing but records, as a coordinator that reads the log changes it.

use super::group::Group;
use crate::group::journal::{Context, Outcome, Undo};
use crate::group::member::Caller;
use crate::message::{ConsumerGroupRecord, GroupRecord, GroupResponse};
use ackproof_types::GroupId;

/// Records that are taken over and not yet written.
#[derive(Debug)]
pub(in super::super) struct Change {
    group: GroupId,
    records: Vec<GroupRecord>,
    undo: Vec<Undo>,
}

impl Change {
    /// Nothing yet.
    pub(in super::super) fn new(group: GroupId) -> Self {
        Self { group, records: Vec::new(), undo: Vec::new() }
    }

    /// The group is created, in place of what `instead` ends.
    pub(in super::super) fn created(group: GroupId, instead: Option<(GroupRecord, Undo)>) -> Self {
        let (records, undo): (Vec<_>, Vec<_>) = instead.into_iter().unzip();
        let undo = undo.into_iter().chain([Undo::NoGroup(group)]).collect();
        Self { group, records, undo }
    }

    /// The group takes `record` over.
    pub(super) fn put(&mut self, group: &mut Group, record: ConsumerGroupRecord) {
        let before = group.apply(&record);
        self.undo.push(Undo::Put(GroupRecord::ConsumerGroup(self.group, before)));
        self.records.push(GroupRecord::ConsumerGroup(self.group, record));
    }

    /// Also takes `step` back.
    pub(super) fn undo(&mut self, step: Undo) {
        self.undo.push(step);
    }

    /// Also writes `record`, which some other step takes back.
    pub(in super::super) fn write_also(&mut self, record: GroupRecord) {
        self.records.push(record);
    }

    /// Writes it; answers once all is replicated, if somebody asked.
    pub(in super::super) fn finish(
        self,
        answer: Option<(Caller, GroupResponse)>,
        cx: &mut Context<'_>,
    ) {
        match answer {
            Some((to, response)) => self.answer(to, response, cx),
            None => cx.write(self.records, self.undo, None),
        }
    }

    /// Writes it, if it is anything; answers once all is replicated (R9.3).
    pub(in super::super) fn answer(
        self,
        to: Caller,
        response: GroupResponse,
        cx: &mut Context<'_>,
    ) {
        if self.records.is_empty() {
            return cx.respond(to, response);
        }
        cx.write(self.records, self.undo, Some(Outcome::Reply(to, response)));
    }
}
