//! How the number of a group's members follows its lag, read from the tree.

use crate::cluster::MAX_COUNT;
use crate::plan::Autoscale;
use crate::sink::{At, Sink};
use ackproof_types::Micros;

/// Keys of `autoscale`.
pub(crate) const AUTOSCALE_KEYS: &[&str] = &["max", "lag", "every", "cooldown"];

/// What a horizontal autoscaler of Kubernetes does by itself: a look every 15 s, and fewer members only when 5
/// minutes have passed.
const EVERY: Micros = Micros::from_secs(15);
const COOLDOWN: Micros = Micros::from_secs(300);

/// Reads it for a group that begins with so many members.
pub(crate) fn autoscale(sink: &mut Sink<'_>, at: &At<'_>, members: u16) -> Option<Autoscale> {
    if !sink.object(at, AUTOSCALE_KEYS) {
        return None;
    }
    for key in ["max", "lag"] {
        if at.get(key).is_none() {
            sink.at(at, format!("\"autoscale\" needs \"{key}\""));
        }
    }
    let most = at.get("max").and_then(|at| {
        let most = sink.whole(&at, 1, MAX_COUNT.into())?;
        if most < i64::from(members) {
            let message =
                format!("\"max\" counts all members, and the group begins with {members} of them");
            let hint = Some("raise it, or lower \"members\"".to_owned());
            sink.hinted(at.node.span, &at.path, message, hint);
        }
        Some(most)
    });
    let lag = sink.count32(at.get("lag"), 1)?;
    let every = at.get("every").and_then(|at| {
        let every = sink.duration(&at)?;
        if every == Micros::ZERO {
            sink.at(&at, "the time between two looks must be above 0");
        }
        Some(every)
    });
    let cooldown = at.get("cooldown").and_then(|at| sink.duration(&at));
    Some(Autoscale {
        max: u16::try_from(most?).ok()?,
        lag,
        every: every.unwrap_or(EVERY),
        cooldown: cooldown.unwrap_or(COOLDOWN),
    })
}
