//! What an application does with its consumer, in words that models, oracle and scenarios share. When it
//! commits is [`CommitStrategy`](crate::CommitStrategy).

use crate::setting::words;
use crate::{Delay, Micros};

words! {
    /// What a commit covers while workers process what the poll loop hands to them.
    Covers {
        /// The consumer's positions: all that was handed to them (F22). `commitSync()` without arguments.
        #[default]
        Positions = "positions",
        /// One past the highest record that one of them finished, whatever others have in hand (F24).
        HighestDone = "highest-done",
        /// One past the last record below which all are finished.
        Contiguous = "contiguous",
    }
    /// Which offset an application commits for the last record that it finished.
    CommitOffset {
        /// The next one (R8.18).
        #[default]
        Next = "next",
        /// The record's own: it comes again (F37).
        Last = "last",
        /// One beyond the next: that one is skipped (F37).
        Beyond = "beyond",
    }
    /// What the callback of `commitAsync` does with an error that a retry may help.
    OnCommitFailure {
        /// Nothing: a later commit covers it.
        #[default]
        Ignore = "ignore",
        /// It commits the same offsets again (F25).
        SendAgain = "send-again",
    }
    /// What the rebalance listener does before partitions are given up.
    OnRevoke {
        /// There is none.
        #[default]
        Nothing = "nothing",
        /// `commitSync` of what is done; what its workers have not begun is dropped.
        Commit = "commit",
        /// Nothing, and the map in which the application notes its offsets keeps what it has lost: each commit
        /// is of the whole map (F29).
        KeepOffsets = "keep-offsets",
    }
    /// What an application does with a record whose attempts have all failed.
    OnRecordFailure {
        /// It puts the record aside, and counts it as processed.
        #[default]
        DeadLetter = "dead-letter",
        /// It logs the error and goes on with the next record.
        Skip = "skip",
        /// It seeks back to what it has not processed, and polls again.
        SeekBack = "seek-back",
        /// It logs the error, throws away the rest of the poll and polls on.
        DropPoll = "drop-poll",
        /// The exception leaves the poll loop: the consumer is closed, and the process ends (F21).
        Throw = "throw",
    }
}

/// How much work or time lies between two commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommitEvery {
    /// So many finished records.
    Records(u32),
    /// So much time: looked at after each poll.
    Time(Micros),
}

/// How an application uses its consumer, beside when it commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Consuming {
    /// Between two of its commits; none: it commits after each poll.
    pub commit_every: Option<CommitEvery>,
    /// Which offset.
    pub commit_offset: CommitOffset,
    /// After a failed `commitAsync`.
    pub on_commit_failure: OnCommitFailure,
    /// How many threads process; none: the poll loop does.
    pub workers: Option<u16>,
    /// What a commit covers, with workers.
    pub covers: Covers,
    /// Before partitions are given up.
    pub on_revoke: OnRevoke,
    /// After the last failed attempt at a record.
    pub on_failure: OnRecordFailure,
    /// Between two attempts at a record.
    pub backoff: Delay,
}

impl Consuming {
    /// Whether the application itself notes what it has finished, and commits that; otherwise it commits the
    /// positions of its consumer.
    #[must_use]
    pub fn notes_offsets(&self) -> bool {
        match self.covers {
            Covers::HighestDone | Covers::Contiguous => true,
            Covers::Positions => {
                self.workers.is_none()
                    && (matches!(self.commit_every, Some(CommitEvery::Records(_)))
                        || self.commit_offset != CommitOffset::Next)
            }
        }
    }
}

/// What an application stops to do with its consumer for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hold {
    /// It does not poll.
    Poll,
    /// It calls `unsubscribe()`, and subscribes again later.
    Subscription,
    /// It calls `pause()` for all partitions that it has, and `resume()` later. It polls on.
    Partitions,
}

impl Hold {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Poll, Self::Subscription, Self::Partitions];
}
