//! What the application commits by itself, and when: after each poll, every so often, and before
//! partitions are given up. How a commit gets to the coordinator is `commit`'s business.

use super::application::After;
use super::work::Work;
use super::{Consumer, Out, Timer};
use crate::message::CommittedOffset;
use ackproof_types::{
    CommitEvery, CommitOffset, CommitStrategy, Consuming, Covers, LeaderEpoch, Micros, Offset,
    OnRevoke, TopicPartition,
};
use std::collections::BTreeMap;

/// The timeout that people give `poll`: after it a loop with workers looks at what they have done.
const POLL_TIMEOUT: Micros = Micros::from_millis(100);

/// When the application commits next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Ledger {
    /// Records finished since its last commit.
    pub(super) finished: u32,
    /// The time between two commits is over.
    due: bool,
    /// What it committed last: an idle loop does not commit it again.
    last: Vec<(TopicPartition, CommittedOffset)>,
    /// The rebalance listener has run for what is about to be given up.
    listened: bool,
    /// The application's map of offsets, if nothing is taken out of it: behind what was finished last.
    noted: BTreeMap<TopicPartition, Offset>,
}

impl Consumer {
    /// How much time lies between two commits of the application, if time decides.
    fn commit_interval(&self) -> Option<Micros> {
        let settings = &self.config.application;
        let Consuming { commit_every, workers, .. } = settings.consuming;
        let interval = match commit_every {
            Some(CommitEvery::Time(time)) => Some(time),
            None => workers.map(|_| POLL_TIMEOUT),
            Some(CommitEvery::Records(_)) => None,
        };
        interval.filter(|_| settings.commit.is_after_batch())
    }

    /// The time to the next commit begins.
    pub(super) fn watch_commits(&self, out: &mut Out) {
        if let Some(time) = self.commit_interval() {
            out.arm(Timer::CommitEvery, time);
        }
    }

    pub(super) fn commit_is_due(&mut self) {
        self.ledger.due = true;
    }

    /// Whether a poll that is over is followed by a commit.
    pub(super) fn owes_commit(&self) -> bool {
        let settings = &self.config.application;
        let is_due = match settings.consuming.commit_every {
            None => true,
            Some(CommitEvery::Time(_)) => self.ledger.due,
            Some(CommitEvery::Records(many)) => self.ledger.finished >= many,
        };
        is_due && settings.commit.is_after_batch()
    }

    /// A poll that returned nothing is over: commits what is new, if it is time. Whether it does.
    pub(super) fn commit_while_idle(&mut self, out: &mut Out) -> bool {
        if !std::mem::take(&mut self.ledger.due) {
            return false;
        }
        let is_new = self.to_commit() != self.ledger.last;
        if is_new {
            self.commit_own(After::Poll, out);
        } else {
            self.watch_commits(out);
        }
        is_new
    }

    /// The application commits, and goes on with `after`.
    pub(super) fn commit_own(&mut self, after: After, out: &mut Out) {
        let offsets = self.to_commit();
        (self.ledger.finished, self.ledger.due) = (0, false);
        if self.commit_interval().is_some() {
            self.ledger.last.clone_from(&offsets);
            self.watch_commits(out);
        }
        if self.config.application.commit == CommitStrategy::AsyncAfterBatch {
            self.commit_async(offsets, out);
            self.after_commit(after, out);
        } else {
            self.commit_and_wait(offsets, after, self.config.default_api_timeout, out);
        }
    }

    /// What a commit of the application covers: the consumer's positions, or what it has noted of its work,
    /// which has no epochs (R8.8, R8.18).
    pub(super) fn to_commit(&self) -> Vec<(TopicPartition, CommittedOffset)> {
        let consuming = &self.config.application.consuming;
        if self.keeps_offsets() {
            let noted = self.ledger.noted.iter().map(|(one, offset)| (*one, *offset));
            return self.unversioned(noted);
        }
        match consuming.covers {
            Covers::HighestDone => self.marks(Work::highest),
            Covers::Contiguous => self.marks(Work::contiguous),
            Covers::Positions if consuming.notes_offsets() => self.marks(Work::highest),
            Covers::Positions => self.positions.consumed(),
        }
    }

    fn marks(&self, mark: fn(&Work) -> Option<Offset>) -> Vec<(TopicPartition, CommittedOffset)> {
        let owned = self.positions.owned.iter();
        let marks = owned.filter_map(|(partition, owned)| Some((*partition, mark(&owned.work)?)));
        self.unversioned(marks)
    }

    fn unversioned(
        &self,
        marks: impl Iterator<Item = (TopicPartition, Offset)>,
    ) -> Vec<(TopicPartition, CommittedOffset)> {
        let leader_epoch = LeaderEpoch::UNKNOWN;
        marks
            .map(|(one, offset)| (one, self.shifted(CommittedOffset { offset, leader_epoch })))
            .collect()
    }

    fn keeps_offsets(&self) -> bool {
        self.config.application.consuming.on_revoke == OnRevoke::KeepOffsets
    }

    /// The record at `offset` is finished. A worker may finish one of a partition that was lost meanwhile.
    pub(super) fn note(&mut self, partition: TopicPartition, offset: Offset) {
        if !self.keeps_offsets() {
            return;
        }
        let noted = self.ledger.noted.get(&partition).copied();
        let next = match (
            self.positions.owned.get(&partition),
            self.config.application.consuming.covers,
        ) {
            (Some(owned), Covers::Contiguous) => owned.work.contiguous(),
            (Some(owned), Covers::HighestDone | Covers::Positions) => owned.work.highest(),
            (None, Covers::Contiguous) => None,
            (None, Covers::HighestDone | Covers::Positions) => noted.max(Some(offset + 1)),
        };
        if let Some(next) = next {
            self.ledger.noted.insert(partition, next);
        }
    }

    /// F37: `next` as the application counts.
    pub(super) fn shifted(&self, next: CommittedOffset) -> CommittedOffset {
        let offset = match self.config.application.consuming.commit_offset {
            CommitOffset::Next => return next,
            CommitOffset::Last => Offset(next.offset.0 - 1),
            CommitOffset::Beyond => next.offset + 1,
        };
        CommittedOffset { offset, leader_epoch: LeaderEpoch::UNKNOWN }
    }

    /// Whether a rebalance listener commits before partitions are given up. What workers have not begun of
    /// those is dropped then.
    pub(super) fn listens(&mut self, kept: &[TopicPartition]) -> bool {
        let listens = self.config.application.consuming.on_revoke == OnRevoke::Commit;
        if listens {
            self.pool.drop_waiting(|partition| !kept.contains(&partition));
        }
        listens
    }

    /// `onPartitionsRevoked` of all that is not `kept`: whether its commit goes first. It runs once.
    pub(super) fn listener_commits(&mut self, kept: &[TopicPartition], out: &mut Out) -> bool {
        if std::mem::take(&mut self.ledger.listened) || !self.listens(kept) {
            return false;
        }
        let mut offsets = self.to_commit();
        offsets.retain(|(partition, _)| !kept.contains(partition));
        if offsets.is_empty() {
            return false;
        }
        self.ledger.listened = true;
        self.commit_and_wait(offsets, After::Poll, self.config.default_api_timeout, out);
        true
    }

    /// What was owned is gone.
    pub(super) fn nothing_is_owned(&mut self) {
        self.ledger.listened = false;
    }
}
