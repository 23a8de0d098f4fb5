//! The timers of one process: names to deadlines, with at most one entry in the heap for each.
//!
//! Most timers are moved on long before they are due. Moving one to a later time leaves its entry in
//! the heap where it is; when that entry comes up, it is put back at the deadline of the day.

/// What became of an entry that came up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// The timer of this name fires.
    Fire(T),
    /// It was moved: to be asked again at this deadline.
    Later(u64),
    /// It was stopped, or another entry stands for it.
    Nothing,
}

/// An entry to be put into the heap, at the deadline it was armed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    pub(crate) slot: u32,
    pub(crate) number: u32,
}

#[derive(Debug)]
struct Slot<T> {
    timer: T,
    /// None: stopped.
    deadline: Option<u64>,
    /// The entry that stands for it, and where that lies.
    entry: u32,
    queued: u64,
}

/// The timers of one process.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    /// In no order: few enough that looking at all is cheaper than a tree.
    names: Vec<(T, u32)>,
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    /// Never starts anew, so that an entry of an earlier life stands for nothing.
    entries: u32,
}

impl<T: Copy + PartialEq> Timers<T> {
    pub(crate) fn new() -> Self {
        Self { names: Vec::new(), slots: Vec::new(), free: Vec::new(), entries: 0 }
    }

    /// Where `timer` is among the names.
    fn find(&self, timer: T) -> Option<usize> {
        self.names.iter().position(|(name, _)| *name == timer)
    }

    /// Starts or moves `timer`. Some: put this entry at `deadline`.
    pub(crate) fn arm(&mut self, timer: T, deadline: u64) -> Option<Entry> {
        let number = self.entries.wrapping_add(1);
        let fresh = Slot { timer, deadline: Some(deadline), entry: number, queued: deadline };
        let slot = match self.find(timer) {
            Some(place) => {
                let slot = self.names[place].1;
                let known = &mut self.slots[slot as usize];
                if known.queued <= deadline {
                    known.deadline = Some(deadline);
                    return None;
                }
                *known = fresh;
                slot
            }
            None => {
                let slot = match self.free.pop() {
                    Some(slot) => {
                        self.slots[slot as usize] = fresh;
                        slot
                    }
                    None => {
                        self.slots.push(fresh);
                        u32::try_from(self.slots.len() - 1).expect("few timers in one process")
                    }
                };
                self.names.push((timer, slot));
                slot
            }
        };
        self.entries = number;
        Some(Entry { slot, number })
    }

    /// Stops `timer`, if it runs. Its slot is free once its entry has come up.
    pub(crate) fn disarm(&mut self, timer: T) {
        if let Some(place) = self.find(timer) {
            let (_, slot) = self.names.swap_remove(place);
            self.slots[slot as usize].deadline = None;
        }
    }

    /// Takes an entry that came up at `now`.
    pub(crate) fn due(&mut self, entry: Entry, now: u64) -> Outcome<T> {
        let Some(slot) = self.slots.get_mut(entry.slot as usize) else { return Outcome::Nothing };
        if slot.entry != entry.number || slot.queued == u64::MAX {
            return Outcome::Nothing;
        }
        if let Some(deadline) = slot.deadline
            && deadline > now
        {
            slot.queued = deadline;
            return Outcome::Later(deadline);
        }
        let (timer, fires) = (slot.timer, slot.deadline.is_some());
        slot.queued = u64::MAX;
        self.free.push(entry.slot);
        if !fires {
            return Outcome::Nothing;
        }
        if let Some(place) = self.names.iter().position(|(_, slot)| *slot == entry.slot) {
            self.names.swap_remove(place);
        }
        Outcome::Fire(timer)
    }

    /// The timer that `entry` stands for, if it has run out by `now`.
    pub(crate) fn past(&self, entry: Entry, now: u64) -> Option<T> {
        let slot = self.slots.get(entry.slot as usize)?;
        let is_past = slot.deadline.is_some_and(|deadline| deadline <= now);
        (slot.entry == entry.number && slot.queued != u64::MAX && is_past).then_some(slot.timer)
    }

    /// Forgets all timers: the process has ended.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.slots.clear();
        self.free.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn armed(timers: &mut Timers<char>, timer: char, deadline: u64) -> Entry {
        timers.arm(timer, deadline).expect("an entry is asked for")
    }

    #[test]
    fn a_timer_fires_once() {
        let mut timers = Timers::new();
        let entry = armed(&mut timers, 'a', 5);
        assert_eq!(timers.due(entry, 5), Outcome::Fire('a'));
        assert_eq!(timers.due(entry, 5), Outcome::Nothing);
    }

    #[test]
    fn a_timer_moved_to_later_keeps_its_entry() {
        let mut timers = Timers::new();
        let entry = armed(&mut timers, 'a', 5);
        assert_eq!(timers.arm('a', 9), None);
        assert_eq!(timers.due(entry, 5), Outcome::Later(9));
        assert_eq!(timers.due(entry, 9), Outcome::Fire('a'));
    }

    #[test]
    fn a_timer_moved_to_earlier_gets_another_entry() {
        let mut timers = Timers::new();
        let old = armed(&mut timers, 'a', 9);
        let new = armed(&mut timers, 'a', 5);
        assert_eq!(timers.due(new, 5), Outcome::Fire('a'));
        assert_eq!(timers.due(old, 9), Outcome::Nothing);
    }

    #[test]
    fn a_stopped_timer_does_not_fire_and_may_start_again() {
        let mut timers = Timers::new();
        let entry = armed(&mut timers, 'a', 5);
        timers.disarm('a');
        let again = armed(&mut timers, 'a', 7);
        assert_eq!(timers.due(entry, 5), Outcome::Nothing);
        assert_eq!(timers.due(again, 7), Outcome::Fire('a'));
        assert_eq!(timers.slots.len(), 2, "the stopped one kept its slot until its entry came up");
    }

    #[test]
    fn an_entry_of_an_earlier_life_stands_for_nothing() {
        let mut timers = Timers::new();
        let old = armed(&mut timers, 'a', 5);
        timers.clear();
        let new = armed(&mut timers, 'b', 5);
        assert_eq!(timers.due(old, 5), Outcome::Nothing);
        assert_eq!(timers.due(new, 5), Outcome::Fire('b'));
    }

    #[test]
    fn slots_are_used_again() {
        let mut timers = Timers::new();
        for deadline in 0..100 {
            let entry = armed(&mut timers, 'a', deadline);
            assert_eq!(timers.due(entry, deadline), Outcome::Fire('a'));
        }
        assert_eq!(timers.slots.len(), 1);
    }
}
