//! `metadata-agreement`: the metadata logs of all processes of a cluster are beginnings of one log, and an epoch of
//! the quorum has one active controller (R5.26, R5.31). A snapshot says the same to all who have it (KIP-630).
//!
//! Source: the KIP-996 specification (ElectionSafety, LogMatching), bug corpus §9 MetadataLogMatching. A witness is a
//! record that a second process applied at the offset of the first. It does *not* say that everybody has come
//! equally far, nor that only one controller believes to be active: in older epochs others may. With one controller
//! it judges nothing. Broken on purpose by a controller that decides on without its quorum (KAFKA-6082), and by one
//! that votes before its vote is safe, and by one whose snapshot leaves something out.
//!
//! What cannot fool it. *A process that starts again* may apply what it has applied before. *What is not committed*
//! is not applied, and so not on record.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{ControllerEpoch, NodeId, Server};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::ControllerElected, Kind::MetadataApplied, Kind::MetadataSnapshot];

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    /// The log of each cluster, by its first controller: checksums, with who applied them first.
    logs: BTreeMap<NodeId, BTreeMap<i64, (u32, NodeId)>>,
    active: BTreeMap<(NodeId, ControllerEpoch), NodeId>,
    /// What the log of each cluster says below an offset: a checksum, and who said so first.
    snapshots: BTreeMap<(NodeId, i64), (u32, NodeId)>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            logs: BTreeMap::new(),
            active: BTreeMap::new(),
            snapshots: BTreeMap::new(),
        }
    }

    /// The first controller of the cluster that a process is of.
    fn home(&self, node: NodeId) -> NodeId {
        let context = &self.context;
        let Some(Server::Broker(broker)) = context.roster.server(node) else {
            return context.first_controller(node);
        };
        let home = context.clusters.iter().find(|one| one.brokers.contains(&broker));
        let first = home.and_then(|one| one.controllers.first().copied());
        let first = first.and_then(|id| context.roster.node(Server::Controller(id)));
        first.unwrap_or_else(|| context.controller())
    }

    fn elect(&mut self, entry: &Entry, epoch: ControllerEpoch) {
        let home = self.home(entry.node);
        let first = *self.active.entry((home, epoch)).or_insert(entry.node);
        if first != entry.node {
            let context = &self.context;
            self.report.violated(entry, || {
                let (first, second) = (context.node(first), context.node(entry.node));
                format!("{first} and {second} are both the active controller of epoch {epoch}")
            });
        }
    }

    fn apply(&mut self, entry: &Entry, offset: i64, checksums: &[u32]) {
        let log = self.logs.entry(self.home(entry.node)).or_default();
        let (mut judged, mut wrong) = (0_usize, None);
        for (nth, checksum) in (0_i64..).zip(checksums) {
            let at = offset.saturating_add(nth);
            let (known, by) = *log.entry(at).or_insert((*checksum, entry.node));
            judged += usize::from(by != entry.node);
            if known != *checksum && wrong.is_none() {
                wrong = Some((at, by));
            }
        }
        self.report.judged(judged);
        if let Some((at, by)) = wrong {
            let context = &self.context;
            self.report.violated(entry, || {
                let (first, second) = (context.node(by), context.node(entry.node));
                format!(
                    "{second} applied another record at offset {at} of the metadata log than {first} did"
                )
            });
        }
    }
}

impl Checker {
    fn snapshot(&mut self, entry: &Entry, offset: i64, checksum: u32) {
        let place = (self.home(entry.node), offset);
        let (known, by) = *self.snapshots.entry(place).or_insert((checksum, entry.node));
        self.report.judged(usize::from(by != entry.node));
        if known != checksum {
            let context = &self.context;
            self.report.violated(entry, || {
                let (first, second) = (context.node(by), context.node(entry.node));
                format!(
                    "{second} has another snapshot of the metadata log below offset {offset} than {first}"
                )
            });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::ControllerElected { epoch } => self.elect(entry, *epoch),
            Event::MetadataApplied { offset, checksums } => {
                self.apply(entry, offset.0, checksums);
            }
            Event::MetadataSnapshot { offset, checksum, .. } => {
                self.snapshot(entry, offset.0, *checksum);
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::Event;
    use crate::test_history::*;
    use crate::verdict::Judgement;
    use ackproof_types::{ControllerEpoch, Offset};

    const NAME: &str = "metadata-agreement";

    fn applied(node: u16, offset: i64, checksums: &[u32]) -> (u16, Event) {
        (node, Event::MetadataApplied { offset: Offset(offset), checksums: checksums.into() })
    }

    fn active(node: u16, epoch: i32) -> (u16, Event) {
        (node, Event::ControllerElected { epoch: ControllerEpoch(epoch) })
    }

    #[test]
    fn another_record_at_the_same_offset_violates() {
        let same = vec![applied(0, 0, &[7, 8, 9]), applied(1, 0, &[7, 8]), applied(1, 2, &[9])];
        let held = judge(NAME, same);
        assert_eq!((held.judgement, held.witnesses), (Judgement::Held, 3));
        let parted = judge(NAME, vec![applied(0, 0, &[7, 8]), applied(2, 0, &[7, 9])]);
        assert_eq!(parted.judgement, Judgement::Violated);
    }

    #[test]
    fn another_snapshot_below_the_same_offset_violates() {
        let one = |node, checksum| {
            (node, Event::MetadataSnapshot { offset: Offset(9), checksum, loaded: node > 0 })
        };
        let held = judge(NAME, vec![one(0, 7), one(1, 7)]);
        assert_eq!((held.judgement, held.witnesses), (Judgement::Held, 1));
        assert_eq!(judge(NAME, vec![one(0, 7), one(2, 8)]).judgement, Judgement::Violated);
    }

    #[test]
    fn two_active_controllers_of_one_epoch_violate() {
        let witness = [applied(0, 0, &[7]), applied(1, 0, &[7])];
        let one = witness.iter().cloned().chain([active(0, 1), active(1, 2), active(0, 3)]);
        assert_eq!(judge(NAME, one.collect()).judgement, Judgement::Held);
        let two = witness.iter().cloned().chain([active(0, 1), active(1, 1)]);
        assert_eq!(judge(NAME, two.collect()).judgement, Judgement::Violated);
    }

    #[test]
    fn a_process_that_starts_again_proves_nothing() {
        let again = judge(NAME, vec![applied(1, 0, &[7, 8]), applied(1, 0, &[7, 8])]);
        assert_eq!(again.judgement, Judgement::Vacuous);
    }
}
