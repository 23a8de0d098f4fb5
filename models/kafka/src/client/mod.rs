//! What every client of a cluster is made of: one network client with its metadata, back-off, key hashing.
//!
//! - [`network`] connections and requests in flight · [`metadata`] who leads what, and when to ask again
//! - `settings` what a client is made with
//! - [`backoff`] how long to wait · [`murmur2`] how keys are hashed

pub mod backoff;
mod connection;
pub mod metadata;
pub mod murmur2;
pub mod network;
mod settings;
#[cfg(test)]
mod tests;

pub use metadata::{Leadership, Metadata};
pub use network::NetworkClient;
pub use settings::{ClientSettings, NetworkTimer};
