//! The harness on a real cluster, through its binary: a short run leaves a history that the oracle judges, and one
//! that is interrupted leaves nothing. They need root, Java and what tests/real/setup fetches, and half a minute
//! each: `cargo test --release -p ackproof-real -- --ignored --test-threads 1`.

use ackproof::outside::check;
use ackproof_oracle::verdict::Findings;
use flate2::read::GzDecoder;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a cluster may take to come up and be hurt.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a harness that is told to end may take.
const GOODBYE: Duration = Duration::from_secs(10);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Calls `ask` until it says yes; whether it did.
fn comes(patience: Duration, mut ask: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < patience {
        if ask() {
            return true;
        }
        sleep(Duration::from_millis(50));
    }
    ask()
}

/// A run of a scenario in a folder of its own, where its temporary files are as well.
struct Running {
    folder: TempDir,
    child: Child,
}

impl Running {
    /// Starts a short run without faults but `faults`.
    fn start(load: &str, faults: &str) -> Self {
        let folder = tempfile::tempdir().expect("a fresh directory");
        let text = std::fs::read_to_string(root().join("scenarios/real/no-faults.json"));
        let text = text.expect("it is there");
        let short = text.replace("\"load\": \"37s\"", &format!("\"load\": \"{load}\""));
        let hurt = short.replace("\"run\": {", &format!("\"faults\": [{faults}],\n  \"run\": {{"));
        assert!(text != short && short != hurt, "the scenario has both: {text}");
        std::fs::write(folder.path().join("short.json"), hurt).expect("it can be written");
        let temporary = folder.path().join("tmp");
        std::fs::create_dir(&temporary).expect("it can be made");
        let jars = root().join("target/real/jars").canonicalize();
        let child = Command::new(env!("CARGO_BIN_EXE_ackproof-real"))
            .args(["run", "short.json", "--runs", "1", "--output", "histories", "--jars"])
            .arg(jars.expect("tests/real/setup makes it"))
            .current_dir(folder.path())
            .env("TMPDIR", &temporary)
            .stdout(Stdio::null())
            // As in a terminal, which tells everyone in front of it.
            .process_group(0)
            .spawn();
        Self { folder, child: child.expect("it starts") }
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join("tmp")
    }

    fn history(&self) -> PathBuf {
        self.folder.path().join("histories/short/1.jsonl.gz")
    }

    /// Command lines of everything that belongs to the run, whatever its parent.
    fn processes(&self) -> Vec<String> {
        let mark = self.temporary().display().to_string();
        let all = std::fs::read_dir("/proc").expect("it is there").filter_map(Result::ok);
        let lines = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .filter(|line| line.contains(&mark))
            .collect()
    }

    fn has(&self, what: &str) -> bool {
        self.processes().iter().any(|line| line.contains(what))
    }

    /// Waits for its end.
    fn ends(&mut self, patience: Duration) -> ExitStatus {
        let mut status = None;
        let ended = comes(patience, || {
            status = self.child.try_wait().expect("it is a child");
            status.is_some()
        });
        assert!(ended, "it does not end: {:?}", self.processes());
        status.expect("it ended")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // A test that failed leaves nothing either, as far as the harness holds its promise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the machine has of networks, and where file systems are mounted.
fn machine() -> BTreeSet<String> {
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .output();
        String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned()
    };
    let mut all = BTreeSet::new();
    let mut add = |kind: &str, text: String| {
        all.extend(text.lines().map(|line| format!("{kind}: {}", line.trim())));
    };
    add("namespace", said("ip", &["netns", "list"]));
    let links = said("ip", &["-brief", "link"]);
    add(
        "link",
        links.lines().filter_map(|line| line.split(' ').next()).collect::<Vec<_>>().join("\n"),
    );
    add("table", said("nft", &["list", "tables"]));
    add("mount", std::fs::read_to_string("/proc/mounts").expect("it is there"));
    all
}

fn judged(history: &Path) -> Findings {
    let mut text = Vec::new();
    let file = File::open(history).expect("it is there");
    GzDecoder::new(file).read_to_end(&mut text).expect("it is compressed");
    check::read(BufReader::new(&text[..]), &[]).expect("it is a history").findings
}

#[test]
#[ignore = "starts a cluster: needs root, Java and tests/real/setup"]
fn a_short_run_leaves_a_history_that_is_judged() {
    let before = machine();
    let mut running = Running::start("16s", "");
    let status = running.ends(PATIENCE);
    assert_eq!(status.code(), Some(0));
    let findings = judged(&running.history());
    for property in ["acked-durability", "at-least-once", "commit-durability", "idempotent-log"] {
        let found = findings.properties.iter().find(|one| one.name == property);
        let found = found.unwrap_or_else(|| panic!("{property} is there"));
        assert!(found.witnesses > 0 && found.violation_count == 0, "{found:?}");
    }
    assert!(findings.records.sent > 500, "{:?}", findings.records);
    assert_eq!(findings.records.sent, findings.records.acked);
    assert_eq!(machine(), before);
}

/// A run that is told to end in the middle of faults: a broker is down, links are cut, and others are narrow.
fn interrupted(tell: impl FnOnce(Pid) -> rustix::io::Result<()>) {
    let before = machine();
    let faults = r#"
        { "at": "10s", "isolate": "broker-1", "from": ["brokers"], "for": "60s" },
        { "at": "10s", "throttle": "broker-2", "to": ["brokers"], "rate": "20kB/s", "for": "60s" },
        { "at": "11s", "crash": "broker-3", "for": "60s" }"#;
    let mut running = Running::start("80s", faults);
    let hurt = comes(PATIENCE, || {
        running.has("VerifiableProducer") && !running.has("broker-3.properties")
    });
    assert!(hurt, "a broker is killed: {:?}", running.processes());
    assert!(running.has("broker-1.properties") && running.has("Observer.java"));
    assert!(running.processes().len() > 8, "the run is in its middle: {:?}", running.processes());
    tell(Pid::from_child(&running.child)).expect("it is there");
    assert_eq!(running.ends(GOODBYE).code(), Some(130), "interrupted");
    // The kernel takes them away when their namespace ends, a moment later.
    let gone = comes(Duration::from_secs(5), || running.processes().is_empty());
    assert!(gone, "left behind: {:?}", running.processes());
    assert_eq!(machine(), before);
    let left: Vec<_> = std::fs::read_dir(running.temporary()).expect("it is there").collect();
    assert!(left.is_empty(), "{left:?}");
    let folder = std::fs::read_dir(running.history().parent().expect("it has one"));
    assert_eq!(folder.expect("it is there").count(), 0, "no history, nor a part of one");
}

#[test]
#[ignore = "starts a cluster: needs root, Java and tests/real/setup"]
fn a_run_that_is_interrupted_leaves_nothing() {
    interrupted(|pid| kill_process_group(pid, Signal::INT));
}

#[test]
#[ignore = "starts a cluster: needs root, Java and tests/real/setup"]
fn a_run_that_is_terminated_leaves_nothing() {
    interrupted(|pid| kill_process(pid, Signal::TERM));
}
