//! What Kafka refuses of a member's settings: of the other protocol, or out of the brokers' bounds.

use crate::cluster::Cluster;
use crate::config::Config;
use crate::plan::Settings;
use crate::sink::{At, Sink};

/// What a client does not take together with its group's protocol (`ConsumerConfig`), and where it stands
/// instead.
const OF_ONE_PROTOCOL: [(&str, &str, Option<&str>); 4] = [
    ("session.timeout.ms", "classic", Some("group.consumer.session.timeout.ms")),
    ("heartbeat.interval.ms", "classic", Some("group.consumer.heartbeat.interval.ms")),
    ("partition.assignment.strategy", "classic", Some("group.consumer.assignors")),
    ("group.remote.assignor", "consumer", None),
];

pub(crate) fn protocol(sink: &mut Sink<'_>, config: &Config<'_>, settings: &Settings) {
    let protocol = settings.word("group.protocol");
    for (key, of, instead) in OF_ONE_PROTOCOL {
        let Some(place) = config.place(key).filter(|_| of != protocol) else { continue };
        let message =
            format!("{key} cannot be set with group.protocol={protocol}: Kafka refuses that");
        let hint = instead.map(|instead| {
            format!("the brokers say it: set {instead} under \"cluster\", \"config\"")
        });
        sink.hinted(place.key_span, &place.path, message, hint);
    }
}

/// R9.29: a member that wishes for an assignor that the brokers do not have could never join.
pub(crate) fn assignor(
    sink: &mut Sink<'_>,
    config: &Config<'_>,
    settings: &Settings,
    cluster: &Cluster,
) {
    let key = "group.remote.assignor";
    let (Some(wish), Some(place)) = (settings.text(key), config.place(key)) else { return };
    let available = cluster.settings.word("group.consumer.assignors");
    if !available.split(',').any(|one| one == wish) {
        let message = format!(
            "{key} is {wish}, and the brokers have {available} (group.consumer.assignors): \
             UNSUPPORTED_ASSIGNOR, no member could join"
        );
        sink.at(&place, message);
    }
}

pub(crate) fn timeouts(
    sink: &mut Sink<'_>,
    at: &At<'_>,
    config: &Config<'_>,
    settings: &Settings,
    cluster: &Cluster,
) {
    let session = settings.number("session.timeout.ms");
    let place = |key| config.place(key).unwrap_or_else(|| at.clone());
    let (min, max) = (
        cluster.settings.number("group.min.session.timeout.ms"),
        cluster.settings.number("group.max.session.timeout.ms"),
    );
    if !(min..=max).contains(&session) {
        let message = format!(
            "session.timeout.ms {session} is outside the brokers' bounds {min} and {max} \
             (group.min.session.timeout.ms, group.max.session.timeout.ms)"
        );
        sink.at(&place("session.timeout.ms"), message);
    }
    let heartbeat = settings.number("heartbeat.interval.ms");
    if heartbeat >= session {
        let key = if config.place("heartbeat.interval.ms").is_some() {
            "heartbeat.interval.ms"
        } else {
            "session.timeout.ms"
        };
        let message =
            format!("heartbeat.interval.ms {heartbeat} is not below session.timeout.ms {session}");
        sink.at(&place(key), message);
    }
}
