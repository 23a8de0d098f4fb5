//! Our table of settings against what Kafka 4.0 to 4.4 define themselves (`tests/real/settings`).

use ackproof_scenario::settings::kafka::{self, Definition, Type, Valid};
use ackproof_scenario::settings::{self, Kind, Preset, SETTINGS, Scope, Setting};
use ackproof_types::KafkaVersion;
use std::collections::BTreeSet;

/// Where our range is narrower than Kafka's, and why.
const NO_PAUSE: &str = "without a pause, tries follow each other at the same instant";

const NARROWER: &[(Scope, &str, &str)] = &[
    (Scope::Broker, "replica.lag.time.max.ms", UNCHECKED),
    (Scope::Broker, "replica.fetch.wait.max.ms", UNCHECKED),
    (Scope::Broker, "replica.fetch.min.bytes", UNCHECKED),
    (Scope::Broker, "replica.fetch.max.bytes", NOTHING),
    (Scope::Broker, "replica.fetch.response.max.bytes", NOTHING),
    (Scope::Broker, "replica.socket.timeout.ms", UNCHECKED),
    (Scope::Broker, "replica.high.watermark.checkpoint.interval.ms", UNCHECKED),
    (Scope::Broker, "replica.selector.class", "a selector of one's own is code"),
    (Scope::Broker, "broker.heartbeat.interval.ms", UNCHECKED),
    (Scope::Broker, "broker.session.timeout.ms", UNCHECKED),
    (Scope::Broker, "controller.quorum.election.timeout.ms", UNCHECKED),
    (Scope::Broker, "controller.quorum.fetch.timeout.ms", UNCHECKED),
    (Scope::Broker, "controller.quorum.election.backoff.max.ms", NO_PAUSE),
    (Scope::Broker, "controller.quorum.request.timeout.ms", UNCHECKED),
    (Scope::Broker, "controller.quorum.retry.backoff.ms", NO_PAUSE),
    (Scope::Broker, "socket.receive.buffer.bytes", UNCHECKED),
    (Scope::Broker, "group.initial.rebalance.delay.ms", UNCHECKED),
    (Scope::Broker, "group.min.session.timeout.ms", UNCHECKED),
    (Scope::Broker, "group.max.session.timeout.ms", UNCHECKED),
    (Scope::Broker, "log.roll.ms", UNCHECKED),
    (Scope::Broker, "log.flush.interval.ms", UNCHECKED),
    (Scope::Broker, "log.flush.scheduler.interval.ms", UNCHECKED),
    (Scope::Broker, "log.retention.bytes", UNLIMITED),
    (Scope::Broker, "metadata.max.retention.bytes", UNLIMITED),
    (Scope::Broker, "log.retention.ms", UNLIMITED),
    (Scope::Broker, "log.retention.minutes", UNLIMITED),
    (Scope::Broker, "log.retention.hours", UNLIMITED),
    (Scope::Topic, "retention.bytes", UNLIMITED),
    (
        Scope::Topic,
        "segment.bytes",
        "Kafka 4.0 takes smaller segments, which all later lines refuse",
    ),
    (Scope::Producer, "request.timeout.ms", AT_ONCE),
    (Scope::Producer, "delivery.timeout.ms", AT_ONCE),
    (Scope::Producer, "metadata.max.age.ms", AT_ONCE),
    (Scope::Consumer, "auto.commit.interval.ms", AT_ONCE),
    (Scope::Consumer, "partition.assignment.strategy", "an assignor of one's own is code"),
    (
        Scope::Broker,
        "group.coordinator.rebalance.protocols",
        "the lines know more and more of them",
    ),
    (Scope::Broker, "group.consumer.assignors", "an assignor of one's own is code"),
    (Scope::Consumer, "group.remote.assignor", "an assignor of one's own is code"),
    (Scope::Consumer, "session.timeout.ms", UNCHECKED),
    (Scope::Consumer, "heartbeat.interval.ms", UNCHECKED),
    (Scope::Consumer, "fetch.max.bytes", NOTHING),
    (Scope::Consumer, "max.partition.fetch.bytes", NOTHING),
    (Scope::Consumer, "request.timeout.ms", AT_ONCE),
    (Scope::Consumer, "default.api.timeout.ms", AT_ONCE),
    (Scope::Consumer, "metadata.max.age.ms", AT_ONCE),
];
const UNCHECKED: &str = "Kafka does not check it, and does not work below this";
const UNLIMITED: &str = "Kafka does not check it; -1 is unlimited, and nothing is less";
const AT_ONCE: &str = "at 0 Kafka gives up, or does its work again, at once and for ever";
const NOTHING: &str = "at 0 nothing is read but the first batch";

fn as_text(preset: Preset) -> Option<String> {
    match preset {
        Preset::Number(number) => Some(number.to_string()),
        Preset::Switch(on) => Some(on.to_string()),
        Preset::Word(word) => Some(word.to_owned()),
        Preset::Unneeded => None,
    }
}

fn place(setting: &Setting) -> String {
    format!("{} {}", setting.scope.name(), setting.key)
}

/// What each line of Kafka that has a setting says of it.
fn definitions(setting: &Setting) -> impl Iterator<Item = (KafkaVersion, &'static Definition)> {
    let (scope, key) = (setting.scope, setting.key);
    let here = move |version| Some((version, kafka::find(scope, key, version)?));
    KafkaVersion::ALL.into_iter().filter_map(here)
}

/// A key that no line has is a slip. What is gone from the newest line would not be modelled anew.
#[test]
fn every_setting_is_one_of_kafkas() {
    for setting in SETTINGS {
        let lines = definitions(setting).map(|(version, _)| version);
        let last = KafkaVersion::ALL.last().copied();
        assert_eq!(lines.last(), last, "{}: not in the newest Kafka", place(setting));
    }
}

#[test]
fn types_and_defaults_are_kafkas_in_every_line() {
    for setting in SETTINGS.iter().filter(|setting| setting.is_modelled()) {
        for (version, theirs) in definitions(setting) {
            let place = format!("{} in {version}", place(setting));
            let ours = as_text(setting.default_in(version));
            assert_eq!(ours.as_deref(), theirs.default, "{place}");
            let fits = match setting.kind {
                // A long is held to 32 bits where nobody needs more: 24 days of milliseconds.
                Kind::Number { .. } => matches!(theirs.kind, Type::Short | Type::Int | Type::Long),
                Kind::Switch => theirs.kind == Type::Boolean,
                Kind::Word(_) | Kind::Reset(_) => theirs.kind == Type::String,
                // A list of Kafka's is text with commas.
                Kind::Text => matches!(theirs.kind, Type::String | Type::List),
                Kind::Words(_) => theirs.kind == Type::List,
                Kind::Anything => false,
            };
            assert!(fits, "{place}: {:?} is {:?} in Kafka", setting.kind, theirs.kind);
        }
    }
}

#[test]
fn ranges_are_kafkas_or_narrower_for_a_reason() {
    let mut narrower = BTreeSet::new();
    for setting in SETTINGS.iter().filter(|setting| setting.is_modelled()) {
        for (_, theirs) in definitions(setting) {
            if !same_range(setting, theirs) {
                narrower.insert((setting.scope.name(), setting.key));
            }
        }
    }
    let told = NARROWER.iter().map(|(scope, key, _)| (scope.name(), *key)).collect();
    let untold: Vec<_> = narrower.symmetric_difference(&told).collect();
    assert!(
        untold.is_empty(),
        "narrower and not in NARROWER, or there and not narrower: {untold:?}"
    );
}

fn same_range(ours: &Setting, theirs: &Definition) -> bool {
    match (ours.kind, theirs.valid()) {
        (Kind::Number { min, max, .. }, Valid::Within(from, to)) => {
            let same = |ours: i64, theirs: f64| ours.to_string() == theirs.to_string();
            // What only some lines refuse is refused in these.
            let least = same(min, from) || theirs.check(&min.to_string()).is_err();
            least && to.is_none_or(|to| same(max, to))
        }
        (Kind::Word(ours) | Kind::Reset(ours) | Kind::Words(ours), Valid::Words(words, _)) => {
            let ours: BTreeSet<String> = ours.iter().map(|word| (*word).to_owned()).collect();
            ours == words.split(", ").map(|word| theirs.spelt(word)).collect()
        }
        (Kind::Switch | Kind::Text, Valid::Anything) | (Kind::Text, Valid::NotEmpty) => true,
        _ => false,
    }
}

/// Kafka takes its own defaults, so each of them passes; and what is read of validators is not nothing.
#[test]
fn defaults_are_valid_and_validators_are_understood() {
    let mut read = (0, 0, 0);
    for theirs in kafka::all() {
        if let Some(default) = theirs.default {
            assert_eq!(theirs.check(default), Ok(()), "{} {}", theirs.scope.name(), theirs.key);
        }
        match theirs.valid() {
            Valid::Within(..) => read.0 += 1,
            Valid::Words(..) => read.1 += 1,
            Valid::NotEmpty => read.2 += 1,
            Valid::Anything => {
                let known = ["", "non-null string", "non-empty list"].contains(&theirs.validator)
                    || theirs.validator.starts_with("[partitionId]");
                assert!(known, "{}: \"{}\" is not understood", theirs.key, theirs.validator);
            }
        }
    }
    assert!(read.0 > 200 && read.1 > 20 && read.2 > 5, "{read:?}");
}

/// Whoever brings a new line of Kafka reads what is new here: nothing of it may break a property.
#[test]
fn what_has_no_effect_is_listed() {
    let mut listed = String::from(
        "# Settings of Kafka 4.0 to 4.4 that our table does not have. They break no property, are read from\n\
         # files, and have no effect. BLESS=1 cargo test --release -p ackproof-scenario --test settings\n",
    );
    let missing = kafka::all().iter().filter(|one| settings::find(one.scope, one.key).is_none());
    let lines: BTreeSet<String> =
        missing.map(|one| format!("{} {}\n", one.scope.name(), one.key)).collect();
    listed.extend(lines);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/no-effect.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(file, &listed).expect("the list is written");
    }
    let kept = std::fs::read_to_string(file).unwrap_or_default();
    assert!(kept == listed, "tests/no-effect.txt is out of date: read what is new, then BLESS=1");
}
