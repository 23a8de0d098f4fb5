//! Members that heartbeat, give up late, crash, come back and lose answers, and coordinators that fail over
//! or cannot write, in any order. Whatever happens, two members that both believe to own a partition are
//! never both members; and once all is quiet, everything is read.

use super::super::driver::{Driver, GROUP, PARTITIONS, at, commit};
use super::member::{Answer, Member, coordinator};
use crate::group::GroupTimer;
use crate::message::{
    ConsumerGroupHeartbeatRequest, GroupRecord, GroupRequest, GroupResponse, MemberState, Payload,
};
use ackproof_types::{ErrorCode, KafkaVersion, MemberEpoch, MemberId, TopicId, TopicPartition};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const MEMBERS: usize = 4;
/// Members from this one on are static.
const STATIC: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// It says as little as it may, or everything.
    Beat(usize, bool),
    /// It gives up what it was told to.
    GiveUp(usize),
    /// It takes what it was given, once it has given up the rest.
    Take(usize),
    /// The answer that it waits for is lost.
    Lose(usize),
    /// Its process dies, and another one starts.
    Crash(usize),
    Leave(usize),
    /// It subscribes to the first topic, the second one or both.
    Subscribe(usize, u8),
    /// A partition, and an epoch beside the one that it knows.
    Commit(usize, u16, i32),
    /// The n-th of the armed timers.
    Fire(usize),
    /// So many days pass, and what has expired is looked for.
    Pass(u64),
    Replicate,
    /// The next append fails.
    Refuse,
    /// Another coordinator takes over with what is replicated and a part of the rest.
    FailOver(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let beside = prop_oneof![4 => Just(0), 1 => Just(-1), 1 => Just(1)];
    let step = prop_oneof![
        12 => (member.clone(), any::<bool>()).prop_map(|(it, full)| Step::Beat(it, full)),
        6 => member.clone().prop_map(Step::GiveUp),
        6 => member.clone().prop_map(Step::Take),
        2 => member.clone().prop_map(Step::Lose),
        1 => member.clone().prop_map(Step::Crash),
        1 => member.clone().prop_map(Step::Leave),
        1 => (member.clone(), 0..3_u8).prop_map(|(it, topics)| Step::Subscribe(it, topics)),
        2 => (member, 0..PARTITIONS, beside).prop_map(|(it, of, by)| Step::Commit(it, of, by)),
        5 => any::<usize>().prop_map(Step::Fire),
        2 => (1..9_u64).prop_map(Step::Pass),
        6 => Just(Step::Replicate),
        1 => Just(Step::Refuse),
        1 => any::<usize>().prop_map(Step::FailOver),
    ];
    prop::collection::vec(step, 1..150)
}

/// A process that is a member or wants to be.
struct Client {
    member: Member,
    /// What it was told last that it may own.
    told: Arc<[TopicPartition]>,
    /// It has not done what it was told last. Once it has, it says what it owns, even if that is the same.
    must_answer: bool,
    /// The question that it waits for.
    waits: Option<u64>,
    /// The coordinator may not know what it owns.
    has_news: bool,
    /// It has not told its subscription.
    has_other_topics: bool,
    /// It does not know what became of its last question.
    is_unsure: bool,
}

impl Client {
    fn new(index: usize, incarnation: u64, topics: Arc<[TopicId]>) -> Self {
        let number = u16::try_from(index).expect("a few members");
        let id = MemberId(incarnation * 10 + u64::from(number));
        let instance = (index >= STATIC).then_some(number);
        let member = Member { id, instance, topics, ..Member::new(0) };
        Self {
            member,
            told: [].into(),
            must_answer: false,
            waits: None,
            has_news: true,
            has_other_topics: false,
            is_unsure: true,
        }
    }

    fn is_in(&self) -> bool {
        self.member.epoch > MemberEpoch::JOIN
    }

    fn owns(&self, partition: TopicPartition) -> bool {
        self.member.owned.contains(&partition)
    }

    fn give_up(&mut self) {
        let kept = self.member.owned.iter().copied().filter(|one| self.told.contains(one));
        self.member.owned = kept.collect();
    }

    fn take(&mut self) {
        if self.member.owned.iter().all(|one| self.told.contains(one)) {
            self.has_news |= std::mem::take(&mut self.must_answer);
            self.member.owned = Arc::clone(&self.told);
        }
    }

    fn request(&self, full: bool) -> ConsumerGroupHeartbeatRequest {
        if full || self.is_unsure || self.has_other_topics || !self.is_in() {
            self.member.full()
        } else if self.has_news && !self.must_answer {
            self.member.owns()
        } else {
            self.member.sign()
        }
    }

    /// What it says that it does not own, others may get at once. So it takes no more of what it was given
    /// before, until it is told again: the answer to a full request tells it.
    fn says(&mut self, request: &ConsumerGroupHeartbeatRequest) {
        if request.owned.is_some() {
            self.told = Arc::clone(&self.member.owned);
            (self.has_news, self.must_answer) = (false, false);
        }
        self.has_other_topics &= request.topics.is_none();
    }

    /// R9.35, as far as the coordinator can tell.
    fn hear(&mut self, answer: Answer) {
        self.waits = None;
        match answer {
            Ok(answer) => {
                self.is_unsure = false;
                self.member.epoch = answer.epoch;
                if let Some(assignment) = answer.assignment {
                    (self.told, self.must_answer) = (assignment, true);
                }
            }
            Err(
                ErrorCode::FencedMemberEpoch
                | ErrorCode::UnknownMemberId
                | ErrorCode::GroupIdNotFound,
            ) => self.lose_all(),
            Err(
                ErrorCode::UnreleasedInstanceId
                | ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::CoordinatorLoadInProgress,
            ) => self.is_unsure = true,
            Err(error) => panic!("{error}"),
        }
    }

    fn lose_all(&mut self) {
        (self.member.owned, self.told) = ([].into(), [].into());
        self.member.epoch = MemberEpoch::JOIN;
    }
}

struct World {
    driver: Driver,
    clients: Vec<Client>,
    incarnations: u64,
    /// Commits that were asked: partition and offset.
    commits: BTreeMap<u64, (TopicPartition, i64)>,
    acknowledged: BTreeMap<TopicPartition, i64>,
}

fn topics(which: u8) -> Arc<[TopicId]> {
    match which {
        0 => [TopicId(1)].into(),
        1 => [TopicId(2)].into(),
        _ => [TopicId(1), TopicId(2)].into(),
    }
}

impl World {
    fn new(version: KafkaVersion) -> Self {
        let mut driver = coordinator(version);
        (driver.replicates, driver.flushes) = (false, false);
        let clients = (0..MEMBERS).map(|index| Client::new(index, 1, topics(0))).collect();
        let (commits, acknowledged) = (BTreeMap::new(), BTreeMap::new());
        Self { driver, clients, incarnations: 1, commits, acknowledged }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Beat(it, full) => {
                if self.clients[it].waits.is_none() {
                    let request = self.clients[it].request(full);
                    self.clients[it].says(&request);
                    self.ask(it, request);
                }
            }
            Step::GiveUp(it) => self.clients[it].give_up(),
            Step::Take(it) => self.clients[it].take(),
            Step::Lose(it) => {
                let client = &mut self.clients[it];
                client.is_unsure |= client.waits.take().is_some();
            }
            Step::Crash(it) => self.restart(it),
            Step::Leave(it) => self.leave(it),
            Step::Subscribe(it, which) => {
                let client = &mut self.clients[it];
                (client.member.topics, client.has_other_topics) = (topics(which), true);
            }
            Step::Commit(it, of, by) => self.commit(it, at(of), by),
            Step::Fire(number) => self.fire(number),
            Step::Pass(days) => {
                self.driver.pass_days(days);
                self.driver.fire_quietly(GroupTimer::Expiry(0));
            }
            Step::Replicate => self.driver.replicate_quietly(),
            Step::Refuse => {
                if self.driver.timers.contains_key(&GroupTimer::Linger(0)) {
                    self.driver.refuses = Some(ErrorCode::NotEnoughReplicas);
                    self.driver.fire_quietly(GroupTimer::Linger(0));
                    self.driver.refuses = None;
                }
            }
            Step::FailOver(kept) => self.fail_over(kept),
        }
        self.listen();
        self.check();
    }

    fn ask(&mut self, it: usize, request: ConsumerGroupHeartbeatRequest) {
        let number = self.driver.send(&GroupRequest::ConsumerGroupHeartbeat(request));
        self.clients[it].waits = Some(number);
    }

    fn restart(&mut self, it: usize) {
        self.incarnations += 1;
        let topics = Arc::clone(&self.clients[it].member.topics);
        self.clients[it] = Client::new(it, self.incarnations, topics);
    }

    /// Nobody waits for the answer: the process is gone.
    fn leave(&mut self, it: usize) {
        if self.clients[it].is_in() {
            let epoch = if it < STATIC { MemberEpoch::LEAVE } else { MemberEpoch::LEAVE_STATIC };
            self.clients[it].member.owned = [].into();
            let request = self.clients[it].member.leaves(epoch);
            self.ask(it, request);
        }
        self.restart(it);
    }

    fn commit(&mut self, it: usize, of: TopicPartition, by: i32) {
        let mut claim = self.clients[it].member.claim();
        claim.generation.0 += by;
        let number = self.driver.next_number();
        let offset = i64::try_from(number).unwrap();
        self.commits.insert(number, (of, offset));
        let group = self.driver.coordinator.consumer_group(GROUP);
        let is_member = group.is_some_and(|group| group.members.contains_key(&claim.member));
        self.driver.send(&commit(claim, of, offset));
        let refused = self.driver.replies.iter().any(|(to, answer)| {
            *to == number && matches!(answer, GroupResponse::OffsetCommit(Err(_)))
        });
        let client = &self.clients[it];
        let is_sure = client.is_in() && client.waits.is_none() && !client.is_unsure;
        let is_ahead = by > 0 && is_sure;
        if claim.generation.0 > 0 && (!is_member || is_ahead) {
            assert!(refused, "R9.11: {claim:?}");
        }
    }

    fn fire(&mut self, number: usize) {
        let count = self.driver.timers.len().max(1);
        if let Some(timer) = self.driver.timers.keys().nth(number % count).copied() {
            self.driver.fire_quietly(timer);
        }
    }

    /// The log is cut somewhere above the high watermark. Who waits does not hear any more.
    fn fail_over(&mut self, kept: usize) {
        let safe = self.driver.high_watermark;
        let replicated = self.driver.log.iter().filter(|it| it.next_offset() <= safe).count();
        let rest = self.driver.log.len() - replicated;
        self.driver.log.truncate(replicated + kept % (rest + 1));
        self.listen();
        for client in &mut self.clients {
            client.is_unsure |= client.waits.take().is_some();
        }
        self.commits.clear();
        self.driver.fail_over();
        self.driver.fire_quietly(GroupTimer::Load(0));
        self.driver.replicate_quietly();
    }

    fn listen(&mut self) {
        for (number, response) in std::mem::take(&mut self.driver.replies) {
            match response {
                GroupResponse::ConsumerGroupHeartbeat(answer) => {
                    let mut clients = self.clients.iter_mut();
                    if let Some(client) = clients.find(|one| one.waits == Some(number)) {
                        client.hear(answer);
                    }
                }
                GroupResponse::OffsetCommit(result) => {
                    let (of, offset) = self.commits.remove(&number).expect("answered once");
                    if result.is_ok() {
                        assert!(self.written(of) >= Some(offset), "R9.3");
                        let last = self.acknowledged.entry(of).or_default();
                        *last = offset.max(*last);
                    }
                }
                GroupResponse::JoinGroup(_)
                | GroupResponse::SyncGroup(_)
                | GroupResponse::Heartbeat(_)
                | GroupResponse::LeaveGroup(_)
                | GroupResponse::OffsetFetch(_) => panic!("nobody asked: {response:?}"),
            }
        }
    }

    /// The last replicated commit of a partition.
    fn written(&self, of: TopicPartition) -> Option<i64> {
        let safe = self.driver.high_watermark;
        let batches = self.driver.log.iter().filter(|it| it.next_offset() <= safe);
        let records = batches.flat_map(|batch| match &batch.payload {
            Payload::Group(records) => records.to_vec(),
            Payload::Records(_) => Vec::new(),
        });
        let commits = records.filter_map(|record| match record {
            GroupRecord::Offset { partition, committed, .. } if partition == of => {
                Some(committed.offset.0)
            }
            GroupRecord::Offset { .. }
            | GroupRecord::Group { .. }
            | GroupRecord::NoOffset(..)
            | GroupRecord::NoGroup(_)
            | GroupRecord::ConsumerGroup(..) => None,
        });
        commits.last()
    }

    /// What holds between steps; the coordinator checks itself.
    fn check(&self) {
        self.driver.coordinator.check();
        for (of, offset) in &self.acknowledged {
            assert!(self.written(*of) >= Some(*offset), "R9.3: {of:?}");
        }
        let Some(group) = self.driver.coordinator.consumer_group(GROUP) else { return };
        let is_member = |client: &Client| group.members.contains_key(&client.member.id);
        for client in &self.clients {
            assert!(client.member.epoch <= group.epoch || !is_member(client), "R9.31");
        }
        for partition in all_partitions() {
            let owners = self.clients.iter().filter(|client| client.owns(partition));
            let owners: Vec<&Member> =
                owners.filter(|client| is_member(client)).map(|client| &client.member).collect();
            assert!(owners.len() <= 1, "R9.33: {partition:?} of {owners:?}");
        }
    }

    /// Everything that is written is replicated at once, and nobody is slow.
    fn calm_down(&mut self) {
        if self.driver.timers.contains_key(&GroupTimer::Linger(0)) {
            self.driver.fire_quietly(GroupTimer::Linger(0));
        }
        self.driver.replicate_quietly();
        (self.driver.replicates, self.driver.flushes) = (true, true);
        self.listen();
        for round in 0..40 {
            // Time passes: who is not there, or cannot join, is given up.
            let timers: Vec<GroupTimer> = self.driver.timers.keys().copied().collect();
            for timer in timers {
                let is_gone =
                    |id| !self.clients.iter().any(|one| one.is_in() && one.member.id == id);
                let is_silent =
                    matches!(timer, GroupTimer::Session(_, id) if round % 8 == 0 && is_gone(id));
                let is_over = is_silent || matches!(timer, GroupTimer::Assignment(_));
                if is_over && self.driver.timers.contains_key(&timer) {
                    self.driver.fire_quietly(timer);
                }
            }
            for it in 0..MEMBERS {
                for step in [Step::Beat(it, false), Step::GiveUp(it), Step::Take(it)] {
                    self.take(step);
                }
            }
        }
    }

    /// Everything that somebody subscribes to is read by one member, and all agree.
    fn check_calm(&self) {
        let group = self.driver.coordinator.consumer_group(GROUP).expect("the group");
        assert_eq!(group.members.len(), MEMBERS, "{:?}", group.members);
        assert_eq!(group.epoch, group.target_epoch, "R9.31");
        let mut read = BTreeSet::new();
        for client in &self.clients {
            let current = &group.current[&client.member.id];
            assert_eq!((current.epoch, current.state), (group.epoch, MemberState::Stable));
            assert!(current.assigned.keys().eq(client.member.owned.iter()), "R9.32");
            for partition in client.member.owned.iter() {
                assert!(client.member.topics.contains(&partition.topic), "R9.31");
                assert!(read.insert(*partition), "R9.33: twice");
            }
        }
        let wanted = self.clients.iter().flat_map(|it| it.member.topics.iter().copied());
        let wanted: BTreeSet<TopicId> = wanted.collect();
        let all = all_partitions().filter(|one| wanted.contains(&one.topic));
        assert!(all.eq(read), "R9.34: nobody reads some");
    }
}

fn all_partitions() -> impl Iterator<Item = TopicPartition> {
    let of = |topic| (0..PARTITIONS).map(move |at| TopicPartition::new(TopicId(topic), at));
    of(1).chain(of(2))
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_partition_has_one_owner_and_in_the_end_it_has_one(steps in steps(), late in any::<bool>()) {
        let version = if late { KafkaVersion::V4_3 } else { KafkaVersion::V4_0 };
        let mut world = World::new(version);
        for step in steps {
            world.take(step);
        }
        world.calm_down();
        world.check_calm();
    }
}
