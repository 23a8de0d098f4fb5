//! What happens to the disks of brokers, whether a process runs on them or not.

use super::World;
use crate::world::process::Call;
use ackproof_kafka::broker::BrokerDisk;
use ackproof_kafka::config::LogDirs;
use ackproof_kafka::harm::Harm;
use ackproof_kafka::machine::LostTail;
use ackproof_oracle::history::{Event, TailLoss};
use ackproof_types::NodeId;

impl World {
    /// Something happens to the disk of the process at `node`.
    pub(crate) fn suffer(&mut self, node: NodeId, harm: Harm) {
        let slot = &mut self.slots[node.index()];
        for LostTail { partition, from, to } in slot.process.suffer(harm) {
            let event = match harm {
                Harm::Damaged(..) => Event::LogDamaged { partition, from: to, to: from },
                _ => Event::TailLost { partition, from, to, by: TailLoss::Disk },
            };
            self.kernel.record(node, event);
        }
        match harm {
            Harm::Begins(dir, trouble) => self.call(node, Call::Storage(dir, Some(trouble))),
            Harm::Ends(dir) | Harm::Replaced(dir) => self.call(node, Call::Storage(dir, None)),
            Harm::Damaged(..) => {}
        }
    }

    /// The log directories of the broker at `node`, and its disk.
    pub(crate) fn storage(&self, node: NodeId) -> Option<(LogDirs, &BrokerDisk)> {
        self.slots[node.index()].process.storage()
    }
}
