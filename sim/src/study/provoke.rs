//! Faults made to show what a configuration leaves possible, in place of those of the scenario.
//!
//! Leaders and members die, answers get lost, brokers are cut off, followers fall behind and producers
//! restart, again and again: within some seeds each of what a contract calls possible should occur, and
//! nothing worse. It knows no cause.

use ackproof_scenario::plan::{
    Action, Direction, Fault, FaultKind, Links, Peers, Plan, Target, When,
};
use ackproof_types::{Delay, Micros};

/// Quiet at the start, so that there is something to lose.
const QUIET: Micros = Micros::from_secs(5);
/// A load that is shorter has no room for faults.
const LOAD: Micros = Micros::from_secs(60);

/// A timeout that nobody would wait for is not waited for here.
const HOUR: Micros = Micros::from_secs(60 * 60);

/// `plan` under such faults instead of its own.
#[must_use]
pub fn provoked(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    plan.load = Micros(plan.load.0.max(LOAD.0));
    plan.settle = Micros(plan.settle.0.max(recovery(&plan).0));
    plan.expect = ackproof_scenario::plan::Expect {
        witness: Some(std::collections::BTreeMap::new()),
        ..Default::default()
    };
    // Who goes over to another cluster does so as ever.
    let goes_over = |(_, kind): &(u32, FaultKind)| kind.action == Action::FailOver;
    plan.faults.retain(|fault| fault.choices.iter().all(goes_over));
    let entries = [(seconds(6, 12), brokers(&plan)), (seconds(9, 15), clients(&plan))];
    for (every, choices) in entries.into_iter().filter(|(_, choices)| !choices.is_empty()) {
        let when = When::Between { from: QUIET, to: plan.load, every };
        plan.faults.push(Fault { when, aim: None, choices });
    }
    plan
}

/// How long recovery from these faults may take, whatever the scenario leaves for recovery from its own. What is
/// silent is given up when a session or a request times out, and each step of a recovery may wait for the
/// step before: a coordinator that moved waits a whole session for a member that is dead, a rebalance after it
/// may wait for another, and as much is left to show that a group catches up.
fn recovery(plan: &Plan) -> Micros {
    let broker = ["broker.session.timeout.ms", "replica.socket.timeout.ms"];
    let clusters = || plan.clusters.iter();
    let broker = clusters().flat_map(|one| broker.map(|key| one.config.millis(key)));
    let producers = plan.producers.iter().map(|one| one.config.millis("request.timeout.ms"));
    let groups = plan.groups.iter().flat_map(|group| {
        let brokers = &plan.cluster(plan.cluster_of(group)).config;
        group.configs().flat_map(|config| {
            let session = match config.word("group.protocol") {
                "consumer" => brokers.millis("group.consumer.session.timeout.ms"),
                _ => config.millis("session.timeout.ms"),
            };
            [session, config.millis("request.timeout.ms")]
        })
    });
    let startup = clusters().flat_map(|one| [one.startup.brokers.max, one.startup.clients.max]);
    let all = broker.chain(producers).chain(groups).chain(startup);
    Micros(all.map(|one| one.0).max().unwrap_or(0).saturating_mul(4).min(HOUR.0))
}

const fn seconds(min: u64, max: u64) -> Delay {
    Delay { min: Micros::from_secs(min), max: Micros::from_secs(max) }
}

fn kind(action: Action, target: Target, lasts: Delay) -> (u32, FaultKind) {
    (1, FaultKind { action, target, lasts: Some(lasts), grace: None })
}

fn brokers(plan: &Plan) -> Vec<(u32, FaultKind)> {
    let links = |peers: Vec<Peers>, direction| Links { peers, direction };
    let mut choices = Vec::new();
    for (topic, one) in plan.user_topics() {
        for partition in 0..one.partitions.min(3) {
            let leader = Target::LeaderOf(topic, partition);
            let apart = links(vec![Peers::Brokers, Peers::Controllers], Direction::Both);
            choices.push(kind(Action::Crash, leader, seconds(3, 12)));
            choices.push(kind(Action::Isolate(apart), leader, seconds(5, 20)));
            let unheard = links(vec![Peers::Clients], Direction::Outgoing);
            choices.push(kind(Action::Isolate(unheard), leader, seconds(5, 12)));
        }
    }
    if plan.clusters.iter().any(|cluster| cluster.brokers > 1) {
        choices.push(kind(Action::Pause, Target::AnyBroker, seconds(10, 40)));
        choices.push(kind(Action::Crash, Target::AnyBroker, seconds(10, 40)));
    }
    choices
}

fn clients(plan: &Plan) -> Vec<(u32, FaultKind)> {
    let mut choices = Vec::new();
    for (group, one) in (0..).zip(&plan.groups) {
        choices.push(kind(Action::Crash, Target::AnyMember(group), seconds(2, 8)));
        choices.push(kind(Action::Pause, Target::AnyMember(group), seconds(5, 20)));
        if one.is_named() {
            choices.push(kind(Action::Join, Target::Group(group), seconds(3, 10)));
        }
    }
    if !plan.producers.is_empty() {
        choices.push(kind(Action::Crash, Target::AnyProducer(None), seconds(1, 3)));
    }
    choices
}
