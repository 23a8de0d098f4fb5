//! `ackproof check`: judges a history from anywhere. A file is read once more where a story is to be
//! told; standard input tells none.

use super::args::Shown;
use super::explored;
use super::operators::Operators;
use super::output::{for_people, result, talk};
use super::place::Page;
use super::progress::reading;
use super::status::Status;
use ackproof::outside::check::{Checked, read_watching, report};
use ackproof::study::course::Chronicler;
use ackproof::study::operators::Operator;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::Entry;
use ackproof_oracle::jsonl::nearest;
use ackproof_oracle::registry::PROPERTIES;
use ackproof_oracle::verdict::Subject;
use ackproof_reports::verdict::Expected;
use ackproof_reports::{human, json, page, perfetto};
use flate2::bufread::MultiGzDecoder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What `check` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The history, one JSON object per line, plain or compressed (.gz). `-` is standard input.
    #[arg(value_name = "HISTORY")]
    pub(crate) history: PathBuf,
    /// The format: text, or one JSON object.
    #[arg(long, value_enum, default_value_t = Shown::Human)]
    pub(crate) format: Shown,
    /// Also write a page to a file: what happened over time.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Also write the history as a trace for ui.perfetto.dev.
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,
    /// What to expect of a property: held, violated or may-violate. All other properties must hold.
    /// The delivery properties must have been judged.
    #[arg(long, value_name = "PROPERTY=WHAT", value_parser = parse_expectation)]
    pub(crate) expect: Vec<(String, Expected)>,
    #[command(flatten)]
    pub(crate) operators: Operators,
}

fn parse_expectation(text: &str) -> Result<(String, Expected), String> {
    let (name, what) =
        text.split_once('=').ok_or("write property=held, violated or may-violate")?;
    let known = || PROPERTIES.iter().map(|property| property.name);
    if !known().any(|property| property == name) {
        let hint = nearest(name, known()).map_or_else(String::new, |hint| format!("; {hint}"));
        return Err(format!("there is no property {name:?}{hint}"));
    }
    let expected = match what {
        "held" => Expected::Held,
        "violated" => Expected::Violated,
        "may-violate" => Expected::MayViolate,
        _ => return Err(format!("{what:?} is none of held, violated, may-violate")),
    };
    Ok((name.to_owned(), expected))
}

pub(crate) fn check(arguments: &Check) -> Status {
    let name = arguments.history.display().to_string();
    let (html, perfetto) = (arguments.html.as_deref(), arguments.perfetto.as_deref());
    let opened = Page::open(html).and_then(|page| Ok((page, Page::open(perfetto)?)));
    let (page, trace) = match opened {
        Ok(opened) => opened,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let wanted = match arguments.operators.open() {
        Ok(wanted) => wanted,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let mut watch = Watch {
        course: (page.is_asked() || trace.is_asked()).then(Chronicler::default),
        operator: arguments.operators.operator(),
    };
    let checked = match judge(&arguments.history, &name, Some(&mut watch)) {
        Ok(checked) => checked,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let expect: BTreeMap<String, Expected> = arguments.expect.iter().cloned().collect();
    let mut report = report(&name, &checked, &expect);
    let Watch { course, operator } = watch;
    let told = operator.map(|operator| {
        let seen = operator.conclude();
        report.alerts = wanted.alerts(&seen, &report.properties);
        arguments.operators.finish(&seen, wanted)
    });
    let text = match arguments.format {
        Shown::Human => human::check(&report),
        Shown::Json => json::check(&report),
    };
    let shown = match arguments.format {
        _ if arguments.operators.prints() => {
            talk(&text);
            Status::Met
        }
        Shown::Human => for_people(&text),
        Shown::Json => result(&text),
    };
    let course = course.unwrap_or_default().conclude(&report.groups, Vec::new());
    let paged = page.write(|| page::check(&report, &course));
    let traced = trace.write(|| perfetto::trace(&course, &report.properties, &report.groups));
    let written = paged.max(traced).max(told.unwrap_or(Status::Met));
    Status::from(report.verdict).max(shown).max(written)
}

/// Who sees the entries too.
struct Watch {
    course: Option<Chronicler>,
    operator: Option<Operator>,
}

impl Watch {
    fn observe(&mut self, entry: &Entry, context: &Context) {
        if let Some(course) = &mut self.course {
            course.observe(entry, context);
        }
        if let Some(operator) = &mut self.operator {
            operator.observe(entry, context);
        }
    }
}

fn judge(path: &Path, name: &str, mut watch: Option<&mut Watch>) -> Result<Checked, String> {
    let mut once = |subjects: &[Subject]| {
        let input = open(path).map_err(|error| format!("error: {name}: {error}\n"))?;
        // The first reading is enough for the page.
        let mut watching = watch.take();
        let watch = |entry: &Entry, context: &Context| {
            if let Some(watching) = &mut watching {
                watching.observe(entry, context);
            }
        };
        read_watching(input, subjects, watch).map_err(|problem| problem.shown(name))
    };
    let checked = once(&[])?;
    let subjects = checked.findings.subjects();
    if subjects.is_empty() {
        return Ok(checked);
    }
    if path == Path::new("-") {
        talk("standard input is read once: give a file for the stories of records\n");
        return Ok(checked);
    }
    once(&subjects)
}

/// Opens a file, `-`, and what is compressed, by what it begins with. Steps that `explore` found are told as a
/// history.
pub(crate) fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        reading(file, length)
    };
    if explored::is_steps(input.fill_buf()?) {
        return explored::history(input);
    }
    if input.fill_buf()?.starts_with(&[0x1f, 0x8b]) {
        return Ok(Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(input))));
    }
    Ok(input)
}
