//! The disk of the controller: the metadata log. It knows nothing of what the records mean.

use crate::machine::{Disk, LostTail};
use crate::metadata::MetadataRecord;
use std::sync::Arc;

/// The metadata log; the offset of a record is its index.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MetadataLog {
    records: Vec<Arc<MetadataRecord>>,
    /// So many are safe against power loss.
    flushed: usize,
}

impl MetadataLog {
    /// The records, by offset.
    #[must_use]
    pub fn records(&self) -> &[Arc<MetadataRecord>] {
        &self.records
    }
}

impl Disk for MetadataLog {
    type Write = MetadataRecord;

    fn apply(&mut self, write: MetadataRecord) {
        self.records.push(Arc::new(write));
    }

    fn flush(&mut self) {
        self.flushed = self.records.len();
    }

    fn lose_power(&mut self, survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        let unflushed = self.records.len() - self.flushed;
        self.records.truncate(self.flushed + survive(unflushed).min(unflushed));
        self.flushed = self.records.len();
        Vec::new()
    }
}
