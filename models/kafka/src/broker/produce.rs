//! Appends of clients and their wait for replicas; producer ids.
//!
//! Kafka: `ReplicaManager#appendRecords`, `DelayedProduce` (R4.*), `RPCProducerIdManager` (R6.18).

use super::controllers::LOOK_AGAIN;
use super::{Broker, Out, Timer, reply};
use crate::machine::{Channel, ConnectionId, To};
use crate::message::{
    Acks, ControllerRequest, CorrelationId, Message, PartitionMetadata, ProduceRequest,
    RecordBatch, Request, Response,
};
use crate::observation::Observation;
use crate::partition::Placed;
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::{ErrorCode, Micros, Offset, ProducerEpoch, ProducerId, TopicPartition};

/// Produce requests that wait for replicas, in the order of their arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ProducePurgatory {
    next: u64,
    waiting: Vec<Delayed>,
}

impl ProducePurgatory {
    /// R4.6: who waits, waits for something; numbers ascend.
    pub(super) fn check(&self) {
        assert!(self.waiting.is_sorted_by_key(|delayed| delayed.number), "in order of arrival");
        for delayed in &self.waiting {
            assert!(delayed.parts.iter().any(|part| part.outcome.is_none()), "{delayed:?}");
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Delayed {
    number: u64,
    connection: ConnectionId,
    correlation: CorrelationId,
    /// The size of the request, for quotas.
    bytes: u64,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Part {
    partition: TopicPartition,
    base: Offset,
    required: Offset,
    outcome: Option<Result<Offset, ErrorCode>>,
}

impl Broker {
    /// R6.35: `ProducerStateManager#removeExpiredProducers`, of every log at once.
    pub(super) fn expire_producers(&mut self) {
        let (now, after) = (self.env.now, self.settings().producer_id_expiration);
        for partition in self.partitions.all_mut() {
            partition.log.expire_producers(now, after);
        }
    }

    pub(super) fn handle_produce(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: ProduceRequest,
        out: &mut Out,
    ) {
        let acks = request.acks;
        let bytes = request.wire_bytes();
        let mut parts = Vec::with_capacity(request.batches.len());
        let mut reached = Vec::with_capacity(request.batches.len());
        let by_id = self.env.cluster.profile.has(Rule::ProducedByTopicId);
        for (asked, batch) in request.batches {
            let partition = if by_id { asked } else { self.named(asked) };
            let placed = self.append(partition, batch, acks, out);
            if placed.is_ok() {
                reached.push(partition);
            }
            parts.push(match placed {
                Ok(placed) if acks == Acks::All => {
                    Part { partition, base: placed.base, required: placed.next, outcome: None }
                }
                Ok(Placed { base, next, .. }) => {
                    Part { partition, base, required: next, outcome: Some(Ok(base)) }
                }
                Err(error) => Part {
                    partition,
                    base: Offset::UNKNOWN,
                    required: Offset::UNKNOWN,
                    outcome: Some(Err(error)),
                },
            });
        }
        match acks {
            Acks::None if parts.iter().any(|part| matches!(part.outcome, Some(Err(_)))) => {
                // R4.4: the only sign a client gets.
                out.close(To::Connection(connection));
            }
            Acks::None => {
                self.reply_produced(connection, bytes, Message::NoResponse(correlation), out);
            }
            Acks::Leader => {
                let done = Delayed { number: 0, connection, correlation, bytes, parts };
                self.answer_produce(&done, out);
            }
            Acks::All => self.wait_for_replicas(
                Delayed { number: 0, connection, correlation, bytes, parts },
                request.timeout,
                out,
            ),
        }
        // A duplicate too: it is a chance to move the high watermark.
        for partition in reached {
            self.wake_followers(partition, out);
            self.advance(partition, out);
        }
    }

    fn append(
        &mut self,
        id: TopicPartition,
        mut batch: RecordBatch,
        acks: Acks,
        out: &mut Out,
    ) -> Result<Placed, ErrorCode> {
        let missing = match self.env.cluster.profile.has(Rule::ProducedByTopicId) {
            true => self.not_hosted_by_id(id),
            false => self.not_hosted(id),
        };
        let partition = self.partitions.get_mut(id).ok_or(missing)?;
        let topic = self.env.topic(id.topic);
        if batch.count() == 0 {
            return Err(ErrorCode::InvalidRecord);
        }
        let leader = partition.leader()?;
        let least = leader.effective(usize::from(topic.min_insync_replicas));
        let isr = leader.isr_len();
        // R4.3: before anything is written, and only for acks=all.
        let ignored = self.env.cluster.variants.has(Variant::MinIsrIgnored);
        if acks == Acks::All && isr < least && !ignored {
            let isr = u16::try_from(isr).unwrap_or(u16::MAX);
            out.observe(Observation::NotEnoughReplicas { partition: id, isr });
            return Err(ErrorCode::NotEnoughReplicas);
        }
        if batch.size > topic.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        batch.max_timestamp = topic.log.timestamps.taken(batch.max_timestamp, self.env.now)?;
        self.make_room(id, batch.size, out)?;
        let partition = self.partitions.get_mut(id).ok_or(missing)?;
        partition.append_as_leader(batch, self.env.cluster.variants, out)
    }

    fn wait_for_replicas(&mut self, mut delayed: Delayed, timeout: Micros, out: &mut Out) {
        for part in &mut delayed.parts {
            self.settle(part);
        }
        if delayed.parts.iter().all(|part| part.outcome.is_some()) {
            self.answer_produce(&delayed, out);
            return;
        }
        self.produce.next += 1;
        delayed.number = self.produce.next;
        out.arm(Timer::ProduceWait(delayed.number), timeout);
        self.produce.waiting.push(delayed);
    }

    /// R4.6.
    fn settle(&mut self, part: &mut Part) {
        if part.outcome.is_some() {
            return;
        }
        let id = part.partition;
        let ignored = self.env.cluster.variants.has(Variant::MinIsrIgnored);
        let missing = self.not_hosted(id);
        let Some(partition) = self.partitions.get_mut(id) else {
            part.outcome = Some(Err(missing));
            return;
        };
        let min_isr = usize::from(self.env.topic(id.topic).min_insync_replicas);
        let reached = partition.log.high_watermark() >= part.required;
        part.outcome = match partition.leader() {
            Err(error) => Some(Err(error)),
            Ok(_) if !reached => None,
            Ok(leader) if leader.maximal_isr_len() < leader.effective(min_isr) && !ignored => {
                Some(Err(ErrorCode::NotEnoughReplicasAfterAppend))
            }
            Ok(_) => Some(Ok(part.base)),
        };
    }

    /// R4.6: looks again at the requests that wait on `id`, after its high watermark or role changed.
    pub(super) fn settle_produce(&mut self, id: TopicPartition, out: &mut Out) {
        if self.produce.waiting.is_empty() {
            return;
        }
        let mut waiting = std::mem::take(&mut self.produce.waiting);
        waiting.retain_mut(|delayed| {
            let parts = delayed.parts.iter_mut().filter(|part| part.partition == id);
            parts.for_each(|part| self.settle(part));
            let done = delayed.parts.iter().all(|part| part.outcome.is_some());
            if done {
                out.disarm(Timer::ProduceWait(delayed.number));
                self.answer_produce(delayed, out);
            }
            !done
        });
        self.produce.waiting = waiting;
    }

    /// R4.7: the undecided partitions time out.
    pub(super) fn produce_timed_out(&mut self, number: u64, out: &mut Out) {
        let waiting = &mut self.produce.waiting;
        let Some(at) = waiting.iter().position(|one| one.number == number) else { return };
        let delayed = waiting.remove(at);
        self.answer_produce(&delayed, out);
    }

    fn answer_produce(&mut self, done: &Delayed, out: &mut Out) {
        let Delayed { connection, correlation, bytes, parts, .. } = done;
        let outcome = |part: &Part| part.outcome.unwrap_or(Err(ErrorCode::RequestTimedOut));
        let results = parts.iter().map(|part| (part.partition, outcome(part))).collect();
        let led_elsewhere =
            parts.iter().filter(|part| outcome(part) == Err(ErrorCode::NotLeaderOrFollower));
        let leaders = led_elsewhere.filter_map(|part| self.leader_hint(part.partition)).collect();
        let answer = Message::Response(*correlation, Response::Produce(results, leaders));
        self.reply_produced(*connection, *bytes, answer, out);
    }

    /// R5.28: the leader that this broker knows of, if clients can reach it.
    fn leader_hint(&self, partition: TopicPartition) -> Option<PartitionMetadata> {
        let state = self.env.image.partitions.get(&partition)?;
        let leader = state.leader.filter(|leader| self.is_unfenced(*leader))?;
        let leader_epoch = state.leader_epoch;
        Some(PartitionMetadata { partition, leader: Some(leader), leader_epoch })
    }
}

/// The block of producer ids this broker hands out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct ProducerIds {
    next: i64,
    left: u32,
    waiting: Vec<(ConnectionId, CorrelationId)>,
    asked: bool,
}

impl Broker {
    pub(super) fn init_producer_id(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        out: &mut Out,
    ) {
        self.producer_ids.waiting.push((connection, correlation));
        self.hand_out_ids(out);
    }

    fn hand_out_ids(&mut self, out: &mut Out) {
        while self.producer_ids.left > 0
            && let Some((connection, correlation)) = self.producer_ids.waiting.pop()
        {
            let id = ProducerId(self.producer_ids.next);
            self.producer_ids.next += 1;
            self.producer_ids.left -= 1;
            let response = Response::InitProducerId(Ok((id, ProducerEpoch(0))));
            reply(connection, correlation, response, out);
        }
        if !self.producer_ids.waiting.is_empty() && !self.producer_ids.asked {
            self.producer_ids.asked = true;
            let request = Request::Controller(ControllerRequest::AllocateProducerIds(
                self.env.id,
                self.epoch(),
            ));
            let is_asked = self.ask(Channel::Controller, request, out).is_some();
            let patience =
                if is_asked { self.settings().replica_socket_timeout } else { LOOK_AGAIN };
            out.arm(Timer::ProducerIdsTimeout, patience);
        }
    }

    pub(super) fn ids_allocated(
        &mut self,
        result: Result<(ProducerId, u32), ErrorCode>,
        out: &mut Out,
    ) {
        self.producer_ids.asked = false;
        out.disarm(Timer::ProducerIdsTimeout);
        match result {
            Ok((first, count)) => {
                self.producer_ids.next = first.0;
                self.producer_ids.left = count;
                self.hand_out_ids(out);
            }
            Err(_) => self.refuse_ids(out),
        }
    }

    pub(super) fn producer_ids_asked(&self) -> bool {
        self.producer_ids.asked
    }

    pub(super) fn refuse_ids(&mut self, out: &mut Out) {
        self.producer_ids.asked = false;
        out.disarm(Timer::ProducerIdsTimeout);
        for (connection, correlation) in std::mem::take(&mut self.producer_ids.waiting) {
            let response = Response::InitProducerId(Err(ErrorCode::CoordinatorLoadInProgress));
            reply(connection, correlation, response, out);
        }
    }
}
