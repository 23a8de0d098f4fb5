//! When to ask for metadata, and whom.
//!
//! Two timers decide: one holds a refresh off after the one before, the other says that what is known
//! is old. Kafka: `Metadata`, `NetworkClient.DefaultMetadataUpdater` (R5.28, R17.31).

use super::network::Network;
use super::{Out, Producer, Sent, Timer};
use crate::client::backoff::backoff;
use crate::message::{CorrelationId, MetadataResponse, PartitionMetadata, Request};
use ackproof_types::{BrokerId, ErrorCode};

/// The wish for newer metadata.
#[derive(Debug)]
pub(super) struct Refresh {
    wanted: bool,
    in_flight: bool,
    /// `retry.backoff.ms` after the last refresh runs.
    held_off: bool,
    /// Requests in a row that failed.
    failures: u32,
    /// Responses in a row that told nothing new.
    unchanged: u32,
}

impl Default for Refresh {
    fn default() -> Self {
        Self { wanted: true, in_flight: false, held_off: false, failures: 0, unchanged: 0 }
    }
}

impl Refresh {
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// A refresh may be sent at once.
    fn is_due(&self) -> bool {
        self.wanted && !self.in_flight && !self.held_off
    }

    /// `retry.backoff.ms` is over.
    pub(super) fn may_ask(&mut self) {
        self.held_off = false;
    }

    /// `metadata.max.age.ms` is over.
    pub(super) fn is_old(&mut self) {
        self.wanted = true;
        self.unchanged = 0;
    }
}

impl Producer {
    /// Sends the request if it is due. It goes before all others of the turn: if it finds no room on any
    /// connection, there is none for them either.
    pub(super) fn maybe_refresh(&mut self, out: &mut Out) {
        if self.refresh.is_due()
            && let Some(broker) = self.choose_broker(out)
        {
            self.refresh.in_flight = true;
            let request = Request::Metadata(vec![self.config.topic]);
            self.request(broker, Sent::Metadata, request, out);
        }
    }

    /// The broker to ask what any can answer; opens a connection if none stands. Starts again from
    /// `bootstrap.servers` if none of the known brokers can be reached.
    pub(super) fn choose_broker(&mut self, out: &mut Out) -> Option<BrokerId> {
        let mut chosen = self.network.least_loaded(self.leaders.brokers());
        if chosen.is_none() && !self.network.any_stands(self.leaders.brokers()) {
            self.leaders.rebootstrap((1..=self.config.brokers).map(BrokerId));
            self.accumulator.follow(&self.leaders);
            chosen = self.network.least_loaded(self.leaders.brokers());
        }
        chosen.filter(|broker| self.network.is_ready(*broker, out))
    }

    pub(super) fn take_metadata(&mut self, response: &MetadataResponse, out: &mut Out) {
        self.refresh.in_flight = false;
        if response.brokers.is_empty() {
            self.refresh_failed(out);
            return;
        }
        let learned = self.leaders.update(response);
        self.accumulator.follow(&self.leaders);
        self.refresh.failures = 0;
        self.refresh.wanted = learned.incomplete;
        self.refresh.unchanged = if learned.news { 0 } else { self.refresh.unchanged + 1 };
        self.hold_off(out);
        out.arm(Timer::MetadataAge, self.config.metadata_max_age);
    }

    /// The request got no answer, or one without brokers.
    pub(super) fn refresh_failed(&mut self, out: &mut Out) {
        self.refresh.in_flight = false;
        self.refresh.failures += 1;
        self.hold_off(out);
    }

    fn hold_off(&mut self, out: &mut Out) {
        let Refresh { failures, unchanged, .. } = self.refresh;
        let (first, most) = (self.config.retry_backoff, self.config.retry_backoff_max);
        self.refresh.held_off = true;
        let steps = failures.max(unchanged).saturating_sub(1);
        out.arm(Timer::MetadataBackoff, backoff(first, most, steps));
    }

    /// A response named the new leaders of its partitions (KIP-951).
    pub(super) fn take_hints(&mut self, hints: &[PartitionMetadata]) {
        let mut news = false;
        for hint in hints {
            news |= self.leaders.hint(*hint);
        }
        if news {
            self.accumulator.follow(&self.leaders);
        }
    }

    /// R6.9: the connection to `broker` has ended. The cause may be that leaders have moved.
    pub(super) fn connection_failed(&mut self, broker: BrokerId, error: ErrorCode, out: &mut Out) {
        let was_due = self.refresh.is_due();
        for sent in self.network.failed(broker, out) {
            match sent {
                Sent::ApiVersions => {}
                Sent::Metadata => self.refresh_failed(out),
                Sent::ProducerId => self.identity_failed(out),
                Sent::Produce(batches) => {
                    for batch in batches {
                        self.complete(batch, Err(error), broker, out);
                    }
                }
            }
        }
        if was_due {
            self.refresh_failed(out);
        }
        self.refresh.want();
    }

    /// R6.9: a request has had no answer for `request.timeout.ms`.
    pub(super) fn request_timed_out(&mut self, correlation: CorrelationId, out: &mut Out) {
        let Some(broker) = self.network.broker_of(correlation) else { return };
        Network::close(broker, out);
        self.connection_failed(broker, ErrorCode::RequestTimedOut, out);
    }
}
