//! The words of a verdict, each with its one spelling. They carry a decision and make none.

use ackproof_oracle::verdict::Judgement as Found;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a run, a scenario or a sweep came to; the worst last.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every expectation is met.
    Met,
    /// Too little happened to say.
    Inconclusive,
    /// An expectation is violated.
    Violated,
    /// The same seed gave two different runs: nothing else in the report can be trusted.
    Nondeterministic,
    /// ackproof itself failed.
    Crashed,
}

/// What a property concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// It judged something and found nothing wrong.
    Held,
    /// It judged nothing.
    Vacuous,
    /// It found something wrong.
    Violated,
}

/// What the scenario expects of a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// No seed violates it.
    Held,
    /// At least one seed violates it.
    Violated,
    /// Either is fine.
    MayViolate,
}

/// Why a verdict is not `met`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reason {
    /// The expectation: a property, `duplicate_rate` or another measure, `witness.isr_shrunk`,
    /// `faults[2]`; `run` for what is wrong with the run itself.
    pub expectation: String,
    /// How bad this one is.
    pub verdict: Verdict,
    /// In one sentence.
    pub text: String,
}

impl From<Found> for Judgement {
    fn from(found: Found) -> Self {
        match found {
            Found::Held => Self::Held,
            Found::Vacuous => Self::Vacuous,
            Found::Violated => Self::Violated,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Met => "met",
            Self::Inconclusive => "inconclusive",
            Self::Violated => "violated",
            Self::Nondeterministic => "nondeterministic",
            Self::Crashed => "crashed",
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Held => "held",
            Self::Violated => "violated",
            Self::MayViolate => "may-violate",
        })
    }
}
