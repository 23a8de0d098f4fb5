//! Client quotas: how many bytes a second a client may write to this broker, and read from it.
//!
//! What a client moved is kept in samples of a `quota.window.size.seconds` each, `quota.window.num` of them. A
//! client above its rate has its answer at once, and its connection is not read from for as long as brings the
//! rate of the window down. Knows sizes and connections, and no partition. Kafka: `ClientQuotaManager`,
//! `Rate`, `QuotaUtils` (KIP-13, KIP-219).

use super::{Broker, Out, Timer, reply};
use crate::config::BrokerSettings;
use crate::machine::ConnectionId;
use crate::message::{CorrelationId, FetchedPartition, Message, Response};
use ackproof_types::Micros;
use std::collections::{BTreeMap, VecDeque};

/// What clients moved, by connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Quotas {
    /// The windows that have begun.
    tick: u64,
    produced: Usage,
    fetched: Usage,
}

/// The samples of each connection, oldest first: the window each began in, and bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Usage(BTreeMap<ConnectionId, VecDeque<(u64, u64)>>);

impl Usage {
    /// Notes `bytes` of a client, and how long it has to wait: until the rate over the window is back at
    /// `rate`. Of N windows N - 1 count as full, as in `Rate#windowSize`.
    fn record(
        &mut self,
        client: ConnectionId,
        bytes: u64,
        tick: u64,
        (rate, settings): (u64, &BrokerSettings),
    ) -> Micros {
        let samples = self.0.entry(client).or_default();
        match samples.back_mut() {
            Some((begun, sum)) if *begun == tick => *sum += bytes,
            Some(_) | None => samples.push_back((tick, bytes)),
        }
        let windows = u64::from(settings.quota_window_num.max(2));
        while samples.pop_front_if(|(begun, _)| *begun + windows <= tick).is_some() {}
        let sum: u64 = samples.iter().map(|(_, bytes)| bytes).sum();
        let length = settings.quota_window_size * (windows - 1);
        let takes = sum.saturating_mul(1_000_000) / rate;
        Micros(takes.saturating_sub(length.0))
    }

    /// Takes back what was noted last.
    fn unrecord(&mut self, client: ConnectionId, bytes: u64) {
        if let Some((_, sum)) = self.0.get_mut(&client).and_then(VecDeque::back_mut) {
            *sum = sum.saturating_sub(bytes);
        }
    }

    /// Forgets who has moved nothing within the window.
    fn forget(&mut self, oldest: u64) {
        self.0.retain(|_, samples| samples.back().is_some_and(|(begun, _)| *begun >= oldest));
    }
}

impl Broker {
    /// The windows of samples begin with the process.
    pub(super) fn begin_quotas(&self, out: &mut Out) {
        let settings = self.settings();
        let rates = [settings.producer_byte_rate, settings.consumer_byte_rate];
        if rates.iter().any(Option::is_some) {
            out.arm(Timer::QuotaWindow, settings.quota_window_size);
        }
    }

    /// The next sample begins.
    pub(super) fn next_quota_window(&mut self, out: &mut Out) {
        let settings = *self.settings();
        let quotas = &mut self.quotas;
        quotas.tick += 1;
        let oldest = (quotas.tick + 1).saturating_sub(settings.quota_window_num.into());
        quotas.produced.forget(oldest);
        quotas.fetched.forget(oldest);
        out.arm(Timer::QuotaWindow, settings.quota_window_size);
    }

    /// Answers a produce request of `bytes`, and holds its connection up if that is above the quota; with
    /// `acks=0` too.
    pub(super) fn reply_produced(
        &mut self,
        to: ConnectionId,
        bytes: u64,
        answer: Message,
        out: &mut Out,
    ) {
        let settings = *self.settings();
        let waits = settings.producer_byte_rate.map_or(Micros::ZERO, |rate| {
            let Quotas { tick, produced, .. } = &mut self.quotas;
            produced.record(to, bytes, *tick, (rate, &settings))
        });
        out.reply(to, throttled(waits, answer));
    }

    /// Answers a consumer's fetch. Above the quota it gets nothing, and nothing is counted.
    pub(super) fn reply_fetched(
        &mut self,
        to: ConnectionId,
        correlation: CorrelationId,
        partitions: Vec<FetchedPartition>,
        out: &mut Out,
    ) {
        let settings = *self.settings();
        let Some(rate) = settings.consumer_byte_rate else {
            return reply(to, correlation, Response::Fetch(partitions), out);
        };
        let answer = Message::Response(correlation, Response::Fetch(partitions));
        let bytes = answer.wire_bytes();
        let Quotas { tick, fetched, .. } = &mut self.quotas;
        let waits = fetched.record(to, bytes, *tick, (rate, &settings));
        if waits == Micros::ZERO {
            return out.reply(to, answer);
        }
        fetched.unrecord(to, bytes);
        let nothing = Message::Response(correlation, Response::Fetch(Vec::new()));
        out.reply(to, throttled(waits, nothing));
    }

    /// The most that a consumer may fetch at once without being held up for certain
    /// (`getMaxValueInQuotaWindow`).
    pub(super) fn most_fetched(&self, max_bytes: u32) -> u32 {
        let settings = self.settings();
        let Some(rate) = settings.consumer_byte_rate else { return max_bytes };
        let windows = u64::from(settings.quota_window_num.max(2)) - 1;
        let most = (settings.quota_window_size * windows).0.saturating_mul(rate) / 1_000_000;
        max_bytes.min(u32::try_from(most).unwrap_or(u32::MAX))
    }
}

fn throttled(waits: Micros, answer: Message) -> Message {
    if waits == Micros::ZERO { answer } else { Message::Throttled(waits, Box::new(answer)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: ConnectionId = ConnectionId(1);
    const B: ConnectionId = ConnectionId(2);

    /// Two windows of a second, 1000 bytes a second.
    fn record(usage: &mut Usage, client: ConnectionId, bytes: u64, tick: u64) -> u64 {
        let settings = BrokerSettings {
            quota_window_num: 2,
            quota_window_size: Micros::from_secs(1),
            ..BrokerSettings::default()
        };
        usage.record(client, bytes, tick, (1000, &settings)).0
    }

    #[test]
    fn a_client_waits_until_the_rate_of_its_window_is_down() {
        let mut usage = Usage::default();
        assert_eq!(record(&mut usage, A, 1000, 0), 0, "1000 bytes in the one full second");
        assert_eq!(record(&mut usage, A, 500, 0), 500_000);
        assert_eq!(record(&mut usage, B, 900, 0), 0, "another client");
        assert_eq!(record(&mut usage, A, 100, 1), 600_000, "the window before still counts");
        assert_eq!(record(&mut usage, A, 100, 2), 0, "and now no longer");
    }

    #[test]
    fn what_is_taken_back_does_not_count_and_the_idle_are_forgotten() {
        let mut usage = Usage::default();
        assert_eq!(record(&mut usage, A, 3000, 0), 2_000_000);
        usage.unrecord(A, 3000);
        assert_eq!(record(&mut usage, A, 1000, 0), 0);
        usage.forget(0);
        assert_eq!(usage.0.len(), 1);
        usage.forget(1);
        assert!(usage.0.is_empty());
    }
}
