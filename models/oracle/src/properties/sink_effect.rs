//! `sink-effect`: what a sink holds follows from what its group processed. With deduplication a record
//! takes effect once; with a row for each key, the row holds the last value that the group came to.
//!
//! Source: idempotent consumers as people build them on at-least-once delivery. A witness is a record that
//! took effect, or a row. It does *not* speak of records that the group never processed (`at-least-once`
//! does), nor of a sink that only appends: that one promises nothing more. Broken on purpose by
//! `footguns/sink-memory-too-small`.
//!
//! What cannot fool it. *A stale leader* and *a late message* may make a group process a record that is in
//! no log later: a row is held against the final read. *A restart* makes it process again, which is what
//! the sink is for.

use crate::cause::SinkCause;
use crate::context::Context;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::record_set::OffsetTable;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{
    GroupId, MemoryIn, NodeId, Offset, RecordId, RowKey, SinkConfig, SinkWrites, Timestamp,
    TopicId, TopicPartition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] =
    &[Kind::ProcessStarted, Kind::Sent, Kind::SinkWritten, Kind::FinalRead];

/// Where a record was read.
type Place = (TopicPartition, Offset);
/// A member in one of its lives.
type Life = (NodeId, u32);

#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    /// How often each process has started.
    lives: BTreeMap<NodeId, u32>,
    /// Of records that were sent with one. What a line shows of a record later does not have it.
    keys: BTreeMap<RecordId, u32>,
    /// By group; none: its sink promises nothing.
    sinks: Vec<Option<Sink>>,
    /// Some sink has a row for each key.
    has_rows: bool,
}

#[derive(Debug)]
enum Sink {
    Once(Once),
    Rows(Rows),
}

/// A sink that recognises records.
#[derive(Debug)]
struct Once {
    config: SinkConfig,
    /// What took effect, at each place that it was read at.
    done: BTreeMap<RecordId, Vec<Effect>>,
    /// Rows that were added, by whose memory they are in.
    rows: BTreeMap<Option<Life>, u64>,
    /// Not done, although its work was: where and when.
    refused: BTreeMap<RecordId, (u64, Timestamp, Place)>,
}

/// One effect of a record.
#[derive(Clone, Copy, Debug)]
struct Effect {
    place: Place,
    by: Life,
    /// Rows that were added to the same memory before.
    row: u64,
}

/// A sink with a row for each key.
#[derive(Debug, Default)]
struct Rows {
    rows: BTreeMap<(TopicId, RowKey), Row>,
    processed: Places<OffsetTable>,
    /// Of what the final logs hold: the last place of each key that the group came to, by partition.
    latest: BTreeMap<(TopicId, RowKey), BTreeMap<u16, (Offset, RecordId)>>,
    /// The record of this row is in the log where it was read.
    logged: BTreeMap<(TopicId, RowKey), bool>,
}

/// What was written last to a row.
#[derive(Clone, Copy, Debug)]
struct Row {
    record: RecordId,
    place: Place,
    written: (u64, Timestamp),
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        let sink = |config: SinkConfig| match config.writes {
            SinkWrites::Append => None,
            SinkWrites::OncePerRecord
            | SinkWrites::OncePerOffset
            | SinkWrites::WithPosition
            | SinkWrites::ThenPosition => Some(Sink::Once(Once {
                config,
                done: BTreeMap::new(),
                rows: BTreeMap::new(),
                refused: BTreeMap::new(),
            })),
            SinkWrites::Upsert | SinkWrites::UpsertIfNewer => Some(Sink::Rows(Rows::default())),
        };
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            lives: BTreeMap::new(),
            keys: BTreeMap::new(),
            sinks: context.groups.iter().map(|group| group.sink.and_then(sink)).collect(),
            has_rows: context
                .groups
                .iter()
                .any(|one| one.sink.is_some_and(|sink| sink.writes.by_key())),
        }
    }

    fn written(
        &mut self,
        entry: &Entry,
        (group, place): (GroupId, Place),
        record: RecordId,
        ignored: bool,
    ) {
        let by = (entry.node, self.lives.get(&entry.node).copied().unwrap_or(0));
        let Some(sink) = self.sinks.get_mut(group.index()).and_then(Option::as_mut) else { return };
        match sink {
            Sink::Once(once) if ignored => {
                if !once.done.contains_key(&record) {
                    once.refused.insert(record, (entry.seq, entry.at, place));
                }
            }
            Sink::Once(once) => {
                let Some((cause, why)) = once.take(by, place, record) else {
                    self.report.judged(1);
                    return;
                };
                let context = &self.context;
                self.report.sink((group, record), cause, (entry.seq, entry.at), || {
                    let (what, whose) =
                        (context.record(record), &context.groups[group.index()].name);
                    let (at, who) = (words(context, place), context.node(entry.node));
                    format!("{what} took effect in the sink of {whose} again, read at {at} by {who}: {why}")
                });
            }
            Sink::Rows(rows) => {
                let (partition, offset) = place;
                rows.processed.of(partition).enter(offset.0, record);
                if !ignored {
                    let row = Row { record, place, written: (entry.seq, entry.at) };
                    rows.rows.insert((partition.topic, key(&self.keys, record)), row);
                }
            }
        }
    }
}

/// The row of `record`.
fn key(keys: &BTreeMap<RecordId, u32>, record: RecordId) -> RowKey {
    keys.get(&record).map_or(RowKey::Record(record), |key| RowKey::Key(*key))
}

/// `payments-0@117`.
fn words(context: &Context, (partition, offset): Place) -> String {
    format!("{}@{offset}", context.partition(partition))
}

impl Once {
    /// A record takes effect. If it had before: why it could.
    fn take(&mut self, by: Life, place: Place, record: RecordId) -> Option<(SinkCause, String)> {
        let whose = (self.config.memory_in == MemoryIn::Member).then_some(by);
        let rows = self.rows.entry(whose).or_default();
        let effect = Effect { place, by, row: *rows };
        *rows += 1;
        self.refused.remove(&record);
        let before = self.done.entry(record).or_default();
        let here = before
            .iter_mut()
            .find(|one| one.place == place || self.config.writes == SinkWrites::OncePerRecord);
        let Some(here) = here else {
            let copies = !before.is_empty();
            before.push(effect);
            return copies.then(|| {
                let why = "it is in the logs more than once, and the sink knows offsets alone";
                (SinkCause::LogDuplicate, why.to_owned())
            });
        };
        let earlier = std::mem::replace(here, effect);
        let between = effect.row.saturating_sub(earlier.row + 1);
        if self.config.writes == SinkWrites::ThenPosition {
            let why =
                "the position behind it was to be written in a transaction of its own, and was not";
            return Some((SinkCause::PositionApart, why.to_owned()));
        }
        Some(match (self.config.memory_in, self.config.memory) {
            (MemoryIn::Member, _) if earlier.by != by => {
                let why = if earlier.by.0 == by.0 {
                    "its memory was that of a process that had ended"
                } else {
                    "another member had written it, and each remembers its own"
                };
                (SinkCause::MemberMemory, why.to_owned())
            }
            (_, Some(memory)) if between >= u64::from(memory) => {
                let why =
                    format!("the sink remembers {memory} rows, and {between} were added since");
                (SinkCause::Forgotten, why)
            }
            _ => (SinkCause::NotOnRecord, "the history does not say why".to_owned()),
        })
    }
}

impl Rows {
    fn read(&mut self, place: Place, record: RecordId, key: RowKey) {
        let (partition, offset) = place;
        let key = (partition.topic, key);
        let came_to = self.processed.get(partition).and_then(|done| done.get(offset.0));
        if came_to == Some(record) {
            self.latest.entry(key).or_default().insert(partition.partition, (offset, record));
        }
        if self.rows.get(&key).is_some_and(|row| row.place == place && row.record == record) {
            self.logged.insert(key, true);
        }
    }

    fn conclude(self, group: GroupId, context: &Context, report: &mut Report) {
        for ((topic, key), places) in &self.latest {
            // A key that has moved to another partition has no order.
            let (Some((&number, &(offset, record))), 1) = (places.first_key_value(), places.len())
            else {
                continue;
            };
            let Some(row) = self.rows.get(&(*topic, *key)) else { continue };
            report.judged(1);
            let latest = (TopicPartition::new(*topic, number), offset);
            if row.place == latest && row.record == record {
                continue;
            }
            let logged = self.logged.contains_key(&(*topic, *key));
            let (cause, why) = if logged {
                (SinkCause::StaleOverwrite, "and was written after it")
            } else {
                (SinkCause::NotInLog, "and is in no log any more")
            };
            report.sink((group, row.record), cause, row.written, || {
                let (held, due) = (context.record(row.record), context.record(record));
                let (there, last) = (words(context, row.place), words(context, latest));
                let whose = &context.groups[group.index()].name;
                format!(
                    "a row in the sink of {whose} holds {held}, not {due} of {last}: it was read at {there}, {why}"
                )
            });
        }
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::ProcessStarted => *self.lives.entry(entry.node).or_default() += 1,
            Event::Sent { record, .. } => {
                if let Some(key) = record.key.filter(|_| self.has_rows) {
                    self.keys.insert(record.id, key);
                }
            }
            &Event::SinkWritten { group, partition, offset, record, ignored } => {
                self.written(entry, (group, (partition, offset)), record.id, ignored);
            }
            Event::FinalRead { partition, base_offset, records } => {
                for sink in self.sinks.iter_mut().flatten() {
                    let Sink::Rows(rows) = sink else { continue };
                    for (index, record) in records.iter().enumerate() {
                        let row = key(&self.keys, record.id);
                        rows.read((*partition, base_offset.plus(index)), record.id, row);
                    }
                }
            }
            _ => {}
        }
    }

    fn conclude(mut self: Box<Self>) -> PropertyResult {
        let sinks = std::mem::take(&mut self.sinks);
        for (group, sink) in (0..).map(GroupId).zip(sinks) {
            match sink {
                None => {}
                Some(Sink::Rows(rows)) => rows.conclude(group, &self.context, &mut self.report),
                Some(Sink::Once(once)) => {
                    let context = &self.context;
                    for (record, (seq, at, place)) in once.refused {
                        let reused = once.config.writes != SinkWrites::OncePerRecord;
                        let cause =
                            if reused { SinkCause::OffsetReused } else { SinkCause::NotOnRecord };
                        self.report.sink((group, record), cause, (seq, at), || {
                            let (what, there) = (context.record(record), words(context, place));
                            let whose = &context.groups[group.index()].name;
                            format!(
                                "{what} took no effect in the sink of {whose}: the sink took it for another \
                                 record that had been at {there}"
                            )
                        });
                    }
                }
            }
        }
        self.report.finish()
    }
}

#[cfg(test)]
mod tests;
