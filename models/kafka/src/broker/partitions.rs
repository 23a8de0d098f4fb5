//! The replicas that a broker hosts, found by number and walked in order.
//!
//! Every message looks partitions up, every fetch walks all of them, and one is added only when a topic
//! is created or grows: so a sorted array with a table of places, not a tree.

use crate::config::ClusterConfig;
use crate::partition::Partition;
use ackproof_types::TopicPartition;

/// A place that holds nothing.
const NOWHERE: u32 = u32::MAX;

/// The replicas of a broker, ascending.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Partitions {
    hosted: Vec<Partition>,
    /// For each topic, where its partitions begin in `places`.
    topics: Vec<u32>,
    /// For each partition of the cluster, its index in `hosted`.
    places: Vec<u32>,
}

impl Partitions {
    /// None hosted yet of the cluster's.
    pub(super) fn new(cluster: &ClusterConfig) -> Self {
        let mut topics = Vec::with_capacity(cluster.topics.len());
        let mut count = 0;
        for topic in &cluster.topics {
            topics.push(count);
            count += u32::from(topic.partitions);
        }
        Self { hosted: Vec::new(), topics, places: vec![NOWHERE; count as usize] }
    }

    /// None: the cluster has no such partition.
    fn number(&self, id: TopicPartition) -> Option<usize> {
        let first = *self.topics.get(id.topic.index())?;
        let end = self.topics.get(id.topic.index() + 1).copied();
        let number = first as usize + usize::from(id.partition);
        (number < end.map_or(self.places.len(), |end| end as usize)).then_some(number)
    }

    /// Of a topic that was created again, the replica before is gone before the next one is there.
    fn place(&self, id: TopicPartition) -> usize {
        let known = self.number(id).and_then(|number| self.places.get(number)).copied();
        let is_it = |place: &u32| self.hosted.get(*place as usize).is_some_and(|one| one.id == id);
        known.filter(is_it).unwrap_or(NOWHERE) as usize
    }

    pub(super) fn get(&self, id: TopicPartition) -> Option<&Partition> {
        self.hosted.get(self.place(id))
    }

    pub(super) fn get_mut(&mut self, id: TopicPartition) -> Option<&mut Partition> {
        let place = self.place(id);
        self.hosted.get_mut(place)
    }

    /// The replica of `id`, made if there is none.
    pub(super) fn get_or_insert_with(
        &mut self,
        id: TopicPartition,
        make: impl FnOnce() -> Partition,
    ) -> &mut Partition {
        if self.get(id).is_none() {
            self.make_room(id);
            let place = self.hosted.partition_point(|other| other.id < id);
            self.hosted.insert(place, make());
            self.find_again(place);
        }
        let place = self.place(id);
        &mut self.hosted[place]
    }

    /// Takes the replica of `id` away.
    pub(super) fn remove(&mut self, id: TopicPartition) -> Option<Partition> {
        let place = self.place(id);
        if place >= self.hosted.len() {
            return None;
        }
        let removed = self.hosted.remove(place);
        if let Some(number) = self.number(id) {
            self.places[number] = NOWHERE;
        }
        self.find_again(place);
        Some(removed)
    }

    /// Notes where the replicas from `first` on are.
    fn find_again(&mut self, first: usize) {
        for (place, partition) in (0..).zip(&self.hosted).skip(first) {
            let number = self.topics[partition.id.topic.index()] as usize
                + usize::from(partition.id.partition);
            self.places[number] = place;
        }
    }

    /// A topic has more partitions than it was created with: `id` gets a number.
    fn make_room(&mut self, id: TopicPartition) {
        let topic = id.topic.index();
        let end = self.topics.get(topic + 1).map_or(self.places.len(), |end| *end as usize);
        let first = self.topics[topic] as usize;
        let missing = (first + usize::from(id.partition) + 1).saturating_sub(end);
        self.places.splice(end..end, std::iter::repeat_n(NOWHERE, missing));
        let missing = u32::try_from(missing).expect("a partition's number is a u16");
        self.topics[topic + 1..].iter_mut().for_each(|later| *later += missing);
    }

    /// They ascend, and each is found where it is.
    pub(super) fn check(&self) {
        assert!(self.hosted.is_sorted_by_key(|partition| partition.id), "partitions ascend");
        self.hosted.iter().for_each(Partition::check);
    }

    pub(super) fn all_mut(&mut self) -> &mut [Partition] {
        &mut self.hosted
    }
}
