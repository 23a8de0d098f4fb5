//! The network client of a producer, a consumer or a reader: connections, requests in flight, and the
//! metadata that goes with them. It knows nothing of what the requests are for.
//!
//! A connection stands once its broker has answered ApiVersions. It carries a bounded number of requests,
//! answered in order. A request without an answer within its timeout ends its connection, and fails all
//! that is in flight on it. What is sent before a connection stands waits for it, as in
//! `ConsumerNetworkClient`; a sender asks first whether it stands.
//!
//! Kafka: `NetworkClient` with `DefaultMetadataUpdater`, `ClusterConnectionStates`, `InFlightRequests`,
//! `ConsumerNetworkClient` (R6.2, R6.9, R17.31).

mod unanswered;

use super::backoff::{backoff, once_more};
use super::connection::{Connection, InFlight, Sent, State, Unsent};
use super::metadata::Metadata;
use super::settings::{ClientSettings, NetworkTimer};
use crate::machine::{Channel, Input, Outbox, Route, To};
use crate::message::{CorrelationId, Message, Request, Response};
use ackproof_types::mix::mix;
use ackproof_types::{BrokerId, Micros, Server, TopicId};

/// `reconnect.backoff.ms`.
const RECONNECT_BACKOFF: Micros = Micros::from_millis(50);
/// `reconnect.backoff.max.ms`.
const RECONNECT_BACKOFF_MAX: Micros = Micros::from_secs(1);

/// What an answer was to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Completed<P> {
    /// It concerns nobody else, or is given up already.
    Internal,
    /// Metadata came.
    Metadata,
    /// A request, with what was remembered of it.
    Request(CorrelationId, P, Response),
    /// It is no answer to what was asked: the connection was closed, and these failed by it.
    Failed(Failed<P>),
}

/// Requests that will not be answered, oldest first.
pub type Failed<P> = Vec<(CorrelationId, P)>;

/// The client; `P` is what its machine remembers of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NetworkClient<P> {
    settings: ClientSettings,
    metadata: Metadata,
    connections: Vec<Connection<P>>,
    next_correlation: u64,
    draws: u64,
}

impl<P> NetworkClient<P> {
    /// Nothing is connected, and only `bootstrap.servers` are known.
    #[must_use]
    pub fn new(settings: ClientSettings, topics: &[TopicId]) -> Self {
        let metadata = Metadata::bootstrap(topics, &settings.bootstrap);
        Self { settings, metadata, connections: Vec::new(), next_correlation: 0, draws: 0 }
    }

    /// What holds between any two steps: a connection that does not stand carries nothing but ApiVersions,
    /// and none more than it may.
    ///
    /// # Panics
    /// If that does not hold.
    pub fn check(&self) {
        for connection in &self.connections {
            let carried = connection.in_flight.len();
            match connection.state {
                State::Closed | State::BackingOff => assert!(connection.is_idle(), "R6.9"),
                State::Connecting => assert_eq!(carried, 1, "R6.2: ApiVersions alone"),
                State::Ready => assert!(carried <= self.settings.max_in_flight, "R6.2: {carried}"),
            }
            let numbers = connection.in_flight.iter().map(|it| it.correlation);
            assert!(numbers.is_sorted(), "answered in the order of sending");
        }
    }

    /// What is known of the cluster.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The same, to ask for more or to add what other responses told.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        &mut self.metadata
    }

    fn find(&self, route: Route) -> Option<&Connection<P>> {
        self.connections.iter().find(|connection| connection.route == route)
    }

    fn index(&mut self, route: Route) -> usize {
        let known = self.connections.iter().position(|connection| connection.route == route);
        known.unwrap_or_else(|| {
            self.connections.push(Connection::new(route));
            self.connections.len() - 1
        })
    }

    /// Whether a request may be sent now.
    #[must_use]
    pub fn is_ready(&self, route: Route) -> bool {
        self.find(route).is_some_and(|it| it.can_send(self.settings.max_in_flight))
    }

    /// As [`Self::is_ready`]; opens the connection if it may be opened.
    pub fn ready<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> bool {
        let at = self.index(route);
        self.open(at, out);
        self.connections[at].can_send(self.settings.max_in_flight)
    }

    /// Whether the connection has failed and may not be opened yet.
    #[must_use]
    pub fn is_unavailable(&self, route: Route) -> bool {
        self.find(route).is_some_and(|it| it.state == State::BackingOff)
    }

    /// Whether a request is under way on a connection of this kind.
    #[must_use]
    pub fn has_requests(&self, channel: Channel) -> bool {
        let of_kind = self.connections.iter().filter(|it| it.route.channel == channel);
        let is_request = |it: &InFlight<P>| matches!(it.sent, Sent::Request(_));
        of_kind.into_iter().any(|it| !it.unsent.is_empty() || it.in_flight.iter().any(is_request))
    }

    /// What is in flight, oldest first on each connection.
    pub fn in_flight(&self) -> impl Iterator<Item = &P> {
        let all = self.connections.iter().flat_map(|connection| &connection.in_flight);
        all.filter_map(|it| match &it.sent {
            Sent::Request(purpose) => Some(purpose),
            Sent::ApiVersions | Sent::Metadata => None,
        })
    }

    /// As [`Self::in_flight`], to change what is remembered.
    pub fn in_flight_mut(&mut self) -> impl Iterator<Item = &mut P> {
        let all = self.connections.iter_mut().flat_map(|connection| &mut connection.in_flight);
        all.filter_map(|it| match &mut it.sent {
            Sent::Request(purpose) => Some(purpose),
            Sent::ApiVersions | Sent::Metadata => None,
        })
    }

    fn open<T: From<NetworkTimer>, W>(&mut self, at: usize, out: &mut Outbox<T, W>) {
        if self.connections[at].state != State::Closed {
            return;
        }
        self.connections[at].state = State::Connecting;
        self.tried_last(at);
        self.transmit(at, Sent::ApiVersions, Request::ApiVersions, out);
    }

    /// Kafka: `lastConnectAttemptMs`, which a disconnect sets too.
    fn tried_last(&mut self, at: usize) {
        let before = self.connections[at].tried;
        let count = self.connections.iter().filter(|it| it.tried > 0).count();
        for other in self.connections.iter_mut().filter(|it| before > 0 && it.tried > before) {
            other.tried -= 1;
        }
        self.connections[at].tried = if before > 0 { count } else { count + 1 };
    }

    fn correlation(&mut self) -> CorrelationId {
        // Numbers tell apart what is under way: with nothing under way they begin anew.
        if self.connections.iter().all(Connection::is_idle) {
            self.next_correlation = 0;
        }
        self.next_correlation += 1;
        CorrelationId(self.next_correlation)
    }

    fn transmit<T: From<NetworkTimer>, W>(
        &mut self,
        at: usize,
        sent: Sent<P>,
        request: Request,
        out: &mut Outbox<T, W>,
    ) {
        let correlation = self.correlation();
        let timeout = self.settings.request_timeout;
        let connection = &mut self.connections[at];
        out.send(connection.route, Message::Request(correlation, request));
        connection.in_flight.push_back(InFlight { correlation, sent });
        out.arm(NetworkTimer::Request(correlation).into(), timeout);
    }

    /// Sends a request under `request.timeout.ms`, as soon as the connection stands.
    pub fn send<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        request: Request,
        purpose: P,
        out: &mut Outbox<T, W>,
    ) -> CorrelationId {
        let timeout = self.settings.request_timeout;
        self.send_within(timeout, route, request, purpose, out)
    }

    /// As [`Self::send`], with a timeout of its own.
    pub fn send_within<T: From<NetworkTimer>, W>(
        &mut self,
        timeout: Micros,
        route: Route,
        request: Request,
        purpose: P,
        out: &mut Outbox<T, W>,
    ) -> CorrelationId {
        let at = self.index(route);
        let correlation = self.correlation();
        self.connections[at].unsent.push_back(Unsent { correlation, request, purpose, timeout });
        out.arm(NetworkTimer::Request(correlation).into(), timeout);
        self.open(at, out);
        self.send_unsent(at, out);
        correlation
    }

    fn send_unsent<T: From<NetworkTimer>, W>(&mut self, at: usize, out: &mut Outbox<T, W>) {
        let max_in_flight = self.settings.max_in_flight;
        let connection = &mut self.connections[at];
        while connection.can_send(max_in_flight)
            && let Some(unsent) = connection.unsent.pop_front()
        {
            let Unsent { correlation, request, purpose, timeout } = unsent;
            out.send(connection.route, Message::Request(correlation, request));
            connection.in_flight.push_back(InFlight { correlation, sent: Sent::Request(purpose) });
            out.arm(NetworkTimer::Request(correlation).into(), timeout);
        }
    }

    /// The connection for a request that any broker can answer: one that stands, with the fewest requests;
    /// else one that is being made; else the one not tried for longest.
    pub fn least_loaded_node(&mut self) -> Option<Route> {
        self.draws = self.draws.wrapping_add(1);
        let brokers = self.metadata.brokers();
        let drawn = mix(self.settings.salt ^ !self.draws) % brokers.len().max(1) as u64;
        let (before, from_offset) = brokers.split_at(usize::try_from(drawn).unwrap_or(0));
        let rank = |route: &Route| {
            let Some(connection) = self.find(*route) else { return Some((2, 0)) };
            match connection.state {
                State::Ready if connection.can_send(self.settings.max_in_flight) => {
                    Some((0, connection.in_flight.len()))
                }
                State::Connecting => Some((1, 0)),
                State::Closed => Some((2, connection.tried)),
                State::Ready | State::BackingOff => None,
            }
        };
        let routes = from_offset.iter().chain(before).map(|broker| data(*broker));
        routes.filter(|route| rank(route).is_some()).min_by_key(rank)
    }

    /// Asks for metadata if that is due, before all other requests of a turn; opens a connection if none
    /// stands. Starts again from `bootstrap.servers` if none of the known brokers can be reached; whether it
    /// did.
    pub fn maybe_update<T: From<NetworkTimer>, W>(&mut self, out: &mut Outbox<T, W>) -> bool {
        if !self.metadata.is_update_due() {
            return false;
        }
        let mut node = self.least_loaded_node();
        let stands =
            |broker: &BrokerId| self.find(data(*broker)).is_some_and(|it| it.state == State::Ready);
        let lost = node.is_none() && !self.metadata.brokers().iter().any(stands);
        if lost {
            self.metadata.rebootstrap(&self.settings.bootstrap);
            node = self.least_loaded_node();
        }
        if let Some(route) = node.filter(|route| self.ready(*route, out)) {
            self.metadata.asked();
            let request = Request::Metadata(self.metadata.topics());
            let at = self.index(route);
            self.transmit(at, Sent::Metadata, request, out);
        }
        lost
    }

    /// What came, without the word that the client is above its quota: nothing more is sent on this connection
    /// until that is over (`ClusterConnectionStates#throttle`).
    pub fn unthrottled<T: From<NetworkTimer>, W, U, C>(
        &mut self,
        input: &mut Input<U, C>,
        out: &mut Outbox<T, W>,
    ) {
        let Input::Deliver { from, message } = input else { return };
        let Message::Throttled(time, answer) = message else { return };
        let at = self.index(from.route);
        self.connections[at].is_throttled = true;
        out.arm(NetworkTimer::Throttle(from.route).into(), *time);
        *message = std::mem::replace(answer, Message::NoResponse(CorrelationId::default()));
    }

    /// An answer came on `route`.
    pub fn answered<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        correlation: CorrelationId,
        response: Response,
        out: &mut Outbox<T, W>,
    ) -> Completed<P> {
        let at = self.index(route);
        let connection = &mut self.connections[at];
        let oldest = connection.in_flight.pop_front_if(|it| it.correlation == correlation);
        let Some(InFlight { sent, .. }) = oldest else { return Completed::Internal };
        out.disarm(NetworkTimer::Request(correlation).into());
        let completed = match (sent, response) {
            (Sent::ApiVersions, Response::ApiVersions) => {
                connection.state = State::Ready;
                connection.failures = 0;
                Completed::Internal
            }
            (Sent::Metadata, Response::Metadata(response)) if !response.brokers.is_empty() => {
                self.metadata.update(&response);
                self.hold_off(out);
                out.arm(NetworkTimer::MetadataAge.into(), self.settings.metadata_max_age);
                Completed::Metadata
            }
            // A broker that has only just started knows nobody.
            (Sent::Metadata, Response::Metadata(_)) => {
                self.update_failed(out);
                Completed::Internal
            }
            (sent @ (Sent::ApiVersions | Sent::Metadata), response) => {
                if matches!(sent, Sent::Metadata) {
                    self.update_failed(out);
                }
                return Completed::Failed(self.misplaced(route, response.name(), out));
            }
            (Sent::Request(purpose), response) => {
                Completed::Request(correlation, purpose, response)
            }
        };
        self.send_unsent(at, out);
        completed
    }

    fn hold_off<T: From<NetworkTimer>, W>(&self, out: &mut Outbox<T, W>) {
        let ClientSettings { retry_backoff, retry_backoff_max, .. } = self.settings;
        let pause = self.metadata.refresh_backoff(retry_backoff, retry_backoff_max);
        out.arm(NetworkTimer::MetadataBackoff.into(), pause);
    }

    fn update_failed<T: From<NetworkTimer>, W>(&mut self, out: &mut Outbox<T, W>) {
        self.metadata.failed_update();
        self.hold_off(out);
    }

    /// A connection has ended, or could not be set up: what failed by it. The cause may be that leaders have
    /// moved.
    pub fn disconnected<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> Failed<P> {
        let failed = self.end(route, out);
        // Kafka: `handleServerDisconnect`.
        if self.metadata.is_update_due() {
            self.update_failed(out);
        }
        self.metadata.request_update();
        failed
    }

    /// What came is no answer to what was asked: nothing on the connection can be trusted.
    pub fn misplaced<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        api: &'static str,
        out: &mut Outbox<T, W>,
    ) -> Failed<P> {
        out.misplaced(To::Route(route), api);
        self.disconnected(route, out)
    }

    /// Ends a connection from this side, if it is open: what failed by it.
    pub fn disconnect<T: From<NetworkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> Failed<P> {
        match self.find(route).map(|connection| connection.state) {
            Some(State::Connecting | State::Ready) => {
                out.close(To::Route(route));
                self.end(route, out)
            }
            Some(State::Closed | State::BackingOff) | None => Vec::new(),
        }
    }

    fn end<T: From<NetworkTimer>, W>(&mut self, route: Route, out: &mut Outbox<T, W>) -> Failed<P> {
        let at = self.index(route);
        self.tried_last(at);
        let connection = &mut self.connections[at];
        connection.state = State::BackingOff;
        connection.is_sending = false;
        if std::mem::take(&mut connection.is_throttled) {
            out.disarm(NetworkTimer::Throttle(route).into());
        }
        let pause = backoff(RECONNECT_BACKOFF, RECONNECT_BACKOFF_MAX, connection.failures);
        out.arm(NetworkTimer::Reconnect(route).into(), pause);
        connection.failures = once_more(connection.failures);
        let in_flight = std::mem::take(&mut connection.in_flight);
        let unsent = std::mem::take(&mut connection.unsent);
        let mut failed = Vec::with_capacity(in_flight.len() + unsent.len());
        let mut asked_metadata = false;
        for InFlight { correlation, sent } in in_flight {
            out.disarm(NetworkTimer::Request(correlation).into());
            match sent {
                Sent::ApiVersions => {}
                Sent::Metadata => asked_metadata = true,
                Sent::Request(purpose) => failed.push((correlation, purpose)),
            }
        }
        for Unsent { correlation, purpose, .. } in unsent {
            out.disarm(NetworkTimer::Request(correlation).into());
            failed.push((correlation, purpose));
        }
        if asked_metadata {
            self.update_failed(out);
        }
        failed
    }

    /// A timer fired: what failed by it. A request that was never sent fails alone; one in flight takes its
    /// connection along (`NetworkClient#handleTimedOutRequests`).
    pub fn fire<T: From<NetworkTimer>, W>(
        &mut self,
        timer: NetworkTimer,
        out: &mut Outbox<T, W>,
    ) -> Failed<P> {
        match timer {
            NetworkTimer::Request(correlation) => return self.timed_out(correlation, out),
            NetworkTimer::Reconnect(route) => {
                let at = self.index(route);
                let connection = &mut self.connections[at];
                if connection.state == State::BackingOff {
                    connection.state = State::Closed;
                }
            }
            NetworkTimer::Throttle(route) => {
                let at = self.index(route);
                self.connections[at].is_throttled = false;
                self.send_unsent(at, out);
            }
            NetworkTimer::MetadataBackoff => self.metadata.may_ask(),
            NetworkTimer::MetadataAge => self.metadata.expire(),
        }
        Vec::new()
    }

    fn timed_out<T: From<NetworkTimer>, W>(
        &mut self,
        correlation: CorrelationId,
        out: &mut Outbox<T, W>,
    ) -> Failed<P> {
        for connection in &mut self.connections {
            let unsent = &mut connection.unsent;
            if let Some(at) = unsent.iter().position(|it| it.correlation == correlation) {
                let expired = unsent.remove(at).map(|it| (correlation, it.purpose));
                return expired.into_iter().collect();
            }
            if connection.in_flight.iter().any(|it| it.correlation == correlation) {
                let route = connection.route;
                out.close(To::Route(route));
                return self.disconnected(route, out);
            }
        }
        Vec::new()
    }
}

/// The connection for data to `broker`.
#[must_use]
pub fn data(broker: BrokerId) -> Route {
    Route { to: Server::Broker(broker), channel: Channel::Data }
}
