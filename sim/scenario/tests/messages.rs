//! What a user reads when a scenario is wrong.

use ackproof_scenario::diagnostic::{Diagnostic, Severity};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{MAX_BYTES, Names, load_with};

const NAMES: Names<'static> = Names {
    properties: &["acked-durability", "at-least-once"],
    witnesses: &["leader_elected", "isr_shrunk"],
    variants: &["trunc-to-hw", "no-dedup"],
};

/// A scenario with this in place of each part that it names.
fn scenario(part: &str, text: &str) -> String {
    let parts = [
        ("cluster", "{}"),
        ("topics", r#"{ "payments": {} }"#),
        ("producers", r#"{ "billing": { "instances": 2 } }"#),
        ("groups", r#"{ "ledger": { "members": 2 } }"#),
        ("faults", "[]"),
        ("expect", "{}"),
        ("variants", "[]"),
        ("run", "{}"),
    ];
    let lines = parts.map(|(name, usual)| {
        format!("  \"{name}\": {},\n", if name == part { text } else { usual })
    });
    format!("{{\n{}}}\n", lines.concat())
}

fn load(text: &str, sets: &[(&str, &str)]) -> Result<Plan, Vec<Diagnostic>> {
    let sets: Vec<_> = sets.iter().map(|(path, to)| ((*path).into(), (*to).into())).collect();
    load_with(text, "test.json", &NAMES, &sets).map(|(plan, _)| plan)
}

fn plan(part: &str, text: &str) -> Plan {
    load(&scenario(part, text), &[]).unwrap_or_else(|found| panic!("{found:#?}"))
}

/// The one message, with its hint.
fn message(part: &str, text: &str) -> String {
    let found = load(&scenario(part, text), &[]).expect_err("a mistake");
    assert_eq!(found.len(), 1, "{found:#?}");
    let hint = found[0].hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
    format!("{}: {}{hint}", found[0].path, found[0].message)
}

fn fault(text: &str) -> String {
    message("faults", &format!("[{text}]"))
}

#[test]
fn a_mistake_is_shown_at_its_place() {
    let text = scenario("producers", r#"{ "billing": { "config": { "ackz": 1 } } }"#);
    let found = load(&text, &[]).expect_err("a mistake");
    let shown = r#"error: unknown producer setting "ackz"
 --> test.json:4:43 (producers.billing.config.ackz)
  |
4 |   "producers": { "billing": { "config": { "ackz": 1 } } },
  |                                           ^^^^^^
  = hint: did you mean "acks"?"#;
    assert_eq!(found[0].to_string(), shown, "as a user sees it");
}

#[test]
fn several_mistakes_at_once_in_the_order_of_the_text() {
    let text = scenario("topics", r#"{ "payments": { "partitions": 0 } }"#)
        .replace(r#""run": {}"#, r#""run": { "load": 30, "sette": "1s" }"#);
    let found = load(&text, &[]).expect_err("mistakes");
    let messages: Vec<_> = found.iter().map(|found| found.message.as_str()).collect();
    let expected = [
        "0 is not within 1 and 1000",
        "a bare number where a unit is needed",
        "unknown key \"sette\"",
    ];
    assert_eq!(messages, expected, "all of them");
}

#[test]
fn files_that_are_none() {
    let first = |text: &str| load(text, &[]).expect_err("a mistake")[0].message.clone();
    assert_eq!(first(""), "the file is empty", "empty");
    assert_eq!(first(" \n\t"), "the file is empty", "blank");
    assert_eq!(first("[]"), "expected an object, found a list", "no object");
    let large = " ".repeat(usize::try_from(MAX_BYTES).unwrap() + 1);
    assert_eq!(first(&large), "the file is larger than 1 MiB: this is no scenario", "large");
    let missing: Vec<_> = load("{}", &[]).unwrap_err().into_iter().map(|d| d.path).collect();
    assert_eq!(missing, ["topics", "producers"], "what every scenario has");
}

#[test]
fn cluster_and_topics() {
    assert_eq!(
        message("topics", r#"{ "payments": { "replication.factor": 5 } }"#),
        "topics.payments.replication.factor: 5 replicas need as many brokers, but there are 3 \
         (lower \"replication.factor\" or raise \"cluster.brokers\")",
        "replication factor"
    );
    assert_eq!(
        message("topics", r#"{ "payments": { "config": { "min.insync.replicas": 4 } } }"#),
        "topics.payments.config.min.insync.replicas: min.insync.replicas 4 is above the \
         replication factor 3 of \"payments\": no write with acks=all could ever succeed",
        "min ISR"
    );
    assert_eq!(
        message("cluster", r#"{ "config": { "acks": 1 } }"#),
        "cluster.config.acks: \"acks\" is a setting of a producer, not of a broker",
        "scope"
    );
    let plan = plan("cluster", r#"{ "brokers": 2, "config": { "min.insync.replicas": 2 } }"#);
    assert_eq!(plan.topics[0].name, "__consumer_offsets", "index 0");
    assert_eq!((plan.topics[0].partitions, plan.topics[0].replication_factor), (50, 2), "capped");
    assert_eq!(plan.topics[1].config.number("min.insync.replicas"), 2, "inherited");
}

fn producer(config: &str) -> String {
    format!(r#"{{ "billing": {{ "config": {{ {config} }} }} }}"#)
}

#[test]
fn idempotence_follows_from_acks_and_retries() {
    let idempotent = |config: &str| {
        plan("producers", &producer(config)).producers[0].config.switch("enable.idempotence")
    };
    assert!(idempotent(""), "on by default");
    assert!(idempotent("\"acks\": -1"), "-1 is all");
    assert!(!idempotent("\"acks\": 1"), "acks=1 turns it off");
    assert!(!idempotent("\"retries\": 0"), "so do no retries");
    assert!(!idempotent("\"enable.idempotence\": false, \"acks\": \"all\""), "as told");
    assert_eq!(
        message("producers", &producer("\"enable.idempotence\": true, \"acks\": 1")),
        "producers.billing.config.acks: an idempotent producer needs acks=all \
         (or set \"enable.idempotence\": false)",
        "contradiction"
    );
    assert_eq!(
        message("producers", &producer("\"max.in.flight.requests.per.connection\": 6")),
        "producers.billing.config.max.in.flight.requests.per.connection: an idempotent producer \
         allows at most 5 requests in flight per connection (or set \"enable.idempotence\": false)",
        "in flight"
    );
}

#[test]
fn delivery_timeout_holds_its_parts() {
    let raised = plan("producers", &producer("\"request.timeout.ms\": 200000"));
    assert_eq!(raised.producers[0].config.number("delivery.timeout.ms"), 200_005, "raised");
    assert_eq!(
        message("producers", &producer("\"delivery.timeout.ms\": 1000")),
        "producers.billing.config.delivery.timeout.ms: delivery.timeout.ms is below linger.ms + \
         request.timeout.ms = 30005: Kafka refuses that",
        "refused"
    );
}

#[test]
fn groups() {
    let config = |text: &str| format!(r#"{{ "ledger": {{ {text} }} }}"#);
    let mistake = |text: &str| message("groups", &config(text));
    assert_eq!(
        mistake("\"config\": { \"session.timeout.ms\": 5000 }"),
        "groups.ledger.config.session.timeout.ms: session.timeout.ms 5000 is outside the brokers' \
         bounds 6000 and 1800000 (group.min.session.timeout.ms, group.max.session.timeout.ms)",
        "bounds"
    );
    assert_eq!(
        mistake("\"config\": { \"heartbeat.interval.ms\": 45000 }"),
        "groups.ledger.config.heartbeat.interval.ms: heartbeat.interval.ms 45000 is not below \
         session.timeout.ms 45000",
        "heartbeat"
    );
    assert_eq!(
        mistake("\"commit\": \"auto\", \"config\": { \"enable.auto.commit\": false }"),
        "groups.ledger.config.enable.auto.commit: contradicts \"commit\": \"auto\" (leave it out: \
         it follows from \"commit\")",
        "contradiction"
    );
    assert_eq!(
        mistake("\"topics\": [\"paiments\"]"),
        "groups.ledger.topics[0]: unknown topic \"paiments\" (did you mean \"payments\"?)",
        "topic"
    );
    let automatic = |commit: &str| {
        let plan = plan("groups", &config(&format!("\"commit\": \"{commit}\"")));
        plan.groups[0].config.switch("enable.auto.commit")
    };
    assert!(automatic("auto") && automatic("auto-with-hand-off"), "these commit by themselves");
    assert!(!automatic("sync-after-batch") && !automatic("before-processing"), "these do not");
}

#[test]
fn faults_hit_what_exists() {
    let crash = |target: &str| fault(&format!(r#"{{ "at": "5s", "crash": "{target}" }}"#));
    let cases = [
        ("broker-4", "unknown broker \"broker-4\" (there is broker-1 to broker-3)"),
        ("broker-0", "unknown broker \"broker-0\" (there is broker-1 to broker-3)"),
        ("leader of orders-0", "unknown topic \"orders\" (known: __consumer_offsets, payments)"),
        (
            "leader of payments-3",
            "\"payments\" has no partition number 3 (there is payments-0 to payments-2)",
        ),
        ("leader of payments", "\"payments\" is no partition (write \"payments-0\")"),
        ("coordinator of leger", "unknown group \"leger\" (did you mean \"ledger\"?)"),
        ("any producer of bill", "unknown producer \"bill\" (did you mean \"billing\"?)"),
        ("billing-2", "\"billing\" has no instance number 2 (there is billing-0 to billing-1)"),
        ("ledger-7", "\"ledger\" has no member number 7 (there is ledger-0 to ledger-1)"),
        (
            "controler",
            "\"controler\" is nobody that a fault can hit (did you mean \"controller\"?)",
        ),
    ];
    for (target, said) in cases {
        assert_eq!(crash(target), format!("faults[0].crash: {said}"), "{target}");
    }
}

#[test]
fn faults_are_sentences() {
    let cases = [
        (
            r#"{ "at": "5s", "crahs": "broker-1" }"#,
            "faults[0].crahs: unknown key \"crahs\" (did you mean \"crash\"?)",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "pause": "broker-2" }"#,
            "faults[0].pause: a fault has one verb; \"crash\" and \"pause\" are two",
        ),
        (
            r#"{ "crash": "broker-1" }"#,
            "faults[0]: when? a fault needs \"at\": \"10s\" or \"between\": [\"5s\", \"40s\"]",
        ),
        (
            r#"{ "at": "31s", "crash": "broker-1" }"#,
            "faults[0].at: the load ends at 30s; no fault happens later",
        ),
        (
            r#"{ "at": "5s", "slow": "broker-1" }"#,
            "faults[0].slow: how much? add \"by\": \"50ms..100ms\"",
        ),
        (
            r#"{ "at": "5s", "crash": "broker-1", "loss": "5%" }"#,
            "faults[0].loss: \"loss\" goes with \"lossy\" only",
        ),
        (
            r#"{ "at": "5s", "isolate": "broker-1", "from": ["broker"] }"#,
            "faults[0].from[0]: \"broker\" is nobody that a fault can hit (did you mean \"brokers\"?)",
        ),
        (
            r#"{ "at": "5s", "leave": "broker-1" }"#,
            "faults[0].leave: \"leave\" hits a member, like \"any member of ledger\"",
        ),
        (
            r#"{ "at": "5s", "every": "3s", "crash": "broker-1" }"#,
            "faults[0].every: \"every\" goes with \"between\" only",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(fault(text), said, "{text}");
    }
}

#[test]
fn expectations_and_variants() {
    assert_eq!(
        message("expect", r#"{ "ackd-durability": "held" }"#),
        "expect.ackd-durability: unknown property or measure \"ackd-durability\" (did you mean \
         \"acked-durability\"?)",
        "property"
    );
    assert_eq!(
        message("expect", r#"{ "witness": { "leader_electd": 1 } }"#),
        "expect.witness.leader_electd: unknown witness \"leader_electd\" (did you mean \
         \"leader_elected\"?)",
        "witness"
    );
    assert_eq!(
        message("expect", r#"{ "lost": { "min": 2, "max": 1 } }"#),
        "expect.lost: \"min\" is above \"max\"",
        "limit"
    );
    assert_eq!(
        message("variants", r#"["trunc-to-hv"]"#),
        "variants[0]: unknown variant \"trunc-to-hv\" (did you mean \"trunc-to-hw\"?)",
        "variant"
    );
}

#[test]
fn values_from_the_command_line() {
    let text = scenario("faults", r#"[{ "at": "5s", "crash": "broker-1" }]"#);
    let sets = [
        ("producers.billing.config.acks", "1"),
        ("producers.billing.config.linger.ms", "7"),
        ("topics.payments.replication.factor", "2"),
        ("run.load", "20s"),
        ("faults[0].at", "7s"),
    ];
    let plan = load(&text, &sets).unwrap_or_else(|found| panic!("{found:#?}"));
    let config = &plan.producers[0].config;
    assert_eq!((config.word("acks"), config.number("linger.ms")), ("1", 7), "settings");
    assert_eq!(plan.topics[1].replication_factor, 2, "a key with dots");
    assert_eq!(plan.load.as_millis(), 20_000, "a string without quotes");

    let found = load(&text, &[("producers.biling.config.acks", "1")]).expect_err("a mistake");
    let shown = r#"error: no "biling" in producers
 --> --set:1:30 (producers.biling.config.acks)
  |
1 | producers.biling.config.acks=1
  |                              ^
  = hint: did you mean "billing"?"#;
    assert_eq!(found[0].to_string(), shown, "a slip in a name");
    let found = load(&text, &[("faults[3].at", "7s")]).expect_err("a mistake");
    assert_eq!(found[0].message, "no faults[3]: the list has 1, counted from 0", "index");
    assert_eq!(found[0].severity, Severity::Error, "it is refused");
}
