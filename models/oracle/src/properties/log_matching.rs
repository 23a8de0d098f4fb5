//! `log-matching`: what a leader once exposed below its high watermark is the committed prefix. Every
//! in-sync replica has all of it, and no replica that counts, and no acknowledgement with `acks=all`,
//! disagrees with it. No log has a hole that compaction has not left.
//!
//! Source: bug corpus §10.2 TrueHwm family, §9.1 StrongIsr. A witness is an offset of a replica that was
//! compared with the prefix as another exposed it. It does *not* judge the tail of a stale leader, nor a
//! replica of which no append is on record. An unclean election cuts the prefix where the new leader's log
//! ends or differs, and older leaderships are not heard any more. Compared are epoch and record; a
//! coordinator's batch has epochs only. What cannot fool it is told at [`Checker`]. Keeps 8 bytes an exposed
//! offset that some replica may have, and 8 bytes an offset that a replica has and that was not compared yet. Broken on purpose by
//! `trunc-to-hw`, `no-divergence-check`, `hw-ignores-followers`, `isr-join-behind-hw`.

use crate::context::Context;
use crate::gone::Gone;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::restarts::Restarts;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{Acks, BrokerId, LeaderEpoch, NodeId, Offset, RecordSlice, TopicPartition};
use cell::Cell;
use log::Log;
use std::collections::BTreeMap;
use std::sync::Arc;
use words::words;

mod words;

mod cell;
mod log;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::ProcessStarted,
    Kind::Acked,
    Kind::Appended,
    Kind::Truncated,
    Kind::TailLost,
    Kind::LogDeleted,
    Kind::TopicDeleted,
    Kind::LogStartMoved,
    Kind::LogCompacted,
    Kind::HighWatermark,
    Kind::BecameLeader,
    Kind::BecameFollower,
    Kind::LeaderElected,
    Kind::IsrChanged,
];

/// Two logs that contradict each other at an offset: what was committed, what was found.
type Conflict = (i64, Cell, Cell);

/// What a replica that counts has wrong.
#[derive(Clone, Copy, Debug)]
enum Wrong {
    Conflict(Conflict),
    /// Where it ends, and where the committed prefix does.
    Short(i64, i64),
    /// Where it ended, and where it goes on.
    Hole(i64, i64),
    /// What was acknowledged instead of what was committed.
    Acked(Conflict),
}

/// One partition.
#[derive(Debug, Default)]
struct Replicas {
    logs: Vec<Log>,
    /// What was exposed as committed, from `start` on.
    start: i64,
    committed: Vec<Cell>,
    /// Leaderships by the end of what they exposed, where no earlier one exposed as much: ends rise.
    exposed: BTreeMap<LeaderEpoch, i64>,
    /// Epoch of the last unclean election; older leaderships are not heard.
    floor: LeaderEpoch,
    is_unclean: bool,
    /// Some replica has compacted what lies below: records may be missing there.
    compacted: i64,
    isr: Arc<[BrokerId]>,
    compared: usize,
}

impl Replicas {
    fn log(&mut self, node: NodeId) -> &mut Log {
        if self.logs.len() <= node.index() {
            self.logs.resize_with(node.index() + 1, Log::default);
        }
        &mut self.logs[node.index()]
    }

    /// The replica at `node` is none any more.
    fn forget(&mut self, node: NodeId) {
        *self.log(node) = Log::default();
    }

    fn committed_end(&self) -> i64 {
        self.start + i64::try_from(self.committed.len()).expect("a length in memory")
    }

    /// Nobody has anything below this offset any more, or it may be compacted away everywhere.
    fn settle(&mut self, below: i64) {
        let over = usize::try_from(below - self.start).unwrap_or(0).min(self.committed.len());
        self.committed.drain(..over);
        self.start += i64::try_from(over).expect("a length in memory");
    }

    /// `node` has compacted what lies below `to`.
    fn compact(&mut self, node: NodeId, to: i64) {
        self.compacted = self.compacted.max(to);
        self.log(node).compacted = to;
        // Where every replica has compacted there is nothing that all must have.
        let known = self.logs.iter().filter(|log| log.is_known);
        let lowest = known.map(|log| log.compacted).min().unwrap_or(0);
        self.settle(lowest);
    }

    fn committed_at(&self, offset: i64) -> Option<Cell> {
        self.committed.get(usize::try_from(offset - self.start).ok()?).copied()
    }

    /// Takes what `node` has next into the checked part as long as it agrees with the committed prefix
    /// below `to`. The first that does not is returned, and stays.
    fn check(&mut self, node: NodeId, to: i64) -> Option<Conflict> {
        loop {
            let log = &self.logs[node.index()];
            let (at, found) = (log.checked, *log.tail.front()?);
            if at >= to {
                return None;
            }
            // Below the start of what is on record nothing is known.
            let committed = match self.committed_at(at) {
                Some(cell) => cell,
                None if at < self.start => Cell::default(),
                None => return None,
            };
            if !committed.agrees(found) {
                return Some((at, committed, found));
            }
            self.compared += usize::from(committed.0 != 0);
            let log = &mut self.logs[node.index()];
            log.tail.pop_front();
            log.checked += 1;
        }
    }

    /// As [`Self::check`], for a replica that counts: what contradicts is passed, so that it is told once.
    fn demand(&mut self, node: NodeId, to: i64) -> Option<Conflict> {
        let conflict = self.check(node, to)?;
        let log = &mut self.logs[node.index()];
        let passed = usize::try_from(to - log.checked).unwrap_or(0).min(log.tail.len());
        log.tail.drain(..passed);
        log.checked += i64::try_from(passed).expect("a length in memory");
        Some(conflict)
    }

    /// The first leadership that exposed what is committed at `offset`.
    fn exposer(&self, offset: i64) -> Option<LeaderEpoch> {
        self.exposed.iter().find(|(_, end)| **end > offset).map(|(epoch, _)| *epoch)
    }

    fn note_exposure(&mut self, epoch: LeaderEpoch, to: i64) {
        if self.exposed.range(..=epoch).next_back().is_some_and(|(_, end)| *end >= to) {
            return;
        }
        self.exposed.insert(epoch, to);
        // A later leadership that exposed no more says nothing new.
        self.exposed.retain(|other, end| *other <= epoch || *end > to);
    }

    /// `node` exposed its log below `to` in the leadership of `epoch`.
    fn expose(&mut self, node: NodeId, epoch: LeaderEpoch, to: i64) -> Option<Conflict> {
        self.log(node);
        self.note_exposure(epoch, to);
        let known = self.committed_end();
        if let Some(conflict) = self.demand(node, to.min(known)) {
            return Some(conflict);
        }
        let log = &mut self.logs[node.index()];
        if self.committed.is_empty() {
            self.start = log.checked;
        }
        while self.start + i64::try_from(self.committed.len()).expect("a length") < log.checked {
            self.committed.push(Cell::default());
        }
        while log.checked < to {
            let Some(cell) = log.tail.pop_front() else { break };
            self.committed.push(cell);
            log.checked += 1;
        }
        if self.committed_end() > known {
            // Whoever has the same needs not be remembered.
            for index in 0..self.logs.len() {
                if index != node.index() {
                    let other = NodeId(u16::try_from(index).expect("an index of a node"));
                    self.check(other, i64::MAX);
                }
            }
        }
        None
    }

    fn append(
        &mut self,
        node: NodeId,
        epoch: LeaderEpoch,
        base: i64,
        next: i64,
        records: &RecordSlice,
    ) -> Option<Wrong> {
        let (floor, compacted) = (self.floor, self.compacted);
        let log = self.log(node);
        if log.is_known && base <= compacted {
            log.skip(base);
        }
        let hole = (log.is_known && base > log.end()).then(|| Wrong::Hole(log.end(), base));
        log.is_known = true;
        if base < log.end() {
            log.cut(base);
        } else if base > log.end() {
            // The log's beginning is not on record.
            log.tail.clear();
            log.checked = base;
        }
        for index in 0..usize::try_from(next - base).unwrap_or(0) {
            log.tail.push_back(Cell::new(epoch, records.get(index).map(|record| record.id)));
        }
        if hole.is_some() || base >= self.committed_end() {
            return hole;
        }
        self.check(node, i64::MAX);
        let own = |at: i64| {
            let record = usize::try_from(at - base).ok().and_then(|index| records.get(index));
            Cell::new(epoch, record.map(|record| record.id))
        };
        let places = (base..next).map_while(|at| Some((at, self.committed_at(at)?, own(at))));
        // Every leadership from the one that exposed this place on has what it exposed.
        let wrong = |&(at, committed, own): &Conflict| {
            let bound = self.exposer(at).is_some_and(|exposer| epoch >= exposer);
            !committed.agrees(own) && bound && epoch >= floor
        };
        places.into_iter().find(wrong).map(Wrong::Conflict)
    }

    /// What the in-sync replica at `node` has wrong: it needs all that is committed.
    fn judge_in_sync(&mut self, node: NodeId) -> Option<Wrong> {
        let end = self.committed_end();
        self.log(node);
        if let Some(conflict) = self.demand(node, end) {
            return Some(Wrong::Conflict(conflict));
        }
        let log = self.log(node);
        log.catch_up(end);
        let is_short = log.is_known && log.end() < end && log.unflushed.is_none();
        let told = std::mem::replace(&mut log.is_short, is_short);
        (is_short && !told).then(|| Wrong::Short(log.end(), end))
    }

    /// `broker` takes the lead without all that is committed, because it lost what it had not flushed. That is
    /// no broken rule of replication: what it still holds is the truth from now on.
    fn lead_unflushed(&mut self, node: NodeId, epoch: LeaderEpoch) -> bool {
        let end = self.committed_end();
        let log = self.log(node);
        log.catch_up(end);
        let leads = log.unflushed.take().is_some() && log.end() < end;
        if leads {
            self.elect(node, epoch);
        }
        leads
    }

    /// An unclean election: what the leader holds otherwise is the truth from now on.
    fn elect(&mut self, leader: NodeId, epoch: LeaderEpoch) {
        self.log(leader);
        self.check(leader, i64::MAX);
        // It agrees below the first difference, or below its end.
        let end = self.committed_end();
        let cut = self.logs[leader.index()].checked.min(end).max(self.start);
        // A log that begins above what was committed has nothing that was checked against it.
        for log in self.logs.iter_mut().filter(|log| log.checked <= end) {
            // What was checked against the old prefix only is to be checked against the new one.
            while log.checked > cut {
                log.checked -= 1;
                let index = usize::try_from(log.checked - self.start).ok();
                let cell = index.and_then(|index| self.committed.get(index));
                log.tail.push_front(cell.copied().unwrap_or_default());
            }
        }
        self.committed.truncate(usize::try_from(cut - self.start).unwrap_or(0));
        let exposed = std::mem::take(&mut self.exposed);
        for (epoch, end) in exposed {
            self.note_exposure(epoch, end.min(cut));
        }
        self.floor = epoch;
        self.is_unclean = true;
    }
}

/// In-sync replicas are judged whenever the prefix grows or the controller decides: a leader that exposes what
/// one of them does not have is told at that moment, and so is a replica that joins without it. An append is
/// wrong only in the leadership that exposed its place, or in a later one.
///
/// What cannot fool it. *A stale leader* appends what it likes where a later leadership exposed something
/// else: an append is wrong only from the epoch of the leadership that exposed its place on, however old
/// the record is that was exposed there. *A late message*: a follower appends what a replaced leader sent
/// it, under that leader's epoch, so the same rule lets it; a fetch that reaches a replaced leader late may
/// make it expose more, but no more than all those have that it knows as in sync, the next leader among
/// them. *A restart*: what a replica has after it is what it had, less what it reports as cut. If it cuts its
/// log as it starts, it has lost what it had not flushed, by *power loss* (R1.20). Kafka leaves that to
/// replication: the replica lacks committed records without a fault until it has caught up, and if it leads
/// before that, they are gone.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    gone: Gone,
    context: Arc<Context>,
    partitions: Places<Replicas>,
    restarts: Restarts,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            gone: Gone::default(),
            context: Arc::clone(context),
            partitions: Places::default(),
            restarts: Restarts::default(),
        }
    }

    fn told(&mut self, entry: &Entry, who: NodeId, place: TopicPartition, wrong: Wrong) {
        let context = &self.context;
        self.report.violated(entry, || words(wrong, who, place, context));
    }

    /// What was acknowledged with `acks=all` is what was committed there. A leader that an unclean election
    /// deposed may go on for itself, so that nothing is judged after one.
    fn ack(&mut self, entry: &Entry, place: TopicPartition, base: i64, records: &RecordSlice) {
        let Some(replicas) = self.partitions.get(place) else { return };
        let Some(first) = records.first().filter(|_| base >= 0 && !replicas.is_unclean) else {
            return;
        };
        if self.context.producer(first.id.producer).acks != Acks::All {
            return;
        }
        let other = (base..).zip(records.iter()).find_map(|(at, record)| {
            let committed = replicas.committed_at(at)?;
            let own = Cell::of(committed, record.id);
            (committed.0 != 0 && committed != own).then_some((at, committed, own))
        });
        if let Some(conflict) = other {
            self.told(entry, entry.node, place, Wrong::Acked(conflict));
        }
    }

    /// A leader exposes its log.
    fn rise(
        &mut self,
        entry: &Entry,
        partition: TopicPartition,
        (epoch, offset): (LeaderEpoch, Offset),
    ) {
        let replicas = self.partitions.of(partition);
        if epoch < replicas.floor {
            return;
        }
        let known = replicas.committed_end();
        let conflict = replicas.expose(entry.node, epoch, offset.0);
        let has_grown = replicas.committed_end() > known;
        if let Some(conflict) = conflict {
            self.told(entry, entry.node, partition, Wrong::Conflict(conflict));
        }
        if has_grown {
            self.in_sync(entry, partition);
        }
    }

    /// Judges all replicas that are in sync.
    fn in_sync(&mut self, entry: &Entry, place: TopicPartition) {
        for broker in Arc::clone(&self.partitions.of(place).isr).iter() {
            let node = self.context.process(*broker);
            if let Some(wrong) = self.partitions.of(place).judge_in_sync(node) {
                self.told(entry, node, place, wrong);
            }
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if self.gone.observe(&entry.event) {
            return;
        }
        let has_lost = self.restarts.observe(entry);
        match &entry.event {
            Event::Appended { partition, epoch, base_offset, next_offset, records, .. } => {
                let replicas = self.partitions.of(*partition);
                let (base, next) = (base_offset.0, next_offset.0);
                if let Some(wrong) = replicas.append(entry.node, *epoch, base, next, records) {
                    self.told(entry, entry.node, *partition, wrong);
                }
            }
            Event::Truncated { partition, from, to }
            | Event::TailLost { partition, from, to, .. } => {
                let log = self.partitions.of(*partition).log(entry.node);
                if has_lost {
                    log.unflushed = log.unflushed.max(Some(from.0));
                }
                log.cut(to.0);
            }
            Event::LogDeleted { partition, .. } => {
                self.partitions.of(*partition).forget(entry.node)
            }
            Event::LogStartMoved { partition, to, .. } => {
                self.partitions.of(*partition).log(entry.node).begin(to.0);
            }
            Event::LogCompacted { partition, to, .. } => {
                self.partitions.of(*partition).compact(entry.node, to.0);
            }
            Event::HighWatermark { partition, epoch, offset } => {
                self.rise(entry, *partition, (*epoch, *offset));
            }
            Event::BecameLeader { partition, epoch, high_watermark, .. } => {
                let replicas = self.partitions.of(*partition);
                replicas.lead_unflushed(entry.node, *epoch);
                let to = high_watermark.0.min(replicas.committed_end());
                let conflict =
                    if *epoch < replicas.floor { None } else { replicas.demand(entry.node, to) };
                if let Some(conflict) = conflict {
                    self.told(entry, entry.node, *partition, Wrong::Conflict(conflict));
                }
            }
            Event::Acked { partition, base_offset, records, .. } => {
                self.ack(entry, *partition, base_offset.0, records);
            }
            Event::LeaderElected { partition, leader, epoch, isr, unclean } => {
                let leader = leader.map(|leader| self.context.process(leader));
                let replicas = self.partitions.of(*partition);
                replicas.isr = Arc::clone(isr);
                if let (true, Some(leader)) = (*unclean, leader) {
                    replicas.elect(leader, *epoch);
                } else if !leader.is_some_and(|one| replicas.lead_unflushed(one, *epoch)) {
                    self.in_sync(entry, *partition);
                }
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.partitions.of(*partition).isr = Arc::clone(isr);
                self.in_sync(entry, *partition);
            }
            _ => {}
        }
    }

    fn settle(&mut self, partition: TopicPartition, below: Offset) {
        self.partitions.of(partition).settle(below.0);
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        for replicas in self.partitions.values_mut() {
            self.report.judged(replicas.compared);
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
