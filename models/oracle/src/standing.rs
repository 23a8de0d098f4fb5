//! Where a group stands in a partition, for those who ask whether it passed a record over or had not come
//! to it when the run ended. It judges nothing.

use ackproof_types::{NodeId, Offset, RecordId};

/// Whose work moves the group on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Owner {
    /// Nobody's position or assignment is on record: everybody's.
    #[default]
    Unknown,
    /// The owner gave it back, lost it or ended; its work in the background moves nothing.
    Left(NodeId),
    /// It was given the partition, and where it begins is not on record.
    New(NodeId),
    Known(NodeId),
}

/// The position of the member that owns the partition, moved on by what it processed. What a member processes
/// after another one took its place (a zombie) moves nothing. A new owner begins where it says it does; else
/// at the last commit, until its first record tells.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    owner: Owner,
    next: Offset,
    /// The last commit that was acknowledged.
    committed: Option<Offset>,
    /// What was processed right before `next`; none: a position says so.
    last: Option<RecordId>,
    /// The log holds something else there at the end: it was cut, and nobody told.
    is_rewritten: bool,
    /// One past the last record of the log, at the end, that was processed.
    confirmed: Offset,
}

impl Standing {
    /// `node` found its position.
    pub(crate) fn resume(&mut self, node: NodeId, offset: Offset) {
        (self.owner, self.next, self.last) = (Owner::Known(node), offset, None);
    }

    /// `node` was given the partition, or keeps it.
    pub(crate) fn assign(&mut self, node: NodeId) {
        if !self.is_owned_by(node) {
            self.owner = Owner::New(node);
            (self.next, self.last) = (self.committed.unwrap_or(Offset(0)), None);
        }
    }

    /// `node` gave the partition back, lost it or ended.
    pub(crate) fn leave(&mut self, node: NodeId) {
        if self.is_owned_by(node) {
            self.owner = Owner::Left(node);
            if let Some(committed) = self.committed {
                (self.next, self.last) = (committed, None);
            }
        }
    }

    fn is_owned_by(&self, node: NodeId) -> bool {
        matches!(self.owner, Owner::New(owner) | Owner::Known(owner) if owner == node)
    }

    /// A commit was acknowledged.
    pub(crate) fn commit(&mut self, offset: Offset) {
        self.committed = Some(offset);
    }

    /// `node` processed `id` at `offset`.
    pub(crate) fn process(&mut self, node: NodeId, offset: Offset, id: RecordId) {
        let begins = match self.owner {
            Owner::Unknown => false,
            Owner::Known(owner) if owner == node => false,
            Owner::New(owner) if owner == node => true,
            Owner::Left(before) if before != node => true,
            Owner::Known(_) | Owner::New(_) | Owner::Left(_) => return,
        };
        if begins {
            self.owner = Owner::Known(node);
        }
        if begins || offset >= self.next {
            (self.next, self.last) = (offset + 1, Some(id));
        }
    }

    /// What is at `offset` and above holds other records from now on.
    pub(crate) fn cut(&mut self, offset: Offset) {
        self.committed = self.committed.map(|committed| committed.min(offset));
        if offset < self.next {
            (self.next, self.last) = (offset, None);
        }
    }

    /// The final read found `id` at `offset`; whether the group has processed it.
    pub(crate) fn found(&mut self, offset: Offset, id: RecordId, is_processed: bool) {
        if offset + 1 == self.next && self.last.is_some_and(|last| last != id) {
            self.is_rewritten = true;
        }
        if is_processed {
            self.confirmed = self.confirmed.max(offset + 1);
        }
    }

    /// The final read came to its end.
    pub(crate) fn read_to(&mut self, end: Offset) {
        self.is_rewritten |= end < self.next;
    }

    /// Whether the group is past `offset`: what it has not processed there it will not come to any more.
    pub(crate) fn passed(&self, offset: Offset) -> bool {
        offset < self.next && (!self.is_rewritten || offset < self.confirmed)
    }
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use crate::test_history::record;
    use ackproof_types::{NodeId, Offset};

    fn process(standing: &mut Standing, node: u16, number: u32) {
        standing.process(NodeId(node), Offset(i64::from(number)), record(number).id);
    }

    /// The first offset that is not passed.
    fn next(standing: &Standing) -> i64 {
        (0..100).find(|offset| !standing.passed(Offset(*offset))).expect("it is not past all")
    }

    #[test]
    fn a_zombie_moves_nothing_and_a_position_that_went_back_counts() {
        let mut standing = Standing::default();
        assert_eq!(next(&standing), 0);
        process(&mut standing, 5, 3);
        assert_eq!(next(&standing), 4);
        standing.resume(NodeId(6), Offset(2));
        assert_eq!(next(&standing), 2);
        process(&mut standing, 5, 9);
        assert_eq!(next(&standing), 2, "a zombie's work");
        process(&mut standing, 6, 2);
        assert_eq!(next(&standing), 3);
    }

    #[test]
    fn a_new_owner_begins_where_its_first_record_lies() {
        let mut standing = Standing::default();
        standing.resume(NodeId(5), Offset(0));
        (0..6).for_each(|number| process(&mut standing, 5, number));
        standing.assign(NodeId(5));
        assert_eq!(next(&standing), 6, "it keeps what it has");
        standing.commit(Offset(4));
        standing.assign(NodeId(6));
        assert_eq!(next(&standing), 4, "where the next one begins");
        process(&mut standing, 5, 6);
        process(&mut standing, 6, 8);
        process(&mut standing, 6, 7);
        assert_eq!(next(&standing), 9);
        standing.leave(NodeId(5));
        assert_eq!(next(&standing), 9, "it was not the owner");
        standing.leave(NodeId(6));
        process(&mut standing, 6, 20);
        assert_eq!(next(&standing), 4, "work in the background");
        process(&mut standing, 5, 10);
        assert_eq!(next(&standing), 11, "who goes on, though nothing was assigned on record");
    }

    #[test]
    fn without_a_commit_on_record_the_last_owner_tells_and_a_new_one_has_passed_nothing() {
        let mut standing = Standing::default();
        standing.assign(NodeId(5));
        process(&mut standing, 5, 7);
        standing.leave(NodeId(5));
        assert_eq!(next(&standing), 8);
        standing.assign(NodeId(6));
        assert_eq!(next(&standing), 0);
    }

    #[test]
    fn a_log_that_was_cut_unseen_is_told_by_what_it_holds_at_the_end() {
        let of = |held: &[u32], end: i64| {
            let mut standing = Standing::default();
            (0..6).for_each(|number| process(&mut standing, 5, number));
            for (offset, number) in (0..).zip(held) {
                standing.found(Offset(offset), record(*number).id, *number < 6);
            }
            standing.read_to(Offset(end));
            next(&standing)
        };
        assert_eq!(of(&[0, 1, 2, 3, 4, 5, 6], 7), 6);
        assert_eq!(of(&[0, 1, 9, 9, 9, 9, 9], 7), 2, "written anew above 2");
        assert_eq!(of(&[0, 1, 9], 3), 2, "shorter than what was processed");
        assert_eq!(of(&[0, 1, 9], 6), 6, "only what is gone was compacted");
    }
}
