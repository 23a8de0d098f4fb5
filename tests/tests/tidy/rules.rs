//! A rule of Kafka that code or a document cites by its number can be looked up in one page, and the page
//! holds no rule that nobody cites. Whole lines are read, since comments are no tokens.

use super::finding;
use crate::support::{assert_none, files, read};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

const PAGE: &str = "models/kafka/RULES.md";
/// The numbers at its end are made up.
const THIS_FILE: &str = "tests/tests/tidy/rules.rs";

/// A number that is cited: `R2.17`, a timeline (`W5`) or a footgun (`F22`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rule {
    family: char,
    /// 0 in families that have no chapters.
    chapter: u32,
    number: u32,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, chapter, number } = self;
        match chapter {
            0 => write!(f, "{family}{number}"),
            _ => write!(f, "{family}{chapter}.{number}"),
        }
    }
}

/// The rule that `text` begins with, and what follows it. A point of a rule (`R8.12.3`) is the rule.
fn parse(text: &str) -> Option<(Rule, &str)> {
    let family = text.chars().next().filter(|letter| ['R', 'W', 'F'].contains(letter))?;
    let (first, rest) = digits(&text[1..])?;
    let (chapter, number, rest) = if family == 'R' {
        let (number, rest) = digits(rest.strip_prefix('.')?)?;
        (first, number, rest)
    } else {
        (0, first, rest)
    };
    let rest = rest.strip_prefix('.').and_then(digits).map_or(rest, |(_, rest)| rest);
    (!rest.starts_with(is_inner)).then_some((Rule { family, chapter, number }, rest))
}

fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    Some((number.parse().ok()?, rest))
}

/// Whether a word goes on with `letter`.
fn is_inner(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The rules that a line cites, as ranges; most begin and end with the same rule.
fn cites(line: &str) -> Vec<(Rule, Rule)> {
    let mut found = Vec::new();
    let (mut rest, mut before) = (line, ' ');
    while let Some(letter) = rest.chars().next() {
        let cited = if is_inner(before) { None } else { parse(rest) };
        rest = if let Some((first, after)) = cited {
            let (last, after) = until(first, after).unwrap_or((first, after));
            found.push((first, last));
            after
        } else {
            &rest[letter.len_utf8()..]
        };
        before = letter;
    }
    found
}

/// The end of a range that begins with `first`: `R2.1–R2.11`, `R8.14 to R8.16`.
fn until(first: Rule, after: &str) -> Option<(Rule, &str)> {
    let rest = after.strip_prefix('–').or_else(|| after.strip_prefix(" to "))?;
    let is_range = |last: Rule| {
        (last.family, last.chapter) == (first.family, first.chapter) && last.number > first.number
    };
    parse(rest).filter(|(last, _)| is_range(*last))
}

/// First cells of the tables of the page, each with its line.
fn rows(page: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(page.lines()).filter_map(|(number, line)| Some((number, first_cell(line)?)))
}

fn first_cell(line: &str) -> Option<&str> {
    let (cell, _) = line.strip_prefix("| ")?.split_once(" |")?;
    (cell != "rule").then_some(cell)
}

fn check(page: &str, texts: &[(String, String)]) -> Vec<String> {
    let mut findings = Vec::new();
    let mut known = BTreeMap::new();
    let mut before = None;
    for (line, cell) in rows(page) {
        let Some((rule, "")) = parse(cell) else {
            // `§1.2` or `D2`: other documents have such, too, so only the row is checked.
            if !texts.iter().any(|(_, text)| names(text, cell)) {
                findings.push(dead(line, cell));
            }
            continue;
        };
        if before.is_some_and(|before: Rule| before.family == rule.family && before >= rule) {
            let what = format!("{rule} is out of order, or there twice");
            findings.push(finding(PAGE, line, &what, "sort the rows by number"));
        }
        before = Some(rule);
        known.insert(rule, line);
    }
    let mut cited = BTreeSet::new();
    for (path, text) in texts {
        for (line, text) in (1..).zip(text.lines()) {
            for (first, last) in cites(text) {
                cited.extend(known.range(first..=last).map(|(rule, _)| *rule));
                for end in BTreeSet::from([first, last]) {
                    if !known.contains_key(&end) {
                        findings.push(unknown(path, line, end, &known));
                    }
                }
            }
        }
    }
    let unused = known.iter().filter(|(rule, _)| !cited.contains(*rule));
    findings.extend(unused.map(|(rule, line)| dead(*line, &rule.to_string())));
    findings
}

fn unknown(path: &str, line: usize, rule: Rule, known: &BTreeMap<Rule, usize>) -> String {
    let nearest = known.keys().min_by_key(|other| {
        let chapters = other.chapter.abs_diff(rule.chapter);
        (other.family != rule.family, chapters, other.number.abs_diff(rule.number))
    });
    let nearest = nearest.map_or_else(|| "none".to_owned(), Rule::to_string);
    let mend = format!("correct it (the nearest is {nearest}), or write its row");
    finding(path, line, &format!("{rule} has no row in {PAGE}"), &mend)
}

fn dead(line: usize, rule: &str) -> String {
    finding(PAGE, line, &format!("nobody cites {rule}"), "remove the row")
}

/// Whether `word`, such as `§1.2`, stands in the text by itself.
fn names(text: &str, word: &str) -> bool {
    let words = text.split(|letter: char| !letter.is_alphanumeric() && !".§".contains(letter));
    text.contains(word) && words.map(|one| one.trim_end_matches('.')).any(|one| one == word)
}

#[test]
fn every_cited_rule_can_be_looked_up_and_every_row_is_cited() {
    let paths = files(".rs").into_iter().chain(files(".md"));
    let paths = paths.filter(|path| ![PAGE, THIS_FILE].contains(&path.as_str()));
    let texts: Vec<(String, String)> = paths.map(|path| (path.clone(), read(&path))).collect();
    let page = read(PAGE);
    assert!(rows(&page).count() > 100, "the rules are found");
    assert_none(&check(&page, &texts));
}

#[cfg(test)]
mod bad {
    use super::{check, cites};
    use crate::support::assert_none;

    const PAGE: &str = "| rule | Kafka | what it says |\n|---|---|---|\n\
        | R2.1 | `A` | x |\n| R2.3 | `A` | x |\n| R3.1 | `A` | x |\n| W5 | `A` | x |\n| §1.2 | - | x |\n";
    /// Cites every row of the page.
    const GOOD: &str = "// R2.1–R2.3, R3.1.1 (W5), §1.2.\n";

    fn found(page: &str, code: &str) -> Vec<String> {
        check(page, &[("a.rs".to_owned(), code.to_owned())])
    }

    #[test]
    fn a_number_without_a_row() {
        assert_none(&found(PAGE, GOOD));
        let mend = "correct it (the nearest is R2.3), or write its row";
        assert_eq!(
            found(PAGE, &format!("{GOOD}/// As R2.9 says.")),
            [format!("a.rs:2: R2.9 has no row in models/kafka/RULES.md; {mend}")]
        );
        for code in ["R2.2", "R2.1–R2.4", "R2.1 to R2.2", "F5", "\"R4.1\"", "(R2.30)"] {
            assert_eq!(found(PAGE, &format!("{GOOD}{code}")).len(), 1, "{code}");
        }
        for code in ["R2.*", "R2", "xR2.9", "R2.9x", "KIP-966", "0xF5", "W_5", "U+00F5"] {
            assert_none(&found(PAGE, &format!("{GOOD}{code}")));
        }
    }

    #[test]
    fn a_row_that_nobody_cites_or_that_is_out_of_order() {
        let mend = "remove the row";
        assert_eq!(
            found(PAGE, "// R2.1, R3.1, W5, §1.25."),
            [
                format!("models/kafka/RULES.md:7: nobody cites §1.2; {mend}"),
                format!("models/kafka/RULES.md:4: nobody cites R2.3; {mend}"),
            ]
        );
        let swapped = PAGE.replace("R2.1", "R2.5");
        assert_eq!(found(&swapped, &GOOD.replace("R2.1–R2.3", "R2.3, R2.5")).len(), 1, "order");
        assert_eq!(found(&format!("{PAGE}| W5 | `A` | x |\n"), GOOD).len(), 1, "twice");
    }

    #[test]
    fn ranges_are_read_whole() {
        let cited = cites("R8.14 to R8.16, R6.5–R6.16; R1.2 – R1.4, R1.9–R2.1.");
        let found: Vec<String> = cited.iter().map(|it| format!("{}..{}", it.0, it.1)).collect();
        let wide = ["R8.14..R8.16", "R6.5..R6.16"];
        let single = ["R1.2..R1.2", "R1.4..R1.4", "R1.9..R1.9", "R2.1..R2.1"];
        assert_eq!(found, [&wide[..], &single].concat());
    }
}
