//! The manual as a book: its pages that are written from the code are current, its table of contents has every page,
//! and nothing in it leads nowhere. `tests/book/build` builds it; whoever has no Python leaves the last test out.

use crate::support::{ackproof, assert_none, files, parallel, read, root};
use ackproof::manual::breakages::BREAKAGES;
use ackproof::manual::reference;
use ackproof_reports::reference::{FOLDER, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const MANUAL: &str = "reports/manual/";
const SUMMARY: &str = "reports/manual/SUMMARY.md";
/// From here on the table of contents is written from the code.
const REFERENCE: &str = "# Reference\n";

fn blessed() -> bool {
    std::env::var_os("BLESS").is_some()
}

/// The pages that are written from the code, by their paths.
fn written() -> BTreeMap<String, String> {
    reference()
        .pages()
        .into_iter()
        .map(|page| (format!("{MANUAL}{}", page.path), page.text))
        .collect()
}

#[test]
fn the_pages_written_from_the_code_are_current() {
    let written = written();
    assert!(written.len() > 120, "{} pages", written.len());
    let folder = format!("{MANUAL}{FOLDER}/");
    let there: BTreeSet<String> =
        files(".md").into_iter().filter(|path| path.starts_with(&folder)).collect();
    let mut old = Vec::new();
    for path in there.iter().filter(|path| !written.contains_key(*path)) {
        old.push(format!("{path}: nothing is called so any more"));
        if blessed() {
            fs::remove_file(root().join(path)).expect("it can be removed");
        }
    }
    for (path, text) in &written {
        let file = root().join(path);
        if fs::read_to_string(&file).is_ok_and(|now| now == *text) {
            continue;
        }
        old.push(format!("{path}: run this test with BLESS=1 in the environment"));
        if blessed() {
            fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
            fs::write(&file, text).expect("it can be written");
        }
    }
    assert!(blessed() || old.is_empty(), "{}", old.join("\n"));
}

/// The part of the table of contents that follows from the code.
fn contents() -> String {
    let mut text = format!("{REFERENCE}\n");
    for page in reference().pages() {
        let indent = if page.kind.is_some() { "  " } else { "" };
        text.push_str(&format!("{indent}- [{}]({})\n", page.title, page.path));
    }
    text
}

#[test]
fn the_table_of_contents_has_every_page_once() {
    let mut summary = read(SUMMARY);
    let (own, rest) = summary.split_once(REFERENCE).expect("it has a reference");
    let now = format!("{own}{}", contents());
    if blessed() && format!("{REFERENCE}{rest}") != contents() {
        fs::write(root().join(SUMMARY), &now).expect("it can be written");
        summary = now.clone();
    }
    assert_eq!(summary, now, "run this test with BLESS=1 in the environment");
    let links = summary.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let mut listed: Vec<String> = links.map(|(target, _)| format!("{MANUAL}{target}")).collect();
    listed.sort();
    let mut pages: Vec<String> = files(".md");
    pages.retain(|path| path.starts_with(MANUAL) && path != SUMMARY);
    // Pages that are not written yet are what the test before is about.
    pages.extend(written().into_keys());
    pages.sort();
    pages.dedup();
    assert_eq!(listed, pages, "each page is in {SUMMARY}, once");
}

#[test]
fn a_name_has_its_page_in_every_kind() {
    let all = reference();
    for kind in Kind::ALL {
        let of_it = all.entries.iter().filter(|entry| entry.kind == kind);
        let mut names: Vec<(&str, &str)> = of_it
            .map(|entry| (entry.name.as_str(), entry.page.as_deref().unwrap_or_default()))
            .collect();
        assert!(names.len() > 10, "{kind:?}: {names:?}");
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{kind:?}: {names:?}");
        for entry in all.entries.iter().filter(|entry| entry.kind == kind) {
            assert!(!entry.about.is_empty() && !entry.parts.is_empty(), "{entry:?}");
        }
    }
}

/// Each command that is to show how a bug breaks a property shows it.
#[test]
fn what_breaks_a_property_is_seen() {
    let bugs: Vec<_> = BREAKAGES.iter().filter(|one| one.variant.is_some()).collect();
    let findings = parallel(&bugs, |bug| {
        let variants = format!("variants=[\"{}\"]", bug.variant.expect("a bug").name());
        let seed = bug.seed.to_string();
        let output = ackproof(&["run", bug.scenario, "--set", &variants, "--seed", &seed]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let row = said.lines().find(|line| line.starts_with("properties "));
        let violated = row.and_then(|row| row.split_once("violated:"));
        let is_seen = violated.is_some_and(|(_, names)| {
            names.split(';').next().is_some_and(|names| names.contains(bug.property))
        });
        (!is_seen).then(|| format!("{bug:?}: {row:?}"))
    });
    assert_none(&findings.into_iter().flatten().collect::<Vec<_>>());
}

const BOOK: &str = "target/manual";

/// Values of `attribute` in a page.
fn values<'p>(page: &'p str, attribute: &str) -> Vec<&'p str> {
    let start = format!(" {attribute}=\"");
    let rests = page.split(start.as_str()).skip(1);
    rests.filter_map(|rest| rest.split_once('"')).map(|(value, _)| value).collect()
}

fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("tests/book/build has built the book") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "html") {
            found.push(path);
        }
    }
}

#[test]
#[ignore = "needs the book: tests/book/build, then `cargo test --test all book:: -- --ignored`"]
fn every_link_of_the_book_leads_somewhere() {
    let mut found = Vec::new();
    pages(&root().join(BOOK), &mut found);
    assert!(found.len() > 100, "{} pages", found.len());
    let mut findings = BTreeSet::new();
    for path in &found {
        // All pages in one, for printers; and one that no page leads to.
        if path.ends_with("print.html") || path.ends_with("404.html") {
            continue;
        }
        let page = fs::read_to_string(path).expect("it can be read");
        let links = [values(&page, "href"), values(&page, "src")].concat();
        for link in links.into_iter().filter(|link| !link.contains(':') && !link.is_empty()) {
            let (file, mark) = link.split_once('#').unwrap_or((link, ""));
            let to = if file.is_empty() { path.clone() } else { path.with_file_name(file) };
            let text = if to.is_dir() {
                Ok(String::new())
            } else {
                fs::read(&to).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            };
            let leads = text.is_ok_and(|text| {
                let is_page = file.is_empty() || file.ends_with(".html");
                mark.is_empty() || !is_page || values(&text, "id").contains(&mark)
            });
            if !leads {
                findings.insert(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_none(&findings.into_iter().collect::<Vec<_>>());
}
