//! A mirror as a client of one of its clusters: it fetches there, and reads or writes what a group has committed.
//! It knows nothing of the other cluster.

use crate::client::network::{Completed, Failed, data};
use crate::client::{ClientSettings, NetworkClient, NetworkTimer};
use crate::machine::{Channel, Input, Outbox, Route, To};
use crate::message::{
    CommittedOffset, FetchPartition, FetchRequest, FetchSession, FetchedPartition, GroupRequest,
    GroupResponse, ListOffsetsPartition, ListedOffset, MemberClaim, Message, OffsetCommitRequest,
    OffsetFetchRequest, OffsetSpec, PartitionResults, Request, Response,
};
use ackproof_types::{
    BrokerId, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, Micros, Offset, Server,
    TopicId, TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;

/// Its effects.
pub(super) type Out = Outbox<Timer, Infallible>;

/// What it is made with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SideConfig {
    /// How it is a client of its cluster.
    pub client: ClientSettings,
    /// The topic there.
    pub topic: TopicId,
    /// `fetch.min.bytes`.
    pub min_bytes: u32,
    /// `fetch.max.wait.ms`.
    pub max_wait: Micros,
    /// `fetch.max.bytes`.
    pub max_bytes: u32,
    /// `max.partition.fetch.bytes`.
    pub partition_max_bytes: u32,
}

/// Its timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// A timer of the network client.
    Network(NetworkTimer),
    /// `retry.backoff.ms` after a partition could not be fetched.
    Refetch,
    /// The same after anything else.
    Retry,
}

impl From<NetworkTimer> for Timer {
    fn from(timer: NetworkTimer) -> Self {
        Self::Network(timer)
    }
}

/// What a request under way is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Purpose {
    Fetch(BrokerId),
    Find,
    Errand,
}

/// Offsets, by partition.
pub(super) type Offsets = Vec<(TopicPartition, Offset)>;

/// Where to read on, by partition; none: where the log begins.
pub(super) type Wanted = Vec<(TopicPartition, Option<Offset>)>;

/// Something to ask the coordinator of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Errand {
    /// What it has committed in these partitions.
    Read(GroupId, Vec<TopicPartition>),
    /// That it has committed this. Only a group without members lets it be done (R9.12).
    Write(GroupId, Offsets),
}

impl Errand {
    fn group(&self) -> GroupId {
        match self {
            Self::Read(group, _) | Self::Write(group, _) => *group,
        }
    }
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Came {
    /// Answers to a fetch.
    Fetched(Vec<FetchedPartition>),
    /// Where logs begin.
    Begins(Offsets),
    /// What a group has committed.
    Read(GroupId, Vec<(TopicPartition, Option<Offset>)>),
    /// What became of a write.
    Written(GroupId, Offsets, Written),
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Written {
    /// It took effect.
    Done,
    /// It was refused; an attempt before had no answer, and may have taken effect, if it is not `certain`.
    Refused { error: ErrorCode, certain: bool },
}

/// The client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Side {
    config: SideConfig,
    client: NetworkClient<Purpose>,
    /// Brokers that a fetch is under way to, or a question where logs begin.
    fetching: BTreeSet<BrokerId>,
    /// Partitions that could not be fetched a moment ago.
    delayed: BTreeSet<TopicPartition>,
    /// The first is under way, or has failed a moment ago, if `busy`.
    errands: VecDeque<Errand>,
    busy: bool,
    /// The first was tried, and nobody knows whether it took effect.
    is_doubtful: bool,
    coordinators: BTreeMap<GroupId, BrokerId>,
}

impl Side {
    pub(super) fn new(config: &SideConfig) -> Self {
        Self {
            config: config.clone(),
            client: NetworkClient::new(config.client.clone(), &[config.topic]),
            fetching: BTreeSet::new(),
            delayed: BTreeSet::new(),
            errands: VecDeque::new(),
            busy: false,
            is_doubtful: false,
            coordinators: BTreeMap::new(),
        }
    }

    pub(super) fn check(&self) {
        self.client.check();
        assert!(!self.busy || !self.errands.is_empty(), "busy with something");
    }

    /// Whether a server is of its cluster.
    pub(super) fn knows(&self, server: Server) -> bool {
        match server {
            Server::Broker(broker) => self.config.client.bootstrap.contains(&broker),
            Server::Controller(_) => false,
        }
    }

    /// Is to do this, unless it has something of the kind to do for the group; whether it is.
    pub(super) fn go(&mut self, errand: Errand) -> bool {
        let same = |other: &Errand| {
            other.group() == errand.group()
                && std::mem::discriminant(other) == std::mem::discriminant(&errand)
        };
        let is_news = !self.errands.iter().any(same);
        if is_news {
            self.errands.push_back(errand);
        }
        is_news
    }

    /// Takes an input.
    pub(super) fn take(&mut self, mut input: Input<Timer, ()>, out: &mut Out) -> Option<Came> {
        self.client.unthrottled(&mut input, out);
        match input {
            Input::Deliver { from, message: Message::Response(id, response) } => {
                match self.client.answered(from.route, id, response, out) {
                    Completed::Internal | Completed::Metadata => {}
                    Completed::Request(_, purpose, response) => {
                        return self.answered(from.route, purpose, response, out);
                    }
                    Completed::Failed(failed) => self.fail(failed, out),
                }
            }
            Input::Disconnected(route) => {
                let failed = self.client.disconnected(route, out);
                self.fail(failed, out);
            }
            Input::Fire(Timer::Network(timer)) => {
                let failed = self.client.fire(timer, out);
                self.fail(failed, out);
            }
            Input::Fire(Timer::Refetch) => self.delayed.clear(),
            Input::Fire(Timer::Retry) => self.busy = false,
            Input::Deliver { from, message: Message::Request(_, request) } => {
                out.misplaced(To::Connection(from.connection), request.name());
            }
            Input::Deliver { .. }
            | Input::Flushed(_)
            | Input::SendCompleted(_)
            | Input::Call(()) => {}
        }
        None
    }

    fn answered(
        &mut self,
        route: Route,
        purpose: Purpose,
        response: Response,
        out: &mut Out,
    ) -> Option<Came> {
        match (purpose, response) {
            (Purpose::Fetch(broker), Response::Fetch(answers)) => {
                self.fetching.remove(&broker);
                let failed = answers.iter().filter(|one| one.result.is_err());
                self.delayed.extend(failed.map(|one| one.partition));
                if !self.delayed.is_empty() {
                    self.client.metadata_mut().request_update();
                    out.arm(Timer::Refetch, self.config.client.retry_backoff);
                }
                return Some(Came::Fetched(answers));
            }
            (Purpose::Fetch(broker), Response::ListOffsets(answers)) => {
                self.fetching.remove(&broker);
                return Some(self.begins(&answers, out));
            }
            (Purpose::Find, Response::FindCoordinator(found)) => {
                match (found, self.errands.front()) {
                    (Ok(broker), Some(errand)) => {
                        self.coordinators.insert(errand.group(), broker);
                        self.busy = false;
                    }
                    (_, _) => self.retry_later(out),
                }
            }
            (Purpose::Errand, Response::Group(response)) => return self.done(response, out),
            (purpose, response) => {
                let failed = self.client.misplaced(route, response.name(), out);
                self.fail(failed, out);
                self.give_up(purpose, out);
            }
        }
        None
    }

    /// A leader says where logs begin; who does not know it is asked again.
    fn begins(&mut self, answers: &PartitionResults<ListedOffset>, out: &mut Out) -> Came {
        let found = answers.iter().filter_map(|(at, one)| Some((*at, one.as_ref().ok()?.offset)));
        let found: Offsets = found.collect();
        if found.len() < answers.len() {
            let failed = answers.iter().filter(|(_, one)| one.is_err());
            self.delayed.extend(failed.map(|(partition, _)| *partition));
            self.client.metadata_mut().request_update();
            out.arm(Timer::Refetch, self.config.client.retry_backoff);
        }
        Came::Begins(found)
    }

    /// The coordinator answered.
    fn done(&mut self, response: GroupResponse, out: &mut Out) -> Option<Came> {
        let errand = self.errands.pop_front()?;
        let came = match (&errand, response) {
            (Errand::Read(group, _), GroupResponse::OffsetFetch(Ok(offsets))) => {
                let offsets = offsets.into_iter();
                let offset =
                    |(at, one): (_, Option<CommittedOffset>)| (at, one.map(|it| it.offset));
                Some(Came::Read(*group, offsets.map(offset).collect()))
            }
            (Errand::Write(group, offsets), GroupResponse::OffsetCommit(done)) => {
                let is_final = done.err().is_none_or(|error| !is_of_the_coordinator(error));
                // R9.4: a coordinator that has gone or is late may have written it.
                self.is_doubtful |= !is_final;
                let certain = !self.is_doubtful;
                let written = done
                    .map_or_else(|error| Written::Refused { error, certain }, |()| Written::Done);
                is_final.then(|| Came::Written(*group, offsets.clone(), written))
            }
            (Errand::Read(..) | Errand::Write(..), _) => None,
        };
        if came.is_some() {
            (self.busy, self.is_doubtful) = (false, false);
        } else {
            self.coordinators.remove(&errand.group());
            self.errands.push_front(errand);
            self.retry_later(out);
        }
        came
    }

    fn fail(&mut self, failed: Failed<Purpose>, out: &mut Out) {
        for (_, purpose) in failed {
            self.give_up(purpose, out);
        }
    }

    fn give_up(&mut self, purpose: Purpose, out: &mut Out) {
        match purpose {
            // The back-off of the connection spaces the next attempt.
            Purpose::Fetch(broker) => {
                self.fetching.remove(&broker);
                self.client.metadata_mut().request_update();
            }
            Purpose::Find => self.retry_later(out),
            Purpose::Errand => {
                self.is_doubtful = true;
                if let Some(errand) = self.errands.front() {
                    self.coordinators.remove(&errand.group());
                }
                self.retry_later(out);
            }
        }
    }

    fn retry_later(&mut self, out: &mut Out) {
        self.client.metadata_mut().request_update();
        self.busy = !self.errands.is_empty();
        out.arm(Timer::Retry, self.config.client.retry_backoff);
    }

    /// Sends what may be sent: fetches of what is `wanted`, and the first errand.
    pub(super) fn drive(&mut self, wanted: Wanted, out: &mut Out) {
        self.client.maybe_update(out);
        self.fetch(wanted, out);
        if !self.busy && !self.errands.is_empty() {
            self.run(out);
        }
    }

    /// Kafka: one fetch to each leader at a time. Here a question where a log begins counts as one.
    fn fetch(&mut self, wanted: Wanted, out: &mut Out) {
        type Asked = (Vec<ListOffsetsPartition>, Vec<FetchPartition>);
        let mut by_leader: BTreeMap<BrokerId, Asked> = BTreeMap::new();
        for (partition, offset) in wanted {
            let known = self.client.metadata().current_leader(partition);
            let Some((Some(leader), leader_epoch)) = known.map(|it| (it.leader, it.epoch)) else {
                self.client.metadata_mut().request_update();
                continue;
            };
            if self.fetching.contains(&leader) || self.delayed.contains(&partition) {
                continue;
            }
            let (lost, found) = by_leader.entry(leader).or_default();
            let Some(offset) = offset else {
                let spec = OffsetSpec::Earliest;
                lost.push(ListOffsetsPartition { partition, leader_epoch, spec });
                continue;
            };
            found.push(FetchPartition {
                partition,
                offset,
                leader_epoch,
                last_fetched_epoch: LeaderEpoch::UNKNOWN,
                log_start: Offset::UNKNOWN,
                max_bytes: self.config.partition_max_bytes,
            });
        }
        for (leader, (lost, partitions)) in by_leader {
            let route = data(leader);
            if self.client.is_unavailable(route) {
                continue;
            }
            self.fetching.insert(leader);
            let SideConfig { max_wait, min_bytes, max_bytes, .. } = self.config;
            let (session, replica, rack) = (FetchSession::Sessionless, None, None);
            let request = if lost.is_empty() {
                let fetch = FetchRequest {
                    session,
                    replica,
                    rack,
                    max_wait,
                    min_bytes,
                    max_bytes,
                    partitions,
                };
                Request::Fetch(fetch)
            } else {
                Request::ListOffsets(lost)
            };
            self.client.send(route, request, Purpose::Fetch(leader), out);
        }
    }

    fn run(&mut self, out: &mut Out) {
        let Some(errand) = self.errands.front() else { return };
        let group = errand.group();
        let Some(broker) = self.coordinators.get(&group) else {
            if let Some(route) = self.client.least_loaded_node() {
                self.busy = true;
                self.client.send(route, Request::FindCoordinator(group), Purpose::Find, out);
            }
            return;
        };
        let route = Route { to: Server::Broker(*broker), channel: Channel::Coordinator };
        if self.client.is_unavailable(route) {
            return;
        }
        self.busy = true;
        let request = match errand {
            Errand::Read(_, partitions) => {
                GroupRequest::OffsetFetch(OffsetFetchRequest::new(group, partitions.clone()))
            }
            Errand::Write(_, offsets) => {
                let (generation, member) = (GenerationId::UNKNOWN, MemberId(0));
                let claim = MemberClaim { group, generation, member, instance: None };
                let leader_epoch = LeaderEpoch::UNKNOWN;
                let committed = |offset| CommittedOffset { offset, leader_epoch };
                let offsets = offsets.iter().map(|(at, offset)| (*at, committed(*offset)));
                let offsets = offsets.collect();
                GroupRequest::OffsetCommit(OffsetCommitRequest { claim, offsets, by_id: false })
            }
        };
        self.client.send(route, Request::Group(request), Purpose::Errand, out);
    }
}

/// Whether another broker, or the same one later, may answer otherwise.
fn is_of_the_coordinator(error: ErrorCode) -> bool {
    matches!(
        error,
        ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::CoordinatorLoadInProgress
            | ErrorCode::RequestTimedOut
    )
}
