//! What a configuration promises: without `expect` in a scenario it is what runs are held against.
//!
//! A clause names the settings responsible and the causes by which the oracle explains a loss or a
//! duplicate. What is not possible by the configuration is worse than promised, and a violation. It knows
//! Kafka's settings and the oracle's causes, and no run.

mod copies;
mod faults;
mod mirrors;
mod outputs;
mod sinks;
pub(super) mod times;

use ackproof_oracle::cause::{DuplicateCause, LossCause, OrderCause, SendCause, SendEnd};
use ackproof_reports::contract::{Clause, Contract, NotModelled, Possible};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Group, Ignored, Plan, Producer};
use ackproof_types::words::plural;
use ackproof_types::{AfterCrash, AtEnd, Micros, OffsetReset};
use copies::copies;
pub(super) use copies::may_forget;
use std::collections::BTreeMap;

mod applications;

/// By property: the causes by which it may be violated; none: by any.
pub(crate) type Allowed = BTreeMap<&'static str, Vec<&'static str>>;

const DURABILITY: &str = "acked-durability";
const AT_LEAST_ONCE: &str = "at-least-once";
/// How `auto.offset.reset=latest` skips records.
const RESET_LATEST: [LossCause; 4] = [
    LossCause::ResetLatest,
    LossCause::PartitionAdded,
    LossCause::OutOfRange,
    LossCause::FailOverReset,
];
/// How `auto.offset.reset=by_duration` skips records.
const RESET_BY_DURATION: [LossCause; 2] = [LossCause::ResetByDuration, LossCause::OutOfRange];
/// Where a log was cut, positions and commits may lie beyond the new end, where offsets are used again.
const PASSED: [LossCause; 3] =
    [LossCause::OutOfRange, LossCause::CommitPastWork, LossCause::NeverGiven];
/// What explains the loss of a record that only one replica ever had.
const ALONE: [LossCause; 2] = [LossCause::OnlyReplica, LossCause::MovedToOne];
const COMMITS: &str = "commit-behind-processing";
/// What explains that a commit passed what came to its place after a log was cut.
const CUT: [LossCause; 2] = [LossCause::CommitPastWork, LossCause::BackgroundCommit];

/// What the configuration of `plan` promises and leaves possible.
#[must_use]
pub fn contract(plan: &Plan) -> Contract {
    let mut contract = Contract::default();
    let plan = &plan.loosened();
    plan.producers.iter().for_each(|one| producer(&mut contract, plan, one));
    for one in &plan.groups {
        if !mirrors::mirrors(&mut contract, plan, one) {
            group(&mut contract, plan, one);
            outputs::outputs(&mut contract, plan, one);
        }
    }
    contract
}

/// The violations that the configuration of `plan` explains; none where the scenario says itself what it
/// expects.
pub(crate) fn allowed(plan: &Plan) -> Allowed {
    let mut allowed = Allowed::new();
    if plan.expect.stated {
        return allowed;
    }
    let plan = &plan.loosened();
    let mut allow = |properties: &[&'static str], causes: &[LossCause]| {
        for property in properties {
            allowed.entry(property).or_default().extend(causes.iter().map(|cause| cause.name()));
        }
    };
    for one in &plan.producers {
        if one.config.word("acks") == "1" {
            allow(&[DURABILITY], &[LossCause::AcksOne, LossCause::StaleLeader]);
        }
        if may_forget(plan, (one.topic, &one.config)).is_some() {
            // It names no causes.
            allow(&["idempotent-log", "producer-order"], &[]);
        }
    }
    if plan.user_topics().any(|(_, topic)| topic.min_insync_replicas() == 1) {
        allow(&[DURABILITY], &[LossCause::LastReplica]);
    }
    if plan.user_topics().any(|(_, topic)| topic.replication_factor == 1) {
        allow(&[DURABILITY], &ALONE);
    }
    if plan.user_topics().any(|(_, one)| one.config.switch("unclean.leader.election.enable")) {
        allow(&[DURABILITY], &[LossCause::UncleanElection]);
        allow(&[AT_LEAST_ONCE], &PASSED);
        allow(&[COMMITS], &CUT);
        allow(&["stable-reads"], &[]);
    }
    if faults::takes_tails(plan) {
        allow(&[DURABILITY, "commit-durability"], &faults::TAILS);
        allow(&[AT_LEAST_ONCE], &PASSED);
        allow(&[COMMITS], &CUT);
        allow(&["stable-reads"], &[]);
    }
    if plan.groups.iter().any(|group| may_lose_commits(plan, group)) {
        allow(&["commit-durability"], &[LossCause::UncleanElection]);
    }
    if sinks::may_be_wrong(plan) {
        allow(&["sink-effect"], &[]);
    }
    for one in &plan.groups {
        for cause in applications::skips(plan, one) {
            allow(&[AT_LEAST_ONCE], &[cause]);
            allow(&[COMMITS], &[cause]);
        }
        if applications::may_stop(one) {
            allow(&["recovers"], &[]);
        }
        allow(&[AT_LEAST_ONCE], resets(plan, one));
        if may_delete(plan, one).is_some() {
            allow(&[AT_LEAST_ONCE], &[LossCause::Retention]);
        }
        if plan.deleted().any(|topic| one.topics.contains(&topic)) {
            allow(&[AT_LEAST_ONCE], &[LossCause::TopicDeleted]);
        }
        if plan.recreated().any(|topic| one.topics.contains(&topic)) {
            allow(&[AT_LEAST_ONCE], &[LossCause::TopicRecreated]);
        }
        if one.config.word("auto.offset.reset") == "latest" && may_expire(plan, one) {
            allow(&[AT_LEAST_ONCE], &[LossCause::Expired]);
        }
    }
    plan.groups.iter().for_each(|one| outputs::allow(&mut allowed, plan, one));
    allowed
}

/// How the group's `auto.offset.reset` may skip records within the run.
fn resets(plan: &Plan, group: &Group) -> &'static [LossCause] {
    match group.config.word("auto.offset.reset").parse() {
        Ok(OffsetReset::Latest) => &RESET_LATEST,
        Ok(OffsetReset::ByDuration(length)) if length < plan.load + plan.settle => {
            &RESET_BY_DURATION
        }
        Ok(OffsetReset::Earliest | OffsetReset::ByDuration(_) | OffsetReset::None) | Err(_) => &[],
    }
}

/// Whether a replica out of sync may lead a partition of `__consumer_offsets`.
fn may_lose_commits(plan: &Plan, group: &Group) -> bool {
    plan.offsets_of(plan.cluster_of(group)).config.switch("unclean.leader.election.enable")
}

/// Whether a commit can be older than `offsets.retention.minutes` when somebody looks, within the run.
fn may_expire(plan: &Plan, group: &Group) -> bool {
    let config = &plan.cluster(plan.cluster_of(group)).config;
    let retention = config.minutes("offsets.retention.minutes");
    let interval = config.millis("offsets.retention.check.interval.ms");
    retention.max(interval) < times::oldest_commit(plan)
}

/// By which setting a record of a topic that the group reads can be deleted within the run.
fn may_delete(plan: &Plan, group: &Group) -> Option<String> {
    group.topics.iter().find_map(|id| {
        let (topic, oldest) = (&plan.topics[id.index()], times::oldest_record(plan, *id));
        let strikes = |key: &&str| match u64::try_from(topic.config.number(key)) {
            Ok(limit) => *key == "retention.bytes" || Micros::from_millis(limit) < oldest,
            Err(_) => false,
        };
        let key = ["retention.ms", "retention.bytes"].into_iter().find(strikes)?;
        Some(format!("topics.{}.config.{key}={}", topic.name, topic.config.number(key)))
    })
}

/// What a group never processes by that setting.
fn deleted(name: &str, setting: String) -> Possible {
    let says = format!("{name} never processes what was deleted before it came to it");
    let clause = Clause { says, settings: vec![setting] };
    possible(Fate::Skipped, Some(name), std::iter::once(LossCause::Retention.name()), clause)
}

/// What a group never processes of topics that are deleted.
fn deleted_with_topics(plan: &Plan, group: &Group) -> Vec<Possible> {
    let gone = plan.deleted().filter(|topic| group.topics.contains(topic));
    let told = gone.map(|topic| {
        let (name, topic) = (&group.name, &plan.topics[topic.index()].name);
        let says =
            format!("{name} never processes what it had not read of {topic} when that is deleted");
        let clause = Clause { says, settings: vec!["faults".to_owned()] };
        possible(Fate::Skipped, Some(name), std::iter::once(LossCause::TopicDeleted.name()), clause)
    });
    let again = plan.recreated().filter(|topic| group.topics.contains(topic)).map(|topic| {
        let (name, topic) = (&group.name, &plan.topics[topic.index()].name);
        let says = format!(
            "{name} keeps positions in {topic} when that is deleted and created again, and never processes what the \
             new log has below them"
        );
        let clause = Clause { says, settings: vec!["faults".to_owned()] };
        let causes = std::iter::once(LossCause::TopicRecreated.name());
        possible(Fate::Skipped, Some(name), causes, clause)
    });
    told.chain(again).collect()
}

/// Whether its members follow the consumer protocol.
fn is_consumer(group: &Group) -> bool {
    group.configs().any(|config| config.word("group.protocol") == "consumer")
}

/// The settings of `plan` that have no effect, and what they could break.
#[must_use]
pub fn not_modelled(plan: &Plan) -> Vec<NotModelled> {
    let told = plan.ignored.iter().map(|Ignored { path, value, harm }| NotModelled {
        setting: format!("{path}={value}"),
        could_break: harm
            .iter()
            .flat_map(|harm| harm.breaks.iter().map(|name| (*name).to_owned()))
            .collect(),
        says: harm.map_or_else(String::new, |harm| harm.why.to_owned()),
    });
    told.collect()
}

/// Whether a setting that the models do not follow could break `property` of what is at one of `places`:
/// then nobody promises it.
fn is_open(plan: &Plan, property: &str, places: &[String]) -> bool {
    plan.ignored.iter().any(|Ignored { path, harm, .. }| {
        let here = path.starts_with("cluster.") || places.iter().any(|at| path.starts_with(at));
        here && harm.is_some_and(|harm| harm.breaks.contains(&property))
    })
}

fn producer(contract: &mut Contract, plan: &Plan, producer: &Producer) {
    let name = &producer.name;
    let topic = &plan.topics[producer.topic.index()];
    let of_producer = |key: &str, value: &str| format!("producers.{name}.config.{key}={value}");
    let of_topic = |key: &str, value: &str| format!("topics.{}.config.{key}={value}", topic.name);
    let acks = producer.config.word("acks");
    let acks_setting = of_producer("acks", acks);
    let least = topic.min_insync_replicas();
    let least_setting =
        of_topic("min.insync.replicas", &topic.config.number("min.insync.replicas").to_string());
    let unclean = topic.config.switch("unclean.leader.election.enable");
    let places = [format!("producers.{name}."), format!("topics.{}.", topic.name)];
    let mut losses = Vec::new();
    let lost = |causes: &[LossCause], says: String, settings: Vec<String>| {
        let causes = causes.iter().map(|cause| cause.name());
        possible(Fate::Lost, None, causes, Clause { says, settings })
    };
    match acks {
        "0" => losses.push(vanished(name, acks_setting)),
        "1" => losses.push(lost(
            &[LossCause::AcksOne, LossCause::StaleLeader],
            format!("an acknowledged record of {name} is lost when its leader fails before a follower has it"),
            vec![acks_setting],
        )),
        _ if topic.replication_factor == 1 => losses.push(lost(
            &ALONE,
            format!("an acknowledged record of {name} is lost with the disk of its only replica"),
            vec![faults::why_alone(plan, producer.topic)],
        )),
        _ if least == 1 => losses.push(lost(
            &[LossCause::LastReplica],
            format!(
                "an acknowledged record of {name} is lost with the disk of the last in-sync replica"
            ),
            vec![least_setting],
        )),
        _ if is_open(plan, DURABILITY, &places) => {}
        _ if !unclean => contract.promises.push(Clause {
            says: format!(
                "an acknowledged record of {name} survives every crash, pause and partition of brokers"
            ),
            settings: vec![acks_setting, least_setting],
        }),
        _ => {}
    }
    if unclean {
        losses.push(lost(
            &[LossCause::UncleanElection],
            format!(
                "an acknowledged record of {name} is lost when a replica out of sync becomes leader"
            ),
            vec![of_topic("unclean.leader.election.enable", "true")],
        ));
    }
    if faults::takes_tails(plan) && acks != "0" {
        losses.push(faults::tails(name));
    }
    contract.possible.extend(losses);
    copies(contract, plan, producer, &of_producer);
    application(contract, producer);
    order(contract, producer, &of_producer);
}

/// With `acks=0` nobody is told of a loss.
fn vanished(name: &str, acks_setting: String) -> Possible {
    let clause = Clause {
        says: format!(
            "a record of {name} is lost without an error when its leader fails or is unreachable"
        ),
        settings: vec![acks_setting],
    };
    let causes = std::iter::once(SendEnd::AcksZero.name());
    possible(Fate::UnknownAbsent, None, causes, clause)
}

/// Whether a record may stand in a log behind a later one.
fn order(contract: &mut Contract, producer: &Producer, setting: &dyn Fn(&str, &str) -> String) {
    const IN_FLIGHT: &str = "max.in.flight.requests.per.connection";
    let (name, config) = (&producer.name, &producer.config);
    let several = config.number(IN_FLIGHT);
    let retries = config.number("retries") > 0 && config.word("acks") != "0";
    if config.switch("enable.idempotence") || several < 2 || !retries {
        return;
    }
    let clause = Clause {
        says: format!("a record of {name} is written behind a later one when it is sent again"),
        settings: vec![
            setting("enable.idempotence", "false"),
            setting(IN_FLIGHT, &several.to_string()),
        ],
    };
    let causes = std::iter::once(OrderCause::InFlightRetry.name());
    contract.possible.push(possible(Fate::Reordered, None, causes, clause));
}

/// What the application leaves unwritten.
fn application(contract: &mut Contract, producer: &Producer) {
    let name = &producer.name;
    let mut left = |fate: Fate, end: SendEnd, says: String, setting: String| {
        let clause = Clause { says, settings: vec![setting] };
        let causes = std::iter::once(SendCause { error: None, end }.name());
        contract.possible.push(possible(fate, None, causes, clause));
    };
    if producer.sending.after_crash == AfterCrash::Drop {
        left(
            Fate::UnknownAbsent,
            SendEnd::ProducerEnded,
            format!(
                "a record of {name} is never written when its application restarts before it was sent"
            ),
            format!("producers.{name}.after_crash=drop"),
        );
    }
    if producer.sending.end == AtEnd::Exit {
        left(
            Fate::Failed,
            SendEnd::NeverLeft,
            format!(
                "a record of {name} is never written when its application ends while it is in the buffer"
            ),
            format!("producers.{name}.end=exit"),
        );
    }
}

fn group(contract: &mut Contract, plan: &Plan, group: &Group) {
    let name = &group.name;
    let commit = format!("groups.{name}.commit={}", group.commit.name());
    let reset = group.config.word("auto.offset.reset");
    let reset_setting = format!("groups.{name}.config.auto.offset.reset={reset}");
    let skipped = |causes: &[LossCause], says: String, setting: &str| {
        let causes = causes.iter().map(|cause| cause.name());
        let clause = Clause { says, settings: vec![setting.to_owned()] };
        possible(Fate::Skipped, Some(name), causes, clause)
    };
    let mut skips = Vec::new();
    for cause in applications::skips(plan, group) {
        let (says, setting) = applications::skipped(group, cause);
        skips.push(skipped(&[cause], says, &setting));
    }
    let resets = resets(plan, group);
    if !resets.is_empty() {
        let older = if reset == "latest" { "" } else { "longer than that duration " };
        let says = format!(
            "{name} never processes what was written {older}before it found its first position in a \
             partition, an added one too, or around one that was out of range"
        );
        skips.push(skipped(resets, says, &reset_setting));
    }
    skips.extend(may_delete(plan, group).map(|setting| deleted(name, setting)));
    skips.extend(deleted_with_topics(plan, group));
    let expiry = may_expire(plan, group).then(|| expiry(plan, group, &reset_setting));
    if let Some(clause) = expiry.as_ref().filter(|_| reset == "latest") {
        let causes = std::iter::once(LossCause::Expired.name());
        skips.push(possible(Fate::Skipped, Some(name), causes, clause.clone()));
    }
    let reads = |topic| group.topics.contains(topic);
    let unclean = plan.producers.iter().any(|one| {
        reads(&one.topic)
            && plan.topics[one.topic.index()].config.switch("unclean.leader.election.enable")
    });
    if unclean {
        let says = format!("{name} never processes a record at an offset that was used before");
        let causes = [LossCause::OutOfRange, LossCause::CommitPastWork, LossCause::NeverGiven];
        skips.push(skipped(&causes, says, "unclean.leader.election.enable=true"));
    }
    let topics = group.topics.iter().map(|topic| &plan.topics[topic.index()].name);
    let mut places: Vec<String> = topics.map(|topic| format!("topics.{topic}.")).collect();
    places.push(format!("groups.{name}."));
    let writers = plan.producers.iter().filter(|one| reads(&one.topic));
    places.extend(writers.map(|one| format!("producers.{}.", one.name)));
    let settings = vec![commit.clone(), reset_setting];
    if let Some(clause) = without_offsets(plan, group) {
        contract.promises.push(clause);
    } else if skips.is_empty() && !is_open(plan, AT_LEAST_ONCE, &places) {
        contract.promises.push(Clause { says: applications::at_least_once(group), settings });
    }
    contract.possible.extend(skips);
    if may_lose_commits(plan, group) {
        let says = format!(
            "an acknowledged commit of {name} is gone when a replica out of sync leads its partition of \
             __consumer_offsets"
        );
        let settings = vec!["cluster.config.unclean.leader.election.enable=true".to_owned()];
        let causes = std::iter::once(LossCause::UncleanElection.name());
        let clause = Clause { says, settings };
        contract.possible.push(possible(Fate::LostCommit, Some(name), causes, clause));
    }
    if let Some(clause) = expiry.filter(|_| reset != "latest") {
        let causes = std::iter::once(DuplicateCause::Expired.name());
        contract.possible.push(possible(Fate::Duplicate, Some(name), causes, clause));
    }
    contract.possible.push(applications::repeats(group, commit));
    sinks::sink(contract, plan, group);
}

/// What follows from commits that expire within the run (R9.37).
fn expiry(plan: &Plan, group: &Group, reset: &str) -> Clause {
    let cluster = plan.cluster_of(group);
    let minutes = plan.cluster(cluster).config.number("offsets.retention.minutes");
    let length = plural(u64::try_from(minutes).unwrap_or(0), "minute");
    // `ConsumerGroup#offsetExpirationCondition`: the age of the commit counts, however short the group was away.
    let since =
        if is_consumer(group) { "its last commit was older than" } else { "it was empty for" };
    Clause {
        says: format!(
            "{} begins where auto.offset.reset says when it gets a member again after {since} {length}: its \
             commits have expired",
            group.name
        ),
        settings: vec![
            format!("{}.config.offsets.retention.minutes={minutes}", plan.cluster_path(cluster)),
            reset.to_owned(),
        ],
    }
}

/// What follows where Kafka cannot create `__consumer_offsets`.
fn without_offsets(plan: &Plan, group: &Group) -> Option<Clause> {
    let id = plan.cluster_of(group);
    let (wanted, brokers) = (plan.offsets_of(id).replication_factor, plan.cluster(id).brokers);
    let path = plan.cluster_path(id);
    (wanted > brokers).then(|| Clause {
        says: format!("{} reads nothing: __consumer_offsets is not created", group.name),
        settings: vec![
            format!("{path}.config.offsets.topic.replication.factor={wanted}"),
            format!("{path}.brokers={brokers}"),
        ],
    })
}

fn possible<'a>(
    fate: Fate,
    group: Option<&str>,
    causes: impl Iterator<Item = &'a str>,
    clause: Clause,
) -> Possible {
    let causes = causes.map(str::to_owned).collect();
    let group = group.map(str::to_owned);
    Possible { clause, fate, group, causes, records: 0, seeds: Vec::new() }
}
