//! A history says the same wherever it comes from: what a run traces is judged as the run was, and
//! histories that a harness around a real cluster writes get their verdict. It knows no model.

use crate::cli::{directory, run};
use crate::support::{assert_none, history, load, parallel, read, root, scenarios};
use ackproof::check::read as judge;
use ackproof_oracle::jsonl::{entry_line, header_line, schema};
use serde_json::Value;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::Command;

/// The history of a run as `run --trace` writes it.
fn traced(scenario: &str) -> (ackproof::run::RunOutcome, String) {
    let (outcome, entries) = history(&load(scenario, &[]), 0);
    let mut text = header_line(&outcome.context) + "\n";
    for entry in &entries {
        text.push_str(&entry_line(entry, &outcome.context));
        text.push('\n');
    }
    (outcome, text)
}

#[test]
fn a_traced_run_is_judged_as_the_run_was() {
    let findings = parallel(&scenarios(), |scenario| {
        let (outcome, text) = traced(scenario);
        let checked = match judge(Cursor::new(&text), &[]) {
            Ok(checked) => checked,
            Err(problem) => return vec![problem.shown(scenario)],
        };
        let mut findings = Vec::new();
        let (ours, theirs) = (&outcome.findings, &checked.findings);
        for (one, other) in ours.properties.iter().zip(&theirs.properties) {
            if format!("{one:?}") != format!("{other:?}") {
                findings.push(format!("{scenario}: {one:#?}\n{other:#?}"));
            }
        }
        if format!("{ours:?}") != format!("{theirs:?}") && findings.is_empty() {
            findings.push(format!("{scenario}: counts or witnesses differ"));
        }
        findings
    });
    assert_none(&findings.concat());
}

#[test]
fn every_traced_line_matches_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    let (_, chaos) = traced("scenarios/basics/chaos.json");
    let kept = ["correct", "lost", "no-final-read"];
    let kept = kept.map(|name| read(&format!("tests/histories/{name}.jsonl"))).concat();
    // Of a kind that repeats thousands of times some are enough.
    let some = chaos.lines().enumerate().filter(|(index, _)| index % 7 == 0 || *index < 500);
    for line in some.map(|(_, line)| line).chain(kept.lines()) {
        let value: Value = serde_json::from_str(line).expect("a line is JSON");
        let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert_eq!(errors, [""; 0], "{line}");
    }
}

/// The first block of `language` in the documentation of the format.
fn documented(language: &str) -> String {
    let text = read("models/oracle/HISTORY.md");
    let (_, rest) = text.split_once(&format!("```{language}\n")).expect("it has one");
    rest.split_once("```").expect("it ends").0.to_owned()
}

#[test]
fn the_documented_example_is_a_history_that_is_met() {
    let directory = directory();
    let check = |text: &str| {
        std::fs::write(directory.path().join("history.jsonl"), text).unwrap();
        run(directory.path(), &["check", "history.jsonl"])
    };
    let example = documented("json");
    let met = check(&example);
    assert_eq!((met.status, met.talk.as_str()), (0, ""), "{}", met.out);
    assert!(met.out.contains("sent 1, acked 1, failed 0, unknown 0, lost 0"), "{}", met.out);
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    for line in example.lines() {
        assert!(validator.is_valid(&serde_json::from_str(line).expect("JSON")), "{line}");
    }
    // Every line of it matters.
    let without = |event: &str| {
        let left: Vec<&str> = example.lines().filter(|line| !line.contains(event)).collect();
        check(&left.join("\n")).status
    };
    assert_eq!(without("\"final_read\",\"partition"), 1, "the record is not found");
    assert_eq!(without("\"processed\""), 3, "nothing was processed on record");
    assert_eq!(without("\"sent\""), 2, "an outcome of a record that was not sent");
}

/// The documented harness runs, against a client that is a list; where there is no Python it is not run.
#[test]
fn the_documented_harness_writes_a_history() {
    if Command::new("python3").arg("--version").output().is_err() {
        return;
    }
    let directory = directory();
    let path = directory.path();
    std::fs::write(path.join("harness.py"), documented("python")).unwrap();
    std::fs::write(path.join("confluent_kafka.py"), read("tests/histories/confluent_kafka.py"))
        .unwrap();
    let check = |loses: &str| {
        let mut harness = Command::new("python3");
        harness.arg("harness.py").current_dir(path).env("LOSES", loses);
        let ran = harness.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("it starts");
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        run(path, &["check", "history.jsonl"])
    };
    let met = check("");
    assert_eq!((met.status, met.talk.as_str()), (0, ""), "{}", met.out);
    assert!(
        met.out.contains("sent 1000, acked 980, failed 0, unknown 20, lost 10,"),
        "{}",
        met.out
    );
    assert!(met.out.contains("skipped 0"), "{}", met.out);
    let lost = check("log");
    assert_eq!(lost.status, 1, "{}", lost.out);
    assert!(lost.out.contains("billing-0#77 was acknowledged at payments-0"), "{}", lost.out);
    let skipped = check("delivery");
    assert_eq!(skipped.status, 1, "{}", skipped.out);
    assert!(skipped.out.contains("ledger never processed billing-0#77"), "{}", skipped.out);
}

fn kept(name: &str) -> PathBuf {
    root().join("tests/histories").join(name)
}

#[test]
fn histories_of_a_harness_get_their_verdict() {
    let directory = directory();
    let check = |name: &str, more: &[&str]| {
        let file = kept(name).display().to_string();
        run(directory.path(), &[&["check", &file], more].concat())
    };
    let correct = check("correct.jsonl", &[]);
    assert_eq!((correct.status, correct.talk.as_str()), (0, ""), "{}", correct.out);
    assert!(correct.out.contains("records     sent 12, acked 11, failed 0, unknown 1, lost 1"));
    let lost = check("lost.jsonl", &[]);
    assert_eq!(lost.status, 1, "{}", lost.out);
    for words in
        ["billing-0#10 was acknowledged at payments-0 offset 5", "billing-0 sent billing-0#10"]
    {
        assert!(lost.out.contains(words), "{words}: {}", lost.out);
    }
    let unread = check("no-final-read.jsonl", &[]);
    assert_eq!(unread.status, 3, "{}", unread.out);
    assert!(
        unread.out.contains("acked-durability judged nothing: the history has no final_read_done")
    );
    let expected = check("lost.jsonl", &["--expect", "acked-durability=violated"]);
    assert_eq!(expected.status, 0, "{}", expected.out);
    let hoped = check("correct.jsonl", &["--expect", "acked-durability=violated"]);
    assert_eq!(hoped.status, 1, "{}", hoped.out);
    let demanded = check("correct.jsonl", &["--expect", "log-matching=held"]);
    assert_eq!(demanded.status, 3, "{}", demanded.out);
    let typo = check("correct.jsonl", &["--expect", "acked-durabilty=held"]);
    assert_eq!(typo.status, 2);
    assert!(typo.talk.contains("did you mean \"acked-durability\"?"), "{}", typo.talk);
    let json = check("lost.jsonl", &["--format", "json"]);
    let report: Value = serde_json::from_str(&json.out).expect("one object");
    let schema = run(directory.path(), &["schema", "check"]).out;
    let schema: Value = serde_json::from_str(&schema).expect("a schema");
    assert!(jsonschema::is_valid(&schema, &report), "{report:#}");
    assert_eq!(report["verdict"], "violated");
}

/// A history that was cut off anywhere raises no alarm, and is never taken for a whole one.
#[test]
fn a_truncated_history_is_never_violated_nor_met() {
    let mut findings = Vec::new();
    let (_, chaos) = traced("scenarios/basics/chaos.json");
    for (name, text, step) in
        [("correct", read("tests/histories/correct.jsonl"), 1), ("chaos", chaos, 997)]
    {
        let lines: Vec<&str> = text.lines().collect();
        for length in (1..lines.len()).step_by(step) {
            let cut = lines[..length].join("\n") + "\n";
            let checked = judge(Cursor::new(cut), &[]).expect("whole lines");
            let report =
                ackproof::check::report(name, &checked, &std::collections::BTreeMap::new());
            if report.verdict != ackproof_reports::verdict::Verdict::Inconclusive {
                findings.push(format!("{name} cut after {length} lines: {:?}", report.reasons));
            }
        }
    }
    assert_none(&findings);
}

#[test]
fn what_is_no_history_is_refused_and_what_is_compressed_is_read() {
    let directory = directory();
    let path = directory.path();
    let text = read("tests/histories/correct.jsonl");
    let bad = text.replacen("\"acked\"", "\"aked\"", 1);
    std::fs::write(path.join("bad.jsonl"), &bad).unwrap();
    let refused = run(path, &["check", "bad.jsonl"]);
    let line = 1 + bad.lines().position(|line| line.contains("aked")).unwrap();
    assert_eq!((refused.status, refused.out.as_str()), (2, ""));
    assert!(refused.talk.starts_with(&format!("error: bad.jsonl:{line}: ")), "{}", refused.talk);
    assert!(refused.talk.contains("did you mean \"acked\"?"), "{}", refused.talk);
    assert_eq!(run(path, &["check", "nowhere.jsonl"]).status, 2);
    assert_eq!(run(path, &["check", "."]).status, 2, "a directory");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    std::fs::write(path.join("good.jsonl.gz"), &gz).unwrap();
    std::fs::write(path.join("cut.jsonl.gz"), &gz[..gz.len() / 2]).unwrap();
    assert_eq!(run(path, &["check", "good.jsonl.gz"]).status, 0);
    let cut = run(path, &["check", "cut.jsonl.gz"]);
    assert_eq!(cut.status, 2, "{}", cut.talk);
}

/// Output of a real cluster (Apache Kafka 4.0.0, three brokers): one consumer and one broker were killed.
#[test]
fn the_output_of_kafkas_own_tools_becomes_a_history() {
    let directory = directory();
    let path = directory.path();
    let file = |name: &str| kept(&format!("verifiable/{name}.jsonl")).display().to_string();
    let tools = ["producer-0", "producer-1", "consumer-0", "consumer-1", "consumer-2", "final"];
    let [p0, p1, c0, c1, c2, last] = tools.map(file);
    let import = |last: &str| {
        let tools = ["import", "verifiable", "--producer", &p0, &p1, "--consumer", &c0, &c1, &c2];
        let settings = ["--group", "ledger", "--idempotent", "-o", "out.jsonl"];
        let last: &[&str] = if last.is_empty() { &[] } else { &["--final", last] };
        let ran = run(path, &[&tools[..], last, &settings[..]].concat());
        assert_eq!(ran.status, 0, "{}", ran.talk);
        run(path, &["check", "out.jsonl"])
    };
    let whole = import(&last);
    assert_eq!(whole.status, 0, "{}", whole.out);
    for words in ["sent 300, acked 300, failed 0, unknown 0, lost 0, log duplicates 0", "skipped 0"]
    {
        assert!(whole.out.contains(words), "{words}: {}", whole.out);
    }
    assert!(whole.out.contains("ledger: processed 300, duplicates 0"), "{}", whole.out);
    let unread = import("");
    assert_eq!(unread.status, 3, "{}", unread.out);
    // A record that the dump does not have is lost.
    let dump = std::fs::read_to_string(&last).unwrap();
    let gone: Vec<&str> = dump.lines().filter(|line| !line.contains("\"0.77\"")).collect();
    std::fs::write(path.join("gone.jsonl"), gone.join("\n")).unwrap();
    let lost = import("gone.jsonl");
    assert_eq!(lost.status, 1, "{}", lost.out);
    assert!(lost.out.contains("producer-0#77 was acknowledged at payments-"), "{}", lost.out);
    let swapped = ["import", "verifiable", "--producer", &c0, "--consumer", &p0];
    assert_eq!(run(path, &swapped).status, 2, "the wrong tool's output");
    assert_eq!(run(path, &["import", "verifiable", "--producer", &p0, &p0]).status, 2, "twice");
}
