//! What consumers and their coordinator say to each other, line by line, as a reader of Kafka's protocol would
//! write it down. It knows what a message says, and not whether that is right.
//!
//! A heartbeat that changes nothing is left out.

use crate::log_tape::LogTape;
use ackproof_kafka::message::{
    CommittedOffset, CorrelationId, GroupRequest, GroupResponse, JoinGroupResponse, Message,
    Request, Response,
};
use ackproof_kafka::observation::Observation;
use ackproof_types::{ErrorCode, MemberEpoch, MemberId, NodeId, TopicId, TopicPartition};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    runs: bool,
    /// Who speaks: whoever has no name is not written down.
    names: BTreeMap<NodeId, &'static str>,
    /// Members in the order in which they were named.
    members: Vec<MemberId>,
    /// The partition of `__consumer_offsets` whose log is written down.
    home: Option<TopicPartition>,
    /// The log that is written down with all that is said of it.
    log: Option<LogTape>,
    /// When this is, and when the log's began.
    pub(crate) now: u64,
    began: u64,
    /// Heartbeats without an answer so far, by who asks.
    beats: BTreeMap<(NodeId, CorrelationId), (String, Option<MemberEpoch>)>,
    lines: Vec<String>,
}

impl Tape {
    /// Writes down what these say from now on.
    pub(crate) fn run(&mut self, names: &[(NodeId, &'static str)]) {
        self.names.extend(names.iter().copied());
        self.runs = true;
    }

    /// Writes down what becomes of this log as well.
    pub(crate) fn follow(&mut self, home: TopicPartition) {
        self.home = Some(home);
    }

    /// Writes down what becomes of this log, and what is said of it, and when.
    pub(crate) fn run_log(&mut self, partition: TopicPartition, names: &[(NodeId, &'static str)]) {
        self.log = Some(LogTape::new(partition));
        self.began = self.now;
        self.run(names);
    }

    /// Something that is done to the cluster.
    pub(crate) fn note(&mut self, what: &str) {
        match self.log {
            Some(_) => self.lines.push(format!("{}-- {what}", self.time())),
            None => self.lines.push(what.to_owned()),
        }
    }

    /// Since the beginning, in seconds.
    fn time(&self) -> String {
        let milliseconds = (self.now - self.began) / 1000;
        format!("{:>3}.{:03} s  ", milliseconds / 1000, milliseconds % 1000)
    }

    /// All lines; a question and its answer that come again and again only once.
    pub(crate) fn text(&self) -> String {
        let (mut text, mut at) = (String::new(), 0);
        while let Some(line) = self.lines.get(at) {
            let pair = |begin: usize| self.lines.get(begin..begin + 2);
            let again =
                (1..).take_while(|times| pair(at).is_some() && pair(at + 2 * times) == pair(at));
            let again = again.count();
            text.push_str(&format!("{line}\n"));
            if again > 1 {
                text.push_str(&format!("{}\n… and again\n", self.lines[at + 1]));
                at += 2 * again + 2;
            } else {
                at += 1;
            }
        }
        text
    }

    pub(crate) fn heard(&mut self, from: NodeId, to: NodeId, message: &Message) {
        let (Some(speaker), Some(hearer)) = (self.names.get(&from), self.names.get(&to)) else {
            return;
        };
        let way = format!("{speaker} -> {hearer}");
        if !self.runs {
            return;
        }
        let time = self.time();
        if let Some(log) = &mut self.log {
            let told = log.heard(from, to, message).into_iter();
            return self.lines.extend(told.map(|line| format!("{time}{way}: {line}")));
        }
        match message {
            Message::Request(id, Request::Group(request)) => {
                let line = format!("{way}: {}", self.request(request));
                match request {
                    GroupRequest::Heartbeat(_) => {
                        self.beats.insert((from, *id), (line, None));
                    }
                    GroupRequest::ConsumerGroupHeartbeat(it) if it.owned.is_none() => {
                        self.beats.insert((from, *id), (line, Some(it.epoch)));
                    }
                    _ => self.lines.push(line),
                }
            }
            Message::Request(_, Request::FindCoordinator(_)) => {
                self.lines.push(format!("{way}: FindCoordinator"));
            }
            Message::Response(_, Response::FindCoordinator(result)) => {
                let found = result.map(|broker| format!("broker-{}", broker.0));
                self.lines.push(format!("{way}: FindCoordinator {}", outcome(found)));
            }
            Message::Response(id, Response::Group(response)) => {
                let beat = self.beats.remove(&(to, *id));
                if beat.as_ref().is_some_and(|(_, epoch)| says_nothing(response, *epoch)) {
                    return;
                }
                self.lines.extend(beat.map(|(line, _)| line));
                let line = format!("{way}: {}", self.response(response));
                self.lines.push(line);
            }
            _ => {}
        }
    }

    pub(crate) fn saw(&mut self, node: NodeId, fact: &Observation) {
        let Some(who) = self.names.get(&node).copied().filter(|_| self.runs) else { return };
        if let Some(log) = &self.log {
            let told = log.saw(fact).map(|told| format!("{}{who} {told}", self.time()));
            return self.lines.extend(told);
        }
        let told = match fact {
            Observation::Assigned { generation, partitions, .. } => {
                format!("is assigned {} in generation {}", places(partitions), generation.0)
            }
            Observation::Revoked { partitions, .. } => format!("gives up {}", places(partitions)),
            Observation::Lost { partitions, .. } => format!("loses {}", places(partitions)),
            Observation::Rebalanced { generation, members, .. } => {
                format!("begins generation {} with {members} members", generation.0)
            }
            Observation::CommitFailed { offsets, error, .. } if offsets.is_empty() => {
                format!("refuses its own commit: {error}")
            }
            Observation::Positioned { partition, offset, .. } => {
                format!("goes on at {}={offset}", place(*partition))
            }
            Observation::CoordinatorLoaded { partition } if Some(*partition) == self.home => {
                "has loaded the group".to_owned()
            }
            Observation::Appended { partition, base_offset, next_offset, as_leader, .. }
                if Some(*partition) == self.home =>
            {
                let how = if *as_leader { "appends" } else { "copies" };
                format!("{how} {base_offset} up to {next_offset}")
            }
            Observation::Truncated { partition, from, to } if Some(*partition) == self.home => {
                format!("cuts its log from {from} to {to}")
            }
            Observation::BecameLeader { partition, epoch, log_end, high_watermark }
                if Some(*partition) == self.home =>
            {
                let epoch = epoch.0;
                format!(
                    "leads in epoch {epoch}: log end {log_end}, high watermark {high_watermark}"
                )
            }
            _ => return,
        };
        self.lines.push(format!("{who} {told}"));
    }

    /// What a reader calls a member.
    pub(crate) fn member(&mut self, id: MemberId) -> String {
        let known = self.members.iter().position(|one| *one == id);
        let place = known.unwrap_or_else(|| {
            self.members.push(id);
            self.members.len() - 1
        });
        format!("M{}", place + 1)
    }

    fn request(&mut self, request: &GroupRequest) -> String {
        match request {
            GroupRequest::JoinGroup(it) => match it.member {
                None => "JoinGroup".to_owned(),
                Some(id) => {
                    format!("JoinGroup {}, owns {}", self.member(id), places(&it.metadata.owned))
                }
            },
            GroupRequest::SyncGroup(it) => {
                let claim = &it.claim;
                let shares: Vec<String> = it
                    .assignment
                    .iter()
                    .map(|(id, share)| format!("{}: {}", self.member(*id), places(share)))
                    .collect();
                let (member, generation) = (self.member(claim.member), claim.generation.0);
                format!("SyncGroup {member}, generation {generation} [{}]", shares.join("; "))
            }
            GroupRequest::Heartbeat(claim) => {
                let generation = claim.generation.0;
                format!("Heartbeat {}, generation {generation}", self.member(claim.member))
            }
            GroupRequest::LeaveGroup(_, id, _) => format!("LeaveGroup {}", self.member(*id)),
            GroupRequest::OffsetCommit(it) => {
                let (member, generation) = (self.member(it.claim.member), it.claim.generation.0);
                let offsets: Vec<String> =
                    it.offsets.iter().map(|(one, at)| offset(*one, Some(*at))).collect();
                format!("OffsetCommit {member}, generation {generation}: {}", offsets.join(" "))
            }
            GroupRequest::OffsetFetch(it) => {
                format!("OffsetFetch {}", places(it.partitions.as_deref().unwrap_or_default()))
            }
            GroupRequest::ConsumerGroupHeartbeat(it) => {
                let owns = it
                    .owned
                    .as_ref()
                    .map_or_else(String::new, |owned| format!(", owns {}", places(owned)));
                let member = self.member(it.member);
                format!("ConsumerGroupHeartbeat {member}, epoch {}{owns}", it.epoch.0)
            }
        }
    }

    fn response(&mut self, response: &GroupResponse) -> String {
        match response {
            GroupResponse::JoinGroup(JoinGroupResponse::Joined {
                generation,
                member,
                leader,
                ..
            }) => {
                let (member, leader) = (self.member(*member), self.member(*leader));
                format!("JoinGroup {member}: generation {}, {leader} leads", generation.0)
            }
            GroupResponse::JoinGroup(JoinGroupResponse::MemberIdRequired(id)) => {
                format!("JoinGroup MEMBER_ID_REQUIRED, {}", self.member(*id))
            }
            GroupResponse::JoinGroup(JoinGroupResponse::Refused(error)) => {
                format!("JoinGroup {error}")
            }
            GroupResponse::SyncGroup(result) => {
                let told = result.as_ref().map(|share| places(share)).map_err(|it| *it);
                format!("SyncGroup {}", outcome(told))
            }
            GroupResponse::Heartbeat(result) => format!("Heartbeat {}", code(*result)),
            GroupResponse::LeaveGroup(result) => format!("LeaveGroup {}", code(*result)),
            GroupResponse::OffsetCommit(result) => format!("OffsetCommit {}", code(*result)),
            GroupResponse::OffsetFetch(result) => {
                let all = |offsets: &Vec<(TopicPartition, Option<CommittedOffset>)>| {
                    let each = offsets.iter().map(|(one, at)| offset(*one, *at));
                    each.collect::<Vec<_>>().join(" ")
                };
                format!("OffsetFetch {}", outcome(result.as_ref().map(all).map_err(|it| *it)))
            }
            GroupResponse::ConsumerGroupHeartbeat(Ok(it)) => {
                let assigned = it.assignment.as_ref().map_or_else(String::new, |assignment| {
                    format!(", assigned {}", places(assignment))
                });
                format!("ConsumerGroupHeartbeat epoch {}{assigned}", it.epoch.0)
            }
            GroupResponse::ConsumerGroupHeartbeat(Err(error)) => {
                format!("ConsumerGroupHeartbeat {error}")
            }
        }
    }
}

/// Whether a heartbeat of a member in `epoch` changes nothing.
fn says_nothing(response: &GroupResponse, epoch: Option<MemberEpoch>) -> bool {
    match response {
        GroupResponse::Heartbeat(result) => result.is_ok(),
        GroupResponse::ConsumerGroupHeartbeat(Ok(it)) => {
            it.assignment.is_none() && Some(it.epoch) == epoch
        }
        _ => false,
    }
}

fn code(result: Result<(), ErrorCode>) -> String {
    outcome(result.map(|()| "NONE".to_owned()))
}

fn outcome(result: Result<String, ErrorCode>) -> String {
    result.unwrap_or_else(|error| error.to_string())
}

fn place(partition: TopicPartition) -> String {
    let letter = if partition.topic == TopicId::CONSUMER_OFFSETS { "O" } else { "P" };
    format!("{letter}{}", partition.partition)
}

fn places(partitions: &[TopicPartition]) -> String {
    if partitions.is_empty() {
        return "nothing".to_owned();
    }
    partitions.iter().map(|one| place(*one)).collect::<Vec<_>>().join(" ")
}

fn offset(partition: TopicPartition, at: Option<CommittedOffset>) -> String {
    let at = at.map_or_else(|| "none".to_owned(), |at| at.offset.to_string());
    format!("{}={at}", place(partition))
}
