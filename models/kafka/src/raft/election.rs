//! Who leads: votes, pre-votes, and how long a voter waits for what (R5.29, R17.19).
//!
//! Kafka: `QuorumState`, `KafkaRaftClient#handleVoteRequest`, `#pollCurrentState`; KIP-595, KIP-996.

use super::disk::{Ballot, QuorumWrite};
use super::{Asker, Content, Outgoing, Port, Replica, Role, Timer, Votes};
use crate::message::quorum::{Answer, LogEnd, Poll, QuorumReply, QuorumRequest, VoteRequest};
use crate::variant::Variant;
use ackproof_types::{ControllerEpoch, ControllerId, Delay, ErrorCode, Micros};

/// The first pause between two elections (Kafka: `RETRY_BACKOFF_BASE_MS`).
const BACKOFF_FIRST: Micros = Micros::from_millis(100);
/// How long a leader that stops waits for the others (Kafka: `KafkaRaftServer`).
const STOP_PATIENCE: Micros = Micros::from_millis(5000);

impl<P: Content> Replica<P> {
    /// Where the log ends.
    pub(super) fn end(&self) -> LogEnd {
        let epoch = self.log.last().map_or(self.base.epoch, |last| last.epoch);
        LogEnd { epoch, offset: self.log_end() }
    }

    /// Puts on the disk what must not be forgotten. What the step says waits for its flush.
    fn keep_ballot(&mut self, port: &mut dyn Port<P>) {
        let leader = self.leader();
        port.write(QuorumWrite::Ballot(Ballot { epoch: self.epoch, voted: self.voted, leader }));
        self.is_unsafe |= !self.config.variants.has(Variant::VoteNotSynced);
    }

    /// From one role to the next: nothing of the one before is waited for.
    fn change(&mut self, role: Role, patience: impl Into<Delay>, port: &mut dyn Port<P>) {
        self.dismiss_parked(port);
        if matches!(self.role, Role::Leader(_)) {
            port.disarm(Timer::Quorum);
            port.disarm(Timer::Begin);
        }
        self.forget_asked(port);
        (self.fetching, self.fetch_rests) = (None, false);
        port.disarm(Timer::Refetch);
        self.role = role;
        port.arm(Timer::Patience, patience.into());
    }

    /// Kafka: `resetConnections`.
    pub(super) fn forget_asked(&mut self, port: &mut dyn Port<P>) {
        let asked = std::mem::take(&mut self.asked).into_keys();
        for voter in asked.chain(std::mem::take(&mut self.resting)) {
            port.disarm(Timer::Resend(voter));
        }
    }

    fn election_timeout(&self) -> Delay {
        let least = self.config.settings.election_timeout;
        Delay { min: least, max: Micros(least.0 * 2) }
    }

    /// No leader is known in this epoch.
    pub(super) fn wait_for_election(&mut self, port: &mut dyn Port<P>) {
        self.change(Role::Unattached, self.election_timeout(), port);
    }

    fn enter(&mut self, epoch: ControllerEpoch, port: &mut dyn Port<P>) {
        (self.epoch, self.voted) = (epoch, None);
        self.wait_for_election(port);
        self.keep_ballot(port);
    }

    pub(super) fn follow(
        &mut self,
        epoch: ControllerEpoch,
        leader: ControllerId,
        port: &mut dyn Port<P>,
    ) {
        if epoch > self.epoch {
            (self.epoch, self.voted) = (epoch, None);
        }
        self.retries = 0;
        let role = Role::Follower { leader, attached: false };
        self.change(role, self.config.settings.fetch_timeout, port);
        self.keep_ballot(port);
    }

    /// What somebody says of the leader (Kafka: `maybeTransition`). Whether it was news.
    pub(super) fn learn(
        &mut self,
        epoch: ControllerEpoch,
        leader: Option<ControllerId>,
        port: &mut dyn Port<P>,
    ) -> bool {
        if self.is_zombie() || epoch < self.epoch {
            return false;
        }
        match leader.filter(|leader| self.is_another(*leader)) {
            Some(leader) if epoch > self.epoch || self.leader().is_none() => {
                self.follow(epoch, leader, port);
            }
            None if epoch > self.epoch => self.enter(epoch, port),
            Some(_) | None => return false,
        }
        true
    }

    /// A leader that does not know that others may replace it.
    pub(super) fn is_zombie(&self) -> bool {
        self.config.variants.has(Variant::ZombieController) && self.is_established()
    }

    /// Its patience is over.
    pub(super) fn lose_patience(&mut self, port: &mut dyn Port<P>) {
        match self.role {
            Role::Follower { leader, .. } => self.ask_around(Some(leader), port),
            Role::Unattached => self.ask_around(None, port),
            Role::Prospective { .. } => self.give_up_asking(port),
            Role::Candidate { backing_off: true, .. } => self.ask_around(None, port),
            Role::Candidate { backing_off: false, .. } => self.back_off(port),
            Role::Resigned { ref mut unacked } if self.stops => unacked.clear(),
            Role::Resigned { .. } => self.enter(self.epoch.next(), port),
            Role::Leader(_) => {}
        }
    }

    /// Asks whether it would be elected: its epoch stays, and nothing is written (KIP-996).
    fn ask_around(&mut self, leader: Option<ControllerId>, port: &mut dyn Port<P>) {
        let mut votes = Votes::default();
        votes.granted.insert(self.config.id);
        self.change(Role::Prospective { leader, votes }, self.election_timeout(), port);
    }

    fn give_up_asking(&mut self, port: &mut dyn Port<P>) {
        match self.leader() {
            Some(leader) => {
                let role = Role::Follower { leader, attached: false };
                self.change(role, self.config.settings.fetch_timeout, port);
            }
            None => self.wait_for_election(port),
        }
    }

    /// Begins an epoch, to lead it.
    pub(super) fn campaign(&mut self, port: &mut dyn Port<P>) {
        (self.epoch, self.voted) = (self.epoch.next(), Some(self.config.id));
        self.retries += 1;
        let mut votes = Votes::default();
        votes.granted.insert(self.config.id);
        let role = Role::Candidate { votes, backing_off: false };
        self.change(role, self.election_timeout(), port);
        self.keep_ballot(port);
    }

    /// Nobody else has a vote.
    pub(super) fn lead_alone(&mut self, port: &mut dyn Port<P>) {
        (self.epoch, self.voted) = (self.epoch.next(), Some(self.config.id));
        self.lead(port);
        self.keep_ballot(port);
    }

    /// Kafka: `binaryExponentialElectionBackoffMs`.
    fn back_off(&mut self, port: &mut dyn Port<P>) {
        let Role::Candidate { backing_off, .. } = &mut self.role else { return };
        *backing_off = true;
        let most = BACKOFF_FIRST.0 << self.retries.clamp(1, 10);
        let max = Micros(most).min(self.config.settings.election_backoff_max);
        port.arm(Timer::Patience, Delay { min: Micros::ZERO, max });
    }

    /// Leads no more, and says so (KIP-595: `EndQuorumEpoch`).
    pub(super) fn resign(&mut self, port: &mut dyn Port<P>) {
        let patience = if self.stops { STOP_PATIENCE.into() } else { self.election_timeout() };
        self.change(Role::Resigned { unacked: self.others().collect() }, patience, port);
    }

    pub(super) fn vote_request(&self) -> VoteRequest {
        let poll =
            if matches!(self.role, Role::Prospective { .. }) { Poll::Pre } else { Poll::Real };
        VoteRequest { candidate: self.config.id, epoch: self.epoch, end: self.end(), poll }
    }

    /// A request of another voter.
    pub fn request(&mut self, from: Asker, request: &QuorumRequest, port: &mut dyn Port<P>) {
        let result = match request {
            QuorumRequest::Vote(vote) => self.vote(vote, port),
            QuorumRequest::BeginEpoch { leader, epoch } => self.hear(*leader, *epoch, port),
            QuorumRequest::EndEpoch { leader, epoch, successors } => {
                let heard = self.hear(*leader, *epoch, port);
                if matches!(self.role, Role::Follower { leader: known, .. } if known == *leader) {
                    port.arm(Timer::Patience, self.turn(successors).into());
                }
                heard
            }
        };
        self.outgoing.push(Outgoing::Answer(from, self.say(result)));
    }

    fn hear(
        &mut self,
        leader: ControllerId,
        epoch: ControllerEpoch,
        port: &mut dyn Port<P>,
    ) -> Result<QuorumReply, ErrorCode> {
        if epoch < self.epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if !self.is_another(leader) {
            return Err(ErrorCode::InvalidRequest);
        }
        self.learn(epoch, Some(leader), port);
        Ok(QuorumReply::Heard)
    }

    fn is_another(&self, voter: ControllerId) -> bool {
        voter != self.config.id && self.config.voters.contains(&voter)
    }

    /// How long it leaves the election to those before it (Kafka: `strictExponentialElectionBackoffMs`).
    fn turn(&self, successors: &[ControllerId]) -> Micros {
        let most = self.config.settings.election_backoff_max;
        let place = successors.iter().position(|one| *one == self.config.id);
        match place {
            Some(0) => Micros::ZERO,
            Some(place) => {
                let first = most.0 >> (successors.len() - 1);
                Micros(first << (place - 1)).min(most)
            }
            None => most,
        }
    }

    fn vote(
        &mut self,
        vote: &VoteRequest,
        port: &mut dyn Port<P>,
    ) -> Result<QuorumReply, ErrorCode> {
        if vote.epoch < self.epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if !self.is_another(vote.candidate) {
            return Err(ErrorCode::InvalidRequest);
        }
        if vote.epoch > self.epoch && !self.is_zombie() {
            self.enter(vote.epoch, port);
        }
        if !self.grants(vote) {
            return Ok(QuorumReply::Refused);
        }
        if vote.poll == Poll::Real && self.voted.is_none() {
            self.voted = Some(vote.candidate);
            self.keep_ballot(port);
        }
        Ok(QuorumReply::Granted)
    }

    /// Kafka: `EpochState#canGrantVote`.
    fn grants(&self, vote: &VoteRequest) -> bool {
        let is_complete =
            vote.end >= self.end() || self.config.variants.has(Variant::VoteForShorterLog);
        match (&self.role, vote.poll) {
            (Role::Leader(_), _) | (Role::Follower { .. }, Poll::Real) => false,
            // R17.19: who hears of the leader keeps it.
            (Role::Follower { attached, .. }, Poll::Pre) => !attached && is_complete,
            (_, Poll::Pre) => is_complete,
            (Role::Candidate { .. } | Role::Resigned { .. }, Poll::Real) => false,
            (Role::Unattached | Role::Prospective { .. }, Poll::Real) => match self.voted {
                Some(voted) => voted == vote.candidate,
                None => is_complete,
            },
        }
    }

    /// An answer of another voter.
    pub fn answered(
        &mut self,
        voter: ControllerId,
        number: u64,
        answer: &Answer<QuorumReply>,
        port: &mut dyn Port<P>,
    ) {
        if self.asked.get(&voter) != Some(&number) {
            return;
        }
        self.asked.remove(&voter);
        port.disarm(Timer::Resend(voter));
        if self.learn(answer.epoch, answer.leader, port) || answer.epoch < self.epoch {
            return;
        }
        match answer.result {
            Ok(QuorumReply::Granted) => self.count_vote(voter, true, port),
            Ok(QuorumReply::Refused) => self.count_vote(voter, false, port),
            Ok(QuorumReply::Heard) => {
                if let Role::Resigned { unacked } = &mut self.role {
                    unacked.remove(&voter);
                }
            }
            Err(_) => {
                self.resting.insert(voter);
                port.arm(Timer::Resend(voter), self.config.settings.retry_backoff.into());
            }
        }
    }

    fn count_vote(&mut self, voter: ControllerId, granted: bool, port: &mut dyn Port<P>) {
        let (majority, all) = (self.majority(), self.config.voters.len());
        let (Role::Prospective { votes, .. } | Role::Candidate { votes, .. }) = &mut self.role
        else {
            return;
        };
        let counted = if granted { &mut votes.granted } else { &mut votes.refused };
        counted.insert(voter);
        let (is_won, is_lost) =
            (votes.granted.len() >= majority, votes.refused.len() > all - majority);
        match &self.role {
            Role::Prospective { .. } if is_won => self.campaign(port),
            Role::Prospective { .. } if is_lost => self.give_up_asking(port),
            Role::Candidate { .. } if is_won => {
                self.lead(port);
                self.keep_ballot(port);
            }
            Role::Candidate { backing_off: false, .. } if is_lost => self.back_off(port),
            Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Unattached
            | Role::Follower { .. }
            | Role::Leader(_)
            | Role::Resigned { .. } => {}
        }
    }
}
