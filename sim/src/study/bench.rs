//! What a simulated message costs: a whole checked run beside a bare message of madsim.
//!
//! Used by `cargo bench` and by the command line, so that both quote the same figures. The only module
//! of the simulator that reads the wall clock, and never while a run decides anything.

use super::explore::in_order;
use crate::world::bounds::Failure;
use crate::world::run::run;
use ackproof_scenario::plan::Plan;
use madsim::net::Endpoint;
use madsim::runtime::{Handle, Runtime};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Figures of whole simulations: models, network, history, oracle.
#[derive(Clone, Copy, Debug, Default)]
pub struct Simulated {
    /// Wall time of all runs.
    pub wall: Duration,
    /// Runs.
    pub runs: u64,
    /// Messages delivered.
    pub messages: u64,
    /// Records sent.
    pub records: u64,
    /// Simulated time.
    pub simulated: Duration,
}

/// Runs `plan` under each of `seeds`, one after the other.
///
/// # Errors
/// As [`run`].
pub fn simulate(plan: &Plan, seeds: std::ops::Range<u64>) -> Result<Simulated, Failure> {
    let mut figures = Simulated::default();
    let start = now();
    for seed in seeds {
        let outcome = run(plan, seed, None)?;
        figures.runs += 1;
        figures.messages += outcome.messages;
        figures.records += outcome.findings.records.sent;
        figures.simulated += Duration::from_millis(outcome.simulated.as_millis());
    }
    figures.wall = start.elapsed();
    Ok(figures)
}

/// Runs `plan` under each of `seeds` on `jobs` threads, as a sweep does; the wall time of all.
///
/// # Errors
/// As [`run`], the first of them.
pub fn together(
    plan: &Plan,
    seeds: std::ops::Range<u64>,
    jobs: NonZeroUsize,
) -> Result<Duration, Failure> {
    let mut failed = None;
    let start = now();
    in_order(
        seeds,
        jobs,
        &AtomicBool::new(false),
        |seed| run(plan, *seed, None),
        |_, outcome| {
            let failure = match outcome {
                Ok(Ok(_)) => return ControlFlow::Continue(()),
                Ok(Err(failure)) => failure,
                Err(panic) => Failure::Crashed(panic),
            };
            failed.get_or_insert(failure);
            ControlFlow::Break(())
        },
    );
    let wall = start.elapsed();
    failed.map_or(Ok(wall), Err)
}

/// Sends `messages` datagrams of eight bytes from one madsim node to another through
/// [`Endpoint`], on a thread of its own: the floor of a simulation written straight on madsim.
///
/// # Panics
/// If madsim refuses its own addresses.
#[must_use]
pub fn endpoint(messages: u32) -> Duration {
    on_fresh_thread(move || async move {
        let (sender, receiver) = (address("10.0.0.1:1"), address("10.0.0.2:1"));
        let received = node(receiver).spawn(async move {
            let endpoint = Endpoint::bind(receiver).await.expect("a free address");
            let mut buffer = [0; 8];
            for _ in 0..messages {
                endpoint.recv_from(1, &mut buffer).await.expect("a datagram");
            }
        });
        node(sender).spawn(async move {
            let endpoint = Endpoint::bind(sender).await.expect("a free address");
            for _ in 0..messages {
                endpoint.send_to(receiver, 1, &[7; 8]).await.expect("a route");
            }
        });
        received.await.expect("the receiver ends");
    })
}

/// As [`endpoint`], on one stream that madsim keeps in order.
///
/// # Panics
/// If madsim refuses its own addresses.
#[must_use]
pub fn stream(messages: u32) -> Duration {
    on_fresh_thread(move || async move {
        let (sender, receiver) = (address("10.0.0.1:1"), address("10.0.0.2:1"));
        let received = node(receiver).spawn(async move {
            let endpoint = Endpoint::bind(receiver).await.expect("a free address");
            let (_out, mut incoming, _peer) = endpoint.accept1().await.expect("a connection");
            for _ in 0..messages {
                incoming.recv().await.expect("a message");
            }
        });
        node(sender).spawn(async move {
            let endpoint = Endpoint::bind(sender).await.expect("a free address");
            let (outgoing, _in) = endpoint.connect1(receiver).await.expect("a connection");
            for _ in 0..messages {
                outgoing.send(Box::new([7_u8; 8])).await.expect("a route");
            }
            // The receiver's end closes with the sender's.
            std::future::pending::<()>().await;
        });
        received.await.expect("the receiver ends");
    })
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn node(address: SocketAddr) -> madsim::runtime::NodeHandle {
    Handle::current().create_node().ip(address.ip()).build()
}

/// The wall time of a madsim run; a second one on the same thread would differ from the first.
fn on_fresh_thread<F: Future<Output = ()> + 'static>(
    make: impl FnOnce() -> F + Send + 'static,
) -> Duration {
    let work = || {
        let start = now();
        Runtime::with_seed_and_config(1, madsim::Config::default()).block_on(make());
        start.elapsed()
    };
    std::thread::spawn(work).join().expect("the measured run does not panic")
}

fn now() -> Instant {
    Instant::now()
}
