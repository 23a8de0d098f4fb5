//! Modules of a crate that use each other in a circle: none of them can be read, tested or moved alone.
//!
//! Only siblings are compared, each with all that is below it: what a folder's file and the files inside
//! say of each other is one thing told in parts. Names are followed through `use` to where they are
//! declared. Test modules do not count.

use crate::support::{files, read};
use std::collections::{BTreeMap, BTreeSet};
use syn::visit::{Visit, visit_item, visit_path, visit_use_path};
use syn::{Attribute, Item, Path, UseGroup, UseName, UsePath, UseRename};

/// The crates, by the folder of their sources.
const CRATES: &[&str] = &[
    "models/types/src",
    "models/kafka/src",
    "models/oracle/src",
    "sim/scenario/src",
    "sim/src",
    "reports/src",
    "tests/real/src",
];

/// The circles that are left. Take out what you have broken up; add nothing.
const KNOWN: &[&str] = &[
    "models/oracle/src/: obstacles pace",
    "sim/scenario/src/: anchor describe plan targets",
    "sim/scenario/src/: expect overrides resolve",
    "sim/src/world: kernel lives nemesis process recorder",
    "sim/src/cli: args bench check compare config explain explore import options outputs run shrink sweep validate zoo",
    "sim/src/world/network: link retransmit",
    "sim/src/outside/verifiable: frame roster sends",
    "reports/src/: contract measure run sweep timing",
    "reports/src/: human words",
    "tests/real/src/: host kafka process",
];

/// A module by its names from the root of its crate.
type Module = Vec<String>;

/// What a file says of others: paths, each as its segments, and what its own `use` items bring in.
#[derive(Default)]
struct Mentions {
    paths: Vec<Vec<String>>,
    imports: BTreeMap<String, Vec<String>>,
    prefix: Vec<String>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

impl Mentions {
    fn leaf(&mut self, name: String, known_as: String) {
        let mut path = self.prefix.clone();
        if name != "self" {
            path.push(name);
        }
        self.imports.insert(known_as, path.clone());
        self.paths.push(path);
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit_item(self, item);
        }
    }

    fn visit_use_path(&mut self, path: &'ast UsePath) {
        self.prefix.push(path.ident.to_string());
        visit_use_path(self, path);
        self.prefix.pop();
    }

    fn visit_use_name(&mut self, name: &'ast UseName) {
        let last = self.prefix.last().cloned().unwrap_or_default();
        let name = name.ident.to_string();
        let known_as = if name == "self" { last } else { name.clone() };
        self.leaf(name, known_as);
    }

    fn visit_use_rename(&mut self, rename: &'ast UseRename) {
        self.leaf(rename.ident.to_string(), rename.rename.to_string());
    }

    fn visit_use_group(&mut self, group: &'ast UseGroup) {
        for tree in &group.items {
            self.visit_use_tree(tree);
        }
    }

    fn visit_use_glob(&mut self, _: &'ast syn::UseGlob) {
        self.paths.push(self.prefix.clone());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let segments = path.segments.iter().map(|segment| segment.ident.to_string());
        self.paths.push(segments.collect());
        visit_path(self, path);
    }
}

/// The files of one crate as modules: `a/b.rs` and `a/b/mod.rs` are both `a::b`.
fn module_of(path: &str) -> Module {
    let path = path.strip_suffix(".rs").unwrap_or(path);
    let mut names: Module = path.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|last| last == "mod" || last == "lib" || last == "main") {
        names.pop();
    }
    names
}

fn is_test_file(module: &Module) -> bool {
    module
        .iter()
        .any(|name| name == "tests" || name.ends_with("_tests") || name.starts_with("test_"))
}

/// The modules of one crate with what each says of others.
struct Crate {
    modules: BTreeMap<Module, Mentions>,
}

impl Crate {
    fn read(sources: &[(String, String)]) -> Self {
        let mut modules = BTreeMap::new();
        for (path, text) in sources {
            let module = module_of(path);
            if is_test_file(&module) {
                continue;
            }
            let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            let mut mentions = Mentions::default();
            mentions.visit_file(&file);
            modules.insert(module, mentions);
        }
        Self { modules }
    }

    /// The module that declares what `path` names when it stands in `inside`; none: of another crate.
    fn declaring(&self, inside: &Module, path: &[String], depth: usize) -> Option<Module> {
        let (mut at, mut rest) = (inside.clone(), path);
        let (first, others) = rest.split_first()?;
        match first.as_str() {
            "crate" => {
                at = Vec::new();
                rest = others;
            }
            "self" => rest = others,
            "super" => {}
            name => {
                let mut child = inside.clone();
                child.push(name.to_owned());
                if !self.modules.contains_key(&child) {
                    let imported = self.modules.get(inside)?.imports.get(name)?;
                    if depth == 0 || imported.first() == Some(first) {
                        return None;
                    }
                    let whole: Vec<String> = imported.iter().chain(others).cloned().collect();
                    return self.declaring(inside, &whole, depth - 1);
                }
            }
        }
        while let Some((name, others)) = rest.split_first() {
            if name == "super" {
                at.pop();
            } else {
                at.push(name.clone());
                if !self.modules.contains_key(&at) {
                    at.pop();
                    // Declared there, or brought there by a `use`.
                    let imports = &self.modules.get(&at)?.imports;
                    let Some(imported) = imports.get(name).filter(|_| depth > 0) else { break };
                    let whole: Vec<String> = imported.iter().chain(others).cloned().collect();
                    return self.declaring(&at, &whole, depth - 1).or(Some(at));
                }
            }
            rest = others;
        }
        Some(at)
    }

    /// Who uses whom, between siblings.
    fn edges(&self) -> BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> {
        let mut edges: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for (module, mentions) in &self.modules {
            for path in &mentions.paths {
                let Some(other) = self.declaring(module, path, 4) else { continue };
                let shared = module.iter().zip(&other).take_while(|(a, b)| a == b).count();
                if let (Some(user), Some(used)) = (module.get(shared), other.get(shared)) {
                    let among = edges.entry(module[..shared].to_vec()).or_default();
                    among.entry(user.clone()).or_default().insert(used.clone());
                }
            }
        }
        edges
    }

    /// The circles, each as `folder: members`.
    fn circles(&self) -> Vec<String> {
        let mut circles = BTreeSet::new();
        for (parent, uses) in self.edges() {
            for name in uses.keys() {
                let reached = reach(&uses, name);
                let circle: Vec<&str> = reached
                    .iter()
                    .filter(|other| reach(&uses, other).contains(name))
                    .map(String::as_str)
                    .collect();
                if circle.contains(&name.as_str()) && circle.len() > 1 {
                    circles.insert(format!("{}: {}", parent.join("/"), circle.join(" ")));
                }
            }
        }
        circles.into_iter().collect()
    }
}

/// All that `from` uses, by whatever detour.
fn reach(uses: &BTreeMap<String, BTreeSet<String>>, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for next in uses.get(&name).into_iter().flatten() {
            if reached.insert(next.clone()) {
                open.push(next.clone());
            }
        }
    }
    reached
}

#[test]
fn no_circle_of_modules_is_new() {
    let mut found = Vec::new();
    for folder in CRATES {
        let inside =
            |path: &String| path.strip_prefix(folder).is_some_and(|it| it.starts_with('/'));
        let sources: Vec<(String, String)> = files(".rs")
            .into_iter()
            .filter(inside)
            .map(|path| (path[folder.len() + 1..].to_owned(), read(&path)))
            .collect();
        assert!(!sources.is_empty(), "{folder} holds no sources");
        let circles = Crate::read(&sources).circles();
        found.extend(circles.into_iter().map(|circle| format!("{folder}/{circle}")));
    }
    let new: Vec<&String> = found.iter().filter(|it| !KNOWN.contains(&it.as_str())).collect();
    assert!(new.is_empty(), "move what both need below them: {new:#?}");
    let gone: Vec<_> = KNOWN.iter().filter(|it| !found.iter().any(|one| one == *it)).collect();
    assert!(gone.is_empty(), "broken up, take them out of KNOWN: {gone:#?}");
}

#[test]
fn circles_are_found_through_folders_and_reexports() {
    let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let circles = |sources: &[(String, String)]| Crate::read(sources).circles();
    let direct = [
        source("lib.rs", "mod a; mod b;"),
        source("a.rs", "use crate::b::B; pub struct A;"),
        source("b/mod.rs", "mod c; pub struct B;"),
        source("b/c.rs", "fn f(_: crate::a::A) {}"),
    ];
    assert_eq!(circles(&direct), [": a b"]);
    let through_the_parent = [
        source("lib.rs", "mod x;"),
        source("x.rs", "mod one; mod two; use one::One; use two::Two;"),
        source("x/one.rs", "use super::Two; pub struct One;"),
        source("x/two.rs", "pub struct Two; fn f(_: super::One) {}"),
    ];
    assert_eq!(circles(&through_the_parent), ["x: one two"]);
    let none = [
        source("lib.rs", "mod a; mod b;"),
        source("a.rs", "use crate::b::B; #[cfg(test)] mod tests { use crate::a; }"),
        source("b.rs", "pub struct B; #[cfg(test)] mod tests { use crate::a::A; }"),
    ];
    assert_eq!(circles(&none), Vec::<String>::new());
}
