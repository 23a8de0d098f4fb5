//! A driver without a clock: the test says what happens next.

use crate::client::NetworkTimer;
use crate::client::network::data;
use crate::config::{Compression, ProducerConfig};
use crate::driver::{After, Process};
use crate::machine::{Channel, ConnectionId, Effect, EffectOf, Input, InputOf, Peer, Route, To};
use crate::message::{
    Acks, CorrelationId, Message, MetadataResponse, PartitionMetadata, Payload, ProduceRequest,
    ProducerStamp, RecordBatch, Request, Response,
};
use crate::observation::Observation;
use crate::producer::{BatchId, Producer, ProducerCall, Timer};
use crate::variant::Variants;
use ackproof_types::{
    BrokerId, Delay, ErrorCode, LeaderEpoch, Micros, Offset, ProducerEpoch, ProducerId,
    ProducerIndex, Record, RecordId, Sending, Server, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

pub(super) const TOPIC: TopicId = TopicId(1);
pub(super) const ONE: BrokerId = BrokerId(1);
pub(super) const TWO: BrokerId = BrokerId(2);
pub(super) const METADATA_BACKOFF: Timer = Timer::Network(NetworkTimer::MetadataBackoff);
pub(super) const METADATA_AGE: Timer = Timer::Network(NetworkTimer::MetadataAge);

/// The broker at the other end.
pub(super) fn broker_of(route: Route) -> BrokerId {
    match route.to {
        Server::Broker(broker) => broker,
        Server::Controller(_) => unreachable!("a producer knows brokers only"),
    }
}

pub(super) fn reconnecting(broker: BrokerId) -> Timer {
    Timer::Network(NetworkTimer::Reconnect(data(broker)))
}

/// One broker, batches of one record of 100 bytes each (two do not fit), defaults else.
pub(super) fn config(enable_idempotence: bool) -> ProducerConfig {
    let ms = Micros::from_millis;
    ProducerConfig {
        index: ProducerIndex(0),
        topic: TOPIC,
        bootstrap: [BrokerId(1)].into(),
        acks: Acks::All,
        enable_idempotence,
        retries: u32::MAX,
        max_in_flight: 5,
        linger: ms(5),
        batch_size: 200,
        buffer_memory: 1 << 20,
        max_request_size: 1 << 20,
        max_block: ms(60_000),
        request_timeout: ms(30_000),
        delivery_timeout: ms(120_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        metadata_max_age: ms(300_000),
        compression: Compression::NONE,
        adaptive_partitioning: true,
        availability_timeout: Micros::ZERO,
        ignore_keys: false,
        flush_waits_for_parts: true,
        sending: Sending::default(),
        salt: 7,
        variants: Variants::default(),
    }
}

pub(super) fn record(number: u32) -> Record {
    Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 }
}

pub(super) fn tp(partition: u16) -> TopicPartition {
    TopicPartition::new(TOPIC, partition)
}

pub(super) fn leader(partition: u16, leader: Option<BrokerId>, epoch: i32) -> PartitionMetadata {
    PartitionMetadata { partition: tp(partition), leader, leader_epoch: LeaderEpoch(epoch) }
}

/// The numbers of a batch's records.
pub(super) fn numbers(batch: &RecordBatch) -> Vec<u32> {
    match &batch.payload {
        Payload::Records(records) => records.iter().map(|record| record.id.number).collect(),
        Payload::Group(_) => unreachable!("producers send records"),
    }
}

/// Epoch and base sequence of the first batch of a request.
pub(super) fn stamp(request: &ProduceRequest) -> (i16, i32) {
    let ProducerStamp { epoch, base_sequence, .. } =
        request.batches[0].1.producer.expect("an idempotent batch");
    (epoch.0, base_sequence.0)
}

/// An outcome, in short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Acked(Vec<u32>, i64),
    Failed(Vec<u32>, ErrorCode, MaybeWritten),
    Rejected(u32, ErrorCode),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MaybeWritten {
    Yes,
    No,
}

pub(super) struct Hand {
    pub(super) process: Process<Producer>,
    out: Vec<EffectOf<Producer>>,
    /// Sent and not answered, by connection, oldest first.
    pub(super) wire: BTreeMap<BrokerId, VecDeque<(CorrelationId, Request)>>,
    /// Every request since this was last emptied.
    pub(super) fresh: Vec<Request>,
    pub(super) observed: Vec<Observation>,
    pub(super) timers: BTreeMap<Timer, Delay>,
    pub(super) closed: Vec<BrokerId>,
    /// Sockets take nothing more.
    pub(super) is_full: bool,
    /// It waits until the socket of this connection has taken what it sent.
    awaited: Option<Route>,
    pub(super) cursor: u32,
    pub(super) ended: bool,
}

impl Hand {
    /// Just started.
    pub(super) fn new(config: &ProducerConfig) -> Self {
        let mut process = Process::new(config.clone());
        let mut out = Vec::new();
        assert_eq!(process.boot(Timestamp::START, &mut out), After::Runs);
        let mut hand = Self {
            process,
            out,
            wire: BTreeMap::new(),
            fresh: Vec::new(),
            observed: Vec::new(),
            timers: BTreeMap::new(),
            closed: Vec::new(),
            is_full: false,
            awaited: None,
            cursor: 0,
            ended: false,
        };
        hand.collect();
        hand
    }

    /// With metadata that names broker 1 for every partition, and an id if it asks for one; produce
    /// requests are left to the test.
    pub(super) fn ready(config: &ProducerConfig) -> Self {
        Self::ready_with(config, &[leader(0, Some(ONE), 0)])
    }

    pub(super) fn ready_with(config: &ProducerConfig, leaders: &[PartitionMetadata]) -> Self {
        let mut hand = Self::new(config);
        hand.settle(leaders);
        hand.fire(METADATA_BACKOFF);
        hand
    }

    /// Answers everything but produce requests.
    pub(super) fn settle(&mut self, leaders: &[PartitionMetadata]) {
        let brokers = self.process.config().bootstrap.to_vec();
        loop {
            let oldest =
                |broker: &BrokerId| Some((*broker, self.wire.get(broker)?.front()?.1.clone()));
            let next = brokers
                .iter()
                .filter_map(oldest)
                .find(|(_, request)| !matches!(request, Request::Produce(_)));
            let Some((broker, request)) = next else { return };
            let partitions = leaders.to_vec();
            self.answer(
                broker,
                match request {
                    Request::ApiVersions => Response::ApiVersions,
                    Request::Metadata(_) => Response::Metadata(MetadataResponse {
                        brokers: brokers.as_slice().into(),
                        partitions,
                    }),
                    Request::InitProducerId => {
                        Response::InitProducerId(Ok((ProducerId(9), ProducerEpoch(0))))
                    }
                    other => unreachable!("producers do not send {other:?}"),
                },
            );
        }
    }

    fn collect(&mut self) {
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Send {
                    to: To::Route(route),
                    message: Message::Request(correlation, request),
                } => {
                    let unanswered =
                        matches!(&request, Request::Produce(produce) if produce.acks == Acks::None);
                    let broker = broker_of(route);
                    assert_eq!(route.channel, Channel::Data, "the only connection of a producer");
                    self.fresh.push(request.clone());
                    self.wire.entry(broker).or_default().push_back((correlation, request));
                    if unanswered {
                        let sent = self.wire.get_mut(&broker).and_then(VecDeque::pop_back);
                        self.wire.entry(BrokerId(0)).or_default().extend(sent);
                    }
                }
                Effect::Arm { timer, delay } => {
                    self.timers.insert(timer, delay);
                }
                Effect::Disarm(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::AwaitSend(route) => self.awaited = Some(route),
                Effect::Observe(observation) => self.observed.push(observation),
                Effect::Close(To::Route(route)) => {
                    let broker = broker_of(route);
                    self.closed.push(broker);
                    self.wire.remove(&broker);
                    self.awaited = None;
                }
                other => unreachable!("a producer does not {other:?}"),
            }
        }
    }

    pub(super) fn step(&mut self, input: InputOf<Producer>) {
        let after = self.process.step(Timestamp::START, input, &mut self.out);
        let may_end = self.process.config().sending != Sending::default();
        assert!(may_end || after == After::Runs, "a producer does not end by itself");
        self.ended |= after == After::Exited;
        self.process.check();
        self.collect();
        if !self.is_full {
            self.drain();
        }
        let cursor = self.process.disk().next();
        assert!(cursor >= self.cursor, "a source moves forward");
        self.cursor = cursor;
    }

    /// The socket takes what it has been given.
    pub(super) fn drain(&mut self) {
        if let Some(route) = self.awaited.take() {
            self.step(Input::SendCompleted(route));
        }
    }

    pub(super) fn send(&mut self, number: u32) {
        self.send_record(record(number));
    }

    pub(super) fn send_record(&mut self, record: Record) {
        self.step(Input::Call(ProducerCall::Send(record)));
    }

    /// Sends records 0 to `count` − 1, a batch each, all drained as far as there is room.
    pub(super) fn send_batches(&mut self, count: u32) {
        (0..count).for_each(|number| self.send(number));
        if self.timers.contains_key(&Timer::Linger(0)) {
            self.fire(Timer::Linger(0));
        }
    }

    /// Answers the oldest request of the connection to `broker`.
    pub(super) fn answer(&mut self, broker: BrokerId, response: Response) {
        let in_flight = self.wire.get_mut(&broker).expect("a connection");
        let (correlation, _) = in_flight.pop_front().expect("a request in flight");
        self.deliver(broker, correlation, response);
    }

    pub(super) fn deliver(
        &mut self,
        broker: BrokerId,
        correlation: CorrelationId,
        response: Response,
    ) {
        let from = Peer { connection: ConnectionId(1), route: data(broker) };
        self.step(Input::Deliver { from, message: Message::Response(correlation, response) });
    }

    /// Answers the oldest request of broker 1, a produce request, the same for all its partitions.
    pub(super) fn result(&mut self, result: Result<i64, ErrorCode>) {
        self.result_of(ONE, result);
    }

    pub(super) fn result_of(&mut self, broker: BrokerId, result: Result<i64, ErrorCode>) {
        let request = self.oldest_of(broker);
        let one = |(id, _): &(TopicPartition, RecordBatch)| (*id, result.map(Offset));
        let results = request.batches.iter().map(one).collect();
        self.answer(broker, Response::Produce(results, Vec::new()));
    }

    /// The oldest produce request of broker 1.
    pub(super) fn oldest(&self) -> ProduceRequest {
        self.oldest_of(ONE)
    }

    pub(super) fn oldest_of(&self, broker: BrokerId) -> ProduceRequest {
        self.produces(broker).into_iter().next().expect("a produce request in flight")
    }

    /// Produce requests in flight to `broker`; those with `acks=0` are under 0.
    pub(super) fn produces(&self, broker: BrokerId) -> Vec<ProduceRequest> {
        let in_flight = self.wire.get(&broker).into_iter().flatten();
        in_flight
            .filter_map(|(_, request)| match request {
                Request::Produce(produce) => Some(produce.clone()),
                _ => None,
            })
            .collect()
    }

    /// The records of each batch in flight to broker 1, one request after the other.
    pub(super) fn in_flight(&self) -> Vec<Vec<u32>> {
        let requests = self.produces(ONE).into_iter();
        requests.flat_map(|it| it.batches).map(|(_, batch)| numbers(&batch)).collect()
    }

    pub(super) fn fire(&mut self, timer: Timer) {
        assert!(self.timers.remove(&timer).is_some(), "{timer:?} is not armed: {:?}", self.timers);
        self.step(Input::Fire(timer));
    }

    /// Ends the back-off of a batch.
    pub(super) fn back_off(&mut self, batch: u64) {
        self.fire(Timer::Retry(0, BatchId(batch)));
    }

    /// The delivery timeout of a batch, and the sender's next look.
    pub(super) fn expire(&mut self, batch: u64) {
        self.fire(Timer::Delivery(0, BatchId(batch)));
        self.fire(Timer::Wake);
    }

    pub(super) fn disconnect(&mut self, broker: BrokerId) {
        self.wire.remove(&broker);
        self.awaited = None;
        self.step(Input::Disconnected(data(broker)));
    }

    /// Opens the connection to `broker` again and gets metadata over it.
    pub(super) fn reconnect(&mut self, broker: BrokerId, leaders: &[PartitionMetadata]) {
        self.fire(reconnecting(broker));
        if self.timers.contains_key(&METADATA_BACKOFF) {
            self.fire(METADATA_BACKOFF);
        }
        self.settle(leaders);
    }

    pub(super) fn outcomes(&self) -> Vec<Outcome> {
        let ids = |records: &[Record]| records.iter().map(|it| it.id.number).collect();
        let outcome = |seen: &Observation| match seen {
            Observation::Acked { records, base_offset, .. } => {
                Some(Outcome::Acked(ids(records), base_offset.0))
            }
            Observation::Failed { records, error, maybe_written, .. } => {
                let maybe = if *maybe_written { MaybeWritten::Yes } else { MaybeWritten::No };
                Some(Outcome::Failed(ids(records), *error, maybe))
            }
            Observation::Rejected { record, error } => {
                Some(Outcome::Rejected(record.id.number, *error))
            }
            _ => None,
        };
        self.observed.iter().filter_map(outcome).collect()
    }

    pub(super) fn bumps(&self) -> usize {
        let is_bump = |seen: &&Observation| matches!(seen, Observation::ProducerEpochBumped { .. });
        self.observed.iter().filter(is_bump).count()
    }
}
