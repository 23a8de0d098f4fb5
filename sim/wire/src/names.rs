//! Who and what clients name, as numbers of the models and back.

use ackproof_kafka::assignor::{Assignor, Opaque};
use ackproof_types::{GroupId, MemberId, TopicId};
use bytes::Bytes;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A member of no group: of a client that commits on its own (`member.id` is empty).
pub(crate) const NOBODY: MemberId = MemberId(u64::MAX);
/// Numbers from here on are names that no coordinator gave.
const UNKNOWN: u64 = 1 << 63;

/// Names in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Table<T> {
    all: Vec<T>,
    places: BTreeMap<T, usize>,
}

impl<T: Clone + Ord> Table<T> {
    /// The place of `name`, from 0, which it has from now on.
    pub(crate) fn place<Q>(&mut self, name: &Q) -> usize
    where
        T: std::borrow::Borrow<Q>,
        Q: Ord + ToOwned<Owned = T> + ?Sized,
    {
        if let Some(place) = self.places.get(name) {
            return *place;
        }
        self.places.insert(name.to_owned(), self.all.len());
        self.all.push(name.to_owned());
        self.all.len() - 1
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        self.all.get(place)
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.all
    }
}

/// A topic as clients see it.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// `__consumer_offsets`.
    pub is_internal: bool,
}

/// All that has a name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    pub(crate) topics: Vec<Topic>,
    /// The groups that a scenario names; those that clients form come after them.
    pub(crate) known_groups: Vec<String>,
    /// So many groups there is room for beside those.
    pub(crate) room: usize,
    groups: Table<String>,
    /// Members by the names that they were told.
    members: BTreeMap<MemberId, String>,
    ids: BTreeMap<String, MemberId>,
    pub(crate) instances: Table<String>,
    assignors: Table<String>,
    opaque: Table<Vec<u8>>,
}

impl Names {
    pub(crate) fn topic(&self, name: &str) -> Option<TopicId> {
        let place = self.topics.iter().position(|topic| topic.name == name)?;
        u16::try_from(place).ok().map(TopicId)
    }

    pub(crate) fn topic_name(&self, id: TopicId) -> &str {
        self.topics.get(id.index()).map_or("", |topic| &topic.name)
    }

    /// Numbered names of a kind of their own: nobody draws them, so a run repeats with the same ones.
    pub(crate) fn uuid(id: TopicId) -> Uuid {
        Uuid::from_u128(0x6163_6b70_726f_4f66_8000_0000_0000_0000 | (u128::from(id.0) + 1))
    }

    pub(crate) fn topic_by_id(&self, id: Uuid) -> Option<TopicId> {
        (0..).map(TopicId).take(self.topics.len()).find(|topic| Self::uuid(*topic) == id)
    }

    /// The group called `name`; none: there is no room for another one.
    pub(crate) fn group(&mut self, name: &str) -> Option<GroupId> {
        let known = self.known_groups.iter().position(|known| known == name);
        let place = match known {
            Some(place) => place,
            None if self.groups.places.contains_key(name) || self.groups.all.len() < self.room => {
                self.known_groups.len() + self.groups.place(name)
            }
            None => return None,
        };
        u16::try_from(place).ok().map(GroupId)
    }

    /// Nothing but what a scenario names, and `room` for groups that clients form.
    pub(crate) fn new(topics: Vec<Topic>, known_groups: Vec<String>, room: usize) -> Self {
        Self { topics, known_groups, room, ..Self::default() }
    }

    /// The groups that clients have formed, in the order of their numbers.
    pub(crate) fn formed(&self) -> &[String] {
        self.groups.all()
    }

    /// The member with this name. One that no coordinator has given is as unknown to it as any.
    pub(crate) fn member(&mut self, name: &str) -> MemberId {
        if name.is_empty() {
            return NOBODY;
        }
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = MemberId(UNKNOWN | u64::try_from(self.ids.len()).unwrap_or(u64::MAX >> 1));
        self.ids.insert(name.to_owned(), id);
        self.members.insert(id, name.to_owned());
        id
    }

    /// What a member is called; `client` begins the name of one that is new, as Kafka has it.
    pub(crate) fn member_name(&mut self, id: MemberId, client: &str) -> String {
        if id == NOBODY || id == MemberId(0) {
            return String::new();
        }
        let name = self.members.entry(id).or_insert_with(|| {
            // As long as the UUID that Kafka draws.
            format!(
                "{client}-{}",
                Uuid::from_u128(0x6d65_6d62_6572_4000_8000 << 64 | u128::from(id.0))
            )
        });
        self.ids.entry(name.clone()).or_insert(id);
        name.clone()
    }

    pub(crate) fn instance(&mut self, name: &str) -> Option<u16> {
        u16::try_from(self.instances.place(name)).ok()
    }

    pub(crate) fn assignor(&mut self, name: &str) -> Option<Assignor> {
        let known = Assignor::ALL.iter().find(|one| one.name() == name);
        match known {
            Some(known) => Some(*known),
            None => u16::try_from(self.assignors.place(name)).ok().map(Assignor::Other),
        }
    }

    pub(crate) fn assignor_name(&self, assignor: Assignor) -> &str {
        match assignor {
            Assignor::Other(place) => {
                self.assignors.get(usize::from(place)).map_or("", String::as_str)
            }
            known => known.name(),
        }
    }

    /// Keeps `bytes`; the same bytes have the same number.
    pub(crate) fn keep(&mut self, bytes: &[u8]) -> Opaque {
        Opaque(u64::try_from(self.opaque.place(bytes)).unwrap_or(u64::MAX))
    }

    pub(crate) fn kept(&self, opaque: Opaque) -> Bytes {
        let place = usize::try_from(opaque.0).ok();
        let bytes = place.and_then(|place| self.opaque.get(place));
        bytes.map_or_else(Bytes::new, |bytes| Bytes::copy_from_slice(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Names::new(Vec::new(), vec!["ledger".to_owned()], 2);
        assert_eq!(names.group("ledger"), Some(GroupId(0)));
        assert_eq!((names.group("a"), names.group("b")), (Some(GroupId(1)), Some(GroupId(2))));
        assert_eq!((names.group("c"), names.group("a")), (None, Some(GroupId(1))));
        assert_eq!(names.formed(), ["a", "b"]);
        let told = names.member_name(MemberId(7), "billing");
        assert!(told.starts_with("billing-"), "{told}");
        assert_eq!((names.member(&told), names.member("")), (MemberId(7), NOBODY));
        let made_up = names.member("made-up");
        assert_eq!(
            (names.member("made-up"), names.member_name(made_up, "x")),
            (made_up, "made-up".to_owned())
        );
        assert_eq!(names.assignor("range"), Some(Assignor::Range));
        let other = names.assignor("mine").unwrap();
        assert_eq!(names.assignor_name(other), "mine");
        assert_eq!(names.assignor("mine"), Some(other));
        assert_eq!(
            (names.keep(b"x"), names.keep(b"y"), names.keep(b"x")),
            (Opaque(0), Opaque(1), Opaque(0))
        );
        assert_eq!(names.kept(Opaque(1)), Bytes::from_static(b"y"));
    }
}
