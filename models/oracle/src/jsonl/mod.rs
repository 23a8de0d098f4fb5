//! A history as JSON Lines: a header, then an event a line, with names instead of indices. Written by
//! every traced run and readable from anywhere, so that a history recorded around a real cluster comes
//! before the same judge. It judges nothing. HISTORY.md beside the crate is its documentation.
//!
//! - [`Reader`] from lines to entries: start here · [`Problem`] what is wrong with a line
//! - [`header_line`], [`entry_line`] from entries to lines · [`schema`] the JSON Schema of both

mod budget;
mod claims;
mod event;
mod fields;
mod header;
mod lines;
mod names;
mod problem;
mod reader;
mod text;

pub use header::header_line;
pub use lines::entry_line;
pub use problem::{Problem, nearest};
pub use reader::{MAX_LINE, Reader};

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

/// The version that is written, and the only one that is read.
pub const VERSION: u32 = 1;

/// The JSON Schema of a line.
#[must_use]
pub fn schema() -> Value {
    let mut generator = SchemaGenerator::default();
    let mut any = vec![header::Header::json_schema(&mut generator).to_value()];
    any.extend(lines::Line::schemas(&mut generator));
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "a line of a history: the header, or an event",
        "oneOf": any,
        "$defs": generator.take_definitions(true),
    })
}

#[cfg(test)]
mod tests;
