//! Joins the modules of `reports/page` into one script: imports and exports go, and so do comments. Modules stand
//! in an order in which each uses only what stands before it.

/// The modules, each below those that it imports.
const MODULES: &[(&str, &str)] = &[
    ("dom.js", include_str!("../../page/dom.js")),
    ("course.js", include_str!("../../page/course.js")),
    ("words.js", include_str!("../../page/words.js")),
    ("view.js", include_str!("../../page/view.js")),
    ("paint.js", include_str!("../../page/paint.js")),
    ("lanes.js", include_str!("../../page/lanes.js")),
    ("messages.js", include_str!("../../page/messages.js")),
    ("charts.js", include_str!("../../page/charts.js")),
    ("legend.js", include_str!("../../page/legend.js")),
    ("timeline.js", include_str!("../../page/timeline.js")),
    ("entries.js", include_str!("../../page/entries.js")),
    ("faults.js", include_str!("../../page/faults.js")),
    ("head.js", include_str!("../../page/head.js")),
    ("spread.js", include_str!("../../page/spread.js")),
    ("alerts.js", include_str!("../../page/alerts.js")),
    ("whatif.js", include_str!("../../page/whatif.js")),
    ("sweep.js", include_str!("../../page/sweep.js")),
    ("compare.js", include_str!("../../page/compare.js")),
    ("validate.js", include_str!("../../page/validate.js")),
    ("main.js", include_str!("../../page/main.js")),
];

/// All modules as one script.
pub(super) fn script() -> String {
    let mut script = String::from("(() => {\n\"use strict\";\n");
    for (_, module) in MODULES {
        script.push_str(&joined(module));
    }
    script.push_str("})();\n");
    script
}

/// A module as a part of the script.
fn joined(module: &str) -> String {
    let mut text = String::with_capacity(module.len());
    let (mut in_import, mut in_comment) = (false, false);
    for line in module.lines() {
        let bare = line.trim_start();
        in_import |= line.starts_with("import ");
        in_comment |= bare.starts_with("/*");
        if !in_import && !in_comment && !bare.is_empty() && !bare.starts_with("//") {
            text.push_str(line.strip_prefix("export ").unwrap_or(bare));
            text.push('\n');
        }
        in_import &= !line.ends_with(';');
        in_comment &= !line.contains("*/");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// What a line declares at the top of its module.
    fn declared(line: &str) -> Option<&str> {
        let line = line.strip_prefix("export ").unwrap_or(line);
        let words = ["function ", "const ", "let ", "class "];
        let rest = words.iter().find_map(|word| line.strip_prefix(word))?;
        rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()
    }

    /// Modules and names of an `import { a, b } from "./x.js";`, which may go over several lines.
    fn imports(module: &str) -> Vec<(String, String)> {
        let mut imports = Vec::new();
        for part in module.split("\nimport ").skip(1).chain(module.strip_prefix("import ")) {
            let statement = part.split_once(';').expect("an import ends").0;
            let (names, from) = statement.split_once(" from ").expect("names come from a module");
            let from = from.trim_matches('"').trim_start_matches("./");
            let names = names.trim_matches(['{', '}', ' ', '\n']).split(',').map(str::trim);
            let names = names.filter(|name| !name.is_empty());
            imports.extend(names.map(|name| (from.to_owned(), name.to_owned())));
        }
        imports
    }

    #[test]
    fn no_name_is_declared_twice() {
        let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
        for (file, module) in MODULES {
            for name in module.lines().filter_map(declared) {
                let other = owners.insert(name, file);
                assert_eq!(other, None, "{name} of {file}: modules become one script");
            }
        }
    }

    #[test]
    fn what_is_imported_is_exported_by_a_module_above() {
        let mut exported: BTreeSet<(String, String)> = BTreeSet::new();
        for (file, module) in MODULES {
            for (from, name) in imports(module) {
                let there = exported.contains(&(from.clone(), name.clone()));
                assert!(there, "{file} imports {name}, which {from} above it does not export");
            }
            let exports = module.lines().filter(|line| line.starts_with("export "));
            let names = exports.filter_map(declared);
            exported.extend(names.map(|name| ((*file).to_owned(), name.to_owned())));
        }
        assert!(exported.len() > 10, "modules export something: {exported:?}");
    }

    #[test]
    fn imports_exports_and_comments_go() {
        let module = "import { a,\n  b } from \"./x.js\";\n/** A\n * comment. */\nexport function f() {\n  // More.\n  return a(b);\n}\n";
        assert_eq!(joined(module), "function f() {\nreturn a(b);\n}\n");
    }

    #[test]
    fn the_folder_holds_no_module_that_is_left_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let files = std::fs::read_dir(folder).expect("it is there");
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        let mut modules: Vec<String> = names.filter(|name| name.ends_with(".js")).collect();
        modules.sort_unstable();
        let mut known: Vec<&str> = MODULES.iter().map(|(file, _)| *file).collect();
        known.sort_unstable();
        assert_eq!(modules, known);
    }
}
