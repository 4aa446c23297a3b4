//! Recovery time as a cumulative distribution, one staircase a platform, time on a logarithmic axis.
//!
//! Incidents still open at the horizon are censored, so the staircase is Kaplan and Meier's; one that the open
//! incidents keep below 100 % ends in a ring. Does not know why a recovery took long. Start at [`draw`].

use super::axis::{Axis, SPANS};
use super::canvas::{
    AXIS_TITLE, Anchor, BOTTOM, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, RULE, SMALL, TOP, colour,
    dashes,
};
use crate::report::number::{duration, grouped};
use crate::results::kaplan_meier::{self, Observation};
use crate::results::rows::ResultSet;

const TITLE: &str = "Time to recover from the loss of a machine";
/// Room right of the axis for the names.
const LABELS: i32 = 290;
/// Shorter than any recovery worth telling apart; the logarithm needs some floor.
const SHORTEST_S: f64 = 0.1;

struct Curve {
    platform: usize,
    name: String,
    /// (seconds, share recovered by then), ascending; empty if all stayed open.
    steps: Vec<(f64, f64)>,
    longest_s: f64,
    incidents: usize,
    open: usize,
    median_s: Option<f64>,
}

/// Never nothing: that no machine was lost is an answer too.
pub fn draw(results: &ResultSet) -> Option<String> {
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let curves: Vec<Curve> =
        names.enumerate().filter_map(|(index, name)| curve(results, index, name)).collect();
    if curves.is_empty() {
        return Some(Canvas::draw(TITLE, results, Grid::new(1, 1), |canvas| {
            let middle = ((LEFT + RIGHT) / 2, (TOP + BOTTOM) / 2);
            canvas.text(middle, "no machine was lost", MEDIUM, FAINT, Anchor::Centre);
        }));
    }
    let shortest =
        curves.iter().flat_map(|curve| curve.steps.first()).map(|step| step.0).fold(f64::MAX, f64::min);
    let longest = curves.iter().map(|curve| curve.longest_s).fold(SHORTEST_S, f64::max);
    let x = Axis {
        from: shortest.min(longest).log10() - 0.15,
        to: longest.log10() + 0.1,
        pixel_from: LEFT,
        pixel_to: RIGHT - LABELS,
    };
    let y = Axis { from: 0.0, to: 1.0, pixel_from: BOTTOM, pixel_to: TOP - 20 };
    Some(Canvas::draw(TITLE, results, Grid::new(1, 1), |canvas| {
        paint_axes(canvas, x, y);
        for curve in &curves {
            paint(canvas, curve, x, y);
        }
        paint_labels(canvas, &curves);
    }))
}

fn curve(results: &ResultSet, platform: usize, name: &str) -> Option<Curve> {
    let rows: Vec<_> =
        results.incidents.iter().filter(|row| row.platform == name && row.is_machine_loss()).collect();
    let spans: Vec<Observation> = rows
        .iter()
        .map(|row| Observation { value: row.total_s.max(SHORTEST_S), censored: row.is_open() })
        .collect();
    if spans.is_empty() {
        return None;
    }
    let mut ordered = spans.clone();
    ordered.sort_by(kaplan_meier::order);
    let mut steps = Vec::new();
    kaplan_meier::walk(ordered.iter().map(|&span| (span, 1)), |seconds, share| {
        steps.push((seconds, share));
        true
    });
    Some(Curve {
        platform,
        name: name.to_owned(),
        steps,
        longest_s: ordered.last().expect("there is one").value,
        incidents: spans.len(),
        open: spans.iter().filter(|span| span.censored).count(),
        median_s: kaplan_meier::quantile(&spans, 0.5),
    })
}

fn paint_axes(canvas: &Canvas<'_>, x: Axis, y: Axis) {
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let at = y.at(share);
        canvas.line(&[(x.pixel_from, at), (x.pixel_to, at)], RULE, 1);
        canvas.text((x.pixel_from - 12, at), &format!("{} %", share * 100.0), SMALL, INK, Anchor::Right);
    }
    for (seconds, label) in SPANS {
        let at = seconds.log10();
        if at >= x.from && at <= x.to {
            canvas.line(&[(x.at(at), BOTTOM), (x.at(at), BOTTOM + 8)], INK, 2);
            canvas.text((x.at(at), BOTTOM + 24), label, SMALL, INK, Anchor::Centre);
        }
    }
    canvas.line(&[(x.pixel_from, BOTTOM), (x.pixel_to, BOTTOM)], INK, 2);
    let middle = (x.pixel_from + x.pixel_to) / 2;
    canvas.text((middle, BOTTOM + 58), "time since the fault (logarithmic)", MEDIUM, INK, Anchor::Centre);
    canvas.text_upwards((AXIS_TITLE, (TOP + BOTTOM) / 2), "share of lost boxes made good", MEDIUM, INK);
}

fn paint(canvas: &Canvas<'_>, curve: &Curve, x: Axis, y: Axis) {
    let mut points = Vec::new();
    let mut share = 0.0;
    for &(seconds, next) in &curve.steps {
        let at = x.at(seconds.log10());
        points.push((at, y.at(share)));
        points.push((at, y.at(next)));
        share = next;
    }
    points.push((x.at(curve.longest_s.log10()), y.at(share)));
    // Steps finer than a pixel are one.
    points.dedup();
    let colour = colour(curve.platform);
    canvas.dashed(&points, colour, 4, dashes(curve.platform));
    if !kaplan_meier::reaches(share, 1.0) {
        canvas.ring(points[points.len() - 1], 9, colour);
    }
    if let Some(median_s) = curve.median_s {
        let at = (x.at(median_s.log10()), y.at(0.5));
        canvas.rectangle([(at.0 - 7, at.1 - 7), (at.0 + 7, at.1 + 7)], colour);
    }
}

/// Names beside the plot, in the order in which the curves reach the middle, with a piece of line each.
fn paint_labels(canvas: &Canvas<'_>, curves: &[Curve]) {
    let mut order: Vec<&Curve> = curves.iter().collect();
    order.sort_by(|a, b| a.median_s.unwrap_or(f64::MAX).total_cmp(&b.median_s.unwrap_or(f64::MAX)));
    let gap = ((BOTTOM - TOP) / order.len() as i32).min(128);
    let left = RIGHT - LABELS + 34;
    for (place, curve) in order.iter().enumerate() {
        let top = TOP + 10 + place as i32 * gap;
        let colour = colour(curve.platform);
        canvas.dashed(&[(left, top), (left + 64, top)], colour, 4, dashes(curve.platform));
        canvas.text_bold((left + 76, top), &curve.name, MEDIUM, INK, Anchor::Left);
        let median =
            curve.median_s.map_or("median not reached".to_owned(), |s| format!("median {}", duration(s)));
        canvas.text((left, top + 32), &median, SMALL, INK, Anchor::Left);
        let open = if curve.open == 0 { String::new() } else { format!(", {} still open", curve.open) };
        let count = format!("{} boxes lost{open}", grouped(curve.incidents as f64, 0));
        canvas.text((left, top + 60), &count, SMALL, FAINT, Anchor::Left);
    }
    let note = "■ median · ○ the rest was still open";
    canvas.text((RIGHT, BOTTOM + 74), note, SMALL, FAINT, Anchor::Right);
}
