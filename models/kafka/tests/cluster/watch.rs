//! What must hold of a cluster at every step, seen from outside: the logs as the observations tell
//! them, and the committed sequence that the leaders' high watermarks expose.

use crate::driver::PAYMENTS;
use ackproof_kafka::message::{CorrelationId, Response};
use ackproof_kafka::metadata::MetadataImage;
use ackproof_kafka::observation::Observation;
use ackproof_types::{BrokerId, LeaderEpoch, NodeId, Offset, Record};
use std::collections::BTreeMap;

/// An offset of a log: who wrote it, and what.
type Entry = (LeaderEpoch, Record);

#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// The replicas' logs.
    pub(crate) logs: BTreeMap<NodeId, Vec<Entry>>,
    /// What any leader's high watermark ever covered.
    pub(crate) committed: Vec<Entry>,
    leaders: BTreeMap<LeaderEpoch, NodeId>,
    high_watermarks: BTreeMap<(NodeId, LeaderEpoch), Offset>,
    epochs: Option<(LeaderEpoch, i32)>,
    /// Produced with `acks=all`, by the number of the request.
    pub(crate) expected: BTreeMap<u64, Record>,
    pub(crate) acked: usize,
}

fn at(offset: Offset) -> usize {
    usize::try_from(offset.0).expect("an offset of a log")
}

impl Watch {
    pub(crate) fn observe(
        &mut self,
        node: NodeId,
        seen: &Observation,
        image: Option<&MetadataImage>,
    ) {
        match seen {
            Observation::Appended { partition: PAYMENTS, epoch, base_offset, records, .. } => {
                let log = self.logs.entry(node).or_default();
                assert_eq!(log.len(), at(*base_offset), "{node:?} leaves a hole");
                log.extend(records.iter().map(|record| (*epoch, *record)));
            }
            Observation::Truncated { partition: PAYMENTS, from, to } => {
                let log = self.logs.entry(node).or_default();
                assert_eq!(log.len(), at(*from), "{node:?} cuts another log");
                log.truncate(at(*to));
            }
            Observation::BecameLeader { partition: PAYMENTS, epoch, log_end, high_watermark } => {
                let first = self.leaders.entry(*epoch).or_insert(node);
                assert_eq!(*first, node, "two leaders of {epoch:?}");
                assert!(high_watermark <= log_end, "HW <= LEO");
                self.high_watermarks.insert((node, *epoch), *high_watermark);
                self.agrees(node, *high_watermark);
            }
            Observation::HighWatermark { partition: PAYMENTS, epoch, offset } => {
                let before = self.high_watermarks.insert((node, *epoch), *offset);
                assert!(before.is_none_or(|before| before < *offset), "{before:?} then {offset}");
                self.agrees(node, *offset);
                let log = &self.logs[&node];
                assert!(at(*offset) <= log.len(), "HW <= LEO");
                if at(*offset) > self.committed.len() {
                    self.committed = log[..at(*offset)].to_vec();
                    self.strong_isr(image);
                }
            }
            Observation::LeaderElected { partition: PAYMENTS, leader, isr, epoch, .. } => {
                assert!(leader.is_none_or(|leader| isr.contains(&leader)), "{leader:?} of {isr:?}");
                let before = self.epochs.replace((*epoch, 0));
                assert!(before.is_none_or(|(before, _)| before < *epoch), "R5.24");
                self.strong_isr(image);
            }
            Observation::IsrChanged { partition: PAYMENTS, isr, .. } => {
                assert!(!isr.is_empty(), "R5.20");
                self.strong_isr(image);
            }
            _ => {}
        }
    }

    /// A loss of power took what `node` had from `end` on, acknowledged or not.
    pub(crate) fn cut(&mut self, node: NodeId, end: usize) {
        self.logs.entry(node).or_default().truncate(end);
        if self.logs.values().all(|log| log.len() <= end) {
            self.committed.truncate(end);
            self.high_watermarks.clear();
        }
    }

    /// A log agrees with what is committed, as far as both reach.
    fn agrees(&self, node: NodeId, high_watermark: Offset) {
        let log = self.logs.get(&node).map_or(&[][..], Vec::as_slice);
        let common = at(high_watermark).min(self.committed.len());
        assert_eq!(&log[..common], &self.committed[..common], "{node:?} has other records");
    }

    /// Every member of the controller's in-sync set has all that is committed (`StrongIsr`).
    fn strong_isr(&self, image: Option<&MetadataImage>) {
        let Some(state) = image.and_then(|image| image.partitions.get(&PAYMENTS)) else { return };
        for BrokerId(member) in &state.isr {
            let log = self.logs.get(&NodeId(*member)).map_or(&[][..], Vec::as_slice);
            assert!(
                log.starts_with(&self.committed),
                "broker {member} is in sync with {} records, {} are committed",
                log.len(),
                self.committed.len()
            );
        }
    }

    /// An acknowledgement names a committed record; what is read is committed.
    pub(crate) fn answered(&mut self, number: CorrelationId, response: &Response) {
        match response {
            Response::Produce(parts, _) => {
                if let (Some(record), Ok(base)) = (self.expected.get(&number.0), parts[0].1) {
                    let committed = self.committed.get(at(base)).map(|(_, record)| *record);
                    assert_eq!(committed, Some(*record), "acknowledged at {base}");
                    self.acked += 1;
                }
            }
            Response::Fetch(parts) => {
                for batch in parts.iter().filter_map(|part| part.result.as_ref().ok()) {
                    for batch in &batch.batches {
                        let records = batch.records();
                        for (nth, record) in records.iter().enumerate() {
                            let committed = self.committed.get(at(batch.base_offset) + nth);
                            let committed = committed.map(|(_, record)| record);
                            assert_eq!(committed, Some(record), "a consumer read it");
                        }
                    }
                }
            }
            _ => {}
        }
    }
}
