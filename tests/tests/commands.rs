//! Commands of the documents that are no promises with an exit status: those of the reference, those between the lines,
//! and the few that no test runs, each with its reason.

use crate::readme::{blocks, documents};
use crate::support::{ackproof, assert_none, parallel, read};
use ackproof::manual::breakages::BREAKAGES;
use ackproof::manual::footguns::FOOTGUNS;
use ackproof::manual::reference;
use ackproof_reports::reference::{Body, FOLDER, Kind};
use std::collections::{BTreeMap, BTreeSet};

/// Commands that no test runs, by how they begin, with the reason.
const UNRUN: &[(&str, &str)] = &[
    ("git clone ", "a network is needed"),
    ("RUSTFLAGS=\"--cfg madsim\" cargo install ", "minutes of compilation, and a network"),
    ("rustup component add ", "a network is needed"),
    ("RUSTFLAGS=\"--cfg madsim -Cprofile-", "minutes of compilation"),
    ("\"$(rustc --print sysroot)\"", "it needs what the build before it writes"),
    (
        "ackproof run scenarios --seeds 0..500",
        "minutes on two cores; CI runs 60 seeds of all scenarios",
    ),
    ("ackproof replay target/small.json", "a file that the reader has made"),
    ("ackproof check history.jsonl", "a file that the reader has made"),
    ("ackproof validate scenarios/real/leader-kill.json", "`validate::` runs it, with fewer seeds"),
    ("promtool tsdb ", "`prometheus::` runs it, where it is installed"),
    ("prometheus --storage.tsdb.path", "`prometheus::` runs it, where it is installed"),
    ("ackproof zoo", "`corpus::` and `mutants::` run all of it, `zoo::` a part"),
    ("ackproof serve ", "`serve::` runs it, with clients of its own"),
    ("ackproof replay ci.tape", "a file that the reader has made"),
    ("ackproof completions ", "`cli_install::` runs it; this one writes into the reader's home"),
    ("ackproof man ", "`cli_install::` runs it; this one writes into the reader's home"),
];

/// Lines that are commands in blocks that nobody promises the outcome of.
fn unpromised() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in documents().into_iter().filter(|path| !path.contains(&format!("/{FOLDER}/"))) {
        for block in blocks(&read(&path)).into_iter().filter(|block| block.language == "sh") {
            let lines = block.text.into_iter().zip(block.line + 1..);
            found.extend(lines.map(|(text, line)| (format!("{path}:{line}"), text)));
        }
    }
    found
}

#[test]
fn what_no_test_runs_has_a_reason() {
    let commands = unpromised();
    let reason = |command: &str| UNRUN.iter().find(|(start, _)| command.starts_with(start));
    let rest = commands.iter().filter(|(_, command)| reason(command).is_none());
    let ours = rest.clone().filter(|(_, command)| !command.starts_with("ackproof "));
    assert_none(
        &ours
            .map(|(place, command)| format!("{place}: no test runs `{command}`"))
            .collect::<Vec<_>>(),
    );
    let run: Vec<&(String, String)> =
        rest.filter(|(_, command)| command.starts_with("ackproof ")).collect();
    let findings = parallel(&run, |(place, command)| {
        let words: Vec<&str> = command.split_whitespace().skip(1).collect();
        let output = ackproof(&words);
        (!output.status.success()).then(|| format!("{place}: `{command}`: {output:?}"))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
    for (start, _) in UNRUN {
        let is_used = commands.iter().any(|(_, command)| command.starts_with(start));
        assert!(is_used, "no document has `{start}` any more");
    }
}

/// `ackproof run DIR` between the lines: the command is there, and so are its options.
#[test]
fn commands_between_the_lines_are_there() {
    let mut spans: BTreeSet<(String, String)> = BTreeSet::new();
    for path in documents() {
        let text = read(&path);
        let outside: String = text.split("```").step_by(2).collect();
        let odd = outside.split('`').skip(1).step_by(2);
        let ours = odd.filter_map(|span| span.strip_prefix("ackproof "));
        spans.extend(
            ours.map(|span| (path.clone(), span.split_whitespace().collect::<Vec<_>>().join(" "))),
        );
    }
    assert!(spans.len() > 20, "{spans:?}");
    let mut helps: BTreeMap<String, String> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, span) in &spans {
        let words: Vec<&str> = span.split(' ').collect();
        if words[0] == "COMMAND" {
            continue;
        }
        let help = helps.entry(words[0].to_owned()).or_insert_with(|| {
            let output = ackproof(&[words[0], "--help"]);
            let status = output.status.success();
            if status {
                String::from_utf8_lossy(&output.stdout).into_owned()
            } else {
                String::new()
            }
        });
        if help.is_empty() {
            findings.push(format!("{path}: `ackproof {span}`: there is no such command"));
        }
        let options = words.iter().filter(|word| word.starts_with("--"));
        for option in options.filter(|option| !help.contains(**option)) {
            findings.push(format!("{path}: `ackproof {span}`: there is no {option}"));
        }
    }
    assert_none(&findings);
}

/// The commands of the reference: of faults and use cases they are run here, of footguns and bugs the suite and the mutants do it.
#[test]
fn commands_of_the_reference_work() {
    let all = reference();
    let mut faults = Vec::new();
    for entry in &all.entries {
        let lines = entry.parts.iter().filter_map(|part| match &part.body {
            Body::Commands(lines) => Some(lines),
            Body::Text(_) | Body::Items(_) => None,
        });
        for line in lines.flatten() {
            if entry.kind == Kind::Fault || line.contains(" scenarios/use-cases/") {
                faults.push(line.clone());
                continue;
            }
            let footgun = FOOTGUNS.iter().any(|one| line.contains(&one.file()));
            let named = |one: &&str| line.contains(&format!("[\"{one}\"]"));
            let variant = BREAKAGES.iter().any(|one| {
                line.contains(one.scenario) && one.variant.is_some_and(|bug| named(&bug.name()))
            });
            // The suite runs every scenario as it is.
            let held =
                line.starts_with("ackproof run scenarios/basics/") && !line.contains("--set");
            assert!(footgun || variant || held, "no test runs `{line}` of {}", entry.name);
        }
    }
    assert!(faults.len() >= 17, "{faults:?}");
    let findings = parallel(&faults, |line| {
        let words = shlex(line);
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        let output = ackproof(&words);
        (output.status.code() != Some(0)).then(|| format!("{line}: {output:?}"))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

/// The words of a command as a shell would see them.
fn shlex(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for (index, piece) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.last_mut().expect("a word").push_str(piece);
            continue;
        }
        for (place, word) in piece.split(' ').enumerate() {
            if place > 0 {
                words.push(String::new());
            }
            words.last_mut().expect("a word").push_str(word);
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a table of `reports/manual/symptoms.md` says: the cause, and the command that shows it.
fn symptoms() -> Vec<(String, String)> {
    let text = read("reports/manual/symptoms.md");
    let rows = text.lines().filter(|line| line.starts_with("| ") && line.contains("| `ackproof "));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let code = |cell: &str| cell.split('`').nth(1).unwrap_or_default().to_owned();
        (code(cells[1]), code(cells[3]))
    })
    .collect()
}

/// Whoever has run into a footgun finds it by what it looks like.
#[test]
fn every_footgun_has_a_symptom() {
    let rows = symptoms();
    let is_shown = |file: &str| rows.iter().any(|(_, command)| command.contains(file));
    let missing = FOOTGUNS.iter().map(|footgun| footgun.file()).filter(|file| !is_shown(file));
    assert_none(&missing.collect::<Vec<_>>());
}

/// Each row names a cause, and its command finds that cause.
#[test]
fn every_symptom_is_shown_by_its_scenario() {
    let rows = symptoms();
    assert!(rows.len() >= 20, "{rows:?}");
    let findings = parallel(&rows, |(cause, command)| {
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let output = ackproof(&[words.as_slice(), &["--format", "json"]].concat());
        let said = String::from_utf8_lossy(&output.stdout);
        let named = said.contains(&format!("\"{cause}\""));
        // A history has no expectation that a violation could meet.
        let status = i32::from(words[0] == "check");
        let shows = named && output.status.code() == Some(status);
        (!shows).then(|| format!("{command}: {cause} is told: {named}; {}", output.status))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}
