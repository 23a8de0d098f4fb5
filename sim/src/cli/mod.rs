//! The command line: from what was typed to an exit status.
//!
//! Results go to stdout, talk to stderr.

pub(crate) mod args;
mod assess;
mod show;

use ackproof::run::run;
use ackproof_kafka::variant::Variant;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use args::{Arguments, Command, Format, Run};
use assess::{Verdict, assess};
use std::io::Write;
use std::path::Path;

/// Exit statuses, in order of precedence: the worst wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Status {
    Met,
    Inconclusive,
    Violated,
    Usage,
    NonDeterministic,
    Internal,
}

impl Status {
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Met => 0,
            Self::Violated => 1,
            Self::Usage => 2,
            Self::Inconclusive => 3,
            Self::NonDeterministic => 5,
            Self::Internal => 70,
        }
    }
}

/// The largest scenario file that is read.
const MAX_BYTES: u64 = 1 << 20;

pub(crate) fn dispatch(arguments: Arguments) -> Status {
    match arguments.command {
        Command::Run(run) => run_files(&run),
        Command::List => {
            show::list(&mut std::io::stdout().lock());
            Status::Met
        }
        Command::New { name } => {
            let text = ackproof_scenario::describe::template(&name);
            write_out(&text);
            Status::Met
        }
    }
}

/// A reader that went away is no error.
fn write_out(text: &str) {
    let _gone = std::io::stdout().lock().write_all(text.as_bytes());
}

fn talk(text: &str) {
    let _gone = std::io::stderr().lock().write_all(text.as_bytes());
}

fn run_files(arguments: &Run) -> Status {
    let mut plans = Vec::new();
    for file in &arguments.files {
        match load(file, &arguments.sets) {
            Ok(plan) => plans.push((file.display().to_string(), plan)),
            Err(text) => {
                talk(&text);
                return Status::Usage;
            }
        }
    }
    let (from, to) = arguments.seeds.unwrap_or((arguments.seed, arguments.seed + 1));
    plans
        .iter()
        .map(|(file, plan)| run_seeds(arguments, file, plan, from..to))
        .max()
        .unwrap_or(Status::Met)
}

fn load(file: &Path, sets: &[(String, String)]) -> Result<Plan, String> {
    let shown = file.display();
    let refused = |why: &dyn std::fmt::Display| format!("error: {shown}: {why}\n");
    let meta = std::fs::metadata(file).map_err(|error| refused(&error))?;
    if !meta.is_file() {
        return Err(refused(&"not a file; name a scenario file"));
    }
    if meta.len() > MAX_BYTES {
        return Err(refused(&format!("{} bytes; a scenario has at most {MAX_BYTES}", meta.len())));
    }
    let text = std::fs::read_to_string(file).map_err(|error| refused(&error))?;
    let properties: Vec<&str> = PROPERTIES.iter().map(|property| property.name).collect();
    let variants: Vec<&str> = Variant::ALL.iter().map(|variant| variant.name()).collect();
    let names = Names { properties: &properties, witnesses: WITNESSES, variants: &variants };
    let join = |found: &[ackproof_scenario::diagnostic::Diagnostic]| {
        found.iter().map(|one| format!("{one}\n")).collect::<String>()
    };
    match load_with(&text, &shown.to_string(), &names, sets) {
        Ok((plan, warnings)) => {
            talk(&join(&warnings));
            Ok(plan)
        }
        Err(mistakes) => Err(join(&mistakes)),
    }
}

fn run_seeds(arguments: &Run, file: &str, plan: &Plan, seeds: std::ops::Range<u64>) -> Status {
    let single = seeds.end - seeds.start == 1;
    let mut worst = Status::Met;
    let mut sweep = show::Sweep::default();
    for seed in seeds {
        let outcome = match run(plan, seed, None) {
            Ok(outcome) => outcome,
            Err(panic) => {
                talk(&format!("ackproof failed: {file} --seed {seed}: {panic}\n"));
                return Status::Internal;
            }
        };
        if arguments.check_determinism {
            match run(plan, seed, None) {
                Ok(again) if again.digest == outcome.digest => {}
                Ok(again) => {
                    talk(&show::divergence(file, seed, &outcome, &again));
                    worst = worst.max(Status::NonDeterministic);
                }
                Err(_) => worst = worst.max(Status::Internal),
            }
        }
        let assessment = assess(plan, &outcome);
        let run = show::Shown { file, plan, outcome: &outcome, assessment: &assessment };
        if arguments.format == Format::Json {
            write_out(&format!("{}\n", show::json(&run)));
        } else if single {
            write_out(&show::human(&run));
        }
        sweep.add(seed, &outcome, assessment.verdict);
        if single {
            worst = worst.max(match assessment.verdict {
                Verdict::Met => Status::Met,
                Verdict::Inconclusive => Status::Inconclusive,
                Verdict::Violated => Status::Violated,
            });
        }
    }
    if !single {
        let (status, text) = sweep.conclude(file, plan);
        worst = worst.max(status);
        if arguments.format == Format::Human { write_out(&text) } else { talk(&text) }
    }
    worst
}
