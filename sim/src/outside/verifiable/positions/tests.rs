//! Positions of small logs: where they are told, and everything that makes them uncertain.

use crate::outside::verifiable::{Base, Dump, History, Log, merge};
use ackproof_oracle::history::{Event, PositionSource};
use ackproof_types::Offset;

const HEADER: &str = r#"{"ackproof":"history","version":1,"nodes":["ledger-0"],"topics":{"payments":{"partitions":2,"unclean.leader.election.enable":false}},"producers":{"billing-0":{"topic":"payments"}},"groups":{"ledger":{"topics":["payments"],"auto.offset.reset":"earliest"}}}"#;

fn assigned(partitions: &[u16]) -> String {
    let places = partitions.iter().map(|n| format!(r#"{{"topic":"payments","partition":{n}}}"#));
    format!(r#""partitions_assigned","partitions":[{}]"#, places.collect::<Vec<_>>().join(","))
}

fn read(partition: u16, offset: i64) -> String {
    format!(
        r#""record_data","key":null,"value":"0.{offset}","topic":"payments","partition":{partition},"offset":{offset}"#
    )
}

/// Around `header`, of a member that printed `lines`, where partition 0 held `held` at the end.
fn made(header: &str, lines: &[String], held: Option<&[i64]>) -> History {
    let load = r#"{"at_us":1000,"event":"phase","phase":"load"}"#;
    let end = r#"{"at_us":90000,"event":"phase","phase":"final_read"}"#;
    let base = Base::read(format!("{header}\n{load}\n{end}\n").as_bytes()).unwrap();
    let lines = (10..).zip(lines);
    let printed = lines.map(|(at, line)| format!("{{\"timestamp\":{at},\"name\":{line}}}\n"));
    let member = Log::read("ledger-0", printed.collect::<String>().as_bytes()).unwrap();
    let line = |at: &i64| {
        format!("{{\"partition\":\"payments-0\",\"offset\":{at},\"value\":\"0.{at}\"}}\n")
    };
    let dump = held.map(|held| held.iter().map(line).collect::<String>());
    let dump = dump.map(|text| Dump::read(text.as_bytes()).unwrap());
    merge(&base, &[Log::read("billing-0", &b""[..]).unwrap()], &[member], dump.as_ref(), None)
        .unwrap()
}

/// Partition, offset and source of all positions.
fn told(history: &History) -> Vec<(u16, i64, PositionSource)> {
    let events = history.entries.iter().map(|entry| &entry.event);
    let told = events.filter_map(|event| match *event {
        Event::Positioned { partition, offset: Offset(offset), source, .. } => {
            Some((partition.partition, offset, source))
        }
        _ => None,
    });
    told.collect()
}

const ALL: &[i64] = &[0, 1, 2, 3, 4, 5, 6];

#[test]
fn a_member_resumed_where_it_reads_first_after_it_was_assigned() {
    let lines = [assigned(&[0]), read(0, 0), read(0, 1), assigned(&[0]), read(0, 4), read(0, 5)];
    let expected = [(0, 0, PositionSource::NoCommitEarliest), (0, 4, PositionSource::Committed)];
    let history = made(HEADER, &lines, Some(ALL));
    assert_eq!(told(&history), expected);
    let is = |found: fn(&Event) -> bool| history.entries.iter().position(|one| found(&one.event));
    let (position, poll) = (
        is(|one| matches!(one, Event::Positioned { .. })),
        is(|one| matches!(one, Event::Polled { .. })),
    );
    assert!(position < poll, "it is known before the first record");
}

#[test]
fn a_position_that_is_not_certain_is_not_told() {
    let lines = [assigned(&[0]), read(0, 4)];
    assert_eq!(told(&made(HEADER, &lines, Some(ALL))).len(), 1);
    assert_eq!(told(&made(HEADER, &lines, Some(&[0, 1, 2, 4]))), [], "a gap before it");
    assert_eq!(told(&made(HEADER, &lines, None)), [], "nobody knows of gaps");
    let unclean = HEADER.replace(":false", ":true");
    assert_eq!(told(&made(&unclean, &lines, Some(ALL))), [], "its log may have been cut");
    let latest = HEADER.replace("earliest", "latest");
    assert_eq!(told(&made(&latest, &lines, Some(ALL))), [], "perhaps nothing was committed");
    let again = [assigned(&[0]), assigned(&[1]), read(0, 4)];
    assert_eq!(told(&made(HEADER, &again, Some(ALL))), [], "looked up before the second");
    let revoked = assigned(&[0]).replace("assigned", "revoked");
    let back = [assigned(&[0]), revoked, read(0, 4)];
    assert_eq!(told(&made(HEADER, &back, Some(ALL))), [], "given back");
    let started = "\"startup_complete\"".to_owned();
    let anew = [assigned(&[0]), started, read(0, 4)];
    assert_eq!(told(&made(HEADER, &anew, Some(ALL))), [], "of an earlier life");
}
