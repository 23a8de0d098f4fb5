//! `ackproof serve`: an application talks to the simulated cluster through real sockets, and what became of its records
//! is judged.

use super::args::{Format, Serve};
use super::load::{Scenario, load};
use super::options::Files;
use super::output::talk;
use super::outputs::Outputs;
use super::place::{free, refusal, whole};
use super::select::select;
use super::status::Status;
use ackproof::gateway::live::Live;
use ackproof::gateway::serve::{self, READY, Served};
use ackproof::gateway::tape::{Header, Place, Run, Tape};
use ackproof::study::conclude;
use ackproof::study::contract::contract;
use ackproof::study::course::Shared;
use ackproof::study::report::Origin;
use ackproof::study::tally::Tally;
use ackproof::study::trial::judge;
use ackproof::world::bounds::Bounds;
use ackproof::world::document;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{Asked, SeedRange};
use ackproof_reports::verdict::{Reason, Verdict};
use ackproof_reports::{human, json, page};
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_types::BrokerId;
use ackproof_types::words::plural;
use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A world that is later than this when something is due is no longer the cluster of the scenario, in microseconds.
const TOO_LATE: u64 = 1_000_000;

/// The scenario that is served without a file.
fn healthy(topics: &[String]) -> Result<String, String> {
    let mut all = serde_json::Map::new();
    for topic in topics {
        let (name, partitions) = topic.split_once(':').unwrap_or((topic, "3"));
        let partitions: u16 = partitions.parse().map_err(|_| {
            format!("error: --topic {topic}: {partitions} is no number of partitions\n")
        })?;
        all.insert(name.to_owned(), serde_json::json!({ "partitions": partitions }));
    }
    if all.is_empty() {
        all.insert("test".to_owned(), serde_json::json!({ "partitions": 3 }));
    }
    let first = all.keys().next().cloned().unwrap_or_default();
    let scenario = serde_json::json!({
        "name": "healthy",
        "topics": all,
        "producers": { "app": { "topic": first } },
    });
    Ok(scenario.to_string())
}

fn told(found: &[Diagnostic]) -> String {
    found.iter().map(|one| format!("{one}\n")).collect()
}

/// What is served.
fn scenario(arguments: &Serve) -> Result<Scenario, String> {
    let Some(file) = &arguments.scenario else {
        let text = healthy(&arguments.topics)?;
        let file = "healthy".to_owned();
        let loaded = document::load(&text, &file, &arguments.sets);
        let (plan, _) = loaded.map_err(|found| told(&found))?;
        return Ok(Scenario { file, plan, text });
    };
    let mut loaded = load(&select(std::slice::from_ref(file))?, &arguments.sets)?;
    match loaded.len() {
        1 => Ok(loaded.remove(0)),
        many => Err(format!("error: {}: {many} scenarios; serve takes one\n", file.display())),
    }
}

/// How the command ended; none: there was none.
type Child = Option<Result<std::process::ExitStatus, String>>;

/// Runs the command once clients are let in, and ends the run when it is over.
fn attend(
    arguments: &Serve,
    (ready, over): (Receiver<()>, Receiver<()>),
    bootstrap: &str,
    length: Option<Duration>,
) -> Child {
    if ready.recv().is_err() {
        return None;
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        talk(&format!("listening: {bootstrap}\n"));
        match length {
            Some(length) => drop(over.recv_timeout(length)),
            None => drop(over.recv()),
        }
        return None;
    };
    let child = Command::new(program).args(rest).env("KAFKA_BOOTSTRAP_SERVERS", bootstrap).spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Some(Err(format!("{program}: {error}"))),
    };
    let deadline = length.map(|length| std::time::Instant::now() + length);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(Ok(status)),
            Ok(None) => {}
            Err(error) => return Some(Err(format!("{program}: {error}"))),
        }
        let late = deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline);
        if late || over.try_recv().is_ok() {
            let _ = child.kill();
            let status = child.wait();
            return Some(status.map_err(|error| format!("{program}: {error}")));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn run(arguments: &Serve) -> Status {
    match prepared(arguments) {
        Ok(status) => status,
        Err(text) => {
            talk(&text);
            Status::Usage
        }
    }
}

fn prepared(arguments: &Serve) -> Result<Status, String> {
    let (seed, length) = (arguments.seed, arguments.length);
    let scenario = scenario(arguments)?;
    let plan = scenario.plan.clone();
    let plan = if arguments.beside { plan } else { plan.replaced() };
    if let Some(file) = &arguments.tape {
        free(file, true)?;
    }
    let files =
        Files { json: arguments.json.clone(), html: arguments.html.clone(), ..Files::default() };
    let outputs = Outputs::open(arguments.format, &files)?;
    if let Some(file) = &arguments.bootstrap_file {
        free(file, true)?;
    }
    let (told_ready, ready) = channel();
    let (interrupt, over) = channel();
    let brokers = plan.brokers_of(ackproof_types::ClusterId::FIRST).map(BrokerId);
    let live = Live::new(
        brokers,
        (&arguments.listen, arguments.ports),
        READY,
        Box::new(move || _ = told_ready.send(())),
        Box::new(|why| talk(&format!("a client was turned away: {why}\n"))),
    );
    let live = live.map_err(|why| format!("error: {why}\n"))?;
    let place = place(arguments, &live);
    let bootstrap: Vec<String> =
        place.endpoints.values().map(|(host, port)| format!("{host}:{port}")).collect();
    let bootstrap = bootstrap.join(",");
    if let Some(file) = &arguments.bootstrap_file {
        whole(file, &format!("{bootstrap}\n")).map_err(|error| refusal(file, &error))?;
    }
    // The second Ctrl-C ends the process as ever.
    let _ = ctrlc::set_handler(move || _ = interrupt.send(()));
    let stop = live.stop();
    let course = Shared::default();
    let (served, child) = std::thread::scope(|scope| {
        let attending = scope.spawn(|| {
            let child = attend(arguments, (ready, over), &bootstrap, length);
            stop.stop();
            child
        });
        let served =
            serve::serve(&plan, seed, (live, &place), course.watch(None), &Bounds::default());
        (served, attending.join().unwrap_or(None))
    });
    let served = match served {
        Ok(served) => served,
        Err(failure) => {
            talk(&format!("ackproof itself failed: {failure}\n"));
            return Ok(Status::Internal);
        }
    };
    let kept = keep(arguments, &scenario, (&served, &place));
    let again = match &arguments.tape {
        Some(file) => format!("ackproof replay {}", file.display()),
        None => {
            "ackproof serve --tape FILE keeps what came in, and ackproof replay FILE repeats it"
                .to_owned()
        }
    };
    let origin = Origin {
        file: &scenario.file,
        sets: &arguments.sets,
        swarm: None,
        check_determinism: false,
    };
    Ok(tell(&origin, (seed, arguments.format, &again), (&served, &course), &child, outputs)
        .max(kept))
}

/// Where clients reach the brokers, and since when.
fn place(arguments: &Serve, live: &Live) -> Place {
    let host = |address: SocketAddr| {
        arguments.advertise.clone().unwrap_or_else(|| address.ip().to_string())
    };
    let endpoints = live.addresses().map(|(id, at)| (id, (host(at), at.port())));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let began = i64::try_from(now.as_millis()).unwrap_or(0);
    let epoch_ms = began - i64::try_from(READY / 1000).unwrap_or(0);
    Place { endpoints: endpoints.collect(), epoch_ms }
}

/// Writes the tape, if it was asked for.
fn keep(arguments: &Serve, scenario: &Scenario, (served, place): (&Served, &Place)) -> Status {
    let Some(file) = &arguments.tape else { return Status::Met };
    let run = Run {
        file: &scenario.file,
        scenario: &scenario.text,
        sets: &arguments.sets,
        beside: arguments.beside,
        seed: arguments.seed,
    };
    let header = Header::new(run, place, served.outcome.digest);
    let mut text = Vec::new();
    let written = served.tape.write(&header, &mut text);
    let text = String::from_utf8_lossy(&text);
    match written.and_then(|()| whole(file, &text)) {
        Ok(()) => Status::Met,
        Err(error) => {
            talk(&refusal(file, &error));
            Status::Usage
        }
    }
}

/// The report, and what the command came to.
fn tell(
    origin: &Origin<'_>,
    (seed, format, again): (u64, Format, &str),
    (served, course): (&Served, &Shared),
    child: &Child,
    outputs: Outputs,
) -> Status {
    let mut report = judge(&served.plan, origin, &served.outcome);
    report.reproduce = again.to_owned();
    doubt(&mut report, served);
    let asked = Asked {
        paths: vec![origin.file.to_owned()],
        sets: origin.sets.to_vec(),
        seeds: SeedRange { from: seed, to: seed.checked_add(1) },
        ..Asked::default()
    };
    let mut tally = Tally::new(&served.plan, origin.file, &asked);
    tally.add(seed, Ok(&report));
    let sweep = conclude::sweep(asked.clone(), vec![tally.conclude()], false, None);
    let contract = contract(&served.plan);
    let course = course.course(&report.groups);
    let page = || page::run(&report, &contract, &course);
    let shown = outputs.finish(&sweep, || human::run(&report), || json::run(&report), page);
    if format == Format::Human {
        talk(&who(served));
    }
    let verdict = Status::from(report.verdict);
    let failed = match child {
        Some(Ok(status)) if !status.success() => {
            talk(&format!("the command failed: {status}\n"));
            true
        }
        Some(Err(why)) => {
            talk(&format!("the command failed: {why}\n"));
            true
        }
        Some(Ok(_)) | None => false,
    };
    let passes = matches!(verdict, Status::Met | Status::Inconclusive);
    let status = if failed && passes { Status::Violated } else { verdict };
    status.max(shown)
}

/// Runs a tape, without the application.
pub(crate) fn replay(file: &Path) -> Status {
    match replayed(file) {
        Ok(status) => status,
        Err(text) => {
            talk(&text);
            Status::Usage
        }
    }
}

fn replayed(file: &Path) -> Result<Status, String> {
    let opened = File::open(file).map_err(|error| refusal(file, &error))?;
    let read = Tape::read(BufReader::new(opened));
    let (header, tape) = read.map_err(|why| format!("error: {}:{why}\n", file.display()))?;
    let (plan, _) = document::load(&header.scenario, &header.file, &header.sets)
        .map_err(|found| told(&found))?;
    let plan = if header.beside { plan } else { plan.replaced() };
    let course = Shared::default();
    let place = header.place();
    let served =
        serve::replay(&plan, header.seed, (&tape, &place), course.watch(None), &Bounds::default());
    let served = match served {
        Ok(served) => served,
        Err(failure) => {
            talk(&format!("ackproof itself failed: {failure}\n"));
            return Ok(Status::Internal);
        }
    };
    let digest = format!("{:032x}", served.outcome.digest);
    if digest != header.digest {
        let was = &header.digest;
        talk(&format!(
            "the tape repeats another run, {digest} instead of {was}: it was made by another build\n"
        ));
        return Ok(Status::Nondeterministic);
    }
    let origin =
        Origin { file: &header.file, sets: &header.sets, swarm: None, check_determinism: false };
    let outputs = Outputs::open(Format::Human, &Files::default())?;
    let again = format!("ackproof replay {}", file.display());
    Ok(tell(&origin, (header.seed, Format::Human, &again), (&served, &course), &None, outputs))
}

/// Who took part, as reports call them.
fn who(served: &Served) -> String {
    let outsiders = &served.plan.outsiders;
    let mut text = String::new();
    for (place, client) in outsiders.clients.iter().enumerate() {
        let writes = outsiders.producers.iter().filter(|one| usize::from(one.client) == place);
        let topics: Vec<&str> =
            writes.map(|one| served.plan.topics[one.topic.index()].name.as_str()).collect();
        let writes = if topics.is_empty() {
            String::new()
        } else {
            format!(", writes to {}", topics.join(", "))
        };
        text += &format!("client      {client}{writes}\n");
    }
    for group in &outsiders.groups {
        text += &format!("group       {}\n", group.name);
    }
    text
}

/// A run that is not what the scenario says shows nothing.
fn doubt(report: &mut RunReport, served: &Served) {
    let mut doubts = Vec::new();
    if served.lag.max > TOO_LATE {
        let ms = served.lag.max / 1000;
        doubts.push(format!(
            "the simulated cluster was {ms} ms behind the clock: this machine was too busy"
        ));
    }
    for what in &served.missing {
        doubts.push(format!("the application asked for {what}, which ackproof does not have"));
    }
    if served.unclaimed > 0 {
        let count = plural(served.unclaimed, "record");
        doubts.push(format!(
            "{count} went to clients of which it does not show for which group they read: give each a client.id of its own"
        ));
    }
    for (why, count) in &served.broken {
        doubts.push(format!("{} ended: {why}", plural(*count, "connection")));
    }
    if report.verdict > Verdict::Inconclusive {
        return;
    }
    for text in doubts {
        let expectation = "serve".to_owned();
        report.reasons.push(Reason { expectation, verdict: Verdict::Inconclusive, text });
        report.verdict = report.verdict.max(Verdict::Inconclusive);
    }
}
