//! Reads of followers and consumers, and their parking.
//!
//! Kafka: `ReplicaManager#fetchMessages`, `DelayedFetch` (R2.8–R2.16, R2.20, R2.21).

use super::session::{Sessions, Settled};
use super::{Broker, Env, NOT_HOSTED, Out, Timer, reply};
use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, EpochEnd, EpochQuery, FetchPartition, FetchRequest, FetchSession, Fetched,
    FetchedPartition, FetchingReplica, ListOffsetsPartition, ListedOffset, OffsetSpec, Response,
    SessionId,
};
use crate::partition::{Partition, Role};
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, TopicPartition};
use std::collections::BTreeMap;

/// Fetches that wait for data.
#[derive(Debug, Default)]
pub(super) struct FetchPurgatory {
    next: u64,
    parked: BTreeMap<u64, Parked>,
    sessions: Sessions,
}

#[derive(Debug)]
struct Parked {
    connection: ConnectionId,
    correlation: CorrelationId,
    min_bytes: u32,
    max_bytes: u32,
    fetcher: ParkedFetcher,
}

/// Who waits, for what.
#[derive(Debug)]
enum ParkedFetcher {
    /// A replica, for the partitions of its session.
    Replica(BrokerId, BrokerEpoch, SessionId),
    /// A consumer.
    Consumer(Vec<FetchPartition>),
}

impl Broker {
    pub(super) fn handle_fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: FetchRequest,
        out: &mut Out,
    ) {
        let FetchRequest { replica, max_wait, min_bytes, max_bytes, session, partitions } = request;
        let (answer, fetcher) = match replica {
            None => (self.read_all(&partitions, max_bytes), ParkedFetcher::Consumer(partitions)),
            Some(FetchingReplica { broker, epoch }) => {
                let begins = matches!(session, FetchSession::Begin(_));
                if let Err(error) = self.fetch.sessions.take(broker, session, partitions) {
                    reply(connection, correlation, Response::FetchSessionRefused(error), out);
                    return;
                }
                if begins {
                    self.end_older_waits(broker, out);
                }
                let answer = self.read_session(broker, epoch, max_bytes, Claim::Counts, out);
                let id = self.fetch.sessions.get(broker).expect("taken just now").id();
                (answer, ParkedFetcher::Replica(broker, epoch, id))
            }
        };
        let parked = Parked { connection, correlation, min_bytes, max_bytes, fetcher };
        if answer.is_worth(min_bytes) || max_wait.0 == 0 {
            self.answer_fetch(parked, answer.partitions, out);
            return;
        }
        self.fetch.next += 1;
        let number = self.fetch.next;
        out.arm(Timer::FetchWait(number), max_wait);
        self.fetch.parked.insert(number, parked);
    }

    fn answer_fetch(&mut self, to: Parked, partitions: Vec<FetchedPartition>, out: &mut Out) {
        if let ParkedFetcher::Replica(broker, ..) = to.fetcher
            && let Some(session) = self.fetch.sessions.get_mut(broker)
        {
            session.told(&partitions);
        }
        reply(to.connection, to.correlation, Response::Fetch(partitions), out);
    }

    /// A replica that begins a session has given up what it waited for in an older one.
    fn end_older_waits(&mut self, replica: BrokerId, out: &mut Out) {
        self.fetch.parked.retain(|number, one| {
            let is_its =
                matches!(one.fetcher, ParkedFetcher::Replica(broker, ..) if broker == replica);
            if is_its {
                out.disarm(Timer::FetchWait(*number));
                let refused = Response::FetchSessionRefused(ErrorCode::FetchSessionIdNotFound);
                reply(one.connection, one.correlation, refused, out);
            }
            !is_its
        });
    }

    /// Reads what a replica's session asks for, and on its first reading takes what the fetch claims
    /// (R2.13, R2.14). Only news are in the answer.
    fn read_session(
        &mut self,
        replica: BrokerId,
        epoch: BrokerEpoch,
        max_bytes: u32,
        claim: Claim,
        out: &mut Out,
    ) -> Answer {
        let mut answer = Answer::default();
        let mut expanded = Vec::new();
        let mut moved = Vec::new();
        let Some(session) = self.fetch.sessions.get_mut(replica) else { return answer };
        let known = self.env.image.brokers.get(&replica).map(|one| one.epoch);
        let is_current = is_current(epoch, known);
        let fetcher = Reader::Replica { broker: replica, is_current };
        // Both ascend, so one walk finds every partition of the session.
        let mut hosted = self.partitions.all_mut().iter_mut().peekable();
        for remembered in session.partitions_mut() {
            let asked = remembered.asked;
            while hosted.next_if(|one| one.id < asked.partition).is_some() {}
            let Some(partition) = hosted.next_if(|one| one.id == asked.partition) else {
                answer.add(asked.partition, Err(NOT_HOSTED));
                continue;
            };
            let state = Settled {
                leader_epoch: partition.leader_epoch,
                end: partition.log.end(),
                high_watermark: partition.log.high_watermark(),
                broker_epoch: epoch,
                tick: self.env.tick,
            };
            if is_current && remembered.is_settled(state) && partition.is_in_sync(replica) {
                continue;
            }
            let result = answer.read(partition, &asked, fetcher, max_bytes, &self.env);
            let is_readable = matches!(&result, Ok(fetched) if fetched.diverging.is_none());
            if claim == Claim::Counts
                && is_readable
                && let Ok(leader) = partition.leader()
            {
                let around = self.env.around(asked.partition);
                if leader.fetched(replica, epoch, asked.offset, state.end, around.tick) {
                    moved.push(asked.partition);
                }
                // R3.6.
                if leader.maybe_expand(replica, state.high_watermark, around) {
                    expanded.push(asked.partition);
                }
                remembered.settle(state, &result);
            }
            if remembered.is_news(&result) {
                answer.add(asked.partition, result);
            }
        }
        for id in expanded {
            self.propose(id, out);
        }
        // R2.17.
        for id in moved {
            self.advance(id, out);
        }
        answer
    }

    fn read_all(&self, partitions: &[FetchPartition], max_bytes: u32) -> Answer {
        let mut answer = Answer::default();
        for asked in partitions {
            let result = match self.partitions.get(asked.partition) {
                Some(one) => answer.read(one, asked, Reader::Consumer, max_bytes, &self.env),
                None => Err(NOT_HOSTED),
            };
            answer.add(asked.partition, result);
        }
        answer
    }

    /// R2.16: an append wakes the followers that wait on `id`; the high watermark does not.
    pub(super) fn wake_followers(&mut self, id: TopicPartition, out: &mut Out) {
        self.wake(id, out, |one| matches!(one.fetcher, ParkedFetcher::Replica(..)));
    }

    /// A rise of the high watermark wakes the consumers.
    pub(super) fn wake_consumers(&mut self, id: TopicPartition, out: &mut Out) {
        self.wake(id, out, |one| matches!(one.fetcher, ParkedFetcher::Consumer(_)));
    }

    /// A change of role wakes everyone who waits on `id`.
    pub(super) fn role_changed(&mut self, id: TopicPartition, out: &mut Out) {
        self.settle_produce(id, out);
        self.wake(id, out, |_| true);
    }

    fn wake(&mut self, id: TopicPartition, out: &mut Out, whom: impl Fn(&Parked) -> bool) {
        let waits = |one: &Parked| match &one.fetcher {
            ParkedFetcher::Consumer(asked) => asked.iter().any(|asked| asked.partition == id),
            ParkedFetcher::Replica(broker, _, session) => {
                let known = self.fetch.sessions.get(*broker);
                known.is_some_and(|known| known.id() == *session && known.contains(id))
            }
        };
        let concerned = self.fetch.parked.iter().filter(|(_, one)| whom(one) && waits(one));
        let numbers: Vec<u64> = concerned.map(|(number, _)| *number).collect();
        for number in numbers {
            let answer = self.read_parked(number, out);
            if answer.is_worth(self.fetch.parked[&number].min_bytes) {
                out.disarm(Timer::FetchWait(number));
                let one = self.fetch.parked.remove(&number).expect("looked at just now");
                self.answer_fetch(one, answer.partitions, out);
            }
        }
    }

    pub(super) fn fetch_wait_over(&mut self, number: u64, out: &mut Out) {
        let answer = self.read_parked(number, out);
        let Some(one) = self.fetch.parked.remove(&number) else { return };
        self.answer_fetch(one, answer.partitions, out);
    }

    fn read_parked(&mut self, number: u64, out: &mut Out) -> Answer {
        match self.fetch.parked.get(&number) {
            None => Answer::default(),
            Some(Parked { fetcher: ParkedFetcher::Consumer(asked), max_bytes, .. }) => {
                self.read_all(asked, *max_bytes)
            }
            Some(Parked {
                fetcher: ParkedFetcher::Replica(broker, epoch, _), max_bytes, ..
            }) => self.read_session(*broker, *epoch, *max_bytes, Claim::CountedBefore, out),
        }
    }

    /// R2.20.
    pub(super) fn list_offset(
        &mut self,
        asked: &ListOffsetsPartition,
    ) -> Result<ListedOffset, ErrorCode> {
        let partition = self.partitions.get_mut(asked.partition).ok_or(NOT_HOSTED)?;
        partition.check_epoch(asked.leader_epoch)?;
        let (start, high_watermark) = (partition.log.start(), partition.log.high_watermark());
        let leader_epoch = partition.leader_epoch;
        let epoch_start = partition.leader()?.epoch_start();
        match asked.spec {
            OffsetSpec::Earliest => Ok(ListedOffset { offset: start, leader_epoch }),
            OffsetSpec::Latest if high_watermark < epoch_start => {
                Err(ErrorCode::OffsetNotAvailable)
            }
            OffsetSpec::Latest => Ok(ListedOffset { offset: high_watermark, leader_epoch }),
        }
    }

    /// R1.13, for consumers that validate their positions (R8.7).
    pub(super) fn epoch_end(&mut self, asked: &EpochQuery) -> Result<EpochEnd, ErrorCode> {
        let partition = self.partitions.get_mut(asked.partition).ok_or(NOT_HOSTED)?;
        partition.check_epoch(asked.current_leader_epoch)?;
        partition.leader()?;
        Ok(partition.log.end_of(asked.epoch))
    }
}

/// Whether what a fetch claims is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is read for the first time.
    Counts,
    /// It was parked since (R2.14).
    CountedBefore,
}

/// Who reads.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// A replica, up to the log's end. Its broker epoch must be current (R2.13).
    Replica { broker: BrokerId, is_current: bool },
    /// A consumer, up to the high watermark.
    Consumer,
}

/// What a read of the partitions of a fetch found.
#[derive(Default)]
struct Answer {
    partitions: Vec<FetchedPartition>,
    bytes: u64,
    /// An error or a divergence: worth an answer at once.
    urgent: bool,
}

impl Answer {
    fn is_worth(&self, min_bytes: u32) -> bool {
        self.urgent || self.bytes >= u64::from(min_bytes)
    }

    fn add(&mut self, partition: TopicPartition, result: Result<Fetched, ErrorCode>) {
        match &result {
            Ok(fetched) => {
                self.bytes += fetched.batches.iter().map(|b| u64::from(b.size)).sum::<u64>();
                self.urgent |= fetched.diverging.is_some();
            }
            Err(_) => self.urgent = true,
        }
        self.partitions.push(FetchedPartition { partition, result });
    }

    /// Reads one partition, as far as `max_bytes` of the whole answer go.
    fn read(
        &self,
        partition: &Partition,
        asked: &FetchPartition,
        reader: Reader,
        max_bytes: u32,
        env: &Env,
    ) -> Result<Fetched, ErrorCode> {
        partition.check_epoch(asked.leader_epoch)?;
        let log = &partition.log;
        let bound = match (&partition.role, reader) {
            (Role::Follower(_), _) => return Err(ErrorCode::NotLeaderOrFollower),
            (Role::Leader(leader), Reader::Replica { broker, is_current }) => {
                if !leader.is_replica(broker) {
                    return Err(ErrorCode::UnknownLeaderEpoch);
                }
                if !is_current {
                    return Err(ErrorCode::NotLeaderOrFollower);
                }
                log.end()
            }
            (Role::Leader(_), Reader::Consumer) => log.high_watermark(),
        };
        let variants = env.cluster.variants;
        let diverging = partition.divergence(asked.offset, asked.last_fetched_epoch, variants)?;
        if diverging.is_none() && (asked.offset > log.end() || asked.offset < log.start()) {
            return Err(ErrorCode::OffsetOutOfRange);
        }
        let left = u64::from(max_bytes).saturating_sub(self.bytes);
        let batches = if diverging.is_some() || left == 0 {
            Vec::new()
        } else {
            let left = u32::try_from(left).unwrap_or(u32::MAX);
            log.read(asked.offset, bound, left.min(asked.max_bytes))
        };
        Ok(Fetched {
            fetch_offset: asked.offset,
            high_watermark: log.high_watermark(),
            log_start: log.start(),
            diverging,
            batches,
        })
    }
}

/// R2.13: whether a fetch's broker epoch is not older than the one this broker knows.
fn is_current(claimed: BrokerEpoch, known: Option<BrokerEpoch>) -> bool {
    known.is_none_or(|known| claimed >= known)
}
