//! A sweep in parts: joined they are the whole, to the byte, and what does not belong together is refused.

use crate::cli::{INCONCLUSIVE, MET, VIOLATED, directory, run, scenario, write};
use serde_json::Value;
use std::path::Path;

const CRASHES: &str = r#", "faults": [
    { "between": ["1s", "9s"], "every": "1s..6s", "crash": "any broker", "for": "1s" } ],
  "expect": { "witness": { "process_crashed": 1 }, "duplicate_rate": { "max": 0.9 } }"#;

fn all(path: &Path) {
    write(path, "all/1-met.json", &scenario(MET));
    write(path, "all/2-unsure.json", &scenario(INCONCLUSIVE));
    write(path, "all/3-violated.json", &scenario(VIOLATED));
    write(path, "all/4-crashes.json", &scenario(CRASHES));
}

fn text(path: &Path, name: &str) -> String {
    std::fs::read_to_string(path.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The parts of `arguments`, in files `N.json`; returns their exit statuses.
fn parts(path: &Path, arguments: &[&str], of: u32) -> Vec<i32> {
    let part = |index: u32| {
        let (part, file) = (format!("{index}/{of}"), format!("{index}.json"));
        run(path, &[arguments, &["--partition", &part, "--json", &file]].concat()).status
    };
    (1..=of).map(part).collect()
}

#[test]
fn parts_joined_are_the_whole() {
    let directory = directory();
    let path = directory.path();
    all(path);
    joined_are_the_whole(path, 2, "3..9");
    joined_are_the_whole(path, 3, "0..7");
}

/// A schedule names its seed and is run once, by one of the parts.
#[test]
fn parts_with_schedules_among_the_files_are_the_whole_too() {
    let directory = directory();
    let path = directory.path();
    all(path);
    for (scenario, seed, schedule) in [
        ("all/4-crashes.json", "5", "all/2-pinned.json"),
        ("all/3-violated.json", "20", "all/regressions/1-pinned.json"),
    ] {
        let saved = run(path, &["run", scenario, "--seed", seed, "--save-schedule", schedule]);
        assert!(path.join(schedule).exists(), "{saved:?}");
    }
    for (of, seeds) in [(2, "3..9"), (3, "0..7"), (5, "7..8")] {
        let report = joined_are_the_whole(path, of, seeds);
        let scenarios = report["scenarios"].as_array().unwrap();
        let seeds_of = |file: &str| {
            let one = scenarios.iter().find(|one| one["file"] == file).expect("it is there");
            (one["seeds"]["from"].as_u64(), one["seeds"]["run"].as_u64())
        };
        assert_eq!(seeds_of("all/2-pinned.json"), (Some(5), Some(1)));
        assert_eq!(seeds_of("all/regressions/1-pinned.json"), (Some(20), Some(1)));
    }
}

/// Runs everything as a whole and in parts; returns the report of the parts joined.
fn joined_are_the_whole(path: &Path, of: u32, seeds: &str) -> Value {
    let arguments = ["run", "all", "--seeds", seeds];
    let files = ["--json", "whole.json", "--junit", "whole.xml", "--github", "whole.md"];
    let whole = run(path, &[&arguments[..], &files].concat());
    parts(path, &arguments, of);
    // In any order.
    let names: Vec<String> = (1..=of).rev().map(|index| format!("{index}.json")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let files = ["--json", "joined.json", "--junit", "joined.xml", "--github", "joined.md"];
    let joined = run(path, &[&["merge"][..], &names, &files].concat());
    assert_eq!((joined.status, joined.out), (whole.status, whole.out), "{of} parts");
    for kind in ["json", "xml", "md"] {
        let (joined, whole) = (format!("joined.{kind}"), format!("whole.{kind}"));
        assert_eq!(text(path, &joined), text(path, &whole), "{of} parts, {kind}");
    }
    serde_json::from_str(&text(path, "joined.json")).expect("JSON")
}

#[test]
fn what_one_part_alone_cannot_say_all_of_them_can() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(CRASHES));
    let seeds = ["run", "a.json", "--seeds", "6"];
    let report = crate::cli_reports::json(path, &seeds);
    let most = report["scenarios"][0]["demands"][0]["most"].as_u64().unwrap();
    let set = format!("expect.witness.process_crashed={most}");
    let arguments = [&seeds[..], &["--set", &set]].concat();
    let alone = parts(path, &arguments, 3);
    assert!(alone.contains(&3) && alone.contains(&0), "{most} crashes: {alone:?}");
    assert_eq!(run(path, &["merge", "1.json", "2.json", "3.json"]).status, 0);
}

#[test]
fn a_part_of_one_run_is_a_part_and_one_of_none_too() {
    let directory = directory();
    let path = directory.path();
    write(path, "a.json", &scenario(MET));
    assert_eq!(parts(path, &["run", "a.json", "--seed", "7"], 2), [0, 3]);
    let joined = crate::cli_reports::json(path, &["merge", "1.json", "2.json"]);
    assert_eq!(
        (&joined["verdict"], &joined["scenarios"][0]["seeds"]["run"]),
        (&"met".into(), &1.into())
    );
    // A report that is whole is shown in other forms.
    run(path, &["run", "a.json", "--seeds", "2", "--json", "whole.json"]);
    let again = run(path, &["merge", "whole.json", "--format", "json"]);
    assert_eq!(again.out, text(path, "whole.json"));
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let directory = directory();
    let path = directory.path();
    all(path);
    let arguments = ["run", "all", "--seeds", "3"];
    parts(path, &arguments, 3);
    let part = |name: &str, more: &[&str]| {
        let json = ["--partition", "2/3", "--json", name];
        run(path, &[&arguments[..], more, &json].concat());
    };
    part("set.json", &["--set", "run.settle=21s"]);
    part("seeds.json", &["--fail-fast"]);
    run(path, &["run", "all", "--seeds", "3", "--partition", "2/4", "--json", "four.json"]);
    run(path, &["run", "all", "--seeds", "3", "--json", "whole.json"]);
    write(path, "all/1-met.json", &scenario(MET).replace("20/s", "21/s"));
    part("changed.json", &[]);
    write(path, "all/5-more.json", &scenario(MET));
    part("more.json", &[]);
    let mut old: Value = serde_json::from_str(&text(path, "2.json")).unwrap();
    old["version"] = "0.0.9".into();
    write(path, "old.json", &old.to_string());
    let mut odd: Value = serde_json::from_str(&text(path, "2.json")).unwrap();
    odd["scenarios"][0]["properties"][0]["judged"] = (1_u64 << 63).into();
    write(path, "odd.json", &odd.to_string());
    write(path, "broken.json", &text(path, "2.json")[..500]);
    for (second, words) in [
        ("1.json", "both part 1/3"),
        ("set.json", "different sweeps"),
        ("seeds.json", "different sweeps"),
        ("four.json", "one of 3 parts, others are of 4"),
        ("whole.json", "not a part"),
        ("changed.json", "different contents of all/1-met.json"),
        ("more.json", "different scenario files"),
        ("old.json", "0.0.9"),
        ("odd.json", "contradict each other"),
        ("broken.json", "no report of a sweep"),
        ("none.json", "none.json"),
    ] {
        let ran = run(path, &["merge", "1.json", second, "3.json"]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{second}: {ran:?}");
        assert!(ran.talk.contains(words), "{second}: {}", ran.talk);
    }
    let ran = run(path, &["merge", "1.json", "3.json"]);
    assert_eq!(ran.status, 2);
    assert!(ran.talk.contains("missing: part 2/3"), "{}", ran.talk);
    assert_eq!(run(path, &["merge", "1.json", "2.json", "3.json"]).status, 1, "these do");
}
