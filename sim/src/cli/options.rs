//! Options of `run` that can be set in more than one place: each has one row here, with its parser, and
//! is typed the same as a flag, in the environment and in `ackproof.toml`. Where a value comes from is
//! [`super::config`]'s.

use super::args::{Flags, Format};
use super::seeds::{Wanted, parse_seed, parse_seeds};
use ackproof::world::bounds::MAX_EVENTS_AT_ONCE;
use ackproof_reports::sweep::Part;
use ackproof_scenario::durations::duration;
use clap::ValueEnum;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

/// What was chosen, wherever it was said.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Which seeds; none: not said.
    pub(crate) seeds: Option<Wanted>,
    /// Wall time for the whole sweep.
    pub(crate) budget: Option<Duration>,
    /// Runs at the same time; none: one a core.
    pub(crate) jobs: Option<NonZeroUsize>,
    pub(crate) partition: Option<Part>,
    pub(crate) swarm: bool,
    pub(crate) fail_fast: bool,
    pub(crate) check_determinism: bool,
    /// Wall time of one run.
    pub(crate) run_timeout: Duration,
    /// Events of one run while simulated time stands still.
    pub(crate) max_events_at_once: u64,
    /// Where schedules of failures go; none: nowhere.
    pub(crate) failures: Option<PathBuf>,
    pub(crate) quiet: bool,
    /// What goes to stdout.
    pub(crate) format: Format,
    /// What goes to files.
    pub(crate) files: Files,
}

/// Where schedules of failures go unless somebody says otherwise.
pub(crate) const FAILURES: &str = "ackproof-failures";

/// Files to write, by what is written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub(crate) json: Option<PathBuf>,
    pub(crate) jsonl: Option<PathBuf>,
    pub(crate) junit: Option<PathBuf>,
    pub(crate) github: Option<PathBuf>,
    pub(crate) html: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seeds: None,
            budget: None,
            jobs: None,
            partition: None,
            swarm: false,
            fail_fast: false,
            check_determinism: false,
            run_timeout: Duration::from_secs(300),
            max_events_at_once: MAX_EVENTS_AT_ONCE,
            failures: Some(PathBuf::from(FAILURES)),
            quiet: false,
            format: Format::Human,
            files: Files::default(),
        }
    }
}

type Set = fn(&mut Options, &str) -> Result<(), String>;

/// One option.
pub(crate) struct Key {
    /// As in `--run-timeout`, and as the key in a file.
    pub(crate) name: &'static str,
    /// The value if nobody says anything, for people; empty: there is none.
    pub(crate) default: &'static str,
    /// Reads a value.
    pub(crate) set: Set,
    /// The value of the flag.
    pub(crate) flag: fn(&Flags) -> Option<&String>,
}

impl Key {
    /// `ACKPROOF_RUN_TIMEOUT`.
    pub(crate) fn variable(&self) -> String {
        format!("ACKPROOF_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// Every option, in the order in which they are shown.
pub(crate) const KEYS: &[Key] = &[
    Key { name: "seed", default: "0", set: seed, flag: |flags| flags.seed.as_ref() },
    Key { name: "seeds", default: "", set: seeds, flag: |flags| flags.seeds.as_ref() },
    Key { name: "budget", default: "", set: budget, flag: |flags| flags.budget.as_ref() },
    Key { name: "jobs", default: "", set: jobs, flag: |flags| flags.jobs.as_ref() },
    Key { name: "partition", default: "", set: partition, flag: |flags| flags.partition.as_ref() },
    Key {
        name: "swarm",
        default: "false",
        set: |options, text| switch(text).map(|on| options.swarm = on),
        flag: |flags| flags.swarm.as_ref(),
    },
    Key {
        name: "fail-fast",
        default: "false",
        set: |options, text| switch(text).map(|on| options.fail_fast = on),
        flag: |flags| flags.fail_fast.as_ref(),
    },
    Key {
        name: "check-determinism",
        default: "false",
        set: |options, text| switch(text).map(|on| options.check_determinism = on),
        flag: |flags| flags.check_determinism.as_ref(),
    },
    Key {
        name: "run-timeout",
        default: "5m",
        set: run_timeout,
        flag: |flags| flags.run_timeout.as_ref(),
    },
    Key {
        name: "max-events-at-once",
        default: "1000000",
        set: max_events_at_once,
        flag: |flags| flags.max_events_at_once.as_ref(),
    },
    Key {
        name: "failures",
        default: FAILURES,
        set: |options, text| {
            file(text).map(|path| options.failures = path.filter(|path| path.as_os_str() != "none"))
        },
        flag: |flags| flags.failures.as_ref(),
    },
    Key {
        name: "quiet",
        default: "false",
        set: |options, text| switch(text).map(|on| options.quiet = on),
        flag: |flags| flags.quiet.as_ref(),
    },
    Key { name: "format", default: "human", set: format, flag: |flags| flags.format.as_ref() },
    Key {
        name: "json",
        default: "",
        set: |options, text| file(text).map(|path| options.files.json = path),
        flag: |flags| flags.json.as_ref(),
    },
    Key {
        name: "jsonl",
        default: "",
        set: |options, text| file(text).map(|path| options.files.jsonl = path),
        flag: |flags| flags.jsonl.as_ref(),
    },
    Key {
        name: "junit",
        default: "",
        set: |options, text| file(text).map(|path| options.files.junit = path),
        flag: |flags| flags.junit.as_ref(),
    },
    Key {
        name: "github",
        default: "",
        set: |options, text| file(text).map(|path| options.files.github = path),
        flag: |flags| flags.github.as_ref(),
    },
    Key {
        name: "html",
        default: "",
        set: |options, text| file(text).map(|path| options.files.html = path),
        flag: |flags| flags.html.as_ref(),
    },
];

/// A parser for clap that leaves the text as it is: what it means is decided when all places are known.
pub(crate) fn valid(name: &'static str) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text| {
        let key = KEYS.iter().find(|key| key.name == name).expect("every flag has its row");
        (key.set)(&mut Options::default(), text).map(|()| text.to_owned())
    }
}

fn seed(options: &mut Options, text: &str) -> Result<(), String> {
    options.seeds = Some(Wanted::one(parse_seed(text)?));
    Ok(())
}

fn seeds(options: &mut Options, text: &str) -> Result<(), String> {
    options.seeds = Some(parse_seeds(text)?);
    Ok(())
}

fn budget(options: &mut Options, text: &str) -> Result<(), String> {
    options.budget = Some(wall(text)?);
    Ok(())
}

fn run_timeout(options: &mut Options, text: &str) -> Result<(), String> {
    options.run_timeout = wall(text)?;
    Ok(())
}

/// A length of wall time, above 0.
pub(crate) fn wall(text: &str) -> Result<Duration, String> {
    let micros = duration(text)?.0;
    if micros == 0 {
        return Err("no time at all is too little".to_owned());
    }
    Ok(Duration::from_micros(micros))
}

/// More than this many threads only wait for each other.
const MAX_JOBS: usize = 1024;

fn jobs(options: &mut Options, text: &str) -> Result<(), String> {
    options.jobs = Some(parse_jobs(text)?);
    Ok(())
}

/// Threads to work on: as many as `jobs`, or one a core.
pub(crate) fn threads(jobs: Option<NonZeroUsize>) -> NonZeroUsize {
    jobs.unwrap_or_else(|| std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

/// A number of threads.
pub(crate) fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    let jobs = text.parse::<NonZeroUsize>().ok().filter(|jobs| jobs.get() <= MAX_JOBS);
    jobs.ok_or_else(|| format!("\"{text}\" is not a number from 1 to {MAX_JOBS}"))
}

/// More parts than anybody has machines.
const MAX_PARTS: u64 = 1_000_000;

fn partition(options: &mut Options, text: &str) -> Result<(), String> {
    let wrong = || format!("\"{text}\" is not a part; write \"3/8\" for the third of eight");
    let (index, of) = text.split_once('/').ok_or_else(wrong)?;
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    let (index, of) = (number(index)?, number(of)?);
    if index == 0 || index > of || of > MAX_PARTS {
        return Err(wrong());
    }
    options.partition = Some(Part { index, of });
    Ok(())
}

fn max_events_at_once(options: &mut Options, text: &str) -> Result<(), String> {
    let number = text.parse::<u64>().ok().filter(|number| *number > 0);
    options.max_events_at_once =
        number.ok_or_else(|| format!("\"{text}\" is not a number from 1"))?;
    Ok(())
}

fn format(options: &mut Options, text: &str) -> Result<(), String> {
    options.format = Format::from_str(text, false).map_err(|_| {
        let all = Format::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = all.map(|value| value.get_name().to_owned()).collect();
        format!("\"{text}\" is not a format; the formats are {}", names.join(", "))
    })?;
    Ok(())
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(format!("\"{text}\" is neither true nor false")),
    }
}

/// An empty name takes back what was said elsewhere.
#[expect(clippy::unnecessary_wraps, reason = "a parser like the others")]
fn file(text: &str) -> Result<Option<PathBuf>, String> {
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_that_is_shown_is_the_default() {
        let mut options = Options::default();
        for key in KEYS.iter().filter(|key| !key.default.is_empty() && key.name != "seed") {
            (key.set)(&mut options, key.default).unwrap();
        }
        assert_eq!(format!("{options:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (name, text) in [
            ("jobs", "0"),
            ("jobs", "1025"),
            ("partition", "0/3"),
            ("partition", "4/3"),
            ("partition", "3"),
            ("budget", "0s"),
            ("budget", "soon"),
            ("format", "xml"),
            ("fail-fast", "maybe"),
            ("max-events-at-once", "0"),
        ] {
            assert!(valid(name)(text).is_err(), "{name} {text}");
        }
        assert_eq!(valid("partition")("3/3"), Ok("3/3".to_owned()));
    }
}
