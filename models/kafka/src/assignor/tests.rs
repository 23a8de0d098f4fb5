//! What holds of the shares of any group: every partition has one reader, nobody has much more than
//! another, and who has a share keeps it. Against Kafka's own assignors they are held in
//! `tests/assignors.rs`.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeSet;

const MOST_MEMBERS: usize = 7;
const MOST_TOPICS: u16 = 4;
const MOST_PARTITIONS: u16 = 12;

#[derive(Clone, Debug)]
struct Group {
    /// Partitions of topic 1, 2, …
    counts: Vec<u16>,
    /// Each a set of topics, as bits.
    subscriptions: Vec<u8>,
    is_homogeneous: bool,
    /// Who claims what, by index: not always there, and not always once.
    claims: Vec<(usize, u16, u16)>,
    generations: Vec<i32>,
}

fn groups() -> impl Strategy<Value = Group> {
    let claim = (0..MOST_MEMBERS, 1..=MOST_TOPICS, 0..MOST_PARTITIONS + 2);
    let subscriptions = vec(1..1_u8 << MOST_TOPICS, 1..=MOST_MEMBERS);
    let counts = vec(0..=MOST_PARTITIONS, 1..=usize::from(MOST_TOPICS));
    let generations = vec(-1..3_i32, 2 * MOST_MEMBERS);
    (counts, subscriptions, any::<bool>(), vec(claim, 0..60), generations).prop_map(
        |(counts, subscriptions, is_homogeneous, claims, generations)| Group {
            counts,
            subscriptions,
            is_homogeneous,
            claims,
            generations,
        },
    )
}

impl Group {
    fn count(&self, topic: TopicId) -> u16 {
        self.counts.get(topic.index().wrapping_sub(1)).copied().unwrap_or(0)
    }

    /// The first partition of member `index`'s id leaves room for members between.
    fn id(index: usize) -> MemberId {
        MemberId(10 * (u64::try_from(index).expect("a small number") + 1))
    }

    fn members(&self) -> Vec<Subscriber> {
        let topics = |bits: u8| (1..=MOST_TOPICS).filter(move |t| bits >> (t - 1) & 1 == 1);
        let of = |index: usize| self.subscriptions[if self.is_homogeneous { 0 } else { index }];
        let member =
            |index| Subscriber::new(Self::id(index), topics(of(index)).map(TopicId).collect());
        (0..self.subscriptions.len()).map(member).collect()
    }

    /// Members with claims that contradict each other.
    fn claimants(&self) -> Vec<Subscriber> {
        let mut members = self.members();
        for (index, member) in members.iter_mut().enumerate() {
            let claims = self.claims.iter().filter(|claim| claim.0 == index);
            member.owned = claims.map(|(_, t, p)| TopicPartition::new(TopicId(*t), *p)).collect();
            member.generation = GenerationId(self.generations[index]);
            let generation = GenerationId(self.generations[MOST_MEMBERS + index]);
            member.user_data = Some(UserData { partitions: Arc::clone(&member.owned), generation });
        }
        members
    }

    /// All partitions of topics that someone reads.
    fn everything(&self, members: &[Subscriber]) -> Vec<TopicPartition> {
        let topics: BTreeSet<TopicId> = members.iter().flat_map(|m| m.topics.to_vec()).collect();
        topics.into_iter().flat_map(|topic| partitions(topic, self.count(topic))).collect()
    }

    fn assign(&self, by: Assignor, members: &[Subscriber]) -> Assignment {
        by.assign(members, |topic| self.count(topic))
    }

    fn target(&self, by: ServerAssignor, members: &[Subscriber], last: &Assignment) -> Assignment {
        let target = |id| last.iter().find(|(other, _)| *other == id);
        let members: Vec<GroupMember> = members
            .iter()
            .map(|member| GroupMember {
                id: member.id,
                instance: member.instance,
                topics: Arc::clone(&member.topics),
                target: target(member.id).map_or_else(Arc::default, |(_, owned)| Arc::clone(owned)),
            })
            .collect();
        by.assign(&members, |topic| self.count(topic))
    }
}

/// Members that took over their shares in `generation`.
fn took_over(members: &[Subscriber], shares: &Assignment, generation: i32) -> Vec<Subscriber> {
    let generation = GenerationId(generation);
    let member = |(member, (id, owned)): (&Subscriber, &(MemberId, Arc<[TopicPartition]>))| {
        assert_eq!(member.id, *id);
        Subscriber {
            owned: Arc::clone(owned),
            generation,
            user_data: Some(UserData { partitions: Arc::clone(owned), generation }),
            ..member.clone()
        }
    };
    members.iter().zip(shares).map(member).collect()
}

fn given_out(shares: &Assignment) -> Vec<TopicPartition> {
    let mut all: Vec<TopicPartition> =
        shares.iter().flat_map(|(_, share)| share.to_vec()).collect();
    all.sort_unstable();
    all
}

fn sizes(shares: &Assignment) -> Vec<usize> {
    shares.iter().map(|(_, share)| share.len()).collect()
}

/// No reader of a topic could take a partition of it from someone with at least two more.
fn is_even(members: &[Subscriber], shares: &Assignment) -> bool {
    shares.iter().all(|(_, giver)| {
        giver.iter().all(|partition| {
            members.iter().zip(shares).all(|(reader, (_, taker))| {
                !reader.topics.contains(&partition.topic) || giver.len() <= taker.len() + 1
            })
        })
    })
}

/// Everything has one reader, which subscribes to its topic.
fn check(group: &Group, members: &[Subscriber], shares: &Assignment) -> Result<(), TestCaseError> {
    prop_assert_eq!(given_out(shares), group.everything(members));
    for (member, (id, share)) in members.iter().zip(shares) {
        prop_assert_eq!(member.id, *id);
        prop_assert!(share.iter().all(|partition| member.topics.contains(&partition.topic)));
    }
    Ok(())
}

/// Nobody gets what another member still has.
fn hands_over_safely(members: &[Subscriber], shares: &Assignment) -> Result<(), TestCaseError> {
    for (member, (_, share)) in members.iter().zip(shares) {
        for partition in share.iter().filter(|partition| !member.owned.contains(partition)) {
            let claimed = members.iter().any(|other| other.owned.contains(partition));
            prop_assert!(!claimed, "{:?} is new to {:?} and not free", partition, member.id);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn every_partition_has_one_reader(group in groups()) {
        let members = group.members();
        for assignor in Assignor::ALL {
            check(&group, &members, &group.assign(*assignor, &members))?;
        }
        for assignor in ServerAssignor::ALL {
            check(&group, &members, &group.target(*assignor, &members, &Vec::new()))?;
        }
    }

    /// Kafka's general builder can give a member of an older generation what it no longer subscribes to,
    /// so only the number of readers is checked.
    #[test]
    fn no_claim_makes_a_partition_be_read_twice(group in groups()) {
        let members = group.claimants();
        for assignor in [Assignor::Range, Assignor::RoundRobin, Assignor::Sticky] {
            let shares = group.assign(assignor, &members);
            prop_assert_eq!(given_out(&shares), group.everything(&members));
        }
        let mut given = given_out(&group.assign(Assignor::CooperativeSticky, &members));
        let count = given.len();
        given.dedup();
        prop_assert_eq!(given.len(), count);
        prop_assert!(given.iter().all(|partition| group.everything(&members).contains(partition)));
    }

    #[test]
    fn shares_are_even(group in groups()) {
        let members = group.members();
        let uniform = group.target(ServerAssignor::Uniform, &members, &Vec::new());
        let sticky = group.assign(Assignor::Sticky, &members);
        for shares in [&uniform, &sticky] {
            prop_assert!(is_even(&members, shares), "{:?}", shares);
        }
        if group.is_homogeneous {
            let dealt = group.assign(Assignor::RoundRobin, &members);
            for sizes in [uniform, sticky, dealt].iter().map(sizes) {
                prop_assert!(sizes.iter().max() <= sizes.iter().min().map(|least| least + 1).as_ref());
            }
        }
        // Topic by topic only; the first members may have one more of each.
        let range = group.assign(Assignor::Range, &members);
        for topic in (1..=MOST_TOPICS).map(TopicId) {
            let readers = members.iter().zip(&range).filter(|(m, _)| m.topics.contains(&topic));
            let runs: Vec<usize> = readers
                .map(|(_, (_, share))| share.iter().filter(|p| p.topic == topic).count())
                .collect();
            prop_assert!(runs.is_sorted_by(|one, next| one >= next), "{:?}", runs);
            prop_assert!(runs.first() <= runs.last().map(|least| least + 1).as_ref());
        }
    }

    #[test]
    fn nothing_moves_if_nothing_changed(group in groups()) {
        let members = group.members();
        for assignor in Assignor::ALL {
            let shares = group.assign(*assignor, &members);
            let members = took_over(&members, &shares, 1);
            prop_assert_eq!(group.assign(*assignor, &members), shares);
        }
        for assignor in ServerAssignor::ALL {
            let target = group.target(*assignor, &members, &Vec::new());
            prop_assert_eq!(&group.target(*assignor, &members, &target), &target);
        }
    }

    #[test]
    fn who_stays_keeps_its_share(group in groups(), gone in 0..MOST_MEMBERS) {
        let group = Group { is_homogeneous: true, ..group };
        let members = group.members();
        let shares = group.assign(Assignor::Sticky, &members);
        let mut left = took_over(&members, &shares, 1);
        let gone = gone % left.len();
        left.remove(gone);
        for (before, (_, now)) in left.iter().zip(group.assign(Assignor::Sticky, &left)) {
            prop_assert!(before.owned.iter().all(|partition| now.contains(partition)));
        }
    }

    /// A member leaves, another one joins, and one changes its mind. Nobody gets what another still has,
    /// and the rebalances that follow hand out the rest.
    #[test]
    fn cooperative_members_never_share_a_partition(
        group in groups(),
        gone in 0..MOST_MEMBERS,
        bits in 1..1_u8 << MOST_TOPICS,
    ) {
        let assignor = Assignor::CooperativeSticky;
        let mut members = group.members();
        let shares = group.assign(assignor, &members);
        members = took_over(&members, &shares, 1);
        members.remove(gone % members.len());
        let changed = Group { subscriptions: vec![bits], ..group.clone() }.members().remove(0);
        if let Some(member) = members.last_mut() {
            member.topics = Arc::clone(&changed.topics);
            let still = |p: &&TopicPartition| changed.topics.contains(&p.topic);
            member.owned = member.owned.iter().filter(still).copied().collect();
        }
        members.push(Subscriber::new(Group::id(MOST_MEMBERS), changed.topics));
        for generation in 2.. {
            let shares = group.assign(assignor, &members);
            hands_over_safely(&members, &shares)?;
            if given_out(&shares).len() == group.everything(&members).len() {
                return check(&group, &members, &shares);
            }
            prop_assert!(generation < 4, "still withheld: {:?}", shares);
            members = took_over(&members, &shares, generation);
        }
    }

    #[test]
    fn no_claim_makes_a_cooperative_member_share(group in groups()) {
        let members = group.claimants();
        hands_over_safely(&members, &group.assign(Assignor::CooperativeSticky, &members))?;
    }

    #[test]
    fn the_order_of_members_decides_nothing(group in groups()) {
        let members = group.claimants();
        let mut turned = members.clone();
        turned.reverse();
        for assignor in Assignor::ALL {
            prop_assert_eq!(group.assign(*assignor, &turned), group.assign(*assignor, &members));
        }
    }
}

#[test]
fn static_members_come_first_by_instance_id() {
    let topics: Arc<[TopicId]> = [TopicId(1)].into();
    let member = |id, instance| Subscriber {
        instance,
        ..Subscriber::new(MemberId(id), Arc::clone(&topics))
    };
    let members = [member(1, None), member(2, Some(9)), member(3, Some(4))];
    for assignor in [Assignor::Range, Assignor::RoundRobin] {
        let numbers: Vec<u16> =
            assignor.assign(&members, |_| 3).iter().map(|(_, share)| share[0].partition).collect();
        assert_eq!(numbers, [2, 1, 0]);
    }
}

#[test]
fn a_topic_goes_to_its_subscribers_alone() {
    let member = |id, topics: &[u16]| {
        Subscriber::new(MemberId(id), topics.iter().copied().map(TopicId).collect())
    };
    let shares = Assignor::Range.assign(&[member(2, &[2]), member(1, &[1, 2])], |_| 3);
    let shares: Vec<Vec<_>> = shares
        .iter()
        .map(|(_, share)| share.iter().map(|p| (p.topic.0, p.partition)).collect())
        .collect();
    assert_eq!(shares, [vec![(1, 0), (1, 1), (1, 2), (2, 0), (2, 1)], vec![(2, 2)]]);
}

#[test]
fn a_group_without_members_or_partitions_has_nothing_to_share() {
    let members = [Subscriber::new(MemberId(1), [TopicId(1)].into())];
    for assignor in Assignor::ALL {
        assert!(assignor.assign(&[], |_| 1).is_empty());
        assert_eq!(sizes(&assignor.assign(&members, |_| 0)), [0]);
    }
    assert!(ServerAssignor::Uniform.assign(&[], |_| 1).is_empty());
    assert!(ServerAssignor::Range.assign(&[], |_| 1).is_empty());
}

#[test]
fn classes_are_told_apart() {
    for assignor in Assignor::ALL {
        assert_eq!(Assignor::by_class(assignor.class()), Some(*assignor));
        assert!(assignor.supports(RebalanceProtocol::Eager));
    }
    assert_eq!(Assignor::by_class("RangeAssignor"), None);
    let cooperative =
        Assignor::ALL.iter().filter(|a| a.supports(RebalanceProtocol::Cooperative)).count();
    assert_eq!(cooperative, 1);
}
