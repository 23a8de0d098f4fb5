//! The end of a world: everything comes back, hears all, and the log is what its leader has.

use super::replica::Change;
use super::{Replicas, Step, Witness};
use crate::log::stored::StoredLog;
use crate::message::RecordBatch;
use ackproof_types::{BrokerId, LeaderEpoch, Offset};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Rounds after which a world that is not at rest never is.
const ROUNDS: usize = 64;

/// The log as its leader has it.
#[derive(Clone, Debug)]
pub struct FinalLog {
    /// Who leads.
    pub leader: BrokerId,
    /// Its leadership.
    pub epoch: LeaderEpoch,
    /// One past the last offset that consumers see.
    pub end: Offset,
    /// Its batches.
    pub batches: Vec<Arc<RecordBatch>>,
}

impl Replicas {
    /// Starts what is down, delivers all that is under way, and lets followers fetch until nothing changes.
    #[must_use]
    pub fn healed(&self, seen: Witness<'_>) -> Self {
        let mut world = self.unbounded();
        for _ in 0..ROUNDS {
            let before = world.fingerprint();
            for at in self.places() {
                while let Some(step) = world.healing(at) {
                    world.take(step, seen);
                }
                for leader in self.places() {
                    let mut steps = Vec::new();
                    world.fetches_of(at, leader, &mut steps);
                    steps.into_iter().for_each(|step| world.take(step, seen));
                }
            }
            if world.fingerprint() == before {
                break;
            }
        }
        world
    }

    fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }

    /// What brings this broker back, or what it has yet to hear.
    fn healing(&self, at: u8) -> Option<Step> {
        let replica = self.replica(at);
        match &replica.change {
            Change::None => {}
            Change::Asked(..) => return Some(Step::Alter(at)),
            Change::Answered(..) => return Some(Step::Altered(at)),
        }
        let known = self.quorum.image().brokers.get(&replica.id).copied()?;
        let Some(process) = &replica.process else {
            return Some(if known.fenced { Step::Start(at) } else { Step::Fence(at) });
        };
        let heard = process.image.as_ref().map(|(number, _)| *number);
        let news = self.quorum.after(heard.unwrap_or(0)).count();
        if news > 0 {
            return Some(Step::Learn(at, u8::try_from(news).ok()?));
        }
        (known.fenced && known.epoch == process.epoch && heard.is_some())
            .then_some(Step::Unfence(at))
    }

    /// The log; none: nobody leads.
    #[must_use]
    pub fn final_log(&self) -> Option<FinalLog> {
        let state = self.quorum.partition();
        let leader = state.leader?;
        let partition = self.replica(self.place(leader)).led()?;
        let end = partition.log.high_watermark();
        let all: &StoredLog = partition.log.stored();
        let below = all.batches().iter().filter(|batch| batch.base_offset < end).cloned();
        Some(FinalLog { leader, epoch: partition.leader_epoch, end, batches: below.collect() })
    }
}
