//! What was processed, as far as commits say it: a client that commits an offset claims to be done with what it was
//! given below. Nothing on the wire shows more.

use ackproof_types::{GroupId, Offset, Record, RecordSlice, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// What clients were given and have not claimed to be done with.
#[derive(Debug, Default)]
pub(super) struct Claims {
    delivered: BTreeMap<(GroupId, TopicPartition), BTreeMap<Offset, Record>>,
    /// The application says itself what it has processed.
    told: bool,
    /// Then: what each group was given, and which client had it last.
    given: BTreeMap<(GroupId, TopicPartition), BTreeMap<Offset, (u16, Record)>>,
    /// The groups that a client was seen to speak for.
    groups: BTreeMap<u16, BTreeSet<GroupId>>,
    /// What members of a client were assigned last.
    assigned: BTreeMap<(u16, GroupId), BTreeSet<TopicPartition>>,
    /// Records that were given to a client of which it does not show for whom it reads.
    pub(super) unclaimed: u64,
}

impl Claims {
    pub(super) fn new(told: bool) -> Self {
        Self { told, ..Self::default() }
    }

    /// Whether what was processed is told.
    pub(super) fn is_told(&self) -> bool {
        self.told
    }

    /// The client that was given a record last, and the record.
    pub(super) fn given(
        &self,
        group: GroupId,
        partition: TopicPartition,
        offset: Offset,
    ) -> Option<(u16, Record)> {
        self.given.get(&(group, partition))?.get(&offset).copied()
    }

    /// The groups that were given something of a partition.
    pub(super) fn readers(&self, partition: TopicPartition) -> impl Iterator<Item = GroupId> {
        let of = self.given.keys().filter(move |(_, one)| *one == partition);
        of.map(|(group, _)| *group)
    }

    /// A client speaks for a group.
    pub(super) fn speaks(&mut self, client: u16, group: GroupId) {
        self.groups.entry(client).or_default().insert(group);
    }

    /// A member of a client has got partitions. Several members may share the name of a client.
    pub(super) fn assign(&mut self, client: u16, group: GroupId, partitions: &[TopicPartition]) {
        for ((_, other), assigned) in &mut self.assigned {
            if *other == group {
                assigned.retain(|one| !partitions.contains(one));
            }
        }
        self.assigned.entry((client, group)).or_default().extend(partitions);
    }

    /// What each client has of a group.
    pub(super) fn assigned(
        &self,
        group: GroupId,
    ) -> impl Iterator<Item = (u16, &BTreeSet<TopicPartition>)> {
        let of = self.assigned.iter().filter(move |((_, of), _)| *of == group);
        of.map(|((client, _), all)| (*client, all)).filter(|(_, all)| !all.is_empty())
    }

    /// For whom a client reads a partition; none: that does not show.
    pub(super) fn reader(&self, client: u16, partition: TopicPartition) -> Option<GroupId> {
        let groups = self.groups.get(&client)?;
        let has = |group: &&GroupId| {
            self.assigned.get(&(client, **group)).is_some_and(|all| all.contains(&partition))
        };
        let mut owners = groups.iter().filter(has);
        match (owners.next(), owners.next()) {
            (Some(one), None) => Some(*one),
            (None, _) if groups.len() == 1 => groups.first().copied(),
            _ => None,
        }
    }

    /// Records were given to a client of which it does not show for whom. One that speaks for no group reads for itself.
    pub(super) fn pass_over(&mut self, client: u16, records: usize) {
        if self.groups.contains_key(&client) {
            self.unclaimed += records as u64;
        }
    }

    /// Records were given to a client that reads for `group`.
    pub(super) fn deliver(
        &mut self,
        client: u16,
        (group, partition): (GroupId, TopicPartition),
        base: Offset,
        records: &RecordSlice,
    ) {
        if self.told {
            let given = self.given.entry((group, partition)).or_default();
            for (place, record) in records.iter().enumerate() {
                given.insert(base.plus(place), (client, *record));
            }
            return;
        }
        let waiting = self.delivered.entry((group, partition)).or_default();
        for (place, record) in records.iter().enumerate() {
            waiting.insert(base.plus(place), *record);
        }
    }

    /// A commit of `next` is sent: what lies below is claimed, once.
    pub(super) fn claim(
        &mut self,
        (group, partition): (GroupId, TopicPartition),
        next: Offset,
    ) -> BTreeMap<Offset, Record> {
        let Some(waiting) = self.delivered.get_mut(&(group, partition)) else {
            return BTreeMap::new();
        };
        let rest = waiting.split_off(&next);
        std::mem::replace(waiting, rest)
    }
}

/// A client as reports call it.
pub(super) fn called(name: &str, number: u16) -> String {
    match name {
        "" => format!("client-{}", number + 1),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::{ProducerIndex, RecordId, TopicId};

    #[test]
    fn a_commit_claims_what_was_given_below_it_once() {
        let at = (GroupId(1), TopicPartition::new(TopicId(1), 0));
        let record = |number| {
            let id = RecordId { producer: ProducerIndex(0), number };
            Record { id, key: None, size: 10 }
        };
        let mut claims = Claims::default();
        let records = RecordSlice::whole((0..3).map(record).collect());
        claims.deliver(0, at, Offset(10), &records);
        assert_eq!(
            claims.claim(at, Offset(12)),
            BTreeMap::from([(Offset(10), record(0)), (Offset(11), record(1))])
        );
        assert_eq!(claims.claim(at, Offset(12)), BTreeMap::new());
        assert_eq!(claims.claim(at, Offset(13)), BTreeMap::from([(Offset(12), record(2))]));
    }

    #[test]
    fn who_reads_for_two_groups_reads_for_the_one_that_has_the_partition() {
        let place = |partition| TopicPartition::new(TopicId(1), partition);
        let mut claims = Claims::default();
        assert_eq!(claims.reader(0, place(0)), None);
        claims.pass_over(0, 5);
        assert_eq!(claims.unclaimed, 0, "it reads for itself");
        claims.speaks(0, GroupId(1));
        assert_eq!(claims.reader(0, place(0)), Some(GroupId(1)));
        claims.speaks(0, GroupId(2));
        assert_eq!(claims.reader(0, place(0)), None);
        claims.pass_over(0, 5);
        assert_eq!(claims.unclaimed, 5);
        claims.assign(0, GroupId(2), &[place(0)]);
        assert_eq!(
            (claims.reader(0, place(0)), claims.reader(0, place(1))),
            (Some(GroupId(2)), None)
        );
    }
}
