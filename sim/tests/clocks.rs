//! Clocks that are wrong: what brokers delete and refuse by them, and what goes on as ever.

use ackproof::world::document::load;
use ackproof::world::run::{RunOutcome, run};
use ackproof_oracle::cause::{LossCause, SendEnd};
use ackproof_oracle::verdict::Judgement;

/// A topic that keeps an hour, looked at every other second, whose group is away for ten.
fn outcome(topic: &str, producer: &str, faults: &str) -> RunOutcome {
    let text = format!(
        r#"{{
          "name": "clocks",
          "cluster": {{ "config": {{
            "log.initial.task.delay.ms": 1000, "log.retention.check.interval.ms": 2000 }} }},
          "topics": {{ "payments": {{ "partitions": 1, "config": {{
            "min.insync.replicas": 2, "retention.ms": 3600000 {topic} }} }} }},
          "producers": {{ "billing": {{ "rate": "23/s" {producer} }} }},
          "groups": {{ "ledger": {{ "commit": "sync-after-batch", "config": {{
            "auto.offset.reset": "earliest", "session.timeout.ms": 6000 }} }} }},
          "faults": [{{ "at": "10s", "pause": "ledger-0", "for": "10s" }} {faults}],
          "run": {{ "load": "40s", "settle": "60s" }}
        }}"#
    );
    let (plan, _) = load(&text, "clocks.json", &[]).unwrap_or_else(|found| panic!("{found:#?}"));
    run(&plan, 3, None).expect("a run")
}

/// Records that the group never processed because retention had deleted them; there is no other reason here.
fn deleted(outcome: &RunOutcome) -> u64 {
    let group = &outcome.findings.groups[0];
    let of = group.skip_causes.get(&LossCause::Retention).copied().unwrap_or(0);
    assert_eq!(of, group.skipped);
    assert_eq!(outcome.findings.records.lost, 0);
    of
}

const AHEAD: &str =
    r#", { "at": "12s", "clock-jump": "leader of payments-0", "by": "+2h", "for": "6s" }"#;
const BEHIND: &str = r#", { "at": "12s", "clock-jump": "brokers", "by": "-2h", "for": "6s" }"#;
const STAMPED: &str = r#", "message.timestamp.type": "LogAppendTime""#;

#[test]
fn a_leader_whose_clock_is_ahead_deletes_what_is_young() {
    assert_eq!(deleted(&outcome("", "", "")), 0);
    assert!(deleted(&outcome("", "", AHEAD)) > 0);
    // It takes its followers along, and only a leader does.
    let follower = AHEAD.replace("leader of", "a follower of");
    assert_eq!(deleted(&outcome("", "", &follower)), 0);
    assert_eq!(deleted(&outcome("", "", &AHEAD.replace("+2h", "+50m"))), 0);
    assert_eq!(
        deleted(&outcome("", "", &AHEAD.replace("+2h", "-2h"))),
        0,
        "what bears the future stays"
    );
}

#[test]
fn what_a_record_bears_is_old_by_whose_clock_it_is_that_stamps_it() {
    let old = r#", "create_time": "-90m""#;
    assert!(deleted(&outcome("", old, "")) > 0);
    assert_eq!(deleted(&outcome(STAMPED, old, "")), 0);
    // Brokers stamp an old time for a while. A segment goes by its newest record, which is young again.
    assert_eq!(deleted(&outcome(STAMPED, "", BEHIND)), 0);
    assert_eq!(deleted(&outcome("", "", BEHIND)), 0);
}

#[test]
fn what_is_too_far_ahead_of_its_leader_is_refused_and_not_lost() {
    let refused = |outcome: &RunOutcome| {
        let records = &outcome.findings.records;
        assert_eq!((records.lost, records.unknown), (0, 0));
        assert_eq!(outcome.findings.groups[0].skipped, 0);
        let causes = records.failure_causes.keys();
        assert!(causes.clone().all(|cause| cause.end == SendEnd::Final), "{causes:?}");
        for property in &outcome.findings.properties {
            assert_ne!(property.judgement, Judgement::Violated, "{}", property.name);
        }
        records.failed
    };
    let jump = |by: &str| {
        format!(r#", {{ "at": "25s", "clock-jump": "billing-0", "by": "{by}", "for": "5s" }}"#)
    };
    assert!((100..130).contains(&refused(&outcome("", "", &jump("+2h")))));
    assert_eq!(refused(&outcome("", "", &jump("+50m"))), 0);
    assert_eq!(refused(&outcome(STAMPED, "", &jump("+2h"))), 0);
    let wider = r#", "message.timestamp.after.max.ms": 86400000"#;
    assert_eq!(refused(&outcome(wider, "", &jump("+2h"))), 0);
    let narrow = r#", "message.timestamp.before.max.ms": 60000"#;
    assert!(refused(&outcome(narrow, "", &jump("-2h"))) > 100);
    // An hour and some seconds are gained within this time only by a clock that is faster than any.
    let drift = r#", { "at": "1s", "clock-drift": "billing-0", "by": "+400000ppm" }"#;
    let near = r#", "message.timestamp.after.max.ms": 4000"#;
    let late = refused(&outcome(near, "", drift));
    assert!((600..680).contains(&late), "from the eleventh second on: {late}");
}
