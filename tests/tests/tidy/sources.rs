//! Every Rust file says what it is for, stays small, and does without some words. Files are read as
//! tokens, so that comments and strings may mention what code must not use.

use super::finding;
use crate::support::{assert_none, files, read};
use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{Visit, visit_impl_item_fn, visit_item_fn, visit_trait_item_fn};
use syn::{Attribute, Block, ImplItemFn, ItemFn, Signature, TraitItemFn};

const FILE_LINES: usize = 500;
const FUNCTION_LINES: usize = 70;
/// Rows of a map (`//! - [...]`) and blank lines do not count.
const HEADER_LINES: usize = 12;
/// Shorter than a sentence that says something.
const HEADER_LETTERS: usize = 25;

fn check(path: &str, text: &str) -> Vec<String> {
    let mut findings = header(path, text);
    let lines = text.lines().count();
    if lines > FILE_LINES {
        let what = format!("{lines} lines, {FILE_LINES} are the bound");
        findings.push(finding(path, lines, &what, "split it by what is inside"));
    }
    match syn::parse_file(text) {
        Ok(file) => {
            let mut functions = Functions { path, findings: Vec::new() };
            functions.visit_file(&file);
            findings.extend(functions.findings);
        }
        Err(error) => findings.push(finding(path, line(error.span()), "no Rust", "mend it")),
    }
    if let Ok(tokens) = text.parse() {
        words(path, &collect(tokens), &mut findings);
    }
    findings
}

fn header(path: &str, text: &str) -> Vec<String> {
    let rows = text.lines().map_while(|line| line.strip_prefix("//!"));
    let prose: Vec<&str> =
        rows.map(str::trim).filter(|row| !row.is_empty() && !row.starts_with("- [")).collect();
    let (lines, letters) = (prose.len(), prose.iter().map(|row| row.len()).sum::<usize>());
    let ends = prose.iter().any(|row| row.ends_with(['.', ':']));
    let mend = "begin it with `//!`: what it is for, what it does not know";
    if letters < HEADER_LETTERS || !ends {
        return vec![finding(path, 1, "no header of a whole sentence", mend)];
    }
    if lines > HEADER_LINES {
        let what = format!("a header of {lines} lines, {HEADER_LINES} are the bound");
        return vec![finding(path, 1, &what, "move the details to where they belong")];
    }
    Vec::new()
}

struct Functions<'a> {
    path: &'a str,
    findings: Vec<String>,
}

impl Functions<'_> {
    fn look(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        // Clippy has the same bound; where it was told why not, the reason stands there.
        let excused = attributes.iter().any(|attribute| {
            attribute.path().is_ident("expect")
                && matches!(&attribute.meta, syn::Meta::List(list)
                    if list.tokens.to_string().contains("too_many_lines"))
        });
        let braces = block.brace_token.span;
        let lines = line(braces.close()) - line(braces.open()) + 1;
        if lines > FUNCTION_LINES && !excused {
            let what =
                format!("{} has {lines} lines, {FUNCTION_LINES} are the bound", signature.ident);
            let place = line(signature.span());
            self.findings.push(finding(self.path, place, &what, "take a step out and name it"));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        self.look(&item.attrs, &item.sig, &item.block);
        visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        self.look(&item.attrs, &item.sig, &item.block);
        visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.look(&item.attrs, &item.sig, block);
        }
        visit_trait_item_fn(self, item);
    }
}

/// A token without its group, with its line.
struct Token {
    text: String,
    line: usize,
    opens: Option<Delimiter>,
}

fn collect(tokens: TokenStream) -> Vec<Token> {
    let mut flat = Vec::new();
    for token in tokens {
        let (text, line) = (token.to_string(), line(token.span()));
        match token {
            TokenTree::Group(group) => {
                let opens = Some(group.delimiter());
                flat.push(Token { text: String::new(), line, opens });
                flat.extend(collect(group.stream()));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {
                flat.push(Token { text, line, opens: None });
            }
        }
    }
    flat
}

pub(super) fn line(span: Span) -> usize {
    span.start().line
}

/// A word, where it is banned, and what to do instead.
struct Ban {
    word: &'static str,
    /// The word is banned only where this follows; empty: everywhere.
    before: &'static str,
    banned_in: fn(&str) -> bool,
    mend: &'static str,
}

/// Code that runs in simulated time, or must not know whether it does: everything but the command
/// line, the benchmarks and this package's look at the age of the binary.
fn is_simulated(path: &str) -> bool {
    let free =
        ["sim/src/cli/", "sim/src/main.rs", "sim/src/study/bench.rs", "sim/benches/", "tests/"];
    !free.iter().any(|start| path.starts_with(start)) && !path.starts_with("reports/")
}

fn anywhere(_: &str) -> bool {
    true
}

const BANS: &[Ban] = &[
    Ban {
        word: "HashMap",
        before: "",
        banned_in: is_simulated,
        mend: "its order is random; use BTreeMap",
    },
    Ban {
        word: "HashSet",
        before: "",
        banned_in: is_simulated,
        mend: "its order is random; use BTreeSet",
    },
    Ban {
        word: "SystemTime",
        before: "",
        banned_in: is_simulated,
        mend: "no clock is read; use Timestamp",
    },
    Ban {
        word: "Instant",
        before: "",
        banned_in: is_simulated,
        mend: "no clock is read; use Timestamp",
    },
    Ban {
        word: "todo",
        before: "!",
        banned_in: anywhere,
        mend: "do it, or refuse it in the scenario",
    },
    Ban {
        word: "unimplemented",
        before: "!",
        banned_in: anywhere,
        mend: "do it, or refuse it in the scenario",
    },
    Ban { word: "dbg", before: "!", banned_in: anywhere, mend: "remove it, or use tracing" },
];

fn words(path: &str, tokens: &[Token], findings: &mut Vec<String>) {
    for (index, token) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1);
        for ban in BANS.iter().filter(|ban| ban.word == token.text && (ban.banned_in)(path)) {
            if ban.before.is_empty() || next.is_some_and(|next| next.text == ban.before) {
                let what = format!("{}{} is banned", ban.word, ban.before);
                findings.push(finding(path, token.line, &what, ban.mend));
            }
        }
        let in_attribute = index > 0 && tokens[index - 1].opens == Some(Delimiter::Bracket);
        let opens = next.is_some_and(|next| next.opens == Some(Delimiter::Parenthesis));
        if token.text == "allow" && in_attribute && opens {
            let mend = "use #[expect(…, reason = \"…\")]";
            findings.push(finding(path, token.line, "allow( hides lints for good", mend));
        }
    }
}

#[test]
fn every_source_file_is_tidy() {
    let files = files(".rs");
    assert!(files.len() > 50, "the sources are found: {}", files.len());
    let findings: Vec<String> = files.iter().flat_map(|path| check(path, &read(path))).collect();
    assert_none(&findings);
}

#[cfg(test)]
mod bad {
    use super::check;

    const HEADER: &str = "//! A header that says what the file is for, in a sentence.\n";

    /// What the rules say about `code` below a good header, in a file of the models.
    fn found(code: &str) -> Vec<String> {
        check("models/x.rs", &format!("{HEADER}{code}"))
    }

    #[test]
    fn missing_and_endless_headers() {
        assert_eq!(check("models/x.rs", "fn f() {}\n").len(), 1, "none");
        assert_eq!(check("models/x.rs", "//! Short.\n").len(), 1, "no sentence");
        assert_eq!(check("models/x.rs", "// A comment that is no header at all.\n").len(), 1);
        assert_eq!(found(&HEADER.repeat(12)).len(), 1, "13 lines");
        assert!(found(&"//! - [`x`] a row of a map\n".repeat(13)).is_empty(), "a map");
    }

    #[test]
    fn long_files_and_functions() {
        assert_eq!(found(&"\n".repeat(500)).len(), 1, "a file of 501 lines");
        let body = "    let _ = 1;\n".repeat(69);
        let long = format!("fn f() {{\n{body}}}\n");
        let findings = found(&long);
        assert_eq!(findings.len(), 1, "a function of 71 lines");
        assert!(findings[0].starts_with("models/x.rs:2: f has 71 lines"), "{}", findings[0]);
        assert_eq!(found(&format!("struct S; impl S {{ {long} }}")).len(), 1, "a method");
        assert_eq!(found(&format!("trait T {{ {long} }}")).len(), 1, "a provided method");
        assert_eq!(found(&format!("mod m {{ {long} }}")).len(), 1, "in a module");
        let excused = "#[expect(clippy::too_many_lines, reason = \"a table\")]\n";
        assert!(found(&format!("{excused}{long}")).is_empty(), "with a reason");
    }

    #[test]
    fn banned_words() {
        for code in [
            "use std::collections::HashMap;",
            "use std::{collections::HashSet};",
            "fn f() { let _ = std::time::Instant::now(); }",
            "fn f(_: std::time::SystemTime) {}",
            "fn f() { todo!() }",
            "fn f() { g(dbg!(1)); }",
            "fn f() { unimplemented!() }",
            "#[allow(dead_code)] fn f() {}",
            "#![allow(dead_code)]",
        ] {
            assert_eq!(found(code).len(), 1, "{code}");
        }
        assert!(found("// HashMap, todo!, #[allow(x)]\nconst S: &str = \"dbg!(1)\";").is_empty());
        assert!(found("fn f() { self.allow(todo); }").is_empty(), "names of other things");
    }

    #[test]
    fn the_command_line_may_read_clocks_and_models_may_not() {
        let code = format!("{HEADER}use std::time::Instant;");
        assert!(check("sim/src/cli/mod.rs", &code).is_empty(), "progress for people");
        assert_eq!(check("sim/src/world/run.rs", &code).len(), 1, "simulated");
        assert_eq!(check("sim/src/cli/mod.rs", &format!("{HEADER}fn f() {{ todo!() }}")).len(), 1);
    }
}
