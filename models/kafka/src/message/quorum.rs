//! What voters tell each other, and what observers ask of them (KIP-595, KIP-996).

use ackproof_types::{BrokerId, ControllerEpoch, ControllerId, ErrorCode};
use std::sync::Arc;

/// One entry; its offset is its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry<P> {
    /// The epoch of the leader that appended it.
    pub epoch: ControllerEpoch,
    /// What.
    pub payload: Payload<P>,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Payload<P> {
    /// An epoch begins (`LeaderChangeMessage`): with it, all before is committed as well.
    EpochStart(ControllerId),
    /// Of whoever uses the quorum.
    Record(P),
}

impl<P> Payload<P> {
    /// What whoever uses the quorum has appended.
    pub const fn record(&self) -> Option<&P> {
        match self {
            Self::EpochStart(_) => None,
            Self::Record(record) => Some(record),
        }
    }
}

/// Where a log ends: the epoch of its last entry first, then its length. The greater one is the more complete log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogEnd {
    /// The epoch of the last entry; 0 if there is none.
    pub epoch: ControllerEpoch,
    /// The offset of the next entry.
    pub offset: u64,
}

impl LogEnd {
    /// Of a log without an entry.
    pub const START: Self = Self { epoch: ControllerEpoch(0), offset: 0 };
}

/// The committed records below a place, folded into as few as say the same (KIP-630).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot<P> {
    /// Where it ends, exclusive, which is what it is called by (`OffsetAndEpoch`).
    pub end: LogEnd,
    /// What.
    pub records: Arc<[P]>,
}

/// What a vote is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Poll {
    /// To learn whether it would be won: nobody keeps it in mind.
    Pre,
    /// To lead an epoch.
    Real,
}

/// `Vote`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VoteRequest {
    /// Who asks.
    pub candidate: ControllerId,
    /// For which epoch; before an election, the one it is in.
    pub epoch: ControllerEpoch,
    /// Where its log ends.
    pub end: LogEnd,
    /// What for.
    pub poll: Poll,
}

/// From a voter to another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QuorumRequest {
    /// A vote, please.
    Vote(VoteRequest),
    /// The sender leads.
    BeginEpoch {
        /// The sender.
        leader: ControllerId,
        /// Its epoch.
        epoch: ControllerEpoch,
    },
    /// The sender led, and does no more.
    EndEpoch {
        /// The sender.
        leader: ControllerId,
        /// Its epoch.
        epoch: ControllerEpoch,
        /// Who is to stand for election, the first one at once.
        successors: Vec<ControllerId>,
    },
}

/// To a [`QuorumRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QuorumReply {
    /// Granted.
    Granted,
    /// Not granted.
    Refused,
    /// Heard.
    Heard,
}

/// An answer, and what its sender knows of the leader (Kafka: `CurrentLeader`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Answer<T> {
    /// Who leads.
    pub leader: Option<ControllerId>,
    /// In which epoch.
    pub epoch: ControllerEpoch,
    /// What was asked for.
    pub result: Result<T, ErrorCode>,
}

/// Who fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    /// Its fetches count (R5.29).
    Voter(ControllerId),
    /// A broker: it only listens (R5.26).
    Observer(BrokerId),
}

/// `Fetch` of the metadata log; parks up to 500 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FetchOfLog {
    /// Who.
    pub member: Member,
    /// The epoch that it knows a leader of.
    pub epoch: ControllerEpoch,
    /// Where its log ends: it has all before.
    pub end: LogEnd,
    /// The high watermark that it knows (KIP-1166).
    pub high_watermark: u64,
    /// In place of entries this snapshot, please (`FetchSnapshot`).
    pub snapshot: Option<LogEnd>,
}

/// What a leader has for a fetch.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Fetched<P> {
    /// What follows.
    Entries {
        /// From the offset that was asked for on.
        entries: Vec<Entry<P>>,
        /// So many are committed.
        high_watermark: u64,
    },
    /// The logs part; the follower must cut its own (KIP-595).
    Diverging(LogEnd),
    /// What follows is not in the log any more; this snapshot has it (KIP-630).
    SnapshotId(LogEnd),
    /// The snapshot that was asked for.
    Snapshot(Arc<Snapshot<P>>),
}
