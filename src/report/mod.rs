//! What people read: sentences, one table, charts. Drawn from rows alone.
//!
//! Knows nothing of the simulator or of how an interval was computed, prints nothing and touches no file. Start at
//! [`verdict::verdicts`], then [`table::table`], [`charts::all`].

pub mod charts;
mod comparison;
mod note;
pub mod number;
pub mod table;
pub mod verdict;
pub mod words;
