//! `ackproof explain` with a seed, or of a history: the life of one record.

use super::args::Shown;
use super::check::open;
use super::explain::Explain;
use super::explored;
use super::load::load;
use super::output::{for_people, result, talk};
use super::status::Status;
use ackproof::outside::check::whole;
use ackproof::study::life::{Ask, Source, Whole};
use ackproof::world::bounds::{Bounds, Failure};
use ackproof_reports::command::quoted;
use ackproof_reports::{human, json};
use std::path::Path;

/// Whether a record is asked for, not what a configuration promises.
pub(crate) fn is_asked(arguments: &Explain) -> bool {
    let Explain { file, seed, record, offset, .. } = arguments;
    seed.is_some() || record.is_some() || offset.is_some() || is_history(file)
}

/// Whether a file is a history, by its name, or told as one.
pub(crate) fn is_history(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "-"
        || name.ends_with(".jsonl")
        || name.ends_with(".jsonl.gz")
        || explored::is_file_of_steps(file)
}

pub(crate) fn life(arguments: &Explain) -> Status {
    let ask = match (&arguments.record, &arguments.offset) {
        (Some(record), _) => Ask::Record(record),
        (None, Some(place)) => Ask::At(place),
        (None, None) => Ask::Telling,
    };
    let of = if is_history(&arguments.file) { history(arguments) } else { run(arguments) };
    let (whole, source) = match of {
        Ok(found) => found,
        Err((text, status)) => {
            talk(&text);
            return status;
        }
    };
    let report = match whole.life(ask, source) {
        Ok(Some(report)) => report,
        Ok(None) => {
            let text = "nothing went wrong: no violation names a record, and none was processed twice; \
                        name one with --record or --offset\n";
            talk(text);
            return Status::Nothing;
        }
        Err(text) => {
            talk(&format!("error: {}: {text}\n", arguments.file.display()));
            return Status::Usage;
        }
    };
    match arguments.shown() {
        Shown::Human => for_people(&human::life(&report)),
        Shown::Json => result(&json::life(&report)),
    }
}

type Found = Result<(Whole, Source), (String, Status)>;

fn run(arguments: &Explain) -> Found {
    let loaded = load(std::slice::from_ref(&arguments.file), &arguments.sets);
    let scenario = loaded.map_err(|text| (text, Status::Usage))?.pop();
    let scenario = scenario.ok_or((String::new(), Status::Nothing))?;
    let unseeded = || {
        let text = "a record is explained in one run: give its seed with --seed";
        (format!("error: {}: {text}\n", scenario.file), Status::Usage)
    };
    let seed = arguments.seed.or(scenario.plan.seed).ok_or_else(unseeded)?;
    let whole = Whole::run(&scenario.plan, seed, &Bounds::default());
    let whole = whole.map_err(|failure| {
        let status = match failure {
            Failure::Bounded(_) => Status::Inconclusive,
            Failure::Crashed(_) => Status::Internal,
        };
        (format!("{failure}\n"), status)
    })?;
    let reproduce = again(arguments, Some(seed));
    Ok((whole, Source { of: scenario.plan.name, seed: Some(seed), reproduce }))
}

fn history(arguments: &Explain) -> Found {
    let name = arguments.file.display().to_string();
    if arguments.seed.is_some() || !arguments.sets.is_empty() {
        let text = "a history has no seed and no settings to set: leave out --seed and --set";
        return Err((format!("error: {name}: {text}\n"), Status::Usage));
    }
    let input = open(&arguments.file);
    let input = input.map_err(|error| (format!("error: {name}: {error}\n"), Status::Usage))?;
    let read = whole(input).map_err(|problem| (problem.shown(&name), Status::Usage));
    let (entries, context) = read?;
    let reproduce = again(arguments, None);
    Ok((Whole::of(entries, context), Source { of: name, seed: None, reproduce }))
}

fn again(arguments: &Explain, seed: Option<u64>) -> String {
    let mut words = ["ackproof".to_owned(), "explain".to_owned()].to_vec();
    words.push(arguments.file.display().to_string());
    words.extend(seed.into_iter().flat_map(|seed| ["--seed".to_owned(), seed.to_string()]));
    let named = [("--record", &arguments.record), ("--offset", &arguments.offset)];
    for (flag, value) in named {
        words.extend(value.iter().flat_map(|value| [flag.to_owned(), value.clone()]));
    }
    for (path, value) in &arguments.sets {
        words.extend(["--set".to_owned(), format!("{path}={value}")]);
    }
    quoted(&words)
}
