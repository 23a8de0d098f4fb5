//! A producer process: accumulator, sender and idempotence behind one application that calls `send`.
//!
//! - [`batch`] a batch and its queue · [`accumulate`] from records to batches
//! - [`send`] from batches to requests, and what becomes of them · [`idempotence`] sequences and epochs
//! - [`connect`] metadata, producer id, reconnects
//!
//! Kafka: `KafkaProducer`, `RecordAccumulator`, `Sender`, `TransactionManager` (R6.*).

mod accumulate;
mod batch;
mod connect;
mod idempotence;
mod send;
#[cfg(test)]
mod tests;

pub use batch::BatchId;

use crate::client::metadata::MetadataCache;
use crate::config::ProducerConfig;
use crate::machine::{Channel, Disk, Input, Machine, Outbox, Route, To};
use crate::message::{CorrelationId, Message, Request, Response};
use ackproof_types::{
    BrokerId, ProducerEpoch, ProducerId, Record, RecordId, Timestamp, TopicPartition,
};
use batch::Queue;
use idempotence::Sequences;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The effects of a producer.
pub(crate) type Out = Outbox<Producer>;

/// What surroundings ask of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerCall {
    /// The application sends a record.
    Send(Record),
}

/// The timers of a producer, each named after the setting that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// `linger.ms`: the open batch of a partition is ready.
    Linger(u16),
    /// `delivery.timeout.ms` of a batch.
    Delivery(u16, BatchId),
    /// `retry.backoff.ms` of a batch is over.
    Retry(u16, BatchId),
    /// `request.timeout.ms` of a request.
    Request(CorrelationId),
    /// `max.block.ms` of a record that waits for metadata or memory.
    MaxBlock(RecordId),
    /// `metadata.max.age.ms`, or a retry of a metadata request.
    Metadata,
    /// `request.timeout.ms` of the metadata request.
    MetadataTimeout,
    /// Time to ask for a producer id again, or its request timed out.
    ProducerId,
    /// `reconnect.backoff.ms` of a broker is over.
    Reconnect(BrokerId),
}

/// How far the application's source is: all records below are resolved. It survives the process, as a
/// source's own committed position does, so a restarted producer sends again from here (F13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceCursor(u32);

impl SourceCursor {
    /// The first record to send again.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.0
    }
}

impl Disk for SourceCursor {
    type Write = Progress;
    fn apply(&mut self, Progress(next): Progress) {
        self.0 = next;
    }
}

/// All records below this number are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress(pub u32);

/// A producer process.
#[derive(Debug)]
pub struct Producer {
    config: ProducerConfig,
    metadata: MetadataCache,
    partitions: u16,
    queues: Vec<Queue>,
    sequences: Vec<Sequences>,
    /// Records that wait for metadata or memory, in order.
    blocked: VecDeque<Record>,
    memory_used: u64,
    sticky: u16,
    sticky_bytes: u32,
    sticky_draws: u64,
    requests: BTreeMap<CorrelationId, send::InFlight>,
    connect: connect::Connections,
    identity: Option<(ProducerId, ProducerEpoch)>,
    next_correlation: u64,
    next_batch: u64,
    /// Resolved records at or past the cursor.
    resolved: BTreeSet<u32>,
    cursor: u32,
}

impl Machine for Producer {
    type Config = ProducerConfig;
    type Timer = Timer;
    type Disk = SourceCursor;
    type Call = ProducerCall;

    fn boot(config: &ProducerConfig, disk: &SourceCursor, _now: Timestamp, out: &mut Out) -> Self {
        let mut producer = Self {
            config: config.clone(),
            metadata: MetadataCache::default(),
            partitions: 0,
            queues: Vec::new(),
            sequences: Vec::new(),
            blocked: VecDeque::new(),
            memory_used: 0,
            sticky: 0,
            sticky_bytes: 0,
            sticky_draws: 0,
            requests: BTreeMap::new(),
            connect: connect::Connections::new(config),
            identity: None,
            next_correlation: 0,
            next_batch: 0,
            resolved: BTreeSet::new(),
            cursor: disk.next(),
        };
        producer.ask_metadata(out);
        producer
    }

    fn step(&mut self, now: Timestamp, input: Input<Self>, out: &mut Out) {
        match input {
            Input::Call(ProducerCall::Send(record)) => self.send(record, now, out),
            Input::Deliver { message, .. } => match message {
                Message::Response(correlation, response) => {
                    self.response(correlation, response, now, out);
                }
                Message::Request(..) | Message::NoResponse(_) => {
                    unreachable!("nobody sends requests to a producer")
                }
            },
            Input::Disconnected(route) => self.disconnected(route, now, out),
            Input::Fire(timer) => self.fire(timer, now, out),
            Input::Flushed(_) => {}
        }
    }
}

impl Producer {
    fn correlation(&mut self) -> CorrelationId {
        self.next_correlation += 1;
        CorrelationId(self.next_correlation)
    }

    fn ask(&mut self, broker: BrokerId, request: Request, out: &mut Out) -> CorrelationId {
        let correlation = self.correlation();
        out.send(route(broker), Message::Request(correlation, request));
        correlation
    }

    fn id_of(&self, partition: u16) -> TopicPartition {
        TopicPartition::new(self.config.topic, partition)
    }

    fn response(
        &mut self,
        correlation: CorrelationId,
        response: Response,
        now: Timestamp,
        out: &mut Out,
    ) {
        match response {
            Response::Produce(results, _) => self.produced(correlation, &results, now, out),
            Response::Metadata(metadata) => self.take_metadata(correlation, &metadata, now, out),
            Response::InitProducerId(result) => self.take_identity(correlation, result, out),
            other => unreachable!("a producer does not ask for {other:?}"),
        }
    }

    fn fire(&mut self, timer: Timer, now: Timestamp, out: &mut Out) {
        match timer {
            Timer::Linger(partition) => {
                self.close_open_batch(partition);
                self.drain(out);
            }
            Timer::Delivery(partition, batch) => self.expire(partition, batch, out),
            Timer::Retry(partition, batch) => {
                self.retry_due(partition, batch);
                self.drain(out);
            }
            Timer::Request(correlation) => self.request_timed_out(correlation, now, out),
            Timer::MaxBlock(record) => self.blocked_too_long(record, out),
            Timer::Metadata => self.ask_metadata(out),
            Timer::MetadataTimeout => self.metadata_timed_out(now, out),
            Timer::ProducerId => {
                self.connect.forget_identity_request();
                self.drain(out);
            }
            Timer::Reconnect(broker) => {
                self.connect.may_reconnect(broker);
                self.drain(out);
            }
        }
    }
}

fn route(broker: BrokerId) -> Route {
    Route { node: broker.into(), channel: Channel::Data }
}

fn close(broker: BrokerId, out: &mut Out) {
    out.close(To::Route(route(broker)));
}
