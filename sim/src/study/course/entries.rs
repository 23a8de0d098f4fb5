//! What happens, entry by entry, in columns of small numbers. What concerns only `__consumer_offsets` is left
//! out, and so is what comes after the first `MOST` entries.

use super::Places;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event, TailLoss};
use ackproof_reports::page::course::{Course, Entries, Records};
use ackproof_types::words::plural;
use ackproof_types::{Offset, RecordId, TopicPartition};
use std::collections::BTreeMap;

/// More entries make a page that is slow to open.
const MOST: usize = 150_000;

macro_rules! kinds {
    ($($kind:ident = $name:literal,)*) => {
        /// What an entry of the page can be. The script knows the names.
        #[derive(Clone, Copy, Debug)]
        enum Kind { $($kind,)* }
        const NAMES: &[&str] = &[$($name,)*];
    };
}

kinds! {
    Note = "note", Sent = "sent", Acked = "acked", Failed = "failed", Retried = "retried", Polled = "polled",
    Processed = "processed", GaveUp = "gave_up", CommitSent = "commit_sent", Committed = "committed",
    CommitFailed = "commit_failed", Led = "led", Copied = "copied", Truncated = "truncated",
    HighWatermark = "high_watermark", FewReplicas = "few_replicas", DuplicateBatch = "duplicate_batch",
    FinalRead = "final_read", SendBlocked = "send_blocked", Unsent = "unsent", SinkWritten = "sink_written",
    Derived = "derived", PowerCut = "power_cut", DiskGone = "disk_gone",
}

/// One row.
#[derive(Clone, Copy, Debug)]
struct Row {
    kind: Kind,
    partition: Option<TopicPartition>,
    what: i64,
    offset: i64,
    more: i64,
}

impl Row {
    const fn of(kind: Kind) -> Self {
        Self { kind, partition: None, what: -1, offset: -1, more: -1 }
    }

    fn on(kind: Kind, partition: TopicPartition, offset: Offset) -> Self {
        Self { partition: Some(partition), offset: offset.0, ..Self::of(kind) }
    }
}

/// Rows in the making.
#[derive(Debug, Default)]
pub(super) struct Kept {
    rows: Entries,
    last: u64,
    records: Records,
    places: BTreeMap<RecordId, u32>,
    batches: Vec<Vec<i64>>,
    batch_places: BTreeMap<Vec<i64>, usize>,
    texts: Vec<String>,
    text_places: BTreeMap<String, usize>,
    internal: u64,
    beyond: u64,
}

impl Kept {
    pub(super) fn observe(&mut self, entry: &Entry, context: &Context, places: &Places) {
        if of_offsets(&entry.event, context) {
            self.internal += 1;
            return;
        }
        if self.rows.kind.len() >= MOST {
            self.beyond += 1;
            return;
        }
        match &entry.event {
            Event::CommitSent { offsets, .. } => {
                self.commits(entry, offsets, Kind::CommitSent, -1, places);
            }
            Event::Committed { offsets, .. } => {
                self.commits(entry, offsets, Kind::Committed, -1, places);
            }
            Event::CommitFailed { offsets, error, .. } => {
                let why = self.text(error.name().to_owned());
                self.commits(entry, offsets, Kind::CommitFailed, why, places);
            }
            event => {
                let row = self.log(event).or_else(|| self.client(event));
                let row = row.unwrap_or_else(|| Row {
                    more: self.text(words(entry, context)),
                    ..Row::of(Kind::Note)
                });
                self.push(entry, row, places);
            }
        }
    }

    /// What happens to logs.
    fn log(&mut self, event: &Event) -> Option<Row> {
        Some(match event {
            Event::Appended { partition, epoch, base_offset, records, as_leader, .. } => {
                let kind = if *as_leader { Kind::Led } else { Kind::Copied };
                let what = self.batch(records.iter().map(|one| one.id));
                Row { what, more: i64::from(epoch.0), ..Row::on(kind, *partition, *base_offset) }
            }
            Event::Truncated { partition, from, to } => {
                Row { more: from.0, ..Row::on(Kind::Truncated, *partition, *to) }
            }
            Event::TailLost { partition, from, to, by } => {
                let kind = match by {
                    TailLoss::Power => Kind::PowerCut,
                    TailLoss::Disk => Kind::DiskGone,
                };
                Row { more: from.0, ..Row::on(kind, *partition, *to) }
            }
            Event::HighWatermark { partition, epoch, offset } => Row {
                more: i64::from(epoch.0),
                ..Row::on(Kind::HighWatermark, *partition, *offset)
            },
            Event::NotEnoughReplicas { partition, isr } => {
                let row = Row::on(Kind::FewReplicas, *partition, Offset::UNKNOWN);
                Row { more: i64::from(*isr), ..row }
            }
            Event::DuplicateBatch { partition, base_offset } => {
                Row::on(Kind::DuplicateBatch, *partition, *base_offset)
            }
            Event::FinalRead { partition, base_offset, records } => {
                let what = self.batch(records.iter().map(|one| one.id));
                Row { what, ..Row::on(Kind::FinalRead, *partition, *base_offset) }
            }
            _ => return None,
        })
    }

    /// What happens to the records of clients.
    fn client(&mut self, event: &Event) -> Option<Row> {
        Some(match event {
            Event::Sent { record, partition } => {
                let what = self.record(record.id);
                Row { partition: *partition, what, ..Row::of(Kind::Sent) }
            }
            Event::Acked { partition, base_offset, records, .. } => {
                let what = self.batch(records.iter().map(|one| one.id));
                Row { what, ..Row::on(Kind::Acked, *partition, *base_offset) }
            }
            Event::Failed { partition, records, error, maybe_written } => {
                let what = self.batch(records.iter().map(|one| one.id));
                let sure = if *maybe_written { "may be written" } else { "not written" };
                let more = self.text(format!("{}, {sure}", error.name()));
                Row { partition: *partition, what, more, ..Row::of(Kind::Failed) }
            }
            Event::Retried { partition, first, error } => {
                let what = self.record(first.id);
                let more = self.text(error.name().to_owned());
                Row { partition: Some(*partition), what, more, ..Row::of(Kind::Retried) }
            }
            Event::Polled { partition, base_offset, records, .. } => {
                let what = self.batch(records.iter().map(|one| one.id));
                Row { what, ..Row::on(Kind::Polled, *partition, *base_offset) }
            }
            Event::Processed { partition, offset, record, dead_lettered, .. } => {
                let what = self.record(record.id);
                let more = i64::from(*dead_lettered);
                Row { what, more, ..Row::on(Kind::Processed, *partition, *offset) }
            }
            Event::SendBlocked { record } => {
                Row { what: self.record(record.id), ..Row::of(Kind::SendBlocked) }
            }
            Event::Unsent { records } => {
                let what = self.batch(records.iter().map(|one| one.id));
                Row { what, ..Row::of(Kind::Unsent) }
            }
            Event::SinkWritten { partition, offset, record, ignored, .. } => {
                let what = self.record(record.id);
                let more = i64::from(*ignored);
                Row { what, more, ..Row::on(Kind::SinkWritten, *partition, *offset) }
            }
            Event::Derived { partition, offset, record, output, .. } => {
                let (what, more) = (self.record(record.id), self.record(output.id));
                Row { what, more, ..Row::on(Kind::Derived, *partition, *offset) }
            }
            Event::GaveUp { partition, offset, record, .. } => {
                Row { what: self.record(record.id), ..Row::on(Kind::GaveUp, *partition, *offset) }
            }
            _ => return None,
        })
    }

    /// A row for each partition of a commit.
    fn commits(
        &mut self,
        entry: &Entry,
        offsets: &[(TopicPartition, Offset)],
        kind: Kind,
        more: i64,
        places: &Places,
    ) {
        for (partition, offset) in offsets {
            self.push(entry, Row { more, ..Row::on(kind, *partition, *offset) }, places);
        }
    }

    fn push(&mut self, entry: &Entry, row: Row, places: &Places) {
        let at = entry.at.as_micros();
        let place = row.partition.and_then(|partition| places.get(&partition));
        let rows = &mut self.rows;
        rows.step.push(at - self.last);
        self.last = at;
        rows.kind.push(row.kind as u8);
        rows.node.push(entry.node.0);
        rows.partition.push(place.map_or(-1, |place| i32::try_from(*place).unwrap_or(-1)));
        rows.what.push(row.what);
        rows.offset.push(row.offset);
        rows.more.push(row.more);
    }

    fn record(&mut self, id: RecordId) -> i64 {
        let next = self.records.number.len();
        let place = *self.places.entry(id).or_insert_with(|| {
            self.records.producer.push(id.producer.0);
            self.records.number.push(id.number);
            u32::try_from(next).unwrap_or(u32::MAX)
        });
        i64::from(place)
    }

    fn batch(&mut self, records: impl Iterator<Item = RecordId>) -> i64 {
        let mut last = 0;
        let mut steps = Vec::new();
        for id in records {
            let place = self.record(id);
            steps.push(place - last);
            last = place;
        }
        let next = self.batches.len();
        let place = *self.batch_places.entry(steps).or_insert_with_key(|steps| {
            self.batches.push(steps.clone());
            next
        });
        i64::try_from(place).unwrap_or(-1)
    }

    fn text(&mut self, text: String) -> i64 {
        let next = self.texts.len();
        let place = *self.text_places.entry(text).or_insert_with_key(|text| {
            self.texts.push(text.clone());
            next
        });
        i64::try_from(place).unwrap_or(-1)
    }

    pub(super) fn conclude(mut self, course: &mut Course, context: &Context) {
        self.rows.kinds = NAMES;
        self.records.names = context.producers.iter().map(|one| one.name.clone()).collect();
        course.entries = self.rows;
        course.records = self.records;
        course.batches = self.batches;
        course.texts = self.texts;
        if self.internal > 0 {
            let what = plural(self.internal, "entry");
            let text = format!("{what} of __consumer_offsets, where groups keep their commits");
            course.left_out.push(text);
        }
        if self.beyond > 0 {
            let last = ackproof_types::Micros(self.last).0 / 1_000_000;
            let text = format!(
                "{} after the first {MOST}, which end at {last} s; bands and charts have them",
                self.beyond
            );
            course.left_out.push(text);
        }
    }
}

/// Whether all that an event says is of a partition of `__consumer_offsets`.
fn of_offsets(event: &Event, context: &Context) -> bool {
    match event {
        Event::Appended { partition, .. }
        | Event::Truncated { partition, .. }
        | Event::TailLost { partition, .. }
        | Event::LogStartMoved { partition, .. }
        | Event::LogCompacted { partition, .. }
        | Event::HighWatermark { partition, .. }
        | Event::BecameLeader { partition, .. }
        | Event::BecameFollower { partition, .. }
        | Event::CoordinatorLoaded { partition }
        | Event::NotEnoughReplicas { partition, .. }
        | Event::DuplicateBatch { partition, .. }
        | Event::LeaderElected { partition, .. }
        | Event::IsrChanged { partition, .. } => context.keeps_offsets(partition.topic),
        _ => false,
    }
}

/// What happened, as the line of a history says it, without what the page shows beside it.
fn words(entry: &Entry, context: &Context) -> String {
    let line = ackproof_oracle::jsonl::entry_line(entry, context);
    let line: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
    let fields = line.as_object().into_iter().flatten();
    let own = ["seq", "at_us", "node", "event"];
    let event = line["event"].as_str().unwrap_or_default().replace('_', " ");
    let said = fields.filter(|(name, _)| !own.contains(&name.as_str())).map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let value = value.replace(['"', '[', ']', '{', '}'], "").replace(',', ", ");
        // `phase: load`, and no `phase: phase load`.
        if *name == event { value } else { format!("{} {value}", name.replace('_', " ")) }
    });
    let said: Vec<String> = said.collect();
    if said.is_empty() { event } else { format!("{event}: {}", said.join(", ")) }
}
