//! What the tests share: where things are, scenarios as plans, runs as histories, work over all
//! cores, and the binary. It decides nothing.

use ackproof::world::run::{RunOutcome, run};
use ackproof_kafka::variant::Variant;
use ackproof_oracle::history::Entry;
use ackproof_oracle::measure::WITNESSES;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_from};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::SystemTime;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("the package is one level down").to_path_buf()
}

/// The text of a file of the repository.
pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file of the repository whose name ends so, relative to the root, sorted.
pub(crate) fn files(ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
            if path.is_dir() && name != "target" && name != ".git" {
                folders.push(path);
            } else if name.ends_with(ending) {
                let relative = path.strip_prefix(root()).expect("a path below the root");
                found.push(relative.to_str().expect("UTF-8").to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Every scenario file, relative to the root, sorted.
pub(crate) fn scenarios() -> Vec<String> {
    let is_scenario =
        |path: &String| path.starts_with("scenarios/") && path.matches('/').count() > 1;
    files(".json").into_iter().filter(is_scenario).collect()
}

/// A scenario, with values as `--set` takes them. Warnings are a failure: ours say nothing odd.
pub(crate) fn load(file: &str, sets: &[(&str, &str)]) -> Plan {
    let properties: Vec<&str> = PROPERTIES.iter().map(|property| property.name).collect();
    let variants: Vec<&str> = Variant::ALL.iter().map(|variant| variant.name()).collect();
    let names = Names { properties: &properties, witnesses: WITNESSES, variants: &variants };
    let sets: Vec<(String, String)> =
        sets.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect();
    let beside = root().join(file);
    let reader = |named: &str| {
        let text = fs::read_to_string(beside.with_file_name(named));
        text.map(|text| (named.to_owned(), text)).map_err(|error| error.to_string())
    };
    let (plan, warnings) = load_from(&read(file), (file, &reader), &names, &sets)
        .unwrap_or_else(|found| panic!("{file} does not load: {found:#?}"));
    assert!(warnings.is_empty(), "{file}: {warnings:#?}");
    plan
}

/// One run, without its history.
pub(crate) fn outcome(plan: &Plan, seed: u64) -> RunOutcome {
    run(plan, seed, None).unwrap_or_else(|panic| panic!("{} seed {seed}: {panic}", plan.name))
}

/// One run with its whole history.
pub(crate) fn history(plan: &Plan, seed: u64) -> (RunOutcome, Vec<Entry>) {
    let entries = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&entries);
    let trace = move |entry: &Entry, _: &_| {
        sink.lock().expect("no other thread writes").push(entry.clone());
    };
    let outcome = run(plan, seed, Some(Box::new(trace)))
        .unwrap_or_else(|panic| panic!("{} seed {seed}: {panic}", plan.name));
    let entries = std::mem::take(&mut *entries.lock().expect("the run is over"));
    (outcome, entries)
}

/// `work` on every item, over all cores; results in the order of the items.
pub(crate) fn parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    let result = work(item);
                    results.lock().expect("no worker panics here").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("all workers are done");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Fails with every line of `findings`, if there is one.
#[track_caller]
pub(crate) fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}

/// Runs the binary in the root of the repository.
pub(crate) fn ackproof(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(root()).env_remove("RUST_LOG");
    // The tree stays as it is.
    command.env("ACKPROOF_FAILURES", "none");
    command.output().expect("the binary starts")
}

/// The binary that cargo built beside this test. An old one would pass for the present one, so it must
/// not be older than any source that its dependency file names.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let binary = folder.join("ackproof").with_extension(std::env::consts::EXE_EXTENSION);
    let mend = "build it with the tests: cargo test --release --workspace";
    let built = modified(&binary).unwrap_or_else(|| panic!("no {}; {mend}", binary.display()));
    let sources = fs::read_to_string(folder.join("ackproof.d")).unwrap_or_default();
    for source in sources.split_whitespace().skip(1).map(Path::new) {
        let new = modified(source).is_some_and(|changed| changed > built);
        assert!(!new, "{} is newer than the binary; {mend}", source.display());
    }
    binary
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
