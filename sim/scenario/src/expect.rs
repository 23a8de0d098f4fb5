//! What a scenario expects, read from the tree. The names of properties and witnesses come from
//! outside: this crate knows no oracle.

use crate::json::Value;
use crate::plan::{Expect, Expected, Limit};
use crate::resolve::{LATENCIES, LENGTHS, MEASURES, Names, STATISTICS};
use crate::sink::{At, Sink};
use std::collections::BTreeMap;

/// Expectations by name.
pub(crate) const EXPECTED: &[(&str, Expected)] = &[
    ("held", Expected::Held),
    ("violated", Expected::Violated),
    ("may-violate", Expected::MayViolate),
];

/// Reads `expect`.
pub(crate) fn expect(sink: &mut Sink<'_>, at: Option<&At<'_>>, names: &Names<'_>) -> Expect {
    let mut expect = Expect::default();
    let Some(at) = at.filter(|at| sink.is_object(at)) else { return expect };
    expect.stated = true;
    for (key, child) in at.children() {
        expect.note(sink, key, &child);
        if key == "witness" {
            witness(sink, &child, names, &mut expect);
        } else if MEASURES.contains(&key) {
            expect.limits.extend(limit(sink, key, &child, amount));
        } else if LENGTHS.contains(&key) {
            expect.limits.extend(limit(sink, key, &child, millis));
        } else if LATENCIES.contains(&key) {
            latency(sink, key, &child, &mut expect.limits);
        } else if names.properties.contains(&key) {
            if let Some(expected) = expected(sink, &child) {
                expect.properties.insert(key.to_owned(), expected);
            }
        } else {
            let known = names.properties.iter().chain(MEASURES).chain(LENGTHS).chain(LATENCIES);
            let known = known.copied().chain(["witness"]);
            let what = ("property or measure", key);
            sink.unknown(child.key_span, &child.path, what, known);
        }
    }
    expect
}

impl Expect {
    /// Remembers on which line `name` stands, if it stands in the file.
    pub(crate) fn note(&mut self, sink: &Sink<'_>, name: &str, at: &At<'_>) {
        if let Some(line) = sink.line(at) {
            self.lines.insert(name.to_owned(), line);
        }
    }
}

fn expected(sink: &mut Sink<'_>, at: &At<'_>) -> Option<Expected> {
    let text = sink.string(at)?;
    let found = EXPECTED.iter().find(|(name, _)| *name == text);
    if found.is_none() {
        let known = EXPECTED.iter().map(|(name, _)| *name);
        sink.unknown(at.node.span, &at.path, ("expectation", text), known);
    }
    found.map(|(_, expected)| *expected)
}

/// Limits on the statistics of a latency.
fn latency(sink: &mut Sink<'_>, measure: &str, at: &At<'_>, limits: &mut Vec<Limit>) {
    if sink.object(at, STATISTICS) {
        for (statistic, child) in at.children() {
            let name = format!("{measure}.{statistic}");
            limits.extend(limit(sink, &name, &child, millis));
        }
    }
}

fn limit(
    sink: &mut Sink<'_>,
    measure: &str,
    at: &At<'_>,
    read: fn(&mut Sink<'_>, &At<'_>) -> Option<f64>,
) -> Option<Limit> {
    if !sink.object(at, &["min", "max"]) {
        return None;
    }
    let mut bound = |key| at.get(key).and_then(|at| read(sink, &at));
    let (min, max) = (bound("min"), bound("max"));
    if at.get("min").is_none() && at.get("max").is_none() {
        sink.at(at, "a limit needs \"min\" or \"max\"");
        return None;
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        sink.at(at, "\"min\" is above \"max\"");
    }
    Some(Limit { measure: measure.to_owned(), min, max })
}

/// A length of time, in milliseconds.
fn millis(sink: &mut Sink<'_>, at: &At<'_>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "lengths that can be written are below 2^52 us")]
    sink.duration(at).map(|length| length.0 as f64 / 1000.0)
}

/// A number from 0, fractions allowed.
fn amount(sink: &mut Sink<'_>, at: &At<'_>) -> Option<f64> {
    let number = match &at.node.value {
        Value::Number(raw) => raw.parse::<f64>().ok(),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    let number = number.filter(|number| number.is_finite() && *number >= 0.0);
    if number.is_none() {
        sink.at(at, "expected a number from 0");
    }
    number
}

fn witness(sink: &mut Sink<'_>, at: &At<'_>, names: &Names<'_>, expect: &mut Expect) {
    if !sink.is_object(at) {
        return;
    }
    let mut least = BTreeMap::new();
    for (key, child) in at.children() {
        expect.note(sink, &format!("witness.{key}"), &child);
        if !names.witnesses.contains(&key) {
            let known = names.witnesses.iter().copied();
            sink.unknown(child.key_span, &child.path, ("witness", key), known);
        } else if let Some(count) = sink.whole(&child, 1, i64::MAX) {
            least.insert(key.to_owned(), count.unsigned_abs());
        }
    }
    expect.witness = Some(least);
}
