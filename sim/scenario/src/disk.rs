//! Faults of a broker's disk: what they are, how they are written and told. It knows no plan.

use crate::durations::spell_bytes;
use ackproof_types::LogDir;

/// What happens to a broker's disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageFault {
    /// In which directory. None: in that of the partition that the target is named by, else in one that the seed
    /// draws.
    pub dir: Option<LogDir>,
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
}

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

impl StorageFault {
    pub(crate) const fn verb(self) -> &'static str {
        match self.how {
            Harm::Fails(_) => FAILS,
            Harm::Fills(_) => FILLS,
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
            Harm::Fills(0) => format!("{dir} was full"),
            Harm::Fills(left) => format!("{dir} had no room for more than {}", spell_bytes(left)),
        }
    }

    /// What a file says beside verb and target.
    pub(crate) fn keys(self) -> Vec<(&'static str, serde_json::Value)> {
        let dir = self.dir.map(|dir| ("dir", serde_json::json!(dir.number())));
        let more = match self.how {
            Harm::Fails(Returns::Empty) => Some(("returns", serde_json::json!("empty"))),
            Harm::Fills(left) if left > 0 => Some(("left", serde_json::json!(spell_bytes(left)))),
            Harm::Fails(Returns::Intact) | Harm::Fills(_) => None,
        };
        dir.into_iter().chain(more).collect()
    }
}
