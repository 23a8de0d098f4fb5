//! A producer process: accumulator, sender and network client behind one application that calls `send`.
//!
//! - [`batch`] a batch · [`partitioner`] where a record goes · [`accumulator`] from records to queues
//! - [`sender`] from queues to requests, and what becomes of them · [`sequences`] idempotence
//! - [`network`] connections and requests in flight · [`refresh`] metadata
//! - [`source`] where the application goes on after a crash
//!
//! Every step takes its input in and then runs the sender's loop until it has nothing to do, as Kafka's
//! thread does between two polls; only a delivery timeout waits for the next one ([`Timer::Wake`]).
//! Kafka: `KafkaProducer`, `RecordAccumulator`, `Sender`, `TransactionManager` (R6.*).

mod accumulator;
mod batch;
mod network;
mod partitioner;
mod refresh;
mod sender;
mod sequences;
mod source;
#[cfg(test)]
mod tests;

pub use batch::BatchId;
pub use source::{Progress, SourceCursor};

use crate::client::metadata::MetadataCache;
use crate::config::ProducerConfig;
use crate::machine::{Input, InputOf, Machine, Outbox};
use crate::message::{CorrelationId, Message, PartitionResults, Request, Response};
use crate::observation::Observation;
use accumulator::Accumulator;
use ackproof_types::{BrokerId, ErrorCode, Offset, Record, RecordId, Timestamp, TopicPartition};
use batch::{Batch, upper_bound};
use network::{Network, Sent};
use refresh::Refresh;
use sequences::{Identity, IdentityRequest};
use source::Source;

/// The effects of a producer.
pub(crate) type Out = Outbox<Timer, Progress>;

/// What surroundings ask of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerCall {
    /// The application sends a record.
    Send(Record),
}

/// The timers of a producer, each named after the setting that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// `linger.ms`: the newest batch of a partition need not wait for more records.
    Linger(u16),
    /// `delivery.timeout.ms` of a batch, and of those it was split into.
    Delivery(u16, BatchId),
    /// The sender's thread wakes after a delivery timeout and looks for expired batches.
    Wake,
    /// `retry.backoff.ms` of a batch is over.
    Retry(u16, BatchId),
    /// `request.timeout.ms` of a request.
    Request(CorrelationId),
    /// `max.block.ms` of a record that waits for metadata or memory.
    MaxBlock(RecordId),
    /// `retry.backoff.ms` after a metadata refresh.
    MetadataBackoff,
    /// `metadata.max.age.ms` after a metadata response.
    MetadataAge,
    /// `retry.backoff.ms` after a request for a producer id failed.
    ProducerId,
    /// `reconnect.backoff.ms` of a broker is over.
    Reconnect(BrokerId),
}

/// A producer process.
#[derive(Debug)]
pub struct Producer {
    config: ProducerConfig,
    leaders: MetadataCache,
    refresh: Refresh,
    accumulator: Accumulator,
    network: Network,
    identity: Identity,
    source: Source,
    /// Drained in this turn of the loop, not sent yet.
    drained: Vec<(BrokerId, Vec<Batch>)>,
    /// Drains so far.
    drains: u64,
    /// Batches past their delivery timeout without an outcome.
    overdue: u32,
}

impl Machine for Producer {
    type Config = ProducerConfig;
    type Timer = Timer;
    type Disk = SourceCursor;
    type Call = ProducerCall;

    fn boot(config: &ProducerConfig, disk: &SourceCursor, now: Timestamp, out: &mut Out) -> Self {
        let mut producer = Self {
            config: config.clone(),
            leaders: MetadataCache::default(),
            refresh: Refresh::default(),
            accumulator: Accumulator::new(config),
            network: Network::new(config),
            identity: Identity::default(),
            source: Source::new(*disk),
            drained: Vec::new(),
            drains: 0,
            overdue: 0,
        };
        producer.run(now, out);
        producer
    }

    fn step(&mut self, now: Timestamp, input: InputOf<Self>, out: &mut Out) {
        match input {
            Input::Call(ProducerCall::Send(record)) => {
                if !self.send(record, now, out) {
                    return;
                }
            }
            Input::Deliver { from, message } => match message {
                Message::Response(correlation, response) => {
                    self.response(BrokerId(from.node.0), correlation, response, out);
                }
                Message::Request(..) | Message::NoResponse(_) => {
                    unreachable!("nobody sends requests to a producer")
                }
            },
            Input::Disconnected(route) => {
                self.connection_failed(BrokerId(route.node.0), ErrorCode::NetworkException, out);
            }
            // The batch expires when the thread wakes, not before what arrives until then.
            Input::Fire(Timer::Delivery(partition, born)) => {
                return self.overdue(partition, born, out);
            }
            Input::Fire(timer) => self.fire(timer, out),
            Input::Flushed(_) => return,
        }
        self.run(now, out);
    }
}

impl Producer {
    /// R6.1, R6.2: the application sends. Returns whether the sender has to look.
    fn send(&mut self, record: Record, now: Timestamp, out: &mut Out) -> bool {
        let needed = self.accumulator.memory_for(record);
        let is_large = upper_bound(record) > self.config.max_request_size;
        if is_large || needed > self.config.buffer_memory {
            self.reject(record, ErrorCode::MessageTooLarge, out);
            return false;
        }
        if self.accumulator.blocked.is_empty()
            && let Some(is_sendable) = self.append(record, now, out)
        {
            return is_sendable;
        }
        self.accumulator.blocked.push_back(record);
        out.observe(Observation::SendBlocked { record });
        out.arm(Timer::MaxBlock(record.id), self.config.max_block);
        // With memory exhausted, batches go out before their time (R6.4).
        true
    }

    /// Appends if metadata and memory allow; returns whether a batch may be sent now.
    fn append(&mut self, record: Record, now: Timestamp, out: &mut Out) -> Option<bool> {
        let appended = self.accumulator.append(record, now, &self.leaders)?;
        let partition = appended.partition;
        let tp = TopicPartition::new(self.config.topic, partition);
        out.observe(Observation::Sent { record, partition: tp });
        if let Some(id) = appended.began {
            out.arm(Timer::Delivery(partition, id), self.config.delivery_timeout);
            if appended.lingers {
                out.arm(Timer::Linger(partition), self.config.linger);
            }
        }
        Some(appended.is_sendable)
    }

    /// R6.1: lets waiting records in, in order, as metadata and memory allow.
    fn admit(&mut self, now: Timestamp, out: &mut Out) {
        while let Some(record) = self.accumulator.blocked.front().copied()
            && self.append(record, now, out).is_some()
        {
            self.accumulator.blocked.pop_front();
            out.disarm(Timer::MaxBlock(record.id));
        }
    }

    fn blocked_too_long(&mut self, id: RecordId, out: &mut Out) {
        let blocked = &mut self.accumulator.blocked;
        if let Some(index) = blocked.iter().position(|record| record.id == id)
            && let Some(record) = blocked.remove(index)
        {
            self.reject(record, ErrorCode::Timeout, out);
        }
    }

    fn reject(&mut self, record: Record, error: ErrorCode, out: &mut Out) {
        out.observe(Observation::Rejected { record, error });
        if let Some(progress) = self.source.resolve(std::iter::once(record.id)) {
            out.write(progress);
        }
    }

    fn request(&mut self, broker: BrokerId, sent: Sent, request: Request, out: &mut Out) {
        self.network.send(broker, sent, request, out);
    }

    fn response(
        &mut self,
        broker: BrokerId,
        correlation: CorrelationId,
        response: Response,
        out: &mut Out,
    ) {
        let Some(sent) = self.network.answered(broker, correlation, out) else { return };
        match (sent, response) {
            (Sent::ApiVersions, Response::ApiVersions) => {}
            (Sent::Metadata, Response::Metadata(metadata)) => self.take_metadata(&metadata, out),
            (Sent::ProducerId, Response::InitProducerId(Ok(numbering))) => {
                self.identified(numbering, out);
            }
            (Sent::ProducerId, Response::InitProducerId(Err(_))) => self.identity_failed(out),
            (Sent::Produce(batches), Response::Produce(results, hints)) => {
                self.produced(broker, batches, results, out);
                self.take_hints(&hints);
            }
            (sent, response) => unreachable!("{response:?} answers {sent:?}"),
        }
    }

    fn produced(
        &mut self,
        broker: BrokerId,
        batches: Vec<Batch>,
        results: PartitionResults<Offset>,
        out: &mut Out,
    ) {
        assert_eq!(batches.len(), results.len(), "a response answers every batch of its request");
        for (batch, (id, result)) in batches.into_iter().zip(results) {
            assert_eq!(batch.partition, id.partition, "in the order of the request");
            self.complete(batch, result, broker, out);
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Linger(partition) => self.accumulator.lingered(partition),
            // A wake-up only: the loop looks for what it may do.
            Timer::Wake | Timer::Delivery(..) => {}
            Timer::Retry(partition, batch) => self.accumulator.backed_off(partition, batch),
            Timer::Request(correlation) => self.request_timed_out(correlation, out),
            Timer::MaxBlock(record) => self.blocked_too_long(record, out),
            Timer::MetadataBackoff => self.refresh.may_ask(),
            Timer::MetadataAge => self.refresh.is_old(),
            Timer::ProducerId => self.identity.request = IdentityRequest::Wanted,
            Timer::Reconnect(broker) => self.network.may_reconnect(broker),
        }
    }
}
