//! One fault by itself, which an operator orders while a cluster runs: it strikes at once, or waits for what it names.

use crate::anchor::{self, Anchor};
use crate::diagnostic::Diagnostic;
use crate::faults::timed;
use crate::json::parse;
use crate::plan::{Fault, Plan, Target, When};
use crate::sink::{At, Sink};
use crate::targets::{self, Refusal};
use crate::when;
use ackproof_types::{Micros, TopicId};

/// Keys of a fault of a scenario that say when, and make no sense here.
const TIMES: &[&str] = &["at", "between", "every", "until"];

/// Reads a fault as a scenario has them, without a time.
///
/// # Errors
/// Everything found wrong, in the order of the text.
pub fn read(text: &str, plan: &Plan) -> Result<Fault, Vec<Diagnostic>> {
    let mut sink = Sink::new(text, "the fault", &[]);
    let fault = match parse(text) {
        Ok(node) => timed(&mut sink, &At::root(&node), plan, now),
        Err(error) => {
            sink.error(error.span, "", error.message);
            None
        }
    };
    let (found, failed) = sink.conclude();
    fault.filter(|_| !failed).ok_or(found)
}

fn now(sink: &mut Sink<'_>, at: &At<'_>, plan: &Plan) -> Option<When> {
    for child in TIMES.iter().filter_map(|key| at.get(key)) {
        let message = "it strikes at once: this is for the faults of a scenario";
        let hint =
            "leave it out; \"after\" and \"on\" make it wait, and \"for\" says how long it lasts";
        sink.hinted(child.key_span, &child.path, message, Some(hint.to_owned()));
    }
    if at.get("after").is_some() {
        return when::read(sink, at, plan);
    }
    if let Some(plus) = at.get("plus").filter(|_| at.get("on").is_none()) {
        sink.error(plus.key_span, &plus.path, "\"plus\" goes with \"after\" and \"on\" only");
    }
    Some(When::At(Micros::ZERO))
}

/// Reads what a fault could wait for.
///
/// # Errors
/// What is wrong, and what to write instead.
pub fn anchor(text: &str, plan: &Plan) -> Result<Anchor, Refusal> {
    anchor::read(text, plan)
}

/// The partition that is called `text`, by its topic and its number.
///
/// # Errors
/// As [`anchor()`].
pub fn partition(text: &str, plan: &Plan) -> Result<(TopicId, u16), Refusal> {
    targets::partition(plan, text)
}

/// The `node.id` of the broker that is called `text`.
///
/// # Errors
/// As [`anchor()`].
pub fn broker(text: &str, plan: &Plan) -> Result<u16, Refusal> {
    match targets::process(text, plan)? {
        Target::Broker(id) => Ok(id),
        _ => Err((format!("\"{text}\" is no broker"), Some("write \"broker-1\"".to_owned()))),
    }
}
