//! The log of a real cluster through two failures, against what its brokers had on disk and what was done to
//! them; and texts that are no whole log.

use super::Metadata;
use ackproof_oracle::context::{Context, TopicContext, servers};
use ackproof_oracle::history::Event;
use ackproof_types::{TopicId, TopicPartition};

/// Of Apache Kafka 4.0.0: `orders` has two replicas, of which first one and then the other was killed; the
/// one that had fallen out of sync came back first. Later it was shut down in good order. Records of two
/// partitions, and those of brokers, were kept.
const DUMP: &str = include_str!("../../../../../tests/histories/metadata.txt");

fn context(brokers: u16, partitions: u16) -> Context {
    let topic = |name: &str| TopicContext {
        name: name.to_owned(),
        partitions,
        replication_factor: 2,
        min_insync_replicas: 1,
        unclean_leader_election: true,
        compacted: false,
    };
    let topics = vec![topic("__consumer_offsets"), topic("orders")];
    let (nodes, roster) = (vec!["controller".to_owned()], servers(brokers));
    Context { nodes, roster, topics, ..Context::default() }
}

/// What happened to a partition of topic `topic`, or to brokers, in a few letters.
fn told(topic: u16) -> Vec<String> {
    let events = Metadata::read(DUMP.as_bytes()).unwrap().events(&context(3, 50)).unwrap();
    assert!(events.is_sorted_by_key(|(at, _)| *at));
    let origin = events[0].0;
    let here = |place: &TopicPartition| *place == TopicPartition::new(TopicId(topic), 0);
    let ids = |all: &[ackproof_types::BrokerId]| all.iter().map(|one| one.0).collect::<Vec<_>>();
    let text = |event: &Event| match event {
        Event::LeaderElected { partition, leader, epoch, isr, unclean } if here(partition) => {
            let leader = leader.map_or(0, |leader| leader.0);
            let unclean = if *unclean { ", unclean" } else { "" };
            Some(format!("{leader} leads in {epoch} of {:?}{unclean}", ids(isr)))
        }
        Event::IsrChanged { partition, before, isr } if here(partition) => {
            Some(format!("{:?} was {:?}", ids(isr), ids(before)))
        }
        Event::Fenced { broker } if topic == 0 => Some(format!("{} fenced", broker.0)),
        Event::Unfenced { broker } if topic == 0 => Some(format!("{} serves", broker.0)),
        _ => None,
    };
    let line = |(at, event): &(u64, Event)| Some(format!("{} {}", at - origin, text(event)?));
    events.iter().filter_map(line).collect()
}

/// Epoch 3 is what broker 3 has in its leader-epoch-checkpoint of orders-0 for the last but one.
#[test]
fn elections_of_a_real_log_have_their_epochs() {
    let expected = [
        "326812 3 leads in 0 of [1, 3]",
        "336746 [3] was [1, 3]",
        "345759 0 leads in 1 of [3]",
        "348263 1 leads in 2 of [1], unclean",
        "351912 [1, 3] was [1]",
        "352215 3 leads in 3 of [3]",
        "365306 [1, 3] was [3]",
    ];
    assert_eq!(told(1), expected);
}

#[test]
fn fencing_of_a_real_log_is_told_once() {
    let expected = [
        "0 2 serves",
        "61 1 serves",
        "161 3 serves",
        "85523 1 leads in 0 of [1, 2, 3]",
        "154453 [1, 2] was [1, 2, 3]",
        "154453 3 fenced",
        "164227 3 serves",
        "164258 [1, 2, 3] was [1, 2]",
        "336746 2 leads in 1 of [2, 3]",
        "336746 1 fenced",
        "345759 [2] was [2, 3]",
        "345759 3 fenced",
        "348263 1 serves",
        "348755 [1, 2] was [2]",
        "351359 3 serves",
        "351827 [1, 2, 3] was [1, 2]",
        "352215 [2, 3] was [1, 2, 3]",
        "354299 1 fenced",
        "365193 1 serves",
        "365226 [1, 2, 3] was [2, 3]",
    ];
    assert_eq!(told(0), expected);
}

#[test]
fn a_topic_that_was_deleted_leaves_its_name_to_the_next() {
    let record = |time: u64, payload: &str| {
        format!("| offset: 1 CreateTime: {time} keySize: -1 headerKeys: [] payload: {payload}\n")
    };
    let topic = |id: &str| {
        format!(
            "{{\"type\":\"TOPIC_RECORD\",\"version\":0,\"data\":{{\"name\":\"orders\",\"topicId\":\"{id}\"}}}}"
        )
    };
    let partition = |id: &str, leader: u16| {
        format!(
            "{{\"type\":\"PARTITION_RECORD\",\"version\":2,\"data\":{{\"partitionId\":0,\"topicId\":\"{id}\",\
             \"isr\":[1,2],\"leader\":{leader},\"leaderEpoch\":0}}}}"
        )
    };
    let lines = [
        record(5, &topic("a")),
        record(5, &partition("a", 1)),
        record(9, "{\"type\":\"REMOVE_TOPIC_RECORD\",\"version\":0,\"data\":{\"topicId\":\"a\"}}"),
        record(12, &topic("b")),
        // A controller whose clock is behind.
        record(11, &partition("b", 2)),
    ];
    let metadata = Metadata::read(lines.concat().as_bytes()).unwrap();
    let events = metadata.events(&context(3, 1)).unwrap();
    assert!(matches!(
        events.as_slice(),
        [(12, Event::LeaderElected { leader: Some(leader), .. })] if leader.0 == 2
    ));
}

#[test]
fn what_is_no_whole_log_is_refused() {
    let read = |text: &str| Metadata::read(text.as_bytes()).unwrap_err();
    assert!(read("").contains("no record"));
    assert!(read("Dumping 0.log\nLog starting offset: 0\n").contains("--cluster-metadata-decoder"));
    let tail: Vec<&str> =
        DUMP.lines().filter(|line| !line.contains("\"PARTITION_RECORD\"")).collect();
    let refused = read(&tail.join("\n"));
    assert!(refused.contains("dump it from its first record on"), "{refused}");
    let broken = DUMP.replacen("\"brokerId\":2", "\"brokerId\":\"two\"", 1);
    assert!(read(&broken).starts_with("6: REGISTER_BROKER_RECORD: "), "{}", read(&broken));
    let metadata = Metadata::read(DUMP.as_bytes()).unwrap();
    assert!(metadata.events(&context(2, 50)).unwrap_err().contains("brokers are 1 to 2"));
}

/// KIP-455: the replicas that come first, then the move that ends.
#[test]
fn a_partition_that_moves_has_its_replicas_on_record() {
    let head =
        "| offset: 1 CreateTime: 5 keySize: -1 valueSize: 9 sequence: -1 headerKeys: [] payload: ";
    let id = r#""topicId":"a""#;
    let records = [
        r#"{"type":"TOPIC_RECORD","version":0,"data":{"name":"orders","topicId":"a"}}"#.to_owned(),
        format!(
            r#"{{"type":"PARTITION_RECORD","data":{{"partitionId":0,{id},"replicas":[2,1],"isr":[2,1],
            "leader":2,"leaderEpoch":0}}}}"#
        ),
        format!(
            r#"{{"type":"PARTITION_CHANGE_RECORD","data":{{"partitionId":0,{id},"replicas":[2,3,1],
            "addingReplicas":[3],"removingReplicas":[1]}}}}"#
        ),
        format!(
            r#"{{"type":"PARTITION_CHANGE_RECORD","data":{{"partitionId":0,{id},"isr":[2,3],"leader":-2,
            "replicas":[2,3],"addingReplicas":[],"removingReplicas":[]}}}}"#
        ),
    ];
    let text: String =
        records.iter().map(|one| format!("{head}{}\n", one.replace('\n', ""))).collect();
    let events = Metadata::read(text.as_bytes()).unwrap().events(&context(3, 50)).unwrap();
    let moved: Vec<(Vec<u16>, usize)> = events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::ReplicasChanged { replicas, adding, .. } => {
                Some((replicas.iter().map(|one| one.0).collect(), adding.len()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(moved, [(vec![2, 3, 1], 1), (vec![2, 3], 0)]);
}
