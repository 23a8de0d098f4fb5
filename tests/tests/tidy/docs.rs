//! Documents point at things that are there: relative links with their sections, and paths into the
//! rooms of the repository in code spans and blocks.

use super::finding;
use crate::support::{assert_none, files, read, root};
use std::path::Path;

/// Folders at the root that documents speak of.
const ROOMS: &[&str] = &["models/", "scenarios/", "sim/", "reports/", "tests/", ".ci/"];

fn check(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    for (number, line) in (1..).zip(text.lines()) {
        for target in links(line) {
            let (file, section) = target.split_once('#').unwrap_or((target, ""));
            let there = folder.join(file);
            let outside = target.contains("://") || file.is_empty();
            if !outside && (!exists(&there) || !section.is_empty() && !has(&there, section)) {
                let what = format!("the link to {target} leads nowhere");
                findings.push(finding(path, number, &what, "correct or remove it"));
            }
        }
        for named in paths(line).filter(|named| !exists(Path::new(named))) {
            let what = format!("there is no {named}");
            findings.push(finding(path, number, &what, "correct or remove it"));
        }
    }
    findings
}

fn exists(path: &Path) -> bool {
    root().join(path).exists()
}

/// Whether a document has a heading for `section`: its words in lower case, joined by hyphens.
fn has(document: &Path, section: &str) -> bool {
    let text = std::fs::read_to_string(root().join(document)).unwrap_or_default();
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let name = |heading: &str| {
        let heading = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        heading.replace(|letter: char| !letter.is_alphanumeric() && letter != '-', "")
    };
    headings.map(name).any(|one| one == section)
}

/// Targets of `[text](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// Words that are paths into a room. A pattern (`*`, `<name>`, `…`) is none.
fn paths(line: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_alphanumeric() || "./-_*<>…".contains(letter);
    line.split(move |letter| !is_part(letter))
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| ROOMS.iter().any(|room| word.starts_with(room)))
        .filter(|word| !word.contains(['*', '<', '…']))
}

#[test]
fn documents_point_at_things_that_are_there() {
    let files = files(".md");
    assert!(files.iter().any(|path| path == "README.md"), "documents are found: {files:?}");
    let findings: Vec<String> = files.iter().flat_map(|path| check(path, &read(path))).collect();
    assert_none(&findings);
}

#[test]
fn a_dead_link_and_a_dead_path_are_found() {
    assert_eq!(
        check("README.md", "see [this](nowhere.md)"),
        ["README.md:1: the link to nowhere.md leads nowhere; correct or remove it"]
    );
    assert_eq!(check("README.md", "[x](README.md#no-such-section)").len(), 1, "a section");
    assert_eq!(check("models/kafka/x.md", "\n[up](README.md)").len(), 1, "from its own folder");
    assert_eq!(check("README.md", "run scenarios/basics/none.json.").len(), 1, "a scenario");
    assert_eq!(check("README.md", "in `sim/src/none.rs`").len(), 1, "a source");
    let good = "[a](README.md#get-started) [b](https://x.org/y) [c](#here) scenarios/*/x.json \
                tests/<name> scenarios/…/x.json `sim/Cargo.toml`.";
    assert_none(&check("README.md", good));
}
