//! `.properties` are read as Java reads them, and what is read knows its place.

use ackproof_scenario::properties::{decode, parse};
use proptest::prelude::*;

fn text(hex: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    String::from_utf8((0..hex.len()).step_by(2).map(byte).collect()).expect("UTF-8")
}

#[test]
fn odd_files_are_read_as_java_reads_them() {
    let kept = include_str!("properties.tsv").lines().filter(|line| !line.starts_with('#'));
    let mut checked = 0;
    for line in kept {
        let (file, answer) = line.split_once('\t').expect("two columns");
        let theirs: Vec<(String, String)> = answer
            .split(',')
            .filter_map(|entry| entry.split_once('='))
            .map(|(key, value)| (text(key), text(value)))
            .collect();
        let file = text(file);
        let ours = parse(&file).expect("Java takes it");
        let ours: Vec<_> = ours.into_iter().map(|entry| (entry.key, entry.value)).collect();
        assert_eq!(ours, theirs, "{file:?}");
        checked += theirs.len();
    }
    assert!(checked > 500, "{checked}");
}

#[test]
fn keys_and_values_know_their_places() {
    let file = "# comment\n\n  acks : all\nlinger.ms=\\\n    5\nempty\n";
    let entries = parse(file).expect("it is read");
    let shown: Vec<_> = entries
        .iter()
        .map(|one| {
            (
                &file[one.key_span.start..one.key_span.end],
                &file[one.value_span.start..one.value_span.end],
            )
        })
        .collect();
    assert_eq!(shown, [("acks", "all"), ("linger.ms", "5"), ("empty", "")]);
}

#[test]
fn escapes_are_resolved_and_a_broken_one_is_an_error_at_its_place() {
    let read = |file| parse(file).expect("it is read").remove(0).value;
    assert_eq!(read("a=\\u0041\\t\\q\\ud83d\\ude00"), "A\tq\u{1f600}");
    assert_eq!(read("a=\\ud83d"), "\u{fffd}");
    for broken in ["a=b\\u12", "a=b\\u12g4", "a=b\\u+123"] {
        let error = parse(broken).expect_err("Java refuses it");
        assert_eq!((error.span.start, error.span.end), (3, 5), "{broken}");
    }
}

#[test]
fn bytes_that_are_no_utf_8_are_latin_1() {
    assert_eq!(decode(vec![b'a', 0xe9]), "a\u{e9}");
    assert_eq!(decode("a\u{e9}".into()), "a\u{e9}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(file in "\\PC{0,80}|[\\\\u0-9a-f=: \\n\\r#!]{0,80}") {
        for entry in parse(&file).into_iter().flatten() {
            for span in [entry.key_span, entry.value_span] {
                prop_assert!(file.get(span.start..span.end).is_some());
            }
        }
    }
}
