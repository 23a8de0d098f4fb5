//! A producer process: accumulator, sender and network client behind one application that calls `send`.
//!
//! - [`batch`] a batch · [`partitioner`] where a record goes · [`accumulator`] from records to queues
//! - [`sender`] from queues to requests, and what becomes of them · [`sequences`] idempotence
//! - [`responses`] what brokers say, or do not · [`application`] after a failure and at the end ·
//!   [`source`] where the application goes on after a crash
//!
//! Every step takes its input in and then runs the sender's loop until it has nothing to do, as Kafka's
//! thread does between two polls; only a delivery timeout waits for the next one ([`Timer::Wake`]).
//! Kafka: `KafkaProducer`, `RecordAccumulator`, `Sender`, `TransactionManager` (R6.*).

mod accumulator;
mod application;
mod batch;
mod partitioner;
mod responses;
mod sender;
mod sequences;
mod source;
#[cfg(test)]
#[expect(clippy::wildcard_enum_match_arm, reason = "a test names only what it expects")]
mod tests;

pub use batch::BatchId;
pub use source::{Progress, SourceCursor};

use crate::client::{ClientSettings, Metadata, NetworkClient, NetworkTimer};
use crate::config::ProducerConfig;
use crate::machine::{Input, InputOf, Machine, Outbox, To};
use crate::message::Message;
use crate::observation::Observation;
use accumulator::Accumulator;
use ackproof_types::{
    BrokerId, ErrorCode, Offset, Record, RecordId, RecordSlice, Timestamp, TopicId,
};
use application::Application;
use batch::{Batch, Life, upper_bound};
use responses::Sent;
use sequences::{Identity, IdentityRequest};
use source::Source;
use std::sync::Arc;

/// The effects of a producer.
pub(crate) type Out = Outbox<Timer, Progress>;

/// What surroundings ask of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProducerCall {
    /// The application sends a record.
    Send(Record),
    /// The application sends a record to a partition that it names, and asks where it was written.
    SendTo(u16, Record),
    /// The application has sent its last record.
    End,
}

/// The timers of a producer, each named after the setting that decides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// `linger.ms`: the newest batch of a partition need not wait for more records.
    Linger(u16),
    /// `delivery.timeout.ms` of a batch, and of those it was split into.
    Delivery(u16, BatchId),
    /// The sender's thread wakes after a delivery timeout and looks for expired batches.
    Wake,
    /// `retry.backoff.ms` of a batch is over.
    Retry(u16, BatchId),
    /// `max.block.ms` of a record that waits for metadata or memory.
    MaxBlock(RecordId),
    /// `retry.backoff.ms` after a request for a producer id failed.
    ProducerId,
    /// `partitioner.availability.timeout.ms` for a broker that takes nothing of what is ready for it.
    Availability(BrokerId),
    /// A timer of the network client.
    Network(NetworkTimer),
}

impl From<NetworkTimer> for Timer {
    fn from(timer: NetworkTimer) -> Self {
        Self::Network(timer)
    }
}

/// A producer process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Producer {
    config: ProducerConfig,
    client: NetworkClient<Sent>,
    accumulator: Accumulator,
    identity: Identity,
    source: Source,
    application: Application,
    /// Drained in this turn of the loop, not sent yet.
    drained: Vec<(BrokerId, Vec<Batch>)>,
    /// Drains so far.
    drains: u64,
    /// Batches past their delivery timeout without an outcome.
    overdue: u32,
    /// What its application, which names partitions, has not been told of yet.
    acks: Vec<Acked>,
    /// The topic of which the answer at hand is.
    answered: TopicId,
}

/// Where records were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Acked {
    /// The offset of the first.
    pub base_offset: Offset,
    /// The records, at consecutive offsets.
    pub records: RecordSlice,
}

impl Machine for Producer {
    type Config = ProducerConfig;
    type Timer = Timer;
    type Disk = SourceCursor;
    type Call = ProducerCall;

    fn boot(config: &ProducerConfig, disk: &SourceCursor, now: Timestamp, out: &mut Out) -> Self {
        let mut producer = Self {
            config: config.clone(),
            client: NetworkClient::new(client_settings(config), &[config.topic]),
            accumulator: Accumulator::new(config),
            identity: Identity::default(),
            source: Source::new(*disk),
            application: Application::new(config.sending),
            drained: Vec::new(),
            drains: 0,
            overdue: 0,
            acks: Vec::new(),
            answered: config.topic,
        };
        producer.run(now, out);
        producer
    }

    fn step(&mut self, now: Timestamp, mut input: InputOf<Self>, out: &mut Out) {
        self.client.unthrottled(&mut input, out);
        match input {
            Input::Call(ProducerCall::Send(record)) => {
                if !self.send(record, now, out) {
                    return self.end_if_over(out);
                }
            }
            Input::Call(ProducerCall::SendTo(partition, record)) => {
                self.accumulator.name(record.id, partition);
                if !self.send(record, now, out) {
                    return self.end_if_over(out);
                }
            }
            Input::Call(ProducerCall::End) => self.finish_sending(),
            Input::Deliver { from, message } => match message {
                Message::Response(correlation, response) => {
                    self.response(from.route, correlation, response, out);
                }
                Message::Request(_, request) => {
                    out.misplaced(To::Connection(from.connection), request.name());
                }
                Message::NoResponse(_) | Message::Throttled(..) => {}
            },
            Input::SendCompleted(route) => self.send_completed(route, out),
            Input::Disconnected(route) => {
                let failed = self.client.disconnected(route, out);
                self.fail(failed, ErrorCode::NetworkException, out);
            }
            // The batch expires when the thread wakes, not before what arrives until then.
            Input::Fire(Timer::Delivery(partition, born)) => {
                return self.overdue(partition, born, out);
            }
            Input::Fire(timer) => self.fire(timer, out),
            Input::Flushed(_) => return,
        }
        self.run(now, out);
        self.end_if_over(out);
    }

    fn check(&self) {
        self.client.check();
        self.check_memory();
        self.check_overdue();
        self.check_sequences();
    }
}

impl Producer {
    /// What was written since the last time of an application that names partitions.
    pub(crate) fn take_acks(&mut self) -> Vec<Acked> {
        std::mem::take(&mut self.acks)
    }

    /// Every batch that is not done: queued, drained or in flight.
    fn pending(&self) -> impl Iterator<Item = &Batch> {
        let queued = self.accumulator.partitions.iter().flat_map(|partition| &partition.queue);
        let drained = self.drained.iter().flat_map(|(_, batches)| batches);
        queued.chain(drained).chain(self.sent_batches()).filter(|batch| !batch.is_done())
    }

    /// R6.1: what batches hold and what is free are `buffer.memory`.
    fn check_memory(&self) {
        let held: u64 = self.pending().map(|batch| batch.memory).sum();
        assert_eq!(held + self.accumulator.free, self.config.buffer_memory, "R6.1");
    }

    /// R6.22: as many are past their time as are counted.
    fn check_overdue(&self) {
        let overdue = self.pending().filter(|batch| batch.life == Life::Overdue).count();
        assert_eq!(overdue, self.overdue as usize, "R6.22");
    }

    /// R6.6: as many of each partition have a number and no outcome as are counted.
    fn check_sequences(&self) {
        for (partition, number) in self.accumulator.partitions.iter().zip(0..) {
            let of = |batch: &&Batch| batch.partition == number && batch.stamp.is_some();
            let numbered = self.pending().filter(of).count();
            assert_eq!(numbered, partition.sequences.in_flight as usize, "R6.6: {number}");
        }
    }
}

fn client_settings(config: &ProducerConfig) -> ClientSettings {
    ClientSettings {
        bootstrap: Arc::clone(&config.bootstrap),
        max_in_flight: config.max_in_flight,
        request_timeout: config.request_timeout,
        retry_backoff: config.retry_backoff,
        retry_backoff_max: config.retry_backoff_max,
        metadata_max_age: config.metadata_max_age,
        salt: config.salt,
    }
}

impl Producer {
    fn metadata(&self) -> &Metadata {
        self.client.metadata()
    }

    /// R6.1, R6.2: a thread calls `send`. Returns whether the sender has to look.
    fn call_send(&mut self, record: Record, now: Timestamp, out: &mut Out) -> bool {
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
        let appended = self.accumulator.append(record, now, self.client.metadata())?;
        let partition = appended.partition;
        out.observe(Observation::Sent { record, partition: self.place(partition) });
        self.returned(record, out);
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
            self.send_on(now, out);
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
        self.returned(record, out);
        self.sends_failed(&[record], error, out);
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Linger(partition) => self.accumulator.lingered(partition),
            // A wake-up only: the loop looks for what it may do.
            Timer::Wake | Timer::Delivery(..) => {}
            Timer::Retry(partition, batch) => self.accumulator.backed_off(partition, batch),
            Timer::MaxBlock(record) => self.blocked_too_long(record, out),
            Timer::Availability(broker) => self.is_unavailable(broker),
            Timer::ProducerId => self.identity.request = IdentityRequest::Wanted,
            Timer::Network(timer) => {
                let failed = self.client.fire(timer, out);
                self.fail(failed, ErrorCode::RequestTimedOut, out);
            }
        }
    }
}
