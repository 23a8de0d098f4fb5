//! A process: a machine with its disk, and what its driver has to do for it.
//!
//! Whoever drives machines (the simulation, a test, an explorer) drives them through this, so that all keep
//! the same laws: effects in order, writes to the disk, flushes that end. Time, timers and the network are
//! the [`Surroundings`]'.

use crate::harm::Harm;
use crate::machine::{
    Disk, Effect, EffectOf, Input, InputOf, LostTail, Machine, OutboxOf, Route, Ticket, To,
};
use crate::message::Message;
use crate::observation::Observation;
use ackproof_types::{Delay, Timestamp};
use std::hash::{Hash, Hasher};

/// What surrounds a process.
pub trait Surroundings<M: Machine> {
    /// Hands a message to a connection.
    fn send(&mut self, to: To, message: Message);
    /// Tells the machine when the socket has taken all that was sent on a connection.
    fn await_send(&mut self, route: Route);
    /// Ends a connection.
    fn close(&mut self, to: To);
    /// Starts a timer, or moves it.
    fn arm(&mut self, timer: M::Timer, delay: Delay);
    /// Stops a timer, if it runs.
    fn disarm(&mut self, timer: M::Timer);
    /// Puts a fact on record.
    fn observe(&mut self, observation: Observation);
    /// Hears that the disk changes. Where writing takes time, what is sent after it waits for it.
    fn wrote(&mut self, _write: &<M::Disk as Disk>::Write) {}
}

/// Takes down what a step wants, for a driver that acts on it later.
impl<M: Machine> Surroundings<M> for Vec<EffectOf<M>> {
    fn send(&mut self, to: To, message: Message) {
        self.push(Effect::Send { to, message });
    }
    fn await_send(&mut self, route: Route) {
        self.push(Effect::AwaitSend(route));
    }
    fn close(&mut self, to: To) {
        self.push(Effect::Close(to));
    }
    fn arm(&mut self, timer: M::Timer, delay: Delay) {
        self.push(Effect::Arm { timer, delay });
    }
    fn disarm(&mut self, timer: M::Timer) {
        self.push(Effect::Disarm(timer));
    }
    fn observe(&mut self, observation: Observation) {
        self.push(Effect::Observe(observation));
    }
}

/// Whether a process goes on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub enum After {
    /// It goes on.
    Runs,
    /// It ended by itself.
    Exited,
}

/// A process. Its disk outlives its machine.
#[derive(Debug)]
pub struct Process<M: Machine> {
    config: M::Config,
    disk: M::Disk,
    machine: Option<M>,
    /// Reused from step to step, and empty between them.
    out: OutboxOf<M>,
}

impl<M: Machine> Clone for Process<M> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            disk: self.disk.clone(),
            machine: self.machine.clone(),
            out: self.out.emptied(),
        }
    }
}

impl<M: Machine> PartialEq for Process<M> {
    fn eq(&self, other: &Self) -> bool {
        self.machine == other.machine && self.disk == other.disk
    }
}

impl<M: Machine> Eq for Process<M> {}

impl<M: Machine> Hash for Process<M> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.machine.hash(state);
        self.disk.hash(state);
    }
}

impl<M: Machine> Process<M> {
    /// A process that has not started, with an empty disk.
    #[must_use]
    pub fn new(config: M::Config) -> Self {
        Self { config, disk: M::Disk::default(), machine: None, out: OutboxOf::<M>::default() }
    }

    /// The machine, while one runs.
    #[must_use]
    pub fn machine(&self) -> Option<&M> {
        self.machine.as_ref()
    }

    /// The machine, for a test that puts it into a state of its own.
    #[cfg(test)]
    pub(crate) fn machine_mut(&mut self) -> &mut M {
        self.machine.as_mut().expect("a machine runs")
    }

    /// What outlives it.
    #[must_use]
    pub fn disk(&self) -> &M::Disk {
        &self.disk
    }

    /// What it is started with.
    #[must_use]
    pub fn config(&self) -> &M::Config {
        &self.config
    }

    /// What it is started with from the next start on.
    pub fn configure(&mut self, config: M::Config) {
        self.config = config;
    }

    /// Starts a machine on the disk, in the place of one that may run.
    pub fn boot(&mut self, now: Timestamp, around: &mut impl Surroundings<M>) -> After {
        self.kill();
        self.machine = Some(M::boot(&self.config, &self.disk, now, &mut self.out));
        self.carry_out(now, around)
    }

    /// Takes one input, if a machine runs.
    pub fn step(
        &mut self,
        now: Timestamp,
        input: InputOf<M>,
        around: &mut impl Surroundings<M>,
    ) -> After {
        let Some(machine) = &mut self.machine else { return After::Runs };
        machine.step(now, input, &mut self.out);
        self.carry_out(now, around)
    }

    /// Asserts what holds of the machine between any two steps. Debug builds do so after each.
    pub fn check(&self) {
        if let Some(machine) = &self.machine {
            machine.check();
        }
    }

    /// Ends the process where it stands: the page cache stays.
    pub fn kill(&mut self) {
        self.machine = None;
        drop(self.out.drain());
    }

    /// Ends the process, and its disk loses what was not flushed; see [`Disk::lose_power`].
    pub fn lose_power(&mut self, survive: &mut dyn FnMut(usize) -> usize) -> Vec<LostTail> {
        self.kill();
        self.disk.lose_power(survive)
    }

    /// Ends the process, and gives it an empty disk; see [`Disk::replace`].
    pub fn lose_disk(&mut self) -> Vec<LostTail> {
        self.kill();
        self.disk.replace()
    }

    /// Something happens to its disk; see [`Disk::suffer`].
    pub fn suffer(&mut self, harm: Harm) -> Vec<LostTail> {
        self.disk.suffer(harm)
    }

    /// Nothing is in the way of a flush, so it ends as soon as the step is over.
    fn carry_out(&mut self, now: Timestamp, around: &mut impl Surroundings<M>) -> After {
        loop {
            let mut flushed: Option<Ticket> = None;
            let mut after = After::Runs;
            for effect in self.out.drain() {
                match effect {
                    Effect::Send { to, message } => around.send(to, message),
                    Effect::AwaitSend(route) => around.await_send(route),
                    Effect::Close(to) => around.close(to),
                    Effect::Arm { timer, delay } => around.arm(timer, delay),
                    Effect::Disarm(timer) => around.disarm(timer),
                    Effect::Write(write) => {
                        around.wrote(&write);
                        self.disk.apply(write);
                    }
                    Effect::Flush(ticket) => {
                        self.disk.flush();
                        flushed = Some(ticket);
                    }
                    Effect::Observe(observation) => around.observe(observation),
                    Effect::Exit => after = After::Exited,
                }
            }
            if cfg!(debug_assertions) {
                self.check();
            }
            let (After::Runs, Some(ticket), Some(machine)) = (after, flushed, &mut self.machine)
            else {
                return after;
            };
            machine.step(now, Input::Flushed(ticket), &mut self.out);
        }
    }
}
