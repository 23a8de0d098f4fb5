//! Members, timers, replication and failovers in any order: what holds whatever happens.

use super::super::GroupTimer;
use super::super::classic::State;
use super::super::member::Parked;
use super::driver::{Driver, GROUP, at, commit, join};
use crate::message::GroupRecord;
use crate::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, MemberAssignment, MemberClaim,
    OffsetFetchRequest, Payload, SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId, Offset, RebalanceReason, TopicPartition};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MEMBERS: usize = 3;
const PARTITIONS: u16 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(usize),
    Sync(usize),
    Beat(usize),
    Leave(usize),
    /// A member, a partition, and a generation beside the one it knows.
    Commit(usize, u16, i32),
    Read(u16),
    /// The n-th of the armed timers.
    Fire(usize),
    /// So many days pass, and what has expired is looked for.
    Pass(u64),
    Replicate,
    /// The next append fails, and so the broker finds out that it leads no more.
    Refuse,
    /// Another coordinator takes over with what is replicated and a part of the rest.
    FailOver(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let step = prop_oneof![
        6 => member.clone().prop_map(Step::Join),
        6 => member.clone().prop_map(Step::Sync),
        3 => member.clone().prop_map(Step::Beat),
        1 => member.clone().prop_map(Step::Leave),
        6 => (member, 0..PARTITIONS, prop_oneof![4 => Just(0), 1 => Just(-1), 1 => Just(1)])
            .prop_map(|(member, partition, beside)| Step::Commit(member, partition, beside)),
        2 => (0..PARTITIONS).prop_map(Step::Read),
        6 => any::<usize>().prop_map(Step::Fire),
        2 => (1..9_u64).prop_map(Step::Pass),
        4 => Just(Step::Replicate),
        1 => Just(Step::Refuse),
        1 => any::<usize>().prop_map(Step::FailOver),
    ];
    prop::collection::vec(step, 1..120)
}

/// What a client remembers.
#[derive(Clone, Debug, Default)]
struct Client {
    id: Option<MemberId>,
    generation: Option<GenerationId>,
    /// Given to the leader.
    members: Vec<MemberId>,
}

/// A question that was asked.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Join(usize),
    Sync(MemberClaim),
    Beat,
    Leave(MemberId),
    Commit(TopicPartition, i64),
    Read,
}

struct World {
    driver: Driver,
    clients: Vec<Client>,
    asked: BTreeMap<u64, Asked>,
    /// The number of the last commit, which is its offset.
    number: i64,
    /// The highest acknowledged commit of each partition.
    acknowledged: BTreeMap<TopicPartition, i64>,
    /// Commits up to this one may have expired.
    expired: BTreeMap<TopicPartition, i64>,
    /// Who was given a partition in a generation.
    owners: BTreeMap<(GenerationId, TopicPartition), MemberId>,
    /// The generation that this coordinator reached last.
    generation: GenerationId,
    /// Who left or expired under this coordinator, for good: ids are never given again.
    gone: Vec<MemberId>,
}

impl World {
    fn new() -> Self {
        let mut driver = Driver::new(&[]);
        (driver.replicates, driver.flushes) = (false, false);
        Self {
            driver,
            clients: vec![Client::default(); MEMBERS],
            asked: BTreeMap::new(),
            number: 0,
            acknowledged: BTreeMap::new(),
            expired: BTreeMap::new(),
            owners: BTreeMap::new(),
            generation: GenerationId(0),
            gone: Vec::new(),
        }
    }

    fn claim(&self, member: usize, beside: i32) -> Option<MemberClaim> {
        let client = &self.clients[member];
        let generation = GenerationId(client.generation?.0 + beside);
        Some(MemberClaim { group: GROUP, generation, member: client.id?, instance: None })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Join(member) => self.ask(Asked::Join(member), &join(self.clients[member].id)),
            Step::Sync(member) => self.sync(member),
            Step::Beat(member) => {
                if let Some(claim) = self.claim(member, 0) {
                    self.ask(Asked::Beat, &GroupRequest::Heartbeat(claim));
                }
            }
            Step::Leave(member) => {
                if let Some(id) = self.clients[member].id.take() {
                    self.ask(
                        Asked::Leave(id),
                        &GroupRequest::LeaveGroup(GROUP, id, RebalanceReason::Left),
                    );
                }
            }
            Step::Commit(member, partition, beside) => {
                if let Some(claim) = self.claim(member, beside) {
                    self.commit(claim, at(partition));
                }
            }
            Step::Read(partition) => {
                self.ask(
                    Asked::Read,
                    &GroupRequest::OffsetFetch(OffsetFetchRequest::new(GROUP, vec![at(partition)])),
                );
            }
            Step::Fire(number) => self.fire(number),
            Step::Pass(days) => {
                self.driver.pass_days(days);
                self.fire_timer(GroupTimer::Expiry(0));
            }
            Step::Replicate => {
                let end = self.driver.end();
                self.driver.replicate_quietly();
                assert_eq!(self.driver.high_watermark, end);
            }
            Step::Refuse => self.refuse(),
            Step::FailOver(kept) => self.fail_over(kept),
        }
        self.listen();
        self.check();
    }

    fn ask(&mut self, asked: Asked, request: &GroupRequest) {
        let number = self.driver.next_number();
        self.asked.insert(number, asked);
        assert_eq!(self.driver.send(request), number);
    }

    fn sync(&mut self, member: usize) {
        let Some(claim) = self.claim(member, 0) else { return };
        let members = &self.clients[member].members;
        let share = |turn: usize| -> MemberAssignment {
            let mine = |p: &u16| usize::from(*p) % members.len() == turn;
            (0..PARTITIONS).filter(mine).map(at).collect()
        };
        let assignment = members.iter().enumerate().map(|(turn, id)| (*id, share(turn))).collect();
        let request = GroupRequest::SyncGroup(SyncGroupRequest { claim, assignment });
        self.ask(Asked::Sync(claim), &request);
    }

    fn commit(&mut self, claim: MemberClaim, partition: TopicPartition) {
        self.number += 1;
        let stale = claim.generation != self.generation || self.gone.contains(&claim.member);
        let number = self.driver.next_number();
        self.ask(Asked::Commit(partition, self.number), &commit(claim, partition, self.number));
        if stale {
            let answers = &self.driver.replies;
            let answer = answers.iter().find(|(to, _)| *to == number).map(|(_, it)| it);
            assert!(
                matches!(answer, Some(GroupResponse::OffsetCommit(Err(_)))),
                "{claim:?} in {:?}: {answer:?}",
                self.generation
            );
        }
    }

    fn fire(&mut self, number: usize) {
        let count = self.driver.timers.len().max(1);
        if let Some(timer) = self.driver.timers.keys().nth(number % count).copied() {
            self.fire_timer(timer);
        }
    }

    fn fire_timer(&mut self, timer: GroupTimer) {
        if let GroupTimer::Session(_, member) = timer {
            let excused = self.driver.coordinator.group(GROUP).is_some_and(|group| {
                group.members.get(&member).is_some_and(|it| it.is_parked() && !it.is_new)
            });
            if !excused {
                self.gone.push(member);
            }
        }
        self.driver.fire_quietly(timer);
        if matches!(timer, GroupTimer::Expiry(_)) {
            self.forget_expired();
        }
    }

    /// R9.37: a group without members and offsets is deleted, and numbers anew.
    fn forget_expired(&mut self) {
        if self.driver.coordinator.group(GROUP).is_none() {
            self.generation = GenerationId(0);
            self.owners.clear();
        }
        let store = self.driver.coordinator.store(GROUP);
        let kept = store.and_then(|store| store.offsets.get(&GROUP));
        for partition in (0..PARTITIONS).map(at) {
            if !kept.is_some_and(|kept| kept.contains_key(&partition)) {
                self.acknowledged.remove(&partition);
                self.expired.insert(partition, self.number);
            }
        }
    }

    fn refuse(&mut self) {
        if self.driver.timers.contains_key(&GroupTimer::Linger(0)) {
            self.driver.refuses = Some(ErrorCode::NotLeaderOrFollower);
            self.driver.fire_quietly(GroupTimer::Linger(0));
            self.driver.refuses = None;
            self.listen();
            self.fail_over(usize::MAX);
        }
    }

    /// The log is cut somewhere above the high watermark.
    fn fail_over(&mut self, kept: usize) {
        let safe = self.driver.high_watermark;
        let replicated = self.driver.log.iter().filter(|it| it.next_offset() <= safe).count();
        let rest = self.driver.log.len() - replicated;
        self.driver.log.truncate(replicated + kept % (rest + 1));
        self.asked.clear();
        self.driver.replies.clear();
        self.driver.fail_over();
        self.driver.fire_quietly(GroupTimer::Load(0));
        self.driver.replicate_quietly();
        self.generation = self.persisted_generation();
        // R9.6: a removal is written only with the next assignment.
        self.gone.clear();
        let generation = self.driver.coordinator.group(GROUP).map(|group| group.generation);
        assert_eq!(generation.unwrap_or(GenerationId(0)), self.generation, "R9.6");
    }

    fn persisted_generation(&self) -> GenerationId {
        let records = self.driver.log.iter().flat_map(|batch| match &batch.payload {
            Payload::Group(records) => records.to_vec(),
            Payload::Records(_) => Vec::new(),
        });
        let generations = records.filter_map(|record| match record {
            GroupRecord::Group { generation, .. } => Some(generation),
            GroupRecord::NoGroup(_) => Some(GenerationId(0)),
            GroupRecord::Offset { .. }
            | GroupRecord::NoOffset(..)
            | GroupRecord::ConsumerGroup(..) => None,
        });
        generations.last().unwrap_or(GenerationId(0))
    }

    /// The number of the last replicated commit of `partition`.
    fn replicated(&self, partition: TopicPartition) -> Option<i64> {
        let safe = self.driver.high_watermark;
        let batches = self.driver.log.iter().filter(|it| it.next_offset() <= safe);
        let records = batches.flat_map(|batch| match &batch.payload {
            Payload::Group(records) => records.to_vec(),
            Payload::Records(_) => Vec::new(),
        });
        let committed = records.filter_map(|record| match record {
            GroupRecord::Offset { partition: of, committed, .. } if of == partition => {
                Some(committed.offset.0)
            }
            GroupRecord::Offset { .. }
            | GroupRecord::Group { .. }
            | GroupRecord::NoOffset(..)
            | GroupRecord::NoGroup(_)
            | GroupRecord::ConsumerGroup(..) => None,
        });
        committed.last()
    }

    fn listen(&mut self) {
        for fact in std::mem::take(&mut self.driver.seen) {
            if let Observation::Rebalanced { generation, .. } = fact {
                assert_eq!(generation, self.generation.next(), "generations rise by one");
                self.generation = generation;
            }
        }
        for (number, response) in std::mem::take(&mut self.driver.replies) {
            let asked = self.asked.remove(&number).expect("answered once");
            match (asked, response) {
                (Asked::Join(member), GroupResponse::JoinGroup(said)) => self.joined(member, said),
                (Asked::Sync(claim), GroupResponse::SyncGroup(Ok(share))) => {
                    self.synced(claim, &share)
                }
                (Asked::Leave(id), GroupResponse::LeaveGroup(Ok(()))) => self.gone.push(id),
                (Asked::Commit(partition, number), GroupResponse::OffsetCommit(Ok(()))) => {
                    assert!(self.replicated(partition) >= Some(number), "R9.3");
                    if self.expired.get(&partition).is_none_or(|last| number > *last) {
                        let highest = self.acknowledged.entry(partition).or_default();
                        *highest = number.max(*highest);
                    }
                }
                (Asked::Read, GroupResponse::OffsetFetch(Ok(offsets))) => {
                    let (partition, found) = offsets[0];
                    let found = found.map(|it| it.offset.0);
                    assert!(found <= self.replicated(partition), "R9.5: not what may be lost");
                    let acknowledged = self.acknowledged.get(&partition).copied();
                    assert!(found >= acknowledged, "{found:?} after {acknowledged:?}");
                }
                (_, _) => {}
            }
        }
    }

    fn joined(&mut self, member: usize, said: JoinGroupResponse) {
        let client = &mut self.clients[member];
        match said {
            JoinGroupResponse::Joined { generation, member, members, leader, .. } => {
                assert_eq!(generation, self.generation, "of this generation");
                assert_eq!(members.is_empty(), leader != member, "only the leader is told");
                client.generation = Some(generation);
                client.members = members.into_iter().map(|it| it.id).collect();
            }
            JoinGroupResponse::MemberIdRequired(id) => client.id = Some(id),
            JoinGroupResponse::Refused(ErrorCode::UnknownMemberId) => *client = Client::default(),
            JoinGroupResponse::Refused(_) => {}
        }
    }

    fn synced(&mut self, claim: MemberClaim, share: &[TopicPartition]) {
        for partition in share {
            let owner = self.owners.entry((claim.generation, *partition)).or_insert(claim.member);
            assert_eq!(*owner, claim.member, "{partition:?} twice in {:?}", claim.generation);
        }
    }

    /// What holds between steps.
    fn check(&self) {
        let Some(group) = self.driver.coordinator.group(GROUP) else { return };
        let armed = |timer| self.driver.timers.contains_key(&timer);
        assert_eq!(group.members.is_empty(), group.leader.is_none());
        assert!(group.leader.is_none_or(|leader| group.members.contains_key(&leader)));
        assert!(group.unsynced.iter().all(|id| group.members.contains_key(id)));
        for id in &group.pending {
            assert!(armed(GroupTimer::Session(GROUP, *id)), "a named member expires");
            assert!(!group.members.contains_key(id));
        }
        for (id, member) in &group.members {
            let watched = armed(GroupTimer::Session(GROUP, *id));
            assert!(watched || (member.is_parked() && !member.is_new), "{id:?} never expires");
            assert!(!self.gone.contains(id), "{id:?} is back");
        }
        let joining =
            group.members.values().any(|it| matches!(it.joining, Some(Parked::Waiting(_))));
        match group.state {
            State::Empty => assert!(group.members.is_empty()),
            State::InitialRebalance { .. } | State::PreparingRebalance => {
                assert!(armed(GroupTimer::Join(GROUP)), "the join phase ends");
            }
            State::CompletingRebalance => {
                assert!(!joining);
                assert_eq!(armed(GroupTimer::Sync(GROUP)), !group.unsynced.is_empty());
            }
            State::Stable => assert!(!joining, "nobody is kept waiting"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn coordinator_keeps_its_promises(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // In the end all is written, replicated and read.
        while let Some(timer) = world.driver.timers.keys().find(|it| matches!(it, GroupTimer::Linger(_))).copied() {
            world.driver.fire_quietly(timer);
        }
        world.take(Step::Replicate);
        world.take(Step::FailOver(0));
        for partition in 0..PARTITIONS {
            let before = world.asked.len();
            world.take(Step::Read(partition));
            prop_assert_eq!(world.asked.len(), before, "read");
        }
        prop_assert!(world.driver.high_watermark >= Offset(0));
    }
}
