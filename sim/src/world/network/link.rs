//! Links: one for each ordered pair of processes, with its latency, cuts, extra delay, loss and rate.
//!
//! Says whether a packet passes and how long it travels; what becomes of one that does not pass is decided in
//! [`retransmit`](super::retransmit), whose turn it is on a narrow one in [`narrow`](super::narrow). Knows no
//! connection.

use super::Stretch;
use super::narrow::Narrow;
use super::retransmit::FIRST;
use crate::world::events::Toward;
use ackproof_kafka::machine::Channel;
use ackproof_scenario::plan::Network as Settings;
use ackproof_scenario::schedule::draw;
use ackproof_scenario::stream;
use ackproof_types::{Delay, Micros, NodeId};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One link.
#[derive(Debug)]
pub(super) struct Link {
    rng: ChaCha8Rng,
    pub(super) cuts: u32,
    /// By fault: how much slower, and what; none: everything.
    pub(super) slow: Vec<(u32, Delay, Option<Stretch>)>,
    /// By fault: packets lost of a million.
    pub(super) loss: Vec<(u32, u32)>,
    pub(super) narrow: Narrow,
}

/// All links.
#[derive(Debug)]
pub(super) struct Links {
    nodes: usize,
    latency: Delay,
    /// `net.ipv4.tcp_syn_linear_timeouts`.
    pub(super) syn_linear_timeouts: u16,
    /// How long a sender on a connection that is made waits before it sends again.
    pub(super) timer: Delay,
    all: Vec<Link>,
}

/// Every ordered pair, in the order of the links.
fn pairs(entities: &[u64]) -> impl Iterator<Item = (u64, u64)> + '_ {
    entities.iter().flat_map(|from| entities.iter().map(move |to| (*from, *to)))
}

/// The stream of one link.
fn of(seed: u64, from: u64, to: u64) -> ChaCha8Rng {
    stream(seed, "link", from.rotate_left(32) ^ to)
}

impl Links {
    /// Between as many processes as `entities`, which name their streams.
    pub(super) fn new(entities: &[u64], settings: Settings, seed: u64) -> Self {
        let Settings { latency, syn_linear_timeouts } = settings;
        let all = pairs(entities)
            .map(|(from, to)| Link {
                rng: of(seed, from, to),
                cuts: 0,
                slow: Vec::new(),
                loss: Vec::new(),
                narrow: Narrow::default(),
            })
            .collect();
        Self { nodes: entities.len(), latency, syn_linear_timeouts, timer: FIRST, all }
    }

    /// What is drawn from now on comes from streams of `seed`.
    pub(super) fn reseed(&mut self, entities: &[u64], seed: u64) {
        for (link, (from, to)) in self.all.iter_mut().zip(pairs(entities)) {
            link.rng = of(seed, from, to);
        }
    }

    /// The link that leads from the one to the other.
    pub(super) fn between(&mut self, (from, to): (NodeId, NodeId)) -> &mut Link {
        &mut self.all[from.index() * self.nodes + to.index()]
    }

    /// The first timer of a packet that was lost just now.
    pub(super) fn first_timer(&mut self, ends: (NodeId, NodeId)) -> u64 {
        let timer = self.timer;
        self.between(ends).draw(timer).0
    }

    /// Whether a packet that is sent now is lost. The first one of a connection stands for its handshake,
    /// which needs both ways: it is lost as well if the answer to it would be.
    pub(super) fn lose(&mut self, (from, to): (NodeId, NodeId), is_first: bool) -> bool {
        self.between((from, to)).loses() || (is_first && self.between((to, from)).loses())
    }

    /// How long the next packet travels. The first one of a connection comes after a handshake: one
    /// round trip more.
    pub(super) fn delay(
        &mut self,
        ends: (NodeId, NodeId),
        is_first: bool,
        on: (Channel, Toward),
    ) -> u64 {
        let latency = self.latency;
        let link = self.between(ends);
        let mut delay = draw(&mut link.rng, latency).0;
        if is_first {
            delay *= 3;
        }
        let is_hit = |(channel, way): Stretch| channel == on.0 && way.is_none_or(|way| way == on.1);
        for (_, extra, _) in link.slow.iter().filter(|(.., what)| what.is_none_or(is_hit)) {
            delay += draw(&mut link.rng, *extra).0;
        }
        delay
    }
}

impl Link {
    /// What is sent on it has to wait for its turn.
    pub(super) fn has_queue(&self) -> bool {
        self.cuts == 0 && !self.narrow.is_wide()
    }

    pub(super) fn draw(&mut self, delay: Delay) -> Micros {
        draw(&mut self.rng, delay)
    }

    /// Draws only where packets are lost by chance, so that no other link's latencies move.
    fn loses(&mut self) -> bool {
        let loss = self.loss.iter().map(|(_, loss)| *loss).max().unwrap_or(0);
        self.cuts > 0 || (loss > 0 && self.rng.random_range(0..1_000_000) < loss)
    }
}
