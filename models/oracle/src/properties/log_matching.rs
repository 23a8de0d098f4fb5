//! `log-matching`: what a leader once exposed below its high watermark is the committed prefix, and no
//! replica that counts disagrees with it: not a later leader's exposed prefix, not a replica that
//! joins the in-sync set, not an append of the same or a later epoch.
//!
//! Source: bug corpus §10.2 TrueHwm family, §9.1 StrongIsr. It does *not* judge the tail of a stale
//! leader: an append of an older epoch than the committed batch at its place is legal until it is
//! exposed. An unclean election cuts the committed prefix to the new leader's log end, and older
//! leaderships are not heard any more. Broken on purpose by `trunc-to-hw`, `no-divergence-check`.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{BrokerId, LeaderEpoch, NodeId, Offset, RecordSlice, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::Appended, Kind::Truncated, Kind::HighWatermark, Kind::LeaderElected, Kind::IsrChanged];

/// A batch of a log. The records are shared with the history, not copied.
#[derive(Clone, Debug)]
struct Batch {
    base: Offset,
    next: Offset,
    epoch: LeaderEpoch,
    records: RecordSlice,
}

impl Batch {
    /// Whether both hold the same where both hold something.
    fn agrees(&self, other: &Self) -> bool {
        if self.epoch != other.epoch {
            return false;
        }
        // Batches of the same epoch have the same bounds unless one was cut at its end.
        if self.base != other.base {
            return false;
        }
        let common = self.records.len().min(other.records.len());
        if self.records.is_empty() != other.records.is_empty() {
            return false;
        }
        self.records[..common].iter().zip(&other.records[..common]).all(|(a, b)| a.id == b.id)
    }
}

/// One replica's log, replayed.
#[derive(Clone, Debug, Default)]
struct Log {
    batches: Vec<Batch>,
    /// Below this it was compared with the committed prefix.
    checked: Offset,
}

impl Log {
    fn end(&self) -> Offset {
        self.batches.last().map_or(Offset(0), |batch| batch.next)
    }

    fn cut(&mut self, to: Offset) {
        while self.batches.last().is_some_and(|batch| batch.base >= to) {
            self.batches.pop();
        }
        if let Some(last) = self.batches.last_mut().filter(|batch| batch.next > to) {
            let kept = usize::try_from(to - last.base).expect("the base lies below the cut");
            if kept < last.records.len() {
                last.records = last.records.slice(0..kept);
            }
            last.next = to;
        }
        self.checked = self.checked.min(to);
    }

    fn append(&mut self, batch: Batch) {
        if batch.base < self.end() {
            self.cut(batch.base);
        }
        self.batches.push(batch);
    }

    /// Batches that hold something in `from..to`.
    fn within(&self, from: Offset, to: Offset) -> &[Batch] {
        let first = self.batches.partition_point(|batch| batch.next <= from);
        let last = self.batches.partition_point(|batch| batch.base < to);
        &self.batches[first..last.max(first)]
    }
}

/// One partition.
#[derive(Debug, Default)]
struct Replicas {
    logs: BTreeMap<NodeId, Log>,
    /// What was exposed as committed.
    ghost: Log,
    /// Epoch of the last unclean election; older leaderships are not heard.
    floor: LeaderEpoch,
    isr: Vec<BrokerId>,
}

/// Two batches that contradict each other: the committed one first.
type Conflict = (Batch, Batch);

impl Replicas {
    /// Compares `node`'s log with the committed prefix below `to`.
    fn compare(&mut self, node: NodeId, to: Offset) -> Option<Conflict> {
        let log = self.logs.get_mut(&node)?;
        let to = to.min(log.end());
        let from = log.checked;
        if to <= from {
            return None;
        }
        log.checked = to;
        let committed = self.ghost.within(from, to.min(self.ghost.end()));
        for batch in log.within(from, to.min(self.ghost.end())) {
            let after = committed.partition_point(|other| other.base <= batch.base);
            let other = after.checked_sub(1).map(|index| &committed[index]);
            let Some(other) = other.or_else(|| committed.first()) else { continue };
            if !other.agrees(batch) {
                return Some((other.clone(), batch.clone()));
            }
        }
        None
    }

    /// `node` exposed its log below `to`.
    fn expose(&mut self, node: NodeId, to: Offset) -> Option<Conflict> {
        let conflict = self.compare(node, to);
        if conflict.is_some() {
            return conflict;
        }
        let log = self.logs.get(&node)?;
        let (from, to) = (self.ghost.end(), to.min(log.end()));
        for batch in log.within(from, to) {
            let mut batch = batch.clone();
            if batch.base < from {
                // The rest of a batch of which a part is committed.
                self.ghost.batches.pop();
            }
            if batch.next > to {
                let kept = usize::try_from(to - batch.base).expect("the batch begins below");
                batch.records = batch.records.slice(0..kept.min(batch.records.len()));
                batch.next = to;
            }
            self.ghost.batches.push(batch);
        }
        None
    }

    fn append(&mut self, node: NodeId, batch: Batch) -> Option<Conflict> {
        let mut conflict = None;
        if batch.base < self.ghost.end() && batch.epoch >= self.floor {
            let other = self.ghost.within(batch.base, batch.next).first();
            conflict = other
                .filter(|other| batch.epoch >= other.epoch && !other.agrees(&batch))
                .map(|other| (other.clone(), batch.clone()));
        }
        self.logs.entry(node).or_default().append(batch);
        conflict
    }

    fn elect(&mut self, leader: BrokerId, epoch: LeaderEpoch) {
        let end = self.logs.get(&leader.into()).map_or(Offset(0), Log::end);
        // What the leader holds otherwise is the truth from now on.
        let log = self.logs.entry(leader.into()).or_default();
        let differs = log.batches.iter().zip(&self.ghost.batches).find(|(a, b)| !a.agrees(b));
        let end = differs.map_or(end, |(batch, _)| batch.base.min(end));
        self.ghost.cut(end);
        for log in self.logs.values_mut() {
            log.checked = log.checked.min(end);
        }
        self.floor = epoch;
    }
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    partitions: BTreeMap<TopicPartition, Replicas>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            partitions: BTreeMap::new(),
        }
    }

    fn told(&mut self, entry: &Entry, who: NodeId, place: TopicPartition, conflict: &Conflict) {
        let (committed, found) = conflict;
        let context = &self.context;
        let words = |batch: &Batch| {
            let first = batch.records.first().map_or_else(
                || "a coordinator's batch".to_owned(),
                |record| context.record(record.id),
            );
            format!("{first} at {}..{} (epoch {})", batch.base, batch.next, batch.epoch)
        };
        self.report.violated(entry, || {
            let (who, place) = (context.node(who), context.partition(place));
            let (found, committed) = (words(found), words(committed));
            (format!("{who} holds {found} in {place}, but {committed} was committed"), vec![])
        });
    }

    fn join(&mut self, entry: &Entry, place: TopicPartition, isr: &[BrokerId]) {
        let replicas = self.partitions.entry(place).or_default();
        let before = std::mem::replace(&mut replicas.isr, isr.to_vec());
        for &broker in isr.iter().filter(|broker| !before.contains(broker)) {
            let replicas = self.partitions.entry(place).or_default();
            if replicas.ghost.end() > Offset(0) {
                self.report.judged(1);
            }
            if let Some(conflict) = replicas.compare(broker.into(), replicas.ghost.end()) {
                self.told(entry, broker.into(), place, &conflict);
            }
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        let (place, conflict) = match &entry.event {
            Event::Appended { partition, epoch, base_offset, next_offset, records, .. } => {
                let (base, next, epoch) = (*base_offset, *next_offset, *epoch);
                let batch = Batch { base, next, epoch, records: records.clone() };
                let replicas = self.partitions.entry(*partition).or_default();
                (*partition, replicas.append(entry.node, batch))
            }
            Event::Truncated { partition, to, .. } => {
                let replicas = self.partitions.entry(*partition).or_default();
                replicas.logs.entry(entry.node).or_default().cut(*to);
                return;
            }
            Event::HighWatermark { partition, epoch, offset } => {
                let replicas = self.partitions.entry(*partition).or_default();
                if *epoch < replicas.floor {
                    return;
                }
                self.report.judged(1);
                (*partition, replicas.expose(entry.node, *offset))
            }
            Event::LeaderElected { partition, leader, epoch, isr, unclean } => {
                if let (true, Some(leader)) = (*unclean, leader) {
                    let replicas = self.partitions.entry(*partition).or_default();
                    replicas.elect(*leader, *epoch);
                    replicas.isr = isr.to_vec();
                } else {
                    self.join(entry, *partition, isr);
                }
                return;
            }
            Event::IsrChanged { partition, isr, .. } => return self.join(entry, *partition, isr),
            _ => return,
        };
        if let Some(conflict) = conflict {
            self.told(entry, entry.node, place, &conflict);
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
    use ackproof_types::Offset;

    const NAME: &str = "log-matching";

    #[test]
    fn a_later_leader_over_the_committed_prefix_violates() {
        let exposed = vec![
            appended(1, 0, 0, &[0, 1]),
            appended(2, 0, 0, &[0, 1]),
            high_watermark(1, 0, 2),
            (2, Event::Truncated { partition: P, from: Offset(2), to: Offset(0) }),
            appended(2, 1, 0, &[2]),
        ];
        let result = judge(NAME, exposed);
        assert_eq!((result.judgement, result.violation_count), (Judgement::Violated, 1));
    }

    #[test]
    fn a_diverged_follower_that_leads_later_violates() {
        let events = vec![
            appended(1, 1, 0, &[0]),
            appended(2, 0, 0, &[9]),
            high_watermark(1, 1, 1),
            appended(2, 2, 1, &[1]),
            high_watermark(2, 2, 2),
        ];
        assert_eq!(judge(NAME, events).judgement, Judgement::Violated);
    }

    #[test]
    fn a_cut_uncommitted_tail_holds() {
        let events = vec![
            appended(1, 0, 0, &[0]),
            appended(2, 0, 0, &[0]),
            high_watermark(1, 0, 1),
            appended(1, 0, 1, &[1]),
            appended(2, 1, 1, &[2]),
            appended(3, 1, 1, &[2]),
            high_watermark(2, 1, 2),
            appended(1, 0, 2, &[3]),
            (1, Event::Truncated { partition: P, from: Offset(3), to: Offset(1) }),
            appended(1, 1, 1, &[2]),
        ];
        assert_eq!(judge(NAME, events).judgement, Judgement::Held);
    }

    #[test]
    fn without_a_high_watermark_nothing_is_judged() {
        assert_eq!(judge(NAME, vec![appended(1, 0, 0, &[0])]).judgement, Judgement::Vacuous);
    }
}
