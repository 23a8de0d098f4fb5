//! The course of a run as a page draws it: bands, points and curves over time, and the entries behind them.
//! All times are microseconds since the start, and processes, partitions and groups are places in their lists.
//!
//! It is what the script of the page reads and no public format: it changes with the script.

use serde::Serialize;

/// What happened in the course of a run, or of a history.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Course {
    /// The last instant.
    pub end: u64,
    /// The processes.
    pub nodes: Vec<Node>,
    /// The partitions that applications use: `payments-0`.
    pub partitions: Vec<String>,
    /// The groups.
    pub groups: Vec<String>,
    /// When each phase began.
    pub phases: Vec<(u64, String)>,
    /// Faults, in the order in which they struck.
    pub faults: Vec<Fault>,
    /// Times in which a process was up, and in which a broker was fenced.
    pub lives: Vec<Band>,
    /// Who led each partition: `lane` is the partition, `who` the leader.
    pub leaders: Vec<Band>,
    /// Who was in sync: `lane` is the partition; a band for each set.
    pub in_sync: Vec<InSync>,
    /// Who was eligible to lead beside those in sync.
    pub eligible: Vec<Eligible>,
    /// Who owned each partition in a group: `lane` is the partition, `who` the member.
    pub owners: Vec<Owner>,
    /// When a group had a new generation.
    pub generations: Vec<Generation>,
    /// The records, in the order in which they were named first.
    pub records: Records,
    /// Records that went together: the place of the first, then the steps to the others.
    pub batches: Vec<Vec<i64>>,
    /// What happened, in its order.
    pub entries: Entries,
    /// What `text` of an entry stands for.
    pub texts: Vec<String>,
    /// Curves over time.
    pub charts: Charts,
    /// Requests and their answers; none on record in a history.
    pub messages: Messages,
    /// What is left out, in sentences.
    pub left_out: Vec<String>,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Node {
    /// `broker-1`.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
}

/// What a process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Stands for the controllers.
    Controller,
    /// A broker.
    Broker,
    /// A producer.
    Producer,
    /// A member of a group.
    Member,
    /// Any other: whoever reads the logs at the end.
    Other,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// When it struck.
    pub from: u64,
    /// When it was over.
    pub to: u64,
    /// What it did.
    pub text: String,
    /// The processes that it names.
    pub nodes: Vec<usize>,
}

/// A time in which something was so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Band {
    /// Of what.
    pub lane: usize,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// A process; null: nobody.
    pub who: Option<usize>,
    /// `up`, `fenced`; of a leader its epoch, and whether its election was unclean.
    pub text: String,
}

/// A time in which an in-sync set stayed as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InSync {
    /// The partition.
    pub lane: usize,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// The brokers.
    pub who: Vec<usize>,
    /// Fewer than `min.insync.replicas`.
    pub few: bool,
}

/// A time in which the same replicas out of sync were eligible to lead (KIP-966).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Eligible {
    /// The partition.
    pub lane: usize,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// The brokers.
    pub who: Vec<usize>,
    /// Who led last, where nobody is in sync or eligible.
    pub last: Option<usize>,
}

/// A time in which a member owned a partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// The group.
    pub group: usize,
    /// The partition.
    pub lane: usize,
    /// From when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// The member.
    pub who: usize,
}

/// A new generation of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Generation {
    /// The group.
    pub group: usize,
    /// When.
    pub at: u64,
    /// Its number.
    pub number: i64,
    /// How many members it has.
    pub members: u16,
    /// What began it; null: not on record.
    pub reason: Option<&'static str>,
}

/// Records by their place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Records {
    /// Names of producers.
    pub names: Vec<String>,
    /// Who sent it, by name.
    pub producer: Vec<u16>,
    /// Its number.
    pub number: Vec<u32>,
}

/// Entries as columns. An entry has a row in each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entries {
    /// The names of kinds.
    pub kinds: &'static [&'static str],
    /// Microseconds since the entry before.
    pub step: Vec<u64>,
    /// What happened.
    pub kind: Vec<u8>,
    /// At which process.
    pub node: Vec<u16>,
    /// The partition; −1: none, or one of `__consumer_offsets`.
    pub partition: Vec<i32>,
    /// The place of a record or, by the kind, of a batch; −1: none.
    pub what: Vec<i64>,
    /// An offset, by the kind.
    pub offset: Vec<i64>,
    /// Another number, by the kind: an epoch, a place in `texts`.
    pub more: Vec<i64>,
}

/// Requests with their answers, as columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Messages {
    /// Kafka's names of requests.
    pub apis: Vec<&'static str>,
    /// Those that clients send again and again.
    pub polls: &'static [&'static str],
    /// Names of errors.
    pub errors: Vec<&'static str>,
    /// Microseconds since the request before was sent.
    pub step: Vec<u64>,
    /// Which request.
    pub api: Vec<u8>,
    /// Who asked.
    pub client: Vec<u16>,
    /// Who was asked.
    pub server: Vec<u16>,
    /// About what: a partition; −1: nothing in particular; −2 less the place of a group.
    pub about: Vec<i32>,
    /// When it was read, in microseconds since it was sent; −1: never.
    pub arrived: Vec<i64>,
    /// When its answer was sent, since then; −1: never; −2: it wants none.
    pub answered: Vec<i64>,
    /// When the answer was read, since then; −1: never.
    pub received: Vec<i64>,
    /// What the answer says went wrong; −1: nothing.
    pub error: Vec<i32>,
}

/// Curves over time, all with the same steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Charts {
    /// The length of a step.
    pub step: u64,
    /// One below the other.
    pub charts: Vec<Chart>,
}

/// Curves that share an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What the values are in.
    pub unit: &'static str,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// A curve.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// A value for each step; null: there was nothing to measure.
    pub values: Vec<Option<f64>>,
}
