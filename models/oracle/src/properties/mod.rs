//! The properties, one file each. A property sees entries and nothing else.

pub(crate) mod acked_durability;
pub(crate) mod at_least_once;
pub(crate) mod commit_behind_processing;
pub(crate) mod commit_durability;
pub(crate) mod end_to_end;
pub(crate) mod group_exclusive;
pub(crate) mod high_watermark;
pub(crate) mod idempotent_log;
pub(crate) mod leader_in_isr;
pub(crate) mod log_matching;
pub(crate) mod metadata_agreement;
pub(crate) mod min_insync_replicas;
pub(crate) mod no_phantom;
pub(crate) mod one_leader_per_epoch;
pub(crate) mod producer_order;
pub(crate) mod recovers;
pub(crate) mod sink_effect;
pub(crate) mod stable_reads;
