//! Votes between controllers, as they pass on the wire. An answer does not say what it grants: the request does.

use ackproof_kafka::message::quorum::{Answer, Poll, QuorumReply, QuorumRequest};
use ackproof_kafka::message::{ControllerRequest, ControllerResponse, Message, Request, Response};
use ackproof_types::NodeId;
use std::collections::BTreeSet;

/// A vote that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Vote {
    pub(super) candidate: NodeId,
    pub(super) voter: NodeId,
}

/// Who has asked whom for a vote that counts.
#[derive(Debug, Default)]
pub(super) struct Votes {
    asked: BTreeSet<(NodeId, NodeId)>,
}

impl Votes {
    /// The vote that `message` grants, if it does; a pre-vote is none (KIP-996).
    pub(super) fn granted(
        &mut self,
        message: &Message,
        (from, to): (NodeId, NodeId),
    ) -> Option<Vote> {
        match message {
            Message::Request(_, Request::Controller(ControllerRequest::Quorum(asks))) => {
                if let QuorumRequest::Vote(vote) = asks {
                    match vote.poll {
                        Poll::Real => self.asked.insert((from, to)),
                        Poll::Pre => self.asked.remove(&(from, to)),
                    };
                }
                None
            }
            Message::Response(_, Response::Controller(ControllerResponse::Quorum(answer))) => {
                let counts = self.asked.remove(&(to, from));
                let Answer { result: Ok(QuorumReply::Granted), .. } = answer else { return None };
                counts.then_some(Vote { candidate: to, voter: from })
            }
            _ => None,
        }
    }
}
