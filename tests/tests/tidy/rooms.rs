//! Who may use whom between the rooms (folders) of the crate `ackproof`. Files are read as tokens: a path that
//! begins with `crate`, `super`, `self` or `ackproof` is followed to the room that it leads to, in macros too.

use super::finding;
use super::sources::line;
use crate::support::{assert_none, files, read};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;
use std::slice::from_ref;

/// A folder of `sim/src` with the others that it may use.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
}

/// The table of ARCHITECTURE.md.
const ROOMS: &[Room] = &[
    Room { name: "world", uses: &[] },
    Room { name: "manual", uses: &["world"] },
    Room { name: "study", uses: &["world"] },
    Room { name: "outside", uses: &["world", "study"] },
    Room { name: "gateway", uses: &["world"] },
    Room { name: CLI, uses: &["world", "manual", "study", "outside", "gateway"] },
];

/// The room of the binary, `main.rs` included; the others are the library.
const CLI: &str = "cli";

const SOURCES: &str = "sim/src/";

/// What a file uses: the line and the name after the root of a crate, none for the whole crate.
type Use = (usize, Option<String>);

fn check(path: &str, text: &str) -> Vec<String> {
    let Some(module) = module(path) else { return Vec::new() };
    let name = room(&module);
    let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
        return vec![finding(
            path,
            1,
            "it lies in no room",
            "move it into the folder it belongs to",
        )];
    };
    let mut findings = Vec::new();
    for (line, used) in uses(&module, text) {
        let Some(used) = used else {
            let what = "the whole crate is brought in";
            findings.push(finding(path, line, what, "name the room and the module"));
            continue;
        };
        if used != room.name && !room.uses.contains(&used.as_str()) {
            let what = format!("{} must not use {used}", room.name);
            let mend = "move what both need into the room below, or hand it over as an argument";
            findings.push(finding(path, line, &what, mend));
        }
    }
    findings
}

/// The names of the modules that a file lies in, its own included. None for the root of the library, which only
/// lists the rooms. A file that `#[path]` names counts as a module beside its parent.
fn module(path: &str) -> Option<Vec<String>> {
    let inside = path.strip_prefix(SOURCES)?.strip_suffix(".rs")?;
    match inside {
        "lib" => None,
        "main" => Some(vec![CLI.to_owned()]),
        _ => {
            let inside = inside.strip_suffix("/mod").unwrap_or(inside);
            Some(inside.split('/').map(str::to_owned).collect())
        }
    }
}

fn room(module: &[String]) -> &str {
    module.first().map_or("", String::as_str)
}

/// The uses in a file; one that is no Rust is found elsewhere.
fn uses(module: &[String], text: &str) -> Vec<Use> {
    let mut found = Vec::new();
    if let Ok(tokens) = text.parse() {
        look(module, tokens, &mut found);
    }
    found
}

fn look(module: &[String], tokens: TokenStream, found: &mut Vec<Use>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        if let Some((root, next)) = prefix(module, &tokens, index) {
            let place = line(tokens[index].span());
            match root {
                Root::Room(room) => found.push((place, Some(room))),
                Root::Crate => after_root(tokens.get(next), place, found),
            }
            index = next;
            continue;
        }
        if let TokenTree::Group(group) = &tokens[index] {
            match inline(&tokens[..index]).filter(|_| group.delimiter() == Delimiter::Brace) {
                Some(name) => look(&[module, &[name]].concat(), group.stream(), found),
                None => look(module, group.stream(), found),
            }
        }
        index += 1;
    }
}

/// The name in `mod name` at the end of `before`.
fn inline(before: &[TokenTree]) -> Option<String> {
    let [.., keyword, name] = before else { return None };
    (ident(Some(keyword))? == "mod").then(|| ident(Some(name))).flatten()
}

/// Where a path stands after its leading keywords.
enum Root {
    /// In a module of this room.
    Room(String),
    /// At the root of a crate: what follows says which room.
    Crate,
}

/// Follows the leading keywords of the path at `index`, if there is one, and says where it goes on.
fn prefix(module: &[String], tokens: &[TokenTree], index: usize) -> Option<(Root, usize)> {
    let first = ident(tokens.get(index))?;
    let renames = ident(tokens.get(index + 1)).is_some_and(|next| next == "as");
    if first == "ackproof" && renames {
        return Some((Root::Crate, index + 1));
    }
    let mut next = after_colons(tokens, index + 1)?;
    let mut depth = match first.as_str() {
        "crate" | "ackproof" => return Some((Root::Crate, next)),
        "self" => module.len(),
        "super" => module.len().saturating_sub(1),
        _ => return None,
    };
    while ident(tokens.get(next)).is_some_and(|word| word == "super") {
        depth = depth.saturating_sub(1);
        let Some(after) = after_colons(tokens, next + 1) else { break };
        next = after;
    }
    let root = if depth == 0 { Root::Crate } else { Root::Room(room(module).to_owned()) };
    Some((root, next))
}

fn after_colons(tokens: &[TokenTree], index: usize) -> Option<usize> {
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
    (is_colon(tokens.get(index)) && is_colon(tokens.get(index + 1))).then_some(index + 2)
}

/// What is named right after the root of a crate: one thing, or each of a group.
fn after_root(token: Option<&TokenTree>, place: usize, found: &mut Vec<Use>) {
    let Some(TokenTree::Group(group)) = token else {
        let name = ident(token).filter(|name| !["self", "as"].contains(&name.as_str()));
        found.push((place, name));
        return;
    };
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
    for tree in tokens.split(is_comma).filter(|tree| !tree.is_empty()) {
        after_root(tree.first(), line(tree[0].span()), found);
    }
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(ident)) => Some(ident.to_string()),
        _ => None,
    }
}

#[test]
fn the_rooms_of_the_simulator_keep_their_table() {
    let files: Vec<String> =
        files(".rs").into_iter().filter(|path| path.starts_with(SOURCES)).collect();
    let findings: Vec<String> = files.iter().flat_map(|path| check(path, &read(path))).collect();
    assert_none(&findings);
    // What nobody uses must not be allowed either; and so a reader of paths that finds nothing is found.
    let used: BTreeSet<(String, String)> = files
        .iter()
        .filter_map(|path| Some((module(path)?, read(path))))
        .flat_map(|(module, text)| {
            uses(&module, &text)
                .into_iter()
                .filter_map(move |(_, used)| Some((room(&module).to_owned(), used?)))
        })
        .collect();
    for room in ROOMS {
        for other in room.uses.iter().chain(from_ref(&room.name)) {
            let pair = (room.name.to_owned(), (*other).to_owned());
            assert!(used.contains(&pair), "{} does not use {other}; strike it out", room.name);
        }
    }
}

#[cfg(test)]
mod bad {
    use super::{assert_none, check};

    #[test]
    fn imports_against_the_table_are_found() {
        for (path, code) in [
            ("world/run.rs", "use crate::study::explore::in_order;"),
            ("world/run.rs", "use super::super::study::explore;"),
            ("world/mod.rs", "use super::study::explore;"),
            ("world/mod.rs", "use self::super::study::explore;"),
            ("world/network/link.rs", "use super::super::super::outside::check;"),
            ("world/run.rs", "mod tests { use super::super::super::study::explore; }"),
            ("world/run.rs", "fn f() { mod m { pub fn g() { crate::study::f(); } } }"),
            ("world/run.rs", "use crate::{events::Due};"),
            ("study/trial.rs", "use crate::{world::run, outside::{check, validate}};"),
            ("study/trial.rs", "fn f() { assert_eq!(1, crate::outside::check::read()); }"),
            ("study/trial.rs", "#[derive(crate::outside::D)] struct S;"),
            ("study/trial.rs", "macro_rules! m { () => { $crate::outside::check::read() } }"),
            ("study/trial.rs", "use ::ackproof::outside::check;"),
            ("study/trial.rs", "impl crate::outside::Tell for S {}"),
            ("outside/check.rs", "use crate::cli::status;"),
            ("world/run.rs", "use crate::*;"),
            ("world/mod.rs", "use super::*;"),
            ("world/run.rs", "use crate::{self as all};"),
            ("cli/run.rs", "use ackproof as library;"),
            ("cli/run.rs", "use ackproof::run::run;"),
            ("run.rs", "fn f() {}"),
            ("attic/tape.rs", "fn f() {}"),
        ] {
            assert_eq!(check(&format!("sim/src/{path}"), code).len(), 1, "{path}: {code}");
        }
        assert_eq!(
            check("sim/src/world/run.rs", "\nuse crate::study::trial;\n"),
            [
                "sim/src/world/run.rs:2: world must not use study; move what both need into the room \
              below, or hand it over as an argument"
            ]
        );
    }

    #[test]
    fn imports_by_the_table_are_not() {
        for (path, code) in [
            ("lib.rs", "pub mod study; pub use crate::study::trial;"),
            ("main.rs", "mod cli; use cli::status::Status; use crate::cli::args;"),
            (
                "cli/run.rs",
                "use ackproof::{outside::check, study::trial, world::run}; use super::args;",
            ),
            ("outside/check.rs", "use crate::study::statistics; use crate::world::run;"),
            ("study/shrink/story.rs", "use super::super::explore; use crate::world::run::run;"),
            (
                "study/trial.rs",
                "pub(in crate::study) fn f() { self.study(); } mod tests { use super::*; }",
            ),
            ("world/mod.rs", "use self::run::run; pub(super) fn f(study: u8) { study::g() }"),
            (
                "world/run.rs",
                "//! [`crate::study`] counts runs.\nconst S: &str = \"crate::study\";",
            ),
        ] {
            assert_none(&check(&format!("sim/src/{path}"), code));
        }
        assert_none(&check("sim/scenario/src/plan.rs", "use crate::study::x;"));
    }
}
