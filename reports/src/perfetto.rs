//! A run as a trace for Perfetto (ui.perfetto.dev, `trace_processor`): tracks of processes, partitions and groups
//! with slices, instants and counters, and the way of each record as a flow. Decides nothing: it shows the course
//! that the page shows. One nanosecond of the trace is one of the run.
//!
//! - [`entries`] what happens, and the flows of records · [`requests`] and answers · [`tracks`] the file in the making · [`wire`] Perfetto's messages

mod entries;
mod requests;
#[cfg(test)]
mod tests;
mod tracks;
mod wire;

use crate::page::course::{Band, Course};
use crate::run::{GroupReport, PropertyReport};
use std::collections::BTreeMap;
use tracks::{Flows, Known, Stack, Track, Tracks};

/// The trace of a run or of a history.
#[must_use]
pub fn trace(course: &Course, properties: &[PropertyReport], groups: &[GroupReport]) -> Vec<u8> {
    let mut tracks = Tracks::default();
    whole(course, properties, &mut tracks);
    let nodes = processes(course, &mut tracks);
    partitions(course, &nodes, &mut tracks);
    of_groups(course, groups, &nodes, &mut tracks);
    let flows = entries::write(course, &nodes, &mut tracks);
    requests::write(course, &nodes, flows, &mut tracks);
    figures(course, &mut tracks);
    tracks.conclude()
}

/// A track for each process.
type Nodes = Vec<Track>;

/// What concerns everybody.
fn whole(course: &Course, properties: &[PropertyReport], tracks: &mut Tracks) {
    if !course.left_out.is_empty() {
        let track = tracks.track(None, "left out of this trace");
        for text in &course.left_out {
            tracks.instant(track, 0, text, &[], Flows::default());
        }
    }
    let phases = tracks.track(None, "phases");
    let ends = course.phases.iter().skip(1).map(|(at, _)| *at).chain([course.end]);
    for ((from, name), to) in course.phases.iter().zip(ends) {
        tracks.slice(phases, (*from, to), name, &[], Flows::default());
    }
    let mut stack = Stack::default();
    for fault in &course.faults {
        let span = (fault.from, fault.to);
        let what = (fault.text.as_str(), &[][..], Flows::default());
        stack.slice(tracks, (None, "faults"), span, what);
    }
    if properties.iter().any(|one| !one.violations.is_empty()) {
        let track = tracks.track(None, "violations");
        for (property, one) in
            properties.iter().flat_map(|one| one.violations.iter().map(move |found| (one, found)))
        {
            let details = [
                ("property", Known::Text(&property.name)),
                ("summary", Known::Text(&one.summary)),
                ("seq", Known::Number(i64::try_from(one.seq).unwrap_or(-1))),
            ];
            tracks.instant(track, one.at_ms * 1000, &property.name, &details, Flows::default());
        }
    }
}

/// A process for each node that is on record: when it was up, when not, and what struck it.
fn processes(course: &Course, tracks: &mut Tracks) -> Nodes {
    let mut nodes = Vec::new();
    for (place, node) in course.nodes.iter().enumerate() {
        let process = tracks.process(place, &node.name);
        nodes.push(process);
        let of = |state: &str| -> Vec<&Band> {
            let lives = course.lives.iter();
            lives.filter(|life| life.lane == place && life.text == state).collect()
        };
        let up = of("up");
        if !up.is_empty() {
            let track = tracks.track(Some(process), "life");
            let mut down = None;
            for life in up {
                if let Some(from) = down {
                    tracks.slice(track, (from, life.from), "down", &[], Flows::default());
                }
                tracks.slice(track, (life.from, life.to), "up", &[], Flows::default());
                down = Some(life.to);
            }
            if let Some(from) = down.filter(|from| *from < course.end) {
                tracks.slice(track, (from, course.end), "down", &[], Flows::default());
            }
        }
        let fenced = of("fenced");
        if !fenced.is_empty() {
            let track = tracks.track(Some(process), "registration");
            for life in fenced {
                tracks.slice(track, (life.from, life.to), "fenced", &[], Flows::default());
            }
        }
        let lives = course.lives.iter().filter(|life| life.lane == place);
        let office: Vec<&Band> = lives.filter(|life| life.text.starts_with("active")).collect();
        if !office.is_empty() {
            let track = tracks.track(Some(process), "office");
            for life in office {
                tracks.slice(track, (life.from, life.to), &life.text, &[], Flows::default());
            }
        }
        let mut stack = Stack::default();
        for fault in course.faults.iter().filter(|fault| fault.nodes.contains(&place)) {
            let span = (fault.from, fault.to);
            let what = (fault.text.as_str(), &[][..], Flows::default());
            stack.slice(tracks, (Some(process), "faults"), span, what);
        }
    }
    nodes
}

/// Who led each partition, and how many replicas were in sync.
fn partitions(course: &Course, nodes: &Nodes, tracks: &mut Tracks) {
    let mut terms: BTreeMap<(usize, usize), Track> = BTreeMap::new();
    for (lane, name) in course.partitions.iter().enumerate() {
        let parent = tracks.track(None, name);
        let leader = tracks.track(Some(parent), "leader");
        let mut leaders: Vec<&Band> =
            course.leaders.iter().filter(|band| band.lane == lane).collect();
        leaders.sort_by_key(|band| band.from);
        for band in leaders {
            let span = (band.from, band.to);
            let who = band.who.map_or("nobody", |who| &course.nodes[who].name);
            let details = [("term", Known::Text(&band.text))];
            tracks.slice(leader, span, who, &details, Flows::default());
            if let Some(who) = band.who {
                let track = *terms
                    .entry((who, lane))
                    .or_insert_with(|| tracks.track(Some(nodes[who]), &format!("leads {name}")));
                tracks.slice(track, span, &band.text, &[], Flows::default());
            }
        }
        let size = tracks.counter(parent, "in-sync replicas", "replicas");
        let members = tracks.track(Some(parent), "in-sync set");
        for band in course.in_sync.iter().filter(|band| band.lane == lane) {
            let names: Vec<&str> =
                band.who.iter().map(|who| course.nodes[*who].name.as_str()).collect();
            let few = if band.few { "below min.insync.replicas" } else { "enough" };
            let details = [("replicas", Known::Text(few))];
            let span = (band.from, band.to);
            tracks.slice(members, span, &names.join(", "), &details, Flows::default());
            #[expect(clippy::cast_precision_loss, reason = "a few replicas")]
            tracks.value(size, band.from, band.who.len() as f64);
        }
    }
}

/// Generations of each group, who owned what, and what it processed again.
fn of_groups(course: &Course, reports: &[GroupReport], nodes: &Nodes, tracks: &mut Tracks) {
    for (group, name) in course.groups.iter().enumerate() {
        let parent = tracks.track(None, &format!("group {name}"));
        let own: Vec<_> = course.generations.iter().filter(|one| one.group == group).collect();
        let track = tracks.track(Some(parent), "generation");
        let ends = own.iter().skip(1).map(|next| next.at).chain([course.end]);
        for (one, to) in own.iter().zip(ends) {
            let details = [
                ("members", Known::Number(i64::from(one.members))),
                ("reason", Known::Text(one.reason.unwrap_or("not on record"))),
            ];
            let text = format!("generation {}", one.number);
            tracks.slice(track, (one.at, to), &text, &details, Flows::default());
        }
        let mut owned: BTreeMap<(Option<usize>, usize), Track> = BTreeMap::new();
        let mut owners: Vec<_> = course.owners.iter().filter(|one| one.group == group).collect();
        owners.sort_by_key(|one| one.from);
        for one in owners {
            let partition = &course.partitions[one.lane];
            let span = (one.from, one.to);
            let at_group = *owned
                .entry((None, one.lane))
                .or_insert_with(|| tracks.track(Some(parent), &format!("owner of {partition}")));
            tracks.slice(at_group, span, &course.nodes[one.who].name, &[], Flows::default());
            let at_member = *owned.entry((Some(one.who), one.lane)).or_insert_with(|| {
                tracks.track(Some(nodes[one.who]), &format!("owns {partition}"))
            });
            tracks.slice(at_member, span, partition, &[], Flows::default());
        }
        let again = reports.iter().filter(|one| one.group == *name).flat_map(|one| &one.again);
        let mut again: Vec<_> = again.collect();
        again.sort_unstable();
        if !again.is_empty() {
            let track = tracks.track(Some(parent), "processed again");
            for (at, cause) in again {
                tracks.instant(track, *at, cause, &[], Flows::default());
            }
        }
    }
}

/// The curves of the page: a value for each step that changes it.
fn figures(course: &Course, tracks: &mut Tracks) {
    for chart in &course.charts.charts {
        let parent = tracks.track(None, &chart.title);
        for curve in &chart.curves {
            let track = tracks.counter(parent, &curve.name, chart.unit);
            let mut last = None;
            for (step, value) in (0..).zip(&curve.values) {
                // What was not measured is what it was before.
                let Some(value) = value else { continue };
                if last != Some(*value) {
                    tracks.value(track, step * course.charts.step, *value);
                }
                last = Some(*value);
            }
        }
    }
}
