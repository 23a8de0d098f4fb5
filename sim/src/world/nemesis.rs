//! Carries out the fault timeline: resolves targets, hurts, heals.
//!
//! It learns who leads and who coordinates from the history, as an operator would from metrics; it does
//! not look into a model. Start with [`Nemesis::start`].
//!
//! - [`leaders`] who leads and who is in sync · [`resolve`] whom a fault hits · [`rolling`] restarts of all brokers or members
//! - [`storage`] what happens to disks · [`fail_over`] groups that go over to another cluster
//! - [`operator`] what is ordered from outside · [`orders`] what administrators ask for · [`anchors`], [`moments`] what faults wait for · [`votes`] of controllers

pub(crate) mod anchors;
mod fail_over;
pub(crate) mod leaders;
pub(crate) mod moments;
mod operator;
mod orders;
mod resolve;
mod rolling;
mod storage;
mod votes;

use super::events::Toward;
use super::lives::World;
use super::lower::{Cast, Role};
use super::network::on;
use super::process::Call;
use ackproof_kafka::machine::Channel;
use ackproof_oracle::history::{Event, TailLoss};
use ackproof_scenario::anchor;
use ackproof_scenario::describe::{describe, rule, verb};
use ackproof_scenario::moment::Moment;
use ackproof_scenario::plan::{Action, Direction, Links, Peers, Plan, Target, between};
use ackproof_scenario::schedule::{ScheduledFault, Start};
use ackproof_types::{Micros, NodeId, TopicPartition};
use rolling::Rolling;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// How often the nemesis looks whether what it waits for has happened.
const LOOK: Micros = Micros::from_millis(100);

/// A fault as it was carried out, for the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultRecord {
    /// The entry of `faults` it comes from.
    pub entry: usize,
    /// Its place in the schedule.
    pub number: u32,
    /// When it began.
    pub at: Micros,
    /// How long it was to last; none: until the load ended.
    pub lasts: Option<Micros>,
    /// What: `crash`, `isolate`, ….
    pub kind: &'static str,
    /// The process it hit, or the sides of a partition; none: nobody fitted, and nothing was done.
    pub target: Option<String>,
    /// The rule the target was resolved from, if it was not a name.
    pub resolved_from: Option<String>,
    /// The moment at which it struck, or for which it waited in vain.
    pub moment: Option<Moment>,
    /// What it did, in a sentence.
    pub text: String,
}

/// What the nemesis wants to be called for next about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// Its end, this much later.
    End(Micros),
    /// A look at it, this much later.
    Look(Micros),
}

/// Carries out faults and remembers what to undo.
pub(crate) struct Nemesis<'a> {
    plan: Cow<'a, Plan>,
    cast: Cast,
    pub(crate) records: Vec<FaultRecord>,
    active: BTreeMap<u32, Active>,
}

/// A fault in force.
#[derive(Clone, Debug)]
struct Active {
    fault: ScheduledFault,
    node: NodeId,
    /// Links that it touches.
    links: Vec<(NodeId, NodeId)>,
    /// Which life of the process it was that was hit.
    life: u32,
    rolling: Option<Rolling>,
}

impl<'a> Nemesis<'a> {
    pub(crate) fn new(plan: &'a Plan, cast: Cast) -> Self {
        let plan = Cow::Borrowed(plan);
        Self { plan, cast, records: Vec::new(), active: BTreeMap::new() }
    }

    /// Starts fault `number`, and puts into it what is decided only now: whom `any broker` is.
    pub(crate) fn start(
        &mut self,
        number: u32,
        fault: &mut ScheduledFault,
        world: &mut World,
    ) -> Next {
        let rule = rule(fault.kind.target, &self.plan);
        let scene = world.kernel.recorder.anchors.moments.scene(number);
        resolve::at_the_scene(fault, scene, &self.cast, world);
        fault.kind = resolve::decide(fault, &self.cast, world);
        let mut active = Active {
            fault: fault.clone(),
            node: self.cast.controller(),
            links: Vec::new(),
            life: 0,
            rolling: None,
        };
        match &fault.kind.action {
            Action::RollingRestart(_) => {
                let down = fault.lasts.unwrap_or(Micros::ZERO);
                let all = resolve::in_turn(fault.kind.target, &self.cast, world);
                active.rolling = Some(Rolling::new(all, down, fault.kind.grace));
                self.active.insert(number, active);
                return self.look(number, world);
            }
            Action::Partition(sides) => {
                let found = resolve::sides(sides, &self.cast, world);
                active.links = between(&found);
                let cut = !active.links.is_empty();
                let names = cut.then(|| self.names(sides, &found));
                self.note((number, fault), names, rule, world);
                if !cut {
                    return Next::Nothing;
                }
                self.record_start(number, None, world);
            }
            Action::FailOver => {
                self.fail_over((number, fault), world);
                return Next::Nothing;
            }
            Action::Crash
            | Action::PowerLoss
            | Action::DiskLost
            | Action::Storage(_)
            | Action::Restart
            | Action::Pause
            | Action::Isolate(_)
            | Action::Slow { .. }
            | Action::Lossy { .. }
            | Action::Throttle { .. }
            | Action::Reset
            | Action::Clock(_)
            | Action::SlowFollower(_)
            | Action::Leave
            | Action::Join
            | Action::Hold(_)
            | Action::Administer(_) => {
                let target = resolve::target(fault, &self.cast, world);
                storage::settle(fault, target, scene, world);
                active.fault = fault.clone();
                let name = target.map(|node| self.cast.names[node.index()].clone());
                self.note((number, fault), name, rule, world);
                let Some(node) = target else { return Next::Nothing };
                active.node = node;
                active.life = world.life(node);
                active.links = self.links(node, fault, world);
                self.record_start(number, Some(node), world);
            }
        }
        let next = after_start(fault);
        hurt(number, &active, world);
        self.active.insert(number, active);
        next
    }

    /// Looks whether what fault `number` waits for has happened.
    pub(crate) fn look(&mut self, number: u32, world: &mut World) -> Next {
        let Some(active) = self.active.get_mut(&number) else { return Next::Nothing };
        if let Some(next) = lose_patience(active, world) {
            return next;
        }
        let Some(rolling) = &mut active.rolling else {
            let left = out_of_sync(active.node, active.fault.kind.target, world);
            return if left { Next::End(Micros::ZERO) } else { Next::Look(LOOK) };
        };
        let step = rolling.look(world);
        let fault = active.fault.clone();
        match step {
            rolling::Step::Wait => {}
            rolling::Step::Stop(node) => {
                let name = self.cast.names[node.index()].clone();
                let rule = rule(fault.kind.target, &self.plan);
                self.note((number, &fault), Some(name), rule, world);
                self.record_start(number, Some(node), world);
                if let Action::RollingRestart(Some(line)) = fault.kind.action {
                    world.install(node, line);
                }
                world.stop(node);
                return Next::Look(fault.kind.grace.map_or(LOOK, |grace| grace.min(LOOK)));
            }
            rolling::Step::Skip => {
                let rule = rule(fault.kind.target, &self.plan);
                self.note((number, &fault), None, rule, world);
            }
            rolling::Step::Kill(node) => world.lose_patience(node),
            rolling::Step::Boot(node) => {
                world.kernel.record(node, Event::FaultEnded { fault: number });
                world.start(node);
            }
            rolling::Step::Done => {
                self.active.remove(&number);
                return Next::Nothing;
            }
        }
        Next::Look(LOOK)
    }

    /// Ends fault `number`, if it is in force.
    pub(crate) fn end(&mut self, number: u32, world: &mut World) {
        let Some(active) = self.active.remove(&number) else { return };
        if active.rolling.as_ref().is_none_or(Rolling::is_at_work) {
            world.kernel.record(active.node, Event::FaultEnded { fault: number });
        }
        heal(number, &active, world);
    }

    /// Ends everything that is in force.
    pub(crate) fn heal_all(&mut self, world: &mut World) {
        let numbers: Vec<u32> = self.active.keys().copied().collect();
        for number in numbers {
            self.end(number, world);
        }
    }

    /// The process at `node` has ended by itself. Says which faults have their end to be scheduled now,
    /// and boots it again if no fault wants it to be down.
    pub(crate) fn exited(&self, node: NodeId, world: &mut World) -> Vec<(u32, Micros)> {
        let whole = self.cast.whole(node);
        let stopped = |active: &&Active| {
            let kind = &active.fault.kind;
            let stops = match kind.action {
                Action::Restart | Action::Leave => true,
                Action::Storage(fault) => fault.stops_cleanly(),
                _ => false,
            };
            (active.node == whole && stops)
                || active.rolling.as_ref().is_some_and(|rolling| rolling.has(whole))
        };
        let in_vain = !storage::can_start(whole, world);
        let wanted = in_vain || self.active.values().any(|active| stopped(&active));
        if !wanted && !matches!(self.cast.roles[node.index()], Role::Spare(..) | Role::Reader(_)) {
            // Whoever runs it in production starts it again.
            world.start(node);
        }
        let ends = self.active.iter().filter(|(_, active)| {
            active.node == node && active.rolling.is_none() && stopped(active)
        });
        ends.filter_map(|(number, active)| Some((*number, active.fault.lasts?))).collect()
    }

    /// Puts the fault that was noted last on record.
    fn record_start(&self, number: u32, target: Option<NodeId>, world: &mut World) {
        let text =
            self.records.last().map_or_else(|| "".into(), |noted| noted.text.as_str().into());
        let started = Event::FaultStarted { fault: number, target, text };
        world.kernel.record(target.unwrap_or_else(|| self.cast.controller()), started);
    }

    fn note(
        &mut self,
        (number, fault): (u32, &ScheduledFault),
        target: Option<String>,
        resolved_from: Option<String>,
        world: &World,
    ) {
        let text = describe(&fault.kind, &self.plan, target.as_deref(), fault.lasts);
        let mut text = self.until(fault.entry, text);
        let scene = world.kernel.recorder.anchors.moments.scene(number);
        let scene = scene.filter(|_| target.is_some());
        if let Some(scene) = scene {
            text.push_str(&format!(", at {}", scene.moment.row().name));
            if let Some(TopicPartition { topic, partition }) = scene.partition {
                let name = &self.plan.topics[topic.index()].name;
                text.push_str(&format!(" of {name}-{partition}"));
            }
        }
        self.records.push(FaultRecord {
            entry: fault.entry,
            number,
            at: Micros(world.now()),
            lasts: fault.lasts,
            kind: verb(&fault.kind.action),
            text,
            target,
            moment: scene.map(|scene| scene.moment),
            resolved_from,
        });
    }

    /// Notes a fault whose moment did not come before the load was over.
    pub(crate) fn never(&mut self, number: u32, fault: &ScheduledFault, world: &World) {
        let (moment, text) = match fault.start {
            Start::At(_) => return,
            Start::After(anchor, _) => (None, anchor::spell(anchor, &self.plan)),
            Start::On(wait) => (Some(wait.moment), wait.moment.row().name.to_owned()),
        };
        self.note((number, fault), None, rule(fault.kind.target, &self.plan), world);
        if let Some(noted) = self.records.last_mut() {
            let verb = verb(&fault.kind.action);
            noted.moment = moment;
            noted.text = format!("{verb}: it waited for \"{text}\", which did not come in time");
        }
    }

    /// `a, b | c`, or `datacentre primary | datacentre backup`.
    fn names(&self, sides: &[Vec<Peers>], found: &[Vec<NodeId>]) -> String {
        let side = |(peers, nodes): (&Vec<Peers>, &Vec<NodeId>)| {
            if let [Peers::Datacentre(id)] = peers.as_slice() {
                return format!("datacentre {}", self.plan.cluster(*id).name);
            }
            let names = nodes.iter().map(|node| self.cast.names[node.index()].as_str());
            names.collect::<Vec<_>>().join(", ")
        };
        sides.iter().zip(found).map(side).collect::<Vec<_>>().join(" | ")
    }

    fn links(&self, node: NodeId, fault: &ScheduledFault, world: &World) -> Vec<(NodeId, NodeId)> {
        match &fault.kind.action {
            Action::Isolate(links)
            | Action::Slow { links, .. }
            | Action::Lossy { links, .. }
            | Action::Throttle { links, .. } => resolve::links(node, links, &self.cast, world),
            Action::SlowFollower(_) => {
                let leaders = resolve::brokers(&self.cast).into_iter();
                leaders.filter(|leader| *leader != node).map(|leader| (leader, node)).collect()
            }
            // Its network goes with it: nobody hears of the end of a connection.
            Action::PowerLoss => {
                let peers = vec![Peers::Brokers, Peers::Controllers, Peers::Clients];
                let links = Links { peers, direction: Direction::Both };
                resolve::links(node, &links, &self.cast, world)
            }
            Action::Crash
            | Action::DiskLost
            | Action::Storage(_)
            | Action::Restart
            | Action::RollingRestart(_)
            | Action::Pause
            | Action::Partition(_)
            | Action::Reset
            | Action::Clock(_)
            | Action::Leave
            | Action::Join
            | Action::FailOver
            | Action::Hold(_)
            | Action::Administer(_) => Vec::new(),
        }
    }
}

/// When fault is over, or looked at, as far as its start decides it.
fn after_start(fault: &ScheduledFault) -> Next {
    match (&fault.kind.action, fault.lasts) {
        // Counted from when the process has stopped.
        (Action::Restart | Action::Leave, _) => fault.kind.grace.map_or(Next::Nothing, Next::Look),
        (Action::Reset | Action::Administer(_), _) => Next::End(Micros::ZERO),
        (Action::Storage(fault), _) if fault.stops_cleanly() => Next::Nothing,
        (Action::SlowFollower(_), None) => Next::Look(LOOK),
        (_, lasts) => lasts.map_or(Next::Nothing, Next::End),
    }
}

/// The grace of what was to stop in good order is over: it is killed if it is still there. None: there is no grace.
fn lose_patience(active: &Active, world: &mut World) -> Option<Next> {
    let stops = matches!(active.fault.kind.action, Action::Restart | Action::Leave);
    active.fault.kind.grace.filter(|_| stops)?;
    if !world.is_up(active.node) || world.life(active.node) != active.life {
        return Some(Next::Nothing);
    }
    world.lose_patience(active.node);
    Some(active.fault.lasts.map_or(Next::Nothing, Next::End))
}

/// Whether a slowed follower has left the in-sync set that the fault is about.
fn out_of_sync(node: NodeId, target: Target, world: &World) -> bool {
    let leaders = world.kernel.recorder.leaders();
    match target {
        Target::FollowerOf(topic, number) => {
            !leaders.is_in_sync(node, TopicPartition::new(topic, number))
        }
        _ => !leaders.is_in_sync_everywhere(node),
    }
}

fn hurt(number: u32, active: &Active, world: &mut World) {
    let node = active.node;
    let network = &mut world.kernel.network;
    match &active.fault.kind.action {
        Action::Crash => world.kill(node),
        Action::PowerLoss => {
            for (one, other) in &active.links {
                network.cut(*one, *other, &mut world.kernel.events);
            }
            world.lose(node, TailLoss::Power);
        }
        Action::DiskLost => world.lose(node, TailLoss::Disk),
        Action::Storage(fault) => {
            storage::hurt(node, *fault, world);
        }
        Action::Restart | Action::Leave => world.stop(node),
        Action::RollingRestart(_) | Action::FailOver => {}
        Action::Pause => world.pause(node),
        Action::Isolate(_) | Action::Partition(_) => {
            for (one, other) in &active.links {
                network.cut(*one, *other, &mut world.kernel.events);
            }
        }
        Action::Slow { by, only, .. } => {
            let what = only.map(|talk| (on(talk), None));
            for (one, other) in &active.links {
                network.slow(number, *one, *other, Some((*by, what)));
            }
        }
        Action::Lossy { loss, .. } => {
            for (one, other) in &active.links {
                network.lose(number, *one, *other, Some(*loss));
            }
        }
        Action::Throttle { bytes_per_second, .. } => {
            for (one, other) in &active.links {
                network.throttle(number, *one, *other, *bytes_per_second);
            }
        }
        Action::Reset => world.reset(node),
        Action::Clock(fault) => {
            let now = world.now();
            world.kernel.clocks.put_wrong(node, number, *fault, now);
        }
        Action::SlowFollower(by) => {
            for (leader, follower) in &active.links {
                let by = Some((*by, Some((Channel::Fetcher, Some(Toward::Opener)))));
                network.slow(number, *leader, *follower, by);
            }
        }
        Action::Join => world.start(node),
        Action::Hold(hold) => world.call(node, Call::Hold(*hold, true)),
        Action::Administer(order) => {
            for call in orders::calls(order, active.fault.kind.target) {
                world.call(node, Call::Administer(call));
            }
        }
    }
}

fn heal(number: u32, active: &Active, world: &mut World) {
    let node = active.node;
    match &active.fault.kind.action {
        Action::Crash | Action::DiskLost | Action::Restart | Action::Leave => world.start(node),
        Action::PowerLoss => {
            for (one, other) in &active.links {
                world.kernel.network.heal(*one, *other);
            }
            world.start(node);
        }
        Action::Storage(fault) => storage::heal(node, *fault, world),
        Action::RollingRestart(_) => {
            let down = active.rolling.as_ref().and_then(Rolling::current);
            if let Some(node) = down {
                world.start(node);
            }
        }
        Action::Pause => world.resume(node),
        Action::Isolate(_) | Action::Partition(_) => {
            for (one, other) in &active.links {
                world.kernel.network.heal(*one, *other);
            }
        }
        Action::Slow { .. } | Action::SlowFollower(_) => {
            for (one, other) in &active.links {
                world.kernel.network.slow(number, *one, *other, None);
            }
        }
        Action::Lossy { .. } => {
            for (one, other) in &active.links {
                world.kernel.network.lose(number, *one, *other, None);
            }
        }
        Action::Throttle { .. } => {
            let kernel = &mut world.kernel;
            for (one, other) in &active.links {
                kernel.network.widen(number, *one, *other, &mut kernel.events);
            }
        }
        Action::Clock(_) => world.kernel.clocks.set_right(node, number),
        Action::Reset | Action::Administer(_) | Action::FailOver => {}
        Action::Join => world.stop(node),
        Action::Hold(hold) => world.call(node, Call::Hold(*hold, false)),
    }
}
