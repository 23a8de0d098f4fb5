//! A failure becomes small through the binary: a file that fails of the same, the same on any number of
//! threads, with its story; and what does not fail, or cannot be written, is said so.

use crate::cli::{ackproof, directory, run};
use crate::support::root;
use std::path::Path;

const CHAOS: &str = "scenarios/basics/chaos.json";

/// The path of a file of the repository.
fn at(file: &str) -> String {
    root().join(file).to_str().expect("UTF-8").to_owned()
}

/// The numbers before and after the arrow behind `what`; the same twice where there is no arrow.
fn reduction(out: &str, what: &str) -> (u64, u64) {
    let (_, rest) = out.split_once(&format!("{what} ")).unwrap_or_else(|| panic!("{what}: {out}"));
    let part = rest.split([',', '\n']).next().expect("a part");
    let mut numbers = part.split(" → ").map(|number| number.trim().parse().expect("a number"));
    let before = numbers.next().expect("one");
    (before, numbers.next().unwrap_or(before))
}

fn lines_of_story(out: &str) -> usize {
    let numbered = |line: &&str| {
        let (number, _) = line.split_once(". ").unwrap_or_default();
        !number.is_empty() && number.trim().bytes().all(|byte| byte.is_ascii_digit())
    };
    out.lines().filter(numbered).count()
}

/// Shrinks with more options, into `small.json`.
fn shrink(directory: &Path, more: &[&str]) -> (String, String) {
    let chaos = at(CHAOS);
    let arguments = [&["shrink", &chaos, "--force", "-o", "small.json"], more].concat();
    let ran = run(directory, &arguments);
    assert_eq!(ran.status, 0, "{ran:?}");
    let file = std::fs::read_to_string(directory.join("small.json")).expect("it is written");
    (ran.out, file)
}

#[test]
fn chaos_with_a_bug_becomes_a_handful_of_lines() {
    let directory = directory();
    for (seed, variant, property) in [
        ("0", "no-dedup", "idempotent-log"),
        ("0", "no-divergence-check", "log-matching"),
        ("5", "trunc-to-hw", "acked-durability"),
    ] {
        let set = format!("variants=[\"{variant}\"]");
        let more = ["--seed", seed, "--set", &set, "--property", property];
        let (out, file) = shrink(directory.path(), &more);
        assert!(out.contains(property), "{out}");
        assert!(reduction(&out, "faults").1 <= 3, "{out}");
        assert!(reduction(&out, "records").1 <= 5, "{out}");
        assert!(reduction(&out, "records").0 > 5000, "{out}");
        assert!((3..=10).contains(&lines_of_story(&out)), "{out}");
        assert!(file.lines().count() < 50, "{file}");
        // It fails of the same, and of nothing else; the bug is the reason.
        let again = run(directory.path(), &["replay", "small.json"]);
        assert_eq!(again.status, 1, "{again:?}");
        assert!(again.out.contains(&format!("because {property} is violated")), "{again:?}");
        assert!(!again.talk.contains("warning"), "{again:?}");
        let cured = run(directory.path(), &["replay", "small.json", "--set", "variants=[]"]);
        assert!(!cured.out.contains("VIOLATED"), "{cured:?}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let directory = directory();
    let acks = "producers.billing.config.acks=1";
    let more = ["--seed", "1", "--set", acks, "--runs", "60"];
    let one = shrink(directory.path(), &[&more[..], &["--jobs", "1"]].concat());
    let two = shrink(directory.path(), &[&more[..], &["--jobs", "2"]].concat());
    assert_eq!(one, two);
    assert!(one.0.contains("60 runs used up"), "the bound is kept, and said: {}", one.0);
    assert!(reduction(&one.0, "records").1 < 100, "{}", one.0);
}

/// Whoever is left behind fails sooner if it is given less time: that would be another failure.
#[test]
fn a_failure_to_recover_keeps_its_time_to_recover() {
    let directory = directory();
    let path = directory.path();
    let keeps = |settle: &str, expect: &str| {
        let crash = r#""faults": [{ "at": "5s", "crash": "broker-2", "for": "3s" }]"#;
        let slow = crate::cli::scenario(&format!(r#", {crash}, "expect": {{ {expect} }}"#));
        let slow = slow.replace(r#""ledger": { "#, r#""ledger": { "process": "1s", "#);
        let settle = format!(r#""settle": "{settle}""#);
        crate::cli::write(path, "slow.json", &slow.replace(r#""settle": "20s""#, &settle));
        let arguments = ["shrink", "slow.json", "-o", "small.json", "--force", "--runs", "60"];
        let small = run(path, &arguments);
        assert_eq!(small.status, 0, "{expect}: {small:?}");
        let file = std::fs::read_to_string(path.join("small.json")).expect("it is written");
        file.contains(&settle)
    };
    assert!(keeps("20s", r#""backlog": { "max": 0 }"#));
    assert!(keeps("2s", r#""recovers": "held""#));
}

#[test]
fn a_schedule_can_be_shrunk_too() {
    let directory = directory();
    let footgun = at("scenarios/footguns/no-idempotence-retry.json");
    let path = directory.path();
    let saved = run(path, &["run", &footgun, "--seed", "0", "--save-schedule", "a/b/s.json"]);
    assert!(saved.talk.contains("a/b/s.json"), "{saved:?}");
    let small = ["shrink", "a/b/s.json", "--property", "log_duplicates", "-o", "m.json"];
    let small = run(path, &small);
    assert_eq!(small.status, 0, "{small:?}");
    assert_eq!(reduction(&small.out, "records").1, 1, "{small:?}");
    let again = run(path, &["replay", "m.json", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&again.out).expect("JSON");
    assert_eq!(report["records"]["log_duplicates"], 1, "{report}");
    assert_eq!(report["seed"], 0, "the seed of the file");
}

#[test]
fn what_does_not_fail_is_not_shrunk() {
    let directory = directory();
    let chaos = at(CHAOS);
    let fine = run(directory.path(), &["shrink", &chaos, "--seed", "0"]);
    assert_eq!((fine.status, fine.out.as_str()), (4, ""), "{fine:?}");
    assert!(
        fine.talk.contains("nothing to shrink: seed 0 violates no property and no limit"),
        "{fine:?}"
    );
    let typo = run(directory.path(), &["shrink", &chaos, "--property", "acked-durabilty"]);
    assert_eq!(typo.status, 2, "{typo:?}");
    assert!(typo.talk.contains("did you mean \"acked-durability\"?"), "{typo:?}");
    let no = run(directory.path(), &["replay", &chaos]);
    assert_eq!(no.status, 2, "{no:?}");
    assert!(no.talk.contains("names no \"seed\""), "{no:?}");
}

#[test]
fn a_spent_budget_leaves_the_smallest_so_far() {
    let directory = directory();
    let more = ["--seed", "0", "--set", "variants=[\"no-dedup\"]", "--budget", "0s"];
    let (out, file) = shrink(directory.path(), &more);
    assert!(out.contains("the time is over"), "{out}");
    assert!(file.contains("\"sends\""), "a whole schedule: {} bytes", file.len());
}

#[test]
fn every_failure_leaves_a_schedule_and_says_where() {
    let directory = directory();
    let path = directory.path();
    let footgun = at("scenarios/footguns/acks-one-leader-crash.json");
    let held = "expect.acked-durability=held";
    let kept = |arguments: &[&str]| {
        let mut command = ackproof(path);
        command.env_remove("ACKPROOF_FAILURES").args(arguments);
        crate::cli::finish(command.output().expect("the binary starts"))
    };
    let single = kept(&["run", &footgun, "--seed", "1", "--set", held]);
    assert_eq!(single.status, 1, "{single:?}");
    let (_, file) = single.talk.trim().rsplit_once(": ").expect("it says where");
    assert!(file.starts_with("ackproof-failures/acks-one-leader-crash-"), "{file}");
    assert!(file.ends_with("-seed-1.json"), "{file}");
    let first: serde_json::Value = json(&kept(&["replay", file, "--format", "json"]).out);
    let run: serde_json::Value =
        json(&kept(&["run", &footgun, "--seed", "1", "--set", held, "--format", "json"]).out);
    assert_eq!(first["digest"], run["digest"], "it is that run");
    assert_eq!(first["verdict"], "violated");
    let sweep =
        kept(&["run", &footgun, "--seeds", "0..3", "--set", held, "--failures", "elsewhere"]);
    assert_eq!(sweep.status, 1, "{sweep:?}");
    let written = std::fs::read_dir(path.join("elsewhere")).expect("made").count();
    assert_eq!(written, 1, "one of each property: {}", sweep.talk);
    let off = kept(&["run", &footgun, "--seed", "2", "--set", held, "--failures", ""]);
    assert!(off.talk.is_empty(), "{}", off.talk);
}

/// Two scenarios of one file name, and one with other values, are three failures.
#[test]
fn failures_of_the_same_file_name_do_not_overwrite_each_other() {
    let directory = directory();
    let path = directory.path();
    let violated = crate::cli::scenario(crate::cli::VIOLATED);
    crate::cli::write(path, "one/same.json", &violated);
    crate::cli::write(path, "two/same.json", &violated);
    let kept = |arguments: &[&str]| {
        let all = [&["run"], arguments, &["--failures", "kept"]].concat();
        assert_eq!(run(path, &all).status, 1);
        std::fs::read_dir(path.join("kept")).expect("made").count()
    };
    assert_eq!(kept(&["one", "two"]), 2);
    assert_eq!(kept(&["one/same.json"]), 2, "the same again is the same file");
    assert_eq!(kept(&["one/same.json", "--set", "rate=30/s"]), 3);
}

#[test]
fn a_schedule_that_is_there_stays_unless_it_is_said() {
    let directory = directory();
    let path = directory.path();
    crate::cli::write(path, "a.json", &crate::cli::scenario(crate::cli::MET));
    crate::cli::write(path, "old.json", "mine");
    let footgun = at("scenarios/footguns/acks-one-leader-crash.json");
    for arguments in [
        vec!["shrink", &footgun, "--seed", "1", "-o", "old.json"],
        vec!["run", "a.json", "--save-schedule", "old.json"],
        vec!["new", "x", "-o", "old.json"],
    ] {
        let ran = run(path, &arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.talk.contains("old.json: there is one already"), "{ran:?}");
        assert_eq!(std::fs::read_to_string(path.join("old.json")).unwrap(), "mine");
    }
    crate::cli::write(path, "file", "");
    for arguments in [
        vec!["shrink", &footgun, "--seed", "1", "-o", "file/small.json"],
        vec!["run", "a.json", "--save-schedule", "file/a.json"],
        vec!["run", "a.json", "--failures", "file/failures"],
        vec!["explain", "a.json", "--save-schedules", "file/shown"],
        vec!["new", "x", "-o", "file/x.json"],
    ] {
        let ran = run(path, &arguments);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "before anything is run: {ran:?}");
        assert!(ran.talk.contains("cannot write file/"), "{ran:?}");
    }
    let made = run(path, &["new", "x", "-o", "deep/er/x.json"]);
    assert_eq!(made.status, 0, "{made:?}");
    assert_eq!(run(path, &["new", "x", "-o", "old.json", "--force"]).status, 0);
    assert_eq!(run(path, &["run", "a.json", "--save-schedule", "old.json", "--force"]).status, 0);
    assert!(std::fs::read_to_string(path.join("old.json")).unwrap().contains("sends"));
}

/// A member dies between the work and the commit: what was processed, how far commits were, what took the
/// member away and who was given the record again is all told.
#[test]
fn the_story_of_a_duplicate_has_its_cause() {
    let directory = directory();
    let path = directory.path();
    crate::cli::write(
        path,
        "crash.json",
        r#"{
  "topics": { "payments": { "partitions": 2 } },
  "producers": { "billing": { "rate": "100/s" } },
  "groups": { "ledger": { "members": 2, "process": "20ms", "config": { "auto.offset.reset": "earliest", "session.timeout.ms": 6000 } } },
  "faults": [{ "at": "15s", "crash": "all members of ledger", "for": "3s" }],
  "run": { "load": "30s", "settle": "60s" },
  "expect": { "duplicate_rate": { "max": 0 } }
}"#,
    );
    let ran = run(path, &["run", "crash.json"]);
    assert_eq!(ran.status, 1, "{ran:?}");
    let (_, story) = ran
        .out
        .split_once(
            "the first of them:
",
        )
        .expect("a story");
    let lines: Vec<&str> = story.lines().take_while(|line| line.starts_with("     ")).collect();
    let mut rest = lines.iter();
    for words in
        [" polled offsets ", " processed it", " crashed; ", " starts at ", " processed it again"]
    {
        assert!(rest.any(|line| line.contains(words)), "{words:?} in {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.contains("was committed")), "{lines:#?}");
    let small = run(path, &["shrink", "crash.json", "--property", "duplicates", "--runs", "40"]);
    assert_eq!(small.status, 0, "{small:?}");
    for words in ["processed it", "crashed; ", "processed it again", "was processed again: "] {
        assert!(small.out.contains(words), "{words:?}: {}", small.out);
    }
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).expect("JSON")
}
