//! What comes in from an operator, and what goes back: plain data, so that a tape can keep it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An order, with the text as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// A fault begins: as a scenario has it, without a time.
    Fault(String),
    /// What the fault with this number did is healed.
    Heal(u32),
    /// What there is to see.
    State(()),
    /// To be told when something is so.
    Wait(String),
    /// An application has processed records: JSON Lines.
    Processed(String),
}

/// What goes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// As in HTTP.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

impl Reply {
    /// What is wrong, in a line.
    #[must_use]
    pub fn words(&self) -> String {
        self.body["error"].as_str().unwrap_or_default().to_owned()
    }

    /// It is done.
    #[must_use]
    pub fn fine(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// What is wrong, and what could be written instead.
    #[must_use]
    pub fn refused(status: u16, error: &str, hint: Option<&str>) -> Self {
        let mut body = serde_json::json!({ "error": error });
        if let Some(hint) = hint {
            body["hint"] = hint.into();
        }
        Self { status, body }
    }
}
