//! What the configuration promises of what a group sends on, and what it leaves possible.

use super::{Allowed, DURABILITY, applications, may_forget, possible};
use ackproof_oracle::cause::{LossCause, OutputCause};
use ackproof_reports::contract::{Clause, Contract};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Group, Output, Plan};
use ackproof_types::{Awaits, Lane, OnFailure};

const END_TO_END: &str = "end-to-end";

/// Its key in a group.
const fn key(lane: Lane) -> &'static str {
    match lane {
        Lane::Results => "produces",
        Lane::DeadLetters => "dead_letter",
    }
}

/// Adds the clauses of what `group` sends on.
pub(super) fn outputs(contract: &mut Contract, plan: &Plan, group: &Group) {
    let name = &group.name;
    for (lane, output) in group.outputs() {
        let ways = ways(plan, group, lane, output);
        let what = match lane {
            Lane::Results => "what it makes of a record",
            Lane::DeadLetters => "a record that it puts aside",
        };
        for (cause, says, setting) in &ways {
            let clause = Clause {
                says: format!("{name} loses {what} {says}"),
                settings: vec![format!("groups.{name}.{setting}")],
            };
            let causes = std::iter::once(cause.name());
            contract.possible.push(possible(Fate::OutputLost, Some(name), causes, clause));
        }
        let wait = format!("groups.{name}.{}.wait={}", key(lane), output.awaits.name());
        if ways.is_empty() {
            let says = match lane {
                Lane::Results => {
                    "what it makes of every record that it commits is written at least once"
                }
                Lane::DeadLetters => {
                    "every record that it puts aside and commits is in its dead-letter topic"
                }
            };
            let acks = output.config.word("acks");
            let acks = format!("groups.{name}.{}.config.acks={acks}", key(lane));
            let says = format!("{name}: {says}");
            contract.promises.push(Clause { says, settings: vec![wait, acks] });
        }
    }
    if group.outputs().next().is_some() {
        let causes = OutputCause::ALL.iter().map(|cause| cause.name());
        let clause = Clause {
            says: format!(
                "{name} makes something of a record again when that is given to it again"
            ),
            settings: vec![format!("groups.{name}.commit={}", group.commit.name())],
        };
        contract.possible.push(possible(Fate::OutputDuplicate, Some(name), causes, clause));
    }
}

/// What of that explains a violation.
pub(super) fn allow(allowed: &mut Allowed, plan: &Plan, group: &Group) {
    let mut allow = |property, causes: &[LossCause]| {
        let names = causes.iter().map(|cause| cause.name());
        allowed.entry(property).or_default().extend(names);
    };
    for (lane, output) in group.outputs() {
        for (cause, ..) in ways(plan, group, lane, output) {
            allow(END_TO_END, &[cause]);
        }
        if output.config.word("acks") == "1" {
            allow(DURABILITY, &[LossCause::AcksOne, LossCause::StaleLeader]);
        }
        if may_forget(plan, (output.to, &output.config)).is_some() {
            // It names no causes.
            allow("idempotent-log", &[]);
            allow("producer-order", &[]);
        }
    }
}

type Way = (LossCause, &'static str, String);

/// In which ways what it sends on may be lost, with the key responsible.
fn ways(plan: &Plan, group: &Group, lane: Lane, output: &Output) -> Vec<Way> {
    let mut ways = Vec::new();
    let key = key(lane);
    let mut way = |cause, says, setting: String| {
        let cause = if lane == Lane::DeadLetters { LossCause::DeadLetterLost } else { cause };
        ways.push((cause, says, setting));
    };
    if output.awaits == Awaits::Never {
        let says = "when it ends after its commit and before that is acknowledged";
        way(LossCause::CommittedBeforeAcked, says, format!("{key}.wait=never"));
    } else {
        let early = applications::skips(plan, group).into_iter().filter(|cause| {
            matches!(
                cause,
                LossCause::CommitBeforeProcessing
                    | LossCause::StoredCommit
                    | LossCause::BackgroundCommit
                    | LossCause::RevocationCommitAgain
            )
        });
        for cause in early {
            let says = "when it ends after a commit that comes before its work";
            way(cause, says, format!("commit={}", group.commit.name()));
        }
    }
    let reset = group.config.word("auto.offset.reset");
    let begins = match reset.split(':').next() {
        Some("latest") => Some(LossCause::ResetLatest),
        Some("by_duration") => Some(LossCause::ResetByDuration),
        _ => None,
    };
    if let Some(cause) = begins {
        let says = "when it ends before its first commit and begins anew behind the record";
        way(cause, says, format!("config.auto.offset.reset={reset}"));
    }
    if output.sending.on_failure == OnFailure::Drop {
        let says = "when its send fails";
        way(LossCause::OutputDropped, says, format!("{key}.on_failure=drop"));
    }
    let topic = &plan.topics[output.to.index()];
    let unclean = topic.config.switch("unclean.leader.election.enable");
    match output.config.word("acks") {
        "0" => {
            let says = "when a leader fails or is unreachable";
            way(LossCause::OutputAcksZero, says, format!("{key}.config.acks=0"));
        }
        "1" if !unclean => {
            let says = "when a leader fails before a follower has it";
            way(LossCause::OutputAcksOne, says, format!("{key}.config.acks=1"));
        }
        _ if unclean || topic.replication_factor == 1 || topic.min_insync_replicas() == 1 => {
            let says = "when the log of the topic loses it after its acknowledgement";
            way(LossCause::OutputLost, says, format!("{key}.to={}", topic.name));
        }
        _ => {}
    }
    ways
}
