//! The section `spring.kafka` of Spring Boot's `application.yml` or `application.properties`, as the settings of Kafka
//! that it makes of it (`KafkaProperties`). A file of Kafka's own is read as it is.
//!
//! What Spring itself does (listeners, templates, retries) is not here, but for one thing: its listener container
//! commits after the work of a poll, and switches `enable.auto.commit` off where nobody sets it
//! (`KafkaMessageListenerContainer`, since 2.3).

use crate::json::{Span, SyntaxError};
use crate::properties::{self, Entry};
use crate::settings::Scope;
use crate::yaml;
use ackproof_types::OffsetReset;

/// The section.
const SECTION: &str = "spring.kafka.";

/// What a value is in Spring.
#[derive(Clone, Copy)]
enum Kind {
    /// As in Kafka.
    Same,
    /// A length of time, in milliseconds unless it has a unit.
    Time,
    /// A size, in bytes unless it has a unit.
    Size,
}

/// Keys whose name in Kafka is not theirs with dots, or whose value has a unit.
const KEYS: &[(&str, &str, Kind)] = &[
    ("autocommitinterval", "auto.commit.interval.ms", Kind::Time),
    ("batchsize", "batch.size", Kind::Size),
    ("buffermemory", "buffer.memory", Kind::Size),
    ("fetchmaxwait", "fetch.max.wait.ms", Kind::Time),
    ("fetchminsize", "fetch.min.bytes", Kind::Size),
    ("heartbeatinterval", "heartbeat.interval.ms", Kind::Time),
    ("maxpollinterval", "max.poll.interval.ms", Kind::Time),
    ("transactionidprefix", "transactional.id", Kind::Same),
];

/// Keys whose name in Kafka is theirs with dots.
const SAME: &[&str] = &[
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "compression.type",
    "enable.auto.commit",
    "group.id",
    "isolation.level",
    "key.deserializer",
    "key.serializer",
    "max.poll.records",
    "retries",
    "value.deserializer",
    "value.serializer",
];

/// Whether the file is Spring's, by its name or by its text.
#[must_use]
pub fn is_spring(file: &str, text: &str) -> bool {
    is_yaml(file) || text.lines().any(|line| line.trim_start().starts_with(SECTION))
}

fn is_yaml(file: &str) -> bool {
    let file = file.to_ascii_lowercase();
    file.ends_with(".yml") || file.ends_with(".yaml")
}

/// Whose settings are in a file of Spring's.
///
/// # Errors
/// As [`read`].
pub fn scopes(file: &str, text: &str) -> Result<Vec<Scope>, SyntaxError> {
    let all = all(file, text)?;
    let has = |scope: &Scope| {
        all.iter().any(|one| relative(&one.key).is_some_and(|key| part(&key, *scope).is_some()))
    };
    Ok([Scope::Producer, Scope::Consumer].into_iter().filter(has).collect())
}

fn all(file: &str, text: &str) -> Result<Vec<Entry>, SyntaxError> {
    if is_yaml(file) { yaml::words(text) } else { properties::parse(text) }
}

/// The settings of a file: Kafka's, or what Spring makes of its own for the clients of a kind.
///
/// # Errors
/// A text that Java or Spring refuses, or YAML that is not read here.
pub fn read(file: &str, text: &str, scope: Scope) -> Result<Vec<Entry>, SyntaxError> {
    let all = all(file, text)?;
    if !is_spring(file, text) {
        return Ok(all);
    }
    let mut common = Vec::new();
    let mut own = Vec::new();
    for entry in all {
        let Some(key) = relative(&entry.key) else { continue };
        let (rest, entries) = match part(&key, scope) {
            Some(rest) => (rest, &mut own),
            None => (key.as_str(), &mut common),
        };
        let is_common = ["properties.", "bootstrapservers", "clientid", "ssl.", "security."];
        let is_own = key != rest;
        if is_own || is_common.iter().any(|start| canonical(rest).starts_with(start)) {
            let rest = rest.to_owned();
            entries.push(kafka(entry, &rest)?);
        }
    }
    let at = own.first().map(|one: &Entry| one.key_span.start);
    common.append(&mut own);
    let sets = |one: &Entry| one.key == "enable.auto.commit";
    if let Some(at) = at.filter(|_| scope == Scope::Consumer && !common.iter().any(sets)) {
        let span = Span { start: at, end: at };
        let (key, value) = ("enable.auto.commit".to_owned(), "false".to_owned());
        common.push(Entry { key, key_span: span, value, value_span: span });
    }
    Ok(common)
}

/// The key within the section, as it is written.
fn relative(key: &str) -> Option<String> {
    let mut parts = key.splitn(3, '.');
    let is_it = parts.next() == Some("spring") && parts.next() == Some("kafka");
    parts.next().filter(|_| is_it).map(str::to_owned)
}

/// The key within what is for clients of a kind.
fn part(key: &str, scope: Scope) -> Option<&str> {
    let start = match scope {
        Scope::Producer => "producer.",
        Scope::Consumer => "consumer.",
        Scope::Broker | Scope::Topic => return None,
    };
    key.strip_prefix(start)
}

/// Spring takes `auto-offset-reset`, `autoOffsetReset` and `auto_offset_reset` for the same.
fn canonical(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).collect()
}

/// A setting of Kafka; one that Spring does not know either keeps its key.
fn kafka(mut entry: Entry, key: &str) -> Result<Entry, SyntaxError> {
    entry.value = filled(entry.value.trim());
    let name = canonical(key);
    if let Some(own) = key.strip_prefix("properties.") {
        entry.key = own.to_owned();
    } else if let Some((_, theirs, kind)) = KEYS.iter().find(|(one, ..)| *one == name) {
        entry.key = (*theirs).to_owned();
        entry.value = converted(*kind, &entry)?;
    } else if let Some(theirs) = SAME.iter().find(|one| one.replace('.', "") == name) {
        entry.key = (*theirs).to_owned();
        if entry.key == "isolation.level" {
            entry.value = entry.value.to_lowercase().replace('-', "_");
        }
    } else {
        let dotted = key.to_lowercase().replace('-', ".");
        entry.key = dotted.replace("trust.store", "truststore").replace("key.store", "keystore");
    }
    Ok(entry)
}

/// `${NAME:default}` is its default here.
fn filled(value: &str) -> String {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let default = inner.and_then(|inner| inner.split_once(':')).map(|(_, default)| default);
    default.unwrap_or(value).to_owned()
}

fn converted(kind: Kind, entry: &Entry) -> Result<String, SyntaxError> {
    let value = entry.value.as_str();
    let (units, rule): (&[(&str, u64)], _) = match kind {
        Kind::Same => return Ok(value.to_owned()),
        Kind::Time => {
            let units: &[(&str, u64)] = &[
                ("ms", 1),
                ("s", 1000),
                ("m", 60_000),
                ("h", 3_600_000),
                ("d", 86_400_000),
                ("", 1),
            ];
            (units, "a length of time like 500ms, 5s or PT5S")
        }
        Kind::Size => {
            let units: &[(&str, u64)] =
                &[("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("B", 1), ("", 1)];
            (units, "a size like 16384 or 16KB")
        }
    };
    let iso = format!("{}{value}", OffsetReset::BY_DURATION).parse();
    if let (Kind::Time, Ok(OffsetReset::ByDuration(length))) = (kind, iso) {
        return Ok((length.0 / 1000).to_string());
    }
    let number = |(unit, factor): &(&str, u64)| {
        let number = value.strip_suffix(unit)?.trim().parse::<u64>().ok()?;
        number.checked_mul(*factor)
    };
    let found = units.iter().find_map(number);
    found.map(|number| number.to_string()).ok_or_else(|| SyntaxError {
        span: entry.value_span,
        message: format!("{} is {rule}, found \"{value}\"", entry.key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const YAML: &str = "spring:\n  kafka:\n    bootstrap-servers: ${KAFKA:one:9092}\n    consumer:\n      \
                        group-id: billing\n      autoOffsetReset: latest\n      fetch-max-wait: 2s\n      \
                        max-poll-interval: PT5M\n      properties:\n        \"[session.timeout.ms]\": 10000\n    \
                        producer:\n      acks: 1\n      batch-size: 32KB\n      retries: 3\n      ssl:\n        \
                        key-store-password: hush\n    listener:\n      ack-mode: record\nserver:\n  port: 80\n";

    fn told(file: &str, text: &str, scope: Scope) -> Vec<String> {
        let entries = read(file, text, scope).unwrap_or_else(|error| panic!("{error:?}"));
        entries.iter().map(|one| format!("{}={}", one.key, one.value)).collect()
    }

    #[test]
    fn springs_keys_are_kafkas_settings() {
        let consumer = [
            "bootstrap.servers=one:9092",
            "group.id=billing",
            "auto.offset.reset=latest",
            "fetch.max.wait.ms=2000",
            "max.poll.interval.ms=300000",
            "session.timeout.ms=10000",
            "enable.auto.commit=false",
        ];
        assert_eq!(told("conf/application.yml", YAML, Scope::Consumer), consumer);
        let producer = [
            "bootstrap.servers=one:9092",
            "acks=1",
            "batch.size=32768",
            "retries=3",
            "ssl.keystore.password=hush",
        ];
        assert_eq!(told("application.yaml", YAML, Scope::Producer), producer);
        assert_eq!(scopes("a.yml", YAML), Ok(vec![Scope::Producer, Scope::Consumer]));
    }

    #[test]
    fn the_same_stands_in_properties_and_kafkas_own_files_stay_as_they_are() {
        let text = "spring.kafka.consumer.enable-auto-commit=true\nspring.kafka.properties.client.rack=a\n";
        let both = ["client.rack=a", "enable.auto.commit=true"];
        assert_eq!(told("application.properties", text, Scope::Consumer), both);
        assert_eq!(told("application.properties", text, Scope::Producer), ["client.rack=a"]);
        assert_eq!(
            told("p.properties", "acks=1\nbatch.size=32KB", Scope::Producer),
            ["acks=1", "batch.size=32KB"]
        );
    }

    #[test]
    fn a_length_that_is_none_is_refused_at_its_place() {
        let text = "spring.kafka.producer.batch-size=big\n";
        let Err(SyntaxError { span, message }) = read("a.properties", text, Scope::Producer) else {
            panic!("it is read")
        };
        assert_eq!(&text[span.start..span.end], "big");
        assert_eq!(message, "batch.size is a size like 16384 or 16KB, found \"big\"");
    }
}
