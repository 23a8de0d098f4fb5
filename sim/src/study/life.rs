//! The life of one record: which one somebody asks for, and what a whole history says of it. The history is a
//! run's or comes from elsewhere.

use crate::world::bounds::{Bounds, Failure};
use crate::world::recorder::Trace;
use crate::world::run::run_within;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_oracle::jsonl::nearest;
use ackproof_oracle::judge::Judge;
use ackproof_oracle::life::{self, Life, Part};
use ackproof_oracle::verdict::Findings;
use ackproof_reports::SCHEMA;
use ackproof_reports::life::{LifeCause, LifePart, LifeReport, LifeStep};
use ackproof_scenario::plan::Plan;
use ackproof_types::{Offset, ProducerIndex, RecordId, TopicId, TopicPartition};
use std::sync::{Arc, Mutex, PoisonError};

/// A history that is kept whole, and what the oracle concludes from it.
#[derive(Debug)]
pub struct Whole {
    entries: Vec<Entry>,
    context: Arc<Context>,
    findings: Findings,
}

/// Which record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// The one of the first violation, else the one processed most often.
    Telling,
    /// `billing-0#117`.
    Record(&'a str),
    /// What lay last at `payments-0@117`.
    At(&'a str),
}

/// Where the history comes from, and how to see it again.
#[derive(Clone, Debug)]
pub struct Source {
    /// The scenario's name, or the file of the history.
    pub of: String,
    /// None: a history.
    pub seed: Option<u64>,
    /// The command.
    pub reproduce: String,
}

impl Whole {
    /// Judges `entries`, which are all.
    #[must_use]
    pub fn of(entries: Vec<Entry>, context: Arc<Context>) -> Self {
        let mut judge = Judge::new(Arc::clone(&context)).explaining();
        entries.iter().for_each(|entry| judge.observe(entry));
        Self { findings: judge.conclude(), entries, context }
    }

    /// All of it, in order.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Who took part.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Runs `seed` of `plan`.
    ///
    /// # Errors
    /// Why there is no run.
    pub fn run(plan: &Plan, seed: u64, bounds: &Bounds) -> Result<Self, Failure> {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let into = Arc::clone(&kept);
        let trace: Trace = Box::new(move |entry, _| {
            into.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        });
        let outcome = run_within(plan, seed, Some(trace), bounds)?;
        let entries = std::mem::take(&mut *kept.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(Self { entries, context: outcome.context, findings: outcome.findings })
    }

    /// The life that is asked for; none: nobody asked for a certain record, and nothing went wrong.
    ///
    /// # Errors
    /// There is no such record, and what there is.
    pub fn life(&self, ask: Ask<'_>, source: Source) -> Result<Option<LifeReport>, String> {
        let record = match ask {
            Ask::Telling => life::most_telling(&self.findings),
            Ask::Record(text) => Some((self.record(text)?, "")),
            Ask::At(text) => Some((self.at(text)?, "")),
        };
        let Some((record, because)) = record else { return Ok(None) };
        let life = Life::of(&self.entries, &self.context, &self.findings, record);
        let life = life.ok_or_else(|| self.never(record))?;
        Ok(Some(self.report(&life, because, source)))
    }

    fn record(&self, text: &str) -> Result<RecordId, String> {
        let parts = text.rsplit_once('#');
        let (name, number) = parts
            .and_then(|(name, number)| Some((name, number.parse::<u32>().ok()?)))
            .ok_or_else(|| format!("{text:?} is not a record like billing-0#117"))?;
        let known = || self.context.producers.iter().map(|producer| producer.name.as_str());
        let index = known().position(|other| other == name).ok_or_else(|| {
            let hint = hint(nearest(name, known()));
            format!("there is no producer {name:?}{hint}")
        })?;
        let producer = ProducerIndex(u16::try_from(index).unwrap_or(u16::MAX));
        Ok(RecordId { producer, number })
    }

    fn at(&self, text: &str) -> Result<RecordId, String> {
        let malformed = || format!("{text:?} is not a place like payments-0@117");
        let (place, offset) = text.rsplit_once('@').ok_or_else(malformed)?;
        let offset: u32 = offset.parse().map_err(|_| malformed())?;
        let (topic, number) = place.rsplit_once('-').ok_or_else(malformed)?;
        let number: u16 = number.parse().map_err(|_| malformed())?;
        let known = || self.context.topics.iter().map(|topic| topic.name.as_str());
        let index = known().position(|other| other == topic).ok_or_else(|| {
            let hint = hint(nearest(topic, known()));
            format!("there is no topic {topic:?}{hint}")
        })?;
        let partition =
            TopicPartition::new(TopicId(u16::try_from(index).unwrap_or(u16::MAX)), number);
        let found = life::at(&self.entries, partition, Offset(i64::from(offset)));
        found.ok_or_else(|| {
            let ends = self.entries.iter().filter_map(|entry| match &entry.event {
                Event::Appended { partition: at, next_offset, .. } if *at == partition => {
                    Some(next_offset.0)
                }
                _ => None,
            });
            match ends.max() {
                Some(end) => format!(
                    "no record is on record at {text}: {place} has had offsets 0 to {}",
                    end - 1
                ),
                None => format!("no record is on record at {text}: nothing was written to {place}"),
            }
        })
    }

    fn never(&self, record: RecordId) -> String {
        let sent = self.entries.iter().filter_map(|entry| match &entry.event {
            Event::Sent { record: one, .. } if one.id.producer == record.producer => {
                Some(one.id.number)
            }
            _ => None,
        });
        let producer = &self.context.producer(record.producer).name;
        let name = self.context.record(record);
        match sent.max() {
            Some(last) => format!("{name} was never sent: {producer} sent 0 to {last}"),
            None => format!("{name} was never sent: {producer} sent nothing"),
        }
    }

    fn report(&self, life: &Life, because: &str, source: Source) -> LifeReport {
        let place = |(partition, offset): &(TopicPartition, Offset)| {
            format!("{}@{offset}", self.context.partition(*partition))
        };
        let causes = life.causes.iter().map(|one| LifeCause {
            name: one.name.to_owned(),
            about: one.about.clone(),
            of: one.of.clone(),
        });
        let steps = life.steps.iter().map(|step| LifeStep {
            at_us: step.at.as_micros(),
            entry: step.seq,
            node: self.context.node(step.node).to_owned(),
            part: match step.part {
                Part::Step => LifePart::Step,
                Part::Cause => LifePart::Cause,
            },
            left_out: step.left_out as u64,
            text: step.text.clone(),
        });
        LifeReport {
            schema: SCHEMA,
            of: source.of,
            seed: source.seed,
            record: self.context.record(life.record),
            because: (!because.is_empty()).then(|| because.to_owned()),
            places: life.places.iter().map(place).collect(),
            outcome: life.outcome.clone(),
            causes: causes.collect(),
            steps: steps.collect(),
            reproduce: source.reproduce,
        }
    }
}

fn hint(nearest: Option<String>) -> String {
    nearest.map_or_else(String::new, |nearest| format!("; {nearest}"))
}
