//! `ackproof zoo`: known bugs, each switched on and off over the same seeds.

use super::args::Shown;
use super::load::load;
use super::options::{parse_jobs, threads};
use super::output::{for_people, result, talk};
use super::progress::Progress;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::manual::zoo::{Case, case};
use ackproof::study::explore::in_order;
use ackproof::study::zoo::first;
use ackproof_kafka::variant::Variant;
use ackproof_reports::command::quoted;
use ackproof_reports::zoo::{Bug, Exhibit, ZooReport};
use ackproof_reports::{SCHEMA, human, json};
use ackproof_scenario::diagnostic::nearest;
use ackproof_scenario::plan::Plan;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// What `zoo` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Zoo {
    /// The bugs, as `ackproof list variants` has them [default: all].
    #[arg(value_name = "VARIANT")]
    variants: Vec<String>,
    /// Where ackproof's own scenarios are: a clone of its repository.
    #[arg(long, value_name = "DIR", default_value = ".")]
    root: PathBuf,
    /// The most seeds that a bug may take [default: each its own number].
    #[arg(long, value_name = "N")]
    within: Option<u64>,
    /// Threads [default: all cores]. What is found does not depend on them.
    #[arg(long, short, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
}

impl Zoo {
    fn again(&self) -> String {
        let mut words = vec!["ackproof".to_owned(), "zoo".to_owned()];
        words.extend(self.variants.iter().cloned());
        if self.root != Path::new(".") {
            words.extend(["--root".to_owned(), self.root.display().to_string()]);
        }
        if let Some(within) = self.within {
            words.extend(["--within".to_owned(), within.to_string()]);
        }
        quoted(&words)
    }

    fn variants(&self) -> Result<Vec<Variant>, String> {
        let wanted = |name: &String| {
            let mut all = Variant::ALL.iter().copied();
            all.find(|one| one.name() == name).ok_or_else(|| {
                let names = Variant::ALL.iter().map(|one| one.name());
                let hint =
                    nearest(name, names).map_or_else(String::new, |hint| format!("; {hint}"));
                format!("error: no known bug is called \"{name}\"{hint}\n")
            })
        };
        if self.variants.is_empty() {
            return Ok(Variant::ALL.to_vec());
        }
        self.variants.iter().map(wanted).collect()
    }

    /// The case, with what it runs when the bug is on and when it is off.
    fn prepare(&self, variant: Variant) -> Result<(Case, Plan, Plan), String> {
        let mut case =
            case(variant).ok_or_else(|| format!("error: no scenario shows \"{variant}\"\n"))?;
        case.within = self.within.unwrap_or(case.within);
        let file = self.root.join(case.scenario);
        if !file.exists() {
            let hint = "run this in a clone of ackproof's repository, or name one with --root";
            return Err(format!("error: {} is not there; {hint}\n", file.display()));
        }
        let plan = |variants: String| {
            let mut sets: Vec<(String, String)> = case
                .sets
                .iter()
                .map(|(path, value)| (path.to_string(), value.to_string()))
                .collect();
            sets.push(("variants".to_owned(), variants));
            let all = load(std::slice::from_ref(&file), &sets)?;
            all.into_iter()
                .next()
                .map(|one| one.plan)
                .ok_or_else(|| "error: no scenario\n".to_owned())
        };
        Ok((case, plan(format!("[\"{variant}\"]"))?, plan("[]".to_owned())?))
    }
}

pub(crate) fn zoo(arguments: &Zoo) -> Status {
    let prepared = arguments.variants().and_then(|variants| {
        let prepare = |one: Variant| Ok::<_, String>((one, arguments.prepare(one)?));
        variants.into_iter().map(prepare).collect::<Result<Vec<_>, String>>()
    });
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let stop = stop_on_interrupt();
    let mut progress = Progress::new(Some(prepared.len() as u64), None, false);
    let (mut bugs, mut crashed) = (Vec::new(), None);
    in_order(
        prepared.into_iter(),
        threads(arguments.jobs),
        &stop,
        |(variant, case)| bug(*variant, case),
        |_, found| {
            match found.and_then(|found| found) {
                Ok(bug) => bugs.push(bug),
                Err(panic) => crashed = Some(panic),
            }
            progress.step(false);
            ControlFlow::Continue(())
        },
    );
    progress.finish();
    if let Some(panic) = crashed {
        talk(&format!("error: {panic}\n"));
        return Status::Internal;
    }
    // It shows when it is on, and only then.
    let shows = |one: &Exhibit| one.seeds.is_some() && one.loud.is_none();
    let caught = bugs.iter().filter(|bug| shows(&bug.exhibit)).count() as u64;
    let interrupted = stop.load(Ordering::Relaxed);
    let missed = caught < bugs.len() as u64;
    let reproduce = arguments.again();
    let report = ZooReport { schema: SCHEMA, bugs, caught, interrupted, reproduce };
    let shown = match arguments.format {
        Shown::Human => for_people(&human::zoo(&report)),
        Shown::Json => result(&json::zoo(&report)),
    };
    let status = if missed { Status::Violated } else { Status::Met };
    let ended = if interrupted { Status::Interrupted } else { Status::Met };
    status.max(ended).max(shown)
}

fn bug(variant: Variant, (case, on, off): &(Case, Plan, Plan)) -> Result<Bug, String> {
    Ok(Bug {
        variant: variant.name().to_owned(),
        about: variant.about().to_owned(),
        exhibit: exhibit(case, on, off)?,
    })
}

fn exhibit(case: &Case, on: &Plan, off: &Plan) -> Result<Exhibit, String> {
    let look = |plan| {
        first(plan, case.within, |findings| case.shown.by(findings))
            .map_err(|(seed, failure)| format!("{} seed {seed}: {failure}", case.scenario))
    };
    let ((seed, simulated), (loud, _)) = (look(on)?, look(off)?);
    Ok(Exhibit {
        shown: case.shown.words().replace('`', ""),
        scenario: case.scenario.to_owned(),
        sets: case.sets.iter().map(|(path, value)| format!("{path}={value}")).collect(),
        within: case.within,
        seeds: seed.map(|seed| seed + 1),
        simulated_s: simulated.0 / 1_000_000,
        loud,
    })
}
