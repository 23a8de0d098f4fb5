//! Figures of a benchmark for people.

use super::put;
use super::style::{heading, row};
use crate::bench::BenchReport;
use ackproof_types::words::plural;

/// A benchmark.
#[must_use]
pub fn bench(report: &BenchReport) -> String {
    let mut text = String::new();
    let commit = report.commit.as_deref().unwrap_or("no commit");
    put(&mut text, format_args!("{}  {}", heading(&report.file), plural(report.rounds, "round")));
    let BenchReport { version, cpu, cores, .. } = report;
    put(&mut text, format_args!("{}{version}, {commit}", row("ackproof")));
    put(&mut text, format_args!("{}{cpu}, {}", row("machine"), plural(*cores, "core")));
    let BenchReport { seeds_per_second, messages_per_second, simulated_per_second, .. } = report;
    put(
        &mut text,
        format_args!(
            "{}{seeds_per_second:.1} seeds, {messages_per_second:.0} messages, \
             {simulated_per_second:.0} simulated seconds",
            row("a second")
        ),
    );
    let BenchReport { message_ns, endpoint_ns, endpoint_ratio, .. } = report;
    put(
        &mut text,
        format_args!(
            "{}{message_ns:.0} ns; a bare madsim Endpoint datagram {endpoint_ns:.0} ns: \
             {endpoint_ratio:.2} times",
            row("a message")
        ),
    );
    put(&mut text, format_args!("{}{:.0} ns", row("a record"), report.record_ns));
    if let Some(two) = report.two_jobs {
        put(&mut text, format_args!("{}{two:.2} times the runs of one", row("two jobs")));
    }
    if let Some(peak) = report.peak_mib {
        put(&mut text, format_args!("{}{peak:.1} MiB at most", row("memory")));
    }
    text
}
