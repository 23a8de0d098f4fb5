//! What an operator has ordered and not been told of yet. Orders about the world go on to whoever runs it.

use super::claims::called;
use super::moment::{self, Awaited, Condition};
use super::order::{Order, Reply};
use super::view::View;
use crate::world::run::orders::{Command, Done};
use ackproof_scenario::diagnostic::Diagnostic;
use ackproof_scenario::plan::{OutsideGroup, Plan};
use ackproof_scenario::strike;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// So many clients from outside may stand for a producer of the scenario.
const INSTANCES: u16 = 64;
/// Most of those who wait at the same time.
const MOST: usize = 1000;

/// What is to be told when an order is carried out.
#[derive(Clone, Copy, Debug)]
enum Asked {
    /// A fault with this number, as the operator counts faults.
    Fault(u32),
    /// The end of it.
    Heal(u32),
    /// A moment.
    Moment,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Operator {
    /// The plan, with those outside as they are called by now.
    pub(super) plan: Plan,
    /// The order of each fault, by the number that the operator knows.
    faults: BTreeMap<u32, u32>,
    asked: BTreeMap<u32, Asked>,
    waits: Vec<(u32, Condition)>,
    commands: Vec<(u32, Command)>,
    replies: Vec<(u32, Reply)>,
}

impl Operator {
    pub(super) fn new(mut plan: Plan) -> Self {
        plan.outsiders.clients.clear();
        plan.outsiders.groups.clear();
        // Clients from outside come in their place, as many as like.
        for producer in plan.producers.iter_mut().filter(|one| one.instances == 0) {
            producer.instances = INSTANCES;
        }
        Self {
            plan,
            faults: BTreeMap::new(),
            asked: BTreeMap::new(),
            waits: Vec::new(),
            commands: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Those outside are called so by now. One without a name has a number, as in reports.
    pub(super) fn learn(&mut self, clients: &[String], groups: &[String]) {
        let outsiders = &mut self.plan.outsiders;
        if outsiders.clients.len() != clients.len() {
            outsiders.clients =
                (0..).zip(clients).map(|(number, name)| called(name, number)).collect();
        }
        if outsiders.groups.len() != groups.len() {
            let group = |name: &String| OutsideGroup { name: name.clone(), topics: Vec::new() };
            outsiders.groups = groups.iter().map(group).collect();
        }
    }

    pub(super) fn reply(&mut self, order: u32, reply: Reply) {
        self.replies.push((order, reply));
    }

    /// What can be told by now.
    pub(super) fn replies(&mut self) -> Vec<(u32, Reply)> {
        std::mem::take(&mut self.replies)
    }

    /// What is for whoever runs the world.
    pub(super) fn commands(&mut self) -> Vec<(u32, Command)> {
        std::mem::take(&mut self.commands)
    }

    /// Takes an order, but for what is about records.
    pub(super) fn take(&mut self, number: u32, order: &Order) {
        match order {
            Order::Fault(text) => match strike::read(text, &self.plan) {
                Ok(fault) => {
                    let id = u32::try_from(self.faults.len() + 1).unwrap_or(u32::MAX);
                    self.faults.insert(id, number);
                    let names = self.plan.outsiders.clone();
                    self.command(number, Asked::Fault(id), Command::Strike(Box::new(fault), names));
                }
                Err(found) => self.reply(number, wrong(&found)),
            },
            Order::Heal(id) => match self.faults.get(id) {
                Some(of) => self.command(number, Asked::Heal(*id), Command::Heal(*of)),
                None => {
                    let known = self.faults.len();
                    let error = format!("there is no fault {id}");
                    let hint = format!("{known} have been ordered");
                    self.reply(number, Reply::refused(404, &error, Some(&hint)));
                }
            },
            Order::Wait(text) => match moment::read(text, &self.plan) {
                Ok(_) if self.waits.len() >= MOST => {
                    let error = format!("more than {MOST} wait already");
                    self.reply(number, Reply::refused(429, &error, None));
                }
                Ok(Awaited::So(condition)) => self.waits.push((number, condition)),
                Ok(Awaited::Anchor(anchor)) => {
                    self.command(number, Asked::Moment, Command::Await(anchor));
                }
                Err(reply) => self.reply(number, reply),
            },
            Order::State(()) | Order::Processed(_) => {}
        }
    }

    fn command(&mut self, number: u32, asked: Asked, command: Command) {
        self.asked.insert(number, asked);
        self.commands.push((number, command));
    }

    /// An order was carried out.
    pub(super) fn done(&mut self, number: u32, done: &Done, at_us: u64) {
        match self.asked.get(&number) {
            Some(Asked::Fault(id)) => {
                let reply = struck(*id, done, at_us);
                self.reply(number, reply);
            }
            Some(Asked::Heal(id)) => {
                let body = json!({ "id": id, "healed": done.healed > 0, "at_us": at_us });
                self.reply(number, Reply::fine(body));
            }
            Some(Asked::Moment) => return,
            None => {}
        }
        self.asked.remove(&number);
    }

    /// What was waited for has happened.
    pub(super) fn comes(&mut self, number: u32, at_us: u64) {
        self.asked.remove(&number);
        self.reply(number, Reply::fine(json!({ "at_us": at_us })));
    }

    /// Whether somebody waits for something to be so.
    pub(super) fn waits(&self) -> bool {
        !self.waits.is_empty()
    }

    /// Who waits for what is so by now.
    pub(super) fn come(&self, view: &View<'_>) -> Vec<u32> {
        let so = self.waits.iter().filter(|(_, condition)| condition.holds(view));
        so.map(|(number, _)| *number).collect()
    }

    /// They are told.
    pub(super) fn tell(&mut self, orders: &[u32], at_us: u64) {
        self.waits.retain(|(number, _)| !orders.contains(number));
        for number in orders {
            self.reply(*number, Reply::fine(json!({ "at_us": at_us })));
        }
    }
}

fn struck(id: u32, done: &Done, at_us: u64) -> Reply {
    let hit = done.records.iter().filter(|one| one.target.is_some()).count();
    if hit + done.waiting == 0 {
        let text = done.records.first().map_or("nobody fitted", |record| &record.text);
        let mut reply = Reply::refused(409, text, None);
        reply.body["id"] = id.into();
        return reply;
    }
    let of = |record: &crate::world::nemesis::FaultRecord| json!({ "what": record.text, "hit": record.target });
    let faults: Vec<Value> = done.records.iter().map(of).collect();
    let body = json!({ "id": id, "at_us": at_us, "done": faults, "waiting": done.waiting });
    Reply { status: 201, body }
}

/// What is wrong with a fault.
fn wrong(found: &[Diagnostic]) -> Reply {
    let Some(first) = found.first() else { return Reply::refused(400, "it is no fault", None) };
    let mut reply = Reply::refused(400, &first.message, first.hint.as_deref());
    reply.body["path"] = first.path.as_str().into();
    reply.body["line"] = first.line.into();
    reply.body["column"] = first.column.into();
    if found.len() > 1 {
        let more = found.iter().skip(1).map(|one| Value::from(one.message.as_str()));
        reply.body["more"] = more.collect();
    }
    reply
}
