//! Why a group processes a record again. A cause is told only where the history shows it: who was given
//! the partition, who ended, what was committed. It knows one partition, and judges nothing.

use crate::cause::DuplicateCause;
use crate::context::{GroupContext, Word};
use crate::history::PositionSource;
use crate::record_set::OffsetTable;
use ackproof_types::{
    CommitOffset, CommitStrategy, GenerationId, MemberId, NodeId, Offset, RebalanceReason, RecordId,
};
use std::collections::{BTreeMap, BTreeSet};

/// How often each process has crashed, or started again without an end on record.
#[derive(Debug, Default)]
pub(super) struct Crashes(Vec<u32>);

impl Crashes {
    pub(super) fn add(&mut self, node: NodeId) {
        if self.0.len() <= node.index() {
            self.0.resize(node.index() + 1, 0);
        }
        self.0[node.index()] += 1;
    }

    fn of(&self, node: NodeId) -> u32 {
        self.0.get(node.index()).copied().unwrap_or(0)
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
    /// Its application polled too rarely.
    is_overdue: bool,
    /// Who processed something last.
    worker: Option<Life>,
    /// The generation in which it was, as far as that is on record.
    generation: GenerationId,
    /// It was given it in a later generation, and may have kept it or begun anew.
    is_renewed: bool,
    /// The owner gave it back, or learned that it had lost it.
    is_given_back: bool,
    /// The owner ended without giving it back: it was in no group.
    is_ended: bool,
    /// It lost it.
    is_lost: bool,
    /// Why the group put a member out since there is this owner, if it did.
    put_out: Option<DuplicateCause>,
    /// Everybody who was an owner.
    owners: BTreeSet<NodeId>,
    /// What was processed last at each offset that some replica may have.
    done: OffsetTable,
    /// Below this no replica has anything.
    settled: i64,
    /// One past the highest offset processed.
    high: i64,
    /// The last acknowledged commit.
    committed: Option<i64>,
    /// The highest offset that was to be committed since somebody began, or at which that was.
    newest: i64,
    /// What that was before each commit that raised it and may still be refused.
    raised: Vec<i64>,
    /// Lower ones that were to be committed after it, and why.
    lower: BTreeMap<i64, DuplicateCause>,
    /// Commits without an answer: they may take effect at any time.
    unanswered: BTreeSet<i64>,
    /// One past the highest offset up to which a commit of the owner was refused.
    refused: i64,
    /// When commits were sent is on record: answers to them may be late.
    sends: bool,
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
    /// Below this everything was committed before a later commit went back, and why that did.
    overtaken: Option<(i64, DuplicateCause)>,
    /// A commit up to here was refused then.
    refused: i64,
    /// It began where a commit without an answer would have it begin.
    is_late: bool,
    /// It processed something.
    worked: bool,
    /// What it processed below `high`.
    again: BTreeSet<i64>,
}

impl Redelivery {
    /// No replica has anything below this offset any more.
    pub(super) fn settle(&mut self, below: Offset) {
        drop(self.done.take_below(below.0));
        self.settled = below.0;
    }

    /// Whether this record was processed at this offset before; from now on it was.
    fn is_done(&mut self, offset: i64, id: RecordId, somewhere: bool) -> bool {
        // What no log has any more was polled before: it is known only that it was processed.
        if offset < self.settled {
            return somewhere;
        }
        self.done.enter(offset, id) == Some(id)
    }

    /// A commit of the member at `node` was acknowledged.
    pub(super) fn committed(&mut self, node: NodeId, offset: i64) {
        (self.committed, self.is_expired) = (Some(offset), false);
        self.unanswered.remove(&offset);
        self.raised.retain(|before| *before >= offset);
        if !self.sends {
            self.commits(node, offset);
        }
    }

    /// A commit was sent: when it takes effect, and whether, may not be on record.
    pub(super) fn commit_sent(&mut self, node: NodeId, offset: i64) {
        self.sends = true;
        self.unanswered.insert(offset);
        self.commits(node, offset);
    }

    /// A commit has certainly not taken effect.
    pub(super) fn commit_refused(&mut self, node: NodeId, offset: i64) {
        if self.owner.is_none_or(|(owner, _)| owner == node) {
            self.refused = self.refused.max(offset);
        }
        self.unanswered.remove(&offset);
        self.lower.remove(&offset);
        if offset == self.newest
            && let Some(before) = self.raised.pop()
        {
            self.newest = before;
            self.lower.retain(|lower, _| *lower < before);
        }
        self.raised.retain(|before| *before != offset);
    }

    fn commits(&mut self, node: NodeId, offset: i64) {
        if offset < self.newest {
            let owns = self.owner.is_none_or(|(owner, _)| owner == node);
            let why =
                if owns { DuplicateCause::CommitWentBack } else { DuplicateCause::LateCommit };
            self.lower.insert(offset, why);
        } else if offset > self.newest {
            self.raised.push(self.newest);
            self.newest = offset;
        }
    }

    /// The group rebalanced.
    pub(super) fn rebalanced(&mut self, reason: Option<RebalanceReason>) {
        let put_out = match reason {
            Some(RebalanceReason::PollIntervalExceeded) => DuplicateCause::PollOverrun,
            Some(RebalanceReason::SessionExpired) => DuplicateCause::SessionExpired,
            _ => return,
        };
        self.put_out.get_or_insert(put_out);
    }

    /// The member at `node` left, because its application polls too rarely.
    pub(super) fn overdue(&mut self, node: NodeId) {
        if self.owner.is_some_and(|(owner, _)| owner == node) && !self.is_given_back {
            self.put_out.get_or_insert(DuplicateCause::PollOverrun);
            self.is_overdue = true;
        }
    }

    /// The member at `node` lost the partition.
    pub(super) fn lost(&mut self, node: NodeId) {
        self.is_lost |= self.owner.is_some_and(|(owner, _)| owner == node) && !self.is_given_back;
        self.given_back(node);
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

    /// The process at `node` ended by itself.
    pub(super) fn ended(&mut self, node: NodeId) {
        let owns = self.owner.is_some_and(|(owner, _)| owner == node);
        self.is_ended |= owns && !self.is_given_back && self.member.is_none();
        self.given_back(node);
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
            // Who gave it back in good order was not put out itself.
            let put_out = self.put_out.filter(|_| self.is_lost || !self.is_given_back);
            // A static member that polled too rarely takes its own place when it joins again.
            let handed_over = if self.is_replaced && !self.is_overdue {
                DuplicateCause::Replaced
            } else if self.is_ended {
                DuplicateCause::MemberCrash
            } else {
                put_out.unwrap_or(DuplicateCause::Rebalance)
            };
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
        (self.is_lost, self.is_ended, self.is_overdue) = (false, false, false);
        self.put_out = None;
        self.refused = 0;
    }

    /// It found its position.
    pub(super) fn positioned(
        &mut self,
        node: NodeId,
        crashes: &Crashes,
        offset: i64,
        source: PositionSource,
    ) {
        if source == PositionSource::Sought {
            return;
        }
        // Who keeps a partition through a rebalance keeps its position as well.
        self.is_given_back |= self.is_renewed;
        self.take(node, crashes);
        let went_back = std::mem::take(&mut self.lower).remove(&offset);
        let before = std::mem::replace(&mut self.newest, offset);
        self.raised.clear();
        match source {
            PositionSource::Committed => {
                self.resumed.overtaken = went_back.map(|why| (before, why));
                self.resumed.is_late = self.unanswered.contains(&offset);
            }
            PositionSource::Sought | PositionSource::Kept => {}
            // Nothing that happened before matters any more: all that it did is to be done again.
            PositionSource::NoCommitEarliest
            | PositionSource::NoCommitLatest
            | PositionSource::NoCommitByDuration
                if std::mem::take(&mut self.is_expired) =>
            {
                self.begin_anew(offset, DuplicateCause::Expired);
            }
            // With a reason it is why nothing was committed, or what was is gone.
            PositionSource::NoCommitEarliest
            | PositionSource::NoCommitLatest
            | PositionSource::NoCommitByDuration
                if self.resumed.cause.is_some() => {}
            PositionSource::NoCommitEarliest
            | PositionSource::NoCommitLatest
            | PositionSource::NoCommitByDuration
            | PositionSource::OutOfRangeEarliest
            | PositionSource::OutOfRangeLatest
            | PositionSource::OutOfRangeByDuration => {
                self.begin_anew(offset, DuplicateCause::PositionReset);
            }
            PositionSource::Truncated => {
                self.begin_anew(offset, DuplicateCause::TruncationRewind);
            }
        }
    }

    /// It resumes at `offset`, whatever was committed.
    fn begin_anew(&mut self, offset: i64, cause: DuplicateCause) {
        if offset < self.high {
            self.resumed.worked = true;
            self.resume(cause);
            (self.resumed.committed, self.resumed.overtaken) = (0, None);
        }
    }

    /// Somebody begins anew. One that did nothing is no reason: the one before it is.
    fn resume(&mut self, cause: DuplicateCause) {
        if self.resumed.worked || self.resumed.cause.is_none() {
            let committed = self.committed.unwrap_or(0);
            let (high, overtaken, again) = (self.high, None, BTreeSet::new());
            let (cause, is_late, worked) = (Some(cause), false, false);
            let refused = self.refused;
            self.resumed =
                Resumed { cause, high, committed, overtaken, refused, is_late, worked, again };
        }
    }

    /// Takes the processed record `id`; the cause, if it was processed before, by a group with these habits.
    pub(super) fn process(
        &mut self,
        node: NodeId,
        crashes: &Crashes,
        (offset, id): (i64, RecordId),
        again: Option<&GroupContext>,
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
        let here = self.is_done(offset, id, again.is_some());
        let owns = self.owner.is_none_or(|(owner, _)| owner == node);
        let resumed = &mut self.resumed;
        resumed.worked |= owns;
        let by_itself = owns && (offset >= resumed.high || !resumed.again.insert(offset));
        let Some(group) = again else {
            if !owns {
                self.foreign.insert(offset);
            }
            return None;
        };
        Some(if !here {
            DuplicateCause::LogDuplicate
        } else if !owns || self.foreign.remove(&offset) {
            DuplicateCause::Zombie
        } else if by_itself && works_in_background(group) {
            // Its workers neither retry what is done nor seek: they had it before the partition was lost.
            DuplicateCause::Zombie
        } else if by_itself {
            DuplicateCause::SameMember
        } else if let Some((below, why)) = resumed.overtaken
            && offset < below
        {
            why
        } else if offset < resumed.committed && resumed.is_late {
            // What was under way took effect after a later one. A mirror's tasks commit in no generation: there
            // it is the next task's.
            if group.is_mirror() {
                DuplicateCause::MirrorRestart
            } else {
                DuplicateCause::CommitWentBack
            }
        } else if offset < resumed.committed {
            DuplicateCause::BehindCommit
        } else {
            let cause = match resumed.cause.unwrap_or(DuplicateCause::NotOnRecord) {
                // It was to be committed. What took the partition away otherwise is nearer to the cause.
                DuplicateCause::Rebalance if offset < resumed.refused => {
                    DuplicateCause::CommitRefused
                }
                other => other,
            };
            by_habit(group, cause, offset == resumed.committed)
        })
    }
}

/// Whether its members process what a poll returned while they poll on.
fn works_in_background(group: &GroupContext) -> bool {
    group.consuming.covers.is_some() || group.commit == Word::Known(CommitStrategy::AutoWithHandOff)
}

/// What the group's way to commit makes of the cause of a repetition; `began_here`: its member began with that
/// record.
fn by_habit(group: &GroupContext, cause: DuplicateCause, began_here: bool) -> DuplicateCause {
    let uncommitted = matches!(
        cause,
        DuplicateCause::MemberCrash
            | DuplicateCause::Rebalance
            | DuplicateCause::CommitRefused
            | DuplicateCause::Replaced
            | DuplicateCause::PollOverrun
            | DuplicateCause::SessionExpired
    );
    if !uncommitted {
        cause
    } else if group.is_mirror() {
        DuplicateCause::MirrorRestart
    } else if group.commit == Word::Known(CommitStrategy::Never) {
        DuplicateCause::NeverCommitted
    } else if group.consuming.commit_offset == CommitOffset::Last && began_here {
        DuplicateCause::OffsetNotAdvanced
    } else {
        cause
    }
}
