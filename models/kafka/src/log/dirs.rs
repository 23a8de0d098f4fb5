//! The log directories of a broker's disk, and which of them have the marker of a clean shutdown.
//!
//! Kafka: `LogManager#readBrokerEpochFromCleanShutdownFiles` (KIP-112, KIP-858).

use crate::harm::Trouble;
use ackproof_types::LogDir;
use std::collections::BTreeMap;

/// The directories that are not as usual.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Dirs(BTreeMap<LogDir, State>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct State {
    trouble: Option<Trouble>,
    /// Its process gave it up, or it is new: there will be no clean-shutdown marker in it.
    unmarked: bool,
}

impl Dirs {
    pub(super) fn trouble(&self, dir: LogDir) -> Option<Trouble> {
        self.0.get(&dir).and_then(|state| state.trouble)
    }

    pub(super) fn set(&mut self, dir: LogDir, trouble: Option<Trouble>) {
        self.0.entry(dir).or_default().trouble = trouble;
    }

    pub(super) fn unmark(&mut self, dir: LogDir) {
        self.0.entry(dir).or_default().unmarked = true;
    }

    /// Whether the marker of a clean shutdown, if one was written, is in this one.
    pub(super) fn is_marked(&self, dir: LogDir) -> bool {
        self.0.get(&dir).is_none_or(|state| !state.unmarked)
    }

    /// Whether it is in all of them, and all can be used.
    pub(super) fn are_all_marked(&self) -> bool {
        self.0.values().all(|state| !state.unmarked && state.trouble != Some(Trouble::Failed))
    }

    /// A process starts: from here on each has a marker to lose.
    pub(super) fn begin(&mut self) {
        self.0.retain(|_, state| {
            state.unmarked = false;
            state.trouble.is_some()
        });
    }

    pub(super) fn spend(&mut self, dir: LogDir, bytes: u64) {
        if let Some(trouble) = self.0.get_mut(&dir).and_then(|state| state.trouble.as_mut()) {
            trouble.spend(bytes);
        }
    }
}
