//! A history says the same wherever it comes from: what a run traces is judged as the run was, and
//! histories that a harness around a real cluster writes get their verdict. It knows no model.

use crate::cli::{Ran, directory, run};
use crate::support::{assert_none, history, load, parallel, read, root, scenarios};
use ackproof::outside::check::{read as judge, report};
use ackproof_oracle::jsonl::{entry_line, header_line, schema};
use ackproof_oracle::verdict::Findings;
use ackproof_reports::timing::Timing;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::Command;

/// The history of a run as `run --trace` writes it.
fn traced(scenario: &str) -> (ackproof::world::run::RunOutcome, String) {
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
        // What went wrong with each record is kept of a run that is traced, to explain it.
        let plain = |one: &Findings| format!("{:#?}", Findings { told: Vec::new(), ..one.clone() });
        let (ours, theirs) = (plain(ours), plain(theirs));
        if ours != theirs && findings.is_empty() {
            let differ = ours.lines().zip(theirs.lines()).find(|(one, other)| one != other);
            findings.push(format!("{scenario}: counts or witnesses differ: {differ:?}"));
        }
        findings
    });
    assert_none(&findings.concat());
}

#[test]
fn a_history_tells_the_times_of_its_run() {
    let (outcome, text) = traced("scenarios/basics/chaos.json");
    let checked = judge(Cursor::new(&text), &[]).expect("it is a history");
    let timing = report("chaos", &checked, &BTreeMap::new()).timing;
    assert_eq!(timing, Timing::of(&outcome.findings.pace, &outcome.context));
    let failover = timing.failover.and_then(|times| times.max_ms);
    assert!(failover.is_some_and(|longest| longest > 0.0), "{failover:?}");
    let handover = timing.groups[0].handover.and_then(|times| times.max_ms);
    assert!(handover.is_some_and(|longest| longest > 0.0), "{handover:?}");
    // What is not on record is not told.
    let without = |events: &[&str]| {
        let kept =
            |line: &&str| !events.iter().any(|event| line.contains(&format!(":\"{event}\"")));
        let left: Vec<&str> = text.lines().filter(kept).collect();
        let checked = judge(Cursor::new(left.join("\n")), &[]).expect("it is a history");
        report("chaos", &checked, &BTreeMap::new()).timing
    };
    let blind = without(&["leader_elected", "isr_changed", "assigned", "processed"]);
    let group = &blind.groups[0];
    assert!(blind.writes.is_some());
    assert_eq!((blind.failover, group.handover, group.reads), (None, None, None));
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
    assert!(
        met.out.contains("sent 1, acked 1, failed 0, unknown 0 (0 absent), lost 0"),
        "{}",
        met.out
    );
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
        met.out.contains("sent 1000, acked 980, failed 0, unknown 20 (10 absent), lost 0,"),
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
    assert!(
        correct
            .out
            .contains("records     sent 12, acked 11, failed 0, unknown 1 (1 absent), lost 0")
    );
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
            let report = report(name, &checked, &BTreeMap::new());
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
    for words in [
        "sent 300, acked 300, failed 0, unknown 0 (0 absent), lost 0, log duplicates 0",
        "skipped 0",
    ] {
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

/// A run of a real cluster (Apache Kafka 4.0.0, three brokers) with acks=1, as a harness kept it: both followers
/// of a partition stood still for three seconds, then its leader was killed; later a member of one group was.
struct RealLoss {
    /// Where imports go.
    directory: tempfile::TempDir,
    base: String,
    last: String,
    metadata: String,
}

impl RealLoss {
    fn new() -> Self {
        let file = |name: &str| kept(&format!("real-loss/{name}")).display().to_string();
        let [base, last, metadata] = ["base.jsonl", "final.jsonl.gz", "metadata.txt.gz"].map(file);
        Self { directory: directory(), base, last, metadata }
    }

    fn import(&self, more: &[&str]) -> Ran {
        let file = |name: &str| kept(&format!("real-loss/{name}.jsonl.gz")).display().to_string();
        let names = ["billing-0", "billing-1", "ledger-0", "ledger-1", "audit-0"];
        let [p0, p1, l0, l1, audit] = names.map(file);
        let logs = ["--producer", &p0, &p1, "--consumer", &l0, &l1, &audit];
        let import = ["import", "verifiable", "-o", "out.jsonl"];
        run(self.directory.path(), &[&import[..], &logs[..], more].concat())
    }
}

#[test]
fn a_real_run_around_which_a_harness_kept_a_base_is_judged_whole() {
    let real = RealLoss::new();
    let path = real.directory.path();
    let whole =
        real.import(&["--base", &real.base, "--final", &real.last, "--metadata", &real.metadata]);
    assert_eq!((whole.status, whole.talk.as_str()), (0, ""));
    let checked = run(path, &["check", "out.jsonl"]);
    assert_eq!(checked.status, 1, "{}", checked.out);
    for words in [
        "  27.356s  broker-1 elected for payments-0 and 1 of __consumer_offsets",
        "  42.266s  all faults over, settling begins",
        "records     sent 1400, acked 1400, failed 0, unknown 0 (0 absent), lost 50, log duplicates 0",
        "group       ledger: processed 1350, duplicates 0 (0.00 %), skipped 0",
        "group       audit: processed 1350, duplicates 0 (0.00 %), skipped 0",
        "50 lost: acks=1: the leader answered before every in-sync replica had the record",
        // A member took over where the other had committed: commit-durability is judged as well.
        "properties  7 of 18 held; violated: acked-durability;",
    ] {
        assert!(checked.out.contains(words), "{words}: {}", checked.out);
    }
    let text = std::fs::read_to_string(path.join("out.jsonl")).unwrap();
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let validator = jsonschema::validator_for(&schema()).expect("it is a schema");
    assert!(lines.iter().step_by(7).all(|line| validator.is_valid(line)));
    // Sends have their true times: they were acknowledged at once, but for those that waited for a leader.
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    let at = |line: &Value| line["at_us"].as_u64().expect("every event has it");
    let sent: BTreeMap<&str, u64> =
        of("sent").map(|line| (line["record"].as_str().expect("a name"), at(line))).collect();
    let waits =
        of("acked").map(|line| at(line) - sent[line["records"][0].as_str().expect("a name")]);
    let mut waits: Vec<u64> = waits.collect();
    waits.sort_unstable();
    assert_eq!((waits[700], waits[1399]), (2_334, 10_228_000), "microseconds");
}

#[test]
fn what_a_real_run_lacks_is_not_judged_and_what_does_not_go_together_is_refused() {
    let real = RealLoss::new();
    let path = real.directory.path();
    // The controllers' log may be missing. It needs a base, whose header says what options say otherwise.
    assert_eq!(real.import(&["--base", &real.base, "--final", &real.last]).status, 0);
    let blind = run(path, &["check", "out.jsonl"]);
    assert!(
        blind.out.contains("leader-in-isr: the history has no leader_elected"),
        "{}",
        blind.out
    );
    assert_eq!(real.import(&["--metadata", &real.metadata]).status, 2);
    assert_eq!(real.import(&["--base", &real.base, "--group", "ledger"]).status, 2);
    let swapped = real.import(&["--base", &real.last]);
    assert_eq!(swapped.status, 2);
    assert!(swapped.talk.contains("final.jsonl.gz:1:"), "{}", swapped.talk);
}

/// A harness that looks up the committed offsets at the end makes them a witness.
#[test]
fn committed_offsets_of_a_real_run_are_those_that_were_acknowledged() {
    let real = RealLoss::new();
    let path = real.directory.path();
    let kept = std::fs::read_to_string(&real.base).unwrap();
    let look = |end: u64| {
        let at =
            "{\"at_us\":1795644915000000,\"node\":\"observer\",\"group\":\"ledger\",\"event\":";
        let begin = "\"assigned\",\"partitions\":[\"payments-2\"]}";
        let found =
            "\"positioned\",\"partition\":\"payments-2\",\"source\":\"committed\",\"offset\":";
        let looked = format!("{at}{begin}\n{at}{found}{end}}}\n{{\"at_us\": 1795644915265288");
        let text = kept.replacen("\"audit-0\"]", "\"audit-0\", \"observer\"]", 1);
        let text = text.replacen("{\"at_us\": 1795644915265288", &looked, 1);
        std::fs::write(path.join("looked.jsonl"), text).unwrap();
        assert_eq!(real.import(&["--base", "looked.jsonl", "--final", &real.last]).status, 0);
        run(path, &["check", "out.jsonl", "--expect", "acked-durability=violated"])
    };
    let found = look(470);
    assert_eq!(found.status, 0, "{}", found.out);
    assert!(!found.out.contains("commit-durability:"), "it is judged: {}", found.out);
    let lost = look(469);
    assert_eq!(lost.status, 1, "{}", lost.out);
    assert!(
        lost.out.contains("although ledger-0 had its commit of 470 acknowledged"),
        "{}",
        lost.out
    );
}
