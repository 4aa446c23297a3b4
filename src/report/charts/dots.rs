//! A dot with its interval for each platform, one line a thing that is compared, on a logarithmic axis.
//!
//! For numbers that differ by factors of ten. Does not know what they mean. Start at [`draw`].

use super::axis::Axis;
use super::canvas::{
    Anchor, BOTTOM, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, RULE, SMALL, TOP, colour, dashes,
};
use crate::results::rows::ResultSet;

/// Room left of the axis for the names of lines, and below the title for those of platforms.
const NAMES: i32 = 250;
const KEY: i32 = 40;

/// What the figure is about.
pub struct Words {
    pub title: &'static str,
    pub axis: &'static str,
    /// What is said of a value of zero, which a logarithmic axis does not have.
    pub none: &'static str,
    /// Ticks and values in words.
    pub value: fn(f64) -> String,
}

/// A value and its interval.
pub type Dot = (f64, Option<(f64, f64)>);

/// One thing that is compared.
pub struct Line {
    pub name: String,
    /// By platform: value and interval.
    pub values: Vec<Option<Dot>>,
}

/// Nothing if no line has a value above zero. `ticks` are those that the axis may have, ascending.
pub fn draw(results: &ResultSet, words: &Words, lines: &[Line], ticks: &[f64]) -> Option<String> {
    let shown =
        || lines.iter().flat_map(|line| line.values.iter().flatten()).map(|(v, _)| *v).filter(|v| *v > 0.0);
    let (least, most) = (shown().fold(f64::MAX, f64::min), shown().fold(0.0, f64::max));
    if most <= 0.0 {
        return None;
    }
    // Whiskers are shown whole, unless they would squeeze the values.
    let ends =
        || lines.iter().flat_map(|line| line.values.iter().flatten()).filter_map(|(_, interval)| *interval);
    let least = ends().map(|(low, _)| low).filter(|low| *low > least / 10.0).fold(least, f64::min);
    let most = ends().map(|(_, high)| high).filter(|high| *high < most * 10.0).fold(most, f64::max);
    let x = Axis {
        from: least.log10() - 0.15,
        to: most.log10() + 0.1,
        pixel_from: LEFT + NAMES,
        pixel_to: RIGHT - 150,
    };
    let platforms: Vec<&str> = results.manifest.platforms.iter().map(|p| p.name.as_str()).collect();
    let per_row = (((BOTTOM - TOP - KEY) / 64) as usize).min(lines.len()).max(1);
    let grid = Grid::new(lines.len().div_ceil(per_row), 1);
    Some(Canvas::draw(words.title, results, grid, |canvas| {
        for (row, lines) in lines.chunks(per_row).enumerate() {
            let canvas = canvas.row(row);
            paint_key(&canvas, &platforms);
            paint_axis(&canvas, words, x, ticks);
            let pitch = (BOTTOM - TOP - KEY) / lines.len() as i32;
            for (place, line) in lines.iter().enumerate() {
                paint(&canvas, words, line, x, (TOP + KEY + place as i32 * pitch, pitch));
            }
        }
    }))
}

fn paint_key(canvas: &Canvas<'_>, platforms: &[&str]) {
    let mut left = LEFT + NAMES;
    for (index, name) in platforms.iter().enumerate() {
        canvas.dashed(&[(left, TOP - 8), (left + 46, TOP - 8)], colour(index), 4, dashes(index));
        canvas.text((left + 56, TOP - 8), name, SMALL, INK, Anchor::Left);
        left += 56 + 14 * name.chars().count() as i32 + 44;
    }
}

fn paint_axis(canvas: &Canvas<'_>, words: &Words, x: Axis, ticks: &[f64]) {
    let mut free_from = i32::MIN;
    for &tick in ticks.iter().filter(|tick| (x.from..=x.to).contains(&tick.log10())) {
        let at = x.at(tick.log10());
        canvas.line(&[(at, TOP + KEY - 20), (at, BOTTOM)], RULE, 1);
        let label = (words.value)(tick);
        let half = 7 * label.chars().count() as i32;
        if at - half >= free_from {
            canvas.text((at, BOTTOM + 24), &label, SMALL, INK, Anchor::Centre);
            free_from = at + half;
        }
    }
    canvas.line(&[(x.pixel_from, BOTTOM), (x.pixel_to, BOTTOM)], INK, 2);
    canvas.text(((x.pixel_from + x.pixel_to) / 2, BOTTOM + 58), words.axis, MEDIUM, INK, Anchor::Centre);
}

fn paint(canvas: &Canvas<'_>, words: &Words, line: &Line, x: Axis, (top, pitch): (i32, i32)) {
    let middle = top + pitch / 2;
    canvas.text((x.pixel_from - 16, middle), &line.name, MEDIUM, INK, Anchor::Right);
    canvas.line(&[(x.pixel_from, top + pitch), (x.pixel_to, top + pitch)], RULE, 1);
    let step = pitch / (line.values.len() as i32 + 1);
    for (platform, value) in line.values.iter().enumerate() {
        let Some((value, interval)) = value else { continue };
        let y = top + step * (platform as i32 + 1);
        let hue = colour(platform);
        if *value <= 0.0 {
            canvas.text((x.pixel_from + 8, y), words.none, SMALL, FAINT, Anchor::Left);
            continue;
        }
        let at = x.at(value.log10());
        if let Some((low, high)) = interval {
            let inside = |v: f64| x.at(v.max(10_f64.powf(x.from)).log10()).min(x.pixel_to);
            canvas.line(&[(inside(*low), y), (inside(*high), y)], hue, 3);
        }
        canvas.rectangle([(at - 8, y - 8), (at + 8, y + 8)], hue);
        let right = interval.map_or(at, |(_, high)| x.at(high.max(*value).log10()).min(x.pixel_to));
        canvas.text((right.max(at) + 16, y), &(words.value)(*value), SMALL, INK, Anchor::Left);
    }
}
