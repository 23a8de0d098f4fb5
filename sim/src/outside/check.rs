//! Judges a history from anywhere: the oracle's findings against what is expected of every history, that
//! nothing promised is broken and that delivery could be judged at all. It knows no scenario and no run.

use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::jsonl::{Problem, Reader};
use ackproof_oracle::judge::Judge;
use ackproof_oracle::partitions::Read;
use ackproof_oracle::verdict::{self as oracle, Findings, PropertyResult, Subject};
use ackproof_reports::SCHEMA;
use ackproof_reports::check::CheckReport;
use ackproof_reports::run::{CauseReport, GroupReport, Moment, PropertyReport};
use ackproof_reports::timing::Timing;
use ackproof_reports::verdict::{Expected, Reason, Verdict};
use ackproof_types::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::sync::Arc;

/// A history that was read and judged.
#[derive(Debug)]
pub struct Checked {
    /// What the oracle concludes.
    pub findings: Findings,
    /// Who took part.
    pub context: Arc<Context>,
    /// From the first event to the last.
    pub span: Timestamp,
    /// Every log that a producer writes to was read to its end.
    pub read: bool,
}

/// Reads and judges a history; tells of `subjects`, which an earlier reading found.
///
/// # Errors
/// The first mistake in it.
pub fn read(input: impl BufRead, subjects: &[Subject]) -> Result<Checked, Problem> {
    read_watching(input, subjects, |_, _| {})
}

/// As [`read`]; `watch` sees every entry.
///
/// # Errors
/// As [`read`].
pub fn read_watching(
    input: impl BufRead,
    subjects: &[Subject],
    mut watch: impl FnMut(&Entry, &Context),
) -> Result<Checked, Problem> {
    let mut reader = Reader::open(input)?;
    let context = Arc::clone(reader.context());
    let mut judge = if subjects.is_empty() {
        Judge::new(Arc::clone(&context))
    } else {
        Judge::telling(Arc::clone(&context), subjects)
    };
    let (mut span, mut read) = (Timestamp::START, Read::new(&context));
    while let Some(entry) = reader.entry()? {
        span = entry.at;
        judge.observe(&entry);
        watch(&entry, &context);
        let is_void = matches!(entry.event, Event::FinalReadDone { partition, .. }
            if judge.disbelieves(partition));
        if !is_void {
            read.observe(&entry.event);
        }
    }
    let written = context.producers.iter().map(|producer| producer.topic);
    let read = written.collect::<BTreeSet<_>>().into_iter().all(|topic| read.is_whole(topic));
    Ok(Checked { findings: judge.conclude(), context, span, read })
}

/// What the oracle concludes of a history that is at hand.
#[must_use]
pub fn judged(entries: &[Entry], context: &Arc<Context>) -> Findings {
    let mut judge = Judge::new(Arc::clone(context));
    entries.iter().for_each(|entry| judge.observe(entry));
    judge.conclude()
}

/// Reads a history whole.
///
/// # Errors
/// The first mistake in it.
pub fn whole(input: impl BufRead) -> Result<(Vec<Entry>, Arc<Context>), Problem> {
    let mut reader = Reader::open(input)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.entry()? {
        entries.push(entry);
    }
    Ok((entries, Arc::clone(reader.context())))
}

/// Decides; what `expect` does not name must hold.
#[must_use]
pub fn report(file: &str, checked: &Checked, expect: &BTreeMap<String, Expected>) -> CheckReport {
    let Checked { findings, context, span, .. } = checked;
    let expected =
        |result: &PropertyResult| expect.get(result.name).copied().unwrap_or(Expected::Held);
    let mut reasons = Vec::new();
    for result in &findings.properties {
        let demanded = expect.contains_key(result.name) || matters(context, result.name);
        let Some((verdict, text)) = decide(result, expected(result), demanded) else { continue };
        reasons.push(Reason { expectation: result.name.to_owned(), verdict, text });
    }
    // Those of the verdict's own rank first.
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
    let properties = findings.properties.iter();
    let unjudged = properties.clone().filter_map(|result| {
        let undecided = result.undecided.as_ref().map(|one| &one.why);
        let why = undecided.or(result.unjudged.as_ref())?;
        Some((result.name.to_owned(), why.clone()))
    });
    let witnesses = findings.witnesses.iter().map(|(name, count)| ((*name).to_owned(), *count));
    CheckReport {
        schema: SCHEMA,
        history: file.to_owned(),
        verdict: reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Met),
        reasons,
        properties: properties
            .map(|one| PropertyReport::new(one, expected(one), Vec::new()))
            .collect(),
        unjudged: unjudged.collect(),
        records: (&findings.records).into(),
        groups: findings.groups.iter().map(GroupReport::from).collect(),
        causes: CauseReport::all(findings),
        witnesses: witnesses.collect(),
        span_ms: span.as_millis(),
        entries: findings.entries,
        timeline: findings.timeline.iter().map(Moment::from).collect(),
        timeline_omitted: findings.timeline_omitted,
        timing: timing(findings, context),
        alerts: None,
    }
}

/// A group without anything processed on record is not said to have stood still.
pub(crate) fn timing(findings: &Findings, context: &Context) -> Timing {
    let groups = findings.groups.iter();
    let mut timing = Timing::of(&findings.pace, context);
    for (group, timing) in groups.zip(&mut timing.groups).filter(|(group, _)| group.processed == 0)
    {
        debug_assert_eq!(group.group, timing.group, "both in the order of the context");
        timing.reads = None;
        timing.reads_because = None;
    }
    timing
}

/// Whether a history in which this property judged nothing says nothing of delivery.
fn matters(context: &Context, property: &str) -> bool {
    match property {
        "acked-durability" => true,
        "at-least-once" => !context.groups.is_empty(),
        _ => false,
    }
}

fn decide(
    result: &PropertyResult,
    expected: Expected,
    demanded: bool,
) -> Option<(Verdict, String)> {
    use oracle::Judgement::{Held, Vacuous, Violated};
    let name = result.name;
    let why = result.unjudged.as_deref().unwrap_or("it says nothing of it");
    match (expected, result.judgement) {
        (Expected::Held, Violated) => Some((Verdict::Violated, format!("{name} is violated"))),
        (Expected::Held, Vacuous) if result.undecided.is_some() => {
            let why = result.undecided.as_ref().map_or("", |one| one.why.as_str());
            Some((Verdict::Inconclusive, format!("{name} is undecided: {why}")))
        }
        (Expected::Held, Vacuous) if demanded => {
            Some((Verdict::Inconclusive, format!("{name} judged nothing: {why}")))
        }
        // What it left alone may be what was asked for.
        (Expected::Held, Held) if demanded && result.unjudged.is_some() => {
            Some((Verdict::Inconclusive, format!("{name} did not judge everything: {why}")))
        }
        (Expected::Violated, Held) => {
            let text = format!("{name} holds, and was expected to be violated");
            Some((Verdict::Violated, text))
        }
        (Expected::Violated, Vacuous) => {
            let text = format!("{name} was expected to be violated, and judged nothing: {why}");
            Some((Verdict::Inconclusive, text))
        }
        (Expected::Held, Held | Vacuous) | (Expected::Violated, Violated) => None,
        (Expected::MayViolate, _) => None,
    }
}
