//! One connection of a client: how far it is, and what is under way on it. It decides nothing.
//!
//! Kafka: `ClusterConnectionStates`, `InFlightRequests`, `ConsumerNetworkClient.UnsentRequests`.

use crate::machine::Route;
use crate::message::{CorrelationId, Request};
use ackproof_types::Micros;
use std::collections::VecDeque;

/// What a request in flight is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Sent<P> {
    ApiVersions,
    Metadata,
    Request(P),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct InFlight<P> {
    pub(super) correlation: CorrelationId,
    pub(super) sent: Sent<P>,
}

/// A request that waits for its connection.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Unsent<P> {
    pub(super) correlation: CorrelationId,
    pub(super) request: Request,
    pub(super) purpose: P,
    pub(super) timeout: Micros,
}

/// Kafka: `ConnectionState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum State {
    /// May be opened.
    Closed,
    /// Failed; `reconnect.backoff.ms` runs.
    BackingOff,
    /// Waits for ApiVersions.
    Connecting,
    /// Stands.
    Ready,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Connection<P> {
    pub(super) route: Route,
    pub(super) state: State,
    /// Its broker reads nothing on it for a while.
    pub(super) is_throttled: bool,
    /// Failures since it last stood.
    pub(super) failures: u32,
    /// Its place in the order of last tries and ends, from 1; 0: never tried.
    pub(super) tried: usize,
    /// The socket has not yet taken all of the last request.
    pub(super) is_sending: bool,
    pub(super) unsent: VecDeque<Unsent<P>>,
    pub(super) in_flight: VecDeque<InFlight<P>>,
}

impl<P> Connection<P> {
    pub(super) fn new(route: Route) -> Self {
        Self {
            route,
            state: State::Closed,
            is_throttled: false,
            failures: 0,
            tried: 0,
            is_sending: false,
            unsent: VecDeque::new(),
            in_flight: VecDeque::new(),
        }
    }

    pub(super) fn can_send(&self, max_in_flight: usize) -> bool {
        let is_free = self.state == State::Ready && !self.is_throttled && !self.is_sending;
        is_free && self.in_flight.len() < max_in_flight
    }

    /// Whether nothing is under way on it.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.unsent.is_empty()
    }
}
