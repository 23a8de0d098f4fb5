//! The state table of a classic group: every input to every state, and what the coordinator does at once.
//! Each row is a fresh group that real requests brought into its state. Two members: the leader and a
//! follower; whoever comes besides is the newcomer.

use super::super::classic::State;
use super::super::{Action, GroupTimer};
use super::driver::{self, Driver, GROUP, at};
use crate::golden::{Row, compare, words};
use crate::machine::ConnectionId;
use crate::message::GroupRecord;
use crate::message::{
    CorrelationId, GroupRequest, GroupResponse, JoinGroupRequest, JoinGroupResponse, MemberClaim,
    SyncGroupRequest,
};
use crate::observation::Observation;
use ackproof_types::{ErrorCode, GenerationId, MemberId, RebalanceReason, TopicId};
use std::collections::BTreeMap;

const HEAD: &str = "\
# States of a classic group

A test writes and compares this table (`models/kafka/src/group/tests/table.rs`); do not edit it. Each row is
one input to a group with a leader and a follower, and what the coordinator does at once. `write` is a record
of the open batch, `hold` an answer that waits until what was written is replicated. The classes are Kafka's
`ClassicGroup` and `GroupMetadataManager`; what is legal stands in [RULES.md](../../RULES.md), chapter 9.
";

const LEADER: &str = "leader";
const FOLLOWER: &str = "follower";
const NEWCOMER: &str = "newcomer";
const OUTSIDER: &str = "outsider";

const TOPICS: &[TopicId] = &[TopicId(1)];
const MORE_TOPICS: &[TopicId] = &[TopicId(1), TopicId(2)];

/// Where a row begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    Empty,
    /// A member joined during the running delay.
    InitialJoined,
    /// Nobody did.
    InitialIdle,
    /// The follower joined again, the leader is awaited.
    Preparing,
    /// Both joined, nobody synced.
    Completing,
    /// Both synced; the leader's assignment is in the open batch.
    Writing,
    Stable,
}

impl Scene {
    const ALL: [Self; 7] = [
        Self::Empty,
        Self::InitialIdle,
        Self::InitialJoined,
        Self::Preparing,
        Self::Completing,
        Self::Writing,
        Self::Stable,
    ];

    fn build(self) -> Stage {
        let mut stage = Stage::both_joined();
        if self == Self::InitialJoined {
            return stage;
        }
        stage.driver.fire_quietly(GroupTimer::Join(GROUP));
        if self == Self::InitialIdle {
            return stage;
        }
        stage.driver.fire_quietly(GroupTimer::Join(GROUP));
        if self == Self::Completing {
            return stage;
        }
        let (leader, follower) = (stage.leader, stage.follower);
        stage.send(FOLLOWER, &stage.sync(follower));
        stage.driver.flushes = self != Self::Writing;
        stage.send(LEADER, &stage.sync(leader));
        if self == Self::Preparing {
            stage.send(FOLLOWER, &join(Some(follower), MORE_TOPICS));
        }
        if self == Self::Empty {
            stage.send(FOLLOWER, &leave(follower));
            stage.send(LEADER, &leave(leader));
        }
        stage
    }

    fn is(self, state: State) -> bool {
        match state {
            State::Empty => self == Self::Empty,
            State::InitialRebalance { joined: true, .. } => self == Self::InitialJoined,
            State::InitialRebalance { joined: false, .. } => self == Self::InitialIdle,
            State::PreparingRebalance => self == Self::Preparing,
            State::CompletingRebalance => matches!(self, Self::Completing | Self::Writing),
            State::Stable => self == Self::Stable,
        }
    }
}

/// A group in the middle of its life.
struct Stage {
    driver: Driver,
    leader: MemberId,
    follower: MemberId,
    /// Who sent each request.
    senders: BTreeMap<u64, &'static str>,
}

impl Stage {
    /// The first join phase after Empty, which both members have joined.
    fn both_joined() -> Self {
        let mut driver = Driver::new(&[]);
        let leader = driver.new_member();
        let mut stage = Self { driver, leader, follower: leader, senders: BTreeMap::new() };
        stage.send(LEADER, &join(Some(leader), TOPICS));
        let follower = stage.name();
        stage.follower = follower;
        stage.send(FOLLOWER, &join(Some(follower), TOPICS));
        stage
    }

    /// Somebody new is given an id.
    fn name(&mut self) -> MemberId {
        self.driver.replies.clear();
        self.driver.new_member()
    }

    /// A request, and everything that follows from it.
    fn send(&mut self, who: &'static str, request: &GroupRequest) {
        let number = self.driver.send(request);
        self.senders.insert(number, who);
    }

    /// A request, and what the coordinator does at once.
    fn ask(&mut self, who: &'static str, request: &GroupRequest) -> Vec<Action> {
        let number = self.driver.next_number();
        self.senders.insert(number, who);
        let mut actions = Vec::new();
        let id = CorrelationId(number);
        self.driver.coordinator.handle(
            self.driver.now,
            (ConnectionId(0), id),
            request,
            &mut actions,
        );
        actions
    }

    /// None if the timer is not armed.
    fn fire(&mut self, timer: GroupTimer) -> Option<Vec<Action>> {
        self.driver.timers.remove(&timer)?;
        let mut actions = Vec::new();
        self.driver.coordinator.fire(self.driver.now, timer, &mut actions);
        Some(actions)
    }

    /// The open batch is appended and replicated, or refused; none if there is no batch.
    fn append(&mut self, result: Result<(), ErrorCode>) -> Option<Vec<Action>> {
        let mut actions = self.fire(GroupTimer::Linger(0))?;
        let end = self.driver.end() + 1;
        let (now, result) = (self.driver.now, result.map(|()| end));
        self.driver.coordinator.appended(now, 0, result, &mut actions);
        if result.is_ok() {
            self.driver.coordinator.high_watermark(now, 0, end, &mut actions);
        }
        Some(actions)
    }

    fn generation(&self) -> GenerationId {
        self.driver.coordinator.group(GROUP).expect("it exists").generation
    }

    fn claim(&self, member: MemberId) -> MemberClaim {
        MemberClaim { group: GROUP, generation: self.generation(), member, instance: None }
    }

    /// Of a generation that is not the group's.
    fn stale(&self, member: MemberId) -> MemberClaim {
        MemberClaim { generation: self.generation().next(), ..self.claim(member) }
    }

    /// The leader shares out two partitions, the follower nothing.
    fn sync(&self, member: MemberId) -> GroupRequest {
        let leader = (self.leader, [at(0)].into());
        let follower = (self.follower, [at(1)].into());
        let assignment = if member == self.leader { vec![leader, follower] } else { Vec::new() };
        GroupRequest::SyncGroup(SyncGroupRequest { claim: self.claim(member), assignment })
    }

    /// The records of the open batch.
    fn open_batch(&mut self) -> Vec<GroupRecord> {
        let mut actions = Vec::new();
        self.driver.coordinator.fire(self.driver.now, GroupTimer::Linger(0), &mut actions);
        if let Some(Action::Append { records, .. }) = actions.first() {
            records.to_vec()
        } else {
            Vec::new()
        }
    }

    /// The state in words, with what it holds.
    fn describe(&self) -> String {
        let Some(group) = self.driver.coordinator.group(GROUP) else { return "none".to_owned() };
        let state = match group.state {
            State::Empty => "Empty",
            State::InitialRebalance { joined: true, .. } => "InitialRebalance, more joined",
            State::InitialRebalance { joined: false, .. } => "InitialRebalance, nobody since",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        };
        let joining = group.members.values().filter(|it| it.joining.is_some()).count();
        let syncing = group.members.values().filter(|it| it.syncing.is_some()).count();
        let mut text = format!("{state}: generation {}", group.generation.0);
        for (count, what) in [
            (group.members.len(), "members"),
            (group.pending.len(), "named"),
            (joining, "joining"),
            (syncing, "syncing"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {what}"));
            }
        }
        let store = self.driver.coordinator.store(GROUP);
        let offsets = store.and_then(|store| store.offsets.get(&GROUP));
        if let Some(commit) = offsets.and_then(|offsets| offsets.get(&at(0))) {
            text.push_str(&format!(", offset {}", commit.committed.offset.0));
        }
        text
    }

    fn role(&self, member: MemberId) -> &'static str {
        if member == self.leader {
            LEADER
        } else if member == self.follower {
            FOLLOWER
        } else {
            NEWCOMER
        }
    }

    fn effect(&self, action: &Action) -> String {
        match action {
            Action::Reply { correlation, response, .. } => {
                let who = self.senders.get(&correlation.0).copied().unwrap_or(NEWCOMER);
                format!("answer the {who}: {}", self.answer(response))
            }
            Action::Append { .. } => "append".to_owned(),
            Action::Arm(GroupTimer::Operation(..), _) => "hold".to_owned(),
            Action::Arm(timer, delay) => format!("arm {} {}", self.timer(*timer), delay.max),
            Action::Disarm(GroupTimer::Operation(..)) => "release".to_owned(),
            Action::Disarm(timer) => format!("disarm {}", self.timer(*timer)),
            Action::Observe(Observation::Rebalanced { generation, members, reason, .. }) => {
                let generation = generation.0;
                format!(
                    "observe Rebalanced: generation {generation}, {members} members, {reason:?}"
                )
            }
            Action::Observe(fact) => format!("observe {}", words(fact, 1)),
        }
    }

    fn answer(&self, response: &GroupResponse) -> String {
        if let GroupResponse::JoinGroup(JoinGroupResponse::Joined {
            generation,
            leader,
            members,
            ..
        }) = response
        {
            let (generation, leader) = (generation.0, self.role(*leader));
            let listed = members.len();
            return format!("Joined generation {generation}, {leader} leads, {listed} listed");
        }
        if let GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(_)) = response {
            return "MemberIdRequired".to_owned();
        }
        if let GroupResponse::SyncGroup(Ok(partitions)) = response {
            return format!("SyncGroup Ok, {} partitions", partitions.len());
        }
        words(response, 3)
    }

    fn timer(&self, timer: GroupTimer) -> String {
        match timer {
            GroupTimer::Session(_, member) => format!("session of the {}", self.role(member)),
            GroupTimer::Join(_) => "join".to_owned(),
            GroupTimer::Sync(_) => "sync".to_owned(),
            GroupTimer::Rebalance(_, member) => format!("rebalance of the {}", self.role(member)),
            GroupTimer::MemberJoin(_, member) => format!("join of the {}", self.role(member)),
            GroupTimer::MemberSync(_, member) => format!("sync of the {}", self.role(member)),
            GroupTimer::Assignment(_) => "assignment".to_owned(),
            GroupTimer::Operation(..) => "operation".to_owned(),
            GroupTimer::Linger(_) => "linger".to_owned(),
            GroupTimer::Load(_) => "load".to_owned(),
            GroupTimer::Expiry(_) => "expiry".to_owned(),
        }
    }
}

fn join(member: Option<MemberId>, topics: &[TopicId]) -> GroupRequest {
    let GroupRequest::JoinGroup(request) = driver::join(member) else { panic!("a join") };
    GroupRequest::JoinGroup(JoinGroupRequest {
        metadata: driver::metadata(topics.into()),
        ..request
    })
}

fn leave(member: MemberId) -> GroupRequest {
    GroupRequest::LeaveGroup(GROUP, member, RebalanceReason::Left)
}

fn record(record: &GroupRecord) -> String {
    match record {
        GroupRecord::Offset { committed, .. } => format!("write offset {}", committed.offset.0),
        GroupRecord::Group { generation, members, .. } => {
            let partitions: usize = members.iter().map(|it| it.assignment.len()).sum();
            let (generation, members) = (generation.0, members.len());
            format!(
                "write group: generation {generation}, {members} members, {partitions} partitions"
            )
        }
        GroupRecord::NoOffset(..) => "delete offset".to_owned(),
        GroupRecord::NoGroup(_) => "delete group".to_owned(),
        GroupRecord::ConsumerGroup(_, record) => format!("write {record:?}"),
    }
}

/// What an input makes the coordinator do; none if it cannot come in this state.
type Input = fn(&mut Stage) -> Option<Vec<Action>>;

/// Joins and syncs.
const REBALANCING: &[(&str, Input)] = &[
    ("join without id", |stage| Some(stage.ask(NEWCOMER, &join(None, TOPICS)))),
    ("join of a named member", |stage| {
        let named = stage.name();
        Some(stage.ask(NEWCOMER, &join(Some(named), TOPICS)))
    }),
    ("join of an unknown member", |stage| {
        Some(stage.ask(OUTSIDER, &join(Some(MemberId(1)), TOPICS)))
    }),
    ("join of the follower, unchanged", |stage| {
        Some(stage.ask(FOLLOWER, &join(Some(stage.follower), TOPICS)))
    }),
    ("join of the follower, changed", |stage| {
        let topics = &[TopicId(3)];
        Some(stage.ask(FOLLOWER, &join(Some(stage.follower), topics)))
    }),
    ("join of the leader, unchanged", |stage| {
        Some(stage.ask(LEADER, &join(Some(stage.leader), TOPICS)))
    }),
    ("sync of the leader", |stage| {
        let request = stage.sync(stage.leader);
        Some(stage.ask(LEADER, &request))
    }),
    ("sync of the follower", |stage| {
        let request = stage.sync(stage.follower);
        Some(stage.ask(FOLLOWER, &request))
    }),
    ("join timer", |stage| stage.fire(GroupTimer::Join(GROUP))),
    ("sync timer", |stage| stage.fire(GroupTimer::Sync(GROUP))),
    ("the open batch is replicated", |stage| stage.append(Ok(()))),
    ("the open batch is refused", |stage| stage.append(Err(ErrorCode::NotLeaderOrFollower))),
];

/// What members do besides, and what ends their membership.
const MEMBERSHIP: &[(&str, Input)] = &[
    ("heartbeat of the follower", |stage| {
        let claim = stage.claim(stage.follower);
        Some(stage.ask(FOLLOWER, &GroupRequest::Heartbeat(claim)))
    }),
    ("heartbeat of another generation", |stage| {
        let claim = stage.stale(stage.follower);
        Some(stage.ask(FOLLOWER, &GroupRequest::Heartbeat(claim)))
    }),
    ("commit of the follower", |stage| {
        let claim = stage.claim(stage.follower);
        Some(stage.ask(FOLLOWER, &driver::commit(claim, at(0), 5)))
    }),
    ("commit of another generation", |stage| {
        let claim = stage.stale(stage.follower);
        Some(stage.ask(FOLLOWER, &driver::commit(claim, at(0), 5)))
    }),
    ("commit without a generation", |stage| {
        let nobody = MemberClaim {
            group: GROUP,
            generation: GenerationId(-1),
            member: MemberId(0),
            instance: None,
        };
        Some(stage.ask(OUTSIDER, &driver::commit(nobody, at(0), 5)))
    }),
    ("leave of the follower", |stage| Some(stage.ask(FOLLOWER, &leave(stage.follower)))),
    ("leave of the leader", |stage| Some(stage.ask(LEADER, &leave(stage.leader)))),
    ("end of the follower's session", |stage| {
        stage.fire(GroupTimer::Session(GROUP, stage.follower))
    }),
    ("end of the leader's session", |stage| stage.fire(GroupTimer::Session(GROUP, stage.leader))),
    ("a look for what has expired", |stage| {
        stage.driver.pass_days(7);
        stage.fire(GroupTimer::Expiry(0))
    }),
    ("end of a named member's session", |stage| {
        let named = stage.name();
        stage.fire(GroupTimer::Session(GROUP, named))
    }),
];

fn row(scene: Scene, name: &str, input: Input) -> Row {
    let written = scene.build().open_batch().len();
    let mut stage = scene.build();
    let state = stage.driver.coordinator.group(GROUP).expect("it exists").state;
    assert!(scene.is(state), "{scene:?} begins as {state:?}");
    let before = stage.describe();
    let Some(actions) = input(&mut stage) else {
        return [before, name.to_owned(), "–".to_owned(), "cannot come".to_owned()];
    };
    let after = stage.describe();
    let next = if after == before { "the same".to_owned() } else { after };
    let mut effects: Vec<String> = actions.iter().map(|it| stage.effect(it)).collect();
    effects.extend(stage.open_batch().iter().skip(written).map(record));
    let effects = if effects.is_empty() { "–".to_owned() } else { effects.join("; ") };
    [before, name.to_owned(), next, effects]
}

#[test]
fn table_of_a_groups_states_is_current() {
    let mut rows = Vec::new();
    for scene in Scene::ALL {
        for (name, input) in REBALANCING.iter().chain(MEMBERSHIP) {
            rows.push(row(scene, name, *input));
        }
    }
    compare("group.md", HEAD, &rows);
}
