//! When a fault strikes: at a time, again and again within a window, or after something has happened.

use crate::anchor;
use crate::describe::listed;
use crate::json::Value;
use crate::plan::{Plan, When};
use crate::sink::{At, Sink};
use ackproof_types::Micros;

/// Keys that say when.
pub(crate) const KEYS: &[&str] = &["at", "between", "every", "after", "on", "plus", "until"];
/// Two faults of one entry are at least this far apart.
const CLOSEST: Micros = Micros::from_millis(1);
/// Most times that one entry may strike.
const MOST: u64 = 10_000;

/// A time within the load.
fn time(sink: &mut Sink<'_>, at: &At<'_>, load: Micros) -> Option<Micros> {
    let time = sink.duration(at)?;
    if time > load {
        sink.at(at, format!("the load ends at {load}; no fault happens later"));
    }
    Some(time)
}

/// When the fault at `at` strikes.
pub(crate) fn read(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<When> {
    let given: Vec<At<'_>> =
        ["at", "between", "after"].iter().filter_map(|key| at.get(key)).collect();
    if let [_, second, ..] = given.as_slice() {
        let message = "a fault has one of \"at\", \"between\" and \"after\"";
        sink.error(second.key_span, &second.path, message);
        return None;
    }
    let with: [(&str, &[&str]); 2] = [("every", &["between"]), ("plus", &["after", "on"])];
    for (key, goes_with) in with {
        if let Some(child) = at.get(key)
            && goes_with.iter().all(|with| at.get(with).is_none())
            && !given.is_empty()
        {
            let with: Vec<String> = goes_with.iter().map(|with| format!("\"{with}\"")).collect();
            let message = format!("\"{key}\" goes with {} only", listed(&with));
            sink.error(child.key_span, &child.path, message);
        }
    }
    if let Some(when) = at.get("at") {
        return time(sink, &when, plan.load).map(When::At);
    }
    if let Some(window) = at.get("between") {
        return between(sink, &window, at.get("every"), plan.load);
    }
    let Some(moment) = at.get("after") else {
        let message = "when? a fault needs \"at\": \"10s\" or \"between\": [\"5s\", \"40s\"]";
        sink.error(at.key_span, &at.path, message);
        return None;
    };
    let plus = at.get("plus").map_or(Some(Micros::ZERO), |at| sink.duration(&at));
    let text = sink.string(&moment)?;
    match anchor::read(text, plan) {
        Ok(anchor) => Some(When::After { anchor, plus: plus? }),
        Err((message, hint)) => {
            sink.hinted(moment.node.span, &moment.path, message, hint);
            None
        }
    }
}

fn between(
    sink: &mut Sink<'_>,
    window: &At<'_>,
    every: Option<At<'_>>,
    load: Micros,
) -> Option<When> {
    let every = every.map(|at| (sink.delay(&at), at));
    let items = sink.list(window);
    let [from, to] = items.as_slice() else {
        if matches!(window.node.value, Value::Array(_)) {
            sink.at(window, "a window is two times: [\"5s\", \"40s\"]");
        }
        return None;
    };
    let (from, to) = (time(sink, from, load), time(sink, to, load));
    let (from, to) = (from?, to?);
    if from > to {
        sink.at(window, "the window ends before it starts");
        return None;
    }
    let Some((every, at)) = every else { return Some(When::OnceBetween { from, to }) };
    let every = every?;
    if every.min < CLOSEST {
        sink.at(&at, format!("faults are at least {CLOSEST} apart"));
        return None;
    }
    if (to.0 - from.0) / every.min.0 > MOST {
        sink.at(&at, format!("this would strike more than {MOST} times in the window"));
        return None;
    }
    Some(When::Between { from, to, every })
}
