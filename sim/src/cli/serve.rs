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
use ackproof::gateway::control::{self, Interim};
use ackproof::gateway::live::Live;
use ackproof::gateway::serve::{self, Acknowledged, READY, Served};
use ackproof::gateway::tape::{Header, Place, Run, Tape};
use ackproof::study::conclude;
use ackproof::study::contract::contract;
use ackproof::study::course::Shared;
use ackproof::study::report::Origin;
use ackproof::study::tally::Tally;
use ackproof::study::trial::judge;
use ackproof::world::bounds::Bounds;
use ackproof::world::document;
use ackproof::world::recorder::Watch;
use ackproof_reports::run::RunReport;
use ackproof_reports::sweep::{Asked, SeedRange};
use ackproof_reports::verdict::{Reason, Verdict};
use ackproof_reports::{human, json, page};
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::Plan;
use ackproof_types::BrokerId;
use ackproof_types::words::plural;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs::File;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, ExitStatus};
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

/// Whether what was processed is told by the control API alone.
fn is_by_control(file: &Path) -> bool {
    file == Path::new("control")
}

/// Where the application says what it has processed: an empty file, which it adds to.
fn processed(arguments: &Serve) -> Result<Option<File>, String> {
    let Some(file) = arguments.processed.as_deref() else { return Ok(None) };
    if is_by_control(file) {
        let hint = "error: --processed control goes with --control\n";
        return arguments.control.map_or_else(|| Err(hint.to_owned()), |_| Ok(None));
    }
    let opened = File::create(file).and_then(|_| File::open(file));
    opened.map(Some).map_err(|error| refusal(file, &error))
}

/// How the command ended; none: there was none.
type Child = Option<Result<ExitStatus, String>>;

/// Runs the command once clients are let in, and ends the run when it is over.
fn attend(
    arguments: &Serve,
    (ready, over): (Receiver<()>, Receiver<()>),
    (bootstrap, control): (&str, Option<&str>),
    length: Option<Duration>,
) -> Child {
    if ready.recv().is_err() {
        return None;
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        talk(&format!("listening: {bootstrap}\n"));
        if let Some(control) = control {
            talk(&format!("control: {control}\n"));
        }
        match length {
            Some(length) => drop(over.recv_timeout(length)),
            None => drop(over.recv()),
        }
        return None;
    };
    let mut child = Command::new(program);
    child.args(rest).env("KAFKA_BOOTSTRAP_SERVERS", bootstrap);
    if let Some(control) = control {
        child.env("ACKPROOF_CONTROL", control);
    }
    if let Some(file) = arguments.processed.as_deref().filter(|file| !is_by_control(file)) {
        child.env("ACKPROOF_PROCESSED", std::path::absolute(file).unwrap_or(file.to_owned()));
    }
    let child = child.spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Some(Err(format!("cannot start {program}: {error}"))),
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
    for file in arguments.tape.iter().chain(&arguments.acked).chain(&arguments.bootstrap_file) {
        free(file, true)?;
    }
    let files =
        Files { json: arguments.json.clone(), html: arguments.html.clone(), ..Files::default() };
    let outputs = Outputs::open(arguments.format, &files)?;
    let (told_ready, ready) = channel();
    let (interrupt, over) = channel();
    let brokers = plan.brokers_of(ackproof_types::ClusterId::FIRST).map(BrokerId);
    let live = Live::new(
        brokers,
        (&arguments.listen, arguments.ports),
        READY,
        processed(arguments)?,
        Box::new(move || _ = told_ready.send(())),
        Box::new(|why| talk(&format!("a client was turned away: {why}\n"))),
    );
    let live = live.map_err(|why| format!("error: {why}\n"))?;
    let place = place(arguments, &live);
    let bootstrap: Vec<String> =
        place.endpoints.values().map(|(host, port)| format!("{host}:{port}")).collect();
    let bootstrap = bootstrap.join(",");
    let interim = || interim(arguments, &scenario, &plan, &place);
    let control = arguments.control.map(|address| controlled(address, &live, interim()));
    let control = control.transpose()?;
    // Whoever waits for the file may go on to the control API.
    if let Some(file) = &arguments.bootstrap_file {
        whole(file, &format!("{bootstrap}\n")).map_err(|error| refusal(file, &error))?;
    }
    // The second Ctrl-C ends the process as ever.
    let _ = ctrlc::set_handler(move || _ = interrupt.send(()));
    let stop = live.stop();
    let course = Shared::default();
    let (served, child) = std::thread::scope(|scope| {
        let attending = scope.spawn(|| {
            let child = attend(arguments, (ready, over), (&bootstrap, control.as_deref()), length);
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
    // Nothing is to be said of an application that nobody has seen.
    let ended = child.transpose().map_err(|why| format!("error: {why}\n"))?;
    let kept = keep(arguments, &scenario, (&served, &place)).max(acked(arguments, &served));
    let again = again(arguments);
    let origin = Origin {
        file: &scenario.file,
        sets: &arguments.sets,
        swarm: None,
        check_determinism: false,
    };
    Ok(tell(&origin, (seed, arguments.format, &again), (&served, &course), ended, outputs)
        .max(kept))
}

/// Opens the control API; where it is.
fn controlled(address: SocketAddr, live: &Live, interim: Interim) -> Result<String, String> {
    let at = control::open(address, live.desk(), interim);
    at.map(|at| format!("http://{at}")).map_err(|why| format!("error: {why}\n"))
}

/// The command that shows a run again.
fn again(arguments: &Serve) -> String {
    match &arguments.tape {
        Some(file) => format!("ackproof replay {}", file.display()),
        None => {
            "ackproof serve --tape FILE keeps what came in, and ackproof replay FILE repeats it"
                .to_owned()
        }
    }
}

/// What the report would be if the application had ended where a tape ends.
fn interim(arguments: &Serve, scenario: &Scenario, plan: &Plan, place: &Place) -> Interim {
    let (plan, place, seed) = (plan.clone(), place.clone(), arguments.seed);
    let (file, sets) = (scenario.file.clone(), arguments.sets.clone());
    Box::new(move |tape| {
        let watch = Watch::default();
        let served = serve::replay(&plan, seed, (tape, &place), watch, &Bounds::default());
        let served = served.map_err(|failure| failure.to_string())?;
        let origin = Origin { file: &file, sets: &sets, swarm: None, check_determinism: false };
        let mut report = judge(&served.plan, &origin, &served.outcome);
        doubt(&mut report, &served);
        serde_json::from_str(&json::run(&report)).map_err(|error| error.to_string())
    })
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
    Place { endpoints: endpoints.collect(), epoch_ms, told: arguments.processed.is_some() }
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

/// Writes what was surely acknowledged, if it was asked for.
fn acked(arguments: &Serve, served: &Served) -> Status {
    let Some(file) = &arguments.acked else { return Status::Met };
    let line = |one: &Acknowledged| {
        let mut line = serde_json::json!({
            "topic": served.plan.topics[one.partition.topic.index()].name,
            "partition": one.partition.partition,
            "offset": one.offset.0,
            "record": served.outcome.context.record(one.record),
        });
        match &one.key {
            Some(Some(key)) => match std::str::from_utf8(key) {
                Ok(key) => line["key"] = key.into(),
                Err(_) => line["key_base64"] = STANDARD.encode(key).into(),
            },
            Some(None) => line["key"] = serde_json::Value::Null,
            None => {}
        }
        format!("{line}\n")
    };
    let text: String = served.acked.iter().map(line).collect();
    match whole(file, &text) {
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
    ended: Option<ExitStatus>,
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
    let failure = ended.filter(|status| !status.success());
    if let Some(status) = failure {
        talk(&format!("the command failed: {status}\n"));
    }
    let passes = matches!(verdict, Status::Met | Status::Inconclusive);
    let status = if failure.is_some() && passes { Status::Violated } else { verdict };
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
    Ok(tell(&origin, (header.seed, Format::Human, &again), (&served, &course), None, outputs))
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
    let named = served.plan.groups.iter().filter(|_| outsiders.replace).map(|group| &group.name);
    for group in named.chain(outsiders.groups.iter().map(|group| &group.name)) {
        let by = if outsiders.told { "it told" } else { "its commits claim" };
        text += &format!("group       {group}, processed what {by}\n");
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
    if let Some((count, why)) = &served.misled {
        let count = plural(*count, "time");
        doubts.push(format!("the application told wrongly what it processed, {count}: {why}"));
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
