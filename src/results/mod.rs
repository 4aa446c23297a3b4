//! Results as plain rows, the words they are written in, and the folder that holds them.
//!
//! Knows nothing of the simulator, of statistics or of how a report looks; those two sides meet here only.
//! Start at [`rows::ResultSet`], then [`metric::METRICS`].

mod columns;
#[cfg(test)]
pub(crate) mod fixture;
pub mod kaplan_meier;
pub mod metric;
pub mod read;
pub mod rows;
pub mod schema;
pub mod write;
