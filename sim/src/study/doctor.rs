//! What `.properties` files promise and risk, without a scenario: a cluster is built around them, and what is
//! known of their settings is put together. It runs nothing and reads no file.
//!
//! - [`files`] whose file it is, its settings, and where the value of a plan comes from · [`around`] the cluster
//! - [`traps`] what is known to lose records

mod around;
pub mod files;
mod traps;

use crate::world::document;
use ackproof_reports::SCHEMA;
use ackproof_reports::doctor::{DoctorReport, FileReport, Mistake, Trap, Weight};
use ackproof_reports::sweep::ScenarioReport;
use ackproof_reports::verdict::Verdict;
use ackproof_scenario::diagnostic::{Diagnostic, Severity};
use ackproof_scenario::plan::Plan;
use ackproof_types::KafkaVersion;
use files::{Files, Given};

/// What the messages call the scenario around the files.
const NAME: &str = "doctor";

/// Files with the cluster around them.
#[derive(Debug)]
pub struct Examined {
    files: Files,
    kafka: KafkaVersion,
    /// None: Kafka refuses the files.
    plan: Option<Plan>,
    mistakes: Vec<Mistake>,
    assumed: Vec<String>,
}

/// Reads files; `sets` are put over the scenario that is built around them.
///
/// # Errors
/// Files that nobody can tell apart.
pub fn examine(given: Vec<Given>, sets: &[(String, String)]) -> Result<Examined, String> {
    let kafka = sets.iter().rev().find(|(path, _)| path == "kafka");
    let kafka = kafka.and_then(|(_, name)| KafkaVersion::of(name)).unwrap_or_default();
    let files = Files::new(given, kafka)?;
    let scenario = around::scenario(&files, kafka);
    let mut all = around::substitutes(&files);
    all.extend_from_slice(sets);
    let reader = |name: &str| files.text(name);
    let loaded = document::load_reading(&scenario, (NAME, &reader), &all);
    let (plan, found) = match loaded {
        Ok((plan, found)) => (Some(plan), found),
        Err(found) => (None, found),
    };
    let plan = plan.map(|mut plan| {
        around::open(&mut plan, &files, kafka);
        plan
    });
    let mut mistakes: Vec<Mistake> = found.iter().map(mistake).collect();
    mistakes.dedup();
    let assumed = around::assumed(plan.as_ref(), &files, kafka);
    Ok(Examined { files, kafka, plan, mistakes, assumed })
}

fn mistake(found: &Diagnostic) -> Mistake {
    let Diagnostic { severity, file, line, column, path, message, hint, .. } = found;
    // What stands in no file is named by its path.
    let place = if file == NAME { path.clone() } else { format!("{file}:{line}:{column}") };
    let refused = *severity == Severity::Error;
    Mistake { refused, place, says: message.clone(), hint: hint.clone() }
}

impl Examined {
    /// What to run, if Kafka starts with these files.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// The report, with what a search has shown and the command that shows it again.
    #[must_use]
    pub fn report(
        &self,
        search: Option<ScenarioReport>,
        interrupted: bool,
        reproduce: String,
    ) -> DoctorReport {
        let files = self.files.all().iter().map(|one| FileReport {
            file: one.file.clone(),
            scope: one.scope.name().to_owned(),
            settings: one.settings(self.kafka),
        });
        let mut search = search;
        if let Some(contract) = search.as_mut().and_then(|search| search.contract.as_mut()) {
            let promises = contract.promises.iter_mut();
            let possible = contract.possible.iter_mut().map(|one| &mut one.clause);
            for clause in promises.chain(possible) {
                for setting in &mut clause.settings {
                    *setting = self.files.whence(setting, self.kafka);
                }
            }
        }
        let traps = self.plan.as_ref().map(|plan| traps::traps(plan, &self.files, self.kafka));
        let traps = traps.unwrap_or_default();
        let verdict = search.as_ref().map(|search| search.verdict.max(of(&traps)));
        DoctorReport {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kafka: self.kafka.name().to_owned(),
            files: files.collect(),
            assumed: self.assumed.clone(),
            mistakes: self.mistakes.clone(),
            traps,
            search,
            verdict,
            interrupted,
            reproduce,
        }
    }
}

/// What the traps alone come to.
fn of(traps: &[Trap]) -> Verdict {
    let one = |trap: &Trap| match trap.weight {
        Weight::Trap => Verdict::Violated,
        Weight::Open => Verdict::Inconclusive,
        Weight::Depends => Verdict::Met,
    };
    traps.iter().map(one).max().unwrap_or(Verdict::Met)
}
