//! A consumer group in the header of a history.

use super::Mistake;
use crate::context::{ConsumingContext, GroupPart, OutputContext};
use ackproof_types::{
    Awaits, CommitOffset, Covers, GroupId, MemoryIn, OnRecordFailure, SinkConfig, TopicId,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A consumer group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// What it subscribes to.
    pub(super) topics: Vec<String>,
    /// How it commits, in a word: `sync-after-batch`, `auto`, ….
    #[serde(default = "unknown")]
    pub(super) commit: String,
    #[serde(rename = "auto.offset.reset", default = "latest")]
    pub(super) reset: String,
    /// `classic`, `consumer`, or another word where its members follow different ones.
    #[serde(rename = "group.protocol", default = "classic", skip_serializing_if = "is_classic")]
    pub(super) protocol: String,
    /// All its commits are on record, and each is due within this time after the work: with `auto`,
    /// `auto.commit.interval.ms`. Left out: commits may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit_within_ms: Option<u32>,
    /// With workers, what a commit covers. Left out: the poll loop processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["positions", "highest-done", "contiguous"]))]
    pub(super) covers: Option<String>,
    /// It commits once so many records are finished, so the last ones may stay uncommitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) commit_every_records: Option<u32>,
    /// Which offset it commits for the last record that it finished.
    #[serde(default = "next", skip_serializing_if = "is_next")]
    #[schemars(extend("enum" = ["next", "last", "beyond"]))]
    pub(super) commit_offset: String,
    /// What it does with a record whose attempts have all failed.
    #[serde(default = "dead_letter", skip_serializing_if = "is_dead_letter")]
    #[schemars(extend("enum" = ["dead-letter", "skip", "seek-back", "drop-poll", "throw"]))]
    pub(super) on_failure: String,
    /// Where it sends what it makes of each record that it has processed; left out: `derived` judges nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) produces: Option<Output>,
    /// Where it sends records that it puts aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dead_letter: Option<Output>,
    /// It is a mirror: what it produces are copies of what it reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) mirror: bool,
    /// Its members are programs of which only the wire shows what they do: they may go at any time, and their commits
    /// say what they have processed, unless it is `told`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) outside: bool,
    /// What such a group was done with is on record as it said so itself; `commit-behind-processing` is judged then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) told: bool,
    /// The group of another cluster that it stands for: that one's application comes here (`group_moved`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stands_for: Option<String>,
    /// What its members write to; left out: `sink_written` judges nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sink: Option<Sink>,
}

/// What a group sends on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    /// The topic.
    to: String,
    /// Whether it waits for the acknowledgements: `before-commit`, or `never`.
    #[serde(default = "before_commit")]
    #[schemars(extend("enum" = ["before-commit", "never"]))]
    wait: String,
}

impl Output {
    pub(super) fn new(output: OutputContext, to: String) -> Self {
        Self { to, wait: output.awaits.name().to_owned() }
    }
}

fn before_commit() -> String {
    Awaits::BeforeCommit.name().to_owned()
}

pub(super) fn output(
    shown: &Option<Output>,
    topic: &impl Fn(&str, String) -> Result<TopicId, Mistake>,
    place: &str,
) -> Result<Option<OutputContext>, Mistake> {
    let Some(Output { to, wait }) = shown else { return Ok(None) };
    let unknown = || (format!("{place}.wait: {wait:?} is none of those in the schema"), None);
    let awaits = Awaits::by_name(wait).ok_or_else(unknown)?;
    Ok(Some(OutputContext { topic: topic(to, format!("{place}.to"))?, awaits }))
}

/// The sink of a group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sink {
    /// How a record changes it: `append`, `once-per-record`, `once-per-offset`, `upsert`, `upsert-if-newer`.
    writes: String,
    /// How many of the last records it recognises; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<u32>,
    /// Where it keeps them: `sink`, or `member`, whose process forgets them when it ends.
    #[serde(default = "in_sink")]
    memory_in: String,
}

fn in_sink() -> String {
    MemoryIn::Sink.name().to_owned()
}

impl From<SinkConfig> for Sink {
    fn from(config: SinkConfig) -> Self {
        Self {
            writes: config.writes.name().to_owned(),
            memory: config.memory,
            memory_in: config.memory_in.name().to_owned(),
        }
    }
}

impl TryFrom<Sink> for SinkConfig {
    type Error = String;

    fn try_from(sink: Sink) -> Result<Self, String> {
        let Sink { writes, memory, memory_in } = sink;
        Ok(Self { writes: writes.parse()?, memory, memory_in: memory_in.parse()? })
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}
fn latest() -> String {
    "latest".to_owned()
}
fn classic() -> String {
    "classic".to_owned()
}
fn is_classic(protocol: &str) -> bool {
    protocol == "classic"
}
fn next() -> String {
    CommitOffset::Next.name().to_owned()
}
fn is_next(word: &str) -> bool {
    word == CommitOffset::Next.name()
}
fn dead_letter() -> String {
    OnRecordFailure::DeadLetter.name().to_owned()
}
fn is_dead_letter(word: &str) -> bool {
    word == OnRecordFailure::DeadLetter.name()
}

pub(super) fn consuming(name: &str, group: &Group) -> Result<ConsumingContext, Mistake> {
    let unknown = |key: &str, word: &str| {
        (format!("groups.{name}.{key}: {word:?} is none of those in the schema"), None)
    };
    let (offset, failure) = (&group.commit_offset, &group.on_failure);
    let covers = group.covers.as_ref();
    let covers =
        covers.map(|word| Covers::by_name(word).ok_or_else(|| unknown("covers", word))).transpose();
    Ok(ConsumingContext {
        covers: covers?,
        commit_every: group.commit_every_records,
        commit_offset: CommitOffset::by_name(offset)
            .ok_or_else(|| unknown("commit_offset", offset))?,
        on_failure: OnRecordFailure::by_name(failure)
            .ok_or_else(|| unknown("on_failure", failure))?,
    })
}

/// What the group of this header is among those of these names.
pub(super) fn part(names: &[String], name: &str, shown: &Group) -> Result<GroupPart, Mistake> {
    let Some(other) = &shown.stands_for else {
        return match (shown.mirror, shown.outside) {
            (true, true) => Err((format!("groups.{name}: a mirror is not outside"), None)),
            (true, false) => Ok(GroupPart::Mirror),
            (false, true) => Ok(GroupPart::Outside { told: shown.told }),
            (false, false) => Ok(GroupPart::Application),
        };
    };
    if shown.mirror {
        return Err((format!("groups.{name}: a mirror stands for no group"), None));
    }
    let found = names.iter().position(|known| known == other);
    let id = found.and_then(|place| u16::try_from(place).ok()).map(GroupId);
    let unknown = || (format!("groups.{name}.stands_for: no group {other:?} in this header"), None);
    id.map(GroupPart::StandsFor).ok_or_else(unknown)
}
