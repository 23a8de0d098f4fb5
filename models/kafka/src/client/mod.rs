//! What producers and consumers share: metadata with epochs, back-off, key hashing.

pub mod backoff;
pub mod metadata;
pub mod murmur2;
