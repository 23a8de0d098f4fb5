//! The producer driven by hand.

use super::*;
use crate::machine::Effect;
use crate::message::{Acks, MetadataResponse, PartitionMetadata, ProduceRequest};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, LeaderEpoch, Micros, Offset, ProducerIndex, Sequence, TopicId};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::START;

struct Hand {
    producer: Producer,
    out: Out,
    requests: Vec<(CorrelationId, Request)>,
    observed: Vec<Observation>,
    timers: BTreeSet<Timer>,
    closed: usize,
}

fn config(idempotence: bool) -> ProducerConfig {
    let ms = Micros::from_millis;
    ProducerConfig {
        index: ProducerIndex(0),
        topic: TopicId(1),
        brokers: 1,
        acks: Acks::All,
        enable_idempotence: idempotence,
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
        salt: 7,
    }
}

fn record(number: u32) -> Record {
    Record { id: RecordId { producer: ProducerIndex(0), number }, key: None, size: 100 }
}

impl Hand {
    fn new(idempotence: bool) -> Self {
        let mut out = Out::default();
        let producer =
            Producer::boot(&config(idempotence), &SourceCursor::default(), NOW, &mut out);
        let mut hand = Self {
            producer,
            out,
            requests: Vec::new(),
            observed: Vec::new(),
            timers: BTreeSet::new(),
            closed: 0,
        };
        hand.collect();
        hand
    }

    /// With metadata, and an identity if it asks for one.
    fn ready(idempotence: bool) -> Self {
        let mut hand = Self::new(idempotence);
        let (asked, _) = hand.requests.remove(0);
        let leader = PartitionMetadata {
            partition: TopicPartition::new(TopicId(1), 0),
            leader: Some(BrokerId(1)),
            leader_epoch: LeaderEpoch(0),
        };
        let brokers = [BrokerId(1)].into();
        hand.answer(
            asked,
            Response::Metadata(MetadataResponse { brokers, partitions: vec![leader] }),
        );
        if idempotence {
            let (asked, _) = hand.requests.remove(0);
            let identity = Response::InitProducerId(Ok((ProducerId(9), ProducerEpoch(0))));
            hand.answer(asked, identity);
        }
        hand
    }

    fn collect(&mut self) {
        for effect in self.out.drain() {
            match effect {
                Effect::Send { message: Message::Request(correlation, request), .. } => {
                    self.requests.push((correlation, request));
                }
                Effect::Arm { timer, .. } => {
                    self.timers.insert(timer);
                }
                Effect::Disarm(timer) => {
                    self.timers.remove(&timer);
                }
                Effect::Observe(observation) => self.observed.push(observation),
                Effect::Close(_) => self.closed += 1,
                Effect::Send { .. } | Effect::Write(_) | Effect::Flush(_) | Effect::Exit => {}
            }
        }
    }

    fn step(&mut self, input: Input<Producer>) {
        self.producer.step(NOW, input, &mut self.out);
        self.collect();
    }

    fn send(&mut self, number: u32) {
        self.step(Input::Call(ProducerCall::Send(record(number))));
    }

    fn answer(&mut self, correlation: CorrelationId, response: Response) {
        let from = crate::machine::Peer {
            node: BrokerId(1).into(),
            connection: crate::machine::ConnectionId(1),
            channel: Channel::Data,
        };
        self.step(Input::Deliver { from, message: Message::Response(correlation, response) });
    }

    fn fire(&mut self, timer: Timer) {
        assert!(self.timers.remove(&timer), "{timer:?} is not armed");
        self.step(Input::Fire(timer));
    }

    fn produce(&mut self) -> (CorrelationId, ProduceRequest) {
        let index = self
            .requests
            .iter()
            .position(|(_, request)| matches!(request, Request::Produce(_)))
            .expect("a produce request was sent");
        match self.requests.remove(index) {
            (correlation, Request::Produce(request)) => (correlation, request),
            (_, other) => unreachable!("{other:?}"),
        }
    }

    fn result(&mut self, correlation: CorrelationId, result: Result<Offset, ErrorCode>) {
        let partition = TopicPartition::new(TopicId(1), 0);
        self.answer(correlation, Response::Produce(vec![(partition, result)], Vec::new()));
    }
}

fn sequence(request: &ProduceRequest) -> Option<Sequence> {
    request.batches[0].1.producer.map(|stamp| stamp.base_sequence)
}

#[test]
fn a_record_is_acknowledged_at_its_offset() {
    let mut hand = Hand::ready(true);
    hand.send(0);
    hand.fire(Timer::Linger(0));
    let (asked, request) = hand.produce();
    assert_eq!(sequence(&request), Some(Sequence(0)));
    hand.result(asked, Ok(Offset(41)));
    let acked = hand.observed.iter().any(|seen| {
        matches!(seen, Observation::Acked { base_offset: Offset(41), by: BrokerId(1), .. })
    });
    assert!(acked, "{:?}", hand.observed);
}

#[test]
fn a_retry_keeps_its_sequence() {
    let mut hand = Hand::ready(true);
    hand.send(0);
    hand.fire(Timer::Linger(0));
    let (asked, first) = hand.produce();
    hand.result(asked, Err(ErrorCode::NotEnoughReplicas));
    hand.fire(Timer::Retry(0, BatchId(1)));
    let (_, second) = hand.produce();
    assert_eq!(sequence(&first), sequence(&second));
}

#[test]
fn a_request_timeout_closes_the_connection_and_fails_all_in_flight() {
    let mut hand = Hand::ready(true);
    for number in 0..3 {
        hand.send(number);
    }
    hand.fire(Timer::Linger(0));
    let (first, _) = hand.produce();
    assert!(hand.producer.requests.len() > 1, "several requests are in flight");
    hand.fire(Timer::Request(first));
    assert_eq!(hand.closed, 1);
    assert!(hand.producer.requests.is_empty(), "all of them failed");
}

#[test]
fn expiry_is_unknown_only_after_an_attempt() {
    let mut hand = Hand::ready(false);
    hand.send(0);
    hand.fire(Timer::Delivery(0, BatchId(1)));
    hand.send(1);
    hand.fire(Timer::Linger(0));
    hand.produce();
    hand.fire(Timer::Delivery(0, BatchId(2)));
    let outcomes: Vec<bool> = hand
        .observed
        .iter()
        .filter_map(|seen| match seen {
            Observation::Failed { maybe_written, .. } => Some(*maybe_written),
            _ => None,
        })
        .collect();
    assert_eq!(outcomes, [false, true]);
}

#[test]
fn without_idempotence_a_retry_lets_the_next_batch_overtake() {
    let mut hand = Hand::ready(false);
    hand.send(0);
    hand.send(1);
    hand.fire(Timer::Linger(0));
    let (first, _) = hand.produce();
    let (second, _) = hand.produce();
    hand.result(first, Err(ErrorCode::NotLeaderOrFollower));
    hand.result(second, Ok(Offset(0)));
    hand.fire(Timer::Retry(0, BatchId(1)));
    let (_, retried) = hand.produce();
    let crate::message::Payload::Records(records) = &retried.batches[0].1.payload else {
        unreachable!("records")
    };
    assert_eq!(records[0].id.number, 0, "the first record comes after the second");
}

proptest! {
    /// Whatever answers, disconnects and timers come: every record is resolved at most once, and no
    /// more requests are in flight than allowed.
    #[test]
    fn every_record_is_resolved_at_most_once(
        idempotence: bool,
        steps in prop::collection::vec((0..6_u8, any::<prop::sample::Index>()), 1..200),
    ) {
        let mut hand = Hand::ready(idempotence);
        let mut sent = 0;
        for (step, index) in steps {
            let produces: Vec<CorrelationId> = hand.producer.requests.keys().copied().collect();
            match step {
                0 | 1 => {
                    hand.send(sent);
                    sent += 1;
                }
                2 if !produces.is_empty() => hand.result(*index.get(&produces), Ok(Offset(1))),
                3 if !produces.is_empty() => {
                    hand.result(*index.get(&produces), Err(ErrorCode::OutOfOrderSequenceNumber));
                }
                4 => hand.step(Input::Disconnected(route(BrokerId(1)))),
                _ if !hand.timers.is_empty() => {
                    let timers: Vec<Timer> = hand.timers.iter().copied().collect();
                    hand.fire(*index.get(&timers));
                }
                _ => {}
            }
            prop_assert!(hand.producer.requests.len() <= 5);
        }
        let mut resolved = BTreeSet::new();
        for seen in &hand.observed {
            let records = match seen {
                Observation::Acked { records, .. } | Observation::Failed { records, .. } => {
                    records.to_vec()
                }
                Observation::Rejected { record, .. } => vec![*record],
                _ => Vec::new(),
            };
            for record in records {
                prop_assert!(resolved.insert(record.id), "{} twice", record.id);
            }
        }
    }
}
