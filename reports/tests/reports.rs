//! Reports made by hand, and what the renderers make of them. No simulation: its numbers change.
//!
//! Golden texts lie in `golden/`. To write them anew, after a look at the difference:
//! `BLESS=1 cargo test --release -p ackproof-reports --test reports`

mod made;

use ackproof_reports::catalogue::{Catalogue, Item, Section};
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{RunName, ScenarioReport, Seeds, SweepReport};
use ackproof_reports::verdict::{Expected, Judgement, Verdict};
use ackproof_reports::{human, json};
use made::{failing, property, reason, run, scenario, sweep};
use std::path::Path;

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let plain = anstream::adapter::strip_str(text).to_string();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, plain).expect("it can be written");
        return;
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == plain, "{name} differs; it is now:\n{plain}");
}

#[test]
fn a_violated_run_reads_as_it_should() {
    golden("run-violated.txt", &human::run(&run()));
}

#[test]
fn a_run_that_met_everything_reads_as_it_should() {
    let met = RunReport {
        verdict: Verdict::Met,
        notes: vec!["1 acknowledged record lost, as acks=1 allows".to_owned()],
        properties: vec![property("no-phantom", Judgement::Held, Expected::Held)],
        faults: Vec::new(),
        reasons: Vec::new(),
        timeline_omitted: 0,
        causes: Vec::new(),
        ..run()
    };
    golden("run-met.txt", &human::run(&met));
}

#[test]
fn a_sweep_of_one_scenario_reads_as_it_should() {
    golden("sweep-one.txt", &human::sweep(&sweep(vec![scenario("no faults", Verdict::Met)])));
}

#[test]
fn a_sweep_of_several_scenarios_reads_as_it_should() {
    let unsure = ScenarioReport {
        reasons: vec![reason("witness.isr_shrunk", Verdict::Inconclusive, "isr_shrunk never was")],
        seeds: Seeds { from: 0, to: 20, run: 3, met: 2, inconclusive: 1, violated: Vec::new() },
        ..scenario("isr shrink", Verdict::Inconclusive)
    };
    let mut report = sweep(vec![failing(), scenario("no faults", Verdict::Met), unsure]);
    report.interrupted = true;
    report.stopped_by = Some(RunName { file: "scenarios/chaos.json".to_owned(), seed: 3 });
    golden("sweep-many.txt", &human::sweep(&report));
}

#[test]
fn a_catalogue_reads_as_it_should() {
    let item = |name: &str, about: &str| Item { name: name.to_owned(), about: about.to_owned() };
    let section = |title: &str, items| Section { title: title.to_owned(), items };
    let catalogue = Catalogue {
        sections: vec![
            section("properties", vec![item("recovers", "all is well again"), item("x", "y")]),
            section("faults", vec![item("crash", "kills the process")]),
        ],
    };
    golden("catalogue.txt", &human::catalogue(&catalogue));
    let value: serde_json::Value = serde_json::from_str(&json::catalogue(&catalogue)).unwrap();
    assert_eq!(value["faults"][0]["name"], "crash");
}

#[test]
fn the_last_line_is_the_command() {
    for text in [human::run(&run()), human::sweep(&sweep(vec![failing()]))] {
        assert!(text.lines().last().unwrap().starts_with("ackproof run "), "{text}");
    }
}

#[test]
fn colours_are_there_to_be_stripped() {
    assert!(human::run(&run()).contains("\u{1b}[1m\u{1b}[31mVIOLATED"), "{}", human::run(&run()));
}

/// The keys of a run's object, in the order that is promised.
const KEYS: [&str; 24] = [
    "schema",
    "scenario",
    "file",
    "seed",
    "digest",
    "verdict",
    "properties",
    "kafka",
    "network",
    "records",
    "groups",
    "faults",
    "witnesses",
    "simulated_ms",
    "messages",
    "entries",
    // Since then only at the end.
    "reasons",
    "timeline",
    "timeline_omitted",
    "reproduce",
    "not_modelled",
    "causes",
    "contract",
    "timing",
];

#[test]
fn a_run_as_json_has_the_promised_fields_in_their_order_on_one_line() {
    let text = json::run(&run());
    assert_eq!(text.matches('\n').count(), 1, "one line");
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys(&value), KEYS);
    let property = [
        "name",
        "verdict",
        "expected",
        "witnesses",
        "violations",
        "violation_count",
        "causes",
        "allowed",
    ];
    assert_eq!(keys(&value["properties"][0]), property);
    let records = [
        "sent",
        "copies",
        "acked",
        "failed",
        "unknown",
        "lost",
        "displaced",
        "unknown_absent",
        "log_duplicates",
        "reordered",
        "dropped",
        "sent_again",
        "open_at_end",
        "behind_expired",
    ];
    assert_eq!(keys(&value["records"]), records);
    let group = [
        "group",
        "delivered",
        "processed",
        "dead_lettered",
        "distinct",
        "duplicates",
        "duplicate_rate",
        "skipped",
        "backlog",
        "rebalances",
        "refused_commits",
    ];
    assert_eq!(keys(&value["groups"][0]), group);
    let fault = ["at_ms", "for_ms", "kind", "target", "resolved_from", "text", "entry"];
    assert_eq!(keys(&value["faults"][0]), fault);
    assert_eq!(value["properties"][1]["expected"], "may-violate");
    assert_eq!(value["verdict"], "violated");
}

#[test]
fn json_comes_back_as_the_same_report_and_fits_its_schema() {
    let (run, sweep) = (run(), sweep(vec![failing(), scenario("no faults", Verdict::Met)]));
    assert_eq!(serde_json::from_str::<RunReport>(&json::run(&run)).unwrap(), run);
    assert_eq!(serde_json::from_str::<SweepReport>(&json::sweep(&sweep)).unwrap(), sweep);
    let valid = |schema: &serde_json::Value, text: &str| {
        let value = serde_json::from_str(text).unwrap();
        jsonschema::validator_for(schema).unwrap().is_valid(&value)
    };
    assert!(valid(&json::run_schema(), &json::run(&run)));
    assert!(valid(&json::sweep_schema(), &json::sweep(&sweep)));
    assert!(!valid(&json::run_schema(), &json::sweep(&sweep)), "the schema tells them apart");
}
