//! The log directories of a broker.

use ackproof_types::LogDir;

/// The log directories of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LogDirs {
    /// So many; at least one.
    pub count: u8,
    /// Which of them holds the metadata log too (`metadata.log.dir`); none: it has a place of its own.
    pub metadata: Option<LogDir>,
}

impl LogDirs {
    /// All of them.
    pub fn all(self) -> impl Iterator<Item = LogDir> {
        (0..self.count).map(LogDir)
    }
}

/// One, for everything.
impl Default for LogDirs {
    fn default() -> Self {
        Self { count: 1, metadata: Some(LogDir(0)) }
    }
}
