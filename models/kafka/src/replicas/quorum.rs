//! The controller, driven without time, and the states of the cluster that brokers have yet to hear of.

use super::Witness;
use crate::config::{ClusterConfig, ControllerConfig};
use crate::controller::{Controller, Timer};
use crate::driver::Process;
use crate::machine::{Channel, ConnectionId, Effect, EffectOf, Input, Peer, Route, To};
use crate::message::{
    AlterPartitionRequest, BrokerHeartbeatRequest, BrokerRegistrationRequest, ControllerRequest,
    ControllerResponse, CorrelationId, IsrProposal, IsrState, Message, Request, Response,
};
use crate::metadata::{MetadataImage, PartitionRegistration};
use crate::observation::Observation;
use ackproof_types::{
    BrokerEpoch, BrokerId, ErrorCode, KafkaVersion, Server, Timestamp, TopicPartition,
};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// The cluster after a step of the controller, and the number of that step.
pub(super) type Image = (u32, Arc<MetadataImage>);

/// The controller and what it has told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Quorum {
    process: Process<Controller>,
    partition: TopicPartition,
    /// Ascending; what every broker knows is forgotten.
    images: Vec<Image>,
}

impl Quorum {
    /// A controller with which all brokers are registered and unfenced; their epochs, in order.
    pub(super) fn new(
        cluster: &Arc<ClusterConfig>,
        partition: TopicPartition,
        seen: Witness<'_>,
    ) -> (Self, Vec<BrokerEpoch>) {
        let id = *cluster.controllers.first().expect("a cluster has a controller");
        let config = ControllerConfig { id, cluster: Arc::clone(cluster) };
        let mut process = Process::new(config);
        let _ = process.boot(Timestamp::START, &mut Vec::new());
        let mut quorum = Self { process, partition, images: vec![(0, Arc::default())] };
        let mut seen = |fact| seen(None, fact);
        let brokers = || cluster.brokers.iter();
        let epochs: Vec<BrokerEpoch> =
            brokers().filter_map(|broker| quorum.register(*broker, 1, None, &mut seen)).collect();
        for (broker, epoch) in brokers().zip(&epochs) {
            quorum.heartbeat(*broker, *epoch, true, &mut seen);
        }
        (quorum, epochs)
    }

    pub(super) fn newest(&self) -> Image {
        self.images.last().cloned().expect("the newest is kept")
    }

    /// The newest state of the cluster.
    pub(super) fn image(&self) -> &MetadataImage {
        &self.images.last().expect("the newest is kept").1
    }

    /// The number of the newest state of the cluster.
    pub(super) fn number(&self) -> u32 {
        self.images.last().map_or(0, |(number, _)| *number)
    }

    /// What a broker that knows `known` may hear next, oldest first.
    pub(super) fn after(&self, known: u32) -> impl Iterator<Item = &Image> {
        self.images.iter().filter(move |(number, _)| *number > known)
    }

    /// The controller's own state of the partition.
    pub(super) fn partition(&self) -> &PartitionRegistration {
        self.image().partitions.get(&self.partition).expect("it was created")
    }

    /// What follows is counted from here.
    pub(super) fn begin(&mut self) {
        let (_, newest) = self.newest();
        self.images = vec![(0, newest)];
    }

    /// The number of the oldest state of the cluster that is kept.
    pub(super) fn oldest(&self) -> u32 {
        self.images.first().map_or(0, |(number, _)| *number)
    }

    /// Every broker knows `known`.
    pub(super) fn forget(&mut self, known: u32) {
        self.images.retain(|(number, _)| *number >= known);
    }

    /// R5.3 to R5.5; none: refused.
    pub(super) fn register(
        &mut self,
        broker: BrokerId,
        incarnation: u64,
        previous_epoch: Option<BrokerEpoch>,
        seen: &mut dyn FnMut(Observation),
    ) -> Option<BrokerEpoch> {
        let (version, offline) = (KafkaVersion::default(), Arc::default());
        let request =
            BrokerRegistrationRequest { broker, incarnation, version, previous_epoch, offline };
        match self.ask(ControllerRequest::BrokerRegistration(request), seen) {
            Some(ControllerResponse::BrokerRegistration(result)) => result.ok(),
            _ => None,
        }
    }

    /// R5.14: of a broker that wants to serve.
    pub(super) fn heartbeat(
        &mut self,
        broker: BrokerId,
        epoch: BrokerEpoch,
        is_caught_up: bool,
        seen: &mut dyn FnMut(Observation),
    ) {
        let metadata_offset = if is_caught_up { u64::MAX } else { 0 };
        let request = BrokerHeartbeatRequest {
            broker,
            epoch,
            metadata_offset,
            want_fence: false,
            want_shutdown: false,
            offline: Arc::default(),
        };
        self.ask(ControllerRequest::BrokerHeartbeat(request), seen);
    }

    /// R3.8; none: the request as a whole was refused.
    pub(super) fn alter(
        &mut self,
        (broker, epoch): (BrokerId, BrokerEpoch),
        proposal: IsrProposal,
        seen: &mut dyn FnMut(Observation),
    ) -> Option<Result<IsrState, ErrorCode>> {
        let request = AlterPartitionRequest { broker, epoch, partitions: vec![proposal] };
        match self.ask(ControllerRequest::AlterPartition(request), seen) {
            Some(ControllerResponse::AlterPartition(Ok(parts))) => {
                parts.into_iter().next().map(|(_, result)| result)
            }
            _ => None,
        }
    }

    /// R5.11: the session of a broker ends, and the check finds it.
    pub(super) fn fence(&mut self, broker: BrokerId, seen: &mut dyn FnMut(Observation)) {
        self.step(Input::Fire(Timer::Session(broker)), seen);
        self.step(Input::Fire(Timer::StaleCheck), seen);
    }

    fn ask(
        &mut self,
        request: ControllerRequest,
        seen: &mut dyn FnMut(Observation),
    ) -> Option<ControllerResponse> {
        let to = Server::Controller(self.process.config().id);
        let route = Route { to, channel: Channel::Controller };
        let from = Peer { connection: ConnectionId(0), route };
        let message = Message::Request(CorrelationId(0), Request::Controller(request));
        self.step(Input::Deliver { from, message }, seen)
    }

    /// Returns the answer, if there is one.
    fn step(
        &mut self,
        input: Input<Timer, crate::controller::ControllerCall>,
        seen: &mut dyn FnMut(Observation),
    ) -> Option<ControllerResponse> {
        let mut effects: Vec<EffectOf<Controller>> = Vec::new();
        let _ = self.process.step(Timestamp::START, input, &mut effects);
        let mut answer = None;
        for effect in effects {
            match effect {
                Effect::Send {
                    to: To::Connection(_),
                    message: Message::Response(_, Response::Controller(response)),
                } => answer = Some(response),
                Effect::Observe(observation) => seen(observation),
                // Timers go off when a step says so.
                Effect::Send { .. }
                | Effect::AwaitSend(_)
                | Effect::Close(_)
                | Effect::Arm { .. }
                | Effect::Disarm(_)
                | Effect::Write(_)
                | Effect::Flush(_)
                | Effect::Exit => {}
            }
        }
        let image = self.process.machine().expect("it runs").image();
        if image != self.image() {
            let image = Arc::new(image.clone());
            self.images.push((self.number() + 1, image));
        }
        answer
    }
}

impl Quorum {
    /// The log is forgotten, and images are told from the newest: a broker hears of states, not of how they came
    /// about. Its length is the epoch of the next broker that registers, so it matters if one may.
    pub(super) fn hash_with<H: Hasher>(&self, registers: bool, state: &mut H) {
        let machine = self.process.machine().expect("it runs");
        machine.sessions().hash(state);
        for (_, image) in &self.images {
            image.hash(state);
        }
        if registers {
            machine.log_end().hash(state);
        }
    }
}
