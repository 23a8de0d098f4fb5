//! What `serve` is given. What it means is the command's.

use super::{Format, parse_set};
use crate::cli::options::wall;
use crate::cli::seeds::parse_seed;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What `serve` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The scenario. Without one: three healthy brokers with the topics of --topic.
    #[arg(value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Override a value of the scenario: `cluster.network.latency=1ms`.
    #[arg(long = "set", value_name = "PATH=VALUE", value_parser = parse_set)]
    pub(crate) sets: Vec<(String, String)>,
    /// The seed: decimal, 0x… or the hash of a commit.
    #[arg(long, value_name = "N", default_value = "0", value_parser = parse_seed)]
    pub(crate) seed: u64,
    /// A topic, if there is no scenario: `orders`, or `orders:6` for six partitions.
    #[arg(long = "topic", value_name = "NAME[:PARTITIONS]", conflicts_with = "scenario")]
    pub(crate) topics: Vec<String>,
    /// The simulated producers and groups of the scenario run too. Without it the application takes their place.
    #[arg(long)]
    pub(crate) beside: bool,
    /// The port of the first broker; the others have the next ones. Without it any free ports are taken.
    #[arg(long, value_name = "PORT")]
    pub(crate) ports: Option<u16>,
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(crate) listen: String,
    /// The host that clients are told, for clients in containers.
    #[arg(long, value_name = "HOST")]
    pub(crate) advertise: Option<String>,
    /// Write the addresses of the brokers to this file once they listen.
    #[arg(long, value_name = "FILE")]
    pub(crate) bootstrap_file: Option<PathBuf>,
    /// End after this time (`60s`). Without it: when the command ends, or at Ctrl-C.
    #[arg(long = "for", value_name = "TIME", value_parser = wall)]
    pub(crate) length: Option<Duration>,
    /// Show the report in this format on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    pub(crate) format: Format,
    /// Write the report as JSON to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write the report as a page to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write all that came in to this file. `ackproof replay` runs it again, without the application.
    #[arg(long, value_name = "FILE")]
    pub(crate) tape: Option<PathBuf>,
    /// The application says what it has processed, in this file: JSON Lines that it adds, with group, partition and
    /// offset. The command finds it in ACKPROOF_PROCESSED. `control`: by POST /processed alone. Without it commits say it.
    #[arg(long, value_name = "FILE")]
    pub(crate) processed: Option<PathBuf>,
    /// Write the records whose acknowledgement has surely arrived to this file, as JSON Lines.
    #[arg(long, value_name = "FILE")]
    pub(crate) acked: Option<PathBuf>,
    /// Listen for orders of an operator here, by HTTP: without an address on a free port of 127.0.0.1. The command
    /// finds it in ACKPROOF_CONTROL.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, value_parser = control,
          default_missing_value = "127.0.0.1:0")]
    pub(crate) control: Option<SocketAddr>,
    /// The command to run, with its arguments. It finds the brokers in KAFKA_BOOTSTRAP_SERVERS.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// An address with a port.
fn control(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "it is no address; write 127.0.0.1:19000, or --control after the scenario".to_owned()
    })
}
