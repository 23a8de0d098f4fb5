//! The command line: from what was typed to an exit status.
//!
//! It dispatches and prints; what a run means is decided in the library, how it looks in `reports`.
//!
//! - [`args`] what can be typed, with its [`help`] · [`options`] what can be said elsewhere too, [`config`] where · [`seeds`]
//! - [`status`] what comes back · [`output`] where text goes · [`outputs`] reports, in files too · [`place`] files
//! - [`run`] the main command · [`sweep`] many runs, their [`progress`] and [`watchdog`] · [`merge`] parts
//! - [`serve`] an application of its own on the wire
//! - [`replay`] and [`shrink`] of schedules, [`save`] writes them
//! - [`mod@check`] and [`import`] histories from elsewhere, [`mod@validate`] the model against them
//! - [`explain`] what a configuration promises, with a [`search`], the [`life`] of a record, [`mod@what_if`] would have saved a run, and what [`names`] mean · [`mod@explore`] all interleavings in so much [`memory`], [`explored`] what that found · [`mod@zoo`] known bugs · [`doctor`] the same of `.properties` files
//! - [`operators`] what Kafka's own tools would have shown
//! - [`select`] and [`load`] files · [`list`] what there is · [`install`] completions and manual pages

pub(crate) mod args;
mod bench;
mod check;
mod compare;
mod config;
mod doctor;
mod explain;
mod explore;
mod explored;
mod help;
mod import;
mod install;
mod life;
mod list;
mod load;
mod memory;
mod merge;
mod names;
mod operators;
mod options;
mod output;
mod outputs;
mod place;
mod progress;
mod replay;
mod run;
mod save;
mod search;
mod seeds;
mod select;
mod serve;
mod shrink;
pub(crate) mod status;
mod sweep;
mod validate;
mod watchdog;
mod what_if;
mod zoo;

use ackproof::world::document;
use ackproof_reports::{json, jsonl};
use ackproof_scenario::describe::template;
use ackproof_scenario::schema::schema;
use args::{Arguments, Command, Explained, New, Schema, SchemaOf};
use output::{choose_colours, measure_screen, result, talk};
use place::{free, refusal, whole};
use status::Status;

pub(crate) fn dispatch(arguments: &Arguments) -> Status {
    choose_colours(arguments.color);
    measure_screen();
    match &arguments.command {
        Command::Run(arguments) => run::run(arguments),
        Command::Replay(arguments) => replay::replay(arguments),
        Command::Serve(arguments) => serve::run(arguments),
        Command::Shrink(arguments) => shrink::shrink(arguments),
        Command::Merge(arguments) => merge::merge(arguments),
        Command::Config(arguments) => config::config(arguments),
        Command::Check(arguments) => check::check(arguments),
        Command::Import(arguments) => import::import(arguments),
        Command::Validate(arguments) => validate::validate(arguments),
        Command::Bench(arguments) => bench::bench(arguments),
        Command::Compare(arguments) => compare::compare(arguments),
        Command::Explain(arguments)
            if arguments.format == Explained::Markdown && !arguments.what_if =>
        {
            talk("error: --format markdown is for --what-if\n");
            Status::Usage
        }
        Command::Explain(arguments) if arguments.what_if => what_if::what_if(arguments),
        Command::Explain(arguments) if names::is_asked(arguments) => names::explain(arguments),
        Command::Explain(arguments) if life::is_asked(arguments) => life::life(arguments),
        Command::Explain(arguments) => explain::explain(arguments),
        Command::Explore(arguments) => explore::explore(arguments),
        Command::Zoo(arguments) => zoo::zoo(arguments),
        Command::Doctor(arguments) => doctor::doctor(arguments),
        Command::List(arguments) => list::list(arguments),
        Command::Schema(arguments) => print_schema(arguments),
        Command::New(arguments) => new(arguments),
        Command::Completions(arguments) => install::completions(arguments),
        Command::Man(arguments) => install::man(arguments),
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
        SchemaOf::Doctor => json::doctor_schema(),
        SchemaOf::Life => json::life_schema(),
        SchemaOf::Explore => json::explore_schema(),
        SchemaOf::Zoo => json::zoo_schema(),
        SchemaOf::WhatIf => json::what_if_schema(),
    };
    result(&format!("{schema:#}\n"))
}

fn new(arguments: &New) -> Status {
    let text = template(&arguments.name);
    let Some(file) = &arguments.output else { return result(&text) };
    let written = free(file, arguments.force)
        .and_then(|()| whole(file, &text).map_err(|error| refusal(file, &error)));
    match written {
        Ok(()) => {
            talk(&format!("wrote {}\n", file.display()));
            Status::Met
        }
        Err(text) => {
            talk(&text);
            Status::Usage
        }
    }
}
