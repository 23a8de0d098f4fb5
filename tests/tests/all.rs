//! All end-to-end tests.
