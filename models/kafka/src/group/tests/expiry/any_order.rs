//! A classic group whose members join, leave, commit and lose their coordinator in any order, while days pass:
//! `watch` looks on. Everything is replicated at once, so that the group is often stable.

use super::super::driver::{Driver, GROUP, at, commit, join};
use super::{Driven, leave};
use crate::group::GroupTimer;
use crate::group::classic::State;
use crate::message::{
    GroupRequest, GroupResponse, JoinGroupResponse, MemberClaim, SyncGroupRequest,
};
use ackproof_types::{ErrorCode, GenerationId, MemberId, TopicId, TopicPartition};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MEMBERS: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    Join(usize),
    Leave(usize),
    /// Of a topic that the group reads, or of another one.
    Commit(usize, bool),
    /// The initial delay or the rebalance timeout is over.
    EndJoin,
    /// The session of a member is over.
    Expire(usize),
    /// Another coordinator takes over.
    FailOver,
    /// So many days pass, and what has expired is looked for.
    Pass(u64),
    /// The same, but nothing can be written.
    PassInVain(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let step = prop_oneof![
        4 => member.clone().prop_map(Step::Join),
        2 => member.clone().prop_map(Step::Leave),
        6 => (member.clone(), any::<bool>()).prop_map(|(it, read)| Step::Commit(it, read)),
        6 => Just(Step::EndJoin),
        1 => member.prop_map(Step::Expire),
        2 => Just(Step::FailOver),
        4 => (1..9_u64).prop_map(Step::Pass),
        1 => (1..9_u64).prop_map(Step::PassInVain),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Clone, Copy, Debug, Default)]
struct Client {
    id: Option<MemberId>,
    generation: GenerationId,
}

struct World {
    driver: Driver,
    clients: [Client; MEMBERS],
    /// Who asked.
    asked: BTreeMap<u64, usize>,
    /// Looks at a group that was stable and had old commits of what it reads.
    witnesses: u32,
}

impl World {
    fn new() -> Self {
        let (clients, asked) = ([Client::default(); MEMBERS], BTreeMap::new());
        Self { driver: Driver::new(&[]), clients, asked, witnesses: 0 }
    }

    fn ask(&mut self, it: usize, request: &GroupRequest) {
        let number = self.driver.send(request);
        self.asked.insert(number, it);
    }

    fn claim(&self, it: usize) -> Option<MemberClaim> {
        let Client { id, generation } = self.clients[it];
        Some(MemberClaim { group: GROUP, generation, member: id?, instance: None })
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Join(it) => self.ask(it, &join(self.clients[it].id)),
            Step::Leave(it) => {
                if let Some(id) = self.clients[it].id.take() {
                    self.ask(it, &leave(id));
                }
            }
            Step::Commit(it, read) => {
                let of = if read { at(0) } else { TopicPartition::new(TopicId(2), 0) };
                if let Some(claim) = self.claim(it) {
                    self.ask(it, &commit(claim, of, 1));
                }
            }
            Step::EndJoin => self.fire(GroupTimer::Join(GROUP)),
            Step::Expire(it) => {
                if let Some(id) = self.clients[it].id {
                    self.fire(GroupTimer::Session(GROUP, id));
                }
            }
            Step::FailOver => {
                self.driver.fail_over();
                self.driver.fire_quietly(GroupTimer::Load(0));
            }
            Step::Pass(days) => self.pass(days),
            Step::PassInVain(days) => {
                let before = self.driver.coordinator.store(GROUP).cloned();
                self.driver.refuses = Some(ErrorCode::NotEnoughReplicas);
                self.pass(days);
                self.driver.refuses = None;
                let offsets = self.driver.coordinator.store(GROUP).map(|it| it.offsets.clone());
                assert_eq!(offsets, before.map(|it| it.offsets), "R9.4");
            }
        }
        self.listen();
        self.driver.coordinator.check();
    }

    fn fire(&mut self, timer: GroupTimer) {
        if self.driver.timers.contains_key(&timer) {
            self.driver.fire_quietly(timer);
        }
    }

    fn pass(&mut self, days: u64) {
        self.driver.pass_days(days);
        let now = self.driver.now;
        let is_stable = |it: &Driven| it.state == State::Stable;
        if self.driver.coordinator.group(GROUP).is_some_and(is_stable) {
            let store = self.driver.coordinator.store(GROUP).expect("it serves");
            let commit = store.offsets.get(&GROUP).and_then(|all| all.get(&at(0)));
            self.witnesses += u32::from(commit.is_some_and(|it| now.since(it.at) >= super::WEEK));
        }
        self.driver.fire_quietly(GroupTimer::Expiry(0));
    }

    /// Members do at once what they are told.
    fn listen(&mut self) {
        while let Some((number, response)) = self.driver.replies.pop() {
            let Some(it) = self.asked.remove(&number) else { continue };
            match response {
                GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(id)) => {
                    self.clients[it].id = Some(id);
                    self.ask(it, &join(Some(id)));
                }
                GroupResponse::JoinGroup(JoinGroupResponse::Joined { generation, .. }) => {
                    self.clients[it].generation = generation;
                    if let Some(claim) = self.claim(it) {
                        let assignment = vec![(claim.member, [at(0)].into())];
                        let request = SyncGroupRequest { claim, assignment };
                        self.ask(it, &GroupRequest::SyncGroup(request));
                    }
                }
                GroupResponse::JoinGroup(JoinGroupResponse::Refused(
                    ErrorCode::UnknownMemberId,
                )) => self.clients[it].id = None,
                GroupResponse::JoinGroup(JoinGroupResponse::Refused(_))
                | GroupResponse::SyncGroup(_)
                | GroupResponse::Heartbeat(_)
                | GroupResponse::LeaveGroup(_)
                | GroupResponse::OffsetCommit(_)
                | GroupResponse::OffsetFetch(_)
                | GroupResponse::ConsumerGroupHeartbeat(_) => {}
            }
        }
    }
}

/// The steps above bring the group where something could expire that must not.
#[test]
fn a_stable_group_keeps_the_commits_of_what_it_reads() {
    use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let config = Config { cases: 1000, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    let witnesses = std::cell::Cell::new(0);
    let outcome = runner.run(&steps(), |steps| {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.take(step));
        witnesses.set(witnesses.get() + world.witnesses);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(witnesses.get() > 100, "{} looks at old commits", witnesses.get());
}
