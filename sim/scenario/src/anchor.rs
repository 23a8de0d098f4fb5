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
    /// A record fails at its producer.
    Fails(RecordName),
    /// A producer sends a batch again that begins with this record.
    SentAgain(RecordName),
    /// A broker takes the lead.
    BecomesLeader(u16, TopicId, u16),
    /// The controller elects a broker.
    IsElected(u16, TopicId, u16),
    /// A broker cuts records off its log.
    Truncates(u16, TopicId, u16),
    /// A process is killed.
    Crashes(Target),
    /// A process ends in good order.
    Stops(Target),
    /// A member, or any member of a group, is given this by a poll.
    Polls(Target, Content),
    /// A member, or any member of a group, finds its position here.
    StartsAt(Target, Place),
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
    if let Some((who, what)) = text.split_once(" polls ") {
        return Ok(Anchor::Polls(consumer(who, "polls", plan)?, content(what, None, plan)?));
    }
    if let Some((who, what)) = text.split_once(" starts at ") {
        let who = consumer(who, "starts at", plan)?;
        return Ok(Anchor::StartsAt(who, place(what, None, plan)?));
    }
    if let Some((who, what)) = text.split_once(" commits ") {
        return Ok(Anchor::Commits(consumer(who, "commits", plan)?, place(what, None, plan)?));
    }
    type OfBroker = fn(u16, TopicId, u16) -> Anchor;
    let of_broker: [(&str, OfBroker); 3] = [
        (" becomes leader of ", Anchor::BecomesLeader),
        (" is elected for ", Anchor::IsElected),
        (" truncates ", Anchor::Truncates),
    ];
    for (verb, anchor) in of_broker {
        if let Some((who, what)) = text.split_once(verb) {
            let Target::Broker(broker) = process(who, plan)? else {
                return Err((format!("\"{who}\" is not a broker"), None));
            };
            let (topic, number) = partition(plan, what)?;
            return Ok(anchor(broker, topic, number));
        }
    }
    type OfRecord = fn(RecordName) -> Anchor;
    let of_record: [(&str, OfRecord); 4] = [
        (" is sent", Anchor::Sent),
        (" is sent again", Anchor::SentAgain),
        (" is acknowledged", Anchor::Acknowledged),
        (" fails", Anchor::Fails),
    ];
    for (verb, anchor) in of_record {
        if let Some(name) = text.strip_suffix(verb) {
            return record(name, plan).map(anchor);
        }
    }
    if let Some(who) = text.strip_suffix(" crashes") {
        return ends(who, "crashes", plan).map(Anchor::Crashes);
    }
    if let Some(who) = text.strip_suffix(" stops") {
        return ends(who, "stops", plan).map(Anchor::Stops);
    }
    let examples = examples(plan);
    let hint = nearest(text, examples.iter().map(String::as_str))
        .unwrap_or_else(|| format!("write one of: {}", examples.join(", ")));
    Err((format!("\"{text}\" is nothing that a fault can wait for"), Some(hint)))
}

fn nobody(who: Target, verb: &str, allowed: &str, plan: &Plan) -> Refusal {
    (format!("\"{}\" {verb} nothing; write {allowed}", words(who, plan)), None)
}

/// One process by its name.
fn ends(who: &str, verb: &str, plan: &Plan) -> Result<Target, Refusal> {
    let who = find(who, plan)?;
    let is_one = matches!(
        who,
        Target::Broker(_) | Target::Controller(_) | Target::Producer(..) | Target::Member(..)
    );
    if is_one {
        return Ok(who);
    }
    let allowed = "one process by its name, like \"broker-1\"";
    Err((format!("\"{}\" is not one process that {verb}; write {allowed}", words(who, plan)), None))
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
        (format!("\"{text}\" is not a place in a log"), Some(hint))
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

pub(crate) fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// `billing-0#12`.
fn record(text: &str, plan: &Plan) -> Result<RecordName, Refusal> {
    let wrong = || {
        let hint = Some("write \"billing-0#12\": records are counted from 0".to_owned());
        (format!("\"{text}\" is not a record"), hint)
    };
    let (name, number) = text.split_once('#').ok_or_else(wrong)?;
    let number = digits(number).ok_or_else(wrong)?;
    let Target::Producer(producer, instance) = process(name, plan)? else {
        return Err((format!("\"{name}\" is not a producer"), None));
    };
    Ok(RecordName { producer, instance, number })
}

/// Every form of an anchor, by an example, with what it means.
pub const ANCHORS: &[(&str, &str)] = &[
    ("billing-0#5 is sent", "the record is handed to its producer; records count from 0"),
    ("billing-0#5 is sent again", "its producer sends the batch that it begins once more"),
    ("billing-0#5 is acknowledged", "its producer hears that it is written"),
    ("billing-0#5 fails", "its producer reports an error for it, certain or not"),
    ("leader of payments-0 appends offset 5", "whoever leads the partition has it in its log"),
    ("broker-1 appends payments-0 offset 5", "the broker has it in its log, as leader or follower"),
    ("broker-1 appends billing-0#5", "the broker has the record in its log"),
    ("broker-1 truncates payments-0", "the broker truncates its log"),
    ("broker-1 is elected for payments-0", "the controller makes it the leader"),
    ("broker-1 becomes leader of payments-0", "the broker learns that it leads"),
    ("broker-1 crashes", "the process is killed; works for every process"),
    ("broker-1 stops", "the process stops cleanly; works for every process"),
    ("ledger-0 starts at payments-0 offset 5", "the member finds this position"),
    (
        "ledger-0 polls payments-0 offset 5",
        "a poll gives it to the member, or to any of \"ledger\"",
    ),
    ("ledger-0 polls billing-0#5", "a poll gives it the record"),
    ("ledger-0 processes payments-0 offset 5", "the application of the member has finished it"),
    ("ledger processes billing-0#5", "some member of the group has finished the record"),
    (
        "ledger-0 commits payments-0 offset 6",
        "a commit up to this offset, or beyond, is acknowledged",
    ),
];

/// One anchor of every form that the plan has.
fn examples(plan: &Plan) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(topic) = plan.topics.get(1) {
        let name = &topic.name;
        all.push(format!("leader of {name}-0 appends offset 5"));
        all.push(format!("broker-1 appends {name}-0 offset 5"));
        all.push(format!("broker-1 becomes leader of {name}-0"));
        all.push(format!("broker-1 is elected for {name}-0"));
        all.push(format!("broker-1 truncates {name}-0"));
        all.push("broker-1 crashes".to_owned());
        if let Some(group) = plan.named_groups().next() {
            all.push(format!("{}-0 polls {name}-0 offset 5", group.name));
            all.push(format!("{}-0 processes {name}-0 offset 5", group.name));
            all.push(format!("{}-0 commits {name}-0 offset 6", group.name));
        }
    }
    if let Some(producer) = plan.producers.first() {
        let name = &producer.name;
        all.push(format!("broker-1 appends {name}-0#5"));
        all.push(format!("{name}-0#5 is sent"));
        all.push(format!("{name}-0#5 is acknowledged"));
        all.push(format!("{name}-0#5 is sent again"));
        all.push(format!("{name}-0#5 fails"));
    }
    if let Some(group) = plan.named_groups().next() {
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
        Anchor::Fails(record) => format!("{} fails", spell_record(record, plan)),
        Anchor::SentAgain(record) => format!("{} is sent again", spell_record(record, plan)),
        Anchor::BecomesLeader(broker, topic, number) => {
            format!(
                "{} becomes leader of {}",
                plan.broker_name(broker),
                spell_partition(topic, number, plan)
            )
        }
        Anchor::IsElected(broker, topic, number) => {
            format!(
                "{} is elected for {}",
                plan.broker_name(broker),
                spell_partition(topic, number, plan)
            )
        }
        Anchor::Truncates(broker, topic, number) => {
            format!(
                "{} truncates {}",
                plan.broker_name(broker),
                spell_partition(topic, number, plan)
            )
        }
        Anchor::Crashes(target) => format!("{} crashes", who(target)),
        Anchor::Stops(target) => format!("{} stops", who(target)),
        Anchor::Polls(target, content) => {
            format!("{} polls {}", who(target), spell_content(content, plan))
        }
        Anchor::StartsAt(target, place) => {
            format!("{} starts at {}", who(target), spell_content(Content::At(place), plan))
        }
        Anchor::Processes(target, content) => {
            format!("{} processes {}", who(target), spell_content(content, plan))
        }
        Anchor::Commits(target, place) => {
            format!("{} commits {}", who(target), spell_content(Content::At(place), plan))
        }
    }
}

fn spell_partition(topic: TopicId, number: u16, plan: &Plan) -> String {
    format!("{}-{number}", plan.topics[topic.index()].name)
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

pub(crate) fn spell_record(record: RecordName, plan: &Plan) -> String {
    let RecordName { producer, instance, number } = record;
    format!("{}-{instance}#{number}", plan.producers[usize::from(producer)].name)
}
