//! What people read: sentences, one table, charts. Drawn from rows alone.
//!
//! Knows nothing of the simulator or of how an interval was computed, prints nothing and touches no file. Start at
//! [`verdict::verdicts`], then [`table::table`], [`charts::all`]; [`html::page`] is all of them on one page.

pub mod asserts;
pub mod change;
pub mod charts;
mod comparison;
pub mod drawings;
pub mod export;
pub mod html;
pub mod markdown;
mod note;
pub mod number;
mod palette;
pub mod png;
pub mod table;
pub mod verdict;
pub mod words;
