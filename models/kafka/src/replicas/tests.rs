//! Small worlds, explored whole.
