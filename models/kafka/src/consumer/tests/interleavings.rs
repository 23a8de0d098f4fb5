//! A consumer whose brokers answer late, wrongly or not at all, in any order: what a safe commit
//! strategy promises all the same.

use super::super::*;
use super::harness::{BROKER, TOPIC, batch, config};
use crate::config::ResetTo;
use crate::driver::{After, Process};
use crate::machine::{Channel, ConnectionId, Effect, EffectOf, InputOf, Peer, To};
use crate::message::{
    CommittedOffset, EpochEnd, FetchRequest, Fetched, FetchedPartition, GroupRequest,
    GroupResponse, JoinGroupRequest, JoinGroupResponse, ListedOffset, MetadataResponse,
    PartitionMetadata,
};
use crate::observation::{Observation, PositionSource};
use ackproof_types::{
    CommitEvery, CommitOffset, CommitStrategy, Consuming, Covers, Hold, LeaderEpoch, MemberId,
    Micros, Offset, OnCommitFailure, OnRecordFailure, OnRevoke, Server,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const PARTITIONS: u16 = 2;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The oldest request on a channel is answered: well, or with the n-th error it may get.
    Answer(Channel, Option<usize>),
    Disconnect(Channel),
    /// The n-th of the armed timers fires.
    Fire(usize),
    Grow(u16),
    /// Another leader epoch, with the same log.
    Elect,
    Hold(Hold, bool),
    Leave,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let holds = prop::sample::select(Hold::ALL);
    let channel = prop_oneof![Just(Channel::Data), Just(Channel::Coordinator)];
    let step = prop_oneof![
        30 => channel.clone().prop_map(|channel| Step::Answer(channel, None)),
        4 => (channel.clone(), any::<usize>())
            .prop_map(|(channel, error)| Step::Answer(channel, Some(error))),
        1 => channel.prop_map(Step::Disconnect),
        25 => any::<usize>().prop_map(Step::Fire),
        3 => (0..PARTITIONS).prop_map(Step::Grow),
        1 => Just(Step::Elect),
        2 => (holds, any::<bool>()).prop_map(|(hold, on)| Step::Hold(hold, on)),
        1 => prop_oneof![9 => Just(Step::Elect), 1 => Just(Step::Leave)],
    ];
    prop::collection::vec(step, 1..250)
}

fn at(partition: u16) -> TopicPartition {
    TopicPartition::new(TOPIC, partition)
}

struct World {
    process: Process<Consumer>,
    out: Vec<EffectOf<Consumer>>,
    held: BTreeMap<Channel, VecDeque<(CorrelationId, Request)>>,
    timers: BTreeSet<Timer>,
    log_end: [i64; PARTITIONS as usize],
    epoch: LeaderEpoch,
    /// What the coordinator keeps.
    committed: BTreeMap<TopicPartition, CommittedOffset>,
    generation: i32,
    members: u64,
    /// The generation and member of the last assignment, until it is given up.
    assigned: Option<(GenerationId, MemberId)>,
    /// Those that commits were made in. They may go out later, once the connection stands.
    commits_of: BTreeSet<(GenerationId, MemberId)>,
    /// The offset that must be polled next.
    next: BTreeMap<TopicPartition, Offset>,
    processed: BTreeSet<(TopicPartition, i64)>,
    exited: bool,
}

impl World {
    fn new((commit, consuming): (CommitStrategy, Consuming)) -> Self {
        let mut settings = config(commit);
        settings.application.consuming = consuming;
        settings.auto_offset_reset = Some(ResetTo::Earliest);
        settings.application.failures_per_million = 300_000;
        settings.application.attempts = 2;
        let mut process = Process::new(settings);
        let mut out = Vec::new();
        assert_eq!(process.boot(Timestamp::START, &mut out), After::Runs);
        let mut world = Self {
            process,
            out,
            held: BTreeMap::new(),
            timers: BTreeSet::new(),
            log_end: [4; PARTITIONS as usize],
            epoch: LeaderEpoch(3),
            committed: BTreeMap::new(),
            generation: 0,
            members: 0,
            assigned: None,
            commits_of: BTreeSet::new(),
            next: BTreeMap::new(),
            processed: BTreeSet::new(),
            exited: false,
        };
        world.perform();
        world
    }

    fn input(&mut self, input: InputOf<Consumer>) {
        self.exited |= self.process.step(Timestamp::START, input, &mut self.out) == After::Exited;
        self.process.check();
        self.perform();
    }

    fn perform(&mut self) {
        for effect in std::mem::take(&mut self.out) {
            match effect {
                Effect::Send { to: To::Route(route), message } => {
                    let Message::Request(id, request) = message else { panic!("no request") };
                    self.sent(&request);
                    self.held.entry(route.channel).or_default().push_back((id, request));
                }
                Effect::Close(To::Route(route)) => drop(self.held.remove(&route.channel)),
                Effect::Arm { timer, .. } => drop(self.timers.insert(timer)),
                Effect::Disarm(timer) => drop(self.timers.remove(&timer)),
                Effect::Observe(fact) => self.see(fact),
                other => panic!("{other:?}"),
            }
        }
    }

    fn sent(&self, request: &Request) {
        if let Request::Group(GroupRequest::OffsetCommit(commit)) = request {
            let claim = (commit.claim.generation, commit.claim.member);
            assert!(self.commits_of.contains(&claim), "R8.16: only in its generation");
        }
        let is_fetch = |request: &Request| matches!(request, Request::Fetch(_));
        let data = self.held.get(&Channel::Data).into_iter().flatten();
        let under_way = data.filter(|(_, other)| is_fetch(other)).count();
        assert!(!is_fetch(request) || under_way == 0, "R8.3: one fetch per node");
    }

    fn see(&mut self, fact: Observation) {
        match fact {
            Observation::Assigned { generation, member, .. } => {
                assert_eq!(self.assigned, None, "R9.24: gives up what it has first");
                self.assigned = Some((generation, member));
            }
            Observation::Revoked { .. } | Observation::Lost { .. } => {
                self.assigned = None;
                self.next.clear();
            }
            Observation::Positioned { partition, offset, source, .. } => {
                if source == PositionSource::Committed {
                    let committed = self.committed.get(&partition);
                    assert!(committed.is_some_and(|it| it.offset >= offset), "R8.1");
                }
                self.next.insert(partition, offset);
            }
            Observation::Polled { partition, base_offset, records, .. } => {
                assert_eq!(self.next.get(&partition), Some(&base_offset), "never skips (R8.4)");
                self.next.insert(partition, base_offset.plus(records.len()));
            }
            Observation::Processed { partition, offset, .. } => {
                self.processed.insert((partition, offset.0));
            }
            Observation::CommitSent { offsets, .. } => {
                self.commits_of.insert(self.assigned.expect("R8.16: only in a generation"));
                for (partition, offset) in offsets.iter() {
                    let unfinished =
                        (0..offset.0).find(|one| !self.processed.contains(&(*partition, *one)));
                    assert_eq!(unfinished, None, "commits {offset} of {partition:?}");
                }
            }
            _ => {}
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Answer(channel, error) => self.answer(channel, error),
            Step::Disconnect(channel) => {
                self.held.remove(&channel);
                self.input(Input::Disconnected(Route { to: Server::Broker(BROKER), channel }));
            }
            Step::Fire(number) => {
                let count = self.timers.len().max(1);
                if let Some(timer) = self.timers.iter().nth(number % count).copied() {
                    self.fire(timer);
                }
            }
            Step::Grow(partition) => self.log_end[usize::from(partition)] += 3,
            Step::Elect => self.epoch = self.epoch.next(),
            Step::Hold(hold, on) => self.input(Input::Call(ConsumerCall::Hold(hold, on))),
            Step::Leave => self.input(Input::Call(ConsumerCall::Leave)),
        }
    }

    fn fire(&mut self, timer: Timer) {
        if self.timers.remove(&timer) {
            self.input(Input::Fire(timer));
        }
    }

    fn answer(&mut self, channel: Channel, error: Option<usize>) {
        let Some((id, request)) = self.held.get_mut(&channel).and_then(VecDeque::pop_front) else {
            return;
        };
        let response = match error.and_then(|number| failure(&request, number)) {
            Some(failure) => Some(failure),
            None => self.response(&request),
        };
        let Some(response) = response else {
            return self.held.entry(channel).or_default().push_front((id, request));
        };
        let from = Peer {
            connection: ConnectionId(0),
            route: Route { to: Server::Broker(BROKER), channel },
        };
        self.input(Input::Deliver { from, message: Message::Response(id, response) });
    }

    fn response(&mut self, request: &Request) -> Option<Response> {
        let leader_epoch = self.epoch;
        Some(match request {
            Request::ApiVersions => Response::ApiVersions,
            Request::Metadata(_) => Response::Metadata(MetadataResponse {
                brokers: [BROKER].into(),
                partitions: (0..PARTITIONS)
                    .map(|p| PartitionMetadata {
                        partition: at(p),
                        leader: Some(BROKER),
                        leader_epoch,
                    })
                    .collect(),
            }),
            Request::FindCoordinator(_) => Response::FindCoordinator(Ok(BROKER)),
            Request::Group(GroupRequest::JoinGroup(join)) => {
                Response::Group(GroupResponse::JoinGroup(self.join(join)))
            }
            Request::Group(GroupRequest::SyncGroup(sync)) => {
                Response::Group(GroupResponse::SyncGroup(Ok(sync.assignment.first()?.1.clone())))
            }
            Request::Group(GroupRequest::Heartbeat(_)) => {
                Response::Group(GroupResponse::Heartbeat(Ok(())))
            }
            Request::Group(GroupRequest::LeaveGroup(..)) => {
                Response::Group(GroupResponse::LeaveGroup(Ok(())))
            }
            Request::Group(GroupRequest::OffsetCommit(commit)) => {
                self.committed.extend(commit.offsets.iter().copied());
                Response::Group(GroupResponse::OffsetCommit(Ok(())))
            }
            Request::Group(GroupRequest::OffsetFetch(request)) => {
                Response::Group(GroupResponse::OffsetFetch(Ok(request
                    .partitions
                    .iter()
                    .flatten()
                    .map(|one| (*one, self.committed.get(one).copied()))
                    .collect())))
            }
            Request::ListOffsets(asked) => {
                let listed = ListedOffset { offset: Offset(0), leader_epoch };
                Response::ListOffsets(asked.iter().map(|it| (it.partition, Ok(listed))).collect())
            }
            Request::OffsetsForLeaderEpoch(asked) => {
                let end = |one: TopicPartition| Offset(self.log_end[usize::from(one.partition)]);
                Response::OffsetsForLeaderEpoch(
                    asked
                        .iter()
                        .map(|it| {
                            (it.partition, Ok(EpochEnd { epoch: it.epoch, end: end(it.partition) }))
                        })
                        .collect(),
                )
            }
            Request::Fetch(fetch) => Response::Fetch(self.fetched(fetch)?),
            other => panic!("{other:?}"),
        })
    }

    fn join(&mut self, join: &JoinGroupRequest) -> JoinGroupResponse {
        let Some(member) = join.member else {
            self.members += 1;
            return JoinGroupResponse::MemberIdRequired(MemberId(self.members));
        };
        self.generation += 1;
        JoinGroupResponse::Joined {
            generation: GenerationId(self.generation),
            member,
            leader: member,
            protocol: join.metadata.protocols[0],
            members: vec![join.metadata.subscriber(member)],
            skip_assignment: false,
        }
    }

    /// None while there is nothing to read: parked.
    fn fetched(&self, fetch: &FetchRequest) -> Option<Vec<FetchedPartition>> {
        let one = |asked: &crate::message::FetchPartition| {
            let end = self.log_end[usize::from(asked.partition.partition)];
            let fetched = Fetched {
                fetch_offset: asked.offset,
                high_watermark: Offset(end),
                log_start: Offset(0),
                diverging: None,
                preferred_read_replica: None,
                batches: (asked.offset.0 < end)
                    .then(|| batch(asked.offset.0, end))
                    .into_iter()
                    .collect(),
            };
            FetchedPartition { partition: asked.partition, result: Ok(fetched) }
        };
        let answers: Vec<_> = fetch.partitions.iter().map(one).collect();
        let some =
            answers.iter().any(|it| it.result.as_ref().is_ok_and(|it| !it.batches.is_empty()));
        some.then_some(answers)
    }

    fn run(mut self, steps: Vec<Step>) {
        steps.into_iter().for_each(|step| self.take(step));
        self.settle();
    }

    /// From here on all goes well: what is in the log must get processed.
    fn settle(&mut self) {
        Hold::ALL.iter().for_each(|hold| self.take(Step::Hold(*hold, false)));
        for _ in 0..500 {
            let done = (0..PARTITIONS).all(|p| {
                (0..self.log_end[usize::from(p)]).all(|one| self.processed.contains(&(at(p), one)))
            });
            if done || self.exited {
                return;
            }
            for channel in [Channel::Data, Channel::Coordinator].repeat(5) {
                self.answer(channel, None);
            }
            let waits = |timer: &Timer| {
                !matches!(
                    timer,
                    Timer::MaxPoll
                        | Timer::Network(NetworkTimer::MetadataAge)
                        | Timer::Session
                        | Timer::Close
                        | Timer::CommitDeadline
                        | Timer::Network(NetworkTimer::Request(_))
                )
            };
            for timer in self.timers.iter().filter(|it| waits(it)).copied().collect::<Vec<_>>() {
                self.fire(timer);
            }
            self.unpark();
        }
        panic!("stuck: {:?}", self.process);
    }

    /// A parked fetch comes back after its wait, with nothing.
    fn unpark(&mut self) {
        let Some((id, Request::Fetch(_))) = self.held.get(&Channel::Data).and_then(|it| it.front())
        else {
            return;
        };
        let id = *id;
        self.held.entry(Channel::Data).or_default().pop_front();
        let from = Peer { connection: ConnectionId(0), route: data(BROKER) };
        let message = Message::Response(id, Response::Fetch(Vec::new()));
        self.input(Input::Deliver { from, message });
    }
}

/// An error that `request` may get; nothing was done.
fn failure(request: &Request, number: usize) -> Option<Response> {
    use ErrorCode as E;
    let pick = |errors: &[ErrorCode]| errors[number % errors.len()];
    Some(match request {
        Request::FindCoordinator(_) => Response::FindCoordinator(Err(E::CoordinatorNotAvailable)),
        Request::Group(GroupRequest::JoinGroup(_)) => {
            Response::Group(GroupResponse::JoinGroup(JoinGroupResponse::Refused(pick(&[
                E::UnknownMemberId,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
                E::RebalanceInProgress,
            ]))))
        }
        Request::Group(GroupRequest::SyncGroup(_)) => {
            Response::Group(GroupResponse::SyncGroup(Err(pick(&[
                E::RebalanceInProgress,
                E::UnknownMemberId,
                E::IllegalGeneration,
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
            ]))))
        }
        Request::Group(GroupRequest::Heartbeat(_)) => {
            Response::Group(GroupResponse::Heartbeat(Err(pick(&[
                E::RebalanceInProgress,
                E::UnknownMemberId,
                E::IllegalGeneration,
                E::CoordinatorNotAvailable,
            ]))))
        }
        Request::Group(GroupRequest::OffsetCommit(_)) => {
            Response::Group(GroupResponse::OffsetCommit(Err(pick(&[
                E::RebalanceInProgress,
                E::UnknownMemberId,
                E::IllegalGeneration,
                E::GroupIdNotFound,
                E::CoordinatorNotAvailable,
                E::CoordinatorLoadInProgress,
            ]))))
        }
        Request::Group(GroupRequest::OffsetFetch(..)) => {
            Response::Group(GroupResponse::OffsetFetch(Err(pick(&[
                E::NotCoordinator,
                E::CoordinatorLoadInProgress,
            ]))))
        }
        Request::Fetch(fetch) => {
            let result = Err(pick(&[
                E::NotLeaderOrFollower,
                E::OffsetNotAvailable,
                E::UnknownLeaderEpoch,
                E::FencedLeaderEpoch,
            ]));
            let failed = |it: &crate::message::FetchPartition| FetchedPartition {
                partition: it.partition,
                result: result.clone(),
            };
            Response::Fetch(fetch.partitions.iter().map(failed).collect())
        }
        Request::ListOffsets(asked) => Response::ListOffsets(
            asked.iter().map(|it| (it.partition, Err(E::OffsetNotAvailable))).collect(),
        ),
        Request::OffsetsForLeaderEpoch(asked) => Response::OffsetsForLeaderEpoch(
            asked.iter().map(|it| (it.partition, Err(E::FencedLeaderEpoch))).collect(),
        ),
        _ => return None,
    })
}

fn safe_strategy() -> impl Strategy<Value = CommitStrategy> {
    prop_oneof![
        Just(CommitStrategy::Auto),
        Just(CommitStrategy::SyncAfterBatch),
        Just(CommitStrategy::AsyncAfterBatch),
        Just(CommitStrategy::SyncPerRecord),
    ]
}

/// Applications that commit only what is finished.
fn safe_application() -> impl Strategy<Value = (CommitStrategy, Consuming)> {
    let every = prop::option::of(prop_oneof![
        (1..5_u32).prop_map(CommitEvery::Records),
        Just(CommitEvery::Time(Micros::from_millis(300))),
    ]);
    let words = (
        prop::sample::select(&[CommitOffset::Next, CommitOffset::Last][..]),
        prop::sample::select(OnCommitFailure::ALL),
        prop::sample::select(OnRevoke::ALL),
        prop::sample::select(&[OnRecordFailure::DeadLetter, OnRecordFailure::SeekBack][..]),
        prop::option::of(1..4_u16),
    );
    let ways =
        [CommitStrategy::SyncAfterBatch, CommitStrategy::AsyncAfterBatch, CommitStrategy::Never];
    (every, words, prop::sample::select(ways.to_vec())).prop_map(|(commit_every, words, commit)| {
        let (commit_offset, on_commit_failure, on_revoke, on_failure, workers) = words;
        let covers = if workers.is_some() { Covers::Contiguous } else { Covers::Positions };
        let on_failure = if workers.is_some() { OnRecordFailure::DeadLetter } else { on_failure };
        let consuming = Consuming {
            commit_every,
            commit_offset,
            on_commit_failure,
            workers,
            covers,
            on_revoke,
            on_failure,
            backoff: Micros::from_millis(1).into(),
        };
        (commit, consuming)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn consumer_commits_only_what_is_finished(commit in safe_strategy(), steps in steps()) {
        World::new((commit, Consuming::default())).run(steps);
    }

    #[test]
    fn careful_applications_commit_only_what_is_finished(
        application in safe_application(),
        steps in steps(),
    ) {
        World::new(application).run(steps);
    }
}
