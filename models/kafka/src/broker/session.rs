//! What a leader remembers of each follower's fetches, so that partitions at rest cost nothing.
//!
//! A session has everything the follower asks for. Only partitions with *news* are looked at: those
//! the follower named, and those where something happened here since. For all others looking would
//! change nothing, which [`is_settled`] makes sure of. Parking and wakening are `fetch`'s.
//! Kafka: `FetchSession`, `IncrementalFetchContext` (KIP-227).

use crate::machine::ConnectionId;
use crate::message::{
    CorrelationId, FetchPartition, FetchSession, Fetched, FetchedPartition, FetchingReplica,
    SessionId,
};
use crate::partition::leader::LagTick;
use ackproof_types::{BrokerEpoch, BrokerId, ErrorCode, Offset, TopicPartition};
use std::collections::BTreeMap;

/// One partition of a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Member {
    asked: FetchPartition,
    /// The high watermark last told, and the start of the log.
    told: (Offset, Offset),
    has_news: bool,
}

/// Nothing was told, or what was told was not taken.
const UNTOLD: (Offset, Offset) = (Offset::UNKNOWN, Offset::UNKNOWN);

/// A parked fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) connection: ConnectionId,
    pub(super) correlation: CorrelationId,
    pub(super) min_bytes: u64,
}

/// The fetches of one follower.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Session {
    id: SessionId,
    /// The epoch of the next fetch.
    next: u32,
    pub(super) max_bytes: u64,
    pub(super) parked: Option<Waiting>,
    /// When everything was last looked at.
    pub(super) looked_at_all: LagTick,
    /// By partition.
    members: Vec<Member>,
    news: Vec<TopicPartition>,
}

impl Session {
    fn position(&self, id: TopicPartition) -> Result<usize, usize> {
        self.members.binary_search_by_key(&id, |member| member.asked.partition)
    }

    /// The follower names a partition.
    fn name(&mut self, asked: FetchPartition) {
        match self.position(asked.partition) {
            Ok(at) => self.members[at].asked = asked,
            Err(at) => {
                self.members.insert(at, Member { asked, told: UNTOLD, has_news: false });
            }
        }
        self.note(asked.partition);
    }

    /// The follower does not want these any more.
    fn forget(&mut self, forgotten: &[TopicPartition]) {
        if !forgotten.is_empty() {
            self.members.retain(|member| !forgotten.contains(&member.asked.partition));
            self.news.retain(|id| !forgotten.contains(id));
        }
    }

    /// Something happened to `id`.
    pub(super) fn note(&mut self, id: TopicPartition) {
        if let Ok(at) = self.position(id) {
            let member = &mut self.members[at];
            if !member.has_news {
                member.has_news = true;
                self.news.push(id);
            }
        }
    }

    pub(super) fn note_all(&mut self) {
        for member in &mut self.members {
            if !member.has_news {
                member.has_news = true;
                self.news.push(member.asked.partition);
            }
        }
    }

    /// What to look at; it is news no more.
    pub(super) fn take_news(&mut self) -> Vec<TopicPartition> {
        let news = std::mem::take(&mut self.news);
        for id in &news {
            if let Ok(at) = self.position(*id) {
                self.members[at].has_news = false;
            }
        }
        news
    }

    /// Gives the emptied list of [`Self::take_news`] back.
    pub(super) fn recycle(&mut self, mut list: Vec<TopicPartition>) {
        list.clear();
        if self.news.is_empty() && self.news.capacity() < list.capacity() {
            self.news = list;
        }
    }

    /// What the follower asks of the partitions with news.
    pub(super) fn asked_with_news(&self) -> impl Iterator<Item = &FetchPartition> {
        self.news.iter().filter_map(|id| self.asked(*id))
    }

    pub(super) fn asked(&self, id: TopicPartition) -> Option<&FetchPartition> {
        self.position(id).ok().map(|at| &self.members[at].asked)
    }

    /// Whether `result` says anything about `id` that was not told before.
    pub(super) fn is_new(&self, id: TopicPartition, result: &Result<Fetched, ErrorCode>) -> bool {
        let Ok(at) = self.position(id) else { return false };
        result.as_ref().map_or(true, |fetched| {
            (fetched.high_watermark, fetched.log_start) != self.members[at].told
                || !fetched.batches.is_empty()
                || fetched.diverging.is_some()
        })
    }

    /// This is told. A follower that must cut its log first, or was refused, takes no high watermark.
    pub(super) fn tell(&mut self, answer: &[FetchedPartition]) {
        for FetchedPartition { partition, result } in answer {
            if let Ok(at) = self.position(*partition) {
                let taken = result.as_ref().ok().filter(|fetched| fetched.diverging.is_none());
                let told = taken.map(|fetched| (fetched.high_watermark, fetched.log_start));
                self.members[at].told = told.unwrap_or(UNTOLD);
            }
        }
    }
}

/// The sessions of a leader: one for each broker that fetches from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Sessions(BTreeMap<BrokerId, Session>);

impl Sessions {
    /// Takes a fetch of `replica` into its session. A session that begins replaces the one before;
    /// what was parked there is returned.
    ///
    /// # Errors
    /// `FETCH_SESSION_ID_NOT_FOUND`, `INVALID_FETCH_SESSION_EPOCH`: the replica must begin anew.
    pub(super) fn take(
        &mut self,
        replica: BrokerId,
        session: FetchSession,
        partitions: Vec<FetchPartition>,
    ) -> Result<Option<Waiting>, ErrorCode> {
        let (known, parked) = match session {
            FetchSession::Continue { session, epoch, forgotten } => {
                let known = self.0.get_mut(&replica).filter(|known| known.id == session);
                let known = known.ok_or(ErrorCode::FetchSessionIdNotFound)?;
                if known.next != epoch {
                    return Err(ErrorCode::InvalidFetchSessionEpoch);
                }
                known.next += 1;
                known.forget(&forgotten);
                (known, None)
            }
            FetchSession::Begin(id) => {
                let parked = self.0.remove(&replica).and_then(|before| before.parked);
                let members = Vec::with_capacity(partitions.len());
                let begun = Session {
                    id,
                    next: 1,
                    max_bytes: 0,
                    parked: None,
                    looked_at_all: LagTick(0),
                    members,
                    news: Vec::new(),
                };
                (self.0.entry(replica).or_insert(begun), parked)
            }
            // Replicas fetch in sessions.
            FetchSession::Sessionless => return Err(ErrorCode::FetchSessionIdNotFound),
        };
        partitions.into_iter().for_each(|asked| known.name(asked));
        Ok(parked)
    }

    pub(super) fn of(&mut self, replica: BrokerId) -> Option<&mut Session> {
        self.0.get_mut(&replica)
    }

    /// Who waits under this number.
    pub(super) fn parked_as(&self, number: u64) -> Option<BrokerId> {
        let parked =
            self.0.iter().find(|(_, one)| one.parked.is_some_and(|it| it.number == number));
        parked.map(|(replica, _)| *replica)
    }

    /// Something happened to `id`.
    pub(super) fn note(&mut self, id: TopicPartition) {
        for session in self.0.values_mut() {
            session.note(id);
        }
    }

    /// Those that ask for `id` and are parked.
    pub(super) fn waiting_for(
        &self,
        id: TopicPartition,
    ) -> impl Iterator<Item = (BrokerId, &Session, Waiting)> {
        let parked = self.0.iter().filter_map(|(replica, one)| Some((*replica, one, one.parked?)));
        parked.filter(move |(_, session, _)| session.position(id).is_ok())
    }
}

/// Whether looking again at a partition would change nothing until something happens to it: the
/// follower is in sync and has claimed the whole log.
pub(super) fn is_settled(
    result: &Result<Fetched, ErrorCode>,
    log_end: Offset,
    in_isr: bool,
) -> bool {
    let at_end = |fetched: &Fetched| fetched.diverging.is_none() && fetched.fetch_offset == log_end;
    in_isr && result.as_ref().is_ok_and(at_end)
}

/// R2.13: whether a fetch comes from a former process of its broker. `alive` is the epoch of the
/// broker if it is not fenced; who sends none of its own is believed.
pub(super) fn is_stale(replica: FetchingReplica, alive: Option<BrokerEpoch>) -> bool {
    replica.epoch != BrokerEpoch::UNKNOWN && alive.is_some_and(|known| known > replica.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof_types::{LeaderEpoch, TopicId};

    const FOLLOWER: BrokerId = BrokerId(2);
    const BEGIN: FetchSession = FetchSession::Begin(SessionId(7));

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

    fn taken(
        sessions: &mut Sessions,
        session: FetchSession,
        named: Vec<FetchPartition>,
    ) -> Vec<i64> {
        sessions.take(FOLLOWER, session, named).expect("taken");
        let session = sessions.of(FOLLOWER).expect("a session");
        session.members.iter().map(|one| one.asked.offset.0).collect()
    }

    #[test]
    fn a_fetch_names_only_what_changed() {
        let mut sessions = Sessions::default();
        taken(&mut sessions, BEGIN, vec![asked(0, 5), asked(2, 6)]);
        assert_eq!(taken(&mut sessions, go_on(1, vec![]), vec![asked(2, 8)]), [5, 8]);
        let forgotten = vec![asked(0, 0).partition];
        assert_eq!(taken(&mut sessions, go_on(2, forgotten), vec![asked(1, 1)]), [1, 8]);
    }

    #[test]
    fn an_unknown_session_and_a_skipped_fetch_are_refused() {
        let mut sessions = Sessions::default();
        let refused = |sessions: &mut Sessions, session| {
            sessions.take(FOLLOWER, session, vec![]).expect_err("refused")
        };
        let unknown = refused(&mut sessions, go_on(1, vec![]));
        assert_eq!(unknown, ErrorCode::FetchSessionIdNotFound);
        taken(&mut sessions, BEGIN, vec![]);
        let skipped = refused(&mut sessions, go_on(2, vec![]));
        assert_eq!(skipped, ErrorCode::InvalidFetchSessionEpoch);
        taken(&mut sessions, FetchSession::Begin(SessionId(8)), vec![]);
        let old = refused(&mut sessions, go_on(1, vec![]));
        assert_eq!(old, ErrorCode::FetchSessionIdNotFound);
    }

    #[test]
    fn only_what_has_news_is_looked_at_and_a_high_watermark_is_told_once() {
        let mut sessions = Sessions::default();
        taken(&mut sessions, BEGIN, vec![asked(0, 5), asked(1, 5)]);
        let (zero, one) = (asked(0, 0).partition, asked(1, 0).partition);
        let session = sessions.of(FOLLOWER).expect("a session");
        assert_eq!(session.take_news(), [zero, one], "all is new");
        let fetched = |high: i64| {
            Ok(Fetched {
                fetch_offset: Offset(5),
                high_watermark: Offset(high),
                log_start: Offset(0),
                diverging: None,
                preferred_read_replica: None,
                batches: Vec::new(),
            })
        };
        assert!(session.is_new(zero, &fetched(4)));
        session.tell(&[FetchedPartition { partition: zero, result: fetched(4) }]);
        assert!(!session.is_new(zero, &fetched(4)) && session.is_new(zero, &fetched(5)));
        assert!(session.is_new(zero, &Err(ErrorCode::NotLeaderOrFollower)));
        session.note(one);
        session.note(one);
        assert_eq!(session.take_news(), [one]);
    }

    #[test]
    fn a_replica_at_the_end_and_in_sync_is_settled() {
        let fetched = Ok(Fetched {
            fetch_offset: Offset(5),
            high_watermark: Offset(4),
            log_start: Offset(0),
            diverging: None,
            preferred_read_replica: None,
            batches: Vec::new(),
        });
        assert!(is_settled(&fetched, Offset(5), true));
        assert!(!is_settled(&fetched, Offset(6), true), "its lag counts");
        assert!(!is_settled(&fetched, Offset(5), false), "it may join with its next fetch");
        assert!(!is_settled(&Err(ErrorCode::NotLeaderOrFollower), Offset(5), true));
    }

    #[test]
    fn a_fetch_of_a_former_process_is_told_from_the_living() {
        let replica = |epoch| FetchingReplica { broker: FOLLOWER, epoch: BrokerEpoch(epoch) };
        assert!(is_stale(replica(70), Some(BrokerEpoch(90))), "R2.13, W5");
        assert!(!is_stale(replica(90), Some(BrokerEpoch(90))));
        assert!(!is_stale(replica(90), Some(BrokerEpoch(70))), "this leader's metadata is late");
        assert!(!is_stale(replica(70), None), "fenced: the epoch is not compared");
        assert!(!is_stale(replica(-1), Some(BrokerEpoch(90))), "none of its own");
    }
}
