//! What each name means, put together from the tables that define it: for `ackproof explain NAME`, and for the pages
//! of the manual that are written from here. It runs nothing.
//!
//! - [`reference()`] all entries · [`footguns`] scenarios of what goes wrong · [`breakages`] what breaks a property, [`zoo`] what shows each known bug
//! - `causes`, `properties`, `faults`, `settings` one kind each

pub mod breakages;
mod causes;
mod faults;
pub mod footguns;
mod properties;
mod scenarios;
mod settings;
pub mod zoo;

use ackproof_reports::reference::{Body, Entry, Kind, Part, Reference};
use ackproof_scenario::settings::words::every;

/// Every entry.
#[must_use]
pub fn reference() -> Reference {
    let footguns = scenarios::told();
    let mut entries = properties::entries(&footguns);
    entries.extend(faults::entries(&footguns));
    entries.extend(causes::entries(&footguns));
    entries.extend(scenarios::entries(&footguns));
    entries.extend(settings::entries(&footguns));
    Reference { entries }
}

/// A setting that Kafka knows and that has no entry: it changes nothing here. Empty if Kafka does not know it.
#[must_use]
pub fn unmodelled(key: &str) -> Vec<Entry> {
    let known = every().into_iter().filter(|(_, name)| *name == key);
    known.map(|(scope, key)| settings::entry(scope, key, &[])).collect()
}

fn text(title: &str, words: impl Into<String>) -> Part {
    Part { title: title.to_owned(), body: Body::Text(words.into()) }
}

fn items(title: &str, items: Vec<(Kind, String, String)>) -> Option<Part> {
    (!items.is_empty()).then(|| Part { title: title.to_owned(), body: Body::Items(items) })
}

fn commands(title: &str, lines: Vec<String>) -> Option<Part> {
    (!lines.is_empty()).then(|| Part { title: title.to_owned(), body: Body::Commands(lines) })
}
