//! Of YAML what an `application.yml` needs: maps within maps by indentation, and plain or quoted words. Every word with
//! its place, under its dotted path. Which settings they are is elsewhere.
//!
//! Crates exist, and most of them do not tell where a value stands. What is none of this is refused with its place.

use crate::json::{Span, SyntaxError};
use crate::properties::Entry;

/// A map that is open: how far it is indented, and the path of its keys.
struct Open {
    indent: usize,
    path: String,
}

/// Every word of the first document, in its order.
///
/// # Errors
/// What this does not read: lists of maps, maps in braces, anchors, tags and texts of several lines.
pub(crate) fn words(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut words: Vec<Entry> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    // The key of the last line, which is a map or a list if more follows.
    let mut last: Option<(Open, Span)> = None;
    let mut begin = 0;
    for line in text.split_inclusive('\n') {
        let start = begin;
        begin += line.len();
        let line = line.trim_start_matches('\u{feff}').trim_end();
        let start = start + text[start..].find(line).unwrap_or(0);
        let body = line.trim_start_matches(' ');
        let (indent, at) = (line.len() - body.len(), start + line.len() - body.len());
        if body.starts_with("---") || body == "..." {
            // A later document may be of another profile.
            if words.is_empty() && open.is_empty() && last.is_none() {
                continue;
            }
            break;
        }
        if body.is_empty() || body.starts_with('#') {
            continue;
        }
        if let Some(item) = body.strip_prefix("- ") {
            let Some((Open { path, .. }, key_span)) = &last else {
                return Err(refuse(at, body, "a list of maps is not read"));
            };
            let value = scalar(item, at + body.len() - item.len())?;
            join(&mut words, path, *key_span, value);
            continue;
        }
        if let Some((map, _)) = last.take().filter(|(map, _)| indent > map.indent) {
            open.push(map);
        }
        while open.last().is_some_and(|map| indent <= map.indent) {
            open.pop();
        }
        let Some((key, rest)) = split(body) else {
            return Err(refuse(at, body, "expected \"key: value\""));
        };
        let key_span = Span { start: at, end: at + key.len() };
        let key = unquoted(key);
        let path = open.last().map_or_else(|| key.to_owned(), |map| format!("{}.{key}", map.path));
        let (value, span) = scalar(rest, at + body.len() - rest.len())?;
        if value.is_empty() && span.start == span.end {
            last = Some((Open { indent, path }, key_span));
        } else {
            words.push(Entry { key: path, key_span, value, value_span: span });
        }
    }
    Ok(words)
}

/// An item of a list: Spring joins them with commas.
fn join(words: &mut Vec<Entry>, path: &str, key_span: Span, (value, span): (String, Span)) {
    match words.last_mut().filter(|word| word.key == path) {
        Some(word) => {
            word.value = format!("{},{value}", word.value);
            word.value_span.end = span.end;
        }
        None => words.push(Entry { key: path.to_owned(), key_span, value, value_span: span }),
    }
}

fn refuse(start: usize, part: &str, message: &str) -> SyntaxError {
    let span = Span { start, end: start + part.len() };
    SyntaxError { span, message: message.to_owned() }
}

/// The key, and what stands behind its colon.
fn split(body: &str) -> Option<(&str, &str)> {
    let quote = body.chars().next().filter(|c| matches!(c, '"' | '\''));
    let from = quote.map_or(Some(0), |quote| body[1..].find(quote).map(|end| end + 2))?;
    let colon = body[from..].match_indices(':').map(|(at, _)| at + from);
    let mut ends = colon.filter(|at| body[at + 1..].chars().next().is_none_or(|c| c == ' '));
    let at = ends.next()?;
    Some((body[..at].trim_end(), &body[at + 1..]))
}

fn unquoted(key: &str) -> &str {
    // Spring writes keys with dots of their own in brackets.
    key.trim_matches(['"', '\'']).trim_start_matches('[').trim_end_matches(']')
}

/// A word, a quoted one, or a list of them in brackets; `start` is where `rest` stands.
fn scalar(rest: &str, start: usize) -> Result<(String, Span), SyntaxError> {
    let part = rest.trim_start();
    let at = start + rest.len() - part.len();
    let (text, value) = match part.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let end = part[1..].find(quote).map(|end| end + 1);
            let Some(end) = end.filter(|_| !part.contains('\\')) else {
                return Err(refuse(
                    at,
                    part,
                    "a quoted text that goes on, or with escapes, is not read",
                ));
            };
            (&part[..=end], part[1..end].to_owned())
        }
        Some('[') => {
            let Some(end) = part.find(']') else {
                return Err(refuse(at, part, "a list of several lines in brackets is not read"));
            };
            let items: Vec<&str> =
                part[1..end].split(',').map(|item| unquoted(item.trim())).collect();
            (&part[..=end], items.join(","))
        }
        Some('{' | '&' | '*' | '!' | '|' | '>') => {
            return Err(refuse(
                at,
                part,
                "of YAML only words, lists of words and indented maps are read",
            ));
        }
        _ => {
            let end = if part.starts_with('#') { 0 } else { part.find(" #").unwrap_or(part.len()) };
            let text = part[..end].trim_end();
            (text, text.to_owned())
        }
    };
    Ok((value, Span { start: at, end: at + text.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let words = words(text).unwrap_or_else(|error| panic!("{error:?}"));
        let told = |word: &Entry| {
            let Span { start, end } = word.value_span;
            format!("{}={} ({})", word.key, word.value, &text[start..end])
        };
        words.iter().map(told).collect()
    }

    #[test]
    fn words_have_their_paths_and_places() {
        let text = "# a comment\na:\n  b: one # why\n  c:\n    \"d.e\": 'two words'\n  f: \"\"\ng.h: http://x:9092\n\
                    l:\n  - x\n  - y\nm: [p, q]\n---\nz: other profile\n";
        let expected = [
            "a.b=one (one)",
            "a.c.d.e=two words ('two words')",
            "a.f= (\"\")",
            "g.h=http://x:9092 (http://x:9092)",
            "l=x,y (x\n  - y)",
            "m=p,q ([p, q])",
        ];
        assert_eq!(read(text), expected);
    }

    #[test]
    fn what_is_not_read_is_refused_at_its_place() {
        for (text, place) in [
            ("a: {b: c}", "{b: c}"),
            ("a: |\n  text", "|"),
            ("a: *other", "*other"),
            ("just words", "just words"),
            ("- a: b", "- a: b"),
            ("a: \"open", "\"open"),
            ("a: [b,\n  c]", "[b,"),
        ] {
            let Err(SyntaxError { span, .. }) = words(text) else { panic!("{text} is read") };
            assert_eq!(&text[span.start..span.end], place);
        }
        for text in ["", "---\n", "a:", "a:\n\n  # nothing\n", "\u{feff}a: b", "a: b\r\nc: d\r\n"] {
            assert!(words(text).is_ok(), "{text:?}");
        }
    }
}
