//! Which runs a sweep is made of, in their order: seed by seed over all scenarios, so that a sweep that
//! ends early has looked at all of them. A part of a sweep takes its share of every scenario.

use ackproof_reports::sweep::{Part, SeedRange};

/// One run of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunId {
    /// Its scenario, by index.
    pub scenario: usize,
    /// Its seed.
    pub seed: u64,
}

/// The runs of a sweep.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// How many scenarios there are.
    pub scenarios: usize,
    /// The seeds of each.
    pub seeds: SeedRange,
    /// Which part of them; none: all.
    pub part: Option<Part>,
}

impl Runs {
    /// How many there are; none: without end, or more than can be counted.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let seeds = self.seeds.to?.saturating_sub(self.seeds.from);
        let all = seeds.checked_mul(self.scenarios as u64)?;
        let Some(Part { index, of }) = self.part else { return Some(all) };
        Some(all / of + u64::from(all % of >= index))
    }

    /// All of them.
    pub fn iter(self) -> impl Iterator<Item = RunId> + Send {
        let last = self.seeds.to.unwrap_or(u64::MAX);
        let all = (self.seeds.from..last).flat_map(move |seed| {
            (0..self.scenarios).map(move |scenario| RunId { scenario, seed })
        });
        all.filter(move |run| self.contains(*run))
    }

    /// Runs are numbered scenario by scenario, and a part takes every n-th number. Without an end of the
    /// seeds any number of them will do, so it is one that takes the parts in turn.
    fn contains(self, run: RunId) -> bool {
        let Some(Part { index, of }) = self.part else { return true };
        let seeds = self.seeds.to.map_or(1, |to| to - self.seeds.from) % of;
        let before = u128::from(seeds) * run.scenario as u128;
        (before + u128::from(run.seed - self.seeds.from)) % u128::from(of) == u128::from(index - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(scenarios: usize, to: u64, part: Option<Part>) -> Runs {
        Runs { scenarios, seeds: SeedRange { from: 5, to: Some(5 + to) }, part }
    }

    #[test]
    fn every_scenario_has_its_turn_with_every_seed() {
        let all: Vec<_> = runs(2, 2, None).iter().map(|run| (run.scenario, run.seed)).collect();
        assert_eq!(all, [(0, 5), (1, 5), (0, 6), (1, 6)]);
    }

    #[test]
    fn parts_are_disjoint_balanced_and_together_the_whole() {
        for (scenarios, seeds, of) in [(1, 10, 3), (4, 8, 4), (3, 7, 5), (20, 2, 8), (2, 1, 5)] {
            let mut whole: Vec<RunId> = runs(scenarios, seeds, None).iter().collect();
            let mut joined = Vec::new();
            for index in 1..=of {
                let part = runs(scenarios, seeds, Some(Part { index, of }));
                let own: Vec<RunId> = part.iter().collect();
                assert_eq!(Some(own.len() as u64), part.count(), "{part:?}");
                let fair = whole.len() as u64 / of;
                assert!((fair..=fair + 1).contains(&(own.len() as u64)), "{part:?}");
                joined.extend(own);
            }
            whole.sort();
            joined.sort();
            assert_eq!(joined, whole);
        }
    }

    #[test]
    fn seeds_without_end_are_shared_out_too() {
        let part = Some(Part { index: 2, of: 3 });
        let open = Runs { scenarios: 3, seeds: SeedRange { from: 0, to: None }, part };
        assert_eq!(open.count(), None);
        let first: Vec<_> = open.iter().take(3).map(|run| (run.scenario, run.seed)).collect();
        assert_eq!(first, [(1, 0), (0, 1), (2, 2)]);
    }
}
