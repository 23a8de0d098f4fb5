//! Kafka's `.properties` files in a scenario: what they set, what is wrong with them and where.

use ackproof_scenario::diagnostic::{Diagnostic, Severity};
use ackproof_scenario::plan::Plan;
use ackproof_scenario::resolve::{Names, load_from};
use ackproof_scenario::settings::{Scope, kafka};
use ackproof_scenario::write::tree;
use ackproof_types::CommitStrategy;
use ackproof_types::KafkaVersion;

const NAMES: Names<'static> = Names { properties: &[], witnesses: &[], variants: &[] };

/// A scenario with a file for each; `files` are their texts.
fn load_all(
    kafka: &str,
    files: &[(&str, &str)],
    sets: &[(&str, &str)],
) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    let named = |file: &str| {
        let there = files.iter().any(|(name, _)| *name == file);
        if there { format!(r#""properties": "{file}""#) } else { String::new() }
    };
    let text = format!(
        r#"{{ "kafka": "{kafka}", "cluster": {{ {} }}, "topics": {{ "payments": {{ {} }} }},
           "producers": {{ "billing": {{ {} }} }}, "groups": {{ "ledger": {{ {} }} }} }}"#,
        named("server.properties"),
        named("topic.properties"),
        named("producer.properties"),
        named("consumer.properties"),
    );
    let reader = |file: &str| {
        let found = files.iter().find(|(name, _)| *name == file);
        found
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .ok_or_else(|| "no such file".to_owned())
    };
    let sets: Vec<_> = sets.iter().map(|(path, to)| ((*path).into(), (*to).into())).collect();
    load_from(&text, ("test.json", &reader), &NAMES, &sets)
}

fn file_of(scope: Scope) -> &'static str {
    match scope {
        Scope::Broker => "server.properties",
        Scope::Topic => "topic.properties",
        Scope::Producer => "producer.properties",
        Scope::Consumer => "consumer.properties",
    }
}

fn load(scope: Scope, text: &str) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    load_all("4.0", &[(file_of(scope), text)], &[])
}

/// `file:line:column severity message (hint)` of everything found.
fn told(found: &[Diagnostic]) -> Vec<String> {
    let one = |one: &Diagnostic| {
        let severity = if one.severity == Severity::Error { "error" } else { "warning" };
        let hint = one.hint.as_ref().map_or(String::new(), |hint| format!(" ({hint})"));
        format!("{}:{}:{} {severity}: {}{hint}", one.file, one.line, one.column, one.message)
    };
    found.iter().map(one).collect()
}

fn found(scope: Scope, text: &str) -> Vec<String> {
    match load(scope, text) {
        Ok((_, found)) | Err(found) => told(&found),
    }
}

/// Nobody's file is refused for a key that Kafka has.
#[test]
fn every_key_of_kafka_with_its_default_is_accepted_in_every_line() {
    let mut fed = 0;
    for version in KafkaVersion::ALL {
        for scope in Scope::ALL {
            let all = kafka::all()
                .iter()
                .filter(|one| one.scope == scope && one.lines.contains(&version));
            let lines = all.filter_map(|one| Some(format!("{}={}\n", one.key, one.default?)));
            let text: String = lines.collect();
            fed += text.lines().count();
            match load_all(version.name(), &[(file_of(scope), &text)], &[]) {
                Ok((_, found)) => assert_eq!(told(&found), [""; 0], "{version} {}", scope.name()),
                Err(found) => panic!("{version} {}: {:#?}", scope.name(), told(&found)),
            }
        }
    }
    assert!(fed > 2000, "{fed}");
}

#[test]
fn a_value_of_the_wrong_type_is_an_error_at_its_place_whatever_the_setting() {
    for scope in Scope::ALL {
        for one in kafka::all().iter().filter(|one| one.scope == scope) {
            use kafka::Type::{Boolean, Double, Int, Long, Short};
            if matches!(one.kind, Boolean | Double | Int | Long | Short) {
                let text = format!("# a comment\n{} = many\n", one.key);
                let version = one.lines.start().name();
                let found =
                    load_all(version, &[(file_of(scope), &text)], &[]).expect_err("it is refused");
                let place =
                    format!("{}:2:{} error: {} is ", file_of(scope), one.key.len() + 4, one.key);
                assert!(told(&found)[0].starts_with(&place), "{:?}", told(&found));
                assert_eq!(found.len(), 1, "{:?}", told(&found));
            }
        }
    }
}

#[test]
fn settings_reach_the_plan_and_those_of_the_scenario_come_first() {
    let files = [
        (
            "server.properties",
            "process.roles=broker,controller\nnode.id=1\nnum.partitions=7\n\
                               default.replication.factor=2\nmin.insync.replicas=2\n",
        ),
        (
            "producer.properties",
            "acks = 1\nlinger.ms=\\\n  20\nenable.idempotence=FALSE\nbootstrap.servers=a:1,b:2\n",
        ),
        ("consumer.properties", "auto.offset.reset=earliest\nmax.poll.records=+5\n"),
    ];
    let (plan, found) = load_all("4.0", &files, &[("linger.ms", "9")]).expect("it is valid");
    assert_eq!(told(&found), [""; 0]);
    let producer = &plan.producers[0].config;
    assert_eq!((producer.word("acks"), producer.number("linger.ms")), ("1", 9));
    assert!(!producer.switch("enable.idempotence"));
    let topic = &plan.topics[1];
    assert_eq!(
        (topic.partitions, topic.replication_factor, topic.min_insync_replicas()),
        (7, 2, 2)
    );
    assert_eq!(plan.groups[0].config.number("max.poll.records"), 5);
    assert_eq!(
        plan.groups[0].commit,
        CommitStrategy::Auto,
        "Kafka's default, where a file leaves it out"
    );
}

/// What is saved of a run needs no file.
#[test]
fn a_schedule_has_the_settings_in_it() {
    let (plan, _) = load(Scope::Producer, "acks=1\nlinger.ms=20\n").expect("it is valid");
    let text = tree(&plan, 3, &[]).to_string();
    assert!(text.contains("\"linger.ms\":20") && !text.contains("\"properties\""), "{text}");
}

#[test]
fn what_kafka_does_not_know_is_a_warning_with_the_nearest_name() {
    let cases = [
        (
            Scope::Producer,
            "ack=all\n",
            "1:1 warning: \"ack\" is no producer setting of Kafka 4.0: Kafka ignores it, and \
          so do we (did you mean \"acks\"?)",
        ),
        (
            Scope::Producer,
            "auto.offset.reset=earliest\n",
            "1:1 warning: \"auto.offset.reset\" is no producer setting of \
          Kafka 4.0: it is a setting of a consumer",
        ),
        (
            Scope::Consumer,
            "\n share.acquire.mode=x",
            "2:2 warning: \"share.acquire.mode\" is no consumer setting of Kafka \
          4.0: only Kafka 4.2, 4.3, 4.4 knows it",
        ),
        (
            Scope::Producer,
            "acks=0\n\nacks=all\n",
            "3:1 warning: \"acks\" is set twice: line 3 counts, and line 1 does not",
        ),
    ];
    for (scope, text, said) in cases {
        assert_eq!(found(scope, text), [format!("{}:{said}", file_of(scope))], "{text}");
    }
    for quiet in
        ["listener.name.internal.ssl.key.password=x", "config.providers.env.class=y", "acks=all "]
    {
        let scope = if quiet.starts_with("acks") { Scope::Producer } else { Scope::Broker };
        assert_eq!(found(scope, quiet), [""; 0], "{quiet}");
    }
}

/// As the clients of Kafka 4.0.2 and 4.4.0 answer, given these files; none: they start.
const ANSWERS: &[(Scope, &str, Option<&str>)] = &[
    (
        Scope::Consumer,
        "group.protocol=consumer\nsession.timeout.ms=45000",
        Some("2:1 error: session.timeout.ms cannot be set"),
    ),
    (
        Scope::Consumer,
        "group.protocol=CONSUMER\nheartbeat.interval.ms=3000",
        Some("2:1 error: heartbeat.interval.ms cannot be set"),
    ),
    (
        Scope::Consumer,
        "group.protocol=consumer\npartition.assignment.strategy=\
         org.apache.kafka.clients.consumer.RangeAssignor",
        Some("2:1 error: partition.assignment.strategy cannot"),
    ),
    (
        Scope::Consumer,
        "group.remote.assignor=uniform",
        Some("1:1 error: group.remote.assignor cannot be set"),
    ),
    (Scope::Consumer, "group.protocol=consumer\ngroup.remote.assignor=uniform", None),
    (
        Scope::Consumer,
        "heartbeat.interval.ms=45000",
        Some("1:23 error: heartbeat.interval.ms 45000 is not below"),
    ),
    (
        Scope::Consumer,
        "auto.offset.reset=sometimes",
        Some("1:19 error: auto.offset.reset is latest, earliest"),
    ),
    (
        Scope::Consumer,
        "group.instance.id=",
        Some("1:19 error: group.instance.id must not be empty"),
    ),
    (Scope::Consumer, "enable.auto.commit= TRUE ", None),
    (Scope::Consumer, "default.api.timeout.ms=10", None),
    (Scope::Producer, "acks=1", None),
    (
        Scope::Producer,
        "acks=1\nenable.idempotence=true",
        Some("1:6 error: an idempotent producer needs acks=all"),
    ),
    (Scope::Producer, "retries=0", None),
    (
        Scope::Producer,
        "retries=0\nenable.idempotence=true",
        Some("1:9 error: an idempotent producer needs retries"),
    ),
    (
        Scope::Producer,
        "max.in.flight.requests.per.connection=6",
        Some("1:39 error: an idempotent producer allows at most 5"),
    ),
    (
        Scope::Producer,
        "max.in.flight.requests.per.connection=6\nacks=1",
        Some("1:39 error: an idempotent producer allows at most 5"),
    ),
    (
        Scope::Producer,
        "delivery.timeout.ms=30004",
        Some("1:21 error: delivery.timeout.ms is below"),
    ),
    (Scope::Producer, "delivery.timeout.ms=30005", None),
    (Scope::Producer, "linger.ms=200000", None),
    (Scope::Producer, "linger.ms=1.5", Some("1:11 error: linger.ms is a whole number (64 bits)")),
    (Scope::Producer, "acks=-1", None),
    (Scope::Producer, "acks=ALL", Some("1:6 error: acks is -1, 0, 1 or all, found \"ALL\"")),
    (Scope::Producer, "compression.type=zip", Some("1:18 error: compression.type is gzip, lz4")),
    (Scope::Producer, "metadata.max.age.ms=9223372036854775807", None),
];

#[test]
fn kafka_s_clients_refuse_the_same_files() {
    for (scope, text, refused) in ANSWERS {
        match (load(*scope, text), refused) {
            (Ok(_), None) => {}
            (Err(found), Some(said)) => {
                let said = format!("{}:{said}", file_of(*scope));
                assert!(
                    told(&found).iter().any(|one| one.starts_with(&said)),
                    "{text}: {:#?}",
                    told(&found)
                );
            }
            (Ok(_), Some(_)) => panic!("{text}: accepted"),
            (Err(found), None) => panic!("{text}: {:#?}", told(&found)),
        }
    }
}

#[test]
fn what_cannot_be_read_or_followed_says_so() {
    let cases = [
        (
            Scope::Producer,
            "transactional.id=a\n",
            "1:1 error: \"transactional.id\" is not modelled, and no verdict would be \
          true: records are written in transactions, and those of an aborted one are never seen (leave it out, and read \
          the verdict as one for a client without it)",
        ),
        (
            Scope::Consumer,
            "auto.offset.reset=by_duration:1h",
            "1:19 error: auto.offset.reset is latest, earliest, none or by_duration:PnDTnHnMn.nS, found \
          \"by_duration:1h\": Kafka refuses that",
        ),
        (
            Scope::Producer,
            "config.providers=env\nacks=${env:ACKS}\nssl.key.password=${env:KEY}\n",
            "2:6 error: the value of \
          \"acks\" comes from a provider, which is not asked here (write the value under \"config\" in the scenario, or with --set)",
        ),
        (
            Scope::Producer,
            "a=\\u12\n",
            "1:3 error: \\u needs four hexadecimal digits: Java refuses this file",
        ),
        (
            Scope::Broker,
            "default.replication.factor=x",
            "1:28 error: default.replication.factor is a whole number (32 bits), \
          found \"x\": Kafka refuses that",
        ),
    ];
    for (scope, text, said) in cases {
        assert_eq!(found(scope, text), [format!("{}:{said}", file_of(scope))], "{text}");
    }
    let text = r#"{ "topics": { "a": {} }, "producers": { "b": { "properties": "gone.properties" }, "c": { "properties": 1 } } }"#;
    let reader = |_: &str| Err("no such file".to_owned());
    let found = load_from(text, ("test.json", &reader), &NAMES, &[]).expect_err("there is none");
    let said = told(&found);
    assert_eq!(said[0], "test.json:1:62 error: gone.properties: no such file");
    assert_eq!(said[1], "test.json:1:104 error: expected the name of a file, found a number");
}

#[test]
fn harm_is_noted_and_what_breaks_nothing_is_not() {
    let text = "log.retention.hours=168\ngroup.max.size=10\nnum.io.threads=8\nssl.key.password=x\n";
    let (plan, found) = load(Scope::Broker, text).expect("it is valid");
    assert_eq!(told(&found), [""; 0]);
    let paths: Vec<_> = plan.ignored.iter().map(|one| one.path.as_str()).collect();
    assert_eq!(paths, ["cluster.config.group.max.size"]);
}
