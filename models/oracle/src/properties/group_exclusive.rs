//! `group-exclusive`: no partition is owned by two live members of one generation, nor of a consumer group
//! (KIP-848) by two members that their coordinator knows.
//!
//! Source: bug corpus §10.2 NoDoubleOwner; R9.33. A witness is a partition assigned while another member had
//! its assignment already: a group of one proves nothing. It does *not* say that every partition has an
//! owner (F40); what else is legal is told at [`Checker`]. Broken on purpose by an assignor that gives a
//! partition twice, and by a coordinator that gives away what is not released.

use crate::context::{Context, Word};
use crate::elected::Elected;
use crate::history::{Entry, Event};
use crate::kind::Kind;
use crate::places::Places;
use crate::report::Report;
use crate::verdict::{Property, PropertyResult};
use ackproof_types::{
    BrokerId, GenerationId, GroupId, GroupProtocol, LeaderEpoch, MemberId, NodeId, Offset, TopicId,
    TopicPartition,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) const EVENTS: &[Kind] = &[
    Kind::Assigned,
    Kind::Revoked,
    Kind::Lost,
    Kind::ProcessStarted,
    Kind::ProcessEnded,
    Kind::Rebalanced,
    Kind::MemberFenced,
    Kind::PartitionsReleased,
    Kind::MemberReplaced,
    Kind::GroupDeleted,
    Kind::LeaderElected,
    Kind::IsrChanged,
    Kind::Appended,
    Kind::BecameLeader,
];

/// What a process owns as a member of a group.
#[derive(Debug)]
struct Owner {
    member: MemberId,
    generation: GenerationId,
    partitions: Vec<TopicPartition>,
}

/// A partition of `__consumer_offsets`.
#[derive(Debug, Default)]
struct Log {
    /// A leader that an unclean election deposed goes on as a coordinator of its own.
    elected: Elected,
    /// Up to where its leaders wrote it; none: that is not on record.
    end: Option<Offset>,
}

/// A group.
#[derive(Debug, Default)]
struct Group {
    owners: BTreeMap<NodeId, Owner>,
    /// The highest generation seen.
    highest: GenerationId,
    /// Generations up to here may have come twice.
    ambiguous: Option<GenerationId>,
    /// Members that their coordinator removed, and the generation of each.
    fenced: BTreeMap<MemberId, GenerationId>,
    /// What members said that they do not own, and the generation of each.
    released: BTreeMap<(MemberId, TopicPartition), GenerationId>,
    /// What its coordinator does is on record.
    is_told: bool,
}

/// What is legal, and why:
/// - A zombie: a member of an older generation that has not heard of its end (paused, cut off, late to
///   poll) owns on; the fencing of its commits covers that (R9.10, F27).
/// - A member that joins again under another id in the same process: the process owns what it was
///   assigned last, and nothing besides (R8.11, R9.15).
/// - A generation that the coordinator lost before anybody was assigned in it comes again under the
///   same number (R9.6).
/// - Also one with assignments may come again. A coordinator hands out those that it made once they are
///   replicated (R9.18), but one that took over hands out what it loaded, up to the end of its log (R9.6):
///   Kafka answers the SyncGroup of a stable group at once (`GroupMetadataManager`,
///   `classicGroupSyncToClassicGroup`). When another leader without that end follows, the generation is
///   lost, cleanly. So when a leader of the group's partition of `__consumer_offsets` lacks what one before
///   wrote, generations up to the highest seen are not judged. A log that loses what was committed is told
///   by `log-matching`.
/// - With `group.protocol=consumer` each member has an epoch of its own. There a member owns what it was given
///   until it gives it up, or its coordinator removes it (R9.33): whoever was removed is a zombie. A member that
///   is about to take a partition over says that it does not own it. If it is to be another one's by then, the
///   coordinator gives it away at once, and both own it until the first one hears of it
///   (`CurrentAssignmentBuilder#ownsRevokedPartitions`). Where members follow different protocols, only those
///   of one epoch are compared.
/// - Nor are they judged after an unclean election of that partition (F9), while the leader that it deposed
///   may go on as a coordinator, and after any election of it where nobody's log is on record.
///
/// What cannot fool it. *A stale leader*: only owners of one generation are compared, and where a coordinator
/// may have numbered one that its successor numbers again, nothing is. *A late message*: an assignment that
/// arrives when later ones were handed out is of its own, older generation. *A restart*: what a process owned
/// ends with it, and it owns what it is assigned anew.
#[derive(Debug)]
pub(crate) struct Checker {
    report: Report,
    context: Arc<Context>,
    groups: BTreeMap<GroupId, Group>,
    logs: Places<Log>,
}

impl Checker {
    pub(crate) fn new(name: &'static str, context: &Arc<Context>) -> Self {
        Self {
            report: Report::new(name),
            context: Arc::clone(context),
            groups: BTreeMap::new(),
            logs: Places::default(),
        }
    }

    /// What was decided in this log may be forgotten, and come again under the same numbers.
    fn forget(&mut self, log: TopicPartition) {
        for (id, group) in &mut self.groups {
            if self.context.home(*id) == log {
                group.ambiguous = Some(group.highest);
            }
        }
    }

    /// The controller chose. When a deposed coordinator follows, what both numbered until then is not compared.
    fn elect(
        &mut self,
        place: TopicPartition,
        (epoch, leader): (LeaderEpoch, Option<BrokerId>),
        isr: &[BrokerId],
        unclean: bool,
    ) {
        let log = self.logs.of(place);
        let before = log.elected.leader();
        let moved = leader.is_some() && before.is_some() && before != leader;
        let is_untold = moved && log.end.is_none();
        let is_back = log.elected.elect((epoch, leader), isr, unclean);
        if unclean || is_untold || is_back {
            self.forget(place);
        }
    }

    fn take_isr(&mut self, place: TopicPartition, isr: &[BrokerId]) {
        if self.logs.of(place).elected.take_isr(isr) {
            self.forget(place);
        }
    }

    /// A leader begins with a log that ends at `end`.
    fn lead(&mut self, place: TopicPartition, end: Offset) {
        if self.logs.of(place).end.replace(end).is_some_and(|before| end < before) {
            self.forget(place);
        }
    }

    /// A process ended, or started: whom it was, it is no more.
    fn end(&mut self, node: NodeId) {
        for group in self.groups.values_mut() {
            group.owners.remove(&node);
        }
        let homes: BTreeSet<TopicPartition> =
            self.groups.keys().map(|id| self.context.home(*id)).collect();
        for home in homes {
            if self.logs.of(home).elected.end(self.context.broker(node)) {
                self.forget(home);
            }
        }
    }

    fn assign(&mut self, entry: &Entry, id: GroupId, new: Owner) {
        let is_alone = !self.logs.of(self.context.home(id)).elected.has_deposed();
        let rule = Rule::of(&self.context, id);
        let group = self.groups.entry(id).or_default();
        group.owners.remove(&entry.node);
        group.highest = group.highest.max(new.generation);
        if !is_alone || !group.judges(&new) || rule == Rule::Members && group.is_fenced(&new) {
            group.owners.insert(entry.node, new);
            return;
        }
        let peers = group.owners.iter().filter(|(_, peer)| match rule {
            Rule::Generations => peer.generation == new.generation,
            Rule::Members if !group.is_told => peer.generation == new.generation,
            Rule::Members => group.judges(peer) && !group.is_fenced(peer),
        });
        if peers.clone().next().is_some() {
            self.report.judged(new.partitions.len());
        }
        for (node, peer) in peers {
            let both = peer.partitions.iter().filter(|place| new.partitions.contains(place));
            let both = both.filter(|place| {
                rule == Rule::Generations
                    || group.may_own(peer, **place) && group.may_own(&new, **place)
            });
            for place in both {
                let context = &self.context;
                self.report.violated(entry, || {
                    let (first, second) = (context.node(*node), context.node(entry.node));
                    let (group, place) = (context.group(id), context.partition(*place));
                    let (one, other) = (peer.generation, new.generation);
                    if one == other {
                        return format!(
                            "{first} and {second} both own {place} in generation {one} of {group}"
                        );
                    }
                    format!(
                        "{second} was given {place} in epoch {other} of {group}, and {first}, in epoch {one}, \
                         neither gave it up nor was removed"
                    )
                });
            }
        }
        group.owners.insert(entry.node, new);
    }
}

/// Who must not own a partition together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Members of one generation.
    Generations,
    /// Members that the coordinator knows.
    Members,
}

impl Rule {
    fn of(context: &Context, group: GroupId) -> Self {
        match context.groups[group.index()].protocol {
            Word::Known(GroupProtocol::Consumer) => Self::Members,
            Word::Known(GroupProtocol::Classic) | Word::Other(_) => Self::Generations,
        }
    }
}

impl Group {
    /// Whether the generation of `owner` is known, and came once.
    fn judges(&self, owner: &Owner) -> bool {
        owner.generation != GenerationId::UNKNOWN
            && self.ambiguous.is_none_or(|ambiguous| owner.generation > ambiguous)
    }

    /// Whether the coordinator still counts the partition as that member's.
    fn may_own(&self, owner: &Owner, place: TopicPartition) -> bool {
        let released = self.released.get(&(owner.member, place));
        released.is_none_or(|released| owner.generation > *released)
    }

    /// Whether the coordinator removed that member, which has not joined again since.
    fn is_fenced(&self, owner: &Owner) -> bool {
        self.fenced.get(&owner.member).is_some_and(|fenced| owner.generation <= *fenced)
    }
}

impl Property for Checker {
    fn name(&self) -> &'static str {
        self.report.name()
    }

    fn observe(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Assigned { group, member, generation, partitions } => {
                let (member, generation, partitions) = (*member, *generation, partitions.to_vec());
                self.assign(entry, *group, Owner { member, generation, partitions });
            }
            Event::Revoked { group, partitions, .. } | Event::Lost { group, partitions, .. } => {
                let owners = &mut self.groups.entry(*group).or_default().owners;
                if let Some(owner) = owners.get_mut(&entry.node) {
                    owner.partitions.retain(|place| !partitions.contains(place));
                }
            }
            // It does not know yet that it is fenced.
            Event::MemberReplaced { group, before, member } => {
                let group = self.groups.entry(*group).or_default();
                group.owners.retain(|_, owner| owner.member != *before);
                // It may come back itself.
                group.fenced.remove(member);
            }
            // It numbers generations anew. Who believes to be a member yet is a zombie.
            Event::GroupDeleted { group } => {
                let group = self.groups.entry(*group).or_default();
                group.owners.clear();
                group.ambiguous = Some(group.highest);
            }
            Event::ProcessStarted | Event::ProcessEnded(_) => self.end(entry.node),
            Event::Rebalanced { group, generation, .. } => {
                let group = self.groups.entry(*group).or_default();
                group.highest = group.highest.max(*generation);
                group.is_told = true;
            }
            Event::PartitionsReleased { group, member, generation, partitions } => {
                let released = &mut self.groups.entry(*group).or_default().released;
                released.extend(partitions.iter().map(|place| ((*member, *place), *generation)));
            }
            Event::MemberFenced { group, member, generation } => {
                let fenced = &mut self.groups.entry(*group).or_default().fenced;
                let last = fenced.entry(*member).or_insert(*generation);
                *last = (*last).max(*generation);
            }
            Event::LeaderElected { partition, leader, epoch, isr, unclean }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.elect(*partition, (*epoch, *leader), isr, *unclean);
            }
            Event::IsrChanged { partition, isr, .. }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.take_isr(*partition, isr);
            }
            Event::Appended { partition, next_offset, as_leader: true, .. }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.logs.of(*partition).end = Some(*next_offset);
            }
            Event::BecameLeader { partition, log_end, .. }
                if partition.topic == TopicId::CONSUMER_OFFSETS =>
            {
                self.lead(*partition, *log_end);
            }
            _ => {}
        }
    }

    fn conclude(self: Box<Self>) -> PropertyResult {
        self.report.finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::history::{Event, ProcessEnd};
    use crate::test_history::*;
    use crate::verdict::{Judgement, PropertyResult};
    use ackproof_types::{
        BrokerId, GenerationId, LeaderEpoch, MemberId, Offset, TopicId, TopicPartition,
    };

    fn run(events: Vec<(u16, Event)>) -> PropertyResult {
        judge("group-exclusive", events)
    }

    fn unclean(topic: u16) -> (u16, Event) {
        let (node, mut event) = elected(3, 1, &[3]);
        if let Event::LeaderElected { partition, unclean, .. } = &mut event {
            (partition.topic, *unclean) = (TopicId(topic), true);
        }
        (node, event)
    }

    #[test]
    fn two_owners_of_one_generation_violate() {
        let result = run(vec![assigned(5, 1), assigned(6, 1)]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Violated, 1));
        let told = "ledger-0 and ledger-1 both own payments-0 in generation 1 of ledger";
        assert_eq!(result.violations[0].summary, told);
    }

    /// R9.14: whose `group.instance.id` another one has now does not know it yet.
    #[test]
    fn a_static_member_that_is_replaced_owns_nothing() {
        let replaced = |before: u64| {
            let (before, member) = (MemberId(before), MemberId(6));
            (1, Event::MemberReplaced { group: G, before, member })
        };
        let with = |before| run(vec![assigned(5, 1), replaced(before), assigned(6, 1)]).judgement;
        assert_ne!(with(5), Judgement::Violated);
        assert_eq!(with(9), Judgement::Violated, "it was another one");
    }

    /// The same in a consumer group, of which the coordinator's doings are on record.
    fn run_consumer(protocol: &str, events: Vec<(u16, Event)>) -> Judgement {
        let mut context = context();
        context.groups[0].protocol = protocol.into();
        let (generation, reason) = (GenerationId(1), None);
        let rebalanced = Event::Rebalanced { group: G, generation, members: 1, reason };
        let all = [vec![(1, rebalanced)], events].concat();
        judge_in(&context, "group-exclusive", all).judgement
    }

    fn fenced(member: u64, generation: i32) -> (u16, Event) {
        let (member, generation) = (MemberId(member), GenerationId(generation));
        (1, Event::MemberFenced { group: G, member, generation })
    }

    /// R9.33.
    #[test]
    fn of_a_consumer_group_whoever_neither_gave_it_up_nor_was_removed_owns_it() {
        let run = |events| run_consumer("consumer", events);
        let two = || vec![assigned(5, 1), assigned(6, 2)];
        assert_eq!(run(two()), Judgement::Violated, "each has an epoch of its own");
        assert_ne!(run_consumer("classic", two()), Judgement::Violated);
        assert_ne!(run_consumer("both", two()), Judgement::Violated);
        let member = MemberId(5);
        let lost = (5, Event::Revoked { group: G, member, partitions: [P].into() });
        assert_eq!(run(vec![assigned(5, 1), lost, assigned(6, 2)]), Judgement::Held);
        assert_ne!(run(vec![assigned(5, 1), fenced(5, 1), assigned(6, 2)]), Judgement::Violated);
        assert_eq!(run(vec![assigned(5, 1), fenced(7, 1), assigned(6, 2)]), Judgement::Violated);
        let late = vec![fenced(5, 1), assigned(6, 2), assigned(5, 1)];
        assert_ne!(run(late), Judgement::Violated, "it hears of what it had");
        let again = vec![fenced(5, 1), assigned(6, 2), assigned(5, 2)];
        assert_eq!(run(again), Judgement::Violated, "it has joined again");
        let released = |generation| {
            let (partitions, generation) = ([P].into(), GenerationId(generation));
            (1, Event::PartitionsReleased { group: G, member, generation, partitions })
        };
        let taking_over = vec![released(1), assigned(6, 2), assigned(5, 1)];
        assert_ne!(run(taking_over), Judgement::Violated, "it said that it did not own it yet");
        let later = vec![released(1), assigned(6, 2), assigned(5, 2)];
        assert_eq!(run(later), Judgement::Violated, "given anew");
        let back = (1, Event::MemberReplaced { group: G, before: member, member });
        let back = vec![assigned(5, 1), fenced(5, 1), back, assigned(5, 1), assigned(6, 2)];
        assert_eq!(run(back), Judgement::Violated, "a static member that came back in its epoch");
    }

    #[test]
    fn of_a_consumer_group_without_its_coordinator_on_record_only_epochs_are_compared() {
        let mut context = context();
        context.groups[0].protocol = "consumer".into();
        let run = |events| judge_in(&context, "group-exclusive", events).judgement;
        assert_ne!(run(vec![assigned(5, 1), assigned(6, 2)]), Judgement::Violated);
        assert_eq!(run(vec![assigned(5, 2), assigned(6, 2)]), Judgement::Violated);
    }

    #[test]
    fn owners_after_each_other_hold() {
        let ended = || (5, Event::ProcessEnded(ProcessEnd::Crash));
        let result = run(vec![assigned(5, 1), ended(), assigned(6, 1), assigned(5, 2)]);
        assert_eq!(result.judgement, Judgement::Vacuous, "nobody else was there to compare with");
        let nothing = |node, generation| {
            let (member, generation) = (MemberId(0), GenerationId(generation));
            (node, Event::Assigned { group: G, member, generation, partitions: [].into() })
        };
        let result = run(vec![nothing(5, 1), assigned(6, 1), nothing(6, 2), assigned(5, 2)]);
        assert_eq!((result.judgement, result.witnesses), (Judgement::Held, 2));
        let lost = (5, Event::Lost { group: G, member: MemberId(5), partitions: [P].into() });
        let result = run(vec![assigned(5, 1), lost, assigned(6, 1)]);
        assert_eq!(result.judgement, Judgement::Held);
    }

    /// R9.37: nobody is a member of it any more.
    #[test]
    fn a_group_that_was_deleted_numbers_anew() {
        let deleted = (1, Event::GroupDeleted { group: G });
        let anew = vec![assigned(5, 1), deleted, assigned(6, 1)];
        assert_eq!(run(anew).judgement, Judgement::Vacuous);
    }

    #[test]
    fn a_zombie_of_an_older_generation_is_legal() {
        let result = run(vec![assigned(5, 1), assigned(6, 2), assigned(6, 3)]);
        assert_ne!(result.judgement, Judgement::Violated);
        let result = run(vec![assigned(5, 1), assigned(6, 2), assigned(5, 2)]);
        assert_eq!(result.judgement, Judgement::Violated, "now they are of one");
    }

    #[test]
    fn a_process_owns_what_it_was_assigned_last() {
        let again = || {
            let (member, generation) = (MemberId(77), GenerationId(2));
            (5, Event::Assigned { group: G, member, generation, partitions: [].into() })
        };
        let result = run(vec![assigned(5, 2), again(), assigned(6, 2)]);
        assert_eq!(result.judgement, Judgement::Held);
        let result = run(vec![again(), assigned(5, 2), assigned(6, 2)]);
        assert_eq!(result.judgement, Judgement::Violated);
    }

    #[test]
    fn a_generation_may_come_again_after_an_unclean_election_of_its_log() {
        let twice = |between, generation| {
            run(vec![assigned(5, 1), between, assigned(6, generation), assigned(5, generation)])
                .judgement
        };
        assert_ne!(twice(unclean(0), 1), Judgement::Violated);
        assert_eq!(twice(unclean(0), 2), Judgement::Violated, "a number not seen before");
        assert_eq!(twice(unclean(1), 1), Judgement::Violated, "another log");
    }

    #[test]
    fn a_stale_leader_a_late_message_and_a_restart_hold() {
        // ledger-0 hears of its assignment by a coordinator that was replaced when ledger-1 has the next one;
        // ledger-1 starts anew, and gives way to ledger-0.
        let ended = (6, Event::ProcessEnded(ProcessEnd::Crash));
        let history = vec![
            assigned(6, 1),
            elected(2, 1, &[2, 3]),
            assigned(6, 2),
            assigned(5, 1),
            ended.clone(),
            (6, Event::ProcessStarted),
            assigned(6, 3),
            ended,
            (6, Event::ProcessStarted),
            assigned(5, 3),
        ];
        let result = run(history.clone());
        assert_ne!(result.judgement, Judgement::Violated, "{result:?}");
        let both = [history, vec![assigned(6, 3)]].concat();
        assert_eq!(run(both).judgement, Judgement::Violated, "now both own it");
    }

    #[test]
    fn a_generation_may_come_again_when_a_leader_lacks_where_it_was_written() {
        let in_offsets = |(node, mut event): (u16, Event)| {
            if let Event::Appended { partition, .. }
            | Event::BecameLeader { partition, .. }
            | Event::LeaderElected { partition, .. } = &mut event
            {
                partition.topic = TopicId::CONSUMER_OFFSETS;
            }
            (node, event)
        };
        let took_lead = |node: u16, epoch, end| {
            let (epoch, log_end) = (LeaderEpoch(epoch), Offset(end));
            let high_watermark = Offset(0);
            (node, Event::BecameLeader { partition: P, epoch, log_end, high_watermark })
        };
        // broker-2 takes over with all of the log, hands out what it loaded, and broker-3 has less.
        let twice = |end| {
            let mut history = vec![appended(1, 0, 0, &[0]), elected(2, 1, &[2, 3])];
            history.extend([took_lead(2, 1, 1), assigned(5, 2), elected(3, 2, &[3])]);
            history.extend([took_lead(3, 2, end), assigned(6, 2)]);
            run(history.into_iter().map(in_offsets).collect()).judgement
        };
        assert_ne!(twice(0), Judgement::Violated);
        assert_eq!(twice(1), Judgement::Violated, "it has all");
        // Without the logs on record any election may be such a one.
        let elections = [elected(1, 0, &[1, 2, 3]), assigned(5, 2), elected(3, 1, &[3])];
        let history: Vec<_> =
            elections.into_iter().map(in_offsets).chain([assigned(6, 2)]).collect();
        assert_ne!(run(history).judgement, Judgement::Violated);
    }

    #[test]
    fn a_deposed_coordinator_numbers_generations_of_its_own() {
        let in_offsets = |(node, mut event): (u16, Event)| {
            if let Event::LeaderElected { partition, .. } = &mut event {
                partition.topic = TopicId::CONSUMER_OFFSETS;
            }
            (node, event)
        };
        let back = Event::IsrChanged {
            partition: TopicPartition::new(TopicId::CONSUMER_OFFSETS, 0),
            before: [BrokerId(3)].into(),
            isr: [BrokerId(1), BrokerId(3)].into(),
        };
        let start = vec![in_offsets(elected(1, 0, &[1])), unclean(0)];
        let two = |between: Vec<(u16, Event)>, last| {
            let both = vec![assigned(5, last), assigned(6, last)];
            run([start.clone(), vec![assigned(5, 2)], between, both].concat()).judgement
        };
        assert_ne!(two(vec![], 3), Judgement::Violated, "broker-1 and broker-3 both go on");
        assert_eq!(two(vec![(0, back)], 3), Judgement::Violated, "broker-1 follows");
        let ended = (1, Event::ProcessEnded(ProcessEnd::Crash));
        assert_eq!(two(vec![ended], 3), Judgement::Violated, "broker-1 is gone");
    }

    #[test]
    fn without_an_assignment_nothing_is_judged() {
        assert_eq!(run(vec![sent(0)]).judgement, Judgement::Vacuous);
    }
}
