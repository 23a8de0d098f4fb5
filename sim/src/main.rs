//! The `ackproof` command. Parses, dispatches, and turns the result into an exit status.

mod cli;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .without_time()
        .init();
    let status = cli::dispatch(cli::args::Arguments::parse());
    ExitCode::from(status.code())
}
