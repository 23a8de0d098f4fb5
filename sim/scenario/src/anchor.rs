//! Anchors: moments of a run in words, such as `leader of payments-0 appends offset 117`, that a fault
//! can wait for instead of a time. A run that is edited keeps its anchors where its times would drift.
//!
//! It knows the names of a plan; when a moment comes, whoever runs the plan finds out.

use crate::describe::words;
use crate::diagnostic::nearest;
use crate::plan::{Plan, Target};
use crate::targets::{Refusal, find, partition, process};
use ackproof_types::TopicId;

/// The first time that this happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// A broker, or whoever leads the partition, has this in its log.
    Appends(Target, Content),
    /// A record is handed to its producer.
    Sent(RecordName),
    /// A record is acknowledged.
    Acknowledged(RecordName),
    /// A broker takes the lead.
    BecomesLeader(u16, TopicId, u16),
    /// A member, or any member of a group, has processed this.
    Processes(Target, Content),
    /// A commit of a member, or of any member of a group, to this offset or beyond is acknowledged.
    Commits(Target, Place),
}

/// An offset of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The topic.
    pub topic: TopicId,
    /// The number of the partition.
    pub partition: u16,
    /// The offset.
    pub offset: i64,
}

/// A record of the workload: `billing-0#12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordName {
    /// The producer, by index.
    pub producer: u16,
    /// Its instance.
    pub instance: u16,
    /// The number among the records of the instance, from 0.
    pub number: u32,
}

/// What is appended or processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Whatever has this offset.
    At(Place),
    /// This record, wherever it lies.
    Record(RecordName),
}

/// Reads an anchor.
pub(crate) fn read(text: &str, plan: &Plan) -> Result<Anchor, Refusal> {
    if let Some((who, what)) = text.split_once(" appends ") {
        let who = find(who, plan)?;
        let leads = match who {
            Target::LeaderOf(topic, number) => Some((topic, number)),
            Target::Broker(_) => None,
            _ => return Err(nobody(who, "appends", "\"broker-1\" or \"leader of …\"", plan)),
        };
        return Ok(Anchor::Appends(who, content(what, leads, plan)?));
    }
    if let Some((who, what)) = text.split_once(" processes ") {
        return Ok(Anchor::Processes(
            consumer(who, "processes", plan)?,
            content(what, None, plan)?,
        ));
    }
    if let Some((who, what)) = text.split_once(" commits ") {
        return Ok(Anchor::Commits(consumer(who, "commits", plan)?, place(what, None, plan)?));
    }
    if let Some((who, what)) = text.split_once(" becomes leader of ") {
        let Target::Broker(broker) = process(who, plan)? else {
            return Err((format!("\"{who}\" is no broker"), None));
        };
        let (topic, number) = partition(plan, what)?;
        return Ok(Anchor::BecomesLeader(broker, topic, number));
    }
    if let Some(name) = text.strip_suffix(" is sent") {
        return record(name, plan).map(Anchor::Sent);
    }
    if let Some(name) = text.strip_suffix(" is acknowledged") {
        return record(name, plan).map(Anchor::Acknowledged);
    }
    let examples = examples(plan);
    let hint = nearest(text, examples.iter().map(String::as_str))
        .unwrap_or_else(|| format!("write one of: {}", examples.join(", ")));
    Err((format!("\"{text}\" is nothing that a fault can wait for"), Some(hint)))
}

fn nobody(who: Target, verb: &str, allowed: &str, plan: &Plan) -> Refusal {
    (format!("\"{}\" {verb} nothing; write {allowed}", words(who, plan)), None)
}

/// A member, or a group.
fn consumer(who: &str, verb: &str, plan: &Plan) -> Result<Target, Refusal> {
    let who = find(who, plan)?;
    if matches!(who, Target::Member(..) | Target::Group(_)) {
        return Ok(who);
    }
    Err(nobody(who, verb, "a member like \"ledger-0\", or its group", plan))
}

fn content(text: &str, leads: Option<(TopicId, u16)>, plan: &Plan) -> Result<Content, Refusal> {
    if text.contains('#') {
        return record(text, plan).map(Content::Record);
    }
    place(text, leads, plan).map(Content::At)
}

/// `payments-0 offset 5`, or `offset 5` where the partition is known.
fn place(text: &str, known: Option<(TopicId, u16)>, plan: &Plan) -> Result<Place, Refusal> {
    let wrong = || {
        let hint = "write \"payments-0 offset 5\", or a record like \"billing-0#5\"".to_owned();
        (format!("\"{text}\" is no place in a log"), Some(hint))
    };
    let (name, number) = match (text.strip_prefix("offset "), known) {
        (Some(number), Some(_)) => (None, number),
        _ => {
            let (name, number) = text.split_once(" offset ").ok_or_else(wrong)?;
            (Some(name), number)
        }
    };
    let offset = digits(number).ok_or_else(wrong)?;
    let named = name.map(|name| partition(plan, name)).transpose()?;
    let (topic, partition) = named.or(known).ok_or_else(wrong)?;
    if known.is_some_and(|known| known != (topic, partition)) {
        return Err((format!("\"{text}\" is another partition than the one that is led"), None));
    }
    Ok(Place { topic, partition, offset })
}

fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// `billing-0#12`.
fn record(text: &str, plan: &Plan) -> Result<RecordName, Refusal> {
    let wrong = || {
        let hint = Some("write \"billing-0#12\": records are counted from 0".to_owned());
        (format!("\"{text}\" is no record"), hint)
    };
    let (name, number) = text.split_once('#').ok_or_else(wrong)?;
    let number = digits(number).ok_or_else(wrong)?;
    let Target::Producer(producer, instance) = process(name, plan)? else {
        return Err((format!("\"{name}\" is no producer"), None));
    };
    Ok(RecordName { producer, instance, number })
}

/// One anchor of every form that the plan has.
fn examples(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(topic) = plan.topics.get(1) {
        let name = &topic.name;
        all.push(format!("leader of {name}-0 appends offset 5"));
        all.push(format!("broker-1 appends {name}-0 offset 5"));
        all.push(format!("broker-1 becomes leader of {name}-0"));
        if let Some(group) = plan.groups.first() {
            all.push(format!("{}-0 processes {name}-0 offset 5", group.name));
            all.push(format!("{}-0 commits {name}-0 offset 6", group.name));
        }
    }
    if let Some(producer) = plan.producers.first() {
        let name = &producer.name;
        all.push(format!("broker-1 appends {name}-0#5"));
        all.push(format!("{name}-0#5 is sent"));
        all.push(format!("{name}-0#5 is acknowledged"));
    }
    if let Some(group) = plan.groups.first() {
        all.push(format!("{} processes {}-0#5", group.name, plan.producers[0].name));
    }
    all
}

/// `anchor` as a scenario says it.
#[must_use]
pub fn spell(anchor: Anchor, plan: &Plan) -> String {
    let who = |target| words(target, plan);
    match anchor {
        // The partition is named once.
        Anchor::Appends(target @ Target::LeaderOf(..), Content::At(place)) => {
            format!("{} appends offset {}", who(target), place.offset)
        }
        Anchor::Appends(target, content) => {
            format!("{} appends {}", who(target), spell_content(content, plan))
        }
        Anchor::Sent(record) => format!("{} is sent", spell_record(record, plan)),
        Anchor::Acknowledged(record) => format!("{} is acknowledged", spell_record(record, plan)),
        Anchor::BecomesLeader(broker, topic, number) => {
            let name = &plan.topics[topic.index()].name;
            format!("broker-{broker} becomes leader of {name}-{number}")
        }
        Anchor::Processes(target, content) => {
            format!("{} processes {}", who(target), spell_content(content, plan))
        }
        Anchor::Commits(target, place) => {
            format!("{} commits {}", who(target), spell_content(Content::At(place), plan))
        }
    }
}

fn spell_content(content: Content, plan: &Plan) -> String {
    match content {
        Content::At(place) => {
            let topic = &plan.topics[place.topic.index()].name;
            format!("{topic}-{} offset {}", place.partition, place.offset)
        }
        Content::Record(record) => spell_record(record, plan),
    }
}

fn spell_record(record: RecordName, plan: &Plan) -> String {
    let RecordName { producer, instance, number } = record;
    format!("{}-{instance}#{number}", plan.producers[usize::from(producer)].name)
}
