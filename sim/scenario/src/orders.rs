//! What administrators do, read from the tree: a verb with a topic or a partition, and how.
//!
//! Which settings can be altered is said here, since the controller must know them.

use crate::cluster::MAX_COUNT;
use crate::config::Config;
use crate::describe::listed;
use crate::features;
use crate::json::Value;
use crate::plan::{Order, Plan, Settings, Target};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use crate::targets::{self, cluster_at, led, partition, topic};
use ackproof_types::ClusterId;

/// Settings of topics that can be altered while the cluster runs.
pub(crate) const ALTERABLE: &[&str] = &[
    "max.message.bytes",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
    "unclean.leader.election.enable",
];

/// Whether an administrator does what `verb` says.
pub(crate) fn knows(verb: &str) -> bool {
    matches!(
        verb,
        "add-partitions"
            | "alter-config"
            | "cancel-reassignment"
            | "create-topic"
            | "delete-topic"
            | "elect-unclean"
            | "reassign"
            | "update-features"
    )
}

/// The topic or the partition that it is about.
pub(crate) fn target(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    verb: &str,
    place: &At<'_>,
    plan: &Plan,
) -> Option<Target> {
    match verb {
        "cancel-reassignment" | "elect-unclean" | "reassign" => led(sink, place, plan),
        "update-features" => match at.get("cluster") {
            Some(given) => cluster_at(sink, &given, plan).map(Target::ActiveController),
            None => Some(Target::ActiveController(ClusterId::FIRST)),
        },
        _ => topic(sink, place, plan).map(Target::Topic),
    }
}

/// What `verb` asks for.
pub(crate) fn order(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    verb: &str,
    place: &At<'_>,
    plan: &Plan,
) -> Option<Order> {
    Some(match verb {
        "elect-unclean" => Order::ElectUnclean,
        "update-features" => Order::UpdateFeatures(features::finalized(sink, place)?),
        "add-partitions" => {
            let all = needed(sink, at, place, "to", "4")?;
            let all = sink.whole(&all, 1, i64::from(MAX_COUNT))?;
            Order::AddPartitions(u16::try_from(all).ok()?)
        }
        "alter-config" => {
            let config = needed(sink, at, place, "config", "{ \"min.insync.replicas\": 1 }")?;
            Order::AlterConfig(altered(sink, &config)?)
        }
        "reassign" => {
            let to = needed(sink, at, place, "to", "[\"broker-2\", \"broker-3\"]")?;
            Order::Reassign(brokers(sink, &to, place, plan)?)
        }
        "cancel-reassignment" => Order::CancelReassignment,
        "create-topic" => Order::CreateTopic,
        "delete-topic" => Order::DeleteTopic,
        other => unreachable!("the verb {other} is in the table but not here"),
    })
}

/// The brokers that a partition moves to: each once, and of its cluster.
fn brokers(sink: &mut Sink<'_>, to: &At<'_>, place: &At<'_>, plan: &Plan) -> Option<Vec<u16>> {
    let topic = partition(plan, place.node.as_str()?).ok()?.0;
    let there = plan.brokers_of(plan.topics[topic.index()].cluster);
    let mut brokers = Vec::new();
    for item in sink.list(to) {
        match targets::target(sink, &item, plan)? {
            Target::Broker(one) if !there.contains(&one) => {
                sink.at(&item, "it is a broker of another cluster");
                return None;
            }
            Target::Broker(one) if brokers.contains(&one) => {
                sink.at(&item, "listed twice");
                return None;
            }
            Target::Broker(one) => brokers.push(one),
            _ => {
                sink.at(&item, "a partition moves to brokers by name, like \"broker-2\"");
                return None;
            }
        }
    }
    if brokers.is_empty() {
        sink.at(to, "a partition has a replica or more");
        return None;
    }
    Some(brokers)
}

/// The settings that a fault alters.
fn altered(sink: &mut Sink<'_>, at: &At<'_>) -> Option<Settings> {
    let config = Config::read(sink, Some(at), Scope::Topic);
    for (key, (_, place)) in &config.given {
        if !ALTERABLE.contains(key) {
            let message = format!("\"{key}\" cannot be altered while the cluster runs here");
            let hint = Some(format!("what can be: {}", ALTERABLE.join(", ")));
            sink.hinted(place.key_span, &place.path, message, hint);
            return None;
        }
    }
    if matches!(&at.node.value, Value::Object(members) if members.is_empty()) {
        let all: Vec<String> = ALTERABLE.iter().map(|key| format!("\"{key}\"")).collect();
        sink.at(at, format!("nothing is altered; one or more of {}", listed(&all)));
        return None;
    }
    let settings =
        Settings(config.given.into_iter().map(|(key, (value, _))| (key, value)).collect());
    (!settings.0.is_empty()).then_some(settings)
}

/// What says how, at `key`; that it is missing is said.
pub(crate) fn needed<'n>(
    sink: &mut Sink<'_>,
    at: &At<'n>,
    place: &At<'_>,
    key: &str,
    example: &str,
) -> Option<At<'n>> {
    let found = at.get(key);
    if found.is_none() {
        let message = match key {
            "to" if example.starts_with('[') => {
                format!("to which brokers? add \"{key}\": {example}")
            }
            "to" => format!("how many in all? add \"{key}\": {example}"),
            "config" => format!("which settings? add \"{key}\": {example}"),
            _ => format!("how much? add \"{key}\": \"{example}\""),
        };
        sink.error(place.key_span, &place.path, message);
    }
    found
}
