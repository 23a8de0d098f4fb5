//! What of a scenario a real cluster with Kafka's verifiable clients cannot do, each with the reason. It
//! looks at the plan only.

use ackproof_scenario::describe::verb;
use ackproof_scenario::plan::{Action, Group, Order, Plan, Producer, When};
use ackproof_types::{CommitStrategy, Consuming, Features, Hold, Sending};

/// Longest value of a `VerifiableProducer`'s records with its key: `12.1234567` and `1234`.
const LARGEST_RECORD: u32 = 20;

/// What this kernel can do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Able {
    /// It delays packets.
    pub(crate) delays: bool,
    /// It mounts disks that can lose their power.
    pub(crate) powers: bool,
}

impl Able {
    /// Of the kernel that runs this.
    pub(crate) fn here() -> Self {
        Self { delays: crate::host::can_delay(), powers: crate::disk::is_possible() }
    }
}

/// Everything of `plan` that is not possible with a kernel that is so `able`; empty: all is.
pub(crate) fn impossible(plan: &Plan, able: Able) -> Vec<String> {
    let mut found = Vec::new();
    if !plan.variants.is_empty() || plan.mended {
        found.push("variants, mended: they are rules of the models; Kafka has its own".to_owned());
    }
    if plan.clusters.len() > 1 {
        found.push("clusters: the harness runs one".to_owned());
    }
    if plan.main().combined {
        found.push(
            "process.roles: brokers and controllers are processes of their own here".to_owned(),
        );
    }
    let Features { metadata_version, eligible_leader_replicas, .. } = plan.features;
    let levels = Features { metadata_version, eligible_leader_replicas, ..Features::default() };
    if plan.features != levels {
        let only =
            "only those of a metadata.version together, and eligible.leader.replicas.version";
        found.push(format!("features: {only}"));
    }
    for name in plan
        .producers
        .iter()
        .map(|producer| &producer.name)
        .chain(plan.groups.iter().map(|group| &group.name))
    {
        // Names of interfaces and namespaces are short, and go into command lines as they are.
        if name.len() > 40 || name == crate::observer::NAME {
            found.push(format!("{name}: a name that the harness cannot use"));
        }
    }
    plan.producers.iter().for_each(|producer| of_producer(producer, &mut found));
    plan.groups.iter().for_each(|group| of_group(group, &mut found));
    for fault in &plan.faults {
        if matches!(fault.when, When::After { .. }) {
            found.push("a fault with \"after\": only the simulator knows the moment".to_owned());
        }
        if fault.aim.is_some() {
            found.push("a fault with \"on\": only the simulator knows the moment".to_owned());
        }
        for (_, kind) in &fault.choices {
            if kind.grace.is_some() {
                found.push("\"grace\": who stops in good order is waited for here".to_owned());
            }
            if let Some(why) = of_action(&kind.action, able) {
                found.push(format!("{}: {why}", verb(&kind.action)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn of_producer(producer: &Producer, found: &mut Vec<String>) {
    let name = &producer.name;
    if producer.sends.is_some() {
        found.push(format!("{name}: \"sends\": VerifiableProducer sends at a rate"));
    }
    if producer.size.0 > LARGEST_RECORD {
        found.push(format!(
            "{name}: records of {} bytes: those of VerifiableProducer have some 10; say \"size\": \"10..10\"",
            producer.size.0
        ));
    }
    if producer.sending != Sending::default() {
        found.push(format!(
            "{name}: VerifiableProducer knows no \"on_failure\", \"after_crash\", \"end\" and \"threads\""
        ));
    }
    if producer.interval.0 > 1_000_000 {
        found.push(format!("{name}: less than a record a second"));
    }
}

fn of_group(group: &Group, found: &mut Vec<String>) {
    let name = &group.name;
    if group.topics.len() != 1 {
        found.push(format!("{name}: members subscribe to one topic"));
    }
    if group.autoscale.is_some() {
        found.push(format!("{name}: \"autoscale\": the harness has no autoscaler"));
    }
    if group.outputs().next().is_some() {
        found.push(format!("{name}: \"produces\" and \"dead_letter\": members send nothing"));
    }
    if group.failures_per_million > 0 {
        found.push(format!("{name}: \"failures\": members do not fail"));
    }
    if !group.fails.is_empty() || group.consuming != Consuming::default() {
        found.push(format!(
            "{name}: members have no workers, do not fail, and commit after each poll"
        ));
    }
    if group.assigned > 0 {
        found.push(format!("{name}: members subscribe; \"assign\" is not done"));
    }
    if !matches!(group.commit, CommitStrategy::SyncAfterBatch | CommitStrategy::Auto) {
        let commit = group.commit.name();
        found.push(format!("{name}: \"{commit}\": members know sync-after-batch and auto"));
    }
}

fn of_action(action: &Action, able: Able) -> Option<&'static str> {
    match action {
        Action::Reset => Some("not done on real connections yet"),
        Action::Hold(Hold::Subscription | Hold::Partitions) => Some("not done by real members yet"),
        Action::PowerLoss if !able.powers => Some(
            "this kernel has no /dev/fuse for this user: no disk can be made to lose what is not synced",
        ),
        Action::Storage(_) => Some("the harness harms no disks yet"),
        Action::RollingRestart(Some(_)) => Some("\"to\": the harness runs one version of Kafka"),
        Action::Administer(Order::UpdateFeatures(_)) => Some("not done on a real cluster yet"),
        Action::Clock(_) => Some("the harness has one clock for all processes"),
        Action::FailOver => Some("the harness runs one cluster"),
        Action::Slow { only: Some(_), .. } => {
            Some("the harness slows a link with all that is said on it, not \"only\" some of it")
        }
        Action::Slow { .. } | Action::SlowFollower(_) if !able.delays => {
            Some("this kernel has no netem; \"throttle\" slows a link as well")
        }
        Action::Administer(_)
        | Action::Crash
        | Action::PowerLoss
        | Action::DiskLost
        | Action::Restart
        | Action::RollingRestart(None)
        | Action::Pause
        | Action::Isolate(_)
        | Action::Partition(_)
        | Action::Slow { .. }
        | Action::SlowFollower(_)
        | Action::Throttle { .. }
        | Action::Lossy { .. }
        | Action::Leave
        | Action::Join
        | Action::Hold(Hold::Poll) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Able, impossible};
    use ackproof::world::document::load;

    fn of(group: &str, fault: &str, can: bool) -> Vec<String> {
        let text = format!(
            r#"{{"name": "x", "topics": {{"payments": {{}}}},
                "producers": {{"billing": {{"size": "10..10"}}}},
                "groups": {{"ledger": {{{group}}}}}, "faults": [{fault}]}}"#
        );
        let able = Able { delays: can, powers: can };
        impossible(&load(&text, "x.json", &[]).unwrap().0, able)
    }

    #[test]
    fn what_cannot_be_done_is_told_with_the_reason() {
        let good = r#""process": "0ms""#;
        assert_eq!(of(good, r#"{"at": "5s", "crash": "broker-1", "for": "5s"}"#, false), [""; 0]);
        assert_eq!(
            of(good, r#"{"at": "5s", "stall-poll": "ledger-0", "for": "5s"}"#, false),
            [""; 0]
        );
        let found = of(good, r#"{"at": "5s", "reset": "broker-1"}"#, false);
        assert!(found[0].starts_with("reset: "), "{found:?}");
        let slow = r#"{"at": "5s", "slow": "broker-1", "by": "50ms", "for": "5s"}"#;
        assert!(of(good, slow, true).is_empty());
        assert!(of(good, slow, false)[0].contains("netem"), "only where the kernel can");
        let power = r#"{"at": "5s", "power-loss": "brokers", "for": "5s"}"#;
        assert!(of(good, power, true).is_empty());
        assert!(of(good, power, false)[0].contains("/dev/fuse"), "only where the kernel can");
        assert_eq!(of(r#""process": "5ms""#, "", true), [""; 0]);
        let found = of(r#""process": "0ms", "commit": "async-after-batch""#, "", true);
        assert!(found[0].contains("async-after-batch"), "{found:?}");
    }
}
