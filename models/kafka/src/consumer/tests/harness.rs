//! One broker that leads everything and coordinates, played by hand, and the story a consumer tells.

use super::super::*;
use crate::assignor::Assignor;
use crate::config::{ApplicationConfig, OutputsConfig, ResetTo};
use crate::driver::{After, Process};
use crate::machine::{Channel, ConnectionId, Effect, EffectOf, InputOf, Peer, To};
use crate::message::{
    CommittedOffset, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, EpochEnd,
    Fetched, FetchedPartition, GroupRequest, GroupResponse, JoinGroupRequest, JoinGroupResponse,
    ListedOffset, MemberAssignment, MetadataResponse, OffsetSpec, PartitionMetadata, Payload,
    RecordBatch,
};
use crate::observation::Observation;
use crate::variant::Variants;
use ackproof_types::GroupProtocol;
use ackproof_types::{
    CommitStrategy, Consuming, GroupId, Lane, LeaderEpoch, MemberEpoch, MemberId, Micros, Offset,
    ProducerIndex, Record, RecordId, Server, TopicId,
};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const TOPIC: TopicId = TopicId(1);
pub(super) const P0: TopicPartition = TopicPartition { topic: TOPIC, partition: 0 };
pub(super) const BROKER: BrokerId = BrokerId(1);
const ME: MemberId = MemberId(7);

pub(super) struct Harness {
    pub(super) process: Process<Consumer>,
    out: Vec<EffectOf<Consumer>>,
    pub(super) epoch: LeaderEpoch,
    pub(super) log_end: i64,
    pub(super) brokers: u16,
    pub(super) committed: Option<CommittedOffset>,
    pub(super) epoch_end: EpochEnd,
    pub(super) generation: i32,
    /// What heartbeats and commits get to hear.
    pub(super) heartbeat: Result<(), ErrorCode>,
    pub(super) commit: Result<(), ErrorCode>,
    /// To a member of a consumer group: what it is to have, in which epoch, or why not.
    pub(super) share: Vec<TopicPartition>,
    pub(super) member_epoch: i32,
    pub(super) refusal: Option<ErrorCode>,
    pub(super) beats: Vec<ConsumerGroupHeartbeatRequest>,
    /// Requests of these kinds wait here instead of being answered.
    pub(super) hold: fn(&Request) -> bool,
    /// Others get all partitions.
    pub(super) withheld: bool,
    pub(super) held: Vec<(Route, CorrelationId, Request)>,
    pub(super) timers: BTreeMap<Timer, Delay>,
    pub(super) seen: Vec<Observation>,
    pub(super) requests: Vec<&'static str>,
    pub(super) exited: bool,
    pub(super) now: Timestamp,
}

pub(super) fn config(commit: CommitStrategy) -> ConsumerConfig {
    let ms = Micros::from_millis;
    ConsumerConfig {
        group: GroupId(0),
        group_name: "g".into(),
        topics: [TOPIC].into(),
        offsets_partitions: 1,
        bootstrap: [BrokerId(1)].into(),
        application: ApplicationConfig {
            process: ms(1).into(),
            failures_per_million: 0,
            fails: [].into(),
            attempts: 1,
            salt: 0,
            commit,
            consuming: Consuming::default(),
            outputs: OutputsConfig::default(),
        },
        auto_commit_interval: ms(5000),
        auto_offset_reset: Some(ResetTo::Latest),
        client_rack: None,
        assigned: None,
        has_group_id: true,
        variants: Variants::default(),
        profile: crate::profile::Profile::default(),
        group_protocol: GroupProtocol::Classic,
        group_remote_assignor: None,
        session_timeout: ms(45_000),
        heartbeat_interval: ms(3000),
        partition_assignment_strategy: [Assignor::Range, Assignor::CooperativeSticky].into(),
        group_instance_id: None,
        max_poll_interval: ms(300_000),
        max_poll_records: 2,
        fetch_min_bytes: 1,
        fetch_max_wait: ms(500),
        fetch_max_bytes: 1 << 20,
        max_partition_fetch_bytes: 1 << 20,
        request_timeout: ms(30_000),
        default_api_timeout: ms(60_000),
        retry_backoff: ms(100),
        retry_backoff_max: ms(1000),
        metadata_max_age: ms(300_000),
        salt: 0,
    }
}

pub(super) fn batch(base: i64, end: i64) -> Arc<RecordBatch> {
    let record = |offset: i64| Record {
        id: RecordId { producer: ProducerIndex(0), number: u32::try_from(offset).unwrap() },
        key: None,
        size: 1,
    };
    Arc::new(RecordBatch {
        base_offset: Offset(base),
        leader_epoch: LeaderEpoch(3),
        producer: None,
        max_timestamp: Timestamp::START,
        size: 1,
        payload: Payload::Records((base..end).map(record).collect()),
    })
}

impl Harness {
    pub(super) fn new(commit: CommitStrategy) -> Self {
        Self::held(commit, |_| false)
    }

    pub(super) fn held(commit: CommitStrategy, hold: fn(&Request) -> bool) -> Self {
        Self::configured(&config(commit), hold)
    }

    pub(super) fn configured(config: &ConsumerConfig, hold: fn(&Request) -> bool) -> Self {
        let mut process = Process::new(config.clone());
        let mut out = Vec::new();
        let exited = process.boot(Timestamp::START, &mut out) == After::Exited;
        let mut harness = Self {
            process,
            out,
            epoch: LeaderEpoch(3),
            log_end: 4,
            brokers: u16::try_from(config.bootstrap.len()).expect("few"),
            committed: Some(CommittedOffset {
                offset: Offset(0),
                leader_epoch: LeaderEpoch::UNKNOWN,
            }),
            epoch_end: EpochEnd::UNDEFINED,
            generation: 0,
            heartbeat: Ok(()),
            commit: Ok(()),
            hold,
            share: vec![P0],
            member_epoch: 1,
            refusal: None,
            beats: Vec::new(),
            withheld: false,
            held: Vec::new(),
            timers: BTreeMap::new(),
            seen: Vec::new(),
            requests: Vec::new(),
            exited,
            now: Timestamp::START,
        };
        harness.settle();
        harness
    }

    pub(super) fn step(&mut self, input: InputOf<Consumer>) {
        self.exited |= self.process.step(self.now, input, &mut self.out) == After::Exited;
        self.process.check();
        self.settle();
    }

    /// Every record below this number that was sent on has its outcome.
    pub(super) fn outputs_settled(&mut self, lane: Lane, below: u32) {
        let mut out = Out::default();
        let start = Timestamp::START;
        self.process.machine_mut().outputs_settled((lane, below), start, &mut out);
        self.out.extend(out.drain());
        self.process.check();
        self.settle();
    }

    /// What was sent on since the last look.
    pub(super) fn outputs(&mut self) -> Vec<(Lane, u32)> {
        let sent = self.process.machine_mut().take_outputs();
        sent.into_iter().map(|(lane, record)| (lane, record.id.number)).collect()
    }

    pub(super) fn fire(&mut self, timer: Timer) {
        assert!(self.timers.remove(&timer).is_some(), "{timer:?} is not armed");
        self.step(Input::Fire(timer));
    }

    /// Plays the broker until nothing is left to answer.
    pub(super) fn settle(&mut self) {
        loop {
            let effects = std::mem::take(&mut self.out);
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Send { to: To::Route(route), message } => {
                        let Message::Request(id, request) = message else { panic!("no request") };
                        if matches!(request, Request::ApiVersions) {
                            self.answer(route, id, &request);
                            continue;
                        }
                        self.requests.push(name(&request));
                        // A broker answers the requests of a connection in order.
                        let waits = self.held.iter().any(|(at, ..)| *at == route);
                        if waits || (self.hold)(&request) {
                            self.held.push((route, id, request));
                        } else {
                            self.answer(route, id, &request);
                        }
                    }
                    Effect::Close(To::Route(route)) => self.held.retain(|(at, ..)| *at != route),
                    Effect::Arm { timer, delay } => drop(self.timers.insert(timer, delay)),
                    Effect::Disarm(timer) => drop(self.timers.remove(&timer)),
                    Effect::Observe(fact) => self.seen.push(fact),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// The coordinator's connection ends, and stays ended for the back-off.
    pub(super) fn cut_coordinator(&mut self) {
        let route = Route { to: Server::Broker(BROKER), channel: Channel::Coordinator };
        self.held.retain(|(at, ..)| *at != route);
        self.step(Input::Disconnected(route));
    }

    pub(super) fn reconnect(&mut self) {
        let route = Route { to: Server::Broker(BROKER), channel: Channel::Coordinator };
        self.fire(Timer::Network(NetworkTimer::Reconnect(route)));
    }

    pub(super) fn release(&mut self) {
        self.hold = |_| false;
        while !self.held.is_empty() {
            self.answer_held();
        }
    }

    /// Answers the oldest request that is held.
    pub(super) fn answer_held(&mut self) {
        let (route, id, request) = self.held.remove(0);
        self.answer(route, id, &request);
        self.settle();
    }

    pub(super) fn answer(&mut self, route: Route, id: CorrelationId, request: &Request) {
        let Some(response) = self.response(request) else { return };
        let from = Peer { connection: ConnectionId(0), route };
        let message = Message::Response(id, response);
        let input = Input::Deliver { from, message };
        self.exited |= self.process.step(self.now, input, &mut self.out) == After::Exited;
        self.process.check();
    }

    fn member_told(&self, beat: &ConsumerGroupHeartbeatRequest) -> ConsumerGroupHeartbeatResponse {
        let leaves = beat.epoch < MemberEpoch::JOIN;
        let epoch = if leaves { beat.epoch } else { MemberEpoch(self.member_epoch) };
        let assignment = (!leaves).then(|| self.share.clone().into());
        let heartbeat_interval = Micros::from_secs(5);
        ConsumerGroupHeartbeatResponse { epoch, heartbeat_interval, assignment }
    }

    fn response(&mut self, request: &Request) -> Option<Response> {
        let epoch = self.epoch;
        Some(match request {
            Request::ApiVersions => Response::ApiVersions,
            Request::Metadata(_) => {
                let p0 =
                    PartitionMetadata { partition: P0, leader: Some(BROKER), leader_epoch: epoch };
                Response::Metadata(MetadataResponse {
                    brokers: (1..=self.brokers).map(BrokerId).collect(),
                    partitions: vec![p0],
                })
            }
            Request::FindCoordinator(_) => Response::FindCoordinator(Ok(BROKER)),
            Request::Group(GroupRequest::JoinGroup(join)) => {
                Response::Group(GroupResponse::JoinGroup(self.join(join)))
            }
            Request::Group(GroupRequest::SyncGroup(sync)) => {
                let share = &sync.assignment.first()?.1;
                let share = if self.withheld { MemberAssignment::default() } else { share.clone() };
                Response::Group(GroupResponse::SyncGroup(Ok(share)))
            }
            Request::Group(GroupRequest::Heartbeat(_)) => {
                Response::Group(GroupResponse::Heartbeat(self.heartbeat))
            }
            Request::Group(GroupRequest::ConsumerGroupHeartbeat(beat)) => {
                self.beats.push(beat.clone());
                let result = self.refusal.map_or_else(|| Ok(self.member_told(beat)), Err);
                Response::Group(GroupResponse::ConsumerGroupHeartbeat(result))
            }
            Request::Group(GroupRequest::LeaveGroup(..)) => {
                Response::Group(GroupResponse::LeaveGroup(Ok(())))
            }
            Request::Group(GroupRequest::OffsetCommit(_)) => {
                Response::Group(GroupResponse::OffsetCommit(self.commit))
            }
            Request::Group(GroupRequest::OffsetFetch(asked)) => {
                let answers = asked.partitions.iter().flatten().map(|one| (*one, self.committed));
                Response::Group(GroupResponse::OffsetFetch(Ok(answers.collect())))
            }
            other => return self.data_response(other),
        })
    }

    fn data_response(&self, request: &Request) -> Option<Response> {
        let epoch = self.epoch;
        Some(match request {
            Request::ListOffsets(asked) => {
                let is_earliest = asked.iter().any(|one| one.spec == OffsetSpec::Earliest);
                let offset = Offset(if is_earliest { 0 } else { self.log_end });
                let listed = ListedOffset { offset, leader_epoch: epoch };
                Response::ListOffsets(vec![(P0, Ok(listed))])
            }
            Request::OffsetsForLeaderEpoch(_) => {
                Response::OffsetsForLeaderEpoch(vec![(P0, Ok(self.epoch_end))])
            }
            Request::Fetch(fetch) => {
                let fetch_offset = fetch.partitions[0].offset;
                if fetch_offset == Offset(self.log_end) {
                    return None; // Parked for ever.
                }
                let fetched = Fetched {
                    fetch_offset,
                    high_watermark: Offset(self.log_end),
                    log_start: Offset(0),
                    diverging: None,
                    preferred_read_replica: None,
                    batches: vec![batch(0, self.log_end)],
                };
                Response::Fetch(vec![FetchedPartition { partition: P0, result: Ok(fetched) }])
            }
            other => panic!("{other:?}"),
        })
    }

    fn join(&mut self, join: &JoinGroupRequest) -> JoinGroupResponse {
        let Some(member) = join.member else { return JoinGroupResponse::MemberIdRequired(ME) };
        self.generation += 1;
        self.heartbeat = Ok(());
        JoinGroupResponse::Joined {
            generation: GenerationId(self.generation),
            member,
            leader: member,
            protocol: join.metadata.protocols[0],
            members: vec![join.metadata.subscriber(member)],
            skip_assignment: false,
        }
    }

    /// The facts so far, in short; forgets them.
    pub(super) fn story(&mut self) -> Vec<String> {
        self.requests.clear();
        let is_derived = |fact: &&Observation| matches!(fact, Observation::Derived { .. });
        let seen = std::mem::take(&mut self.seen);
        seen.iter().filter(|fact| !is_derived(fact)).map(tell).collect()
    }
}

fn name(request: &Request) -> &'static str {
    match request {
        Request::Metadata(_) => "metadata",
        Request::FindCoordinator(_) => "find",
        Request::Group(GroupRequest::JoinGroup(_)) => "join",
        Request::Group(GroupRequest::SyncGroup(_)) => "sync",
        Request::Group(GroupRequest::Heartbeat(_)) => "heartbeat",
        Request::Group(GroupRequest::LeaveGroup(..)) => "leave",
        Request::Group(GroupRequest::ConsumerGroupHeartbeat(_)) => "beat",
        Request::Group(GroupRequest::OffsetCommit(_)) => "commit",
        Request::Group(GroupRequest::OffsetFetch(..)) => "offset-fetch",
        Request::ListOffsets(_) => "list-offsets",
        Request::OffsetsForLeaderEpoch(_) => "epochs",
        Request::Fetch(_) => "fetch",
        other => panic!("{other:?}"),
    }
}

fn tell(fact: &Observation) -> String {
    match fact {
        Observation::Assigned { generation, partitions, .. } => {
            format!("assigned {} in {generation}", partitions.len())
        }
        Observation::Revoked { partitions, .. } => format!("revoked {}", partitions.len()),
        Observation::Lost { partitions, .. } => format!("lost {}", partitions.len()),
        Observation::Positioned { offset, source, .. } => format!("at {offset} by {source:?}"),
        Observation::Polled { base_offset, records, .. } => {
            format!("polled {base_offset}+{}", records.len())
        }
        Observation::Processed { offset, dead_lettered: false, .. } => {
            format!("processed {offset}")
        }
        Observation::Processed { offset, .. } => format!("dead {offset}"),
        Observation::GaveUp { offset, .. } => format!("gave up {offset}"),
        Observation::FollowerChosen { broker, .. } => format!("sent to broker-{}", broker.0),
        Observation::PollFailed { error, .. } => format!("threw {error}"),
        Observation::PollOverdue { .. } => "overdue".to_owned(),
        Observation::CommitSent { offsets, .. } => format!("sent {}", offsets[0].1),
        Observation::Committed { offsets, .. } => format!("committed {}", offsets[0].1),
        Observation::CommitFailed { offsets, error, maybe_written, .. } => match offsets.first() {
            Some((_, offset)) => format!("failed {offset} {error} {maybe_written}"),
            None => format!("refused {error}"),
        },
        other => panic!("{other:?}"),
    }
}
