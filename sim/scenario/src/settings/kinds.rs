//! What a row of the table of settings says. It knows no setting.

use ackproof_types::{KafkaVersion, OffsetReset};

/// Whose setting it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Brokers and the controller.
    Broker,
    /// A topic.
    Topic,
    /// A producer.
    Producer,
    /// A consumer.
    Consumer,
}

impl Scope {
    /// `broker`, `topic`, `producer`, `consumer`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Topic => "topic",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [Self::Broker, Self::Topic, Self::Producer, Self::Consumer];
}

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A whole number.
    Number {
        /// Its unit as Kafka means it: `ms`, `s`, `bytes`, or empty for a count.
        unit: &'static str,
        /// Smallest.
        min: i64,
        /// Largest.
        max: i64,
    },
    /// `true` or `false`.
    Switch,
    /// One of these words.
    Word(&'static [&'static str]),
    /// One of these words, or `by_duration:` and a length of time as ISO 8601 writes it.
    Reset(&'static [&'static str]),
    /// Some of these words, in an order that counts.
    Words(&'static [&'static str]),
    /// Any text; not an empty one unless that is its default.
    Text,
    /// Whatever Kafka accepts; only for settings that are not modelled.
    Anything,
}

impl Kind {
    /// The words that the models know, if `text` is something else.
    #[must_use]
    pub fn foreign(self, text: &str) -> Option<&'static [&'static str]> {
        match self {
            Self::Word(words) => (!words.contains(&text)).then_some(words),
            Self::Reset(words) => text.parse::<OffsetReset>().is_err().then_some(words),
            Self::Words(words) => {
                let fine = text.split(',').all(|word| words.contains(&word.trim()));
                (!fine).then_some(words)
            }
            Self::Number { .. } | Self::Switch | Self::Text | Self::Anything => None,
        }
    }
}

/// A default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A number, in the unit of the key.
    Number(i64),
    /// A switch.
    Switch(bool),
    /// A word.
    Word(&'static str),
    /// Not needed: the setting is not modelled. What Kafka says is in [`super::kafka`].
    Unneeded,
}

/// Whether the models follow a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// They do.
    Modelled,
    /// It is accepted and has no effect; on a real cluster it breaks no property either.
    Harmless,
    /// It is accepted and has no effect; on a real cluster some of its values could break properties.
    Harmful(Harm),
    /// It is an error: the models do not follow it, and with it no verdict would be true.
    Refused(Refusal),
}

/// Why a setting is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What it would change, in one sentence.
    pub why: &'static str,
    /// Values that change nothing, and are accepted.
    pub unless: &'static [&'static str],
}

/// What a setting that has no effect here could break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Harm {
    /// Names of properties.
    pub breaks: &'static [&'static str],
    /// How, in one sentence.
    pub why: &'static str,
    /// By which values.
    pub unless: Unless,
}

/// Values that break nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unless {
    /// None.
    Never,
    /// These words.
    Words(&'static [&'static str]),
}

impl Harm {
    /// Whether `value` could break something.
    #[must_use]
    pub fn is_in(&self, value: &str) -> bool {
        match self.unless {
            Unless::Never => true,
            Unless::Words(words) => !words.contains(&value),
        }
    }
}

/// One Kafka setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Kafka's key.
    pub key: &'static str,
    /// Whose it is.
    pub scope: Scope,
    /// Its values.
    pub kind: Kind,
    /// Its default in Kafka 4.0.
    pub default: Preset,
    /// Other defaults, each from a later line on, ascending.
    pub since: &'static [(KafkaVersion, Preset)],
    /// Whether the models follow it.
    pub standing: Standing,
}

impl Setting {
    /// Its default in a line of Kafka.
    #[must_use]
    pub fn default_in(&self, version: KafkaVersion) -> Preset {
        let later = self.since.iter().rev().find(|(since, _)| *since <= version);
        later.map_or(self.default, |(_, preset)| *preset)
    }

    /// Whether the models follow it.
    #[must_use]
    pub fn is_modelled(&self) -> bool {
        self.standing == Standing::Modelled
    }
}

/// `a, b or c`.
pub(crate) fn listed<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<&str> = words.collect();
    match words.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, first)) => format!("{} or {last}", first.join(", ")),
        None => String::new(),
    }
}
