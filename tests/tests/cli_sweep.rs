//! Sweeps as a user runs them: budgets, bounds, the first failure, commits as seeds, files, Ctrl-C.

use crate::cli::{INCONCLUSIVE, MET, VIOLATED, ackproof, directory, run, scenario, write};
use crate::cli_reports::json;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

const COMMIT: &str = "899b92c0ffee0123456789abcdef0123456789ab";

#[test]
fn a_budget_is_spent_seed_by_seed_and_changes_no_run() {
    let directory = directory();
    let path = directory.path();
    write(path, "all/a.json", &scenario(MET));
    write(path, "all/b.json", &scenario(MET));
    let report = json(path, &["run", "all", "--budget", "300ms", "--jobs", "1"]);
    let seeds = |index: usize| {
        let seeds = &report["scenarios"][index]["seeds"];
        (seeds["to"].as_u64().unwrap(), seeds["run"].as_u64().unwrap())
    };
    let ((to, ran), (_, second)) = (seeds(0), seeds(1));
    assert_eq!(to, ran, "from 0 on, without a gap");
    assert!(ran > 0 && (second == ran || second + 1 == ran), "in turn: {ran}, {second}");
    let again = json(path, &["run", "all/a.json", "--seeds", &format!("0..{}", ran.max(2))]);
    if ran > 1 {
        assert_eq!(again["scenarios"][0]["digest"], report["scenarios"][0]["digest"]);
    }
    // Whichever ends first.
    let both = json(path, &["run", "all", "--seeds", "5..7", "--budget", "10m"]);
    assert_eq!(both["scenarios"][1]["seeds"]["run"], 2);
    // A budget that was too small for a violation to show up proves nothing.
    let wants = r#", "expect": { "acked-durability": "violated" }"#;
    write(path, "c.json", &scenario(wants));
    assert_eq!(run(path, &["run", "c.json", "--budget", "200ms"]).status, 3);
    assert_eq!(run(path, &["run", "c.json", "--seeds", "2"]).status, 1);
    assert_eq!(run(path, &["run", "c.json", "--seeds", "3.."]).status, 2, "without an end");
}

#[test]
fn the_first_failure_ends_a_sweep_the_same_on_any_number_of_threads() {
    let directory = directory();
    let path = directory.path();
    write(path, "all/1-met.json", &scenario(MET));
    write(path, "all/2-violated.json", &scenario(VIOLATED));
    write(path, "all/3-met.json", &scenario(MET));
    let arguments = ["run", "all", "--seeds", "4..40", "--fail-fast", "--format", "json"];
    let one = run(path, &[&arguments[..], &["--jobs", "1"]].concat());
    let two = run(path, &[&arguments[..], &["--jobs", "2"]].concat());
    assert_eq!(one.status, 1);
    assert_eq!(one.out, two.out);
    let report: Value = serde_json::from_str(&one.out).unwrap();
    assert_eq!(report["stopped_by"]["file"], "all/2-violated.json");
    assert_eq!(report["stopped_by"]["seed"], 4);
    let ran: Vec<u64> =
        (0..3).map(|index| report["scenarios"][index]["seeds"]["run"].as_u64().unwrap()).collect();
    assert_eq!(ran, [1, 1, 0]);
}

#[test]
fn every_format_is_the_same_on_any_number_of_threads() {
    let directory = directory();
    let path = directory.path();
    write(path, "all/1-met.json", &scenario(MET));
    write(path, "all/2-unsure.json", &scenario(INCONCLUSIVE));
    write(path, "all/3-violated.json", &scenario(VIOLATED));
    let kinds = ["json", "jsonl", "junit", "github"];
    for jobs in ["1", "2"] {
        let files = kinds.map(|kind| (format!("--{kind}"), format!("{jobs}.{kind}")));
        let mut arguments = vec!["run", "all", "--seeds", "6", "--jobs", jobs];
        arguments.extend(files.iter().flat_map(|(flag, file)| [flag.as_str(), file.as_str()]));
        assert_eq!(run(path, &arguments).status, 1);
    }
    for kind in kinds {
        let read = |jobs| std::fs::read_to_string(path.join(format!("{jobs}.{kind}"))).unwrap();
        assert!(!read(1).is_empty());
        assert_eq!(read(1), read(2), "{kind}");
    }
    let left = std::fs::read_dir(path).unwrap().count();
    assert_eq!(left, 1 + 2 * kinds.len(), "nothing else is left behind");
}

#[test]
fn a_run_without_progress_is_ended_and_is_no_success() {
    let directory = directory();
    let path = directory.path();
    // It would take many seconds, so that the watchdog comes in time on a busy machine too.
    let long = scenario(MET).replace("10s", "60m").replace("20/s", "500/s");
    write(path, "a.json", &long);
    for bound in [["--max-events-at-once", "3"], ["--run-timeout", "20ms"]] {
        let arguments = [&["run", "a.json", "--seeds", "2"], &bound[..]].concat();
        assert_eq!(run(path, &arguments).status, 3, "{bound:?}");
        let report = json(path, &arguments);
        let scenario = &report["scenarios"][0];
        let bounded = scenario["bounded"].as_array().unwrap();
        assert_eq!(bounded.len(), 2, "{report}");
        let text = bounded[0]["text"].as_str().unwrap();
        assert!(text.contains(bound[0]), "it says how to raise the bound: {text}");
        assert_eq!(scenario["reasons"][0]["expectation"], "run");
        let single = run(path, &[&["run", "a.json"], &bound[..]].concat());
        assert_eq!(single.status, 3, "{single:?}");
        assert!(single.talk.contains(bound[0]), "{single:?}");
    }
}

#[test]
fn a_commit_is_a_seed_and_the_start_of_a_range() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let one = json(path, &["run", "a.json", "--seed", COMMIT]);
    let seed = one["seed"].as_u64().unwrap();
    assert!(seed > 1 << 20 && seed < 1 << 53, "every reader of JSON keeps it: {seed}");
    let upper = json(path, &["run", "a.json", "--seed", &COMMIT.to_uppercase()]);
    assert_eq!(upper["digest"], one["digest"]);
    let many = json(path, &["run", "a.json", "--seeds", &format!("{COMMIT}+3")]);
    assert_eq!(many["scenarios"][0]["seeds"]["from"], seed);
    assert_eq!(many["scenarios"][0]["seeds"]["to"], seed + 3);
    assert_eq!(run(path, &["run", "a.json", "--seeds", COMMIT]).status, 2, "how many?");
}

#[test]
fn what_cannot_be_written_is_told_with_its_path_before_anything_is_run() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    write(path, "file", "");
    for target in ["file/below.json", "."] {
        let ran = run(path, &["run", "a.json", "--seeds", "2", "--json", target]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{ran:?}");
        assert!(ran.talk.contains(&format!("cannot write {target}")), "{ran:?}");
    }
    if Path::new("/dev/full").exists() {
        for format in ["--json", "--jsonl", "--junit", "--github"] {
            let ran = run(path, &["run", "a.json", "--seeds", "2", format, "/dev/full"]);
            assert_eq!(ran.status, 2, "{ran:?}");
            assert!(ran.talk.contains("cannot write /dev/full"), "{ran:?}");
        }
        assert!(!std::fs::metadata("/dev/full").unwrap().is_file(), "a device stays one");
    }
    write(path, "old.json", "old");
    assert_eq!(run(path, &["run", "a.json", "--json", "old.json"]).status, 0);
    let new = std::fs::read_to_string(path.join("old.json")).unwrap();
    assert!(new.starts_with("{\"schema\""), "{new}");
}

#[test]
fn a_single_run_is_written_in_every_format_and_beside_its_trace() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(VIOLATED));
    let files = ["--json", "o.json", "--jsonl", "o.jsonl", "--junit", "o.xml", "--github", "o.md"];
    let ran = run(path, &[&["run", "a.json", "--seed", "5", "--trace"], &files[..]].concat());
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.out.lines().count() > 100 && ran.talk.starts_with("VIOLATED"), "{}", ran.talk);
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("o.json")).unwrap();
    let line: Value = serde_json::from_str(&read("o.jsonl")).unwrap();
    assert_eq!((&report["seed"], &report["digest"]), (&5.into(), &line["counts"]["digest"]));
    assert!(read("o.xml").contains("type=\"violated\""));
    assert!(read("o.md").contains("ackproof run a.json --seed 5"));
}

#[cfg(unix)]
#[test]
fn an_interrupted_sweep_writes_all_its_files() {
    use std::io::{BufRead, BufReader, Read};
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    let files = ["--json", "o.json", "--jsonl", "o.jsonl", "--junit", "o.xml", "--github", "o.md"];
    let mut child = ackproof(path)
        .args(["run", "a.json", "--seeds", "5000", "--jobs", "1"])
        .args(files)
        .env("RUST_LOG", "ackproof::study::trial=info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut talk = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("seed=2") {
        line.clear();
        assert!(talk.read_line(&mut line).unwrap() > 0, "it ended by itself");
    }
    assert!(!path.join("o.json").exists(), "a file appears when it is complete");
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    talk.read_to_string(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}");
    let read = |name: &str| std::fs::read_to_string(path.join(name)).unwrap();
    let report: Value = serde_json::from_str(&read("o.json")).unwrap();
    assert_eq!(report["interrupted"], true);
    let done = report["scenarios"][0]["seeds"]["run"].as_u64().unwrap();
    assert!((2..5000).contains(&done), "{done}");
    assert_eq!(read("o.jsonl").lines().count() as u64, done);
    assert!(read("o.xml").contains("type=\"interrupted\""), "no success");
    assert!(read("o.md").contains("Interrupted"), "and it says so");
}
