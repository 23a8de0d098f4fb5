//! `ackproof explore`: all interleavings of a small world, and what was found as a file.

use super::args::{Shown, parse_set};
use super::load::{Scenario, load};
use super::memory::{free_memory, parse_memory};
use super::options::{parse_jobs, threads};
use super::output::{for_people, result, talk};
use super::place::{free, refusal, whole};
use super::progress::Progress;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::outside::check::judged;
use ackproof::study::exhaustive::retell::retell;
use ackproof::study::exhaustive::search::{Counterexample, End, Found, Level, Limits, search};
use ackproof::study::exhaustive::steps::{Steps, Taken, grain_name};
use ackproof::study::exhaustive::worst::loss;
use ackproof::study::exhaustive::{after, told, world};
use ackproof_kafka::replicas::{Bounds, Grain, Replicas, Step};
use ackproof_reports::command::quoted;
use ackproof_reports::explore::{Bound, Broken, Ended, ExploreReport, LevelReport};
use ackproof_reports::{SCHEMA, human, json};
use clap::ValueEnum;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What `explore` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Explore {
    /// The scenario: its first cluster, the topic and the acks of its first producer, and its variants.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The most steps.
    #[arg(long, value_name = "N", default_value_t = 8)]
    depth: u16,
    /// The most records that are produced.
    #[arg(long, value_name = "N", default_value_t = 2)]
    records: u8,
    /// The most leader epochs, the first one among them.
    #[arg(long, value_name = "N", default_value_t = 3)]
    epochs: u8,
    /// The most changes of the cluster that brokers hear of: elections, in-sync sets, fenced brokers.
    #[arg(long, value_name = "N", default_value_t = 3)]
    changes: u8,
    /// The most processes that are killed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    crashes: u8,
    /// The most losses of power: each takes a suffix of what is not flushed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    power_losses: u8,
    /// How finely a fetch is cut into steps.
    #[arg(long, value_enum, default_value_t = Cut::Fetch)]
    grain: Cut,
    /// Mend two rules of Kafka's: metadata that is no newer than what a leader knows takes back no proposal of
    /// its own, and a leader that is elected again forgets what followers had in an earlier epoch. Without that,
    /// Kafka's own rules break an invariant (see the manual).
    #[arg(long)]
    mended: bool,
    /// Go on until every invariant is broken, instead of the first.
    #[arg(long)]
    all: bool,
    /// The most states [default: as many as --memory takes].
    #[arg(long, value_name = "N")]
    states: Option<usize>,
    /// The most memory, such as 4GiB [default: three quarters of what is free]. A million states take about a third
    /// of a gigabyte.
    #[arg(long, value_name = "SIZE", value_parser = parse_memory)]
    memory: Option<usize>,
    /// Threads [default: all cores]. What is found does not depend on them.
    #[arg(long, short, value_name = "N", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,
    /// Override a value of the scenario: `variants=["no-maximal-isr"]`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    sets: Vec<(String, String)>,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    format: Shown,
    /// Write the steps to the first broken invariant, and to a loss if one follows, to a file that `run` and
    /// `explain` take.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Let --output replace an existing file.
    #[arg(long)]
    force: bool,
}

/// How finely a fetch is cut.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Cut {
    /// Request and answer are one step, and so are proposal and answer of an in-sync set, as in published
    /// specifications.
    Fetch,
    /// Answers are on their way for as long as they like.
    Answer,
    /// Requests and answers are on their way for as long as they like.
    Message,
}

impl Explore {
    fn bounds(&self) -> Bounds {
        let grain = match self.grain {
            Cut::Fetch => Grain::Fetch,
            Cut::Answer => Grain::Answer,
            Cut::Message => Grain::Message,
        };
        let Self { records, epochs, changes, crashes, power_losses, mended, .. } = *self;
        Bounds { records, epochs, changes, crashes, power_losses, grain, mended }
    }

    /// Options other than what they are by default, as words.
    fn options(&self) -> Vec<Bound> {
        let bounds = self.bounds();
        let counted = [
            ("records", u64::from(bounds.records)),
            ("epochs", u64::from(bounds.epochs)),
            ("changes", u64::from(bounds.changes)),
            ("crashes", u64::from(bounds.crashes)),
            ("power-losses", u64::from(bounds.power_losses)),
        ];
        let bound = |name: &str, value: String| Bound { name: name.to_owned(), value };
        let counted = counted.map(|(name, value)| bound(name, value.to_string()));
        let grain = bound("grain", grain_name(bounds.grain).to_owned());
        counted.into_iter().chain([grain]).collect()
    }

    fn again(&self) -> String {
        let mut words = vec!["ackproof".to_owned(), "explore".to_owned()];
        words.push(self.file.display().to_string());
        words.extend(["--depth".to_owned(), self.depth.to_string()]);
        for bound in self.options() {
            words.extend([format!("--{}", bound.name), bound.value]);
        }
        words.extend(self.mended.then(|| "--mended".to_owned()));
        words.extend(self.all.then(|| "--all".to_owned()));
        for (path, value) in &self.sets {
            words.extend(["--set".to_owned(), format!("{path}={value}")]);
        }
        quoted(&words)
    }
}

pub(crate) fn explore(arguments: &Explore) -> Status {
    let (scenario, start) = match prepare(arguments) {
        Ok(prepared) => prepared,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let stop = stop_on_interrupt();
    let limits = Limits {
        depth: arguments.depth,
        states: arguments.states.unwrap_or(usize::MAX),
        memory: arguments.memory.unwrap_or_else(free_memory),
        jobs: threads(arguments.jobs),
        all: arguments.all,
    };
    let progress = Progress::waiting(format!("all interleavings of {}", scenario.file), false);
    let found = search(start.clone(), &limits, &stop, |level| {
        progress.say(format!("depth {}, {} states", level.depth, level.states));
    });
    progress.finish();
    let broken: Vec<Whole> = found.broken.iter().map(|one| Whole::of(&start, one)).collect();
    let saved = match (&arguments.output, broken.first()) {
        (Some(_), Some(first)) => save(arguments, &scenario, (&start, first)),
        (Some(_), None) => {
            talk("nothing is broken, so nothing is written\n");
            Status::Met
        }
        (None, _) => Status::Met,
    };
    let told = broken.iter().map(|one| one.report(&scenario, arguments.bounds(), &start));
    let report = report(arguments, (&scenario, &limits), &found, told.collect());
    let shown = match arguments.format {
        Shown::Human => for_people(&human::explore(&report)),
        Shown::Json => result(&json::explore(&report)),
    };
    status(&found).max(saved).max(shown)
}

fn status(found: &Found) -> Status {
    match found.end {
        End::Stopped => Status::Interrupted,
        _ if !found.broken.is_empty() => Status::Violated,
        End::States | End::Memory => Status::Inconclusive,
        End::Exhausted | End::Depth | End::Found => Status::Met,
    }
}

fn prepare(arguments: &Explore) -> Result<(Scenario, Replicas), String> {
    if let Some(file) = &arguments.output {
        free(file, arguments.force)?;
    }
    let scenario = load(std::slice::from_ref(&arguments.file), &arguments.sets)?;
    let scenario = scenario.into_iter().next().ok_or("error: no scenario\n")?;
    let start = world(&scenario.plan, arguments.bounds());
    let start = start.map_err(|why| format!("error: {}: {why}\n", scenario.file))?;
    Ok((scenario, start))
}

/// Steps to a broken invariant, and on to a loss.
struct Whole<'a> {
    found: &'a Counterexample,
    then: Option<Vec<Step>>,
}

impl<'a> Whole<'a> {
    fn of(start: &Replicas, found: &'a Counterexample) -> Self {
        let broken = after(start, &found.steps, &mut |_, _| {});
        Self { found, then: broken.ok().and_then(|broken| loss(&broken)) }
    }

    fn steps(&self) -> Vec<Step> {
        let then = self.then.iter().flatten();
        self.found.steps.iter().chain(then).copied().collect()
    }

    fn report(&self, scenario: &Scenario, bounds: Bounds, start: &Replicas) -> Broken {
        let words = |steps: &[Step]| steps.iter().map(|step| told(start, *step)).collect();
        let history = retell(&scenario.plan, bounds, &self.steps());
        let findings = history.map(|(entries, context)| judged(&entries, &context)).ok();
        let properties = findings.iter().flat_map(|findings| &findings.properties);
        let violated =
            properties.filter(|one| !one.violations.is_empty()).map(|one| one.name.to_owned());
        let Counterexample { invariant, steps } = self.found;
        Broken {
            invariant: invariant.name().to_owned(),
            about: invariant.about().to_owned(),
            depth: u16::try_from(steps.len()).unwrap_or(u16::MAX),
            steps: words(steps),
            then: self.then.as_deref().map(words),
            violates: violated.collect(),
        }
    }
}

fn report(
    arguments: &Explore,
    (scenario, limits): (&Scenario, &Limits),
    found: &Found,
    broken: Vec<Broken>,
) -> ExploreReport {
    let plan = &scenario.plan;
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let level = |one: &Level| LevelReport {
        depth: one.depth,
        new: count(one.new),
        states: count(one.states),
    };
    let states = found.levels.last().map_or(1, |level| level.states);
    let topic = &plan.topics[plan.producers[0].topic.index()];
    let mut bounds = arguments.options();
    if arguments.mended {
        bounds.push(Bound { name: "mended".to_owned(), value: "yes".to_owned() });
    }
    ExploreReport {
        schema: SCHEMA,
        scenario: scenario.file.clone(),
        variants: plan.variants.iter().map(ToString::to_string).collect(),
        bounds,
        brokers: plan.cluster(ackproof_types::ClusterId::FIRST).brokers,
        min_insync_replicas: topic.min_insync_replicas().min(topic.replication_factor),
        acks: plan.producers[0].config.word("acks").to_owned(),
        levels: found.levels.iter().map(level).collect(),
        end: match found.end {
            End::Exhausted => Ended::Exhausted,
            End::Depth => Ended::Depth,
            End::States => Ended::States,
            End::Memory => Ended::Memory,
            End::Found => Ended::Found,
            End::Stopped => Ended::Interrupted,
        },
        deeper: count(found.deeper),
        memory: (found.end == End::Memory).then(|| count(limits.memory)),
        broken,
        tried: count(found.tried),
        odds_of_omission: omission(states + found.deeper),
        reproduce: arguments.again(),
    }
}

/// The odds that two of so many states have the same 64 bits (the birthday bound).
fn omission(states: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "odds")]
    let states = states as f64;
    states * states / 2.0 / 2_f64.powi(64)
}

fn save(
    arguments: &Explore,
    scenario: &Scenario,
    (start, found): (&Replicas, &Whole<'_>),
) -> Status {
    let Some(file) = &arguments.output else { return Status::Met };
    let taken = |step: Step| Taken { step: step.to_string(), told: told(start, step) };
    let steps = Steps {
        explored: found.found.invariant.name().to_owned(),
        scenario: scenario.text.clone(),
        sets: arguments.sets.clone(),
        bounds: arguments.bounds().into(),
        steps: found.steps().into_iter().map(taken).collect(),
    };
    let text = serde_json::to_string_pretty(&steps).map(|text| text + "\n");
    let written = text.map_err(std::io::Error::from).and_then(|text| whole(file, &text));
    match written {
        Ok(()) => {
            talk(&format!("wrote {}\n", file.display()));
            Status::Met
        }
        Err(error) => {
            talk(&refusal(file, &error));
            Status::Usage
        }
    }
}
