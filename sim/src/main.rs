//! The `ackproof` command. Parses, dispatches, and turns the result into an exit status.

mod cli;

use clap::Parser;
use cli::status::Status;
use std::io::IsTerminal;
use std::panic::catch_unwind;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = cli::args::Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        // Events carry simulated time; the wall clock's would only confuse.
        .without_time()
        .init();
    // The panic has said what it had to say.
    let status = catch_unwind(|| cli::dispatch(&arguments)).unwrap_or(Status::Internal);
    ExitCode::from(status.code())
}
