//! What an operator of the cluster would have seen: the tables of Kafka's own tools at an instant, and metrics.
//! Everything is made of entries of the history. What is not on record stays unknown.
//!
//! - [`brokers`] partitions and brokers as entries tell them · [`groups`] groups · [`counters`] what processes count
//! - [`describe`] the tables at an instant · [`metrics`] samples, of [`families`]

mod brokers;
mod counters;
mod describe;
mod families;
mod groups;
mod metrics;

use crate::world::recorder::Trace;
use ackproof_oracle::context::Context;
use ackproof_oracle::context::GroupPart;
use ackproof_oracle::history::{Entry, Event};
use ackproof_reports::describe::{Described, Details};
use ackproof_reports::openmetrics::Metrics;
use ackproof_types::{GroupId, Micros};
use brokers::Brokers;
use counters::Counters;
use groups::Groups;
use metrics::{Known, Sampler};
use std::sync::{Arc, Mutex, PoisonError};

/// Names under which [`Seen::metrics`] can have samples.
pub fn sample_names() -> impl Iterator<Item = String> {
    families::sample_names()
}

/// A table of one of Kafka's tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `kafka-consumer-groups.sh --describe --all-groups`, with what it is asked to describe.
    Groups(Details),
    /// `kafka-topics.sh --describe --exclude-internal`.
    Topics,
}

/// The name of a group where operators see it; none: it is no group, since a mirror reads without one. What
/// stands for a group in another cluster has the group's name there (Kafka: `MirrorCheckpointTask`).
fn name_of(group: GroupId, context: &Context) -> Option<&str> {
    match context.groups[group.index()].part {
        GroupPart::Application | GroupPart::Outside { .. } => Some(context.group(group)),
        GroupPart::Mirror => None,
        GroupPart::StandsFor(other) => Some(context.group(other)),
    }
}

/// A table that somebody asks for, as it is after everything that happened until an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which.
    pub table: Table,
    /// When.
    pub at: Micros,
}

/// Watches a history for whoever asks for tables.
#[derive(Debug, Default)]
pub struct Operator {
    brokers: Brokers,
    groups: Groups,
    counters: Counters,
    /// Who takes samples; none: nobody asked for metrics.
    sampler: Option<Sampler>,
    /// Those that are still to come.
    looks: Vec<(usize, Look)>,
    seen: Vec<(usize, Described)>,
    /// The last instant.
    end: u64,
    context: Option<Arc<Context>>,
}

/// What an operator saw.
#[derive(Debug)]
pub struct Seen {
    /// The tables, in the order in which they were asked for.
    pub described: Vec<Described>,
    /// Asked for, and later than the end of the history.
    pub too_late: Vec<Look>,
    /// If they were asked for.
    pub metrics: Option<Metrics>,
    /// The end, in microseconds.
    pub end: u64,
}

impl Operator {
    /// One who asks for these tables, and for metrics so far apart.
    #[must_use]
    pub fn new(looks: &[Look], interval: Option<Micros>) -> Self {
        Self {
            looks: looks.iter().copied().enumerate().collect(),
            sampler: interval.map(|interval| Sampler::new(interval.0)),
            ..Self::default()
        }
    }

    /// Takes one entry.
    pub fn observe(&mut self, entry: &Entry, context: &Context) {
        let at = entry.at.as_micros();
        let mut known = self.context.take().unwrap_or_else(|| Arc::new(context.clone()));
        let due = self.looks.extract_if(.., |(_, look)| look.at.0 < at).collect();
        self.look(due, &known);
        self.sample_before(at, &known);
        self.end = at;
        if self.sampler.is_some() {
            self.counters.observe(entry, &self.brokers, &known);
        }
        self.brokers.observe(entry, &known);
        self.groups.observe(entry, &known);
        if let Event::TopicAltered { .. } = entry.event {
            Arc::make_mut(&mut known).alter(&entry.event);
        }
        self.context = Some(known);
    }

    fn sample_before(&mut self, until: u64, context: &Context) {
        let Self { brokers, groups, counters, sampler, .. } = self;
        if let Some(sampler) = sampler {
            sampler.sample_before(until, &mut Known { brokers, groups, counters, context });
        }
    }

    fn look(&mut self, due: Vec<(usize, Look)>, context: &Context) {
        for (number, look) in due {
            let described = describe::describe(look, &self.brokers, &self.groups, context);
            self.seen.push((number, described));
        }
    }

    /// Nothing more will happen.
    #[must_use]
    pub fn conclude(mut self) -> Seen {
        let mut metrics = None;
        if let Some(context) = self.context.take() {
            let end = self.end;
            let due = self.looks.extract_if(.., |(_, look)| look.at.0 <= end).collect();
            self.look(due, &context);
            self.sample_before(end + 1, &context);
            let sampler = self.sampler.take();
            metrics = sampler.map(|sampler| sampler.conclude(end, &self.brokers, &context));
        }
        self.seen.sort_by_key(|(number, _)| *number);
        Seen {
            described: self.seen.into_iter().map(|(_, described)| described).collect(),
            metrics,
            too_late: self.looks.into_iter().map(|(_, look)| look).collect(),
            end: self.end,
        }
    }
}

/// An operator that a run can be given, and that is asked when the run is over.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Operator>>);

impl Shared {
    /// Shares `operator`.
    #[must_use]
    pub fn new(operator: Operator) -> Self {
        Self(Arc::new(Mutex::new(operator)))
    }

    /// Sees every entry, and hands it to `others` after that.
    #[must_use]
    pub fn trace(&self, mut others: Option<Trace>) -> Trace {
        let shared = Arc::clone(&self.0);
        Box::new(move |entry, context| {
            shared.lock().unwrap_or_else(PoisonError::into_inner).observe(entry, context);
            if let Some(others) = &mut others {
                others(entry, context);
            }
        })
    }

    /// What it saw, as [`Operator::conclude`].
    #[must_use]
    pub fn conclude(&self) -> Seen {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).conclude()
    }
}
