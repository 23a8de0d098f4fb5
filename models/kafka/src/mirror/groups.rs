//! What groups of the source have committed, translated: checkpoints, and commits for the groups that stand for them
//! in the target (R20.5 to R20.8).
//!
//! Kafka: `MirrorCheckpointTask`, `CheckpointStore`.

use super::side::{Errand, Offsets};
use super::syncs::OffsetSync;
use super::{Kept, Mirror, Out, Timer};
use crate::variant::Variant;
use ackproof_types::{GroupId, Offset, TopicPartition};

impl Mirror {
    /// It is time to look what groups of the source have committed.
    pub(super) fn checkpoint_groups(&mut self, out: &mut Out) {
        for (here, _) in self.config.groups.clone() {
            let partitions = self.partitions();
            self.source.go(Errand::Read(here, partitions));
        }
        if let Some(interval) = self.config.checkpoint_interval {
            out.arm(Timer::Checkpoint, interval);
        }
    }

    /// R20.7: a group has committed this. Its checkpoints only go forward, unless the group itself went back.
    pub(super) fn checkpoint(
        &mut self,
        group: GroupId,
        offsets: &[(TopicPartition, Option<Offset>)],
        out: &mut Out,
    ) {
        let ahead = self.config.variants.has(Variant::MirrorTranslatesAhead);
        for (partition, committed) in offsets {
            let number = partition.partition;
            let Some(upstream) = *committed else { continue };
            let Some(syncs) = self.kept.syncs.get(&number) else { continue };
            let downstream =
                if ahead { Some(syncs.newest().downstream + 1) } else { syncs.translate(upstream) };
            let Some(downstream) = downstream else { continue };
            let last = self.kept.checkpoints.get(&(group, number));
            let is_news =
                last.is_none_or(|last| upstream < last.upstream || downstream > last.downstream);
            if is_news {
                let checkpoint = OffsetSync { upstream, downstream };
                self.keep(Kept::Checkpoint(group, number, checkpoint), out);
            }
        }
    }

    /// It is time to look how far groups of the target are.
    pub(super) fn sync_groups(&mut self, out: &mut Out) {
        for (here, there) in self.config.groups.clone() {
            if self.kept.checkpoints.keys().any(|(group, _)| *group == here) {
                let partitions = self.partitions().into_iter();
                let partitions = partitions.map(|one| self.there(one, Offset(0)).0).collect();
                self.target.go(Errand::Read(there, partitions));
            }
        }
        if let Some(interval) = self.config.sync_interval {
            out.arm(Timer::Sync, interval);
        }
    }

    /// R20.8: a group of the target has committed this. Where its checkpoint is further, that is committed for it;
    /// the coordinator refuses it while the group has members.
    pub(super) fn compare(
        &mut self,
        group: GroupId,
        committed: &[(TopicPartition, Option<Offset>)],
        out: &mut Out,
    ) {
        let mut all = self.config.groups.iter();
        let Some((here, _)) = all.find(|(_, there)| *there == group) else { return };
        let further = committed.iter().filter_map(|(partition, committed)| {
            let checkpoint = self.kept.checkpoints.get(&(*here, partition.partition))?;
            let is_behind = committed.is_none_or(|offset| offset < checkpoint.downstream);
            is_behind.then_some((*partition, checkpoint.downstream))
        });
        let further: Offsets = further.collect();
        if !further.is_empty() {
            self.commit(group, further, out);
        }
    }
}
