//! What a configuration promises and what it leaves possible, as data.

use crate::run::{CauseReport, Fate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What follows from a configuration, whatever happens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Contract {
    /// What no failure may break.
    pub promises: Vec<Clause>,
    /// What a failure may bring about.
    pub possible: Vec<Possible>,
}

/// A sentence, and the settings that make it true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Clause {
    /// In plain words.
    pub says: String,
    /// `producers.billing.config.acks=1`.
    pub settings: Vec<String>,
}

/// A setting that is accepted and has no effect on a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotModelled {
    /// `topics.payments.config.retention.ms=10000`.
    pub setting: String,
    /// Properties that it could break on a real cluster; empty: none.
    pub could_break: Vec<String>,
    /// How.
    pub says: String,
}

/// Something that may happen to records, and where it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Possible {
    /// What, and why.
    pub clause: Clause,
    /// What happens to records.
    pub fate: Fate,
    /// To whom, where a group is concerned.
    pub group: Option<String>,
    /// The causes that show it.
    pub causes: Vec<String>,
    /// Records to which it happened.
    pub records: u64,
    /// Seeds that show it, ascending.
    pub seeds: Vec<u64>,
}

impl Contract {
    /// Takes what happened to records in the run of `seed`.
    pub fn observe(&mut self, seed: u64, causes: &[CauseReport]) {
        for possible in &mut self.possible {
            let shown = causes.iter().filter(|one| possible.shows(one)).map(|one| one.count);
            let records: u64 = shown.sum();
            possible.records += records;
            if records > 0 {
                possible.seeds.push(seed);
            }
        }
    }

    /// Takes what other seeds showed of the same contract.
    pub fn absorb(&mut self, other: Self) {
        for (ours, theirs) in self.possible.iter_mut().zip(other.possible) {
            ours.records += theirs.records;
            ours.seeds.extend(theirs.seeds);
            ours.seeds.sort_unstable();
        }
    }
}

impl Possible {
    fn shows(&self, cause: &CauseReport) -> bool {
        let same_group = self.group.is_none() || self.group == cause.group;
        self.fate == cause.what && same_group && self.causes.contains(&cause.cause)
    }
}
