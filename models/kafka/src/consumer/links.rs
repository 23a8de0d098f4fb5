//! Requests under way on a client's connections: their timeouts, and the back-off before a lost
//! connection is opened again. It knows nothing of what the requests are for.
//!
//! Kafka: `NetworkClient`, `ConsumerNetworkClient`.

use crate::machine::{Channel, Outbox, Route, To};
use crate::message::{CorrelationId, Message, Request};
use ackproof_types::{Delay, Micros, NodeId};
use std::collections::BTreeMap;

/// `reconnect.backoff.ms`.
const RECONNECT_BACKOFF: Micros = Micros::from_millis(50);
/// `reconnect.backoff.max.ms`.
const RECONNECT_BACKOFF_MAX: Micros = Micros::from_secs(1);

/// The timers of the connections, part of the machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkTimer {
    /// This request was not answered in time.
    Request(CorrelationId),
    /// This connection may be opened again.
    Reconnect(Route),
}

/// `base` · 2^`failures`, at most `max`, ± 20 % (Kafka: `ExponentialBackoff`).
pub(crate) fn backoff(base: Micros, max: Micros, failures: u32) -> Delay {
    Delay::jittered((base * (1 << failures.min(20))).min(max), 20)
}

#[derive(Debug, Default)]
struct Link {
    /// Sent on since it last ended.
    open: bool,
    /// Waiting before it may be opened again.
    waiting: bool,
    /// How often it ended in a row without an answer.
    failures: u32,
    /// Requests under way.
    load: usize,
}

/// The connections of a client; `P` is what it remembers of a request.
#[derive(Debug)]
pub(crate) struct Links<P> {
    next: u64,
    pending: BTreeMap<CorrelationId, (Route, P)>,
    links: BTreeMap<Route, Link>,
}

impl<P> Default for Links<P> {
    fn default() -> Self {
        Self { next: 0, pending: BTreeMap::new(), links: BTreeMap::new() }
    }
}

impl<P> Links<P> {
    /// Whether a request may be sent now.
    pub(crate) fn is_ready(&self, route: Route) -> bool {
        self.links.get(&route).is_none_or(|link| !link.waiting)
    }

    /// Whether a request is under way on a connection of this kind.
    pub(crate) fn is_busy(&self, channel: Channel) -> bool {
        self.links.iter().any(|(route, link)| route.channel == channel && link.load > 0)
    }

    /// The data connection with the fewest requests under way, of those that may be used (Kafka:
    /// `leastLoadedNode`). Ties turn with the number of requests.
    pub(crate) fn least_loaded(&self, brokers: u16) -> Option<Route> {
        let turn = u16::try_from(self.next % u64::from(brokers.max(1))).unwrap_or(0);
        (0..brokers)
            .map(|step| 1 + (turn + step) % brokers)
            .map(|broker| Route { node: NodeId(broker), channel: Channel::Data })
            .filter(|route| self.is_ready(*route))
            .min_by_key(|route| self.links.get(route).map_or(0, |link| link.load))
    }

    /// Sends a request that must be answered within `timeout`.
    pub(crate) fn send<T: From<LinkTimer>, W>(
        &mut self,
        route: Route,
        request: Request,
        purpose: P,
        timeout: Micros,
        out: &mut Outbox<T, W>,
    ) -> CorrelationId {
        let id = CorrelationId(self.next);
        self.next += 1;
        let link = self.links.entry(route).or_default();
        link.open = true;
        link.load += 1;
        self.pending.insert(id, (route, purpose));
        out.send(route, Message::Request(id, request));
        out.arm(LinkTimer::Request(id).into(), timeout);
        id
    }

    /// An answer came: what it answers, unless it was given up.
    pub(crate) fn answered<T: From<LinkTimer>, W>(
        &mut self,
        id: CorrelationId,
        out: &mut Outbox<T, W>,
    ) -> Option<P> {
        let (route, purpose) = self.pending.remove(&id)?;
        out.disarm(LinkTimer::Request(id).into());
        if let Some(link) = self.links.get_mut(&route) {
            link.failures = 0;
            link.load -= 1;
        }
        Some(purpose)
    }

    /// A timer fired. What failed by it: a request that timed out takes the others of its connection
    /// along (`NetworkClient#handleTimedOutRequests`).
    pub(crate) fn fired<T: From<LinkTimer>, W>(
        &mut self,
        timer: LinkTimer,
        out: &mut Outbox<T, W>,
    ) -> Vec<(CorrelationId, P)> {
        match timer {
            LinkTimer::Request(id) => match self.pending.get(&id) {
                Some((route, _)) => self.close(*route, out),
                None => Vec::new(),
            },
            LinkTimer::Reconnect(route) => {
                if let Some(link) = self.links.get_mut(&route) {
                    link.waiting = false;
                }
                Vec::new()
            }
        }
    }

    /// Ends a connection. What failed by it.
    pub(crate) fn close<T: From<LinkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> Vec<(CorrelationId, P)> {
        if !self.links.get(&route).is_some_and(|link| link.open) {
            return Vec::new();
        }
        out.close(To::Route(route));
        self.ended(route, out)
    }

    /// A connection ended, or could not be set up. What failed by it.
    pub(crate) fn ended<T: From<LinkTimer>, W>(
        &mut self,
        route: Route,
        out: &mut Outbox<T, W>,
    ) -> Vec<(CorrelationId, P)> {
        let link = self.links.entry(route).or_default();
        let pause = backoff(RECONNECT_BACKOFF, RECONNECT_BACKOFF_MAX, link.failures);
        link.failures = link.failures.saturating_add(1);
        link.open = false;
        link.waiting = true;
        link.load = 0;
        out.arm(LinkTimer::Reconnect(route).into(), pause);
        let failed: Vec<_> = self.pending.extract_if(.., |_, (at, _)| *at == route).collect();
        failed
            .into_iter()
            .map(|(id, (_, purpose))| {
                out.disarm(LinkTimer::Request(id).into());
                (id, purpose)
            })
            .collect()
    }
}
