//! The topics, one file each: theory first, then the world, then statistics.
//!
//! A new one is a file with a function `checks`, and a line in [`TOPICS`].

mod arrivals;
mod balancing;
mod bookkeeping;
mod coverage;
mod distributions;
mod finding;
mod first_values;
mod kubernetes;
mod lines;
mod mmc;
mod overload;
mod patching;
mod renewal;
mod repair;
mod retries;
mod sharing;
mod textbook;
mod weather;

use super::Check;

type Checks = fn() -> Vec<Check>;

/// Title and checks of each topic, in the order of the report.
pub const TOPICS: [(&str, Checks); 18] = [
    ("M/M/c by formula", mmc::checks),
    ("lines, one request after the other", lines::checks),
    ("shared processors", sharing::checks),
    ("balancing policies", balancing::checks),
    ("arrivals", arrivals::checks),
    ("overload", overload::checks),
    ("retries", retries::checks),
    ("sums that must come out even", bookkeeping::checks),
    ("crashes and repairs by themselves", renewal::checks),
    ("repairs by people", repair::checks),
    ("how callers find boxes", finding::checks),
    ("patches by hand", patching::checks),
    ("the same weather for all", weather::checks),
    ("a Kubernetes control plane by its specification", kubernetes::checks),
    ("distributions", distributions::checks),
    ("first values", first_values::checks),
    ("statistics against textbooks", textbook::checks),
    ("coverage of intervals", coverage::checks),
];
