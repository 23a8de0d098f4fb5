//! What went wrong with single records, each with its cause, for whoever asks about one. It decides nothing.

use crate::cause::{DuplicateCause, LossCause, SendCause, SinkCause};
use ackproof_types::{GroupId, RecordId};

/// Something that went wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// The record.
    pub record: RecordId,
    /// To whom; none: to everybody.
    pub group: Option<GroupId>,
    /// The entry that shows it; none: it follows from all of them.
    pub entry: Option<u64>,
    /// What, and why.
    pub why: Why,
}

/// What went wrong, most serious first, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Nothing is left of what a group made of it.
    Output(LossCause),
    /// It was acknowledged and is in no log, or a group skipped it.
    Lost(LossCause),
    /// A sink does not hold what it should because of it.
    Sink(SinkCause),
    /// A group processed it again.
    Again(DuplicateCause),
    /// It is in the logs again.
    Copy(DuplicateCause),
    /// It was not acknowledged, and it is in no log or its send failed.
    Unwritten(SendCause),
}

impl Why {
    /// The more serious, the lower.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Output(_) => 0,
            Self::Lost(_) => 1,
            Self::Sink(_) => 2,
            Self::Again(_) => 3,
            Self::Copy(_) => 4,
            Self::Unwritten(_) => 5,
        }
    }

    /// The stable name of the cause.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Output(cause) | Self::Lost(cause) => cause.name(),
            Self::Sink(cause) => cause.name(),
            Self::Again(cause) | Self::Copy(cause) => cause.name(),
            Self::Unwritten(cause) => cause.name(),
        }
    }

    /// What the cause means, with the setting responsible.
    #[must_use]
    pub fn about(self) -> String {
        match self {
            Self::Output(cause) | Self::Lost(cause) => cause.about().to_owned(),
            Self::Sink(cause) => cause.about().to_owned(),
            Self::Again(cause) | Self::Copy(cause) => cause.about().to_owned(),
            Self::Unwritten(cause) => cause.about(),
        }
    }
}
