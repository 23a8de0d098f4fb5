//! Reports made by hand: one run, and sweeps that met everything or failed in every way.

use ackproof_oracle::pace::Pace;
use ackproof_reports::SCHEMA;
use ackproof_reports::contract::{Clause, Contract, Possible};
use ackproof_reports::kafka::KafkaReport;
use ackproof_reports::measure::{Estimate, Latency, MeasureSweep, Stall, Sums, Unit};
use ackproof_reports::run::{
    BehindExpired, CauseReport, Fate, FaultReport, GroupReport, Moment, NetworkReport,
    PropertyReport, Records, RunReport, Violation,
};
use ackproof_reports::sweep::{
    Asked, CauseSweep, Claim, DemandSweep, FateSweep, Incident, Interval, LimitSweep,
    PropertySweep, ScenarioReport, SeedRange, Seeds, SweepReport, WitnessSweep,
};
use ackproof_reports::timing::{GroupTiming, StallReport, Timing};
use ackproof_reports::verdict::{Expected, Judgement, Reason, Verdict};
use std::collections::BTreeMap;

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

pub(crate) fn property(name: &str, verdict: Judgement, expected: Expected) -> PropertyReport {
    let violated = verdict == Judgement::Violated;
    PropertyReport {
        name: name.to_owned(),
        verdict,
        expected,
        witnesses: 900,
        violations: if violated { vec![violation()] } else { Vec::new() },
        violation_count: if violated { 12 } else { 0 },
        since_ms: None,
        causes: Vec::new(),
        allowed: Vec::new(),
        undecided: None,
    }
}

pub(crate) fn reason(expectation: &str, verdict: Verdict, text: &str) -> Reason {
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
        backlog: 0,
        dead_lettered: 3,
        rebalances: [("joined".to_owned(), 1), ("session-expired".to_owned(), 2)].into(),
        refused_commits: [("ILLEGAL_GENERATION".to_owned(), 4)].into(),
        again: Vec::new(),
        sink: None,
        outputs: None,
        moved: None,
    }
}

fn records() -> Records {
    Records {
        copies: 0,
        sent: 1010,
        acked: 1001,
        failed: 2,
        unknown: 7,
        unknown_absent: 3,
        lost: 1,
        displaced: 0,
        log_duplicates: 4,
        reordered: 5,
        dropped: 6,
        sent_again: 3,
        open_at_end: 1,
        behind_expired: BehindExpired { batches: 2, acked: 6, failed: 1, epochs_raised: 1 },
    }
}

fn cause(what: Fate, group: Option<&str>, cause: &str, about: &str) -> CauseReport {
    let group = group.map(str::to_owned);
    let (cause, about) = (cause.to_owned(), about.to_owned());
    CauseReport { what, group, cause, count: 1, about, story: Vec::new() }
}

fn fault(target: Option<&str>) -> FaultReport {
    FaultReport {
        at_ms: 10_000,
        for_ms: Some(20_000),
        kind: "crash".to_owned(),
        target: target.map(str::to_owned),
        moment: None,
        resolved_from: Some("leader of payments-0".to_owned()),
        text: "crash of the leader of payments-0".to_owned(),
        entry: 0,
    }
}

fn moment(at_ms: u64, text: &str) -> Moment {
    Moment { at_ms, text: text.to_owned() }
}

pub(crate) fn run() -> RunReport {
    RunReport {
        capacity: None,
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
        kafka: kafka(),
        network: Some(NetworkReport {
            syn_linear_timeouts: 4,
            syn_again_after_s: vec![1, 2, 3, 4, 5, 7, 11],
        }),
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
        not_modelled: Vec::new(),
        timeline_omitted: 5,
        contract: Some(contract()),
        timing: timing(),
        alerts: None,
        pace: Pace::default(),
        notes: Vec::new(),
        causes: vec![
            cause(Fate::Failed, None, "retries-used-up", "NETWORK_EXCEPTION, retries=3 used up"),
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

pub(crate) fn scenario(name: &str, verdict: Verdict) -> ScenarioReport {
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
        notes: vec!["3 acknowledged records lost, as acks=1 allows".to_owned()],
        contract: Some(contract()),
        causes: vec![FateSweep {
            what: Fate::Failed,
            group: None,
            cause: "retries-used-up".to_owned(),
            about: "NOT_ENOUGH_REPLICAS, retries=3 used up".to_owned(),
            count: 2,
            seeds: 1,
            squares: 4,
            products: 2000,
            rate: Some(0.000_1),
            interval: Some(Interval { low: 0.0, high: 0.000_3 }),
        }],
        not_modelled: Vec::new(),
        limits: Vec::new(),
        demands: Vec::new(),
        faults: Vec::new(),
        witnesses: [("rebalance".to_owned(), WitnessSweep { total: 40, seeds: 20 })].into(),
        kafka: kafka(),
        network: None,
        capacity: None,
        alerts: None,
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
        from_ms: Some(7004),
        end_to_end: latency,
        reads: Some(stall),
        reads_because: Some(StallReport {
            cause: "no-leader".to_owned(),
            about: "offsets.topic.replication.factor=1: __consumer_offsets-17 had no leader without its only \
                    replica"
                .to_owned(),
        }),
        handover: Some(Latency {
            count: 1,
            mean_ms: Some(48_123.0),
            max_ms: Some(48_123.0),
            ..latency
        }),
    };
    let (writes, failover) = (Some(stall), Some(moves));
    Timing {
        acknowledgement: latency,
        writes,
        writes_because: None,
        failover,
        groups: vec![group],
        load: None,
    }
}

pub(crate) fn failing() -> ScenarioReport {
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
            undecided: Vec::new(),
            why_undecided: None,
        }],
        measures: vec![duplicates(), latency()],
        limits: vec![LimitSweep {
            measure: "duplicate_rate".to_owned(),
            min: None,
            max: Some(0.05),
            lowest: Some(0.0),
            highest: Some(0.0625),
            outside: vec![4],
            because: BTreeMap::new(),
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

pub(crate) fn sweep(scenarios: Vec<ScenarioReport>) -> SweepReport {
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

fn kafka() -> KafkaReport {
    let features = [("metadata.version", "4.0-IV3"), ("group.version", "1")];
    let features = features.map(|(name, level)| (name.to_owned(), level.to_owned())).into();
    KafkaReport { version: "4.0".to_owned(), upgraded_to: None, features }
}
