//! Identifiers of processes and of the things they share.

/// A process of a run. Which of them are servers, the [`Roster`](crate::Roster) knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The index into tables of processes.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A broker's `node.id`, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerId(pub u16);

/// A log directory of a broker, by its place in `log.dirs`, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogDir(pub u8);

impl LogDir {
    /// As people count.
    #[must_use]
    pub fn number(self) -> u16 {
        u16::from(self.0) + 1
    }
}

/// A controller's `node.id`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ControllerId(pub u16);

/// A cluster of a run, by its index in the plan. Index 0 is the one that a scenario calls `cluster`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClusterId(pub u16);

impl ClusterId {
    /// The first one, and of most runs the only one.
    pub const FIRST: Self = Self(0);

    /// The index into tables of clusters.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A topic, by its index in the plan. Index 0 is always `__consumer_offsets` of the first cluster.
///
/// A topic that is deleted and created again has another id each time (KIP-516). The id of its first life stands for
/// its name: clients and groups go by names, logs by ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub u16);

impl TopicId {
    /// `__consumer_offsets` of the first cluster.
    pub const CONSUMER_OFFSETS: Self = Self(0);
    /// So many topics may have names of their own.
    pub const NAMES: u16 = 1 << Self::NAME_BITS;
    /// So often a topic may be created.
    pub const LIVES: u16 = 1 << (u16::BITS - Self::NAME_BITS);
    const NAME_BITS: u32 = 12;

    /// The index into tables of topics: the same for all lives of a topic.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.name().0)
    }

    /// What stands for the name of the topic: its id in its first life.
    #[must_use]
    #[inline]
    pub const fn name(self) -> Self {
        Self(self.0 & (Self::NAMES - 1))
    }

    /// How often a topic of this name was created before, from 0.
    #[must_use]
    pub const fn life(self) -> u16 {
        self.0 >> Self::NAME_BITS
    }

    /// The topic of the same name that was created so often before; none above [`Self::LIVES`].
    #[must_use]
    pub fn in_life(self, life: u16) -> Option<Self> {
        (life < Self::LIVES).then(|| Self(self.name().0 | (life << Self::NAME_BITS)))
    }
}

/// One partition of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The partition's number within the topic, from 0.
    pub partition: u16,
}

impl TopicPartition {
    /// The partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: TopicId, partition: u16) -> Self {
        Self { topic, partition }
    }

    /// The same number of the topic of this name.
    #[must_use]
    #[inline]
    pub const fn name(self) -> Self {
        Self { topic: self.topic.name(), partition: self.partition }
    }
}

/// A consumer group, by its index in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

impl GroupId {
    /// The index into tables of groups.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// The member id that a group coordinator hands out (Kafka: `member.id`). Unique for ever, so a
/// member that is fenced and joins again gets another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u64);

/// The id of one idempotent producer session (Kafka: `producerId`, KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerId(pub i64);

/// A producer instance of the workload, by its index in the plan. It outlives the restarts of its
/// process, unlike [`ProducerId`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProducerIndex(pub u16);

impl ProducerIndex {
    /// The index into tables of producers.
    #[must_use]
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}
