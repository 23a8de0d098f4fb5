//! What an application makes of the records that it reads, in words that models, oracle and scenarios share.

use crate::setting::words;

words! {
    /// Whether an application waits for the acknowledgements of what it has sent.
    Awaits {
        /// It flushes its producer before it commits, and before it polls on.
        #[default]
        BeforeCommit = "before-commit",
        /// It does not.
        Never = "never",
    }
    /// What an application sends a record to, with a producer of its own.
    Lane {
        /// Its results: one record for each that it has processed.
        #[default]
        Results = "results",
        /// The dead-letter topic: records whose attempts have all failed.
        DeadLetters = "dead-letters",
    }
}
