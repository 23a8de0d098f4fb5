//! Partition assignors: who in a group reads which partition. They are pure functions. They know
//! nothing of how members talk, and they know no racks. Each takes members in any order, walks them in
//! the order of member ids, and returns members and partitions ascending.
//!
//! - [`range`] and [`round_robin`] without a memory · [`sticky`] keeps what members own ·
//!   [`cooperative`] withholds what changes hands: run by the group's leader (R9.28)
//! - [`uniform`] and again [`range`]: run by the coordinator for consumer groups (R9.31)

mod cooperative;
mod range;
mod round_robin;
mod sticky;
#[cfg(test)]
mod tests;
mod uniform;

use ackproof_types::{GenerationId, MemberId, TopicId, TopicPartition};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What each member is to read; members and partitions ascending.
pub type Assignment = Vec<(MemberId, Arc<[TopicPartition]>)>;

/// The same while it is made.
type Shares = BTreeMap<MemberId, Vec<TopicPartition>>;

/// Topics that a member subscribed to and that have partitions (Kafka: `partitionsPerTopic`).
type PartitionCounts = BTreeMap<TopicId, u16>;

/// How members of a classic group change over (Kafka: `ConsumerPartitionAssignor.RebalanceProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RebalanceProtocol {
    /// A member gives up everything before it joins (R9.24).
    Eager,
    /// A member keeps what it owns and gives up only what it loses (R9.25).
    Cooperative,
}

/// An assignor that the leader of a classic group runs (Kafka: `ConsumerPartitionAssignor`; R9.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assignor {
    /// Topic by topic a run of partitions for each member.
    Range,
    /// All partitions dealt out in turn.
    RoundRobin,
    /// Balanced, with as few moves as possible.
    Sticky,
    /// The same; what changes hands is withheld for one rebalance.
    CooperativeSticky,
    /// Another one, by its number among those that clients have named. No model runs it.
    Other(u16),
}

impl Assignor {
    /// Every assignor that a model can run.
    pub const ALL: &'static [Self] =
        &[Self::Range, Self::RoundRobin, Self::Sticky, Self::CooperativeSticky];

    /// The name that members vote for (Kafka: `ConsumerPartitionAssignor#name`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Range => "range",
            Self::RoundRobin => "roundrobin",
            Self::Sticky => "sticky",
            Self::CooperativeSticky => "cooperative-sticky",
            Self::Other(_) => "another",
        }
    }

    /// Its class, as `partition.assignment.strategy` names it.
    #[must_use]
    pub const fn class(self) -> &'static str {
        match self {
            Self::Range => "org.apache.kafka.clients.consumer.RangeAssignor",
            Self::RoundRobin => "org.apache.kafka.clients.consumer.RoundRobinAssignor",
            Self::Sticky => "org.apache.kafka.clients.consumer.StickyAssignor",
            Self::CooperativeSticky => {
                "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"
            }
            Self::Other(_) => "another",
        }
    }

    /// The assignor with this [`class`](Self::class).
    #[must_use]
    pub fn by_class(class: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|assignor| assignor.class() == class)
    }

    /// Whether it can be used with `protocol` (Kafka: `supportedProtocols`; R9.23).
    #[must_use]
    pub const fn supports(self, protocol: RebalanceProtocol) -> bool {
        match protocol {
            RebalanceProtocol::Eager => true,
            RebalanceProtocol::Cooperative => matches!(self, Self::CooperativeSticky),
        }
    }

    /// Shares out the topics of all members.
    #[must_use]
    pub fn assign(
        self,
        members: &[Subscriber],
        partition_count: impl Fn(TopicId) -> u16,
    ) -> Assignment {
        let counts = counts(members.iter().map(|member| &*member.topics), partition_count);
        let readers = || members.iter().map(Subscriber::reader).collect();
        finished(match self {
            Self::Range => range::assign(readers(), &counts),
            Self::RoundRobin => round_robin::assign(readers(), &counts),
            Self::Sticky => sticky::assign(members, sticky::remembered, &counts).shares,
            Self::CooperativeSticky => cooperative::assign(members, &counts),
            Self::Other(_) => Shares::new(),
        })
    }
}

/// A member as the leader of a classic group sees it (Kafka: `ConsumerPartitionAssignor.Subscription`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscriber {
    /// Its member id.
    pub id: MemberId,
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
    /// What it subscribed to.
    pub topics: Arc<[TopicId]>,
    /// What it owned when it joined. An eager member has given up everything by then.
    pub owned: Arc<[TopicPartition]>,
    /// Its generation when it joined.
    pub generation: GenerationId,
    /// What its assignor remembers; `None` before its first assignment.
    pub user_data: Option<UserData>,
    /// What its client said, if no model speaks for it.
    pub opaque: Option<Opaque>,
}

impl Subscriber {
    /// A dynamic member that owns nothing and never did.
    #[must_use]
    pub fn new(id: MemberId, topics: Arc<[TopicId]>) -> Self {
        Self {
            id,
            instance: None,
            topics,
            owned: Arc::default(),
            generation: GenerationId::UNKNOWN,
            user_data: None,
            opaque: None,
        }
    }

    fn reader(&self) -> Reader<'_> {
        Reader { id: self.id, instance: self.instance, topics: &self.topics }
    }
}

/// Bytes of a client's assignor, which coordinators pass on unread. Whoever carries messages keeps them, under
/// this number: the same bytes have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Opaque(pub u64);

/// What a member's assignor remembers of its last assignment (Kafka: `subscriptionUserData`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UserData {
    /// The partitions. Only `sticky` sends them.
    pub partitions: Arc<[TopicPartition]>,
    /// The generation. Of `cooperative-sticky` it counts only if the member joined without one.
    pub generation: GenerationId,
}

/// An assignor that the coordinator of a consumer group runs (Kafka: `ConsumerGroupPartitionAssignor`;
/// R9.31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerAssignor {
    /// Balanced, with few moves.
    Uniform,
    /// The same shares as [`Assignor::Range`].
    Range,
}

impl ServerAssignor {
    /// Every assignor, in the order of `group.consumer.assignors`.
    pub const ALL: &'static [Self] = &[Self::Uniform, Self::Range];

    /// The name that members and `group.consumer.assignors` use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uniform => "uniform",
            Self::Range => "range",
        }
    }

    /// The assignor of that name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name)
    }

    /// The next target assignment of the group.
    #[must_use]
    pub fn assign(
        self,
        members: &[GroupMember],
        partition_count: impl Fn(TopicId) -> u16,
    ) -> Assignment {
        let counts = counts(members.iter().map(|member| &*member.topics), partition_count);
        finished(match self {
            Self::Uniform => uniform::assign(members, &counts),
            Self::Range => {
                range::assign(members.iter().map(GroupMember::reader).collect(), &counts)
            }
        })
    }
}

/// A member as the coordinator of a consumer group sees it (Kafka: `MemberSubscription`,
/// `MemberAssignment`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GroupMember {
    /// Its member id.
    pub id: MemberId,
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
    /// What it subscribed to.
    pub topics: Arc<[TopicId]>,
    /// Its part of the target assignment so far. No partition is in two parts.
    pub target: Arc<[TopicPartition]>,
}

impl GroupMember {
    fn reader(&self) -> Reader<'_> {
        Reader { id: self.id, instance: self.instance, topics: &self.topics }
    }
}

/// What assignors without a memory know of a member (Kafka: `AbstractPartitionAssignor.MemberInfo`).
#[derive(Clone, Copy, Debug)]
struct Reader<'a> {
    id: MemberId,
    instance: Option<u16>,
    topics: &'a [TopicId],
}

impl Reader<'_> {
    /// Static members come first, by instance id; the others follow by member id (Kafka:
    /// `MemberInfo#compareTo`). Kafka compares instance ids as text; here they are numbers.
    fn order(&self, other: &Self) -> Ordering {
        let key = |reader: &Self| (reader.instance.is_none(), reader.instance, reader.id);
        key(self).cmp(&key(other))
    }
}

fn counts<'a>(
    subscriptions: impl Iterator<Item = &'a [TopicId]>,
    partition_count: impl Fn(TopicId) -> u16,
) -> PartitionCounts {
    let topics = subscriptions.flatten();
    topics.map(|topic| (*topic, partition_count(*topic))).filter(|(_, count)| *count > 0).collect()
}

/// Every partition, by topic and number.
fn all_partitions(counts: &PartitionCounts) -> impl Iterator<Item = TopicPartition> {
    counts.iter().flat_map(|(topic, count)| partitions(*topic, *count))
}

/// The partitions of one topic.
fn partitions(topic: TopicId, count: u16) -> impl Iterator<Item = TopicPartition> {
    (0..count).map(move |partition| TopicPartition::new(topic, partition))
}

/// Whether the partition is there. Kafka takes no partition away from a topic; a claim of one that is not
/// there is ignored.
fn exists(counts: &PartitionCounts, partition: TopicPartition) -> bool {
    counts.get(&partition.topic).is_some_and(|count| partition.partition < *count)
}

fn finished(shares: Shares) -> Assignment {
    let sorted = |(member, mut partitions): (MemberId, Vec<TopicPartition>)| {
        partitions.sort_unstable();
        (member, partitions.into())
    };
    shares.into_iter().map(sorted).collect()
}
