//! `ackproof doctor`: what `.properties` files promise and risk, without a scenario.

use super::args::{Doctor, Shown};
use super::options::threads;
use super::output::{for_people, result, talk};
use super::place::below;
use super::search::{EXTENSIONS, Searched, examples, keep, longer, searched};
use super::seeds::nothing;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::doctor::files::Given;
use ackproof::study::doctor::{Examined, examine};
use ackproof::study::provoke::provoked;
use ackproof::study::report::Origin;
use ackproof::world::document::read_properties;
use ackproof_reports::command::quoted;
use ackproof_reports::sweep::{Asked, SeedRange};
use ackproof_reports::{human, json};
use ackproof_scenario::settings::Scope;
use std::ops::Range;
use std::path::Path;

/// What the files are called where a scenario has a name.
const NAME: &str = "doctor";

pub(crate) fn doctor(arguments: &Doctor) -> Status {
    let examined = match prepare(arguments) {
        Ok(examined) => examined,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    if arguments.seeds.is_empty() {
        return nothing(&arguments.seeds);
    }
    let Some(plan) = examined.plan() else {
        let shown = show(arguments, &examined, None);
        return Status::Usage.max(shown);
    };
    let mut plan = provoked(plan);
    let asked = Asked {
        paths: arguments.files.clone(),
        sets: arguments.sets.clone(),
        seeds: SeedRange { from: arguments.seeds.start, to: Some(arguments.seeds.end) },
        ..Asked::default()
    };
    let origin =
        Origin { file: NAME, sets: &arguments.sets, swarm: None, check_determinism: false };
    let mut extensions = EXTENSIONS;
    let at_work = (threads(arguments.jobs), &*stop_on_interrupt());
    let mut found = searched(&plan, &origin, &asked, at_work);
    while longer(&mut plan, found.needs, &mut extensions) {
        found = searched(&plan, &origin, &asked, at_work);
    }
    found.report.reproduce = again(arguments);
    let command = |_| again(arguments);
    let directory = arguments.save_schedules.as_deref();
    let saved = keep(directory, (&plan, NAME), &examples(&found.report), &command);
    show(arguments, &examined, Some(found)).max(saved)
}

/// Reads all files.
fn prepare(arguments: &Doctor) -> Result<Examined, String> {
    let (mut given, mut wrong) = (Vec::new(), String::new());
    for named in &arguments.files {
        let (scope, file) = scope_of(named);
        match read_properties(Path::new(file)) {
            Ok(text) => given.push(Given { scope, file: file.to_owned(), text }),
            Err(why) => wrong.push_str(&format!("error: {file}: {why}\n")),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    if let Some(directory) = &arguments.save_schedules {
        below(directory)?;
    }
    examine(given, &arguments.sets).map_err(|why| format!("{why}\n"))
}

/// `producer=FILE`; a file may have a `=` in its name.
fn scope_of(named: &str) -> (Option<Scope>, &str) {
    let of = |name: &str| Scope::ALL.into_iter().find(|scope| scope.name() == name);
    match named.split_once('=') {
        Some((name, file)) if of(name).is_some() => (of(name), file),
        _ => (None, named),
    }
}

fn show(arguments: &Doctor, examined: &Examined, found: Option<Searched>) -> Status {
    let interrupted = found.as_ref().is_some_and(|found| found.interrupted);
    let report = found.map(|found| found.report);
    let report = examined.report(report, interrupted, again(arguments));
    let status = report.verdict.map_or(Status::Usage, Status::from);
    let shown = match arguments.format {
        Shown::Human => for_people(&human::doctor(&report)),
        Shown::Json => result(&json::doctor(&report)),
    };
    let interrupted = if interrupted { Status::Interrupted } else { Status::Met };
    status.max(shown).max(interrupted)
}

fn again(arguments: &Doctor) -> String {
    let Range { start, end } = arguments.seeds;
    let mut words = vec!["ackproof".to_owned(), NAME.to_owned()];
    words.extend(arguments.files.iter().cloned());
    words.extend(["--seeds".to_owned(), format!("{start}..{end}")]);
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
