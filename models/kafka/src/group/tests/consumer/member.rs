//! A member of a consumer group, played by hand: it remembers its epoch and what it owns, and does what it is
//! told.

use super::super::driver::{Driver, GROUP};
use crate::message::{
    ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, GroupRequest, GroupResponse,
    MemberClaim,
};
use crate::profile::Profile;
use ackproof_types::{
    ErrorCode, Features, GenerationId, KafkaVersion, MemberEpoch, MemberId, Micros, TopicId,
    TopicPartition,
};
use std::sync::Arc;

pub(in super::super) type Answer = Result<ConsumerGroupHeartbeatResponse, ErrorCode>;

/// A coordinator of this line.
pub(in super::super) fn coordinator(version: KafkaVersion) -> Driver {
    Driver::of(&[], Profile { version, features: Features::default() })
}

/// How long a member may take to give up partitions.
pub(super) const REBALANCE_TIMEOUT: Micros = Micros::from_secs(300);

#[derive(Clone, Debug)]
pub(in super::super) struct Member {
    pub(super) id: MemberId,
    pub(in super::super) epoch: MemberEpoch,
    pub(super) instance: Option<u16>,
    pub(super) topics: Arc<[TopicId]>,
    pub(in super::super) owned: Arc<[TopicPartition]>,
}

impl Member {
    /// One that is about to join.
    pub(in super::super) fn new(id: u64) -> Self {
        Self {
            id: MemberId(id),
            epoch: MemberEpoch::JOIN,
            instance: None,
            topics: [TopicId(1)].into(),
            owned: Arc::default(),
        }
    }

    pub(super) fn fixed(id: u64, instance: u16) -> Self {
        Self { instance: Some(instance), ..Self::new(id) }
    }

    /// Everything that it has to say.
    pub(super) fn full(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest {
            instance: self.instance,
            rebalance_timeout: Some(REBALANCE_TIMEOUT),
            topics: Some(Arc::clone(&self.topics)),
            owned: Some(Arc::clone(&self.owned)),
            ..ConsumerGroupHeartbeatRequest::new(GROUP, self.id, self.epoch)
        }
    }

    /// A sign of life.
    pub(super) fn sign(&self) -> ConsumerGroupHeartbeatRequest {
        let instance = self.instance;
        let request = ConsumerGroupHeartbeatRequest::new(GROUP, self.id, self.epoch);
        ConsumerGroupHeartbeatRequest { instance, ..request }
    }

    /// It is alive and owns what it owns.
    pub(super) fn owns(&self) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest { owned: Some(Arc::clone(&self.owned)), ..self.sign() }
    }

    pub(in super::super) fn leaves(&self, epoch: MemberEpoch) -> ConsumerGroupHeartbeatRequest {
        ConsumerGroupHeartbeatRequest { epoch, ..self.sign() }
    }

    /// Its epoch from the answer on, and what it gave up or got by it.
    pub(super) fn hear(&mut self, answer: &Answer) {
        let answer = answer.as_ref().expect("an answer");
        self.epoch = answer.epoch;
        if let Some(assignment) = &answer.assignment {
            self.owned = Arc::clone(assignment);
        }
    }

    /// Joins and does what it is told.
    pub(in super::super) fn joined(mut self, driver: &mut Driver) -> Self {
        self.hear(&driver.pulse(self.full()));
        self
    }

    /// A heartbeat, whose answer it follows.
    pub(super) fn beats(&mut self, driver: &mut Driver) {
        self.hear(&driver.pulse(self.owns()));
    }

    /// As it commits.
    pub(in super::super) fn claim(&self) -> MemberClaim {
        let generation = GenerationId::from(self.epoch);
        MemberClaim { group: GROUP, generation, member: self.id, instance: self.instance }
    }
}

impl Driver {
    /// The answer to a heartbeat.
    pub(in super::super) fn pulse(&mut self, request: ConsumerGroupHeartbeatRequest) -> Answer {
        let answers = self.ask(&GroupRequest::ConsumerGroupHeartbeat(request));
        let [GroupResponse::ConsumerGroupHeartbeat(answer)] = &answers[..] else {
            panic!("{answers:?}")
        };
        self.coordinator.check();
        answer.clone()
    }
}

/// Two members that share the topic; each knows what it has.
pub(in super::super) fn pair(version: KafkaVersion) -> (Driver, Member, Member) {
    let mut driver = coordinator(version);
    let mut first = Member::new(1).joined(&mut driver);
    let mut second = Member::new(2).joined(&mut driver);
    if version >= KafkaVersion::V4_3 {
        driver.fire(crate::group::GroupTimer::Assignment(GROUP));
    }
    settle(&mut driver, &mut [&mut first, &mut second]);
    (driver, first, second)
}

/// Everybody heartbeats until nothing changes.
pub(in super::super) fn settle(driver: &mut Driver, members: &mut [&mut Member]) {
    for _ in 0..8 {
        for member in &mut *members {
            member.beats(driver);
        }
    }
}
