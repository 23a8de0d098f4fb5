//! Reports made by hand, and what the renderers make of them. No simulation: its numbers change.
//!
//! Golden texts lie in `golden/`. To write them anew, after a look at the difference:
//! `BLESS=1 cargo test --release -p ackproof-reports --test reports`

use ackproof_oracle::pace::Pace;
use ackproof_reports::catalogue::{Catalogue, Item, Section};
use ackproof_reports::contract::{Clause, Contract, Possible};
use ackproof_reports::measure::{Estimate, Latency, MeasureSweep, Stall, Sums, Unit};
use ackproof_reports::run::{
    CauseReport, Fate, FaultReport, GroupReport, GroupTiming, Moment, PropertyReport, Records,
    RunReport, Timing, Violation,
};
use ackproof_reports::sweep::{
    Asked, CauseSweep, Claim, DemandSweep, Incident, Interval, LimitSweep, PropertySweep, RunName,
    ScenarioReport, SeedRange, Seeds, SweepReport, WitnessSweep,
};
use ackproof_reports::verdict::{Expected, Judgement, Reason, Verdict};
use ackproof_reports::{SCHEMA, human, json};
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

fn violation() -> Violation {
    Violation {
        seq: 4711,
        at_ms: 210_000,
        summary: "billing-0#117 was acknowledged at payments-0 offset 29, and is in no log"
            .to_owned(),
        story: vec![
            "12.301s  billing-0 sent billing-0#117".to_owned(),
            "12.310s  broker-2 acknowledged it at offset 29".to_owned(),
            "21.053s  broker-3 elected (epoch 1), without the record".to_owned(),
        ],
    }
}

fn property(name: &str, verdict: Judgement, expected: Expected) -> PropertyReport {
    let violated = verdict == Judgement::Violated;
    PropertyReport {
        name: name.to_owned(),
        verdict,
        expected,
        witnesses: 900,
        violations: if violated { vec![violation()] } else { Vec::new() },
        violation_count: if violated { 12 } else { 0 },
        causes: Vec::new(),
        allowed: Vec::new(),
    }
}

fn reason(expectation: &str, verdict: Verdict, text: &str) -> Reason {
    Reason { expectation: expectation.to_owned(), verdict, text: text.to_owned() }
}

fn group() -> GroupReport {
    GroupReport {
        group: "ledger".to_owned(),
        delivered: 1100,
        processed: 1030,
        distinct: 1000,
        duplicates: 30,
        duplicate_rate: 0.03,
        skipped: 1,
    }
}

fn records() -> Records {
    Records {
        sent: 1010,
        acked: 1001,
        failed: 2,
        unknown: 7,
        unknown_absent: 3,
        lost: 1,
        log_duplicates: 4,
    }
}

fn cause(what: Fate, group: Option<&str>, cause: &str, about: &str) -> CauseReport {
    let group = group.map(str::to_owned);
    CauseReport { what, group, cause: cause.to_owned(), count: 1, about: about.to_owned() }
}

fn fault(target: Option<&str>) -> FaultReport {
    FaultReport {
        at_ms: 10_000,
        for_ms: Some(20_000),
        kind: "crash".to_owned(),
        target: target.map(str::to_owned),
        resolved_from: Some("leader of payments-0".to_owned()),
        text: "crash of the leader of payments-0".to_owned(),
        entry: 0,
    }
}

fn moment(at_ms: u64, text: &str) -> Moment {
    Moment { at_ms, text: text.to_owned() }
}

fn run() -> RunReport {
    RunReport {
        schema: SCHEMA,
        scenario: "leader crash".to_owned(),
        file: "my scenarios/leader crash.json".to_owned(),
        seed: 7,
        swarm: Vec::new(),
        digest: "000102030405060708090a0b0c0d0e0f".to_owned(),
        verdict: Verdict::Violated,
        properties: vec![
            property("acked-durability", Judgement::Violated, Expected::Held),
            property("at-least-once", Judgement::Violated, Expected::MayViolate),
            property("no-phantom", Judgement::Held, Expected::Held),
            property("commit-durability", Judgement::Vacuous, Expected::Held),
        ],
        records: records(),
        groups: vec![group()],
        faults: vec![fault(Some("broker-2")), fault(None)],
        witnesses: [("leader_elected".to_owned(), 1)].into(),
        simulated_ms: 210_000,
        messages: 16_203,
        entries: 9_870,
        reasons: vec![reason(
            "acked-durability",
            Verdict::Violated,
            "acked-durability is violated",
        )],
        timeline: vec![
            moment(0, "load begins"),
            moment(10_000, "broker-2 crashed"),
            moment(21_053, "broker-3 elected for payments-0 (epoch 1)"),
        ],
        timeline_omitted: 5,
        contract: Some(contract()),
        timing: timing(),
        pace: Pace::default(),
        causes: vec![
            cause(Fate::Lost, None, "acks-one", "acks=1: the leader answered alone"),
            cause(Fate::LogDuplicate, None, "producer-retry", "a retry wrote it again"),
            cause(
                Fate::Skipped,
                Some("ledger"),
                "out-of-range-reset",
                "the position moved past it",
            ),
            cause(
                Fate::Duplicate,
                Some("ledger"),
                "rebalance",
                "the partition moved before a commit",
            ),
        ],
        reproduce: "ackproof run 'my scenarios/leader crash.json' --seed 7".to_owned(),
    }
}

fn scenario(name: &str, verdict: Verdict) -> ScenarioReport {
    ScenarioReport {
        scenario: name.to_owned(),
        file: format!("scenarios/{name}.json"),
        plan: "00".repeat(16),
        lines: [("name".to_owned(), 3), ("acked-durability".to_owned(), 14)].into(),
        verdict,
        reasons: Vec::new(),
        seeds: Seeds { from: 0, to: 20, run: 20, met: 20, inconclusive: 0, violated: Vec::new() },
        digest: "0f0e0d0c0b0a09080706050403020100".to_owned(),
        properties: Vec::new(),
        claim: Some(Claim { below: 0.139, stronger: 0.1, seeds: 29 }),
        measures: Vec::new(),
        contract: Some(contract()),
        limits: Vec::new(),
        demands: Vec::new(),
        faults: Vec::new(),
        witnesses: [("rebalance".to_owned(), WitnessSweep { total: 40, seeds: 20 })].into(),
        records: records(),
        groups: vec![group()],
        crashed: Vec::new(),
        bounded: Vec::new(),
        nondeterministic: Vec::new(),
        simulated_ms: 4_200_000,
        messages: 300_000,
        entries: 200_000,
        reproduce: format!("ackproof run scenarios/{name}.json --seeds 0..20"),
    }
}

fn estimate(of: &str, value: f64, interval: Option<(f64, f64)>) -> Estimate {
    let interval = interval.map(|(low, high)| Interval { low, high });
    Estimate { of: of.to_owned(), value, interval }
}

fn duplicates() -> MeasureSweep {
    MeasureSweep {
        name: "duplicate_rate".to_owned(),
        group: Some("ledger".to_owned()),
        unit: Unit::Share,
        runs: 19,
        estimates: vec![estimate("rate", 0.03, Some((0.011, 0.0492)))],
        sums: Sums::default(),
    }
}

fn latency() -> MeasureSweep {
    let estimates = vec![
        estimate("mean", 31.25, Some((20.0, 42.4))),
        estimate("p50", 4.125, Some((4.0, 4.25))),
        estimate("p99", 12_345.6, None),
    ];
    MeasureSweep {
        name: "ack_latency".to_owned(),
        group: None,
        unit: Unit::Milliseconds,
        runs: 19,
        estimates,
        sums: Sums::default(),
    }
}

fn contract() -> Contract {
    let clause = |says: &str, setting: &str| Clause {
        says: says.to_owned(),
        settings: vec![setting.to_owned()],
    };
    let possible = |says: &str, fate, records, seeds: &[u64]| Possible {
        clause: clause(says, "producers.billing.config.acks=1"),
        fate,
        group: None,
        causes: vec!["acks-one".to_owned()],
        records,
        seeds: seeds.to_vec(),
    };
    Contract {
        promises: vec![clause("ledger processes every record", "groups.ledger.commit=auto")],
        possible: vec![
            possible("a record is lost", Fate::Lost, 12, &[3, 4]),
            possible("a record is written twice", Fate::LogDuplicate, 0, &[]),
        ],
    }
}

fn timing() -> Timing {
    let latency = Latency {
        count: 1001,
        mean_ms: Some(31.25),
        p50_ms: Some(4.125),
        p95_ms: Some(80.0),
        p99_ms: Some(1234.5),
        max_ms: Some(29_970.0),
    };
    let stall = Stall {
        longest_ms: 9876.5,
        stalled_ms: 12_000,
        observed_ms: 180_000,
        unavailability: 0.066_666,
    };
    let moves = Latency { count: 3, mean_ms: Some(9500.0), max_ms: Some(9876.5), ..latency };
    let group = GroupTiming {
        group: "ledger".to_owned(),
        end_to_end: latency,
        reads: Some(stall),
        handover: Some(Latency {
            count: 1,
            mean_ms: Some(48_123.0),
            max_ms: Some(48_123.0),
            ..latency
        }),
    };
    let (writes, failover) = (Some(stall), Some(moves));
    Timing { acknowledgement: latency, writes, failover, groups: vec![group] }
}

fn failing() -> ScenarioReport {
    let seeds: Vec<u64> = (2..14).collect();
    ScenarioReport {
        reasons: vec![
            reason("run", Verdict::Crashed, "ackproof itself failed in 1 runs, first with seed 19"),
            reason(
                "acked-durability",
                Verdict::Violated,
                "acked-durability is violated by 12 of 19",
            ),
        ],
        seeds: Seeds { from: 0, to: 20, run: 19, met: 6, inconclusive: 0, violated: seeds.clone() },
        properties: vec![PropertySweep {
            name: "acked-durability".to_owned(),
            verdict: Judgement::Violated,
            expected: Expected::Held,
            demanded: true,
            judged: 19,
            witnesses: 19_000,
            violated: seeds,
            rate: Some(Interval { low: 0.383_6, high: 0.837_1 }),
            first: Some(violation()),
            causes: vec![cause_sweep("acks-one", 30, 2..14), cause_sweep("stale-leader", 1, 5..6)],
            allowed: Vec::new(),
            worse: Vec::new(),
        }],
        measures: vec![duplicates(), latency()],
        limits: vec![LimitSweep {
            measure: "duplicate_rate".to_owned(),
            min: None,
            max: Some(0.05),
            lowest: Some(0.0),
            highest: Some(0.0625),
            outside: vec![4],
        }],
        demands: vec![DemandSweep {
            witness: "isr_shrunk".to_owned(),
            least: 2,
            reached: 18,
            most: 4,
        }],
        bounded: vec![Incident { seed: 17, text: "it took too long".to_owned() }],
        crashed: vec![Incident { seed: 19, text: "index out of bounds".to_owned() }],
        nondeterministic: vec![Incident { seed: 18, text: "two runs differ".to_owned() }],
        reproduce: "ackproof run scenarios/chaos.json --seed 19".to_owned(),
        ..scenario("chaos", Verdict::Crashed)
    }
}

fn cause_sweep(cause: &str, count: u64, seeds: std::ops::Range<u64>) -> CauseSweep {
    let about = format!("what {cause} means");
    CauseSweep { cause: cause.to_owned(), about, count, seeds: seeds.collect() }
}

fn sweep(scenarios: Vec<ScenarioReport>) -> SweepReport {
    let worst = scenarios.iter().max_by_key(|one| one.verdict).expect("there is one");
    SweepReport {
        schema: SCHEMA,
        version: "0.1.0".to_owned(),
        asked: Asked {
            paths: vec!["scenarios".to_owned()],
            seeds: SeedRange { from: 0, to: Some(20) },
            ..Asked::default()
        },
        verdict: worst.verdict,
        interrupted: false,
        stopped_by: None,
        reproduce: worst.reproduce.clone(),
        scenarios,
    }
}

#[test]
fn a_violated_run_reads_as_it_should() {
    golden("run-violated.txt", &human::run(&run()));
}

#[test]
fn a_run_that_met_everything_reads_as_it_should() {
    let met = RunReport {
        verdict: Verdict::Met,
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
const KEYS: [&str; 21] = [
    "schema",
    "scenario",
    "file",
    "seed",
    "digest",
    "verdict",
    "properties",
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
    let records =
        ["sent", "acked", "failed", "unknown", "lost", "unknown_absent", "log_duplicates"];
    assert_eq!(keys(&value["records"]), records);
    let group =
        ["group", "delivered", "processed", "distinct", "duplicates", "duplicate_rate", "skipped"];
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
