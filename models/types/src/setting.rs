//! What clients are told to do, in words that models and oracle share.

use std::fmt;
use std::str::FromStr;

/// The `acks` of a producer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acks {
    /// 0: nobody answers.
    None,
    /// 1: the leader's log.
    Leader,
    /// −1, `all`: every in-sync replica's log.
    All,
}

impl FromStr for Acks {
    type Err = String;

    /// `all`, `-1`, `1` or `0`.
    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "all" | "-1" => Ok(Self::All),
            "1" => Ok(Self::Leader),
            "0" => Ok(Self::None),
            _ => Err(format!("{word:?} is none of all, 1, 0")),
        }
    }
}

impl fmt::Display for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "0",
            Self::Leader => "1",
            Self::All => "all",
        })
    }
}
