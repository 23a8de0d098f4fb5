//! What happens to the disk of a broker.
//!
//! A directory that fails keeps its files: nobody can write them. A directory that is full takes so many bytes more.
//! Kafka: `LogDirFailureChannel` (KIP-112).

use ackproof_types::{LogDir, TopicPartition};

/// Why a directory cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trouble {
    /// Every write fails.
    Failed,
    /// A write fails that takes more than what is left.
    Full {
        /// In bytes.
        left: u64,
    },
}

impl Trouble {
    /// Whether so many bytes can be written.
    pub(crate) fn takes(self, bytes: u64) -> bool {
        match self {
            Self::Failed => false,
            Self::Full { left } => bytes <= left,
        }
    }

    /// So many bytes are written.
    pub(crate) fn spend(&mut self, bytes: u64) {
        match self {
            Self::Failed => {}
            Self::Full { left } => *left = left.saturating_sub(bytes),
        }
    }
}

/// What happens to the disk of a broker, whether a process runs on it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Harm {
    /// A directory cannot be written from here on.
    Begins(LogDir, Trouble),
    /// It can again, and has what it had.
    Ends(LogDir),
    /// An empty directory takes its place, with another id (KIP-858).
    Replaced(LogDir),
    /// Bytes of a batch in this log are other than they were written. A process that runs does not see it.
    Damaged(TopicPartition, Batch),
}

/// A batch of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Batch {
    /// The last one.
    Last,
    /// The one that this number draws.
    Drawn(u64),
}
