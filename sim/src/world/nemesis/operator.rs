//! What an operator outside has a say in: how clients from outside are called, and when a fault of his is over.

use super::Nemesis;
use crate::world::lives::World;
use crate::world::lower::Role;
use ackproof_scenario::plan::Outsiders;
use ackproof_types::Micros;

/// How long a fault lasts that an operator ends.
const UNTIL_HEALED: &str = " until it was healed";

impl Nemesis<'_> {
    /// What the fault of an entry did, if an operator ordered it: he ends it, and not the load.
    pub(super) fn until(&self, entry: usize, text: String) -> String {
        match text.strip_suffix(" until the load ended") {
            Some(what) if entry >= self.plan.faults.len() => format!("{what}{UNTIL_HEALED}"),
            _ => text,
        }
    }

    /// How those from outside are called by now: reports say so.
    pub(crate) fn learn(&mut self, outsiders: Outsiders) {
        for (place, role) in self.cast.roles.iter().enumerate() {
            if let Role::Outsider(number) = role
                && let Some(name) = outsiders.clients.get(usize::from(*number))
            {
                self.cast.names[place].clone_from(name);
            }
        }
        self.plan.to_mut().outsiders = outsiders;
    }

    /// Learns the names of those outside who have come. Before that they have numbers, and the record of a run that
    /// is repeated under their names would be another one.
    pub(crate) fn meet(&mut self, world: &World) {
        let come = &world.kernel.outsiders;
        let known = &self.plan.outsiders.clients;
        if known.starts_with(come) {
            return;
        }
        let mut outsiders = self.plan.outsiders.clone();
        for (place, name) in outsiders.clients.iter_mut().zip(come) {
            place.clone_from(name);
        }
        self.learn(outsiders);
    }

    /// Ends fault `number` before its time; says whether it was in force.
    pub(crate) fn withdraw(&mut self, number: u32, world: &mut World) -> bool {
        let Some(active) = self.active.get(&number) else { return false };
        let is_open = active.fault.lasts.is_none();
        let now = Micros(world.now());
        for record in self.records.iter_mut().filter(|one| one.number == number) {
            let lasted = Micros(now.0.saturating_sub(record.at.0));
            record.lasts = Some(lasted);
            if let Some(what) = record.text.strip_suffix(UNTIL_HEALED).filter(|_| is_open) {
                record.text = format!("{what} for {}", Micros::from_millis(lasted.as_millis()));
            }
        }
        self.end(number, world);
        true
    }
}
