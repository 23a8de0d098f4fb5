//! What the controller does to partitions: creation, in-sync sets on proposal of their leaders, and
//! elections (Kafka: `ReplicationControlManager`). Who leads is decided in `election`.

use super::election::{self, Change, Election, Rules};
use super::{Controller, Out, ascending, observations};
use crate::config::TopicConfig;
use crate::message::{AlterPartitionRequest, IsrProposal, IsrState};
use crate::metadata::{MetadataRecord, PartitionRegistration};
use crate::observation::Observation;
use crate::profile::Rule;
use crate::variant::Variant;
use ackproof_types::{
    BrokerEpoch, BrokerId, ErrorCode, LeaderEpoch, PartitionEpoch, TopicId, TopicPartition,
};

/// A new partition, with its replicas and those that serve.
type Placed = (TopicPartition, Vec<BrokerId>, Vec<BrokerId>);

/// The verdicts on an AlterPartition, in the order of the request.
type Altered = Vec<(TopicPartition, Result<IsrState, ErrorCode>)>;

impl Controller {
    /// Creates all topics as soon as every broker serves; does nothing later. `__consumer_offsets` with more
    /// replicas than there are brokers is never created, as Kafka refuses it with
    /// `INVALID_REPLICATION_FACTOR` whenever a client asks for its coordinator, which is then told
    /// `COORDINATOR_NOT_AVAILABLE` (`DefaultAutoTopicCreationManager`, `ReplicationControlManager`).
    pub(super) fn create_topics(&mut self, out: &mut Out) {
        let ready = self.config.brokers.iter().all(|broker| self.image.is_active(*broker));
        let has_begun = !self.image.partitions.is_empty() || !self.image.removed.is_empty();
        if !ready || has_begun {
            return;
        }
        let count = u16::try_from(self.config.brokers.len()).expect("brokers are numbered by u16");
        let topics: Vec<_> = self.config.topics.iter().copied().zip(0..).collect();
        let too_few = |topic: &TopicConfig| topic.replication_factor > count;
        for (topic, number) in topics {
            let id = TopicId(number);
            let is_refused = id == self.config.consumer_offsets && too_few(&topic);
            if is_refused || self.config.later.contains(&id) {
                continue;
            }
            for partition in 0..topic.partitions {
                let replicas = self.place(TopicPartition::new(id, partition));
                let isr = replicas.clone();
                self.create(TopicPartition::new(id, partition), replicas, isr, out);
            }
        }
    }

    /// Gives the topic so many partitions in all (`ReplicationControlManager#createPartitions`). Refused, so
    /// that nothing happens, unless these are more than it has and each finds a replica that serves.
    pub(super) fn create_partitions(
        &mut self,
        topic: TopicId,
        count: u16,
        out: &mut Out,
    ) -> Result<(), ErrorCode> {
        self.check_topic(topic)?;
        let existing = self.image.of_topic(topic).count();
        let Some(first) = u16::try_from(existing).ok().filter(|first| (1..count).contains(first))
        else {
            return Err(ErrorCode::InvalidPartitions);
        };
        let ids = (first..count).map(|number| TopicPartition::new(topic, number));
        let placed = self.place_all(ids)?;
        self.announce(Observation::PartitionsAdded { topic, partitions: count });
        for (id, replicas, isr) in placed {
            self.create(id, replicas, isr, out);
        }
        Ok(())
    }

    /// Where new partitions go, while brokers may be away: each finds one that serves, or all are refused.
    fn place_all(
        &self,
        ids: impl Iterator<Item = TopicPartition>,
    ) -> Result<Vec<Placed>, ErrorCode> {
        let placed = ids.map(|id| {
            let replicas = self.place(id);
            let serves = |one: &BrokerId| self.image.is_active(*one);
            let isr: Vec<BrokerId> = replicas.iter().copied().filter(serves).collect();
            (!isr.is_empty()).then_some((id, replicas, isr))
        });
        placed.collect::<Option<Vec<_>>>().ok_or(ErrorCode::InvalidReplicationFactor)
    }

    /// A topic of this name, with its settings as they were at first and an id of its own
    /// (`ReplicationControlManager#createTopic`). Refused if there is one.
    pub(super) fn create_topic(&mut self, name: TopicId, out: &mut Out) -> Result<(), ErrorCode> {
        let last = self.image.current(name);
        let topic = match self.image.removed.contains(&last) {
            true => last.in_life(last.life() + 1).ok_or(ErrorCode::InvalidRequest)?,
            false => last,
        };
        if self.image.of_topic(topic).next().is_some() {
            return Err(ErrorCode::TopicAlreadyExists);
        }
        let partitions = self.config.topic(topic).partitions;
        let placed =
            self.place_all((0..partitions).map(|number| TopicPartition::new(topic, number)))?;
        self.announce(Observation::TopicCreated(topic, partitions));
        for (id, replicas, isr) in placed {
            self.create(id, replicas, isr, out);
        }
        Ok(())
    }

    /// The topic is no more, with all that it holds, as soon as this is committed: brokers delete their logs when they
    /// hear of it (`ReplicationControlManager#deleteTopic`).
    pub(super) fn delete_topic(&mut self, topic: TopicId, out: &mut Out) -> Result<(), ErrorCode> {
        let count = self.image.of_topic(topic).count();
        let partitions = u16::try_from(count).expect("partitions are numbered by u16");
        if partitions == 0 {
            return Err(ErrorCode::UnknownTopicOrPartition);
        }
        self.append(MetadataRecord::RemoveTopic { topic }, out);
        self.observe(Observation::TopicDeleted(topic, partitions));
        Ok(())
    }

    /// A topic that was deleted can be asked for nothing.
    pub(super) fn check_topic(&self, topic: TopicId) -> Result<(), ErrorCode> {
        let is_deleted = self.image.removed.contains(&topic);
        if is_deleted { Err(ErrorCode::UnknownTopicOrPartition) } else { Ok(()) }
    }

    /// The replicas of a new partition: one broker after another, those that serve first, and no rack twice
    /// before each was taken (Kafka: `StripedReplicaPlacer`, which begins anywhere).
    fn place(&self, partition: TopicPartition) -> Vec<BrokerId> {
        let brokers = &self.config.brokers;
        let first = usize::from(partition.partition) + partition.topic.index();
        let mut left: Vec<BrokerId> =
            (0..brokers.len()).map(|nth| brokers[(first + nth) % brokers.len()]).collect();
        let racks = &self.config.racks;
        let mut placed = Vec::new();
        for _ in 0..self.config.topic(partition.topic).replication_factor {
            let in_rack = |broker: &BrokerId| {
                let same = |other: &&BrokerId| racks.get(other) == racks.get(broker);
                placed.iter().filter(same).count()
            };
            let next = left.iter().enumerate().min_by_key(|(place, broker)| {
                (!self.image.is_active(**broker), in_rack(broker), *place)
            });
            let Some((place, _)) = next else { break };
            placed.push(left.remove(place));
        }
        placed
    }

    fn create(
        &mut self,
        partition: TopicPartition,
        replicas: Vec<BrokerId>,
        isr: Vec<BrokerId>,
        out: &mut Out,
    ) {
        let state = PartitionRegistration {
            leader: isr.first().copied(),
            isr,
            elr: Vec::new(),
            last_leader: None,
            replicas,
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            recovering: false,
            adding: Vec::new(),
            removing: Vec::new(),
        };
        self.write_partition(partition, Change { state, unclean: false }, out);
    }

    /// Whether `broker` leads any partition.
    pub(super) fn leads(&self, broker: BrokerId) -> bool {
        self.image.partitions.values().any(|state| state.leader == Some(broker))
    }

    /// Takes `broker`, which goes, out of every in-sync set, and elects others (R5.13, R5.17).
    pub(super) fn remove_from_in_sync_sets(&mut self, broker: BrokerId, out: &mut Out) {
        self.change_all(out, |controller, partition, state| {
            if !state.isr.contains(&broker) && state.leader != Some(broker) {
                return None;
            }
            let target: Vec<BrokerId> =
                state.isr.iter().copied().filter(|member| *member != broker).collect();
            let election = controller.election_of(partition);
            let rules = controller.rules(partition);
            election::change(state, &target, election, rules, |replica| {
                replica != broker && controller.image.may_lead(replica, partition)
            })
        });
    }

    /// R17.5: `broker` comes back without having stopped cleanly. It may lack what it had, and is in no set.
    pub(super) fn distrust(&mut self, broker: BrokerId, out: &mut Out) {
        self.change_all(out, |controller, partition, state| {
            if !state.isr.contains(&broker) && !state.elr.contains(&broker) {
                return None;
            }
            let target: Vec<BrokerId> =
                state.isr.iter().copied().filter(|member| *member != broker).collect();
            let election = controller.election_of(partition);
            let rules = Rules { unclean_restart: Some(broker), ..controller.rules(partition) };
            election::change(state, &target, election, rules, |replica| {
                replica != broker && controller.image.may_lead(replica, partition)
            })
        });
    }

    /// What elections of a partition go by.
    pub(super) fn rules(&self, partition: TopicPartition) -> Rules {
        // Kafka counts the replicas of the first partition (`#getTopicEffectiveMinIsr`).
        let first = self.image.partitions.get(&TopicPartition::new(partition.topic, 0));
        let config = self.topic(partition.topic);
        let replicas = first.map_or(usize::from(config.replication_factor), |it| it.replicas.len());
        let least = usize::from(config.min_insync_replicas).min(replicas);
        Rules {
            variants: self.config.variants,
            min_isr: self.has_eligible_replicas().then_some(least),
            last_leader_lives: self.config.profile.has(Rule::LastLeaderLives),
            unclean_restart: None,
        }
    }

    /// Whether `eligible.leader.replicas.version` is 1 (R17.1).
    pub(super) fn has_eligible_replicas(&self) -> bool {
        self.features().eligible_leader_replicas > 0
    }

    /// Elects leaders where there is none (R5.13, R5.22).
    pub(super) fn elect_leaderless(&mut self, out: &mut Out) {
        self.change_all(out, |controller, partition, state| {
            if state.leader.is_some() {
                return None;
            }
            let election = controller.election_of(partition);
            let rules = controller.rules(partition);
            election::change(state, &state.isr, election, rules, |replica| {
                controller.image.may_lead(replica, partition)
            })
        });
    }

    /// KIP-460: whatever the topic allows. Refused with `ELECTION_NOT_NEEDED` where there is a leader.
    pub(super) fn elect_unclean(
        &mut self,
        partition: TopicPartition,
        out: &mut Out,
    ) -> Result<(), ErrorCode> {
        let state = self.image.partitions.get(&partition);
        let state = state.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        if state.leader.is_some() {
            return Err(ErrorCode::ElectionNotNeeded);
        }
        let rules = self.rules(partition);
        let change = election::change(state, &state.isr, Election::Unclean, rules, |replica| {
            self.image.may_lead(replica, partition)
        });
        let change = change.ok_or(ErrorCode::EligibleLeadersNotAvailable)?;
        self.write_partition(partition, change, out);
        Ok(())
    }

    /// R5.23.
    pub(super) fn elect_preferred(&mut self, out: &mut Out) {
        self.change_all(out, |controller, partition, state| {
            // Only what is led by another: leaderless partitions are for the scan of R5.22.
            if state.leader.is_none() || state.leader == state.replicas.first().copied() {
                return None;
            }
            let rules = controller.rules(partition);
            election::change(state, &state.isr, Election::Preferred, rules, |replica| {
                controller.image.may_lead(replica, partition)
            })
        });
    }

    /// R3.8, R3.9.
    pub(super) fn alter_partitions(
        &mut self,
        request: &AlterPartitionRequest,
        out: &mut Out,
    ) -> Result<Altered, ErrorCode> {
        self.check_epoch(request.broker, request.epoch)?;
        let verdicts = request
            .partitions
            .iter()
            .map(|proposal| (proposal.partition, self.alter(request.broker, proposal, out)))
            .collect();
        Ok(verdicts)
    }

    fn alter(
        &mut self,
        sender: BrokerId,
        proposal: &IsrProposal,
        out: &mut Out,
    ) -> Result<IsrState, ErrorCode> {
        let old = self.validate(sender, proposal)?;
        let members: Vec<BrokerId> = proposal.isr.iter().map(|(member, _)| *member).collect();
        let isr = election::in_order_of(&old.replicas, &members);
        if isr == old.isr && proposal.recovering == old.recovering {
            return Ok(isr_state(old));
        }
        if old.is_reassigned() {
            return self.alter_reassigned(proposal, &isr, out);
        }
        // R3.9, R3.12: the leader is in the set and active, so neither it nor its epoch changes.
        let state = PartitionRegistration {
            elr: election::eligible(old, &isr, self.rules(proposal.partition)),
            isr,
            partition_epoch: old.partition_epoch.next(),
            recovering: proposal.recovering,
            ..old.clone()
        };
        let altered = isr_state(&state);
        self.write_partition(proposal.partition, Change { state, unclean: false }, out);
        Ok(altered)
    }

    /// R3.8, from its second point on.
    fn validate(
        &self,
        sender: BrokerId,
        proposal: &IsrProposal,
    ) -> Result<&PartitionRegistration, ErrorCode> {
        let Some(old) = self.image.partitions.get(&proposal.partition) else {
            // A topic that is there may have no such partition (`ReplicationControlManager#alterPartition`).
            let is_gone = self.image.removed.contains(&proposal.partition.topic);
            return Err(match is_gone {
                true => ErrorCode::UnknownTopicId,
                false => ErrorCode::UnknownTopicOrPartition,
            });
        };
        if proposal.leader_epoch > old.leader_epoch
            || proposal.partition_epoch > old.partition_epoch
        {
            return Err(ErrorCode::NotController);
        }
        if proposal.leader_epoch < old.leader_epoch {
            return Err(ErrorCode::FencedLeaderEpoch);
        }
        if old.leader != Some(sender) {
            return Err(ErrorCode::InvalidRequest);
        }
        let unversioned = self.config.variants.has(Variant::IsrChangeWithoutVersion);
        if proposal.partition_epoch < old.partition_epoch && !unversioned {
            return Err(ErrorCode::InvalidUpdateVersion);
        }
        let mut members: Vec<BrokerId> = proposal.isr.iter().map(|(member, _)| *member).collect();
        members.sort_unstable();
        let repeated = members.windows(2).any(|pair| pair[0] == pair[1]);
        let stranger = members.iter().any(|member| !old.replicas.contains(member));
        // R5.21: who recovers is alone, and nobody goes back to recovering.
        let nonsense = proposal.recovering && (members.len() > 1 || !old.recovering);
        if repeated || stranger || !members.contains(&sender) || nonsense {
            return Err(ErrorCode::InvalidRequest);
        }
        let ineligible = proposal.isr.iter().any(|(member, epoch)| {
            self.image.brokers.get(member).is_none_or(|known| {
                !known.is_active() || (*epoch != BrokerEpoch::UNKNOWN && *epoch != known.epoch)
            })
        }) && !self.config.variants.has(Variant::FencedBrokerJoinsIsr);
        if ineligible { Err(ErrorCode::IneligibleReplica) } else { Ok(old) }
    }

    /// R5.22: any event may elect uncleanly where the topic allows it.
    pub(super) fn election_of(&self, partition: TopicPartition) -> Election {
        if self.topic(partition.topic).unclean_leader_election {
            Election::Unclean
        } else {
            Election::Online
        }
    }

    /// Writes what `change` makes of each partition.
    pub(super) fn change_all(
        &mut self,
        out: &mut Out,
        change: impl Fn(&Self, TopicPartition, &PartitionRegistration) -> Option<Change>,
    ) {
        let changes: Vec<(TopicPartition, Change)> = self
            .image
            .partitions
            .iter()
            .filter_map(|(partition, state)| Some((*partition, change(self, *partition, state)?)))
            .collect();
        for (partition, change) in changes {
            self.write_partition(partition, change, out);
        }
    }

    pub(super) fn write_partition(
        &mut self,
        partition: TopicPartition,
        change: Change,
        out: &mut Out,
    ) {
        let before = self.image.partitions.get(&partition);
        let facts = observations(partition, before, &change.state, change.unclean);
        self.append(MetadataRecord::Partition { partition, state: change.state }, out);
        facts.for_each(|fact| self.observe(fact));
    }
}

/// The partition without those that left its in-sync set under another minimum; none if there are none
/// (`ReplicationControlManager#removeTopicElrs`).
pub(super) fn cleared(state: &PartitionRegistration) -> Option<Change> {
    let has = !state.elr.is_empty() || state.last_leader.is_some();
    let state = PartitionRegistration {
        elr: Vec::new(),
        last_leader: None,
        partition_epoch: state.partition_epoch.next(),
        ..state.clone()
    };
    has.then_some(Change { state, unclean: false })
}

pub(super) fn isr_state(state: &PartitionRegistration) -> IsrState {
    IsrState {
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        isr: ascending(&state.isr).to_vec(),
    }
}
