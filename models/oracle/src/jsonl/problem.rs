//! What is wrong with a history: where, what, and what was probably meant. It knows no event.

use std::fmt;

/// A mistake in a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1.
    pub line: u64,
    /// The column in bytes, from 1, where it is known.
    pub column: Option<usize>,
    /// What, in one sentence.
    pub what: String,
    /// How it can be mended.
    pub hint: Option<String>,
}

impl Problem {
    /// The problem without the name of its file.
    pub(super) fn new(line: u64, column: Option<usize>, what: impl Into<String>) -> Self {
        Self { line, column, what: what.into(), hint: None }
    }

    /// The same with a hint.
    pub(super) fn hinting(mut self, hint: impl Into<Option<String>>) -> Self {
        self.hint = hint.into().or(self.hint);
        self
    }

    /// What serde says of a line.
    pub(super) fn json(line: u64, error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = text.split(" at line ").next().unwrap_or(&text);
        let column = Some(error.column()).filter(|column| *column > 0);
        Self::new(line, column, what).hinting(meant(what))
    }

    /// As it is shown: with the name of the file, on one or two lines.
    #[must_use]
    pub fn shown(&self, file: &str) -> String {
        format!("error: {file}:{self}\n")
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ":{column}")?;
        }
        // Parts of it come from the file, and it ends up on a terminal.
        let clean = |text: &str| -> String {
            let shown = text.chars().take(MAX_LETTERS);
            let mut clean: String = shown
                .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
                .collect();
            if text.chars().nth(MAX_LETTERS).is_some() {
                clean.push('…');
            }
            clean
        };
        write!(f, ": {}", clean(&self.what))?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  = hint: {}", clean(hint))?;
        }
        Ok(())
    }
}

/// A hostile name may be a megabyte long.
const MAX_LETTERS: usize = 600;

/// The nearest of the names that serde expected in place of one that it did not know.
fn meant(what: &str) -> Option<String> {
    let (known, expected) = what.split_once(", expected ")?;
    let unknown = known.strip_prefix("unknown ")?.split('`').nth(1)?;
    nearest(unknown, expected.split('`').skip(1).step_by(2))
}

/// The name nearest to `name` as a hint, if one is near.
#[must_use]
pub fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    // Likeness takes the square of the length.
    if name.len() > 200 {
        return None;
    }
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| format!("did you mean \"{candidate}\"?"))
}
