//! All that is drawn from the rows of a results folder, as files: the report, and each figure as SVG and PNG.
//!
//! Touches no file. Start at [`all`].

use super::{charts, html, png};
use crate::results::rows::ResultSet;
use crate::results::write::{CHARTS, Drawing, REPORT};

/// Paths in the results folder, and bytes: a function of the rows alone.
pub fn all(results: &ResultSet) -> Vec<Drawing> {
    let figures = charts::all(results);
    let pictures: Vec<Drawing> =
        figures.iter().map(|(name, svg)| (format!("{CHARTS}/{name}.png"), png::picture(svg))).collect();
    let vectors = figures.into_iter().map(|(name, svg)| (format!("{CHARTS}/{name}.svg"), svg.into_bytes()));
    let report = (REPORT.to_owned(), html::page(results).into_bytes());
    vectors.chain(pictures).chain([report]).collect()
}
