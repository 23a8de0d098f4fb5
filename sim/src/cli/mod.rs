//! The command line: from what was typed to an exit status.
//!
//! It dispatches and prints; what a run means is decided in the library, how it looks in `reports`.
//!
//! - [`args`] what can be typed · [`options`] what can be said elsewhere too, [`config`] where · [`seeds`]
//! - [`status`] what comes back · [`output`] where text goes · [`outputs`] reports, in files too
//! - [`run`] the main command · [`sweep`] many runs, their [`progress`] and [`watchdog`] · [`merge`] parts
//! - [`replay`] and [`shrink`] of schedules, [`save`] writes them
//! - [`mod@check`] and [`import`] histories from elsewhere, [`mod@validate`] the model against them
//! - [`select`] and [`load`] files · [`list`] what there is

pub(crate) mod args;
mod bench;
mod check;
mod compare;
mod config;
mod explain;
mod import;
mod list;
mod load;
mod merge;
mod options;
mod output;
mod outputs;
mod progress;
mod replay;
mod run;
mod save;
mod seeds;
mod select;
mod shrink;
pub(crate) mod status;
mod sweep;
mod validate;
mod watchdog;

use ackproof::document;
use ackproof_reports::{json, jsonl};
use ackproof_scenario::describe::template;
use ackproof_scenario::schema::schema;
use args::{Arguments, Command, New, Schema, SchemaOf};
use output::{result, talk};
use status::Status;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};

pub(crate) fn dispatch(arguments: &Arguments) -> Status {
    match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Replay(arguments) => replay::replay(arguments),
        Command::Shrink(arguments) => shrink::shrink(arguments),
        Command::Merge(arguments) => merge::merge(arguments),
        Command::Config(arguments) => config::config(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Import(arguments) => import::import(arguments),
        Command::Validate(arguments) => validate::validate(arguments),
        Command::Bench(arguments) => bench::bench(arguments),
        Command::Compare(arguments) => compare::compare(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::List(arguments) => list::list(arguments),
        Command::Schema(arguments) => print_schema(arguments),
        Command::New(arguments) => new(arguments),
    }
}

fn print_schema(arguments: &Schema) -> Status {
    let schema = match arguments.of {
        SchemaOf::Scenario => document::with_names(schema),
        SchemaOf::Report => json::run_schema(),
        SchemaOf::Sweep => json::sweep_schema(),
        SchemaOf::Line => jsonl::line_schema(),
        SchemaOf::Check => json::check_schema(),
        SchemaOf::History => ackproof_oracle::jsonl::schema(),
        SchemaOf::Compare => json::compare_schema(),
        SchemaOf::Validate => json::validate_schema(),
    };
    result(&format!("{schema:#}\n"))
}

fn new(arguments: &New) -> Status {
    let text = template(&arguments.name);
    let Some(file) = &arguments.output else { return result(&text) };
    let opened = OpenOptions::new().write(true).create_new(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    let Err(error) = written else {
        talk(&format!("wrote {}\n", file.display()));
        return Status::Met;
    };
    let why = if error.kind() == ErrorKind::AlreadyExists {
        "there is one already, and it stays as it is".to_owned()
    } else {
        error.to_string()
    };
    talk(&format!("error: {}: {why}\n", file.display()));
    Status::Usage
}
