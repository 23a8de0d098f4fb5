//! Metadata, producer id and reconnects.
//!
//! Kafka: `NetworkClient`, `Sender#maybeSendAndPollTransactionalRequest` (R6.2, R6.18, R5.28).

use super::{Out, Producer, Timer, close};
use crate::client::backoff::backoff;
use crate::config::ProducerConfig;
use crate::machine::Route;
use crate::message::{CorrelationId, MetadataResponse, Request};
use ackproof_types::{BrokerId, ErrorCode, Micros, ProducerEpoch, ProducerId, Timestamp};
use std::collections::BTreeMap;

/// `reconnect.backoff.ms` and `reconnect.backoff.max.ms`.
const RECONNECT: (Micros, Micros) = (Micros::from_millis(50), Micros::from_millis(1000));

/// What is known of brokers, and what is asked of them besides producing.
#[derive(Debug)]
pub(super) struct Connections {
    brokers: u16,
    /// Failures in a row, and whether a back-off is running.
    failing: BTreeMap<BrokerId, (u32, bool)>,
    next_asked: u16,
    metadata: Option<(CorrelationId, BrokerId)>,
    identity: Option<(CorrelationId, BrokerId)>,
    refresh_failures: u32,
}

impl Connections {
    pub(super) fn new(config: &ProducerConfig) -> Self {
        let first = u16::try_from(config.salt % u64::from(config.brokers.max(1))).unwrap_or(0);
        Self {
            brokers: config.brokers,
            failing: BTreeMap::new(),
            next_asked: first,
            metadata: None,
            identity: None,
            refresh_failures: 0,
        }
    }

    /// A broker to ask, in turn, leaving out those that back off.
    fn any(&mut self) -> Option<BrokerId> {
        for _ in 0..self.brokers {
            self.next_asked = (self.next_asked + 1) % self.brokers;
            let broker = BrokerId(self.next_asked + 1);
            if self.is_usable(broker) {
                return Some(broker);
            }
        }
        None
    }

    pub(super) fn is_usable(&self, broker: BrokerId) -> bool {
        !self.failing.get(&broker).is_some_and(|(_, backing_off)| *backing_off)
    }

    pub(super) fn may_reconnect(&mut self, broker: BrokerId) {
        if let Some((_, backing_off)) = self.failing.get_mut(&broker) {
            *backing_off = false;
        }
    }

    pub(super) fn answered(&mut self, broker: BrokerId) {
        self.failing.remove(&broker);
    }

    pub(super) fn forget_identity_request(&mut self) {
        self.identity = None;
    }
}

impl Producer {
    pub(super) fn ask_metadata(&mut self, out: &mut Out) {
        if self.connect.metadata.is_some() {
            return;
        }
        let Some(broker) = self.connect.any() else {
            out.arm(Timer::Metadata, self.config.retry_backoff);
            return;
        };
        let correlation = self.ask(broker, Request::Metadata(vec![self.config.topic]), out);
        self.connect.metadata = Some((correlation, broker));
        out.arm(Timer::MetadataTimeout, self.config.request_timeout);
    }

    /// Metadata is wrong: asks again after a back-off.
    pub(super) fn refresh_metadata(&mut self, out: &mut Out) {
        if self.connect.metadata.is_none() {
            let failures = self.connect.refresh_failures;
            self.connect.refresh_failures += 1;
            let (first, most) = (self.config.retry_backoff, self.config.retry_backoff_max);
            out.arm(Timer::Metadata, backoff(first, most, failures.min(4)));
        }
    }

    pub(super) fn take_metadata(
        &mut self,
        correlation: CorrelationId,
        metadata: &MetadataResponse,
        now: Timestamp,
        out: &mut Out,
    ) {
        let Some((_, broker)) = self.connect.metadata.take_if(|(asked, _)| *asked == correlation)
        else {
            return;
        };
        self.connect.answered(broker);
        out.disarm(Timer::MetadataTimeout);
        self.metadata.update(metadata);
        self.partitions = u16::try_from(self.metadata.len()).unwrap_or(u16::MAX);
        self.queues.resize_with(usize::from(self.partitions), Default::default);
        self.sequences.resize_with(usize::from(self.partitions), Default::default);
        let leaderless =
            (0..self.partitions).any(|p| self.metadata.leader(self.id_of(p)).is_none());
        if self.partitions == 0 || leaderless {
            self.refresh_metadata(out);
        } else {
            self.connect.refresh_failures = 0;
            out.arm(Timer::Metadata, self.config.metadata_max_age);
        }
        self.unblock(now, out);
    }

    pub(super) fn metadata_timed_out(&mut self, now: Timestamp, out: &mut Out) {
        if let Some((_, broker)) = self.connect.metadata {
            close(broker, out);
            self.connection_failed(broker, ErrorCode::RequestTimedOut, now, out);
        }
    }

    /// R6.18: asks for a producer id if there is none; returns whether there is one.
    pub(super) fn has_identity(&mut self, out: &mut Out) -> bool {
        if !self.config.enable_idempotence || self.identity.is_some() {
            return true;
        }
        if self.connect.identity.is_none()
            && let Some(broker) = self.connect.any()
        {
            let correlation = self.ask(broker, Request::InitProducerId, out);
            self.connect.identity = Some((correlation, broker));
            out.arm(Timer::ProducerId, self.config.request_timeout);
        }
        false
    }

    pub(super) fn take_identity(
        &mut self,
        correlation: CorrelationId,
        result: Result<(ProducerId, ProducerEpoch), ErrorCode>,
        out: &mut Out,
    ) {
        let Some((_, broker)) = self.connect.identity.take_if(|(asked, _)| *asked == correlation)
        else {
            return;
        };
        self.connect.answered(broker);
        match result {
            Ok(identity) => {
                out.disarm(Timer::ProducerId);
                self.identity = Some(identity);
                for sequences in &mut self.sequences {
                    sequences.restart(identity.1);
                }
                self.drain(out);
            }
            Err(_) => {
                self.connect.identity = Some((CorrelationId::default(), broker));
                out.arm(Timer::ProducerId, self.config.retry_backoff);
            }
        }
    }

    pub(super) fn disconnected(&mut self, route: Route, now: Timestamp, out: &mut Out) {
        self.connection_failed(BrokerId(route.node.0), ErrorCode::NetworkException, now, out);
    }

    /// R6.9: everything in flight to `broker` has failed; back off before the next attempt.
    pub(super) fn connection_failed(
        &mut self,
        broker: BrokerId,
        error: ErrorCode,
        now: Timestamp,
        out: &mut Out,
    ) {
        let (failures, backing_off) = self.connect.failing.entry(broker).or_insert((0, false));
        let delay = backoff(RECONNECT.0, RECONNECT.1, *failures);
        *failures += 1;
        *backing_off = true;
        out.arm(Timer::Reconnect(broker), delay);
        if self.connect.metadata.is_some_and(|(_, asked)| asked == broker) {
            self.connect.metadata = None;
            out.disarm(Timer::MetadataTimeout);
        }
        if self.connect.identity.is_some_and(|(_, asked)| asked == broker) {
            self.connect.identity = None;
            out.disarm(Timer::ProducerId);
        }
        self.fail_requests_to(broker, error, now, out);
        self.refresh_metadata(out);
        self.drain(out);
    }
}
