//! The world: processes, and the kernel that carries what they send, arm and observe.
//!
//! Knows no rule of Kafka. It takes the earliest event and lets the process concerned take one atomic
//! step; a process has a life, and what was meant for an earlier life is dropped.

mod disks;
mod turns;
mod whole;

use super::bounds::Progress;
use super::clock::Clocks;
use super::events::{Agenda, Due, Events, Toward};
use super::kernel::Kernel;
use super::leaving::Leaving;
use super::network::{Network, Packet};
use super::process::{Call, Process, Stimulus};
use super::recorder::Recorder;
use super::server::{Arrived, Server};
use super::spans::{DYING, Dying, Startup};
use ackproof_kafka::driver::After;
use ackproof_kafka::machine::{ConnectionId, LostTail};
use ackproof_kafka::message::Message;
use ackproof_kafka::sink::Sink;
use ackproof_oracle::history::{Event, ProcessEnd, TailLoss};
use ackproof_scenario::schedule::draw;
use ackproof_scenario::stream;
use ackproof_types::NodeId;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
pub(crate) use turns::Turn;

struct Slot {
    process: Box<dyn Process>,
    life: u32,
    /// Nobody starts it.
    retired: bool,
    startup: Startup,
    dying: Dying,
    paused: bool,
    /// It was asked to stop in good order.
    stops: bool,
    waiting: Vec<Waiting>,
    /// Which of its threads goes on first when it is no longer frozen; nothing else draws from it.
    waking: ChaCha8Rng,
}

/// What a frozen process finds when it goes on.
enum Waiting {
    Due(Due),
    Call(Call),
}

/// Everything that happens in a run.
pub(crate) struct World {
    slots: Vec<Slot>,
    /// Who is one process with whom.
    companions: BTreeMap<NodeId, NodeId>,
    progress: Progress,
    pub(crate) kernel: Kernel,
}

impl World {
    pub(crate) fn new(
        processes: Vec<(Box<dyn Process>, Startup, Dying, ChaCha8Rng)>,
        companions: BTreeMap<NodeId, NodeId>,
        (network, servers, sinks): (Network, Vec<Option<Server>>, Vec<Option<Sink>>),
        recorder: Recorder,
        progress: Progress,
    ) -> Self {
        let slots = processes
            .into_iter()
            .map(|(process, startup, dying, waking)| Slot {
                process,
                life: 0,
                retired: false,
                startup,
                dying,
                paused: false,
                stops: false,
                waiting: Vec::new(),
                waking,
            })
            .collect();
        Self {
            slots,
            companions,
            progress,
            kernel: Kernel {
                events: Events::new(),
                network,
                recorder,
                sinks,
                servers,
                clocks: Clocks::default(),
                leaving: None,
                outsiders: Vec::new(),
                stand_ins: BTreeMap::new(),
            },
        }
    }

    /// What each process draws from now on comes from streams of `seed`.
    pub(crate) fn reseed(&mut self, seed: u64, entities: &[u64]) {
        for (slot, &entity) in self.slots.iter_mut().zip(entities) {
            slot.process.reseed(stream(seed, "timer", entity));
            slot.startup.rng = stream(seed, "startup", entity);
            slot.dying = Dying { until: slot.dying.until, ..Dying::new(seed, entity) };
            slot.waking = stream(seed, "waking", entity);
        }
    }

    /// Microseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        self.kernel.events.now()
    }

    /// Whether the process is there: at work, or starting.
    pub(crate) fn is_up(&self, node: NodeId) -> bool {
        self.is_ready(node) || self.slots[node.index()].startup.ready.is_some()
    }

    /// Whether the process is at work.
    pub(crate) fn is_ready(&self, node: NodeId) -> bool {
        self.slots[node.index()].process.is_up()
    }

    pub(crate) fn is_retired(&self, node: NodeId) -> bool {
        self.slots[node.index()].retired
    }

    pub(crate) fn is_paused(&self, node: NodeId) -> bool {
        self.slots[node.index()].paused
    }

    /// How often it has begun to work.
    pub(crate) fn life(&self, node: NodeId) -> u32 {
        self.slots[node.index()].life
    }

    pub(crate) fn next_record(&self, node: NodeId) -> u32 {
        self.slots[node.index()].process.next_record()
    }

    /// Puts `item` on the agenda.
    pub(crate) fn agenda(&mut self, at: u64, item: Agenda) {
        self.kernel.events.push(at, Due::Agenda(item));
    }

    /// The process that something due concerns, if it still concerns one.
    fn concerned(&mut self, due: Due) -> Option<NodeId> {
        match due {
            // The kernel works on while a process is frozen or dead.
            Due::Agenda(_) | Due::Departure(..) | Due::Retransmit(..) | Due::Dead(_) => None,
            Due::Timer(node, _) | Due::Served(node, _) | Due::Begin(node, ..) => Some(node),
            Due::Arrival(id, Toward::Acceptor) | Due::Backlog(id) => {
                self.kernel.network.get(id).map(|connection| connection.acceptor)
            }
            Due::Arrival(id, Toward::Opener) | Due::SetupDeadline(id) | Due::SendCompleted(id) => {
                self.kernel.network.get(id).map(|connection| connection.opener)
            }
        }
    }

    fn take(&mut self, due: Due) {
        let Kernel { network, events, .. } = &mut self.kernel;
        if let Due::Departure(from, to) = due {
            return network.depart(from, to, events);
        }
        if let Due::Retransmit(id, toward) = due {
            return network.retransmit(id, toward, events);
        }
        if let Due::Dead(node) = due {
            if self.slots[node.index()].dying.until == Some(self.now()) {
                self.bury(node);
            }
            return;
        }
        let Some(node) = self.concerned(due) else { return };
        let slot = &mut self.slots[node.index()];
        if slot.paused && slot.process.is_up() {
            slot.waiting.push(Waiting::Due(due));
            return;
        }
        match due {
            Due::Agenda(_) | Due::Departure(..) | Due::Retransmit(..) | Due::Dead(_) => {}
            Due::Timer(node, entry) => self.step(node, Stimulus::Timer(entry)),
            Due::Begin(node, partition, offset) => {
                self.step(node, Stimulus::Call(Call::Begin(partition, offset)));
            }
            Due::Served(node, number) => {
                if let Some(request) = self.kernel.served(node, number) {
                    self.deliver(node, request);
                    self.kernel.handled(node);
                }
            }
            Due::SendCompleted(id) => {
                let Some(connection) = self.kernel.network.get(id) else { return };
                if connection.open {
                    let route = connection.route;
                    self.step(node, Stimulus::SendCompleted(route));
                }
            }
            Due::SetupDeadline(id) => {
                let Kernel { network, events, .. } = &mut self.kernel;
                if network.setup_failed(id, events) {
                    self.end_for_opener(id);
                }
            }
            Due::Arrival(id, toward) => {
                let Some(packet) = self.kernel.network.arrive(id, toward) else { return };
                if let Some(post) = &mut self.kernel.recorder.post
                    && let Packet::Data(_) = packet
                {
                    let slot = &self.slots[node.index()];
                    let is_read = slot.process.is_up() && slot.dying.until.is_none();
                    post.arrived(self.kernel.events.now(), (id, toward), is_read);
                }
                match (toward, packet) {
                    (Toward::Acceptor, Packet::Data(message)) => self.accept(id, message),
                    (Toward::Opener, Packet::Data(message)) => self.answered(id, message),
                    (_, Packet::End) => self.end_for_opener(id),
                }
            }
            Due::Backlog(id) => {
                let Some(connection) = self.kernel.network.get(id) else { return };
                connection.busy = false;
                if let Some(message) = connection.backlog.pop_front() {
                    self.accept(id, message);
                }
            }
        }
    }

    /// A request reaches the machine of its acceptor.
    fn accept(&mut self, id: ConnectionId, message: Message) {
        let Some(connection) = self.kernel.network.get(id) else { return };
        let node = connection.acceptor;
        let slot = &self.slots[node.index()];
        let is_known = connection.accepted_in.is_none_or(|life| life == slot.life);
        if slot.dying.until.is_some() && is_known {
            // Taken by its kernel, and read by nobody.
            connection.accepted_in = Some(slot.life);
        } else if !slot.process.is_up() || !is_known {
            // Refused, or reset by a kernel that no longer knows the connection.
            self.kernel.end(id);
        } else if connection.busy {
            connection.backlog.push_back(message);
        } else {
            connection.accepted_in = Some(slot.life);
            connection.busy = true;
            let (from, peer) = (connection.opener, connection.peer(id));
            let request = Arrived { from, peer, message, at: self.kernel.events.now() };
            if let Some(request) = self.kernel.queue(node, request) {
                self.deliver(node, request);
            }
        }
        let Kernel { network, events, .. } = &mut self.kernel;
        network.made_room(id, events);
        network.forget_if_spent(id);
    }

    /// The machine takes a request.
    fn deliver(&mut self, node: NodeId, request: Arrived) {
        self.kernel.recorder.delivered(self.kernel.events.now(), request.from, node);
        self.step(node, Stimulus::Deliver(request.peer, request.message));
    }

    /// A response reaches the opener.
    fn answered(&mut self, id: ConnectionId, message: Message) {
        let Some(connection) = self.kernel.network.get(id) else { return };
        let (node, from, peer) = (connection.opener, connection.acceptor, connection.peer(id));
        self.kernel.recorder.delivered(self.kernel.events.now(), from, node);
        self.step(node, Stimulus::Deliver(peer, message));
    }

    fn end_for_opener(&mut self, id: ConnectionId) {
        let Some(connection) = self.kernel.network.get(id) else { return };
        let (opener, route) = (connection.opener, connection.route);
        self.kernel.network.forget(id);
        self.step(opener, Stimulus::Disconnected(route));
    }

    /// Asks something of a process, if it is up; a frozen one hears of it when it goes on.
    pub(crate) fn call(&mut self, node: NodeId, call: Call) {
        let slot = &mut self.slots[node.index()];
        if slot.paused && slot.process.is_up() {
            slot.waiting.push(Waiting::Call(call));
        } else {
            self.step(node, Stimulus::Call(call));
        }
    }

    fn step(&mut self, node: NodeId, stimulus: Stimulus) {
        self.kernel.begin(node);
        let after = self.slots[node.index()].process.step(stimulus, &mut self.kernel);
        self.settle(node, after);
    }

    fn settle(&mut self, node: NodeId, after: After) {
        match after {
            After::Runs => {}
            After::Exited => {
                let stopped = self.slots[node.index()].stops;
                self.end(node, ProcessEnd::Clean);
                self.agenda(self.now(), Agenda::Exited(node));
                // A broker stops before the controller that is one process with it; one that gives up takes it along.
                match self.companions.get(&node).copied() {
                    Some(companion) if stopped => self.stop_one(companion),
                    Some(companion) => self.end(companion, ProcessEnd::Crash),
                    None => {}
                }
            }
        }
    }

    /// Nobody starts the process at `node` from here on, and it is killed if it runs.
    pub(crate) fn retire(&mut self, node: NodeId) {
        self.slots[node.index()].retired = true;
        self.kill(node);
    }

    /// Starts the process at `node`, which nobody was to start before.
    pub(crate) fn enlist(&mut self, node: NodeId) {
        self.slots[node.index()].retired = false;
        self.start(node);
    }

    /// Starts what it is alone.
    fn start_one(&mut self, node: NodeId) {
        let slot = &self.slots[node.index()];
        if self.is_up(node) || slot.process.is_over() || slot.retired {
            return;
        }
        self.kernel.started(node);
        let now = self.now();
        let startup = &mut self.slots[node.index()].startup;
        let ready = now + draw(&mut startup.rng, startup.takes).0;
        startup.ready = Some(ready);
        self.agenda(ready, Agenda::Ready(node));
    }

    /// The start-up of the process at `node` is over, unless it ended meanwhile or is frozen.
    pub(crate) fn ready(&mut self, node: NodeId) {
        let now = self.now();
        let slot = &mut self.slots[node.index()];
        if slot.startup.ready == Some(now) && !slot.paused {
            slot.startup.ready = None;
            self.work(node);
        }
    }

    /// Starts the process at `node`, ready at once.
    pub(crate) fn boot(&mut self, node: NodeId) {
        self.kernel.started(node);
        self.work(node);
    }

    /// Boots the machine of the process at `node` on its disk.
    fn work(&mut self, node: NodeId) {
        self.bury(node);
        let slot = &mut self.slots[node.index()];
        slot.life += 1;
        self.kernel.leave(Leaving::Listens(node, true));
        self.kernel.begin(node);
        let after = slot.process.boot(&mut self.kernel);
        self.settle(node, after);
    }

    /// Takes the power or the disk of what it is alone.
    fn lose_one(&mut self, node: NodeId, how: TailLoss) {
        if !self.is_up(node) {
            return;
        }
        self.end(node, ProcessEnd::Crash);
        let slot = &mut self.slots[node.index()];
        if how == TailLoss::Power {
            // No kernel is left that would reset a connection: whoever asks hears nothing.
            slot.dying.until = None;
        }
        for LostTail { partition, from, to } in slot.process.lose(how, &mut slot.dying.power) {
            self.kernel.record(node, Event::TailLost { partition, from, to, by: how });
        }
    }

    /// Stops what it is alone in good order.
    fn stop_one(&mut self, node: NodeId) {
        self.slots[node.index()].stops = self.is_up(node);
        if self.is_ready(node) && self.slots[node.index()].process.can_stop() {
            self.call(node, Call::Stop);
        } else if self.is_up(node) {
            self.settle(node, After::Exited);
        }
    }

    fn end(&mut self, node: NodeId, how: ProcessEnd) {
        if !self.is_up(node) {
            return;
        }
        let slot = &mut self.slots[node.index()];
        slot.startup.ready = None;
        slot.process.kill();
        (slot.paused, slot.stops) = (false, false);
        let waiting = std::mem::take(&mut slot.waiting);
        self.kernel.desert(node);
        self.kernel.leave(Leaving::Listens(node, false));
        self.kernel.record(node, Event::ProcessEnded(how));
        // Its own connections end at once, those to it when their openers hear of it.
        let (opened, accepted) = self.kernel.network.of(node);
        for id in opened {
            self.kernel.network.release(id);
        }
        if how != ProcessEnd::Clean {
            let dying = &mut self.slots[node.index()].dying;
            let until = self.kernel.events.now() + draw(&mut dying.rng, DYING).0;
            dying.until = Some(until);
            self.kernel.events.push(until, Due::Dead(node));
        } else {
            for id in accepted {
                self.kernel.end(id);
            }
        }
        // What came in while it was frozen now meets a dead process.
        for waiting in waiting {
            if let Waiting::Due(due) = waiting {
                self.take(due);
            }
        }
    }

    /// The sockets of a process that was killed go, if they are still there.
    fn bury(&mut self, node: NodeId) {
        if self.slots[node.index()].dying.until.take().is_some() {
            for id in self.kernel.network.of(node).1 {
                self.kernel.end(id);
            }
        }
    }

    /// Resets the connections of what it is alone.
    fn reset_one(&mut self, node: NodeId) {
        let (opened, accepted) = self.kernel.network.of(node);
        for id in opened {
            self.end_for_opener(id);
        }
        for id in accepted {
            self.kernel.end(id);
        }
    }

    /// Lets what it is alone go on.
    fn resume_one(&mut self, node: NodeId) {
        let now = self.now();
        let slot = &mut self.slots[node.index()];
        slot.paused = false;
        let mut waiting = std::mem::take(&mut slot.waiting);
        let process = &slot.process;
        let is_watched = |one: &Waiting| match one {
            Waiting::Due(Due::Timer(_, entry)) => process.is_watched(*entry, now),
            Waiting::Due(_) | Waiting::Call(_) => false,
        };
        if waiting.iter().any(is_watched) && slot.waking.random_range(0..2) == 0 {
            // Stable: else everything stays in order.
            waiting.sort_by_key(|one| !is_watched(one));
        }
        if let Some(ready) = &mut slot.startup.ready
            && *ready <= now
        {
            *ready = now;
            self.agenda(now, Agenda::Ready(node));
        }
        for waiting in waiting {
            match waiting {
                Waiting::Due(due) => self.take(due),
                Waiting::Call(call) => self.call(node, call),
            }
        }
    }
}
