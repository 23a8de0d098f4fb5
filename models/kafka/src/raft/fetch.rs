//! Replication: a follower fetches, the leader answers or parks, and where logs part the follower cuts its own.
//!
//! Kafka: `KafkaRaftClient#handleFetchOfLog`, `#handleFetchResponse` (R5.26, KIP-595).

use super::disk::QuorumWrite;
use super::{Asker, Content, Outgoing, Port, Replica, Role, Timer};
use crate::message::quorum::{Answer, FetchOfLog, Fetched, LogEnd, Member};
use ackproof_types::{ControllerId, ErrorCode, Micros};

/// How long a fetch parks (Kafka: `MAX_FETCH_WAIT_MS`).
const FETCH_MAX_WAIT: Micros = Micros::from_millis(500);

impl<P: Content> Replica<P> {
    /// Fetches, unless a fetch is under way or rests.
    pub(super) fn fetch_from(&mut self, leader: ControllerId, port: &mut dyn Port<P>) {
        if self.fetching.is_some() || self.fetch_rests {
            return;
        }
        let request = FetchOfLog {
            member: Member::Voter(self.config.id),
            epoch: self.epoch,
            end: self.end(),
            high_watermark: self.high_watermark,
            snapshot: self.wanted,
        };
        let number = self.number();
        self.fetching = Some((leader, number));
        port.arm(Timer::Refetch, self.config.settings.request_timeout.into());
        self.outgoing.push(Outgoing::Fetch(leader, number, request));
    }

    /// A fetch of another voter or of an observer. One that is still parked from a connection before can have no
    /// reader any more.
    pub fn fetch_request(&mut self, from: Asker, request: FetchOfLog, port: &mut dyn Port<P>) {
        let is_zombie = self.is_zombie();
        let error = if request.epoch < self.epoch && !self.is_alone() && !is_zombie {
            Some(ErrorCode::FencedLeaderEpoch)
        } else if request.epoch > self.epoch && !is_zombie {
            Some(ErrorCode::UnknownLeaderEpoch)
        } else {
            (!self.leads()).then_some(ErrorCode::NotLeaderOrFollower)
        };
        if let Some(error) = error {
            self.outgoing.push(Outgoing::AnswerFetch(from, self.say(Err(error))));
            return;
        }
        if let Some(id) = request.snapshot {
            let found = self.snapshot.as_ref().filter(|snapshot| snapshot.end == id).cloned();
            let found = found.map(Fetched::Snapshot).ok_or(ErrorCode::SnapshotNotFound);
            self.outgoing.push(Outgoing::AnswerFetch(from, self.say(found)));
            return;
        }
        if let Some(id) = self.snapshot_for(request.end) {
            self.outgoing.push(Outgoing::AnswerFetch(from, self.say(Ok(Fetched::SnapshotId(id)))));
            return;
        }
        if let Some(diverging) = self.parts_from(request.end) {
            let answer = self.say(Ok(Fetched::Diverging(diverging)));
            self.outgoing.push(Outgoing::AnswerFetch(from, answer));
            return;
        }
        if let Member::Voter(voter) = request.member {
            self.acknowledge(voter, request.end.offset, port);
            self.answer_parked(port);
        }
        if self.has_news_for(&request) {
            self.answer_fetch(from, &request);
        } else if let Role::Leader(leader) = &mut self.role {
            leader.parked.insert(request.member, (from, request));
            port.arm(Timer::Parked(request.member), FETCH_MAX_WAIT.into());
        }
    }

    /// Where this log parts from one that ends there; none: that one is a beginning of this one.
    fn parts_from(&self, end: LogEnd) -> Option<LogEnd> {
        if end.offset == 0 {
            return None;
        }
        let known = self.end_of(end.epoch);
        (known.epoch != end.epoch || known.offset < end.offset).then_some(known)
    }

    fn has_news_for(&self, request: &FetchOfLog) -> bool {
        request.end.offset < self.log_end()
            || (self.tells_high_watermark() && self.high_watermark > request.high_watermark)
    }

    fn answer_fetch(&mut self, to: Asker, request: &FetchOfLog) {
        let entries = self.entries(request.end.offset..self.log_end()).to_vec();
        let high_watermark = self.high_watermark;
        let answer = self.say(Ok(Fetched::Entries { entries, high_watermark }));
        self.outgoing.push(Outgoing::AnswerFetch(to, answer));
    }

    pub(super) fn parked_too_long(&mut self, member: Member) {
        let Role::Leader(leader) = &mut self.role else { return };
        if let Some((asker, request)) = leader.parked.remove(&member) {
            self.answer_fetch(asker, &request);
        }
    }

    /// Answers those for whom there is something.
    pub(super) fn answer_parked(&mut self, port: &mut dyn Port<P>) {
        let Role::Leader(leader) = &mut self.role else { return };
        for (member, (asker, request)) in std::mem::take(&mut leader.parked) {
            if self.has_news_for(&request) {
                port.disarm(Timer::Parked(member));
                self.answer_fetch(asker, &request);
            } else if let Role::Leader(leader) = &mut self.role {
                leader.parked.insert(member, (asker, request));
            }
        }
    }

    /// Who waits looks for another leader.
    pub(super) fn dismiss_parked(&mut self, port: &mut dyn Port<P>) {
        let Role::Leader(leader) = &mut self.role else { return };
        for (member, (asker, _)) in std::mem::take(&mut leader.parked) {
            port.disarm(Timer::Parked(member));
            let answer = Answer {
                leader: None,
                epoch: self.epoch,
                result: Err(ErrorCode::NotLeaderOrFollower),
            };
            self.outgoing.push(Outgoing::AnswerFetch(asker, answer));
        }
    }

    /// The answer to a fetch.
    pub fn fetched(
        &mut self,
        voter: ControllerId,
        number: u64,
        answer: Answer<Fetched<P>>,
        port: &mut dyn Port<P>,
    ) {
        if self.fetching != Some((voter, number)) {
            return;
        }
        self.fetching = None;
        port.disarm(Timer::Refetch);
        if self.learn(answer.epoch, answer.leader, port) || answer.epoch < self.epoch {
            return;
        }
        let is_taken = answer.result.is_ok_and(|fetched| self.take(fetched, port));
        let Role::Follower { attached, .. } = &mut self.role else { return };
        if is_taken {
            *attached = true;
            port.arm(Timer::Patience, self.config.settings.fetch_timeout.into());
        } else {
            // The leader may have another snapshot by now, or be another one.
            self.wanted = None;
            self.rest_from_fetching(port);
        }
    }

    /// Whether it makes sense. What is committed is never cut: to Kafka that is a fatal error.
    fn take(&mut self, fetched: Fetched<P>, port: &mut dyn Port<P>) -> bool {
        match fetched {
            Fetched::Diverging(theirs) => {
                let end = theirs.offset.min(self.end_of(theirs.epoch).offset);
                if end < self.high_watermark {
                    return false;
                }
                self.truncate(end, port);
            }
            Fetched::SnapshotId(id) => {
                if id.offset < self.high_watermark {
                    return false;
                }
                self.wanted = Some(id);
            }
            Fetched::Snapshot(snapshot) => return self.load(snapshot, port),
            Fetched::Entries { entries, high_watermark } => {
                self.is_unsafe |= !entries.is_empty();
                for entry in entries {
                    self.log.push(entry.clone());
                    port.write(QuorumWrite::Append(entry));
                }
                let known = high_watermark.min(self.log_end());
                self.high_watermark = self.high_watermark.max(known);
            }
        }
        true
    }

    fn truncate(&mut self, end: u64, port: &mut dyn Port<P>) {
        let stay = end.saturating_sub(self.base.offset);
        self.log.truncate(usize::try_from(stay).unwrap_or(usize::MAX));
        for flush in &mut self.flushing {
            flush.end = flush.end.min(end);
        }
        port.write(QuorumWrite::Truncate(end));
        self.is_unsafe = true;
    }
}
