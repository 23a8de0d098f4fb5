//! `ackproof run`: which runs are asked for. One seed of one scenario is told in full; everything else is
//! [`super::sweep`]'s.

use super::args::{Format, Run, Shown};
use super::check::{Check, check};
use super::config::options;
use super::explored;
use super::load::{Drawn, Scenario, load};
use super::operators::{Wanted, watched};
use super::options::Options;
use super::output::{TraceOut, talk};
use super::outputs::{Outputs, finish};
use super::place::{Page, below, free};
use super::progress::Progress;
use super::save::{failure, save};
use super::seeds::nothing;
use super::select::select;
use super::status::Status;
use super::sweep::{status, sweep};
use super::watchdog::Watchdog;
use ackproof::study::conclude;
use ackproof::study::contract::contract;
use ackproof::study::course::Shared;
use ackproof::study::operators;
use ackproof::study::report::Origin;
use ackproof::study::runs::Runs;
use ackproof::study::tally::Tally;
use ackproof::study::trial::trial_telling;
use ackproof::world::bounds::Failure;
use ackproof::world::document::Sets;
use ackproof_reports::jsonl::RunLine;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{Asked, SeedRange, SweepReport};
use ackproof_reports::verdict::Verdict;
use ackproof_reports::{human, json, page, perfetto};
use std::path::Path;

pub(crate) fn run(arguments: &Run) -> Status {
    if let [file] = arguments.paths.as_slice()
        && explored::is_file_of_steps(file)
    {
        return steps(arguments, file);
    }
    match prepare(arguments) {
        Ok((options, asked, scenarios)) => begin(arguments, &options, &asked, &scenarios),
        Err(text) => {
            talk(&text);
            Status::Usage
        }
    }
}

/// Steps that `explore` found: judged as the history that they make.
fn steps(arguments: &Run, file: &Path) -> Status {
    let ignored = [
        ("--set", !arguments.sets.is_empty()),
        ("--trace", arguments.trace),
        ("--save-schedule", arguments.save_schedule.is_some()),
    ];
    if let Some((option, _)) = ignored.into_iter().find(|(_, asked)| *asked) {
        let why = "these are the steps that `explore` found, not a scenario";
        talk(&format!("error: {}: {why}: leave out {option}\n", file.display()));
        return Status::Usage;
    }
    let options = match options(&arguments.places, &arguments.flags) {
        Ok(options) => options,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    check(&Check {
        history: file.to_owned(),
        format: if options.format == Format::Json { Shown::Json } else { Shown::Human },
        html: None,
        perfetto: arguments.perfetto.clone(),
        expect: Vec::new(),
        operators: arguments.operators.clone(),
    })
}

/// Everything that can be wrong before the first run.
fn prepare(arguments: &Run) -> Result<(Options, Asked, Vec<Scenario>), String> {
    let options = options(&arguments.places, &arguments.flags)?;
    let scenarios = load(&select(&arguments.paths)?, &arguments.sets)?;
    let seeds = match (options.seeds, options.budget) {
        (Some(wanted), _) => SeedRange { from: wanted.from, to: wanted.to },
        (None, Some(_)) => SeedRange { from: 0, to: None },
        (None, None) => {
            // A schedule names its seed.
            let own = if let [one] = scenarios.as_slice() { one.plan.seed } else { None };
            let seed = own.unwrap_or(0);
            SeedRange { from: seed, to: Some(seed.saturating_add(1)) }
        }
    };
    if seeds.to.is_none() && options.budget.is_none() {
        return Err("error: seeds without an end need a --budget\n".to_owned());
    }
    let asked = Asked {
        paths: arguments.paths.iter().map(|path| path.display().to_string()).collect(),
        sets: arguments.sets.clone(),
        seeds,
        budget_ms: options.budget.map(|budget| u64::try_from(budget.as_millis()).unwrap_or(0)),
        fail_fast: options.fail_fast,
        swarm: options.swarm,
        check_determinism: options.check_determinism,
        alerts: arguments.operators.alerts.as_ref().map(|path| path.display().to_string()),
        part: options.partition,
    };
    Ok((options, asked, scenarios))
}

fn begin(arguments: &Run, options: &Options, asked: &Asked, scenarios: &[Scenario]) -> Status {
    let refuse = |text: &str| {
        talk(text);
        Status::Usage
    };
    let count = Runs { scenarios: scenarios.len(), seeds: asked.seeds, part: asked.part }.count();
    if count.is_none() && options.budget.is_none() {
        return refuse("error: so many runs cannot be counted; ask for fewer seeds\n");
    }
    // A part stays a sweep however small it is, so that all parts can be joined.
    let is_sweep = count != Some(1) || asked.part.is_some() || options.budget.is_some();
    if is_sweep && arguments.trace {
        return refuse("error: --trace follows one run: name one scenario and one seed\n");
    }
    if is_sweep && arguments.perfetto.is_some() {
        return refuse("error: --perfetto shows one run: name one scenario and one seed\n");
    }
    if let (true, Some(option)) = (is_sweep, arguments.operators.of_one_run()) {
        let text = "shows one run: name one scenario and one seed";
        return refuse(&format!("error: {option} {text}\n"));
    }
    if arguments.trace && arguments.operators.prints() {
        return refuse("error: --trace and tables both go to stdout: ask for one of them\n");
    }
    if is_sweep && arguments.save_schedule.is_some() {
        return refuse("error: --save-schedule saves one run: name one scenario and one seed\n");
    }
    let outputs = match Outputs::open(options.format, &options.files) {
        Ok(outputs) => outputs,
        Err(text) => return refuse(&text),
    };
    let perfetto = match Page::open(arguments.perfetto.as_deref()) {
        Ok(perfetto) => perfetto,
        Err(text) => return refuse(&text),
    };
    let schedule = arguments.save_schedule.iter().map(|file| free(file, arguments.force));
    let failures = options.failures.iter().map(|directory| below(directory));
    let wanted = match arguments.operators.open() {
        Ok(wanted) => wanted,
        Err(text) => return refuse(&text),
    };
    if let Some(text) = schedule.chain(failures).find_map(Result::err) {
        return refuse(&text);
    }
    match scenarios {
        _ if count == Some(0) && asked.part.is_none() => {
            let SeedRange { from, to } = asked.seeds;
            nothing(&(from..to.unwrap_or(from)))
        }
        [scenario] if !is_sweep => {
            single((arguments, options), asked, scenario, (outputs, perfetto, wanted))
        }
        _ => sweep(options, asked, scenarios, (outputs, (&arguments.operators, &wanted))),
    }
}

fn single(
    (arguments, options): (&Run, &Options),
    asked: &Asked,
    scenario: &Scenario,
    (mut outputs, perfetto, wanted): (Outputs, Page<'_>, Wanted<'_>),
) -> Status {
    let seed = asked.seeds.from;
    let Drawn { plan, swarm } = match scenario.drawn(asked, seed) {
        Ok(drawn) => drawn,
        Err(failure) => {
            talk(&format!("ackproof itself failed: {failure}\n"));
            return Status::Internal;
        }
    };
    let origin = origin(asked, scenario, swarm.as_ref());
    let out = arguments.trace.then(TraceOut::new);
    if out.is_some() || arguments.operators.prints() {
        outputs.aside();
    }
    let trace = out.as_ref().map(TraceOut::trace);
    let operator = arguments.operators.operator().map(operators::Shared::new);
    let trace = watched(operator.as_ref(), trace);
    let course = (outputs.wants(Format::Html) || perfetto.is_asked()).then(Shared::default);
    let watch = match &course {
        Some(course) => course.watch(trace),
        None => trace.into(),
    };
    let watchdog = Watchdog::new(options.run_timeout, options.max_events_at_once);
    let name = || format!("seed {seed} of {}", scenario.file);
    let progress = Progress::waiting(name(), options.quiet || out.is_some());
    let mut run = watchdog.watch(name, |bounds| trial_telling(&plan, &origin, seed, watch, bounds));
    progress.finish();
    let traced = out.as_ref().map_or(Status::Met, TraceOut::finish);
    let told = arguments.operators.tell(operator.as_ref(), wanted, &mut run);
    let sweep = alone(asked, scenario, &run);
    let shown = match &run {
        Ok(report) => {
            outputs.run(|| RunLine::from(report));
            let course = course.as_ref().map(|one| one.course(&report.groups)).unwrap_or_default();
            let page = || {
                let mut contract = contract(&plan);
                contract.observe(seed, &report.causes);
                page::run(report, &contract, &course)
            };
            let shown = outputs.finish(&sweep, || human::run(report), || json::run(report), page);
            let traced =
                perfetto.write(|| perfetto::trace(&course, &report.properties, &report.groups));
            shown.max(traced)
        }
        Err(failure) => {
            let command = &sweep.reproduce;
            talk(&match failure {
                Failure::Crashed(text) => format!("ackproof itself failed: {text}\n{command}\n"),
                Failure::Bounded(text) => format!("the run came to no end: {text}\n{command}\n"),
            });
            finish(outputs, &sweep)
        }
    };
    // A schedule is its own file.
    let is_new = scenario.plan.seed != Some(seed) || !asked.sets.is_empty();
    let failed = matches!(&run, Ok(report) if report.verdict == Verdict::Violated);
    let kept = options.failures.as_deref().filter(|_| failed && is_new);
    let kept = kept.and_then(|directory| failure(directory, &origin, seed));
    let saved = arguments.save_schedule.iter().chain(&kept);
    let saved = saved.map(|file| save(&plan, &origin, seed, file)).max().unwrap_or(Status::Met);
    status(&sweep).max(traced).max(told).max(shown).max(saved)
}

/// How a run of `scenario` was asked for, for which this was drawn.
pub(crate) fn origin<'a>(
    asked: &'a Asked,
    scenario: &'a Scenario,
    swarm: Option<&'a Sets>,
) -> Origin<'a> {
    let Asked { sets, check_determinism, .. } = asked;
    let swarm = swarm.map(Vec::as_slice);
    Origin { file: &scenario.file, sets, swarm, check_determinism: *check_determinism }
}

/// A single run as a sweep of one, for what is written of sweeps.
fn alone(asked: &Asked, scenario: &Scenario, run: &Result<RunReport, Failure>) -> SweepReport {
    let mut tally = Tally::new(&scenario.plan, &scenario.file, asked);
    tally.add(asked.seeds.from, run.as_ref());
    conclude::sweep(asked.clone(), vec![tally.conclude()], false, None)
}
