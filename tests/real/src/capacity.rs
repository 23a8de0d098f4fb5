//! Measures what requests cost a real broker on this machine, as `cluster.capacity` wants it.
//!
//! One server, alone, on loopback, with the options that `kafka-server-start` gives its JVM. Small requests tell
//! what a request costs, large ones what a byte costs. What counts is the processor time of request handlers and
//! network threads, which a thread dump of the JVM tells: other work on the machine takes it from nobody. It reads
//! no scenario, and no model.

use crate::host::command;
use crate::kafka;
use ackproof_types::KafkaVersion;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Topic of the records.
const TOPIC: &str = "measured";
/// Records that travel alone: what a request costs.
const SMALL: Load = Load { records: 60_000, size: 100, rate: 4_000, batch: 1, linger: 0 };
/// Records in full batches: what a byte costs.
const LARGE: Load =
    Load { records: 1_500_000, size: 1_000, rate: 75_000, batch: 900_000, linger: 20 };
/// Loads of each kind that only warm the JVM up; its compiler is not done before.
const WARM_UP: usize = 2;
/// What is written to the disk, and then waited for.
const WRITTEN: usize = 256 << 20;

/// What a producer sends.
#[derive(Clone, Copy, Debug)]
struct Load {
    records: u64,
    size: u64,
    rate: u64,
    batch: u64,
    linger: u64,
}

/// Processor time of a broker's threads, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Threads {
    handlers: f64,
    network: f64,
}

/// What a load took.
#[derive(Clone, Copy, Debug)]
struct Cost {
    requests: f64,
    bytes: f64,
    threads: Threads,
}

/// What one round found: microseconds a request, and bytes a second.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Round {
    request: f64,
    handler: f64,
    network_request: f64,
    network_in: f64,
    network_out: f64,
}

/// A running server.
struct Server<'a> {
    child: Child,
    folder: &'a Path,
    jars: &'a Path,
    line: KafkaVersion,
    address: String,
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

fn java(jars: &Path, folder: &Path, options: &[&str], main: &str) -> Command {
    let mut java = command("java");
    java.args(options)
        .arg(format!("-Dlog4j2.configurationFile={}", folder.join("log4j2.xml").display()))
        .arg("-cp")
        .arg(format!("{}/*", jars.display()))
        .arg(main)
        .stdin(Stdio::null());
    java
}

/// A port of loopback that nobody has now.
fn port() -> Result<u16, String> {
    let listener =
        TcpListener::bind(("127.0.0.1", 0)).map_err(|error| format!("no port: {error}"))?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// What a command printed.
fn output(mut command: Command, what: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{what}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{what}: {}\n{}", output.status, said.trim()))
}

impl<'a> Server<'a> {
    fn start(jars: &'a Path, folder: &'a Path) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("{}: {error}", folder.display());
        let line = kafka::line(jars).ok_or_else(|| format!("no Kafka in {}", jars.display()))?;
        std::fs::write(folder.join("log4j2.xml"), kafka::LOGGING).map_err(told)?;
        let (clients, controllers) = (port()?, port()?);
        let properties = folder.join("server.properties");
        std::fs::write(&properties, kafka::alone(clients, controllers, &folder.join("data")))
            .map_err(told)?;
        let file = properties.display().to_string();
        let mut format = java(jars, folder, &["-Xmx64m"], "kafka.tools.StorageTool");
        format.args(["format", "-t", kafka::CLUSTER, "-c", &file]);
        output(format, "formatting the storage")?;
        // As kafka-run-class and kafka-server-start have it.
        let options = ["-server", "-Xmx1G", "-Xms1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"];
        let options = [&options[..], &["-XX:InitiatingHeapOccupancyPercent=35"]].concat();
        let printed = File::create(folder.join("server.out")).map_err(told)?;
        let log = File::create(folder.join("server.log")).map_err(told)?;
        let child = java(jars, folder, &options, "kafka.Kafka")
            .arg(&file)
            .stdout(printed)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("the server: {error}"))?;
        let server = Self { child, folder, jars, line, address: format!("127.0.0.1:{clients}") };
        server.await_it()?;
        let mut create = server.tool("org.apache.kafka.tools.TopicCommand");
        create.args(["--bootstrap-server", &server.address, "--create", "--topic", TOPIC]);
        create.args(["--partitions", "1", "--replication-factor", "1"]);
        output(create, "making a topic")?;
        Ok(server)
    }

    fn await_it(&self) -> Result<(), String> {
        let end = Instant::now() + Duration::from_secs(60);
        while Instant::now() < end {
            if TcpStream::connect(&self.address).is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(200));
        }
        let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
        let last = log.lines().last().unwrap_or("it printed nothing");
        Err(format!("the server does not answer after 60 s: {last}"))
    }

    fn tool(&self, main: &str) -> Command {
        java(self.jars, self.folder, &["-Xmx256m"], main)
    }

    /// Processor time so far. A JVM that gets SIGQUIT prints all its threads.
    fn threads(&self) -> Result<Threads, String> {
        let file = self.folder.join("server.out");
        let length = || std::fs::metadata(&file).map_or(0, |data| data.len());
        let before = length();
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let id = id.ok_or("the server has no process")?;
        kill_process(id, Signal::QUIT).map_err(|error| format!("SIGQUIT: {error}"))?;
        for _ in 0..100 {
            sleep(Duration::from_millis(50));
            let printed = std::fs::read(&file).map_err(|error| error.to_string())?;
            let new =
                printed.get(usize::try_from(before).unwrap_or(usize::MAX)..).unwrap_or_default();
            if let Some(threads) = dumped(&String::from_utf8_lossy(new)) {
                return Ok(threads);
            }
        }
        Err("the JVM printed no thread dump that says cpu=: it takes Java 11 or later".to_owned())
    }

    fn cost(&self, bytes: f64, load: impl FnOnce() -> Result<f64, String>) -> Result<Cost, String> {
        let before = self.threads()?;
        let requests = load()?;
        let after = self.threads()?;
        let threads = Threads {
            handlers: after.handlers - before.handlers,
            network: after.network - before.network,
        };
        Ok(Cost { requests, bytes, threads })
    }

    fn produce(&self, load: Load) -> Result<Cost, String> {
        let Load { records, size, rate, batch, linger } = load;
        let new = self.line >= KafkaVersion::V4_2;
        let properties = [
            "acks=1".to_owned(),
            format!("linger.ms={linger}"),
            format!("batch.size={batch}"),
            "max.request.size=1000000".to_owned(),
            "buffer.memory=64000000".to_owned(),
        ];
        let mut producer = self.tool("org.apache.kafka.tools.ProducerPerformance");
        producer.args(["--topic", TOPIC, "--print-metrics", "--num-records", &records.to_string()]);
        producer.args(["--record-size", &size.to_string(), "--throughput", &rate.to_string()]);
        if new {
            producer.args(["--bootstrap-server", &self.address, "--command-property"]);
            producer.args(&properties);
        } else {
            producer.arg("--producer-props").arg(format!("bootstrap.servers={}", self.address));
            producer.args(&properties);
        }
        self.cost((records * size) as f64, || {
            let printed = output(producer, "producing")?;
            metric(&printed, "producer-metrics:request-total:")
        })
    }

    /// Reads the newest `records` of 1 kB.
    fn consume(&self, load: Load) -> Result<Cost, String> {
        let new = self.line >= KafkaVersion::V4_2;
        let count = if new { "--num-records" } else { "--messages" };
        let mut consumer = self.tool("org.apache.kafka.tools.ConsumerPerformance");
        consumer.args(["--bootstrap-server", &self.address, "--topic", TOPIC, "--print-metrics"]);
        consumer.args([count, &(load.records * 2).to_string()]);
        self.cost((load.records * 2 * load.size) as f64, || {
            let printed = output(consumer, "consuming")?;
            metric(&printed, "consumer-fetch-manager-metrics:fetch-total:")
        })
    }

    fn round(&self) -> Result<Round, String> {
        let (small, large) = (self.produce(SMALL)?, self.produce(LARGE)?);
        let (request, handler) = solved(small, large, |threads| threads.handlers);
        let (network_request, network_in) = solved(small, large, |threads| threads.network);
        let read = self.consume(LARGE)?;
        let left = read.threads.network - read.requests * network_request;
        let network_out = read.bytes * 1e6 / left.max(1.0);
        Ok(Round { request, handler, network_request, network_in, network_out })
    }
}

/// Microseconds for a request and bytes for a second, of which both loads are made.
fn solved(small: Cost, large: Cost, of: impl Fn(Threads) -> f64) -> (f64, f64) {
    let determinant = small.requests * large.bytes - large.requests * small.bytes;
    let request = (of(small.threads) * large.bytes - of(large.threads) * small.bytes) / determinant;
    let byte =
        (of(large.threads) * small.requests - of(small.threads) * large.requests) / determinant;
    (request, 1e6 / byte.max(1e-9))
}

/// The threads that count in a thread dump that is complete.
fn dumped(text: &str) -> Option<Threads> {
    let end = text.find("JNI global refs")?;
    let sum = |name: &str| -> Option<f64> {
        let of = text[..end].lines().filter(|line| line.starts_with(name));
        let each = of.map(|line| {
            let (_, cpu) = line.split_once("cpu=")?;
            cpu.split_once("ms")?.0.parse::<f64>().ok()
        });
        let each: Vec<f64> = each.collect::<Option<_>>()?;
        (!each.is_empty()).then(|| each.iter().sum::<f64>() * 1000.0)
    };
    Some(Threads {
        handlers: sum("\"data-plane-kafka-request-handler-")?,
        network: sum("\"data-plane-kafka-network-thread-")?,
    })
}

/// The metric whose line begins with `name`.
fn metric(printed: &str, name: &str) -> Result<f64, String> {
    let line = printed.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.rsplit(':').next()?.trim().parse().ok());
    value.ok_or_else(|| format!("the tool printed no metric {name}"))
}

/// Bytes a second that the disk below `folder` takes, with what the kernel holds back.
fn disk(folder: &Path) -> Result<f64, String> {
    let told = |error: std::io::Error| format!("{}: {error}", folder.display());
    let mut file = File::create(folder.join("written")).map_err(told)?;
    let block: Vec<u8> =
        (0..1_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let begun = Instant::now();
    for _ in 0..WRITTEN / block.len() {
        std::io::Write::write_all(&mut file, &block).map_err(told)?;
    }
    file.sync_all().map_err(told)?;
    Ok(WRITTEN as f64 / begun.elapsed().as_secs_f64())
}

fn median(rounds: &[Round], of: impl Fn(&Round) -> f64) -> f64 {
    let mut all: Vec<f64> = rounds.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn rate(bytes: f64) -> String {
    format!("{}MB/s", (bytes / 1e6).round().max(1.0))
}

/// What [`measure`] found, as a scenario takes it, and each round below it.
fn told(rounds: &[Round], disk: f64, cores: usize) -> String {
    let of = |of: fn(&Round) -> f64| median(rounds, of);
    let time = |us: f64| format!("{}us", us.round().max(1.0));
    let network = of(|round| round.network_in).min(of(|round| round.network_out));
    let mut text = format!(
        "\"capacity\": {{\n  \"cores\": {cores}, \"request\": \"{}\", \"handler\": \"{}\",\n  \
         \"network_request\": \"{}\", \"network\": \"{}\", \"disk\": \"{}\"\n}}\n\n\
         round  request  handler      network request  network in   network out\n",
        time(of(|round| round.request)),
        rate(of(|round| round.handler)),
        time(of(|round| round.network_request)),
        rate(network),
        rate(disk),
    );
    for (number, round) in (1..).zip(rounds) {
        text += &format!(
            "{number:<5}  {:<7}  {:<11}  {:<15}  {:<11}  {}\n",
            time(round.request),
            rate(round.handler),
            time(round.network_request),
            rate(round.network_in),
            rate(round.network_out),
        );
    }
    text
}

/// Measures `rounds` times, with data below `folder`; the text that tells it.
///
/// # Errors
/// What could not be started, or did not answer.
pub(crate) fn measure(
    jars: &Path,
    folder: Option<&PathBuf>,
    rounds: usize,
) -> Result<String, String> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("ackproof-capacity-");
    let made = folder.map_or_else(|| builder.tempdir(), |folder| builder.tempdir_in(folder));
    let made = made.map_err(|error| format!("no folder for the data: {error}"))?;
    let disk = disk(made.path())?;
    let server = Server::start(jars, made.path())?;
    for step in 1..=WARM_UP {
        anstream::eprintln!("warm-up {step} of {WARM_UP}");
        server.produce(SMALL)?;
        server.produce(LARGE)?;
    }
    let mut found = Vec::new();
    for round in 1..=rounds {
        anstream::eprintln!("round {round} of {rounds}");
        found.push(server.round()?);
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(told(&found, disk, cores))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_dump_tells_processor_time_once_it_is_complete() {
        let dump = "\"main\" #1 cpu=900.00ms elapsed=9s\n\
            \"data-plane-kafka-request-handler-0\" #70 daemon prio=5 os_prio=0 cpu=12.50ms elapsed=8.4s tid=0x1\n\
            \"data-plane-kafka-request-handler-1\" #71 daemon prio=5 os_prio=0 cpu=7.50ms elapsed=8.4s tid=0x2\n\
            \"data-plane-kafka-network-thread-1-ListenerName(PLAINTEXT)-PLAINTEXT-0\" #60 cpu=3.25ms elapsed=8s\n";
        assert_eq!(dumped(dump), None, "the JVM still prints");
        let whole = format!("{dump}JNI global refs: 20, weak refs: 0\n");
        assert_eq!(dumped(&whole), Some(Threads { handlers: 20_000.0, network: 3_250.0 }));
        assert_eq!(dumped("JNI global refs: 20\n"), None, "no such threads");
    }

    #[test]
    fn what_a_request_and_a_byte_cost_is_found_again() {
        let cost = |requests: f64, bytes: f64| {
            let handlers = requests * 20.0 + bytes / 1000.0;
            Cost { requests, bytes, threads: Threads { handlers, network: 0.0 } }
        };
        let (request, rate) =
            solved(cost(60_000.0, 6e6), cost(2_000.0, 1.5e9), |threads| threads.handlers);
        assert!((request - 20.0).abs() < 1e-6 && (rate - 1e9).abs() < 1.0, "{request} {rate}");
    }

    #[test]
    fn metrics_are_read_as_the_tools_print_them() {
        let printed = "60000 records sent\nMetric Name  Value\n\
            producer-metrics:request-total:{client-id=perf}          : 60004.000\n";
        assert_eq!(metric(printed, "producer-metrics:request-total:"), Ok(60004.0));
        assert!(metric(printed, "producer-metrics:none:").is_err());
    }

    #[test]
    fn what_is_told_is_the_median_as_a_scenario_takes_it() {
        let round = |request: f64| Round {
            request,
            handler: 1.2e9,
            network_request: 31.0,
            network_in: 2.1e9,
            network_out: 1.9e9,
        };
        let text = told(&[round(19.0), round(40.0), round(18.4)], 3e8, 2);
        let object = text.split_once("\n\n").unwrap().0;
        let scenario = format!(
            r#"{{ "name": "x", "cluster": {{ {object} }}, "topics": {{ "a": {{}} }}, "producers": {{ "b": {{}} }} }}"#
        );
        let (plan, _) = ackproof::world::document::load(&scenario, "x.json", &[]).unwrap();
        let capacity = plan.main().capacity.unwrap();
        assert_eq!(capacity.request.map(|time| time.0), Some(19), "the median");
        assert_eq!((capacity.cores, capacity.network), (Some(2), Some(1_900_000_000)));
    }
}
