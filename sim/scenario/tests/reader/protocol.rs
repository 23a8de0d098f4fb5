//! `--set protocol=…`: what one protocol of groups refuses is said in the words of the other.

use crate::common::{NAMES, message, scenario};
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::load_with;

const GROUPS: &str = r#"{ "ledger": { "config": { "session.timeout.ms": 10000,
    "heartbeat.interval.ms": 3000, "partition.assignment.strategy":
    "org.apache.kafka.clients.consumer.RangeAssignor" } }, "audit": {} }"#;

struct Loaded {
    plan: Plan,
    warnings: Vec<Diagnostic>,
}

fn set(groups: &str, sets: &[(&str, &str)]) -> Result<Loaded, Vec<Diagnostic>> {
    let sets: Vec<_> =
        sets.iter().map(|(path, word)| ((*path).to_owned(), (*word).to_owned())).collect();
    let (plan, warnings) = load_with(&scenario("groups", groups), "test.json", &NAMES, &sets)?;
    Ok(Loaded { plan, warnings })
}

fn said(loaded: &Loaded) -> Vec<&str> {
    loaded.warnings.iter().map(|one| one.message.as_str()).collect()
}

#[test]
fn what_a_classic_member_says_the_brokers_say_of_a_consumer_group() {
    let loaded = set(GROUPS, &[("protocol", "consumer")]).expect("it is translated");
    let broker = &loaded.plan.main().config;
    for (key, value) in [
        ("group.consumer.session.timeout.ms", 10_000),
        ("group.consumer.min.session.timeout.ms", 10_000),
        ("group.consumer.heartbeat.interval.ms", 3000),
        ("group.consumer.min.heartbeat.interval.ms", 3000),
    ] {
        assert_eq!(broker.number(key), value, "{key}");
    }
    let [ledger, audit] = loaded.plan.groups.as_slice() else { panic!("two groups") };
    assert_eq!(ledger.config.word("group.protocol"), "consumer");
    assert_eq!(ledger.config.text("group.remote.assignor"), Some("range"));
    assert_eq!(audit.config.text("group.remote.assignor"), None);
    let said = said(&loaded);
    assert_eq!(said.len(), 3, "{said:#?}");
    assert_eq!(
        said[1],
        "groups.ledger: session.timeout.ms 10000 is the brokers' group.consumer.session.timeout.ms with \
         group.protocol=consumer, and group.consumer.min.session.timeout.ms too: Kafka refuses less"
    );
    let one = set(GROUPS, &[("groups.audit.protocol", "consumer")]).expect("only one of them");
    let protocols = one.plan.groups.iter().map(|group| group.config.word("group.protocol"));
    assert!(protocols.eq(["classic", "consumer"]));
}

/// The words of Kafka's setting are its own.
#[test]
fn kafkas_setting_is_set_by_its_whole_path_too() {
    let path = "groups.ledger.config.group.protocol";
    for (word, fine) in [("classic", true), ("CLASSIC", true), ("eager", false)] {
        assert_eq!(set(GROUPS, &[(path, word)]).is_ok(), fine, "{word}");
    }
    let text = r#"{ "ledger": { "deploys": [ { "at": "9s", "config": {} } ] } }"#;
    let loaded = set(text, &[("protocol", "Consumer")]).expect("of those before");
    assert!(said(&loaded)[0].contains("deploys with settings of their own"), "{:?}", said(&loaded));
}

#[test]
fn a_cluster_that_serves_no_consumer_groups_is_refused() {
    let refused = |sets: &[(&str, &str)]| {
        let sets = [sets, &[("protocol", "consumer")]].concat();
        set("{ \"ledger\": {} }", &sets).err().map(|found| found[0].message.clone())
    };
    assert_eq!(refused(&[]), None);
    let said = refused(&[("features.group.version", "0")]).expect("refused");
    assert!(said.contains("group.version is 0"), "{said}");
    let said = refused(&[("group.coordinator.rebalance.protocols", "classic")]).expect("refused");
    assert!(said.contains("group.coordinator.rebalance.protocols is classic"), "{said}");
}

#[test]
fn and_the_other_way_round() {
    let text = r#"{ "ledger": { "config": { "group.protocol": "CONSUMER",
        "group.remote.assignor": "uniform" } } }"#;
    let sets = [("group.consumer.session.timeout.ms", "50000"), ("protocol", "cooperative")];
    let loaded = set(text, &sets).expect("it is translated");
    let config = &loaded.plan.groups[0].config;
    assert_eq!(config.number("session.timeout.ms"), 50_000);
    let cooperative = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";
    assert_eq!(config.word("partition.assignment.strategy"), cooperative);
    let eager = set(text, &[("protocol", "eager")]).expect("it is translated");
    assert!(eager.plan.groups[0].config.word("partition.assignment.strategy").contains("Range"));
}

#[test]
fn another_word_or_group_is_a_mistake() {
    let mistake = |path, word| {
        let found = set(GROUPS, &[(path, word)]).err().expect("a mistake");
        assert_eq!(found.len(), 1, "{found:#?}");
        (found[0].message.clone(), found[0].hint.clone().unwrap_or_default())
    };
    let (message, hint) = mistake("protocol", "consume");
    assert_eq!(message, "unknown protocol \"consume\"");
    assert_eq!(hint, "did you mean \"consumer\"?");
    assert_eq!(mistake("groups.ledgr.protocol", "consumer").0, "no \"ledgr\" in groups");
}

#[test]
fn later_settings_of_members_are_read_like_the_first_and_written_back() {
    let text = |first: &str| {
        format!(
            r#"{{ "ledger": {{ "deploys": [ {{ "at": "{first}", "config": {{ "group.protocol": "consumer" }} }},
               {{ "at": "20s", "config": {{ "max.poll.records": 7 }} }} ] }} }}"#
        )
    };
    let loaded = set(&text("10s"), &[]).expect("two deploys");
    let group = &loaded.plan.groups[0];
    let protocols: Vec<&str> = group.configs().map(|one| one.word("group.protocol")).collect();
    assert_eq!(protocols, ["classic", "consumer", "classic"]);
    assert_eq!(group.deploys[1].1.number("max.poll.records"), 7);
    let found = set(&text("20s"), &[]).err().expect("not in order");
    assert_eq!(found[0].message, "deploys stand in the order of their times");
    let late = r#"{ "ledger": { "deploys": [ { "at": "500m", "config": {} } ] } }"#;
    let found = set(late, &[]).err().expect("nobody starts then");
    assert!(found[0].message.contains("no member starts after it"), "{found:#?}");
    assert_eq!(found[0].path, "groups.ledger.deploys[0].at");
    let clash = r#"{ "ledger": { "deploys": [ { "at": "1s", "config": { "group.protocol": "consumer",
        "session.timeout.ms": 9000 } } ] } }"#;
    let found = set(clash, &[]).err().expect("Kafka refuses it");
    assert_eq!(found[0].path, "groups.ledger.deploys[0].config.session.timeout.ms");
}

#[test]
fn brokers_hold_the_settings_of_consumer_groups_to_bounds() {
    let config = |text: &str| message("cluster", &format!(r#"{{ "config": {{ {text} }} }}"#));
    let cases = [
        (
            r#""group.consumer.session.timeout.ms": 6000"#,
            "group.consumer.session.timeout.ms: group.consumer.min.session.timeout.ms 45000 is above \
             group.consumer.session.timeout.ms 6000: Kafka refuses that \
             (set group.consumer.min.session.timeout.ms too)",
        ),
        (
            r#""group.consumer.heartbeat.interval.ms": 14000, "group.consumer.session.timeout.ms": 14000,
               "group.consumer.min.session.timeout.ms": 1"#,
            "group.consumer.heartbeat.interval.ms: group.consumer.heartbeat.interval.ms 14000 is not below \
             group.consumer.session.timeout.ms 14000: Kafka refuses that",
        ),
        (
            r#""group.consumer.assignment.interval.ms": 500"#,
            "group.consumer.assignment.interval.ms: Kafka 4.0 has no \
             \"group.consumer.assignment.interval.ms\" (it came with Kafka 4.3: set \"kafka\")",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(config(text), format!("cluster.config.{said}"), "{text}");
    }
}
