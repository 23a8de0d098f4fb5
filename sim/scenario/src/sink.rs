//! Reading the tree while collecting mistakes: typed access to nodes that reports what is wrong and
//! goes on. It knows spans and paths, not what a scenario means.

use crate::diagnostic::{Diagnostic, Severity, clip, nearest, place, shorten};
use crate::durations;
use crate::json::{Node, Span, Typed, Value};
use crate::settings::Setting;
use ackproof_types::KafkaVersion;
use ackproof_types::{Delay, Micros};

/// Collects mistakes of one text.
pub(crate) struct Sink<'a> {
    /// The file as typed.
    text: &'a str,
    /// Its name.
    file: &'a str,
    /// Files that it names.
    named: Vec<Named>,
    /// Values from the command line: path and text.
    sets: &'a [(String, String)],
    /// What was found.
    pub(crate) found: Vec<Diagnostic>,
    /// How many were found beyond [`MOST`] of a kind.
    unsaid: usize,
    /// Whether any of all these is an error.
    failed: bool,
    /// Settings that have no effect, with their places and values, and whether a file sets them.
    pub(crate) ignored: Vec<(&'static Setting, String, String, bool)>,
    /// Whose defaults hold, as the file says.
    pub(crate) kafka: KafkaVersion,
}

/// A file that a scenario names. Its text counts as standing behind all that was read before.
struct Named {
    file: String,
    text: String,
    /// Where it begins.
    base: usize,
}

/// Most errors, and most warnings, that are shown of one file.
const MOST: usize = 50;
/// Longest message and path.
const LONGEST: usize = 500;

/// A node and how one got there.
#[derive(Clone)]
pub(crate) struct At<'n> {
    /// The node.
    pub(crate) node: &'n Node,
    /// Dotted path from the root.
    pub(crate) path: String,
    /// Where its key stands; the node's own place for items of lists and the root.
    pub(crate) key_span: Span,
}

impl<'n> At<'n> {
    /// The root.
    pub(crate) fn root(node: &'n Node) -> Self {
        Self { node, path: String::new(), key_span: node.span }
    }

    /// The path of a child.
    pub(crate) fn below(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// The child under `key`.
    pub(crate) fn get(&self, key: &str) -> Option<Self> {
        let member = self.node.members()?.iter().find(|member| member.key == key)?;
        Some(Self { node: &member.value, path: self.below(key), key_span: member.key_span })
    }

    /// The children of an object with their keys.
    pub(crate) fn children(&self) -> Vec<(&'n str, Self)> {
        let members = self.node.members().unwrap_or_default();
        let child = |member: &'n crate::json::Member| {
            let path = self.below(&member.key);
            let at = Self { node: &member.value, path, key_span: member.key_span };
            (member.key.as_str(), at)
        };
        members.iter().map(child).collect()
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<Self> {
        let Value::Array(items) = &self.node.value else { return Vec::new() };
        (0..)
            .zip(items)
            .map(|(index, node): (usize, _)| {
                let path = format!("{}[{index}]", self.path);
                Self { node, path, key_span: node.span }
            })
            .collect()
    }
}

impl<'a> Sink<'a> {
    pub(crate) fn new(text: &'a str, file: &'a str, sets: &'a [(String, String)]) -> Self {
        Self {
            text,
            file,
            named: Vec::new(),
            sets,
            found: Vec::new(),
            unsaid: 0,
            failed: false,
            ignored: Vec::new(),
            kafka: KafkaVersion::default(),
        }
    }

    fn report(
        &mut self,
        severity: Severity,
        span: Span,
        path: &str,
        said: (String, Option<String>),
    ) {
        self.failed |= severity == Severity::Error;
        if self.found.iter().filter(|found| found.severity == severity).count() >= MOST {
            self.unsaid += 1;
            return;
        }
        let message = shorten(said.0, LONGEST);
        let hint = said.1.map(|hint| shorten(hint, LONGEST));
        let (file, line, column, length, source_line) =
            if let Some((column, length, source_line)) = self.typed(span, path) {
                ("--set".to_owned(), 1, column, length, source_line)
            } else {
                let (file, text, span) = self.source(span);
                let (line, column, length, source_line) = place(text, span);
                (file.to_owned(), line, column, length, source_line)
            };
        let path = shorten(path.to_owned(), LONGEST);
        let (source_line, clipped, length) = clip(&source_line, column, length);
        self.found.push(Diagnostic {
            severity,
            file,
            line,
            column,
            length,
            path,
            message,
            hint,
            source_line,
            clipped,
        });
    }

    /// Column, length and text of what stands on the command line, as typed there: a mistake in a path is
    /// marked up to the key that is wrong.
    fn typed(&self, span: Span, path: &str) -> Option<(usize, usize, String)> {
        let place = span.on_command_line()?;
        let (Typed::Path(number) | Typed::Value(number)) = place;
        let (set, value) = self.sets.get(number)?;
        let (column, length) = match place {
            Typed::Value(_) => (set.chars().count() + 2, value.chars().count()),
            Typed::Path(_) if !path.is_empty() && set.starts_with(path) => {
                (1, path.chars().count())
            }
            Typed::Path(_) => (1, set.chars().count()),
        };
        Some((column, length.max(1), format!("{set}={value}")))
    }

    /// Adds a file that the scenario names; gives the place of its first byte.
    pub(crate) fn add(&mut self, file: &str, text: &str) -> usize {
        let end = |base: usize, text: &str| base + text.len() + 1;
        let last = self.named.last().map(|named| end(named.base, &named.text));
        let base = last.unwrap_or_else(|| end(0, self.text));
        self.named.push(Named { file: file.to_owned(), text: text.to_owned(), base });
        base
    }

    /// Name and text of the file in which something stands, and where it stands there.
    fn source(&self, span: Span) -> (&str, &str, Span) {
        match self.named.iter().rev().find(|named| span.start >= named.base) {
            Some(Named { file, text, base }) => {
                (file, text, Span { start: span.start - base, end: span.end - base })
            }
            None => (self.file, self.text, span),
        }
    }

    /// Whether something stands in a file that the scenario names.
    pub(crate) fn is_named(&self, span: Span) -> bool {
        let here = |named: &Named| span.start >= named.base;
        span.on_command_line().is_none() && self.named.first().is_some_and(here)
    }

    /// Whether `raw` is the whole value of a `--set`.
    fn is_typed_alone(&self, span: Span, raw: &str) -> bool {
        let Some(Typed::Value(number)) = span.on_command_line() else { return false };
        self.sets.get(number).is_some_and(|(_, value)| value.trim() == raw)
    }

    /// Everything found, the last one saying how many more there are; and whether the scenario is refused.
    pub(crate) fn conclude(mut self) -> (Vec<Diagnostic>, bool) {
        // In the order of the text; after it its files, and what came by the command line.
        let rank = |file: &str| match self.named.iter().position(|named| named.file == file) {
            _ if file == self.file => 0,
            Some(place) => place + 1,
            None => usize::MAX,
        };
        self.found.sort_by_key(|found| (rank(&found.file), found.line, found.column));
        self.found.dedup();
        if self.unsaid > 0
            && let Some(last) = self.found.last_mut()
        {
            last.hint = Some(format!("{} more are not shown", self.unsaid));
        }
        (self.found, self.failed)
    }

    /// The line on which a key stands; none if it came from the command line.
    pub(crate) fn line(&self, at: &At<'_>) -> Option<u64> {
        let below =
            |set: &str| at.path.strip_prefix(set).is_some_and(|more| more.starts_with(['.', '[']));
        let typed =
            at.key_span.on_command_line().is_none() && !self.sets.iter().any(|(set, _)| below(set));
        let typed = typed && !self.is_named(at.key_span);
        typed.then(|| place(self.text, at.key_span).0 as u64)
    }

    /// Whether nothing wrong has been found below `path`.
    pub(crate) fn is_clean(&self, path: &str) -> bool {
        self.unsaid == 0 && !self.found.iter().any(|found| found.path.starts_with(path))
    }

    pub(crate) fn error(&mut self, span: Span, path: &str, message: impl Into<String>) {
        self.report(Severity::Error, span, path, (message.into(), None));
    }

    pub(crate) fn hinted(
        &mut self,
        span: Span,
        path: &str,
        message: impl Into<String>,
        hint: Option<String>,
    ) {
        self.report(Severity::Error, span, path, (message.into(), hint));
    }

    /// An error at a value.
    pub(crate) fn at(&mut self, at: &At<'_>, message: impl Into<String>) {
        self.error(at.node.span, &at.path, message);
    }

    /// A warning at a key; of a value from the command line there.
    pub(crate) fn warn(&mut self, at: &At<'_>, message: impl Into<String>) {
        let typed = at.node.span.on_command_line().is_some();
        let span = if typed { at.node.span } else { at.key_span };
        self.report(Severity::Warning, span, &at.path, (message.into(), None));
    }

    /// A warning at a place.
    pub(crate) fn caution(
        &mut self,
        span: Span,
        path: &str,
        message: String,
        hint: Option<String>,
    ) {
        self.report(Severity::Warning, span, path, (message, hint));
    }

    /// A warning at a value, with a hint.
    pub(crate) fn warn_with(&mut self, at: &At<'_>, message: String, hint: String) {
        self.report(Severity::Warning, at.node.span, &at.path, (message, Some(hint)));
    }

    /// An unknown name at a value, with the nearest of `known`.
    pub(crate) fn unknown<'k>(
        &mut self,
        span: Span,
        path: &str,
        what: (&str, &str),
        known: impl IntoIterator<Item = &'k str>,
    ) {
        let (kind, name) = what;
        let known: Vec<&str> = known.into_iter().collect();
        let hint = nearest(name, known.iter().copied()).or_else(|| {
            let few = !known.is_empty() && known.len() <= 16;
            let all = || listed(kind).map(|list| format!("`ackproof list {list}` shows them all"));
            if few { Some(format!("known: {}", known.join(", "))) } else { all() }
        });
        self.hinted(span, path, format!("unknown {kind} \"{name}\""), hint);
    }

    /// Checks that it is an object with known keys only; false if it is no object.
    pub(crate) fn object(&mut self, at: &At<'_>, known: &[&str]) -> bool {
        if !self.is_object(at) {
            return false;
        }
        for (key, child) in at.children() {
            if !known.contains(&key) {
                self.unknown(child.key_span, &child.path, ("key", key), known.iter().copied());
            }
        }
        true
    }

    /// Checks that it is an object, with any keys.
    pub(crate) fn is_object(&mut self, at: &At<'_>) -> bool {
        let fine = at.node.members().is_some();
        if !fine {
            self.at(at, format!("expected an object, found {}", at.node.kind()));
        }
        fine
    }

    /// Checks that it is a list, and gives its items.
    pub(crate) fn list<'n>(&mut self, at: &At<'n>) -> Vec<At<'n>> {
        if !matches!(at.node.value, Value::Array(_)) {
            self.at(at, format!("expected a list, found {}", at.node.kind()));
        }
        at.items()
    }

    pub(crate) fn string<'n>(&mut self, at: &At<'n>) -> Option<&'n str> {
        match &at.node.value {
            Value::String(text) => return Some(text),
            // On the command line nobody quotes `4.0`.
            Value::Number(raw) if self.is_typed_alone(at.node.span, raw) => return Some(raw),
            Value::Number(raw) => {
                let message = "expected a string, found a number";
                let hint = Some(format!("write \"{raw}\""));
                self.hinted(at.node.span, &at.path, message, hint);
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.at(at, format!("expected a string, found {}", at.node.kind()));
            }
        }
        None
    }

    /// One of the words of a key.
    pub(crate) fn word<T: Copy>(
        &mut self,
        at: &At<'_>,
        what: &str,
        known: impl Iterator<Item = (&'static str, T)> + Clone,
    ) -> Option<T> {
        let text = self.string(at)?;
        let found = known.clone().find(|(name, _)| *name == text);
        if found.is_none() {
            let known = known.map(|(name, _)| name);
            self.unknown(at.node.span, &at.path, (what, text), known);
        }
        found.map(|(_, one)| one)
    }

    /// A whole number within bounds.
    pub(crate) fn whole(&mut self, at: &At<'_>, min: i64, max: i64) -> Option<i64> {
        match at.node.as_i64() {
            Some(number) if (min..=max).contains(&number) => return Some(number),
            Some(number) => self.at(at, format!("{number} is not within {min} and {max}")),
            None => self.at(at, format!("expected a whole number, found {}", describe(at.node))),
        }
        None
    }

    /// A count for a field of 16 bits.
    pub(crate) fn count(&mut self, at: Option<At<'_>>, min: i64, max: u16, default: u16) -> u16 {
        at.and_then(|at| self.whole(&at, min, i64::from(max)))
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or(default)
    }

    /// A count for a field of 32 bits.
    pub(crate) fn count32(&mut self, at: Option<At<'_>>, min: i64) -> Option<u32> {
        let number = self.whole(&at?, min, i64::from(u32::MAX))?;
        u32::try_from(number).ok()
    }

    /// A quantity that is written as a string; `unit` shows the form if it is a bare number.
    pub(crate) fn quantity<T>(
        &mut self,
        at: &At<'_>,
        unit: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let result = match &at.node.value {
            Value::String(text) => parse(text),
            Value::Number(raw) => {
                let (hint, message) = if unit.starts_with("..") {
                    (format!("write \"{raw}..{raw}\""), "a bare number where a range is needed")
                } else {
                    (format!("write \"{raw}{unit}\""), "a bare number where a unit is needed")
                };
                self.hinted(at.node.span, &at.path, message, Some(hint));
                return None;
            }
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                Err(format!("expected a string like \"10{unit}\", found {}", at.node.kind()))
            }
        };
        result.map_err(|message| self.at(at, message)).ok()
    }

    pub(crate) fn duration(&mut self, at: &At<'_>) -> Option<Micros> {
        self.quantity(at, "s", durations::duration)
    }

    pub(crate) fn delay(&mut self, at: &At<'_>) -> Option<Delay> {
        self.quantity(at, "ms", durations::delay)
    }
}

/// What `ackproof list` calls names of a kind.
fn listed(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "witness" => "witnesses",
        "property or measure" => "measures",
        "variant" => "variants",
        "commit strategy" => "commits",
        _ if kind.ends_with(" setting") => "settings",
        _ => return None,
    })
}

/// A value for messages: numbers as typed, the rest by kind.
fn describe(node: &Node) -> String {
    if let Value::Number(raw) = &node.value { raw.clone() } else { node.kind().to_owned() }
}
