//! Which records an idempotent producer may have written twice because it raised its epoch. It judges
//! nothing.
//!
//! Raising the epoch numbers anew what is in flight of a partition, so that brokers cannot recognise what they
//! have (R6.20). Kafka's producer does so after a batch failed or expired, or was refused as out of
//! order with none before it on its way (R6.14, R6.16, R6.19, R6.23), and then for that partition. A producer
//! that does so without a reason is wrong, and what it writes twice is not excused.

use crate::context::Context;
use crate::history::{Entry, Event};
use crate::record_set::RecordSet;
use ackproof_types::{
    ErrorCode, Micros, NodeId, ProducerIndex, RecordId, Timestamp, TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Clocks that were merged differ, and a client tells of a failure a moment before it raises the epoch:
/// what it sends within this time after it counts as in flight.
const MOMENT: Micros = Micros::from_millis(1000);

/// Records of a producer that are over are forgotten so many at a time.
const KEPT: u32 = 1024;

/// A producer's process in a partition.
type Place = (NodeId, TopicPartition);

/// Why a partition's epoch may be raised: something of it failed. One raise does for all that failed before;
/// where lines were merged, failures that came together may all stand before the raises that they caused.
#[derive(Clone, Copy, Debug)]
struct Reason {
    last: Timestamp,
    /// How many failures no raise has followed.
    count: u32,
    /// The epoch was raised since the last.
    is_used: bool,
}

/// The epochs that producers raise by themselves.
#[derive(Debug, Default)]
pub(crate) struct Bumps {
    /// By producer.
    open: Vec<Open>,
    reasons: BTreeMap<Place, Reason>,
    /// Failures without a partition on record: it may be any of the topic, each once; those that had it.
    anywhere: BTreeMap<(NodeId, TopicId), BTreeSet<TopicPartition>>,
    last: BTreeMap<Place, Timestamp>,
    excused: RecordSet,
}

/// Records of a producer that were sent and have no outcome.
#[derive(Debug, Default)]
struct Open {
    /// By number, from `base` on.
    cells: VecDeque<Cell>,
    base: u32,
    /// None below this number is in flight.
    first: u32,
    /// One past the highest number that was sent.
    end: u32,
    /// A record was sent after one of a higher number: the application sends again, and numbers are in no order.
    is_mixed: bool,
}

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cell {
    /// It is not in flight.
    #[default]
    None,
    /// To this partition of its producer's topic.
    Partition(u16),
    /// Where to is not on record.
    Anywhere,
}

impl Open {
    fn send(&mut self, number: u32, to: Option<TopicPartition>) {
        self.is_mixed |= number < self.end;
        self.end = self.end.max(number.saturating_add(1));
        if self.cells.is_empty() {
            (self.base, self.first) = (number, number);
        }
        self.first = self.first.min(number);
        let cell = to.into();
        while number < self.base {
            self.cells.push_front(Cell::None);
            self.base -= 1;
        }
        let index = (number - self.base) as usize;
        if self.cells.len() == index {
            // Nearly always the next one: `resize` is much slower there.
            return self.cells.push_back(cell);
        }
        if self.cells.len() < index {
            self.cells.resize(index + 1, Cell::None);
        }
        self.cells[index] = cell;
    }

    fn end(&mut self, number: u32) {
        let index = number.checked_sub(self.base).map(|index| index as usize);
        let Some(cell) = index.and_then(|index| self.cells.get_mut(index)) else { return };
        *cell = Cell::None;
        while self.cells.get((self.first - self.base) as usize) == Some(&Cell::None) {
            self.first += 1;
        }
        let over = self.first - self.base;
        if over >= KEPT {
            self.cells.drain(..over as usize);
            self.base = self.first;
        }
    }

    /// Those that are, or may be, in flight, with their numbers.
    fn numbered(&self) -> impl Iterator<Item = (u32, Cell)> + '_ {
        (self.first..).zip(self.cells.iter().skip((self.first - self.base) as usize).copied())
    }

    /// Whether one before `number` is in flight to `partition` for certain.
    fn has_before(&self, number: u32, partition: u16) -> bool {
        let mut before = self.numbered().take_while(|(other, _)| *other < number);
        before.any(|(_, cell)| cell == Cell::Partition(partition))
    }

    /// The numbers of those that are, or may be, in flight to `partition`.
    fn to(&self, partition: u16) -> impl Iterator<Item = u32> + '_ {
        let is_there = move |cell| cell == Cell::Anywhere || cell == Cell::Partition(partition);
        self.numbered().filter(move |(_, cell)| is_there(*cell)).map(|(number, _)| number)
    }
}

impl From<Option<TopicPartition>> for Cell {
    fn from(to: Option<TopicPartition>) -> Self {
        to.map_or(Self::Anywhere, |to| Self::Partition(to.partition))
    }
}

impl Bumps {
    fn open(&mut self, producer: ProducerIndex) -> &mut Open {
        if self.open.len() <= producer.index() {
            self.open.resize_with(producer.index() + 1, Open::default);
        }
        &mut self.open[producer.index()]
    }

    /// Whether a record that was sent before `id` is certainly on its way to the partition.
    fn has_earlier(&self, id: RecordId, partition: u16) -> bool {
        let open = self.open.get(id.producer.index());
        open.is_some_and(|open| !open.is_mixed && open.has_before(id.number, partition))
    }

    fn end(&mut self, id: RecordId) {
        if let Some(open) = self.open.get_mut(id.producer.index()) {
            open.end(id.number);
        }
    }

    /// Takes an entry; false if it raises an epoch without a reason on record.
    pub(crate) fn observe(&mut self, entry: &Entry, context: &Context) -> bool {
        match &entry.event {
            Event::Sent { record, partition } => {
                let producer = context.producer(record.id.producer);
                // Another's epoch is never raised.
                if !producer.idempotent {
                    return true;
                }
                self.open(record.id.producer).send(record.id.number, *partition);
                let (node, topic) = (producer.node, producer.topic);
                let is_near = |(other, place): &(NodeId, TopicPartition), at: &Timestamp| {
                    *other == node
                        && partition
                            .map_or(place.topic.name() == topic, |partition| *place == partition)
                        && entry.at.as_micros() <= (*at + MOMENT).as_micros()
                };
                if !self.last.is_empty() && self.last.iter().any(|(place, at)| is_near(place, at)) {
                    self.excused.insert(record.id);
                }
            }
            Event::Acked { records, .. } => {
                for record in records.iter() {
                    self.end(record.id);
                }
            }
            Event::Failed { partition, records, .. } => {
                for record in records.iter() {
                    self.end(record.id);
                }
                match (*partition, records.first()) {
                    (Some(partition), _) => {
                        self.fail((entry.node, partition), entry.at);
                    }
                    (None, Some(first)) => {
                        let topic = context.producer(first.id.producer).topic;
                        self.anywhere.insert((entry.node, topic), BTreeSet::new());
                    }
                    (None, None) => {}
                }
            }
            Event::Retried { partition, first, error } if is_reason(*error) => {
                // R6.14: what is refused behind one that is on its way waits for it.
                let waits = *error == ErrorCode::OutOfOrderSequenceNumber
                    && self.has_earlier(first.id, partition.partition);
                if !waits {
                    self.fail((entry.node, *partition), entry.at);
                }
            }
            Event::ProducerEpochBumped { partition } => {
                return self.raised(entry.node, *partition, entry.at, context);
            }
            Event::ProcessEnded(_) => {
                for (open, producer) in self.open.iter_mut().zip(&context.producers) {
                    if producer.node == entry.node {
                        open.cells.clear();
                        (open.first, open.base) = (0, 0);
                    }
                }
                self.reasons.retain(|(node, _), _| *node != entry.node);
                self.anywhere.retain(|(node, _), _| *node != entry.node);
                self.last.retain(|(node, _), _| *node != entry.node);
            }
            _ => {}
        }
        true
    }

    /// Something of `place` failed.
    fn fail(&mut self, place: Place, at: Timestamp) {
        let before = self.reasons.get(&place).map_or(0, |reason| reason.count);
        self.reasons.insert(place, Reason { last: at, count: before + 1, is_used: false });
    }

    /// Whether a failure on record allows that the epoch is raised.
    fn use_up(&mut self, place: Place, at: Timestamp) -> bool {
        let Some(reason) = self.reasons.get_mut(&place) else { return false };
        let is_near = at.as_micros() <= (reason.last + MOMENT).as_micros();
        if reason.is_used && !is_near {
            self.reasons.remove(&place);
            return false;
        }
        (reason.count, reason.is_used) = (reason.count - 1, true);
        if reason.count == 0 {
            self.reasons.remove(&place);
        }
        true
    }

    fn raised(
        &mut self,
        node: NodeId,
        place: TopicPartition,
        at: Timestamp,
        context: &Context,
    ) -> bool {
        // One that names no partition may be the reason of several.
        let is_named = self.use_up((node, place), at);
        let any = self.anywhere.get_mut(&(node, place.topic));
        if !is_named && !any.is_some_and(|raised| raised.insert(place)) {
            return false;
        }
        self.last.insert((node, place), at);
        for (index, open) in (0..).zip(&self.open) {
            let producer = context.producer(ProducerIndex(index));
            if producer.node == node && producer.topic == place.topic.name() {
                for number in open.to(place.partition) {
                    self.excused.insert(RecordId { producer: ProducerIndex(index), number });
                }
            }
        }
        true
    }

    /// Whether a raised epoch may have written `id` twice.
    pub(crate) fn excuse(&self, id: RecordId) -> bool {
        self.excused.contains(id)
    }
}

/// Refusals after which the epoch rises although the batch is sent again. What has no name of its own in
/// histories may be one.
const fn is_reason(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::OutOfOrderSequenceNumber
            | ErrorCode::InvalidProducerEpoch
            | ErrorCode::UnknownServerError
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::test_history::*;

    fn failed() -> (u16, Event) {
        let (error, records) = (ErrorCode::Timeout, slice(&[0]));
        (4, Event::Failed { partition: None, records, error, maybe_written: true })
    }

    fn bump(partition: TopicPartition) -> (u16, Event) {
        (4, Event::ProducerEpochBumped { partition })
    }

    /// Which of the events raise an epoch without a reason, and whether record 1 is excused.
    fn observed(context: &Context, events: Vec<(u16, Event)>) -> (Vec<u64>, bool) {
        let mut bumps = Bumps::default();
        let mut wrong = entries(events);
        wrong.retain(|entry| !bumps.observe(entry, context));
        let wrong = wrong.iter().map(|entry| entry.seq).collect();
        (wrong, bumps.excuse(record(1).id))
    }

    #[test]
    fn a_failure_without_a_partition_is_a_reason_once_a_partition() {
        let other = TopicPartition { partition: 1, ..P };
        let events = vec![sent(0), failed(), bump(P), bump(other), bump(P), failed(), bump(P)];
        assert_eq!(observed(&context(), events).0, [4]);
    }

    #[test]
    fn a_partition_of_another_topic_is_none_of_the_producers() {
        let mut context = context();
        context.topics.push(context.topics[1].clone());
        let mut second = context.producers[0].clone();
        second.topic = TopicId(2);
        context.producers.push(second);
        let there = TopicPartition { topic: TopicId(2), ..P };
        let unplaced = (4, Event::Sent { record: record(1), partition: None });
        let of_there = (
            4,
            Event::Failed {
                partition: Some(there),
                records: slice(&[0]),
                error: ErrorCode::Timeout,
                maybe_written: true,
            },
        );
        let in_flight = vec![unplaced.clone(), of_there.clone(), bump(there)];
        assert_eq!(observed(&context, in_flight), (vec![], false));
        assert_eq!(observed(&context, vec![of_there, bump(there), unplaced]), (vec![], false));
        assert_eq!(observed(&context, vec![failed(), bump(there)]).0, [1], "no failure of its own");
    }

    #[test]
    fn failures_that_came_together_allow_as_many_raises_and_only_then() {
        let failed = || {
            let (error, records) = (ErrorCode::Timeout, slice(&[0]));
            (4, Event::Failed { partition: Some(P), records, error, maybe_written: true })
        };
        let wrong = |events| observed(&context(), events).0;
        assert_eq!(wrong(vec![failed(), bump(P), bump(P)]), [2]);
        // Entries are a second apart.
        assert_eq!(wrong(vec![failed(), failed(), bump(P)]), [0_u64; 0]);
        assert_eq!(wrong(vec![failed(), failed(), bump(P), bump(P)]), [3], "long after");
        let mut bumps = Bumps::default();
        let mut together = entries(vec![failed(), failed(), bump(P), bump(P), bump(P)]);
        together.iter_mut().for_each(|entry| entry.at = Timestamp::START);
        let allowed = together.iter().filter(|entry| bumps.observe(entry, &context())).count();
        assert_eq!(allowed, 4, "a third raise has no reason");
    }

    #[test]
    fn what_is_in_flight_begins_later_and_later() {
        let mut open = Open::default();
        open.send(5, Some(P));
        open.send(7, None);
        open.send(6, Some(TopicPartition { partition: 1, ..P }));
        assert_eq!(open.to(0).collect::<Vec<_>>(), [5, 7]);
        open.end(5);
        open.end(99);
        assert_eq!((open.first, open.to(1).collect::<Vec<_>>()), (6, vec![6, 7]));
        open.send(3, Some(P));
        assert_eq!(open.to(0).collect::<Vec<_>>(), [3, 7]);
        (3..8).for_each(|number| open.end(number));
        assert_eq!((open.first, open.numbered().count()), (8, 0));

        // A long run keeps what is in flight, and an older number may come again.
        let mut long = Open::default();
        for number in 0..5 * KEPT {
            long.send(number, None);
            long.end(number);
        }
        assert!(long.cells.len() < KEPT as usize, "{}", long.cells.len());
        long.send(3, None);
        assert_eq!(long.numbered().filter(|(_, cell)| *cell != Cell::None).count(), 1);
        long.send(2, None);
        long.end(3);
        assert_eq!(long.numbered().next(), Some((2, Cell::Anywhere)));
    }
}
