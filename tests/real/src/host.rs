//! What the harness needs of the machine, and how it calls the machine's tools. Nothing here knows Kafka.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of the machine and the Debian package that has it.
const PROGRAMS: [(&str, &str); 6] = [
    ("java", "openjdk-17-jre-headless"),
    ("ip", "iproute2"),
    ("tc", "iproute2"),
    ("nft", "nftables"),
    ("unshare", "util-linux"),
    ("setpriv", "util-linux"),
];

/// Where system tools are, though a user's `PATH` may leave these out.
const SYSTEM: [&str; 2] = ["/usr/sbin", "/sbin"];

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SYSTEM.map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// A command of the program `name`, wherever it is.
pub(crate) fn command(name: &str) -> Command {
    Command::new(find(name).unwrap_or_else(|| name.into()))
}

/// Runs a program to its end, with `input`; its output.
///
/// # Errors
/// What it said, if it did not end with 0.
pub(crate) fn run(name: &str, arguments: &[&str], input: &str) -> Result<String, String> {
    let told = || format!("{name} {}", arguments.join(" "));
    let mut child = command(name)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", told()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).map_err(|error| format!("{}: {error}", told()))?;
    }
    let output = child.wait_with_output().map_err(|error| format!("{}: {error}", told()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}\n{}", told(), output.status, said.trim()))
}

/// Everything that is missing on this machine, with what helps; `jars` is the folder of Kafka's artifacts.
pub(crate) fn missing(jars: &Path) -> Vec<String> {
    let mut missing: Vec<String> = PROGRAMS
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(program, package)| format!("no {program}: install the package {package}"))
        .collect();
    if !rustix::process::geteuid().is_root() {
        missing.push("not root: network namespaces are made by root only".to_owned());
    } else if missing.is_empty()
        && let Err(error) = run("unshare", &[SANDBOX, &["true"]].concat(), "")
    {
        missing.push(format!("namespaces are not permitted here: {error}"));
    }
    if crate::kafka::version(jars).is_none() {
        missing.push(format!(
            "no Kafka in {}: tests/real/setup fetches it from Maven Central",
            jars.display()
        ));
    }
    missing
}

/// Options of `unshare` for namespaces of mounts, networks and processes that end with it.
pub(crate) const SANDBOX: &[&str] =
    &["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];

/// Whether the kernel can delay packets.
pub(crate) fn can_delay() -> bool {
    let probe = [SANDBOX, &["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]];
    run("unshare", &probe.concat(), "").is_ok()
}

/// The machine in a line: processor, cores, memory, kernel.
pub(crate) fn machine() -> String {
    let read = |file: &str| std::fs::read_to_string(file).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name));
        line.and_then(|line| line.split_once(':')).map_or(String::new(), |(_, value)| {
            value.split_whitespace().collect::<Vec<_>>().join(" ")
        })
    };
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let cores = cpu.lines().filter(|line| line.starts_with("processor")).count();
    let kib: u64 = field(&memory, "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!(
        "{} × {}, {} GiB, Linux {}",
        cores,
        field(&cpu, "model name"),
        kib.div_ceil(1024 * 1024),
        kernel.trim()
    )
}

/// The version of Java.
pub(crate) fn java() -> String {
    // It tells on standard error, whatever it is asked for; `--version` is the exception.
    let said = run("java", &["--version"], "").unwrap_or_default();
    said.split_whitespace().nth(1).unwrap_or("unknown").to_owned()
}
