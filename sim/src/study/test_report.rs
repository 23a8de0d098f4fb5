//! A hand-made plan and reports for tests of what decides.

use ackproof_oracle::context::{
    ConsumingContext, Context, GroupContext, GroupPart, OutputsContext,
};
use ackproof_oracle::histogram::Histogram;
use ackproof_oracle::load::{Load, Most};
use ackproof_oracle::pace::{GroupPace, Pace, Stalls};
use ackproof_reports::kafka::KafkaReport;
use ackproof_reports::run::{
    FaultReport, GroupReport, PropertyReport, Records, RunReport, Violation,
};
use ackproof_reports::timing::Timing;
use ackproof_reports::verdict::{Judgement, Verdict};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_types::{Micros, NodeId};
use std::collections::BTreeMap;

pub(crate) const DURABILITY: &str = "acked-durability";
pub(crate) const COMMITS: &str = "commit-durability";

/// A plan with this `expect`, and these `faults`.
pub(crate) fn plan(expect: &str, faults: &str) -> Plan {
    with("\"acks\": \"all\"", expect, faults)
}

pub(crate) fn with(producer: &str, expect: &str, faults: &str) -> Plan {
    let text = format!(
        r#"{{
            "topics": {{ "t": {{}} }},
            "producers": {{ "p": {{ "config": {{ {producer} }} }} }},
            "groups": {{ "g": {{}} }},
            "faults": [{faults}],
            "expect": {{ {expect} }}
        }}"#
    );
    let names = Names {
        properties: &[DURABILITY, COMMITS],
        witnesses: &["rebalance", "isr_shrunk"],
        variants: &[],
    };
    load_with(&text, "test", &names, &[]).unwrap().0
}

/// A fault that struck, or found nobody.
pub(crate) fn fault(entry: u64, struck: bool) -> FaultReport {
    FaultReport {
        at_ms: 5000,
        for_ms: None,
        kind: "crash".to_owned(),
        target: struck.then(|| "broker-1".to_owned()),
        moment: None,
        resolved_from: None,
        text: "crash of somebody".to_owned(),
        entry,
    }
}

/// A report in which acked-durability concludes this, and commit-durability judged nothing.
pub(crate) fn report(plan: &Plan, seed: u64, durability: Judgement) -> RunReport {
    let violation = Violation { seq: 1, at_ms: 2, summary: format!("by {seed}"), story: vec![] };
    let allowed = crate::study::contract::allowed(plan);
    let property = |name: &str, verdict| PropertyReport {
        name: name.to_owned(),
        verdict,
        expected: crate::study::assess::expected(plan, &allowed, name),
        witnesses: u64::from(verdict != Judgement::Vacuous),
        violation_count: u64::from(verdict == Judgement::Violated),
        since_ms: None,
        causes: Vec::new(),
        allowed: Vec::new(),
        undecided: None,
        violations: (verdict == Judgement::Violated)
            .then(|| violation.clone())
            .into_iter()
            .collect(),
    };
    let pace = pace(seed);
    RunReport {
        schema: 1,
        scenario: "test".to_owned(),
        file: "test".to_owned(),
        seed,
        swarm: Vec::new(),
        digest: format!("{seed:032x}"),
        verdict: Verdict::Met,
        properties: vec![property(DURABILITY, durability), property(COMMITS, Judgement::Vacuous)],
        kafka: KafkaReport {
            upgraded_to: None,
            version: "4.0".to_owned(),
            features: [("metadata.version".to_owned(), "4.0-IV3".to_owned())].into(),
        },
        network: None,
        capacity: None,
        records: Records { sent: 10, acked: 9, failed: 1, ..Records::default() },
        groups: vec![GroupReport {
            group: "g".to_owned(),
            processed: 10,
            distinct: 8,
            duplicates: 2,
            duplicate_rate: 0.25,
            ..GroupReport::default()
        }],
        faults: (0..plan.faults.len() as u64).map(|entry| fault(entry, true)).collect(),
        witnesses: witnesses(seed),
        simulated_ms: 1000,
        messages: 20,
        entries: 30,
        reasons: Vec::new(),
        causes: Vec::new(),
        notes: Vec::new(),
        not_modelled: Vec::new(),
        contract: None,
        alerts: None,
        timing: timing(&pace),
        pace,
        timeline: Vec::new(),
        timeline_omitted: 0,
        reproduce: String::new(),
    }
}

/// What follows from a crash, and a rebalance more with each seed.
fn witnesses(seed: u64) -> BTreeMap<String, u64> {
    let named = [("process_crashed", 1), ("process_restarted", 1), ("rebalance", seed)];
    named.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
}

/// Ten acknowledgements of 10 ms, a group that takes twice as long; a stall, a failover and a handover
/// that grow by the seed.
fn pace(seed: u64) -> Pace {
    let lengths = |ms| {
        let mut histogram = Histogram::default();
        (0..10).for_each(|_| histogram.add(Micros::from_millis(ms)));
        histogram
    };
    let stalls = Stalls {
        longest: Micros::from_secs(2 + seed),
        stalled: Micros::from_secs(2 + seed),
        observed: Micros::from_secs(100),
    };
    let handover = Some(lengths(3000 + 1000 * seed));
    let (begins, read_stall, write_stall) = (None, None, None);
    let group =
        GroupPace { begins, end_to_end: lengths(20), reads: Some(stalls), read_stall, handover };
    let (writes, failover) = (Some(stalls), Some(lengths(9000 + 1000 * seed)));
    Pace {
        acknowledgement: lengths(10),
        writes,
        write_stall,
        failover,
        groups: vec![group],
        load: Some(Load {
            longest_queue: busy(50_000),
            handlers: busy(500_000),
            longest_disk_queue: busy(20_000),
            disk: busy(900_000),
        }),
    }
}

fn busy(value: u64) -> Most {
    Most { value, at: NodeId(0) }
}

fn timing(pace: &Pace) -> Timing {
    let group = GroupContext {
        name: "g".to_owned(),
        topics: Vec::new(),
        protocol: "classic".into(),
        commit: "".into(),
        reset: "".into(),
        commit_interval: None,
        sink: None,
        outputs: OutputsContext::default(),
        part: GroupPart::Application,
        consuming: ConsumingContext::default(),
    };
    let nodes = vec!["broker-1".to_owned()];
    Timing::of(pace, &Context { nodes, groups: vec![group], ..Context::default() })
}
