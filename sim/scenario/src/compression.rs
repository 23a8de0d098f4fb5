//! What compression makes of the records of a producer.

use crate::config::unused;
use crate::durations;
use crate::plan::Settings;
use crate::settings::Scope;
use crate::sink::{At, Sink};

/// What records shrink to: a scenario says it, as nobody knows what is in them.
pub(crate) fn compressed_to(sink: &mut Sink<'_>, at: &At<'_>, config: &Settings) -> u32 {
    let kind = at.get("config").and_then(|at| at.get("compression.type"));
    let given = at.get("compressed_to");
    let to = given.as_ref().and_then(|at| sink.quantity(at, "%", durations::percent));
    match (given, kind) {
        (Some(given), _) if config.word("compression.type") == "none" => {
            let hint = Some("add \"compression.type\", or leave it out".to_owned());
            let message = "records are not compressed".to_owned();
            sink.hinted(given.node.span, &given.path, message, hint);
        }
        (Some(given), _) if to == Some(0) => sink.at(&given, "records do not shrink to nothing"),
        (None, Some(kind)) => {
            let why = "without \"compressed_to\": records keep their size";
            unused(sink, (Scope::Producer, "compression.type"), &kind, why);
        }
        (Some(_) | None, _) => {}
    }
    to.unwrap_or(1_000_000)
}
