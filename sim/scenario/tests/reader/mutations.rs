//! Whatever is in a file, the reader answers: a plan, or mistakes with their places. Never a panic.

use crate::common::{NAMES, scenario};
use ackproof_scenario::diagnostic::{Diagnostic, Severity, decode};
use ackproof_scenario::resolve::{load_from, load_with};
use ackproof_scenario::schedule::Schedule;
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn files() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let mut paths = Vec::new();
    for folder in ["basics", "footguns", "load", "regressions"] {
        let entries = fs::read_dir(root.join(folder)).expect("readable");
        paths.extend(entries.map(|entry| entry.expect("readable").path()));
    }
    paths.sort();
    paths.retain(|path| path.is_file());
    paths.iter().map(|path| fs::read_to_string(path).expect("readable")).collect()
}

/// Loads `text`; a refusal says where, and fits on a screen.
fn check(text: &str) -> Option<Vec<Diagnostic>> {
    let empty = |file: &str| Ok((file.to_owned(), String::new()));
    match load_from(text, ("mutant.json", &empty), &NAMES, &[]) {
        Ok((plan, found)) => {
            assert!(found.iter().all(|one| one.severity == Severity::Warning), "{found:#?}");
            let schedule = Schedule::new(&plan, 1);
            assert!(schedule.faults.len() < 1_000_000, "a run that ends");
            None
        }
        Err(found) => {
            assert!(found.iter().any(|one| one.severity == Severity::Error), "a reason");
            assert!(found.len() <= 100, "{} messages", found.len());
            let lines: Vec<&str> = text.split('\n').collect();
            for one in &found {
                assert!((1..=lines.len()).contains(&one.line), "line {} of {text}", one.line);
                let line = lines[one.line - 1];
                assert!(line.contains(one.source_line.trim_end_matches('\r')), "{one:#?}");
                assert!(one.column <= line.chars().count() + 1, "{one:#?}");
                let shown = one.to_string();
                assert!(
                    shown.contains(&format!("mutant.json:{}:{}", one.line, one.column)),
                    "{shown}"
                );
                assert!(shown.chars().count() < 3000, "{shown}");
            }
            Some(found)
        }
    }
}

#[test]
fn files_cut_off_anywhere() {
    for text in files() {
        let whole = text.trim_end().len();
        for end in (0..whole).filter(|end| text.is_char_boundary(*end)) {
            assert!(check(&text[..end]).is_some(), "refused: {}", &text[..end]);
        }
    }
}

#[test]
fn every_number_and_word_replaced() {
    let others = [
        "99999999999999999999",
        "-1",
        "0",
        "1e999",
        "0.5",
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "\"99999999999999999999s\"",
        "\"0s\"",
        "\"1s..0s\"",
        "[[[]]]",
        "\"é\"",
    ];
    for text in files() {
        let mut at = 0;
        while let Some(found) = text[at..].find(|c: char| c.is_ascii_digit() || c == '"') {
            let start = at + found;
            let rest = &text[start + 1..];
            let length = if text[start..].starts_with('"') {
                rest.find('"').map_or(rest.len(), |end| end + 1)
            } else {
                rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
            };
            let end = start + 1 + length;
            for other in others {
                check(&format!("{}{other}{}", &text[..start], &text[end..]));
            }
            at = end;
        }
    }
}

#[test]
fn shapes_that_hurt() {
    let deep = "[".repeat(100_000);
    let found = check(&deep).expect("refused");
    assert!(found[0].message.starts_with("nested more than"), "{}", found[0].message);
    check(&format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)));
    let twice = scenario("run", r#"{ "load": "30s", "load": "40s" }"#);
    assert_eq!(
        check(&twice).expect("refused")[0].message,
        "the key \"load\" is given twice",
        "twice"
    );
    // A megabyte of unknown keys in one line.
    let keys: Vec<String> = (0..80_000).map(|n| format!("\"k{n}\":1")).collect();
    let found = check(&format!("{{{}}}", keys.join(","))).expect("refused");
    let last = found.last().and_then(|one| one.hint.clone()).unwrap_or_default();
    assert!(last.ends_with("more are not shown"), "{last}");
    // A key of half a megabyte.
    check(&format!("{{\"{}\": 1}}", "k".repeat(500_000)));
    // Warnings do not hide an error behind them.
    let many: Vec<String> = (0..60).map(|_| "\"num.io.threads\": 1".to_owned()).collect();
    let groups: Vec<String> =
        (0..60).map(|n| format!(r#""g{n}": {{ "config": {{ "client.rack": "a" }} }}"#)).collect();
    let text = scenario("groups", &format!("{{ {}, \"h\": 1 }}", groups.join(", ")));
    let found = check(&text).expect("the last one is wrong");
    assert!(found.iter().any(|one| one.path == "groups.h"), "{} in {}", found.len(), many.len());
}

#[test]
fn bytes_that_are_no_text() {
    let found = decode(b"{\n  \"name\": \"\xff\" }".to_vec(), "bytes.json").expect_err("no text");
    assert_eq!((found.line, found.column), (2, 12), "its place");
    assert!(found.to_string().contains("bytes.json:2:12"), "{found}");
    assert_eq!(decode("é".into(), "text.json").as_deref(), Ok("é"), "text");
}

/// One change to a text.
#[derive(Clone, Debug)]
enum Change {
    Delete(usize, usize),
    Insert(usize, String),
    Repeat(usize, usize),
    Swap(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = 0_usize..3000;
    prop_oneof![
        (place.clone(), 1_usize..40).prop_map(|(at, length)| Change::Delete(at, length)),
        (place.clone(), "[\\[\\]{},:\"0-9a-zé/*. -]{1,6}")
            .prop_map(|(at, text)| Change::Insert(at, text)),
        (place.clone(), 1_usize..80).prop_map(|(at, length)| Change::Repeat(at, length)),
        (place.clone(), place).prop_map(|(one, other)| Change::Swap(one, other)),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let size = chars.len().max(1);
    match change {
        Change::Delete(at, length) => {
            let start = at % size;
            chars.drain(start..(start + length).min(chars.len()));
        }
        Change::Insert(at, more) => {
            let rest = chars.split_off(at % size);
            chars.extend(more.chars().chain(rest));
        }
        Change::Repeat(at, length) => {
            let start = at % size;
            let part = chars[start..(start + length).min(chars.len())].to_vec();
            let rest = chars.split_off(start);
            chars.extend(part.into_iter().chain(rest));
        }
        Change::Swap(one, other) => chars.swap(one % size, other % size),
    }
    chars.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn changed_files(number in 0_usize..1000, changes in prop::collection::vec(change(), 1..4)) {
        let files = files();
        let mut text = files[number % files.len()].clone();
        for change in &changes {
            text = apply(&text, change);
        }
        check(&text);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        match decode(bytes, "bytes.json") {
            Ok(text) => { check(&text); }
            Err(found) => prop_assert!(found.line >= 1 && found.column >= 1, "{found}"),
        }
    }

    #[test]
    fn any_value_from_the_command_line(path in "[a-z.0-9\\[\\]_-]{0,30}", value in "\\PC{0,20}") {
        let text = scenario("run", "{}");
        let sets = [(path, value)];
        if let Err(found) = load_with(&text, "mutant.json", &NAMES, &sets) {
            for one in found {
                let _ = one.to_string();
                prop_assert!(one.line >= 1 && one.column >= 1, "{one}");
            }
        }
    }
}
