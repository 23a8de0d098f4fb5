//! What a group's application writes its results to, in words that models and oracle share.

use crate::mix::mix;
use crate::{Record, RecordId};
use std::fmt;
use std::str::FromStr;

/// How the work on a record changes the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SinkWrites {
    /// Each time the record is processed, a row is added.
    Append,
    /// A row is added unless the sink knows the record by what its producer named it (an order number).
    OncePerRecord,
    /// A row is added unless the sink knows the record by its topic, partition and offset.
    OncePerOffset,
    /// The row of the record's key is overwritten.
    Upsert,
    /// The row of the record's key is overwritten unless it comes from a later offset of the partition.
    UpsertIfNewer,
    /// A row is added, and with it, in one transaction, the position behind the record. A record below the
    /// position of its partition changes nothing. Members begin at that position, whatever the group committed.
    WithPosition,
    /// The same, but the positions of a poll are written once all its rows are, in a transaction of their own.
    ThenPosition,
}

impl SinkWrites {
    /// All of them, in the order in which people read them.
    pub const ALL: &'static [Self] = &[
        Self::Append,
        Self::OncePerRecord,
        Self::OncePerOffset,
        Self::Upsert,
        Self::UpsertIfNewer,
        Self::WithPosition,
        Self::ThenPosition,
    ];

    /// Its name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::OncePerRecord => "once-per-record",
            Self::OncePerOffset => "once-per-offset",
            Self::Upsert => "upsert",
            Self::UpsertIfNewer => "upsert-if-newer",
            Self::WithPosition => "with-position",
            Self::ThenPosition => "then-position",
        }
    }

    /// Whether the sink has a row for each key, and no memory of single records.
    #[must_use]
    pub const fn by_key(self) -> bool {
        matches!(self, Self::Upsert | Self::UpsertIfNewer)
    }

    /// Whether the sink keeps how far it has come in each partition.
    #[must_use]
    pub const fn keeps_positions(self) -> bool {
        matches!(self, Self::WithPosition | Self::ThenPosition)
    }

    /// Whether the sink recognises what it has written before.
    #[must_use]
    pub const fn deduplicates(self) -> bool {
        matches!(self, Self::OncePerRecord | Self::OncePerOffset)
    }
}

impl FromStr for SinkWrites {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|one| one.name() == word);
        found.copied().ok_or_else(|| format!("{word:?} is no way to write to a sink"))
    }
}

impl fmt::Display for SinkWrites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a sink that recognises records keeps what it has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MemoryIn {
    /// In the sink itself, written with the row: all members share it, and it outlives them.
    #[default]
    Sink,
    /// In the member's process (a cache): each has its own, and it ends with the process.
    Member,
}

impl MemoryIn {
    /// Both.
    pub const ALL: &'static [Self] = &[Self::Sink, Self::Member];

    /// Its name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sink => "sink",
            Self::Member => "member",
        }
    }
}

impl FromStr for MemoryIn {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let found = Self::ALL.iter().find(|one| one.name() == word);
        found.copied().ok_or_else(|| format!("{word:?} is neither sink nor member"))
    }
}

impl fmt::Display for MemoryIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The sink of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SinkConfig {
    /// How a record changes it.
    pub writes: SinkWrites,
    /// How many of the last rows it recognises; none: all of them.
    pub memory: Option<u32>,
    /// Where it keeps what it recognises.
    pub memory_in: MemoryIn,
}

/// What a record is worth in a sink that adds up: 1 to 1000, by its id alone.
#[must_use]
pub const fn amount(id: RecordId) -> u64 {
    1 + mix(id.as_u64()) % 1000
}

/// The row that a record goes to in a sink with a row for each key: its key, or else itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// Its key. Producers that write to one topic share their keys.
    Key(u32),
    /// It has no key.
    Record(RecordId),
}

impl From<Record> for RowKey {
    fn from(record: Record) -> Self {
        record.key.map_or(Self::Record(record.id), Self::Key)
    }
}
