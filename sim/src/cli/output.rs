//! Where text goes: results to stdout, talk to stderr, colours only where they are wanted.
//!
//! A reader that went away (`| head`) is no error and no reason to talk; a full disk is one.

use super::status::Status;
use ackproof::world::recorder::Trace;
use ackproof_oracle::jsonl::{entry_line, header_line};
use ackproof_reports::human;
use clap::ValueEnum;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Stdout, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Writes a result; the status is `Met` unless it could not be written.
pub(crate) fn result(text: &str) -> Status {
    let mut out = anstream::stdout();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Whether the output has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal without NO_COLOR, or with CLICOLOR_FORCE.
    Auto,
    /// Where the output is no terminal too.
    Always,
    /// Nowhere.
    Never,
}

/// Says whether there are colours; before anything is written.
pub(crate) fn choose_colours(wanted: Color) {
    let choice = match wanted {
        // anstream takes CLICOLOR_FORCE=0 for a yes.
        Color::Auto if is_unforced() && !io::stdout().is_terminal() => anstream::ColorChoice::Never,
        // The terminal and the environment decide.
        Color::Auto => return,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
}

fn is_unforced() -> bool {
    std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value == "0")
}

/// Columns where there is no screen to ask.
const COLUMNS: usize = 100;
/// Narrower than this, words are cut to pieces.
const NARROWEST: usize = 20;

/// The columns of the screen: those of the terminal, or of `COLUMNS`. None: what is printed is no screen, and
/// lines stay whole, for whoever searches them.
fn screen() -> Option<usize> {
    let said = || std::env::var("COLUMNS").ok()?.parse::<usize>().ok();
    let terminal =
        || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into());
    let columns = if io::stdout().is_terminal() { terminal().or_else(said) } else { said() };
    columns.filter(|columns| *columns > 0).map(|columns| columns.max(NARROWEST))
}

/// Tells the reports how wide the screen is; before any of them is made.
pub(crate) fn measure_screen() {
    human::set_width(screen().unwrap_or(COLUMNS));
}

/// Writes a result for people: lines that are wider than the screen go on below where they began.
pub(crate) fn for_people(text: &str) -> Status {
    match screen() {
        Some(columns) => result(&wrapped(text, columns)),
        None => result(text),
    }
}

/// `text` with lines of at most `columns`, but for commands, which are to be copied.
fn wrapped(text: &str, columns: usize) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        if line.starts_with("ackproof ") || textwrap::core::display_width(line) <= columns {
            lines.push_str(line);
        } else {
            wrap(&mut lines, line, columns);
        }
        lines.push('\n');
    }
    lines
}

/// One line that is too wide. A word stays whole: one that does not fit below the text, the name of a setting, begins
/// at the left.
fn wrap(lines: &mut String, line: &str, columns: usize) {
    let margin = margin(line, columns);
    let mut at = 0;
    for (mut gap, word) in words(line) {
        let width = textwrap::core::display_width(&word);
        if at > 0 && at + gap + width > columns {
            lines.push('\n');
            (at, gap) = (0, if margin + width <= columns { margin } else { 2 });
        }
        lines.push_str(&" ".repeat(gap));
        lines.push_str(&word);
        at += gap + width;
    }
}

/// What stands behind a number and belongs to it.
const UNITS: [&str; 4] = ["ms", "s", "%", "pp"];

/// The words of a line, each with the spaces before it. A number and its unit are one.
fn words(line: &str) -> Vec<(usize, String)> {
    let mut words: Vec<(usize, String)> = Vec::new();
    let mut gap = 0;
    for (index, word) in line.split(' ').enumerate() {
        gap += usize::from(index > 0);
        if word.is_empty() {
            continue;
        }
        let is_unit = UNITS.contains(&word.trim_end_matches([',', ';', ':', '.', ')']));
        match words.last_mut() {
            Some((_, number))
                if is_unit && gap == 1 && number.ends_with(|one: char| one.is_ascii_digit()) =>
            {
                number.push(' ');
                number.push_str(word);
            }
            _ => words.push((gap, word.to_owned())),
        }
        gap = 0;
    }
    words
}

/// The column in which the text of a line begins: behind its indent, and behind its number or the name of its row,
/// which is set off by two spaces or more. Where that is most of the screen, a little behind the indent.
fn margin(line: &str, columns: usize) -> usize {
    let plain = anstream::adapter::strip_str(line).to_string();
    let indent = plain.len() - plain.trim_start().len();
    let body = &plain[indent..];
    let row = body.find("  ").filter(|end| *end <= 30);
    let number =
        body.find(". ").filter(|end| body[..*end].bytes().all(|letter| letter.is_ascii_digit()));
    let text = match (row, number) {
        (Some(end), _) => end + body[end..].len() - body[end..].trim_start().len(),
        (None, Some(end)) => end + 2,
        (None, None) => 2,
    };
    if indent + text <= columns / 2 { indent + text } else { indent + 4 }
}

/// Says something beside the result.
pub(crate) fn talk(text: &str) {
    // If nobody can hear us, there is nobody to tell.
    let _unheard = anstream::stderr().write_all(text.as_bytes());
}

fn written(done: io::Result<()>) -> Status {
    match done {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            talk(&format!("error: cannot write the result: {error}\n"));
            Status::Usage
        }
        Ok(()) | Err(_) => Status::Met,
    }
}

/// Streams a history to stdout: its header, then an entry a line.
#[derive(Clone)]
pub(crate) struct TraceOut(Arc<Mutex<Writing>>);

struct Writing {
    out: BufWriter<Stdout>,
    has_header: bool,
    done: io::Result<()>,
}

impl TraceOut {
    /// Nothing written yet.
    pub(crate) fn new() -> Self {
        let out = BufWriter::with_capacity(1 << 16, io::stdout());
        Self(Arc::new(Mutex::new(Writing { out, has_header: false, done: Ok(()) })))
    }

    /// What a run is given.
    pub(crate) fn trace(&self) -> Trace {
        let shared = Arc::clone(&self.0);
        Box::new(move |entry, context| {
            let mut writing = shared.lock().unwrap_or_else(PoisonError::into_inner);
            if !writing.has_header {
                writing.has_header = true;
                writing.done = writeln!(writing.out, "{}", header_line(context));
            }
            if writing.done.is_ok() {
                writing.done = writeln!(writing.out, "{}", entry_line(entry, context));
            }
        })
    }

    /// After the run.
    pub(crate) fn finish(&self) -> Status {
        let mut writing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = writing.out.flush();
        written(std::mem::replace(&mut writing.done, Ok(())).and(flushed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_go_on_below_where_they_began() {
        let text = "records     sent 600, acked 599, failed 1, unknown 0\n  because it is so and not otherwise\n";
        assert_eq!(
            wrapped(text, 30),
            "records     sent 600, acked\n            599, failed 1,\n            unknown 0\n  because it is so and not\n    otherwise\n"
        );
        assert_eq!(wrapped(text, 80), text);
        let setting = "promised    it holds (topics.t.config.min.insync.replicas=2)\n";
        assert_eq!(
            wrapped(setting, 42),
            "promised    it holds\n  (topics.t.config.min.insync.replicas=2)\n",
            "a word that fits is not cut"
        );
        assert_eq!(
            wrapped(setting, 30),
            "promised    it holds\n  (topics.t.config.min.insync.replicas=2)\n",
            "nor is one that does not"
        );
        let table = "  acks-one-leader-crash  with acks=1 a leader takes records along\n";
        let narrow = "  acks-one-leader-crash  with acks=1 a\n      leader takes records along\n";
        assert_eq!(wrapped(table, 40), narrow, "a wide column leaves no room below the text");
        let story = " 8. it was acknowledged at an offset that holds nothing\n";
        let below = " 8. it was acknowledged at an\n    offset that holds nothing\n";
        assert_eq!(wrapped(story, 30), below);
        let figures = "latency     within 26.6 ms (half), 8.91 s (99 %), all\n";
        let below =
            "latency     within 26.6 ms\n            (half), 8.91 s\n            (99 %), all\n";
        assert_eq!(wrapped(figures, 27), below, "a number keeps its unit");
        let command = "ackproof run scenarios/basics/leader-crash.json --seed 7\n";
        assert_eq!(wrapped(command, 30), command, "to be copied");
        let bold = "\u{1b}[1mrecords     \u{1b}[0msent 600\n";
        assert_eq!(wrapped(bold, 20), bold, "colours have no width");
    }
}
