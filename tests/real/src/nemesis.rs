//! Carries out the fault timeline on a real cluster: resolves targets, hurts, heals, and puts on record what
//! it did. It does what the simulator's nemesis does, by the means of a machine.

use crate::network::{Host, Link, Queue};
use crate::orders;
use crate::process::Process;
use crate::rolling::{Rolling, Step};
use crate::stage::Stage;
use crate::targets;
use ackproof_oracle::history::Event;
use ackproof_scenario::describe::describe;
use ackproof_scenario::plan::{Action, Direction, Links, Peers, Target, between};
use ackproof_scenario::schedule::ScheduledFault;
use ackproof_types::{Delay, Micros, NodeId, TopicId};
use std::collections::BTreeMap;

/// How often the nemesis looks whether what it waits for has happened.
const LOOK: Micros = Micros::from_millis(200);

/// What the nemesis wants to be called for next about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Nothing,
    /// Its end, this much later.
    End(Micros),
    /// A look at it, this much later.
    Look(Micros),
}

/// A fault in force.
#[derive(Debug)]
struct Active {
    fault: ScheduledFault,
    node: NodeId,
    hosts: Vec<Host>,
    links: Vec<Link>,
    rolling: Option<Rolling>,
}

/// Carries out faults and remembers what to undo.
#[derive(Debug, Default)]
pub(crate) struct Nemesis {
    active: BTreeMap<u32, Active>,
}

impl Nemesis {
    /// Starts fault `number`.
    pub(crate) fn start(
        &mut self,
        number: u32,
        fault: &ScheduledFault,
        stage: &mut Stage<'_>,
    ) -> Result<Next, String> {
        let mut active = Active {
            fault: fault.clone(),
            node: stage.context.controller(),
            hosts: Vec::new(),
            links: Vec::new(),
            rolling: None,
        };
        match &fault.kind.action {
            Action::RollingRestart(_) => {
                let down = fault.lasts.unwrap_or(Micros::ZERO);
                active.rolling = Some(Rolling::new(targets::hit_all(fault, stage)?, down));
                self.active.insert(number, active);
                return Ok(Next::Look(Micros::ZERO));
            }
            Action::Partition(sides) => {
                let sides = targets::sides(sides, stage)?;
                active.links = between(&sides);
                let side = |side: &Vec<Host>| {
                    let names: Vec<&str> =
                        side.iter().map(|host| stage.network.name(*host)).collect();
                    names.join(", ")
                };
                let names = sides.iter().map(side).collect::<Vec<_>>().join(" | ");
                note(number, fault, None, &names, stage);
            }
            // No process is hit.
            Action::Administer(_) => {
                let name = stage.context.node(active.node).to_owned();
                note(number, fault, None, &name, stage);
            }
            action => {
                active.hosts = targets::hit(fault, stage)?;
                let Some(first) = active.hosts.first() else {
                    let text = describe(&fault.kind, stage.plan, None, fault.lasts);
                    return Err(format!("fault {number}: {text}"));
                };
                active.node = stage.node(*first);
                active.links = match action {
                    Action::Isolate(links)
                    | Action::Slow { links, .. }
                    | Action::Throttle { links, .. }
                    | Action::Lossy { links, .. } => targets::links(&active.hosts, links, stage)?,
                    Action::SlowFollower(_) => targets::fetched(&active.hosts, stage),
                    // Its network goes with it: nobody hears of the end of a connection.
                    Action::PowerLoss => {
                        let peers = vec![Peers::Brokers, Peers::Controllers, Peers::Clients];
                        let all = Links { peers, direction: Direction::Both };
                        targets::links(&active.hosts, &all, stage)?
                    }
                    _ => Vec::new(),
                };
                let name = stage.context.node(active.node).to_owned();
                note(number, fault, Some(active.node), &name, stage);
            }
        }
        hurt(number, &active, stage)?;
        let next = after_start(fault);
        self.active.insert(number, active);
        Ok(next)
    }

    /// Looks whether what fault `number` waits for has happened.
    pub(crate) fn look(&mut self, number: u32, stage: &mut Stage<'_>) -> Result<Next, String> {
        let Some(active) = self.active.get_mut(&number) else { return Ok(Next::Nothing) };
        let Some(rolling) = &mut active.rolling else {
            let out = is_out_of_sync(active.fault.kind.target, active.node, stage)?;
            return Ok(if out { Next::End(Micros::ZERO) } else { Next::Look(LOOK) });
        };
        match rolling.look(stage) {
            Step::Wait => {}
            Step::Stop(host) => {
                let (node, name) = (stage.node(host), stage.network.name(host).to_owned());
                note(number, &active.fault, Some(node), &name, stage);
                stage.with(host, Process::stop)?;
            }
            Step::Boot(host) => {
                stage.journal.put(stage.node(host), Event::FaultEnded { fault: number });
                stage.start(host)?;
            }
            Step::Done => {
                self.active.remove(&number);
                return Ok(Next::Nothing);
            }
        }
        Ok(Next::Look(LOOK))
    }

    /// Ends fault `number`, if it is in force.
    pub(crate) fn end(&mut self, number: u32, stage: &mut Stage<'_>) -> Result<(), String> {
        let Some(active) = self.active.remove(&number) else { return Ok(()) };
        if active.rolling.as_ref().is_none_or(|rolling| rolling.current().is_some()) {
            stage.journal.put(active.node, Event::FaultEnded { fault: number });
        }
        heal(number, &active, stage)
    }

    /// Ends everything that is in force.
    pub(crate) fn heal_all(&mut self, stage: &mut Stage<'_>) -> Result<(), String> {
        let numbers: Vec<u32> = self.active.keys().copied().collect();
        numbers.into_iter().try_for_each(|number| self.end(number, stage))
    }

    /// The process of `host` has ended by itself. Says which faults have their end to be scheduled now;
    /// none: no fault wants it to be down.
    pub(crate) fn exited(&self, host: Host) -> Option<Vec<(u32, Micros)>> {
        let stops = |active: &Active| {
            let stops = matches!(active.fault.kind.action, Action::Restart | Action::Leave);
            stops && active.hosts.contains(&host)
        };
        let rolls = |active: &Active| {
            active.rolling.as_ref().is_some_and(|rolling| rolling.current() == Some(host))
        };
        let wanted = self.active.values().any(|active| stops(active) || rolls(active));
        let ends = self.active.iter().filter(|(_, active)| stops(active));
        wanted.then(|| ends.filter_map(|(number, one)| Some((*number, one.fault.lasts?))).collect())
    }
}

/// Puts on record that fault `number` starts.
fn note(
    number: u32,
    fault: &ScheduledFault,
    target: Option<NodeId>,
    name: &str,
    stage: &mut Stage<'_>,
) {
    let text = describe(&fault.kind, stage.plan, Some(name), fault.lasts).as_str().into();
    let started = Event::FaultStarted { fault: number, target, text };
    stage.journal.put(target.unwrap_or_else(|| stage.context.controller()), started);
}

/// When a fault is over, or looked at, as far as its start decides it.
fn after_start(fault: &ScheduledFault) -> Next {
    match (&fault.kind.action, fault.lasts) {
        // Counted from when the process has stopped.
        (Action::Restart | Action::Leave, _) => Next::Nothing,
        (Action::SlowFollower(_), None) => Next::Look(LOOK),
        (Action::Administer(_), _) => Next::End(Micros::ZERO),
        (_, lasts) => lasts.map_or(Next::Nothing, Next::End),
    }
}

/// Whether a slowed follower has left the in-sync set that the fault is about.
fn is_out_of_sync(target: Target, node: NodeId, stage: &mut Stage<'_>) -> Result<bool, String> {
    let about = match target {
        Target::FollowerOf(topic, number) => Some((topic, number)),
        _ => None,
    };
    let name = |topic: TopicId| &stage.plan.topics[topic.index()].name;
    let placed = match about {
        Some((topic, number)) => {
            vec![stage.observer.learn(&format!("partition {} {number}", name(topic)), "")?]
        }
        None => stage.observer.partitions()?,
    };
    Ok(placed.iter().all(|one: &crate::observer::Placed| !one.isr.contains(&node.0)))
}

fn delay(by: Delay) -> Queue {
    Queue::Delay(by.min.as_millis(), by.max.as_millis())
}

fn each(
    hosts: &[Host],
    stage: &mut Stage<'_>,
    what: fn(&mut Process) -> Result<(), String>,
) -> Result<(), String> {
    hosts.iter().try_for_each(|host| stage.with(*host, what))
}

fn hurt(number: u32, active: &Active, stage: &mut Stage<'_>) -> Result<(), String> {
    let Active { hosts, links, .. } = active;
    match &active.fault.kind.action {
        Action::Crash => hosts.iter().try_for_each(|host| stage.kill(*host)),
        Action::Restart | Action::Leave => each(hosts, stage, Process::stop),
        Action::Pause => each(hosts, stage, Process::freeze),
        Action::Join => hosts.iter().try_for_each(|host| stage.start(*host)),
        Action::Isolate(_) | Action::Partition(_) => stage.network.cut(links),
        Action::Lossy { loss, .. } => stage.network.lose(number, links, Some(*loss)),
        Action::Throttle { bytes_per_second, .. } => {
            stage.network.queue(links, Some(Queue::Rate(*bytes_per_second)))
        }
        Action::Slow { by, .. } | Action::SlowFollower(by) => {
            stage.network.queue(links, Some(delay(*by)))
        }
        Action::Hold(_) => hosts.iter().try_for_each(|host| stage.stall(*host, true)),
        Action::PowerLoss => {
            stage.network.cut(links)?;
            hosts.iter().try_for_each(|host| stage.lose_power(*host))
        }
        Action::DiskLost => hosts.iter().try_for_each(|host| stage.wipe(*host)),
        Action::Administer(order) => {
            let question = orders::question(order, active.fault.kind.target, stage.plan)?;
            stage.observer.ask(&question).map(drop)
        }
        Action::RollingRestart(_)
        | Action::Storage(_)
        | Action::Reset
        | Action::Clock(_)
        | Action::FailOver => Ok(()),
    }
}

fn heal(number: u32, active: &Active, stage: &mut Stage<'_>) -> Result<(), String> {
    let Active { hosts, links, .. } = active;
    match &active.fault.kind.action {
        Action::Crash | Action::Restart | Action::Leave => {
            hosts.iter().try_for_each(|host| stage.start(*host))
        }
        Action::PowerLoss => {
            stage.network.heal(links)?;
            hosts.iter().try_for_each(|host| stage.start(*host))
        }
        Action::DiskLost => hosts.iter().try_for_each(|host| {
            stage.format(*host)?;
            stage.start(*host)
        }),
        Action::RollingRestart(_) => {
            let down = active.rolling.as_ref().and_then(Rolling::current);
            down.map_or(Ok(()), |host| stage.start(host))
        }
        Action::Pause => each(hosts, stage, Process::resume),
        Action::Join => each(hosts, stage, Process::stop),
        Action::Isolate(_) | Action::Partition(_) => stage.network.heal(links),
        Action::Lossy { .. } => stage.network.lose(number, links, None),
        Action::Throttle { .. } | Action::Slow { .. } | Action::SlowFollower(_) => {
            stage.network.queue(links, None)
        }
        Action::Hold(_) => hosts.iter().try_for_each(|host| stage.stall(*host, false)),
        Action::Storage(_)
        | Action::Reset
        | Action::Clock(_)
        | Action::FailOver
        | Action::Administer(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ackproof::world::document::load;
    use ackproof_scenario::schedule::Schedule;

    fn faults(faults: &str) -> Vec<ScheduledFault> {
        let text = format!(
            r#"{{"name": "x", "topics": {{"payments": {{}}}}, "producers": {{"billing": {{}}}},
                "groups": {{"ledger": {{"members": 2}}}}, "faults": [{faults}]}}"#
        );
        Schedule::new(&load(&text, "x.json", &[]).unwrap().0, 1).faults
    }

    const DOWN: Micros = Micros::from_millis(4000);

    #[test]
    fn a_fault_ends_after_its_time_and_a_stop_when_its_process_is_gone() {
        let next = |fault: &str| after_start(&faults(fault)[0]);
        assert_eq!(next(r#"{"at": "5s", "crash": "broker-1", "for": "4s"}"#), Next::End(DOWN));
        assert_eq!(next(r#"{"at": "5s", "pause": "ledger-0", "for": "4s"}"#), Next::End(DOWN));
        assert_eq!(next(r#"{"at": "5s", "crash": "broker-1"}"#), Next::Nothing);
        assert_eq!(next(r#"{"at": "5s", "restart": "broker-1", "for": "4s"}"#), Next::Nothing);
        let slow = r#"{"at": "5s", "slow-follower": "broker-1", "by": "1s"}"#;
        assert_eq!(next(slow), Next::Look(LOOK), "until it is out of the in-sync set");
    }

    #[test]
    fn a_process_that_ends_is_wanted_down_by_the_faults_that_stop_it() {
        let all = faults(
            r#"{"at": "5s", "restart": "broker-1", "for": "4s"}, {"at": "5s", "pause": "broker-1", "for": "4s"},
               {"at": "5s", "restart": "broker-2", "for": "9s"}"#,
        );
        let hosts = [Host(0), Host(0), Host(1)];
        let active = (0..).zip(all).zip(hosts).map(|((number, fault), host)| {
            let (hosts, links) = (vec![host], Vec::new());
            (number, Active { fault, node: NodeId(1), hosts, links, rolling: None })
        });
        let nemesis = Nemesis { active: active.collect() };
        assert_eq!(nemesis.exited(Host(0)), Some(vec![(0, DOWN)]), "a pause ends no process");
        assert_eq!(nemesis.exited(Host(1)), Some(vec![(2, Micros::from_millis(9000))]));
        assert_eq!(nemesis.exited(Host(2)), None, "it is to be started again");
    }

    #[test]
    fn the_broker_that_a_rolling_restart_has_stopped_is_wanted_down() {
        let fault = faults(r#"{"at": "5s", "rolling-restart": "brokers", "for": "4s"}"#).remove(0);
        let mut rolling = Rolling::new(vec![Host(0), Host(1)], DOWN);
        assert_eq!(rolling.look(&mut Full), Step::Stop(Host(0)));
        let (hosts, links, node) = (Vec::new(), Vec::new(), NodeId(0));
        let active = Active { fault, node, hosts, links, rolling: Some(rolling) };
        let nemesis = Nemesis { active: BTreeMap::from([(0, active)]) };
        assert_eq!(nemesis.exited(Host(0)), Some(Vec::new()), "the restart starts it itself");
        assert_eq!(nemesis.exited(Host(1)), None);
    }

    struct Full;

    impl crate::rolling::Watched for Full {
        fn is_up(&mut self, _: Host) -> bool {
            true
        }
        fn is_back(&mut self, _: Option<Host>) -> Result<bool, String> {
            Ok(true)
        }
    }
}
