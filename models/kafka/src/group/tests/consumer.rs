//! Consumer groups (KIP-848), one rule at a time; `any_order` and `mixed` do it at random.
//!
//! - `member` a member, played by hand · `join` who comes and goes · `reconcile` who gets what, and when
//! - `write` what is written, lost and read again · `offsets` who may commit
//! - `kinds` groups of the other kind · `migration` members of the other kind

mod any_order;
mod join;
mod kinds;
pub(super) mod member;
mod migration;
mod mixed;
mod offsets;
mod reconcile;
mod write;
