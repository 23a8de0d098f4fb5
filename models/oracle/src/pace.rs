//! How fast records get through: latencies, and the times in which they did not. How long partitions were
//! without leader or owner is of [`crate::moves`].
//!
//! - *Acknowledgement latency*: from the first call of `send` for a record to its acknowledgement.
//! - *End-to-end latency*: from there to the first time that a group has processed it.
//! - *A stall*: records wait and nothing is acknowledged (of a partition), or processed (by a group, of a
//!   partition), for longer than [`STALL`]; it begins with the last progress, or with the first record
//!   that waits. A producer that is down waits for nothing. A call of `send` that blocks waits too: for the
//!   partition that its record gets in the end or, if `max.block.ms` ends it, for none.
//!
//! What a group does is measured from the moment that `formation` tells: what was sent before has no latency,
//! and what waits then waits from then on. What counts as waiting for a group is an acknowledged record, so that a group is not blamed for what
//! no broker has. `waits` who waits for a partition. It judges nothing.

mod waits;

use crate::cause::StallCause;
use crate::histogram::Histogram;
use crate::load::Load;
use crate::obstacles::Obstacles;
use crate::places::{GroupPlaces, Places};
use crate::record_set::RecordTimes;
use ackproof_types::{
    GroupId, Micros, Offset, ProducerIndex, RecordId, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use waits::{Blocked, Read, Wait, Written};

/// A wait that is longer is a stall.
pub const STALL: Micros = Micros::from_secs(1);

/// How a run went, by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// From `send` to acknowledgement.
    pub acknowledgement: Histogram,
    /// Of partitions that producers wait for; none: nothing on record waits.
    pub writes: Option<Stalls>,
    /// What stood in the way of the longest wait of writes, if it was a stall and that is on record.
    pub write_stall: Option<StallCause>,
    /// From a leader's hit to the next leader; none: no election is on record.
    pub failover: Option<Histogram>,
    /// Of each group, in the order of the context.
    pub groups: Vec<GroupPace>,
    /// How busy brokers were; none: requests took no time, or nothing on record tells.
    pub load: Option<Load>,
}

/// How a group went, by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPace {
    /// From when on it is measured; none: from the start.
    pub begins: Option<Timestamp>,
    /// From `send` to the first processing.
    pub end_to_end: Histogram,
    /// What stood in the way of the longest wait of reads, if it was a stall and that is on record.
    pub read_stall: Option<StallCause>,
    /// Of partitions that wait for the group; none: nothing on record waits.
    pub reads: Option<Stalls>,
    /// From an owner's loss to the next owner; none: no assignment is on record.
    pub handover: Option<Histogram>,
}

/// Times without progress, over partitions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// The longest wait of a partition, stall or not.
    pub longest: Micros,
    /// All stalls, partitions added up.
    pub stalled: Micros,
    /// From the first to the last sign of each partition, added up.
    pub observed: Micros,
}

/// The longest wait of all partitions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Longest {
    pub(crate) partition: TopicPartition,
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

impl Longest {
    const fn length(&self) -> u64 {
        self.until.as_micros() - self.since.as_micros()
    }

    /// The longer of two, if it is a stall.
    fn of(longest: Option<Self>, partition: TopicPartition, wait: &Wait) -> Option<Self> {
        let (since, until) = wait.longest_at;
        let (since, until) = (Timestamp::from_micros(since), Timestamp::from_micros(until));
        let one = Self { partition, since, until };
        let is_longer = one.length() > longest.map_or(STALL.0, |other| other.length());
        if is_longer { Some(one) } else { longest }
    }
}

/// A pace in the making.
#[derive(Debug)]
pub(crate) struct Clocks {
    acknowledgement: Histogram,
    end_to_end: Vec<Histogram>,
    /// From when on each group is measured.
    begins: Vec<Option<u64>>,
    /// When each record was first sent.
    sent: RecordTimes,
    written: Places<Written>,
    /// Calls of `send` that block, by producer, and since when one of them does.
    blocked: BTreeMap<ProducerIndex, Blocked>,
    read: GroupPlaces<Read>,
    readers: Vec<Vec<GroupId>>,
    /// Nobody waits for topics that are deleted.
    gone: BTreeSet<TopicId>,
}

impl Clocks {
    /// For `groups` with the topics each of them reads.
    pub(crate) fn new<'a>(topics: usize, groups: impl Iterator<Item = &'a [TopicId]>) -> Self {
        let mut readers = vec![Vec::new(); topics];
        let mut end_to_end = Vec::new();
        for (group, read) in (0..).map(GroupId).zip(groups) {
            end_to_end.push(Histogram::default());
            for topic in read {
                if let Some(readers) = readers.get_mut(topic.index()) {
                    readers.push(group);
                }
            }
        }
        Self {
            acknowledgement: Histogram::default(),
            begins: vec![None; end_to_end.len()],
            end_to_end,
            sent: RecordTimes::default(),
            written: Places::default(),
            blocked: BTreeMap::new(),
            read: GroupPlaces::default(),
            readers,
            gone: BTreeSet::new(),
        }
    }

    /// The topic is deleted: nobody waits for it any more.
    pub(crate) fn delete_topic(&mut self, at: Timestamp, topic: TopicId, all: &[TopicPartition]) {
        self.gone.insert(topic);
        let at = at.as_micros();
        for place in all {
            let written = self.written.of(*place);
            written.waiting.clear();
            if written.wait.since.is_some() {
                written.wait.end(at, false);
            }
            for read in self.read.all_of(*place) {
                read.end = read.done;
                if read.wait.since.is_some() {
                    read.wait.end(at, false);
                }
            }
        }
    }

    /// The measures of `group` begin with `at`.
    pub(crate) fn begin(&mut self, at: Timestamp, group: GroupId) {
        let at = at.as_micros();
        self.begins[group.index()] = Some(at);
        self.end_to_end[group.index()] = Histogram::default();
        for read in self.read.of_group_mut(group) {
            read.wait = Wait::default();
            if read.end > read.done {
                read.wait.begin(at);
            }
        }
    }

    /// Nobody reads for `group` any more.
    pub(crate) fn stop(&mut self, at: Timestamp, group: GroupId) {
        self.readers.iter_mut().for_each(|readers| readers.retain(|one| *one != group));
        for read in self.read.of_group_mut(group).filter(|read| read.wait.since.is_some()) {
            read.wait.end(at.as_micros(), false);
        }
    }

    /// A call of `send` waits for metadata or memory.
    pub(crate) fn blocked(&mut self, at: Timestamp, id: RecordId) {
        let at = at.as_micros();
        self.called(at, id);
        let blocked = self.blocked.entry(id.producer).or_default();
        blocked.calls.insert(id);
        blocked.wait.begin(at);
    }

    /// A call of `send` failed.
    pub(crate) fn rejected(&mut self, at: Timestamp, id: RecordId) {
        let at = at.as_micros();
        if let Some(blocked) = self.blocked.get_mut(&id.producer)
            && blocked.calls.remove(&id)
            && blocked.calls.is_empty()
        {
            blocked.wait.end(at, false);
            self.let_go(at);
        }
    }

    /// Calls block no longer: partitions for which only they may have waited wait no more.
    fn let_go(&mut self, at: u64) {
        let idle =
            |written: &&mut Written| written.wait.since.is_some() && !written.is_waited_for();
        self.written.values_mut().filter(idle).for_each(|written| written.wait.end(at, false));
    }

    fn is_blocked(&self, producer: ProducerIndex) -> bool {
        self.blocked.get(&producer).is_some_and(|blocked| !blocked.calls.is_empty())
    }

    /// Since when calls of its producer wait, if this was one of them: it does no more.
    fn admitted(&mut self, id: RecordId) -> Option<u64> {
        let blocked = self.blocked.get_mut(&id.producer)?;
        let since = blocked.wait.since.filter(|_| blocked.calls.remove(&id))?;
        if blocked.calls.is_empty() {
            // The partition of the record goes on to wait: its time counts there.
            blocked.wait.since = None;
            if blocked.wait.ended == 0 {
                blocked.wait = Wait::default();
            }
        }
        Some(since)
    }

    /// Where nobody says where to, only the time counts.
    pub(crate) fn sent(&mut self, at: Timestamp, id: RecordId, to: Option<TopicPartition>) {
        let at = at.as_micros();
        self.called(at, id);
        let since = if self.blocked.is_empty() { None } else { self.admitted(id) };
        if let Some(partition) = to.filter(|one| !self.gone.contains(&one.topic)) {
            let written = self.written.of(partition);
            *written.of(id.producer) += 1;
            written.wait.begin_since(since.unwrap_or(at), at);
        }
        if since.is_some() && !self.is_blocked(id.producer) {
            self.let_go(at);
        }
    }

    /// The application calls `send`, or had called it.
    fn called(&mut self, at: u64, id: RecordId) {
        if let Some(before) = self.sent.set(id, at)
            && before < at
        {
            self.sent.set(id, before);
        }
    }

    fn since(&self, id: RecordId, at: u64) -> Option<Micros> {
        self.sent.get(id).map(|sent| Micros(at.saturating_sub(sent)))
    }

    /// Groups that read `topic`.
    pub(crate) fn readers(&self, topic: TopicId) -> &[GroupId] {
        let readers = self.readers.get(topic.index()).filter(|_| !self.gone.contains(&topic));
        readers.map_or(&[], Vec::as_slice)
    }

    /// Nobody asks for the record any more.
    pub(crate) fn forget(&mut self, id: RecordId) {
        self.sent.forget(id);
    }

    /// `base` is unknown with `acks=0`; records are of one producer.
    pub(crate) fn acked(
        &mut self,
        at: Timestamp,
        partition: TopicPartition,
        base: Offset,
        records: impl ExactSizeIterator<Item = RecordId>,
    ) {
        let at = at.as_micros();
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let mut producer = None;
        for id in records {
            producer = Some(id.producer);
            if let Some(length) = self.since(id, at).filter(|_| base != Offset::UNKNOWN) {
                self.acknowledgement.add(length);
            }
        }
        if let Some(producer) = producer {
            self.written.of(partition).settle(at, (producer, count), true, false);
        }
        if base == Offset::UNKNOWN {
            return;
        }
        let end = base.0.saturating_add(i64::from(count));
        let readers = self.readers.get(partition.topic.index());
        let is_gone = self.gone.contains(&partition.topic);
        for group in readers.filter(|_| !is_gone).into_iter().flatten() {
            let read = self.read.of(*group, partition);
            read.end = read.end.max(end);
            if read.end > read.done {
                read.wait.begin(at);
            }
        }
    }

    pub(crate) fn failed(
        &mut self,
        at: Timestamp,
        partition: TopicPartition,
        first: RecordId,
        count: usize,
    ) {
        let at = at.as_micros();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let calls = self.is_blocked(first.producer);
        self.written.of(partition).settle(at, (first.producer, count), false, calls);
    }

    /// A producer ended: it waits for nothing any more.
    pub(crate) fn ended(&mut self, at: Timestamp, producer: ProducerIndex) {
        let at = at.as_micros();
        for written in self.written.values_mut() {
            if *written.of(producer) > 0 {
                written.settle(at, (producer, u32::MAX), false, false);
            }
        }
        if let Some(blocked) = self.blocked.get_mut(&producer)
            && !blocked.calls.is_empty()
        {
            blocked.calls.clear();
            blocked.wait.end(at, false);
            self.let_go(at);
        }
    }

    pub(crate) fn processed(
        &mut self,
        at: Timestamp,
        group: GroupId,
        (partition, offset): (TopicPartition, Offset),
        id: RecordId,
        again: bool,
    ) {
        let at = at.as_micros();
        let begins = self.begins[group.index()].unwrap_or(0);
        if !again && let Some(length) = self.since(id, at).filter(|one| at - one.0 >= begins) {
            self.end_to_end[group.index()].add(length);
        }
        let read = self.read.of(group, partition);
        if offset.0 >= read.done {
            read.done = offset.0.saturating_add(1);
            read.wait.end(at, read.end > read.done);
        }
    }

    /// The log of `partition` ends here: what was acknowledged beyond is lost, and nobody waits for it.
    pub(crate) fn read_to(&mut self, partition: TopicPartition, end: Offset) {
        for read in self.read.all_of(partition) {
            if read.done >= end.0 {
                read.wait.since = None;
            }
        }
    }

    /// All but what [`crate::moves`] knows; what stood in the way of stalls is asked of `obstacles`.
    pub(crate) fn conclude(mut self, end: Timestamp, obstacles: &Obstacles) -> Pace {
        let end = end.as_micros();
        let mut writes = None;
        let written = self.written.values_mut().map(|written| &mut written.wait);
        for wait in written.chain(self.blocked.values_mut().map(|blocked| &mut blocked.wait)) {
            if wait.since.is_some() {
                wait.end(end, false);
            }
            wait.add_to(&mut writes);
        }
        let mut longest = None;
        for (place, written) in self.written.iter() {
            longest = Longest::of(longest, place, &written.wait);
        }
        let write_stall = longest.and_then(|longest| obstacles.of_writes(&longest));
        let mut groups = Vec::new();
        for (group, end_to_end) in (0..).map(GroupId).zip(self.end_to_end) {
            let (mut reads, mut longest) = (None, None);
            for (place, read) in self.read.of_group(group) {
                let mut wait = read.wait;
                if wait.since.is_some() {
                    wait.end(end, false);
                }
                wait.add_to(&mut reads);
                longest = Longest::of(longest, place, &wait);
            }
            let read_stall = longest.and_then(|longest| obstacles.of_reads(group, &longest));
            let begins = self.begins[group.index()].map(Timestamp::from_micros);
            groups.push(GroupPace { begins, end_to_end, reads, read_stall, handover: None });
        }
        let acknowledgement = self.acknowledgement;
        Pace { acknowledgement, writes, write_stall, failover: None, groups, load: None }
    }
}

#[cfg(test)]
mod tests;
