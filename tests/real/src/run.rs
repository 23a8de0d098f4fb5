//! One real run: the stage is set, the clients start, faults come and go as the scenario says, everything is
//! healed, the logs are read, and what happened becomes a history. It runs inside namespaces of its own.

use crate::cast::Role;
use crate::journal::now;
use crate::nemesis::{Nemesis, Next};
use crate::process::Process;
use crate::stage::{Stage, wait_for};
use crate::{commits, observer};
use ackproof::outside::verifiable::{Base, Dump, Log, Metadata, merge};
use ackproof::world::document::context;
use ackproof_oracle::history::{Event, Phase};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::schedule::{Schedule, Start};
use ackproof_types::Micros;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How exactly a fault keeps to its time, and how often ends of processes are noticed.
const TICK: Duration = Duration::from_millis(10);
/// How often a run says how far its load has come, in microseconds.
const TOLD: u64 = 10_000_000;
/// How long a producer may take for its first line.
const FIRST_LINE: Duration = Duration::from_secs(60);
/// How long a client may take to leave when it is asked to.
const GOODBYE: Duration = Duration::from_secs(15);

/// Where a run finds what it needs, and where its outcome goes.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Kafka's artifacts.
    pub(crate) jars: PathBuf,
    /// Its own folder, which vanishes with it.
    pub(crate) work: PathBuf,
    /// The history that it leaves.
    pub(crate) history: PathBuf,
    /// A folder for everything that its processes printed.
    pub(crate) keep: PathBuf,
}

/// What the nemesis is to do next, by time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Task {
    Start(u32),
    Look(u32),
    End(u32),
}

/// Runs `plan` under `seed` and writes its history, and what its processes printed.
pub(crate) fn run(plan: &Plan, seed: u64, places: &Places) -> Result<(), String> {
    let mut known = context(plan);
    known.nodes.push(observer::NAME.to_owned());
    let progress = Progress::begin();
    let outcome = Stage::set(plan, known, &places.jars, &places.work).and_then(|mut stage| {
        progress.tell("the cluster is up, its clients start");
        play(&mut stage, seed, &progress)?;
        progress.tell("all is over, the history is written");
        conclude(&mut stage, &places.history)
    });
    let kept = ["out", "etc"].map(|folder| copy(&places.work.join(folder), &places.keep));
    // Why the run failed comes first.
    outcome.and_then(|()| kept.into_iter().collect())
}

/// Says on standard error how far a run has come.
struct Progress(Instant);

impl Progress {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn tell(&self, what: &str) {
        anstream::eprintln!("  {:3} s: {what}", self.0.elapsed().as_secs());
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let told = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::create_dir_all(to).map_err(told)?;
    for entry in std::fs::read_dir(from).map_err(told)? {
        let entry = entry.map_err(told)?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(told)?;
    }
    Ok(())
}

fn phase(stage: &mut Stage<'_>, phase: Phase) {
    stage.journal.put(stage.context.controller(), Event::Phase(phase));
}

fn play(stage: &mut Stage<'_>, seed: u64, progress: &Progress) -> Result<(), String> {
    phase(stage, Phase::Load);
    stage.form_groups()?;
    let zero = start_producers(stage)?;
    stage.zero = Some(zero);
    load(stage, zero, &Schedule::new(stage.plan, seed), progress)?;
    phase(stage, Phase::Settle);
    progress.tell("the load is over, everything is healed and settles");
    settle(stage)?;
    phase(stage, Phase::FinalRead);
    commits::look_up(stage)
}

/// Starts all producers; returns the time of the run's zero, so that they began when the plan says.
fn start_producers(stage: &mut Stage<'_>) -> Result<u64, String> {
    let hosts = stage.cast.hosts(|role| matches!(role, Role::Producer(..)));
    for host in &hosts {
        stage.start(*host)?;
    }
    let Some(first) = hosts.first() else { return Ok(now()) };
    let printed = stage.java.printed(stage.network.name(*first));
    wait_for("a producer to start", FIRST_LINE, || {
        let text = std::fs::read_to_string(&printed).map_err(|error| error.to_string())?;
        Ok(text.contains("startup_complete"))
    })?;
    let text = std::fs::read_to_string(&printed).map_err(|error| error.to_string())?;
    let line = text.lines().find(|line| line.contains("startup_complete")).unwrap_or_default();
    let line: serde_json::Value = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let began = line["timestamp"].as_u64().ok_or("a startup without a time")? * 1000;
    let start = stage.plan.producers.first().map_or(Micros::ZERO, |producer| producer.start);
    Ok(began.saturating_sub(start.0))
}

/// Everything from the run's `zero` to the end of the load.
fn load(
    stage: &mut Stage<'_>,
    zero: u64,
    schedule: &Schedule,
    progress: &Progress,
) -> Result<(), String> {
    let mut told = zero;
    let mut nemesis = Nemesis::default();
    let mut tasks: Vec<(u64, Task)> = Vec::new();
    for (number, fault) in (0..).zip(&schedule.faults) {
        let Start::At(at) = fault.start else { continue };
        tasks.push((zero + at.0, Task::Start(number)));
    }
    let end = zero + stage.plan.load.0;
    while now() < end {
        if now() >= told {
            let passed = now().saturating_sub(zero) / 1_000_000;
            progress.tell(&format!("load, {passed} s of {} s", stage.plan.load.0 / 1_000_000));
            told = now() + TOLD;
        }
        for host in stage.exited() {
            match nemesis.exited(host) {
                Some(ends) => {
                    tasks.extend(
                        ends.iter().map(|(number, after)| (now() + after.0, Task::End(*number))),
                    );
                }
                // Whoever runs it in production starts it again.
                None if matches!(stage.cast.player(host).role, Role::Spare(..)) => {}
                None if is_done(stage, host) => {}
                None => stage.start(host)?,
            }
        }
        tasks.sort_unstable();
        let due = tasks.first().copied().filter(|(at, _)| *at <= now());
        let Some((_, task)) = due else {
            stage.settle_power()?;
            sleep(TICK);
            continue;
        };
        tasks.remove(0);
        let (number, next) = match task {
            Task::Start(number) => {
                let fault = &schedule.faults[number as usize];
                (number, nemesis.start(number, fault, stage)?)
            }
            Task::Look(number) => (number, nemesis.look(number, stage)?),
            Task::End(number) => {
                nemesis.end(number, stage)?;
                (number, Next::Nothing)
            }
        };
        match next {
            Next::Nothing => {}
            Next::End(after) => tasks.push((now() + after.0, Task::End(number))),
            Next::Look(after) => tasks.push((now() + after.0, Task::Look(number))),
        }
    }
    nemesis.heal_all(stage)?;
    let down = stage
        .cast
        .hosts(|role| matches!(role, Role::Broker(_) | Role::Controller(_) | Role::Member(..)));
    down.into_iter().try_for_each(|host| stage.start(host))
}

/// Whether the producer of `host` has sent all that it was to send.
fn is_done(stage: &Stage<'_>, host: crate::network::Host) -> bool {
    match stage.cast.player(host).role {
        Role::Producer(index, ..) => stage.plan.producers[usize::from(index)].records.is_some(),
        _ => false,
    }
}

/// Lets producers finish, groups catch up and in-sync sets fill, as long as the plan allows it.
fn settle(stage: &mut Stage<'_>) -> Result<(), String> {
    let is_producer: fn(Role) -> bool = |role| matches!(role, Role::Producer(..));
    for host in stage.running(is_producer) {
        stage.with(host, Process::stop)?;
    }
    let patience = Duration::from_micros(stage.plan.settle.0);
    let mut calm = 0;
    let quiet = wait_for("quiet", patience, || {
        stage.exited();
        let over = stage.running(is_producer).is_empty();
        let is_calm = over && stage.is_drained()? && stage.is_in_sync()?;
        calm = if is_calm { calm + 1 } else { 0 };
        Ok(calm >= 5)
    });
    if let Err(why) = quiet {
        // What did not come to rest in time is for the judge to say.
        anstream::eprintln!("  {why}");
    }
    for host in stage.running(is_producer) {
        stage.kill(host)?;
    }
    Ok(())
}

/// Reads the logs, ends everything and writes the history.
fn conclude(stage: &mut Stage<'_>, history: &Path) -> Result<(), String> {
    let logs = stage.read_logs()?;
    let is_member: fn(Role) -> bool = |role| matches!(role, Role::Member(..) | Role::Spare(..));
    for host in stage.running(is_member) {
        stage.with(host, Process::stop)?;
    }
    let _ = wait_for("the members to leave", GOODBYE, || {
        stage.exited();
        Ok(stage.running(is_member).is_empty())
    });
    let metadata = stage.dump_metadata()?;
    for host in stage.running(|_| true) {
        stage.with(host, Process::kill)?;
    }
    phase(stage, Phase::End);
    let base = stage.journal.text(&stage.context);
    for (name, text) in [("base.jsonl", &base), ("metadata.txt", &metadata)] {
        let file = stage.java.output.join(name);
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    write_history(stage, &base, &metadata, &logs, history)
}

fn write_history(
    stage: &Stage<'_>,
    base: &str,
    metadata: &str,
    dump: &Path,
    history: &Path,
) -> Result<(), String> {
    let open = |file: &Path| {
        let opened = File::open(file).map(BufReader::new);
        opened.map_err(|error| format!("{}: {error}", file.display()))
    };
    let log = |host| {
        let name = stage.network.name(host);
        let file = stage.java.printed(name);
        file.exists().then(|| Log::read(name, open(&file)?)).transpose()
    };
    let logs = |is: fn(Role) -> bool| -> Result<Vec<Log>, String> {
        let hosts = stage.cast.hosts(is).into_iter();
        hosts.filter_map(|host| log(host).transpose()).collect()
    };
    let mut producers = logs(|role| matches!(role, Role::Producer(..)))?;
    for log in &mut producers {
        let file = stage.java.logged(&log.name);
        log.hear(open(&file)?)?;
    }
    let consumers = logs(|role| matches!(role, Role::Member(..) | Role::Spare(..)))?;
    let dump = Dump::read(open(dump)?)?;
    let base = Base::read(base.as_bytes()).map_err(|problem| problem.shown("base.jsonl"))?;
    let metadata = Metadata::read(metadata.as_bytes())?;
    let merged = merge(&base, &producers, &consumers, Some(&dump), Some(&metadata))?;
    let told = |error: std::io::Error| format!("{}: {error}", history.display());
    // It appears when it is complete.
    let part = history.with_extension("part");
    let file = File::create(&part).map_err(told)?;
    let mut file = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    merged.write(&mut file).map_err(told)?;
    file.finish().map_err(told)?;
    std::fs::rename(&part, history).map_err(told)
}
