//! Reports for people, to be read in ten seconds: the verdict first, the command that shows it again
//! last. The text carries colours; whoever writes it strips them where they do not belong.
//!
//! - [`run()`] one run · [`sweep()`] many · [`check()`] a history · [`catalogue()`] what there is
//! - [`shrink()`] a failure made small

mod check;
mod run;
mod shrink;
mod style;
mod sweep;

pub use check::check;
pub use run::run;
pub use shrink::shrink;
pub use sweep::sweep;

use crate::catalogue::Catalogue;
use std::fmt::Write;

/// What there is to choose from.
#[must_use]
pub fn catalogue(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (index, section) in catalogue.sections.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let width = section.items.iter().map(|item| item.name.chars().count()).max().unwrap_or(0);
        put(&mut text, format_args!("{}", style::heading(&section.title)));
        for item in &section.items {
            put(&mut text, format_args!("  {:width$}  {}", item.name, item.about));
        }
    }
    text
}

/// One more line.
fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a string takes every text");
}
