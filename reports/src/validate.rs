//! The model held against the real thing, as data: what real runs of a scenario came to, what simulated
//! ones did, and whether the two agree. The fields and their order are those of `validate --format json`.

use crate::sweep::{Interval, SeedRange};
use crate::verdict::Judgement;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Scenarios that ran for real and in simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ValidateReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The seeds that were simulated of each scenario.
    pub seeds: SeedRange,
    /// It was stopped; fewer seeds than that ran.
    pub interrupted: bool,
    /// The worst of the scenarios and of the two tests of their figures.
    pub agreement: Agreement,
    /// Numbers of records, of all scenarios together.
    pub counts: FigureTest,
    /// Lengths of time, of all scenarios together.
    pub times: FigureTest,
    /// One by one.
    pub scenarios: Vec<Validated>,
    /// Files and folders beside the histories that belong to no scenario, which were left out.
    pub left_out: Vec<LeftOut>,
    /// The command that shows it again.
    pub reproduce: String,
}

/// Whether more real values lie outside of their ranges than chance leaves there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FigureTest {
    /// Real values that were tested.
    pub compared: u64,
    /// How many of them lie outside.
    pub outside: u64,
    /// Values of figures that are known to differ: not tested.
    pub known: u64,
    /// How probable so many outside are, or more, if each is with 5 % (binomial); null: nothing was tested.
    pub probability: Option<f64>,
    /// `differs` below a probability of one in a thousand.
    pub agreement: Agreement,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftOut {
    /// Where it is.
    pub file: String,
    /// Why it is none.
    pub why: String,
}

/// Whether two sides agree; the later outweighs the earlier.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// They do.
    Agrees,
    /// One of them says nothing.
    NotCompared,
    /// They do not.
    Differs,
}

/// A scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Validated {
    /// Its name.
    pub scenario: String,
    /// What it is about.
    pub about: String,
    /// Its file, as the user named it.
    pub file: String,
    /// `differs`: a property does. `not-compared`: nothing was. Figures are tested together, over all scenarios.
    pub agreement: Agreement,
    /// The histories of real runs; every list of real values is in this order.
    pub histories: Vec<String>,
    /// Simulated runs that came to an end.
    pub runs: u64,
    /// Simulated runs in which ackproof itself failed, or that a bound ended.
    pub failed: u64,
    /// Properties, in a fixed order.
    pub properties: Vec<PropertyMatch>,
    /// Figures, of records first, then of each group.
    pub figures: Vec<Figure>,
}

/// A property on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PropertyMatch {
    /// Its name.
    pub name: String,
    /// They differ if an outcome as far off as the real one has a probability below 2.5 %, under any rate
    /// of the interval.
    pub agreement: Agreement,
    /// What each real run concludes.
    pub real: Vec<Judgement>,
    /// Why real runs judged nothing, or not everything.
    pub unjudged: Vec<String>,
    /// Simulated runs that violate it.
    pub violated: u64,
    /// Simulated runs in which it holds.
    pub held: u64,
    /// Simulated runs in which it had nothing to judge.
    pub vacuous: u64,
    /// How probable a violation is in simulation, where it judges, at 95 % (Clopper and Pearson).
    pub rate: Option<Interval>,
    /// How probable an outcome as far off as the real one is, under the rate that fits it best; null: not
    /// compared.
    pub probability: Option<f64>,
}

/// A figure on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// `acked`, `ack_latency.p50`, `longest_failover`, ….
    pub name: String,
    /// The group, where one is concerned.
    pub group: Option<String>,
    /// What it is in.
    pub unit: FigureUnit,
    /// Of each real run; null: its history does not tell, or there was nothing to measure.
    pub real: Vec<Option<f64>>,
    /// Where each lies; null where the figure is missing on either side.
    pub places: Vec<Option<Place>>,
    /// The simulated runs; null: none measured it.
    pub simulated: Option<Spread>,
    /// Why it is known to differ; null: it is not.
    pub known: Option<String>,
}

/// What a figure is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FigureUnit {
    /// A number of records.
    Count,
    /// A length of time.
    Milliseconds,
}

/// How simulated runs spread: quantiles of the runs themselves, the outer ones rounded outward.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Runs that measured it.
    pub runs: u64,
    /// 2.5 % of runs lie below.
    pub low: f64,
    /// The one in the middle; of an even number the lower.
    pub median: f64,
    /// 2.5 % of runs lie above.
    pub high: f64,
}

/// Where a real value lies; a time is known to a millisecond, and may lie as far beyond an end of the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Below the range of 95 %.
    Below,
    /// In it, both ends included.
    Inside,
    /// Above it.
    Above,
}

/// How many real values lie where, over all figures of a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// In their range.
    pub inside: u64,
    /// Below or above it.
    pub outside: u64,
    /// Not compared.
    pub missing: u64,
}

impl Validated {
    /// How many real values lie where.
    #[must_use]
    pub fn places(&self) -> Places {
        let mut places = Places::default();
        for place in self.figures.iter().flat_map(|figure| &figure.places) {
            match place {
                Some(Place::Inside) => places.inside += 1,
                Some(Place::Below | Place::Above) => places.outside += 1,
                None => places.missing += 1,
            }
        }
        places
    }
}
