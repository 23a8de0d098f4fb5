//! A trace is decoded again, and must be one: flows begin and end, slices nest, and what is referred to is there.

use super::trace;
use super::wire::{CLEARED, Event, EventKind, Packet, Trace};
use crate::page::course::{
    Band, Chart, Charts, Course, Curve, Entries, Fault, Generation, InSync, Messages, Node,
    NodeKind, Owner, Records,
};
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};

const KINDS: &[&str] =
    &["sent", "led", "copied", "acked", "high_watermark", "polled", "processed", "note", "failed"];

/// Kind, node, partition, what, offset, more; 10 µs apart.
type Row = (u8, u16, i32, i64, i64, i64);

fn entries() -> Entries {
    let rows: [Row; 13] = [
        (0, 2, 0, 0, -1, -1),
        (0, 2, 0, 1, -1, -1),
        (1, 0, 0, 0, 0, 1),
        (2, 1, 0, 0, 0, 1),
        (4, 0, 0, -1, 2, 1),
        (3, 2, 0, 0, 0, -1),
        (5, 3, 0, 0, 0, -1),
        (6, 3, 0, 0, 0, 0),
        (6, 3, 0, 1, 1, 0),
        (0, 2, 0, 2, -1, -1),
        (8, 2, 0, 1, -1, 1),
        (0, 2, 0, 3, -1, -1),
        (7, 0, -1, -1, -1, 0),
    ];
    let column = |of: fn(&Row) -> i64| rows.iter().map(of).collect();
    Entries {
        kinds: KINDS,
        step: vec![10; rows.len()],
        kind: rows.iter().map(|row| row.0).collect(),
        node: rows.iter().map(|row| row.1).collect(),
        partition: rows.iter().map(|row| row.2).collect(),
        what: column(|row| row.3),
        offset: column(|row| row.4),
        more: column(|row| row.5),
    }
}

/// Two records that go all the way, one that fails, and one that is under way when its producer ends.
fn course() -> Course {
    let node = |name: &str, kind| Node { name: name.to_owned(), kind };
    let band =
        |lane, from, to, who, text: &str| Band { lane, from, to, who, text: text.to_owned() };
    Course {
        end: 500,
        nodes: vec![
            node("broker-1", NodeKind::Broker),
            node("broker-2", NodeKind::Broker),
            node("orders", NodeKind::Producer),
            node("billing-0", NodeKind::Member),
        ],
        partitions: vec!["payments-0".to_owned()],
        groups: vec!["billing".to_owned()],
        phases: vec![(0, "load".to_owned()), (400, "settle".to_owned())],
        faults: [(50, 200), (100, 300)]
            .map(|(from, to)| Fault { from, to, text: "cut".to_owned(), nodes: vec![1] })
            .into(),
        lives: vec![
            band(0, 0, 500, None, "up"),
            band(1, 0, 90, None, "up"),
            band(1, 120, 500, None, "up"),
            band(1, 100, 130, None, "fenced"),
            band(2, 0, 300, None, "up"),
        ],
        leaders: vec![band(0, 0, 250, Some(0), "epoch 0"), band(0, 250, 500, None, "epoch 1")],
        in_sync: vec![InSync { lane: 0, from: 0, to: 500, who: vec![0, 1], few: false }],
        eligible: Vec::new(),
        owners: vec![Owner { group: 0, lane: 0, from: 20, to: 500, who: 3 }],
        generations: vec![Generation { group: 0, at: 20, number: 1, members: 1, reason: None }],
        records: Records {
            names: vec!["orders".to_owned()],
            producer: vec![0; 4],
            number: vec![0, 1, 2, 3],
        },
        batches: vec![vec![0, 1], vec![2]],
        entries: entries(),
        texts: vec!["coordinator loaded: partition 3".to_owned(), "TIMEOUT".to_owned()],
        charts: Charts {
            step: 100,
            charts: vec![Chart {
                title: "lag".to_owned(),
                unit: "records",
                curves: vec![Curve {
                    name: "billing".to_owned(),
                    values: vec![None, Some(2.0), Some(2.0), Some(0.0)],
                }],
            }],
        },
        messages: Messages::default(),
        left_out: vec!["what is internal".to_owned()],
    }
}

fn packets() -> Vec<Packet> {
    let file = trace(&course(), &[], &[]);
    Trace::decode(file.as_slice()).expect("it is a trace").packets
}

fn events(packets: &[Packet]) -> impl Iterator<Item = (u64, &Event)> {
    packets.iter().filter_map(|packet| Some((packet.timestamp?, packet.event.as_ref()?)))
}

#[test]
fn slices_nest_times_rise_and_words_are_known() {
    let packets = packets();
    let known: BTreeSet<u64> =
        packets.iter().filter_map(|packet| packet.track.as_ref()?.id).collect();
    let parents = packets.iter().filter_map(|packet| packet.track.as_ref()?.parent);
    assert!(parents.clone().all(|parent| known.contains(&parent)) && parents.count() > 9);
    let words = packets.iter().position(|packet| packet.flags == Some(CLEARED)).expect("words");
    let interned = packets[words].interned.as_ref().expect("words");
    let numbers = |words: &[super::wire::Word]| -> BTreeSet<u64> {
        words.iter().filter_map(|word| word.number).collect()
    };
    let names = numbers(&interned.names);
    let (details, texts) = (numbers(&interned.details), numbers(&interned.texts));
    assert_eq!(names.len(), interned.names.len(), "a number stands for one word");
    assert!(packets[..words].iter().all(|packet| packet.event.is_none()), "words come first");
    let (mut last, mut open) = (0, BTreeMap::new());
    for (at, event) in events(&packets) {
        assert!(at >= last, "{at} after {last}");
        last = at;
        let track = event.track.expect("each has a track");
        assert!(known.contains(&track));
        let depth: &mut i32 = open.entry(track).or_default();
        match event.kind() {
            EventKind::SliceBegin => *depth += 1,
            EventKind::SliceEnd => *depth -= 1,
            EventKind::Instant => {}
            EventKind::Counter => assert!(event.value.is_some()),
            EventKind::Unspecified => panic!("{event:?}"),
        }
        assert!((0..=1).contains(depth), "no slice overlaps another: {event:?}");
        assert!(event.name.is_none_or(|name| names.contains(&name)), "{event:?}");
        for detail in &event.details {
            assert!(detail.name.is_some_and(|name| details.contains(&name)), "{detail:?}");
            assert!(detail.text.is_none_or(|text| texts.contains(&text)), "{detail:?}");
        }
    }
    assert!(open.values().all(|depth| *depth == 0), "what begins ends");
}

#[test]
fn a_flow_begins_at_a_send_or_an_append_and_ends_once() {
    let packets = packets();
    let mut flows: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for (_, event) in events(&packets) {
        for flow in &event.flows {
            let (passed, ended) = flows.entry(*flow).or_default();
            assert_eq!(*ended, 0, "nothing comes after the end");
            *passed += 1;
        }
        for flow in &event.last_of_flows {
            flows.entry(*flow).or_default().1 += 1;
        }
    }
    // Of two records: send, append, acknowledged, and append, polled, processed. Of the third: send, failed.
    let found: Vec<(usize, usize)> = flows.into_values().collect();
    assert_eq!(found, [(2, 1), (2, 1), (2, 1), (2, 1), (1, 1)]);
}

#[test]
fn sends_in_flight_and_lives_are_as_in_the_course() {
    let packets = packets();
    let named = |name: &str| -> Vec<u64> {
        let tracks = packets.iter().filter_map(|packet| packet.track.as_ref());
        tracks
            .filter(|track| track.name.as_deref() == Some(name))
            .filter_map(|one| one.id)
            .collect()
    };
    let on = |tracks: &[u64]| -> Vec<(u64, &Event)> {
        events(&packets)
            .filter(|(_, one)| one.track.is_some_and(|id| tracks.contains(&id)))
            .collect()
    };
    let values = |name: &str| -> Vec<(u64, f64)> {
        on(&named(name)).iter().filter_map(|(at, one)| Some((at / 1000, one.value?))).collect()
    };
    let in_flight = values("sends in flight");
    assert_eq!(
        in_flight.iter().map(|one| one.1).collect::<Vec<_>>(),
        [1., 2., 1., 0., 1., 0., 1., 0.]
    );
    assert_eq!(in_flight.last(), Some(&(300, 0.0)), "its producer ends");
    assert_eq!(values("log end of payments-0"), [(30, 2.0), (40, 2.0)]);
    assert_eq!(values("high watermark of payments-0"), [(50, 2.0)]);
    assert_eq!(values("billing"), [(100, 2.0), (300, 0.0)], "of the charts, what changes");
    assert_eq!(named("sends").len(), 2, "two are in flight at once");
    assert_eq!(named("faults").len(), 4, "two at once, and those of broker-2");
    let life = on(&named("life")[1..2]);
    let times: Vec<u64> = life.iter().map(|(at, _)| at / 1000).collect();
    assert_eq!(times, [0, 90, 90, 120, 120, 500], "up, down, up");
}
