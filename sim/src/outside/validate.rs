//! Is the model right about the real thing? Holds real histories of a scenario against its simulated runs.
//!
//! - *A property* differs if so many violations, or so few, among the real runs that judged it have a
//!   probability below 2.5 % under every rate of the simulation's Clopper-Pearson interval. Where either
//!   side judged nothing there is nothing to compare.
//! - *A figure* lies inside if it lies in the range of 95 % of the simulated runs, ends included. Where
//!   either side does not tell it there is nothing to compare.
//! - *All figures together* differ if more lie outside than chance leaves there ([`mod@together`]).
//!
//! Neither side is taken for right.

mod figures;
mod fit;
mod known;
mod together;

pub use known::Known;

use super::check::{Checked, timing};
use crate::study::statistics::{plausibility, proportion};
use crate::world::bounds::Failure;
use crate::world::document::context;
use ackproof_oracle::context::Context;
use ackproof_reports::SCHEMA;
use ackproof_reports::run::{GroupReport, PropertyReport, Records, RunReport};
use ackproof_reports::sweep::SeedRange;
use ackproof_reports::validate::{
    Agreement, FigureUnit, LeftOut, PropertyMatch, ValidateReport, Validated,
};
use ackproof_reports::verdict::Judgement;
use ackproof_scenario::plan::Plan;
use figures::{Measured, Name, figures, place};
use std::collections::BTreeMap;
use together::together;

/// What is less probable differs.
const DOUBTED: f64 = 0.025;

/// The two sides of a scenario, so far.
#[derive(Debug)]
pub struct Validation {
    name: String,
    about: String,
    file: String,
    context: Context,
    histories: Vec<String>,
    properties: Vec<Sides>,
    figures: Vec<(Name, Vec<Option<f64>>, Vec<f64>)>,
    runs: u64,
    failed: u64,
    known: BTreeMap<String, String>,
}

/// What both sides conclude of a property.
#[derive(Debug)]
struct Sides {
    name: String,
    real: Vec<Judgement>,
    unjudged: Vec<String>,
    /// Simulated runs: violated, held, vacuous.
    violated: u64,
    held: u64,
    vacuous: u64,
}

impl Validation {
    /// Of a scenario that nothing is known of yet.
    #[must_use]
    pub fn new(plan: &Plan, file: &str) -> Self {
        Self {
            name: plan.name.clone(),
            about: plan.about.clone(),
            file: file.to_owned(),
            context: context(plan),
            histories: Vec::new(),
            properties: Vec::new(),
            figures: Vec::new(),
            runs: 0,
            failed: 0,
            known: BTreeMap::new(),
        }
    }

    /// Takes the figures that are known to differ, by name, with the reasons.
    pub fn known(&mut self, figures: BTreeMap<String, String>) {
        self.known = figures;
    }

    /// Takes the history of a real run.
    ///
    /// # Errors
    /// Why it cannot be one of this scenario.
    pub fn real(&mut self, file: &str, checked: &Checked) -> Result<(), String> {
        if let Some(why) = fit::misfit(&self.context, &checked.context) {
            return Err(format!("it is not a history of {}: {why}", self.file));
        }
        let findings = &checked.findings;
        let records: Records = (&findings.records).into();
        let groups: Vec<GroupReport> = findings.groups.iter().map(GroupReport::from).collect();
        let timing = &timing(findings, &checked.context);
        let (records, groups) = (&records, groups.as_slice());
        let run = Measured { records, groups, timing, read: checked.read, complete: false };
        for (name, value) in figures(&run) {
            self.figure(name).1.push(value);
        }
        for result in &findings.properties {
            let sides = self.property(result.name);
            sides.real.push(result.judgement.into());
            let why = result.unjudged.clone();
            sides.unjudged.extend(why.filter(|why| !sides.unjudged.contains(why)));
        }
        self.histories.push(file.to_owned());
        Ok(())
    }

    /// Takes a simulated run.
    pub fn simulated(&mut self, run: Result<&RunReport, &Failure>) {
        let Ok(run) = run else {
            self.failed += 1;
            return;
        };
        self.runs += 1;
        let RunReport { records, groups, timing, .. } = run;
        let measured = Measured { records, groups, timing, read: true, complete: true };
        for (name, value) in figures(&measured) {
            self.figure(name).2.extend(value);
        }
        for PropertyReport { name, verdict, .. } in &run.properties {
            let sides = self.property(name);
            match verdict {
                Judgement::Violated => sides.violated += 1,
                Judgement::Held => sides.held += 1,
                Judgement::Vacuous => sides.vacuous += 1,
            }
        }
    }

    fn figure(&mut self, name: Name) -> &mut (Name, Vec<Option<f64>>, Vec<f64>) {
        let known = self.figures.iter().position(|(other, ..)| *other == name);
        let index = known.unwrap_or_else(|| {
            self.figures.push((name, Vec::new(), Vec::new()));
            self.figures.len() - 1
        });
        &mut self.figures[index]
    }

    fn property(&mut self, name: &str) -> &mut Sides {
        let known = self.properties.iter().position(|other| other.name == name);
        let index = known.unwrap_or_else(|| {
            let (real, unjudged) = (Vec::new(), Vec::new());
            let (violated, held, vacuous) = (0, 0, 0);
            let name = name.to_owned();
            self.properties.push(Sides { name, real, unjudged, violated, held, vacuous });
            self.properties.len() - 1
        });
        &mut self.properties[index]
    }

    /// What the two sides come to.
    #[must_use]
    pub fn conclude(self) -> Validated {
        let (figures, known) = (self.figures.into_iter(), self.known);
        let figures = figures.map(|(name, real, simulated)| {
            let why = known.get(name.0).cloned();
            place(name, real, simulated, why)
        });
        let mut validated = Validated {
            scenario: self.name,
            about: self.about,
            file: self.file,
            agreement: Agreement::NotCompared,
            histories: self.histories,
            runs: self.runs,
            failed: self.failed,
            properties: self.properties.into_iter().map(Sides::conclude).collect(),
            figures: figures.collect(),
        };
        let places = validated.places();
        let any = |wanted| validated.properties.iter().any(|one| one.agreement == wanted);
        validated.agreement = if any(Agreement::Differs) {
            Agreement::Differs
        } else if places.inside + places.outside > 0 || any(Agreement::Agrees) {
            Agreement::Agrees
        } else {
            Agreement::NotCompared
        };
        validated
    }
}

impl Sides {
    fn conclude(self) -> PropertyMatch {
        let Self { name, real, unjudged, violated, held, vacuous } = self;
        let of = |wanted: Judgement| real.iter().filter(|one| **one == wanted).count() as u64;
        let (seen, judged) = (of(Judgement::Violated), real.len() as u64 - of(Judgement::Vacuous));
        let rate = (violated + held > 0).then(|| proportion(violated, violated + held));
        let probability = rate.filter(|_| judged > 0).map(|rate| plausibility(seen, judged, rate));
        let agreement = match probability {
            None => Agreement::NotCompared,
            Some(probability) if probability < DOUBTED => Agreement::Differs,
            Some(_) => Agreement::Agrees,
        };
        PropertyMatch {
            name,
            agreement,
            real,
            unjudged,
            violated,
            held,
            vacuous,
            rate,
            probability,
        }
    }
}

/// The report on all scenarios.
#[must_use]
pub fn report(
    scenarios: Vec<Validated>,
    seeds: SeedRange,
    interrupted: bool,
    left_out: Vec<LeftOut>,
    reproduce: String,
) -> ValidateReport {
    let counts = together(&scenarios, FigureUnit::Count);
    let times = together(&scenarios, FigureUnit::Milliseconds);
    let each = scenarios.iter().map(|one| one.agreement);
    let all: Vec<Agreement> = each.chain([counts.agreement, times.agreement]).collect();
    let agreement = match all.iter().max() {
        Some(Agreement::Differs) => Agreement::Differs,
        // A scenario of which nothing is known is not held; one that has no times has said what it has.
        _ if scenarios.iter().any(|one| one.agreement == Agreement::NotCompared) => {
            Agreement::NotCompared
        }
        _ if all.contains(&Agreement::Agrees) => Agreement::Agrees,
        _ => Agreement::NotCompared,
    };
    ValidateReport {
        schema: SCHEMA,
        seeds,
        interrupted,
        agreement,
        counts,
        times,
        scenarios,
        left_out,
        reproduce,
    }
}

#[cfg(test)]
mod tests;
