//! A laboratory: one producer, faithful brokers with real producer state, a network and a clock.
//!
//! What happens to each request is the test's choice ([`Fate`]); what is written is kept in the order of
//! the log, and every broker knows the same log (the leader may move, nothing is ever truncated).

use super::hand::{broker_of, config, numbers};
use crate::client::network::data;
use crate::config::ProducerConfig;
use crate::driver::{After, Process};
use crate::log::producers::{Admission, ProducerStates};
use crate::machine::{ConnectionId, Effect, EffectOf, Input, InputOf, Peer, Route, To};
use crate::message::{
    Acks, CorrelationId, Message, MetadataResponse, PartitionMetadata, ProduceRequest, RecordBatch,
    Request, Response,
};
use crate::observation::Observation;
use crate::producer::{Producer, ProducerCall, Timer};
use crate::variant::Variants;
use ackproof_types::{
    BrokerId, Delay, ErrorCode, LeaderEpoch, Offset, ProducerEpoch, ProducerId, Record, Timestamp,
    TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One way through the network.
const LATENCY: u64 = 1000;

/// What becomes of a produce request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is processed and answered.
    Answered,
    /// It is processed, and the answer takes so many microseconds more.
    Slow(u64),
    /// It is processed and never answered, and so is all that follows on its connection.
    Silent,
    /// It is lost, and so is all that follows on its connection.
    Lost,
    /// It is refused without being written.
    Refused(ErrorCode),
    /// It is written, and answered with an error that leaves that open.
    Ambiguous(ErrorCode),
    /// It is processed, and the connection dies at once.
    Reset,
}

#[derive(Debug)]
enum Event {
    Fire(Timer),
    Arrive(BrokerId, u64, CorrelationId, Request),
    Answer(BrokerId, u64, CorrelationId, Response),
    Disconnect(BrokerId, u64),
    Send(Record),
    SendCompleted(Route),
}

/// A partition's log, and what was written when.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) records: Vec<u32>,
    producers: ProducerStates,
    /// The first batch of the producer was not its first: a log that knows nothing of an id takes any
    /// sequence (R6.32).
    pub(super) began_late: bool,
}

pub(super) struct Lab {
    pub(super) config: ProducerConfig,
    process: Process<Producer>,
    out: Vec<EffectOf<Producer>>,
    pub(super) now: u64,
    seq: u64,
    agenda: BTreeMap<(u64, u64), Event>,
    timers: BTreeMap<Timer, (u64, u64)>,
    /// The current connection to each broker, and requests without an answer on it.
    connections: BTreeMap<BrokerId, (u64, usize)>,
    last_arrival: BTreeMap<(BrokerId, u64), u64>,
    /// Connections on which nothing is heard any more, and whether it is still processed.
    stalled: BTreeMap<u64, bool>,
    pub(super) leaders: Vec<PartitionMetadata>,
    pub(super) logs: Vec<Log>,
    pub(super) observed: Vec<Observation>,
    /// Every produce request, in the order of sending.
    pub(super) sent: Vec<ProduceRequest>,
    /// Decides about the next produce request to arrive.
    pub(super) fate: Box<dyn FnMut(&ProduceRequest) -> Fate>,
    /// Decides where in its range, in thousandths, a delay falls.
    pub(super) jitter: Box<dyn FnMut() -> u64>,
}

impl Lab {
    pub(super) fn new(config: ProducerConfig, leaders: Vec<PartitionMetadata>) -> Self {
        let mut process = Process::new(config.clone());
        let mut out = Vec::new();
        assert_eq!(process.boot(Timestamp::START, &mut out), After::Runs);
        let mut lab = Self {
            config,
            process,
            out,
            now: 0,
            seq: 0,
            agenda: BTreeMap::new(),
            timers: BTreeMap::new(),
            connections: BTreeMap::new(),
            last_arrival: BTreeMap::new(),
            stalled: BTreeMap::new(),
            logs: leaders.iter().map(|_| Log::default()).collect(),
            leaders,
            observed: Vec::new(),
            sent: Vec::new(),
            fate: Box::new(|_| Fate::Answered),
            jitter: Box::new(|| 500),
        };
        lab.collect();
        lab
    }

    /// One partition, led by broker 1; defaults, with idempotence.
    pub(super) fn small(change: impl FnOnce(&mut ProducerConfig)) -> Self {
        let mut config = config(true);
        change(&mut config);
        Self::new(config, vec![super::hand::leader(0, Some(BrokerId(1)), 0)])
    }

    pub(super) fn send_at(&mut self, at_ms: u64, record: Record) {
        self.at(at_ms * 1000, Event::Send(record));
    }

    /// The connection to broker 1 dies at `at_us`.
    pub(super) fn disconnect_at(&mut self, at_us: u64) {
        let (connection, _) = self.connections[&BrokerId(1)];
        self.at(at_us, Event::Disconnect(BrokerId(1), connection));
    }

    fn at(&mut self, at: u64, event: Event) -> (u64, u64) {
        self.seq += 1;
        self.agenda.insert((at, self.seq), event);
        (at, self.seq)
    }

    fn collect(&mut self) {
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Send { to: To::Route(route), message: Message::Request(id, request) } => {
                    self.transmit(broker_of(route), id, request);
                }
                Effect::Arm { timer, delay } => self.arm(timer, delay),
                Effect::Disarm(timer) => {
                    if let Some(key) = self.timers.remove(&timer) {
                        self.agenda.remove(&key);
                    }
                }
                // Its sockets are never full.
                Effect::AwaitSend(route) => {
                    self.at(self.now, Event::SendCompleted(route));
                }
                Effect::Observe(observation) => self.observed.push(observation),
                Effect::Close(To::Route(route)) => {
                    self.connections.remove(&broker_of(route));
                }
                other => unreachable!("a producer does not {other:?}"),
            }
        }
    }

    fn arm(&mut self, timer: Timer, Delay { min, max }: Delay) {
        if let Some(old) = self.timers.remove(&timer) {
            self.agenda.remove(&old);
        }
        let drawn = min.0 + (max.0 - min.0) * (self.jitter)() / 1000;
        let key = self.at(self.now + drawn, Event::Fire(timer));
        self.timers.insert(timer, key);
    }

    fn transmit(&mut self, broker: BrokerId, id: CorrelationId, request: Request) {
        let is_silent = matches!(&request, Request::Produce(it) if it.acks == Acks::None);
        if let Request::Produce(produce) = &request {
            self.sent.push(produce.clone());
        }
        let fresh = self.seq + 1;
        let (connection, open) = self.connections.entry(broker).or_insert((fresh, 0));
        if !is_silent {
            *open += 1;
        }
        assert!(*open <= self.config.max_in_flight, "too many requests in flight");
        let connection = *connection;
        let last = self.last_arrival.entry((broker, connection)).or_default();
        *last = (self.now + LATENCY).max(*last + 1);
        let at = *last;
        self.at(at, Event::Arrive(broker, connection, id, request));
    }

    fn step(&mut self, input: InputOf<Producer>) {
        let now = Timestamp::from_micros(self.now);
        let after = self.process.step(now, input, &mut self.out);
        assert_eq!(after, After::Runs, "a producer does not end by itself");
        self.process.check();
        self.collect();
    }

    /// Runs until `until_ms`, or until nothing is left to happen.
    pub(super) fn run_until(&mut self, until_ms: u64) {
        while let Some(entry) = self.agenda.first_entry() {
            if entry.key().0 > until_ms * 1000 {
                break;
            }
            let ((at, _), event) = entry.remove_entry();
            self.now = at;
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Fire(timer) => {
                self.timers.remove(&timer);
                self.step(Input::Fire(timer));
            }
            Event::SendCompleted(route) => self.step(Input::SendCompleted(route)),
            Event::Send(record) => self.step(Input::Call(ProducerCall::Send(record))),
            Event::Arrive(broker, connection, id, request) => {
                self.process(broker, connection, id, request);
            }
            Event::Answer(broker, connection, id, response) => {
                if let Some((current, open)) = self.connections.get_mut(&broker)
                    && *current == connection
                {
                    *open -= 1;
                    let from = Peer { connection: ConnectionId(connection), route: data(broker) };
                    let message = Message::Response(id, response);
                    self.step(Input::Deliver { from, message });
                }
            }
            Event::Disconnect(broker, connection) => {
                if self.connections.get(&broker).is_some_and(|(it, _)| *it == connection) {
                    self.connections.remove(&broker);
                    let route = data(broker);
                    self.step(Input::Disconnected(route));
                }
            }
        }
    }

    fn process(&mut self, broker: BrokerId, connection: u64, id: CorrelationId, request: Request) {
        let (response, delay) = match request {
            Request::ApiVersions => (Response::ApiVersions, 0),
            Request::Metadata(_) => {
                let brokers = Arc::clone(&self.config.bootstrap);
                let partitions = self.leaders.clone();
                (Response::Metadata(MetadataResponse { brokers, partitions }), 0)
            }
            Request::InitProducerId => {
                (Response::InitProducerId(Ok((ProducerId(9), ProducerEpoch(0)))), 0)
            }
            Request::Produce(produce) => {
                let fate = match self.stalled.get(&connection) {
                    Some(true) => Fate::Silent,
                    Some(false) => Fate::Lost,
                    None => (self.fate)(&produce),
                };
                if matches!(fate, Fate::Silent | Fate::Lost | Fate::Reset) {
                    self.stalled.insert(connection, fate == Fate::Silent);
                }
                let results = self.append(broker, fate, &produce);
                match fate {
                    Fate::Silent | Fate::Lost => return,
                    Fate::Reset => {
                        self.at(self.now + LATENCY, Event::Disconnect(broker, connection));
                        return;
                    }
                    _ if produce.acks == Acks::None => {
                        if results.iter().any(|(_, result)| result.is_err()) {
                            self.at(self.now + LATENCY, Event::Disconnect(broker, connection));
                        }
                        return;
                    }
                    Fate::Slow(more) => (Response::Produce(results, Vec::new()), more),
                    Fate::Answered | Fate::Refused(_) | Fate::Ambiguous(_) => {
                        (Response::Produce(results, Vec::new()), 0)
                    }
                }
            }
            other => unreachable!("producers do not send {other:?}"),
        };
        // Answers of one connection come in the order of the requests.
        let last = self.last_arrival.entry((BrokerId(broker.0 + 1000), connection)).or_default();
        *last = (self.now + LATENCY + delay).max(*last + 1);
        let at = *last;
        self.at(at, Event::Answer(broker, connection, id, response));
    }

    fn append(
        &mut self,
        broker: BrokerId,
        fate: Fate,
        request: &ProduceRequest,
    ) -> Vec<(TopicPartition, Result<Offset, ErrorCode>)> {
        let mut results = Vec::new();
        for (id, batch) in &request.batches {
            let leader = self.leaders[usize::from(id.partition)].leader;
            let result = match fate {
                Fate::Lost => Err(ErrorCode::NetworkException),
                Fate::Refused(error) => Err(error),
                _ if leader != Some(broker) => Err(ErrorCode::NotLeaderOrFollower),
                _ => self.logs[usize::from(id.partition)].append(batch),
            };
            let result = match (fate, result) {
                (Fate::Ambiguous(error), Ok(_)) => Err(error),
                (_, result) => result,
            };
            results.push((*id, result));
        }
        results
    }

    /// How often each record was acknowledged, failed or rejected.
    pub(super) fn outcomes(&self) -> BTreeMap<u32, Vec<&Observation>> {
        let mut outcomes: BTreeMap<u32, Vec<&Observation>> = BTreeMap::new();
        for seen in &self.observed {
            let records: &[Record] = match seen {
                Observation::Acked { records, .. } | Observation::Failed { records, .. } => records,
                Observation::Rejected { record, .. } => std::slice::from_ref(record),
                _ => continue,
            };
            for record in records {
                outcomes.entry(record.id.number).or_default().push(seen);
            }
        }
        outcomes
    }

    pub(super) fn bumps(&self) -> usize {
        let is_bump = |seen: &&Observation| matches!(seen, Observation::ProducerEpochBumped { .. });
        self.observed.iter().filter(is_bump).count()
    }
}

impl Log {
    fn append(&mut self, batch: &RecordBatch) -> Result<Offset, ErrorCode> {
        let end = i64::try_from(self.records.len()).map(Offset).expect("a short log");
        if let Some(stamp) = batch.producer
            && let Admission::Duplicate(base, _) =
                self.producers.admit(stamp, batch.count(), Variants::default())?
        {
            return Ok(base);
        }
        if self.records.is_empty() {
            self.began_late = batch.producer.is_some_and(|stamp| stamp.base_sequence.0 > 0);
        }
        let placed =
            RecordBatch { base_offset: end, leader_epoch: LeaderEpoch(0), ..batch.clone() };
        self.producers.remember(&placed);
        self.records.extend(numbers(batch));
        Ok(end)
    }
}
