//! Renders verdicts for people and machines; decides nothing.
