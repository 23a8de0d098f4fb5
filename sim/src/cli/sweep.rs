//! A sweep: scenarios × seeds over all cores, added up as they come in, with what was done by then on
//! Ctrl-C, when the budget is spent, or after the first failure.

use super::load::{Drawn, Scenario};
use super::operators::{Operators, Wanted};
use super::options::{Options, threads};
use super::output::talk;
use super::outputs::{Outputs, finish};
use super::progress::Progress;
use super::run::origin;
use super::save::{failure, save};
use super::status::Status;
use super::watchdog::Watchdog;
use ackproof::study::conclude;
use ackproof::study::explore::in_order;
use ackproof::study::report::Origin;
use ackproof::study::runs::{RunId, Runs};
use ackproof::study::tally::Tally;
use ackproof::study::trial::{trial, trial_telling, trial_watched};
use ackproof::world::bounds::{Bounds, Failure};
use ackproof::world::recorder::Watch;
use ackproof_reports::jsonl::RunLine;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{Asked, RunName, ScenarioReport, SeedRange, SweepReport};
use ackproof_reports::verdict::{Expected, Verdict};
use ackproof_scenario::plan::Plan;
use ackproof_types::words::plural;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What a sweep works with.
struct Sweep<'a> {
    asked: &'a Asked,
    scenarios: &'a [Scenario],
    jobs: NonZeroUsize,
    watchdog: Watchdog,
    stop: Arc<AtomicBool>,
    alerts: (&'a Operators, &'a Wanted<'a>),
}

/// Runs what was asked for, and writes the reports.
pub(crate) fn sweep(
    options: &Options,
    asked: &Asked,
    scenarios: &[Scenario],
    (mut outputs, alerts): (Outputs, (&Operators, &Wanted<'_>)),
) -> Status {
    let started = Instant::now();
    let jobs = threads(options.jobs);
    let watchdog = Watchdog::new(options.run_timeout, options.max_events_at_once);
    let sweep = Sweep { asked, scenarios, jobs, watchdog, stop: stop_on_interrupt(), alerts };
    let (mut reports, stopped_by) = sweep.explore(options, &mut outputs);
    let interrupted = sweep.stop.load(Ordering::Relaxed);
    let mut saved = Status::Met;
    if !interrupted {
        sweep.tell(&mut reports);
        if let Some(directory) = &options.failures {
            saved = sweep.save_failures(&reports, directory);
        }
    }
    let report = conclude::sweep(asked.clone(), reports, interrupted, stopped_by);
    let shown = finish(outputs, &report);
    if !options.quiet {
        talk(&pace(&report, started.elapsed()));
    }
    shown.max(status(&report)).max(saved)
}

/// How fast it went, and how long the next stronger claim would take: beside the report and not in it,
/// since both are others on every machine.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn pace(report: &SweepReport, wall: Duration) -> String {
    let runs: u64 = report.scenarios.iter().map(|one| one.seeds.run).sum();
    let rate = runs as f64 / wall.as_secs_f64().max(0.001);
    let mut text =
        format!("{} in {:.1} s: {rate:.1} a second", plural(runs, "run"), wall.as_secs_f64());
    let lacking = |one: &ScenarioReport| Some(one.claim?.seeds.saturating_sub(one.seeds.run));
    let more: u64 = report.scenarios.iter().filter_map(lacking).sum();
    if more > 0 && rate > 0.0 {
        let minutes = more as f64 / rate / 60.0;
        text.push_str(&format!(
            "; {more} more without a violation, {minutes:.1} minutes, would support the stronger claims"
        ));
    }
    text.push('\n');
    text
}

/// The exit status of a sweep.
pub(crate) fn status(report: &SweepReport) -> Status {
    let interrupted = if report.interrupted { Status::Interrupted } else { Status::Met };
    Status::from(report.verdict).max(interrupted)
}

impl Sweep<'_> {
    /// Does all runs; returns what they came to, and which one ended it all.
    fn explore(
        &self,
        options: &Options,
        outputs: &mut Outputs,
    ) -> (Vec<ScenarioReport>, Option<RunName>) {
        let Self { asked, scenarios, .. } = self;
        let each: Vec<Asked> = scenarios.iter().map(|one| self.asked_of(one)).collect();
        let tallied = scenarios.iter().zip(&each);
        let mut tallies: Vec<Tally<'_>> =
            tallied.map(|(one, asked)| Tally::new(&one.plan, &one.file, asked)).collect();
        let runs = Runs { scenarios: scenarios.len(), seeds: asked.seeds, part: asked.part };
        let end = options.budget.map(|budget| Instant::now() + budget);
        let in_time = |_: &RunId| end.is_none_or(|end| Instant::now() < end);
        let mut progress = Progress::new(runs.count(), options.budget, options.quiet);
        let mut stopped_by = None;
        in_order(
            runs.iter().filter_map(|run| self.own(run)).take_while(in_time),
            self.jobs,
            &self.stop,
            |run| {
                let (operators, wanted) = self.alerts;
                self.run(*run, |plan, origin, bounds| {
                    operators.alerted(wanted, |trace| match trace {
                        Some(trace) => trial_watched(plan, origin, run.seed, trace, bounds),
                        None => trial(plan, origin, run.seed, None, bounds),
                    })
                })
            },
            |run, result| {
                let result = result.unwrap_or_else(|panic| Err(Failure::Crashed(panic)));
                let file = &scenarios[run.scenario].file;
                tallies[run.scenario].add(run.seed, result.as_ref());
                outputs.run(|| self.line(run, &result));
                let failed = match &result {
                    Ok(report) => report.verdict >= Verdict::Violated,
                    Err(Failure::Crashed(_)) => true,
                    Err(Failure::Bounded(_)) => false,
                };
                progress.step(failed);
                if failed && options.fail_fast {
                    stopped_by = Some(RunName { file: file.clone(), seed: run.seed });
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            },
        );
        progress.finish();
        (tallies.into_iter().map(Tally::conclude).collect(), stopped_by)
    }

    /// The seed of a schedule among other files: it is run once, as it was when it failed.
    fn seed(&self, scenario: &Scenario) -> Option<u64> {
        scenario.plan.seed.filter(|_| self.scenarios.len() > 1)
    }

    /// What was asked for of one file.
    fn asked_of(&self, scenario: &Scenario) -> Asked {
        let mut asked = self.asked.clone();
        if let Some(seed) = self.seed(scenario) {
            asked.seeds = SeedRange { from: seed, to: Some(seed.saturating_add(1)) };
        }
        asked
    }

    /// `run`; of a schedule the first is the one with its seed, and the others are none.
    fn own(&self, run: RunId) -> Option<RunId> {
        let Some(seed) = self.seed(&self.scenarios[run.scenario]) else { return Some(run) };
        (run.seed == self.asked.seeds.from).then_some(RunId { seed, ..run })
    }

    fn run<T>(
        &self,
        run: RunId,
        work: impl FnOnce(&Plan, &Origin<'_>, &Bounds) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let scenario = &self.scenarios[run.scenario];
        let name = || format!("seed {} of {}", run.seed, scenario.file);
        let Drawn { plan, swarm } = scenario.drawn(self.asked, run.seed)?;
        let origin = origin(self.asked, scenario, swarm.as_ref());
        self.watchdog.watch(name, |bounds| work(&plan, &origin, bounds))
    }

    /// A schedule file of the first seed that fails of each property or limit.
    fn save_failures(&self, reports: &[ScenarioReport], directory: &Path) -> Status {
        let mut status = Status::Met;
        for (scenario, report) in self.scenarios.iter().zip(reports) {
            let held = report.properties.iter().filter(|one| one.expected == Expected::Held);
            let violated = held.filter_map(|one| one.violated.first());
            let outside = report.limits.iter().filter_map(|one| one.outside.first());
            let mut seeds: Vec<u64> = violated.chain(outside).copied().collect();
            seeds.sort_unstable();
            seeds.dedup();
            for seed in seeds.into_iter().filter(|seed| scenario.plan.seed != Some(*seed)) {
                let Ok(Drawn { plan, swarm }) = scenario.drawn(self.asked, seed) else {
                    continue;
                };
                let origin = origin(self.asked, scenario, swarm.as_ref());
                if let Some(file) = failure(directory, &origin, seed) {
                    status = status.max(save(&plan, &origin, seed, &file));
                }
            }
        }
        status
    }

    fn line(&self, run: RunId, result: &Result<RunReport, Failure>) -> RunLine {
        let scenario = &self.scenarios[run.scenario];
        match result {
            Ok(report) => RunLine::from(report),
            Err(failure) => {
                let verdict = match failure {
                    Failure::Crashed(_) => Verdict::Crashed,
                    Failure::Bounded(_) => Verdict::Inconclusive,
                };
                let swarm = self.asked.swarm.then(Vec::new);
                let origin = origin(self.asked, scenario, swarm.as_ref());
                let command = origin.command(run.seed, run.seed.saturating_add(1));
                let place = (scenario.plan.name.clone(), scenario.file.clone(), run.seed);
                RunLine::without_report(place, verdict, failure.to_string(), command)
            }
        }
    }

    /// Runs the first seed of every violated property again, for its story.
    fn tell(&self, reports: &mut [ScenarioReport]) {
        let mut runs: Vec<RunId> = Vec::new();
        for (scenario, report) in reports.iter().enumerate() {
            let firsts = report.properties.iter().filter_map(|one| one.violated.first());
            runs.extend(firsts.map(|seed| RunId { scenario, seed: *seed }));
        }
        runs.sort_unstable();
        runs.dedup();
        let work = |run: &RunId| {
            self.run(*run, |plan, origin, bounds| {
                let origin = Origin { check_determinism: false, ..*origin };
                trial_telling(plan, &origin, run.seed, Watch::default(), bounds)
            })
        };
        in_order(runs.into_iter(), self.jobs, &self.stop, work, |run, told| {
            // What has no story is told without one.
            if let Ok(Ok(told)) = told {
                conclude::tell(&mut reports[run.scenario], &told);
            }
            ControlFlow::Continue(())
        });
    }
}

/// A flag that Ctrl-C sets; a second Ctrl-C ends the process at once.
pub(crate) fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let heard = AtomicBool::new(false);
    let handler = move || {
        if heard.swap(true, Ordering::Relaxed) {
            std::process::exit(Status::Interrupted.code().into());
        }
        // Said before the flag is seen: the process may end as soon as it is.
        talk("interrupted: waiting for the runs at work; once more to stop at once\n");
        flag.store(true, Ordering::Relaxed);
    };
    if let Err(error) = ctrlc::set_handler(handler) {
        tracing::warn!(%error, "Ctrl-C will lose what is done");
    }
    stop
}
