//! The schema of a group: its application, its sink and its settings. It checks nothing.

use super::{BESIDE, config, described, object, pattern, properties, whole, words};
use crate::autoscale::AUTOSCALE_KEYS;
use crate::clients::{DEPLOY_KEYS, GROUP_KEYS, NO_GROUP_ID};
use crate::cluster::MAX_COUNT;
use crate::durations::{DELAY, DURATION, PERCENT};
use crate::files::PROPERTIES;
use crate::outputs::OUTPUT_KEYS;
use crate::results::SINK_KEYS;
use crate::settings::Scope;
use ackproof_types::{
    Awaits, CommitOffset, CommitStrategy, Covers, MemoryIn, OnCommitFailure, OnFailure,
    OnRecordFailure, OnRevoke, SinkWrites,
};
use serde_json::{Value, json};

pub(super) fn group() -> Value {
    let commits: Vec<&str> = CommitStrategy::ALL.iter().map(|one| one.name()).collect();
    object(GROUP_KEYS, |key| match key {
        "topics" => described(
            json!({ "type": "array", "items": { "type": "string" }, "minItems": 1 }),
            "The topics it subscribes to. Default: all topics of the cluster it stands beside.",
        ),
        "at" => described(json!({ "type": "string" }), BESIDE),
        "members" => whole(1, Some(MAX_COUNT), 1, "Number of members: name-0, name-1, …."),
        "assign" => described(
            json!({ "oneOf": [
                { "enum": ["fixed", NO_GROUP_ID] },
                { "type": "integer", "minimum": 0, "maximum": MAX_COUNT },
            ] }),
            "Who calls assign() with a fixed share of all partitions, and is in no group: all members (fixed), or \
             the last so many. The others subscribe. With no-group-id all of them do, without a group.id: they commit \
             nothing, and begin each time where auto.offset.reset says.",
        ),
        "process" => pattern(DELAY, "Processing time of a record, like \"1ms..3ms\"."),
        "commit" => described(
            json!({ "enum": commits, "default": "sync-after-batch" }),
            "When the application commits offsets.",
        ),
        "failures" => pattern(PERCENT, "Share of processing attempts that fail, like \"1%\"."),
        "fails" => described(
            json!({ "type": "array", "items": { "type": "string", "pattern": "^.+-[0-9]+#[0-9]+$" } }),
            "Records of which every attempt fails, like \"billing-0#12\".",
        ),
        "attempts" => {
            whole(1, None, 3, "Attempts at a record before \"on_failure\" says what follows.")
        }
        "backoff" => pattern(DELAY, "Pause between two attempts at a record, like \"100ms\"."),
        "sink" => results(),
        "autoscale" => autoscale(),
        "start" => pattern(DURATION, "When its members start, like \"1s\"."),
        PROPERTIES => properties(Scope::Consumer),
        "config" => config(Scope::Consumer),
        "deploys" => described(
            json!({ "type": "array", "items": deploy() }),
            "Other settings for members that start later: a rolling restart then deploys them.",
        ),
        other => application(other),
    })
}

fn autoscale() -> Value {
    let mut autoscale = object(AUTOSCALE_KEYS, |key| match key {
        "max" => described(
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_COUNT }),
            "Members at most; \"members\" is the least.",
        ),
        "lag" => described(
            json!({ "type": "integer", "minimum": 1 }),
            "Records that one member may be behind: there are to be as many members as the lag of the group \
             divided by this.",
        ),
        "every" => pattern(DURATION, "From one look at the lag to the next. Default: 15s."),
        "cooldown" => pattern(
            DURATION,
            "How long after the last change no member is taken away. Default: 300s.",
        ),
        other => unreachable!("no schema for {other}"),
    });
    autoscale["required"] = json!(["max", "lag"]);
    autoscale["description"] =
        json!("Members come and go with the lag of the group, while the load lasts.");
    autoscale
}

fn results() -> Value {
    let mut sink = object(SINK_KEYS, |key| match key {
        "writes" => described(
            json!({ "enum": SinkWrites::ALL.iter().map(|one| one.name()).collect::<Vec<_>>() }),
            "How a record that was processed changes it: a row is added each time (append), once for each \
             record as its producer named it or for each offset (once-per-record, once-per-offset), or the \
             row of its key is overwritten (upsert, upsert-if-newer). A sink may keep the position behind the \
             row, in the same transaction (with-position) or in another one after each poll (then-position): \
             members begin there.",
        ),
        "memory" => described(
            json!({ "type": "integer", "minimum": 1 }),
            "How many of the last rows it recognises. Default: all of them.",
        ),
        "memory_in" => described(
            json!({ "enum": MemoryIn::ALL.iter().map(|one| one.name()).collect::<Vec<_>>(), "default": "sink" }),
            "Where it keeps what it recognises: in the sink, or in the process of the member, with which it \
             ends.",
        ),
        other => unreachable!("no schema for {other}"),
    });
    sink["required"] = json!(["writes"]);
    sink["description"] = json!("What its members write their results to; its content is judged.");
    sink
}

/// What the application of a group does with its consumer.
fn application(key: &str) -> Value {
    match key {
        "commit_every" => described(
            json!({ "oneOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                { "type": "string", "pattern": DURATION },
            ] }),
            "It commits each time that so many records are finished, or so much time has passed (looked at after \
             each poll), like 100 or \"5s\". Default: after each poll.",
        ),
        "commit_offset" => words(
            CommitOffset::ALL.iter().map(|one| one.name()),
            "Which offset it commits for the last record that it finished: the next one, the record's own \
             (last), or one too many (beyond).",
        ),
        "on_commit_failure" => words(
            OnCommitFailure::ALL.iter().map(|one| one.name()),
            "What the callback of commitAsync does with an error that a retry may help: nothing, or it commits \
             the same offsets again (send-again).",
        ),
        "on_revoke" => words(
            OnRevoke::ALL.iter().map(|one| one.name()),
            "What its rebalance listener does before partitions are given up: there is none, or it commits \
             what is done, and drops what no worker has begun (commit). With keep-offsets the application goes \
             on committing what it noted of partitions that it has lost.",
        ),
        "workers" => described(
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_COUNT }),
            "How many threads process what the poll loop hands to them; records of one key go to one thread. \
             Default: the poll loop processes.",
        ),
        "covers" => words(
            Covers::ALL.iter().map(|one| one.name()),
            "What a commit covers of the work of its workers: all that they were given (positions), what lies \
             below the highest record done (highest-done), or below the first one that is not (contiguous).",
        ),
        "on_failure" => words(
            OnRecordFailure::ALL.iter().map(|one| one.name()),
            "What it does with a record whose attempts have all failed: it puts the record aside (dead-letter), \
             goes on (skip), seeks back to it and polls again (seek-back), throws away the rest of the poll \
             (drop-poll), or closes its consumer and ends (throw).",
        ),
        "produces" => output(
            "What its application makes of each record that it has processed: one record in another topic \
             (consume-transform-produce), sent by a producer of its own.",
        ),
        "dead_letter" => output(
            "Where its application sends each record that it puts aside, by a producer of its own. Default: \
             nobody's concern.",
        ),
        other => unreachable!("no schema for {other}"),
    }
}

fn output(about: &str) -> Value {
    let mut output = object(OUTPUT_KEYS, |key| match key {
        "to" => described(json!({ "type": "string" }), "The topic."),
        "wait" => words(
            Awaits::ALL.iter().map(|one| one.name()),
            "Whether it waits for the acknowledgements of what it sent before it commits and polls on.",
        ),
        "on_failure" => described(
            json!({ "enum": OnFailure::ALL.iter().map(|one| one.name()).collect::<Vec<_>>(),
                    "default": OnFailure::Resend.name() }),
            "What it does when a send fails: it logs the error and goes on (drop), sends the record again \
             unless no retry can help (resend), or ends its process (stop).",
        ),
        "compressed_to" => pattern(
            PERCENT,
            "What \"compression.type\" makes of records, of their size, like \"30%\".",
        ),
        PROPERTIES => properties(Scope::Producer),
        "config" => config(Scope::Producer),
        other => unreachable!("no schema for {other}"),
    });
    output["required"] = json!(["to"]);
    output["description"] = json!(about);
    output
}

fn deploy() -> Value {
    object(DEPLOY_KEYS, |key| match key {
        "at" => pattern(DURATION, "From when on members start with these settings, like \"20s\"."),
        PROPERTIES => properties(Scope::Consumer),
        "config" => config(Scope::Consumer),
        other => unreachable!("no schema for {other}"),
    })
}
