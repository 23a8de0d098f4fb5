//! Every setting that Kafka itself defines, line by line, as its published artifacts say: type, default and
//! valid values. `tests/real/settings` writes the data. It does not know which of them the models follow.
//!
//! How text becomes a value is `ConfigDef#parseType`; what a value may be is the definition's validator.

use super::Scope;
use crate::settings::kinds::listed;
use ackproof_types::{KafkaVersion, OffsetReset};
use std::ops::RangeInclusive;
use std::sync::LazyLock;

/// A setting in some lines of Kafka, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Whose it is.
    pub scope: Scope,
    /// Kafka's key.
    pub key: &'static str,
    /// The lines for which this holds.
    pub lines: RangeInclusive<KafkaVersion>,
    /// What its text becomes.
    pub kind: Type,
    /// Its default as text; none: null, none at all, or one that depends on the machine.
    pub default: Option<&'static str>,
    /// What Kafka says of its valid values; empty if nothing.
    pub validator: &'static str,
    /// Of a topic's setting: the broker's settings that are its default, the first that is set.
    pub inherits: Vec<&'static str>,
}

/// A type of `ConfigDef`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// `true` or `false` in any case.
    Boolean,
    /// 16 bits.
    Short,
    /// 32 bits.
    Int,
    /// 64 bits.
    Long,
    /// A number.
    Double,
    /// Text.
    String,
    /// Texts with commas between.
    List,
    /// The name of a Java class.
    Class,
    /// Text that nobody is shown.
    Password,
}

const TYPES: [(&str, Type); 9] = [
    ("boolean", Type::Boolean),
    ("short", Type::Short),
    ("int", Type::Int),
    ("long", Type::Long),
    ("double", Type::Double),
    ("string", Type::String),
    ("list", Type::List),
    ("class", Type::Class),
    ("password", Type::Password),
];

impl Type {
    /// As Kafka's documentation has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// What a validator allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Valid {
    /// Whatever the type allows, as far as Kafka puts it into words.
    Anything,
    /// A number from here, and up to there.
    Within(f64, Option<f64>),
    /// One of these words, or each of a list; the flag: in any case.
    Words(&'static str, bool),
    /// Text with something in it.
    NotEmpty,
}

static ALL: LazyLock<Vec<Definition>> =
    LazyLock::new(|| include_str!("kafka.tsv").lines().filter_map(definition).collect());

/// Every definition, by scope and key.
#[must_use]
pub fn all() -> &'static [Definition] {
    &ALL
}

/// The definition of a setting in a line of Kafka.
#[must_use]
pub fn find(scope: Scope, key: &str, version: KafkaVersion) -> Option<&'static Definition> {
    all().iter().find(|one| one.scope == scope && one.key == key && one.lines.contains(&version))
}

/// The keys of a scope in a line of Kafka.
pub fn keys(scope: Scope, version: KafkaVersion) -> impl Iterator<Item = &'static str> {
    let here = move |one: &&Definition| one.scope == scope && one.lines.contains(&version);
    all().iter().filter(here).map(|one| one.key)
}

fn definition(line: &'static str) -> Option<Definition> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [scope, key, lines, kind, default, validator, _importance, inherits] = fields.as_slice()
    else {
        return None;
    };
    let (from, to) = lines.split_once('-')?;
    let missing = matches!(*default, "(required)" | "(null)" | "(local)");
    Some(Definition {
        scope: Scope::ALL.into_iter().find(|known| known.name() == *scope)?,
        key,
        lines: KafkaVersion::of(from)?..=KafkaVersion::of(to)?,
        kind: TYPES.iter().find(|(name, _)| name == kind)?.1,
        default: (!missing).then_some(*default),
        validator,
        inherits: inherits.split(',').filter(|name| !name.is_empty()).collect(),
    })
}

impl Definition {
    /// What its validator allows.
    #[must_use]
    pub fn valid(&self) -> Valid {
        let (any_case, said) = match self.validator.strip_prefix("(case insensitive) ") {
            Some(said) => (true, said),
            None => (false, self.validator),
        };
        if said == "non-empty string" {
            return Valid::NotEmpty;
        }
        // Of `[1,...,9] or -1` the end is an exception that `check` knows.
        let inner = said.strip_prefix('[').and_then(|said| Some(said.split_once(']')?.0));
        let Some(inner) = inner.filter(|_| !said.contains("]:[")) else { return Valid::Anything };
        if let Some((from, to)) = inner.split_once(",...") {
            let to = to.strip_prefix(',').and_then(|to| to.parse().ok());
            return from.parse().map_or(Valid::Anything, |from| Valid::Within(from, to));
        }
        // A validator that takes its own default in another case does not care for it.
        let spelt = |default: &str| {
            let exact = |word| word == default;
            !inner.split(", ").any(exact) && !default.contains(',') && !default.is_empty()
        };
        Valid::Words(inner, any_case || self.default.is_some_and(spelt))
    }

    /// A value as Kafka writes it: a word that it takes in any case is in small letters.
    #[must_use]
    pub fn spelt(&self, text: &str) -> String {
        match self.valid() {
            Valid::Words(_, true) => text.to_lowercase(),
            Valid::Words(_, false) | Valid::Anything | Valid::Within(..) | Valid::NotEmpty => {
                text.to_owned()
            }
        }
    }

    /// Whether Kafka takes this text, already without white space around it.
    ///
    /// # Errors
    /// What is wrong with it, to follow the key.
    pub fn check(&self, text: &str) -> Result<(), String> {
        let whole = |name: &str, fine: bool| {
            if fine { Ok(()) } else { Err(format!("is a whole number ({name}), found \"{text}\"")) }
        };
        match self.kind {
            Type::Boolean if text.eq_ignore_ascii_case("true") => Ok(()),
            Type::Boolean if text.eq_ignore_ascii_case("false") => Ok(()),
            Type::Boolean => Err(format!("is true or false, found \"{text}\"")),
            Type::Short => whole("16 bits", text.parse::<i16>().is_ok()),
            Type::Int => whole("32 bits", text.parse::<i32>().is_ok()),
            Type::Long => whole("64 bits", text.parse::<i64>().is_ok()),
            Type::Double if text.parse::<f64>().is_err() => {
                Err(format!("is a number, found \"{text}\""))
            }
            Type::Class if text.is_empty() => Err("is the name of a class".to_owned()),
            Type::Double | Type::String | Type::List | Type::Class | Type::Password => Ok(()),
        }?;
        self.is_valid(text)
    }

    fn is_valid(&self, text: &str) -> Result<(), String> {
        match self.valid() {
            Valid::Anything => Ok(()),
            Valid::NotEmpty if text.is_empty() => Err("must not be empty".to_owned()),
            Valid::NotEmpty => Ok(()),
            Valid::Within(from, to) => {
                let number: f64 = text.parse().unwrap_or(f64::NAN);
                let exempt = self.validator.ends_with(" or -1") && text == "-1";
                if exempt || number >= from && to.is_none_or(|to| number <= to) {
                    return Ok(());
                }
                let bounds = to.map_or(format!("at least {from}"), |to| format!("{from} to {to}"));
                Err(format!("must be {bounds}, found {text}"))
            }
            Valid::Words(words, any_case) => {
                let is = |item: &str, word: &str| match word.split_once(':') {
                    // `by_duration:PnDTnHnMn.nS` stands for its form.
                    Some((form, _)) => {
                        item.starts_with(form) && item.parse::<OffsetReset>().is_ok()
                    }
                    None if any_case => word.eq_ignore_ascii_case(item),
                    None => word == item,
                };
                let wrong = items(self.kind, text)
                    .into_iter()
                    .find(|item| !words.split(", ").any(|word| is(item, word)));
                let Some(wrong) = wrong else { return Ok(()) };
                Err(format!("is {}, found \"{wrong}\"", listed(words.split(", "))))
            }
        }
    }
}

/// The items of a list; text that is no list is one.
fn items(kind: Type, text: &str) -> Vec<&str> {
    match (kind, text) {
        (Type::List, "") => Vec::new(),
        (Type::List, _) => text.split(',').map(str::trim).collect(),
        _ => vec![text],
    }
}
