//! The small types that lines are made of. They check what a single value can show, so that a mistake
//! is found at its column. They know no line and no name of a history.

use ackproof_types::{ErrorCode, RebalanceReason};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// A string, borrowed from its line where it holds no escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl Serialize for Text<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Letters;
        impl<'de> Visitor<'de> for Letters {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        let text = from.deserialize_str(Letters)?;
        // Names and words end up on a terminal.
        if text.chars().any(char::is_control) {
            return Err(D::Error::custom("a control character in a text"));
        }
        Ok(Text(text))
    }
}

impl JsonSchema for Text<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty) = $least:literal ..= $most:literal, $about:literal;) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
        pub(crate) struct $name(pub(crate) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let number = i64::deserialize(from)?;
                let inner = <$inner>::try_from(number).ok();
                let inner = inner.filter(|_| ($least..=$most).contains(&number));
                inner.map(Self).ok_or_else(|| {
                    D::Error::custom(format_args!(
                        "{number} is not a valid {}; it must be {} to {}", $about, $least as i64, $most as i64
                    ))
                })
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "integer", "minimum": $least as i64, "maximum": $most as i64 })
            }
        }
    };
}

number! {
    /// A position in a log. JSON keeps no more than 53 bits.
    Position(i64) = 0..=9_007_199_254_740_991, "offset";
}
number! {
    /// A position in a log, or −1: not known.
    MaybePosition(i64) = -1..=9_007_199_254_740_991, "offset";
}
number! {
    /// A leader epoch. A table of epochs by offset keeps 16 bits of it.
    Epoch(i32) = 0..=65_534, "leader epoch";
}
number! {
    /// A generation of a group.
    Generation(i32) = 0..=2_147_483_647, "generation";
}

/// Names that histories of earlier versions have for the client's timeout.
const TIMEOUTS: [&str; 2] = ["DELIVERY_TIMEOUT", "TIMEOUT_BEFORE_SEND"];

/// A name of `ErrorCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) ErrorCode);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        let name = if TIMEOUTS.contains(&&*text) { ErrorCode::Timeout.name() } else { &text };
        let code = ErrorCode::ALL.iter().find(|code| code.name() == name);
        code.copied().map(Self).ok_or_else(|| {
            let hint = super::nearest(&text, ErrorCode::ALL.iter().map(|code| code.name()));
            let hint = hint.unwrap_or_else(|| "write UNKNOWN_SERVER_ERROR for any other".into());
            D::Error::custom(format_args!("no error named {:?}; {hint}", &*text))
        })
    }
}

impl JsonSchema for Code {
    fn schema_name() -> Cow<'static, str> {
        "Error".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// A name of `RebalanceReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reason(pub(crate) RebalanceReason);

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.0.name())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?;
        let names = || RebalanceReason::ALL.iter().map(|reason| reason.name());
        let found = RebalanceReason::ALL.iter().find(|reason| reason.name() == &*text);
        found.copied().map(Self).ok_or_else(|| {
            let hint = super::nearest(&text, names());
            let hint = hint.unwrap_or_else(|| "leave it out where it is not known".into());
            D::Error::custom(format_args!("no reason named {:?}; {hint}", &*text))
        })
    }
}

impl JsonSchema for Reason {
    fn schema_name() -> Cow<'static, str> {
        "RebalanceReason".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = RebalanceReason::ALL.iter().map(|reason| reason.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

/// Offsets by partition, in the order of the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offsets<'a>(pub(crate) Vec<(Text<'a>, Position)>);

impl Serialize for Offsets<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(self.0.len()))?;
        for (place, offset) in &self.0 {
            map.serialize_entry(place, offset)?;
        }
        map.end()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Offsets<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Offsets<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of offsets by partition")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut offsets = Vec::new();
                while let Some(one) = map.next_entry::<Text<'de>, Position>()? {
                    offsets.push(one);
                }
                Ok(Offsets(offsets))
            }
        }
        from.deserialize_map(Entries)
    }
}

impl JsonSchema for Offsets<'_> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Offsets".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let offset = Position::json_schema(generator);
        json_schema!({ "type": "object", "additionalProperties": offset })
    }
}
