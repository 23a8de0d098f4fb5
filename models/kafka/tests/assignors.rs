//! The assignors against Kafka's own: the same shares for some hundred small random groups, to the
//! partition. `tests/real/java/Assignors.java` says how the file of Kafka's results is written anew.

use ackproof_kafka::assignor::{
    Assignment, Assignor, GroupMember, ServerAssignor, Subscriber, UserData,
};
use ackproof_types::{GenerationId, MemberId, TopicId, TopicPartition};
use std::collections::BTreeMap;
use std::sync::Arc;

const KAFKA: &str = include_str!("data/assignors.txt");
/// What Kafka's file has where its assignor failed.
const FAILED: char = '!';

/// A member as both kinds of line begin it: id, instance, topics, what it owns; then the rest.
struct Row<'a> {
    id: MemberId,
    instance: Option<u16>,
    topics: Arc<[TopicId]>,
    partitions: Arc<[TopicPartition]>,
    rest: Vec<&'a str>,
}

fn row(text: &str) -> Row<'_> {
    let fields: Vec<&str> = text.split(',').collect();
    Row {
        id: MemberId(fields[0].parse().expect("an id")),
        instance: fields[1].parse().ok(),
        topics: fields[2].chars().filter(char::is_ascii_alphabetic).map(topic).collect(),
        partitions: pairs(fields[3]).map(|(t, p)| TopicPartition::new(t, p)).collect(),
        rest: fields[4..].to_vec(),
    }
}

fn topic(letter: char) -> TopicId {
    TopicId(u16::try_from(u32::from(letter)).expect("a letter"))
}

/// `h0h1i2`: a topic and a number each.
fn pairs(text: &str) -> impl Iterator<Item = (TopicId, u16)> {
    let letters = text.chars().filter(char::is_ascii_alphabetic);
    let numbers = text.chars().filter_map(|letter| letter.to_digit(10));
    letters
        .zip(numbers)
        .map(|(letter, digit)| (topic(letter), u16::try_from(digit).expect("a digit")))
}

fn subscriber(row: Row<'_>) -> Subscriber {
    let [generation, remembered, remembered_generation] = row.rest[..] else { panic!("a member") };
    let user_data = remembered_generation.parse().ok().map(|generation| UserData {
        partitions: pairs(remembered).map(|(t, p)| TopicPartition::new(t, p)).collect(),
        generation: GenerationId(generation),
    });
    Subscriber {
        id: row.id,
        instance: row.instance,
        topics: row.topics,
        owned: row.partitions,
        generation: generation.parse().map_or(GenerationId::UNKNOWN, GenerationId),
        user_data,
        opaque: None,
    }
}

fn member(row: Row<'_>) -> GroupMember {
    GroupMember { id: row.id, instance: row.instance, topics: row.topics, target: row.partitions }
}

/// The shares as the file has them.
fn text(assignment: &Assignment) -> String {
    let share = |(_, partitions): &(_, Arc<[TopicPartition]>)| {
        let letter = |topic: TopicId| char::from(u8::try_from(topic.0).expect("a letter"));
        let partitions = partitions.iter().map(|p| format!("{}{}", letter(p.topic), p.partition));
        let text: String = partitions.collect();
        if text.is_empty() { "-".to_owned() } else { text }
    };
    assignment.iter().map(share).collect::<Vec<_>>().join(",")
}

/// What the models make of the group of a line, assignor by assignor.
fn ours(group: &str) -> Vec<(&'static str, String)> {
    let mut words = group.split(' ');
    let (kind, topics) = (words.next(), words.next().expect("topics"));
    let counts: BTreeMap<TopicId, u16> = pairs(topics).collect();
    let count = |topic| counts.get(&topic).copied().unwrap_or(0);
    let rows = words.map(row);
    if kind == Some("client") {
        let members: Vec<Subscriber> = rows.map(subscriber).collect();
        let assign = |a: &Assignor| (a.name(), text(&a.assign(&members, count)));
        Assignor::ALL.iter().map(assign).collect()
    } else {
        let members: Vec<GroupMember> = rows.map(member).collect();
        let names = ["server uniform", "server range"];
        let assign = |a: &ServerAssignor| text(&a.assign(&members, count));
        names.into_iter().zip(ServerAssignor::ALL.iter().map(assign)).collect()
    }
}

#[test]
fn they_share_out_like_kafka() {
    let mut compared: BTreeMap<&str, usize> = BTreeMap::new();
    let mut failed = 0;
    let mut differing = Vec::new();
    for line in KAFKA.lines().filter(|line| !line.starts_with('#')) {
        let (group, results) = line.split_once(" > ").expect("results");
        let ours = ours(group);
        let results: Vec<&str> = results.split(' ').collect();
        assert_eq!(results.len(), ours.len(), "{line}");
        for (kafka, (name, shares)) in results.into_iter().zip(ours) {
            if kafka.starts_with(FAILED) {
                failed += 1;
            } else if kafka == shares {
                *compared.entry(name).or_default() += 1;
            } else {
                differing.push(format!("{name} of {group}\n  Kafka {kafka}\n  here  {shares}"));
            }
        }
    }
    let count = differing.len();
    differing.truncate(5);
    assert!(differing.is_empty(), "{count} differ:\n{}", differing.join("\n"));
    assert_eq!(compared.len(), Assignor::ALL.len() + ServerAssignor::ALL.len(), "{compared:?}");
    assert!(compared.values().all(|count| *count >= 200), "too few to trust: {compared:?}");
    // Kafka's general builder fails on an older owner that takes no part; see `better`.
    assert!(failed <= 10, "Kafka failed {failed} times");
}
