//! `ackproof import`: makes a history of logs of other tools. How they are read is decided in the library.

use super::check::open;
use super::output::{result, talk};
use super::place::whole;
use super::status::Status;
use ackproof::outside::verifiable::{Base, Dump, History, Log, Metadata, Settings, history, merge};
use ackproof_types::Acks;
use ackproof_types::words::plural;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use std::io::BufRead;
use std::path::{Path, PathBuf};

/// What `import` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(subcommand)]
    from: From,
}

#[derive(Debug, clap::Subcommand)]
enum From {
    /// Convert the output of Kafka's VerifiableProducer and VerifiableConsumer into a history.
    ///
    /// Start each producer with a --value-prefix of its own, and the consumers with --verbose.
    #[command(after_help = super::help::IMPORT)]
    Verifiable(Box<Verifiable>),
}

/// What `import verifiable` is given.
#[derive(Debug, clap::Args)]
struct Verifiable {
    /// A history of what the harness itself knows: header, phases, faults, starts and ends of
    /// processes. With it, the --value-prefix of a producer is its position in the header, from 0,
    /// and the file of a consumer is named group-number.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["group", "acks", "idempotent", "reset"])]
    base: Option<PathBuf>,
    /// The output of the VerifiableProducers, one file each. The name of the file is the name of
    /// the process.
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    producer: Vec<PathBuf>,
    /// The output of the VerifiableConsumers, one file each. The name of the file is the name of
    /// the process.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    consumer: Vec<PathBuf>,
    /// What the partitions held at the end, read after the clients had time to finish. One record
    /// per line: {"partition":"payments-0","offset":0,"value":"0.0","timestamp":1700000000000}. The
    /// timestamp is the CreateTime of the record. It says when the record was sent, and can be left
    /// out. A line {"partition":…,"start":0,"end":7} gives the bounds of a log. Without it, the
    /// bounds are those of the lines.
    #[arg(long = "final", value_name = "FILE")]
    dump: Option<PathBuf>,
    /// The output of kafka.tools.DumpLogSegments --cluster-metadata-decoder for the log of a
    /// controller. It has the elections, in-sync sets and fencing.
    #[arg(long, value_name = "FILE", requires = "base")]
    metadata: Option<PathBuf>,
    /// The consumers' group.
    #[arg(long, value_name = "NAME", default_value = "consumers")]
    group: String,
    /// The producers' acks.
    #[arg(long, default_value = "all", value_parser = PossibleValuesParser::new(["all", "-1", "1", "0"]).try_map(|word| word.parse::<Acks>()))]
    acks: Acks,
    /// The producers ran with enable.idempotence=true. The tool sets retries=0, which switches
    /// idempotence off.
    #[arg(long)]
    idempotent: bool,
    /// The consumers' auto.offset.reset.
    #[arg(long, value_name = "POLICY", default_value = "earliest")]
    reset: String,
    /// The file to write the history to [default: stdout].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn import(arguments: &Import) -> Status {
    let From::Verifiable(arguments) = &arguments.from;
    let text = match verifiable(arguments) {
        Ok(text) => text,
        Err(error) => {
            talk(&format!("error: {error}\n"));
            return Status::Usage;
        }
    };
    let Some(file) = &arguments.output else { return result(&text) };
    match whole(file, &text) {
        Ok(()) => Status::Met,
        Err(error) => {
            talk(&format!("error: {}: {error}\n", file.display()));
            Status::Usage
        }
    }
}

fn verifiable(arguments: &Verifiable) -> Result<String, String> {
    let producers = logs(&arguments.producer)?;
    let consumers = logs(&arguments.consumer)?;
    let dump = arguments.dump.as_ref().map(|path| file(path, Dump::read)).transpose()?;
    let dump = dump.as_ref();
    let made = if let Some(base) = &arguments.base {
        let base = file(base, |input| Base::read(input).map_err(|problem| problem.to_string()))?;
        let metadata = arguments.metadata.as_ref().map(|path| file(path, Metadata::read));
        merge(&base, &producers, &consumers, dump, metadata.transpose()?.as_ref())?
    } else {
        let settings = Settings {
            group: arguments.group.clone(),
            acks: arguments.acks,
            idempotent: arguments.idempotent,
            reset: arguments.reset.as_str().into(),
        };
        history(&producers, &consumers, dump, &settings)?
    };
    if made.foreign > 0 {
        talk(&format!("left out: {} of none of these producers\n", plural(made.foreign, "record")));
    }
    text(&made)
}

fn text(made: &History) -> Result<String, String> {
    let mut text = Vec::new();
    made.write(&mut text).map_err(|error| error.to_string())?;
    String::from_utf8(text).map_err(|error| error.to_string())
}

/// Reads a file; what is wrong with it is told with its name.
fn file<T>(
    path: &Path,
    read: impl FnOnce(Box<dyn BufRead>) -> Result<T, String>,
) -> Result<T, String> {
    let input = open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    read(input).map_err(|error| format!("{}:{error}", path.display()))
}

fn logs(paths: &[PathBuf]) -> Result<Vec<Log>, String> {
    paths.iter().map(|path| log(path)).collect()
}

fn log(path: &Path) -> Result<Log, String> {
    let shown = path.display();
    // `billing-0.jsonl.gz` is of billing-0.
    let bare = if path.extension().is_some_and(|end| end == "gz") {
        path.with_extension("")
    } else {
        path.into()
    };
    let name = bare.file_stem().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| format!("{shown}: the name is not UTF-8"))?;
    let log = file(path, |input| Log::read(name, input))?;
    if log.skipped > 0 {
        talk(&format!(
            "{shown}: passed over {} without a JSON object\n",
            plural(log.skipped, "line")
        ));
    }
    Ok(log)
}
