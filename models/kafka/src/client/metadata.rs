//! A client's view of its topics: who leads each partition, as of the newest leader epoch it has seen, and
//! whether it wants to know more.
//!
//! It sends nothing and arms nothing: that is the network client's. Kafka: `Metadata`, `MetadataSnapshot`
//! (R5.28, R17.31).

use super::backoff::{backoff, once_more};
use crate::message::{MetadataResponse, PartitionMetadata};
use ackproof_types::{BrokerId, Delay, LeaderEpoch, Micros, TopicId, TopicPartition};

/// Who leads a partition, and since which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leadership {
    /// The leader; none while there is none that can be reached.
    pub leader: Option<BrokerId>,
    /// The epoch of this fact.
    pub epoch: LeaderEpoch,
}

impl Leadership {
    const UNKNOWN: Self = Self { leader: None, epoch: LeaderEpoch::UNKNOWN };
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Topic {
    /// Its name.
    name: TopicId,
    /// Which topic of this name it is, as far as is known.
    id: TopicId,
    /// A response has answered for it.
    answered: bool,
    /// The last response knew it.
    exists: bool,
    /// The last response that answered for it did not know it.
    is_gone: bool,
    /// So many partitions it was seen with.
    count: usize,
    /// What was last told of each partition, by its number; of all topics that had this name.
    partitions: Vec<Leadership>,
}

/// What is known of the cluster, and the wish for newer knowledge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Metadata {
    topics: Vec<Topic>,
    brokers: Vec<BrokerId>,
    update_requested: bool,
    /// A request is in flight, for so many of the topics.
    in_progress: Option<usize>,
    /// The last refresh is too fresh to ask again.
    held_off: bool,
    /// Requests in a row that failed.
    attempts: u32,
    /// Responses in a row that told nothing new.
    equivalent_responses: u32,
    /// Names that the last response found to be another topic's than before.
    replaced: Vec<TopicId>,
}

impl Metadata {
    /// Nothing is known but whom to ask, so all is wanted.
    #[must_use]
    pub fn bootstrap(topics: &[TopicId], brokers: &[BrokerId]) -> Self {
        let mut metadata = Self {
            topics: Vec::new(),
            brokers: brokers.to_vec(),
            update_requested: true,
            in_progress: None,
            held_off: false,
            attempts: 0,
            equivalent_responses: 0,
            replaced: Vec::new(),
        };
        metadata.add_topics(topics);
        metadata
    }

    /// Forgets which brokers answered last and starts again from `brokers`
    /// (`metadata.recovery.strategy` rebootstrap, R17.31). Only the epochs stay.
    pub fn rebootstrap(&mut self, brokers: &[BrokerId]) {
        for topic in &mut self.topics {
            topic.exists = false;
            topic.partitions.iter_mut().for_each(|it| it.leader = None);
        }
        self.brokers.clear();
        self.brokers.extend_from_slice(brokers);
        self.update_requested = true;
    }

    /// Asks for more topics, at once (Kafka: `requestUpdateForNewTopics`). Whether there are any.
    pub fn add_topics(&mut self, topics: &[TopicId]) -> bool {
        let before = self.topics.len();
        for name in topics.iter().copied() {
            if self.topics.iter().all(|topic| topic.name != name) {
                let (answered, exists, is_gone) = (false, false, false);
                let (id, count, partitions) = (name, 0, Vec::new());
                self.topics.push(Topic { name, id, answered, exists, is_gone, count, partitions });
            }
        }
        let added = self.topics.len() > before;
        if added {
            self.update_requested = true;
            self.held_off = false;
            self.equivalent_responses = 0;
        }
        added
    }

    /// What a request asks for.
    #[must_use]
    pub fn topics(&self) -> Vec<TopicId> {
        self.topics.iter().map(|topic| topic.name).collect()
    }

    /// Whether a response has answered for all topics.
    #[must_use]
    pub fn answered_all(&self) -> bool {
        self.topics.iter().all(|topic| topic.answered)
    }

    /// What is known may be stale.
    pub fn request_update(&mut self) {
        self.update_requested = true;
    }

    /// Whether a request may be sent at once.
    #[must_use]
    pub fn is_update_due(&self) -> bool {
        self.update_requested && self.in_progress.is_none() && !self.held_off
    }

    /// A request is sent.
    pub(super) fn asked(&mut self) {
        self.in_progress = Some(self.topics.len());
    }

    /// The pause after the last refresh is over.
    pub(super) fn may_ask(&mut self) {
        self.held_off = false;
    }

    /// `metadata.max.age.ms` is over: what answers alike has done so for long.
    pub(super) fn expire(&mut self) {
        self.update_requested = true;
        self.equivalent_responses = 0;
    }

    /// A request failed. [`Self::may_ask`] must follow after [`Self::refresh_backoff`].
    pub(super) fn failed_update(&mut self) {
        self.in_progress = None;
        self.held_off = true;
        self.attempts = once_more(self.attempts);
        self.equivalent_responses = 0;
    }

    /// How long a refresh holds the next one off.
    pub(super) fn refresh_backoff(&self, first: Micros, most: Micros) -> Delay {
        let steps = self.attempts.max(self.equivalent_responses).saturating_sub(1);
        backoff(first, most, steps)
    }

    /// Takes a response. What carries an older epoch than the one known is ignored, so that a broker that
    /// lags behind cannot move the client backwards. [`Self::may_ask`] must follow after
    /// [`Self::refresh_backoff`].
    pub(super) fn update(&mut self, response: &MetadataResponse) {
        let asked = self.in_progress.take().unwrap_or(self.topics.len());
        self.held_off = true;
        self.attempts = 0;
        self.replaced.clear();
        self.brokers.clear();
        self.brokers.extend(response.brokers.iter());
        let mut news = false;
        let mut incomplete = self.topics.len() > asked;
        for topic in &mut self.topics[..asked] {
            topic.answered = true;
            (topic.exists, topic.is_gone) = (false, true);
        }
        for told in &response.partitions {
            let TopicPartition { topic: id, .. } = told.partition;
            let topic = self.topics.iter_mut().find(|topic| topic.name == id.name());
            let Some(topic) = topic else { continue };
            // Of another topic nothing is known yet (Kafka: `Metadata#updateLatestMetadata`).
            if topic.id != id {
                topic.id = id;
                topic.count = 0;
                topic.partitions.fill(Leadership::UNKNOWN);
                self.replaced.push(topic.name);
                news = true;
            }
            (topic.exists, topic.is_gone) = (true, false);
            incomplete |= told.leader.is_none();
            let index = usize::from(told.partition.partition);
            topic.count = topic.count.max(index + 1);
            if index >= topic.partitions.len() {
                topic.partitions.resize(index + 1, Leadership::UNKNOWN);
            }
            let known = &mut topic.partitions[index];
            news |= told.leader_epoch > known.epoch;
            if told.leader_epoch >= known.epoch {
                *known = Leadership { leader: told.leader, epoch: told.leader_epoch };
            }
        }
        for topic in self.topics.iter_mut().filter(|topic| !topic.exists) {
            incomplete = true;
            topic.partitions.iter_mut().for_each(|it| it.leader = None);
        }
        self.update_requested = incomplete;
        self.equivalent_responses = if news { 0 } else { once_more(self.equivalent_responses) };
    }

    /// Takes a leader that another response named (KIP-951); true if that is news. Its address comes
    /// with it.
    pub fn update_leadership(&mut self, hint: PartitionMetadata) -> bool {
        let Some(known) = self.known_mut(hint.partition) else { return false };
        let Some(leader) = hint.leader.filter(|_| hint.leader_epoch > known.epoch) else {
            return false;
        };
        *known = Leadership { leader: Some(leader), epoch: hint.leader_epoch };
        if !self.brokers.contains(&leader) {
            self.brokers.push(leader);
        }
        true
    }

    fn topic(&self, name: TopicId) -> Option<&Topic> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    fn known_mut(&mut self, place: TopicPartition) -> Option<&mut Leadership> {
        let topic = self.topics.iter_mut().find(|topic| topic.id == place.topic)?;
        topic.partitions.get_mut(usize::from(place.partition))
    }

    /// Which topic has this name, as far as is known (KIP-516).
    #[must_use]
    pub fn id_of(&self, name: TopicId) -> TopicId {
        self.topic(name).map_or(name, |topic| topic.id)
    }

    /// The same of a partition.
    #[must_use]
    pub fn place_of(&self, named: TopicPartition) -> TopicPartition {
        TopicPartition::new(self.id_of(named.topic), named.partition)
    }

    /// Names that the last response found to be another topic's than before.
    #[must_use]
    pub fn replaced(&self) -> &[TopicId] {
        &self.replaced
    }

    /// Whether some topic was created again.
    #[must_use]
    pub fn knows_successors(&self) -> bool {
        self.topics.iter().any(|topic| topic.id != topic.name)
    }

    /// The leader of `partition`, if it can be reached, with its epoch; none if the partition is unknown.
    #[must_use]
    pub fn current_leader(&self, partition: TopicPartition) -> Option<Leadership> {
        let known =
            self.topic(partition.topic)?.partitions.get(usize::from(partition.partition))?;
        let leader = known.leader.filter(|leader| self.brokers.contains(leader));
        Some(Leadership { leader, ..*known })
    }

    /// The leader of `partition`, if there is one and it can be reached.
    #[must_use]
    pub fn leader(&self, partition: TopicPartition) -> Option<BrokerId> {
        self.current_leader(partition)?.leader
    }

    /// The newest leader epoch of `partition`; UNKNOWN before the first.
    #[must_use]
    pub fn epoch(&self, partition: TopicPartition) -> LeaderEpoch {
        self.current_leader(partition).map_or(LeaderEpoch::UNKNOWN, |known| known.epoch)
    }

    /// Whether `topic` exists, as far as is known now.
    #[must_use]
    pub fn exists(&self, topic: TopicId) -> bool {
        self.topic(topic).is_some_and(|topic| topic.exists)
    }

    /// Number of partitions that a topic of this name was ever seen with; 0 if none was seen.
    #[must_use]
    pub fn partition_count(&self, topic: TopicId) -> u16 {
        let count = self.topic(topic).map_or(0, |topic| topic.partitions.len());
        u16::try_from(count).unwrap_or(u16::MAX)
    }

    /// Number of partitions that `topic` has, as far as is known now: 0 where the last response says that there is no
    /// such topic.
    #[must_use]
    pub fn current_partition_count(&self, topic: TopicId) -> u16 {
        let known = self.topic(topic).filter(|topic| !topic.is_gone);
        known.map_or(0, |topic| u16::try_from(topic.count).unwrap_or(u16::MAX))
    }

    /// Whether the last response says that there is no such topic.
    #[must_use]
    pub fn is_gone(&self, topic: TopicId) -> bool {
        self.topic(topic).is_some_and(|topic| topic.is_gone)
    }

    /// The brokers of the last response.
    #[must_use]
    pub fn brokers(&self) -> &[BrokerId] {
        &self.brokers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOPIC: TopicId = TopicId(1);
    const P0: TopicPartition = TopicPartition { topic: TOPIC, partition: 0 };
    const BOOTSTRAP: [BrokerId; 2] = [BrokerId(1), BrokerId(2)];

    fn partition(leader: Option<u16>, epoch: i32) -> PartitionMetadata {
        let (leader, leader_epoch) = (leader.map(BrokerId), LeaderEpoch(epoch));
        PartitionMetadata { partition: P0, leader, leader_epoch }
    }

    fn response(brokers: &[u16], leader: Option<u16>, epoch: i32) -> MetadataResponse {
        MetadataResponse {
            brokers: brokers.iter().copied().map(BrokerId).collect(),
            partitions: vec![partition(leader, epoch)],
        }
    }

    fn fresh() -> Metadata {
        Metadata::bootstrap(&[TOPIC], &BOOTSTRAP)
    }

    #[test]
    fn an_older_epoch_is_ignored() {
        let mut metadata = fresh();
        metadata.update(&response(&[1, 2], Some(2), 5));
        assert_eq!(metadata.equivalent_responses, 0, "news");
        metadata.update(&response(&[1, 2], Some(1), 4));
        assert_eq!(metadata.equivalent_responses, 1, "old");
        let known = Leadership { leader: Some(BrokerId(2)), epoch: LeaderEpoch(5) };
        assert_eq!(metadata.current_leader(P0), Some(known));
        metadata.update(&response(&[1, 2], Some(2), 5));
        assert_eq!(metadata.equivalent_responses, 2, "the same again");
    }

    #[test]
    fn of_a_topic_that_was_created_again_nothing_is_known() {
        let mut metadata = fresh();
        metadata.update(&response(&[1, 2], Some(2), 5));
        let mut told = response(&[1, 2], Some(1), 0);
        let next = TOPIC.in_life(1).expect("one more life");
        told.partitions[0].partition.topic = next;
        metadata.update(&told);
        assert_eq!((metadata.epoch(P0), metadata.leader(P0)), (LeaderEpoch(0), Some(BrokerId(1))));
        assert_eq!((metadata.id_of(TOPIC), metadata.replaced()), (next, &[TOPIC][..]));
        metadata.update(&told);
        assert!(metadata.replaced().is_empty() && metadata.knows_successors());
    }

    #[test]
    fn a_leader_without_an_address_is_no_leader() {
        let mut metadata = fresh();
        metadata.update(&response(&[1, 2], Some(2), 5));
        metadata.update(&response(&[1], Some(1), 4));
        assert_eq!(metadata.leader(P0), None, "the stale broker does not list broker 2");
    }

    #[test]
    fn a_missing_leader_or_topic_asks_for_more() {
        let mut metadata = fresh();
        metadata.update(&MetadataResponse { brokers: [].into(), partitions: vec![] });
        assert!(metadata.update_requested);
        metadata.update(&response(&[1], None, 3));
        assert!(metadata.update_requested);
        metadata.update(&response(&[1], Some(1), 4));
        assert!(!metadata.update_requested);
    }

    #[test]
    fn a_response_answers_only_for_the_topics_that_were_asked_for() {
        let mut metadata = fresh();
        metadata.asked();
        assert!(metadata.add_topics(&[TopicId(2)]) && !metadata.add_topics(&[TOPIC]));
        metadata.update(&response(&[1], Some(1), 0));
        assert!(metadata.update_requested && !metadata.answered_all());
    }

    #[test]
    fn after_a_rebootstrap_only_the_epochs_are_left() {
        let mut metadata = fresh();
        metadata.update(&response(&[1], Some(1), 5));
        metadata.rebootstrap(&BOOTSTRAP);
        assert_eq!((metadata.exists(TOPIC), metadata.leader(P0)), (false, None));
        assert_eq!(metadata.brokers(), BOOTSTRAP);
        metadata.update(&response(&[1, 2], Some(2), 4));
        assert_eq!(metadata.leader(P0), None, "older than what was seen before");
        metadata.update(&response(&[1, 2], Some(1), 5));
        assert_eq!((metadata.exists(TOPIC), metadata.leader(P0)), (true, Some(BrokerId(1))));
    }

    #[test]
    fn a_hint_counts_only_if_it_is_newer() {
        let mut metadata = fresh();
        assert!(!metadata.update_leadership(partition(Some(3), 9)), "an unknown partition");
        metadata.update(&response(&[1], Some(1), 5));
        assert!(!metadata.update_leadership(partition(Some(3), 5)), "the epoch is known");
        assert!(!metadata.update_leadership(partition(None, 6)), "no leader is no hint");
        assert!(metadata.update_leadership(partition(Some(3), 6)));
        assert_eq!(metadata.leader(P0), Some(BrokerId(3)), "its address came with the hint");
    }
}
