//! Several clusters: who is where, how processes are called, and what is refused.

use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::{Action, Peers, Plan, Target};
use ackproof_scenario::resolve::{Names, load_with};
use ackproof_scenario::schedule::Schedule;
use ackproof_scenario::write::{text, tree};
use ackproof_types::{ClusterId, TopicId};
use std::collections::BTreeMap;

const BACKUP: ClusterId = ClusterId(1);

fn load(text: &str) -> Result<Plan, Vec<Diagnostic>> {
    let names = Names { properties: &[], witnesses: &[], variants: &[] };
    load_with(text, "test.json", &names, &[]).map(|(plan, _)| plan)
}

/// Two clusters, with `topics`, and `more` keys of the scenario.
fn scenario(topics: &str, more: &str) -> String {
    format!(
        r#"{{
          "cluster": {{ "brokers": 2, "config": {{ "offsets.topic.replication.factor": 2 }} }},
          "clusters": {{ "backup": {{ "brokers": 3, "config": {{ "min.insync.replicas": 2 }} }} }},
          "topics": {{ {topics} }},
          "producers": {{ "billing": {{ "topic": "payments" }}, "audit": {{ "topic": "copies" }} }}{more}
        }}"#
    )
}

const TOPICS: &str = r#""payments": {}, "copies": { "cluster": "backup" }"#;

fn two(more: &str) -> Plan {
    load(&scenario(TOPICS, more)).unwrap_or_else(|found| panic!("{found:#?}"))
}

fn said(text: &str) -> Vec<String> {
    let found = load(text).expect_err("a mistake");
    found.iter().map(|one| format!("{}: {}", one.path, one.message)).collect()
}

#[test]
fn a_topic_is_on_one_cluster_and_clients_are_beside_it() {
    let groups = r#", "groups": { "ledger": {}, "copy": { "topics": ["copies"] },
        "far": { "topics": ["payments"], "at": "backup" }, "all": { "at": "backup" } }"#;
    let plan = two(groups);
    let names: Vec<_> = plan.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["__consumer_offsets", "payments", "copies", "backup/__consumer_offsets"]);
    assert_eq!(plan.cluster(BACKUP).offsets, TopicId(3));
    assert_eq!(plan.topics[2].cluster, BACKUP);
    assert_eq!(
        (plan.topics[1].min_insync_replicas(), plan.topics[2].min_insync_replicas()),
        (1, 2)
    );
    assert_eq!(plan.topics[1].replication_factor, 2, "no more than its cluster has brokers");
    assert_eq!(plan.producers[1].at, BACKUP);
    let groups = plan.groups.iter();
    let places: Vec<_> =
        groups.map(|one| (one.topics.clone(), plan.cluster_of(one), one.at)).collect();
    let (first, payments, copies) = (ClusterId::FIRST, vec![TopicId(1)], vec![TopicId(2)]);
    assert_eq!(
        places,
        [
            (payments.clone(), first, first),
            (copies.clone(), BACKUP, BACKUP),
            (payments, first, BACKUP),
            (copies, BACKUP, BACKUP)
        ]
    );
    assert_eq!(plan.brokers_of(BACKUP), 3..=5, "no two brokers have the same number");
    assert_eq!(plan.broker_name(3), "backup-broker-1");
}

#[test]
fn faults_name_the_processes_of_each_cluster() {
    let plan = two(r#", "faults": [
            { "at": "1s", "crash": "backup-broker-3", "for": "1s" },
            { "at": "2s", "crash": "backup-controller", "for": "1s" },
            { "at": "3s", "partition": [["datacentre primary"], ["datacentre backup"]], "for": "1s" },
            { "at": "4s", "isolate": "billing-0", "from": ["cluster primary"], "for": "1s" },
            { "after": "backup-broker-1 is elected for copies-0", "crash": "broker-2", "for": "1s" }
        ]"#);
    let kinds: Vec<_> = plan.faults.iter().map(|fault| &fault.choices[0].1).collect();
    assert_eq!(kinds[0].target, Target::Broker(5));
    assert_eq!(kinds[1].target, Target::Controller(1));
    let sides = [ClusterId::FIRST, BACKUP].map(|id| vec![Peers::Datacentre(id)]).to_vec();
    assert_eq!(kinds[2].action, Action::Partition(sides));
    let Action::Isolate(links) = &kinds[3].action else { panic!("{:?}", kinds[3].action) };
    assert_eq!(links.peers, [Peers::Cluster(ClusterId::FIRST)]);
    // What is written is read again as the same.
    let faults = Schedule::new(&plan, 7).faults;
    let written = text(&tree(&plan, 7, &faults), &[], &BTreeMap::new());
    let again = load(&written).unwrap_or_else(|found| panic!("{found:#?}\n{written}"));
    assert_eq!(format!("{:?}", again.clusters), format!("{:?}", plan.clusters));
    assert_eq!(format!("{:?}", again.topics), format!("{:?}", plan.topics));
    assert_eq!(
        text(&tree(&again, 7, &Schedule::new(&again, 7).faults), &[], &BTreeMap::new()),
        written
    );
}

#[test]
fn mistakes_say_which_cluster_was_meant() {
    let wrong = |topics: &str, more: &str| said(&scenario(topics, more));
    let copies = r#""payments": {}, "copies": { "cluster": "backup" }"#;
    assert_eq!(
        wrong(r#""payments": {}, "copies": { "cluster": "bakcup" }"#, ""),
        ["topics.copies.cluster: unknown cluster \"bakcup\""]
    );
    let groups = r#", "groups": { "ledger": { "topics": ["payments", "copies"] } }"#;
    assert_eq!(
        wrong(copies, groups),
        ["groups.ledger.topics: a group reads from one cluster, and these topics are on several"]
    );
    let four = r#""payments": {}, "copies": { "cluster": "backup", "replication.factor": 4 }"#;
    assert_eq!(
        wrong(four, ""),
        ["topics.copies.replication.factor: 4 replicas need as many brokers, but there are 3"]
    );
    let fault = |target: &str| {
        format!(r#", "faults": [{{ "at": "1s", "crash": "{target}", "for": "1s" }}]"#)
    };
    assert_eq!(
        wrong(copies, &fault("backup-broker-4")),
        ["faults[0].crash: unknown broker \"backup-broker-4\""]
    );
    let peers =
        r#", "faults": [{ "at": "1s", "isolate": "broker-1", "from": ["cluster bakcup"] }]"#;
    assert_eq!(wrong(copies, peers), ["faults[0].from[0]: unknown cluster \"bakcup\""]);
    let named = r#", "groups": { "backup-broker": {} }"#;
    assert_eq!(
        wrong(copies, named),
        ["groups.backup-broker: \"backup-broker\" would name processes of a cluster"]
    );
}

#[test]
fn the_first_cluster_and_the_network_are_said_once() {
    let clusters = |text: &str| {
        format!(
            r#"{{ "clusters": {text}, "topics": {{ "payments": {{}} }}, "producers": {{ "billing": {{}} }} }}"#
        )
    };
    assert_eq!(
        said(&clusters(r#"{ "primary": {} }"#)),
        ["clusters.primary: \"primary\" is the one under \"cluster\""]
    );
    assert_eq!(
        said(&clusters(r#"{ "backup": { "network": { "latency": "1ms" } } }"#)),
        ["clusters.backup.network: there is one network: \"cluster\", \"network\""]
    );
    assert_eq!(
        said(&clusters(r#"{ "backup": { "brokers": 0 } }"#)),
        ["clusters.backup.brokers: 0 is not within 1 and 1000"]
    );
}
