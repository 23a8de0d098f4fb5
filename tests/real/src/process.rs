//! JVMs, each in the network namespace of its host: started, frozen, stopped, killed.

use crate::host;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// How a program of Kafka is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    /// Its main class, or a source file.
    pub(crate) main: String,
    /// What it is told.
    pub(crate) arguments: Vec<String>,
    /// Its heap in MiB.
    pub(crate) heap: u16,
}

/// Where every JVM finds what it needs.
#[derive(Clone, Debug)]
pub(crate) struct Java {
    /// The folder of Kafka's artifacts.
    pub(crate) jars: PathBuf,
    /// A folder of classes of the harness's own.
    pub(crate) classes: PathBuf,
    /// The configuration of logging.
    pub(crate) logging: PathBuf,
    /// Where output goes: `<name>.jsonl` and `<name>.log`.
    pub(crate) output: PathBuf,
}

/// A process of a run.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    frozen: bool,
    ended: bool,
}

impl Java {
    /// What the standard output of `name` goes to.
    pub(crate) fn printed(&self, name: &str) -> PathBuf {
        self.output.join(format!("{name}.jsonl"))
    }

    /// What `name` logs.
    pub(crate) fn logged(&self, name: &str) -> PathBuf {
        self.output.join(format!("{name}.log"))
    }

    fn append(file: &Path) -> Result<File, String> {
        let opened = OpenOptions::new().create(true).append(true).open(file);
        opened.map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Starts `launch` in the namespace `name`; its output is added to what was there.
    pub(crate) fn start(&self, name: &str, launch: &Launch) -> Result<Process, String> {
        let printed = Self::append(&self.printed(name))?;
        let child = self
            .command(name, launch)?
            .stdin(Stdio::null())
            .stdout(printed)
            .spawn()
            .map_err(|error| format!("{name}: {error}"))?;
        Ok(Process { child, frozen: false, ended: false })
    }

    /// The command of `launch` in the namespace `name`, with its errors in the log.
    pub(crate) fn command(
        &self,
        name: &str,
        launch: &Launch,
    ) -> Result<std::process::Command, String> {
        let mut command = host::command("ip");
        command
            .args(["netns", "exec", name, "java"])
            .arg(format!("-Xmx{}m", launch.heap))
            // Two cores carry a dozen JVMs: what starts fast serves better here than what runs fast.
            .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"])
            .arg("-Djava.net.preferIPv4Stack=true")
            .arg(format!("-Dlog4j2.configurationFile={}", self.logging.display()))
            .arg("-cp")
            .arg(format!("{}/*:{}", self.jars.display(), self.classes.display()))
            .arg(&launch.main)
            .args(&launch.arguments)
            .stderr(Self::append(&self.logged(name))?);
        Ok(command)
    }

    /// Compiles `source` into the folder of classes, in the namespace `name`.
    pub(crate) fn compile(&self, name: &str, source: &Path) -> Result<(), String> {
        let told = |error: std::io::Error| format!("{}: {error}", self.jars.display());
        // Only the launcher of programs reads `*`.
        let entries = std::fs::read_dir(&self.jars).map_err(told)?;
        let jars: Vec<String> =
            entries.filter_map(|one| Some(one.ok()?.path().display().to_string())).collect();
        let classes = self.classes.display().to_string();
        let source = source.display().to_string();
        let arguments = ["-d", &classes, "-cp", &jars.join(":"), &source].map(str::to_owned);
        let main = "com.sun.tools.javac.Main".to_owned();
        self.run(name, &Launch { main, arguments: arguments.to_vec(), heap: 160 }).map(drop)
    }

    /// Runs `launch` in the namespace `name` to its end; its output.
    pub(crate) fn run(&self, name: &str, launch: &Launch) -> Result<String, String> {
        let output = self
            .command(name, launch)?
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("{name}: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stdout);
        Err(format!("{}: {}\n{}", launch.main, output.status, said.trim()))
    }
}

impl Process {
    /// Whether it runs.
    pub(crate) fn is_up(&mut self) -> bool {
        self.ended = self.ended || matches!(self.child.try_wait(), Ok(Some(_)));
        !self.ended
    }

    /// Whether it is stopped by SIGSTOP.
    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen
    }

    fn signal(&mut self, signal: Signal) -> Result<(), String> {
        // A process that ended has no number of its own any more.
        if !self.is_up() {
            return Ok(());
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).map_err(|error| format!("signal {signal:?} to {pid:?}: {error}"))
    }

    /// `kill -9`. It takes a moment to die.
    pub(crate) fn strike(&mut self) -> Result<(), String> {
        self.signal(Signal::KILL)
    }

    /// `kill -9`, and waits for its end.
    pub(crate) fn kill(&mut self) -> Result<(), String> {
        self.strike()?;
        let waited = self.child.wait().map(drop).map_err(|error| error.to_string());
        self.ended = true;
        waited
    }

    /// Asks it to end.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        self.signal(Signal::TERM)
    }

    /// SIGSTOP.
    pub(crate) fn freeze(&mut self) -> Result<(), String> {
        self.frozen = true;
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub(crate) fn resume(&mut self) -> Result<(), String> {
        self.frozen = false;
        self.signal(Signal::CONT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    fn sleeper() -> Process {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        Process { child, frozen: false, ended: false }
    }

    #[test]
    fn a_process_is_frozen_resumed_stopped_and_killed() {
        let mut one = sleeper();
        one.freeze().unwrap();
        // Signals that arrive together are not taken in their order.
        let state = format!("/proc/{}/stat", one.child.id());
        let is_stopped = || {
            sleep(Duration::from_millis(5));
            std::fs::read_to_string(&state).unwrap().contains(") T ")
        };
        assert!((0..2000).any(|_| is_stopped()), "SIGSTOP stops it");
        one.stop().unwrap();
        sleep(Duration::from_millis(200));
        assert!(
            one.is_up() && one.is_frozen(),
            "a frozen process does not end when it is asked to"
        );
        one.resume().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while one.is_up() && Instant::now() < deadline {
            sleep(Duration::from_millis(5));
        }
        assert!(!one.is_up() && !one.is_frozen(), "it goes on, and ends");
        one.kill().unwrap();
        let mut other = sleeper();
        other.kill().unwrap();
        assert!(!other.is_up());
        other.freeze().unwrap();
    }
}
