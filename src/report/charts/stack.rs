//! Stacked bars, one a platform: what a total is made of, each part with its name and number beside it.
//!
//! Does not know what is stacked. Start at [`draw`].

use super::axis::{Axis, spread};
use super::canvas::{
    AXIS_TITLE, Anchor, BOTTOM, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, RULE, SMALL, TOP, colour,
    shade, tint,
};
use crate::report::number::grouped;
use crate::results::rows::ResultSet;
use plotters::style::{RGBColor, WHITE};

/// More leave no room for labels beside the bars.
const MOST_BARS_A_ROW: usize = 4;
const LABEL_GAP: i32 = 27;

/// What the figure is about.
pub struct Words {
    pub title: &'static str,
    /// What the vertical axis counts.
    pub unit: &'static str,
    pub decimals: usize,
}

/// One named share of a bar.
pub struct Part {
    /// Place in the order of parts: its shade is the same on every platform.
    pub place: usize,
    pub name: String,
    pub value: f64,
}

pub struct Bar {
    /// Place of the platform in the manifest.
    pub platform: usize,
    pub name: String,
    pub parts: Vec<Part>,
    /// 95 % interval of the total.
    pub interval: Option<(f64, f64)>,
}

impl Bar {
    fn total(&self) -> f64 {
        self.parts.iter().map(|part| part.value).sum()
    }
}

/// Names in the order in which they are stacked, with their places; names that are not in the order come last.
pub struct Order {
    names: Vec<String>,
}

impl Order {
    pub fn new(first: &[&str]) -> Order {
        Order { names: first.iter().map(|name| (*name).to_owned()).collect() }
    }

    /// Sums of equal names, in order, without those that are nothing.
    pub fn parts<'a>(&mut self, values: impl Iterator<Item = (&'a str, f64)>) -> Vec<Part> {
        let mut sums: Vec<f64> = vec![0.0; self.names.len()];
        for (name, value) in values {
            let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
                self.names.push(name.to_owned());
                sums.push(0.0);
                self.names.len() - 1
            });
            sums[place] += value;
        }
        let part = |(place, value): (usize, f64)| Part { place, name: self.names[place].clone(), value };
        sums.into_iter().enumerate().filter(|(_, value)| *value > 0.0).map(part).collect()
    }
}

/// Nothing if no bar has a part.
pub fn draw(results: &ResultSet, words: &Words, bars: &[Bar]) -> Option<String> {
    let top = |bar: &Bar| bar.interval.map_or(0.0, |(_, high)| high).max(bar.total());
    let most = bars.iter().map(top).fold(0.0, f64::max);
    if bars.iter().all(|bar| bar.parts.is_empty()) {
        return None;
    }
    let grid = Grid::new(bars.len(), MOST_BARS_A_ROW);
    let y = Axis { from: 0.0, to: most * 1.08, pixel_from: BOTTOM, pixel_to: TOP - 30 };
    Some(Canvas::draw(words.title, results, grid, |canvas| {
        for (row, bars) in bars.chunks(grid.per_row).enumerate() {
            paint_row(&canvas.row(row), words, bars, y, (RIGHT - LEFT) / grid.per_row as i32);
        }
    }))
}

fn paint_row(canvas: &Canvas<'_>, words: &Words, bars: &[Bar], y: Axis, slot: i32) {
    for (tick, label) in y.ticks(6) {
        canvas.line(&[(LEFT, y.at(tick)), (RIGHT, y.at(tick))], RULE, 1);
        canvas.text((LEFT - 12, y.at(tick)), &label, SMALL, INK, Anchor::Right);
    }
    canvas.text_upwards((AXIS_TITLE, (TOP + BOTTOM) / 2), words.unit, MEDIUM, INK);
    for (place, bar) in bars.iter().enumerate() {
        let left = LEFT + place as i32 * slot + slot / 12;
        paint(canvas, words, bar, y, left, (slot * 2 / 5).min(190));
    }
    canvas.line(&[(LEFT, BOTTOM), (RIGHT, BOTTOM)], INK, 2);
    if bars.iter().any(|bar| bar.interval.is_some()) {
        let note = "whisker: 95 % interval of the total";
        canvas.text((RIGHT, BOTTOM + 74), note, SMALL, FAINT, Anchor::Right);
    }
}

fn paint(canvas: &Canvas<'_>, words: &Words, bar: &Bar, y: Axis, left: i32, width: i32) {
    let right = left + width;
    let mut base = 0.0;
    // What would be shown as zero has no label.
    let least = 0.5 / 10_f64.powi(words.decimals as i32);
    let mut labelled = Vec::new();
    for part in &bar.parts {
        let (bottom, top) = (y.at(base), y.at(base + part.value));
        canvas.rectangle([(left, top), (right, bottom)], fill(colour(bar.platform), part.place));
        // A white seam parts what touches, in grey print too.
        canvas.line(&[(left, bottom), (right, bottom)], WHITE, 2);
        if part.value >= least {
            labelled.push(((top + bottom) / 2, part));
        }
        base += part.value;
    }
    let wishes: Vec<i32> = labelled.iter().map(|(middle, _)| *middle).collect();
    let labels = spread(&wishes, LABEL_GAP, TOP, BOTTOM - 14);
    for ((middle, part), label) in labelled.iter().zip(&labels) {
        canvas.line(&[(right + 2, *middle), (right + 16, *label)], FAINT, 1);
        let text = format!("{} {}", part.name, grouped(part.value, words.decimals));
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
    canvas.text_bold((centre, top - 20), &grouped(bar.total(), words.decimals), MEDIUM, INK, Anchor::Centre);
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
