//! Racks of brokers, and of members.

use crate::common::{load, message, plan};
use ackproof_scenario::describe::{verb, words};
use ackproof_scenario::plan::Action;
use ackproof_scenario::schedule::{Schedule, ScheduledFault};

#[test]
fn each_broker_has_a_rack_or_none_has() {
    assert_eq!(plan("cluster", "{}").main().racks, [] as [&str; 0]);
    assert_eq!(plan("cluster", r#"{ "racks": ["a", "b", "a"] }"#).main().racks, ["a", "b", "a"]);
    for (racks, said) in [
        (
            r#"["a", "b"]"#,
            "cluster.racks: 2 racks for 3 brokers: name one for each, broker-1 first",
        ),
        (r#"["a", "", "c"]"#, "cluster.racks[1]: a rack has a name"),
    ] {
        assert_eq!(message("cluster", &format!(r#"{{ "racks": {racks} }}"#)), said);
    }
}

#[test]
fn a_replica_selector_is_one_of_kafkas() {
    let class = "org.apache.kafka.common.replica.RackAwareReplicaSelector";
    let config =
        |class: &str| format!(r#"{{ "config": {{ "replica.selector.class": "{class}" }} }}"#);
    let selector = plan("cluster", &config(class)).main().config.clone();
    assert_eq!(selector.text("replica.selector.class"), Some(class));
    let said = message("cluster", &config("com.example.Nearest"));
    assert!(said.contains("replica.selector.class"), "{said}");
}

#[test]
fn a_zone_is_every_process_in_a_rack() {
    let cluster = r#""cluster": { "brokers": 4, "controllers": 3, "racks": ["a", "b", "c", "a"] }"#;
    let of = |faults: &str| {
        let text = format!(
            r#"{{ {cluster}, "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{}} }},
                "groups": {{ "ledger": {{ "members": 3, "config": {{ "client.rack": "a" }} }} }},
                "faults": [{faults}] }}"#
        );
        load(&text, &[])
    };
    let hit = |fault: &str| -> Vec<String> {
        let plan = of(fault).unwrap_or_else(|found| panic!("{found:#?}"));
        let faults = Schedule::new(&plan, 1).faults;
        let said = |fault: &ScheduledFault| {
            format!("{} {}", verb(&fault.kind.action), words(fault.kind.target, &plan))
        };
        faults.iter().map(said).collect()
    };
    assert_eq!(
        hit(r#"{ "at": "5s", "power-loss": "zone a" }"#),
        [
            "power-loss broker-1",
            "power-loss broker-4",
            "power-loss controller-1",
            "crash ledger-0",
            "crash ledger-1",
            "crash ledger-2",
        ]
    );
    assert_eq!(
        hit(r#"{ "at": "5s", "pause": "zone b" }"#),
        ["pause broker-2", "pause controller-2"]
    );
    let cut = of(r#"{ "at": "5s", "partition": [["zone b"], ["zone a", "zone c"]] }"#);
    let cut = cut.unwrap_or_else(|found| panic!("{found:#?}"));
    let Action::Partition(sides) = &cut.faults[0].choices[0].1.action else { panic!("a cut") };
    assert_eq!(sides.iter().map(Vec::len).collect::<Vec<_>>(), [2, 8]);
    let said = |fault: &str| {
        let found = of(fault).expect_err("a mistake");
        let hint = found[0].hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}{hint}", found[0].message)
    };
    assert_eq!(said(r#"{ "at": "5s", "crash": "zone d" }"#), "unknown zone \"d\" (known: a, b, c)");
    let isolated = said(r#"{ "at": "5s", "isolate": "zone a" }"#);
    assert!(isolated.contains("\"partition\": [[\"zone a\"]"), "{isolated}");
    assert_eq!(
        message("faults", r#"[{ "at": "5s", "crash": "zone a" }]"#),
        "faults[0].crash: there are no zones (name the rack of each broker: \"cluster\": { \"racks\": \
         [\"a\", \"b\", \"c\"] })"
    );
}

#[test]
fn zones_and_rolling_restarts_reach_every_cluster() {
    let faults = |fault: &str| {
        format!(
            r#"{{ "cluster": {{ "racks": ["a", "b", "c"], "controllers": 3 }},
                "clusters": {{ "backup": {{ "racks": ["b", "c", "d"], "controllers": 3 }},
                               "spare": {{}} }},
                "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{}} }},
                "faults": [{{ "at": "5s", {fault} }}] }}"#
        )
    };
    let hit = |fault: &str| -> Vec<String> {
        let plan = load(&faults(fault), &[]).unwrap_or_else(|found| panic!("{found:#?}"));
        let faults = Schedule::new(&plan, 1).faults;
        faults.iter().map(|fault| words(fault.kind.target, &plan)).collect()
    };
    let zone_b = ["broker-2", "backup-broker-1", "controller-2", "backup-controller-1"];
    assert_eq!(hit(r#""power-loss": "zone b""#), zone_b);
    assert_eq!(hit(r#""power-loss": "zone d""#), ["backup-broker-3", "backup-controller-3"]);
    let backup = ["backup-broker-1", "backup-broker-2", "backup-broker-3"];
    assert_eq!(hit(r#""power-loss": "brokers of backup""#), backup);
    let rolling = r#""rolling-restart": "controllers of backup", "to": "4.4""#;
    assert_eq!(hit(rolling), ["controllers of backup"]);
    let single = r#""rolling-restart": "controllers of spare", "to": "4.4""#;
    assert_eq!(hit(single), ["controllers of spare"]);
    let finalized = r#""update-features": "4.4", "cluster": "backup""#;
    assert_eq!(hit(finalized), ["active controller of backup"]);
    let said = |fault: &str| {
        let found = load(&faults(fault), &[]).expect_err("a mistake");
        let hint = found[0].hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}{hint}", found[0].message)
    };
    assert_eq!(
        said(r#""update-features": "4.4", "cluster": "bakup""#),
        "unknown cluster \"bakup\" (did you mean \"backup\"?)"
    );
}
