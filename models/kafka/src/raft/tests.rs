//! Voters in any order: messages are late, lost or overtaken, processes and power go, timers fire whenever they like.
//! What must hold is Raft's: election safety, log matching, leader completeness, durability.

use super::*;
use crate::machine::Disk;
use ackproof_types::KafkaVersion;
use std::collections::BTreeSet;

type Payloads = u32;

/// A message under way.
#[derive(Clone, Debug)]
struct Flight {
    from: usize,
    to: usize,
    number: u64,
    /// The life of who asks: its answers come to no later one.
    life: u32,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Ask(QuorumRequest),
    Fetch(FetchOfLog),
    Reply(Answer<QuorumReply>),
    Records(Answer<Fetched<Payloads>>),
}

#[derive(Default)]
struct Node {
    disk: QuorumDisk<Payloads>,
    replica: Option<Replica<Payloads>>,
    timers: BTreeSet<Timer>,
    flushes: u64,
    flush_due: bool,
    life: u32,
}

struct Lab {
    nodes: Vec<Node>,
    wire: Vec<Flight>,
    config: Vec<Arc<VoterConfig>>,
    seed: u64,
    next: u32,
    leaders: BTreeMap<ControllerEpoch, usize>,
    committed: Vec<Entry<Payloads>>,
}

/// What a step of a node acts on.
struct Wires<'a> {
    own: usize,
    node: &'a mut Node,
    wire: &'a mut Vec<Flight>,
}

fn place(id: ControllerId) -> usize {
    usize::from(id.0)
}

impl Wires<'_> {
    fn send(&mut self, to: ControllerId, number: u64, what: What) {
        let (from, life) = (self.own, self.node.life);
        self.wire.push(Flight { from, to: place(to), number, life, what });
    }

    /// Connections of askers are numbered by asker and life.
    fn reply(&mut self, to: Asker, what: What) {
        let asker = usize::try_from(to.connection.0 % 16).expect("small");
        let life = u32::try_from(to.connection.0 / 16).expect("small");
        let number = to.correlation.0;
        self.wire.push(Flight { from: self.own, to: asker, number, life, what });
    }
}

impl Port<Payloads> for Wires<'_> {
    fn ask(&mut self, to: ControllerId, number: u64, request: QuorumRequest) {
        self.send(to, number, What::Ask(request));
    }
    fn fetch(&mut self, from: ControllerId, number: u64, request: FetchOfLog) {
        self.send(from, number, What::Fetch(request));
    }
    fn answer(&mut self, to: Asker, answer: Answer<QuorumReply>) {
        self.reply(to, What::Reply(answer));
    }
    fn answer_fetch(&mut self, to: Asker, answer: Answer<Fetched<Payloads>>) {
        self.reply(to, What::Records(answer));
    }
    fn hang_up(&mut self, _: ControllerId) {}
    fn hang_up_fetch(&mut self, _: ControllerId) {}
    fn arm(&mut self, timer: Timer, _: Delay) {
        self.node.timers.insert(timer);
    }
    fn disarm(&mut self, timer: Timer) {
        self.node.timers.remove(&timer);
    }
    fn write(&mut self, write: QuorumWrite<Payloads>) {
        self.node.disk.apply(write);
    }
    fn flush(&mut self) -> Ticket {
        self.node.flushes += 1;
        self.node.flush_due = true;
        Ticket(self.node.flushes)
    }
}

impl Lab {
    fn new(voters: u16, seed: u64, variants: &[Variant], version: KafkaVersion) -> Self {
        let all: Arc<[ControllerId]> = (0..voters).map(ControllerId).collect();
        let config = |id: &ControllerId| {
            Arc::new(VoterConfig {
                id: *id,
                voters: Arc::clone(&all),
                settings: QuorumSettings::default(),
                profile: Profile { version, ..Profile::default() },
                variants: variants.iter().copied().collect(),
            })
        };
        let mut lab = Self {
            nodes: all.iter().map(|_| Node::default()).collect(),
            wire: Vec::new(),
            config: all.iter().map(config).collect(),
            seed,
            next: 0,
            leaders: BTreeMap::new(),
            committed: Vec::new(),
        };
        (0..lab.nodes.len()).for_each(|at| lab.boot(at));
        lab
    }

    fn draw(&mut self, below: usize) -> usize {
        self.seed = self.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let drawn = ackproof_types::mix::mix(self.seed);
        usize::try_from(drawn % below.max(1) as u64).expect("small")
    }

    fn boot(&mut self, at: usize) {
        let Self { nodes, wire, config, .. } = self;
        let node = &mut nodes[at];
        (node.life, node.flush_due) = (node.life + 1, false);
        node.timers.clear();
        let disk = node.disk.clone();
        let mut port = Wires { own: at, node, wire };
        let mut replica = Replica::boot(Arc::clone(&config[at]), &disk, &mut port);
        replica.end_step(&mut port);
        node.replica = Some(replica);
        self.look(at);
    }

    fn step(&mut self, at: usize, act: impl FnOnce(&mut Replica<Payloads>, &mut Wires<'_>)) {
        let Self { nodes, wire, .. } = self;
        let node = &mut nodes[at];
        let Some(mut replica) = node.replica.take() else { return };
        let mut port = Wires { own: at, node, wire };
        act(&mut replica, &mut port);
        replica.end_step(&mut port);
        replica.check();
        node.replica = Some(replica);
        self.look(at);
    }

    fn deliver(&mut self, flight: Flight) {
        let Flight { from, to, number, life, what } = flight;
        let asker = Asker {
            connection: ConnectionId(u64::from(life) * 16 + from as u64),
            correlation: CorrelationId(number),
        };
        let voter = ControllerId(u16::try_from(from).expect("small"));
        let is_known = self.nodes[to].life == life;
        self.step(to, |replica, port| match what {
            What::Ask(request) => replica.request(asker, &request, port),
            What::Fetch(request) => replica.fetch_request(asker, request, port),
            What::Reply(answer) if is_known => replica.answered(voter, number, &answer, port),
            What::Records(answer) if is_known => replica.fetched(voter, number, answer, port),
            What::Reply(_) | What::Records(_) => {}
        });
    }

    fn flush(&mut self, at: usize) {
        if std::mem::take(&mut self.nodes[at].flush_due) {
            self.nodes[at].disk.flush();
            let ticket = Ticket(self.nodes[at].flushes);
            self.step(at, |replica, port| replica.flushed(ticket, port));
        }
    }

    fn kill(&mut self, at: usize, power: bool) {
        let node = &mut self.nodes[at];
        node.replica = None;
        let keeps = self.draw(3);
        if power {
            self.nodes[at].disk.lose_power(&mut |changes| changes * keeps / 2);
        }
    }

    /// Anything that can happen.
    fn any(&mut self) {
        let at = self.draw(self.nodes.len());
        match self.draw(100) {
            0..50 if !self.wire.is_empty() => {
                let which = self.draw(self.wire.len());
                let flight = self.wire.swap_remove(which);
                if self.draw(12) > 0 {
                    self.deliver(flight);
                }
            }
            0..70 => self.flush(at),
            70..82 => {
                let timers: Vec<Timer> = self.nodes[at].timers.iter().copied().collect();
                let which = self.draw(timers.len());
                // Patience has a longer breath than messages.
                let Some(timer) = timers.get(which).copied() else { return };
                if matches!(timer, Timer::Patience | Timer::Quorum) && self.draw(4) > 0 {
                    return;
                }
                self.nodes[at].timers.remove(&timer);
                self.step(at, |replica, port| replica.fire(timer, port));
            }
            82..95 => {
                self.next += 1;
                let record = self.next;
                self.step(at, |replica, port| {
                    if matches!(replica.role, Role::Leader(_)) {
                        replica.append(record, port);
                    }
                });
            }
            95 => self.kill(at, false),
            96 => self.kill(at, true),
            _ if self.nodes[at].replica.is_none() => self.boot(at),
            97 => self.snapshot(at),
            _ => {}
        }
    }

    /// A voter keeps what it knows to be committed, and perhaps deletes it from its log.
    fn snapshot(&mut self, at: usize) {
        let end = self.nodes[at].replica.as_ref().map_or(0, Replica::high_watermark);
        let records = records(&self.committed[..usize::try_from(end).expect("small")]);
        let forgets = self.draw(2) == 0;
        self.step(at, |replica, port| {
            if replica.snapshot().is_none_or(|kept| kept.end.offset < end) {
                replica.keep(end, records.into(), port);
            }
            if forgets {
                replica.forget(port);
            }
        });
    }

    /// A log with what it had before it began.
    fn whole(&self, base: LogEnd, log: &[Entry<Payloads>]) -> Vec<Entry<Payloads>> {
        let base = usize::try_from(base.offset).expect("small");
        [&self.committed[..base], log].concat()
    }

    /// What holds of everybody.
    fn look(&mut self, at: usize) {
        let Some(replica) = &self.nodes[at].replica else { return };
        let log = self.whole(replica.base, &replica.log);
        if matches!(replica.role, Role::Leader(_)) {
            let is_new = !self.leaders.contains_key(&replica.epoch);
            let known = *self.leaders.entry(replica.epoch).or_insert(at);
            assert_eq!(known, at, "election safety: two lead epoch {}", replica.epoch);
            if is_new {
                assert!(
                    log.starts_with(&self.committed),
                    "leader completeness: {at} lacks what is committed"
                );
            }
        }
        let high = usize::try_from(replica.high_watermark).expect("small");
        let both = high.min(self.committed.len());
        assert_eq!(log[..both], self.committed[..both], "a committed entry is another one");
        if let Some(kept) = replica.snapshot() {
            let end = usize::try_from(kept.end.offset).expect("small");
            assert_eq!(kept.records[..], records(&self.committed[..end])[..], "another snapshot");
        }
        let disks: Vec<_> =
            self.nodes.iter().map(|one| self.whole(one.disk.base(), one.disk.entries())).collect();
        for (other, disk) in disks.iter().enumerate().filter(|(other, _)| *other != at) {
            let same = log.iter().zip(disk).rposition(|(one, two)| one.epoch == two.epoch);
            if let Some(last) = same {
                assert_eq!(log[..=last], disk[..=last], "log matching: {at} and {other}");
            }
        }
        if high > self.committed.len() {
            self.committed.extend_from_slice(&log[both..high]);
            let many = disks.iter().filter(|disk| disk.starts_with(&self.committed)).count();
            assert!(many > self.nodes.len() / 2, "durability: {many} disks hold what is committed");
        }
    }
}

/// What users of the quorum have appended.
fn records(log: &[Entry<Payloads>]) -> Vec<Payloads> {
    log.iter().filter_map(|entry| entry.payload.record().copied()).collect()
}

fn play(voters: u16, seeds: std::ops::Range<u64>, variants: &[Variant]) -> usize {
    let mut committed = 0;
    for seed in seeds {
        let versions = [KafkaVersion::V4_0, KafkaVersion::V4_1];
        let mut lab = Lab::new(voters, seed << 32, variants, versions[(seed % 2) as usize]);
        (0..1500).for_each(|_| lab.any());
        committed += lab.committed.len();
    }
    committed
}

#[test]
fn whatever_happens_a_committed_entry_stays_and_an_epoch_has_one_leader() {
    for voters in [3, 5] {
        let committed = play(voters, 0..120, &[]);
        assert!(committed > 500, "{voters} voters: only {committed} entries were committed");
    }
}

fn fails(variant: Variant) -> bool {
    std::panic::catch_unwind(|| play(3, 0..120, &[variant])).is_err()
}

#[test]
fn each_rule_that_is_taken_away_is_missed() {
    for variant in [
        Variant::VoteNotSynced,
        Variant::QuorumByMinority,
        Variant::VoteForShorterLog,
        Variant::ZombieController,
    ] {
        assert!(fails(variant), "{variant}: nobody noticed");
    }
}

/// Delivers everything, flushes everything, in order.
fn settle(lab: &mut Lab) {
    for _ in 0..200 {
        (0..lab.nodes.len()).for_each(|at| lab.flush(at));
        if lab.wire.is_empty() {
            return;
        }
        let flight = lab.wire.remove(0);
        lab.deliver(flight);
    }
}

fn fire(lab: &mut Lab, at: usize, timer: Timer) {
    assert!(lab.nodes[at].timers.remove(&timer), "{timer:?} is armed");
    lab.step(at, |replica, port| replica.fire(timer, port));
    settle(lab);
}

fn leader(lab: &Lab) -> Option<usize> {
    let leads = |node: &Node| node.replica.as_ref().is_some_and(Replica::is_established);
    lab.nodes.iter().position(leads)
}

/// A quorum whose leader is 0.
fn elected() -> Lab {
    let mut lab = Lab::new(3, 0, &[], KafkaVersion::V4_1);
    settle(&mut lab);
    fire(&mut lab, 0, Timer::Patience);
    assert_eq!(leader(&lab), Some(0));
    lab
}

/// R17.19: a voter that was cut off does not depose the leader that the others follow.
#[test]
fn a_voter_that_comes_back_asks_before_it_raises_the_epoch() {
    let mut lab = elected();
    let epoch = lab.nodes[0].replica.as_ref().expect("up").epoch;
    fire(&mut lab, 2, Timer::Patience);
    assert_eq!(leader(&lab), Some(0));
    assert_eq!(lab.nodes[2].replica.as_ref().expect("up").epoch, epoch, "KIP-996");
}

/// R5.30.
#[test]
fn a_leader_without_its_quorum_resigns_and_another_is_elected() {
    let mut lab = elected();
    fire(&mut lab, 0, Timer::Quorum);
    assert_eq!(leader(&lab), None);
    fire(&mut lab, 1, Timer::Patience);
    assert_eq!(leader(&lab), Some(1), "1 is the first of the successors");
}

/// KIP-630.
#[test]
fn a_voter_that_was_away_for_long_goes_on_from_a_snapshot() {
    let mut lab = elected();
    lab.kill(2, false);
    for record in 1..=5 {
        lab.step(0, |replica, port| replica.append(record, port));
        settle(&mut lab);
    }
    lab.committed.clone_from(&lab.nodes[0].replica.as_ref().expect("up").log);
    let end = lab.committed.len() as u64;
    lab.step(0, |replica, port| {
        replica.keep(end, Arc::new([1, 2, 3, 4, 5]), port);
        replica.forget(port);
    });
    lab.wire.clear();
    lab.boot(2);
    settle(&mut lab);
    for timer in [Timer::Patience, Timer::Refetch] {
        if lab.nodes[2].timers.contains(&timer) {
            fire(&mut lab, 2, timer);
        }
    }
    let back = lab.nodes[2].replica.as_ref().expect("up");
    assert_eq!((back.log_start(), back.log_end()), (end, end), "{back:?}");
    assert_eq!(back.snapshot().map(|kept| &*kept.records), Some(&[1, 2, 3, 4, 5][..]));
}

#[test]
fn a_leader_that_stops_waits_until_the_others_know() {
    let mut lab = elected();
    lab.step(0, |replica, port| replica.stop(port));
    assert_eq!(lab.nodes[0].replica.as_ref().expect("up").life(), Life::Goes);
    settle(&mut lab);
    assert_eq!(lab.nodes[0].replica.as_ref().expect("up").life(), Life::MayStop);
}
