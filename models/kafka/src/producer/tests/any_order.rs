//! Whatever comes in whatever order, these hold.

use super::hand::{Hand, MaybeWritten, ONE, Outcome, config, leader, numbers, record};
use super::lab::{Fate, Lab};
use crate::client::NetworkTimer;
use crate::config::ProducerConfig;
use crate::message::{Acks, Request};
use crate::observation::Observation;
use crate::producer::Timer;
use ackproof_types::{BrokerId, ErrorCode, Micros, Offset, Record};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Settings that matter, small enough that every limit is met.
fn settings() -> impl Strategy<Value = ProducerConfig> {
    let choices = (any::<bool>(), 1..6_usize, 0..2_u32, 0..3_u8, 400..2000_u64, 0..2_u64);
    choices.prop_map(|(idempotent, max_in_flight, few, acks, buffer_memory, lingers)| {
        let acks = if idempotent {
            Acks::All
        } else {
            [Acks::None, Acks::Leader, Acks::All][usize::from(acks)]
        };
        ProducerConfig {
            acks,
            max_in_flight,
            retries: if few == 1 { 2 } else { u32::MAX },
            buffer_memory,
            linger: Micros::from_millis(5 * lingers),
            ..config(idempotent)
        }
    })
}

const ERRORS: [ErrorCode; 8] = [
    ErrorCode::NotLeaderOrFollower,
    ErrorCode::NotEnoughReplicas,
    ErrorCode::NotEnoughReplicasAfterAppend,
    ErrorCode::RequestTimedOut,
    ErrorCode::MessageTooLarge,
    ErrorCode::OutOfOrderSequenceNumber,
    ErrorCode::InvalidRecord,
    ErrorCode::InvalidProducerEpoch,
];

/// Whether an answer says for certain that nothing was written.
fn refuses(answer: Option<ErrorCode>) -> bool {
    let open = [
        ErrorCode::NotLeaderOrFollower,
        ErrorCode::NotEnoughReplicasAfterAppend,
        ErrorCode::RequestTimedOut,
    ];
    answer.is_some_and(|error| !open.contains(&error))
}

/// What a test without a clock knows of the run so far.
#[derive(Default)]
struct Ledger {
    sent: u32,
    /// Records of requests that may have been written.
    maybe_written: BTreeSet<u32>,
    /// The next sequence of each epoch.
    next: BTreeMap<i16, i32>,
}

impl Ledger {
    /// Looks at requests that are new on the wire.
    fn check(&mut self, hand: &mut Hand) {
        let max = hand.process.config().max_in_flight;
        assert!(hand.wire.get(&ONE).map_or(0, VecDeque::len) <= max, "too many in flight");
        for request in std::mem::take(&mut hand.fresh) {
            let Request::Produce(produce) = request else { continue };
            let partitions: BTreeSet<u16> =
                produce.batches.iter().map(|it| it.0.partition).collect();
            assert_eq!(partitions.len(), produce.batches.len(), "one batch of a partition");
            for (_, batch) in &produce.batches {
                if produce.acks == Acks::None {
                    self.maybe_written.extend(numbers(batch));
                }
                let Some(stamp) = batch.producer else { continue };
                let next = self.next.entry(stamp.epoch.0).or_default();
                let count = i32::try_from(batch.count()).expect("small");
                let is_gap = stamp.base_sequence.0 > *next && hand.bumps() == 0;
                assert!(!is_gap, "sequence {} after {next}", stamp.base_sequence.0);
                *next = (*next).max(stamp.base_sequence.0 + count);
            }
        }
    }

    /// Takes note that the oldest request to broker 1 gets this answer, or none.
    fn answered(&mut self, hand: &Hand, answer: Option<ErrorCode>) {
        if !refuses(answer)
            && let Some(request) = hand.produces(ONE).first()
        {
            self.maybe_written.extend(request.batches.iter().flat_map(|(_, it)| numbers(it)));
        }
    }

    fn finish(&self, hand: &Hand) {
        let mut resolved = BTreeSet::new();
        for outcome in hand.outcomes() {
            let (records, certain) = match &outcome {
                Outcome::Acked(records, _) => (records.clone(), false),
                Outcome::Failed(records, _, maybe) => (records.clone(), *maybe == MaybeWritten::No),
                Outcome::Rejected(record, _) => (vec![*record], true),
            };
            for record in records {
                assert!(record < self.sent, "{record} was never sent");
                assert!(resolved.insert(record), "{record} has two outcomes");
                let lie = certain && self.maybe_written.contains(&record);
                assert!(!lie, "{record} may be written: {outcome:?}");
            }
        }
        let cursor = (0..).find(|number| !resolved.contains(number));
        assert_eq!(Some(hand.cursor), cursor, "the source goes on at the first without an outcome");
    }
}

/// One step of a run without a clock, chosen by `step` and `index`.
fn chaos(hand: &mut Hand, ledger: &mut Ledger, step: u8, index: prop::sample::Index) {
    let is_produce =
        matches!(hand.wire.get(&ONE).and_then(VecDeque::front), Some((_, Request::Produce(_))));
    match step {
        0..=2 => {
            hand.send(ledger.sent);
            ledger.sent += 1;
        }
        3..=4 if is_produce => {
            ledger.answered(hand, None);
            hand.result(Ok(1));
        }
        5 if is_produce => {
            let error = *index.get(&ERRORS);
            ledger.answered(hand, Some(error));
            hand.result(Err(error));
        }
        3..=5 => hand.settle(&[leader(0, (index.index(4) > 0).then_some(ONE), 0)]),
        7 => {
            hand.is_full = !hand.is_full;
            if !hand.is_full {
                hand.drain();
            }
        }
        6 => {
            for request in hand.produces(ONE) {
                ledger.maybe_written.extend(request.batches.iter().flat_map(|(_, it)| numbers(it)));
            }
            hand.disconnect(ONE);
        }
        _ => {
            let timers: Vec<Timer> = hand.timers.keys().copied().collect();
            if !timers.is_empty() {
                let timer = *index.get(&timers);
                if matches!(timer, Timer::Network(NetworkTimer::Request(_))) {
                    for request in hand.produces(ONE) {
                        let batches = request.batches.iter();
                        ledger.maybe_written.extend(batches.flat_map(|(_, it)| numbers(it)));
                    }
                }
                hand.fire(timer);
            }
        }
    }
}

/// Two brokers and a network whose faults are drawn from bytes, and end with them.
fn lab(config: ProducerConfig, fates: Vec<u8>, jitters: Vec<u16>) -> Lab {
    let leaders = vec![leader(0, Some(BrokerId(1)), 0), leader(1, Some(BrokerId(2)), 0)];
    let mut lab = Lab::new(
        ProducerConfig { bootstrap: [BrokerId(1), BrokerId(2)].into(), ..config },
        leaders,
    );
    let mut fates = fates.into_iter();
    lab.fate = Box::new(move |_| match fates.next().unwrap_or(0) % 16 {
        0..=5 => Fate::Answered,
        6 => Fate::Slow(20_000),
        7 => Fate::Slow(400_000),
        8 | 9 => Fate::Silent,
        10 => Fate::Lost,
        11 => Fate::Refused(ErrorCode::NotEnoughReplicas),
        12 => Fate::Refused(ErrorCode::NotLeaderOrFollower),
        13 => Fate::Ambiguous(ErrorCode::RequestTimedOut),
        14 => Fate::Ambiguous(ErrorCode::NotEnoughReplicasAfterAppend),
        _ => Fate::Reset,
    });
    let mut jitters = jitters.into_iter().cycle();
    lab.jitter = Box::new(move || u64::from(jitters.next().unwrap_or(500) % 1001));
    lab
}

/// Short timeouts, so that all of them end within a run.
fn hasty(config: ProducerConfig) -> ProducerConfig {
    ProducerConfig {
        request_timeout: Micros::from_millis(300),
        delivery_timeout: Micros::from_millis(2000),
        max_block: Micros::from_millis(1000),
        ..config
    }
}

/// For each partition, the order in which records were handed over.
fn handed_over(lab: &Lab) -> Vec<Vec<u32>> {
    let mut partitions = vec![Vec::new(); lab.logs.len()];
    for seen in &lab.observed {
        if let Observation::Sent { record, partition } = seen {
            partitions[usize::from(partition.partition)].push(record.id.number);
        }
    }
    partitions
}

/// Acknowledged records are in the log where they were acknowledged; what is certainly not written is
/// not in a log; every record has one outcome.
fn assert_honest(lab: &Lab, sent: u32) {
    let outcomes = lab.outcomes();
    assert_eq!(outcomes.len(), sent as usize, "all have an outcome");
    let mut written = BTreeSet::new();
    lab.logs.iter().for_each(|log| written.extend(log.records.iter().copied()));
    for (number, seen) in outcomes {
        assert_eq!(seen.len(), 1, "{number} has several outcomes: {seen:?}");
        match seen[0] {
            Observation::Acked { partition, base_offset, records, .. }
                if *base_offset != Offset::UNKNOWN =>
            {
                let first = usize::try_from(base_offset.0).expect("an offset");
                let log = &lab.logs[usize::from(partition.partition)].records;
                let place = &log[first..first + records.len()];
                assert!(
                    place.iter().eq(records.iter().map(|it| &it.id.number)),
                    "{number}: {place:?}"
                );
            }
            Observation::Failed { maybe_written: false, .. } | Observation::Rejected { .. } => {
                assert!(!written.contains(&number), "{number} is certainly not written, but is");
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Any order of answers, errors, disconnects and timers: at most one outcome a record, requests in
    /// flight within their limit, sequences without gaps, and certainty only where there is any.
    #[test]
    fn without_a_clock(
        config in settings(),
        steps in prop::collection::vec((0..11_u8, any::<prop::sample::Index>()), 1..250),
    ) {
        let mut hand = Hand::ready(&config);
        let mut ledger = Ledger::default();
        for (step, index) in steps {
            chaos(&mut hand, &mut ledger, step, index);
            ledger.check(&mut hand);
        }
        ledger.finish(&hand);
    }

    /// Faithful brokers on a faulty network, `acks=all` and idempotence: acknowledged is written, in
    /// order and once, unless an epoch was raised (R6.20); out of order only if besides the log took a
    /// later batch of an id that it did not know (R6.32).
    #[test]
    fn with_faithful_brokers_and_idempotence(
        in_flight in 1..6_usize,
        fates in prop::collection::vec(any::<u8>(), 0..60),
        jitters in prop::collection::vec(any::<u16>(), 1..20),
        gaps in prop::collection::vec((0..60_u64, prop::option::of(0..9_u32)), 1..60),
    ) {
        let config = hasty(ProducerConfig { max_in_flight: in_flight, ..config(true) });
        let mut lab = lab(config, fates, jitters);
        let mut at = 0;
        for (number, (gap, key)) in (0..).zip(&gaps) {
            at += gap;
            lab.send_at(at, Record { key: *key, ..record(number) });
        }
        lab.run_until(at + 60_000);
        assert_honest(&lab, u32::try_from(gaps.len()).unwrap());
        for (log, order) in lab.logs.iter().zip(handed_over(&lab)) {
            let mut first = Vec::new();
            for number in &log.records {
                if !first.contains(number) {
                    first.push(*number);
                }
            }
            if lab.bumps() == 0 {
                prop_assert_eq!(&first, &log.records, "a duplicate without an epoch bump");
            }
            let place = |number: &u32| order.iter().position(|it| it == number);
            let in_order = first.is_sorted_by_key(place);
            prop_assert!(in_order || log.began_late && lab.bumps() > 0, "{:?} {:?}", log.records, order);
        }
    }

    /// The same for all other settings: every record has one outcome, and it is true.
    #[test]
    fn with_faithful_brokers_and_any_settings(
        config in settings(),
        fates in prop::collection::vec(any::<u8>(), 0..60),
        jitters in prop::collection::vec(any::<u16>(), 1..20),
        gaps in prop::collection::vec((0..60_u64, prop::option::of(0..9_u32)), 1..60),
    ) {
        let mut lab = lab(hasty(config), fates, jitters);
        let mut at = 0;
        for (number, (gap, key)) in (0..).zip(&gaps) {
            at += gap;
            lab.send_at(at, Record { key: *key, ..record(number) });
        }
        lab.run_until(at + 60_000);
        assert_honest(&lab, u32::try_from(gaps.len()).unwrap());
    }
}
