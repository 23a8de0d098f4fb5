//! A plan: what a scenario file means, resolved and valid by construction. Everything is by index;
//! every default is filled in.

mod action;
mod cluster;
mod order;
mod outsiders;
mod workload;
mod zones;

use crate::anchor::Anchor;
use crate::clock::ClockFault;
use crate::disk::StorageFault;
use crate::moment::{Aim, Its};
use crate::settings::Harm;
use crate::talk::Talk;
use ackproof_types::{ClusterId, Delay, Features, Hold, KafkaVersion, Micros, TopicId};
use std::collections::BTreeMap;

pub use limit::Limit;

mod limit;

pub use cluster::{Cluster, FIRST};
pub use order::Order;
pub use outsiders::{OutsideGroup, OutsideProducer, Outsiders};
pub use workload::{Autoscale, Group, Mirror, Output, Part, PlannedRecord, Producer};

/// A resolved scenario.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `name`, or the file's stem.
    pub name: String,
    /// `about`.
    pub about: String,
    /// The seed that a schedule came from: what is left to chance in it repeats under this seed.
    pub seed: Option<u64>,
    /// Which line of Kafka runs.
    pub kafka: KafkaVersion,
    /// Which features the cluster has finalized.
    pub features: Features,
    /// The clusters; never empty, and mostly one.
    pub clusters: Vec<Cluster>,
    /// The network between processes.
    pub network: Network,
    /// Topics. Index 0 is `__consumer_offsets` of the first cluster; those of the others are the last.
    pub topics: Vec<Topic>,
    /// Producers by name, each with one or more instances.
    pub producers: Vec<Producer>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Who else takes part.
    pub outsiders: Outsiders,
    /// Faults, in the order of the file.
    pub faults: Vec<Fault>,
    /// How long the workload and the faults last.
    pub load: Micros,
    /// How long recovery may take afterwards.
    pub settle: Micros,
    /// What the run must show.
    pub expect: Expect,
    /// Names of variants to switch on.
    pub variants: Vec<String>,
    /// Gaps in Kafka's own rules are closed.
    pub mended: bool,
    /// Settings of the file that have no effect.
    pub ignored: Vec<Ignored>,
}

/// A setting that is accepted and not modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// `topics.payments.config.retention.ms`.
    pub path: String,
    /// Its value.
    pub value: String,
    /// What the value could break on a real cluster, in a run as long as this.
    pub harm: Option<Harm>,
}

/// Values of Kafka settings by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<&'static str, SettingValue>);

/// A value of a Kafka setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// A whole number, in the unit of the key.
    Number(i64),
    /// `true` or `false`.
    Switch(bool),
    /// One of a few words.
    Word(String),
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Switch(on) => on.fmt(f),
            Self::Word(word) => word.fmt(f),
        }
    }
}

impl Settings {
    /// The number at `key`.
    ///
    /// # Panics
    /// If the plan has no number there: a bug of the table of settings.
    #[must_use]
    pub fn number(&self, key: &str) -> i64 {
        match self.0.get(key) {
            Some(SettingValue::Number(number)) => *number,
            other => panic!("no number at {key}: {other:?}"),
        }
    }

    /// The milliseconds at `key`, as a length.
    #[must_use]
    pub fn millis(&self, key: &str) -> Micros {
        Micros::from_millis(u64::try_from(self.number(key)).unwrap_or(0))
    }

    /// The number at `key`, which counts minutes.
    ///
    /// # Panics
    /// If the plan has no number there: a bug of the table of settings.
    #[must_use]
    pub fn minutes(&self, key: &str) -> Micros {
        Micros::from_secs(60) * u64::try_from(self.number(key)).unwrap_or(0)
    }

    /// The switch at `key`.
    ///
    /// # Panics
    /// If the plan has no switch there: a bug of the table of settings.
    #[must_use]
    pub fn switch(&self, key: &str) -> bool {
        match self.0.get(key) {
            Some(SettingValue::Switch(on)) => *on,
            other => panic!("no switch at {key}: {other:?}"),
        }
    }

    /// The text at `key`, if it is set.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.0.get(key) {
            Some(SettingValue::Word(text)) => Some(text),
            Some(SettingValue::Number(_) | SettingValue::Switch(_)) | None => None,
        }
    }

    /// The word at `key`.
    ///
    /// # Panics
    /// If the plan has no word there: a bug of the table of settings.
    #[must_use]
    pub fn word(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(SettingValue::Word(word)) => word,
            other => panic!("no word at {key}: {other:?}"),
        }
    }
}

/// The network.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// One-way latency of a message.
    pub latency: Delay,
    /// `net.ipv4.tcp_syn_linear_timeouts`: how often a lost SYN is sent again a second later, before the
    /// distances double.
    pub syn_linear_timeouts: u16,
}

/// From the start of a process to its first request. At the beginning of a run everything is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Startup {
    /// Of brokers and controllers.
    pub brokers: Delay,
    /// Of producers and members of groups.
    pub clients: Delay,
}

/// A topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub cluster: ClusterId,
    /// Number of partitions.
    pub partitions: u16,
    /// `replication.factor`.
    pub replication_factor: u16,
    /// Topic settings by Kafka's key; every modelled key is present.
    pub config: Settings,
}

impl Topic {
    /// Whether of each key only the newest record stays for good.
    #[must_use]
    pub fn is_compacted(&self) -> bool {
        self.config.word("cleanup.policy").contains("compact")
    }

    /// The `min.insync.replicas` that applies: no more than there are replicas (R4.2).
    #[must_use]
    pub fn min_insync_replicas(&self) -> u16 {
        let stated = self.config.number("min.insync.replicas");
        u16::try_from(stated).unwrap_or(u16::MAX).min(self.replication_factor)
    }
}

/// One entry of `faults`.
#[derive(Clone, Debug)]
pub struct Fault {
    /// When it happens, and how often.
    pub when: When,
    /// The moments that it waits for once it is due; none: it strikes then.
    pub aim: Option<Aim>,
    /// What happens: one of these by weight; a single one if the file names one.
    pub choices: Vec<(u32, FaultKind)>,
}

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once, at this time.
    At(Micros),
    /// Once, this long after something happened for the first time.
    After {
        /// What.
        anchor: Anchor,
        /// How long after it; zero: before anything else happens.
        plus: Micros,
    },
    /// Again and again within a window, at distances drawn from `every`.
    Between {
        /// Start of the window.
        from: Micros,
        /// End of the window.
        to: Micros,
        /// Distance from one to the next.
        every: Delay,
    },
    /// Once, at a time drawn from a window.
    OnceBetween {
        /// Start of the window.
        from: Micros,
        /// End of the window.
        to: Micros,
    },
}

/// A fault: what, to whom, for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultKind {
    /// What.
    pub action: Action,
    /// To whom; for cuts, the side that is cut off.
    pub target: Target,
    /// How long. None: until the load ends; without meaning for what ends by itself.
    pub lasts: Option<Delay>,
    /// How long a process that is stopped in good order may take. Then it is killed, as Kubernetes does after
    /// `terminationGracePeriodSeconds`. None: nobody loses patience.
    pub grace: Option<Micros>,
}

/// What a fault does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Kills the process; it restarts when the fault ends.
    Crash,
    /// Takes the power of the machine: what the process had not flushed is lost. It starts again when the
    /// fault ends.
    PowerLoss,
    /// Takes the process and its disk. It starts again, on an empty one, when the fault ends.
    DiskLost,
    /// Something happens to a log directory. When the fault ends it can be used again, and the process is started
    /// anew.
    Storage(StorageFault),
    /// Stops the process cleanly; once stopped, it is down for the fault's duration.
    Restart,
    /// Restarts all brokers, or all members of a group, cleanly, one after another; each is down for the
    /// fault's duration. The next broker waits until it is back in every in-sync set, the next member
    /// until it has started. Brokers and controllers may start as another line of Kafka.
    RollingRestart(Option<KafkaVersion>),
    /// Freezes the process (SIGSTOP); it goes on when the fault ends.
    Pause,
    /// Cuts these links of the target.
    Isolate(Links),
    /// Cuts all links between processes of different sides; a process on no side keeps its links.
    Partition(Vec<Vec<Peers>>),
    /// Makes these links of the target slower.
    Slow {
        /// Which.
        links: Links,
        /// By how much.
        by: Delay,
        /// What travels slower; none: everything.
        only: Option<Talk>,
    },
    /// Loses packets on these links of the target: as on TCP, delay.
    Lossy {
        /// Which.
        links: Links,
        /// Lost packets in a million.
        loss: u32,
    },
    /// Lets no more than this through each of these links of the target.
    Throttle {
        /// Which.
        links: Links,
        /// Bytes a second and link; at least 1.
        bytes_per_second: u64,
    },
    /// Resets the target's connections, once.
    Reset,
    /// Puts the clock of the target's computer wrong; it is set right when the fault ends.
    Clock(ClockFault),
    /// Every replica fetch of the target takes this much longer; what it leads and its heartbeats are
    /// not touched. Without a duration it ends once the target has left the in-sync set.
    SlowFollower(Delay),
    /// A member leaves its group in good order; it comes back when the fault ends.
    Leave,
    /// Another member joins the group; it leaves when the fault ends.
    Join,
    /// The application of a member stops this for the fault's duration.
    Hold(Hold),
    /// The application of a group ends here, and starts beside the cluster that its topics are copied to.
    FailOver,
    /// An administrator has the active controller do this with the target, a topic or a partition.
    Administer(Order),
}

/// Links of a fault's target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// To whom.
    pub peers: Vec<Peers>,
    /// Which way.
    pub direction: Direction,
}

impl Direction {
    /// The ways of the link between a fault's target `hit` and `other` that are meant, each as from and to.
    pub fn ways<T: Copy>(self, hit: T, other: T) -> impl Iterator<Item = (T, T)> {
        let outgoing = (self != Self::Incoming).then_some((hit, other));
        outgoing.into_iter().chain((self != Self::Outgoing).then_some((other, hit)))
    }
}

/// Every link between two of `sides`, both ways.
#[must_use]
pub fn between<T: Copy>(sides: &[Vec<T>]) -> Vec<(T, T)> {
    let mut links = Vec::new();
    for (index, one) in sides.iter().enumerate() {
        for other in sides.iter().skip(index + 1) {
            for (a, b) in one.iter().flat_map(|a| other.iter().map(move |b| (*a, *b))) {
                links.extend([(a, b), (b, a)]);
            }
        }
    }
    links
}

/// One or more peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// `brokers`: all other brokers.
    Brokers,
    /// `controllers`: all controllers.
    Controllers,
    /// `clients`: all producers and members.
    Clients,
    /// `cluster backup`: the controller and the brokers of a cluster.
    Cluster(ClusterId),
    /// `datacentre backup`: a cluster, and the clients beside it.
    Datacentre(ClusterId),
    /// `billing`: all instances of a producer, by index.
    Producer(u16),
    /// `ledger`: all members of a group, by index.
    Group(u16),
    /// One process.
    One(Target),
}

/// Which way a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    Both,
    /// What the target sends is not delivered.
    Outgoing,
    /// What is sent to the target is not delivered.
    Incoming,
}

/// Whom a fault hits: a name, or a rule that only the run can resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// `broker-2`, or `backup-broker-1`: by its `node.id`.
    Broker(u16),
    /// `controller`, `controller-2` or `backup-controller`: by its number among all.
    Controller(u16),
    /// `active controller`: of the first cluster, or of another.
    ActiveController(ClusterId),
    /// `any controller`, drawn from the seed.
    AnyController,
    /// `controllers`: each of the first cluster or of another, for a rolling restart.
    AllControllers(ClusterId),
    /// `leader of payments-0`.
    LeaderOf(TopicId, u16),
    /// `a follower of payments-0`: the lowest id of the in-sync followers that fit.
    FollowerOf(TopicId, u16),
    /// `coordinator of ledger`: group by index.
    CoordinatorOf(u16),
    /// `its leader`: a broker by what it is to the moment that the fault is aimed at.
    Its(Its),
    /// `any broker`, drawn from the seed.
    AnyBroker,
    /// `billing-0`: producer and instance by index.
    Producer(u16, u16),
    /// `any producer`, or of one name.
    AnyProducer(Option<u16>),
    /// `ledger-1`: group and member by index.
    Member(u16, u16),
    /// `any member of ledger`.
    AnyMember(u16),
    /// `app`: a program outside by its `client.id`, by index. Faults of links and resets hit it.
    Outsider(u16),
    /// `all members of ledger`, each of them.
    AllMembers(u16),
    /// `ledger`: the group as a whole, for `join`.
    Group(u16),
    /// `brokers`: every one, or those of one cluster.
    AllBrokers(Option<ClusterId>),
    /// `zone a`: each process in a rack, by its number.
    Zone(u16),
    /// `payments`: a topic, which is no process; the controller acts on it.
    Topic(TopicId),
    /// `payments-0`: a partition, likewise.
    Partition(TopicId, u16),
    /// Nobody in particular: the sides of a partition say who.
    Sides,
}

/// What a scenario expects.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    /// The scenario says what it expects; else it is what the configuration promises.
    pub stated: bool,
    /// By property; if anything is stated, the ones not named are expected to hold.
    pub properties: BTreeMap<String, Expected>,
    /// Bounds on measures.
    pub limits: Vec<Limit>,
    /// How often things must have happened, at least; none stated: what follows from the faults.
    pub witness: Option<BTreeMap<String, u64>>,
    /// Lines of the file on which these stand, by the names that reasons of a verdict give them
    /// (`witness.rebalance`), and that of the scenario's `name`.
    pub lines: BTreeMap<String, u64>,
}

/// What is expected of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// No seed violates it.
    Held,
    /// At least one seed of a sweep violates it.
    Violated,
    /// Either is fine.
    MayViolate,
}
