//! Reads a history a line at a time, in bounded memory, and checks what a line cannot show by itself:
//! order, time, that there is a header and one only. It judges nothing.

use super::event::Events;
use super::header;
use super::lines::Line;
use super::nearest;
use super::problem::Problem;
use super::text::Text;
use crate::context::Context;
use crate::history::Entry;
use crate::kind::Kind;
use ackproof_types::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::io::{BufRead, Read};
use std::sync::Arc;

/// The longest line, in bytes.
pub const MAX_LINE: usize = 4 << 20;

/// Clocks of several machines go back a little where their lines were merged: so far, in microseconds,
/// an earlier time is taken as that of the line before.
const TOLERATED: u64 = 1_000_000;

/// Entries from lines.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    buffer: Vec<u8>,
    line: u64,
    events: Events,
    context: Arc<Context>,
    /// The `at_us` of the first event: the origin of time.
    origin: Option<u64>,
    now: u64,
    last: Option<u64>,
}

/// What every line has.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    ackproof: Option<IgnoredAny>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// What is wrong with it, or with reading.
    pub fn open(mut input: R) -> Result<Self, Problem> {
        let mut buffer = Vec::new();
        if !fill(&mut input, &mut buffer, 1)? {
            return Err(Problem::new(1, None, "nothing: a history begins with a header"));
        }
        // Some editors begin a text with a mark of its encoding.
        if buffer.starts_with(b"\xef\xbb\xbf") {
            buffer.drain(..3);
        }
        let context = Arc::new(header::read(text(&buffer, 1)?)?);
        let events = Events::new(&context);
        Ok(Self { input, buffer, line: 1, events, context, origin: None, now: 0, last: None })
    }

    /// Who takes part.
    #[must_use]
    pub const fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The `at_us` of the first event, once it was read: entries count their time from there.
    #[must_use]
    pub const fn origin(&self) -> Option<u64> {
        self.origin
    }

    /// The next entry; none: the history is over.
    ///
    /// # Errors
    /// What is wrong with its line, or with reading. Reading cannot go on after that.
    pub fn entry(&mut self) -> Result<Option<Entry>, Problem> {
        loop {
            self.line += 1;
            if !fill(&mut self.input, &mut self.buffer, self.line)? {
                return Ok(None);
            }
            if !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let number = self.line;
        let text = text(&self.buffer, number)?;
        let cut = !self.buffer.ends_with(b"\n");
        let parsed = parse(text, number);
        let line = parsed.map_err(|problem| {
            let hint = "the history ends within this line; without it the rest can be judged";
            let cut = cut && problem.what.starts_with("EOF");
            if cut { problem.hinting(hint.to_owned()) } else { problem }
        })?;
        let (seq, at_us, _) = line.head();
        let (node, event) = self.events.event(line).map_err(|mistake| {
            // Where the text is that is wrong, if it is a part of the line.
            let column = mistake.text.and_then(|at| at.checked_sub(text.as_ptr() as usize));
            let column = column.filter(|at| *at < text.len()).map(|at| at + 1);
            Problem::new(number, column, mistake.what).hinting(mistake.hint)
        })?;
        let late = |what: String| Problem::new(number, None, what);
        let origin = *self.origin.get_or_insert(at_us);
        let at = at_us.saturating_sub(origin);
        if origin.saturating_add(self.now) > at_us.saturating_add(TOLERATED) {
            let back = origin + self.now - at_us;
            let hint =
                "sort the lines by at_us, without changing the order of equal ones".to_owned();
            return Err(late(format!("at_us goes back by {back} us")).hinting(hint));
        }
        self.now = self.now.max(at);
        let seq = seq.unwrap_or_else(|| self.last.map_or(0, |last| last.saturating_add(1)));
        if let Some(last) = self.last.filter(|last| *last >= seq) {
            return Err(late(format!("seq {seq} comes after {last}: it has to rise")));
        }
        self.last = Some(seq);
        Ok(Some(Entry { seq, at: Timestamp::from_micros(self.now), node, event }))
    }
}

/// Reads a line with its end into `buffer`; whether there was one.
fn fill(input: &mut impl BufRead, buffer: &mut Vec<u8>, line: u64) -> Result<bool, Problem> {
    buffer.clear();
    let most = MAX_LINE as u64 + 1;
    let read = input.by_ref().take(most).read_until(b'\n', buffer);
    read.map_err(|error| Problem::new(line, None, format!("cannot read on: {error}")))?;
    if buffer.len() > MAX_LINE {
        let what = format!("a line of more than {MAX_LINE} bytes");
        return Err(Problem::new(line, None, what));
    }
    Ok(!buffer.is_empty())
}

fn text(buffer: &[u8], line: u64) -> Result<&str, Problem> {
    std::str::from_utf8(buffer).map_err(|error| {
        let column = Some(error.valid_up_to() + 1);
        Problem::new(line, column, "this byte is not UTF-8: a history is a text file")
    })
}

fn parse(text: &str, number: u64) -> Result<Line<'_>, Problem> {
    // serde would take an array for an object's values.
    let begin = text.bytes().position(|byte| !byte.is_ascii_whitespace());
    if let Some(at) = begin.filter(|at| text.as_bytes()[*at] != b'{') {
        return Err(Problem::new(number, Some(at + 1), "a line is a JSON object: {\"event\":…}"));
    }
    let json = |error| Problem::json(number, &error);
    let head: Head<'_> = serde_json::from_str(text).map_err(json)?;
    if head.ackproof.is_some() {
        let what = "a second header: one file is one history";
        return Err(Problem::new(number, None, what));
    }
    let Some(event) = head.event else {
        return Err(Problem::new(number, None, "missing field `event`: what happened"));
    };
    Line::parse(&event, text).map_or_else(
        || {
            let what = format!("there is no event {:?}", &*event);
            Err(Problem::new(number, None, what)
                .hinting(nearest(&event, Kind::NAMES.iter().copied())))
        },
        |line| line.map_err(json),
    )
}
