//! What clients are told to do, in words that models and oracle share.

use std::fmt;
use std::str::FromStr;

/// The `acks` of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acks {
    /// 0: nobody answers.
    None,
    /// 1: the leader's log.
    Leader,
    /// −1, `all`: every in-sync replica's log.
    All,
}

impl FromStr for Acks {
    type Err = String;

    /// `all`, `-1`, `1` or `0`.
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "all" | "-1" => Ok(Self::All),
            "1" => Ok(Self::Leader),
            "0" => Ok(Self::None),
            _ => Err(format!("{word:?} is none of all, 1, 0")),
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}

/// When an application commits offsets. Kafka's clients know the first two alone; the others are what an
/// application does with `commitSync` and `commitAsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitStrategy {
    /// `enable.auto.commit` in a single-threaded poll loop (R8.12).
    Auto,
    /// `enable.auto.commit` while other threads process what the poll loop hands to them: the poll
    /// loop does not wait for them (F22).
    AutoWithHandOff,
    /// `commitSync` after the last record of a poll.
    SyncAfterBatch,
    /// `commitAsync` after the last record of a poll.
    AsyncAfterBatch,
    /// `commitSync` after every record.
    SyncPerRecord,
    /// `commitSync` after a poll, before its first record is processed (F20).
    BeforeProcessing,
}

impl CommitStrategy {
    /// All of them, in the order in which people read them.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::AutoWithHandOff,
        Self::SyncAfterBatch,
        Self::AsyncAfterBatch,
        Self::SyncPerRecord,
        Self::BeforeProcessing,
    ];

    /// Its name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AutoWithHandOff => "auto-with-hand-off",
            Self::SyncAfterBatch => "sync-after-batch",
            Self::AsyncAfterBatch => "async-after-batch",
            Self::SyncPerRecord => "sync-per-record",
            Self::BeforeProcessing => "before-processing",
        }
    }

    /// Whether the client commits by itself (`enable.auto.commit`).
    #[must_use]
    pub const fn is_automatic(self) -> bool {
        matches!(self, Self::Auto | Self::AutoWithHandOff)
    }
}

impl FromStr for CommitStrategy {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|one| one.name() == word);
        found.copied().ok_or_else(|| format!("{word:?} is no commit strategy"))
    }
}

impl fmt::Display for CommitStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `group.protocol`: who decides which member reads what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupProtocol {
    /// A member that leads the group.
    Classic,
    /// The coordinator (KIP-848).
    Consumer,
}

impl FromStr for GroupProtocol {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "classic" => Ok(Self::Classic),
            "consumer" => Ok(Self::Consumer),
            _ => Err(format!("{word:?} is none of classic, consumer")),
        }
    }
}

impl fmt::Display for GroupProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        })
    }
}

/// `auto.offset.reset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OffsetReset {
    /// To the start of the log.
    Earliest,
    /// To the end of the log.
    Latest,
    /// Nowhere: the application is told.
    None,
}

impl FromStr for OffsetReset {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            "none" => Ok(Self::None),
            _ => Err(format!("{word:?} is none of earliest, latest, none")),
        }
    }
}

impl fmt::Display for OffsetReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::None => "none",
        })
    }
}
