//! The replication of one partition as one value: its replicas, their controller, and what is on its way
//! between them. Every step is somebody's choice, so an explorer can take all of them.
//!
//! The rules are those of the machines: replicas are [`crate::partition`]s on the disks of [`crate::log`], in-sync sets
//! and elections are the [`crate::controller`]'s. What is left out is the plumbing of a broker (fetch sessions, parked
//! requests, back-offs) and with it all time: whatever a clock decides in Kafka may happen at any moment
//! here. So a run here is a run of a cluster whose timers go off as they like, and what holds here holds
//! for every timing, within the bounds of [`Bounds`].
//!
//! - [`step`] what may happen next, and how it is told · [`quorum`] the controller and what brokers know of it
//! - [`replica`] one broker · [`heal`] everything comes back · [`exchange`] fetches and in-sync changes · [`invariant`] what must hold of every state
//! - [`parts`] a world in parts that many worlds share

mod exchange;
pub mod heal;
mod invariant;
pub mod parts;
mod quorum;
mod replica;
pub mod step;

pub use invariant::Invariant;
pub use step::Step;

use crate::config::{ClusterConfig, TopicConfig};
use crate::observation::Observation;
use ackproof_types::{Acks, BrokerId, TopicId, TopicPartition};
use parts::Counts;
use quorum::Quorum;
use replica::Replica;
use std::ops::Range;
use std::sync::Arc;

/// How finely a fetch is cut into steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Grain {
    /// Request and answer are one step, as in Kafka's published specifications.
    Fetch,
    /// The leader reads the request at once; its answer is on its way for as long as it likes.
    Answer,
    /// Request and answer are both on their way for as long as they like.
    Message,
}

/// How large a world may grow. Without bounds it has no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Records that are produced.
    pub records: u8,
    /// Leader epochs, the first one among them.
    pub epochs: u8,
    /// Changes of the cluster that brokers hear of: elections, in-sync sets, fenced brokers.
    pub changes: u8,
    /// Processes that are killed.
    pub crashes: u8,
    /// Brokers that lose power.
    pub power_losses: u8,
    /// How finely a fetch is cut.
    pub grain: Grain,
    /// The known gaps of Kafka's own rules are closed ([`Variants::mended`]).
    ///
    /// [`Variants::mended`]: crate::variant::Variants::mended
    pub mended: bool,
}

/// What does not change.
#[derive(Debug)]
pub(crate) struct Setup {
    cluster: Arc<ClusterConfig>,
    partition: TopicPartition,
    acks: Acks,
    bounds: Bounds,
}

/// A world.
#[derive(Clone, Debug)]
pub struct Replicas {
    setup: Arc<Setup>,
    quorum: Arc<Quorum>,
    replicas: Vec<Arc<Replica>>,
    counts: Counts,
}

impl Replicas {
    /// All brokers of `cluster` are up, in sync, and have written nothing. Of its topics only `topic` counts,
    /// and of that the first partition. `seen` is told what the machines observe.
    #[must_use]
    pub fn new(
        cluster: &ClusterConfig,
        topic: TopicId,
        acks: Acks,
        bounds: Bounds,
        seen: Witness<'_>,
    ) -> Self {
        let alone = |(number, config): (u16, &TopicConfig)| TopicConfig {
            partitions: u16::from(TopicId(number) == topic),
            ..*config
        };
        let topics = (0..).zip(&cluster.topics).map(alone).collect();
        let variants = if bounds.mended { cluster.variants.mended() } else { cluster.variants };
        let cluster = Arc::new(ClusterConfig { topics, variants, ..cluster.clone() });
        let partition = TopicPartition::new(topic, 0);
        let (mut quorum, epochs) = Quorum::new(&cluster, partition, seen);
        quorum.begin();
        let image = quorum.newest();
        let setup = Arc::new(Setup { cluster, partition, acks, bounds });
        let brokers = Arc::clone(&setup.cluster.brokers);
        let replicas = brokers.iter().zip(epochs).map(|(id, epoch)| {
            let mut replica = Replica::new(*id, brokers.len());
            replica.start(epoch, &setup);
            seen(Some(*id), Observation::BrokerStarted { epoch });
            replica.learn(image.clone(), &setup, &mut |fact| seen(Some(*id), fact));
            Arc::new(replica)
        });
        Self {
            replicas: replicas.collect(),
            quorum: Arc::new(quorum),
            counts: Counts::default(),
            setup,
        }
    }

    /// The same world, which may go on for as long as it likes.
    #[must_use]
    pub fn unbounded(&self) -> Self {
        let Setup { cluster, partition, acks, bounds } = &*self.setup;
        let bounds = Bounds { epochs: u8::MAX, changes: u8::MAX, ..*bounds };
        let cluster = Arc::clone(cluster);
        let setup = Arc::new(Setup { cluster, partition: *partition, acks: *acks, bounds });
        Self { setup, ..self.clone() }
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> TopicPartition {
        self.setup.partition
    }

    /// The controller's in-sync set, by place.
    #[must_use]
    pub fn isr(&self) -> Vec<u8> {
        self.quorum.partition().isr.iter().map(|member| self.place(*member)).collect()
    }

    /// The leader that the controller chose, by place.
    #[must_use]
    pub fn leader(&self) -> Option<u8> {
        self.quorum.partition().leader.map(|leader| self.place(leader))
    }

    /// The brokers, in the order in which steps number them.
    #[must_use]
    pub fn brokers(&self) -> &[BrokerId] {
        &self.setup.cluster.brokers
    }

    /// All brokers by place.
    fn places(&self) -> Range<u8> {
        0..u8::try_from(self.replicas.len()).unwrap_or(u8::MAX)
    }

    fn bounds(&self) -> Bounds {
        self.setup.bounds
    }

    fn replica(&self, at: u8) -> &Replica {
        &self.replicas[usize::from(at)]
    }

    /// The replica, to be changed: a copy of its own if other worlds share it.
    fn replica_mut(&mut self, at: u8) -> &mut Replica {
        Arc::make_mut(&mut self.replicas[usize::from(at)])
    }

    fn place(&self, broker: BrokerId) -> u8 {
        let place = self.places().zip(self.brokers()).find(|(_, one)| **one == broker);
        place.map_or(0, |(place, _)| place)
    }
}

/// A fact, and which broker it is of; none: the controller.
pub type Witness<'a> = &'a mut dyn FnMut(Option<BrokerId>, Observation);
