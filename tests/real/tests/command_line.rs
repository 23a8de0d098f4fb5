//! The harness's command line, without a cluster: help, and what is refused before anything is built or started.

use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    Command::new(program).args(arguments).current_dir(folder).output().expect("it starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn compare_says_how_it_is_used() {
    for option in ["--help", "-h"] {
        let ran = run("./compare", &[option]);
        assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
        let shown = text(&ran.stdout);
        assert!(
            shown.starts_with("tests/real/compare [--runs N] [--seeds A..B] [--kafka VERSION]"),
            "{shown}"
        );
        assert!(shown.contains("Ends with 0 if the two sides agree"), "{shown}");
        assert!(!shown.contains("set -e"), "{shown}");
    }
}

#[test]
fn compare_refuses_what_it_does_not_know() {
    for (arguments, what) in [
        (&["--rnus", "3"][..], "unknown option --rnus"),
        (&["--runs"], "--runs takes a number from 1"),
        (&["--runs", "0"], "--runs takes a number from 1"),
        (&["--seeds", "5"], "--seeds takes a range like 0..400"),
        (&["--kafka", "4.0"], "--kafka takes a version like 4.0.0"),
        (&["nowhere.json"], "no file nowhere.json"),
    ] {
        let ran = run("./compare", arguments);
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}");
        assert!(text(&ran.stderr).contains(what), "{arguments:?}: {}", text(&ran.stderr));
    }
}

#[test]
fn every_command_has_an_example_and_its_exit_statuses() {
    for command in ["", "run", "doctor", "about"] {
        let words: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let ran = run(env!("CARGO_BIN_EXE_ackproof-real"), &words);
        assert_eq!(ran.status.code(), Some(0), "{command}");
        let shown = text(&ran.stdout);
        assert!(shown.contains(&format!("\nExample:\n  ackproof-real {command}")), "{shown}");
        assert!(shown.contains("\n\nExit status: 0 "), "{shown}");
    }
}

#[test]
fn the_harness_says_what_is_missing() {
    let ran = run(env!("CARGO_BIN_EXE_ackproof-real"), &["doctor", "--jars", "nowhere"]);
    assert_eq!(ran.status.code(), Some(2));
    assert!(text(&ran.stderr).contains("no Kafka in nowhere"), "{}", text(&ran.stderr));
}
