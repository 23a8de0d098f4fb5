//! Takes samples of what is known, as Prometheus scrapes exporters: at regular instants, and of targets that are up.

use super::brokers::{Brokers, Partition};
use super::counters::{About, Counters, Latencies, controllers};
use super::families::Metric;
use super::groups::{Group, Groups};
use super::name_of;
use ackproof_oracle::context::Context;
use ackproof_reports::openmetrics::{Family, Metrics, Series};
use ackproof_types::{BrokerId, GroupId, NodeId, Server, TopicId, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

type Labels = Vec<(&'static str, String)>;
type Points = Vec<(u64, Option<f64>)>;

/// Samples in the making.
#[derive(Debug)]
pub(super) struct Sampler {
    step: u64,
    next: u64,
    series: BTreeMap<(Metric, &'static str, Labels), Points>,
}

/// What a sample is of.
pub(super) struct Known<'a> {
    pub(super) brokers: &'a Brokers,
    pub(super) groups: &'a Groups,
    pub(super) counters: &'a mut Counters,
    pub(super) context: &'a Context,
}

/// The exporter that asks the cluster, as any client does.
const EXPORTER: &str = "kafka-exporter";
const KAFKA: &str = "kafka";
const CLIENTS: &str = "clients";

impl Sampler {
    pub(super) fn new(step: u64) -> Self {
        Self { step, next: 0, series: BTreeMap::new() }
    }

    /// Takes all samples that are due before something happens at `until`.
    pub(super) fn sample_before(&mut self, until: u64, known: &mut Known<'_>) {
        while self.next < until {
            let now = self.next;
            self.sample(now, known);
            self.next += self.step;
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
    fn sample(&mut self, now: u64, known: &mut Known<'_>) {
        known.counters.settle(now);
        let mut scrape = Scrape { now, several: !known.context.clusters.is_empty(), into: self };
        let clusters = std::iter::once(None).chain(known.context.clusters.iter().map(Some));
        for cluster in clusters {
            let name = cluster.map(|cluster| cluster.name.as_str());
            let here = |topic: TopicId| {
                known.context.cluster(topic).map(|cluster| cluster.name.as_str()) == name
            };
            let ids = (0..).map(TopicId).take(known.context.topics.len());
            let topics: Vec<TopicId> = ids.filter(|topic| here(*topic)).collect();
            let whose = Whose::Cluster(name);
            scrape.of_topics((whose, &topics), known);
            scrape.of_groups(name, known);
            scrape.of_controller((whose, &topics), known);
            for broker in brokers_of(&topics, known.context) {
                scrape.of_broker((whose, broker), known);
            }
        }
        scrape.of_clients(known);
        for ((of, metric, about), count) in &known.counters.counts {
            scrape.of_counter((*of, *metric, *about), *count as f64, known);
        }
        // What there was, and is no more.
        for points in self.series.values_mut() {
            if points.last().is_some_and(|(at, value)| *at < now && value.is_some()) {
                points.push((now, None));
            }
        }
    }

    /// Everything is over at `end`.
    pub(super) fn conclude(mut self, end: u64, brokers: &Brokers, context: &Context) -> Metrics {
        self.forget_starts(brokers, context);
        let mut families: Vec<Family> = Vec::new();
        for ((metric, suffix, labels), points) in self.series {
            let (name, kind, help) = metric.about();
            if families.last().is_none_or(|family| family.name != name) {
                families.push(Family { name, kind, help, series: Vec::new() });
            }
            let series = Series { suffix, labels, points };
            families.last_mut().expect("one was pushed").series.push(series);
        }
        Metrics { step: self.step, end, families }
    }
}

impl Sampler {
    /// Where a log begins is known if it was found to begin with 0: it has done so all the time.
    fn forget_starts(&mut self, brokers: &Brokers, context: &Context) {
        self.series.retain(|(metric, _, labels), _| {
            let label = |key: &str| labels.iter().find(|(name, _)| *name == key);
            let topic = label("topic")
                .and_then(|(_, topic)| context.topics.iter().position(|one| one.name == *topic));
            let partition = label("partition").and_then(|(_, number)| number.parse().ok());
            let id = topic.zip(partition).and_then(|(topic, partition)| {
                Some(TopicPartition::new(TopicId(u16::try_from(topic).ok()?), partition))
            });
            *metric != Metric::OldestOffset
                || id.is_some_and(|id| brokers.partition(id).is_some_and(|one| one.is_uncut))
        });
    }
}

/// The brokers of the cluster that has these topics.
fn brokers_of(topics: &[TopicId], context: &Context) -> Vec<BrokerId> {
    let others: BTreeSet<_> = context.clusters.iter().flat_map(|one| &one.brokers).collect();
    match topics.first().and_then(|topic| context.cluster(*topic)) {
        Some(cluster) => cluster.brokers.clone(),
        None => context.roster.brokers().filter(|broker| !others.contains(broker)).collect(),
    }
}

/// Where a label says of which cluster something is, if there are several.
#[derive(Clone, Copy)]
enum Whose<'a> {
    /// Of this one; none: the first.
    Cluster(Option<&'a str>),
    /// Of a client, which may know several.
    Client,
}

fn labelled(several: bool, whose: Whose<'_>, labels: &[(&'static str, &str)]) -> Labels {
    let mut labels: Labels =
        labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    if let (true, Whose::Cluster(name)) = (several, whose) {
        labels.push(("cluster", name.unwrap_or("first").to_owned()));
    }
    labels.sort_unstable();
    labels
}

/// One scrape of everything.
struct Scrape<'a> {
    now: u64,
    several: bool,
    into: &'a mut Sampler,
}

impl Scrape<'_> {
    fn put(
        &mut self,
        (metric, suffix): (Metric, &'static str),
        whose: Whose<'_>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) {
        let key = (metric, suffix, labelled(self.several, whose, labels));
        let points = self.into.series.entry(key).or_default();
        match points.last_mut() {
            // Several clients of a process ask for it.
            Some((at, last)) if *at == self.now => *last = Some(value),
            _ => points.push((self.now, Some(value))),
        }
    }

    fn of_topics(&mut self, (cluster, topics): (Whose<'_>, &[TopicId]), known: &Known<'_>) {
        let context = known.context;
        let serving = known.brokers.serving(&brokers_of(topics, context));
        if let Some(serving) = serving {
            self.put((Metric::Brokers, ""), cluster, &exporter(&[]), count(serving));
        }
        for topic in topics.iter().filter(|topic| !context.keeps_offsets(**topic)) {
            let name = context.topics[topic.index()].name.as_str();
            let partitions = known.brokers.count(*topic, context);
            let labels = exporter(&[("topic", name)]);
            self.put((Metric::TopicPartitions, ""), cluster, &labels, f64::from(partitions));
            for number in 0..partitions {
                let id = TopicPartition::new(*topic, number);
                let number = number.to_string();
                let labels = exporter(&[("topic", name), ("partition", &number)]);
                let mut put = |metric, value| self.put((metric, ""), cluster, &labels, value);
                if let Some(end) = known.brokers.end(id, context) {
                    put(Metric::CurrentOffset, offset(end));
                }
                // Taken back at the end if the log began elsewhere by then, or nobody looked.
                put(Metric::OldestOffset, 0.0);
                let Some(one) = known.brokers.partition(id).filter(|one| one.elected) else {
                    continue;
                };
                put(Metric::InSyncReplicas, count(one.isr.len()));
                let leader = one.leader.map(|leader| broker_number(leader, context));
                put(Metric::Leader, leader.unwrap_or(-1.0));
                put(Metric::LeaderIsPreferred, flag(is_preferred(one)));
                let replicas = one.replication_factor(&context.topics[topic.index()]);
                put(Metric::Replicas, f64::from(replicas));
                put(Metric::UnderReplicatedPartition, flag(is_under_replicated(id, one, context)));
            }
        }
    }

    fn of_groups(&mut self, name: Option<&str>, known: &Known<'_>) {
        let (context, cluster) = (known.context, Whose::Cluster(name));
        for id in (0..).map(GroupId).take(context.groups.len()) {
            let home = context.offsets_topic(id);
            let here = context.cluster(home).map(|cluster| cluster.name.as_str()) == name;
            // An exporter learns nothing of a group whose coordinator is away.
            let is_told = known.brokers.is_served(context.home(id), context) != Some(false);
            let Some(one) = known.groups.group(id).filter(|_| here && is_told) else { continue };
            let Some(group) = name_of(id, context) else { continue };
            let members = one.members.values().filter(|own| !own.is_empty()).count();
            let labels = exporter(&[("consumergroup", group)]);
            self.put((Metric::GroupMembers, ""), cluster, &labels, count(members));
            for topic in &context.groups[id.index()].topics {
                self.of_progress(cluster, (group, one), *topic, known);
            }
        }
    }

    fn of_progress(
        &mut self,
        cluster: Whose<'_>,
        (group, one): (&str, &Group),
        topic: TopicId,
        known: &Known<'_>,
    ) {
        if !one.committed.keys().any(|partition| partition.topic.name() == topic) {
            return;
        }
        let name = known.context.topics[topic.index()].name.as_str();
        let (mut offsets, mut lags) = (0.0, 0.0);
        for number in 0..known.brokers.count(topic, known.context) {
            let id = TopicPartition::new(topic, number);
            let number = number.to_string();
            let labels =
                exporter(&[("consumergroup", group), ("topic", name), ("partition", &number)]);
            let committed = one.committed.get(&id).copied();
            let position = offset(committed.unwrap_or(-1));
            self.put((Metric::GroupOffset, ""), cluster, &labels, position);
            offsets += position.max(0.0);
            let Some(end) = known.brokers.end(id, known.context) else { continue };
            let lag = committed.map_or(-1.0, |committed| offset(end - committed));
            self.put((Metric::GroupLag, ""), cluster, &labels, lag);
            lags += lag.max(0.0);
        }
        let labels = exporter(&[("consumergroup", group), ("topic", name)]);
        self.put((Metric::GroupOffsetSum, ""), cluster, &labels, offsets);
        self.put((Metric::GroupLagSum, ""), cluster, &labels, lags);
    }

    fn of_broker(&mut self, (cluster, broker): (Whose<'_>, BrokerId), known: &mut Known<'_>) {
        let context = known.context;
        let node = context.process(broker);
        if !self.is_up(cluster, (node, KAFKA), known) {
            return;
        }
        let name = context.broker_name(broker).to_owned();
        let labels = [("job", KAFKA), ("instance", name.as_str())];
        let (mut under, mut below, mut at, mut leads, mut has) = (0, 0, 0, 0, 0);
        for (id, one) in known.brokers.all().filter(|(_, one)| one.replicas.contains(&broker)) {
            has += 1;
            if one.leader != Some(broker) {
                continue;
            }
            leads += 1;
            under += usize::from(is_under_replicated(*id, one, context));
            let least = usize::from(context.topics[id.topic.index()].min_insync_replicas);
            below += usize::from(one.isr.len() < least);
            at += usize::from(one.isr.len() == least);
        }
        for (metric, value) in [
            (Metric::UnderReplicated, under),
            (Metric::UnderMinIsr, below),
            (Metric::AtMinIsr, at),
            (Metric::LeaderCount, leads),
            (Metric::PartitionCount, has),
        ] {
            self.put((metric, ""), cluster, &labels, count(value));
        }
        for metric in [Metric::IsrShrinks, Metric::IsrExpands] {
            known.counters.counts.entry((node, metric, About::All)).or_insert(0);
        }
        if let Some(latencies) = known.counters.answers.get_mut(&broker) {
            self.quantiles(cluster, &name, latencies);
        }
    }

    fn quantiles(&mut self, cluster: Whose<'_>, broker: &str, latencies: &mut Latencies) {
        let sorted = latencies.sorted(self.now);
        let labels = [("job", KAFKA), ("instance", broker), ("request", "Produce")];
        for (share, per_mille) in [("0.5", 500), ("0.95", 950), ("0.99", 990)] {
            let place = (sorted.len() * per_mille).div_ceil(1000);
            if let Some(ms) = sorted.get(place.saturating_sub(1)) {
                let labels = [&labels[..], &[("quantile", share)]].concat();
                self.put((Metric::TotalTime, ""), cluster, &labels, *ms);
            }
        }
        let answered = usize::try_from(latencies.count).unwrap_or(usize::MAX);
        self.put((Metric::TotalTime, "_count"), cluster, &labels, count(answered));
        self.put((Metric::TotalTime, "_sum"), cluster, &labels, latencies.sum);
    }

    fn of_controller(&mut self, (cluster, topics): (Whose<'_>, &[TopicId]), known: &mut Known<'_>) {
        let Some(topic) = topics.first() else { return };
        let context = known.context;
        let all: Vec<NodeId> = controllers(*topic, context).collect();
        let mut deciding = None;
        for node in &all {
            if !self.is_up(cluster, (*node, KAFKA), known) {
                continue;
            }
            let labels = [("job", KAFKA), ("instance", context.node(*node))];
            let is_active = all.len() == 1 || known.brokers.decides_in(*node).is_some();
            deciding = deciding.or(is_active.then_some(*node));
            let metric = (Metric::ActiveController, "");
            self.put(metric, cluster, &labels, f64::from(u8::from(is_active)));
        }
        let Some(node) = deciding else { return };
        let labels = [("job", KAFKA), ("instance", context.node(node))];
        let mut put = |metric, value| self.put((metric, ""), cluster, &labels, value);
        let brokers = brokers_of(topics, context);
        if let Some(serving) = known.brokers.serving(&brokers) {
            put(Metric::ActiveBrokers, count(serving));
            put(Metric::FencedBrokers, count(brokers.len() - serving));
        }
        let here = |id: &TopicPartition| topics.contains(&id.topic.name());
        let elected = known.brokers.all().filter(|(id, one)| one.elected && here(id));
        let (mut all, mut offline, mut astray) = (0, 0, 0);
        for (_, one) in elected {
            all += 1;
            offline += usize::from(one.leader.is_none());
            astray += usize::from(!is_preferred(one));
        }
        if all > 0 {
            put(Metric::OfflinePartitions, count(offline));
            put(Metric::GlobalPartitions, count(all));
            put(Metric::PreferredImbalance, count(astray));
        }
        let unclean = (node, Metric::UncleanElections, About::All);
        known.counters.counts.entry(unclean).or_insert(0);
    }

    fn of_clients(&mut self, known: &mut Known<'_>) {
        let context = known.context;
        for (number, producer) in (0..).zip(&context.producers) {
            let about = About::Producer(number);
            if !self.is_up(Whose::Client, (producer.node, CLIENTS), known) {
                continue;
            }
            for metric in [Metric::RecordSend, Metric::RecordError, Metric::RecordRetry] {
                known.counters.counts.entry((producer.node, metric, about)).or_insert(0);
            }
            let Some(latencies) = known.counters.sends.get_mut(&number) else { continue };
            let sorted = latencies.sorted(self.now);
            let instance = context.node(producer.node);
            let labels =
                [("job", CLIENTS), ("instance", instance), ("client_id", producer.name.as_str())];
            if let Some(longest) = sorted.last() {
                let mean = sorted.iter().sum::<f64>() / count(sorted.len());
                self.put((Metric::LatencyAvg, ""), Whose::Client, &labels, mean);
                self.put((Metric::LatencyMax, ""), Whose::Client, &labels, *longest);
            }
        }
        for id in (0..).map(GroupId).take(context.groups.len()) {
            let Some(group) = known.groups.group(id) else { continue };
            for ((node, _), own) in &group.members {
                if !self.is_up(Whose::Client, (*node, CLIENTS), known) {
                    continue;
                }
                let name = context.node(*node);
                let labels = [("job", CLIENTS), ("instance", name), ("client_id", name)];
                self.put(
                    (Metric::AssignedPartitions, ""),
                    Whose::Client,
                    &labels,
                    count(own.len()),
                );
                let lag = |partition: &TopicPartition| {
                    let position = known.counters.positions.get(&(*node, *partition))?;
                    Some((known.brokers.end(*partition, context)? - position).max(0))
                };
                if let Some(most) = own.iter().filter_map(lag).max() {
                    self.put((Metric::RecordsLagMax, ""), Whose::Client, &labels, offset(most));
                }
            }
        }
    }

    /// A counter of a process that is up.
    fn of_counter(
        &mut self,
        (node, metric, about): (NodeId, Metric, About),
        value: f64,
        known: &Known<'_>,
    ) {
        let context = known.context;
        if !known.brokers.is_running(node) {
            return;
        }
        let server = context.roster.server(node);
        let own = match server {
            Some(Server::Broker(broker)) => {
                context.clusters.iter().find(|one| one.brokers.contains(&broker))
            }
            Some(Server::Controller(id)) => {
                context.clusters.iter().find(|one| one.controllers.contains(&id))
            }
            None => None,
        };
        let name = context.node(node);
        let (job, whose) = match server {
            Some(_) => (KAFKA, Whose::Cluster(own.map(|cluster| cluster.name.as_str()))),
            None => (CLIENTS, Whose::Client),
        };
        let mut labels = vec![("job", job), ("instance", name)];
        match about {
            About::Topic(topic) => labels.push(("topic", &context.topics[topic.index()].name)),
            About::Producer(number) => {
                labels.push(("client_id", &context.producers[usize::from(number)].name));
            }
            About::All if server.is_none() => labels.push(("client_id", name)),
            About::All => {}
        }
        self.put((metric, "_total"), whose, &labels, value);
    }

    /// Whether a process can be scraped, which is a metric of its own.
    fn is_up(
        &mut self,
        whose: Whose<'_>,
        (node, job): (NodeId, &'static str),
        known: &Known<'_>,
    ) -> bool {
        let is_up = known.brokers.is_running(node);
        let labels = [("job", job), ("instance", known.context.node(node))];
        if is_up || known.brokers.is_known(node) {
            self.put((Metric::Up, ""), whose, &labels, flag(is_up));
        }
        is_up
    }
}

fn exporter<'a>(labels: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    [&[("job", EXPORTER), ("instance", EXPORTER)], labels].concat()
}

fn is_under_replicated(id: TopicPartition, one: &Partition, context: &Context) -> bool {
    one.isr.len() < usize::from(one.replication_factor(&context.topics[id.topic.index()]))
}

fn is_preferred(one: &Partition) -> bool {
    one.leader.is_some() && one.leader == one.replicas.first().copied()
}

/// The number of a broker within its cluster.
fn broker_number(broker: BrokerId, context: &Context) -> f64 {
    let name = context.broker_name(broker);
    let number = name.rsplit('-').next().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| f64::from(broker.0))
}

fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus knows no other numbers")]
fn offset(number: i64) -> f64 {
    number as f64
}
