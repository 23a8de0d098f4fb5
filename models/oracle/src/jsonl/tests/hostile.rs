//! Broken, truncated, gigantic and hostile histories are refused with a line, and nothing panics.

use super::arbitrary::{entries, event, wide, with_sends, written};
use super::*;
use proptest::prelude::*;
use std::io::Read;

const SENT: &str = r#"{"at_us":0,"event":"sent","record":"billing-0#0","partition":"payments-0"}"#;

#[track_caller]
fn says(lines: &[&str], words: &[&str]) {
    let said = refused(&history(lines));
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

#[test]
fn a_history_needs_one_header_of_this_version() {
    assert!(refused("").contains("1: nothing"), "an empty file");
    assert!(refused(SENT).contains("1: no header"), "an event first");
    assert!(refused("hello\n").contains("1:1: expected value"), "no JSON");
    let header = header_line(&context());
    let newer = header.replacen("\"version\":1", "\"version\":2", 1);
    assert!(refused(&newer).contains("version 2 of the format; this ackproof reads version 1"));
    says(&[&header], &["2: a second header"]);
    let twice = header.replacen(
        "\"producers\":{",
        "\"producers\":{\"billing-0\":{\"topic\":\"payments\"},",
        1,
    );
    assert!(refused(&twice).contains("\"billing-0\" as a name, or again"), "{}", refused(&twice));
    let wrong = header.replacen("\"topic\":\"payments\"", "\"topic\":\"payment\"", 1);
    assert!(refused(&wrong).contains("did you mean \"payments\"?"), "{}", refused(&wrong));
    let typo = header.replacen("enable.idempotence", "enable.idempotency", 1);
    assert!(refused(&typo).contains("did you mean \"enable.idempotence\"?"), "{}", refused(&typo));
}

#[test]
fn a_header_cannot_ask_for_gigabytes() {
    let header = header_line(&context());
    let brokers = header.replacen("\"brokers\":3", "\"brokers\":65535", 1);
    assert!(refused(&brokers).contains("65535 brokers are too many"), "{}", refused(&brokers));
    let one = header.split("\"payments\":").nth(1).and_then(|rest| rest.split('}').next());
    let one = format!("{}}}", one.expect("a topic"));
    let more: String = (0..5000).map(|n| format!("\"t{n}\":{one},")).collect();
    let topics = header.replacen("\"payments\":", &format!("{more}\"payments\":"), 1);
    assert!(refused(&topics).contains("topics are too many"), "{}", refused(&topics));
    let partitions = header.replacen("\"partitions\":1", "\"partitions\":65535", 1);
    assert!(refused(&partitions).contains("too many"), "{}", refused(&partitions));
    let none =
        header.replacen("\"payments\":{\"partitions\":1", "\"payments\":{\"partitions\":0", 1);
    assert!(refused(&none).contains("topics.payments.partitions: 0"), "{}", refused(&none));
}

#[test]
fn a_mistake_is_shown_at_its_place_with_what_was_meant() {
    says(&[SENT, "{"], &["3:", "EOF", "the history ends within this line"]);
    says(&["nonsense\n"], &["2:1: a line is a JSON object"]);
    says(&["[0,0]"], &["2:1: a line is a JSON object"]);
    says(&[r#"{"at_us":0}"#], &["2: missing field `event`"]);
    says(&[r#"{"at_us":0,"event":"aked"}"#], &["no event \"aked\"", "did you mean \"acked\"?"]);
    says(&[r#"{"event":"fault_ended","fault":1}"#], &["2:33: missing field `at_us`"]);
    let typo = SENT.replace("\"partition\"", "\"partitoin\"");
    says(&[&typo], &["2:60: unknown field `partitoin`", "did you mean \"partition\"?"]);
    let twice = SENT.replace("\"event\"", "\"at_us\":0,\"event\"");
    says(&[&twice], &["duplicate field `at_us`"]);
    let topic = SENT.replace("payments-0", "paymens-0");
    says(&[&topic], &["2:63: the header has no topic named \"paymens\"", "\"payments\"?"]);
    says(&[&SENT.replace("payments-0", "payments-9")], &["no partition 9: payments has 1"]);
    says(&[&SENT.replace("payments-0", "payments-+0")], &["\"payments-+0\" is not a partition"]);
    says(&[&SENT.replace("payments-0", "__consumer_offsets-0")], &["writes to payments"]);
    says(&[&SENT.replace("#0", "")], &["\"billing-0\" is not a record"]);
    says(&[&SENT.replace("billing-0#", "biling-0#")], &["no producer named", "\"billing-0\"?"]);
    says(&[&SENT.replace("0,", "\"0\",")], &["2:12: invalid type: string \"0\", expected u64"]);
    says(&[&SENT.replace("sent", "se\\u0000nt")], &["control character"]);
    says(&[&SENT.replace("sent", "se\0nt")], &["2:23: control character"]);
}

#[test]
fn what_cannot_be_is_refused() {
    let acked = r#"{"at_us":0,"event":"acked","partition":"payments-0","base_offset":0,"by":1,"records":["billing-0#0"]}"#;
    says(&[acked], &["\"billing-0#0\" has an outcome", "write a line of \"event\":\"sent\""]);
    says(&[SENT, &acked.replace(":0,\"by\"", ":-2,\"by\"")], &["3:68: -2 is not a valid offset"]);
    says(&[SENT, &acked.replace("\"by\":1", "\"by\":9")], &["no broker 9: the header has 3"]);
    says(&[SENT, &acked.replace(":0,\"by\"", ":1e99,\"by\"")], &["3:"]);
    let late = SENT.replace("\"at_us\":0", "\"at_us\":9000000");
    says(&[&late, SENT], &["3: at_us goes back by 9000000 us", "sort the lines"]);
    let seq = |seq: u64| SENT.replacen('{', &format!("{{\"seq\":{seq},"), 1);
    says(&[&seq(5), &seq(5)], &["3: seq 5 comes after 5"]);
    says(&[&seq(u64::MAX), SENT], &["3: seq 18446744073709551615 comes after"]);
    let polled = r#"{"at_us":0,"event":"polled","group":"ledger","partition":"payments-0","base_offset":0,"records":[]}"#;
    says(&[polled], &["missing field `node`"]);
    let led = r#"{"at_us":0,"event":"became_leader","node":"ledger-0","partition":"payments-0","epoch":0,"log_end":0,"high_watermark":0}"#;
    says(&[led], &["this happens at a broker"]);
    says(
        &[&led.replace("ledger-0", "broker-1").replace(":0,\"log", ":-1,\"log")],
        &["-1 is not a valid leader epoch"],
    );
    let done =
        r#"{"at_us":0,"event":"final_read_done","partition":"payments-0","start":9,"end":1}"#;
    says(&[done], &["past its end 1"]);
    says(
        &[r#"{"at_us":0,"event":"rejected","record":"billing-0#0","error":"TIMEOUT"}"#],
        &["no error named"],
    );
}

const POLLED: &str = r#"{"at_us":0,"node":"ledger-0","event":"polled","group":"ledger","partition":"payments-0","base_offset":0,"records":["billing-0#0","billing-0#1"]}"#;
const PROCESSED: &str = r#"{"at_us":0,"node":"ledger-0","event":"processed","group":"ledger","partition":"payments-0","offset":1,"record":"billing-0#0"}"#;

#[test]
fn a_member_processes_what_it_polled_there() {
    let said =
        "billing-0#0 is processed at payments-0 offset 1, where this member polled billing-0#1";
    says(&[POLLED, PROCESSED], &["3:", said]);
    let fine = |lines: &[&str]| {
        let text = history(lines);
        assert!(read(text.as_bytes()).is_ok(), "{:?}", read(text.as_bytes()).err());
    };
    fine(&[PROCESSED]);
    fine(&[POLLED, &PROCESSED.replace("ledger-0", "ledger-1")]);
    fine(&[POLLED, &PROCESSED.replace("\"offset\":1", "\"offset\":7")]);
    // The log was cut and written anew: work on both may be under way.
    let other = POLLED.replace("#1\"", "#0\"");
    fine(&[POLLED, &other, PROCESSED, &PROCESSED.replace("#0", "#1")]);
    for between in [
        r#"{"at_us":0,"node":"ledger-0","event":"assigned","group":"ledger","partitions":["payments-0"]}"#,
        r#"{"at_us":0,"node":"ledger-0","event":"lost","group":"ledger","partitions":["payments-0"]}"#,
        r#"{"at_us":0,"node":"ledger-0","event":"process_ended","how":"crash"}"#,
    ] {
        fine(&[POLLED, between, PROCESSED]);
        // A worker of before the rebalance goes on; the end of the process ends that.
        let old = PROCESSED.replace("#0", "#1");
        if between.contains("process_ended") {
            says(&[POLLED, between, &other, &old], &["where this member polled billing-0#0"]);
        } else {
            fine(&[POLLED, between, &other, &old]);
        }
    }
}

#[test]
fn a_record_is_acknowledged_where_and_as_often_as_it_was_sent() {
    let mut wide = context();
    wide.topics[1].partitions = 2;
    let acked = r#"{"at_us":0,"event":"acked","partition":"payments-1","base_offset":0,"records":["billing-0#0"]}"#;
    let text = |lines: &[&str]| format!("{}\n{}", header_line(&wide), lines.join("\n"));
    let said = refused(&text(&[SENT, acked]));
    assert!(said.contains("was sent to payments-0 and is acknowledged in payments-1"), "{said}");
    let there = acked.replace("payments-1", "payments-0");
    let said = refused(&text(&[SENT, &there, &there]));
    assert!(said.contains("4: billing-0#0 is acknowledged again, and was sent once"), "{said}");
    let nowhere = SENT.replace(",\"partition\":\"payments-0\"", "");
    let failed = there
        .replace("acked", "failed")
        .replace("\"base_offset\":0", "\"error\":\"REQUEST_TIMED_OUT\",\"maybe_written\":true");
    for lines in [
        vec![SENT, &*there, SENT, &*there],
        vec![&*nowhere, acked],
        vec![SENT, &*SENT.replace("payments-0", "payments-1"), acked],
        vec![SENT, &*failed, SENT, &*there],
        vec![SENT, SENT, &*there, &*failed],
    ] {
        assert!(read(text(&lines).as_bytes()).is_ok(), "{lines:?}");
    }
    for (lines, words) in [
        (
            [SENT, &*failed, &*there],
            "4: billing-0#0 is acknowledged and has failed, and was sent once",
        ),
        ([SENT, &*there, &*failed], "4: billing-0#0 fails and is acknowledged, and was sent once"),
        ([SENT, &*failed, &*failed], "4: billing-0#0 fails again, and was sent once"),
    ] {
        let said = refused(&text(&lines));
        assert!(said.contains(words), "{said}");
    }
    let other = there.replace("payments-0", "__consumer_offsets-0");
    says(&[SENT, &other], &["the producer of \"billing-0#0\" writes to payments"]);
}

#[test]
fn a_log_is_read_to_its_end_once_and_an_in_sync_set_has_nobody_twice() {
    let read = r#"{"at_us":0,"event":"final_read","partition":"payments-0","base_offset":0,"records":["billing-0#0"]}"#;
    let done =
        r#"{"at_us":0,"event":"final_read_done","partition":"payments-0","start":0,"end":1}"#;
    says(&[read, done, read], &["4: payments-0 was read to its end before"]);
    says(&[read, done, done], &["4: payments-0 was read to its end before"]);
    let twice = r#"{"at_us":0,"event":"leader_elected","partition":"payments-0","leader":1,"epoch":0,"isr":[1,2,1],"unclean":false}"#;
    says(&[twice], &["2: broker 1 is twice in one in-sync set"]);
    let grows =
        r#"{"at_us":0,"event":"isr_changed","partition":"payments-0","before":[1],"isr":[2,2]}"#;
    says(&[grows], &["2: broker 2 is twice in one in-sync set"]);
}

#[test]
fn numbers_and_offsets_cannot_ask_for_gigabytes() {
    says(&[&SENT.replace("#0", "#4294967295")], &["record number 4294967295 is too high"]);
    says(&[&SENT.replace("#0", "#99999999999")], &["is not a record"]);
    let last = |base: u64| {
        format!(
            r#"{{"at_us":0,"event":"final_read","partition":"payments-0","base_offset":{base},"records":["billing-0#0"]}}"#
        )
    };
    says(&[&last(5_000_000_000), &last(0)], &["3: offsets 0 to 1 are too far from the others"]);
    let far = history(&[&last(5_000_000_000), &last(5_000_000_001)]);
    assert!(read(far.as_bytes()).is_ok(), "a log may start anywhere");
    let batch = r#"{"at_us":0,"event":"appended","node":"broker-1","partition":"payments-0","epoch":0,"base_offset":0,"next_offset":9000000000000000,"records":[],"as_leader":true}"#;
    says(&[batch], &["2: offsets 0 to 9000000000000000"]);
}

/// Logs that begin high, and an election that cuts below what is on record.
#[test]
fn an_unclean_election_of_a_log_without_a_beginning_ends() {
    let append = r#"{"at_us":0,"event":"appended","node":"broker-1","partition":"payments-0","epoch":0,"base_offset":5000000000,"next_offset":5000000001,"records":["billing-0#0"],"as_leader":true}"#;
    let mark = r#"{"at_us":0,"event":"high_watermark","node":"broker-1","partition":"payments-0","epoch":0,"offset":5000000001}"#;
    let elect = r#"{"at_us":0,"event":"leader_elected","partition":"payments-0","leader":2,"epoch":1,"isr":[2],"unclean":true}"#;
    assert!(read(history(&[append, mark, elect, append]).as_bytes()).is_ok());
}

#[test]
fn a_line_without_an_end_is_not_kept() {
    let header = header_line(&context()) + "\n";
    let endless = std::io::repeat(b'[').take(1 << 30);
    let mut reader =
        Reader::open(std::io::BufReader::new(Cursor::new(header).chain(endless))).unwrap();
    let problem = reader.entry().unwrap_err().to_string();
    assert_eq!(problem, format!("2: a line of more than {MAX_LINE} bytes"));
    let nested = format!("{{\"x\":{}", "[".repeat(100_000));
    says(&[&nested], &["2:", "EOF while parsing a list"]);
    let deep = format!("{{\"at_us\":0,\"event\":\"phase\",\"phase\":{}", "[".repeat(100_000));
    says(&[&deep], &["2:"]);
    let name = format!(r#"{{"at_us":0,"event":"{}"}}"#, "x".repeat(1_000_000));
    assert!(refused(&history(&[&name])).len() < 2000, "a message is no copy of the line");
}

/// Bytes that are changed, left out, put in, or cut off.
#[derive(Clone, Debug)]
enum Harm {
    Set(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
    Digits(usize, String),
    Cut(usize),
}

fn harm() -> impl Strategy<Value = Harm> {
    let at = || any::<prop::sample::Index>().prop_map(|index| index.index(1 << 20));
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Set(at, byte)),
        (at(), 1..200_usize).prop_map(|(at, length)| Harm::Remove(at, length)),
        (at(), 1..200_usize).prop_map(|(at, length)| Harm::Repeat(at, length)),
        (at(), "-?[0-9]{1,19}").prop_map(|(at, digits)| Harm::Digits(at, digits)),
        at().prop_map(Harm::Cut),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        let length = bytes.len().max(1);
        match harm {
            Harm::Set(at, byte) if !bytes.is_empty() => bytes[at % length] = *byte,
            Harm::Set(..) => {}
            Harm::Remove(at, count) => {
                let from = at % length;
                bytes.drain(from.min(bytes.len())..(from + count).min(bytes.len()));
            }
            Harm::Repeat(at, count) => {
                let from = (at % length).min(bytes.len());
                let part = bytes[from..(from + count).min(bytes.len())].to_vec();
                bytes.splice(from..from, part);
            }
            // Put in place of the next number of the text.
            Harm::Digits(at, digits) => {
                let from = (at % length).min(bytes.len());
                let start = bytes[from..].iter().position(u8::is_ascii_digit).map(|at| from + at);
                let Some(start) = start else { continue };
                let end = bytes[start..].iter().position(|byte| !byte.is_ascii_digit());
                let end = end.map_or(bytes.len(), |length| start + length);
                bytes.splice(start..end, digits.bytes());
            }
            Harm::Cut(at) => bytes.truncate(at % length),
        }
    }
    bytes
}

proptest! {
    #[test]
    fn nothing_panics(
        events in prop::collection::vec(event(), 0..30),
        harms in prop::collection::vec(harm(), 0..6),
    ) {
        let text = written(&wide(), &entries(with_sends(events)));
        if let Err(problem) = read(&harmed(text.into_bytes(), &harms)) {
            prop_assert!(problem.line > 0 && !problem.what.is_empty());
        }
    }

    #[test]
    fn random_lines_are_refused(line in prop::collection::vec(any::<u8>(), 1..200)) {
        let mut text = header_line(&context()).into_bytes();
        text.push(b'\n');
        text.extend(&line);
        let blank = line.trim_ascii().is_empty();
        prop_assert_eq!(read(&text).is_ok(), blank);
    }
}
