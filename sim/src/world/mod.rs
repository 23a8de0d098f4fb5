//! One run: a plan and a seed become processes, a network, faults, a history and the oracle's findings.
//!
//! It knows no verdict and no second run but for a story: what runs mean is decided in the study.
//!
//! - [`document`] texts as plans · [`lower`] from a plan to the configuration of machines
//! - [`run`] one run, from boot to findings: start here · [`bounds`] what ends it without a result
//! - [`lives`] processes and their lives, `spans` of starting and dying · [`process`] one of them, with its
//!   [`timers`]
//! - [`kernel`] what their effects act on: [`events`] the heap, [`network`] links and connections
//! - [`server`] the threads and the disk of a broker, where requests take time · [`clock`] what clocks show
//! - `leaving` what leaves it for clients that no model speaks for
//! - `sights` what operators see while it runs
//! - [`post`] what messages become, for whoever draws them
//! - [`nemesis`] faults · `autoscaler` members that come and go with the lag · [`recorder`] the history and its digest

mod autoscaler;
pub mod bounds;
mod clock;
pub mod document;
mod events;
mod kernel;
pub(crate) mod leaving;
pub(crate) mod lives;
pub(crate) mod lower;
pub mod nemesis;
pub(crate) mod network;
pub mod post;
mod process;
pub mod recorder;
pub mod run;
mod server;
mod sights;
mod spans;
mod timers;
