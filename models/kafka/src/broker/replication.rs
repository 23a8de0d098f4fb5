//! Fetching as a follower: one fetch in flight to each leader.
//!
//! A fetch names what changed since the one before, as in Kafka's fetch sessions, so that partitions
//! at rest cost nothing. Kafka: `AbstractFetcherThread`, `ReplicaFetcherThread`, `FetchSessionHandler`
//! (R2.1–R2.11).

use super::{Broker, Out, Timer, replica_fetcher};
use crate::config::ReplicaSelector;
use crate::message::{
    CorrelationId, FetchPartition, FetchRequest, FetchSession, Fetched, FetchedPartition,
    FetchingReplica, Message, Request, SessionId,
};
use crate::partition::Partition;
use crate::partition::follower::Fetching;
use ackproof_types::{BrokerId, ErrorCode, TopicPartition};
use std::sync::Arc;

/// The fetcher to one leader.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Fetcher {
    in_flight: Option<CorrelationId>,
    /// The session and the epoch of its next fetch; none: the next fetch begins one.
    session: Option<(SessionId, u32)>,
    /// What the next fetch of the session names.
    pub(super) changed: Vec<TopicPartition>,
    /// What it gives up.
    pub(super) forgotten: Vec<TopicPartition>,
}

impl Broker {
    /// R2.7: sees to it that every leader this broker follows is being fetched from.
    pub(super) fn start_fetchers(&mut self, out: &mut Out) {
        let cluster = Arc::clone(&self.env.cluster);
        for leader in cluster.brokers.iter().copied() {
            if leader != self.env.id {
                self.fetch_from(leader, out);
            }
        }
    }

    pub(super) fn fetch_from(&mut self, leader: BrokerId, out: &mut Out) {
        let fetcher = self.fetchers.entry(leader).or_default();
        if fetcher.in_flight.is_some() {
            return;
        }
        let max_bytes = self.env.cluster.broker.replica_fetch_max_bytes;
        let variants = self.env.cluster.variants;
        let forgotten = std::mem::take(&mut fetcher.forgotten);
        let changed = std::mem::take(&mut fetcher.changed);
        let session = fetcher.session;
        let partitions: Vec<FetchPartition> = if session.is_some() {
            let named = changed.into_iter();
            named
                .filter_map(|id| self.partitions.get_mut(id)?.ask(leader, max_bytes, variants))
                .collect()
        } else {
            let all = self.partitions.all_mut().iter_mut();
            all.filter_map(|partition| partition.ask(leader, max_bytes, variants)).collect()
        };
        if session.is_none() && partitions.is_empty() {
            return;
        }
        let correlation = self.correlation();
        let (id, next) = session.unwrap_or((SessionId(correlation.0), 0));
        let session = match session {
            None => FetchSession::Begin(id),
            Some((session, epoch)) => FetchSession::Continue { session, epoch, forgotten },
        };
        let fetcher = self.fetchers.entry(leader).or_default();
        fetcher.session = Some((id, next + 1));
        fetcher.in_flight = Some(correlation);
        let settings = *self.settings();
        let request = Request::Fetch(FetchRequest {
            replica: Some(FetchingReplica { broker: self.env.id, epoch: self.epoch() }),
            rack: None,
            max_wait: settings.replica_fetch_wait_max,
            min_bytes: settings.replica_fetch_min_bytes,
            max_bytes: settings.replica_fetch_response_max_bytes,
            session,
            partitions,
        });
        out.send(replica_fetcher(leader), Message::Request(correlation, request));
        out.arm(Timer::FetcherTimeout(leader), settings.replica_socket_timeout);
    }

    /// KIP-227: the leader does not know the session: it is begun anew at once.
    pub(super) fn session_refused(
        &mut self,
        leader: BrokerId,
        correlation: CorrelationId,
        out: &mut Out,
    ) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        if fetcher.in_flight == Some(correlation) {
            fetcher.in_flight = None;
            fetcher.session = None;
            self.fetch_from(leader, out);
        }
    }

    /// R2.7: `id` is fetched from another leader, or under another epoch, or not any more.
    pub(super) fn refetch(&mut self, id: TopicPartition, before: Option<BrokerId>) {
        let now = match self.partitions.get_mut(id).and_then(Partition::follower) {
            Some(follower) => follower.leader,
            None => None,
        };
        if let Some(leader) = before.filter(|before| Some(*before) != now) {
            self.fetchers.entry(leader).or_default().forgotten.push(id);
        }
        if let Some(leader) = now {
            self.fetchers.entry(leader).or_default().changed.push(id);
        }
    }

    pub(super) fn fetched(
        &mut self,
        leader: BrokerId,
        correlation: CorrelationId,
        partitions: Vec<FetchedPartition>,
        out: &mut Out,
    ) {
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        if fetcher.in_flight != Some(correlation) {
            return;
        }
        fetcher.in_flight = None;
        let mut outside = Vec::new();
        for FetchedPartition { partition: id, result } in partitions {
            let Some(partition) = self.partitions.get_mut(id) else { continue };
            // R2.4: it was given to another leader, or rests.
            if !partition.follower().is_some_and(|follower| follower.fetches_from(leader)) {
                continue;
            }
            match result {
                Ok(fetched) => self.take(id, leader, &fetched, out),
                Err(ErrorCode::OffsetOutOfRange) => outside.push(id),
                Err(error) => self.fetch_refused(id, leader, error, out),
            }
        }
        self.ask_ranges(leader, &outside, out);
        self.fetch_from(leader, out);
    }

    /// R2.5, R2.9: takes what the leader sent.
    fn take(&mut self, id: TopicPartition, leader: BrokerId, fetched: &Fetched, out: &mut Out) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        if fetched.fetch_offset != partition.log.end() {
            return;
        }
        let variants = self.env.cluster.variants;
        if let Some(end) = fetched.diverging {
            partition.truncate_on_divergence(end, variants, out);
            self.fetchers.entry(leader).or_default().changed.push(id);
            return;
        }
        if partition.compare_no_more(variants) {
            self.fetchers.entry(leader).or_default().changed.push(id);
        }
        for batch in &fetched.batches {
            if self.make_room(id, batch.size, out).is_err() {
                return;
            }
            let Some(partition) = self.partitions.get_mut(id) else { return };
            if !partition.append_as_follower(batch, out) {
                self.rest(id, leader, Fetching::Stopped);
                return;
            }
        }
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let before = partition.log.high_watermark();
        partition.log.set_high_watermark(fetched.high_watermark);
        let moved = partition.log.high_watermark() > before;
        partition.take_start(fetched.log_start, out);
        if !fetched.batches.is_empty() {
            self.fetchers.entry(leader).or_default().changed.push(id);
        }
        // KIP-392: consumers may wait here.
        if moved && self.settings().replica_selector == ReplicaSelector::RackAware {
            self.wake_consumers(id, out);
        }
    }

    /// R2.6: what the leader refuses is asked again later, with what metadata says by then.
    fn fetch_refused(
        &mut self,
        id: TopicPartition,
        leader: BrokerId,
        error: ErrorCode,
        out: &mut Out,
    ) {
        let current = self.partitions.get(id).map(|partition| partition.leader_epoch);
        let follower = self.partitions.get_mut(id).and_then(Partition::follower);
        let outdated = follower.is_some_and(|follower| Some(follower.asked) == current);
        if error == ErrorCode::FencedLeaderEpoch && outdated {
            self.rest(id, leader, Fetching::Stopped);
        } else {
            self.rest(id, leader, Fetching::Delayed);
            out.arm(Timer::PartitionBackoff(id), self.settings().replica_fetch_backoff);
        }
    }

    pub(super) fn rest(&mut self, id: TopicPartition, leader: BrokerId, fetching: Fetching) {
        if let Some(follower) = self.partitions.get_mut(id).and_then(Partition::follower) {
            follower.fetching = fetching;
        }
        self.fetchers.entry(leader).or_default().forgotten.push(id);
    }

    /// R5.17: a broker on its way out no longer fetches what it fell out of sync with.
    pub(super) fn stop_fetching(&mut self, id: TopicPartition) {
        let follower = self.partitions.get_mut(id).and_then(Partition::follower);
        if let Some(follower) = follower {
            follower.fetching = Fetching::Stopped;
            if let Some(leader) = follower.leader {
                self.fetchers.entry(leader).or_default().forgotten.push(id);
            }
        }
    }

    /// The pause of `id` is over.
    pub(super) fn partition_may_retry(&mut self, id: TopicPartition, out: &mut Out) {
        let Some(follower) = self.partitions.get_mut(id).and_then(Partition::follower) else {
            return;
        };
        if let (Fetching::Delayed, Some(leader)) = (follower.fetching, follower.leader) {
            follower.fetching = Fetching::Ready;
            self.fetchers.entry(leader).or_default().changed.push(id);
            self.fetch_from(leader, out);
        }
    }

    /// R2.6: a transport failure delays all partitions of the fetcher; one that gets a new leader
    /// epoch meanwhile is fetched at once.
    pub(super) fn fetcher_failed(&mut self, leader: BrokerId, out: &mut Out) {
        let fetcher = self.fetchers.entry(leader).or_default();
        fetcher.in_flight = None;
        fetcher.session = None;
        for follower in self.partitions.all_mut().iter_mut().filter_map(Partition::follower) {
            let asks = follower.leader == Some(leader) && follower.fetching == Fetching::Asking;
            if follower.fetches_from(leader) || asks {
                follower.fetching = Fetching::Paused;
            }
        }
        out.disarm(Timer::FetcherTimeout(leader));
        out.arm(Timer::FetcherBackoff(leader), self.settings().replica_fetch_backoff);
    }

    pub(super) fn fetcher_may_retry(&mut self, leader: BrokerId, out: &mut Out) {
        for follower in self.partitions.all_mut().iter_mut().filter_map(Partition::follower) {
            if follower.leader == Some(leader) && follower.fetching == Fetching::Paused {
                follower.fetching = Fetching::Ready;
            }
        }
        // They join whatever is fetched from it meanwhile.
        self.fetchers.entry(leader).or_default().session = None;
        self.fetch_from(leader, out);
    }
}
