//! What a leader remembers of a replica's fetches, so that only what changed has to be named again.
//!
//! Bookkeeping of requests and responses; what a fetch reads and claims is `fetch`'s business. Kafka:
//! `FetchSession`, `IncrementalFetchContext` (KIP-227).

use crate::message::{FetchPartition, FetchSession, Fetched, FetchedPartition, SessionId};
use crate::partition::leader::LagTick;
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, Offset, TopicPartition};
use std::collections::BTreeMap;

/// The sessions of a leader: one for each replica that fetches from it.
#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<BrokerId, Session>);

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    id: SessionId,
    /// The epoch of the next fetch.
    next: u32,
    /// Ascending by partition.
    partitions: Vec<Remembered>,
}

/// A partition of a session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remembered {
    pub(super) asked: FetchPartition,
    /// High watermark and log start of the last response that had the partition.
    told: Option<(Offset, Offset)>,
    /// The state in which the last fetch found nothing to say and nothing to do.
    settled: Option<Settled>,
}

/// All that a fetch of a partition depends on, but for what it asks and for the in-sync set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled {
    pub(super) leader_epoch: LeaderEpoch,
    pub(super) end: Offset,
    pub(super) high_watermark: Offset,
    pub(super) broker_epoch: BrokerEpoch,
    pub(super) tick: LagTick,
}

impl Remembered {
    fn new(asked: FetchPartition) -> Self {
        Self { asked, told: None, settled: None }
    }

    /// Whether the same fetch in the same state was without any effect before.
    pub(super) fn is_settled(&self, state: Settled) -> bool {
        self.settled == Some(state)
    }

    /// Notes that a fetch whose claim was taken read `result`, which is no news.
    pub(super) fn settle(&mut self, state: Settled, result: &Result<Fetched, ErrorCode>) {
        let is_idle = self.asked.offset == state.end && !self.is_news(result);
        self.settled = is_idle.then_some(state);
    }

    /// Whether a response must have `result`: there is something the replica does not know.
    pub(super) fn is_news(&self, result: &Result<Fetched, ErrorCode>) -> bool {
        match result {
            Err(_) => true,
            Ok(fetched) => {
                !fetched.batches.is_empty()
                    || fetched.diverging.is_some()
                    || self.told != Some((fetched.high_watermark, fetched.log_start))
            }
        }
    }
}

impl Session {
    pub(super) fn id(&self) -> SessionId {
        self.id
    }

    pub(super) fn partitions_mut(&mut self) -> &mut [Remembered] {
        &mut self.partitions
    }

    pub(super) fn contains(&self, partition: TopicPartition) -> bool {
        self.place(partition).is_ok()
    }

    /// Notes what a response tells.
    pub(super) fn told(&mut self, answers: &[FetchedPartition]) {
        for FetchedPartition { partition, result } in answers {
            if let Ok(place) = self.place(*partition) {
                // After an error the next result is news whatever it is.
                let told = result.as_ref().ok();
                self.partitions[place].told =
                    told.map(|fetched| (fetched.high_watermark, fetched.log_start));
            }
        }
    }

    fn place(&self, partition: TopicPartition) -> Result<usize, usize> {
        self.partitions.binary_search_by_key(&partition, |one| one.asked.partition)
    }

    fn update(&mut self, changed: Vec<FetchPartition>, forgotten: &[TopicPartition]) {
        if !forgotten.is_empty() {
            self.partitions.retain(|one| forgotten.binary_search(&one.asked.partition).is_err());
        }
        for asked in changed {
            match self.place(asked.partition) {
                Ok(place) => {
                    let known = &mut self.partitions[place];
                    *known = Remembered { told: known.told, ..Remembered::new(asked) };
                }
                Err(place) => self.partitions.insert(place, Remembered::new(asked)),
            }
        }
    }
}

impl Sessions {
    /// Takes a fetch of `replica` into its session, which [`Self::get`] gives from then on.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`: the replica must begin anew.
    pub(super) fn take(
        &mut self,
        replica: BrokerId,
        session: FetchSession,
        partitions: Vec<FetchPartition>,
    ) -> Result<(), ErrorCode> {
        let id = match session {
            FetchSession::Continue { session, epoch, forgotten } => {
                let known = self.0.get_mut(&replica).filter(|known| known.id == session);
                let known = known.ok_or(ErrorCode::FetchSessionIdNotFound)?;
                if known.next != epoch {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                known.next += 1;
                known.update(partitions, &forgotten);
                return Ok(());
            }
            FetchSession::Begin(id) => id,
            FetchSession::Sessionless => unreachable!("replicas fetch in sessions"),
        };
        let partitions = partitions.into_iter().map(Remembered::new).collect();
        self.0.insert(replica, Session { id, next: 1, partitions });
        Ok(())
    }

    pub(super) fn get(&self, replica: BrokerId) -> Option<&Session> {
        self.0.get(&replica)
    }

    pub(super) fn get_mut(&mut self, replica: BrokerId) -> Option<&mut Session> {
        self.0.get_mut(&replica)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::TopicId;

    const FOLLOWER: BrokerId = BrokerId(2);

    fn asked(partition: u16, offset: i64) -> FetchPartition {
        FetchPartition {
            partition: TopicPartition::new(TopicId(1), partition),
            offset: Offset(offset),
            leader_epoch: LeaderEpoch(0),
            last_fetched_epoch: LeaderEpoch(0),
            log_start: Offset(0),
            max_bytes: 1,
        }
    }

    fn go_on(epoch: u32, forgotten: Vec<TopicPartition>) -> FetchSession {
        FetchSession::Continue { session: SessionId(7), epoch, forgotten }
    }

    fn offsets(sessions: &Sessions) -> Vec<i64> {
        let session = sessions.get(FOLLOWER).expect("a session");
        session.partitions.iter().map(|one| one.asked.offset.0).collect()
    }

    #[test]
    fn a_fetch_names_only_what_changed() {
        let mut sessions = Sessions::default();
        let begin = FetchSession::Begin(SessionId(7));
        sessions.take(FOLLOWER, begin, vec![asked(0, 5), asked(2, 6)]).expect("begun");
        sessions.take(FOLLOWER, go_on(1, vec![]), vec![asked(2, 8)]).expect("goes on");
        assert_eq!(offsets(&sessions), [5, 8]);
        let forgotten = vec![asked(0, 0).partition];
        sessions.take(FOLLOWER, go_on(2, forgotten), vec![asked(1, 1)]).expect("goes on");
        assert_eq!(offsets(&sessions), [1, 8]);
    }

    #[test]
    fn an_unknown_session_and_a_skipped_fetch_are_refused() {
        let mut sessions = Sessions::default();
        let unknown = sessions.take(FOLLOWER, go_on(1, vec![]), vec![]);
        assert_eq!(unknown, Err(ErrorCode::FetchSessionIdNotFound));
        sessions.take(FOLLOWER, FetchSession::Begin(SessionId(7)), vec![]).expect("begun");
        let skipped = sessions.take(FOLLOWER, go_on(2, vec![]), vec![]);
        assert_eq!(skipped, Err(ErrorCode::InvalidFetchSessionEpoch));
        sessions.take(FOLLOWER, FetchSession::Begin(SessionId(8)), vec![]).expect("anew");
        let old = sessions.take(FOLLOWER, go_on(1, vec![]), vec![]);
        assert_eq!(old, Err(ErrorCode::FetchSessionIdNotFound));
    }

    #[test]
    fn a_high_watermark_is_news_once() {
        let mut sessions = Sessions::default();
        let begin = FetchSession::Begin(SessionId(7));
        sessions.take(FOLLOWER, begin, vec![asked(0, 5)]).expect("begun");
        let session = sessions.get_mut(FOLLOWER).expect("a session");
        let fetched = |high: i64| Fetched {
            fetch_offset: Offset(5),
            high_watermark: Offset(high),
            log_start: Offset(0),
            diverging: None,
            batches: Vec::new(),
        };
        assert!(session.partitions[0].is_news(&Ok(fetched(4))));
        let partition = asked(0, 0).partition;
        session.told(&[FetchedPartition { partition, result: Ok(fetched(4)) }]);
        assert!(!session.partitions[0].is_news(&Ok(fetched(4))));
        assert!(session.partitions[0].is_news(&Ok(fetched(5))));
        assert!(session.partitions[0].is_news(&Err(ErrorCode::NotLeaderOrFollower)));
    }
}
