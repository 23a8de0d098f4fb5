//! Why a group processes a record again. A cause is told only where the history shows it: who was given
//! the partition, who ended, what was committed. It knows one partition, and judges nothing.

use crate::cause::DuplicateCause;
use crate::history::PositionSource;
use crate::record_set::OffsetTable;
use ackproof_types::{GenerationId, MemberId, NodeId, RecordId};
use std::collections::{BTreeMap, BTreeSet};

/// How often each process has crashed, or started again without an end on record.
#[derive(Debug, Default)]
pub(super) struct Crashes(BTreeMap<NodeId, u32>);

impl Crashes {
    pub(super) fn add(&mut self, node: NodeId) {
        *self.0.entry(node).or_default() += 1;
    }

    fn of(&self, node: NodeId) -> u32 {
        self.0.get(&node).copied().unwrap_or(0)
    }
}

/// A member in one of its lives.
type Life = (NodeId, u32);

/// A group's work in a partition.
#[derive(Debug, Default)]
pub(super) struct Redelivery {
    /// Who was given the partition last, or found its position in it; none: not on record.
    owner: Option<Life>,
    /// Its member id, as far as that is on record.
    member: Option<MemberId>,
    /// Another process has its place in the group.
    is_replaced: bool,
    /// Who processed something last.
    worker: Option<Life>,
    /// The generation in which it was, as far as that is on record.
    generation: GenerationId,
    /// It was given it in a later generation, and may have kept it or begun anew.
    is_renewed: bool,
    /// The owner gave it back.
    is_given_back: bool,
    /// Everybody who was an owner.
    owners: BTreeSet<NodeId>,
    /// What was processed last at each offset.
    done: OffsetTable,
    /// One past the highest offset processed.
    high: i64,
    /// The last acknowledged commit.
    committed: Option<i64>,
    /// That commit is no more, and nobody has begun anew since.
    is_expired: bool,
    /// Processed first by somebody who was not the owner.
    foreign: BTreeSet<i64>,
    resumed: Resumed,
}

/// How the one who works there now came to it.
#[derive(Debug, Default)]
struct Resumed {
    /// Why it may be given again what was processed; none: nobody worked there before.
    cause: Option<DuplicateCause>,
    /// One past the highest offset that was processed then.
    high: i64,
    /// Below this everything was committed then.
    committed: i64,
    /// It processed something.
    worked: bool,
    /// What it processed below `high`.
    again: BTreeSet<i64>,
}

impl Redelivery {
    /// A commit was acknowledged.
    pub(super) fn committed(&mut self, offset: i64) {
        (self.committed, self.is_expired) = (Some(offset), false);
    }

    /// Its committed offset is no more.
    pub(super) fn expired(&mut self) {
        self.is_expired = true;
    }

    /// The group is no more: one of its name numbers generations anew.
    pub(super) fn deleted(&mut self) {
        self.generation = GenerationId::default();
    }

    /// The member at `node` gave the partition back, or lost it, or ended.
    pub(super) fn given_back(&mut self, node: NodeId) {
        self.is_given_back |= self.owner.is_some_and(|(owner, _)| owner == node);
    }

    /// `member` took the place of `before`, or has it again.
    pub(super) fn replaced(&mut self, before: MemberId, member: MemberId) {
        self.is_replaced |= self.member == Some(before);
        self.is_replaced &= self.member != Some(member);
    }

    /// The member at `node` was given the partition.
    pub(super) fn assigned(
        &mut self,
        node: NodeId,
        (member, generation): (MemberId, GenerationId),
        crashes: &Crashes,
    ) {
        let kept = self.owner == Some((node, crashes.of(node))) && !self.is_given_back;
        self.take(node, crashes);
        self.member = Some(member);
        self.is_renewed |= kept && generation > self.generation;
        self.generation = self.generation.max(generation);
    }

    /// The member at `node` is the owner from now on.
    fn take(&mut self, node: NodeId, crashes: &Crashes) {
        let owner = self.owner.or(self.worker);
        if let Some((before, then)) = owner {
            let handed_over =
                if self.is_replaced { DuplicateCause::Replaced } else { DuplicateCause::Rebalance };
            // What it gave back it had no more when it crashed.
            if self.is_given_back {
                self.resume(handed_over);
            } else if crashes.of(before) != then {
                self.resume(DuplicateCause::MemberCrash);
            } else if before != node {
                self.resume(handed_over);
            }
        }
        self.owner = Some((node, crashes.of(node)));
        self.owners.insert(node);
        (self.is_given_back, self.is_renewed, self.is_replaced) = (false, false, false);
    }

    /// It found its position.
    pub(super) fn positioned(
        &mut self,
        node: NodeId,
        crashes: &Crashes,
        offset: i64,
        source: PositionSource,
    ) {
        // Who keeps a partition through a rebalance keeps its position as well.
        self.is_given_back |= self.is_renewed;
        self.take(node, crashes);
        match source {
            PositionSource::Committed => {}
            // Nothing that happened before matters any more: all that it did is to be done again.
            PositionSource::NoCommitEarliest | PositionSource::NoCommitLatest
                if std::mem::take(&mut self.is_expired) =>
            {
                self.begin_anew(offset, DuplicateCause::Expired);
            }
            // With a reason it is why nothing was committed, or what was is gone.
            PositionSource::NoCommitEarliest | PositionSource::NoCommitLatest
                if self.resumed.cause.is_some() => {}
            PositionSource::NoCommitEarliest
            | PositionSource::NoCommitLatest
            | PositionSource::OutOfRangeEarliest
            | PositionSource::OutOfRangeLatest
            | PositionSource::Truncated => {
                self.begin_anew(offset, DuplicateCause::PositionReset);
            }
        }
    }

    /// It resumes at `offset`, whatever was committed.
    fn begin_anew(&mut self, offset: i64, cause: DuplicateCause) {
        if offset < self.high {
            self.resumed.worked = true;
            self.resume(cause);
            self.resumed.committed = 0;
        }
    }

    /// Somebody begins anew. One that did nothing is no reason: the one before it is.
    fn resume(&mut self, cause: DuplicateCause) {
        if self.resumed.worked || self.resumed.cause.is_none() {
            let committed = self.committed.unwrap_or(0);
            let (high, again) = (self.high, BTreeSet::new());
            self.resumed = Resumed { cause: Some(cause), high, committed, worked: false, again };
        }
    }

    /// Takes the processed record `id`; the cause, if it was processed before.
    pub(super) fn process(
        &mut self,
        node: NodeId,
        crashes: &Crashes,
        (offset, id): (i64, RecordId),
        again: bool,
    ) -> Option<DuplicateCause> {
        let before = self.worker.replace((node, crashes.of(node)));
        match (self.owner, before) {
            (None, Some((before, then))) if crashes.of(before) != then => {
                self.resume(DuplicateCause::MemberCrash);
            }
            (None, Some((before, _))) if before != node => self.resume(DuplicateCause::NotOnRecord),
            (Some((owner, then)), _) if owner == node => {
                if crashes.of(owner) != then {
                    self.take(node, crashes);
                }
            }
            (Some(_), _) if self.owners.contains(&node) => {}
            // That it was given the partition is not on record.
            (Some((owner, then)), _) => {
                let is_over = self.is_given_back || crashes.of(owner) != then;
                if !is_over {
                    self.resume(DuplicateCause::NotOnRecord);
                }
                self.take(node, crashes);
            }
            (None, _) => {}
        }
        self.high = self.high.max(offset + 1);
        let here = self.done.enter(offset, id) == Some(id);
        let owns = self.owner.is_none_or(|(owner, _)| owner == node);
        let resumed = &mut self.resumed;
        resumed.worked |= owns;
        let by_itself = owns && (offset >= resumed.high || !resumed.again.insert(offset));
        if !again {
            if !owns {
                self.foreign.insert(offset);
            }
            return None;
        }
        Some(if !here {
            DuplicateCause::LogDuplicate
        } else if !owns || self.foreign.remove(&offset) {
            DuplicateCause::Zombie
        } else if by_itself {
            DuplicateCause::SameMember
        } else if offset < resumed.committed {
            DuplicateCause::BehindCommit
        } else {
            resumed.cause.unwrap_or(DuplicateCause::NotOnRecord)
        })
    }
}
