//! Smaller versions of a schedule in time: shorter, with smaller gaps, with round numbers, and with faults
//! tied to what happens instead of a time. Each function lists candidates, the boldest first.

use super::tree::{faults, length, retime, times, with, with_fault};
use ackproof_scenario::durations::{duration, spell};
use ackproof_types::Micros;
use serde_json::{Value, json};

/// Lengths that read well.
const ROUND: &[u64] = &[1, 2, 5, 10, 15, 20, 30, 45, 60, 90];

/// With a shorter load or settle. What settles in too short a time has not recovered, so the settle phase stays where the
/// failure is that somebody is left behind.
pub(crate) fn phases(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let last = times(tree).last().copied().unwrap_or(Micros::ZERO);
    for (key, least) in [("load", last), ("settle", Micros(1))] {
        if key == "settle" && is_left_behind(tree) {
            continue;
        }
        let path = ["run", key];
        let now = tree.get("run").and_then(|run| length(run, key)).unwrap_or(Micros::ZERO);
        for seconds in ROUND.iter().map(|seconds| Micros::from_secs(*seconds)) {
            if seconds >= least && seconds < now {
                found.extend(with(tree, &path, Some(json!(spell(seconds)))));
            }
        }
    }
    found
}

/// Whether the failure is that of `recovers`, or a backlog.
fn is_left_behind(tree: &Value) -> bool {
    let expected = |name: &str| tree.get("expect").and_then(|expect| expect.get(name));
    expected("backlog").is_some()
        || expected("recovers").is_some_and(|expected| expected.as_str() != Some("may-violate"))
}

/// With one of the gaps between what happens made smaller.
pub(crate) fn gaps(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let mut before = Micros::from_secs(1);
    for at in times(tree) {
        let gap = Micros(at.0.saturating_sub(before.0));
        for left in [10, 100, 1000, 5000].map(Micros::from_millis) {
            if gap.0 > 2 * left.0 {
                let cut = gap.0 - left.0;
                let move_up = |time: Micros| if time >= at { Micros(time.0 - cut) } else { time };
                found.extend(retime(tree, move_up));
            }
        }
        before = at;
    }
    found
}

/// With shorter faults, and without what comes on top of what they wait for.
pub(crate) fn lengths(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for (number, fault) in faults(tree).iter().enumerate() {
        if fault.get("plus").is_some() {
            found.extend(with_fault(tree, number, |fault| {
                fault.shift_remove("plus");
            }));
        }
        let Some(now) = length(fault, "for") else { continue };
        for seconds in ROUND.iter().map(|seconds| Micros::from_secs(*seconds)) {
            if seconds < now {
                found.extend(with_fault(tree, number, |fault| {
                    fault.insert("for".to_owned(), json!(spell(seconds)));
                }));
            }
        }
    }
    found
}

/// With round times.
pub(crate) fn round(tree: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for unit in [1_000_000, 100_000, 10_000, 1000] {
        let round = |time: Micros| Micros(time.0.div_ceil(unit) * unit);
        let changed = retime(tree, round).filter(|changed| changed != tree);
        found.extend(changed);
        for (number, fault) in faults(tree).iter().enumerate() {
            for key in ["at", "for", "plus", "by", "grace"] {
                let Some(now) = fault.get(key).and_then(Value::as_str) else { continue };
                let Ok(now) = duration(now) else { continue };
                let rounded = round(now);
                if rounded != now {
                    found.extend(with_fault(tree, number, |fault| {
                        fault.insert(key.to_owned(), json!(spell(rounded)));
                    }));
                }
            }
        }
    }
    found
}
