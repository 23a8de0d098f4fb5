//! What an idempotent producer's client logs beside its tool: that it sends a batch again and why, and that it raised its
//! epoch. Of a batch the client names the partition alone, and of an epoch nothing:
//! - A batch that is sent again begins with the oldest record of its producer in its partition that has no outcome. Behind one
//!   that is on its way a refused batch would wait (R6.14), which the client does not tell: so such a retry counts as a
//!   reason too.
//! - An epoch is raised for the partitions of which something was refused, or failed, since it was raised last. If there
//!   are none, for all.

use super::{Place, What};
use ackproof_types::{ErrorCode, ProducerIndex, Record, RecordId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What a line of a client's log says, if it begins with milliseconds since 1970.
pub(super) fn heard(line: &str) -> Option<(u64, What)> {
    let timestamp = line.split(' ').next()?.parse().ok()?;
    if let Some((_, rest)) = line.split_once("ProducerId set to ") {
        let (_, epoch) = rest.split_once(" with epoch ")?;
        // The first one is not raised.
        return (epoch.trim().parse::<u32>().ok()? > 0).then_some((timestamp, What::Raised));
    }
    let (_, rest) = line.split_once("Got error produce response")?;
    let (_, rest) = rest.split_once(" on topic-partition ")?;
    let (place, rest) = rest.split_once(", retrying ")?;
    let (topic, partition) = place.rsplit_once('-')?;
    let place = Place { topic: topic.to_owned(), partition: partition.parse().ok()? };
    let (_, error) = rest.split_once("Error: ")?;
    let name = error.split(|one: char| one != '_' && !one.is_ascii_uppercase()).next()?;
    let error = ErrorCode::ALL.iter().find(|code| code.name() == name);
    let error = error.copied().unwrap_or(ErrorCode::UnknownServerError);
    Some((timestamp, What::Again { place, error }))
}

/// Records on their way, and what of a producer asks for an epoch.
#[derive(Debug, Default)]
pub(super) struct Flights {
    flying: BTreeMap<(ProducerIndex, TopicPartition), BTreeMap<u32, Record>>,
    places: BTreeMap<RecordId, TopicPartition>,
    reasons: BTreeMap<ProducerIndex, BTreeSet<TopicPartition>>,
}

impl Flights {
    /// A record leaves. One whose partition nobody knows is in none.
    pub(super) fn send(&mut self, record: Record, partition: Option<TopicPartition>) {
        let Some(partition) = partition else { return };
        let RecordId { producer, number } = record.id;
        self.flying.entry((producer, partition)).or_default().insert(number, record);
        self.places.insert(record.id, partition);
    }

    /// It has its outcome.
    pub(super) fn end(&mut self, id: RecordId) {
        let Some(partition) = self.places.remove(&id) else { return };
        if let Some(flying) = self.flying.get_mut(&(id.producer, partition)) {
            flying.remove(&id.number);
        }
    }

    /// The oldest record of `producer` on its way to `partition`.
    pub(super) fn first(
        &self,
        producer: ProducerIndex,
        partition: TopicPartition,
    ) -> Option<Record> {
        self.flying.get(&(producer, partition))?.values().next().copied()
    }

    /// Something of these partitions asks for a new epoch.
    pub(super) fn ask(
        &mut self,
        producer: ProducerIndex,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) {
        self.reasons.entry(producer).or_default().extend(partitions);
    }

    /// The partitions that asked for it since the last.
    pub(super) fn asked(&mut self, producer: ProducerIndex) -> BTreeSet<TopicPartition> {
        self.reasons.remove(&producer).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_client_are_told_from_others() {
        let who = "WARN Sender [Producer clientId=producer-1]";
        let line = |rest: &str| format!("1796063807869 {who} {rest}");
        let again = "Got error produce response with correlation id 912 on topic-partition my-topic-2, retrying \
                     (2147483645 attempts left). Error: ";
        let told = |error: &str| match heard(&line(&format!("{again}{error}"))) {
            Some((1_796_063_807_869, What::Again { place, error })) => {
                assert_eq!(place.pair(), ("my-topic", 2));
                Some(error)
            }
            _ => None,
        };
        assert_eq!(told("OUT_OF_ORDER_SEQUENCE_NUMBER"), Some(ErrorCode::OutOfOrderSequenceNumber));
        let cut = "NETWORK_EXCEPTION. Error Message: Disconnected from node 1";
        assert_eq!(told(cut), Some(ErrorCode::NetworkException));
        assert_eq!(told("NEW_ERROR"), Some(ErrorCode::UnknownServerError));
        let raised = |epoch: &str| heard(&line(&format!("ProducerId set to 7 with epoch {epoch}")));
        assert!(matches!(raised("1"), Some((_, What::Raised))));
        assert!(raised("0").is_none() && heard("no time").is_none() && heard("").is_none());
    }
}
