//! One run: a plan and a seed, from boot to findings, on an OS thread of its own.
//!
//! Three phases: load with faults (safety), everything healed (liveness), a final read of all logs.

mod feed;
mod fork;
pub(crate) mod orders;
pub(crate) mod outside;
mod outsider;
mod scale;
mod stage;

use super::autoscaler::{Autoscaler, Lags};
use super::bounds::{Bounds, Failure, Progress, message};
use super::events::Agenda;
use super::lives::World;
use super::lower::{self, Cast, Role};
use super::nemesis::moments::whole;
use super::nemesis::{FaultRecord, Nemesis, Next};
use super::network::Network;
use super::recorder::{Recorder, Trace, Watch};
use super::sights::Sights;
use super::spans::{Dying, Startup};
use ackproof_kafka::config::ClusterConfig;
use ackproof_kafka::sink::Sink;
use ackproof_oracle::context::Context;
use ackproof_oracle::history::{Event, Phase};
use ackproof_oracle::partitions::Partitions;
use ackproof_oracle::verdict::{Findings, Subject};
use ackproof_scenario::moment::Moment;
use ackproof_scenario::plan::{Part, Plan};
use ackproof_scenario::schedule::{Schedule, ScheduledFault, Start, Wait};
use ackproof_scenario::{entity, stream};
use ackproof_types::{GroupId, Micros, NodeId, Timestamp};
use feed::Source;
pub use fork::{Fork, run_forked};
use madsim::runtime::Runtime;
use orders::WAITS;
use outside::Outside;
use stage::{process, servers};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What a run leaves.
#[derive(Clone, Debug)]
pub struct RunOutcome {
    /// The seed.
    pub seed: u64,
    /// Over every entry and delivery, in order.
    pub digest: u128,
    /// The digest after each simulated second.
    pub ladder: Vec<u128>,
    /// What the oracle concludes.
    pub findings: Findings,
    /// Faults as they were carried out.
    pub faults: Vec<FaultRecord>,
    /// The schedule with what the run decided: whom `any broker` was.
    pub schedule: Vec<ScheduledFault>,
    /// How long the run was.
    pub simulated: Timestamp,
    /// Messages delivered.
    pub messages: u64,
    /// Entries of the history.
    pub entries: u64,
    /// Names.
    pub context: Arc<Context>,
}

/// The final read may take this long; the run is over as soon as it is done.
const FINAL_READ: Micros = Micros::from_secs(60);

/// Runs `plan` under `seed` on a fresh thread; `trace` sees every entry. Violations come without stories:
/// nothing is kept of single records.
///
/// # Errors
/// A panic, or the bound that ended it.
///
/// # Panics
/// If the operating system gives no thread.
pub fn run(plan: &Plan, seed: u64, trace: Option<Trace>) -> Result<RunOutcome, Failure> {
    run_within(plan, seed, trace, &Bounds::default())
}

/// As [`run`], within other bounds than the usual ones.
///
/// # Errors
/// As [`run`].
///
/// # Panics
/// As [`run`].
pub fn run_within(
    plan: &Plan,
    seed: u64,
    trace: Option<Trace>,
    bounds: &Bounds,
) -> Result<RunOutcome, Failure> {
    run_once(plan.into(), seed, trace.into(), &[], bounds)
}

/// As [`run`]; if records were lost or skipped, a second run tells their stories.
///
/// # Errors
/// As [`run`], and if the second run was another one.
///
/// # Panics
/// As [`run`].
pub fn run_telling(
    plan: &Plan,
    seed: u64,
    watch: Watch,
    bounds: &Bounds,
) -> Result<RunOutcome, Failure> {
    let outcome = run_once(plan.into(), seed, watch, &[], bounds)?;
    let subjects = outcome.findings.subjects();
    if subjects.is_empty() {
        return Ok(outcome);
    }
    let told = run_once(plan.into(), seed, Watch::default(), &subjects, bounds)?;
    if told.digest != outcome.digest {
        let text = "the second run of the seed, for the story, was another one";
        return Err(Failure::Crashed(text.to_owned()));
    }
    Ok(told)
}

fn run_once(
    course: Course<'_>,
    seed: u64,
    watch: Watch,
    subjects: &[Subject],
    bounds: &Bounds,
) -> Result<RunOutcome, Failure> {
    std::thread::scope(|scope| {
        let simulate = || simulate(course, seed, watch, subjects, bounds);
        let work = || catch_unwind(AssertUnwindSafe(simulate));
        let name = format!("seed-{seed}");
        let handle = std::thread::Builder::new().name(name).spawn_scoped(scope, work);
        let result = handle.expect("the system has a thread to give").join();
        let caught = result.and_then(|caught| caught);
        caught.unwrap_or_else(|panic| Err(Failure::Crashed(message(&*panic))))
    })
}

fn simulate(
    course: Course<'_>,
    seed: u64,
    watch: Watch,
    subjects: &[Subject],
    bounds: &Bounds,
) -> Result<RunOutcome, Failure> {
    let mut runtime = Runtime::with_seed_and_config(seed, madsim::Config::default());
    runtime.set_allow_system_thread(true);
    runtime.block_on(async { Director::new(course, seed, watch, subjects, bounds).direct() })
}

struct Director<'a> {
    plan: &'a Plan,
    seed: u64,
    cast: Cast,
    schedule: Vec<ScheduledFault>,
    /// The load is over: no fault strikes any more.
    has_settled: bool,
    /// Where chance takes another course; no fault strikes after it.
    fork: Option<Fork>,
    has_forked: bool,
    /// Who takes part from outside, until it is over there.
    outside: Option<&'a mut (dyn Outside + Send)>,
    /// The faults of each order from outside.
    ordered: BTreeMap<u32, Vec<u32>>,
    autoscalers: Vec<Autoscaler>,
    world: World,
    nemesis: Nemesis<'a>,
    sources: BTreeMap<NodeId, Source>,
    context: Arc<Context>,
}

/// What a run goes by.
pub(crate) struct Course<'a> {
    plan: &'a Plan,
    fork: Option<Fork>,
    outside: Option<&'a mut (dyn Outside + Send)>,
}

impl<'a> From<&'a Plan> for Course<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self { plan, fork: None, outside: None }
    }
}

impl<'a> Director<'a> {
    fn new(
        course: Course<'a>,
        seed: u64,
        watch: Watch,
        subjects: &[Subject],
        bounds: &Bounds,
    ) -> Self {
        let Course { plan, fork, outside } = course;
        let cast = Cast::new(plan);
        let context = Arc::new(lower::context(plan, &cast));
        let clusters = plan.numbered().map(|(id, _)| Arc::new(lower::cluster(plan, id)));
        let clusters: Vec<Arc<ClusterConfig>> = clusters.collect();
        let coordinators = (0..).map(GroupId).take(context.groups.len()).map(|id| context.home(id));
        let mut recorder =
            Recorder::new(Arc::clone(&context), coordinators.collect(), watch, subjects);
        let scales = plan.groups.iter().any(|group| group.autoscale.is_some());
        recorder.lags = scales.then(|| Lags::new(Partitions::new(&context)));
        recorder.sights = outside.is_some().then(Sights::default);
        let processes = cast
            .nodes()
            .map(|(node, role)| {
                let rng = stream(seed, "startup", entity(&cast.names[node.index()]));
                let startup = Startup::new(lower::startup(plan, role), rng);
                let waking = stream(seed, "waking", entity(&cast.names[node.index()]));
                let dying = Dying::new(seed, entity(&cast.names[node.index()]));
                (process(plan, seed, &clusters, (node, role), &cast), startup, dying, waking)
            })
            .collect();
        let sockets = (cast.roster.clone(), lower::buffers(plan, &cast));
        let network = Network::new(&cast.entities(), sockets, plan.network, seed);
        let servers = servers(plan, &cast);
        let sinks = plan.groups.iter().map(|group| group.sink.map(Sink::new)).collect();
        let progress = Progress::new(bounds);
        let (around, companions) = ((network, servers, sinks), cast.companions.clone());
        let mut world = World::new(processes, companions, around, recorder, progress);
        world.kernel.leaving = outside.is_some().then(Vec::new);
        let schedule = Schedule::new(plan, seed).faults;
        let nemesis = Nemesis::new(plan, cast.clone());
        let (has_settled, sources) = (false, BTreeMap::new());
        let autoscalers = Autoscaler::all(plan);
        Self {
            plan,
            seed,
            cast,
            schedule,
            has_settled,
            fork,
            has_forked: false,
            outside,
            ordered: BTreeMap::new(),
            autoscalers,
            world,
            nemesis,
            sources,
            context,
        }
    }

    fn put(&mut self, at: Micros, item: Agenda) {
        self.world.agenda(at.0, item);
    }

    /// Every process that runs from the start, or from when its plan says.
    fn boot_all(&mut self) {
        for (node, role) in self.cast.clone().nodes() {
            match role {
                Role::Controller(..) | Role::Broker(_) => {
                    self.put(Micros::ZERO, Agenda::Boot(node))
                }
                Role::Producer(number, _, _) => {
                    self.put(self.plan.producers[usize::from(number)].start, Agenda::Boot(node));
                }
                Role::Member(group, _) => match &self.plan.groups[usize::from(group)] {
                    one if matches!(one.part, Part::StandsFor(_)) => self.world.retire(node),
                    one => self.put(one.start, Agenda::Boot(node)),
                },
                Role::Spare(..) | Role::Reader(_) | Role::Outsider(_) => {}
            }
        }
    }

    fn direct(mut self) -> Result<RunOutcome, Failure> {
        self.put(Micros::ZERO, Agenda::Phase(Phase::Load));
        self.boot_all();
        for (number, fault) in (0..).zip(self.schedule.clone()) {
            match fault.start {
                Start::At(at) => self.put(at, Agenda::Fault(number)),
                Start::After(anchor, _) => {
                    self.world.kernel.recorder.anchors.add(number, anchor, &self.cast);
                }
                Start::On(wait) => self.put(wait.from, Agenda::Aim(number)),
            }
        }
        for (number, one) in (0..).zip(self.autoscalers.clone()) {
            let start = self.plan.groups[usize::from(one.group)].start;
            self.put(start + one.config.every, Agenda::Scale(number));
        }
        self.expect_phases();
        self.expect_fork();
        let mut reading: Vec<NodeId> = self.cast.readers().collect();
        while let Some(item) = self.next()? {
            let is_over = match item {
                Agenda::Phase(phase) => phase == Phase::End,
                Agenda::Exited(node) => {
                    reading.retain(|reader| *reader != node);
                    reading.is_empty()
                }
                Agenda::Record(_)
                | Agenda::Anchor(_)
                | Agenda::Aim(_)
                | Agenda::GiveUp(_)
                | Agenda::Fault(_)
                | Agenda::FaultEnd(_)
                | Agenda::FaultLook(_)
                | Agenda::Scale(_)
                | Agenda::Boot(_)
                | Agenda::Ready(_)
                | Agenda::Fork => false,
            };
            if is_over {
                break;
            }
            self.act(item);
        }
        self.world.kernel.record(self.cast.controller(), Event::Phase(Phase::End));
        let simulated = Timestamp::from_micros(self.world.now());
        let recorded = self.world.kernel.recorder.conclude();
        Ok(RunOutcome {
            seed: self.seed,
            digest: recorded.digest,
            ladder: recorded.ladder,
            findings: recorded.judge.conclude(),
            faults: self.nemesis.records,
            schedule: self.schedule,
            simulated,
            messages: recorded.messages,
            entries: recorded.entries,
            context: self.context,
        })
    }

    fn act(&mut self, item: Agenda) {
        match item {
            Agenda::Boot(node) => self.boot(node),
            Agenda::Ready(node) => {
                self.world.ready(node);
                self.refeed();
            }
            Agenda::Record(node) => self.send(node),
            Agenda::Anchor(number) if number >= WAITS => {
                if let Some(outside) = self.outside.as_deref_mut() {
                    outside.comes(number - WAITS, &self.world);
                }
            }
            Agenda::Anchor(number) => match self.schedule[number as usize].start {
                Start::After(_, plus) | Start::On(Wait { plus, .. }) if plus > Micros::ZERO => {
                    self.put(Micros(self.world.now()) + plus, Agenda::Fault(number));
                }
                Start::After(..) | Start::On(_) | Start::At(_) => self.strike(number),
            },
            Agenda::Aim(number) => self.aim(number),
            Agenda::GiveUp(number) => {
                if self.world.kernel.recorder.anchors.moments.give_up(number) {
                    self.nemesis.never(number, &self.schedule[number as usize], &self.world);
                }
            }
            Agenda::Fault(number) => self.strike(number),
            Agenda::FaultLook(number) => {
                let next = self.nemesis.look(number, &mut self.world);
                self.expect(number, next);
            }
            Agenda::FaultEnd(number) => {
                self.nemesis.end(number, &mut self.world);
                self.refeed();
            }
            Agenda::Phase(phase) => self.enter(phase),
            Agenda::Scale(number) => self.scale(number),
            Agenda::Fork => self.fork(),
            Agenda::Exited(node) => {
                self.sources.remove(&node);
                for (number, later) in self.nemesis.exited(node, &mut self.world) {
                    self.expect(number, Next::End(later));
                }
            }
        }
    }

    /// Fault `number` is due, and waits for its moment.
    fn aim(&mut self, number: u32) {
        let Start::On(wait) = self.schedule[number as usize].start else { return };
        if self.has_forked {
            return;
        }
        if self.has_settled {
            return self.nemesis.never(number, &self.schedule[number as usize], &self.world);
        }
        // Any partition will do. A saved schedule has the same time, and no draw.
        let pick = self.world.now();
        let recorder = &mut self.world.kernel.recorder;
        if wait.moment == Moment::InSync
            && let Some(scene) = whole(pick, recorder.leaders())
        {
            recorder.anchors.moments.is_there(number, scene);
            return self.act(Agenda::Anchor(number));
        }
        recorder.anchors.moments.add(number, wait.moment);
        if let Some(until) = wait.until {
            self.put(until, Agenda::GiveUp(number));
        }
    }

    fn strike(&mut self, number: u32) {
        if self.has_forked {
            return;
        }
        let fault = &mut self.schedule[number as usize];
        if self.has_settled {
            self.nemesis.never(number, fault, &self.world);
            return;
        }
        self.nemesis.meet(&self.world);
        let next = self.nemesis.start(number, fault, &mut self.world);
        self.expect(number, next);
    }

    fn expect(&mut self, number: u32, next: Next) {
        let now = Micros(self.world.now());
        match next {
            Next::Nothing => {}
            Next::End(later) => self.put(now + later, Agenda::FaultEnd(number)),
            Next::Look(later) => self.put(now + later, Agenda::FaultLook(number)),
        }
    }

    fn enter(&mut self, phase: Phase) {
        if phase == Phase::Settle {
            self.has_settled = true;
            for number in self.world.kernel.recorder.anchors.give_up() {
                if number < WAITS {
                    self.nemesis.never(number, &self.schedule[number as usize], &self.world);
                }
            }
            self.nemesis.heal_all(&mut self.world);
            let down: Vec<NodeId> = self
                .cast
                .nodes()
                .filter(|(node, role)| {
                    !matches!(role, Role::Spare(..) | Role::Reader(_)) && !self.world.is_up(*node)
                })
                .map(|(node, _)| node)
                .collect();
            for node in down {
                self.world.start(node);
            }
            self.refeed();
        }
        if phase != Phase::Load {
            self.world.kernel.account();
        }
        if phase == Phase::FinalRead {
            self.world.kernel.lift();
        }
        self.world.kernel.record(self.cast.controller(), Event::Phase(phase));
        if phase == Phase::FinalRead {
            for reader in self.cast.clone().readers() {
                self.world.boot(reader);
            }
        }
    }

    fn boot(&mut self, node: NodeId) {
        if !self.world.is_up(node) {
            self.world.boot(node);
        }
        self.refeed();
    }
}
