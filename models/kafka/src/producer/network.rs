//! Connections to brokers and the requests in flight on them.
//!
//! A connection carries up to `max.in.flight.requests.per.connection` requests of all kinds, answered in
//! order, once its broker has answered ApiVersions. A request without an answer within
//! `request.timeout.ms` ends its connection and fails all of them. Knows nothing of what batches hold.
//! Kafka: `NetworkClient`, `ClusterConnectionStates`, `InFlightRequests` (R6.2, R6.9).

use super::batch::Batch;
use super::partitioner::mix;
use super::{Out, Timer};
use crate::client::backoff::backoff;
use crate::config::ProducerConfig;
use crate::machine::{Channel, Route, To};
use crate::message::{CorrelationId, Message, Request};
use ackproof_types::{BrokerId, Micros};
use std::collections::VecDeque;

/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
const RECONNECT: (Micros, Micros) = (Micros::from_millis(50), Micros::from_millis(1000));

/// What a request in flight asks for.
#[derive(Debug)]
pub(super) enum Sent {
    /// Whether the connection stands.
    ApiVersions,
    /// Leaders.
    Metadata,
    /// A producer id.
    ProducerId,
    /// To append batches.
    Produce(Vec<Batch>),
}

#[derive(Debug)]
struct InFlight {
    correlation: CorrelationId,
    sent: Sent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// May be opened.
    #[default]
    Closed,
    /// Failed; `reconnect.backoff.ms` runs.
    BackingOff,
    /// Waits for ApiVersions.
    Connecting,
    /// Stands.
    Ready,
}

#[derive(Debug, Default)]
struct Connection {
    state: State,
    /// Failures since it last stood.
    failures: u32,
    /// When it was last tried, in the order of all tries.
    tried: u64,
    in_flight: VecDeque<InFlight>,
}

/// All connections.
#[derive(Debug)]
pub(super) struct Network {
    /// By broker id − 1.
    connections: Vec<Connection>,
    max_in_flight: usize,
    request_timeout: Micros,
    next_correlation: u64,
    tries: u64,
    salt: u64,
    draws: u64,
}

impl Network {
    pub(super) fn new(config: &ProducerConfig) -> Self {
        Self {
            connections: (0..config.brokers).map(|_| Connection::default()).collect(),
            max_in_flight: config.max_in_flight,
            request_timeout: config.request_timeout,
            next_correlation: 0,
            tries: 0,
            salt: config.salt,
            draws: 0,
        }
    }

    fn of(&mut self, broker: BrokerId) -> &mut Connection {
        &mut self.connections[usize::from(broker.0) - 1]
    }

    fn at(&self, broker: BrokerId) -> &Connection {
        &self.connections[usize::from(broker.0) - 1]
    }

    /// Whether a request may go to `broker` now.
    pub(super) fn can_send(&self, broker: BrokerId) -> bool {
        let connection = self.at(broker);
        connection.state == State::Ready && connection.in_flight.len() < self.max_in_flight
    }

    /// As [`Self::can_send`]; opens the connection if it is closed.
    pub(super) fn is_ready(&mut self, broker: BrokerId, out: &mut Out) -> bool {
        if self.at(broker).state == State::Closed {
            self.tries += 1;
            let tried = self.tries;
            let connection = self.of(broker);
            connection.tried = tried;
            connection.state = State::Connecting;
            self.send(broker, Sent::ApiVersions, Request::ApiVersions, out);
        }
        self.can_send(broker)
    }

    /// Sends a request. `acks=0` is not kept: nothing answers it.
    pub(super) fn send(&mut self, broker: BrokerId, sent: Sent, request: Request, out: &mut Out) {
        let correlation = self.send_unanswered(broker, request, out);
        self.of(broker).in_flight.push_back(InFlight { correlation, sent });
        out.arm(Timer::Request(correlation), self.request_timeout);
    }

    pub(super) fn send_unanswered(
        &mut self,
        broker: BrokerId,
        request: Request,
        out: &mut Out,
    ) -> CorrelationId {
        self.next_correlation += 1;
        let correlation = CorrelationId(self.next_correlation);
        out.send(route(broker), Message::Request(correlation, request));
        correlation
    }

    /// Pairs a response with its request; none if that is given up already.
    pub(super) fn answered(
        &mut self,
        broker: BrokerId,
        correlation: CorrelationId,
        out: &mut Out,
    ) -> Option<Sent> {
        let connection = self.of(broker);
        let oldest = connection.in_flight.pop_front_if(|it| it.correlation == correlation)?;
        out.disarm(Timer::Request(correlation));
        if matches!(oldest.sent, Sent::ApiVersions) {
            connection.state = State::Ready;
            connection.failures = 0;
        }
        Some(oldest.sent)
    }

    /// The broker of a request in flight.
    pub(super) fn broker_of(&self, correlation: CorrelationId) -> Option<BrokerId> {
        let is_there = |connection: &Connection| {
            connection.in_flight.iter().any(|it| it.correlation == correlation)
        };
        let index = self.connections.iter().position(is_there)?;
        Some(BrokerId(u16::try_from(index + 1).expect("brokers are numbered by u16")))
    }

    /// The connection to `broker` has ended: what was in flight on it, oldest first.
    pub(super) fn failed(&mut self, broker: BrokerId, out: &mut Out) -> Vec<Sent> {
        let connection = self.of(broker);
        connection.state = State::BackingOff;
        out.arm(Timer::Reconnect(broker), backoff(RECONNECT.0, RECONNECT.1, connection.failures));
        connection.failures += 1;
        let lost = std::mem::take(&mut connection.in_flight);
        lost.into_iter()
            .map(|it| {
                out.disarm(Timer::Request(it.correlation));
                it.sent
            })
            .collect()
    }

    /// Ends the connection to `broker` from this side.
    pub(super) fn close(broker: BrokerId, out: &mut Out) {
        out.close(To::Route(route(broker)));
    }

    /// The back-off of a connection is over.
    pub(super) fn may_reconnect(&mut self, broker: BrokerId) {
        let connection = self.of(broker);
        if connection.state == State::BackingOff {
            connection.state = State::Closed;
        }
    }

    /// The broker for a request that any can answer: one whose connection stands, with the fewest
    /// requests; else one that is being connected; else the one not tried for longest
    /// (`leastLoadedNode`).
    pub(super) fn least_loaded(&mut self, brokers: &[BrokerId]) -> Option<BrokerId> {
        self.draws += 1;
        let drawn = mix(self.salt ^ !self.draws) % brokers.len().max(1) as u64;
        let (before, from_offset) = brokers.split_at(usize::try_from(drawn).unwrap_or(0));
        let rank = |broker: &&BrokerId| {
            let connection = self.at(**broker);
            match connection.state {
                State::Ready if connection.in_flight.len() < self.max_in_flight => {
                    Some((0, connection.in_flight.len() as u64))
                }
                State::Connecting => Some((1, 0)),
                State::Closed => Some((2, connection.tried)),
                State::Ready | State::BackingOff => None,
            }
        };
        let known = from_offset.iter().chain(before).filter(|broker| rank(broker).is_some());
        known.min_by_key(rank).copied()
    }

    /// Whether a connection to one of `brokers` stands, with or without room for more.
    pub(super) fn any_stands(&self, brokers: &[BrokerId]) -> bool {
        brokers.iter().any(|broker| self.at(*broker).state == State::Ready)
    }

    /// Batches in requests in flight, those that are done included.
    pub(super) fn sent_batches(&self) -> impl Iterator<Item = &Batch> {
        self.connections.iter().flat_map(|connection| &connection.in_flight).flat_map(
            |it| match &it.sent {
                Sent::Produce(batches) => batches.as_slice(),
                Sent::ApiVersions | Sent::Metadata | Sent::ProducerId => &[],
            },
        )
    }

    /// As [`Self::sent_batches`], to change them.
    pub(super) fn sent_batches_mut(&mut self) -> impl Iterator<Item = &mut Batch> {
        let requests = self.connections.iter_mut().flat_map(|connection| &mut connection.in_flight);
        requests.flat_map(|it| match &mut it.sent {
            Sent::Produce(batches) => batches.as_mut_slice(),
            Sent::ApiVersions | Sent::Metadata | Sent::ProducerId => &mut [],
        })
    }
}

fn route(broker: BrokerId) -> Route {
    Route { node: broker.into(), channel: Channel::Data }
}
