//! `ackproof explain`: what a configuration promises and leaves possible, with a search for examples
//! under faults of its own. With a seed, [`super::life`] tells of one record.

use super::args::{Explained, Shown, parse_set};
use super::load::{Scenario, load};
use super::options::{parse_jobs, threads};
use super::output::{for_people, result, talk};
use super::place::below;
use super::search::{EXTENSIONS, Searched, examples, keep, longer, matters, searched, settle};
use super::seeds::{nothing, parse_range, parse_seed};
use super::shrink::parse_property;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::conclude;
use ackproof::study::provoke::provoked;
use ackproof::study::report::Origin;
use ackproof::study::trial::trial_telling;
use ackproof::world::bounds::{Bounds, Failure};
use ackproof::world::recorder::Watch;
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::{Asked, SeedRange, SweepReport};
use ackproof_reports::verdict::Judgement;
use ackproof_reports::{human, json};
use ackproof_types::Micros;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

/// What `explain` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// A scenario or schedule file, a history (`.jsonl`, `.jsonl.gz`, `-`), or a name: of a property, a fault, a
    /// cause, a footgun, a setting.
    #[arg(value_name = "FILE|NAME")]
    pub(crate) file: PathBuf,
    /// The seeds to search for examples, under faults of its own.
    #[arg(long, value_name = "A..B", default_value = "0..20", value_parser = parse_range)]
    seeds: Range<u64>,
    /// Tell the life of one record in this run of the scenario, and what led to each step that went wrong.
    #[arg(long, value_name = "N", value_parser = parse_seed,
          conflicts_with_all = ["seeds", "example", "save_schedules"])]
    pub(crate) seed: Option<u64>,
    /// With --seed, or of a history or a schedule: the record. Without it, the record of the first violation is
    /// told, else the one that was processed most often.
    #[arg(long, value_name = "ID", conflicts_with_all = ["seeds", "example", "save_schedules"])]
    pub(crate) record: Option<String>,
    /// The record that lay last at a place: `payments-0@117`.
    #[arg(long, value_name = "PLACE",
          conflicts_with_all = ["seeds", "example", "save_schedules", "record"])]
    pub(crate) offset: Option<String>,
    /// Change one setting at a time, with the same workload and the same faults: which changes save this run, what
    /// each costs, and when the failure became inevitable.
    #[arg(long, conflicts_with_all = ["seeds", "example", "save_schedules", "record", "offset"])]
    pub(crate) what_if: bool,
    /// With --what-if: ask about this failure of the run, not about the one that matters most: a property, or a
    /// count above 0 (lost, skipped, duplicates, …).
    #[arg(long, value_name = "NAME", value_parser = parse_property, requires = "what_if")]
    pub(crate) property: Option<String>,
    /// Tell the whole run of one seed of the search instead.
    #[arg(long, value_name = "N", value_parser = parse_seed, conflicts_with = "seeds")]
    example: Option<u64>,
    /// Write the schedule of each example and of each violation to this directory, for `replay` and
    /// `shrink`.
    #[arg(long, value_name = "DIR")]
    save_schedules: Option<PathBuf>,
    /// With --what-if: also write a page to a file, with the run beside one that does not fail, and how sure the
    /// failure was over time.
    #[arg(long, value_name = "FILE", requires = "what_if")]
    pub(crate) html: Option<PathBuf>,
    /// Override a value of the scenario: `producers.billing.config.acks=1`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// The format: text, one JSON object, or (with --what-if) Markdown.
    #[arg(long, value_enum, default_value_t = Explained::Human)]
    pub(crate) format: Explained,
    /// The number of runs at the same time [default: one per core].
    #[arg(long, value_name = "J", value_parser = parse_jobs)]
    pub(crate) jobs: Option<NonZeroUsize>,
}

impl Explain {
    /// The format of what is no `--what-if`.
    pub(crate) const fn shown(&self) -> Shown {
        match self.format {
            Explained::Json => Shown::Json,
            Explained::Human | Explained::Markdown => Shown::Human,
        }
    }
}

pub(crate) fn explain(arguments: &Explain) -> Status {
    let loaded = load(std::slice::from_ref(&arguments.file), &arguments.sets);
    let mut scenario = match loaded.map(|mut all| all.pop()) {
        Ok(Some(scenario)) => scenario,
        Ok(None) => return Status::Nothing,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    if let Some(Err(text)) = arguments.save_schedules.as_deref().map(below) {
        talk(&text);
        return Status::Usage;
    }
    if arguments.example.is_none() && arguments.seeds.is_empty() {
        return nothing(&arguments.seeds);
    }
    scenario.plan = provoked(&scenario.plan);
    let mut extensions = EXTENSIONS;
    loop {
        let (found, needs) = match arguments.example {
            Some(seed) => one(arguments, &scenario, seed),
            None => search(arguments, &scenario),
        };
        if !longer(&mut scenario.plan, needs, &mut extensions) {
            return found.show(arguments, &scenario);
        }
    }
}

/// What was found, not shown yet.
struct Found {
    status: Status,
    text: String,
    /// What is shown by which seed.
    examples: BTreeSet<(String, u64)>,
}

impl Found {
    fn show(self, arguments: &Explain, scenario: &Scenario) -> Status {
        if self.text.is_empty() {
            return self.status;
        }
        let again = |seed: u64| {
            again(arguments, &scenario.file, ["--example".to_owned(), seed.to_string()])
        };
        let directory = arguments.save_schedules.as_deref();
        let saved = keep(directory, (&scenario.plan, &scenario.file), &self.examples, &again);
        let shown = match arguments.shown() {
            Shown::Human => for_people(&self.text),
            Shown::Json => result(&self.text),
        };
        self.status.max(saved).max(shown)
    }

    const fn failed(status: Status) -> (Self, Option<Micros>) {
        (Self { status, text: String::new(), examples: BTreeSet::new() }, None)
    }
}

fn origin<'a>(arguments: &'a Explain, scenario: &'a Scenario) -> Origin<'a> {
    Origin { file: &scenario.file, sets: &arguments.sets, swarm: None, check_determinism: false }
}

fn one(arguments: &Explain, scenario: &Scenario, seed: u64) -> (Found, Option<Micros>) {
    let origin = origin(arguments, scenario);
    match trial_telling(&scenario.plan, &origin, seed, Watch::default(), &Bounds::default()) {
        Ok(mut report) => {
            report.reproduce =
                again(arguments, &scenario.file, ["--example".to_owned(), seed.to_string()]);
            let undecided = report.properties.iter().filter(|one| one.undecided.is_some());
            let names: Vec<&str> = undecided.clone().map(|one| one.name.as_str()).collect();
            (report.verdict, report.reasons) = matters(&report.reasons, &names);
            let needs = settle(undecided.filter_map(|one| one.undecided.as_ref()));
            let status = Status::from(report.verdict);
            let possible = report.contract.iter().flat_map(|contract| &contract.possible);
            let shows =
                possible.filter(|one| !one.seeds.is_empty()).filter_map(|one| one.causes.first());
            let violated =
                report.properties.iter().filter(|one| one.verdict == Judgement::Violated);
            let violated = violated.map(|one| &one.name);
            let examples = violated.chain(shows).map(|name| (name.clone(), seed)).collect();
            let text = match arguments.shown() {
                Shown::Human => human::run(&report),
                Shown::Json => json::run(&report),
            };
            (Found { status, text, examples }, needs)
        }
        Err(failure) => {
            talk(&format!("{failure}\n"));
            Found::failed(if matches!(failure, Failure::Bounded(_)) {
                Status::Inconclusive
            } else {
                Status::Internal
            })
        }
    }
}

fn search(arguments: &Explain, scenario: &Scenario) -> (Found, Option<Micros>) {
    let Range { start, end } = arguments.seeds;
    let asked = Asked {
        paths: vec![scenario.file.clone()],
        sets: arguments.sets.clone(),
        seeds: SeedRange { from: start, to: Some(end) },
        ..Asked::default()
    };
    let origin = origin(arguments, scenario);
    let at_work = (threads(arguments.jobs), &*stop_on_interrupt());
    let mut searched = searched(&scenario.plan, &origin, &asked, at_work);
    let again = again(arguments, &scenario.file, ["--seeds".to_owned(), format!("{start}..{end}")]);
    searched.report.reproduce.clone_from(&again);
    let examples = examples(&searched.report);
    let status = searched.status();
    let Searched { report, interrupted, needs } = searched;
    let report =
        SweepReport { reproduce: again, ..conclude::sweep(asked, vec![report], interrupted, None) };
    let text = match arguments.shown() {
        Shown::Human => human::explained(&report),
        Shown::Json => json::sweep(&report),
    };
    (Found { status, text, examples }, needs)
}

fn again(arguments: &Explain, file: &str, seeds: [String; 2]) -> String {
    let mut words = ["ackproof", "explain", file].map(str::to_owned).to_vec();
    words.extend(seeds);
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
