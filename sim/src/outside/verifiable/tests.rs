//! Merging a base with small logs: the times of sends, the lives of processes, groups by name, and what is
//! refused. A real run is in the integration tests.

use super::{Base, Dump, History, Log, Metadata, Settings, history, merge};
use ackproof_oracle::context::Word;
use ackproof_oracle::jsonl::entry_line;
use ackproof_types::{Acks, OffsetReset};
use serde_json::Value;

const HEADER: &str = r#"{"ackproof":"history","version":1,"nodes":["ledger-0","audit-0","ledger-1"],"topics":{"payments":{"partitions":2}},"producers":{"billing-0":{"topic":"payments","acks":"all"},"billing-1":{"topic":"payments","acks":"1"}},"groups":{"ledger":{"topics":["payments"]},"audit":{"topics":["payments"]}}}"#;

/// Milliseconds, a process, and what happened; as a harness writes it.
fn base(events: &[(u64, &str, &str)]) -> Base {
    let mut text = HEADER.to_owned() + "\n";
    for (at, node, rest) in events {
        text +=
            &format!("{{\"at_us\":{},\"node\":\"{node}\",\"event\":{rest}}}\n", at * 1000 + 500);
    }
    Base::read(text.as_bytes()).unwrap()
}

const START: &str = "\"process_started\"";
const KILL: &str = "\"process_ended\",\"how\":\"crash\"";
const LOAD: &str = "\"phase\",\"phase\":\"load\"";
const READ: &str = "\"phase\",\"phase\":\"final_read\"";
const END: &str = "\"phase\",\"phase\":\"end\"";

fn log(name: &str, lines: &[(u64, &str)]) -> Log {
    let lines: Vec<String> = lines
        .iter()
        .map(|(at, rest)| format!("{{\"timestamp\":{at},\"name\":{rest}}}\n"))
        .collect();
    Log::read(name, lines.concat().as_bytes()).unwrap()
}

fn acked(value: &str, offset: i64) -> String {
    format!(
        "\"producer_send_success\",\"key\":null,\"value\":\"{value}\",\"topic\":\"payments\",\"partition\":0,\
         \"offset\":{offset}"
    )
}

fn read(value: &str, offset: i64) -> String {
    format!(
        "\"record_data\",\"key\":null,\"value\":\"{value}\",\"topic\":\"payments\",\"partition\":0,\
         \"offset\":{offset}"
    )
}

fn dump(records: &[(i64, &str, Option<u64>)]) -> Dump {
    let line = |(offset, value, at): &(i64, &str, Option<u64>)| {
        let at = at.map_or_else(String::new, |at| format!(",\"timestamp\":{at}"));
        format!("{{\"partition\":\"payments-0\",\"offset\":{offset},\"value\":\"{value}\"{at}}}\n")
    };
    let text: String = records.iter().map(line).collect();
    Dump::read(text.as_bytes()).unwrap()
}

/// `milliseconds node event detail`, of the events in `of`.
fn told(history: &History, of: &[&str]) -> Vec<String> {
    let lines = history.entries.iter().map(|entry| entry_line(entry, &history.context));
    let values = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
    let shown = values.filter(|line| of.iter().any(|event| line["event"] == *event));
    let text = |line: Value| {
        let details = ["record", "records", "how", "phase", "group", "offsets", "partition"];
        let details = details.iter().filter_map(|name| line.get(*name)).map(ToString::to_string);
        let at = line["at_us"].as_u64().unwrap() / 1000;
        let head = [at.to_string(), line["node"].as_str().unwrap().to_owned()];
        let event = [line["event"].as_str().unwrap().to_owned()];
        head.into_iter().chain(event).chain(details).collect::<Vec<_>>().join(" ").replace('"', "")
    };
    shown.map(text).collect()
}

#[test]
fn a_record_in_a_log_was_sent_at_its_time_and_others_evenly_between() {
    let base = base(&[(1, "controller", LOAD), (2, "billing-0", START), (90, "controller", READ)]);
    let lines = [
        (10, "\"startup_complete\"".to_owned()),
        (25, acked("0.0", 0)),
        (40, acked("0.1", 1)),
        (41, acked("0.3", 3)),
        (45, acked("0.4", 4)),
    ];
    let lines: Vec<(u64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
    // 1 is in no log, nor is 2, which has no outcome; 4 says that it was sent after its acknowledgement.
    let held =
        [(0, "0.0", Some(20)), (3, "0.3", Some(33)), (4, "0.4", Some(46)), (5, "0.5", Some(50))];
    let made = merge(&base, &[log("billing-0", &lines)], &[], Some(&dump(&held)), None).unwrap();
    let expected = [
        "20 billing-0 sent billing-0#0 payments-0",
        "24 billing-0 sent billing-0#1 payments-0",
        "25 billing-0 acked [billing-0#0] payments-0",
        "28 billing-0 sent billing-0#2 null",
        "33 billing-0 sent billing-0#3 payments-0",
        "40 billing-0 acked [billing-0#1] payments-0",
        "41 billing-0 acked [billing-0#3] payments-0",
        "45 billing-0 sent billing-0#4 payments-0",
        "45 billing-0 acked [billing-0#4] payments-0",
        "50 billing-0 sent billing-0#5 payments-0",
    ];
    assert_eq!(told(&made, &["sent", "acked"]), expected);
}

/// A hundred records, one a millisecond. Those from 20 to 79 timed out together and are in no log; as late as that
/// they may have been sent, as far as their own outcome tells. And those from 95 on, which show nowhere.
#[test]
fn records_that_are_lost_leave_a_stall_as_long_as_it_was() {
    let base = base(&[(1, "controller", LOAD), (2, "billing-0", START), (900, "controller", READ)]);
    let failed = |number: i64| {
        format!(
            "\"producer_send_error\",\"key\":null,\"value\":\"0.{number}\",\"topic\":\"payments\",\
             \"exception\":\"org.apache.kafka.common.errors.TimeoutException\",\"message\":\"Expiring\""
        )
    };
    let is_lost = |number: &i64| (20..80).contains(number) || *number >= 95;
    let held: Vec<(i64, String, Option<u64>)> = (0..100)
        .filter(|number| !is_lost(number))
        .map(|number| (number, format!("0.{number}"), Some(100 + number.unsigned_abs())))
        .collect();
    let held: Vec<_> = held.iter().map(|(at, value, time)| (*at, value.as_str(), *time)).collect();
    let mut lines = vec![(99, "\"startup_complete\"".to_owned())];
    lines.extend((20..80).map(|number| (500, failed(number))));
    lines.push((600, "\"shutdown_complete\"".to_owned()));
    lines.push((600, "\"tool_data\",\"sent\":100,\"acked\":35".to_owned()));
    let lines: Vec<(u64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
    let made = merge(&base, &[log("billing-0", &lines)], &[], Some(&dump(&held)), None).unwrap();
    let sent = told(&made, &["sent"]);
    let times: Vec<u64> =
        sent.iter().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    assert_eq!(times, (100..200).collect::<Vec<_>>());
}

#[test]
fn lives_and_phases_are_those_of_the_base() {
    let base = base(&[
        (1, "controller", LOAD),
        (2, "billing-0", START),
        (3, "ledger-0", START),
        (30, "ledger-0", KILL),
        (35, "ledger-0", START),
        (60, "billing-0", KILL),
        (90, "controller", END),
        (95, "ledger-0", KILL),
    ]);
    let producer = [
        (10, "\"startup_complete\"".to_owned()),
        (20, acked("0.0", 0)),
        (55, "\"shutdown_complete\"".to_owned()),
        (56, "\"tool_data\",\"sent\":2,\"acked\":1".to_owned()),
    ];
    let late = read("0.0", 0);
    // Its last line was printed before it was killed, whatever its clock says.
    let member = [(12, "\"startup_complete\""), (31, &late), (40, "\"startup_complete\"")];
    let lines: Vec<(u64, &str)> = producer.iter().map(|(at, line)| (*at, line.as_str())).collect();
    let logs = [log("billing-0", &lines)];
    let made = merge(&base, &logs, &[log("ledger-0", &member)], None, None).unwrap();
    let expected = [
        "1 controller phase load",
        "2 billing-0 process_started",
        "3 ledger-0 process_started",
        "20 billing-0 sent billing-0#0 payments-0",
        "30 ledger-0 processed billing-0#0 ledger payments-0",
        "30 ledger-0 process_ended crash",
        "35 ledger-0 process_started",
        // Known of the summary alone.
        "55 billing-0 sent billing-0#1 null",
        // It said so itself.
        "55 billing-0 process_ended clean",
        "95 ledger-0 process_ended crash",
        // What clients do when all is over belongs to the whole.
        "95 controller phase end",
    ];
    let of = ["phase", "process_started", "process_ended", "sent", "processed"];
    assert_eq!(told(&made, &of), expected);
}

#[test]
fn members_are_of_the_group_in_their_name_and_commit_what_they_read() {
    let base = base(&[(1, "controller", LOAD), (2, "billing-0", START)]);
    let record = read("0.0", 4);
    let consumed = "\"records_consumed\",\"count\":1,\"partitions\":[{\"topic\":\"payments\",\"partition\":0,\
                    \"count\":1,\"minOffset\":4,\"maxOffset\":4}]";
    let committed = "\"offsets_committed\",\"offsets\":[{\"topic\":\"payments\",\"partition\":0,\"offset\":5}],\
                     \"success\":true";
    let automatic = [(30, record.as_str()), (31, consumed)];
    let logs = [
        log("ledger-0", &[(20, &record), (21, consumed), (22, committed)]),
        log("audit-0", &automatic),
    ];
    let producers = [log("billing-0", &[(9, &acked("0.0", 4))])];
    let made = merge(&base, &producers, &logs, None, None).unwrap();
    let expected = [
        "20 ledger-0 processed billing-0#0 ledger payments-0",
        "21 ledger-0 commit_sent ledger {payments-0:5}",
        "22 ledger-0 committed ledger {payments-0:5}",
        "30 audit-0 processed billing-0#0 audit payments-0",
    ];
    assert_eq!(told(&made, &["processed", "commit_sent", "committed"]), expected);
}

#[test]
fn a_producer_that_started_again_sends_its_numbers_again() {
    let base = base(&[
        (1, "controller", LOAD),
        (2, "billing-0", START),
        (30, "billing-0", KILL),
        (40, "billing-0", START),
        (90, "controller", READ),
    ]);
    let lines = [(10, 0), (20, 1), (50, 0), (60, 2)];
    let lines = lines.map(|(at, offset)| {
        let start = [10, 50].contains(&at);
        let line = if start { "\"startup_complete\"".to_owned() } else { acked("0.0", offset) };
        (at, line)
    });
    let lines: Vec<(u64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
    let held = [(1, "0.0", Some(15)), (2, "0.0", Some(55)), (3, "0.1", Some(58))];
    let made = merge(&base, &[log("billing-0", &lines)], &[], Some(&dump(&held)), None).unwrap();
    let expected = [
        "15 billing-0 sent billing-0#0 payments-0",
        "55 billing-0 sent billing-0#0 payments-0",
        "58 billing-0 sent billing-0#1 payments-0",
    ];
    assert_eq!(told(&made, &["sent"]), expected);
}

#[test]
fn a_life_with_a_prefix_of_its_own_goes_on_after_the_one_before() {
    let base = base(&[
        (1, "controller", LOAD),
        (2, "billing-0", START),
        (30, "billing-0", KILL),
        (40, "billing-0", START),
        (60, "billing-0", KILL),
        (65, "billing-0", START),
        (90, "controller", READ),
    ]);
    // Two producers: 0, 2 and 4 are the prefixes of the lives of the first. 0.2 was under way at the kill and is
    // known of the log alone, as is all of the second life; 6 would be a fourth, which the base does not know.
    let lines = [
        (10, "\"startup_complete\"".to_owned()),
        (20, acked("0.0", 0)),
        (25, acked("0.1", 1)),
        (50, "\"startup_complete\"".to_owned()),
        (70, "\"startup_complete\"".to_owned()),
        (75, acked("4.1", 6)),
        (76, "\"shutdown_complete\"".to_owned()),
        (77, "\"tool_data\",\"sent\":3,\"acked\":1".to_owned()),
    ];
    let lines: Vec<(u64, &str)> = lines.iter().map(|(at, line)| (*at, line.as_str())).collect();
    let held = [
        (2, "0.2", Some(28)),
        (3, "2.0", Some(55)),
        (4, "2.1", Some(56)),
        (5, "4.0", Some(73)),
        (6, "4.1", Some(74)),
        (7, "6.0", Some(75)),
    ];
    let member = log("ledger-0", &[(57, &read("2.1", 4))]);
    let logs = [log("billing-0", &lines)];
    let made = merge(&base, &logs, &[member], Some(&dump(&held)), None).unwrap();
    let expected = [
        "16 billing-0 sent billing-0#0 payments-0",
        "20 billing-0 acked [billing-0#0] payments-0",
        "22 billing-0 sent billing-0#1 payments-0",
        "25 billing-0 acked [billing-0#1] payments-0",
        "28 billing-0 sent billing-0#2 payments-0",
        "55 billing-0 sent billing-0#3 payments-0",
        "56 billing-0 sent billing-0#4 payments-0",
        "57 ledger-0 processed billing-0#4 ledger payments-0",
        "73 billing-0 sent billing-0#5 payments-0",
        "74 billing-0 sent billing-0#6 payments-0",
        // Of the summary.
        "75 billing-0 sent billing-0#7 null",
        "75 billing-0 acked [billing-0#6] payments-0",
    ];
    assert_eq!(told(&made, &["sent", "acked", "processed"]), expected);
    assert_eq!(made.foreign, 1);
}

#[test]
fn without_a_base_a_producer_crashed_after_its_last_send() {
    let settings = Settings {
        group: "ledger".to_owned(),
        acks: Acks::All,
        idempotent: false,
        reset: Word::Known(OffsetReset::Earliest),
    };
    let lines = [(10, "\"startup_complete\""), (20, &acked("0.0", 0))];
    // A log whose beginning is missing begins with what it has.
    let cut = history(&[log("p", &lines[1..])], &[], None, &settings).unwrap();
    let of = ["phase", "process_started", "sent", "acked", "process_ended"];
    let expected = [
        "20 controller phase load",
        "20 p sent p#0 payments-0",
        "20 p acked [p#0] payments-0",
        "20 controller phase end",
    ];
    assert_eq!(told(&cut, &of), expected);
    let ends = |at: Option<u64>| {
        let held = dump(&[(0, "0.0", at.map(|at| at - 10)), (1, "0.1", at)]);
        let made = history(&[log("p", &lines)], &[], Some(&held), &settings).unwrap();
        told(&made, &of)
    };
    let timed = [
        "10 controller phase load",
        "10 p process_started",
        "15 p sent p#0 payments-0",
        "20 p acked [p#0] payments-0",
        "25 p sent p#1 payments-0",
        "25 p process_ended crash",
        "25 controller phase settle",
        "25 controller phase final_read",
        "25 controller phase end",
    ];
    assert_eq!(ends(Some(25)), timed);
    let untimed = [
        "10 controller phase load",
        "10 p process_started",
        "20 p sent p#0 payments-0",
        "20 p sent p#1 payments-0",
        "20 p acked [p#0] payments-0",
        "20 p process_ended crash",
        "20 controller phase settle",
        "20 controller phase final_read",
        "20 controller phase end",
    ];
    assert_eq!(ends(None), untimed);
}

#[test]
fn what_does_not_fit_the_base_is_refused() {
    let plain = base(&[(1, "controller", LOAD), (2, "billing-0", START)]);
    let own = || [log("billing-0", &[(9, &acked("0.0", 4))])];
    let refused = |producers: &[Log], consumers: &[Log], dump: Option<&Dump>, what: &str| {
        let error = merge(&plain, producers, consumers, dump, None).unwrap_err();
        assert!(error.contains(what), "{what}: {error}");
    };
    refused(&[], &[], None, "billing-0 started, says the base; its log is missing");
    let other = log("billing-1", &[]);
    refused(&[own()[0].clone(), log("x", &[])], &[], None, "x: no producer of the base's header");
    refused(&own(), &[other], None, "billing-1: the base's header has no group \"billing\"");
    refused(&own(), &[log("ledger-9", &[])], None, "ledger-9: not among the nodes");
    refused(&own(), &own(), None, "two logs have the same name, billing-0");
    refused(&own(), &[], Some(&dump(&[])), "no phase final_read");
    let wrong = [log("billing-0", &[(9, &acked("1.0", 4))])];
    refused(&wrong, &[], None, "value \"1.0\" is billing-1's");
    let far = acked("0.0", 4).replace("\"partition\":0", "\"partition\":2");
    refused(&[log("billing-0", &[(9, &far)])], &[], None, "payments-2 is not in the base's header");
    let text =
        HEADER.to_owned() + "\n{\"at_us\":1,\"event\":\"sent\",\"record\":\"billing-0#0\"}\n";
    let error = Base::read(text.as_bytes()).unwrap_err();
    assert_eq!(error.line, 2);
    let elected = base(&[(
        1,
        "controller",
        "\"leader_elected\",\"partition\":\"payments-0\",\"leader\":1,\"epoch\":0,\"isr\":[1],\"unclean\":false",
    )]);
    let error = merge(&elected, &own(), &[], None, Some(&Metadata::default())).unwrap_err();
    assert!(error.contains("tells of elections already"), "{error}");
}

/// What its client logs tells why an epoch was raised, and for which partitions; a failed send raises none by itself then.
#[test]
fn a_clients_log_tells_of_retries_and_epochs() {
    let base = base(&[(1, "controller", LOAD), (2, "billing-0", START), (90, "controller", READ)]);
    let failed = "\"producer_send_error\",\"key\":null,\"value\":\"0.2\",\"topic\":\"payments\",\
         \"exception\":\"org.apache.kafka.common.errors.TimeoutException\",\"message\":\"Expiring\"";
    let lines = [
        (10, "\"startup_complete\""),
        (40, &acked("0.0", 0)),
        (50, &acked("0.1", 1)),
        (60, failed),
    ];
    let mut own = log("billing-0", &lines);
    let who = "TransactionManager [Producer clientId=producer-1]";
    let set =
        |at: u64, epoch: u32| format!("{at} INFO {who} ProducerId set to 7 with epoch {epoch}\n");
    let again = "45 WARN Sender x Got error produce response with correlation id 1 on topic-partition payments-0, \
                 retrying (9 attempts left). Error: OUT_OF_ORDER_SEQUENCE_NUMBER\n";
    own.hear([&set(11, 0), again, &set(45, 1), &set(60, 2)].concat().as_bytes()).unwrap();
    let held = [(0, "0.0", Some(20)), (1, "0.1", Some(30))];
    let made = merge(&base, &[own], &[], Some(&dump(&held)), None);
    let expected = [
        "45 billing-0 retried payments-0",
        "45 billing-0 producer_epoch_bumped payments-0",
        "60 billing-0 producer_epoch_bumped payments-0",
        "60 billing-0 producer_epoch_bumped payments-1",
    ];
    assert_eq!(told(&made.unwrap(), &["retried", "producer_epoch_bumped"]), expected);
}
