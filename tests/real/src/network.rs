//! A network namespace for each process, all on one bridge, and what faults do to the links between them.
//!
//! A cut and a loss are rules of one nftables table on the bridge, which a change replaces as a whole; a rate
//! or a delay is a queue at the sender's end of the link (`tbf`, `netem`). Everything lives in a network
//! namespace of the run's own and ends with it.

use crate::host;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A process's place in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Host(pub(crate) usize);

/// An ordered pair: from, to.
pub(crate) type Link = (Host, Host);

/// What slows a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// So many bytes a second.
    Rate(u64),
    /// So many milliseconds more, between these.
    Delay(u64, u64),
}

/// All hosts and their links.
#[derive(Debug)]
pub(crate) struct Network {
    names: Vec<String>,
    cuts: BTreeMap<Link, u32>,
    /// By fault: lost packets in a million.
    losses: BTreeMap<(u32, Host, Host), u32>,
    /// Links that have a queue, perhaps one that holds nothing up any more.
    queues: BTreeMap<Link, Option<Queue>>,
}

/// The address of a host.
pub(crate) fn address(host: Host) -> String {
    format!("10.77.{}.{}", host.0 / 250, host.0 % 250 + 1)
}

/// Commands for `ip -batch` that connect these hosts.
fn wiring(names: &[String]) -> String {
    let mut text =
        String::from("link set lo up\nlink add bridge0 type bridge\nlink set bridge0 up\n");
    for (index, name) in names.iter().enumerate() {
        let _ = writeln!(
            text,
            "netns add {name}\nlink add port{index} type veth peer name eth0 netns {name}\n\
             link set port{index} master bridge0 up"
        );
    }
    text
}

impl Network {
    /// Makes a namespace for each of `names`.
    pub(crate) fn new(names: Vec<String>) -> Result<Self, String> {
        host::run("ip", &["-batch", "-"], &wiring(&names))?;
        for (index, name) in names.iter().enumerate() {
            let address = address(Host(index));
            let text =
                format!("link set lo up\naddr add {address}/16 dev eth0\nlink set eth0 up\n");
            host::run("ip", &["-netns", name, "-batch", "-"], &text)?;
        }
        Ok(Self { names, cuts: BTreeMap::new(), losses: BTreeMap::new(), queues: BTreeMap::new() })
    }

    /// The namespace of `host`.
    pub(crate) fn name(&self, host: Host) -> &str {
        &self.names[host.0]
    }

    /// Cuts `links` until each is healed as often as it was cut.
    pub(crate) fn cut(&mut self, links: &[Link]) -> Result<(), String> {
        for link in links {
            *self.cuts.entry(*link).or_default() += 1;
        }
        self.apply()
    }

    /// Takes a cut of each of `links` back.
    pub(crate) fn heal(&mut self, links: &[Link]) -> Result<(), String> {
        for link in links {
            if let Some(count) = self.cuts.get_mut(link) {
                *count -= 1;
            }
        }
        self.cuts.retain(|_, count| *count > 0);
        self.apply()
    }

    /// Loses packets of `links`, a share in a million; none: no more, as far as `fault` did it.
    pub(crate) fn lose(
        &mut self,
        fault: u32,
        links: &[Link],
        share: Option<u32>,
    ) -> Result<(), String> {
        for (from, to) in links {
            match share {
                Some(share) => self.losses.insert((fault, *from, *to), share),
                None => self.losses.remove(&(fault, *from, *to)),
            };
        }
        self.apply()
    }

    fn apply(&self) -> Result<(), String> {
        host::run("nft", &["-f", "-"], &self.rules()).map(drop)
    }

    /// The table of all cuts and losses.
    fn rules(&self) -> String {
        let mut text = String::from(
            "table bridge ackproof\ndelete table bridge ackproof\ntable bridge ackproof {\n\
             chain forward { type filter hook forward priority 0; policy accept;\n",
        );
        for (from, to) in self.cuts.keys() {
            let _ = writeln!(text, "ip saddr {} ip daddr {} drop", address(*from), address(*to));
        }
        for ((_, from, to), share) in &self.losses {
            let _ = writeln!(
                text,
                "ip saddr {} ip daddr {} numgen random mod 1000000 < {share} drop",
                address(*from),
                address(*to)
            );
        }
        text.push_str("}\n}\n");
        text
    }

    /// Puts `queue` on each of `links`; none: what waits there goes at full speed. A link has one at a
    /// time: the last one that was put there.
    pub(crate) fn queue(&mut self, links: &[Link], queue: Option<Queue>) -> Result<(), String> {
        for (from, to) in links {
            let before = self.queues.insert((*from, *to), queue);
            let is_first = !self.queues.keys().any(|(other, at)| other == from && at != to);
            let text = shaping(*to, queue, before, is_first && before.is_none());
            host::run("tc", &["-netns", self.name(*from), "-batch", "-"], &text)?;
        }
        Ok(())
    }
}

/// Commands for `tc -batch` at the sender's end of a link to `to`. A class that is there is never taken
/// away, as its queue would be lost with it.
fn shaping(
    to: Host,
    queue: Option<Queue>,
    before: Option<Option<Queue>>,
    is_first: bool,
) -> String {
    let (class, mut text) = (to.0 + 16, String::new());
    if is_first {
        text.push_str(
            "qdisc add dev eth0 root handle 1: htb default 1\n\
             class add dev eth0 parent 1: classid 1:1 htb rate 10gbit quantum 60000\n",
        );
    }
    if before.is_none() {
        let _ = writeln!(
            text,
            "class add dev eth0 parent 1: classid 1:{class:x} htb rate 10gbit quantum 60000\n\
             filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst {}/32 flowid 1:{class:x}",
            address(to)
        );
    }
    let kind = |queue: Queue| match queue {
        Queue::Rate(_) => "tbf",
        Queue::Delay(..) => "netem",
    };
    // A queue of the same kind is changed; another kind takes its place.
    let same = before.flatten().or(queue).map(kind) == queue.or(before.flatten()).map(kind);
    let verb = if before.is_some() && same { "change" } else { "replace" };
    let _ = write!(text, "qdisc {verb} dev eth0 parent 1:{class:x} handle {class:x}: ");
    let _ = match (queue, before.flatten()) {
        // Smaller than a segment with its headers the burst would let nothing pass.
        (Some(Queue::Rate(rate)), _) => writeln!(text, "tbf rate {rate}bps burst 3000 limit 4mb"),
        (Some(Queue::Delay(low, high)), _) => {
            writeln!(text, "netem delay {}ms {}ms limit 100000", (low + high) / 2, (high - low) / 2)
        }
        (None, Some(Queue::Delay(..))) => writeln!(text, "netem delay 0ms limit 100000"),
        (None, _) => writeln!(text, "tbf rate 10gbit burst 1mb limit 4mb"),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        let names = ["broker-1", "broker-2"].map(str::to_owned).to_vec();
        Network { names, cuts: BTreeMap::new(), losses: BTreeMap::new(), queues: BTreeMap::new() }
    }

    #[test]
    fn every_host_has_an_address_of_its_own() {
        let all: std::collections::BTreeSet<String> = (0..1000).map(Host).map(address).collect();
        assert_eq!(all.len(), 1000);
        assert!(all.iter().all(|one| one.parse::<std::net::Ipv4Addr>().is_ok()));
    }

    #[test]
    fn cuts_are_counted_and_one_way() {
        let mut network = network();
        let (one, two) = (Host(0), Host(1));
        *network.cuts.entry((one, two)).or_default() += 2;
        assert!(network.rules().contains("ip saddr 10.77.0.1 ip daddr 10.77.0.2 drop"));
        assert!(!network.rules().contains("ip saddr 10.77.0.2 "), "the other way is open");
        network.losses.insert((3, two, one), 50_000);
        let lost = "ip saddr 10.77.0.2 ip daddr 10.77.0.1 numgen random mod 1000000 < 50000 drop";
        assert!(network.rules().contains(lost), "{}", network.rules());
    }

    #[test]
    fn a_queue_is_made_once_and_changed_after() {
        let first = shaping(Host(1), Some(Queue::Rate(20_000)), None, true);
        assert!(first.starts_with("qdisc add dev eth0 root handle 1: htb"), "{first}");
        assert!(first.contains("match ip dst 10.77.0.2/32 flowid 1:11"), "{first}");
        assert!(first.ends_with("tbf rate 20000bps burst 3000 limit 4mb\n"), "{first}");
        let healed = shaping(Host(1), None, Some(Some(Queue::Rate(20_000))), false);
        assert_eq!(healed.lines().count(), 1, "the class stays: {healed}");
        assert!(healed.starts_with("qdisc change "), "what waits is kept: {healed}");
        let other = shaping(Host(1), Some(Queue::Delay(50, 100)), Some(None), false);
        assert!(other.contains("netem delay 75ms 25ms"), "{other}");
    }
}
