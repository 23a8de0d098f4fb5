//! Which Kafka a scenario runs: the line of the binary, and the feature levels of its cluster.
//!
//! They are two fields: a cluster that was upgraded runs a new binary with old levels. What is left out is
//! what Kafka 4.0 formats. It knows no rules: those are the models'.

use crate::json::Value;
use crate::sink::{At, Sink};
use ackproof_types::{FeatureUpdate, Features, KafkaVersion};

/// Keys of `features`, as `kafka-features` names them.
pub(crate) const FEATURE_KEYS: &[&str] = &[
    "metadata.version",
    "group.version",
    "transaction.version",
    "eligible.leader.replicas.version",
];

/// Reads `kafka`.
pub(crate) fn version(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> KafkaVersion {
    let Some(at) = at else { return KafkaVersion::default() };
    line(sink, at).unwrap_or_default()
}

/// Reads the name of a line of Kafka.
pub(crate) fn line(sink: &mut Sink<'_>, at: &At<'_>) -> Option<KafkaVersion> {
    let name = sink.string(at)?;
    let found = KafkaVersion::of(name);
    if found.is_none() {
        let known = KafkaVersion::ALL.into_iter().map(KafkaVersion::name);
        sink.unknown(at.node.span, &at.path, ("Kafka version", name), known);
    }
    found
}

/// Reads `features`, after `kafka`.
pub(crate) fn read(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> Features {
    let kafka = sink.kafka;
    let given = at.map(|at| levels(sink, at, kafka)).unwrap_or_default();
    Features::default().with(given)
}

/// Reads what an administrator finalizes: a line, whose defaults are meant, or single levels.
pub(crate) fn finalized(sink: &mut Sink<'_>, at: &At<'_>) -> Option<FeatureUpdate> {
    match &at.node.value {
        Value::Object(levels) if levels.is_empty() => {
            sink.at(at, "nothing is finalized: name a line, like \"4.4\", or levels");
            None
        }
        Value::Object(_) => Some(levels(sink, at, KafkaVersion::V4_4)),
        _ => line(sink, at).map(FeatureUpdate::of_release),
    }
}

fn levels(sink: &mut Sink<'_>, at: &At<'_>, newest: KafkaVersion) -> FeatureUpdate {
    let mut features = FeatureUpdate::default();
    if !sink.object(at, FEATURE_KEYS) {
        return features;
    }
    if let Some(at) = at.get("metadata.version") {
        features.metadata_version = metadata_version(sink, &at, newest);
    }
    let mut level = |key, most| {
        let given = at.get(key).and_then(|at| sink.whole(&at, 0, most));
        given.and_then(|given| u8::try_from(given).ok())
    };
    features.group_version = level("group.version", 1);
    features.transaction_version = level("transaction.version", 2);
    features.eligible_leader_replicas = level("eligible.leader.replicas.version", 1);
    features
}

fn metadata_version(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    newest: KafkaVersion,
) -> Option<KafkaVersion> {
    let name = sink.string(at)?;
    let level = |version: &KafkaVersion| version.metadata_version() == name;
    let Some(version) = KafkaVersion::ALL.into_iter().find(level) else {
        let known = KafkaVersion::ALL.into_iter().map(KafkaVersion::metadata_version);
        sink.unknown(at.node.span, &at.path, ("metadata.version", name), known);
        return None;
    };
    if version > newest {
        let message =
            format!("Kafka {newest} cannot run metadata.version {name}: it came with {version}");
        sink.at(at, message);
    }
    Some(version)
}
