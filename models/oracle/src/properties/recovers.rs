//! `recovers`: when the liveness bound after the healing of all faults is over, every partition has a
//! leader and a full in-sync set, no send is open, and every group has come to the end of what is committed.
//!
//! Source: bug corpus §10.3. A witness is a partition, a group's partition, or the set of open sends. Judged
//! when the final read begins, if a settle phase came before. A group has come to the lower of what it
//! committed and what it processed without a gap ([`lag`]); skipped records are `at-least-once`'s business.
//! A group that is behind and came closer during the last half of the settle phase is undecided: a longer
//! settle phase would tell. One that came no closer violates. Sends of a process that ended are open no more.
//! Histories without elections are judged by the clients' side alone, and so is a partition without one.
//! Where no high watermark is on record, a log ends behind the last acknowledged record. What cannot fool it
//! is told at [`Checker`]. Broken on purpose by retry livelocks, in-sync sets that never grow, and members
//! that stop committing.

use crate::context::Context;
use crate::copies::Copies;
use crate::history::{Entry, Event, Phase};
use crate::kind::Kind;
use crate::record_set::RecordSet;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::words::plural;
use ackproof_types::{
    BrokerId, GroupId, Micros, ProducerIndex, RecordId, Timestamp, TopicPartition,
};
use behind::Behind;
use lag::{Lag, Sums, groups, since};
use std::collections::BTreeMap;
use std::sync::Arc;

mod behind;
mod end;
mod lag;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Phase,
    Kind::ProcessEnded,
    Kind::Sent,
    Kind::Acked,
    Kind::Failed,
    Kind::Unsent,
    Kind::Rejected,
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::Positioned,
    Kind::Polled,
    Kind::Processed,
    Kind::Derived,
    Kind::GaveUp,
    Kind::CommitSent,
    Kind::Committed,
    Kind::CommitFailed,
    Kind::HighWatermark,
    Kind::BecameLeader,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::ReplicasChanged,
    Kind::TopicDeleted,
    Kind::FinalRead,
    Kind::FinalReadDone,
    Kind::GroupMoved,
];

/// A partition as the controller sees it.
#[derive(Debug, Default)]
struct State {
    /// None: no election is on record.
    leader: Option<Option<BrokerId>>,
    isr: usize,
    /// How many replicas it has since it was moved; none: as many as its topic.
    replicas: Option<usize>,
}

/// What cannot fool it. *A stale leader*: the high watermark of a leadership that another has replaced counts
/// no more, and one that begins with a shorter log cuts it: what nobody wrote again is no lag. *A late answer*
/// to a commit that others passed does not take a group back: of two commits that were under way together the
/// higher one counts. *A restart*: who starts again does the work again, or goes on. Both leave what the group
/// has processed without a gap as it was. Nobody hears the answers to what an ended process had under way.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    /// When the settle phase began.
    settling: Option<Timestamp>,
    /// What decides on the groups, as of the beginning of the final read.
    verdict: Option<Groups>,
    states: BTreeMap<TopicPartition, State>,
    open: RecordSet,
    /// What groups made and sent on, without an outcome, and when: they go on after the load.
    made: BTreeMap<RecordId, Timestamp>,
    lag: Lag,
    copies: Copies,
}

/// How the groups stood when the final read began.
#[derive(Debug)]
struct Groups {
    seq: u64,
    at: Timestamp,
    settle: Micros,
    behind: Vec<(GroupId, Vec<Behind>, Option<Trend>)>,
}

/// What changed for a group over the last half of the settle phase.
#[derive(Clone, Copy, Debug)]
struct Trend {
    over: Micros,
    before: Sums,
    after: Sums,
}

impl Trend {
    /// By how much the group is less far behind.
    fn gained(&self) -> u64 {
        let behind = |sums: Sums| sums.held.saturating_sub(sums.done);
        behind(self.before).saturating_sub(behind(self.after))
    }

    /// How much longer it takes until `behind` records are done at this rate.
    fn rest(&self, behind: u64) -> Option<Micros> {
        let gained = u128::from(self.gained());
        let micros = u128::from(self.over.0) * u128::from(behind);
        u64::try_from(micros.checked_div(gained)?).ok().map(Micros)
    }

    fn words(&self) -> String {
        let rate = |before: u64, after: u64| {
            let tenths = u128::from(after.saturating_sub(before)) * 10_000_000;
            let tenths = tenths / u128::from(self.over.0.max(1));
            format!("{}.{}", tenths / 10, tenths % 10)
        };
        format!(
            "over the last {} of the settle phase {} records/s came in and {} were done",
            self.over,
            rate(self.before.held, self.after.held),
            rate(self.before.done, self.after.done)
        )
    }
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            settling: None,
            verdict: None,
            states: BTreeMap::new(),
            open: RecordSet::default(),
            made: BTreeMap::new(),
            lag: Lag::new(context),
            copies: Copies::new(context),
        }
    }

    fn judge(&mut self, entry: &Entry, settled: Timestamp) {
        if !self.states.is_empty() {
            self.judge_replicas(entry);
        }
        self.report.judged(1);
        let settle = since(settled, entry.at);
        let over = Micros(settle.0 / 2);
        let half = settled + (Micros(settle.0 - over.0));
        // A group that is still at work sends until the end.
        let is_young =
            |id: &RecordId| self.made.get(id).is_some_and(|at| at.as_micros() > half.as_micros());
        // A send to a topic that is deleted ends with its time.
        let is_gone = |id: &RecordId| self.lag.gone.has(self.context.producer(id.producer).topic);
        let is_young = |id: &RecordId| is_young(id) || is_gone(id);
        let open = self.open.iter().filter(|id| !is_young(id)).count();
        if open == 0 && self.open.iter().any(|id| !is_gone(&id)) {
            self.report.undecided(Some(settle + over), || {
                "what a group had made was on its way when the settle phase ended".to_owned()
            });
        }
        if let Some(first) = self.open.iter().find(|id| !is_young(id)) {
            let context = &self.context;
            self.report.violated(entry, || {
                let first = context.record(first);
                if open == 1 {
                    format!("the send of {first} has no outcome")
                } else {
                    format!("{open} sends have no outcome, the first of {first}")
                }
            });
        }
        let (told, untold): (Vec<_>, Vec<_>) = groups(&self.context)
            .filter(|(id, group)| !self.copies.is_excused(*id) && !group.is_outside())
            .partition(|(id, _)| !self.lag.is_untold(*id));
        if let Some((_, group)) = untold.first() {
            self.report.unjudged(|| format!("{} processed nothing on record", group.name));
        }
        let behind = told.into_iter().map(|(id, group)| {
            let after = self.lag.sums(id, group, entry.at);
            let before = self.lag.back(id, half).filter(|_| over.0 > 0);
            let trend = before.map(|before| Trend { over, before, after });
            self.report.judged(self.lag.logs(group).count());
            (id, self.lag.behind(id, group, entry.at), trend)
        });
        let behind = behind.collect();
        self.verdict = Some(Groups { seq: entry.seq, at: entry.at, settle, behind });
    }

    fn judge_replicas(&mut self, entry: &Entry) {
        for (partition, state) in &self.states {
            let &State { leader: Some(leader), isr, replicas } = state else { continue };
            let topic = &self.context.topics[partition.topic.index()];
            let replicas = replicas.unwrap_or_else(|| usize::from(topic.replication_factor));
            self.report.judged(1);
            if leader.is_some() && isr >= replicas {
                continue;
            }
            self.report.violated(entry, || {
                let what = match leader {
                    None => "has no leader".to_owned(),
                    Some(_) => format!("has {isr} of {replicas} replicas in sync"),
                };
                format!("{} {what} at the end", self.context.partition(*partition))
            });
        }
    }

    /// Decides on a group that had not come to the ends of its logs.
    fn judge_lag(
        &mut self,
        verdict: &Groups,
        id: GroupId,
        behind: &[Behind],
        trend: Option<Trend>,
    ) {
        let context = &self.context;
        let name = context.group(id);
        let total: u64 = behind.iter().map(|one| one.records).sum();
        let Some(trend) = trend else {
            let why = || {
                let total = plural(total, "record");
                format!("{name} is {total} behind, and no settle phase tells whether it catches up")
            };
            self.report.undecided(None, why);
            return;
        };
        if let Some(rest) = trend.rest(total) {
            let needs = longer(verdict.settle, rest);
            self.report.undecided(Some(needs), || {
                let total = plural(total, "record");
                format!(
                    "{name} is {total} behind and is catching up: {}; \"settle\": \"{}s\" would do",
                    trend.words(),
                    needs.as_millis() / 1000
                )
            });
            return;
        }
        for one in behind {
            self.report.violated_at((verdict.seq, verdict.at), || {
                let place = context.partition(one.place);
                let what = match one.at {
                    None => format!(
                        "never had a position in {place}, which holds {}{}",
                        one.end,
                        without_offsets(context, id)
                    ),
                    Some(at) if at < one.worked => format!(
                        "is {} behind in {place}: it has processed up to {} of {} and committed {at}",
                        plural(one.records, "record"),
                        one.worked,
                        one.end
                    ),
                    Some(at) => format!(
                        "is {} behind in {place}: it has come to {at} of {}",
                        plural(one.records, "record"),
                        one.end
                    ),
                };
                format!("{name} {what}, and is not catching up: {}", trend.words())
            });
        }
    }
}

/// A settle phase that is longer by `rest` and a quarter of it, in whole seconds.
fn longer(settle: Micros, rest: Micros) -> Micros {
    const SECOND: u64 = 1_000_000;
    let micros = settle.0.saturating_add(rest.0).saturating_add(rest.0 / 4);
    Micros((micros / SECOND).saturating_add(1).saturating_mul(SECOND))
}

/// Why no group can have a position, where that follows from the settings.
fn without_offsets(context: &Context, group: GroupId) -> String {
    let topic = context.offsets_topic(group);
    let (offsets, brokers) = (&context.topics[topic.index()], context.brokers_beside(topic));
    let wanted = offsets.replication_factor;
    if usize::from(wanted) <= brokers {
        return String::new();
    }
    format!(
        ": {} is not created, with offsets.topic.replication.factor={wanted} and {}",
        offsets.name,
        plural(brokers as u64, "broker")
    )
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        if self.settling.is_some() && self.verdict.is_none() {
            self.lag.sample(&self.context, entry.at);
        }
        self.lag.observe(entry);
        self.copies.observe(entry);
        match &entry.event {
            Event::Phase(Phase::Settle) => {
                self.settling = Some(entry.at);
                self.lag.sample(&self.context, entry.at);
            }
            Event::Phase(Phase::FinalRead) => {
                if let Some(settled) = self.settling {
                    self.judge(entry, settled);
                }
            }
            Event::ProcessEnded(_) => {
                for (index, producer) in self.context.producers.iter().enumerate() {
                    if producer.node == entry.node {
                        let index = u16::try_from(index).expect("a producer's index is a u16");
                        self.open.clear(ProducerIndex(index));
                    }
                }
            }
            Event::Derived { output, .. } => {
                self.made.insert(output.id, entry.at);
            }
            Event::Sent { record, .. } => {
                self.open.insert(record.id);
            }
            Event::Rejected { record, .. } => {
                self.made.remove(&record.id);
                self.open.remove(record.id);
            }
            Event::Acked { records, .. }
            | Event::Failed { records, .. }
            | Event::Unsent { records } => {
                for record in records.iter() {
                    if !self.made.is_empty() {
                        self.made.remove(&record.id);
                    }
                    self.open.remove(record.id);
                }
            }
            Event::TopicDeleted { topic, .. } => {
                self.states.retain(|partition, _| partition.topic != *topic);
            }
            Event::LeaderElected { partition, leader, isr, .. } => {
                let state = self.states.entry(*partition).or_default();
                (state.leader, state.isr) = (Some(*leader), isr.len());
            }
            Event::ReplicasChanged { partition, replicas, .. } => {
                self.states.entry(*partition).or_default().replicas = Some(replicas.len());
            }
            Event::IsrChanged { partition, isr, .. } => {
                self.states.entry(*partition).or_default().isr = isr.len();
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        let Some(mut verdict) = self.verdict.take() else {
            self.report.unjudged(|| {
                "the history has no phase \"settle\" followed by \"final_read\"".to_owned()
            });
            return self.report.finish();
        };
        for (id, behind, trend) in std::mem::take(&mut verdict.behind) {
            let behind = self.lag.cap(behind);
            if !behind.is_empty() {
                self.judge_lag(&verdict, id, &behind, trend);
            }
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
