//! Reads of followers and consumers, and their parking.
//!
//! Kafka: `ReplicaManager#fetchMessages`, `Partition#fetchRecords`, `DelayedFetch` (R2.8–R2.16, R2.20,
//! R2.21).

use super::session::{Sessions, Waiting, is_settled, is_stale};
use super::{Broker, Out, Timer, reply};
use crate::config::ReplicaSelector;
use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, EpochEnd, EpochQuery, FetchPartition, FetchRequest, Fetched, FetchedPartition,
    FetchingReplica, ListOffsetsPartition, ListedOffset, OffsetSpec, Rack, Response,
};
use crate::partition::{Partition, Role};
use crate::variant::Variant;
use ackproof_types::{BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};
use std::sync::Arc;

/// Fetches that wait for data.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct FetchPurgatory {
    next: u64,
    sessions: Sessions,
    /// Of consumers, in the order of their arrival.
    parked: Vec<Parked>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Parked {
    number: u64,
    connection: ConnectionId,
    correlation: CorrelationId,
    request: FetchRequest,
}

impl FetchPurgatory {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

impl Broker {
    pub(super) fn handle_fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: FetchRequest,
        out: &mut Out,
    ) {
        match request.replica {
            Some(replica) => {
                self.handle_follower_fetch(connection, correlation, replica, request, out);
            }
            None => self.handle_consumer_fetch(connection, correlation, request, out),
        }
    }

    fn handle_follower_fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        replica: FetchingReplica,
        request: FetchRequest,
        out: &mut Out,
    ) {
        let FetchRequest { max_wait, min_bytes, max_bytes, session, partitions, .. } = request;
        match self.fetch.sessions.take(replica.broker, session, partitions) {
            Ok(None) => {}
            Ok(Some(before)) => {
                // Its follower has given up waiting there.
                out.disarm(Timer::FetchWait(before.number));
                let refused = Response::FetchSessionRefused(ErrorCode::FetchSessionIdNotFound);
                reply(before.connection, before.correlation, refused, out);
            }
            Err(error) => {
                reply(connection, correlation, Response::FetchSessionRefused(error), out);
                return;
            }
        }
        let Some(session) = self.fetch.sessions.of(replica.broker) else { return };
        session.max_bytes = u64::from(max_bytes);
        let alive = self.env.image.brokers.get(&replica.broker).filter(|broker| !broker.fenced);
        let stale = is_stale(replica, alive.map(|broker| broker.epoch));
        if stale || session.looked_at_all != self.env.tick {
            session.looked_at_all = self.env.tick;
            session.note_all();
        }
        let answer = self.look(replica.broker, Some((replica, stale)), out);
        let min_bytes = u64::from(min_bytes);
        let waiting = Waiting { number: self.fetch.number(), connection, correlation, min_bytes };
        if answer.urgent || answer.bytes >= min_bytes || max_wait.0 == 0 {
            self.answer_follower(replica.broker, waiting, answer, out);
            return;
        }
        out.arm(Timer::FetchWait(waiting.number), max_wait);
        if let Some(session) = self.fetch.sessions.of(replica.broker) {
            session.parked = Some(waiting);
            answer.partitions.iter().for_each(|one| session.note(one.partition));
        }
    }

    /// Reads what has news for `follower`. R2.14: its claims count when its request is first read, not
    /// when it is answered: `first` says who claims, and whether it is a former process.
    fn look(
        &mut self,
        follower: BrokerId,
        first: Option<(FetchingReplica, bool)>,
        out: &mut Out,
    ) -> Answer {
        let mut answer = Answer::default();
        let Some(session) = self.fetch.sessions.of(follower) else { return answer };
        let max_bytes = session.max_bytes;
        let variants = self.env.cluster.variants;
        let news = session.take_news();
        for id in news.iter().copied() {
            let asked = self.fetch.sessions.of(follower).and_then(|one| one.asked(id).copied());
            let Some(asked) = asked else { continue };
            let mut result = self.read_one(&asked, By::Replica(follower), &answer, max_bytes);
            let ahead = |partition: &Partition| partition.leader_epoch < asked.leader_epoch;
            let read = result.as_ref().is_ok_and(|fetched| fetched.diverging.is_none())
                && !(variants.has(Variant::UnfencedTruncationSource)
                    && self.partitions.get(id).is_some_and(ahead));
            match first {
                Some((_, true)) if read => result = Err(ErrorCode::NotLeaderOrFollower),
                Some((replica, false)) if read => {
                    self.follower_fetched(id, replica, asked.offset, out);
                }
                Some((replica, false)) => {
                    let (claim, around) = ((replica, asked.offset), (self.env.tick, variants));
                    let moved = self
                        .partitions
                        .get_mut(id)
                        .is_some_and(|one| one.fetched_unfenced(&result, claim, around));
                    if moved {
                        self.advance(id, out);
                    }
                }
                Some(_) | None => {}
            }
            let settled = self.partitions.get_mut(id).is_some_and(|partition| {
                let end = partition.log.end();
                let in_isr = partition.leader().is_ok_and(|leader| leader.in_isr(follower));
                is_settled(&result, end, in_isr)
            });
            let Some(session) = self.fetch.sessions.of(follower) else { continue };
            if !settled {
                session.note(id);
            }
            if session.is_new(id, &result) {
                answer.add(id, result);
            }
        }
        if let Some(session) = self.fetch.sessions.of(follower) {
            session.recycle(news);
        }
        answer
    }

    fn answer_follower(&mut self, follower: BrokerId, to: Waiting, answer: Answer, out: &mut Out) {
        if let Some(session) = self.fetch.sessions.of(follower) {
            session.tell(&answer.partitions);
        }
        reply(to.connection, to.correlation, Response::Fetch(answer.partitions), out);
    }

    fn finish_follower(&mut self, follower: BrokerId, out: &mut Out) {
        let session = self.fetch.sessions.of(follower);
        if let Some(waiting) = session.and_then(|session| session.parked.take()) {
            out.disarm(Timer::FetchWait(waiting.number));
            let answer = self.look(follower, None, out);
            self.answer_follower(follower, waiting, answer, out);
        }
    }

    /// R2.13, R3.6, R2.17.
    fn follower_fetched(
        &mut self,
        id: TopicPartition,
        replica: FetchingReplica,
        offset: Offset,
        out: &mut Out,
    ) {
        let Some(partition) = self.partitions.get_mut(id) else { return };
        let (end, high_watermark) = (partition.log.end(), partition.log.high_watermark());
        let Ok(leader) = partition.leader() else { return };
        let around = self.env.around(id);
        let moved = leader.fetched(replica.broker, replica.epoch, offset, end, around.tick);
        if leader.maybe_expand(replica.broker, high_watermark, around) {
            self.propose(id, out);
        }
        if moved {
            self.advance(id, out);
        }
    }

    fn handle_consumer_fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        mut request: FetchRequest,
        out: &mut Out,
    ) {
        request.max_bytes = self.most_fetched(request.max_bytes);
        request.min_bytes = request.min_bytes.min(request.max_bytes);
        let answer = self.read_all(&request);
        if answer.urgent
            || answer.bytes >= u64::from(request.min_bytes)
            || request.max_wait.0 == 0
            || request.partitions.is_empty()
            || self.is_complete(&request.partitions, false, request.min_bytes.into())
        {
            self.reply_fetched(connection, correlation, answer.partitions, out);
            return;
        }
        let number = self.fetch.number();
        out.arm(Timer::FetchWait(number), request.max_wait);
        self.fetch.parked.push(Parked { number, connection, correlation, request });
    }

    fn read_all(&self, request: &FetchRequest) -> Answer {
        let mut answer = Answer::default();
        for asked in &request.partitions {
            let result =
                self.read_one(asked, By::Consumer(request.rack), &answer, request.max_bytes.into());
            answer.add(asked.partition, result);
        }
        answer
    }

    fn read_one(
        &self,
        asked: &FetchPartition,
        by: By,
        sofar: &Answer,
        max_bytes: u64,
    ) -> Result<Fetched, ErrorCode> {
        let id = asked.partition;
        let partition = self.partitions.get(id).ok_or_else(|| self.not_hosted_by_id(id))?;
        let variants = self.env.cluster.variants;
        match by {
            By::Consumer(_) => partition.check_epoch(asked.leader_epoch)?,
            By::Replica(_) => {
                if let Some(fetched) = partition.check_fetch(asked, variants)? {
                    return Ok(fetched);
                }
            }
        }
        let log = &partition.log;
        if let By::Consumer(Some(rack)) = by
            && let Some(replica) = self.preferred_read_replica(partition, asked.offset, rack)
        {
            return Ok(Fetched {
                fetch_offset: asked.offset,
                high_watermark: log.high_watermark(),
                log_start: log.start(),
                diverging: None,
                preferred_read_replica: Some(replica),
                batches: Vec::new(),
            });
        }
        let bound = match (&partition.role, by) {
            (Role::Follower(_), By::Replica(_)) => return Err(ErrorCode::NotLeaderOrFollower),
            (Role::Leader(leader), By::Replica(replica)) if !leader.is_replica(replica) => {
                return Err(ErrorCode::UnknownLeaderEpoch);
            }
            (Role::Leader(_), By::Replica(_)) => log.end(),
            (_, By::Consumer(_)) if variants.has(Variant::ReadAboveHighWatermark) => log.end(),
            // R2.21; a follower's own high watermark trails its leader's (R2.18).
            (_, By::Consumer(_)) => log.high_watermark(),
        };
        let diverging = partition.divergence(asked.offset, asked.last_fetched_epoch, variants)?;
        if diverging.is_none() && (asked.offset > log.end() || asked.offset < log.start()) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let batches = if diverging.is_some() {
            Vec::new()
        } else {
            let left = max_bytes.saturating_sub(sofar.bytes).min(asked.max_bytes.into());
            let read = log.read(asked.offset, bound, left, sofar.bytes == 0);
            log.intact(read, matches!(by, By::Replica(_)))?
        };
        Ok(Fetched {
            fetch_offset: asked.offset,
            high_watermark: log.high_watermark(),
            log_start: log.start(),
            diverging,
            preferred_read_replica: None,
            batches,
        })
    }

    /// KIP-392: the follower in the consumer's rack that a leader sends it to, if it may read there and the
    /// leader is not in that rack itself (Kafka: `ReplicaManager#findPreferredReadReplica`,
    /// `RackAwareReplicaSelector`).
    fn preferred_read_replica(
        &self,
        partition: &Partition,
        offset: Offset,
        rack: Rack,
    ) -> Option<BrokerId> {
        let Role::Leader(leader) = &partition.role else { return None };
        let is_in_rack = |broker| self.env.cluster.racks.get(&broker) == Some(&rack);
        let selects = self.settings().replica_selector == ReplicaSelector::RackAware;
        if !selects || is_in_rack(self.env.id) {
            return None;
        }
        leader.read_replica(offset, |broker| is_in_rack(broker) && self.is_unfenced(broker))
    }

    /// R2.16: whether a parked fetch has an answer worth sending.
    fn is_complete<'a>(
        &self,
        partitions: impl IntoIterator<Item = &'a FetchPartition>,
        is_replica: bool,
        min_bytes: u64,
    ) -> bool {
        let mut bytes = 0;
        for asked in partitions {
            let Some(partition) = self.partitions.get(asked.partition) else { return true };
            let serves = !is_replica || partition.is_leader();
            if !serves || partition.check_epoch(asked.leader_epoch).is_err() {
                return true;
            }
            let log = &partition.log;
            let bound = if is_replica { log.end() } else { log.high_watermark() };
            let variants = self.env.cluster.variants;
            let parts =
                partition.divergence(asked.offset, asked.last_fetched_epoch, variants) != Ok(None);
            if asked.offset > bound || parts {
                return true;
            }
            bytes += log.available(asked.offset, bound, asked.max_bytes.into());
        }
        bytes >= min_bytes
    }

    /// R2.16: an append wakes the followers that wait on `id`; the high watermark does not.
    pub(super) fn wake_followers(&mut self, id: TopicPartition, out: &mut Out) {
        self.note(id);
        let cluster = Arc::clone(&self.env.cluster);
        for follower in cluster.brokers.iter().copied() {
            let waiting = self.fetch.sessions.waiting_for(id);
            let complete = waiting.filter(|(replica, ..)| *replica == follower).any(
                |(_, session, waiting)| {
                    self.is_complete(session.asked_with_news(), true, waiting.min_bytes)
                },
            );
            if complete {
                self.finish_follower(follower, out);
            }
        }
    }

    /// The high watermark of `id` rose, or its role or in-sync set changed: followers hear of it with
    /// their next answers.
    pub(super) fn note(&mut self, id: TopicPartition) {
        self.fetch.sessions.note(id);
    }

    /// A rise of the high watermark wakes the consumers.
    pub(super) fn wake_consumers(&mut self, id: TopicPartition, out: &mut Out) {
        self.wake(id, false, out);
    }

    /// R2.23: who waits on `id` is turned away.
    pub(super) fn resigned(&mut self, id: TopicPartition, out: &mut Out) {
        self.settle_produce(id, out);
        self.wake(id, true, out);
        self.wake_followers(id, out);
    }

    fn wake(&mut self, id: TopicPartition, everyone: bool, out: &mut Out) {
        if self.fetch.parked.is_empty() {
            return;
        }
        let mut parked = std::mem::take(&mut self.fetch.parked);
        parked.retain(|one| {
            let asked = &one.request.partitions;
            if !asked.iter().any(|asked| asked.partition == id)
                || !(everyone || self.is_complete(asked, false, one.request.min_bytes.into()))
            {
                return true;
            }
            out.disarm(Timer::FetchWait(one.number));
            let answer = self.read_all(&one.request);
            self.reply_fetched(one.connection, one.correlation, answer.partitions, out);
            false
        });
        self.fetch.parked = parked;
    }

    pub(super) fn fetch_wait_over(&mut self, number: u64, out: &mut Out) {
        if let Some(follower) = self.fetch.sessions.parked_as(number) {
            self.finish_follower(follower, out);
        } else if let Some(at) = self.fetch.parked.iter().position(|one| one.number == number) {
            let one = self.fetch.parked.remove(at);
            let answer = self.read_all(&one.request);
            self.reply_fetched(one.connection, one.correlation, answer.partitions, out);
        }
    }

    /// R2.20.
    pub(super) fn list_offset(
        &mut self,
        asked: &ListOffsetsPartition,
    ) -> Result<ListedOffset, ErrorCode> {
        let partition = self.hosted(self.named(asked.partition))?;
        partition.check_epoch(asked.leader_epoch)?;
        let (start, end) = (partition.log.start(), partition.log.end());
        let high_watermark = partition.log.high_watermark();
        let (earliest, current) = (partition.log.earliest_epoch(), partition.leader_epoch);
        let epoch_start = partition.leader()?.epoch_start();
        let is_behind = high_watermark < epoch_start;
        let since = |time| partition.log.first_since(time).filter(|found| *found < high_watermark);
        let (offset, leader_epoch) = match asked.spec {
            OffsetSpec::Earliest => (start, earliest),
            OffsetSpec::Latest if is_behind => return Err(ErrorCode::OffsetNotAvailable),
            OffsetSpec::Latest => (high_watermark, current),
            OffsetSpec::LogEnd => (end, current),
            OffsetSpec::Since(time) => match since(time) {
                Some(found) => (found, current),
                None if is_behind => return Err(ErrorCode::OffsetNotAvailable),
                None => (Offset::UNKNOWN, LeaderEpoch::UNKNOWN),
            },
        };
        Ok(ListedOffset { offset, leader_epoch })
    }

    /// R1.13, for consumers that validate their positions (R8.7).
    pub(super) fn epoch_end(&mut self, asked: &EpochQuery) -> Result<EpochEnd, ErrorCode> {
        let partition = self.hosted(self.named(asked.partition))?;
        partition.check_epoch(asked.current_leader_epoch)?;
        partition.leader()?;
        Ok(partition.log.end_of(asked.epoch))
    }

    fn hosted(&mut self, id: TopicPartition) -> Result<&mut Partition, ErrorCode> {
        let missing = self.not_hosted(id);
        self.partitions.get_mut(id).ok_or(missing)
    }

    /// Why a broker does not serve a partition at all.
    pub(super) fn not_hosted(&self, id: TopicPartition) -> ErrorCode {
        if self.storage.is_offline(id) {
            ErrorCode::KafkaStorageError
        } else if self.env.image.partitions.contains_key(&id) {
            ErrorCode::NotLeaderOrFollower
        } else {
            ErrorCode::UnknownTopicOrPartition
        }
    }

    /// The same to somebody who names the topic by its id (KIP-516): one that is deleted has none, and of one that was
    /// created again the broker may not have heard.
    pub(super) fn not_hosted_by_id(&self, id: TopicPartition) -> ErrorCode {
        let image = &self.env.image;
        let is_unheard_of = id.topic.life() > 0 && image.of_topic(id.topic).next().is_none();
        match is_unheard_of || image.removed.contains(&id.topic) {
            true => ErrorCode::UnknownTopicId,
            false => self.not_hosted(id),
        }
    }

    /// What a request means that names the topic, and not its id.
    pub(super) fn named(&self, place: TopicPartition) -> TopicPartition {
        TopicPartition::new(self.env.image.current(place.topic), place.partition)
    }
}

/// Who reads.
#[derive(Clone, Copy)]
enum By {
    Replica(BrokerId),
    Consumer(Option<Rack>),
}

/// What a read of a fetch's partitions found.
#[derive(Default)]
struct Answer {
    partitions: Vec<FetchedPartition>,
    bytes: u64,
    /// An error or a divergence: worth an answer at once.
    urgent: bool,
}

impl Answer {
    fn add(&mut self, partition: TopicPartition, result: Result<Fetched, ErrorCode>) {
        match &result {
            Ok(fetched) => {
                let sizes = fetched.batches.iter().map(|batch| u64::from(batch.size));
                self.bytes += sizes.sum::<u64>();
                self.urgent |= fetched.diverging.is_some();
                self.urgent |= fetched.preferred_read_replica.is_some();
            }
            Err(_) => self.urgent = true,
        }
        self.partitions.push(FetchedPartition { partition, result });
    }
}
