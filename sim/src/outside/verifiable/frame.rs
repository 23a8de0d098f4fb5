//! What happened around the clients: phases, faults, the lives of processes. Of a base it is taken as it
//! stands, but for processes that say themselves that they closed; without one it is made up of the logs:
//! - A tool whose log has no `shutdown_complete` crashed after its last line, and its last send.
//! - A final read is taken after the clients had the time to finish: the history then has a settle phase.

use super::roster::Roster;
use super::sends::{Send, micros};
use super::{Base, Log, What};
use ackproof_oracle::history::{Event, Phase, ProcessEnd};
use ackproof_types::NodeId;

/// Something with its time, in microseconds since 1970.
pub(super) type Moment = (u64, NodeId, Event);

/// When a process ran, by the base: from, and until when.
pub(super) type Lives = Vec<(u64, Option<u64>)>;

/// A process that has ended says nothing more: lines that stand later were printed before.
pub(super) fn clamp(lives: &Lives, at: u64) -> u64 {
    let life = lives.iter().rev().find(|(from, _)| *from <= at);
    life.and_then(|(_, until)| *until).map_or(at, |until| at.min(until))
}

/// The lives of the process at `node`.
pub(super) fn lives(base: &Base, node: NodeId) -> Lives {
    let mut lives = Lives::new();
    for entry in base.entries.iter().filter(|entry| entry.node == node) {
        let at = entry.at.as_micros();
        match entry.event {
            Event::ProcessStarted => lives.push((at, None)),
            Event::ProcessEnded(_) if lives.is_empty() => lives.push((0, Some(at))),
            Event::ProcessEnded(_) => {
                lives.last_mut().expect("it has one").1.get_or_insert(at);
            }
            _ => {}
        }
    }
    lives
}

/// When a process said that it closed.
fn closings(log: &Log) -> impl Iterator<Item = u64> {
    let lines = log.lines.iter().filter(|line| matches!(line.what, What::Stopped));
    lines.map(|line| micros(line.timestamp))
}

/// What the controllers decided while `base` lasts. How the cluster stood when it begins was decided before.
pub(super) fn during(base: &Base, decided: Vec<(u64, Event)>) -> Vec<Moment> {
    let controller = base.context.controller();
    let first = base.entries.first().map_or(0, |entry| entry.at.as_micros());
    let end = base.entries.iter().find(|entry| entry.event == Event::Phase(Phase::End));
    let end = end.map_or(u64::MAX, |entry| entry.at.as_micros());
    let moments = decided
        .into_iter()
        .map(|(timestamp, event)| (micros(timestamp).max(first), controller, event));
    moments.filter(|(at, ..)| *at <= end).collect()
}

/// Of a base, and of the closings that the logs tell.
pub(super) fn of_base(base: &Base, logs: &[&Log], roster: &Roster) -> Vec<Moment> {
    let mut closed = Vec::new();
    for (index, log) in logs.iter().enumerate() {
        let node = roster.node(index);
        let lives = lives(base, node);
        let clean = Event::ProcessEnded(ProcessEnd::Clean);
        closed.extend(closings(log).map(|at| (clamp(&lives, at), node, clean.clone())));
    }
    let mut moments = Vec::new();
    for entry in &base.entries {
        let at = entry.at.as_micros();
        if matches!(entry.event, Event::ProcessEnded(_)) {
            let lives = lives(base, entry.node);
            let from = lives.iter().rev().map(|(from, _)| *from).find(|from| *from <= at);
            let told = closed.iter().any(|(closed, node, _)| {
                *node == entry.node && (from.unwrap_or(0)..=at).contains(closed)
            });
            if told {
                continue;
            }
        }
        moments.push((at, entry.node, entry.event.clone()));
    }
    moments.extend(closed);
    moments
}

/// Made up of the logs.
pub(super) fn of_logs(
    logs: &[&Log],
    sends: &[Send],
    is_read: bool,
    roster: &Roster,
) -> Vec<Moment> {
    let times = logs.iter().flat_map(|log| &log.lines).map(|line| micros(line.timestamp));
    let last_send = sends.iter().map(|send| send.at).max();
    let (first, last) = (times.clone().min().unwrap_or(0), times.chain(last_send).max());
    let controller = roster.context.controller();
    let phase = |at: u64, phase| (at, controller, Event::Phase(phase));
    let mut moments = vec![phase(first, Phase::Load)];
    for (index, log) in logs.iter().enumerate() {
        let node = roster.node(index);
        let mut heard = None;
        let mut end = |how, at| moments.push((at, node, Event::ProcessEnded(how)));
        let crashed = |heard: u64, before: u64| {
            let own = sends.iter().filter(|send| send.log == index && send.at < before);
            own.map(|send| send.at).max().map_or(heard, |sent| sent.max(heard))
        };
        let mut started = Vec::new();
        for line in &log.lines {
            let at = micros(line.timestamp);
            match (&line.what, heard) {
                (What::Started, last) => {
                    if let Some(last) = last {
                        end(ProcessEnd::Crash, crashed(last, at));
                    }
                    started.push(at);
                    heard = Some(at);
                }
                (What::Stopped, _) => {
                    end(ProcessEnd::Clean, at);
                    heard = None;
                }
                (_, Some(_)) => heard = Some(at),
                (_, None) => {}
            }
        }
        if let Some(last) = heard {
            end(ProcessEnd::Crash, crashed(last, u64::MAX));
        }
        moments.extend(started.into_iter().map(|at| (at, node, Event::ProcessStarted)));
    }
    let last = last.unwrap_or(first);
    if is_read {
        moments.extend([phase(last, Phase::Settle), phase(last, Phase::FinalRead)]);
    }
    moments.push(phase(last, Phase::End));
    moments
}
