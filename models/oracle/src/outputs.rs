//! What groups made of records and what of that is in the logs, in numbers. It judges nothing.

use crate::cause::OutputCause;
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::verdict::OutputCounts;
use ackproof_types::{GroupId, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// The outputs of a run.
#[derive(Debug)]
pub(crate) struct Outputs {
    /// Of each record that a group made, the group and the record that it made it of.
    of: BTreeMap<RecordId, (GroupId, RecordId)>,
    found: BTreeSet<RecordId>,
    inputs: BTreeSet<(GroupId, RecordId)>,
    /// By group; none: it makes nothing.
    counts: Vec<Option<OutputCounts>>,
}

impl Outputs {
    pub(crate) fn new(context: &Context) -> Self {
        let counts = |makes: bool| makes.then(OutputCounts::default);
        Self {
            of: BTreeMap::new(),
            found: BTreeSet::new(),
            inputs: BTreeSet::new(),
            counts: context.groups.iter().map(|one| counts(one.outputs.are_there())).collect(),
        }
    }

    pub(crate) fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Derived { group, record, output, .. } => {
                if let Some(counts) = &mut self.counts[group.index()] {
                    counts.made += 1;
                    self.of.insert(output.id, (*group, record.id));
                }
            }
            Event::FinalRead { records, .. } if !self.of.is_empty() => {
                records.iter().for_each(|record| self.found(record.id));
            }
            _ => {}
        }
    }

    fn found(&mut self, id: RecordId) {
        let Some(&(group, input)) = self.of.get(&id) else { return };
        let Some(counts) = &mut self.counts[group.index()] else { return };
        let cause = if !self.found.insert(id) {
            OutputCause::CopyInLog
        } else if self.inputs.insert((group, input)) {
            counts.written += 1;
            return;
        } else {
            OutputCause::InputAgain
        };
        counts.duplicates += 1;
        *counts.duplicate_causes.entry(cause).or_default() += 1;
    }

    /// By group.
    pub(crate) fn conclude(self) -> Vec<Option<OutputCounts>> {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_history::entries;
    use crate::test_history::outputs::*;
    use ackproof_types::{Acks, Awaits};

    #[test]
    fn what_was_made_again_is_told_from_a_copy_of_what_was_made_once() {
        let mut outputs = Outputs::new(&pipeline(Awaits::BeforeCommit, Acks::All));
        let events = story(vec![derived(0, 0, 1), derived(1, 1, 2)], &[0, 1, 2, 2]);
        entries(events).iter().for_each(|entry| outputs.observe(entry));
        let counts = outputs.conclude().remove(0).unwrap();
        assert_eq!((counts.made, counts.written, counts.duplicates), (3, 2, 2));
        assert!(OutputCause::ALL.iter().all(|cause| counts.duplicate_causes[cause] == 1));
    }
}
