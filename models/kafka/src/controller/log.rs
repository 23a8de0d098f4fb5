//! The disk of the controller: the metadata log. It knows nothing of what the records mean.

use crate::machine::Disk;
use crate::metadata::MetadataRecord;
use std::sync::Arc;

/// The metadata log; the offset of a record is its index. Voters of the quorum fsync before they
/// acknowledge (R5.30), so all of it survives a power loss.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MetadataLog(pub Vec<Arc<MetadataRecord>>);

impl Disk for MetadataLog {
    type Write = MetadataRecord;

    fn apply(&mut self, write: MetadataRecord) {
        self.0.push(Arc::new(write));
    }
}
