//! Mirrors: what they add to a plan, and what is refused of them.

use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::{Action, Part, Plan, Target};
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_scenario::schedule::Schedule;
use ackproof_scenario::write::{text, tree};
use ackproof_types::{ClusterId, Micros, TopicId};
use std::collections::BTreeMap;

const BACKUP: ClusterId = ClusterId(1);

fn load(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    load_with(text, "test.json", &names, &[]).map(|(plan, _)| plan)
}

/// Payments on the first of two clusters, with this mirror and these faults.
fn scenario(mirror: &str, faults: &str) -> String {
    format!(
        r#"{{
          "clusters": {{ "backup": {{}} }},
          "topics": {{ "payments": {{ "partitions": 5, "config": {{ "min.insync.replicas": 2 }} }} }},
          "producers": {{ "billing": {{}} }},
          "groups": {{ "ledger": {{ "members": 2 }}, "audit": {{}} }},
          "mirrors": {{ "mirror": {mirror} }},
          "faults": [{faults}]
        }}"#
    )
}

fn said(mirror: &str, faults: &str) -> Vec<String> {
    let found = load(&scenario(mirror, faults)).expect_err("a mistake");
    found.iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
}

const OVER: &str = r#"{ "at": "9s", "fail-over": "ledger" }"#;

#[test]
fn a_mirror_does_not_copy_back_what_came_from_there() {
    let back = r#"{ "to": "backup" }, "back": { "topic": "primary.payments", "to": "primary" }"#;
    let found = said(back, OVER);
    assert!(found.iter().any(|one| one.contains("does not copy a topic back")), "{found:?}");
}

#[test]
fn a_mirror_makes_a_topic_and_a_group_that_goes_over_one_there() {
    let faults = format!(r#"{OVER}, {{ "at": "5s", "crash": "mirror-0", "for": "1s" }}"#);
    let config = r#""config": { "offset.lag.max": 7, "sync.group.offsets.enabled": true }"#;
    let mirror = format!(r#"{{ "to": "backup", {config} }}"#);
    let plan = load(&scenario(&mirror, &faults)).unwrap_or_else(|found| panic!("{found:#?}"));
    let copy = &plan.topics[2];
    assert_eq!((copy.name.as_str(), copy.cluster), ("primary.payments", BACKUP));
    assert_eq!((copy.partitions, copy.replication_factor), (5, 2), "MirrorMaker's default");
    assert_eq!(copy.min_insync_replicas(), 1, "the target's own, unlike other settings");
    let names: Vec<&str> = plan.groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["ledger", "audit", "mirror", "backup-ledger"]);
    let told = plan.groups[2].mirror().expect("a mirror");
    assert_eq!((told.offset_lag_max, told.flush_interval), (7, Micros::from_secs(60)));
    assert_eq!(told.sync_interval, Some(Micros::from_secs(60)));
    assert_eq!((&told.groups, plan.groups[2].at), (&vec![0, 1], BACKUP));
    let there = &plan.groups[3];
    assert_eq!((&there.part, there.members), (&Part::StandsFor(0), 2));
    assert_eq!((&there.topics, there.at), (&vec![TopicId(2)], BACKUP));
    assert_eq!((plan.stand_in(0), plan.stand_in(1)), (Some(3), None));
    let kinds: Vec<_> = plan.faults.iter().map(|fault| &fault.choices[0].1).collect();
    assert_eq!((&kinds[0].action, kinds[0].target), (&Action::FailOver, Target::Group(0)));
    assert_eq!(kinds[1].target, Target::Member(2, 0));
    // What is written is read again as the same.
    let written =
        |plan: &Plan| text(&tree(plan, 7, &Schedule::new(plan, 7).faults), &[], &BTreeMap::new());
    let first = written(&plan);
    let again = load(&first).unwrap_or_else(|found| panic!("{found:#?}\n{first}"));
    assert_eq!(format!("{:?}", again.topics), format!("{:?}", plan.topics), "{first}");
    let parts = |plan: &Plan| plan.groups.iter().map(|one| one.part.clone()).collect::<Vec<_>>();
    assert_eq!(parts(&again), parts(&plan), "{first}");
    assert_eq!(written(&again), first);
}

#[test]
fn mirrors_may_stand_in_any_order() {
    let on = r#"{ "topic": "primary.payments", "to": "third" }"#;
    let mirrors = [
        format!(r#"{{ "to": "backup" }}, "on": {on}"#),
        format!(r#"{on}, "first": {{ "to": "backup" }}"#),
    ];
    let copies = mirrors.map(|mirrors| {
        let text =
            scenario(&mirrors, "").replace("\"backup\": {}", "\"backup\": {}, \"third\": {}");
        let plan = load(&text).unwrap_or_else(|found| panic!("{found:#?}"));
        plan.topics.iter().map(|topic| topic.name.clone()).collect::<Vec<_>>()
    });
    assert_eq!(copies[0][2..4], ["primary.payments", "backup.primary.payments"]);
    assert_eq!(copies[0], copies[1]);
}

#[test]
fn mistakes_say_what_a_mirror_needs() {
    assert_eq!(
        said("{}", ""),
        ["mirrors.mirror: where to? add \"to\": one of the clusters primary, backup"]
    );
    assert_eq!(
        said(r#"{ "to": "primary" }"#, ""),
        ["mirrors.mirror.to: payments is on that cluster already"]
    );
    assert_eq!(
        said(r#"{ "to": "nowhere" }"#, OVER),
        ["mirrors.mirror.to: unknown cluster \"nowhere\""],
        "that nothing is mirrored follows from it"
    );
    assert_eq!(
        said(r#"{ "to": "backup", "config": { "replication.factor": 4 } }"#, ""),
        ["mirrors.mirror: replication.factor of primary.payments is 4, and backup has 3 brokers"]
    );
    assert_eq!(
        said(r#"{ "to": "backup", "config": { "offset.lag.maximum": 4 } }"#, "").len(),
        1,
        "an unknown setting"
    );
    let none = r#"{ "to": "backup", "config": { "emit.checkpoints.enabled": false,
                    "sync.group.offsets.enabled": true } }"#;
    assert_eq!(
        said(none, ""),
        ["mirrors.mirror.config.sync.group.offsets.enabled: sync.group.offsets.enabled needs \
          emit.checkpoints.enabled: MirrorMaker refuses that"]
    );
    assert_eq!(
        said(r#"{ "to": "backup", "groups": ["leger"] }"#, ""),
        ["mirrors.mirror.groups[0]: unknown group \"leger\""]
    );
}

#[test]
fn faults_that_no_mirror_can_bear_are_refused() {
    let good = r#"{ "to": "backup" }"#;
    assert_eq!(
        said(good, r#"{ "at": "9s", "join": "mirror", "for": "1s" }"#),
        ["faults[0].join: mirror is a mirror: it is in no group"]
    );
    assert_eq!(
        said(good, r#"{ "at": "9s", "add-partitions": "payments", "to": 9 }"#),
        [
            "faults[0].add-partitions: a mirror copies payments: that it finds new partitions is not modelled"
        ]
    );
    assert_eq!(
        said(good, r#"{ "at": "9s", "fail-over": "ledger", "for": "1s" }"#),
        ["faults[0].for: who has gone over stays there; this has no \"for\""]
    );
    let alone =
        scenario(good, OVER).replace("\"mirrors\": { \"mirror\": { \"to\": \"backup\" } },", "");
    let found = load(&alone).expect_err("no mirror");
    assert_eq!(found[0].message, "no mirror copies what ledger reads to another cluster");
}
