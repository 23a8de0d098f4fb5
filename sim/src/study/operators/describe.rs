//! The tables of Kafka's tools, made of what is known at an instant.

use super::brokers::Brokers;
use super::counters::controllers;
use super::groups::{Group, Groups, Moving, Who};
use super::{Look, Table, name_of};
use ackproof_oracle::context::Context;
use ackproof_reports::describe::{
    Block, Coordinator, Described, GroupRow, GroupState, GroupTable, MemberRow, PartitionRow,
    Replicas, Tables, TopicTable,
};
use ackproof_types::{BrokerId, GroupId, MemberId, TopicId, TopicPartition};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What the tool would have printed.
pub(super) fn describe(
    look: Look,
    brokers: &Brokers,
    groups: &Groups,
    context: &Context,
) -> Described {
    let mut notes = Vec::new();
    let names = std::iter::once(None).chain(context.clusters.iter().map(|one| Some(&one.name)));
    let blocks = names.map(|cluster| {
        let tables = match look.table {
            Table::Groups(details) => {
                Tables::Groups(details, of_groups(cluster, (brokers, groups), context))
            }
            Table::Topics => Tables::Topics(of_topics(cluster, brokers, context)),
        };
        Block { cluster: cluster.cloned(), tables }
    });
    let blocks = blocks.collect();
    match look.table {
        Table::Groups(_) => {
            coordinators(brokers, context, &mut notes);
            not_yet(groups, context, &mut notes);
        }
        Table::Topics => {
            elections(brokers, context, &mut notes);
            office(brokers, context, &mut notes);
        }
    }
    Described { at: look.at.0, blocks, notes }
}

/// The name of the cluster that a topic is on; none: the first one.
fn cluster_of(topic: TopicId, context: &Context) -> Option<&String> {
    context.cluster(topic).map(|cluster| &cluster.name)
}

/// Groups that operators see, by name.
fn group_ids(context: &Context) -> Vec<(&str, GroupId)> {
    let ids = (0..).map(GroupId).take(context.groups.len());
    let mut ids: Vec<_> = ids.filter_map(|id| Some((name_of(id, context)?, id))).collect();
    ids.sort_unstable();
    ids
}

fn of_groups(
    cluster: Option<&String>,
    (brokers, groups): (&Brokers, &Groups),
    context: &Context,
) -> Vec<GroupTable> {
    let mut ids = group_ids(context);
    ids.retain(|(_, id)| cluster_of(context.offsets_topic(*id), context) == cluster);
    ids.into_iter()
        .map(|(name, id)| {
            let one = groups.group(id);
            GroupTable {
                group: name.to_owned(),
                state: one.map_or(GroupState::Missing, |one| state(id, one, brokers, context)),
                coordinator: coordinator(id, brokers, context),
                members: one.map_or_else(Vec::new, |one| members(one, context)),
                rows: one.map_or_else(Vec::new, |one| rows(one, brokers, context)),
            }
        })
        .collect()
}

fn state(id: GroupId, one: &Group, brokers: &Brokers, context: &Context) -> GroupState {
    let topics = &context.groups[id.index()].topics;
    let mut all = topics.iter().flat_map(|topic| {
        (0..brokers.count(*topic, context)).map(|number| TopicPartition::new(*topic, number))
    });
    if one.is_empty() {
        GroupState::Empty
    } else if let Some(moving) = one.moving {
        match moving {
            Moving::Joining => GroupState::Preparing,
            Moving::Waiting => GroupState::Completing,
        }
    } else if !context.is_classic(id) && all.any(|partition| one.owner(partition).is_none()) {
        GroupState::Reconciling
    } else {
        GroupState::Stable
    }
}

/// The id of a member, as far as it is on record.
fn consumer((node, member): &Who, context: &Context) -> Option<String> {
    (*member != MemberId(0)).then(|| format!("{}-{}", context.node(*node), member.0))
}

fn members(one: &Group, context: &Context) -> Vec<MemberRow> {
    let row = |(who, own): (&Who, &BTreeSet<TopicPartition>)| MemberRow {
        consumer: consumer(who, context),
        client: context.node(who.0).to_owned(),
        partitions: own.len(),
    };
    let mut rows: Vec<MemberRow> = one.members.iter().map(row).collect();
    rows.sort_by(|one, other| one.client.cmp(&other.client));
    rows
}

/// The leader of the partition that keeps the offsets of a group.
fn coordinator(id: GroupId, brokers: &Brokers, context: &Context) -> Option<Coordinator> {
    let leader = brokers.partition(context.home(id))?.leader?;
    Some(Coordinator { host: context.broker_name(leader).to_owned(), id: number(leader, context) })
}

/// The number of a broker within its cluster.
fn number(broker: BrokerId, context: &Context) -> String {
    let name = context.broker_name(broker);
    name.rsplit('-').next().unwrap_or(name).to_owned()
}

/// Groups that nobody has joined.
fn not_yet(groups: &Groups, context: &Context, notes: &mut Vec<String>) {
    let missing = group_ids(context).into_iter().filter(|(_, id)| groups.group(*id).is_none());
    let missing: Vec<&str> = missing.map(|(name, _)| name).collect();
    if !missing.is_empty() {
        let names = missing.join(", ");
        notes.push(format!("until then no generation and no commit of {names} is on record"));
    }
}

/// Those of the members with the most partitions first, then what nobody owns, as Kafka's tool does it.
fn rows(one: &Group, brokers: &Brokers, context: &Context) -> Vec<GroupRow> {
    let row = |partition: &TopicPartition, who: Option<&Who>| {
        let client = who.map(|(node, _)| context.node(*node).to_owned());
        let consumer = who.and_then(|who| consumer(who, context));
        GroupRow {
            topic: context.topics[partition.topic.index()].name.clone(),
            partition: partition.partition,
            current: one.committed.get(partition).copied(),
            end: brokers.end(*partition, context),
            consumer,
            host: None,
            client,
        }
    };
    let mut members: Vec<_> = one.members.iter().collect();
    members.sort_by_key(|(who, own)| (Reverse(own.len()), context.node(who.0).to_owned()));
    let owned = members
        .iter()
        .flat_map(|(who, own)| own.iter().map(|partition| row(partition, Some(*who))));
    let taken: BTreeSet<&TopicPartition> = one.members.values().flatten().collect();
    let left = one.committed.keys().filter(|partition| !taken.contains(partition));
    owned.chain(left.map(|partition| row(partition, None))).collect()
}

/// A tool that asks a coordinator which is not there waits, and gives up.
fn coordinators(brokers: &Brokers, context: &Context, notes: &mut Vec<String>) {
    let away: Vec<&str> = group_ids(context)
        .into_iter()
        .filter(|(_, id)| brokers.is_served(context.home(*id), context) == Some(false))
        .map(|(name, _)| name)
        .collect();
    if !away.is_empty() {
        notes.push(format!(
            "the coordinator of {} is down: Kafka's tool would wait for it, and time out",
            away.join(", ")
        ));
    }
}

fn of_topics(cluster: Option<&String>, brokers: &Brokers, context: &Context) -> Vec<TopicTable> {
    let mut topics: Vec<_> = (0..).map(TopicId).zip(&context.topics).collect();
    topics.retain(|(id, _)| !context.keeps_offsets(*id) && cluster_of(*id, context) == cluster);
    topics.sort_by_key(|(_, topic)| &topic.name);
    topics
        .into_iter()
        .map(|(id, topic)| {
            let mut configs = Vec::new();
            if topic.min_insync_replicas != 1 {
                configs.push(format!("min.insync.replicas={}", topic.min_insync_replicas));
            }
            if topic.unclean_leader_election {
                configs.push("unclean.leader.election.enable=true".to_owned());
            }
            let numbers = 0..brokers.count(id, context);
            let row = |partition| PartitionRow {
                partition,
                replicas: replicas(TopicPartition::new(id, partition), brokers, context),
            };
            TopicTable {
                topic: topic.name.clone(),
                replication_factor: topic.replication_factor,
                configs,
                partitions: numbers.map(row).collect(),
            }
        })
        .collect()
}

fn replicas(id: TopicPartition, brokers: &Brokers, context: &Context) -> Option<Replicas> {
    let one = brokers.partition(id).filter(|one| one.elected)?;
    let numbers = |brokers: &[BrokerId]| -> Vec<String> {
        brokers.iter().map(|one| number(*one, context)).collect()
    };
    Some(Replicas {
        leader: one.leader.map(|leader| number(leader, context)),
        all: numbers(&one.replicas),
        isr: numbers(&one.isr),
        eligible: one.eligible.as_ref().map(|(elr, last)| (numbers(elr), numbers(last.as_slice()))),
    })
}

fn elections(brokers: &Brokers, context: &Context, notes: &mut Vec<String>) {
    let unknown: Vec<&str> = (0..)
        .map(TopicId)
        .zip(&context.topics)
        .filter(|(id, _)| {
            !context.keeps_offsets(*id)
                && replicas(TopicPartition::new(*id, 0), brokers, context).is_none()
        })
        .map(|(_, topic)| topic.name.as_str())
        .collect();
    if !unknown.is_empty() {
        notes.push(format!("no election of {} is on record until then", unknown.join(", ")));
    }
}

/// Which of several controllers decides, as `kafka-metadata-quorum describe --status` says it.
fn office(brokers: &Brokers, context: &Context, notes: &mut Vec<String>) {
    let first = std::iter::once(TopicId::CONSUMER_OFFSETS);
    for topic in first.chain(context.clusters.iter().map(|cluster| cluster.offsets)) {
        let all: Vec<_> = controllers(topic, context).collect();
        if all.len() == 1 {
            continue;
        }
        let deciding = all.iter().filter_map(|node| Some((brokers.decides_in(*node)?, *node)));
        let of = cluster_of(topic, context).map(|name| format!(" of {name}")).unwrap_or_default();
        notes.push(match deciding.max() {
            Some((epoch, node)) => {
                format!("the active controller{of} is {}, in epoch {epoch}", context.node(node))
            }
            None => format!("no controller{of} is active: nothing is decided until one is"),
        });
    }
}
