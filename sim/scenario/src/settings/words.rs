//! What is said of a setting: whether the models follow it, its type, unit, valid values, and its default in
//! each line of Kafka.

use super::kafka::{self, Definition, Type, Valid};
use super::kinds::listed;
use super::{Kind, SETTINGS, SHAPES, Scope, Setting, Standing};
use ackproof_types::KafkaVersion;
use std::collections::BTreeSet;

/// Every setting that Kafka defines, as `(scope, key)`: those of the table first.
#[must_use]
pub fn every() -> Vec<(Scope, &'static str)> {
    let ours = SETTINGS.iter().map(|setting| (setting.scope, setting.key));
    let mut seen: BTreeSet<(&str, &str)> =
        SETTINGS.iter().map(|setting| (setting.scope.name(), setting.key)).collect();
    let theirs = kafka::all().iter().filter(|one| seen.insert((one.scope.name(), one.key)));
    let theirs: Vec<_> = theirs.map(|one| (one.scope, one.key)).collect();
    ours.chain(theirs).collect()
}

/// A setting in one sentence.
#[must_use]
pub fn about(scope: Scope, key: &str) -> String {
    let ours = super::find(scope, key);
    let mut parts: Vec<(String, &Definition)> = Vec::new();
    for theirs in kafka::all().iter().filter(|one| one.scope == scope && one.key == key) {
        let said = values(ours, theirs);
        // Lines that say the same are told as one.
        if parts.last().is_none_or(|(last, _)| *last != said) {
            parts.push((said, theirs));
        }
    }
    let said = parts.iter().enumerate().map(|(place, (said, theirs))| match place {
        0 => said.clone(),
        _ => format!("since Kafka {} {said}", theirs.lines.start()),
    });
    let said: Vec<String> = said.collect();
    let standing = if scope == Scope::Broker && SHAPES.contains(&key) {
        "in a broker's file, modelled; in a scenario, no effect: a topic says it".to_owned()
    } else {
        standing(ours)
    };
    format!("{}: {standing}; {}{}", scope.name(), said.join("; "), lines(scope, key))
}

/// Whether the models follow a setting, and what it could break otherwise.
fn standing(ours: Option<&Setting>) -> String {
    match ours.map_or(Standing::Harmless, |setting| setting.standing) {
        Standing::Modelled => "modelled".to_owned(),
        Standing::Harmless => "accepted, no effect here".to_owned(),
        Standing::Harmful(harm) => format!(
            "accepted, no effect here; on a real cluster it could break {}: {}",
            harm.breaks.join(", "),
            harm.why
        ),
        Standing::Refused(refusal) => match refusal.unless {
            [] => format!("refused: {}", refusal.why),
            fine => {
                format!("refused unless it is {}: {}", listed(fine.iter().copied()), refusal.why)
            }
        },
    }
}

/// `int in ms, from 1, default 500`.
fn values(ours: Option<&Setting>, theirs: &Definition) -> String {
    let kind = match theirs.kind {
        Type::Boolean => "true or false".to_owned(),
        Type::Short | Type::Int | Type::Long | Type::Double => {
            let unit = unit(ours, theirs.key);
            let unit = if unit.is_empty() { String::new() } else { format!(" in {unit}") };
            format!("{}{unit}{}", theirs.kind.name(), range(ours, theirs))
        }
        Type::String | Type::List | Type::Class | Type::Password => words(ours, theirs),
    };
    match theirs.default {
        Some("") => format!("{kind}, default empty"),
        Some(default) => format!("{kind}, default {default}"),
        None => format!("{kind}, no default"),
    }
}

/// Kafka's units stand at the end of its keys.
fn unit(ours: Option<&Setting>, key: &str) -> &'static str {
    if let Some(Kind::Number { unit, .. }) = ours.map(|setting| setting.kind) {
        return unit;
    }
    let ends = [
        (".ms", "ms"),
        (".bytes", "bytes"),
        (".seconds", "s"),
        (".minutes", "minutes"),
        (".hours", "hours"),
    ];
    ends.iter().find(|(end, _)| key.ends_with(end)).map_or("", |(_, unit)| unit)
}

/// The range as far as it is a bound: what both sides take.
fn range(ours: Option<&Setting>, theirs: &Definition) -> String {
    let mut bounds = match theirs.valid() {
        Valid::Within(from, to) => (Some(from), to),
        Valid::Anything | Valid::Words(..) | Valid::NotEmpty => (None, None),
    };
    if let Some(Kind::Number { min, max, .. }) = ours.map(|setting| setting.kind) {
        #[expect(clippy::cast_precision_loss, reason = "only bounds below 2^53 are shown")]
        let (min, max) = (min as f64, max as f64);
        bounds.0 = Some(bounds.0.map_or(min, |from| from.max(min)));
        bounds.1 = if max < f64::from(i32::MAX) { Some(max) } else { bounds.1 };
    }
    match bounds {
        (Some(from), Some(to)) => format!(", {from} to {to}"),
        (Some(from), None) => format!(", from {from}"),
        (None, Some(to)) => format!(", up to {to}"),
        (None, None) => String::new(),
    }
}

fn words(ours: Option<&Setting>, theirs: &Definition) -> String {
    let name = theirs.kind.name();
    match ours.map(|setting| setting.kind) {
        Some(Kind::Word(words) | Kind::Reset(words)) => return listed(words.iter().copied()),
        Some(Kind::Words(words)) => return format!("list of {}", listed(words.iter().copied())),
        Some(Kind::Number { .. } | Kind::Switch | Kind::Text | Kind::Anything) | None => {}
    }
    match theirs.valid() {
        Valid::Words(words, _) if theirs.kind == Type::List => {
            format!("list of {}", listed(words.split(", ")))
        }
        Valid::Words(words, _) => listed(words.split(", ")),
        Valid::NotEmpty => format!("{name}, not empty"),
        Valid::Anything | Valid::Within(..) => name.to_owned(),
    }
}

/// In which lines Kafka has it, unless in all.
fn lines(scope: Scope, key: &str) -> String {
    let has = |version: &KafkaVersion| kafka::find(scope, key, *version).is_some();
    let there: Vec<KafkaVersion> = KafkaVersion::ALL.into_iter().filter(has).collect();
    match there.as_slice() {
        all if all.len() == KafkaVersion::ALL.len() => String::new(),
        [only] => format!("; only Kafka {only}"),
        [first, .., last] => format!("; only Kafka {first} to {last}"),
        [] => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_told_of_once_with_its_values_in_each_line() {
        let all = every();
        let distinct: BTreeSet<_> = all.iter().map(|(scope, key)| (scope.name(), *key)).collect();
        assert_eq!(distinct.len(), all.len());
        for theirs in kafka::all() {
            assert!(distinct.contains(&(theirs.scope.name(), theirs.key)), "{}", theirs.key);
        }
        use Scope::{Broker, Consumer, Producer, Topic};
        for (scope, key, said) in [
            (Consumer, "max.poll.records", "consumer: modelled; int, from 1, default 500"),
            (Producer, "linger.ms", "producer: modelled; long in ms, from 0, default 5"),
            (
                Broker,
                "group.coordinator.append.linger.ms",
                "broker: modelled; int in ms, from 0, default 5; since Kafka 4.2 int in ms, from -1, \
                 default -1",
            ),
            (
                Producer,
                "transactional.id",
                "producer: refused: records are written in transactions, and those of an aborted one \
                 are never seen; string, not empty, no default",
            ),
            (Topic, "retention.ms", "topic: modelled; long in ms, from -1, default 604800000"),
            (
                Broker,
                "controller.quorum.auto.join.enable",
                "broker: accepted, no effect here; true or false, default false; only Kafka 4.2 to 4.4",
            ),
        ] {
            assert_eq!(about(scope, key), said);
        }
    }
}
