//! What a scenario file must say to people: what it shows and where it comes from, in a comment at
//! its head, and `about` for lists. Whether it is right is the suite's business.

use super::finding;
use crate::support::{assert_none, load, read, scenarios};
use std::collections::BTreeMap;

const MUST_SAY: &[&str] = &["What it shows:", "Where it comes from:"];

fn check(path: &str, text: &str) -> Vec<String> {
    let comment: Vec<&str> = text.lines().take_while(|line| line.starts_with("//")).collect();
    let missing = MUST_SAY.iter().filter(|say| !comment.iter().any(|line| line.contains(**say)));
    let mend = "say it in the comment at its head";
    let mut findings: Vec<String> =
        missing.map(|say| finding(path, 1, &format!("no \"{say}\""), mend)).collect();
    for (line, text) in (1..).zip(&comment) {
        for word in text.split(|letter: char| !letter.is_ascii_alphanumeric()) {
            if is_foreign_number(word) {
                let what = format!("\"{word}\" is defined nowhere in the repository");
                findings.push(finding(path, line, &what, "say it in words"));
            }
        }
    }
    findings
}

/// `F22`: a number of a list that the reader does not have.
fn is_foreign_number(word: &str) -> bool {
    let digits = word.strip_prefix('F').unwrap_or("");
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Two files of one name could not be told apart in a report.
fn same_names(names: &[(String, String)]) -> Vec<String> {
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    let mut findings = Vec::new();
    for (path, name) in names {
        if let Some(other) = first.insert(name, path) {
            findings.push(finding(path, 1, &format!("{other} is called {name} too"), "rename one"));
        }
    }
    findings
}

#[test]
fn every_scenario_says_what_it_shows() {
    let files = scenarios();
    assert!(files.len() >= 20, "scenarios are found: {}", files.len());
    let mut findings: Vec<String> =
        files.iter().flat_map(|path| check(path, &read(path))).collect();
    let mut names = Vec::new();
    for path in files {
        let plan = load(&path, &[]);
        if plan.about.len() < 20 {
            findings.push(finding(&path, 1, "no \"about\"", "say in a sentence what happens"));
        }
        names.push((path, plan.name));
    }
    findings.extend(same_names(&names));
    assert_none(&findings);
}

#[test]
fn a_silent_scenario_and_a_borrowed_name_are_found() {
    let head = "// Nothing fails.\n//\n// What it shows: x.\n";
    assert_eq!(check("a.json", &format!("{head}{{}}")).len(), 1, "no source");
    assert_eq!(check("a.json", "{}").len(), 2, "no comment");
    assert_none(&check("a.json", &format!("{head}// Where it comes from: y.\n{{}}")));
    let cites = check("a.json", &format!("{head}// Where it comes from: footgun F22.\n{{}}"));
    assert_eq!(cites.len(), 1, "a number that nothing defines: {cites:?}");
    let name = |path: &str| (path.to_owned(), "one".to_owned());
    assert_eq!(same_names(&[name("a.json"), name("b.json")]).len(), 1);
}
