//! Java's `.properties` as `java.util.Properties#load` reads them, with the place of every key and value.
//! Which settings they are is elsewhere.
//!
//! A crate exists, and its last release is years old. It does not tell where a value stands.

use crate::json::{Span, SyntaxError};
use std::iter::Peekable;
use std::str::CharIndices;

/// One setting of a file, escapes resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// Its value, white space at its end kept.
    pub value: String,
    /// Where the value stands, which may be several lines.
    pub value_span: Span,
}

/// Characters with their places.
type Placed = [(usize, char)];

/// The text of a file. Java reads ISO 8859-1, and so is read what is not UTF-8. The difference shows in
/// characters beyond ASCII alone, which no setting of Kafka's needs.
#[must_use]
pub fn decode(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().map(|byte| char::from(*byte)).collect())
}

/// Every setting of a file, in its order. The later of two with the same key counts.
///
/// # Errors
/// A `\u` without four hexadecimal digits; Java refuses nothing else.
pub fn parse(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let text =
        text.strip_prefix('\u{feff}').map_or((0, text), |rest| (text.len() - rest.len(), rest));
    let mut lines = Lines { rest: text.1.char_indices().peekable() };
    let mut entries = Vec::new();
    while let Some(mut line) = lines.next_line() {
        line.iter_mut().for_each(|(place, _)| *place += text.0);
        entries.push(entry(&line)?);
    }
    Ok(entries)
}

/// The logical lines of a text: without comments, blank lines, and the line ends that a backslash joins.
struct Lines<'t> {
    rest: Peekable<CharIndices<'t>>,
}

const fn is_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

impl Lines<'_> {
    fn next_line(&mut self) -> Option<Vec<(usize, char)>> {
        let mut line: Vec<(usize, char)> = Vec::new();
        let (mut begins, mut joined, mut escaped) = (true, false, false);
        while let Some((place, c)) = self.rest.next() {
            if begins && (is_blank(c) || is_end(c) && !joined) {
                continue;
            }
            (begins, joined) = (false, false);
            if line.is_empty() && matches!(c, '#' | '!') {
                while self.rest.next_if(|(_, c)| !is_end(*c)).is_some() {}
                begins = true;
            } else if !is_end(c) {
                escaped = c == '\\' && !escaped;
                line.push((place, c));
            } else if escaped {
                line.pop();
                if self.rest.peek().is_none() {
                    return Some(line);
                }
                if c == '\r' {
                    self.rest.next_if(|(_, c)| *c == '\n');
                }
                (begins, joined, escaped) = (true, true, false);
            } else if line.is_empty() {
                begins = true;
            } else {
                return Some(line);
            }
        }
        let any = !line.is_empty();
        if escaped {
            line.pop();
        }
        any.then_some(line)
    }
}

fn entry(line: &Placed) -> Result<Entry, SyntaxError> {
    let mut escaped = false;
    let ends = |(_, c): &(usize, char)| {
        let ends = !escaped && (is_blank(*c) || matches!(c, '=' | ':'));
        escaped = *c == '\\' && !escaped;
        ends
    };
    let key_end = line.iter().position(ends).unwrap_or(line.len());
    let (key, rest) = line.split_at(key_end);
    let blanks = |from: &Placed| from.iter().take_while(|(_, c)| is_blank(*c)).count();
    let mut value = &rest[blanks(rest)..];
    if let Some(((_, '=' | ':'), after)) = value.split_first() {
        value = &after[blanks(after)..];
    }
    // An empty value stands behind what is before it.
    let before = line.last().map_or(0, |(place, c)| place + c.len_utf8());
    let key_start = line.first().map_or(before, |(place, _)| *place);
    Ok(Entry {
        key: unescape(key)?,
        key_span: span(key).unwrap_or(Span { start: key_start, end: key_start }),
        value: unescape(value)?,
        value_span: span(value).unwrap_or(Span { start: before, end: before }),
    })
}

fn span(part: &Placed) -> Option<Span> {
    let ((start, _), (last, c)) = (part.first()?, part.last()?);
    Some(Span { start: *start, end: last + c.len_utf8() })
}

fn unescape(part: &Placed) -> Result<String, SyntaxError> {
    // Java's strings are UTF-16, and an escape may be half a character.
    let mut units: Vec<u16> = Vec::with_capacity(part.len());
    let mut rest = part.iter().copied();
    while let Some((place, c)) = rest.next() {
        let c = if c == '\\' { rest.next().map(|(_, c)| (c, true)) } else { Some((c, false)) };
        let c = match c {
            None => continue,
            Some(('t', true)) => '\t',
            Some(('r', true)) => '\r',
            Some(('n', true)) => '\n',
            Some(('f', true)) => '\u{c}',
            Some(('u', true)) => {
                let digits: String = rest.by_ref().take(4).map(|(_, c)| c).collect();
                let fine = digits.len() == 4 && digits.chars().all(|c| c.is_ascii_hexdigit());
                let Some(unit) = u16::from_str_radix(&digits, 16).ok().filter(|_| fine) else {
                    let span = Span { start: place, end: place + 2 };
                    let message = "\\u needs four hexadecimal digits: Java refuses this file";
                    return Err(SyntaxError { span, message: message.to_owned() });
                };
                units.push(unit);
                continue;
            }
            Some((c, _)) => c,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    Ok(String::from_utf16_lossy(&units))
}
