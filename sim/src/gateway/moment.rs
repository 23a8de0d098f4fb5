//! What an operator may wait for, beside what faults wait for: that something is so.

use super::order::Reply;
use super::view::View;
use ackproof_scenario::anchor::Anchor;
use ackproof_scenario::diagnostic::nearest;
use ackproof_scenario::plan::Plan;
use ackproof_scenario::strike;
use ackproof_types::{BrokerId, TopicPartition};
use serde_json::{Map, Value};

/// What is waited for.
#[derive(Clone, Debug)]
pub(super) enum Awaited {
    /// What a fault could wait for.
    Anchor(Anchor),
    /// That something is so.
    So(Condition),
}

/// Something that is so, or not yet.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    /// Some broker leads a partition, or this one, or another one than that.
    Leader { partition: TopicPartition, is: Option<BrokerId>, not: Option<BrokerId> },
    /// So many replicas are in sync.
    InSync(TopicPartition, u64),
    /// The log of the leader is so long.
    End(TopicPartition, u64),
    /// A group has so many members.
    Members(String, u64),
    /// A group is no further behind.
    Lag(String, u64),
    /// A broker is up, or not.
    Up(BrokerId, bool),
}

/// Each kind: the key that names what it is about, and those that go with it.
const KINDS: &[(&str, &[&str])] = &[
    ("for", &[]),
    ("leader", &["is", "not"]),
    ("in_sync", &["least"]),
    ("log_end", &["least"]),
    ("group", &["members", "lag"]),
    ("broker", &["up"]),
];

/// How long whoever waits is ready to wait; the rest of the machinery does not look at it.
const TIMEOUT: &str = "timeout";

impl Condition {
    /// Whether it is so.
    pub(super) fn holds(&self, view: &View<'_>) -> bool {
        match self {
            Self::Leader { partition, is, not } => view
                .leader(*partition)
                .is_some_and(|leader| is.is_none_or(|is| is == leader) && *not != Some(leader)),
            Self::InSync(partition, least) => view.in_sync(*partition) as u64 >= *least,
            Self::End(partition, least) => {
                u64::try_from(view.log_end(*partition).0).is_ok_and(|end| end >= *least)
            }
            Self::Members(group, members) => {
                view.group(group).is_some_and(|group| u64::from(view.members(group)) == *members)
            }
            Self::Lag(group, most) => {
                let group = view.group(group);
                group.and_then(|group| view.lag(group)).is_some_and(|lag| lag <= *most)
            }
            Self::Up(broker, up) => view.is_up(*broker) == *up,
        }
    }
}

fn refused(error: &str, hint: Option<&str>) -> Reply {
    Reply::refused(400, error, hint)
}

fn said((message, hint): (String, Option<String>)) -> Reply {
    refused(&message, hint.as_deref())
}

/// Reads what is waited for.
///
/// # Errors
/// What is wrong, and what to write instead.
pub(super) fn read(text: &str, plan: &Plan) -> Result<Awaited, Reply> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| refused(&error.to_string(), None))?;
    let Value::Object(all) = value else {
        return Err(refused("an object is expected", Some("{ \"leader\": \"orders-0\" }")));
    };
    let known =
        || KINDS.iter().flat_map(|(key, with)| [*key].into_iter().chain(with.iter().copied()));
    for key in all.keys().filter(|key| *key != TIMEOUT) {
        if !known().any(|one| one == key) {
            return Err(refused(
                &format!("unknown key \"{key}\""),
                nearest(key, known()).as_deref(),
            ));
        }
    }
    let mut found = KINDS.iter().filter(|(key, _)| all.contains_key(*key));
    let (Some((key, with)), None) = (found.next(), found.next()) else {
        let kinds: Vec<&str> = KINDS.iter().map(|(key, _)| *key).collect();
        return Err(refused(
            "for what? one thing is waited for",
            Some(&format!("one of: {}", kinds.join(", "))),
        ));
    };
    let stray =
        all.keys().find(|one| *one != key && *one != TIMEOUT && !with.contains(&one.as_str()));
    if let Some(stray) = stray {
        return Err(refused(&format!("\"{stray}\" does not go with \"{key}\""), None));
    }
    condition(key, &all, plan)
}

fn condition(key: &str, all: &Map<String, Value>, plan: &Plan) -> Result<Awaited, Reply> {
    let subject = text(all, key)?.unwrap_or_default();
    let partition = || -> Result<TopicPartition, Reply> {
        let (topic, number) = strike::partition(subject, plan).map_err(said)?;
        Ok(TopicPartition::new(topic, number))
    };
    let broker = |name: &str| strike::broker(name, plan).map(BrokerId).map_err(said);
    Ok(Awaited::So(match key {
        "for" => return strike::anchor(subject, plan).map(Awaited::Anchor).map_err(said),
        "leader" => Condition::Leader {
            partition: partition()?,
            is: text(all, "is")?.map(broker).transpose()?,
            not: text(all, "not")?.map(broker).transpose()?,
        },
        "in_sync" => Condition::InSync(partition()?, needed(all, "least", 3)?),
        "log_end" => Condition::End(partition()?, needed(all, "least", 100)?),
        "broker" => Condition::Up(broker(subject)?, switch(all, "up")?),
        _ => match (number(all, "members")?, number(all, "lag")?) {
            (Some(members), None) => Condition::Members(subject.to_owned(), members),
            (None, Some(lag)) => Condition::Lag(subject.to_owned(), lag),
            _ => {
                let hint = "add \"members\": 2, or \"lag\": 0";
                return Err(refused("what of the group?", Some(hint)));
            }
        },
    }))
}

fn text<'v>(all: &'v Map<String, Value>, key: &str) -> Result<Option<&'v str>, Reply> {
    match all.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(refused(&format!("\"{key}\": expected a string, found {other}"), None)),
    }
}

/// A whole number; in a query it is a string.
fn number(all: &Map<String, Value>, key: &str) -> Result<Option<u64>, Reply> {
    let Some(value) = all.get(key) else { return Ok(None) };
    let found = value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let wrong = || refused(&format!("\"{key}\": expected a whole number, found {value}"), None);
    found.map(Some).ok_or_else(wrong)
}

fn needed(all: &Map<String, Value>, key: &str, example: u64) -> Result<u64, Reply> {
    let hint = format!("add \"{key}\": {example}");
    number(all, key)?.ok_or_else(|| refused("how many?", Some(&hint)))
}

fn switch(all: &Map<String, Value>, key: &str) -> Result<bool, Reply> {
    match all.get(key) {
        None => Ok(true),
        Some(Value::Bool(on)) => Ok(*on),
        Some(Value::String(word)) if word == "true" || word == "false" => Ok(word == "true"),
        Some(other) => {
            Err(refused(&format!("\"{key}\": expected true or false, found {other}"), None))
        }
    }
}
