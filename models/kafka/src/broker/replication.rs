//! Fetching as a follower: one fetch in flight to each leader.
//!
//! Kafka: `AbstractFetcherThread`, `ReplicaFetcherThread` (R2.1–R2.11).

use super::{Broker, Out, Timer};
use crate::machine::{Channel, Route};
use crate::message::{
    CorrelationId, FetchPartition, FetchRequest, FetchSession, Fetched, FetchedPartition,
    FetchingReplica, Message, Request, SessionId,
};
use crate::partition::Role;
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, TopicPartition};

/// The fetcher to one leader.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    in_flight: Option<CorrelationId>,
    /// The session, and the epoch of its next fetch; none: to be begun (KIP-227).
    session: Option<(SessionId, u32)>,
    /// What the leader remembers of the session, ascending.
    asked: Vec<FetchPartition>,
    /// Partitions of the fetch in flight whose answer does not count any more.
    abandoned: Vec<TopicPartition>,
    backing_off: bool,
}

impl Fetcher {
    /// Names the session of the next fetch, begun if there is none.
    fn next_session(
        &mut self,
        correlation: CorrelationId,
        forgotten: Vec<TopicPartition>,
    ) -> FetchSession {
        match &mut self.session {
            Some((session, epoch)) => {
                *epoch += 1;
                FetchSession::Continue { session: *session, epoch: *epoch - 1, forgotten }
            }
            None => {
                let session = SessionId(correlation.0);
                self.session = Some((session, 1));
                FetchSession::Begin(session)
            }
        }
    }

    /// The session is lost.
    fn forget_session(&mut self) {
        self.session = None;
        self.asked.clear();
    }

    fn counts(&self, partition: TopicPartition) -> bool {
        let asked = self.asked.binary_search_by_key(&partition, |asked| asked.partition);
        asked.is_ok() && !self.abandoned.contains(&partition)
    }
}

impl Broker {
    /// R2.7: sees to it that every leader this broker follows is being fetched from.
    pub(super) fn start_fetchers(&mut self, out: &mut Out) {
        for leader in self.env.cluster.broker_ids() {
            if leader != self.env.id {
                self.fetch_from(leader, out);
            }
        }
    }

    pub(super) fn fetch_from_leader_of(&mut self, id: TopicPartition, out: &mut Out) {
        let leader = match self.partitions.get(id).map(|partition| &partition.role) {
            Some(Role::Follower(Some(leader))) => *leader,
            Some(Role::Follower(None) | Role::Leader(_)) | None => return,
        };
        self.fetch_from(leader, out);
    }

    fn fetch_from(&mut self, leader: BrokerId, out: &mut Out) {
        if !self.is_unfenced(leader) {
            return;
        }
        let fetcher = self.fetchers.entry(leader).or_default();
        if fetcher.in_flight.is_some() || fetcher.backing_off {
            return;
        }
        let max_bytes = self.env.cluster.broker.replica_fetch_max_bytes;
        let mut changed = Vec::new();
        let mut forgotten = Vec::new();
        let mut place = 0;
        // Both ascend.
        for partition in self.partitions.all() {
            let follows = matches!(partition.role, Role::Follower(Some(id)) if id == leader);
            if !follows || self.delayed.contains(&partition.id) {
                continue;
            }
            while fetcher.asked.get(place).is_some_and(|asked| asked.partition < partition.id) {
                forgotten.push(fetcher.asked.remove(place).partition);
            }
            let wanted = FetchPartition {
                partition: partition.id,
                offset: partition.log.end(),
                leader_epoch: partition.leader_epoch,
                last_fetched_epoch: partition.log.latest_epoch(),
                log_start: partition.log.start(),
                max_bytes,
            };
            match fetcher.asked.get_mut(place) {
                Some(asked) if asked.partition == partition.id => {
                    if *asked != wanted {
                        *asked = wanted;
                        changed.push(wanted);
                    }
                }
                Some(_) | None => {
                    fetcher.asked.insert(place, wanted);
                    changed.push(wanted);
                }
            }
            place += 1;
        }
        forgotten.extend(fetcher.asked.drain(place..).map(|asked| asked.partition));
        if place == 0 {
            // Nobody reads the session's last words: it is begun anew when there is something.
            fetcher.forget_session();
            return;
        }
        self.next_correlation += 1;
        let correlation = CorrelationId(self.next_correlation);
        fetcher.in_flight = Some(correlation);
        fetcher.abandoned.clear();
        let session = fetcher.next_session(correlation, forgotten);
        let settings = self.env.cluster.broker;
        let replica = FetchingReplica {
            broker: self.env.id,
            epoch: self.lifecycle.epoch().unwrap_or(BrokerEpoch::UNKNOWN),
        };
        let request = Request::Fetch(FetchRequest {
            replica: Some(replica),
            max_wait: settings.replica_fetch_wait_max,
            min_bytes: settings.replica_fetch_min_bytes,
            max_bytes: settings.replica_fetch_response_max_bytes,
            session,
            partitions: changed,
        });
        let route = Route { node: leader.into(), channel: Channel::Fetcher };
        out.send(route, Message::Request(correlation, request));
        out.arm(Timer::FetcherTimeout(leader), settings.replica_socket_timeout);
    }

    /// R2.4, R2.7: the answer to a fetch under way no longer counts for `id`.
    pub(super) fn abandon_fetch_of(&mut self, id: TopicPartition) {
        for fetcher in self.fetchers.values_mut() {
            fetcher.abandoned.push(id);
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
        for FetchedPartition { partition, result } in partitions {
            if !self.fetchers.get(&leader).is_some_and(|fetcher| fetcher.counts(partition)) {
                continue;
            }
            match result {
                Ok(fetched) => self.take(partition, &fetched, out),
                Err(error) => self.fetch_refused(partition, error, out),
            }
        }
        self.fetch_from(leader, out);
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
            fetcher.forget_session();
            self.fetch_from(leader, out);
        }
    }

    /// R2.5, R2.9: takes what the leader sent.
    fn take(&mut self, id: TopicPartition, fetched: &Fetched, out: &mut Out) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        if partition.is_leader() || fetched.fetch_offset != partition.log.end() {
            return;
        }
        if let Some(end) = fetched.diverging {
            partition.truncate_on_divergence(end, out);
            return;
        }
        for batch in &fetched.batches {
            if !partition.append_as_follower(batch, out) {
                self.delay(id, out);
                return;
            }
        }
        partition.log.set_high_watermark(fetched.high_watermark);
    }

    /// R2.6: what the leader refuses is asked again later, with what metadata says by then.
    fn fetch_refused(&mut self, id: TopicPartition, _error: ErrorCode, out: &mut Out) {
        self.delay(id, out);
    }

    fn delay(&mut self, id: TopicPartition, out: &mut Out) {
        self.delayed.insert(id);
        out.arm(Timer::PartitionBackoff(id), self.settings().replica_fetch_backoff);
    }

    /// R2.6: a transport failure delays all partitions of the fetcher.
    pub(super) fn fetcher_failed(&mut self, leader: BrokerId, out: &mut Out) {
        let fetcher = self.fetchers.entry(leader).or_default();
        fetcher.in_flight = None;
        fetcher.forget_session();
        fetcher.backing_off = true;
        out.disarm(Timer::FetcherTimeout(leader));
        out.arm(Timer::FetcherBackoff(leader), self.settings().replica_fetch_backoff);
    }

    pub(super) fn fetcher_may_retry(&mut self, leader: BrokerId, out: &mut Out) {
        self.fetchers.entry(leader).or_default().backing_off = false;
        self.fetch_from(leader, out);
    }
}
