//! JSON with comments and trailing commas, parsed to a tree that keeps the place of every key and
//! value. It knows nothing of scenarios; whoever reads the tree can point at the text.

use std::collections::BTreeSet;

/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 32;

/// A place in the text: bytes from `start` up to, not including, `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A part of a `--set PATH=VALUE`, by its number on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Its path.
    Path(usize),
    /// Its value.
    Value(usize),
}

impl Span {
    /// What stands on the command line and not in the text.
    #[must_use]
    pub const fn typed(place: Typed) -> Self {
        let end = match place {
            Typed::Path(number) => 2 * number,
            Typed::Value(number) => 2 * number + 1,
        };
        Self { start: usize::MAX, end }
    }

    /// Where on the command line it stands; none: in the text.
    #[must_use]
    pub const fn on_command_line(self) -> Option<Typed> {
        if self.start != usize::MAX {
            None
        } else if self.end.is_multiple_of(2) {
            Some(Typed::Path(self.end / 2))
        } else {
            Some(Typed::Value(self.end / 2))
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number as typed; it is a valid JSON number.
    Number(String),
    /// A string, escapes resolved.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object, in the order of the text; keys are distinct.
    Object(Vec<Member>),
}

/// One `key: value` of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The key, escapes resolved.
    pub key: String,
    /// Where the key stands, quotes included.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// Text that is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub span: Span,
    /// What is wrong, in one line.
    pub message: String,
}

impl Node {
    /// Gives it, and all below it, one place.
    pub(crate) fn place_at(&mut self, span: Span) {
        self.span = span;
        match &mut self.value {
            Value::Array(items) => items.iter_mut().for_each(|item| item.place_at(span)),
            Value::Object(members) => members.iter_mut().for_each(|member| {
                member.key_span = span;
                member.value.place_at(span);
            }),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = &self.value { Some(text) } else { None }
    }

    /// The whole number, if it is one.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Number(raw) = &self.value { raw.parse().ok() } else { None }
    }

    /// The members, if it is an object.
    #[must_use]
    pub fn members(&self) -> Option<&[Member]> {
        if let Value::Object(members) = &self.value { Some(members) } else { None }
    }

    /// The value under `key`, if it is an object that has one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.members()?.iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// What it is, for messages: `a number`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The same without places and comments.
    #[must_use]
    pub fn to_value(&self) -> serde_json::Value {
        use serde_json::Value as Plain;
        match &self.value {
            Value::Null => Plain::Null,
            Value::Bool(on) => Plain::Bool(*on),
            Value::Number(raw) => serde_json::from_str(raw).unwrap_or(Plain::Null),
            Value::String(text) => Plain::String(text.clone()),
            Value::Array(items) => Plain::Array(items.iter().map(Self::to_value).collect()),
            Value::Object(members) => {
                Plain::Object(members.iter().map(|m| (m.key.clone(), m.value.to_value())).collect())
            }
        }
    }
}

/// Parses one value with comments around it.
///
/// # Errors
/// The first thing that is no JSON, a key given twice, or nesting beyond [`MAX_DEPTH`].
pub fn parse(text: &str) -> Result<Node, SyntaxError> {
    let mut parser = Parser { text, at: 0 };
    // A byte order mark is what some editors put first.
    if text.starts_with('\u{feff}') {
        parser.at = '\u{feff}'.len_utf8();
    }
    let node = parser.value(0)?;
    parser.skip()?;
    if parser.at < text.len() {
        return Err(parser.unexpected("nothing more"));
    }
    Ok(node)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error<T>(&self, start: usize, message: impl Into<String>) -> Result<T, SyntaxError> {
        let end = self.at.max(start + 1).min(self.text.len()).max(start);
        Err(SyntaxError { span: Span { start, end }, message: message.into() })
    }

    fn unexpected(&self, wanted: &str) -> SyntaxError {
        let (found, length) = match self.peek() {
            Some(found) => (format!("`{}`", found.escape_debug()), found.len_utf8()),
            None => ("the end of the file".to_owned(), 0),
        };
        SyntaxError {
            span: Span { start: self.at, end: self.at + length },
            message: format!("expected {wanted}, found {found}"),
        }
    }

    /// Skips blanks and comments.
    fn skip(&mut self) -> Result<(), SyntaxError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            self.at += rest.len() - trimmed.len();
            let start = self.at;
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(length) => self.at += length + 4,
                    None => {
                        self.at += 2;
                        return self.error(start, "this comment is never closed with `*/`");
                    }
                }
            } else {
                return Ok(());
            }
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        self.skip()?;
        let start = self.at;
        if depth > MAX_DEPTH {
            return self.error(start, format!("nested more than {MAX_DEPTH} levels deep"));
        }
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => Value::String(self.string()?),
            Some('-' | '0'..='9') => self.number()?,
            Some('a'..='z' | 'A'..='Z' | '_') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { span: Span { start, end: self.at }, value })
    }

    fn object(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut members = Vec::new();
        let mut keys = BTreeSet::new();
        loop {
            self.skip()?;
            let start = self.at;
            match self.peek() {
                Some('}') => break,
                Some('"') => {}
                _ => return Err(self.unexpected("a key in double quotes or `}`")),
            }
            let key = self.string()?;
            let key_span = Span { start, end: self.at };
            if !keys.insert(key.clone()) {
                return self.error(start, format!("the key \"{key}\" is given twice"));
            }
            self.skip()?;
            if self.peek() != Some(':') {
                return Err(self.unexpected("`:` after the key"));
            }
            self.at += 1;
            members.push(Member { key, key_span, value: self.value(depth + 1)? });
            if !self.comma('}')? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip()?;
            if self.peek() == Some(']') {
                break;
            }
            items.push(self.value(depth + 1)?);
            if !self.comma(']')? {
                break;
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    /// Takes a comma; false at `close`, which it leaves.
    fn comma(&mut self, close: char) -> Result<bool, SyntaxError> {
        self.skip()?;
        match self.peek() {
            Some(',') => {
                self.at += 1;
                Ok(true)
            }
            Some(found) if found == close => Ok(false),
            _ => Err(self.unexpected(&format!("`,` or `{close}`"))),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(next) = self.peek().filter(|c| *c != '\n') else {
                return self.error(start, "this string is never closed with `\"`");
            };
            let place = self.at;
            self.at += next.len_utf8();
            match next {
                '"' => return Ok(out),
                '\\' => out.push(self.escape(place)?),
                c if c < ' ' => return self.error(place, "a control character in a string"),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self, start: usize) -> Result<char, SyntaxError> {
        let Some(letter) = self.peek() else {
            return self.error(start, "this string is never closed with `\"`");
        };
        self.at += letter.len_utf8();
        match letter {
            '"' | '\\' | '/' => Ok(letter),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => self.unicode(start),
            _ => self.error(start, "no such escape in JSON"),
        }
    }

    fn unicode(&mut self, start: usize) -> Result<char, SyntaxError> {
        let first = self.hex4();
        let code = match first {
            Some(high @ 0xd800..=0xdbff) if self.rest().starts_with("\\u") => {
                self.at += 2;
                self.hex4()
                    .filter(|low| (0xdc00..=0xdfff).contains(low))
                    .map(|low| 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
            }
            other => other,
        };
        match code.and_then(char::from_u32) {
            Some(c) => Ok(c),
            None => self.error(start, "no Unicode character"),
        }
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4)?;
        let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let code = all_hex.then(|| u32::from_str_radix(digits, 16).ok())??;
        self.at += 4;
        Some(code)
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_')))
            .unwrap_or(rest.len());
        let raw = rest[..length].to_owned();
        self.at += length;
        if serde_json::from_str::<serde_json::Number>(&raw).is_ok() {
            return Ok(Value::Number(raw));
        }
        self.error(
            start,
            format!("`{raw}` is not a number; a value with a unit goes in quotes: \"{raw}\""),
        )
    }

    fn word(&mut self) -> Result<Value, SyntaxError> {
        let start = self.at;
        let rest = self.rest();
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
            .unwrap_or(rest.len());
        let word = rest[..length].to_owned();
        self.at += length;
        match word.as_str() {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => self.error(start, format!("`{word}` needs quotes: \"{word}\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn message(text: &str) -> String {
        parse(text).unwrap_err().message
    }

    #[test]
    fn comments_and_trailing_commas() {
        let node =
            parse("// a\n{ /* b */ \"k\": [1, 2,], \"e\": \"\\u00e9\\ud83d\\ude00\", }").unwrap();
        assert_eq!(node.to_value(), serde_json::json!({"k": [1, 2], "e": "é😀"}), "same value");
    }

    #[test]
    fn errors() {
        assert_eq!(message("{\"a\":1,\"a\":2}"), "the key \"a\" is given twice", "duplicate");
        assert_eq!(message(""), "expected a value, found the end of the file", "empty");
        assert_eq!(message("{a:1}"), "expected a key in double quotes or `}`, found `a`", "key");
        assert_eq!(message("[all]"), "`all` needs quotes: \"all\"", "word");
        assert_eq!(
            message("[10s]"),
            "`10s` is not a number; a value with a unit goes in quotes: \"10s\"",
            "unit"
        );
        assert!(message(&"[".repeat(100)).starts_with("nested more"), "depth");
        assert!(message("{} x").starts_with("expected nothing more"), "trailing");
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = parse(&text);
        }

        #[test]
        fn never_panics_near_json(text in "[\\[\\]{},:\"\\\\/*u0-9a-f é\n-]{0,60}") {
            if let Err(error) = parse(&text) {
                prop_assert!(error.span.start <= error.span.end, "span is ordered");
            }
        }

        #[test]
        fn strings_survive(text in "\\PC*") {
            let typed = serde_json::to_string(&text).unwrap();
            let node = parse(&typed).unwrap();
            prop_assert_eq!(node.as_str(), Some(text.as_str()));
        }
    }
}
