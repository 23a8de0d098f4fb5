//! The command line as a user runs it: the binary, fresh directories, exit statuses.
//!
//! What it is asked to run is written here, small and quick; what real scenarios come to is the
//! business of other tests.

use crate::support::binary;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// `ackproof` in `directory`, without the caller's environment for logs and colours.
pub(crate) fn ackproof(directory: &Path) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(directory).stdin(Stdio::null());
    let own = |name: &str| {
        ["RUST_LOG", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "GITHUB_STEP_SUMMARY"]
            .contains(&name)
            || name.starts_with("ACKPROOF_")
    };
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(own) {
            command.env_remove(variable);
        }
    }
    // Failures are kept where a test looks for them.
    command.env("ACKPROOF_FAILURES", "none");
    command
}

/// What a command came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) talk: String,
}

pub(crate) fn finish(output: Output) -> Ran {
    let ran = Ran {
        status: output.status.code().expect("it ends by itself"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        talk: String::from_utf8(output.stderr).expect("UTF-8"),
    };
    assert!(!ran.talk.contains("panicked"), "{ran:?}");
    ran
}

pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Ran {
    finish(ackproof(directory).args(arguments).output().expect("the binary starts"))
}

pub(crate) fn directory() -> TempDir {
    tempfile::tempdir().expect("a fresh directory")
}

/// A run of some seconds without a fault, with more at the end of it.
pub(crate) fn scenario(more: &str) -> String {
    format!(
        r#"{{
  "topics": {{ "payments": {{ "config": {{ "min.insync.replicas": 2 }} }} }},
  "producers": {{ "billing": {{ "rate": "20/s", "config": {{ "acks": "all" }} }} }},
  "groups": {{ "ledger": {{ "config": {{ "auto.offset.reset": "earliest" }} }} }},
  "run": {{ "load": "10s", "settle": "20s" }}{more}
}}"#
    )
}

pub(crate) const MET: &str = "";
pub(crate) const VIOLATED: &str = r#", "expect": { "lost": { "min": 1 } }"#;
pub(crate) const INCONCLUSIVE: &str = r#", "expect": { "witness": { "fenced": 1 } }"#;

pub(crate) fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    std::fs::create_dir_all(path.parent().expect("below the directory")).expect("it can be made");
    std::fs::write(path, text).expect("it can be written");
}

/// Exit status 2, nothing on stdout, and each of `said` on stderr.
fn refused(directory: &Path, arguments: &[&str], said: &[&str]) {
    let ran = run(directory, arguments);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{arguments:?}: {ran:?}");
    for words in said {
        assert!(ran.talk.contains(words), "{arguments:?} does not say {words:?}:\n{}", ran.talk);
    }
}

#[test]
fn what_cannot_be_run_is_refused_with_its_place() {
    let directory = directory();
    let fault = |fault: &str| scenario(&format!(r#", "faults": [ {fault} ]"#));
    let typo = scenario(MET).replace("min.insync.replicas", "min.insync.replica");
    let unit = scenario(MET).replace("10s", "10 parsecs");
    let files = [
        ("typo.json", typo, ["typo.json:2:", "min.insync.replicas"]),
        ("unit.json", unit, ["unit.json:5:", "10 parsecs"]),
        (
            "fault.json",
            fault(r#"{ "at": "1s", "crash": "broker-9" }"#),
            ["fault.json:5:", "broker-9"],
        ),
        ("broken.json", "{ \"topics\": {".to_owned(), ["broken.json:1:", "error:"]),
        ("empty.json", String::new(), ["empty.json", "ackproof new"]),
        ("list.json", "[1, 2]".to_owned(), ["list.json:1:1", "error:"]),
    ];
    for (name, text, said) in files {
        write(directory.path(), name, &text);
        refused(directory.path(), &["run", name], &said);
    }
    refused(directory.path(), &["run", "none.json"], &["none.json"]);
    std::fs::write(directory.path().join("latin.json"), b"{ \"name\": \"\xe9\" }").unwrap();
    refused(directory.path(), &["run", "latin.json"], &["latin.json"]);
    let large = std::fs::File::create(directory.path().join("large.json")).unwrap();
    large.set_len(100 << 20).unwrap();
    refused(directory.path(), &["run", "large.json"], &["large.json", "104857600 bytes"]);
    // The mistakes of all files are told, and nothing is run.
    refused(directory.path(), &["run", "."], &["typo.json:2:", "unit.json:5:", "large.json"]);
}

/// A mistake in a value of the command line is marked there, whatever its path is short for.
#[test]
fn a_mistake_in_set_is_marked_on_the_command_line() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    for (set, marks) in [
        ("acks=9", "  |      ^"),
        ("members=none", "  |         ^^^^"),
        ("run.laod=5s", "  | ^^^^^^^^"),
        ("producers.biling.rate=1/s", "  | ^^^^^^^^^^^^^^^^^^^^^"),
    ] {
        let shown = format!("1 | {set}\n{marks}");
        refused(directory.path(), &["run", "a.json", "--set", set], &["--> --set:1:", &shown]);
    }
    let both = ["--set", "commit=sync-per-record", "--set", "enable.auto.commit=true"];
    let arguments = [&["run", "a.json"][..], &both].concat();
    refused(
        directory.path(),
        &arguments,
        &["1 | commit=sync-per-record", "1 | enable.auto.commit=true"],
    );
}

/// A deploy takes one member after the other, an outage of the group all at once; and a schedule of either
/// is the same run.
#[test]
fn all_members_are_hit_at_once_or_in_turn() {
    let directory = directory();
    let path = directory.path();
    let group = |fault: &str| {
        let members = r#""ledger": { "members": 3, "#;
        let more = format!(r#", "faults": [ {{ "at": "5s", {fault}, "for": "1s" }} ]"#);
        let text = scenario(&more).replace(r#""ledger": { "#, members);
        text.replace(r#""load": "10s""#, r#""load": "40s""#)
    };
    for (fault, verb) in [
        (r#""rolling-restart": "members of ledger""#, "restarted"),
        (r#""crash": "all members of ledger""#, "crashed"),
        (r#""pause": "all members of ledger""#, "paused"),
    ] {
        write(path, "a.json", &group(fault));
        let report = crate::cli_reports::json(path, &["run", "a.json"]);
        let faults = report["faults"].as_array().unwrap();
        let mut hit: Vec<&str> =
            faults.iter().map(|one| one["target"].as_str().expect(verb)).collect();
        hit.sort_unstable();
        assert_eq!(hit, ["ledger-0", "ledger-1", "ledger-2"], "{verb}: {faults:#?}");
        let at = |index: usize| faults[index]["at_ms"].as_u64().unwrap();
        assert_eq!(at(0) == at(2), verb != "restarted", "{faults:#?}");
        let saved = run(path, &["run", "a.json", "--save-schedule", "s.json", "--force"]);
        assert_eq!(saved.status, 0, "{saved:?}");
        let again = crate::cli_reports::json(path, &["replay", "s.json"]);
        assert_eq!(again["digest"], report["digest"], "{verb}");
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    for (arguments, said) in [
        (vec!["run"], "FILE|DIR"),
        (vec!["run", "a.json", "--bogus"], "--bogus"),
        (vec!["run", "a.json", "--seed", "-1"], "'-1'"),
        (vec!["run", "a.json", "--seed", "18446744073709551615"], "not a seed"),
        (vec!["run", "a.json", "--seeds", "5..4"], "goes backwards"),
        (vec!["run", "a.json", "--seed", "1", "--seeds", "2"], "cannot be used with"),
        (vec!["run", "a.json", "--jobs", "0"], "from 1 to"),
        (vec!["run", "a.json", "--set", "acks"], "path=value"),
        (vec!["run", "a.json", "--set", "producers.biling.rate=1/s"], "billing"),
        (vec!["run", "a.json", "--trace", "--seeds", "2"], "one run"),
        (vec!["list", "nonsense"], "properties"),
    ] {
        refused(directory.path(), &arguments, &[said]);
    }
}

#[test]
fn the_status_is_the_worst_of_what_was_run() {
    let directory = directory();
    let path = directory.path();
    write(path, "all/1-met.json", &scenario(MET));
    write(path, "all/deep/2-inconclusive.json", &scenario(INCONCLUSIVE));
    write(path, "all/3-violated.json", &scenario(VIOLATED));
    write(path, "all/scenario.schema.json", "{}");
    write(path, "all/notes.txt", "no scenario");
    std::fs::create_dir(path.join("empty")).unwrap();
    let status = |arguments: &[&str]| {
        let all = [&["run"], arguments].concat();
        run(path, &all).status
    };
    let (met, unsure, violated) =
        ("all/1-met.json", "all/deep/2-inconclusive.json", "all/3-violated.json");
    assert_eq!(status(&[met]), 0);
    assert_eq!(status(&[unsure]), 3);
    assert_eq!(status(&[violated]), 1);
    assert_eq!(status(&["empty"]), 2);
    assert_eq!(status(&[met, "empty"]), 2);
    assert_eq!(status(&[met, "--seeds", "7..7"]), 4);
    assert_eq!(status(&[met, "--seeds", "7..6"]), 2);
    assert_eq!(status(&[met, unsure]), 3);
    assert_eq!(status(&["all", "--jobs", "2"]), 1);
    assert_eq!(status(&[met, "--seeds", "2", "--check-determinism"]), 0);
    let files: Vec<String> = crate::cli_reports::json(path, &["run", "all"])["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, [met, violated, unsure], "sorted by path");
}

#[test]
fn a_reader_that_goes_away_is_no_error_and_a_full_disk_is_one() {
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    for arguments in [&["run", "a.json"][..], &["run", "a.json", "--trace"], &["list"]] {
        let mut child = ackproof(directory.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = finish(child.wait_with_output().unwrap());
        assert_eq!(ran.status, 0, "{arguments:?}: {ran:?}");
        assert!(!ran.talk.contains("error"), "{arguments:?}: {ran:?}");
        if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
            let output = ackproof(directory.path()).args(arguments).stdout(full).output();
            let ran = finish(output.unwrap());
            assert_eq!(ran.status, 2, "{arguments:?}: {ran:?}");
            assert!(ran.talk.contains("cannot write the result"), "{arguments:?}: {ran:?}");
        }
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_tells_what_it_has() {
    use std::io::{BufRead, BufReader, Read};
    let directory = directory();
    write(directory.path(), "a.json", &scenario(MET));
    let mut child = ackproof(directory.path())
        .args(["run", "a.json", "--seeds", "5000", "--jobs", "1", "--format", "json"])
        .env("RUST_LOG", "ackproof::study::trial=info")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    // The second run begins when the first is done.
    while !line.contains("seed=1") {
        line.clear();
        assert!(talk.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut rest = String::new();
    talk.read_to_string(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted"], true);
    let done = report["scenarios"][0]["seeds"]["run"].as_u64().unwrap();
    assert!((1..5000).contains(&done), "{done}");
    assert!(rest.contains("interrupted"), "{rest}");
}
