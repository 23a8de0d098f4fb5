//! `ackproof explain --what-if`: what would have saved a run, and when it was too late.

use super::args::Explained;
use super::explain::Explain;
use super::life::is_history;
use super::load::load;
use super::options::threads;
use super::output::{for_people, result, talk};
use super::place::Page;
use super::status::Status;
use super::sweep::stop_on_interrupt;
use ackproof::study::what_if::twin::pair;
use ackproof::study::what_if::{self, Question};
use ackproof::world::bounds::Failure;
use ackproof_reports::command::quoted;
use ackproof_reports::what_if::WhatIfReport;
use ackproof_reports::{human, json, markdown, page};

/// Other seeds on which what saves this one is tried.
const OTHERS: u64 = 20;
/// Forks of the run at each moment.
const FORKS: u64 = 20;

pub(crate) fn what_if(arguments: &Explain) -> Status {
    let name = arguments.file.display();
    if is_history(&arguments.file) {
        let text =
            "a history cannot be run again with another setting: give the scenario that it is of";
        talk(&format!("error: {name}: {text}\n"));
        return Status::Usage;
    }
    let loaded = load(std::slice::from_ref(&arguments.file), &arguments.sets);
    let scenario = match loaded.map(|mut all| all.pop()) {
        Ok(Some(scenario)) => scenario,
        Ok(None) => return Status::Nothing,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let Some(seed) = arguments.seed.or(scenario.plan.seed) else {
        talk(&format!("error: {name}: --what-if is about one run: give its seed with --seed\n"));
        return Status::Usage;
    };
    let page = match Page::open(arguments.html.as_deref()) {
        Ok(page) => page,
        Err(text) => {
            talk(&text);
            return Status::Usage;
        }
    };
    let stop = stop_on_interrupt();
    let reproduce = again(arguments, seed);
    let question = Question {
        plan: &scenario.plan,
        text: &scenario.text,
        file: &scenario.file,
        sets: &arguments.sets,
        seed,
        wanted: arguments.property.as_deref(),
        others: OTHERS,
        forks: FORKS,
        jobs: threads(arguments.jobs),
        stop: &stop,
        reproduce: &reproduce,
    };
    let report = match what_if::what_if(&question) {
        Ok(report) => report,
        Err(failure) => return ended(&failure),
    };
    if let (Some(wanted), None) = (&arguments.property, &report.failure) {
        let instead = violates(&report);
        talk(&format!("error: {name}: seed {seed} does not fail of {wanted}; {instead}\n"));
        return Status::Nothing;
    }
    let written = match &arguments.html {
        Some(_) => match drawn(&question, &report) {
            Ok(text) => page.write(|| text),
            Err(failure) => ended(&failure),
        },
        None => Status::Met,
    };
    let shown = match arguments.format {
        Explained::Human => for_people(&human::what_if(&report)),
        Explained::Json => result(&json::what_if(&report)),
        Explained::Markdown => result(&markdown::what_if(&report)),
    };
    shown.max(written).max(if report.interrupted { Status::Interrupted } else { Status::Met })
}

fn violates(report: &WhatIfReport) -> String {
    match report.run.violated.as_slice() {
        [] => "it violates no property".to_owned(),
        names => format!("it violates {}", names.join(", ")),
    }
}

/// The page.
fn drawn(question: &Question<'_>, report: &WhatIfReport) -> Result<String, Failure> {
    let pair = pair(question, report)?;
    Ok(page::what_if((&pair.report, &pair.contract, &pair.course), report, pair.twin.as_ref()))
}

fn ended(failure: &Failure) -> Status {
    talk(&format!("{failure}\n"));
    match failure {
        Failure::Bounded(_) => Status::Inconclusive,
        Failure::Crashed(_) => Status::Internal,
    }
}

fn again(arguments: &Explain, seed: u64) -> String {
    let file = arguments.file.display().to_string();
    let mut words = vec!["ackproof".to_owned(), "explain".to_owned(), file];
    words.extend(["--seed".to_owned(), seed.to_string(), "--what-if".to_owned()]);
    if let Some(wanted) = &arguments.property {
        words.extend(["--property".to_owned(), wanted.clone()]);
    }
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
