//! What a name means, for people.

use super::{put, style};
use crate::reference::{Body, Entry, Part, sentence};

/// A name with what it is and what it means.
#[must_use]
pub fn named(name: &str, what: &str, about: &str) -> String {
    let mut text = String::new();
    put(&mut text, format_args!("{}  {}", style::heading(name), style::aside(plain(what))));
    put(&mut text, format_args!("  {}", plain(&sentence(about))));
    text
}

/// An entry of the reference.
#[must_use]
pub fn reference(entry: &Entry) -> String {
    let mut text = named(&entry.name, &entry.what, &entry.about);
    for part in &entry.parts {
        one(&mut text, part);
    }
    text
}

fn one(text: &mut String, part: &Part) {
    text.push('\n');
    match &part.body {
        Body::Text(words) => {
            put(text, format_args!("{}", style::heading(&part.title)));
            put(text, format_args!("  {}", plain(&sentence(words))));
        }
        Body::Items(items) => {
            put(text, format_args!("{}", style::heading(&part.title)));
            let words: Vec<String> = items.iter().map(|(_, _, about)| plain(about)).collect();
            let names = items.iter().map(|(_, name, _)| name.as_str());
            let rows = names.zip(words.iter().map(String::as_str)).collect::<Vec<_>>();
            super::columns(text, &rows);
        }
        Body::Commands(lines) => {
            put(text, format_args!("{}", style::heading(&part.title)));
            lines.iter().for_each(|line| put(text, format_args!("{line}")));
        }
    }
}

/// Without what marks a name on a page.
fn plain(words: &str) -> String {
    words.replace('`', "")
}
