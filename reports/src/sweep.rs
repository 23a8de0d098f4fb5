//! A sweep as data: every scenario with what its seeds came to, in sums and lists that can be added up
//! over parts of a sweep. It keeps no run; a seed is the run.

use crate::alerts::AlertSweep;
use crate::capacity::CapacityReport;
use crate::contract::{Contract, NotModelled};
use crate::kafka::KafkaReport;
use crate::measure::MeasureSweep;
use crate::run::{Fate, GroupReport, NetworkReport, Records, Undecided, Violation};
use crate::verdict::{Expected, Judgement, Reason, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What scenarios × seeds came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The version of ackproof that ran it.
    pub version: String,
    /// What was asked for.
    pub asked: Asked,
    /// The worst of the scenarios.
    pub verdict: Verdict,
    /// It was stopped; the scenarios hold what was done by then.
    pub interrupted: bool,
    /// The first run that failed, if no more were to be begun after it.
    pub stopped_by: Option<RunName>,
    /// In the order in which they were named.
    pub scenarios: Vec<ScenarioReport>,
    /// The command that shows the worst of it again.
    pub reproduce: String,
}

/// What was asked for; the parts of one sweep differ in nothing but `part`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Asked {
    /// Files and directories, as they were named.
    pub paths: Vec<String>,
    /// Overridden values: path and value, in their order.
    pub sets: Vec<(String, String)>,
    /// Seeds of each scenario.
    pub seeds: SeedRange,
    /// The budget of wall time.
    pub budget_ms: Option<u64>,
    /// Whether no run was to be begun after one that failed.
    pub fail_fast: bool,
    /// Whether each seed drew its own settings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub swarm: bool,
    /// Whether every seed was run twice.
    pub check_determinism: bool,
    /// The file of alert rules that was evaluated over every run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<String>,
    /// Which part of the runs; null: all.
    pub part: Option<Part>,
}

/// Seeds in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedRange {
    /// The first.
    pub from: u64,
    /// One past the last; null: as many as the budget of time allows.
    pub to: Option<u64>,
}

/// A part of a sweep's runs; the parts from 1 to `of` are all of them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Part {
    /// Which one, from 1.
    pub index: u64,
    /// Of how many.
    pub of: u64,
}

/// A run of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunName {
    /// Its scenario's file.
    pub file: String,
    /// Its seed.
    pub seed: u64,
}

/// What the seeds of one scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioReport {
    /// Its name.
    pub scenario: String,
    /// Its file, as the user named it.
    pub file: String,
    /// Of what the file means with the overridden values: 32 hexadecimal digits. Equal digests are equal
    /// scenarios.
    pub plan: String,
    /// Lines of the file on which expectations stand, by their names, and that of `name`.
    pub lines: BTreeMap<String, u64>,
    /// Against what the scenario expects of its seeds together.
    pub verdict: Verdict,
    /// Why the verdict is not `met`; empty if it is.
    pub reasons: Vec<Reason>,
    /// Which seeds, and how many of them came to what.
    pub seeds: Seeds,
    /// Of the digests of all runs, in any order: 32 hexadecimal digits.
    pub digest: String,
    /// Every property, in a fixed order; empty if no run came to an end.
    pub properties: Vec<PropertySweep>,
    /// What the properties that no seed violates say of all seeds; null if none held.
    pub claim: Option<Claim>,
    /// What was measured, with intervals.
    pub measures: Vec<MeasureSweep>,
    /// What settings allowed to be lost, skipped or violated, or what was expected to be: part of the headline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Settings that have no effect here, and what they could break on a real cluster.
    pub not_modelled: Vec<NotModelled>,
    /// What the configuration promises, if the scenario says nothing of what it expects.
    pub contract: Option<Contract>,
    /// Why records failed, were lost, skipped or there more than once, over the seeds.
    pub causes: Vec<FateSweep>,
    /// The limits that the scenario sets.
    pub limits: Vec<LimitSweep>,
    /// The witnesses that the scenario demands.
    pub demands: Vec<DemandSweep>,
    /// The entries of the scenario's `faults`, in its order.
    pub faults: Vec<FaultSweep>,
    /// How often each witness occurred, and in how many seeds.
    pub witnesses: BTreeMap<String, WitnessSweep>,
    /// Which Kafka the models followed.
    pub kafka: KafkaReport,
    /// What the network's kernel does; absent: no fault of the scenario cuts a link or loses packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkReport>,
    /// What brokers could do; absent: requests took no time. The verdict rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityReport>,
    /// What alert rules would have been good for; absent: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertSweep>,
    /// Sums over the seeds.
    pub records: Records,
    /// Sums over the seeds; the rate is that of the sums.
    pub groups: Vec<GroupReport>,
    /// Runs in which ackproof itself failed.
    pub crashed: Vec<Incident>,
    /// Runs that a bound ended: on wall time, or on events while simulated time stands still.
    pub bounded: Vec<Incident>,
    /// Seeds that gave two different runs.
    pub nondeterministic: Vec<Incident>,
    /// Sum over the seeds.
    pub simulated_ms: u64,
    /// Sum over the seeds.
    pub messages: u64,
    /// Sum over the seeds.
    pub entries: u64,
    /// The command that shows the worst of it again.
    pub reproduce: String,
}

/// Seeds of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Seeds {
    /// The first.
    pub from: u64,
    /// One past the last.
    pub to: u64,
    /// How many were run.
    pub run: u64,
    /// How many runs met their expectations.
    pub met: u64,
    /// How many did not show enough.
    pub inconclusive: u64,
    /// Runs that violate an expectation, ascending.
    pub violated: Vec<u64>,
}

/// A property over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PropertySweep {
    /// Its name.
    pub name: String,
    /// Violated by some seed; else held by some; else vacuous.
    pub verdict: Judgement,
    /// What the scenario expects.
    pub expected: Expected,
    /// Whether the scenario is such that it should judge something; else having judged nothing is fine.
    pub demanded: bool,
    /// Seeds in which it judged something.
    pub judged: u64,
    /// Facts it judged.
    pub witnesses: u64,
    /// Seeds that violate it, ascending.
    pub violated: Vec<u64>,
    /// The share of seeds that violate it among those that judge it, at 95 % (Clopper–Pearson); null
    /// if none judged it. Without a violation all of the error is on the upper bound.
    pub rate: Option<Interval>,
    /// What is wrong in the first of them.
    pub first: Option<Violation>,
    /// The same seeds by the causes of what is wrong, where causes are known.
    pub causes: Vec<CauseSweep>,
    /// The causes by which it may be violated, if not by any.
    pub allowed: Vec<String>,
    /// Seeds that violate it by anything else, ascending.
    pub worse: Vec<u64>,
    /// Seeds in which it judged something and came to no conclusion, ascending.
    #[serde(default)]
    pub undecided: Vec<u64>,
    /// Why, in the first of them, and the longest settle phase that would probably decide one.
    #[serde(default)]
    pub why_undecided: Option<Undecided>,
}

/// A cause of violations over the seeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseSweep {
    /// Its stable name.
    pub cause: String,
    /// What it means, with the setting responsible.
    pub about: String,
    /// Violations it explains.
    pub count: u64,
    /// Seeds in which it does, ascending.
    pub seeds: Vec<u64>,
}

/// Why something happened to records over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FateSweep {
    /// What happened to them.
    pub what: Fate,
    /// To whom, where a group is concerned.
    pub group: Option<String>,
    /// The cause's stable name.
    pub cause: String,
    /// What the cause means, with the setting responsible.
    pub about: String,
    /// How many records, or copies of them.
    pub count: u64,
    /// In how many seeds.
    pub seeds: u64,
    /// The sum of the squares of each seed's count.
    pub squares: u128,
    /// The sum of each seed's count times the records that the rate is a part of.
    pub products: u128,
    /// `count` per record sent, processed by the group, or written for it; absent: there is no such number.
    pub rate: Option<f64>,
    /// Its interval at 95 %; absent: too few seeds.
    pub interval: Option<Interval>,
}

/// A closed interval of shares, each from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What clean seeds say of all seeds, at 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Each property that no seed violates is violated by less than this share of all seeds.
    pub below: f64,
    /// A stronger claim: the next power of ten.
    pub stronger: f64,
    /// So many seeds without a violation, these included, would support it.
    pub seeds: u64,
}

/// A limit over the seeds: on a rate or a latency it is tested on the interval among `measures`, on
/// anything else in every run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitSweep {
    /// `duplicate_rate`, `lost`, ….
    pub measure: String,
    /// At least.
    pub min: Option<f64>,
    /// At most.
    pub max: Option<f64>,
    /// The lowest value of a seed; null before the first.
    pub lowest: Option<f64>,
    /// The highest.
    pub highest: Option<f64>,
    /// Seeds outside, ascending.
    pub outside: Vec<u64>,
    /// Of a limit on stalls: what stood in the way, as far as it is on record, and in how many seeds outside.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub because: BTreeMap<String, u64>,
}

/// A witness that the scenario demands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DemandSweep {
    /// Its name.
    pub witness: String,
    /// How often it must occur in a run.
    pub least: u64,
    /// Seeds in which it did.
    pub reached: u64,
    /// The most of any seed.
    pub most: u64,
}

/// An entry of `faults` over the seeds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultSweep {
    /// Times it struck.
    pub struck: u64,
    /// Times it found nobody to hit.
    pub idle: u64,
    /// The first time it found nobody, by seed, in a sentence.
    pub first_idle: Option<Incident>,
}

/// How often a witness occurred.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WitnessSweep {
    /// Over all seeds.
    pub total: u64,
    /// Seeds in which it occurred at all.
    pub seeds: u64,
}

/// Something about one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// The seed.
    pub seed: u64,
    /// What.
    pub text: String,
}
