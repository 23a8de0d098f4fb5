//! The log directories of brokers.

use ackproof_kafka::config::LogDirs;
use ackproof_scenario::plan::Settings;
use ackproof_scenario::storage::{dirs, metadata_dir};

pub(super) fn log_dirs(config: &Settings) -> LogDirs {
    let count = u8::try_from(dirs(config).len()).unwrap_or(u8::MAX);
    LogDirs { count, metadata: metadata_dir(config) }
}
