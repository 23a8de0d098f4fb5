//! How a small failure comes about, in ten lines at most: as the oracle tells it of a record, or else what
//! clients, leaders and faults did until it was found.

use super::failure::Failure;
use super::seed_of;
use crate::world::document;
use crate::world::recorder::Trace;
use crate::world::run::run;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, Phase};
use ackproof_oracle::verdict::{Duplicate, Findings};
use ackproof_scenario::plan::Plan;
use ackproof_types::{RecordId, RecordSlice, TopicPartition};
use std::sync::{Arc, Mutex, PoisonError};

/// Most lines.
const LINES: usize = 10;

/// The story of `failure` in a run of `plan` that ended in `findings`.
pub(crate) fn story(failure: &Failure, plan: &Plan, findings: &Findings) -> Vec<String> {
    let violation = failure.violation(findings);
    let duplicate = failure.duplicate(findings);
    let again = duplicate.map(|(_, one)| one.story.clone());
    let told = violation.map(|one| one.story.clone()).or(again).unwrap_or_default();
    let until = violation.map_or(u64::MAX, |one| one.seq);
    let mut lines = if told.is_empty() { happened(plan, until) } else { told };
    let last = violation.map(|one| one.summary.clone());
    let last = last.or_else(|| {
        let (cause, Duplicate { subject, .. }) = duplicate?;
        let name = names(&[subject.record], &document::context(plan));
        Some(format!("{name} was processed again: {} ({})", cause.about(), cause.name()))
    });
    let room = LINES - usize::from(last.is_some());
    if lines.len() > room {
        // How it began and how it ended.
        let cut = lines.len() - room + 1;
        lines.splice(room / 2..room / 2 + cut, ["…".to_owned()]);
    }
    lines.extend(last);
    lines.into_iter().map(|line| line.trim().to_owned()).collect()
}

/// What happened in the run up to the entry `until`, as far as it matters to records.
fn happened(plan: &Plan, until: u64) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&lines);
    let trace: Trace = Box::new(move |entry: &Entry, context: &Context| {
        if entry.seq <= until
            && let Some(words) = words(entry, context)
        {
            let ms = entry.at.as_millis();
            let line = format!("{}.{:03}s  {words}", ms / 1000, ms % 1000);
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        }
    });
    if run(plan, seed_of(plan), Some(trace)).is_err() {
        return Vec::new();
    }
    let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut *lines)
}

fn words(entry: &Entry, context: &Context) -> Option<String> {
    let node = context.node(entry.node);
    let place = |partition: &TopicPartition| {
        let topic = context.topics.get(partition.topic.index());
        let topic = topic.map_or("", |topic| topic.name.as_str());
        // Where groups keep their commits says nothing of records.
        let is_ours = !context.keeps_offsets(partition.topic);
        is_ours.then(|| format!("{topic}-{}", partition.partition))
    };
    let all = |records: &RecordSlice| {
        let ids: Vec<RecordId> = records.iter().map(|record| record.id).collect();
        names(&ids, context)
    };
    Some(match &entry.event {
        Event::FaultStarted { text, .. } => text.to_string(),
        Event::Phase(Phase::Settle) => "the load is over, and every fault with it".to_owned(),
        Event::Sent { record, .. } => format!("{} is sent", names(&[record.id], context)),
        Event::Acked { records, .. } => format!("{} is acknowledged", all(records)),
        Event::Failed { records, error, .. } => format!("{} fails: {error}", all(records)),
        Event::Unsent { records } => {
            format!("the application ends; {} never left the buffer", all(records))
        }
        Event::Retried { first, error, .. } => {
            format!("{node} sends {} again: {error}", names(&[first.id], context))
        }
        Event::Appended { partition, base_offset, records, as_leader: true, .. } => {
            let (place, records) = (place(partition)?, all(records));
            format!("{node} appends {records} as leader of {place} at offset {}", base_offset.0)
        }
        Event::Truncated { partition, from, to } => {
            format!("{node} truncates {} from {} to {}", place(partition)?, from.0, to.0)
        }
        Event::TailLost { partition, from, to, .. } => {
            format!("{node} loses {} from {} to {}", place(partition)?, to.0, from.0)
        }
        Event::LogDeleted { partition, .. } => {
            format!("{node} deletes its log of {}", place(partition)?)
        }
        Event::LogStartMoved { partition, to, .. } => {
            format!("{node} deletes what {} has below {}", place(partition)?, to.0)
        }
        Event::LogCompacted { partition, to, .. } => {
            format!("{node} compacts {} up to {}", place(partition)?, to.0)
        }
        Event::LogDamaged { partition, from, to } => {
            let place = place(partition)?;
            format!("bytes of {place} from {} below {} go wrong on {node}", from.0, to.0)
        }
        Event::LogDirFailed { dir, halts, .. } => {
            let end = if *halts { ", and ends" } else { "" };
            format!("{node} gives up log directory {dir}{end}")
        }
        Event::LeaderElected { partition, leader: Some(leader), epoch, .. } if epoch.0 > 0 => {
            format!("broker-{} is elected for {} (epoch {})", leader.0, place(partition)?, epoch.0)
        }
        Event::Polled { partition, records, .. } => {
            format!("{node} polls {} of {}", all(records), place(partition)?)
        }
        Event::Processed { record, .. } => {
            format!("{node} processes {}", names(&[record.id], context))
        }
        Event::Committed { offsets, .. } => {
            let (partition, offset) = offsets.iter().find(|(_, offset)| offset.0 > 0)?;
            format!("{node} commits {} up to {}", place(partition)?, offset.0)
        }
        _ => return None,
    })
}

/// `billing-0#1`, `billing-0#1..3`.
fn names(ids: &[RecordId], context: &Context) -> String {
    let (Some(first), Some(last)) = (ids.first(), ids.last()) else { return "nothing".to_owned() };
    let producer = context.producers.get(usize::from(first.producer.0));
    let name = producer.map_or("", |one| one.name.as_str());
    if ids.len() == 1 {
        format!("{name}#{}", first.number)
    } else {
        format!("{name}#{}..{}", first.number, last.number)
    }
}
