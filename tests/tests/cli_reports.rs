//! What the command line reports: one digest however it is run, a command that shows it again, JSON.

use crate::cli::{INCONCLUSIVE, MET, VIOLATED, ackproof, directory, finish, run, scenario, write};
use crate::support::binary;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// The object that `arguments` print with `--format json`.
pub(crate) fn json(directory: &Path, arguments: &[&str]) -> Value {
    let ran = run(directory, &[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_seed_is_one_run_however_it_is_run() {
    let directory = directory();
    let path = directory.path();
    let fault = r#", "faults": [ { "at": "5s", "pause": "broker-1", "for": "2s" } ]"#;
    write(path, "a.json", &scenario(fault));
    let digest = |more: &[&str], log: Option<&str>| {
        let mut command = ackproof(path);
        command.args(["run", "a.json", "--format", "json"]).args(more);
        log.map(|log| command.env("RUST_LOG", log));
        let ran = finish(command.output().unwrap());
        let text = if more.contains(&"--trace") { &ran.talk } else { &ran.out };
        let report: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        report["digest"].as_str().unwrap().to_owned()
    };
    let first = digest(&["--seed", "7"], None);
    assert_eq!(first.len(), 32);
    assert_eq!(digest(&["--seed", "7"], None), first, "in another process");
    assert_eq!(digest(&["--seed", "0x7", "--trace"], None), first, "with a trace");
    assert_eq!(digest(&["--seed", "7"], Some("debug")), first, "with a log");
    assert_ne!(digest(&["--seed", "8"], None), first, "of another seed");
    assert_ne!(digest(&["--seed", "7", "--set", "run.load=11s"], None), first, "of another plan");
}

#[test]
fn a_trace_is_the_history_and_the_report_goes_to_stderr() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    let ran = run(directory.path(), &["run", "a.json", "--trace"]);
    assert_eq!(ran.status, 0);
    let mut lines = ran.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(lines.next().unwrap()["ackproof"], "history", "the header first");
    let entries: Vec<Value> = lines.collect();
    for (seq, entry) in (0_u64..).zip(&entries) {
        assert_eq!(entry["seq"], seq);
    }
    assert!(
        ran.talk.starts_with("MET") && ran.talk.contains(&format!("{} entries", entries.len()))
    );
}

#[test]
fn a_log_has_simulated_time_and_the_process() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    let mut command = ackproof(directory.path());
    command.args(["run", "a.json"]).env("RUST_LOG", "ackproof::world::recorder=debug");
    let ran = finish(command.output().unwrap());
    let lines: Vec<&str> = ran.talk.lines().collect();
    assert!(lines.iter().any(|line| line.contains("at_us=") && line.contains("broker-1")));
    assert!(!ran.talk.contains('\u{1b}'), "no colours into a file");
}

#[test]
fn results_do_not_depend_on_the_number_of_jobs() {
    let directory = directory();
    write(directory.path(), "s/a.json", &scenario(MET));
    write(directory.path(), "s/b.json", &scenario(VIOLATED));
    for format in ["human", "json"] {
        let out = |jobs: &str| {
            let arguments = ["run", "s", "--seeds", "3..8", "--format", format, "--jobs", jobs];
            run(directory.path(), &arguments).out
        };
        assert_eq!(out("1"), out("2"), "{format}");
    }
    let report = json(directory.path(), &["run", "s", "--seeds", "3..8"]);
    assert_eq!(report["scenarios"][1]["seeds"]["violated"], serde_json::json!([3, 4, 5, 6, 7]));
}

/// The last line of a report, given to a shell that finds our binary.
fn again(directory: &Path, report: &str) -> Value {
    let line = report.lines().last().expect("a line");
    assert!(line.starts_with("ackproof run "), "{report}");
    let path = std::env::var("PATH").expect("a path");
    let binary = binary();
    let path = format!("{}:{path}", binary.parent().expect("a folder").display());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{line} --format json")]).env("PATH", path).current_dir(directory);
    let output = shell.output().expect("a shell");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[cfg(unix)]
#[test]
fn the_last_line_shows_the_run_again() {
    let directory = directory();
    let file = "it's my $HOME & all/a b.json";
    write(directory.path(), file, &scenario(VIOLATED));
    let set = "name=so \"quoted\", it's $HOME";
    let one = ["run", file, "--seed", "5", "--set", set, "--set", "producers.billing.rate=30/s"];
    let first = json(directory.path(), &one);
    assert_eq!(first["scenario"], "so \"quoted\", it's $HOME");
    let ran = run(directory.path(), &one);
    assert_eq!(ran.status, 1);
    assert_eq!(again(directory.path(), &ran.out), first);
    // Of a sweep: the first seed that fails, in full.
    let many = ["run", file, "--seeds", "5..8", "--set", set];
    let shown = again(directory.path(), &run(directory.path(), &many).out);
    assert_eq!((&shown["seed"], &shown["verdict"]), (&5.into(), &"violated".into()));
}

#[test]
fn json_fits_the_schemas_that_are_printed() {
    let directory = directory();
    let path = directory.path();
    let fault = r#", "faults": [ { "at": "8s", "crash": "leader of payments-0", "for": "1s" } ]"#;
    write(path, "a.json", &scenario(fault));
    write(path, "b.json", &scenario(INCONCLUSIVE));
    let fits = |schema: &str, value: &Value| {
        let schema = serde_json::from_str(&run(path, &["schema", schema]).out).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
    };
    let one = json(path, &["run", "a.json", "--seed", "3"]);
    fits("report", &one);
    assert_eq!(
        (&one["schema"], &one["seed"], &one["file"]),
        (&3.into(), &3.into(), &"a.json".into())
    );
    assert_eq!(one["faults"][0]["kind"], "crash");
    assert_eq!(one["faults"][0]["resolved_from"], "leader of payments-0");
    assert!(one["records"]["acked"].as_u64() > Some(100), "{one}");
    let many = json(path, &["run", ".", "--seeds", "2"]);
    fits("sweep", &many);
    assert_eq!(many["scenarios"][1]["reasons"][0]["expectation"], "witness.fenced");
}

#[test]
fn colours_are_for_terminals_and_who_asks() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    let coloured = |variable: Option<&str>| {
        let mut command = ackproof(directory.path());
        variable.map(|variable| command.env(variable, "1"));
        finish(command.args(["run", "a.json"]).output().unwrap()).out.contains('\u{1b}')
    };
    assert!(!coloured(None));
    assert!(!coloured(Some("NO_COLOR")));
    assert!(coloured(Some("CLICOLOR_FORCE")));
}
