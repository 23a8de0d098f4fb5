//! What is counted in the course of a run: throughput, lag, what is under way, duplicates, latencies, and what
//! could not be written or read. A curve has a value for each of some hundred steps.

use super::Places;
use super::stalls::Stalls;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Entry, Event};
use ackproof_reports::page::course::{Chart, Charts, Curve};
use ackproof_reports::run::GroupReport;
use ackproof_types::{GroupId, NodeId, RecordId, RecordSlice, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// Steps of a curve, at most.
const STEPS: u64 = 600;

/// Something that was observed, and when.
type Points = Vec<(u64, f64)>;

/// What is known of a group.
#[derive(Debug, Default)]
struct Progress {
    processed: Points,
    seen: BTreeSet<RecordId>,
    latency: Points,
    /// How far it has come, by partition: what it committed, or else what it processed.
    position: BTreeMap<TopicPartition, i64>,
    commits: bool,
    lag: Points,
    owned: BTreeMap<usize, NodeId>,
    /// Partitions of its topics.
    all: usize,
    unowned: Points,
}

/// Curves in the making.
#[derive(Debug, Default)]
pub(super) struct Curves {
    sent: Points,
    acked: Points,
    latency: Points,
    sent_at: BTreeMap<RecordId, u64>,
    open: BTreeSet<RecordId>,
    unknown: u64,
    under_way: Points,
    unknowns: Points,
    high: BTreeMap<TopicPartition, i64>,
    groups: BTreeMap<GroupId, Progress>,
    in_sync: BTreeMap<usize, usize>,
    fewest: Points,
    leaderless: BTreeSet<usize>,
    without: Points,
    few: BTreeSet<usize>,
    below: Points,
    stalls: Stalls,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Curves {
    pub(super) fn observe(&mut self, entry: &Entry, context: &Context, places: &Places) {
        let at = entry.at.as_micros();
        self.stalls.observe(entry, places);
        match &entry.event {
            Event::Sent { record, .. } => {
                self.sent.push((at, 1.0));
                self.sent_at.entry(record.id).or_insert(at);
                self.open.insert(record.id);
                self.under_way.push((at, self.open.len() as f64));
            }
            Event::Acked { partition, base_offset, records, .. } => {
                self.acked(at, records);
                self.reaches(at, *partition, base_offset.plus(records.len()).0, context);
            }
            Event::Failed { records, maybe_written, .. } => {
                self.closed(at, records, *maybe_written);
            }
            Event::ProcessEnded(_) => self.ended(at, entry.node, context),
            Event::HighWatermark { partition, offset, .. } => {
                self.reaches(at, *partition, offset.0, context);
            }
            Event::LeaderElected { partition, leader, isr, .. } => {
                if let Some(lane) = places.get(partition) {
                    if leader.is_none() {
                        self.leaderless.insert(*lane);
                    } else {
                        self.leaderless.remove(lane);
                    }
                    self.without.push((at, self.leaderless.len() as f64));
                    self.synced(at, *lane, isr.len(), least(context, partition.topic.index()));
                }
            }
            Event::IsrChanged { partition, isr, .. } => {
                if let Some(lane) = places.get(partition) {
                    self.synced(at, *lane, isr.len(), least(context, partition.topic.index()));
                }
            }
            event => self.of_group(at, (entry.node, event), context, places),
        }
    }

    fn of_group(
        &mut self,
        at: u64,
        (node, event): (NodeId, &Event),
        context: &Context,
        places: &Places,
    ) {
        match event {
            Event::Processed { group, partition, offset, record, .. } => {
                let one = self.groups.entry(*group).or_default();
                one.processed.push((at, 1.0));
                let sent = self.sent_at.get(&record.id);
                if let (true, Some(sent)) = (one.seen.insert(record.id), sent) {
                    one.latency.push((at, (at - sent) as f64 / 1000.0));
                }
                if !one.commits {
                    one.position.insert(*partition, offset.0 + 1);
                    self.lags(at, context);
                }
            }
            Event::Committed { group, offsets } => {
                let one = self.groups.entry(*group).or_default();
                if !std::mem::replace(&mut one.commits, true) {
                    one.position.clear();
                }
                one.position
                    .extend(offsets.iter().map(|(partition, offset)| (*partition, offset.0)));
                self.lags(at, context);
            }
            Event::Assigned { group, partitions, .. } => {
                let one = self.groups.entry(*group).or_default();
                let topics = &context.groups[group.index()].topics;
                one.all =
                    places.keys().filter(|place| topics.contains(&place.topic.name())).count();
                one.owned.retain(|_, owner| *owner != node);
                let lanes = partitions.iter().filter_map(|partition| places.get(partition));
                one.owned.extend(lanes.map(|lane| (*lane, node)));
                one.owns(at);
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                let one = self.groups.entry(*group).or_default();
                for lane in partitions.iter().filter_map(|partition| places.get(partition)) {
                    if one.owned.get(lane) == Some(&node) {
                        one.owned.remove(lane);
                    }
                }
                one.owns(at);
            }
            _ => {}
        }
    }

    fn acked(&mut self, at: u64, records: &RecordSlice) {
        self.acked.push((at, records.len() as f64));
        let sent = records.iter().filter_map(|record| self.sent_at.get(&record.id));
        self.latency.extend(sent.map(|sent| (at, (at - sent) as f64 / 1000.0)));
        self.closed(at, records, false);
    }

    /// A log can be read up to here: by its high watermark or, if that is not on record, by what was acknowledged.
    fn reaches(&mut self, at: u64, partition: TopicPartition, end: i64, context: &Context) {
        if !context.keeps_offsets(partition.topic) {
            let high = self.high.entry(partition).or_default();
            *high = end.max(*high);
            self.lags(at, context);
        }
    }

    fn closed(&mut self, at: u64, records: &RecordSlice, unknown: bool) {
        for record in records.iter() {
            self.open.remove(&record.id);
            self.unknown += u64::from(unknown);
        }
        self.under_way.push((at, self.open.len() as f64));
        self.unknowns.push((at, self.unknown as f64));
    }

    /// What a producer had under way when its process ended has no outcome, and partitions lose their owner.
    fn ended(&mut self, at: u64, node: NodeId, context: &Context) {
        let before = self.open.len();
        self.open.retain(|id| context.producer(id.producer).node != node);
        self.unknown += (before - self.open.len()) as u64;
        self.under_way.push((at, self.open.len() as f64));
        self.unknowns.push((at, self.unknown as f64));
        for one in self.groups.values_mut() {
            let owned = one.owned.len();
            one.owned.retain(|_, owner| *owner != node);
            if one.owned.len() != owned {
                one.owns(at);
            }
        }
    }

    fn lags(&mut self, at: u64, context: &Context) {
        for (group, one) in &mut self.groups {
            let topics = &context.groups[group.index()].topics;
            let own =
                self.high.iter().filter(|(partition, _)| topics.contains(&partition.topic.name()));
            let behind = |(partition, high): (&TopicPartition, &i64)| {
                (high - one.position.get(partition).copied().unwrap_or(0)).max(0)
            };
            let lag: i64 = own.map(behind).sum();
            one.lag.push((at, lag as f64));
        }
    }

    fn synced(&mut self, at: u64, lane: usize, size: usize, least: usize) {
        self.in_sync.insert(lane, size);
        let fewest = self.in_sync.values().min().copied().unwrap_or(0);
        self.fewest.push((at, fewest as f64));
        if size < least {
            self.few.insert(lane);
        } else {
            self.few.remove(&lane);
        }
        self.below.push((at, self.few.len() as f64));
    }

    pub(super) fn conclude(self, end: u64, context: &Context, reports: &[GroupReport]) -> Charts {
        let axis = Axis::of(end);
        let groups: Vec<(&str, Progress)> =
            self.groups.into_iter().map(|(id, one)| (context.group(id), one)).collect();
        let mut charts = Vec::new();
        let mut rate = vec![axis.rate("sent", &self.sent), axis.rate("acknowledged", &self.acked)];
        rate.extend(
            groups
                .iter()
                .map(|(name, one)| axis.rate(&format!("processed by {name}"), &one.processed)),
        );
        charts.push(chart("throughput", "records/s", rate));
        let lag = groups.iter().map(|(name, one)| axis.state(name, &one.lag));
        charts.push(chart("lag", "records", lag.collect()));
        let pending = vec![
            axis.state("without an outcome yet", &self.under_way),
            axis.state("outcome unknown, so far", &self.unknowns),
        ];
        charts.push(chart("sends under way", "records", pending));
        let again = again(&axis, reports);
        charts.push(chart("duplicates so far", "records", again));
        let mut latency = axis.quantiles("acknowledged", &self.latency);
        for (name, one) in &groups {
            latency.extend(axis.quantiles(&format!("processed by {name}"), &one.latency));
        }
        charts.push(chart("latency since send", "ms", latency));
        let fewest = axis.state_by("replicas", &self.fewest, f64::min);
        charts.push(chart("smallest in-sync set", "replicas", vec![fewest]));
        let mut away = vec![
            axis.state("without a leader", &self.without),
            axis.state("below min.insync.replicas", &self.below),
            axis.state("writes stand still", &self.stalls.counted()),
        ];
        away.extend(
            groups.iter().map(|(name, one)| {
                axis.state(&format!("without an owner in {name}"), &one.unowned)
            }),
        );
        charts.push(chart("unavailable", "partitions", away));
        let shows = |curve: &Curve| curve.values.iter().any(Option::is_some);
        for chart in &mut charts {
            chart.curves.retain(shows);
        }
        charts.retain(|chart| !chart.curves.is_empty());
        Charts { step: axis.step, charts }
    }
}

impl Progress {
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn owns(&mut self, at: u64) {
        self.unowned.push((at, self.all.saturating_sub(self.owned.len()) as f64));
    }
}

/// Duplicates by cause, as the oracle names it, added up.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn again(axis: &Axis, groups: &[GroupReport]) -> Vec<Curve> {
    let mut curves = Vec::new();
    for group in groups {
        let mut causes: BTreeMap<&str, Points> = BTreeMap::new();
        for (at, cause) in &group.again {
            let points = causes.entry(cause).or_default();
            points.push((*at, points.len() as f64 + 1.0));
        }
        let named = |(cause, points): (&&str, &Points)| {
            axis.state(&format!("{}: {cause}", group.group), points)
        };
        curves.extend(causes.iter().map(named));
    }
    curves
}

fn least(context: &Context, topic: usize) -> usize {
    usize::from(context.topics[topic].min_insync_replicas)
}

fn chart(title: &str, unit: &'static str, curves: Vec<Curve>) -> Chart {
    Chart { title: title.to_owned(), unit, curves }
}

/// Steps of time that all curves share.
struct Axis {
    step: u64,
    steps: usize,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]
impl Axis {
    fn of(end: u64) -> Self {
        let round = [50, 100, 200, 250, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000, 300_000];
        let enough = |step: &&u64| end / (**step * 1000) < STEPS;
        let step = round.iter().find(enough).map_or(end / STEPS + 1, |step| step * 1000);
        Self { step, steps: (end / step + 1) as usize }
    }

    fn place(&self, at: u64) -> usize {
        ((at / self.step) as usize).min(self.steps - 1)
    }

    /// How many a second.
    fn rate(&self, name: &str, points: &Points) -> Curve {
        let mut values = vec![0.0; self.steps];
        for (at, count) in points {
            values[self.place(*at)] += count;
        }
        let seconds = self.step as f64 / 1e6;
        let values = values.into_iter().map(|count| Some(tidy(count / seconds)));
        Curve {
            name: name.to_owned(),
            values: if points.is_empty() { Vec::new() } else { values.collect() },
        }
    }

    /// Something that stays as it is until it changes: its largest value in each step.
    fn state(&self, name: &str, points: &Points) -> Curve {
        self.state_by(name, points, f64::max)
    }

    /// The same with its `worst` value in each step.
    fn state_by(&self, name: &str, points: &Points, worst: fn(f64, f64) -> f64) -> Curve {
        let mut values = vec![None; self.steps];
        let (mut now, mut next) = (None, points.iter().peekable());
        for (step, value) in values.iter_mut().enumerate() {
            *value = now;
            while let Some((_, one)) = next.next_if(|(at, _)| self.place(*at) == step) {
                now = Some(*one);
                *value = (*value).map(|before| worst(before, *one)).or(now);
            }
        }
        Curve { name: name.to_owned(), values }
    }

    /// The middle and the 99th percentile of each step.
    fn quantiles(&self, name: &str, points: &Points) -> Vec<Curve> {
        let mut steps: Vec<Vec<f64>> = vec![Vec::new(); self.steps];
        for (at, value) in points {
            steps[self.place(*at)].push(*value);
        }
        for step in &mut steps {
            step.sort_by(f64::total_cmp);
        }
        let of = |share: f64, label: &str| {
            let at = |step: &Vec<f64>| {
                let place = (step.len() as f64 * share).ceil() as usize;
                step.get(place.saturating_sub(1)).map(|value| tidy(*value))
            };
            Curve { name: format!("{name}, {label}"), values: steps.iter().map(at).collect() }
        };
        vec![of(0.5, "half"), of(0.99, "99 %")]
    }
}

/// With one digit behind the point: more is noise, and takes room.
fn tidy(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
