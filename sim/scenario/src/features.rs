//! Which Kafka a scenario runs: the line of the binary, and the feature levels of its cluster.
//!
//! They are two fields: a cluster that was upgraded runs a new binary with old levels. What is left out is
//! what Kafka 4.0 formats. It knows no rules: those are the models'.

use crate::sink::{At, Sink};
use ackproof_types::{Features, KafkaVersion};

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
    let Some(name) = sink.string(at) else { return KafkaVersion::default() };
    KafkaVersion::of(name).unwrap_or_else(|| {
        let known = KafkaVersion::ALL.into_iter().map(KafkaVersion::name);
        sink.unknown(at.node.span, &at.path, ("Kafka version", name), known);
        KafkaVersion::default()
    })
}

/// Reads `features`, after `kafka`.
pub(crate) fn read(sink: &mut Sink<'_>, at: Option<&At<'_>>) -> Features {
    let mut features = Features::default();
    let Some(at) = at.filter(|at| sink.object(at, FEATURE_KEYS)) else { return features };
    if let Some(at) = at.get("metadata.version") {
        features.metadata_version = metadata_version(sink, &at).unwrap_or_default();
    }
    let mut level = |key, most, usual: u8| {
        let given = at.get(key).and_then(|at| sink.whole(&at, 0, most));
        given.and_then(|given| u8::try_from(given).ok()).unwrap_or(usual)
    };
    features.group_version = level("group.version", 1, features.group_version);
    features.transaction_version = level("transaction.version", 2, features.transaction_version);
    features.eligible_leader_replicas = level("eligible.leader.replicas.version", 1, 0);
    features
}

fn metadata_version(sink: &mut Sink<'_>, at: &At<'_>) -> Option<KafkaVersion> {
    let name = sink.string(at)?;
    let level = |version: &KafkaVersion| version.metadata_version() == name;
    let Some(version) = KafkaVersion::ALL.into_iter().find(level) else {
        let known = KafkaVersion::ALL.into_iter().map(KafkaVersion::metadata_version);
        sink.unknown(at.node.span, &at.path, ("metadata.version", name), known);
        return None;
    };
    if version > sink.kafka {
        let message = format!(
            "Kafka {} cannot run metadata.version {name}: it came with {version}",
            sink.kafka
        );
        sink.at(at, message);
    }
    Some(version)
}
