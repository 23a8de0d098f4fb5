//! The log directories of brokers, and the quorum that keeps the metadata log.

use super::number;
use ackproof_kafka::config::{LogDirs, QuorumSettings};
use ackproof_scenario::plan::Settings;
use ackproof_scenario::storage::{dirs, metadata_dir};
use ackproof_types::Micros;

pub(super) fn log_dirs(config: &Settings) -> LogDirs {
    let count = u8::try_from(dirs(config).len()).unwrap_or(u8::MAX);
    LogDirs { count, metadata: metadata_dir(config) }
}

/// The quorum of the controllers, and its log.
pub(super) fn quorum(config: &Settings) -> QuorumSettings {
    QuorumSettings {
        election_timeout: config.millis("controller.quorum.election.timeout.ms"),
        fetch_timeout: config.millis("controller.quorum.fetch.timeout.ms"),
        election_backoff_max: config.millis("controller.quorum.election.backoff.max.ms"),
        request_timeout: config.millis("controller.quorum.request.timeout.ms"),
        retry_backoff: config.millis("controller.quorum.retry.backoff.ms"),
        bytes_between_snapshots: number(
            config,
            "metadata.log.max.record.bytes.between.snapshots",
            u64::MAX,
        ),
        // 0: none.
        snapshot_interval: Some(config.millis("metadata.log.max.snapshot.interval.ms"))
            .filter(|interval| *interval > Micros::ZERO),
        // −1: without bound.
        retention_bytes: u64::try_from(config.number("metadata.max.retention.bytes"))
            .unwrap_or(u64::MAX),
    }
}
