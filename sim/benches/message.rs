//! What a delivered message costs in a whole checked simulation, beside a bare message of madsim and of
//! turmoil, measured in one run.
//!
//! The table comes first: its rounds take every contender in turn, so that a machine whose speed
//! drifts drifts under all of them alike. Criterion's own measurements follow, for comparison with
//! earlier ones.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod chaos;

use ackproof::study::bench::{Simulated, endpoint, simulate, stream};
use criterion::{Criterion, Throughput};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

const ROUNDS: u64 = 9;
const MESSAGES: u32 = 20_000;

/// One way along a turmoil connection, a write a message.
fn turmoil_tcp(messages: u32) -> Duration {
    let start = Instant::now();
    let mut sim = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(1_000_000))
        .tcp_capacity(1 << 20)
        .build();
    sim.host("sender", move || async move {
        let listener = TcpListener::bind("0.0.0.0:1").await?;
        let (mut socket, _) = listener.accept().await?;
        for _ in 0..messages {
            socket.write_all(&[7; 8]).await?;
        }
        std::future::pending().await
    });
    sim.client("receiver", async move {
        let mut socket = TcpStream::connect("sender:1").await?;
        let mut buffer = [0; 8];
        for _ in 0..messages {
            socket.read_exact(&mut buffer).await?;
        }
        Ok(())
    });
    sim.run().expect("the simulation ends");
    start.elapsed()
}

/// Nanoseconds a message.
fn each(wall: Duration, messages: u64) -> f64 {
    wall.as_secs_f64() * 1e9 / messages as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Every contender in turn, round by round.
fn table() {
    let plan = chaos::plan();
    let mut rows: Vec<[f64; 4]> = Vec::new();
    let mut whole = Vec::new();
    for round in 0..ROUNDS {
        let run: Simulated = simulate(&plan, round * 10..round * 10 + 10).expect("no panic");
        rows.push([
            each(run.wall, run.messages),
            each(endpoint(MESSAGES), u64::from(MESSAGES)),
            each(stream(MESSAGES), u64::from(MESSAGES)),
            each(turmoil_tcp(MESSAGES / 4), u64::from(MESSAGES / 4)),
        ]);
        whole.push(run);
    }
    let names = [
        "ackproof: models, network, history, oracle",
        "madsim Endpoint datagram, bare",
        "madsim stream message, bare",
        "turmoil TCP message, bare",
    ];
    println!("cost per delivered message, median of {ROUNDS} interleaved rounds");
    println!("{:44} {:>9}  {:>24}", "", "ns", "ackproof / this, by round");
    for (column, name) in names.iter().enumerate() {
        let cost = median(rows.iter().map(|row| row[column]));
        let ratio = median(rows.iter().map(|row| row[0] / row[column]));
        println!("{name:44} {cost:9.0}  {ratio:24.2}");
    }
    let rate = |what: fn(&Simulated) -> f64| {
        median(whole.iter().map(|run| what(run) / run.wall.as_secs_f64()))
    };
    println!("simulated seconds per wall second  {:9.0}", rate(|run| run.simulated.as_secs_f64()));
    println!("records sent per wall second       {:9.0}", rate(|run| run.records as f64));
    println!("messages per wall second           {:9.0}", rate(|run| run.messages as f64));
    println!("seeds per wall second              {:9.2}", rate(|run| run.runs as f64));
}

fn measure(criterion: &mut Criterion) {
    let plan = chaos::plan();
    let mut group = criterion.benchmark_group("message");
    group.sample_size(10);
    let messages = simulate(&plan, 0..1).expect("no panic").messages;
    group.throughput(Throughput::Elements(messages));
    group.bench_function("ackproof chaos", |bencher| {
        bencher.iter(|| simulate(black_box(&plan), 0..1));
    });
    group.throughput(Throughput::Elements(u64::from(MESSAGES)));
    group.bench_function("madsim endpoint", |bencher| bencher.iter(|| endpoint(MESSAGES)));
    group.bench_function("madsim stream", |bencher| bencher.iter(|| stream(MESSAGES)));
    group.throughput(Throughput::Elements(u64::from(MESSAGES / 4)));
    group.bench_function("turmoil tcp", |bencher| bencher.iter(|| turmoil_tcp(MESSAGES / 4)));
    group.finish();
}

fn main() {
    table();
    let mut criterion = Criterion::default().configure_from_args();
    measure(&mut criterion);
    criterion.final_summary();
}
