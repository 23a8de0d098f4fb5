//! Where a group stands in a partition, for those who ask whether it passed a record over or had not come
//! to it when the run ended. It judges nothing.

use ackproof_types::{NodeId, Offset};

/// The position of the member that found its position last, moved on by what it processed. What a member
/// processes after another one took its place (a zombie) moves nothing. Where no position is on record,
/// every member counts.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    owner: Option<NodeId>,
    next: Offset,
}

impl Standing {
    /// `node` found its position.
    pub(crate) fn resume(&mut self, node: NodeId, offset: Offset) {
        (self.owner, self.next) = (Some(node), offset);
    }

    /// `node` processed what is at `offset`.
    pub(crate) fn process(&mut self, node: NodeId, offset: Offset) {
        if self.owner.is_none_or(|owner| owner == node) {
            self.next = self.next.max(offset + 1);
        }
    }

    /// What is at `offset` and above holds other records from now on.
    pub(crate) fn cut(&mut self, offset: Offset) {
        self.next = self.next.min(offset);
    }

    /// Whether the group is past `offset`: what it has not processed there it will not come to any more.
    pub(crate) fn passed(&self, offset: Offset) -> bool {
        offset < self.next
    }
}

#[cfg(test)]
mod tests {
    use super::Standing;
    use ackproof_types::{NodeId, Offset};

    #[test]
    fn a_zombie_moves_nothing_and_a_position_that_went_back_counts() {
        let mut standing = Standing::default();
        assert!(!standing.passed(Offset(0)));
        standing.process(NodeId(5), Offset(3));
        assert!(standing.passed(Offset(3)) && !standing.passed(Offset(4)));
        standing.resume(NodeId(6), Offset(2));
        assert!(standing.passed(Offset(1)) && !standing.passed(Offset(2)));
        standing.process(NodeId(5), Offset(9));
        assert!(!standing.passed(Offset(2)), "a zombie's work");
        standing.process(NodeId(6), Offset(2));
        assert!(standing.passed(Offset(2)));
    }
}
