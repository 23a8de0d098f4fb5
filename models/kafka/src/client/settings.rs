//! What the network client of a producer, a consumer or a reader is made with, and its timers.

use crate::machine::Route;
use crate::message::CorrelationId;
use ackproof_types::{BrokerId, Micros};
use std::sync::Arc;

/// What a client is made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClientSettings {
    /// `bootstrap.servers`.
    pub bootstrap: Arc<[BrokerId]>,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `request.timeout.ms`.
    pub request_timeout: Micros,
    /// `retry.backoff.ms`.
    pub retry_backoff: Micros,
    /// `retry.backoff.max.ms`.
    pub retry_backoff_max: Micros,
    /// `metadata.max.age.ms`.
    pub metadata_max_age: Micros,
    /// Decides where the search for a broker to ask begins: a number of its own for each client.
    pub salt: u64,
}

/// The timers of a client, part of its machine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkTimer {
    /// `request.timeout.ms`: this request has no answer.
    Request(CorrelationId),
    /// `reconnect.backoff.ms` of this connection is over.
    Reconnect(Route),
    /// `retry.backoff.ms` after a metadata refresh.
    MetadataBackoff,
    /// `metadata.max.age.ms` after a metadata response.
    MetadataAge,
    /// The broker reads nothing more on this connection until then (KIP-219).
    Throttle(Route),
}
