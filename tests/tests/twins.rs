//! The safe twin of a footgun: the same scenario with the cure that its comment names, in which nothing of the
//! kind happens.

use crate::suite::causes;
use crate::support::{assert_none, load, outcome, parallel};

const SEEDS: u64 = 8;

/// A footgun, what cures it, and the cause that is told of it without the cure.
struct Twin {
    footgun: &'static str,
    cure: &'static [(&'static str, &'static str)],
    cause: &'static str,
}

const TWINS: &[Twin] = &[
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
