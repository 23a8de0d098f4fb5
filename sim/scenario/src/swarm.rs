//! Swarm: what a seed changes about a plan so that many seeds are many different clusters.
//!
//! A draw is a list of overrides in the language of `--set`. [`TABLE`] says what is drawn and within which
//! bounds: none of them touches what is promised (acks, idempotence, in-sync replicas, commits, resets,
//! expectations, variants), takes away what a fault names, or asks more of a group than it can do. A
//! schedule, or a scenario that waits for single records, is left as it is. It knows no run.

use crate::durations::spell_range;
use crate::plan::{Group, Mirror, Plan, Settings, Target, Topic, When};
use crate::{entity, stream};
use ackproof_types::{ClusterId, Delay, Lane, Micros};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One thing that is drawn.
pub struct Row {
    /// What.
    pub what: &'static str,
    /// Within which bounds; "own" is what the scenario says.
    pub bounds: &'static str,
    draw: fn(&mut Swarm<'_>),
}

/// Everything that is drawn. Each value stays the scenario's own with every second seed.
pub const TABLE: &[Row] = &[
    Row {
        what: "faults[i].one_of[j].weight",
        bounds: "0 for about a third of the choices, never for all; faults without one_of stay",
        draw: choices,
    },
    Row {
        what: "faults[i].every",
        bounds: "a third of its own to twice its own, never longer than the window",
        draw: every,
    },
    Row {
        what: "cluster.network.latency",
        bounds: "the longest: its own to three times its own; the shortest stays",
        draw: latency,
    },
    Row { what: "topics.*.partitions", bounds: "its own to 3 more", draw: partitions },
    Row {
        what: "groups.*.members",
        bounds: "its own to 2 more, within autoscale.max",
        draw: members,
    },
    Row {
        what: "producers.*.config.request.timeout.ms",
        bounds: "half its own to its own; also of what groups send on",
        draw: request_timeout,
    },
    Row {
        what: "producers.*.config.linger.ms",
        bounds: "0 to 50, within delivery.timeout.ms - request.timeout.ms; also of what groups send on",
        draw: linger,
    },
    Row {
        what: "producers.*.config.batch.size",
        bounds: "1024, 4096, 16384 or 65536; also of what groups send on",
        draw: batch_size,
    },
    Row {
        what: "groups.*.config.session.timeout.ms",
        bounds: "group.min.session.timeout.ms, or twice heartbeat.interval.ms, to its own",
        draw: session_timeout,
    },
    Row {
        what: "cluster.config.group.consumer.session.timeout.ms",
        bounds: "group.consumer.min.session.timeout.ms, or twice its heartbeat, to its own, where a group has group.protocol=consumer",
        draw: consumer_session_timeout,
    },
    Row {
        what: "groups.*.config.max.poll.records",
        bounds: "100 to its own",
        draw: max_poll_records,
    },
    Row {
        what: "cluster.config.replica.lag.time.max.ms",
        bounds: "half its own to its own, from 4 times replica.fetch.wait.max.ms",
        draw: replica_lag,
    },
    Row {
        what: "mirrors.*.config.offset.flush.interval.ms",
        bounds: "a quarter of its own to its own",
        draw: flush_interval,
    },
    Row { what: "mirrors.*.config.offset.lag.max", bounds: "0 to its own", draw: offset_lag },
];

/// What `seed` changes about `plan`, in the order of [`TABLE`]. A value that `sets` already gives is not
/// drawn: who asks for it gets it.
#[must_use]
pub fn draw(plan: &Plan, sets: &[(String, String)], seed: u64) -> Vec<(String, String)> {
    let is_decided = plan.seed.is_some()
        || plan.producers.iter().any(|producer| producer.sends.is_some())
        || plan.faults.iter().any(|fault| matches!(fault.when, When::After { .. }));
    if is_decided {
        return Vec::new();
    }
    let mut swarm = Swarm { plan, sets, seed, drawn: Vec::new() };
    for row in TABLE {
        (row.draw)(&mut swarm);
    }
    swarm.drawn
}

struct Swarm<'a> {
    plan: &'a Plan,
    sets: &'a [(String, String)],
    seed: u64,
    drawn: Vec<(String, String)>,
}

impl Swarm<'_> {
    /// The stream of what is drawn for one entity, if this seed draws it at all.
    fn chance(&self, what: &str, name: &str) -> Option<ChaCha8Rng> {
        let mut rng = stream(self.seed, &format!("swarm {what}"), entity(name));
        rng.random_bool(0.5).then_some(rng)
    }

    fn put(&mut self, path: String, value: String) {
        let is_given = |set: &&(String, String)| {
            path.strip_suffix(set.0.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        if self.sets.iter().find(is_given).is_none() {
            self.drawn.push((path, value));
        }
    }

    /// A number other than its `own`, both ends included; the bounds may leave none.
    fn number(&mut self, what: &str, path: String, (low, high): (i64, i64), own: i64) {
        let Some(mut rng) = self.chance(what, &path) else { return };
        if low >= high {
            return;
        }
        let value = rng.random_range(low..=high);
        if value != own {
            self.put(path, value.to_string());
        }
    }

    /// The number that `path` has by now.
    fn now(&self, path: &str, own: i64) -> i64 {
        let drawn = self.drawn.iter().find(|(drawn, _)| drawn == path);
        drawn.and_then(|(_, value)| value.parse().ok()).unwrap_or(own)
    }
}

fn choices(swarm: &mut Swarm<'_>) {
    for (index, fault) in swarm.plan.faults.iter().enumerate() {
        let several = fault.choices.len() > 1;
        let name = format!("faults[{index}]");
        let Some(mut rng) = swarm.chance("choices", &name).filter(|_| several) else { continue };
        let stays = rng.random_range(0..fault.choices.len());
        for (choice, (weight, _)) in fault.choices.iter().enumerate() {
            let leaves = rng.random_ratio(1, 3) && choice != stays_one(fault, stays);
            if leaves && *weight > 0 {
                swarm.put(format!("{name}.one_of[{choice}].weight"), "0".to_owned());
            }
        }
    }
}

/// The first choice from `from` on, around, that can happen at all.
fn stays_one(fault: &crate::plan::Fault, from: usize) -> usize {
    let count = fault.choices.len();
    let around = (from..count).chain(0..from);
    around.clone().find(|choice| fault.choices[*choice].0 > 0).unwrap_or(from)
}

fn every(swarm: &mut Swarm<'_>) {
    for (index, fault) in swarm.plan.faults.iter().enumerate() {
        let When::Between { from, to, every } = fault.when else { continue };
        let path = format!("faults[{index}].every");
        let Some(mut rng) = swarm.chance("every", &path) else { continue };
        let sixths: u64 = rng.random_range(2..=12);
        let scaled = |length: Micros| {
            // Whole milliseconds, and none below one: closer no two faults may be.
            let micros = (length.0 * sixths / 6).min((to.0 - from.0).max(length.0));
            Micros((micros / 1000).max(1) * 1000)
        };
        // A window that is nearly full of faults stays as full as it is.
        let crowded = (to.0 - from.0) / every.min.0 > 1000 && sixths < 6;
        if sixths != 6 && !crowded {
            let range = Delay { min: scaled(every.min), max: scaled(every.max) };
            swarm.put(path, spell_range(range));
        }
    }
}

fn latency(swarm: &mut Swarm<'_>) {
    let own = swarm.plan.network.latency;
    let path = "cluster.network.latency".to_owned();
    let Some(mut rng) = swarm.chance("latency", &path) else { return };
    let max = Micros(rng.random_range(own.max.0..=own.max.0.saturating_mul(3)));
    if max != own.max {
        swarm.put(path, spell_range(Delay { min: own.min, max }));
    }
}

fn partitions(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    let grows = |name: &str| {
        let kinds = plan.faults.iter().flat_map(|fault| &fault.choices);
        let mut topics = kinds.filter_map(|(_, kind)| match kind.target {
            Target::Topic(topic) => Some(plan.topics[topic.index()].name.as_str()),
            _ => None,
        });
        topics.any(|other| other == name)
    };
    // The first is Kafka's own; how many one has that is given more, or is copied, belongs to the question.
    let fixed = |id, topic: &Topic| grows(&topic.name) || plan.is_mirrored(id);
    for (_, topic) in plan.user_topics().filter(|(id, topic)| !fixed(*id, topic)) {
        let own = i64::from(topic.partitions);
        let path = format!("topics.{}.partitions", topic.name);
        swarm.number("partitions", path, (own, own + 3), own);
    }
}

fn members(swarm: &mut Swarm<'_>) {
    for group in swarm.plan.named_groups() {
        let own = i64::from(group.members);
        let path = format!("groups.{}.members", group.name);
        let most = group.autoscale.map_or(own + 2, |one| i64::from(one.max).min(own + 2));
        swarm.number("members", path, (own, most), own);
    }
}

const REQUEST_TIMEOUT: &str = "request.timeout.ms";

/// Where the settings of producers stand, with them: of those of the scenario, and of what its groups send on.
fn producers(plan: &Plan) -> Vec<(String, &Settings)> {
    let own = plan.producers.iter().map(|one| (format!("producers.{}", one.name), &one.config));
    let outputs = plan.named_groups().flat_map(|group| {
        group.outputs().map(|(lane, output)| {
            let key = if lane == Lane::DeadLetters { "dead_letter" } else { "produces" };
            (format!("groups.{}.{key}", group.name), &output.config)
        })
    });
    own.chain(outputs).map(|(place, config)| (format!("{place}.config"), config)).collect()
}

fn request_timeout(swarm: &mut Swarm<'_>) {
    for (place, config) in producers(swarm.plan) {
        let own = config.number(REQUEST_TIMEOUT);
        let path = format!("{place}.{REQUEST_TIMEOUT}");
        swarm.number("request timeout", path, ((own / 2).max(1), own), own);
    }
}

fn linger(swarm: &mut Swarm<'_>) {
    for (place, config) in producers(swarm.plan) {
        let request = config.number(REQUEST_TIMEOUT);
        let request = swarm.now(&format!("{place}.{REQUEST_TIMEOUT}"), request);
        let room = config.number("delivery.timeout.ms") - request;
        let own = config.number("linger.ms");
        swarm.number("linger", format!("{place}.linger.ms"), (0, room.min(50)), own);
    }
}

fn batch_size(swarm: &mut Swarm<'_>) {
    for (place, config) in producers(swarm.plan) {
        let path = format!("{place}.batch.size");
        let Some(mut rng) = swarm.chance("batch size", &path) else { continue };
        let size: i64 = 1024 << (2 * rng.random_range(0..4_u32));
        if size != config.number("batch.size") {
            swarm.put(path, size.to_string());
        }
    }
}

fn flush_interval(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    for (name, mirror) in mirrors(plan) {
        let own = i64::try_from(mirror.flush_interval.as_millis()).unwrap_or(i64::MAX);
        let path = format!("mirrors.{name}.config.offset.flush.interval.ms");
        swarm.number("flush interval", path, ((own / 4).max(1), own), own);
    }
}

fn offset_lag(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    for (name, mirror) in mirrors(plan) {
        let own = i64::from(mirror.offset_lag_max);
        let path = format!("mirrors.{name}.config.offset.lag.max");
        swarm.number("offset lag", path, (0, own), own);
    }
}

fn mirrors(plan: &Plan) -> impl Iterator<Item = (&str, &Mirror)> {
    plan.groups.iter().filter_map(|group| Some((group.name.as_str(), group.mirror()?)))
}

fn broker_path(plan: &Plan, id: ClusterId, key: &str) -> String {
    format!("{}.config.{key}", plan.cluster_path(id))
}

fn session_timeout(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    for group in plan.named_groups().filter(|group| !is_consumer(group)) {
        let brokers = &plan.cluster(plan.cluster_of(group)).config;
        let least = brokers.number("group.min.session.timeout.ms");
        let own = group.config.number("session.timeout.ms");
        let low = least.max(2 * group.config.number("heartbeat.interval.ms"));
        let path = format!("groups.{}.config.session.timeout.ms", group.name);
        swarm.number("session timeout", path, (low, own), own);
    }
}

fn is_consumer(group: &Group) -> bool {
    group.config.word("group.protocol") == "consumer"
}

fn consumer_session_timeout(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    for (id, cluster) in plan.numbered() {
        let mut here = plan.groups.iter().filter(|group| plan.cluster_of(group) == id);
        if !here.any(is_consumer) {
            continue;
        }
        let number = |key: &str| cluster.config.number(key);
        let own = number("group.consumer.session.timeout.ms");
        let least = number("group.consumer.min.session.timeout.ms");
        let low = least.max(2 * number("group.consumer.heartbeat.interval.ms"));
        let path = broker_path(plan, id, "group.consumer.session.timeout.ms");
        swarm.number("consumer session timeout", path, (low, own), own);
    }
}

fn max_poll_records(swarm: &mut Swarm<'_>) {
    for group in swarm.plan.named_groups() {
        let own = group.config.number("max.poll.records");
        let path = format!("groups.{}.config.max.poll.records", group.name);
        swarm.number("poll", path, (100, own), own);
    }
}

fn replica_lag(swarm: &mut Swarm<'_>) {
    let plan = swarm.plan;
    for (id, cluster) in plan.numbered() {
        let own = cluster.config.number("replica.lag.time.max.ms");
        let low = (own / 2).max(4 * cluster.config.number("replica.fetch.wait.max.ms"));
        swarm.number("lag", broker_path(plan, id, "replica.lag.time.max.ms"), (low, own), own);
    }
}
