//! `ackproof-real`: runs scenarios against a real Apache Kafka on this machine and leaves their histories, for
//! `ackproof check` and `ackproof validate`. [`main`] reads the command line; [`run`] is one run.
//!
//! Tests on a real cluster take root, Java and what tests/real/setup fetches, so that they run only when asked:
//! `cargo test --release -p ackproof-real -- --ignored --test-threads 1`.

mod capacity;
mod cast;
mod commits;
mod disk;
mod host;
mod journal;
mod kafka;
mod members;
mod nemesis;
mod network;
mod observer;
mod orders;
mod possible;
mod process;
mod rolling;
mod run;
mod sandbox;
mod stage;
mod tails;
mod targets;

use ackproof::world::document::load;
use ackproof_scenario::plan::Plan;
use ackproof_types::words::plural;
use clap::{Args, Parser, Subcommand};
use possible::Able;
use run::Places;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What `--help` says below the options.
const HELP: &str = "\
Example:
  ackproof-real doctor

Exit status: 0 it is done, 1 a run failed, 2 usage or scenario error, or this machine lacks something, \
130 interrupted.";

const RUN: &str = "\
Example:
  ackproof-real run scenarios/real/leader-kill.json --runs 1

Exit status: 0 every history is there, 1 a run failed, 2 usage or scenario error, or this machine lacks \
something, 130 interrupted.";

const DOCTOR: &str = "\
Example:
  ackproof-real doctor

Exit status: 0 nothing is missing, 2 usage error, or this machine lacks something.";

const ABOUT: &str = "\
Example:
  ackproof-real about

Exit status: 0 it is said, 2 usage error, or this machine lacks something.";

const CAPACITY: &str = "\
Example:
  ackproof-real capacity --folder /var/lib

Exit status: 0 it is said, 1 the server did not answer, 2 usage error, or this machine lacks something.";

/// What a run takes beside its load, in seconds: a cluster is set up, its end is read, JVMs start on two cores.
const BESIDE_LOAD: u64 = 80;

/// Runs ackproof's scenarios against a real Apache Kafka, and keeps what happened as histories.
#[derive(Debug, Parser)]
#[command(version, after_help = HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios, each several times.
    #[command(after_help = RUN)]
    Run(Run),
    /// Say what this machine lacks for it.
    #[command(after_help = DOCTOR)]
    Doctor(Doctor),
    /// Say in a line what runs are made with here: versions and machine.
    #[command(after_help = ABOUT)]
    About(Doctor),
    /// Measure what a request costs a broker here, and print it as `cluster.capacity` of a scenario.
    #[command(after_help = CAPACITY)]
    Capacity(Capacity),
    /// One run, inside its namespaces.
    #[command(hide = true)]
    Inside(Inside),
}

#[derive(Debug, Args)]
struct Doctor {
    /// Kafka's artifacts, as tests/real/setup fetches them.
    #[arg(long, value_name = "DIR", default_value = "target/real/jars")]
    jars: PathBuf,
}

#[derive(Debug, Args)]
struct Run {
    /// Scenario files.
    #[arg(required = true)]
    scenarios: Vec<PathBuf>,
    /// Runs of each scenario; run N has seed N, which decides what the file leaves to chance.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..))]
    runs: u64,
    /// Where histories go: DIR/SCENARIO/RUN.jsonl.gz, and beside them, in DIR/SCENARIO/RUN/, what every broker and
    /// client printed (2 MB a run). A history that is there is not made again.
    #[arg(short, long, value_name = "DIR", default_value = "target/real/histories")]
    output: PathBuf,
    #[command(flatten)]
    doctor: Doctor,
}

#[derive(Debug, Args)]
struct Capacity {
    /// How often everything is measured; the median counts. A round takes a minute.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// Where the data of the broker goes: a folder on the disk to be measured. Temporary files' unless given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    #[command(flatten)]
    doctor: Doctor,
}

#[derive(Debug, Args)]
struct Inside {
    scenario: PathBuf,
    #[arg(long)]
    seed: u64,
    #[arg(long)]
    jars: PathBuf,
    #[arg(long)]
    work: PathBuf,
    #[arg(long)]
    history: PathBuf,
    #[arg(long)]
    keep: PathBuf,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Done = 0,
    Failed = 1,
    Refused = 2,
    Interrupted = 130,
}

fn main() -> ExitCode {
    let status = match Cli::parse().command {
        Command::Run(arguments) => run_all(&arguments),
        Command::Doctor(arguments) => doctor(&arguments),
        Command::About(arguments) => about(&arguments),
        Command::Capacity(arguments) => capacity(&arguments),
        Command::Inside(arguments) => inside(&arguments),
    };
    ExitCode::from(status as u8)
}

/// Says `error`; the status that goes with it.
fn refuse(error: &str, status: Status) -> Status {
    anstream::eprintln!("error: {error}");
    status
}

/// Whether this machine has all that runs need; says what it lacks.
fn is_equipped(arguments: &Doctor) -> bool {
    let missing = host::missing(&arguments.jars);
    missing.iter().for_each(|one| anstream::eprintln!("error: {one}"));
    missing.is_empty()
}

fn doctor(arguments: &Doctor) -> Status {
    if !is_equipped(arguments) {
        return Status::Refused;
    }
    let Able { delays, powers } = Able::here();
    let has = |able| if able { "has" } else { "has no" };
    anstream::println!(
        "all there; the kernel {} netem, and {} /dev/fuse",
        has(delays),
        has(powers)
    );
    Status::Done
}

fn about(arguments: &Doctor) -> Status {
    let Some(version) = kafka::version(&arguments.jars) else { return doctor(arguments) };
    anstream::println!("Apache Kafka {version}, Java {}; {}", host::java(), host::machine());
    Status::Done
}

fn capacity(arguments: &Capacity) -> Status {
    let Capacity { rounds, folder, doctor } = arguments;
    if kafka::version(&doctor.jars).is_none() {
        let jars = doctor.jars.display();
        let error = format!("no Kafka in {jars}: tests/real/setup fetches it from Maven Central");
        return refuse(&error, Status::Refused);
    }
    match capacity::measure(&doctor.jars, folder.as_ref(), usize::try_from(*rounds).unwrap_or(1)) {
        Ok(text) => {
            about(doctor);
            anstream::println!("{}", text.trim_end());
            Status::Done
        }
        Err(error) => refuse(&error, Status::Failed),
    }
}

/// The plan of a scenario file with the Kafka of `jars`, whatever line the file names; says what is wrong with it.
fn plan(file: &Path, jars: &Path) -> Option<Plan> {
    let shown = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => {
            refuse(&format!("{shown}: {error}"), Status::Refused);
            return None;
        }
    };
    let line = kafka::line(jars).map(|line| ("kafka".to_owned(), line.name().to_owned()));
    match load(&text, &shown, line.as_slice()) {
        Ok((plan, _)) => Some(plan),
        Err(mistakes) => {
            mistakes.iter().for_each(|one| anstream::eprintln!("{one}"));
            None
        }
    }
}

/// Whether a scenario can be run; says why not.
fn is_fit(file: &Path, arguments: &Run, able: Able, folders: &mut BTreeSet<PathBuf>) -> bool {
    let Some(plan) = plan(file, &arguments.doctor.jars) else { return false };
    let mut wrong = possible::impossible(&plan, able);
    wrong.iter_mut().for_each(|what| what.insert_str(0, "not possible here: "));
    let folder = folder(file, arguments);
    if wrong.is_empty()
        && let Err(error) = std::fs::create_dir_all(&folder)
    {
        wrong.push(format!("no folder {} for its histories: {error}", folder.display()));
    }
    if !folders.insert(folder) {
        wrong.push("its histories would be those of another file of this name".to_owned());
    }
    wrong.iter().for_each(|what| anstream::eprintln!("error: {}: {what}", file.display()));
    wrong.is_empty()
}

fn run_all(arguments: &Run) -> Status {
    if !is_equipped(&arguments.doctor) {
        return Status::Refused;
    }
    let able = Able::here();
    let mut folders = BTreeSet::new();
    // All of them, so that everything wrong is told at once.
    let fit = arguments.scenarios.iter().map(|file| is_fit(file, arguments, able, &mut folders));
    if fit.filter(|fit| !fit).count() > 0 {
        return Status::Refused;
    }
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&interrupted)) {
            return refuse(&format!("signals: {error}"), Status::Failed);
        }
    }
    anstream::eprintln!("{}", announced(arguments));
    let mut worst = Status::Done;
    for run in 1..=arguments.runs {
        for file in &arguments.scenarios {
            match one(file, run, arguments, &interrupted) {
                Ok(true) => {}
                Ok(false) if interrupted.load(Ordering::Relaxed) => return Status::Interrupted,
                Ok(false) => worst = Status::Failed,
                Err(error) => return refuse(&error, Status::Failed),
            }
        }
    }
    worst
}

/// What is to be done, and how long it takes: a run takes its load and some 80 s more on two cores.
fn announced(arguments: &Run) -> String {
    let missing = |file: &&PathBuf| {
        let folder = folder(file, arguments);
        (1..=arguments.runs).filter(|run| !history(&folder, *run).exists()).count() as u64
    };
    let each = arguments.scenarios.iter();
    let (mut runs, mut seconds) = (0, 0);
    for file in each {
        let count = missing(&file);
        let load = plan(file, &arguments.doctor.jars).map_or(0, |plan| plan.load.0 / 1_000_000);
        runs += count;
        seconds += count * (load + BESIDE_LOAD);
    }
    format!("{} to make, about {} min", plural(runs, "run"), seconds.div_ceil(60))
}

fn history(folder: &Path, run: u64) -> PathBuf {
    folder.join(format!("{run}.jsonl.gz"))
}

/// Where the histories of a scenario go.
fn folder(file: &Path, arguments: &Run) -> PathBuf {
    arguments.output.join(file.file_stem().unwrap_or_default())
}

/// Runs one scenario once; whether there is a history of it now.
fn one(file: &Path, run: u64, arguments: &Run, interrupted: &AtomicBool) -> Result<bool, String> {
    let stem = file.file_stem().unwrap_or_default();
    let folder = folder(file, arguments);
    let history = history(&folder, run);
    let shown = format!("{} run {run}", stem.to_string_lossy());
    if history.exists() {
        anstream::eprintln!("{shown}: there already");
        return Ok(true);
    }
    let work = tempfile::Builder::new().prefix("ackproof-real-").tempdir();
    let work = work.map_err(|error| format!("no folder for temporary files: {error}"))?;
    let seed = run.to_string();
    let mut inner: Vec<OsString> = vec!["inside".into(), file.into(), "--seed".into(), seed.into()];
    let keep = folder.join(run.to_string());
    for (name, path) in [
        ("--jars", &arguments.doctor.jars),
        ("--work", &work.path().to_owned()),
        ("--history", &history),
        ("--keep", &keep),
    ] {
        inner.extend([name.into(), path.into()]);
    }
    anstream::eprintln!("{shown}");
    let begun = std::time::Instant::now();
    let done = sandbox::run(&inner, interrupted)?;
    let word = match done {
        true => "done",
        false if interrupted.load(Ordering::Relaxed) => "interrupted",
        false => "failed",
    };
    anstream::eprintln!("{shown}: {word} after {} s", begun.elapsed().as_secs());
    if word == "failed" {
        anstream::eprintln!("{shown}: what its processes printed is in {}", keep.display());
    }
    Ok(done)
}

fn inside(arguments: &Inside) -> Status {
    let Some(plan) = plan(&arguments.scenario, &arguments.jars) else { return Status::Refused };
    let places = Places {
        jars: arguments.jars.clone(),
        work: arguments.work.clone(),
        history: arguments.history.clone(),
        keep: arguments.keep.clone(),
    };
    let outcome =
        sandbox::furnish(&places.work).and_then(|()| run::run(&plan, arguments.seed, &places));
    outcome.map_or_else(|error| refuse(&error, Status::Failed), |()| Status::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `run` of scenarios of this repository into an empty folder.
    fn arguments(output: &Path, scenarios: &[&str], runs: u64) -> Run {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/real");
        let scenarios = scenarios.iter().map(|stem| root.join(format!("{stem}.json"))).collect();
        let jars = output.join("jars");
        Run { scenarios, runs, output: output.to_owned(), doctor: Doctor { jars } }
    }

    #[test]
    fn what_is_there_is_not_counted_among_what_is_to_be_made() {
        let output = tempfile::tempdir().unwrap();
        let arguments = arguments(output.path(), &["no-faults", "leader-kill"], 3);
        let load: u64 = [37, 47].iter().map(|load| 3 * (load + BESIDE_LOAD)).sum();
        let expected = format!("6 runs to make, about {} min", load.div_ceil(60));
        assert_eq!(announced(&arguments), expected);
        let folder = folder(&arguments.scenarios[0], &arguments);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(history(&folder, 2), "").unwrap();
        assert!(announced(&arguments).starts_with("5 runs to make"), "{}", announced(&arguments));
    }

    #[test]
    fn two_files_of_one_name_would_share_a_folder() {
        let output = tempfile::tempdir().unwrap();
        let arguments = arguments(output.path(), &["no-faults"], 1);
        let mut folders = BTreeSet::new();
        assert!(is_fit(&arguments.scenarios[0], &arguments, Able::default(), &mut folders));
        assert!(
            !is_fit(&arguments.scenarios[0], &arguments, Able::default(), &mut folders),
            "again"
        );
        std::fs::create_dir_all(&arguments.doctor.jars).unwrap();
        std::fs::write(arguments.doctor.jars.join("kafka-clients-4.3.0.jar"), "").unwrap();
        let plan = plan(&arguments.scenarios[0], &arguments.doctor.jars).unwrap();
        assert_eq!(plan.kafka.name(), "4.3", "the binary's");
        assert!(!is_fit(Path::new("nowhere.json"), &arguments, Able::default(), &mut folders));
    }
}
