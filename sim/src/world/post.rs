//! Who sent what to whom, for whoever draws it: requests with what became of their answers. It watches what the
//! network carries and changes nothing; no run needs it.

use super::events::Toward;
use ackproof_kafka::machine::ConnectionId;
use ackproof_kafka::message::{
    ControllerRequest, ControllerResponse, CorrelationId, GroupResponse, JoinGroupResponse,
    Message, Request, Response,
};
use ackproof_types::{Acks, ErrorCode, GroupId, NodeId, TopicPartition};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// What a request is about, as far as it is about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A partition, the first of them.
    Partition(TopicPartition),
    /// A group.
    Group(GroupId),
    /// Nothing in particular.
    Nothing,
}

/// A request and its answer. Times are microseconds of the run; none: it did not come to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Kafka's name of the request.
    pub api: &'static str,
    /// Who asks.
    pub client: NodeId,
    /// Who is asked.
    pub server: NodeId,
    /// What about.
    pub about: About,
    /// When it was sent.
    pub sent: u64,
    /// When a process read it.
    pub arrived: Option<u64>,
    /// When its answer was sent.
    pub answered: Option<u64>,
    /// When its answer was read.
    pub received: Option<u64>,
    /// There is to be an answer.
    pub is_asked: bool,
    /// What the answer says went wrong, of its first part that did.
    pub error: Option<ErrorCode>,
}

/// Where letters are gathered.
pub type Letters = Arc<Mutex<Vec<Letter>>>;

/// What is on its way.
#[derive(Debug)]
pub(crate) struct Post {
    letters: Letters,
    /// On each way of a connection, in order.
    under_way: BTreeMap<(ConnectionId, Toward), VecDeque<usize>>,
    unanswered: BTreeMap<(ConnectionId, CorrelationId), usize>,
}

impl Post {
    pub(crate) fn new(letters: Letters) -> Self {
        Self { letters, under_way: BTreeMap::new(), unanswered: BTreeMap::new() }
    }

    /// `ends`: who opened the connection, and who accepted it.
    pub(crate) fn sent(
        &mut self,
        at: u64,
        (id, toward): (ConnectionId, Toward),
        (client, server): (NodeId, NodeId),
        message: &Message,
    ) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match message {
            Message::Request(number, request) => {
                self.unanswered.insert((id, *number), letters.len());
                letters.push(Letter {
                    api: request.name(),
                    client,
                    server,
                    about: about(request),
                    sent: at,
                    arrived: None,
                    answered: None,
                    received: None,
                    is_asked: !is_unasked(request),
                    error: None,
                });
                Some(letters.len() - 1)
            }
            Message::Response(number, response) => {
                let place = self.unanswered.remove(&(id, *number));
                if let Some(letter) = place.and_then(|place| letters.get_mut(place)) {
                    letter.answered = Some(at);
                    letter.error = error(response);
                }
                place
            }
            Message::Throttled(_, answer) => {
                drop(letters);
                return self.sent(at, (id, toward), (client, server), answer);
            }
            Message::NoResponse(_) => return,
        };
        // What is not known here still has its place in the order.
        let way = self.under_way.entry((id, toward)).or_default();
        way.push_back(place.unwrap_or(usize::MAX));
    }

    /// The next message of a way is there; `is_read`: somebody takes it.
    pub(crate) fn arrived(&mut self, at: u64, (id, toward): (ConnectionId, Toward), is_read: bool) {
        let way = self.under_way.get_mut(&(id, toward));
        let Some(place) = way.and_then(VecDeque::pop_front) else { return };
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(letter) = letters.get_mut(place).filter(|_| is_read) {
            match toward {
                Toward::Acceptor => letter.arrived = Some(at),
                Toward::Opener => letter.received = Some(at),
            }
        }
    }

    /// What was to go over a connection that is not made yet never goes.
    pub(crate) fn withdrawn(&mut self, id: ConnectionId) {
        self.under_way.remove(&(id, Toward::Acceptor));
    }
}

/// A request that wants no answer.
fn is_unasked(request: &Request) -> bool {
    matches!(request, Request::Produce(produce) if produce.acks == Acks::None)
}

fn about(request: &Request) -> About {
    let first =
        |partition: Option<TopicPartition>| partition.map_or(About::Nothing, About::Partition);
    match request {
        Request::Produce(produce) => {
            first(produce.batches.first().map(|(partition, _)| *partition))
        }
        Request::Fetch(fetch) => first(fetch.partitions.first().map(|one| one.partition)),
        Request::ListOffsets(all) => first(all.first().map(|one| one.partition)),
        Request::OffsetsForLeaderEpoch(all) => first(all.first().map(|one| one.partition)),
        Request::FindCoordinator(group) => About::Group(*group),
        Request::Group(request) => About::Group(request.group()),
        Request::Controller(ControllerRequest::AlterPartition(request)) => {
            first(request.partitions.first().map(|one| one.partition))
        }
        Request::ApiVersions
        | Request::Metadata(_)
        | Request::DescribeTopicPartitions(_)
        | Request::InitProducerId
        | Request::Controller(_) => About::Nothing,
    }
}

fn failed<T, U>(results: &[(T, Result<U, ErrorCode>)]) -> Option<ErrorCode> {
    results.iter().find_map(|(_, result)| result.as_ref().err().copied())
}

fn error(response: &Response) -> Option<ErrorCode> {
    match response {
        Response::Produce(results, _) => failed(results),
        Response::Fetch(parts) => parts.iter().find_map(|part| part.result.as_ref().err().copied()),
        Response::FetchSessionRefused(error) => Some(*error),
        Response::ListOffsets(results) => failed(results),
        Response::OffsetsForLeaderEpoch(results) => failed(results),
        Response::FindCoordinator(result) => result.as_ref().err().copied(),
        Response::InitProducerId(result) => result.as_ref().err().copied(),
        Response::Group(response) => of_group(response),
        Response::Controller(response) => match response {
            ControllerResponse::BrokerRegistration(result) => result.as_ref().err().copied(),
            ControllerResponse::BrokerHeartbeat(result) => result.as_ref().err().copied(),
            ControllerResponse::AlterPartition(Ok(results)) => failed(results),
            ControllerResponse::AlterPartition(Err(error)) => Some(*error),
            ControllerResponse::AllocateProducerIds(result) => result.as_ref().err().copied(),
            ControllerResponse::MetadataFetch(answer) => answer.result.as_ref().err().copied(),
            ControllerResponse::Quorum(answer) => answer.result.err(),
        },
        Response::ApiVersions | Response::Metadata(_) | Response::DescribeTopicPartitions(..) => {
            None
        }
    }
}

fn of_group(response: &GroupResponse) -> Option<ErrorCode> {
    match response {
        GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)) => Some(*error),
        GroupResponse::JoinGroup(_) => None,
        GroupResponse::SyncGroup(result) => result.as_ref().err().copied(),
        GroupResponse::Heartbeat(result)
        | GroupResponse::LeaveGroup(result)
        | GroupResponse::OffsetCommit(result) => result.as_ref().err().copied(),
        GroupResponse::OffsetFetch(result) => result.as_ref().err().copied(),
        GroupResponse::ConsumerGroupHeartbeat(result) => result.as_ref().err().copied(),
    }
}
