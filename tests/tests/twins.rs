//! The safe twin of a footgun: the same scenario with the cure that its comment names, in which nothing of the
//! kind happens.

use crate::suite::causes;
use crate::support::{assert_none, load, outcome, parallel};

const SEEDS: u64 = 8;

/// A footgun, what cures it, and the cause that is told of it without the cure.
pub(crate) struct Twin {
    pub(crate) footgun: &'static str,
    pub(crate) cure: &'static [(&'static str, &'static str)],
    cause: &'static str,
}

pub(crate) const TWINS: &[Twin] = &[
    Twin {
        footgun: "output-not-awaited",
        cure: &[("groups.invoicing.produces.wait", "before-commit")],
        cause: "committed-before-acknowledged",
    },
    Twin {
        footgun: "dead-letter-fire-and-forget",
        cure: &[("groups.ledger.dead_letter.wait", "before-commit")],
        cause: "dead-letter-lost",
    },
    Twin {
        footgun: "output-acks-one",
        cure: &[("groups.invoicing.produces.config.acks", "all")],
        cause: "output-acks-one",
    },
    Twin {
        footgun: "fail-over-without-sync",
        cure: &[("mirrors.mirror.config.sync.group.offsets.enabled", "true")],
        cause: "fail-over-reset-latest",
    },
    Twin {
        footgun: "output-dropped",
        cure: &[("groups.invoicing.produces.on_failure", "resend")],
        cause: "output-dropped",
    },
    Twin {
        footgun: "acks-zero",
        cure: &[
            ("producers.billing.config.acks", "all"),
            ("producers.billing.config.enable.idempotence", "true"),
        ],
        cause: "acks-zero",
    },
    Twin {
        footgun: "resend-after-timeout",
        cure: &[("producers.billing.config.delivery.timeout.ms", "120000")],
        cause: "sent-again",
    },
    Twin {
        footgun: "drop-after-timeout",
        cure: &[("producers.billing.on_failure", "resend")],
        cause: "delivery-timeout-used-up",
    },
    Twin {
        footgun: "no-idempotence-retry",
        cure: &[("producers.billing.config.enable.idempotence", "true")],
        cause: "producer-retry",
    },
    Twin {
        footgun: "epoch-bump-duplicate",
        cure: &[("producers.billing.config.delivery.timeout.ms", "120000")],
        cause: "epoch-bump",
    },
    Twin {
        footgun: "restart-forgets-batches",
        cure: &[("producers.billing.config.max.in.flight.requests.per.connection", "1")],
        cause: "epoch-bump",
    },
    Twin {
        footgun: "late-commit",
        cure: &[("groups.ledger.on_revoke", "commit")],
        cause: "late-commit",
    },
    Twin {
        footgun: "first-commit-late",
        cure: &[("groups.ledger.config.auto.offset.reset", "earliest")],
        cause: "auto-offset-reset-latest",
    },
    Twin {
        footgun: "consumer-protocol-poll-overrun",
        cure: &[("groups.ledger.config.max.poll.records", "20")],
        cause: "poll-overrun",
    },
    Twin {
        footgun: "grace-too-short",
        cure: &[("groups.ledger.config.max.poll.records", "20")],
        cause: "member-crash",
    },
    Twin {
        footgun: "unsubscribe-without-commit",
        cure: &[("groups.ledger.commit", "sync-after-batch")],
        cause: "rebalance",
    },
    Twin {
        footgun: "assign-beside-subscribe",
        cure: &[("groups.ledger.assign", "0")],
        cause: "late-commit",
    },
    Twin {
        footgun: "reset-by-duration",
        cure: &[("groups.ledger.config.auto.offset.reset", "by_duration:PT1H")],
        cause: "auto-offset-reset-by-duration",
    },
    Twin {
        footgun: "reset-after-truncation",
        cure: &[("groups.ledger.config.auto.offset.reset", "earliest")],
        cause: "out-of-range-reset",
    },
    Twin {
        footgun: "retention-overtakes",
        cure: &[("topics.payments.config.retention.bytes", "-1")],
        cause: "retention",
    },
    Twin {
        footgun: "log-cut-below-group",
        cure: &[("groups.ledger.commit_every", "2s")],
        cause: "log-cut-below-group",
    },
    Twin {
        footgun: "sink-memory-too-small",
        cure: &[("groups.ledger.sink.memory", "100000")],
        cause: "sink-memory",
    },
    Twin {
        footgun: "sink-cache-in-member",
        cure: &[("groups.ledger.sink.memory_in", "sink")],
        cause: "member-memory",
    },
    Twin {
        footgun: "position-apart",
        cure: &[("groups.ledger.sink.writes", "with-position")],
        cause: "position-apart",
    },
    Twin {
        footgun: "scaling-storm",
        cure: &[("groups.ledger.on_revoke", "commit")],
        cause: "rebalance",
    },
    Twin {
        footgun: "acks-one-zombie-leader",
        cure: &[("producers.billing.config.acks", "all")],
        cause: "stale-leader",
    },
    Twin {
        footgun: "commits-lost-with-power",
        cure: &[
            ("cluster.config.min.insync.replicas", "2"),
            ("features.eligible.leader.replicas.version", "1"),
        ],
        cause: "behind-commit",
    },
    Twin {
        footgun: "slow-followers-then-disk-lost",
        cure: &[
            ("topics.payments.config.min.insync.replicas", "2"),
            ("features.eligible.leader.replicas.version", "1"),
        ],
        cause: "last-in-sync-replica",
    },
    Twin {
        footgun: "alone-in-sync-loses-power",
        cure: &[
            ("topics.payments.config.min.insync.replicas", "2"),
            ("features.eligible.leader.replicas.version", "1"),
        ],
        cause: "last-in-sync-replica",
    },
    Twin {
        footgun: "last-in-sync-loses-power",
        cure: &[("features.eligible.leader.replicas.version", "1")],
        cause: "power-loss",
    },
    Twin {
        footgun: "power-loss-of-all",
        cure: &[("topics.payments.config.flush.messages", "1")],
        cause: "power-loss",
    },
    Twin {
        footgun: "upsert-by-zombie",
        cure: &[("groups.index.sink.writes", "upsert-if-newer")],
        cause: "stale-overwrite",
    },
];

#[test]
fn the_cure_of_a_footgun_cures_it() {
    let findings = parallel(TWINS, |Twin { footgun, cure, cause }| {
        let file = format!("scenarios/footguns/{footgun}.json");
        let shown = |sets: &[(&str, &str)]| {
            let plan = load(&file, sets);
            (0..SEEDS).find(|seed| causes(&outcome(&plan, *seed).findings).contains(cause))
        };
        let ill = shown(&[]).is_none().then(|| format!("{file} does not tell of {cause}"));
        let cured = shown(cure).map(|seed| format!("{file} with {cure:?}: {cause} in seed {seed}"));
        [ill, cured]
    });
    assert_none(&findings.into_iter().flatten().flatten().collect::<Vec<_>>());
}

/// With one member, only its next life can lack what was remembered.
#[test]
fn a_cache_ends_with_its_process() {
    let plan =
        load("scenarios/footguns/sink-cache-in-member.json", &[("groups.ledger.members", "1")]);
    let shown = |seed| causes(&outcome(&plan, seed).findings).contains(&"member-memory");
    assert!((0..SEEDS).any(shown));
}
