//! One voter of a quorum: it replicates a log by Raft, as Kafka does it (`KafkaRaftClient`, `QuorumState`).
//!
//! Pull-based: followers fetch from the leader, and a fetch acknowledges all before its offset. It knows nothing
//! of what the entries mean, nor of sockets: who drives it gives it a [`Port`]. Begin with [`Replica`].
//!
//! - [`disk`] the log and the election state on it; what voters say stands in `message/quorum.rs`
//! - `asks` requests to others · `election` votes and pre-votes (R5.29, R17.19) · `fetch` replication (R5.26)
//! - `leader` the high watermark and the check of the quorum (R5.30)
//! - `snapshot` what takes the place of the beginning of a log (KIP-630)
//!
//! What a step sends waits for the flush of what the step has written: a vote and an acknowledgement are safe
//! before anybody hears of them.

mod asks;
pub mod disk;
mod election;
mod fetch;
mod leader;
mod snapshot;
#[cfg(test)]
mod tests;

use crate::config::QuorumSettings;
use crate::machine::{ConnectionId, Ticket};
use crate::message::CorrelationId;
use crate::message::quorum::{
    Answer, Entry, FetchOfLog, Fetched, LogEnd, Member, Payload, QuorumReply, QuorumRequest,
    Snapshot,
};
use crate::profile::{Profile, Rule};
use crate::variant::{Variant, Variants};
use ackproof_types::{ControllerEpoch, ControllerId, Delay, ErrorCode};
use disk::{Ballot, QuorumDisk, QuorumWrite};
use leader::Leader;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// What is replicated.
pub trait Content: Clone + std::fmt::Debug + Eq + std::hash::Hash {}
impl<T: Clone + std::fmt::Debug + Eq + std::hash::Hash> Content for T {}

/// What a voter is started with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VoterConfig {
    /// Itself.
    pub id: ControllerId,
    /// All voters, itself among them (`controller.quorum.voters`).
    pub voters: Arc<[ControllerId]>,
    /// Settings.
    pub settings: QuorumSettings,
    /// Which Kafka it is.
    pub profile: Profile,
    /// Bugs switched on.
    pub variants: Variants,
}

/// The timers of a voter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// Its patience in the role it has: with a leader, with an election, with a pause between two.
    Patience,
    /// A request to this voter was not answered, or may be sent again.
    Resend(ControllerId),
    /// The fetch under way was not answered, or may be sent again.
    Refetch,
    /// A leader was not fetched from by a majority for 1.5 times the fetch timeout (R5.30).
    Quorum,
    /// A leader presents itself again to those who do not fetch from it.
    Begin,
    /// A parked fetch has waited long enough (R5.26).
    Parked(Member),
}

/// Whoever asks, and waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asker {
    /// Its connection.
    pub connection: ConnectionId,
    /// Its number.
    pub correlation: CorrelationId,
}

/// What a voter acts on.
pub trait Port<P> {
    /// Sends a request to another voter.
    fn ask(&mut self, to: ControllerId, number: u64, request: QuorumRequest);
    /// Fetches from the leader.
    fn fetch(&mut self, from: ControllerId, number: u64, request: FetchOfLog);
    /// Answers a request.
    fn answer(&mut self, to: Asker, answer: Answer<QuorumReply>);
    /// Answers a fetch.
    fn answer_fetch(&mut self, to: Asker, answer: Answer<Fetched<P>>);
    /// Ends the connection to a voter that requests go over.
    fn hang_up(&mut self, on: ControllerId);
    /// Ends the connection that fetches go over.
    fn hang_up_fetch(&mut self, on: ControllerId);
    /// Starts a timer.
    fn arm(&mut self, timer: Timer, delay: Delay);
    /// Stops a timer.
    fn disarm(&mut self, timer: Timer);
    /// Changes the disk.
    fn write(&mut self, write: QuorumWrite<P>);
    /// Asks for a flush.
    fn flush(&mut self) -> Ticket;
}

/// What it is to the others (Kafka: `EpochState`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Role {
    /// Knows no leader of its epoch.
    Unattached,
    /// Asks whether it would be elected, before it begins an epoch (KIP-996).
    Prospective {
        /// The leader it lost touch with.
        leader: Option<ControllerId>,
        votes: Votes,
    },
    /// Wants to lead its epoch.
    Candidate { votes: Votes, backing_off: bool },
    /// Follows.
    Follower {
        leader: ControllerId,
        /// It has fetched from it.
        attached: bool,
    },
    /// Leads its epoch.
    Leader(Leader),
    /// Led its epoch, and does no more.
    Resigned { unacked: BTreeSet<ControllerId> },
}

/// What voters have said so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Votes {
    granted: BTreeSet<ControllerId>,
    refused: BTreeSet<ControllerId>,
}

/// What goes out once it is safe to say.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Outgoing<P> {
    Ask(ControllerId, u64, QuorumRequest),
    Fetch(ControllerId, u64, FetchOfLog),
    Answer(Asker, Answer<QuorumReply>),
    AnswerFetch(Asker, Answer<Fetched<P>>),
}

/// A flush under way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Flush<P> {
    ticket: Ticket,
    /// So many entries are safe then.
    end: u64,
    /// What waits for it.
    outgoing: Vec<Outgoing<P>>,
}

/// Whether a voter goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Life {
    /// It goes on.
    Goes,
    /// It was asked to stop, and nothing holds it.
    MayStop,
}

/// A voter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Replica<P> {
    config: Arc<VoterConfig>,
    epoch: ControllerEpoch,
    voted: Option<ControllerId>,
    role: Role,
    /// What came before the log ended there.
    base: LogEnd,
    log: Vec<Entry<P>>,
    /// The newest.
    snapshot: Option<Arc<Snapshot<P>>>,
    /// The one that it needs to go on.
    wanted: Option<LogEnd>,
    high_watermark: u64,
    /// Elections in a row that it did not win.
    retries: u32,
    /// Requests to voters under way, by number.
    asked: BTreeMap<ControllerId, u64>,
    /// Voters that are not asked until their pause is over.
    resting: BTreeSet<ControllerId>,
    fetching: Option<(ControllerId, u64)>,
    fetch_rests: bool,
    numbers: u64,
    /// It was asked to stop.
    stops: bool,
    /// Something was written that has no flush yet.
    is_unsafe: bool,
    outgoing: Vec<Outgoing<P>>,
    flushing: VecDeque<Flush<P>>,
}

impl<P: Content> Replica<P> {
    /// Starts on what an earlier process left (Kafka: `QuorumState#initialize`).
    pub fn boot(config: Arc<VoterConfig>, disk: &QuorumDisk<P>, port: &mut dyn Port<P>) -> Self {
        let Ballot { epoch, voted, leader } = disk.ballot();
        let mut it = Self {
            epoch,
            voted,
            role: Role::Unattached,
            base: disk.base(),
            log: disk.entries().to_vec(),
            snapshot: disk.snapshot().cloned(),
            wanted: None,
            high_watermark: disk.base().offset,
            retries: 0,
            asked: BTreeMap::new(),
            resting: BTreeSet::new(),
            fetching: None,
            fetch_rests: false,
            numbers: 0,
            stops: false,
            // What the page cache holds of the process before may not be safe yet.
            is_unsafe: !disk.entries().is_empty(),
            outgoing: Vec::new(),
            flushing: VecDeque::new(),
            config,
        };
        it.recover(port);
        if it.is_alone() {
            it.lead_alone(port);
            return it;
        }
        match leader {
            // It never leads the same epoch twice: what it had appended may be gone.
            Some(leader) if leader == it.config.id => it.resign(port),
            Some(leader) => it.follow(epoch, leader, port),
            None => it.wait_for_election(port),
        }
        it
    }

    /// Whether there is no other voter.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.config.voters.len() == 1
    }

    /// Its epoch.
    #[must_use]
    pub const fn epoch(&self) -> ControllerEpoch {
        self.epoch
    }

    /// Whether it leads, and everything that earlier leaders committed is known to be (R5.31).
    #[must_use]
    pub fn is_established(&self) -> bool {
        matches!(&self.role, Role::Leader(leader) if self.high_watermark >= leader.least)
    }

    fn leads(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Who leads its epoch, as far as it knows.
    #[must_use]
    pub fn leader(&self) -> Option<ControllerId> {
        match &self.role {
            Role::Unattached | Role::Candidate { .. } => None,
            Role::Prospective { leader, .. } => *leader,
            Role::Follower { leader, .. } => Some(*leader),
            Role::Leader(_) | Role::Resigned { .. } => Some(self.config.id),
        }
    }

    /// The offset of the next entry.
    #[must_use]
    pub fn log_end(&self) -> u64 {
        self.base.offset + self.log.len() as u64
    }

    /// So many entries are committed, as far as it knows.
    #[must_use]
    pub const fn high_watermark(&self) -> u64 {
        self.high_watermark
    }

    /// Appends as the leader.
    ///
    /// # Panics
    /// If it does not lead.
    pub fn append(&mut self, record: P, port: &mut dyn Port<P>) {
        assert!(self.leads(), "only a leader appends");
        self.append_entry(Payload::Record(record), port);
    }

    fn append_entry(&mut self, payload: Payload<P>, port: &mut dyn Port<P>) {
        let entry = Entry { epoch: self.epoch, payload };
        self.log.push(entry.clone());
        port.write(QuorumWrite::Append(entry));
        self.is_unsafe = true;
    }

    /// Stops in good order: who leads has the others elect at once (Kafka: `GracefulShutdown`).
    pub fn stop(&mut self, port: &mut dyn Port<P>) {
        self.stops = true;
        if self.leads() && !self.is_alone() {
            self.resign(port);
        }
    }

    /// All writes up to the one with this ticket are safe.
    pub fn flushed(&mut self, ticket: Ticket, port: &mut dyn Port<P>) {
        while let Some(flush) = self.flushing.pop_front_if(|flush| flush.ticket <= ticket) {
            if let Role::Leader(leader) = &mut self.role {
                leader.acked.insert(self.config.id, flush.end);
            }
            for one in flush.outgoing {
                release(one, port);
            }
        }
        self.count();
        self.answer_parked(port);
    }

    /// Sends what the step has to say, or asks for the flush that it waits for.
    pub fn end_step(&mut self, port: &mut dyn Port<P>) {
        if !self.is_unsafe && self.flushing.is_empty() {
            self.poll(port);
        }
        let outgoing = std::mem::take(&mut self.outgoing);
        if std::mem::take(&mut self.is_unsafe) {
            let ticket = port.flush();
            self.flushing.push_back(Flush { ticket, end: self.log_end(), outgoing });
        } else if let Some(last) = self.flushing.back_mut() {
            last.outgoing.extend(outgoing);
        } else {
            for one in outgoing {
                release(one, port);
            }
        }
    }

    /// Whether it was asked to stop and has told everybody.
    #[must_use]
    pub fn life(&self) -> Life {
        let tells = matches!(&self.role, Role::Resigned { unacked } if !unacked.is_empty());
        if self.stops && !tells { Life::MayStop } else { Life::Goes }
    }

    /// A timer fired.
    pub fn fire(&mut self, timer: Timer, port: &mut dyn Port<P>) {
        match timer {
            Timer::Patience => self.lose_patience(port),
            Timer::Resend(voter) => {
                if self.asked.remove(&voter).is_some() {
                    port.hang_up(voter);
                }
                self.resting.remove(&voter);
            }
            Timer::Refetch => {
                if let Some((leader, _)) = self.fetching.take() {
                    port.hang_up_fetch(leader);
                }
                self.fetch_rests = false;
            }
            Timer::Quorum => self.quorum_is_lost(port),
            Timer::Begin => self.present(port),
            Timer::Parked(member) => self.parked_too_long(member),
        }
    }

    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    fn others(&self) -> impl Iterator<Item = ControllerId> + use<P> {
        let (voters, own) = (Arc::clone(&self.config.voters), self.config.id);
        (0..voters.len()).map(move |at| voters[at]).filter(move |one| *one != own)
    }

    /// More than half of the voters.
    fn majority(&self) -> usize {
        let all = self.config.voters.len();
        if self.config.variants.has(Variant::QuorumByMinority) { all / 2 } else { all / 2 + 1 }
    }

    fn say<T>(&self, result: Result<T, ErrorCode>) -> Answer<T> {
        Answer { leader: self.leader(), epoch: self.epoch, result }
    }

    /// Whether a new high watermark is told to those who wait for records (R17.20).
    fn tells_high_watermark(&self) -> bool {
        self.config.profile.has(Rule::FetchTellsHighWatermark)
    }

    /// Asserts what holds between any two steps.
    ///
    /// # Panics
    /// If something does not.
    pub fn check(&self) {
        assert!(self.high_watermark <= self.log_end(), "R5.26: more is committed than there is");
        assert!(self.high_watermark >= self.base.offset, "a snapshot is of what is committed");
        let kept = self.snapshot.as_ref().map_or(LogEnd::START, |snapshot| snapshot.end);
        assert!(kept >= self.base, "what is deleted is in a snapshot");
        let epochs = self.log.iter().map(|entry| entry.epoch);
        assert!(epochs.is_sorted(), "epochs of a log never fall");
        assert!(self.log.last().is_none_or(|last| last.epoch <= self.epoch), "{:?}", self.epoch);
        assert!(
            self.flushing.iter().all(|flush| flush.end <= self.log_end()),
            "a flush of nothing"
        );
        if let Role::Leader(leader) = &self.role {
            assert!(leader.acked.values().all(|end| *end <= self.log_end()), "{leader:?}");
        }
    }
}

fn release<P>(one: Outgoing<P>, port: &mut dyn Port<P>) {
    match one {
        Outgoing::Ask(to, number, request) => port.ask(to, number, request),
        Outgoing::Fetch(from, number, request) => port.fetch(from, number, request),
        Outgoing::Answer(to, answer) => port.answer(to, answer),
        Outgoing::AnswerFetch(to, answer) => port.answer_fetch(to, answer),
    }
}
