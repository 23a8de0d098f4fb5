//! What a configuration lets be in a log more than once.

use super::possible;
use ackproof_oracle::cause::DuplicateCause;
use ackproof_reports::contract::{Clause, Contract};
use ackproof_reports::run::Fate;
use ackproof_scenario::plan::{Plan, Producer, Settings};
use ackproof_types::{AfterCrash, OnFailure, TopicId};

const EXPIRATION: &str = "producer.id.expiration.ms";

/// After how many milliseconds brokers forget an idempotent producer that may send a batch again later (R6.35).
pub(in crate::study) fn may_forget(
    plan: &Plan,
    (topic, config): (TopicId, &Settings),
) -> Option<i64> {
    let cluster = plan.topics[topic.index()].cluster;
    let after = plan.cluster(cluster).config.number(EXPIRATION);
    let retries = config.switch("enable.idempotence");
    (retries && after < config.number("delivery.timeout.ms")).then_some(after)
}

/// What may be in a log more than once.
pub(super) fn copies(
    contract: &mut Contract,
    plan: &Plan,
    producer: &Producer,
    setting: &dyn Fn(&str, &str) -> String,
) {
    let name = &producer.name;
    let mut copied = |cause: DuplicateCause, says: String, settings: Vec<String>| {
        let clause = Clause { says, settings };
        let causes = std::iter::once(cause.name());
        contract.possible.push(possible(Fate::LogDuplicate, None, causes, clause));
    };
    if producer.config.switch("enable.idempotence") {
        copied(
            DuplicateCause::EpochBump,
            format!(
                "a record of {name} is written twice when a batch expires and the epoch is raised"
            ),
            vec![setting(
                "delivery.timeout.ms",
                &producer.config.number("delivery.timeout.ms").to_string(),
            )],
        );
        if let Some(after) = may_forget(plan, (producer.topic, &producer.config)) {
            copied(
                DuplicateCause::ProducerExpired,
                format!(
                    "a record of {name} is written twice when brokers forget {name} before a retry"
                ),
                vec![format!(
                    "{}.config.{EXPIRATION}={after}",
                    plan.cluster_path(plan.topics[producer.topic.index()].cluster)
                )],
            );
        }
    } else if producer.config.number("retries") > 0 && producer.config.word("acks") != "0" {
        copied(
            DuplicateCause::ProducerRetry,
            format!(
                "a record of {name} is written twice when an answer is lost and it is sent again{}",
                switched_off(producer)
            ),
            vec![setting("enable.idempotence", "false")],
        );
    }
    if producer.sending.after_crash == AfterCrash::Resend {
        copied(
            DuplicateCause::ProducerRestart,
            format!(
                "a record of {name} is written twice when its application restarts and sends it again"
            ),
            Vec::new(),
        );
    }
    if producer.sending.on_failure == OnFailure::Resend {
        copied(
            DuplicateCause::SentAgain,
            format!(
                "a record of {name} is written twice when its send fails after it was written and its \
                 application sends it again"
            ),
            vec![format!("producers.{name}.on_failure=resend")],
        );
    }
}

/// What switched idempotence off without a word, if anything did (R6.17).
fn switched_off(producer: &Producer) -> String {
    let by = producer.idempotence_off_by.as_ref();
    by.map_or_else(String::new, |by| format!(": {by} switched idempotence off by itself"))
}
