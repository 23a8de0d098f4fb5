//! The stage of a run: a cluster, its clients and the observer, each process in its namespace, and what can
//! be done to them. It knows no faults and no timeline.

use crate::cast::{Cast, Role};
use crate::disk::Disk;
use crate::journal::{Journal, now};
use crate::kafka::{self, Addresses, Server};
use crate::members::{self, Member};
use crate::network::{Host, Network, address};
use crate::observer::{NAME, Observer, SOURCE};
use crate::process::{Java, Launch, Process};
use crate::tails;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Event, ProcessEnd, TailLoss};
use ackproof_scenario::plan::{Action, Plan};
use ackproof_types::{KafkaVersion, Micros, NodeId, Offset};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long a cluster may take to come up, and a group to form.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often something is looked at that is waited for.
const LOOK: Duration = Duration::from_millis(100);

/// Everything of a run that lives.
pub(crate) struct Stage<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) context: Context,
    pub(crate) cast: Cast,
    pub(crate) network: Network,
    pub(crate) observer: Observer,
    pub(crate) journal: Journal,
    pub(crate) java: Java,
    /// When the run's time begins, by the wall clock; none: not yet.
    pub(crate) zero: Option<u64>,
    line: KafkaVersion,
    work: PathBuf,
    addresses: Addresses,
    processes: BTreeMap<Host, Process>,
    /// Disks that can lose their power, if the plan wants that.
    disks: BTreeMap<Host, Disk>,
    /// Who has lost the power and is dying of it.
    unpowered: BTreeMap<Host, Process>,
    /// How often each process was started.
    lives: BTreeMap<Host, u16>,
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// Calls `ask` until it says yes.
pub(crate) fn wait_for(
    what: &str,
    patience: Duration,
    mut ask: impl FnMut() -> Result<bool, String>,
) -> Result<(), String> {
    let start = Instant::now();
    let mut last = String::new();
    while start.elapsed() < patience {
        match ask() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last = error,
        }
        sleep(LOOK);
    }
    Err(format!("waited {} s for {what} in vain; {last}", patience.as_secs()))
}

impl<'a> Stage<'a> {
    /// Starts a cluster in the folder `work`, and waits until it has the plan's topics.
    pub(crate) fn set(
        plan: &'a Plan,
        context: Context,
        jars: &Path,
        work: &Path,
    ) -> Result<Self, String> {
        for folder in ["etc", "data", "out"] {
            std::fs::create_dir_all(work.join(folder)).map_err(|error| error.to_string())?;
        }
        let line = kafka::line(jars).ok_or_else(|| format!("no Kafka in {}", jars.display()))?;
        let java = Java {
            jars: jars.to_owned(),
            classes: work.join("etc"),
            logging: work.join("etc/log4j2.xml"),
            output: work.join("out"),
        };
        write(&java.logging, kafka::LOGGING)?;
        let source = work.join("etc/Observer.java");
        write(&source, SOURCE)?;
        let cast = Cast::new(plan, &context);
        let network = Network::new(cast.names())?;
        let of = |is: fn(Role) -> bool| cast.hosts(is).into_iter().map(address).collect();
        let addresses = Addresses {
            brokers: of(|role| matches!(role, Role::Broker(_))),
            controllers: of(|role| matches!(role, Role::Controller(_))),
        };
        // It takes a while to start; meanwhile the cluster does.
        let observer = Observer::start(&java, &source, &addresses.bootstrap())?;
        let (journal, work) = (Journal::default(), work.to_owned());
        let (processes, lives) = (BTreeMap::new(), BTreeMap::new());
        let (disks, unpowered) = (BTreeMap::new(), BTreeMap::new());
        let mut stage = Self {
            plan,
            context,
            cast,
            network,
            observer,
            journal,
            java,
            zero: None,
            line,
            work,
            addresses,
            processes,
            disks,
            unpowered,
            lives,
        };
        stage.start_cluster()?;
        stage.compile_member()?;
        stage.create_topics()?;
        Ok(stage)
    }

    /// Compiles the harness's own client, if a group needs it: its members start faster then.
    fn compile_member(&self) -> Result<(), String> {
        let groups = (0..).zip(&self.plan.groups).map(|(index, _)| index);
        if !groups.into_iter().any(|group| members::is_own(self.plan, group)) {
            return Ok(());
        }
        let source = self.java.classes.join("Member.java");
        write(&source, members::SOURCE)?;
        self.java.compile(NAME, &source)
    }

    fn servers(&self) -> Vec<(Host, Server)> {
        let hosts = self.cast.hosts(|role| matches!(role, Role::Broker(_) | Role::Controller(_)));
        let server = |host: Host| match self.cast.player(host).role {
            Role::Broker(id) => Some((host, Server::Broker(id))),
            Role::Controller(number) => Some((host, Server::Controller(number))),
            _ => None,
        };
        hosts.into_iter().filter_map(server).collect()
    }

    fn data(&self, host: Host) -> PathBuf {
        self.work.join("data").join(self.network.name(host))
    }

    fn properties(&self, name: &str) -> PathBuf {
        self.work.join("etc").join(format!("{name}.properties"))
    }

    fn start_cluster(&mut self) -> Result<(), String> {
        let faults = self.plan.faults.iter().flat_map(|fault| &fault.choices);
        let loses = faults.into_iter().any(|(_, kind)| kind.action == Action::PowerLoss);
        for (host, _) in self.servers().into_iter().filter(|_| loses) {
            self.disks.insert(host, Disk::mount(&self.data(host))?);
        }
        let mut formats = Vec::new();
        for (host, server) in self.servers() {
            let name = self.network.name(host);
            let text = kafka::server(server, self.plan, &self.addresses, &self.data(host));
            write(&self.properties(name), &text)?;
            let launch = kafka::format_storage(&self.properties(name), self.plan);
            formats.push((name.to_owned(), launch));
        }
        let java = &self.java;
        std::thread::scope(|scope| {
            let formats: Vec<_> = formats
                .iter()
                .map(|(name, launch)| scope.spawn(move || java.run(name, launch)))
                .collect();
            formats.into_iter().try_for_each(|format| match format.join() {
                Ok(outcome) => outcome.map(drop),
                Err(_) => Err("a thread that formats ended early".to_owned()),
            })
        })?;
        // Who formats a disk does so long before it is used.
        self.disks.values().for_each(Disk::sync);
        for (host, _) in self.servers() {
            self.start(host)?;
        }
        let wanted = usize::from(self.plan.main().brokers);
        wait_for("the brokers", PATIENCE, || {
            let brokers: Vec<u16> = self.observer.learn("brokers", "brokers")?;
            Ok(brokers.len() == wanted)
        })
    }

    fn create_topics(&mut self) -> Result<(), String> {
        for (number, topic) in (0..).zip(&self.plan.topics) {
            let replicas = kafka::placement(number, topic, self.plan.main().brokers);
            let settings = kafka::topic_settings(number, topic);
            self.observer.ask(&format!("create {} {replicas} {settings}", topic.name))?;
        }
        wait_for("full in-sync sets", PATIENCE, || self.is_in_sync())
    }

    /// Whether every partition has all its replicas in sync, and a leader.
    pub(crate) fn is_in_sync(&mut self) -> Result<bool, String> {
        let placed = self.observer.partitions()?;
        let full =
            placed.iter().all(|one| one.leader.is_some() && one.isr.len() == one.replicas.len());
        Ok(full && !placed.is_empty())
    }

    fn launch(&self, host: Host) -> Result<Option<Launch>, String> {
        let (plan, bootstrap) = (self.plan, self.addresses.bootstrap());
        let file = self.properties(self.network.name(host));
        Ok(Some(match self.cast.player(host).role {
            Role::Broker(id) => kafka::start_server(Server::Broker(id), &file),
            Role::Controller(number) => kafka::start_server(Server::Controller(number), &file),
            Role::Producer(index, _, place) => {
                let producer = &plan.producers[usize::from(index)];
                write(&file, &kafka::producer_properties(producer))?;
                // It counts from 0 in every life; who reads its values must tell them apart.
                let life = self.lives.get(&host).copied().unwrap_or(0);
                let all = self.cast.hosts(|role| matches!(role, Role::Producer(..))).len();
                let prefix = usize::from(place) + usize::from(life) * all;
                kafka::start_producer(producer, plan, prefix, (self.line, &bootstrap), &file)
            }
            Role::Member(group, number) | Role::Spare(group, number) => {
                let passed = self.zero.map_or(0, |zero| now().saturating_sub(zero));
                let member = Member { plan, group, number, now: Micros(passed) };
                write(&file, &member.properties(&bootstrap))?;
                member.start((self.line, &bootstrap), &file, &self.stall_file(host))
            }
            Role::Observer => return Ok(None),
        }))
    }

    /// Starts the process of `host`, if it is down.
    pub(crate) fn start(&mut self, host: Host) -> Result<(), String> {
        if self.is_up(host) {
            return Ok(());
        }
        self.settle_power()?;
        let Some(launch) = self.launch(host)? else { return Ok(()) };
        let process = self.java.start(self.network.name(host), &launch)?;
        self.processes.insert(host, process);
        *self.lives.entry(host).or_default() += 1;
        self.journal.put(self.cast.player(host).node, Event::ProcessStarted);
        Ok(())
    }

    /// Whether the process of `host` runs.
    pub(crate) fn is_up(&mut self, host: Host) -> bool {
        self.processes.get_mut(&host).is_some_and(Process::is_up)
    }

    /// Whether the process of `host` is frozen.
    pub(crate) fn is_frozen(&self, host: Host) -> bool {
        self.processes.get(&host).is_some_and(Process::is_frozen)
    }

    /// Does something to the process of `host`, if it is there.
    pub(crate) fn with(
        &mut self,
        host: Host,
        what: fn(&mut Process) -> Result<(), String>,
    ) -> Result<(), String> {
        self.processes.get_mut(&host).map_or(Ok(()), what)
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, host: Host) -> Result<(), String> {
        self.with(host, Process::kill)?;
        self.ended(host, ProcessEnd::Crash);
        Ok(())
    }

    /// `kill -9`, and the disk is gone.
    pub(crate) fn wipe(&mut self, host: Host) -> Result<(), String> {
        self.kill(host)?;
        let data = self.data(host);
        let told = |error: std::io::Error| format!("{}: {error}", data.display());
        for entry in std::fs::read_dir(&data).map_err(told)? {
            let entry = entry.map_err(told)?;
            let is_folder = entry.file_type().map_err(told)?.is_dir();
            let remove = if is_folder { std::fs::remove_dir_all } else { std::fs::remove_file };
            remove(entry.path()).map_err(told)?;
        }
        self.disks.get(&host).into_iter().for_each(Disk::sync);
        Ok(())
    }

    /// `kill -9` without waiting: whoever loses the power with it must not live on meanwhile.
    pub(crate) fn lose_power(&mut self, host: Host) -> Result<(), String> {
        let Some(mut process) = self.processes.remove(&host) else { return Ok(()) };
        process.strike()?;
        self.ended(host, ProcessEnd::Crash);
        self.unpowered.insert(host, process);
        Ok(())
    }

    /// Takes from the disks of those that have lost their power what was not synced, and puts on record what is gone.
    pub(crate) fn settle_power(&mut self) -> Result<(), String> {
        for (host, mut process) in std::mem::take(&mut self.unpowered) {
            process.kill()?;
            let data = self.data(host);
            let Some(disk) = self.disks.get_mut(&host) else { continue };
            let before = tails::ends(&data, self.plan)?;
            disk.lose_power()?;
            let after = tails::ends(&data, self.plan)?;
            for (partition, from) in before {
                let to = after.get(&partition).copied().unwrap_or(Offset(0));
                if to < from {
                    let lost = Event::TailLost { partition, from, to, by: TailLoss::Power };
                    self.journal.put(self.cast.player(host).node, lost);
                }
            }
        }
        Ok(())
    }

    /// Formats the disk of `host`, as who puts in an empty one does.
    pub(crate) fn format(&self, host: Host) -> Result<(), String> {
        let name = self.network.name(host);
        let launch = kafka::format_storage(&self.properties(name), self.plan);
        self.java.run(name, &launch).map(drop)
    }

    fn ended(&mut self, host: Host, how: ProcessEnd) {
        self.processes.remove(&host);
        self.journal.put(self.cast.player(host).node, Event::ProcessEnded(how));
    }

    /// While this is there, the harness's own client on `host` does not poll.
    fn stall_file(&self, host: Host) -> PathBuf {
        self.work.join(format!("{}.stalls", self.network.name(host)))
    }

    /// Lets a member stop polling, or poll again.
    pub(crate) fn stall(&self, host: Host, stalls: bool) -> Result<(), String> {
        let file = self.stall_file(host);
        if stalls {
            return write(&file, "");
        }
        std::fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// Whether the client on `host` has said that it started, in its present life.
    pub(crate) fn has_started(&mut self, host: Host) -> bool {
        let printed = self.java.printed(self.network.name(host));
        let text = std::fs::read_to_string(printed).unwrap_or_default();
        let told = text.lines().filter(|line| line.contains("\"startup_complete\"")).count();
        let lives = usize::from(self.lives.get(&host).copied().unwrap_or(0));
        self.is_up(host) && lives > 0 && told >= lives
    }

    /// Hosts whose process has ended by itself since the last look.
    pub(crate) fn exited(&mut self) -> Vec<Host> {
        let all: Vec<Host> = self.processes.keys().copied().collect();
        let gone: Vec<Host> = all.into_iter().filter(|host| !self.is_up(*host)).collect();
        gone.iter().for_each(|host| self.ended(*host, ProcessEnd::Clean));
        gone
    }

    /// Hosts of the processes that run and are wanted.
    pub(crate) fn running(&self, is: fn(Role) -> bool) -> Vec<Host> {
        let wanted = |host: &&Host| is(self.cast.player(**host).role);
        self.processes.keys().filter(wanted).copied().collect()
    }

    /// Starts all members and waits until every group has given all partitions away.
    pub(crate) fn form_groups(&mut self) -> Result<(), String> {
        for host in self.cast.hosts(|role| matches!(role, Role::Member(..))) {
            self.start(host)?;
        }
        for group in &self.plan.groups {
            let partitions: usize = group
                .topics
                .iter()
                .map(|id| usize::from(self.plan.topics[id.index()].partitions))
                .sum();
            wait_for("the group to form", PATIENCE, || {
                let answer = self.observer.ask(&format!("group {}", group.name))?;
                let members = answer["members"].as_array().map_or(&[][..], Vec::as_slice);
                let owned = members.iter().filter_map(|member| member["partitions"].as_array());
                let all_there = members.len() == usize::from(group.members);
                Ok(all_there && owned.map(Vec::len).sum::<usize>() == partitions)
            })?;
        }
        Ok(())
    }

    /// Whether every group has worked all that there is.
    pub(crate) fn is_drained(&mut self) -> Result<bool, String> {
        for group in &self.plan.groups {
            let answer = self.observer.ask(&format!("group {}", group.name))?;
            if answer["lag"] != 0 || answer["state"] != "Stable" {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads every log from its start to its end into the file that is returned.
    pub(crate) fn read_logs(&mut self) -> Result<PathBuf, String> {
        let file = self.java.output.join("final.jsonl");
        let names: Vec<&str> =
            self.plan.topics[1..].iter().map(|topic| topic.name.as_str()).collect();
        self.observer.ask(&format!("read {} {}", file.display(), names.join(" ")))?;
        Ok(file)
    }

    /// What the active controller's metadata log says, as Kafka's own tool prints it.
    pub(crate) fn dump_metadata(&mut self) -> Result<String, String> {
        let active: u16 = self.observer.learn("controller", "controller")?;
        let hosts = self.cast.hosts(
            |role| matches!(role, Role::Controller(number) if kafka::controller_id(number) == active),
        );
        let host = *hosts.first().ok_or_else(|| format!("no controller {active}"))?;
        let segment = self.data(host).join("__cluster_metadata-0").join("00000000000000000000.log");
        self.java.run(NAME, &kafka::dump_metadata(&segment, self.line))
    }

    /// The process of the history that `host` is.
    pub(crate) fn node(&self, host: Host) -> NodeId {
        self.cast.player(host).node
    }
}

impl crate::rolling::Watched for Stage<'_> {
    fn is_up(&mut self, host: Host) -> bool {
        Stage::is_up(self, host)
    }

    fn is_back(&mut self, host: Option<Host>) -> Result<bool, String> {
        match host {
            Some(host) if matches!(self.cast.player(host).role, Role::Member(..)) => {
                Ok(self.has_started(host))
            }
            _ => self.is_in_sync(),
        }
    }
}
