//! What brokers could do, and how busy they were: only where requests take time.

use super::put;
use super::style::{length, percent, row};
use crate::capacity::CapacityReport;
use crate::timing::LoadReport;

/// What the verdict rests on.
pub(super) fn capacity(text: &mut String, capacity: &CapacityReport) {
    let figures = capacity.figures.iter().map(|(key, value)| format!("{key} {value}"));
    let named = capacity.profile.iter().cloned();
    let all = named.chain(figures).collect::<Vec<_>>().join(", ");
    put(text, format_args!("{}{all}: the verdict rests on these figures", row("capacity")));
    if let Some(about) = &capacity.about {
        put(text, format_args!("{}{about}", row("")));
    }
}

/// How busy they were.
pub(super) fn load(text: &mut String, load: &LoadReport) {
    let (queue, disk) = (length(load.longest_queue_ms), length(load.longest_disk_queue_ms));
    let line = format!(
        "requests waited for a thread {queue} at the longest ({}), request handlers worked {} of the time \
         ({})",
        load.longest_queue_at,
        percent(load.handler_use),
        load.handler_use_at
    );
    put(text, format_args!("{}{line}", row("load")));
    let line = format!(
        "writes and reads waited for a disk {disk} at the longest ({}), a disk worked {} of the time ({})",
        load.longest_disk_queue_at,
        percent(load.disk_use),
        load.disk_use_at
    );
    put(text, format_args!("{}{line}", row("")));
}
