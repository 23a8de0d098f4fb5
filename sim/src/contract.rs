//! What a configuration promises: without `expect` in a scenario it is what runs are held against.
//!
//! A clause names the settings responsible and the causes by which the oracle explains a loss or a
//! duplicate. What is not possible by the configuration is worse than promised, and a violation. It knows
//! Kafka's settings and the oracle's causes, and no run.

use ackproof_oracle::cause::{DuplicateCause, LossCause};
use ackproof_reports::contract::{Clause, Contract, Possible};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Commit, Group, Plan, Producer};
use std::collections::BTreeMap;

/// By property: the causes by which it may be violated; none: by any.
pub(crate) type Allowed = BTreeMap<&'static str, Vec<&'static str>>;

const DURABILITY: &str = "acked-durability";
const AT_LEAST_ONCE: &str = "at-least-once";
const COMMITS: &str = "commit-behind-processing";

/// What the configuration of `plan` promises and leaves possible.
#[must_use]
pub fn contract(plan: &Plan) -> Contract {
    let mut contract = Contract::default();
    plan.producers.iter().for_each(|one| producer(&mut contract, plan, one));
    plan.groups.iter().for_each(|one| group(&mut contract, plan, one));
    contract
}

/// The violations that the configuration of `plan` explains; none where the scenario says itself what it
/// expects.
pub(crate) fn allowed(plan: &Plan) -> Allowed {
    let mut allowed = Allowed::new();
    if plan.expect.stated {
        return allowed;
    }
    let mut allow = |properties: &[&'static str], causes: &[LossCause]| {
        for property in properties {
            allowed.entry(property).or_default().extend(causes.iter().map(|cause| cause.name()));
        }
    };
    for one in &plan.producers {
        if one.config.word("acks") == "1" {
            allow(&[DURABILITY], &[LossCause::AcksOne, LossCause::StaleLeader]);
        }
    }
    if plan.topics.iter().skip(1).any(|topic| topic.config.number("min.insync.replicas") == 1) {
        allow(&[DURABILITY], &[LossCause::LastReplica]);
    }
    if plan.topics.iter().skip(1).any(|one| one.config.switch("unclean.leader.election.enable")) {
        allow(&[DURABILITY], &[LossCause::UncleanElection]);
        // Positions and commits may lie beyond the new end, where offsets are used again.
        let passed = [LossCause::OutOfRange, LossCause::CommitPastWork, LossCause::NeverGiven];
        allow(&[AT_LEAST_ONCE], &passed);
        allow(&[COMMITS, "stable-reads"], &[]);
    }
    for one in &plan.groups {
        if let Some(cause) = early(one.commit) {
            allow(&[AT_LEAST_ONCE], &[cause]);
            // It names no causes.
            allow(&[COMMITS], &[]);
        }
        if one.config.word("auto.offset.reset") == "latest" {
            allow(&[AT_LEAST_ONCE], &[LossCause::ResetLatest, LossCause::OutOfRange]);
        }
    }
    allowed
}

/// Why a commit strategy commits what is not processed.
const fn early(commit: Commit) -> Option<LossCause> {
    match commit {
        Commit::AutoWithHandOff => Some(LossCause::HandOff),
        Commit::BeforeProcessing => Some(LossCause::CommitBeforeProcessing),
        Commit::Auto | Commit::SyncAfterBatch | Commit::AsyncAfterBatch | Commit::SyncPerRecord => {
            None
        }
    }
}

fn producer(contract: &mut Contract, plan: &Plan, producer: &Producer) {
    let name = &producer.name;
    let topic = &plan.topics[producer.topic.index()];
    let of_producer = |key: &str, value: &str| format!("producers.{name}.config.{key}={value}");
    let of_topic = |key: &str, value: &str| format!("topics.{}.config.{key}={value}", topic.name);
    let acks = producer.config.word("acks");
    let acks_setting = of_producer("acks", acks);
    let least = topic.config.number("min.insync.replicas");
    let least_setting = of_topic("min.insync.replicas", &least.to_string());
    let unclean = topic.config.switch("unclean.leader.election.enable");
    let mut losses = Vec::new();
    let lost = |causes: &[LossCause], says: String, settings: Vec<String>| {
        let causes = causes.iter().map(|cause| cause.name());
        possible(Fate::Lost, None, causes, Clause { says, settings })
    };
    match acks {
        "0" => losses.push(possible(
            Fate::UnknownAbsent,
            None,
            std::iter::once(LossCause::AcksZero.name()),
            Clause {
                says: format!(
                    "a record of {name} vanishes without a sign when its leader fails or is unreachable"
                ),
                settings: vec![acks_setting],
            },
        )),
        "1" => losses.push(lost(
            &[LossCause::AcksOne, LossCause::StaleLeader],
            format!("an acknowledged record of {name} is lost when its leader fails before a follower has it"),
            vec![acks_setting],
        )),
        _ if least == 1 => losses.push(lost(
            &[LossCause::LastReplica],
            format!(
                "an acknowledged record of {name} is lost with the disk of the last in-sync replica \
                 (no modelled fault takes a disk)"
            ),
            vec![least_setting],
        )),
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
    contract.possible.extend(losses);
    copies(contract, producer, &of_producer);
}

/// What may be in a log more than once.
fn copies(contract: &mut Contract, producer: &Producer, setting: &dyn Fn(&str, &str) -> String) {
    let name = &producer.name;
    let mut copied = |cause: DuplicateCause, says: String, settings: Vec<String>| {
        let clause = Clause { says, settings };
        let causes = std::iter::once(cause.name());
        contract.possible.push(possible(Fate::LogDuplicate, None, causes, clause));
    };
    if producer.config.switch("enable.idempotence") {
        copied(
            DuplicateCause::EpochBump,
            format!(
                "a record of {name} is written twice when a batch expires and the epoch is raised"
            ),
            vec![setting(
                "delivery.timeout.ms",
                &producer.config.number("delivery.timeout.ms").to_string(),
            )],
        );
    } else if producer.config.number("retries") > 0 && producer.config.word("acks") != "0" {
        copied(
            DuplicateCause::ProducerRetry,
            format!(
                "a record of {name} is written twice when an answer is lost and it is sent again"
            ),
            vec![setting("enable.idempotence", "false")],
        );
    }
    copied(
        DuplicateCause::ProducerRestart,
        format!(
            "a record of {name} is written twice when its application restarts and sends it again"
        ),
        Vec::new(),
    );
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
    let (mut skips, early) = (Vec::new(), early(group.commit));
    if let Some(cause) = early {
        let says =
            format!("{name} never processes a record that it committed before a member failed");
        skips.push(skipped(&[cause], says, &commit));
    }
    if reset == "latest" {
        let says = format!(
            "{name} never processes what was written before it found its first position, or around one \
             that was out of range"
        );
        skips.push(skipped(&[LossCause::ResetLatest, LossCause::OutOfRange], says, &reset_setting));
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
    if skips.is_empty() {
        contract.promises.push(Clause {
            says: format!("{name} processes every acknowledged record at least once"),
            settings: vec![commit.clone(), reset_setting],
        });
    }
    contract.possible.extend(skips);
    let again = [DuplicateCause::MemberCrash, DuplicateCause::Rebalance, DuplicateCause::Zombie];
    let says = format!(
        "{name} processes a record again when a member fails or the group rebalances before it is committed"
    );
    let causes = again.iter().map(|cause| cause.name());
    let clause = Clause { says, settings: vec![commit] };
    contract.possible.push(possible(Fate::Duplicate, Some(name), causes, clause));
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
