//! Golden tables: what a test prints, compared with a file, so that a change shows in review. It knows
//! nothing of what the tables say.
//!
//! To write them anew, after a look at the difference: `BLESS=1 cargo test --release -p ackproof-kafka table`

use std::fmt::Debug;
use std::fs;
use std::path::Path;

/// A row of a state table: state, input, next state, effects.
pub(crate) type Row = [String; 4];

/// Compares the table with `tests/tables/<name>`; with `BLESS=1` in the environment it is written instead.
#[track_caller]
pub(crate) fn compare(name: &str, head: &str, rows: &[Row]) {
    let mut table =
        format!("{head}\n| state | input | next state | effects |\n|---|---|---|---|\n");
    for row in rows {
        table.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name);
    if std::env::var_os("BLESS").is_some() {
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, table).expect("it can be written");
        return;
    }
    let stored = fs::read_to_string(&path).unwrap_or_default();
    let differs: Vec<String> = table
        .lines()
        .filter(|line| !stored.lines().any(|old| old == *line))
        .map(str::to_owned)
        .collect();
    assert!(stored == table, "{name} differs; lines that are new:\n{}", differs.join("\n"));
}

/// The first words of what is printed for debugging, as many as are wanted: variants and names.
pub(crate) fn words(value: &impl Debug, count: usize) -> String {
    let text = format!("{value:?}");
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| !word.is_empty()).take(count).collect::<Vec<_>>().join(" ")
}
