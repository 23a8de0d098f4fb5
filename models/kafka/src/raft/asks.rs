//! Whom a voter asks for what, one request at a time, and what happens when nobody answers.
//!
//! Kafka: `RequestManager`, `KafkaRaftClient#maybeSendRequest`.

use super::{Content, Outgoing, Port, Replica, Role, Timer};
use crate::message::quorum::QuorumRequest;
use ackproof_types::ControllerId;

impl<P: Content> Replica<P> {
    /// A connection for requests to this voter ended.
    pub fn disconnected(&mut self, voter: ControllerId, port: &mut dyn Port<P>) {
        if self.asked.remove(&voter).is_some() {
            self.resting.insert(voter);
            port.arm(Timer::Resend(voter), self.config.settings.retry_backoff.into());
        }
    }

    /// The connection for fetches from this voter ended.
    pub fn fetch_disconnected(&mut self, voter: ControllerId, port: &mut dyn Port<P>) {
        if self.fetching.take_if(|(from, _)| *from == voter).is_some() {
            self.rest_from_fetching(port);
        }
    }

    pub(super) fn rest_from_fetching(&mut self, port: &mut dyn Port<P>) {
        self.fetch_rests = true;
        port.arm(Timer::Refetch, self.config.settings.retry_backoff.into());
    }

    /// Asks whoever must be asked and is not; fetches if there is a leader to fetch from.
    pub(super) fn poll(&mut self, port: &mut dyn Port<P>) {
        if let Role::Follower { leader, .. } = self.role {
            return self.fetch_from(leader, port);
        }
        for voter in self.others() {
            if self.asked.contains_key(&voter) || self.resting.contains(&voter) {
                continue;
            }
            let Some(request) = self.request_for(voter) else { continue };
            let number = self.number();
            self.asked.insert(voter, number);
            port.arm(Timer::Resend(voter), self.config.settings.request_timeout.into());
            self.outgoing.push(Outgoing::Ask(voter, number, request));
        }
    }

    fn request_for(&mut self, voter: ControllerId) -> Option<QuorumRequest> {
        let (own, epoch) = (self.config.id, self.epoch);
        match &mut self.role {
            Role::Prospective { votes, .. } | Role::Candidate { votes, backing_off: false }
                if !votes.granted.contains(&voter) && !votes.refused.contains(&voter) =>
            {
                Some(QuorumRequest::Vote(self.vote_request()))
            }
            Role::Leader(leader) if leader.to_present.contains(&voter) => {
                leader.to_present.remove(&voter);
                Some(QuorumRequest::BeginEpoch { leader: own, epoch })
            }
            Role::Resigned { unacked } if unacked.contains(&voter) => {
                let successors = unacked.iter().copied().collect();
                Some(QuorumRequest::EndEpoch { leader: own, epoch, successors })
            }
            Role::Unattached
            | Role::Prospective { .. }
            | Role::Candidate { .. }
            | Role::Follower { .. }
            | Role::Leader(_)
            | Role::Resigned { .. } => None,
        }
    }
}
