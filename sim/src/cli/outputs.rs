//! What is written where: one format to stdout, any others to files beside it.
//!
//! A file appears when it is complete ([`super::place`]). That it can be made is tried before the first run.

use super::args::Format;
use super::options::Files;
use super::output::{for_people, result, talk};
use super::place::{Place, refusal, told};
use super::status::Status;
use ackproof_reports::jsonl::{self, RunLine};
use ackproof_reports::sweep::SweepReport;
use ackproof_reports::{github, human, json, junit, page};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

/// Where GitHub Actions reads the summary of a step.
const STEP_SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// A file to be.
struct Target {
    path: PathBuf,
    format: Format,
    place: Place,
}

/// Everything that is to be written.
pub(crate) struct Outputs {
    /// What is printed.
    printed: Format,
    /// Where to: stdout, unless that is taken.
    print: fn(&str) -> Status,
    /// The same, for people.
    tell: fn(&str) -> Status,
    targets: Vec<Target>,
    status: Status,
}

impl Outputs {
    /// Opens all files.
    ///
    /// # Errors
    /// What cannot be written, as it is shown.
    pub(crate) fn open(printed: Format, files: &Files) -> Result<Self, String> {
        let wanted = [
            (Format::Json, &files.json),
            (Format::Jsonl, &files.jsonl),
            (Format::Junit, &files.junit),
            (Format::Github, &files.github),
            (Format::Html, &files.html),
        ];
        let mut targets = Vec::new();
        for (format, path) in wanted {
            if let Some(path) = path {
                let place = Place::open(path).map_err(|error| refusal(path, &error))?;
                targets.push(Target { path: path.clone(), format, place });
            }
        }
        Ok(Self { printed, print: result, tell: for_people, targets, status: Status::Met })
    }

    /// Stdout is taken: what would be printed there goes to stderr.
    pub(crate) fn aside(&mut self) {
        self.print = |text| {
            talk(text);
            Status::Met
        };
        self.tell = self.print;
    }

    /// Whether `format` is printed, or goes to a file.
    pub(crate) fn wants(&self, format: Format) -> bool {
        self.printed == format || self.targets.iter().any(|target| target.format == format)
    }

    /// A run of a sweep has ended.
    pub(crate) fn run(&mut self, run: impl FnOnce() -> RunLine) {
        if !self.wants(Format::Jsonl) {
            return;
        }
        let line = jsonl::line(&run());
        if self.printed == Format::Jsonl {
            self.status = self.status.max((self.print)(&line));
        }
        self.write(Format::Jsonl, &line);
    }

    /// Everything has ended; `human`, `json` and `page` say how it is shown to people, as an object, and as
    /// a page.
    pub(crate) fn finish(
        mut self,
        report: &SweepReport,
        human: impl FnOnce() -> String,
        json: impl Fn() -> String,
        page: impl Fn() -> String,
    ) -> Status {
        let print = self.print;
        let printed = match self.printed {
            Format::Human => (self.tell)(&human()),
            Format::Json => print(&json()),
            Format::Jsonl => Status::Met,
            Format::Junit => print(&junit::sweep(report)),
            Format::Html => print(&page()),
            Format::Github => {
                let shown = print(&format!("{}{}", human(), github::annotations(report)));
                shown.max(step_summary(report))
            }
        };
        self.status = self.status.max(printed);
        for (format, text) in [
            (Format::Json, &json as &dyn Fn() -> String),
            (Format::Junit, &|| junit::sweep(report)),
            (Format::Github, &|| github::summary(report)),
            (Format::Html, &page),
        ] {
            if self.targets.iter().any(|target| target.format == format) {
                self.write(format, &text());
            }
        }
        let mut status = self.status;
        for Target { path, place, .. } in self.targets {
            if let Err(error) = place.complete(&path) {
                told(&path, &error);
                status = status.max(Status::Usage);
            }
        }
        status
    }

    fn write(&mut self, format: Format, text: &str) {
        for target in self.targets.iter_mut().filter(|target| target.format == format) {
            if let Err(error) = target.place.write(text) {
                // Once is enough of each sort of trouble.
                if self.status < Status::Usage {
                    told(&target.path, &error);
                }
                self.status = self.status.max(Status::Usage);
            }
        }
    }
}

/// Adds the summary to what the step has said before.
fn step_summary(report: &SweepReport) -> Status {
    let Some(path) = std::env::var_os(STEP_SUMMARY).filter(|path| !path.is_empty()) else {
        return Status::Met;
    };
    let path = PathBuf::from(path);
    let opened = OpenOptions::new().append(true).create(true).open(&path);
    match opened.and_then(|mut file| file.write_all(github::summary(report).as_bytes())) {
        Ok(()) => Status::Met,
        Err(error) => {
            told(&path, &error);
            Status::Usage
        }
    }
}

/// A sweep to all its places.
pub(crate) fn finish(outputs: Outputs, report: &SweepReport) -> Status {
    outputs.finish(report, || human::sweep(report), || json::sweep(report), || page::sweep(report))
}
