//! What is written is read again, and what is no history is refused with its place.

use super::*;
use crate::context::{Context, Word};
use crate::history::{Entry, Event};
use crate::judge::Judge;
use crate::kind::Kind;
use crate::test_history::context;
use ackproof_types::Acks;
use ackproof_types::{GroupId, OffsetReset, TopicId};
use std::io::Cursor;

mod arbitrary;
mod hostile;

/// A history of `lines` below the header of the default context.
fn history(lines: &[&str]) -> String {
    format!("{}\n{}", header_line(&context()), lines.join("\n"))
}

/// Reads and judges all of it.
fn read(text: &[u8]) -> Result<(Context, Vec<Entry>), Problem> {
    let mut reader = Reader::open(Cursor::new(text))?;
    let mut judge = Judge::new(reader.context().clone());
    let mut entries = Vec::new();
    while let Some(entry) = reader.entry()? {
        judge.observe(&entry);
        entries.push(entry);
    }
    let _findings = judge.conclude();
    Ok((Context::clone(reader.context()), entries))
}

/// What is wrong with it.
#[track_caller]
fn refused(text: &str) -> String {
    let problem = read(text.as_bytes()).err();
    problem.unwrap_or_else(|| panic!("this is read: {text}")).to_string()
}

#[test]
fn the_header_is_the_context() {
    let mut all = context();
    all.producers[0].acks = Acks::Leader;
    (all.producers[0].idempotent, all.producers[0].ordered) = (false, true);
    all.topics[1].unclean_leader_election = true;
    let (read, entries) = read(format!("{}\n", header_line(&all)).as_bytes()).unwrap();
    assert_eq!(format!("{read:?}"), format!("{all:?}"));
    assert!(entries.is_empty());
}

#[test]
fn what_a_header_leaves_out_has_kafkas_defaults() {
    let text = r#"{"ackproof":"history","version":1,"topics":{"a-b":{"partitions":2}},
        "producers":{"p":{"topic":"a-b"},"q":{"topic":"a-b","acks":"1"}},
        "groups":{"g":{"topics":["a-b"]}},"nodes":["g-0"]}"#
        .replace('\n', " ");
    let (context, _) = read(text.as_bytes()).unwrap();
    assert_eq!(context.nodes.len(), 1 + 3 + 1 + 2, "{:?}", context.nodes);
    assert_eq!(
        (context.roster.brokers().count(), &*context.topics[0].name),
        (3, "__consumer_offsets")
    );
    assert!(context.producers[0].idempotent && context.producers[0].ordered, "with acks=all");
    assert!(!context.producers[1].idempotent && !context.producers[1].ordered, "with acks=1");
    assert_eq!(
        (context.groups[0].commit.to_string(), &context.groups[0].reset),
        ("unknown".to_owned(), &Word::Known(OffsetReset::Latest))
    );
}

#[test]
fn what_a_line_leaves_out_is_filled_in() {
    let (_, entries) = read(
        history(&[
            r#"{"at_us":1700000000000000,"event":"sent","record":"billing-0#0"}"#,
            "",
            r#"{"at_us":1699999999500000,"event":"acked","partition":"payments-0","base_offset":7,"records":["billing-0#0"]}"#,
            r#"{"at_us":1700000002000000,"event":"phase","phase":"end","seq":9}"#,
        ])
        .as_bytes(),
    )
    .unwrap();
    let at: Vec<_> = entries.iter().map(|entry| (entry.seq, entry.at.as_micros())).collect();
    assert_eq!(at, [(0, 0), (1, 0), (9, 2_000_000)], "half a second back is tolerated");
    assert_eq!(entries.iter().map(|entry| entry.node.0).collect::<Vec<_>>(), [4, 4, 0]);
    assert!(matches!(entries[1].event, Event::Acked { by: None, .. }), "{:?}", entries[1]);
}

#[test]
fn what_earlier_versions_called_the_clients_timeout_is_read() {
    for name in ["TimeoutException", "DELIVERY_TIMEOUT", "TIMEOUT_BEFORE_SEND"] {
        let failed = format!(
            r#"{{"at_us":2,"event":"failed","records":["billing-0#0"],"error":"{name}","maybe_written":true}}"#
        );
        let sent = r#"{"at_us":1,"event":"sent","record":"billing-0#0"}"#;
        let (_, entries) = read(history(&[sent, &failed]).as_bytes()).unwrap();
        let Event::Failed { error, .. } = &entries[1].event else { panic!("{entries:?}") };
        assert_eq!(error.name(), "TimeoutException", "{name}");
    }
}

#[test]
fn every_kind_of_event_has_its_name() {
    let snake = |kind: &Kind| {
        let mut name = String::new();
        for letter in format!("{kind:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    };
    for kind in Kind::ALL {
        assert_eq!(kind.name(), snake(kind));
    }
}

#[test]
fn every_event_is_documented() {
    let documentation = include_str!("../../HISTORY.md");
    for name in Kind::NAMES {
        assert!(documentation.contains(&format!("`{name}`")), "HISTORY.md has no {name}");
    }
}

#[test]
fn a_header_names_clusters_beside_the_first_one() {
    let header = |clusters: &str| {
        format!(
            r#"{{"ackproof":"history","version":1,"brokers":2,"clusters":{clusters},"topics":{{"a":{{"partitions":1}},"b":{{"partitions":1}}}},"groups":{{"g":{{"topics":["a"]}},"h":{{"topics":["b"]}}}}}}"#
        )
    };
    let text = header(r#"{"backup":{"brokers":4,"topics":["b"]}}"#);
    let (context, _) = read(text.as_bytes()).unwrap();
    let names: Vec<_> = context.topics.iter().map(|topic| topic.name.as_str()).collect();
    assert_eq!(names, ["__consumer_offsets", "a", "b", "backup/__consumer_offsets"]);
    let [backup] = context.clusters.as_slice() else { panic!("{:?}", context.clusters) };
    assert_eq!(backup.brokers.iter().map(|id| id.0).collect::<Vec<_>>(), [3, 4, 5, 6]);
    assert_eq!(context.node(context.process(backup.brokers[0])), "backup-broker-1");
    let home = |group| context.home(GroupId(group)).topic.0;
    assert_eq!((home(0), home(1)), (0, 3), "each group is kept in its own cluster");
    let brokers = |topic| context.brokers_beside(TopicId(topic));
    assert_eq!((brokers(1), brokers(2)), (2, 4));
    let again = format!("{}\n", header_line(&context));
    assert_eq!(format!("{:?}", read(again.as_bytes()).unwrap().0), format!("{context:?}"));
    for (clusters, said) in [
        (r#"{"backup":{"topics":["c"]}}"#, "clusters.backup.topics: no topic \"c\""),
        (r#"{"x":{"topics":["b"]},"y":{"topics":["b"]}}"#, "a topic of another cluster"),
        (r#"{"x":{"topics":["__consumer_offsets"]}}"#, "or of Kafka's own"),
        (
            r#"{"x":{"brokers":990,"topics":["b"]},"y":{"brokers":990,"topics":["a"]}}"#,
            "brokers are too many",
        ),
    ] {
        let refused = refused(&header(clusters));
        assert!(refused.contains(said), "{refused}");
    }
}
