//! Cost by category: one stacked bar a platform, per 730-hour month.
//!
//! Does not know prices. Start at [`draw`].

use super::axis::{Axis, spread};
use super::canvas::{
    AXIS_TITLE, Anchor, BOTTOM, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, RULE, SMALL, TOP, colour,
    shade, tint,
};
use crate::report::number::grouped;
use crate::results::metric::MetricId;
use crate::results::rows::{ResultSet, SummaryRow};
use plotters::style::{RGBColor, WHITE};

/// From the axis upwards. What the catalog may add later goes on top, under its own name.
const CATEGORIES: [&str; 5] = ["compute", "people", "network entry", "control plane", "storage"];
/// More leave no room for labels beside the bars.
const MOST_BARS_A_ROW: usize = 4;
const LABEL_GAP: i32 = 27;

/// A category that costs something.
struct Part {
    /// Place in the order of categories: its shade is the same on every platform.
    place: usize,
    category: String,
    usd: f64,
}

struct Bar {
    colour: RGBColor,
    name: String,
    parts: Vec<Part>,
    /// 95 % interval of the total.
    interval: Option<(f64, f64)>,
}

impl Bar {
    fn total(&self) -> f64 {
        self.parts.iter().map(|part| part.usd).sum()
    }
}

pub fn draw(results: &ResultSet) -> Option<String> {
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let bars: Vec<Bar> = names.enumerate().map(|(index, name)| bar(results, index, name)).collect();
    let top = |bar: &Bar| bar.interval.map_or(0.0, |(_, high)| high).max(bar.total());
    let most = bars.iter().map(top).fold(0.0, f64::max);
    if bars.iter().all(|bar| bar.parts.is_empty()) {
        return None;
    }
    let grid = Grid::new(bars.len(), MOST_BARS_A_ROW);
    let y = Axis { from: 0.0, to: most * 1.08, pixel_from: BOTTOM, pixel_to: TOP - 30 };
    Some(Canvas::draw("Cost per month, by what it pays for", results, grid, |canvas| {
        for (row, bars) in bars.chunks(grid.per_row).enumerate() {
            paint_row(&canvas.row(row), bars, y, (RIGHT - LEFT) / grid.per_row as i32);
        }
    }))
}

fn paint_row(canvas: &Canvas<'_>, bars: &[Bar], y: Axis, slot: i32) {
    for (tick, label) in y.ticks(6) {
        canvas.line(&[(LEFT, y.at(tick)), (RIGHT, y.at(tick))], RULE, 1);
        canvas.text((LEFT - 12, y.at(tick)), &label, SMALL, INK, Anchor::Right);
    }
    canvas.text_upwards((AXIS_TITLE, (TOP + BOTTOM) / 2), "USD per month of 730 hours", MEDIUM, INK);
    for (place, bar) in bars.iter().enumerate() {
        let left = LEFT + place as i32 * slot + slot / 12;
        paint(canvas, bar, y, left, (slot * 2 / 5).min(190));
    }
    canvas.line(&[(LEFT, BOTTOM), (RIGHT, BOTTOM)], INK, 2);
    if bars.iter().any(|bar| bar.interval.is_some()) {
        let note = "whisker: 95 % interval of the total";
        canvas.text((RIGHT, BOTTOM + 74), note, SMALL, FAINT, Anchor::Right);
    }
}

fn bar(results: &ResultSet, index: usize, name: &str) -> Bar {
    let rows = results.costs.iter().filter(|row| row.platform == name);
    let part = |(place, category): (usize, &&str)| Part { place, category: (*category).to_owned(), usd: 0.0 };
    let mut parts: Vec<Part> = CATEGORIES.iter().enumerate().map(part).collect();
    for row in rows {
        match parts.iter_mut().find(|part| part.category == row.category) {
            Some(part) => part.usd += row.usd_per_month,
            None => {
                let (place, category) = (parts.len(), row.category.clone());
                parts.push(Part { place, category, usd: row.usd_per_month });
            }
        }
    }
    parts.retain(|part| part.usd > 0.0);
    let metric = MetricId::CostPerMonth.definition().name;
    let is_total =
        |row: &&SummaryRow| row.platform == name && row.service.is_empty() && row.is_of(metric, "ratio");
    let total = results.summary.iter().find(is_total);
    let interval = total.and_then(|row| Some((row.ci_low?, row.ci_high?)));
    Bar { colour: colour(index), name: name.to_owned(), parts, interval }
}

fn paint(canvas: &Canvas<'_>, bar: &Bar, y: Axis, left: i32, width: i32) {
    let right = left + width;
    let mut base = 0.0;
    let mut middles = Vec::new();
    for part in &bar.parts {
        let (bottom, top) = (y.at(base), y.at(base + part.usd));
        canvas.rectangle([(left, top), (right, bottom)], fill(bar.colour, part.place));
        // A white seam parts what touches, in grey print too.
        canvas.line(&[(left, bottom), (right, bottom)], WHITE, 2);
        middles.push((top + bottom) / 2);
        base += part.usd;
    }
    let labels = spread(&middles, LABEL_GAP, TOP, BOTTOM - 14);
    for ((middle, label), part) in middles.iter().zip(&labels).zip(&bar.parts) {
        canvas.line(&[(right + 2, *middle), (right + 16, *label)], FAINT, 1);
        let text = format!("{} {}", part.category, grouped(part.usd, 0));
        canvas.text((right + 22, *label), &text, SMALL, INK, Anchor::Left);
    }
    let centre = (left + right) / 2;
    let mut top = y.at(bar.total());
    if let Some((low, high)) = bar.interval {
        let (low, high) = (y.at(low), y.at(high));
        canvas.line(&[(centre, low), (centre, high)], INK, 2);
        for end in [low, high] {
            canvas.line(&[(centre - 9, end), (centre + 9, end)], INK, 2);
        }
        top = top.min(high);
    }
    canvas.text_bold((centre, top - 20), &grouped(bar.total(), 0), MEDIUM, INK, Anchor::Centre);
    canvas.text_bold((centre, BOTTOM + 30), &bar.name, MEDIUM, INK, Anchor::Centre);
}

/// Steps of one hue, dark and light in turn.
fn fill(colour: RGBColor, place: usize) -> RGBColor {
    match place % 5 {
        0 => colour,
        1 => tint(colour, 0.45),
        2 => shade(colour, 0.55),
        3 => tint(colour, 0.7),
        _ => tint(colour, 0.22),
    }
}
