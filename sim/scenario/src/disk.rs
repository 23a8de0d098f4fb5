//! Faults of a broker's disk: what they are, how they are written and told. It knows no plan.

use crate::durations::spell_bytes;
use ackproof_types::{LogDir, TopicPartition};

/// What happens to a broker's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageFault {
    /// In which directory. None: in that of the partition that the target is named by, else in one that the seed
    /// draws.
    pub dir: Option<LogDir>,
    /// Which log is damaged. None: that of the partition that the target is named by, or that has to do with the moment;
    /// else one that the seed draws.
    pub log: Option<TopicPartition>,
    /// What.
    pub how: Harm,
}

/// What happens to a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// It cannot be written.
    Fails(Returns),
    /// It takes so many bytes more.
    Fills(u64),
    /// Bytes of a batch go wrong; the broker stops, and starts on them.
    Damages(Batch, Stops),
}

/// A batch of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// The last one.
    Last,
    /// One that the seed draws.
    Any,
    /// The one that this number draws, of those that are there when it happens.
    Drawn(u32),
}

/// How a broker stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stops {
    /// It is killed.
    Killed,
    /// In good order.
    Cleanly,
}

/// By name, the usual one first.
pub(crate) const BATCHES: &[(&str, Batch)] = &[("last", Batch::Last), ("any", Batch::Any)];
/// By name, the usual one first.
pub(crate) const STOPS: &[(&str, Stops)] =
    &[("killed", Stops::Killed), ("cleanly", Stops::Cleanly)];

/// What is there when a directory can be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// What was there before.
    Intact,
    /// Nothing: another disk.
    Empty,
}

/// By name, the usual one first.
pub(crate) const RETURNS: &[(&str, Returns)] =
    &[("intact", Returns::Intact), ("empty", Returns::Empty)];

/// The verbs.
pub(crate) const FAILS: &str = "log-dir-failed";
pub(crate) const FILLS: &str = "disk-full";
pub(crate) const DAMAGES: &str = "corrupt-log";

impl StorageFault {
    pub(crate) const fn verb(self) -> &'static str {
        match self.how {
            Harm::Fails(_) => FAILS,
            Harm::Fills(_) => FILLS,
            Harm::Damages(..) => DAMAGES,
        }
    }

    /// `log directory 2 of broker-1 failed`.
    pub(crate) fn done(self, target: &str) -> String {
        let dir = match self.dir {
            Some(dir) => format!("log directory {} of {target}", dir.number()),
            None => format!("a log directory of {target}"),
        };
        match self.how {
            Harm::Fails(Returns::Intact) => format!("{dir} failed"),
            Harm::Fails(Returns::Empty) => format!("{dir} failed and was lost"),
            Harm::Damages(batch, stops) => {
                let batch = if batch == Batch::Last { "the last batch" } else { "a batch" };
                let stops = if stops == Stops::Killed { "was killed" } else { "stopped cleanly" };
                format!(
                    "{batch} of a log of {target} went wrong on its disk, and it {stops} and was down"
                )
            }
            Harm::Fills(0) => format!("{dir} was full"),
            Harm::Fills(left) => format!("{dir} had no room for more than {}", spell_bytes(left)),
        }
    }

    /// Whether the broker stops in good order, and is down from then on.
    #[must_use]
    pub fn stops_cleanly(self) -> bool {
        matches!(self.how, Harm::Damages(_, Stops::Cleanly))
    }

    /// What a file says beside verb and target.
    pub(crate) fn keys(
        self,
        name: impl Fn(TopicPartition) -> String,
    ) -> Vec<(&'static str, serde_json::Value)> {
        let log = self.log.map(|log| ("log", serde_json::json!(name(log))));
        let dir = self.dir.map(|dir| ("dir", serde_json::json!(dir.number())));
        let more = match self.how {
            Harm::Fails(Returns::Empty) => Some(("returns", serde_json::json!("empty"))),
            Harm::Fills(left) if left > 0 => Some(("left", serde_json::json!(spell_bytes(left)))),
            Harm::Damages(batch, stops) => {
                let mut keys: Vec<_> = log.into_iter().collect();
                match batch {
                    Batch::Last => {}
                    Batch::Any => keys.push(("batch", serde_json::json!("any"))),
                    Batch::Drawn(number) => keys.push(("batch", serde_json::json!(number))),
                }
                if stops != Stops::Killed {
                    keys.push(("stopped", serde_json::json!("cleanly")));
                }
                return keys;
            }
            Harm::Fails(Returns::Intact) | Harm::Fills(_) => None,
        };
        dir.into_iter().chain(more).collect()
    }
}
