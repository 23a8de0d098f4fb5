//! What a user reads when a scenario is wrong.

use crate::common::{NAMES, load, message, plan, scenario};
use ackproof_scenario::diagnostic::Severity;
use ackproof_scenario::resolve::{MAX_BYTES, load_with};

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
    assert_eq!(first(&large), "the file is larger than 16 MiB: this is not a scenario", "large");
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
        message("cluster", r#"{ "config": { "acks": 1 } }"#),
        "cluster.config.acks: \"acks\" is a setting of a producer, not of a broker",
        "scope"
    );
    let plan = plan("cluster", r#"{ "brokers": 2, "config": { "min.insync.replicas": 2 } }"#);
    assert_eq!(plan.topics[0].name, "__consumer_offsets", "index 0");
    assert_eq!(
        (plan.topics[0].partitions, plan.topics[0].replication_factor),
        (50, 3),
        "as Kafka's"
    );
    assert_eq!(plan.topics[1].config.number("min.insync.replicas"), 2, "inherited");
}

#[test]
fn more_in_sync_replicas_than_there_are_is_no_mistake() {
    let text =
        r#"{ "payments": { "replication.factor": 1, "config": { "min.insync.replicas": 2 } } }"#;
    let plan = plan("topics", text);
    let topic = &plan.topics[1];
    assert_eq!((topic.config.number("min.insync.replicas"), topic.min_insync_replicas()), (2, 1));
}

#[test]
fn brokers_that_would_not_start() {
    let config = |text: &str| message("cluster", &format!(r#"{{ "config": {{ {text} }} }}"#));
    let cases = [
        (
            r#""replica.fetch.wait.max.ms": 40000, "replica.socket.timeout.ms": 50000"#,
            "replica.fetch.wait.max.ms: replica.fetch.wait.max.ms 40000 is above \
             replica.lag.time.max.ms 30000: Kafka refuses that (set replica.lag.time.max.ms too)",
        ),
        (
            r#""replica.socket.timeout.ms": 400"#,
            "replica.socket.timeout.ms: replica.fetch.wait.max.ms 500 is above \
             replica.socket.timeout.ms 400: Kafka refuses that (set replica.fetch.wait.max.ms too)",
        ),
        (
            r#""broker.session.timeout.ms": 2000"#,
            "broker.session.timeout.ms: broker.heartbeat.interval.ms 2000 is not below \
             broker.session.timeout.ms 2000: every broker would be fenced between two heartbeats",
        ),
        (
            r#""offsets.topic.num.partitions": 70000"#,
            "offsets.topic.num.partitions: offsets.topic.num.partitions is 70000, but there are 1000 \
             partitions at most",
        ),
    ];
    for (text, said) in cases {
        assert_eq!(config(text), format!("cluster.config.{said}"), "{text}");
    }
}

#[test]
fn settings_that_are_known_but_not_modelled_are_said_to_be() {
    let text = scenario("cluster", r#"{ "config": { "num.partitions": 8, "num.partitoins": 8 } }"#);
    let found = load(&text, &[]).expect_err("one of them is unknown");
    let said: Vec<_> = found.iter().map(|one| (one.severity, one.message.as_str())).collect();
    let expected = [
        (Severity::Warning, "\"num.partitions\" is not modelled: it has no effect here"),
        (Severity::Error, "unknown broker setting \"num.partitoins\""),
    ];
    assert_eq!(said, expected, "a warning, and an error");
    assert_eq!(found[1].hint.as_deref(), Some("did you mean \"num.partitions\"?"), "the nearest");
}

#[test]
fn sizes_that_no_machine_runs() {
    let topics: Vec<String> =
        (0..11).map(|n| format!("\"t{n}\": {{ \"partitions\": 1000 }}")).collect();
    let found = load(
        &scenario("topics", &format!("{{ {} }}", topics.join(", ")))
            .replace(r#""instances": 2"#, r#""topic": "t0""#),
        &[],
    )
    .expect_err("too many");
    assert_eq!(found[0].message, "11000 partitions; at most 10000", "partitions");
    let found = load(&scenario("producers", r#"{ "billing": { "instances": 600 } }"#), &[]);
    assert!(
        found.expect_err("too many")[0]
            .message
            .starts_with("602 producers and members; at most 500"),
        "processes"
    );
    let many: Vec<String> = (0..70_000).map(|n| format!("\"{n}\":{{}}")).collect();
    let found = load(&scenario("topics", &format!("{{{}}}", many.join(","))), &[]);
    let found = found.expect_err("too many");
    assert!(found.iter().any(|one| one.message == "70000 entries; at most 1000"), "topics");
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
    let warnings = |config: &str| {
        let text = scenario("producers", &producer(config));
        let (_, found) = load_with(&text, "test.json", &NAMES, &[]).expect("a scenario");
        assert!(found.iter().all(|found| found.severity == Severity::Warning), "{found:#?}");
        found.into_iter().map(|found| found.message).collect::<Vec<_>>()
    };
    let off = "\"enable.idempotence\" is off: an idempotent producer needs acks=all, and Kafka \
               switches it off by itself";
    assert_eq!(warnings("\"acks\": 1"), [off], "Kafka says nothing; we do");
    assert_eq!(warnings("\"acks\": 0, \"retries\": 0").len(), 2, "both reasons");
    assert!(warnings("\"acks\": 1, \"enable.idempotence\": false").is_empty(), "meant");
    assert!(
        warnings("\"enable.idempotence\": false, \"max.in.flight.requests.per.connection\": 6")
            .is_empty(),
        "as many as one likes without it"
    );
    assert_eq!(
        message(
            "producers",
            &producer("\"acks\": \"all\", \"enable.idempotence\": true, \"retries\": 0")
        ),
        "producers.billing.config.retries: an idempotent producer needs retries above 0 \
         (or set \"enable.idempotence\": false)",
        "retries"
    );
    // Kafka 4.0 checks this even where it has just switched idempotence off by itself.
    let found = load(
        &scenario(
            "producers",
            &producer("\"acks\": 1, \"max.in.flight.requests.per.connection\": 6"),
        ),
        &[],
    )
    .expect_err("a contradiction");
    assert_eq!(found.len(), 2, "a warning and an error: {found:#?}");
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
fn what_switched_idempotence_off_is_known() {
    let off_by =
        |config: &str| plan("producers", &producer(config)).producers[0].idempotence_off_by.clone();
    assert_eq!(off_by(""), None);
    assert_eq!(off_by("\"acks\": 1").as_deref(), Some("acks=1"));
    assert_eq!(off_by("\"retries\": 0").as_deref(), Some("retries=0"));
    assert_eq!(off_by("\"acks\": 0, \"retries\": 0").as_deref(), Some("acks=0"), "the first");
    assert_eq!(off_by("\"acks\": 1, \"enable.idempotence\": false"), None, "it was meant");
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
        mistake("\"config\": { \"auto.offset.reset\": \"none\" }"),
        "groups.ledger.config.auto.offset.reset: with \"none\" a group needs committed offsets, and a \
         run begins without any: its members would stop at their first poll (write \"earliest\" or \
         \"latest\")",
        "no offsets to start from"
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

    let plan =
        load(&text, &[("kafka", "4.0"), ("topics.payments.config.min.insync.replicas", "3")]);
    let plan = plan.unwrap_or_else(|found| panic!("{found:#?}"));
    assert_eq!(plan.topics[1].config.number("min.insync.replicas"), 3, "dots in Kafka's key");
    let said = |path: &str, value: &str| {
        let found = load(&text, &[(path, value)]).expect_err("a mistake");
        assert_eq!(found[0].file, "--set", "{path}");
        let hint = found[0].hint.clone().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}{hint}", found[0].message)
    };
    assert_eq!(
        said("topics.payments.config.min.insync.replica", "3"),
        "unknown topic setting \"min.insync.replica\" (did you mean \"min.insync.replicas\"?)",
        "a slip in a key"
    );
    assert_eq!(said("run.lod", "3s"), "unknown key \"lod\" (did you mean \"load\"?)", "in a key");
    assert_eq!(
        said("run.load", "3"),
        "a bare number where a unit is needed (write \"3s\")",
        "a unit forgotten"
    );
    assert_eq!(
        said("kafka", "3.9"),
        "unknown Kafka version \"3.9\" (known: 4.0, 4.1, 4.2, 4.3, 4.4)",
        "a profile that is none"
    );
    assert_eq!(said(&"a.".repeat(1000), "3"), "a path this long leads nowhere", "no depth");
    assert_eq!(
        said("clutser.brokers", "5"),
        "unknown key \"clutser\" (did you mean \"cluster\"?)",
        "on its way"
    );
    let found = load(&text, &[("producers.biling.config.acks", "1")]).expect_err("a mistake");
    let shown = r#"error: no "biling" in producers
 --> --set:1:1 (producers.biling.config.acks)
  |
1 | producers.biling.config.acks=1
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = hint: did you mean "billing"?"#;
    assert_eq!(found[0].to_string(), shown, "a slip in a name");
    let found = load(&text, &[("faults[3].at", "7s")]).expect_err("a mistake");
    assert_eq!(found[0].message, "no faults[3]: the list has 1, counted from 0", "index");
    assert_eq!(found[0].severity, Severity::Error, "it is refused");
}

#[test]
fn a_mistake_on_the_command_line_is_marked_there() {
    let text = scenario("faults", "[]");
    for (path, value, marked) in [
        ("acks", "9", "9"),
        ("rate", "5", "5"),
        ("members", "0", "0"),
        ("commit", "ato", "ato"),
        ("linger.ms", "long", "long"),
        ("producers.billing.rate", "5", "5"),
        ("expect.lost", r#"{"mx":1}"#, r#"{"mx":1}"#),
        ("faults", r#"[{"at":"1s","crsh":"broker-1"}]"#, r#"[{"at":"1s","crsh":"broker-1"}]"#),
        ("run.laod", "5s", "run.laod"),
        ("bogus.key", "1", "bogus"),
        ("producers.biling.rate", "1/s", "producers.biling.rate"),
        ("min.insync.replicas", "1", "min.insync.replicas"),
    ] {
        let sets = [("run.load", "20s"), (path, value)];
        let found = &load(&text, &sets).expect_err("a mistake")[0];
        assert_eq!((found.file.as_str(), found.line), ("--set", 1), "{path}: {found}");
        assert_eq!(found.source_line, format!("{path}={value}"), "the whole argument");
        let shown: String =
            found.source_line.chars().skip(found.column - 1).take(found.length).collect();
        assert_eq!(shown, marked, "{path}: {found}");
    }
}

#[test]
fn automatic_commits_are_asked_for_by_either_name() {
    let commit = |group: &str| {
        let text = scenario("groups", &format!(r#"{{ "ledger": {{ {group} }} }}"#));
        load(&text, &[]).map(|plan| {
            let group = &plan.groups[0];
            (group.commit.name(), group.config.switch("enable.auto.commit"))
        })
    };
    let is = |on: bool| format!(r#""config": {{ "enable.auto.commit": {on} }}"#);
    assert_eq!(commit("").unwrap(), ("sync-after-batch", false), "by default");
    assert_eq!(commit(&is(true)).unwrap(), ("auto", true), "by Kafka's name");
    assert_eq!(commit(&is(false)).unwrap(), ("sync-after-batch", false), "by Kafka's name");
    let both = |commit: &str, on: bool| format!(r#""commit": "{commit}", {}"#, is(on));
    assert!(commit(&both("auto-with-hand-off", true)).is_ok(), "they agree");
    for (name, on) in [("auto", false), ("sync-per-record", true)] {
        let found = commit(&both(name, on)).expect_err("a contradiction");
        let paths: Vec<&str> = found.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(
            paths,
            ["groups.ledger.commit", "groups.ledger.config.enable.auto.commit"],
            "both places"
        );
    }
}

#[test]
fn startup_is_read_and_has_measured_defaults() {
    let seconds = |text: &str| {
        let startup = plan("cluster", text).main().startup;
        [startup.brokers, startup.clients]
            .map(|delay| [delay.min.as_millis(), delay.max.as_millis()])
    };
    assert_eq!(seconds("{}"), [[1900, 4700], [600, 2700]], "measured");
    assert_eq!(
        seconds(r#"{ "startup": { "brokers": "10s" } }"#),
        [[10_000; 2], [600, 2700]],
        "one"
    );
    assert_eq!(
        message("cluster", r#"{ "startup": { "broker": "10s" } }"#),
        "cluster.startup.broker: unknown key \"broker\" (did you mean \"brokers\"?)",
        "a wrong name"
    );
    assert_eq!(
        message("cluster", r#"{ "startup": { "brokers": 10 } }"#),
        "cluster.startup.brokers: a bare number where a unit is needed (write \"10s\")",
        "no unit"
    );
}

#[test]
fn a_startup_that_outlasts_the_recovery_is_warned_of() {
    let warnings = |startup: &str| {
        let text =
            scenario("cluster", &format!(r#"{{ "startup": {{ "clients": "{startup}" }} }}"#));
        let (_, found) = load_with(&text, "test.json", &NAMES, &[]).unwrap();
        found
            .into_iter()
            .map(|found| format!("{}: {}", found.path, found.message))
            .collect::<Vec<_>>()
    };
    assert!(warnings("1s..59s").is_empty(), "within 60 s");
    let found = warnings("1s..60s");
    let expected = "cluster.startup.clients: one of the clients that is down when the load ends may still be \
                    starting when recovery has to be over, 60s later";
    assert_eq!(found, [expected], "too long");
}

/// As in Kafka, whose default it is; nothing is changed silently.
#[test]
fn an_offsets_topic_that_cannot_be_created_is_warned_of() {
    let warned = |cluster: &str, groups: &str| {
        let usual = r#"{ "ledger": { "members": 2 } }"#;
        let text = scenario("cluster", cluster).replace(usual, groups);
        let (_, found) = load_with(&text, "test.json", &NAMES, &[]).expect("it is accepted");
        found.iter().map(ToString::to_string).collect::<String>()
    };
    let group = r#"{ "ledger": {} }"#;
    let one = warned(r#"{ "brokers": 1 }"#, group);
    for words in [
        "offsets.topic.replication.factor is 3 and there is 1 broker",
        "__consumer_offsets is not created",
        r#"write "cluster": { "config": { "offsets.topic.replication.factor": 1 } }"#,
    ] {
        assert!(one.contains(words), "{one}");
    }
    let set = r#"{ "config": { "offsets.topic.replication.factor": 4 } }"#;
    assert!(warned(set, group).contains("is 4 and there are 3 brokers"), "set by name");
    assert_eq!(warned(r#"{ "brokers": 1 }"#, "{}"), "", "nobody needs it");
    let said = r#"{ "brokers": 1, "config": { "offsets.topic.replication.factor": 1 } }"#;
    assert_eq!(warned(said, group), "");
}

/// The binary and the feature levels are two things: a new binary brings its defaults and raises no level.
#[test]
fn a_version_brings_its_defaults_and_its_levels_are_refused_before_it() {
    let text = scenario("faults", "[]");
    let linger = |version| {
        let plan = load(&text, &[("kafka", version)]).unwrap_or_else(|found| panic!("{found:#?}"));
        assert_eq!(plan.features, ackproof_types::Features::default(), "{version}");
        plan.main().config.number("group.coordinator.append.linger.ms")
    };
    assert_eq!(["4.0", "4.1", "4.2", "4.4"].map(linger), [5, 5, -1, -1]);
    let said = |sets: &[(&str, &str)]| load(&text, sets).expect_err("a mistake")[0].message.clone();
    let level = r#"{ "metadata.version": "4.1-IV1" }"#;
    assert_eq!(
        said(&[("features", level)]),
        "Kafka 4.0 cannot run metadata.version 4.1-IV1: it came with 4.1"
    );
    load(&text, &[("kafka", "4.1"), ("features", level)]).expect("4.1 can");
    let replicas = r#"{ "eligible.leader.replicas.version": 1 }"#;
    let plan = load(&text, &[("kafka", "4.1"), ("features", replicas)]).expect("4.1 can");
    assert_eq!(plan.features.eligible_leader_replicas, 1);
    let unknown = said(&[("features", r#"{ "metadata.version": "4.1-IV9" }"#)]);
    assert!(unknown.starts_with("unknown metadata.version"), "{unknown}");
}
