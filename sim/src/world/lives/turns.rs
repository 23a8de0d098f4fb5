//! One event after the other.

use super::World;
use crate::world::bounds::Failure;
use crate::world::events::{Agenda, Due};

/// What became of the earliest event.
pub(crate) enum Turn {
    /// It is on the agenda of whoever runs the world.
    Agenda(Agenda),
    /// It took place.
    Taken,
    /// There was none.
    Nothing,
}

impl World {
    /// Runs until something of the agenda is due, and returns it; none if nothing is left.
    ///
    /// # Errors
    /// The bound that the run has come to.
    pub(crate) fn run(&mut self) -> Result<Option<Agenda>, Failure> {
        loop {
            match self.turn()? {
                Turn::Agenda(item) => return Ok(Some(item)),
                Turn::Taken => {}
                Turn::Nothing => return Ok(None),
            }
        }
    }

    /// Takes the earliest event.
    ///
    /// # Errors
    /// The bound that the run has come to.
    pub(crate) fn turn(&mut self) -> Result<Turn, Failure> {
        // Right after the step, before anything else that is due now.
        if let Some(number) = self.kernel.recorder.anchors.next_due() {
            return Ok(Turn::Agenda(Agenda::Anchor(number)));
        }
        let Some(due) = self.kernel.events.pop() else { return Ok(Turn::Nothing) };
        self.progress.event(self.kernel.events.now())?;
        match due {
            Due::Agenda(item) => return Ok(Turn::Agenda(item)),
            due => self.take(due),
        }
        Ok(Turn::Taken)
    }

    /// When the earliest event is due.
    pub(crate) fn next_at(&self) -> Option<u64> {
        if self.kernel.recorder.anchors.is_due() {
            return Some(self.now());
        }
        self.kernel.events.next_at()
    }

    /// Something comes from outside at `at`, before which nothing is due.
    pub(crate) fn advance(&mut self, at: u64) {
        self.kernel.events.advance(at);
    }
}
