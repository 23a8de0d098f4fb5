//! Bytes of a log that are wrong: what a recovery finds and cuts, and what readers meet.
//!
//! Kafka: `LogLoader#recoverLog`, `LogSegment#recover`, `UnifiedLog#analyzeAndValidateRecords`,
//! `CompletedFetch#maybeEnsureValid` (R1.22).

use super::ReplicaLog;
use super::disk::BrokerWrite;
use super::stored::{Damage, LogWrite};
use crate::machine::Outbox;
use crate::message::RecordBatch;
use ackproof_types::{ErrorCode, Offset};
use std::sync::Arc;

impl ReplicaLog {
    /// R1.22: after an unclean stop all segments from that of the recovery point on are looked through, and the log
    /// is cut at the first batch that is wrong. Says where it ended and where it ends.
    pub(crate) fn cut_damage<T>(
        &mut self,
        out: &mut Outbox<T, BrokerWrite>,
    ) -> Option<(Offset, Offset)> {
        let (segments, point) = (&self.stored.segments, self.stored.recovery_point);
        let first = segments.iter().rev().find(|base| **base <= point).copied();
        let first = first.unwrap_or(self.stored.base);
        let (to, _) = self.stored.damage.range(first..).next()?;
        let to = *to;
        self.truncate(to, out).map(|from| (from, to))
    }

    /// Half a batch is at the end.
    pub(crate) fn tear<T>(&mut self, out: &mut Outbox<T, BrokerWrite>) {
        self.write(LogWrite::Torn(self.end()), out);
    }

    /// What a reader can use of what it is sent. A follower refuses all of it for one batch that is wrong, a
    /// consumer takes what comes before.
    ///
    /// # Errors
    /// `CORRUPT_MESSAGE`. In Kafka it is the reader who finds it.
    pub(crate) fn intact(
        &self,
        mut batches: Vec<Arc<RecordBatch>>,
        is_replica: bool,
    ) -> Result<Vec<Arc<RecordBatch>>, ErrorCode> {
        if self.stored.damage.is_empty() {
            return Ok(batches);
        }
        let wrong = |batch: &Arc<RecordBatch>| {
            self.stored.damage.get(&batch.base_offset) == Some(&Damage::Bits)
        };
        match batches.iter().position(wrong) {
            None => Ok(batches),
            Some(place) if is_replica || place == 0 => Err(ErrorCode::CorruptMessage),
            Some(place) => {
                batches.truncate(place);
                Ok(batches)
            }
        }
    }
}
