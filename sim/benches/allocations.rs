//! How often a run allocates, and how much it holds at its end, per delivered message.
//!
//! Apart from the timings, since counting takes time itself.

#![expect(clippy::print_stdout, reason = "the table is what a benchmark is for")]
#![expect(clippy::cast_precision_loss, reason = "figures for people")]

mod chaos;

use ackproof::study::bench::simulate;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static GLOBAL: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let plan = chaos::plan();
    let region = Region::new(GLOBAL);
    let run = simulate(&plan, 0..10).expect("no panic");
    let counted = region.change();
    let each = |count: usize| count as f64 / run.messages as f64;
    println!("allocations per message            {:9.2}", each(counted.allocations));
    println!("reallocations per message          {:9.2}", each(counted.reallocations));
    println!("bytes allocated per message        {:9.0}", each(counted.bytes_allocated));
}
