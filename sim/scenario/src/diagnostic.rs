//! Mistakes in a scenario, shown at their place in the text. It knows text and spans, not scenarios.

use crate::json::Span;
use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The scenario cannot be run.
    Error,
    /// It can, but perhaps not as meant.
    Warning,
}

/// One mistake, or one thing worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file as the user named it; `--set` for a value from the command line.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Number of characters to mark, from 1; within the line.
    pub length: usize,
    /// Where in the tree: `producers.billing.config.acks`; empty for the whole file.
    pub path: String,
    /// What is wrong, in one line.
    pub message: String,
    /// What to do, if we can guess.
    pub hint: Option<String>,
    /// The line of text, or the part of a very long one around the mark.
    pub source_line: String,
    /// Characters of the line that are left out before [`Self::source_line`].
    pub clipped: usize,
}

/// Most characters of a line that are shown.
const WIDTH: usize = 160;
/// Of these, the ones before the mark.
const BEFORE: usize = 40;

/// A long line cut down to what is around the mark: the text, how much is left out before it, and the
/// mark's length within it.
pub(crate) fn clip(line: &str, column: usize, length: usize) -> (String, usize, usize) {
    let clipped = if line.chars().nth(WIDTH).is_none() { 0 } else { column.saturating_sub(BEFORE) };
    let shown: String = line.chars().skip(clipped).take(WIDTH).collect();
    let room = (shown.chars().count() + clipped + 1).saturating_sub(column).max(1);
    (shown, clipped, length.min(room))
}

/// `text` without its end if it is very long.
pub(crate) fn shorten(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The place of a span: line, column, marked length and the text of the line.
pub(crate) fn place(text: &str, span: Span) -> (usize, usize, usize, String) {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let before = &text[..start];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    let line = before.matches('\n').count() + 1;
    let column = text[line_start..start].chars().count() + 1;
    let mut end = span.end.clamp(start, line_end);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let length = text[start..end].chars().count().max(1);
    (line, column, length, text[line_start..line_end].trim_end_matches('\r').to_owned())
}

/// The text of a file, if it is one.
///
/// # Errors
/// The place of the first byte that is no UTF-8.
pub fn decode(bytes: Vec<u8>, file: &str) -> Result<String, Box<Diagnostic>> {
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        let message = "this byte is not UTF-8: the file must be a text file".to_owned();
        Box::new(Diagnostic::error(&text, file, Span { start: good, end: good + 1 }, message))
    })
}

impl Diagnostic {
    /// An error at `span` of `text`, the contents of `file`.
    #[must_use]
    pub fn error(text: &str, file: &str, span: Span, message: String) -> Self {
        let (line, column, length, source_line) = place(text, span);
        let (source_line, clipped, length) = clip(&source_line, column, length);
        Self {
            severity: Severity::Error,
            file: file.to_owned(),
            line,
            column,
            length,
            path: String::new(),
            message,
            hint: None,
            source_line,
            clipped,
        }
    }
}

/// The name nearest to `name` as a hint, if one is near.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let near = nearest_names(name, known);
    near.first().map(|candidate| format!("did you mean \"{candidate}\"?"))
}

/// The names that are near `name`, the nearest first.
#[must_use]
pub fn nearest_names<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let known = known.into_iter();
    let mut near: Vec<(f64, &str)> = known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .collect();
    // Of equals the last one, as the largest of all would be.
    near.reverse();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.into_iter().map(|(_, candidate)| candidate).collect()
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let line = self.line.to_string();
        let margin = " ".repeat(line.len());
        writeln!(f, "{severity}: {}", self.message)?;
        write!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, " ({})", self.path)?;
        }
        // Tabs stay tabs, so that the marks stand below what they mark.
        let indent: String = self
            .source_line
            .chars()
            .take(self.column - 1 - self.clipped)
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        let marks = "^".repeat(self.length);
        let (cut, blank) = if self.clipped > 0 { ("…", " ") } else { ("", "") };
        write!(f, "\n{margin} |\n{line} | {cut}{}", self.source_line)?;
        write!(f, "\n{margin} | {blank}{indent}{marks}")?;
        if let Some(hint) = &self.hint {
            write!(f, "\n{margin} = hint: {hint}")?;
        }
        Ok(())
    }
}
