//! Members of both protocols in one group, which changes its kind with them, in any order: processes start
//! with either protocol, as in a rolling upgrade that somebody takes back. Nobody is static.

use super::super::driver::{Driver, GROUP, PARTITIONS, at, join};
use super::member::{Member, coordinator};
use crate::group::GroupTimer;
use crate::message::{
    ConsumerGroupHeartbeatResponse, GroupRequest, GroupResponse, JoinGroupResponse,
    MemberAssignment, MemberClaim, SyncGroupRequest,
};
use ackproof_types::{
    ErrorCode, KafkaVersion, MemberEpoch, MemberId, RebalanceReason, TopicPartition,
};
use proptest::prelude::*;

const MEMBERS: u16 = 3;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// It says what it has to say next.
    Speak(u16),
    /// The answer that it waits for is lost.
    Lose(u16),
    /// Its process dies, and another one starts, with the classic protocol or not.
    Crash(u16, bool),
    /// It leaves, and another one starts.
    Leave(u16, bool),
    /// The n-th of the armed timers.
    Fire(usize),
    Replicate,
    /// The next append fails, and so the broker finds out that it leads no more.
    Refuse,
    /// Another coordinator takes over with what is replicated and a part of the rest.
    FailOver(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let step = prop_oneof![
        16 => member.clone().prop_map(Step::Speak),
        2 => member.clone().prop_map(Step::Lose),
        1 => (member.clone(), any::<bool>()).prop_map(|(it, classic)| Step::Crash(it, classic)),
        1 => (member, any::<bool>()).prop_map(|(it, classic)| Step::Leave(it, classic)),
        4 => any::<usize>().prop_map(Step::Fire),
        6 => Just(Step::Replicate),
        1 => Just(Step::Refuse),
        1 => any::<usize>().prop_map(Step::FailOver),
    ];
    prop::collection::vec(step, 1..150)
}

/// Where a client with the classic protocol is. It is eager: it owns nothing while it joins.
#[derive(Clone, Debug)]
enum Stage {
    /// It is to join.
    Joins,
    /// It is to sync; whom it leads.
    Syncs(Vec<MemberId>),
    Reads,
}

#[derive(Clone, Debug)]
struct Client {
    member: Member,
    /// None: it speaks the consumer protocol.
    classic: Option<Stage>,
    /// It knows its id.
    is_named: bool,
    /// It has not said what it owns.
    has_news: bool,
    /// Its group became a classic one while it owned something: the coordinator took over what it was to
    /// have, not what it has. A consumer group that begins before it has joined again does not know better,
    /// in Kafka either (`ClassicGroup#fromConsumerGroup`).
    is_forgotten: bool,
    waits: Option<u64>,
}

impl Client {
    fn new(index: u16, incarnation: u64, classic: bool) -> Self {
        let member = Member::new(incarnation * 10 + u64::from(index));
        let classic = classic.then_some(Stage::Joins);
        Self { member, classic, is_named: false, has_news: true, is_forgotten: false, waits: None }
    }

    fn claim(&self) -> MemberClaim {
        self.member.claim()
    }

    fn request(&mut self) -> GroupRequest {
        let Some(stage) = &self.classic else {
            let speaks_up = std::mem::take(&mut self.has_news);
            let request = if speaks_up { self.member.full() } else { self.member.sign() };
            return GroupRequest::ConsumerGroupHeartbeat(request);
        };
        match stage {
            Stage::Joins => join(self.is_named.then_some(self.member.id)),
            Stage::Syncs(led) => {
                let part = |turn: usize| -> MemberAssignment {
                    let mine = |p: &u16| usize::from(*p) % led.len() == turn;
                    (0..PARTITIONS).filter(mine).map(at).collect()
                };
                let assignment = led.iter().enumerate().map(|(turn, id)| (*id, part(turn)));
                let (claim, assignment) = (self.claim(), assignment.collect());
                GroupRequest::SyncGroup(SyncGroupRequest { claim, assignment })
            }
            Stage::Reads => GroupRequest::Heartbeat(self.claim()),
        }
    }

    /// It owns nothing any more, and joins. Under another id if the one that it has is not good any more.
    fn starts_anew(&mut self, keeps_id: bool) {
        self.member.owned = [].into();
        self.has_news = true;
        self.member.epoch = MemberEpoch::JOIN;
        if self.classic.is_some() {
            self.classic = Some(Stage::Joins);
            self.is_named &= keeps_id;
        }
    }

    fn fails(&mut self, error: ErrorCode) {
        let joins_again = [
            ErrorCode::RebalanceInProgress,
            ErrorCode::IllegalGeneration,
            ErrorCode::FencedMemberEpoch,
            ErrorCode::GroupIdNotFound,
        ];
        let asks_again = [ErrorCode::NotCoordinator, ErrorCode::CoordinatorNotAvailable];
        if error == ErrorCode::UnknownMemberId {
            self.starts_anew(false);
        } else if joins_again.contains(&error) {
            self.starts_anew(true);
        } else {
            assert!(asks_again.contains(&error), "{error}");
            self.is_unsure();
        }
    }

    /// It does not know what became of its last question.
    fn is_unsure(&mut self) {
        self.has_news = true;
        if let Some(Stage::Syncs(_)) = self.classic {
            self.starts_anew(true);
        }
    }

    fn hear(&mut self, response: GroupResponse) {
        self.waits = None;
        match response {
            GroupResponse::ConsumerGroupHeartbeat(Ok(answer)) => self.follow(answer),
            GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(id)) => {
                (self.member.id, self.is_named) = (id, true);
            }
            GroupResponse::JoinGroup(JoinGroupResponse::Joined { generation, members, .. }) => {
                self.member.epoch = generation.into();
                self.classic = Some(Stage::Syncs(members.iter().map(|it| it.id).collect()));
            }
            GroupResponse::SyncGroup(Ok(part)) => {
                (self.member.owned, self.classic) = (part.partitions, Some(Stage::Reads));
            }
            GroupResponse::Heartbeat(Ok(())) => {}
            GroupResponse::JoinGroup(JoinGroupResponse::Refused(error))
            | GroupResponse::ConsumerGroupHeartbeat(Err(error))
            | GroupResponse::SyncGroup(Err(error))
            | GroupResponse::Heartbeat(Err(error)) => self.fails(error),
            GroupResponse::LeaveGroup(_)
            | GroupResponse::OffsetCommit(_)
            | GroupResponse::OffsetFetch(_) => panic!("nobody waits: {response:?}"),
        }
    }

    /// It gives up and takes at once.
    fn follow(&mut self, answer: ConsumerGroupHeartbeatResponse) {
        self.member.epoch = answer.epoch;
        if let Some(assignment) = answer.assignment {
            self.has_news |= self.member.owned != assignment;
            self.member.owned = assignment;
        }
    }
}

struct World {
    driver: Driver,
    clients: Vec<Client>,
    incarnations: u64,
}

impl World {
    fn new(version: KafkaVersion) -> Self {
        let mut driver = coordinator(version);
        (driver.replicates, driver.flushes) = (false, false);
        let clients = (0..MEMBERS).map(|index| Client::new(index, 1, index > 0)).collect();
        Self { driver, clients, incarnations: 1 }
    }

    fn take(&mut self, step: Step) {
        let was_consumer = self.driver.coordinator.consumer_group(GROUP).is_some();
        self.does(step);
        self.listen();
        let downgraded = was_consumer && self.driver.coordinator.group(GROUP).is_some();
        for client in &mut self.clients {
            client.is_forgotten |= downgraded && client.classic.is_some();
            client.is_forgotten &= !client.member.owned.is_empty();
        }
        self.check();
    }

    fn does(&mut self, step: Step) {
        match step {
            Step::Speak(it) => {
                let client = &mut self.clients[usize::from(it)];
                if client.waits.is_none() {
                    let request = client.request();
                    client.waits = Some(self.driver.next_number());
                    if matches!(request, GroupRequest::JoinGroup(_)) {
                        client.member.owned = [].into();
                    }
                    self.driver.send(&request);
                }
            }
            Step::Lose(it) => {
                let client = &mut self.clients[usize::from(it)];
                if client.waits.take().is_some() {
                    client.is_unsure();
                }
            }
            Step::Crash(it, classic) => self.restart(it, classic),
            Step::Leave(it, classic) => {
                let claim = self.clients[usize::from(it)].claim();
                let request = match self.clients[usize::from(it)].classic {
                    None => {
                        let member = &self.clients[usize::from(it)].member;
                        GroupRequest::ConsumerGroupHeartbeat(member.leaves(MemberEpoch::LEAVE))
                    }
                    Some(_) => GroupRequest::LeaveGroup(GROUP, claim.member, RebalanceReason::Left),
                };
                self.restart(it, classic);
                self.driver.send(&request);
            }
            Step::Fire(number) => {
                let count = self.driver.timers.len().max(1);
                if let Some(timer) = self.driver.timers.keys().nth(number % count).copied() {
                    self.driver.fire_quietly(timer);
                }
            }
            Step::Replicate => self.driver.replicate_quietly(),
            Step::Refuse => {
                if self.driver.timers.contains_key(&GroupTimer::Linger(0)) {
                    self.driver.refuses = Some(ErrorCode::NotLeaderOrFollower);
                    self.driver.fire_quietly(GroupTimer::Linger(0));
                    self.driver.refuses = None;
                    self.driver.coordinator.check();
                    self.fail_over(usize::MAX);
                }
            }
            Step::FailOver(kept) => self.fail_over(kept),
        }
    }

    fn restart(&mut self, it: u16, classic: bool) {
        self.incarnations += 1;
        self.clients[usize::from(it)] = Client::new(it, self.incarnations, classic);
    }

    fn fail_over(&mut self, kept: usize) {
        self.listen();
        let safe = self.driver.high_watermark;
        let replicated = self.driver.log.iter().filter(|it| it.next_offset() <= safe).count();
        let rest = self.driver.log.len() - replicated;
        self.driver.log.truncate(replicated + kept % (rest + 1));
        for client in &mut self.clients {
            if client.waits.take().is_some() {
                client.is_unsure();
            }
        }
        self.driver.fail_over();
        self.driver.fire_quietly(GroupTimer::Load(0));
        self.driver.replicate_quietly();
    }

    fn listen(&mut self) {
        for (number, response) in std::mem::take(&mut self.driver.replies) {
            let mut clients = self.clients.iter_mut();
            if let Some(client) = clients.find(|one| one.waits == Some(number)) {
                client.hear(response);
            }
        }
    }

    fn is_member(&self, client: &Client) -> bool {
        let id = client.member.id;
        let classic = self.driver.coordinator.group(GROUP);
        let consumer = self.driver.coordinator.consumer_group(GROUP);
        classic.is_some_and(|group| group.members.contains_key(&id))
            || consumer.is_some_and(|group| group.members.contains_key(&id))
    }

    fn check(&self) {
        self.driver.coordinator.check();
        for partition in (0..PARTITIONS).map(at) {
            let owners = self.clients.iter().filter(|one| one.member.owned.contains(&partition));
            let known = owners.filter(|one| !one.is_forgotten);
            let owners: Vec<_> = known.filter(|one| self.is_member(one)).collect();
            assert!(owners.len() <= 1, "R9.33: {partition:?} of {owners:#?}");
        }
    }

    /// Time passes: who is not there, or is waited for in vain, is given up.
    fn calm_down(&mut self) {
        if self.driver.timers.contains_key(&GroupTimer::Linger(0)) {
            self.driver.fire_quietly(GroupTimer::Linger(0));
        }
        self.driver.replicate_quietly();
        (self.driver.replicates, self.driver.flushes) = (true, true);
        self.listen();
        for round in 0..60 {
            let timers: Vec<GroupTimer> = self.driver.timers.keys().copied().collect();
            for timer in timers {
                let is_gone = |id| !self.clients.iter().any(|one| one.member.id == id);
                let fenced = |id| {
                    let mut clients = self.clients.iter();
                    let stuck = |one: &Client| {
                        one.classic.is_none() && one.member.epoch == MemberEpoch::JOIN
                    };
                    clients.any(|one| one.member.id == id && stuck(one))
                };
                let is_over = match timer {
                    GroupTimer::Session(_, id) => round % 8 == 0 && (is_gone(id) || fenced(id)),
                    GroupTimer::Assignment(_) | GroupTimer::Join(_) => round % 4 == 3,
                    GroupTimer::Sync(_)
                    | GroupTimer::Rebalance(..)
                    | GroupTimer::MemberJoin(..)
                    | GroupTimer::MemberSync(..)
                    | GroupTimer::Operation(..)
                    | GroupTimer::Linger(_)
                    | GroupTimer::Load(_)
                    | GroupTimer::Expiry(_) => false,
                };
                let armed = self.driver.timers.keys().position(|it| *it == timer);
                if let Some(number) = armed.filter(|_| is_over) {
                    self.take(Step::Fire(number));
                }
            }
            (0..MEMBERS).for_each(|it| self.take(Step::Speak(it)));
        }
    }

    fn check_calm(&self) {
        let speak_consumer = self.clients.iter().any(|one| one.classic.is_none());
        let group = self.driver.coordinator.consumer_group(GROUP);
        assert_eq!(group.is_some(), speak_consumer, "the kind of group that its members need");
        assert!(self.clients.iter().all(|one| self.is_member(one)), "{:#?}", self.clients);
        let mut read: Vec<TopicPartition> =
            self.clients.iter().flat_map(|one| one.member.owned.to_vec()).collect();
        read.sort_unstable();
        assert!((0..PARTITIONS).map(at).eq(read.iter().copied()), "R9.34: {:#?}", self.clients);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_group_of_either_kind_reads_everything_in_the_end(steps in steps(), late in any::<bool>()) {
        let version = if late { KafkaVersion::V4_3 } else { KafkaVersion::V4_0 };
        let mut world = World::new(version);
        for step in steps {
            world.take(step);
        }
        world.calm_down();
        world.check_calm();
    }
}
