//! What administrators do, read from the tree: a verb with a topic or a partition, and how.
//!
//! Which settings can be altered is said here, since the controller must know them.

use crate::cluster::MAX_COUNT;
use crate::config::Config;
use crate::describe::listed;
use crate::json::Value;
use crate::plan::{Order, Plan, Settings, Target};
use crate::settings::Scope;
use crate::sink::{At, Sink};
use crate::targets::{led, topic};

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
    matches!(verb, "add-partitions" | "alter-config" | "elect-unclean")
}

/// The topic or the partition that it is about.
pub(crate) fn target(
    sink: &mut Sink<'_>,
    verb: &str,
    place: &At<'_>,
    plan: &Plan,
) -> Option<Target> {
    match verb {
        "elect-unclean" => led(sink, place, plan),
        _ => topic(sink, place, plan).map(Target::Topic),
    }
}

/// What `verb` asks for.
pub(crate) fn order(sink: &mut Sink<'_>, at: &At<'_>, verb: &str, place: &At<'_>) -> Option<Order> {
    Some(match verb {
        "elect-unclean" => Order::ElectUnclean,
        "add-partitions" => {
            let all = needed(sink, at, place, "to", "4")?;
            let all = sink.whole(&all, 1, i64::from(MAX_COUNT))?;
            Order::AddPartitions(u16::try_from(all).ok()?)
        }
        "alter-config" => {
            let config = needed(sink, at, place, "config", "{ \"min.insync.replicas\": 1 }")?;
            Order::AlterConfig(altered(sink, &config)?)
        }
        other => unreachable!("the verb {other} is in the table but not here"),
    })
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
            "to" => format!("how many in all? add \"{key}\": {example}"),
            "config" => format!("which settings? add \"{key}\": {example}"),
            _ => format!("how much? add \"{key}\": \"{example}\""),
        };
        sink.error(place.key_span, &place.path, message);
    }
    found
}
