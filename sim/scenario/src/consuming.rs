//! What the application of a group does with its consumer, read from the tree, with the rules between its keys.

use crate::anchor::RecordName;
use crate::cluster::{Cluster, MAX_COUNT};
use crate::json::Value;
use crate::plan::Producer;
use crate::sink::{At, Sink};
use ackproof_types::{
    CommitEvery, CommitOffset, CommitStrategy, Consuming, Covers, Micros, OnCommitFailure,
    OnRecordFailure, OnRevoke,
};

/// Reads it from the group at `at`, which commits as `commit` says.
pub(crate) fn consuming(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    commit: CommitStrategy,
    cluster: &Cluster,
) -> Consuming {
    let workers = at.get("workers").map(|at| sink.count(Some(at), 1, MAX_COUNT, 1));
    let mut all = Consuming { workers, ..Consuming::default() };
    all.commit_every = at.get("commit_every").and_then(|at| every(sink, &at));
    all.backoff = at.get("backoff").and_then(|at| sink.delay(&at)).unwrap_or_default();
    if let Some(place) = at.get("covers") {
        let known = Covers::ALL.iter().map(|one| (one.name(), *one));
        all.covers = sink.word(&place, "word for what a commit covers", known).unwrap_or_default();
    }
    if let Some(place) = at.get("commit_offset") {
        let known = CommitOffset::ALL.iter().map(|one| (one.name(), *one));
        all.commit_offset = sink.word(&place, "offset to commit", known).unwrap_or_default();
    }
    if let Some(place) = at.get("on_commit_failure") {
        let known = OnCommitFailure::ALL.iter().map(|one| (one.name(), *one));
        all.on_commit_failure =
            sink.word(&place, "answer to a failed commit", known).unwrap_or_default();
    }
    if let Some(place) = at.get("on_revoke") {
        let known = OnRevoke::ALL.iter().map(|one| (one.name(), *one));
        all.on_revoke = sink.word(&place, "answer to a revocation", known).unwrap_or_default();
    }
    if let Some(place) = at.get("on_failure") {
        let known = OnRecordFailure::ALL.iter().map(|one| (one.name(), *one));
        all.on_failure = sink.word(&place, "answer to a failed record", known).unwrap_or_default();
    }
    commits(sink, at, commit, &all);
    works(sink, at, commit, &all);
    let starts_at_once = cluster.startup.clients.min == Micros::ZERO;
    if let Some(place) = at.get("on_failure")
        && all.on_failure == OnRecordFailure::Throw
        && starts_at_once
    {
        let message =
            "with cluster.startup.clients of 0 an application that throws never comes to an end";
        sink.at(&place, message);
    }
    all
}

/// `100`, a number of records, or `"5s"`.
fn every(sink: &mut Sink<'_>, at: &At<'_>) -> Option<CommitEvery> {
    if matches!(at.node.value, Value::String(_)) {
        let time = sink.duration(at)?;
        if time == Micros::ZERO {
            sink.at(at, "the time between two commits must be above 0");
        }
        return Some(CommitEvery::Time(time));
    }
    let many = sink.whole(at, 1, i64::from(u32::MAX))?;
    u32::try_from(many).ok().map(CommitEvery::Records)
}

/// Refuses `key`, unless the group commits in one of the ways that know it.
fn goes_with(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    key: &str,
    commit: CommitStrategy,
    ways: &[CommitStrategy],
) {
    let Some(place) = at.get(key).filter(|_| !ways.contains(&commit)) else { return };
    let names: Vec<String> = ways.iter().map(|one| format!("\"{}\"", one.name())).collect();
    let message = format!(
        "\"{key}\" says nothing with \"commit\": \"{}\": it goes with {}",
        commit.name(),
        names.join(", ")
    );
    sink.at(&place, message);
}

/// What of the keys goes with the way to commit.
fn commits(sink: &mut Sink<'_>, at: &At<'_>, commit: CommitStrategy, all: &Consuming) {
    use CommitStrategy::{
        AsyncAfterBatch, AutoInBackground, AutoWithHandOff, BeforeProcessing, Never,
        SyncAfterBatch, SyncPerRecord,
    };
    goes_with(sink, at, "commit_every", commit, &[SyncAfterBatch, AsyncAfterBatch]);
    let own = [SyncAfterBatch, AsyncAfterBatch, SyncPerRecord];
    goes_with(sink, at, "commit_offset", commit, &own);
    goes_with(sink, at, "on_commit_failure", commit, &[AsyncAfterBatch]);
    let revoked = [SyncAfterBatch, AsyncAfterBatch, SyncPerRecord, BeforeProcessing, Never];
    goes_with(sink, at, "on_revoke", commit, &revoked);
    if let Some(place) = at.get("on_revoke")
        && all.on_revoke == OnRevoke::KeepOffsets
        && !all.notes_offsets()
    {
        let message = "\"keep-offsets\" is about offsets that the application notes; what it commits here are the \
                       consumer's own positions, and those end with the assignment";
        let hint = "add \"commit_every\" with a number of records, or \"workers\" with \"covers\""
            .to_owned();
        sink.hinted(place.node.span, &place.path, message.to_owned(), Some(hint));
    }
    let threads = [AutoWithHandOff, AutoInBackground, SyncAfterBatch, AsyncAfterBatch, Never];
    goes_with(sink, at, "workers", commit, &threads);
    let Some(place) = at.get("covers") else { return };
    if all.workers.is_none() {
        let message = "\"covers\" says what a commit covers of the work of \"workers\": add them";
        sink.at(&place, message);
    } else if commit.is_automatic() && all.covers != Covers::Positions {
        let message = format!(
            "with \"commit\": \"{}\" the client commits, and it knows only its positions",
            commit.name()
        );
        sink.at(&place, message);
    }
    if let Some(place) = at.get("commit_offset")
        && all.commit_offset != CommitOffset::Next
        && all.workers.is_some()
        && all.covers == Covers::Positions
    {
        let message = "\"covers\": \"positions\" commits the consumer's own offsets, not records'";
        sink.at(&place, message);
    }
}

/// What of the keys goes with threads of its own.
fn works(sink: &mut Sink<'_>, at: &At<'_>, commit: CommitStrategy, all: &Consuming) {
    let hands_off = all.workers.is_some() || commit == CommitStrategy::AutoWithHandOff;
    let in_loop = match all.on_failure {
        OnRecordFailure::DeadLetter | OnRecordFailure::Skip => false,
        OnRecordFailure::SeekBack | OnRecordFailure::DropPoll | OnRecordFailure::Throw => true,
    };
    if let Some(place) = at.get("on_failure").filter(|_| hands_off && in_loop) {
        let message = format!(
            "\"{}\" is done by the poll loop, and an exception in a worker does not reach it",
            all.on_failure.name()
        );
        sink.at(&place, message);
    }
}

/// `"fails"`: records of which every attempt fails, like `"billing-0#12"`.
pub(crate) fn fails(sink: &mut Sink<'_>, at: &At<'_>, producers: &[Producer]) -> Vec<RecordName> {
    let mut all = Vec::new();
    for item in at.get("fails").map(|at| sink.list(&at)).unwrap_or_default() {
        let Some(text) = sink.string(&item) else { continue };
        match record(text, producers) {
            Ok(name) if all.contains(&name) => sink.at(&item, "this record is listed twice"),
            Ok(name) => all.push(name),
            Err((message, hint)) => sink.hinted(item.node.span, &item.path, message, hint),
        }
    }
    all
}

fn record(text: &str, producers: &[Producer]) -> Result<RecordName, (String, Option<String>)> {
    let wrong = || {
        let hint = Some("write \"billing-0#12\": records are counted from 0".to_owned());
        (format!("\"{text}\" is not a record"), hint)
    };
    let (process, number) = text.split_once('#').ok_or_else(wrong)?;
    let number = crate::anchor::digits(number).ok_or_else(wrong)?;
    let (name, instance) = process.rsplit_once('-').ok_or_else(wrong)?;
    let instance = crate::anchor::digits(instance).ok_or_else(wrong)?;
    let found = (0..).zip(producers).find(|(_, one)| one.name == name);
    let Some((producer, _)) = found.filter(|(_, one)| instance < one.instances) else {
        let known: Vec<String> = producers
            .iter()
            .flat_map(|one| (0..one.instances).map(move |number| format!("{}-{number}", one.name)))
            .collect();
        let hint = crate::diagnostic::nearest(process, known.iter().map(String::as_str));
        return Err((format!("\"{process}\" is not a producer"), hint));
    };
    Ok(RecordName { producer, instance, number })
}
