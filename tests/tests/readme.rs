//! What the README and the manual promise is so: their commands work, end with the status they state and
//! print what is shown, the README's seed still loses a record, its table of exit statuses is the
//! program's. It knows the form of the documents only as far as it must.

use crate::support::{ackproof, assert_none, files, load, outcome, parallel, read, root};
use std::collections::BTreeSet;
use std::process::Output;
use std::sync::LazyLock;

const README: &str = "README.md";
/// The README is read in one sitting; the manual has the rest.
const README_LINES: usize = 200;
const MANUAL: &str = "reports/manual/";
const RUN: &str = "cargo run --release -- ";
const TEST: &str = "cargo test --release --workspace";
const LOSER: &str = "scenarios/footguns/acks-one-leader-crash.json";

/// The documents that are checked, relative to the root: the README, then the pages of the manual.
pub(crate) fn documents() -> Vec<String> {
    let pages = files(".md").into_iter().filter(|path| path.starts_with(MANUAL));
    std::iter::once(README.to_owned()).chain(pages).collect()
}

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Block {
    /// What follows the opening fence: `console`, `text`.
    pub(crate) language: String,
    pub(crate) line: usize,
    pub(crate) text: Vec<String>,
    /// The prose from here to the next block.
    after: String,
}

pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (line, text) in (1..).zip(document.lines()) {
        let fence = text.strip_prefix("```");
        match (inside, fence, blocks.last_mut()) {
            (false, Some(language), _) => {
                let language = language.to_owned();
                blocks.push(Block { language, line, text: Vec::new(), after: String::new() });
                inside = true;
            }
            (true, Some(_), _) => inside = false,
            (true, None, Some(block)) => block.text.push(text.to_owned()),
            (false, None, Some(block)) => block.after.push_str(&format!("{text}\n")),
            (_, None, None) => {}
        }
    }
    blocks
}

/// A command with the exit status that the prose below it states.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    line: usize,
    command: String,
    status: Option<i32>,
    /// What it shows of the output.
    shown: Vec<String>,
}

fn promises(document: &str) -> Vec<Promise> {
    let blocks = blocks(document);
    let mut promises = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        if block.language != "console" {
            continue;
        }
        let text = blocks.get(index + 1).filter(|next| next.language == "text");
        let shown = text.map(|next| next.text.clone()).unwrap_or_default();
        let prose = format!("{}{}", block.after, text.map_or("", |next| next.after.as_str()));
        for (offset, command) in (1..).zip(&block.text) {
            let (line, command) = (block.line + offset, command.clone());
            let status = stated_status(&prose);
            promises.push(Promise { line, command, status, shown: shown.clone() });
        }
    }
    promises
}

/// The number after the first `exit status` in `prose`.
fn stated_status(prose: &str) -> Option<i32> {
    let words = prose.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    let (_, rest) = words.split_once("exit status ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Lines of `shown` that `output` does not have in that order; `…` stands for any lines.
fn not_printed<'s>(shown: &'s [String], output: &str) -> Vec<&'s str> {
    let mut lines = output.lines();
    let shown = shown.iter().map(|line| line.trim_end()).filter(|line| line.trim() != "…");
    shown.filter(|line| !lines.any(|printed| printed.trim_end() == *line)).collect()
}

/// `document` with the lines that a promise shows as they are printed now, where they differ in nothing
/// but numbers.
fn renumbered(document: &str, promise: &Promise, output: &str) -> String {
    let shape = |line: &str| line.replace(|letter: char| letter.is_ascii_digit(), "");
    let mut printed = output.lines();
    let mut document = document.to_owned();
    for line in promise.shown.iter().filter(|line| line.trim() != "…") {
        if let Some(now) = printed.find(|now| shape(now) == shape(line)) {
            document = document.replacen(line.as_str(), now, 1);
        }
    }
    document
}

impl Promise {
    /// Its command, if it is one of ours: from a clone, or with the binary that was installed.
    fn run(&self) -> Option<Output> {
        let ours =
            self.command.strip_prefix(RUN).or_else(|| self.command.strip_prefix("ackproof "));
        ours.map(|arguments| ackproof(&arguments.split_whitespace().collect::<Vec<_>>()))
    }
}

/// What a document promises, each with what its command came to.
type Kept = (String, Vec<(Promise, Option<Output>)>);

/// Every command of every document, run once, those of a document in their order: one may need what another wrote.
static KEPT: LazyLock<Vec<Kept>> = LazyLock::new(|| {
    let written = root().join("target/tutorial");
    // What an earlier test wrote. It may not be there.
    let _gone = std::fs::remove_dir_all(written);
    parallel(&documents(), |document| {
        let promises = promises(&read(document)).into_iter();
        let run = promises.map(|promise| {
            let output = promise.run();
            (promise, output)
        });
        (document.clone(), run.collect())
    })
});

/// What of a promise in `document` is not so.
fn check(document: &str, promise: &Promise, output: Option<&Output>) -> Vec<String> {
    let Promise { line, command, status, shown } = promise;
    if command == TEST {
        return Vec::new();
    }
    let Some(output) = output else {
        return vec![format!("{document}:{line}: nobody checks `{command}`; write it as `{RUN}…`")];
    };
    let Some(status) = *status else {
        return vec![format!(
            "{document}:{line}: say below the block with which exit status it ends"
        )];
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    let mut findings = Vec::new();
    if output.status.code() != Some(status) {
        let talk = String::from_utf8_lossy(&output.stderr);
        let ended = output.status;
        findings.push(format!("{document}:{line}: `{command}` ended with {ended}: {talk}"));
    }
    let missing = not_printed(shown, &printed);
    if !missing.is_empty() {
        let missing = missing.join("\n");
        findings.push(format!(
            "{document}:{line}: `{command}` does not print, in this order:\n{missing}\nit prints:\n{printed}"
        ));
    }
    findings
}

#[test]
fn the_commands_work_and_print_what_is_shown() {
    assert!(KEPT.len() > 2, "the manual is found: {KEPT:?}");
    let mut findings = Vec::new();
    for (document, promises) in KEPT.iter() {
        let run = promises.iter().filter(|(_, output)| output.is_some()).count();
        assert!(document != README || run >= 2, "the README shows commands: {promises:?}");
        let found =
            promises.iter().map(|(promise, output)| check(document, promise, output.as_ref()));
        findings.extend(found.flatten());
    }
    assert_none(&findings);
}

#[test]
fn the_readme_is_short() {
    let lines = read(README).lines().count();
    assert!(lines <= README_LINES, "{lines} lines, {README_LINES} are the bound: use {MANUAL}");
}

#[test]
fn the_readme_leads_to_the_manual_and_its_index_to_every_page() {
    assert!(read(README).contains(&format!("({MANUAL}index.md)")), "the README links the index");
    let index = read(&format!("{MANUAL}index.md"));
    let pages = documents().into_iter().filter_map(|page| {
        let name = page.strip_prefix(MANUAL)?;
        // The lists of the reference lead to its pages, and the table of contents to all.
        let is_below = name.matches('/').count() > 1 || ["index.md", "SUMMARY.md"].contains(&name);
        (!is_below && !index.contains(&format!("({name})"))).then(|| name.to_owned())
    });
    assert_none(&pages.collect::<Vec<_>>());
}

#[test]
fn the_first_block_runs_the_main_job_and_then_the_tests() {
    let promises = promises(&read(README));
    assert!(promises[0].command.starts_with(&format!("{RUN}run scenarios/")), "{promises:?}");
    assert_eq!(promises[1].command, TEST);
    let ci = read(".ci/run");
    // Without an indent it stands under no condition.
    assert!(ci.lines().any(|line| line == TEST), "CI runs what the README says:\n{ci}");
}

/// Models change, and numbers with them. With `BLESS=1` in the environment the documents get the new ones;
/// what differs in words has to be put right, or thought about, by hand.
#[test]
fn the_numbers_of_the_documents_are_current() {
    let mut old = Vec::new();
    for (path, promises) in KEPT.iter() {
        let mut document = read(path);
        for (promise, output) in promises.iter().filter(|(promise, _)| !promise.shown.is_empty()) {
            let output = output.as_ref().expect("only ours shows output");
            let printed = String::from_utf8_lossy(&output.stdout);
            document = renumbered(&document, promise, &printed);
        }
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(root().join(path), &document).expect("a document can be written");
        }
        if document != read(path) {
            old.push(format!("{path}: run this test with BLESS=1 in the environment"));
        }
    }
    assert_none(&old);
}

/// The seed that the README names loses an acknowledged record. If seeds have shifted, another one has
/// to be named: `ackproof run … --seeds 0..20` lists some.
#[test]
fn the_seed_of_the_readme_still_loses_a_record() {
    let promises = promises(&read(README));
    let words = promises.iter().map(|one| one.command.split_whitespace().collect::<Vec<_>>());
    let seed = |words: Vec<&str>| {
        let at = words.iter().position(|word| *word == "--seed")?;
        words.contains(&LOSER).then(|| words[at + 1].parse().expect("a seed"))
    };
    let seeds: BTreeSet<u64> = words.filter_map(seed).collect();
    assert!(!seeds.is_empty(), "the README shows {LOSER} with a seed");
    for seed in seeds {
        let records = outcome(&load(LOSER, &[]), seed).findings.records;
        assert!(records.lost > 0, "seed {seed} loses nothing: {records:?}");
    }
}

/// A whole scenario is a block of `jsonc`, a part of one a block of `json`.
#[test]
fn the_scenarios_of_the_documents_hold() {
    for path in documents() {
        let mut whole = blocks(&read(&path));
        whole.retain(|block| block.language == "jsonc");
        let count = whole.len();
        assert!(path != README || count == 1, "the README shows one scenario, not {count}");
        for block in whole {
            let file = tempfile::NamedTempFile::with_suffix(".json").expect("a file");
            std::fs::write(file.path(), block.text.join("\n")).expect("it can be written");
            let output = ackproof(&["run", file.path().to_str().expect("UTF-8")]);
            let said = String::from_utf8_lossy(&output.stdout);
            let line = block.line;
            let met = output.status.success() && output.stderr.is_empty();
            assert!(met, "{path}:{line}: {output:?}: {said}");
        }
    }
}

/// Exit statuses in the first column of the table below `| exit status |`.
fn table(document: &str) -> BTreeSet<u8> {
    let rows = document.lines().skip_while(|line| !line.starts_with("| exit status |"));
    let cells = rows.skip(2).take_while(|line| line.starts_with('|'));
    cells.filter_map(|row| row.split('|').nth(1)?.trim().parse().ok()).collect()
}

/// Numbers that the arms of `fn code` in the program give.
fn codes(source: &str) -> BTreeSet<u8> {
    let body = source.split_once("fn code(self) -> u8 {").map_or("", |(_, rest)| rest);
    let arms = body.lines().take_while(|line| *line != "    }");
    arms.filter_map(|arm| arm.split_once("=> ")?.1.trim_end_matches(',').parse().ok()).collect()
}

#[test]
fn the_table_of_exit_statuses_is_the_programs() {
    let sources: Vec<String> = files(".rs")
        .iter()
        .filter(|path| !path.starts_with("tests/"))
        .map(|path| read(path))
        .collect();
    let program = sources.iter().find(|source| source.contains("fn code(self) -> u8 {"));
    let program = codes(program.expect("the program turns a status into a number"));
    assert!(program.len() >= 6, "the statuses are found: {program:?}");
    assert_eq!(table(&read(README)), program);
}

#[test]
fn a_readme_that_lies_is_found() {
    let lie = |command: &str, prose: &str| {
        let document = format!("# x\n\n```console\n{command}\n```\n\n{prose}\n");
        let promises = promises(&document);
        let found = promises.iter().map(|one| check(README, one, one.run().as_ref()));
        found.flatten().collect::<Vec<_>>()
    };
    assert_eq!(lie("make", "Exit status 0.").len(), 1, "an unknown command");
    assert_eq!(lie(&format!("{RUN}list"), "It works.").len(), 1, "no status");
    assert_eq!(lie(&format!("{RUN}list"), "Exit status 1.").len(), 1, "the wrong status");
    let shows = "```text\nnobody prints this\n```\n\nExit status 0.";
    assert_eq!(lie(&format!("{RUN}list"), shows).len(), 1, "other output");
    assert_none(&lie(&format!("{RUN}list"), "```text\nproperties\n…\n```\n\nExit\nstatus 0."));
}

#[test]
fn blocks_statuses_and_tables_are_read() {
    let document = "a\n```console\none\ntwo\n```\nb\n```text\nthree\n```\nExit status 70: c\n\
                    | exit status | meaning |\n|---|---|\n| 0 | x |\n| 70 | y |\n\n| 5 | z |\n";
    let read = promises(document);
    assert_eq!(read.len(), 2);
    assert_eq!((read[1].line, read[1].command.as_str()), (4, "two"));
    assert_eq!((read[1].status, &read[1].shown[..]), (Some(70), &["three".to_owned()][..]));
    assert_eq!(table(document), BTreeSet::from([0, 70]));
    let source = "x => 9,\n    fn code(self) -> u8 {\n  A => 1,\n  B => 2,\n    }\n  C => 3,\n";
    assert_eq!(codes(source), BTreeSet::from([1, 2]));
    let shown = vec!["x 12 y".to_owned(), "…".to_owned(), "12 z".to_owned()];
    let promise = Promise { line: 1, command: String::new(), status: None, shown };
    let renumbered = renumbered("12\nx 12 y\n…\n12 z\n", &promise, "x 345 y\n6 z\n");
    assert_eq!(renumbered, "12\nx 345 y\n…\n6 z\n", "only what is shown");
    let shown = ["a", "…", "c"].map(String::from);
    assert!(not_printed(&shown, "a\nb\nc\n").is_empty());
    assert_eq!(not_printed(&shown, "c\na\n"), ["c"], "the order counts");
}
