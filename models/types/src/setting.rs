//! What clients are told to do, in words that models and oracle share.

use crate::iso;
use crate::time::{Micros, Shift};
use std::fmt;
use std::str::FromStr;

/// The `acks` of a producer, from the least to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

/// When an application commits offsets. The first three are what a client does by itself; the others are what
/// an application does with `commitSync` and `commitAsync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitStrategy {
    /// `enable.auto.commit` in a single-threaded poll loop (R8.12).
    Auto,
    /// `enable.auto.commit` while other threads process what the poll loop hands to them: the poll
    /// loop does not wait for them (F22).
    AutoWithHandOff,
    /// `enable.auto.commit` of a client that commits by a thread of its own what it has handed to the
    /// application, whatever that does (librdkafka and others).
    AutoInBackground,
    /// `commitSync` after the last record of a poll.
    SyncAfterBatch,
    /// `commitAsync` after the last record of a poll.
    AsyncAfterBatch,
    /// `commitSync` after every record.
    SyncPerRecord,
    /// `commitSync` after a poll, before its first record is processed (F20).
    BeforeProcessing,
    /// It never commits.
    Never,
}

impl CommitStrategy {
    /// All of them, in the order in which people read them.
    pub const ALL: &'static [Self] = &[
        Self::Auto,
        Self::AutoWithHandOff,
        Self::AutoInBackground,
        Self::SyncAfterBatch,
        Self::AsyncAfterBatch,
        Self::SyncPerRecord,
        Self::BeforeProcessing,
        Self::Never,
    ];

    /// Its name in a scenario.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::AutoWithHandOff => "auto-with-hand-off",
            Self::AutoInBackground => "auto-in-background",
            Self::SyncAfterBatch => "sync-after-batch",
            Self::AsyncAfterBatch => "async-after-batch",
            Self::SyncPerRecord => "sync-per-record",
            Self::BeforeProcessing => "before-processing",
            Self::Never => "never",
        }
    }

    /// Whether the application commits after what a poll returned, or every so often.
    #[must_use]
    pub const fn is_after_batch(self) -> bool {
        matches!(self, Self::SyncAfterBatch | Self::AsyncAfterBatch)
    }

    /// Whether the client commits by itself (`enable.auto.commit`).
    #[must_use]
    pub const fn is_automatic(self) -> bool {
        matches!(self, Self::Auto | Self::AutoWithHandOff | Self::AutoInBackground)
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
    /// To the first record that is not older (KIP-1106).
    ByDuration(Micros),
    /// Nowhere: the application is told.
    None,
}

impl OffsetReset {
    /// What stands before the duration of [`Self::ByDuration`].
    pub const BY_DURATION: &'static str = "by_duration:";
}

impl FromStr for OffsetReset {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            "none" => Ok(Self::None),
            _ => word
                .strip_prefix(Self::BY_DURATION)
                .and_then(iso::parse)
                .map(Self::ByDuration)
                .ok_or_else(|| {
                    format!("{word:?} is none of earliest, latest, by_duration:PnDTnHnMn.nS, none")
                }),
        }
    }
}

impl fmt::Display for OffsetReset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Earliest => f.write_str("earliest"),
            Self::Latest => f.write_str("latest"),
            Self::ByDuration(length) => write!(f, "{}{}", Self::BY_DURATION, iso::written(*length)),
            Self::None => f.write_str("none"),
        }
    }
}

/// Settings of an application, as words of a scenario.
macro_rules! words {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All of them, the default first.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name in a scenario.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// The one of this name.
            #[must_use]
            pub fn by_name(word: &str) -> Option<Self> {
                Self::ALL.iter().find(|one| one.name() == word).copied()
            }
        }
    )*};
}
pub(crate) use words;

words! {
    /// What an application does with a record whose `send` failed.
    OnFailure {
        /// It logs the error and goes on.
        #[default]
        Drop = "drop",
        /// It hands the record to `send` again, unless no retry can help.
        Resend = "resend",
        /// It ends its process at once. Whoever runs it starts it again.
        Stop = "stop",
    }
    /// Where an application goes on after its process ended.
    AfterCrash {
        /// At the first record whose outcome it did not learn: its source moves on with outcomes.
        #[default]
        Resend = "resend",
        /// Behind the last record that it handed to `send`: its source moves on with calls.
        Drop = "drop",
    }
    /// What an application does once it has sent its last record.
    AtEnd {
        /// Its process stays: what is in the buffer goes out in time.
        #[default]
        Stay = "stay",
        /// `flush` or `close`: its process ends when every record has its outcome.
        Flush = "flush",
        /// Its process ends at once.
        Exit = "exit",
    }
}

/// How an application uses its producer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Sending {
    /// After a failed `send`.
    pub on_failure: OnFailure,
    /// After the end of its process.
    pub after_crash: AfterCrash,
    /// After its last record.
    pub end: AtEnd,
    /// How many of its threads call `send`, each a record after the other; none: each call has a thread of
    /// its own.
    pub threads: Option<u16>,
    /// How far the CreateTime of its records is from its clock.
    pub create_time: Shift,
}
