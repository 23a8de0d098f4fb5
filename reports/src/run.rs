//! One run as data. The fields and their order are those of `--format json`.

use crate::alerts::AlertReport;
use crate::capacity::CapacityReport;
use crate::contract::{Contract, NotModelled};
use crate::kafka::KafkaReport;
use crate::moved::MovedReport;
use crate::outputs::OutputReport;
use crate::sink::SinkReport;
use crate::timing::Timing;
use crate::verdict::{Expected, Judgement, Reason, Verdict};
use ackproof_oracle::cause::{DuplicateCause, LossCause, OrderCause, SendCause};
use ackproof_oracle::pace::Pace;
use ackproof_oracle::verdict as oracle;
use ackproof_types::RebalanceReason;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one seed of a scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunReport {
    /// [`crate::SCHEMA`].
    pub schema: u32,
    /// The scenario's name.
    pub scenario: String,
    /// Its file, as the user named it.
    pub file: String,
    /// The seed.
    pub seed: u64,
    /// What `--swarm` drew, path and value as `--set` takes them; absent without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub swarm: Vec<(String, String)>,
    /// Over every entry and delivery: 32 hexadecimal digits. Equal digests are equal runs.
    pub digest: String,
    /// Against what the scenario expects.
    pub verdict: Verdict,
    /// Every property, in a fixed order.
    pub properties: Vec<PropertyReport>,
    /// Which Kafka the models followed.
    pub kafka: KafkaReport,
    /// What the network's kernel does; absent: no fault of the scenario cuts a link or loses packets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<NetworkReport>,
    /// What brokers could do; absent: requests took no time. The verdict rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacityReport>,
    /// Counts of records.
    pub records: Records,
    /// Counts of each group, in the order of the scenario.
    pub groups: Vec<GroupReport>,
    /// The faults as they were carried out.
    pub faults: Vec<FaultReport>,
    /// How often each witness occurred; every known name is present.
    pub witnesses: BTreeMap<String, u64>,
    /// The run's length in simulated time.
    pub simulated_ms: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Entries of the history.
    pub entries: u64,
    /// Why the verdict is not `met`; empty if it is.
    pub reasons: Vec<Reason>,
    /// The run at a glance.
    pub timeline: Vec<Moment>,
    /// Moments that the timeline leaves out; a moment says how many are missing before it.
    pub timeline_omitted: u64,
    /// The command that shows this run again.
    pub reproduce: String,
    /// Settings that have no effect here, and what they could break on a real cluster.
    pub not_modelled: Vec<NotModelled>,
    /// Why records were lost, skipped or there more than once.
    pub causes: Vec<CauseReport>,
    /// What settings allowed to be lost, skipped or violated, or what was expected to be: part of the headline.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What the configuration promises, if the scenario says nothing of what it expects.
    pub contract: Option<Contract>,
    /// How fast records got through.
    pub timing: Timing,
    /// What alert rules would have been good for; absent: nobody asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<AlertReport>,
    /// Where `timing` comes from.
    #[serde(skip)]
    pub pace: Pace,
}

/// What the kernel does with what is lost, where versions of it differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkReport {
    /// Linux's `net.ipv4.tcp_syn_linear_timeouts`: 4 since Linux 6.5, 0 as before.
    pub syn_linear_timeouts: u16,
    /// A SYN that is lost is sent again so many seconds after the first, up to 15 s.
    pub syn_again_after_s: Vec<u64>,
}

/// What a property concludes from one run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropertyReport {
    /// Its name.
    pub name: String,
    /// Its conclusion.
    pub verdict: Judgement,
    /// What the scenario expects.
    pub expected: Expected,
    /// How many facts it judged.
    pub witnesses: u64,
    /// The first of what is wrong.
    pub violations: Vec<Violation>,
    /// How much is wrong in all.
    pub violation_count: u64,
    /// When the earliest cause of it took effect, long before it was proved perhaps; absent: nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_ms: Option<u64>,
    /// How much of it each cause explains, where causes are known.
    pub causes: Vec<PropertyCause>,
    /// The causes by which it may be violated, if not by any.
    pub allowed: Vec<String>,
    /// Why it comes to no conclusion although it judged something; absent: it does, or it judged nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Undecided>,
}

/// Why a property that judged something comes to no conclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Undecided {
    /// In one sentence.
    pub why: String,
    /// The length of a settle phase that would probably decide it; null: none is known.
    pub settle_ms: Option<u64>,
}

/// A cause of a property's violations.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PropertyCause {
    /// Its stable name.
    pub cause: String,
    /// What it means, with the setting responsible.
    pub about: String,
    /// Violations it explains.
    pub count: u64,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Violation {
    /// The entry of the history that proves it.
    pub seq: u64,
    /// When that was.
    pub at_ms: u64,
    /// What, in one sentence.
    pub summary: String,
    /// How it came about, a step a line.
    pub story: Vec<String>,
}

/// Counts of records, each record once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Records {
    /// Sent.
    pub sent: u64,
    #[doc = "Of those, copies that mirrors made."]
    pub copies: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Certainly failed.
    pub failed: u64,
    /// Without a certain outcome.
    pub unknown: u64,
    /// Acknowledged, and in no log at the end.
    pub lost: u64,
    /// Acknowledged at another offset than where they are in a log at the end: not lost.
    pub displaced: u64,
    /// Of the unknown ones: in no log at the end. Nothing was promised for them.
    pub unknown_absent: u64,
    /// Copies beyond the first in the final logs.
    pub log_duplicates: u64,
    /// First copies in the final logs behind a record that their producer sent later.
    pub reordered: u64,
    /// Of the failed and the unknown ones: their application was told, and did not send them again.
    #[serde(default)]
    pub dropped: u64,
    /// Handed to `send` again by their application, which had not restarted.
    #[serde(default)]
    pub sent_again: u64,
    /// Without an outcome when their producer's process ended: in its buffer, or under way. Ends are added up.
    pub open_at_end: u64,
    /// What became of records behind an expired batch.
    pub behind_expired: BehindExpired,
}

/// What became of later records of an idempotent producer when a batch of their partition used up
/// `delivery.timeout.ms`: of those that were sent by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BehindExpired {
    /// Batches that expired.
    pub batches: u64,
    /// Later records that were acknowledged.
    pub acked: u64,
    /// Later records that were not.
    pub failed: u64,
    /// How often the producer raised its epoch after that.
    pub epochs_raised: u64,
}

/// Counts of a group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GroupReport {
    /// Its name.
    pub group: String,
    /// Records that `poll` returned.
    pub delivered: u64,
    /// Records processed, dead-lettered ones included.
    pub processed: u64,
    /// Of those, put aside after too many failures.
    pub dead_lettered: u64,
    /// Distinct ones among them.
    pub distinct: u64,
    /// Processed again.
    pub duplicates: u64,
    /// `duplicates` per distinct record.
    pub duplicate_rate: f64,
    /// In the final logs, and passed over without being processed.
    pub skipped: u64,
    /// In the final logs, and not come to when the run ended.
    pub backlog: u64,
    /// Rebalances by what began them: `joined`, `left`, `session-expired`, `poll-interval-exceeded`,
    /// `metadata`, `assignment-not-stored`, or `not-on-record`.
    pub rebalances: BTreeMap<String, u64>,
    /// What came to its sink; absent: the scenario gives it none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<SinkReport>,
    /// What it made of records; absent: it sends nothing on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outputs: Option<OutputReport>,
    /// How it went over to another cluster; absent: it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<MovedReport>,
    /// Commits that the coordinator, or the client itself, refused, by Kafka's error: `REBALANCE_IN_PROGRESS`,
    /// `ILLEGAL_GENERATION`, `UNKNOWN_MEMBER_ID`.
    pub refused_commits: BTreeMap<String, u64>,
    /// When each duplicate of a single run was processed, in microseconds, and the name of its cause.
    #[serde(skip)]
    pub again: Vec<(u64, &'static str)>,
}

/// Why something happened to records, and to how many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CauseReport {
    /// What happened to them.
    pub what: Fate,
    /// To whom, where a group is concerned.
    pub group: Option<String>,
    /// The cause's stable name.
    pub cause: String,
    /// How many records, or copies of them.
    pub count: u64,
    /// What the cause means, with the setting responsible.
    pub about: String,
    /// How the first record that was processed again came to be, a step a line; empty unless the run was
    /// told alone.
    #[serde(default)]
    pub story: Vec<String>,
}

/// What can happen to a record, or to a commit.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Acknowledged, and in no log at the end.
    Lost,
    /// Without a certain outcome, and in no log at the end.
    UnknownAbsent,
    /// Failed for certain.
    Failed,
    /// Without a certain outcome.
    Unknown,
    /// In a log behind one that its producer sent later.
    Reordered,
    /// In a log more than once.
    LogDuplicate,
    /// Never processed by a group.
    Skipped,
    /// Processed by a group more than once.
    Duplicate,
    /// A commit of a group: acknowledged, and not found again.
    LostCommit,
    /// Not in the sink of a group as it should be.
    Sink,
    /// Processed and committed, and nothing is left of what a group made of it.
    OutputLost,
    /// Made by a group, and in the logs more than once.
    OutputDuplicate,
}

/// A fault as it was carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FaultReport {
    /// When it began.
    pub at_ms: u64,
    /// How long it was to last; null: until the load ended, or it is over at once.
    pub for_ms: Option<u64>,
    /// What: `crash`, `isolate`, ….
    pub kind: String,
    /// The process it hit; null: nobody fitted, and nothing was done.
    pub target: Option<String>,
    /// The rule that chose the target, if the scenario gave no name.
    pub resolved_from: Option<String>,
    /// The moment at which it struck, or for which it waited in vain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moment: Option<String>,
    /// In one sentence.
    pub text: String,
    /// The entry of the scenario's `faults` it comes from, counted from 0.
    pub entry: u64,
}

/// Something on the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// When.
    pub at_ms: u64,
    /// What, in a few words.
    pub text: String,
}

impl PropertyReport {
    /// What the oracle found, beside what was expected.
    #[must_use]
    pub fn new(result: &oracle::PropertyResult, expected: Expected, allowed: Vec<String>) -> Self {
        let mut counts: BTreeMap<LossCause, u64> = BTreeMap::new();
        for ((_, cause), count) in &result.causes {
            *counts.entry(*cause).or_default() += count;
        }
        let causes = counts.into_iter().map(|(cause, count)| PropertyCause {
            cause: cause.name().to_owned(),
            about: cause.about().to_owned(),
            count,
        });
        Self {
            name: result.name.to_owned(),
            verdict: result.judgement.into(),
            expected,
            witnesses: result.witnesses,
            violations: result.violations.iter().map(Violation::from).collect(),
            violation_count: result.violation_count,
            since_ms: result.since.map(ackproof_types::Timestamp::as_millis),
            causes: causes.collect(),
            allowed,
            undecided: result.undecided.as_ref().map(|one| Undecided {
                why: one.why.clone(),
                settle_ms: one.settle.map(ackproof_types::Micros::as_millis),
            }),
        }
    }
}

impl From<&oracle::Violation> for Violation {
    fn from(found: &oracle::Violation) -> Self {
        Self {
            seq: found.seq,
            at_ms: found.at.as_millis(),
            summary: found.summary.clone(),
            story: found.story.clone(),
        }
    }
}

impl From<&oracle::RecordCounts> for Records {
    fn from(counts: &oracle::RecordCounts) -> Self {
        Self {
            sent: counts.sent,
            copies: counts.copies,
            acked: counts.acked,
            failed: counts.failed,
            unknown: counts.unknown,
            lost: counts.lost,
            displaced: counts.displaced,
            unknown_absent: counts.unknown_absent,
            log_duplicates: counts.log_duplicates,
            reordered: counts.reordered,
            dropped: counts.dropped,
            sent_again: counts.sent_again,
            open_at_end: counts.open_at_end,
            behind_expired: counts.behind_expired.into(),
        }
    }
}

impl From<oracle::BehindExpired> for BehindExpired {
    fn from(counts: oracle::BehindExpired) -> Self {
        let oracle::BehindExpired { batches, acked, failed, epochs_raised } = counts;
        Self { batches, acked, failed, epochs_raised }
    }
}

impl From<&oracle::GroupCounts> for GroupReport {
    fn from(counts: &oracle::GroupCounts) -> Self {
        let rebalances = counts.rebalances.iter().map(|(reason, count)| {
            let name = reason.map_or("not-on-record", RebalanceReason::name);
            (name.to_owned(), *count)
        });
        let refused = counts.refused_commits.iter();
        let refused = refused.map(|(error, count)| (error.name().to_owned(), *count));
        Self {
            group: counts.group.clone(),
            delivered: counts.delivered,
            processed: counts.processed,
            dead_lettered: counts.dead_lettered,
            distinct: counts.distinct,
            duplicates: counts.duplicates,
            duplicate_rate: counts.duplicate_rate(),
            skipped: counts.skipped,
            backlog: counts.backlog,
            rebalances: rebalances.collect(),
            refused_commits: refused.collect(),
            sink: counts.sink.as_ref().map(SinkReport::from),
            outputs: counts.outputs.as_ref().map(OutputReport::from),
            moved: counts.moved.as_ref().map(MovedReport::from),
            again: counts.again.iter().map(|(at, cause)| (at.as_micros(), cause.name())).collect(),
        }
    }
}

impl CauseReport {
    /// All causes that the oracle found, of records first, then of each group.
    #[must_use]
    pub fn all(findings: &oracle::Findings) -> Vec<Self> {
        let records = &findings.records;
        let mut causes = Self::losses(Fate::Lost, None, &records.loss_causes);
        causes.extend(Self::sends(Fate::UnknownAbsent, &records.absent_causes));
        causes.extend(Self::sends(Fate::Failed, &records.failure_causes));
        causes.extend(Self::sends(Fate::Unknown, &records.unknown_causes));
        let order = records.reorder_causes.iter();
        causes.extend(order.map(|(cause, count): (&OrderCause, _)| {
            Self::new(Fate::Reordered, None, (cause.name(), cause.about(), *count))
        }));
        causes.extend(Self::copies(Fate::LogDuplicate, None, &records.log_duplicate_causes));
        for group in &findings.groups {
            let name = Some(group.group.as_str());
            causes.extend(Self::losses(Fate::LostCommit, name, &group.commit_loss_causes));
            causes.extend(Self::losses(Fate::Skipped, name, &group.skip_causes));
            let wrong = group.sink.iter().flat_map(|sink| &sink.causes);
            causes.extend(wrong.map(|(cause, count)| {
                Self::new(Fate::Sink, name, (cause.name(), cause.about(), *count))
            }));
            if let Some(outputs) = &group.outputs {
                causes.extend(Self::losses(Fate::OutputLost, name, &outputs.loss_causes));
                causes.extend(outputs.duplicate_causes.iter().map(|(cause, count)| {
                    Self::new(Fate::OutputDuplicate, name, (cause.name(), cause.about(), *count))
                }));
            }
            for mut cause in Self::copies(Fate::Duplicate, name, &group.duplicate_causes) {
                let mut firsts = group.first_duplicates.iter();
                if let Some((_, first)) = firsts.find(|(of, _)| of.name() == cause.cause) {
                    cause.story.clone_from(&first.story);
                }
                causes.push(cause);
            }
        }
        causes
    }

    fn losses(what: Fate, group: Option<&str>, of: &BTreeMap<LossCause, u64>) -> Vec<Self> {
        let named = of.iter().map(|(cause, count)| (cause.name(), cause.about(), *count));
        named.map(|cause| Self::new(what, group, cause)).collect()
    }

    fn copies(what: Fate, group: Option<&str>, of: &BTreeMap<DuplicateCause, u64>) -> Vec<Self> {
        let named = of.iter().map(|(cause, count)| (cause.name(), cause.about(), *count));
        named.map(|cause| Self::new(what, group, cause)).collect()
    }

    fn sends(what: Fate, of: &BTreeMap<SendCause, u64>) -> Vec<Self> {
        let named = of.iter().map(|(cause, count)| (cause.name(), cause.about(), *count));
        named.map(|(name, about, count)| Self::new(what, None, (name, &about, count))).collect()
    }

    fn new(what: Fate, group: Option<&str>, (cause, about, count): (&str, &str, u64)) -> Self {
        let (group, story) = (group.map(str::to_owned), Vec::new());
        Self { what, group, cause: cause.to_owned(), count, about: about.to_owned(), story }
    }
}

impl From<&oracle::TimelineItem> for Moment {
    fn from(item: &oracle::TimelineItem) -> Self {
        Self { at_ms: item.at.as_millis(), text: item.text.clone() }
    }
}
