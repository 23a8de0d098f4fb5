//! `acked-durability`: at the end every acknowledged record is at its offset, or a later one of its key is.
//!
//! Source: bug corpus §10.2 AckedDurable and AckMatch. A witness is an acknowledged record whose place was
//! read at the end. It does *not* speak of `acks=0`, of records below the log's start (retention), of topics
//! that were deleted, of partitions that were not read to the end, nor of delivery. One that is in a log, but elsewhere, violates
//! and is *displaced*, not lost. Each loss names its cause: who took the lead without the record, and which
//! setting allowed it; where no `became_leader` is on record, the controller's elections tell it, as far as they can.
//! Keeps 8 bytes an acknowledged record that some replica may have. Broken by `trunc-to-hw`, and by `acks=1`.
//!
//! What cannot fool it. *A stale leader*, *a late message* and *a restart* change what brokers hold on the
//! way; judged is only what was acknowledged, against what the logs hold at the end. An answer that arrives
//! during the final read, or after a later one for the same offset, is held against what is read there;
//! beyond the end that was read nothing is known of it.

use crate::cause::LossCause;
use crate::context::{Context, TopicContext};
use crate::elected::Elected;
use crate::history::{Entry, Event, Phase};
use crate::kind::Kind;
use crate::partitions::Partitions;
use crate::places::Places;
use crate::record_set::{OffsetTable, RecordSet};
use crate::report::Report;
use crate::restarts::Restarts;
use crate::superseded::Superseded;
use crate::tails::Tails;
use crate::verdict::{Property, PropertyResult, Subject};
use ackproof_types::{
    Acks, BrokerId, LeaderEpoch, NodeId, Offset, RecordId, RecordSlice, Timestamp, TopicId,
    TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uncleans::Uncleans;
use words::words;

mod presumed;
mod uncleans;
mod words;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::Sent,
    Kind::Acked,
    Kind::ProcessStarted,
    Kind::BecameLeader,
    Kind::BecameFollower,
    Kind::Truncated,
    Kind::TailLost,
    Kind::LogDamaged,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::PartitionsAdded,
    Kind::TopicCreated,
    Kind::TopicAltered,
    Kind::ReplicasChanged,
    Kind::TopicDeleted,
    Kind::FinalRead,
    Kind::FinalReadDone,
];

/// Who took the lead without an acknowledged record, and why that could be.
#[derive(Clone, Copy, Debug)]
struct Doom {
    cause: LossCause,
    leader: NodeId,
    epoch: LeaderEpoch,
    at: Timestamp,
}

/// A partition.
#[derive(Debug, Default)]
struct Log {
    acked: OffsetTable,
    /// Acknowledged at an offset that was later acknowledged for another record.
    displaced: BTreeSet<(i64, RecordId)>,
    /// Who led so far, and where their logs ended.
    leaders: Vec<(LeaderEpoch, NodeId, Offset)>,
    elected: Elected,
    /// A leader was replaced without an unclean election.
    replaced: bool,
    /// How many replicas an administrator gave it; None: those of its topic.
    moved_to: Option<u16>,
    uncleans: Uncleans,
    isr: Arc<[BrokerId]>,
    /// What brokers lost with their power or their disk, until they are in sync anew.
    lost: Tails,
    doomed: BTreeMap<(i64, RecordId), Doom>,
    presumed: BTreeMap<(i64, RecordId), Doom>,
    /// What the final read found at places where it was not awaited.
    found: BTreeMap<i64, RecordId>,
    /// Acknowledged while the logs were read.
    late: BTreeSet<(i64, RecordId)>,
    is_read: bool,
}

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    partitions: Partitions,
    logs: Places<Log>,
    sent: RecordSet,
    superseded: Superseded,
    restarts: Restarts,
    /// An unclean election is on record.
    has_uncleans: bool,
    /// In some log at the end.
    read: RecordSet,
    /// What the logs do not hold where it was acknowledged, in the order of their final reads.
    missing: Vec<Missing>,
    /// The final read has begun.
    is_reading: bool,
}

/// An acknowledged record that is not where it was acknowledged.
#[derive(Debug)]
struct Missing {
    done: (u64, Timestamp),
    subject: Subject,
    cause: LossCause,
    doom: Option<Doom>,
    instead: Option<RecordId>,
}

impl Log {
    /// A broker took the lead with a log that ends at `end`: what was acknowledged from there on is
    /// not in it.
    fn led(
        &mut self,
        entry: &Entry,
        (partition, epoch): (TopicPartition, LeaderEpoch),
        end: Offset,
        context: &Context,
    ) {
        let topic = &context.topics[partition.topic.index()];
        let before = self.leaders.last().copied();
        if before.is_some_and(|(led, ..)| led > epoch) {
            return;
        }
        let came_back = before.is_none_or(|(_, before, _)| before == entry.node);
        self.leaders.push((epoch, entry.node, end));
        let alone = self.isr.len() == 1 && context.process(self.isr[0]) == entry.node;
        let by_unclean = std::mem::take(&mut self.uncleans.is_open);
        for (offset, id) in self.acked.from(end.0) {
            // A cause names a setting only where the topic or the producer has it. After several unclean
            // elections it may be an earlier one that did it.
            let explains = self.uncleans.explains(id);
            let earlier = self.uncleans.count > 1 || self.uncleans.by_deposed.contains(id);
            let unclean = explains && (by_unclean || earlier);
            let acks_one = context.producer(id.producer).acks == Acks::Leader;
            let last = alone && came_back && topic.min_insync_replicas <= 1;
            let cause = if unclean && topic.unclean_leader_election {
                LossCause::UncleanElection
            } else if by_unclean && explains && !topic.unclean_leader_election {
                LossCause::ForcedElection
            } else if alone && came_back && self.moved_to.unwrap_or(topic.replication_factor) <= 1 {
                // No other replica could have had it, whatever the producer waited for.
                match topic.replication_factor {
                    ..=1 => LossCause::OnlyReplica,
                    _ => LossCause::MovedToOne,
                }
            } else if let Some(cause) = self.lost.at(entry.node, offset) {
                // Where others lost it as well, it was not acknowledged by one alone.
                let one = last && !self.lost.others(entry.node, offset);
                if one { LossCause::LastReplica } else { cause }
            } else if acks_one && (!came_back || self.replaced) {
                LossCause::AcksOne
            } else if last {
                LossCause::LastReplica
            } else if acks_one {
                LossCause::NotOnRecord
            } else {
                LossCause::Replication
            };
            let doom = Doom { cause, leader: entry.node, epoch, at: entry.at };
            self.doomed.entry((offset, id)).or_insert(doom);
        }
        self.lost.lead(entry.node);
    }

    /// The controller chose a leader, or an in-sync set.
    fn choose(
        &mut self,
        (leader, epoch): (Option<BrokerId>, LeaderEpoch),
        isr: &Arc<[BrokerId]>,
        unclean: bool,
        (context, at): (&Context, Timestamp),
    ) {
        let before = self.elected.leader();
        // With eligible leader replicas the last leader may come back by an election that is called unclean
        // (KIP-966): it throws away nothing but what that broker itself has lost.
        let unclean = unclean && (leader.is_none() || leader != before);
        if unclean {
            self.uncleans.count += 1;
            self.uncleans.is_open = true;
            self.uncleans.after.clear_all();
            self.uncleans.sent_after.clear_all();
        } else if let (Some(before), Some(leader)) = (before, leader) {
            self.replaced |= before != leader;
        }
        self.elected.elect((epoch, leader), isr, unclean);
        // The leader of an empty in-sync set joins it as it is.
        let others: Vec<BrokerId> =
            isr.iter().copied().filter(|one| Some(*one) != leader).collect();
        self.lost.take_isr(&self.isr, &others, context);
        self.isr = Arc::clone(isr);
        if let Some(leader) = leader.filter(|_| !unclean) {
            self.presume(context.process(leader), epoch, at);
        }
    }

    fn take_isr(&mut self, isr: &Arc<[BrokerId]>, context: &Context) {
        self.lost.take_isr(&self.isr, isr, context);
        self.isr = Arc::clone(isr);
        self.elected.take_isr(isr);
    }

    fn ack(
        &mut self,
        entry: &Entry,
        by: Option<BrokerId>,
        offset: i64,
        id: RecordId,
        context: &Context,
    ) {
        if self.is_read {
            return;
        }
        if self.found.get(&offset) == Some(&id) {
            return;
        }
        self.uncleans.acked(&self.elected, by, id);
        if let Some(other) = self.acked.enter(offset, id).filter(|other| *other != id) {
            self.displaced.insert((offset, other));
        }
        // With acks=all a stale leader cannot answer; its answer was under way.
        let stale = by.and_then(|by| self.replaced_without(context.process(by), offset));
        if let Some((epoch, leader)) = stale
            && context.producer(id.producer).acks == Acks::Leader
        {
            let doom = Doom { cause: LossCause::StaleLeader, leader, epoch, at: entry.at };
            self.doomed.insert((offset, id), doom);
        }
    }

    /// The leader now, if `by` leads no longer and one that came after it began below `offset`: what `by`
    /// writes there is cut off. Below where they began they may have it.
    fn replaced_without(&self, by: NodeId, offset: i64) -> Option<(LeaderEpoch, NodeId)> {
        let mut later = self.leaders.iter().rev().take_while(|(_, leader, _)| *leader != by);
        let (epoch, leader, _) = *self.leaders.last()?;
        later.any(|(.., end)| end.0 <= offset).then_some((epoch, leader))
    }

    /// No replica has anything below this offset: the final log begins above.
    fn settle(&mut self, below: i64) {
        drop(self.acked.take_below(below));
        self.displaced = self.displaced.split_off(&(below, FIRST));
        self.doomed = self.doomed.split_off(&(below, FIRST));
    }

    /// Whether it is on record with which log the leader that was elected last began.
    fn is_last_known(&self, context: &Context) -> bool {
        let (Some((epoch, chosen)), Some((led, leader, _))) =
            (self.elected.last(), self.leaders.last())
        else {
            return false;
        };
        *leader == context.process(chosen) && *led >= epoch
    }

    /// The final read found `id` at `offset`; whether that was awaited.
    fn find(&mut self, offset: i64, id: RecordId) -> bool {
        let awaited = self.acked.strike(offset, id)
            || (!self.displaced.is_empty() && self.displaced.remove(&(offset, id)));
        // Another is awaited here too: what it finds instead is told.
        let contested = self.acked.get(offset).is_some()
            || self.displaced.range((offset, FIRST)..=(offset, LAST)).next().is_some();
        if !awaited || contested {
            self.found.insert(offset, id);
        }
        awaited
    }

    /// Whether who led last has a batch there that nobody can read.
    fn is_unreadable(&self, offset: i64) -> bool {
        let last = self.leaders.last();
        last.is_some_and(|(_, leader, _)| self.lost.is_damaged(*leader, offset))
    }

    /// Why `id` is not at `offset`, as far as it is on record.
    fn why(
        &self,
        (offset, id): (i64, RecordId),
        topic: &TopicContext,
        context: &Context,
        acks: Acks,
    ) -> (LossCause, Option<Doom>) {
        let doom = self.doomed.get(&(offset, id)).copied().or_else(|| self.presumed((offset, id)));
        let cause = match doom {
            Some(doom) => doom.cause,
            // A clean change of leaders loses what only one replica has acknowledged.
            None if self.uncleans.explains(id) && (acks != Acks::Leader || !self.replaced) => {
                if topic.unclean_leader_election {
                    LossCause::UncleanElection
                } else {
                    LossCause::ForcedElection
                }
            }
            // The unclean one, or the clean one before it.
            None if self.uncleans.explains(id) => LossCause::AcksOne,
            None if self.is_unreadable(offset) => LossCause::DamagedLog,
            // Who led is on record, and nobody lacked it.
            None if self.is_last_known(context) => LossCause::Replication,
            // With one replica, or without another leader, there is nobody who could have lacked it.
            None if acks == Acks::Leader && self.replaced && topic.replication_factor > 1 => {
                LossCause::AcksOne
            }
            None => LossCause::NotOnRecord,
        };
        (cause, doom)
    }
}

const FIRST: RecordId = RecordId { producer: ackproof_types::ProducerIndex(0), number: 0 };
const LAST: RecordId =
    RecordId { producer: ackproof_types::ProducerIndex(u16::MAX), number: u32::MAX };

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            partitions: Partitions::new(context),
            logs: Places::default(),
            sent: RecordSet::default(),
            superseded: Superseded::default(),
            restarts: Restarts::default(),
            has_uncleans: false,
            read: RecordSet::default(),
            missing: Vec::new(),
            is_reading: false,
        }
    }

    /// What a deleted topic held is gone for good, and nobody has to read it.
    fn forget(&mut self, topic: TopicId) {
        for partition in self.partitions.all(topic) {
            *self.logs.of(partition) = Log { is_read: true, ..Log::default() };
        }
    }

    fn find(&mut self, partition: TopicPartition, base: Offset, records: &RecordSlice) {
        let log = self.logs.of(partition);
        for (index, record) in records.iter().enumerate() {
            self.read.insert(record.id);
            if log.find(base.plus(index).0, record.id) {
                self.report.judged(1);
            }
        }
    }

    fn done(&mut self, entry: &Entry, partition: TopicPartition, (start, end): (Offset, Offset)) {
        let log =
            std::mem::replace(self.logs.of(partition), Log { is_read: true, ..Log::default() });
        let mut missing: Vec<(i64, RecordId)> = log.acked.from(start.0).collect();
        missing.extend(log.displaced.iter().filter(|(offset, _)| *offset >= start.0));
        missing.retain(|one| one.0 < end.0 || !log.late.contains(one));
        missing.retain(|(offset, id)| !self.superseded.is(partition, Offset(*offset), *id));
        missing.sort_unstable();
        let topic = &self.context.topics[partition.topic.index()];
        for (offset, id) in missing {
            self.report.judged(1);
            let acks = self.context.producer(id.producer).acks;
            // Compaction may have taken it for a later one of its key, which is lost.
            let heir = log
                .doomed
                .keys()
                .rev()
                .find(|(at, other)| *at > offset && self.superseded.same(id, *other));
            let subject = heir.copied().unwrap_or((offset, id));
            let (cause, doom) = log.why(subject, topic, &self.context, acks);
            let (record, at) = (id, Offset(offset));
            let subject = Subject { record, partition, offset: at, group: None, until: None };
            let (done, instead) = ((entry.seq, entry.at), log.found.get(&offset).copied());
            self.missing.push(Missing { done, subject, cause, doom, instead });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        let has_lost = self.restarts.observe(entry);
        self.superseded.observe(entry, &self.context);
        self.partitions.observe(&entry.event);
        match &entry.event {
            Event::Truncated { partition, from, to } => {
                self.logs.of(*partition).lost.cut(entry.node, (*from, *to), has_lost);
            }
            Event::LogDamaged { partition, from, to } => {
                self.logs.of(*partition).lost.damage(entry.node, *from, *to);
            }
            Event::TailLost { partition, from, to, by } => {
                self.logs.of(*partition).lost.lose(entry.node, *by, (*from, *to));
            }
            Event::Phase(phase) => self.is_reading |= *phase == Phase::FinalRead,
            Event::Sent { record, partition: Some(partition) } => {
                let uncleans = &mut self.logs.of(*partition).uncleans;
                if self.sent.insert(record.id) && uncleans.count > 0 {
                    uncleans.sent_after.insert(record.id);
                }
            }
            // Where it goes is not on record: to any partition of the topic.
            Event::Sent { record, partition: None } => {
                let topic = self.context.producer(record.id.producer).topic;
                let matters = self.sent.insert(record.id) && self.has_uncleans;
                for partition in self.partitions.all(topic).filter(|_| matters) {
                    let uncleans = &mut self.logs.of(partition).uncleans;
                    (uncleans.count > 0).then(|| uncleans.sent_after.insert(record.id));
                }
            }
            Event::Acked { partition, base_offset, by, records }
                if *base_offset != Offset::UNKNOWN =>
            {
                let log = self.logs.of(*partition);
                for (index, record) in records.iter().enumerate() {
                    let offset = base_offset.plus(index).0;
                    if self.is_reading {
                        log.late.insert((offset, record.id));
                    }
                    log.ack(entry, *by, offset, record.id, &self.context);
                }
            }
            Event::BecameLeader { partition, epoch, log_end, .. } => {
                let place = (*partition, *epoch);
                self.logs.of(*partition).led(entry, place, *log_end, &self.context);
            }
            Event::LeaderElected { partition, leader, epoch, isr, unclean } => {
                self.has_uncleans |= *unclean;
                let around = (&*self.context, entry.at);
                self.logs.of(*partition).choose((*leader, *epoch), isr, *unclean, around);
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.logs.of(*partition).take_isr(isr, &self.context)
            }
            Event::TopicAltered { .. } => Arc::make_mut(&mut self.context).loosen(&entry.event),
            Event::ReplicasChanged { partition, replicas, .. } => {
                self.logs.of(*partition).moved_to = u16::try_from(replicas.len()).ok();
                Arc::make_mut(&mut self.context).loosen(&entry.event);
            }
            Event::TopicDeleted { topic, .. } => self.forget(*topic),
            Event::FinalRead { partition, base_offset, records } => {
                self.find(*partition, *base_offset, records);
            }
            Event::FinalReadDone { partition, start, end } => {
                self.done(entry, *partition, (*start, *end));
            }
            _ => {}
        }
    }

    fn settle(&mut self, partition: TopicPartition, below: Offset) {
        self.logs.of(partition).settle(below.0);
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        for missing in std::mem::take(&mut self.missing) {
            let (context, cause) = (&self.context, missing.cause);
            // Only when every log was read it is known what is in none.
            let is_displaced = self.read.contains(missing.subject.record);
            let topic = missing.subject.partition.topic;
            let mut all = self.partitions.all(topic);
            let is_read = |place| self.logs.get(place).is_some_and(|log| log.is_read);
            let unread = all.find(|place| !is_displaced && !is_read(*place));
            let why = (cause, missing.doom.map(|doom| doom.at));
            let words = || words(context, &missing, is_displaced, unread);
            if unread.is_some() {
                self.report.missing(missing.done, why, missing.subject, words);
            } else {
                self.report.lost(missing.done, why, missing.subject, words);
            }
            if is_displaced {
                self.report.displaced(cause);
            }
        }
        let is_unread = |log: &Log| !log.is_read && log.acked.from(0).next().is_some();
        if let Some((place, _)) = self.logs.iter().find(|(_, log)| is_unread(log)) {
            let name = self.context.partition(place);
            self.report.unjudged(|| format!("the history has no final_read_done of {name}"));
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
