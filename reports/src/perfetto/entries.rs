//! What happens to records, entry by entry: sends in flight as slices, appends, deliveries and commits as
//! instants, ends of logs as counters. Two sorts of flows bind them: from a send over its append to its outcome, and
//! for each group from the append to what the group made of the record.

use super::Nodes;
use super::tracks::{Flows, Known, Stack, Track, Tracks};
use crate::page::course::Course;
use std::collections::BTreeMap;

/// Entries whose `what` is the place of one record; of others it is the place of a batch.
const SINGLE: &[&str] =
    &["sent", "retried", "processed", "gave_up", "send_blocked", "sink_written", "derived"];

/// An entry.
#[derive(Clone, Copy)]
struct Row {
    at: u64,
    kind: &'static str,
    node: usize,
    partition: Option<usize>,
    what: i64,
    offset: i64,
    more: i64,
}

fn rows(course: &Course) -> Vec<Row> {
    let all = &course.entries;
    let mut at = 0;
    let row = |place: usize| {
        at += all.step[place];
        Row {
            at,
            kind: all.kinds[usize::from(all.kind[place])],
            node: usize::from(all.node[place]),
            partition: usize::try_from(all.partition[place]).ok(),
            what: all.what[place],
            offset: all.offset[place],
            more: all.more[place],
        }
    };
    (0..all.step.len()).map(row).collect()
}

/// The places of the records that an entry is about.
fn records(course: &Course, row: &Row) -> Vec<usize> {
    let place = |place: i64| usize::try_from(place).ok();
    let Some(what) = place(row.what) else { return Vec::new() };
    if SINGLE.contains(&row.kind) {
        return vec![what];
    }
    let mut last = 0;
    let steps = course.batches[what].iter();
    steps
        .filter_map(|step| {
            last += step;
            place(last)
        })
        .collect()
}

/// Which flows pass which entry. A flow of one entry binds nothing, and is none.
struct Paths {
    /// The group of each process.
    groups: Vec<Option<usize>>,
    width: usize,
    /// By flow: how many entries it passes, and the last one.
    ends: Vec<(u32, usize)>,
}

impl Paths {
    fn of(course: &Course, rows: &[Row]) -> Self {
        let group = |name: &str| {
            course.groups.iter().position(|group| {
                let number = name.strip_prefix(group).and_then(|rest| rest.strip_prefix('-'));
                number.is_some_and(|number| number.parse::<u32>().is_ok())
            })
        };
        let width = course.groups.len() + 1;
        let mut paths = Self {
            groups: course.nodes.iter().map(|node| group(&node.name)).collect(),
            width,
            ends: vec![(0, 0); course.records.number.len() * width],
        };
        for (place, row) in rows.iter().enumerate() {
            for flow in paths.all(course, row) {
                let (count, last) = &mut paths.ends[flow];
                *count += 1;
                *last = place;
            }
        }
        paths
    }

    /// The flows that could pass an entry: of each of its records.
    fn all(&self, course: &Course, row: &Row) -> Vec<usize> {
        let of = |record: usize, way: usize| record * self.width + way;
        let records = records(course, row);
        match row.kind {
            "sent" | "acked" | "failed" => records.iter().map(|one| of(*one, 0)).collect(),
            "led" => {
                let ways = |one: &usize| {
                    let one = *one;
                    (0..self.width).map(move |way| of(one, way))
                };
                records.iter().flat_map(ways).collect()
            }
            "polled" | "processed" | "gave_up" | "sink_written" | "derived" => {
                let Some(group) = self.groups[row.node] else { return Vec::new() };
                let mut flows: Vec<usize> = records.iter().map(|one| of(*one, group + 1)).collect();
                // What it made of it is on its own way from here.
                let made = usize::try_from(row.more).ok().filter(|_| row.kind == "derived");
                flows.extend(made.map(|made| of(made, 0)));
                flows
            }
            _ => Vec::new(),
        }
    }

    fn at(&self, course: &Course, (place, row): (usize, &Row)) -> Flows {
        let mut flows = Flows::default();
        for flow in self.all(course, row) {
            let (count, last) = self.ends[flow];
            if count > 1 {
                let all = if last == place { &mut flows.last } else { &mut flows.through };
                all.push(flow as u64 + 1);
            }
        }
        flows
    }
}

/// A send that has no outcome yet.
struct Open {
    from: u64,
    node: usize,
    partition: Option<usize>,
    flows: Flows,
}

/// A send, by when it began.
struct Send {
    open: Open,
    to: u64,
    record: usize,
    outcome: &'static str,
}

/// Entries on their way to tracks.
struct Writer<'a> {
    course: &'a Course,
    nodes: &'a Nodes,
    tracks: &'a mut Tracks,
    own: BTreeMap<(usize, &'static str), Track>,
    ends: BTreeMap<(usize, usize), Track>,
    high: BTreeMap<usize, Track>,
    in_flight: BTreeMap<usize, (Track, u32)>,
    open: BTreeMap<usize, Open>,
    sends: Vec<Send>,
}

/// Gives the first flow that is not taken.
pub(super) fn write(course: &Course, nodes: &Nodes, tracks: &mut Tracks) -> u64 {
    let rows = rows(course);
    let paths = Paths::of(course, &rows);
    let mut writer = Writer {
        course,
        nodes,
        tracks,
        own: BTreeMap::new(),
        ends: BTreeMap::new(),
        high: BTreeMap::new(),
        in_flight: BTreeMap::new(),
        open: BTreeMap::new(),
        sends: Vec::new(),
    };
    let mut deaths: Vec<(u64, usize)> = course
        .lives
        .iter()
        .filter(|life| life.text == "up" && life.to < course.end)
        .map(|life| (life.to, life.lane))
        .collect();
    deaths.sort_unstable();
    let mut deaths = deaths.into_iter().peekable();
    for (place, row) in rows.iter().enumerate() {
        while let Some((at, node)) = deaths.next_if(|(at, _)| *at < row.at) {
            writer.died(at, node);
        }
        writer.entry(row, paths.at(course, (place, row)));
    }
    for (at, node) in deaths {
        writer.died(at, node);
    }
    writer.conclude();
    paths.ends.len() as u64 + 1
}

impl Writer<'_> {
    fn entry(&mut self, row: &Row, flows: Flows) {
        let (track, name) = match row.kind {
            "sent" => return self.sent(row, flows),
            "high_watermark" => return self.high_watermark(row),
            "led" => ("appends", "append"),
            "copied" => ("copies", "copy"),
            "truncated" => ("appends", "truncate"),
            "duplicate_batch" => ("appends", "duplicate batch"),
            "few_replicas" => ("appends", "too few in-sync replicas"),
            "acked" => ("outcomes", "acknowledged"),
            "failed" => ("outcomes", "failed"),
            "retried" => ("outcomes", "sent again"),
            "send_blocked" => ("outcomes", "send blocked"),
            "unsent" => ("outcomes", "never sent"),
            "polled" => ("deliveries", "polled"),
            "processed" if row.more > 0 => ("work", "put aside"),
            "processed" => ("work", "processed"),
            "gave_up" => ("work", "gave up"),
            "sink_written" => ("work", "written to the sink"),
            "derived" => ("work", "made a record of it"),
            "commit_sent" => ("commits", "commit sent"),
            "committed" => ("commits", "committed"),
            "commit_failed" => ("commits", "commit failed"),
            "final_read" => ("final read", "read"),
            _ => return self.note(row),
        };
        let course = self.course;
        let records = records(course, row);
        let first = records.first().map(|record| name_of(course, *record));
        let mut details = Vec::new();
        if let Some(partition) = row.partition {
            details.push(("partition", Known::Text(&course.partitions[partition])));
        }
        if row.offset >= 0 {
            details.push(("offset", Known::Number(row.offset)));
        }
        if let Some(first) = &first {
            details.push(("first record", Known::Text(first)));
            details.push(("records", Known::Number(number(records.len()))));
        }
        match row.kind {
            "failed" | "retried" | "commit_failed" => {
                details.push(("why", Known::Text(text(course, row.more))));
            }
            "led" | "copied" => details.push(("epoch", Known::Number(row.more))),
            "truncated" => details.push(("log end before", Known::Number(row.more))),
            _ => {}
        }
        let track = self.track(row.node, track);
        self.tracks.instant(track, row.at, name, &details, flows);
        match row.kind {
            "led" | "copied" => self.log_end(row, row.offset + number(records.len())),
            "truncated" => self.log_end(row, row.offset),
            "acked" => records.iter().for_each(|one| self.closed(*one, row.at, "acknowledged")),
            "failed" => records.iter().for_each(|one| self.closed(*one, row.at, "failed")),
            "unsent" => records.iter().for_each(|one| self.closed(*one, row.at, "never sent")),
            _ => {}
        }
    }

    fn track(&mut self, node: usize, name: &'static str) -> Track {
        let (tracks, parent) = (&mut *self.tracks, self.nodes[node]);
        *self.own.entry((node, name)).or_insert_with(|| tracks.track(Some(parent), name))
    }

    /// What has no kind of its own: its first words are its name.
    fn note(&mut self, row: &Row) {
        let said = text(self.course, row.more);
        let name = said.split(':').next().unwrap_or(said);
        let track = self.track(row.node, "events");
        self.tracks.instant(track, row.at, name, &[("text", Known::Text(said))], Flows::default());
    }

    fn sent(&mut self, row: &Row, flows: Flows) {
        let Ok(record) = usize::try_from(row.what) else { return };
        self.closed(record, row.at, "sent again by the application");
        let Row { at, node, partition, .. } = *row;
        self.open.insert(record, Open { from: at, node, partition, flows });
        self.flies(node, at, |count| count + 1);
    }

    fn closed(&mut self, record: usize, to: u64, outcome: &'static str) {
        if let Some(open) = self.open.remove(&record) {
            self.flies(open.node, to, |count| count.saturating_sub(1));
            self.sends.push(Send { open, to, record, outcome });
        }
    }

    fn flies(&mut self, node: usize, at: u64, change: fn(u32) -> u32) {
        let (tracks, parent) = (&mut *self.tracks, self.nodes[node]);
        let make = || (tracks.counter(parent, "sends in flight", "records"), 0);
        let (track, count) = self.in_flight.entry(node).or_insert_with(make);
        *count = change(*count);
        let (track, count) = (*track, f64::from(*count));
        self.tracks.value(track, at, count);
    }

    /// What a process had under way when it ended has no outcome.
    fn died(&mut self, at: u64, node: usize) {
        let own = self.open.iter().filter(|(_, one)| one.node == node && one.from <= at);
        let own: Vec<usize> = own.map(|(record, _)| *record).collect();
        for record in own {
            self.closed(record, at, "none: the process ended");
        }
    }

    fn log_end(&mut self, row: &Row, end: i64) {
        let Some(partition) = row.partition else { return };
        let (tracks, course, parent) = (&mut *self.tracks, self.course, self.nodes[row.node]);
        let make = || {
            let name = format!("log end of {}", course.partitions[partition]);
            tracks.counter(parent, &name, "offset")
        };
        let track = *self.ends.entry((row.node, partition)).or_insert_with(make);
        self.tracks.value(track, row.at, as_value(end));
    }

    fn high_watermark(&mut self, row: &Row) {
        let Some(partition) = row.partition else { return };
        let (tracks, course, parent) = (&mut *self.tracks, self.course, self.nodes[row.node]);
        let key = row.node * course.partitions.len() + partition;
        let make = || {
            let name = format!("high watermark of {}", course.partitions[partition]);
            tracks.counter(parent, &name, "offset")
        };
        let track = *self.high.entry(key).or_insert_with(make);
        self.tracks.value(track, row.at, as_value(row.offset));
    }

    /// What has no outcome at the end, and the sends in the order in which they began.
    fn conclude(mut self) {
        let open: Vec<usize> = self.open.keys().copied().collect();
        let end = self.course.end;
        for record in open {
            self.closed(record, end, "none");
        }
        let Self { course, nodes, tracks, mut sends, .. } = self;
        sends.sort_by_key(|one| one.open.from);
        let mut stacks: BTreeMap<usize, Stack> = BTreeMap::new();
        for Send { open, to, record, outcome } in sends {
            let Open { from, node, partition, flows } = open;
            let stack = stacks.entry(node).or_default();
            let mut details = vec![("outcome", Known::Text(outcome))];
            if let Some(partition) = partition {
                details.push(("partition", Known::Text(&course.partitions[partition])));
            }
            let name = name_of(course, record);
            let what = (name.as_str(), &details[..], flows);
            stack.slice(tracks, (Some(nodes[node]), "sends"), (from, to), what);
        }
    }
}

/// `billing-0#117`.
fn name_of(course: &Course, record: usize) -> String {
    let records = &course.records;
    let producer = &records.names[usize::from(records.producer[record])];
    format!("{producer}#{}", records.number[record])
}

fn text(course: &Course, place: i64) -> &str {
    let place = usize::try_from(place).ok();
    place.and_then(|place| course.texts.get(place)).map_or("", String::as_str)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "no log of a run is that long")]
fn as_value(offset: i64) -> f64 {
    offset as f64
}
