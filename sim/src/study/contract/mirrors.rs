//! What the configuration promises of mirrors, and of groups that go over to another cluster.

use super::{possible, resets};
use ackproof_oracle::cause::{DuplicateCause, LossCause, OutputCause};
use ackproof_reports::contract::{Clause, Contract};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Group, Mirror, Part, Plan};

/// Adds the clauses of a mirror, or of a group that stands for another one; whether it is one of these.
pub(super) fn mirrors(contract: &mut Contract, plan: &Plan, group: &Group) -> bool {
    match &group.part {
        Part::Application => false,
        Part::Mirror(told) => {
            mirror(contract, plan, group, told);
            true
        }
        Part::StandsFor(of) => {
            stand_in(contract, plan, group, &plan.groups[usize::from(*of)]);
            true
        }
    }
}

fn topics(plan: &Plan, group: &Group) -> String {
    let names = group.topics.iter().map(|topic| plan.topics[topic.index()].name.as_str());
    names.collect::<Vec<_>>().join(", ")
}

fn mirror(contract: &mut Contract, plan: &Plan, group: &Group, told: &Mirror) {
    let (name, topic) = (&group.name, topics(plan, group));
    let flush = told.flush_interval.as_millis();
    let flush = format!("mirrors.{name}.config.offset.flush.interval.ms={flush}");
    contract.promises.push(Clause {
        says: format!("{name} copies every acknowledged record of {topic} at least once"),
        settings: vec![format!("mirrors.{name}.topic={topic}")],
    });
    let clause = |says| Clause { says, settings: vec![flush.clone()] };
    let says = format!("{name} reads again what it read since it last kept its offsets");
    let causes = std::iter::once(DuplicateCause::MirrorRestart.name());
    contract.possible.push(possible(Fate::Duplicate, Some(name), causes, clause(says)));
    let says = format!("{name} copies again what it copied since it last kept its offsets");
    let causes = OutputCause::ALL.iter().map(|cause| cause.name());
    contract.possible.push(possible(Fate::OutputDuplicate, Some(name), causes, clause(says)));
    let says = format!(
        "a copy of {name} is written twice when an answer is lost and it is sent again: Connect switches idempotence off"
    );
    let causes = std::iter::once(DuplicateCause::ProducerRetry.name());
    let clause = Clause { says, settings: Vec::new() };
    contract.possible.push(possible(Fate::LogDuplicate, None, causes, clause));
}

fn stand_in(contract: &mut Contract, plan: &Plan, group: &Group, of: &Group) {
    let (name, from) = (&group.name, &of.name);
    let mirror = plan.groups.iter().find(|one| one.mirror().is_some() && one.topics == of.topics);
    let told = mirror.and_then(|one| Some((&one.name, one.mirror()?)));
    let synced = told.and_then(|(name, told)| Some((name, told.sync_interval?)));
    let setting = match (told, synced) {
        (_, Some((mirror, every))) => {
            let every = every.as_millis() / 1000;
            format!("mirrors.{mirror}.config.sync.group.offsets.interval.seconds={every}")
        }
        (Some((mirror, _)), None) => {
            format!("mirrors.{mirror}.config.sync.group.offsets.enabled=false")
        }
        (None, None) => "mirrors".to_owned(),
    };
    let reset = group.config.word("auto.offset.reset");
    let reset = format!("groups.{from}.config.auto.offset.reset={reset}");
    let skips = resets(plan, group);
    if skips.is_empty() {
        contract.promises.push(Clause {
            says: format!(
                "{from} processes every record that is copied, before it goes over or as {name} afterwards"
            ),
            settings: vec![reset],
        });
    } else {
        let clause = Clause {
            says: format!(
                "{name} never processes what was copied before it found its first position"
            ),
            settings: vec![reset, setting.clone()],
        };
        let causes = skips.iter().map(|cause: &LossCause| cause.name());
        contract.possible.push(possible(Fate::Skipped, Some(name), causes, clause));
    }
    let clause = Clause {
        says: format!("{name} processes again what {from} had processed before it went over"),
        settings: vec![setting],
    };
    let causes = [DuplicateCause::TranslationLag, DuplicateCause::MirrorRestart];
    let causes = causes.iter().map(|cause| cause.name());
    contract.possible.push(possible(Fate::Duplicate, Some(name), causes, clause));
}
