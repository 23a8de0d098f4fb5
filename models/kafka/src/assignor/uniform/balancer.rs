//! Two ranges over the subscribers of a topic, sorted by how much they have: those that get next and those
//! that give next (Kafka: `UniformHeterogeneousAssignmentBuilder.MemberAssignmentBalancer`). All members of
//! a range stand at one level; the range widens as its level meets that of its neighbours.

/// Members stand here as indices into the sizes.
#[derive(Debug)]
pub(super) struct Balancer {
    sorted: Vec<usize>,
    /// The members that get next are `sorted[..least_end]`.
    least_end: usize,
    /// One above what each of them has before its next turn, so that it starts at or above 0.
    least_level: usize,
    next_least: usize,
    /// The members that give next are `sorted[most_start..most_end]`.
    most_start: usize,
    most_end: usize,
    most_level: usize,
    /// One behind the next one to give; 0 if there is none.
    next_most: usize,
}

impl Balancer {
    /// Whoever has least comes first, then whoever has the lower index.
    pub(super) fn new(members: &[usize], sizes: &[usize]) -> Self {
        let mut sorted = members.to_vec();
        sorted.sort_by_key(|member| (sizes[*member], *member));
        let size = |member: Option<&usize>| member.map_or(0, |member| sizes[*member]);
        let count = sorted.len();
        Self {
            least_end: 0,
            least_level: size(sorted.first()),
            next_least: 0,
            most_start: count,
            most_end: count,
            most_level: size(sorted.last()) + 1,
            next_most: count,
            sorted,
        }
    }

    /// How much more the last has than the first.
    pub(super) fn imbalance(&self, sizes: &[usize]) -> usize {
        match (self.sorted.first(), self.sorted.last()) {
            (Some(first), Some(last)) => sizes[*last] - sizes[*first],
            (None, _) | (_, None) => 0,
        }
    }

    /// Who gets the next partition. Nobody only if there are no members.
    pub(super) fn next_least_loaded(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.next_least >= self.least_end {
            self.least_level += 1;
            let at_level = |member: &usize| sizes[*member] + 1 == self.least_level;
            while self.sorted.get(self.least_end).is_some_and(at_level) {
                self.least_end += 1;
            }
            self.next_least = 0;
        }
        let member = self.sorted.get(self.next_least).copied();
        self.next_least += 1;
        member
    }

    /// Who gives the next partition.
    pub(super) fn next_most_loaded(&mut self, sizes: &[usize]) -> Option<usize> {
        if self.next_most <= self.most_start {
            // Everyone in the range is excluded: go on with the level of the next member.
            if self.most_end <= self.most_start && self.most_start > 0 {
                self.most_level = sizes[self.sorted[self.most_start - 1]];
            } else {
                self.most_level = self.most_level.saturating_sub(1);
            }
            while self.most_start > 0 && sizes[self.sorted[self.most_start - 1]] == self.most_level
            {
                self.most_start -= 1;
            }
            self.next_most = self.most_end;
        }
        self.next_most = self.next_most.checked_sub(1)?;
        Some(self.sorted[self.next_most])
    }

    /// The member that [`next_most_loaded`](Self::next_most_loaded) returned last has nothing to give.
    pub(super) fn exclude_most_loaded(&mut self) {
        self.most_end -= 1;
        self.sorted.swap(self.next_most, self.most_end);
    }

    /// The levels of the two ranges differ by one or less.
    pub(super) fn is_balanced(&self) -> bool {
        self.most_level <= self.least_level
    }
}
