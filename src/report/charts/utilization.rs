//! Utilization over time: what the paid cores did, one panel a platform, on one scale.
//!
//! Does not know why machines idled. Start at [`draw`].

use super::axis::Axis;
use super::canvas::{
    AXIS_TITLE, Anchor, BOTTOM, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, RULE, SMALL, TOP, colour,
    shade, tint,
};
use crate::report::number::{percent, significant};
use crate::results::rows::{ResultSet, TimeseriesRow};
use plotters::style::RGBColor;

/// More points than pixels make a heavy file and no finer picture.
const MOST_POINTS: usize = 480;
/// Narrower ones have no room for their key.
const MOST_PANELS_A_ROW: usize = 3;
const GAP_BETWEEN_PANELS: i32 = 52;
/// Above each panel: name and shares.
const PANEL_TITLE: i32 = 92;

/// Mean over some buckets, in cores.
#[derive(Clone, Copy, Default)]
struct Cores {
    t_s: f64,
    useful: f64,
    wasted: f64,
    overhead: f64,
    idle: f64,
}

impl Cores {
    /// From the axis upwards, with names.
    fn layers(&self) -> [(&'static str, f64); 4] {
        [("useful", self.useful), ("wasted", self.wasted), ("overhead", self.overhead), ("idle", self.idle)]
    }

    fn paid(&self) -> f64 {
        self.layers().iter().map(|(_, cores)| cores).sum()
    }
}

pub fn draw(results: &ResultSet) -> Option<String> {
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let panels: Vec<(usize, &str, Vec<Cores>)> = names
        .enumerate()
        .map(|(index, name)| (index, name, series(results, name)))
        .filter(|(_, _, series)| !series.is_empty())
        .collect();
    let most = panels.iter().flat_map(|(_, _, series)| series).map(Cores::paid).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let grid = Grid::new(panels.len(), MOST_PANELS_A_ROW);
    let y = Axis { from: 0.0, to: most * 1.02, pixel_from: BOTTOM, pixel_to: TOP + PANEL_TITLE };
    let width = (RIGHT - LEFT + GAP_BETWEEN_PANELS) / grid.per_row as i32 - GAP_BETWEEN_PANELS;
    Some(Canvas::draw("What the paid CPU cores did", results, grid, |canvas| {
        for (row, panels) in panels.chunks(grid.per_row).enumerate() {
            let canvas = canvas.row(row);
            let middle = (BOTTOM + TOP + PANEL_TITLE) / 2;
            canvas.text_upwards((AXIS_TITLE, middle), "CPU cores, mean over replications", MEDIUM, INK);
            for (place, (index, name, series)) in panels.iter().enumerate() {
                let left = LEFT + place as i32 * (width + GAP_BETWEEN_PANELS);
                let panel = Panel { name, colour: colour(*index), left, right: left + width, y };
                panel.paint(&canvas, series, place == 0);
            }
            let centre = ((LEFT + RIGHT) / 2, BOTTOM + 58);
            canvas.text(centre, "days since metering began", MEDIUM, INK, Anchor::Centre);
        }
    }))
}

struct Panel<'a> {
    name: &'a str,
    colour: RGBColor,
    left: i32,
    right: i32,
    y: Axis,
}

impl Panel<'_> {
    /// One hue a platform, four steps of lightness that also print in grey; wasted is the dark seam above useful.
    fn fills(&self) -> [RGBColor; 4] {
        [self.colour, shade(self.colour, 0.35), tint(self.colour, 0.55), tint(self.colour, 0.18)]
    }

    fn paint(&self, canvas: &Canvas<'_>, series: &[Cores], with_labels: bool) {
        let end = day(series.last().expect("a panel has points").t_s) + bucket_days(series);
        let x = Axis { from: 0.0, to: end.max(1e-9), pixel_from: self.left, pixel_to: self.right };
        self.paint_areas(canvas, series, x);
        for (tick, label) in self.y.ticks(6) {
            let at = self.y.at(tick);
            // Over the areas: a light rule is a scale to read off, and does not hide them.
            canvas.line(&[(self.left, at), (self.right, at)], RULE, 1);
            if with_labels {
                canvas.text((self.left - 12, at), &label, SMALL, INK, Anchor::Right);
            }
        }
        let fits = ((self.right - self.left) / 70).clamp(2, 8) as usize;
        for (tick, label) in x.ticks(fits) {
            let at = x.at(tick);
            canvas.line(&[(at, BOTTOM), (at, BOTTOM + 8)], INK, 2);
            canvas.text((at, BOTTOM + 24), &label, SMALL, INK, Anchor::Centre);
        }
        canvas.line(&[(self.left, BOTTOM), (self.right, BOTTOM)], INK, 2);
        self.paint_title(canvas, series);
    }

    fn paint_areas(&self, canvas: &Canvas<'_>, series: &[Cores], x: Axis) {
        let half = bucket_days(series) / 2.0;
        let mut below: Vec<(i32, i32)> = Vec::new();
        let mut base = vec![0.0; series.len()];
        for (layer, fill) in self.fills().into_iter().enumerate() {
            let mut edge = Vec::with_capacity(series.len() + 2);
            for (cores, base) in series.iter().zip(&mut base) {
                *base += cores.layers()[layer].1;
                edge.push((x.at(day(cores.t_s) + half), self.y.at(*base)));
            }
            // A bucket is drawn at its middle; the first and last half run flat to the edges.
            edge.insert(0, (self.left, edge[0].1));
            edge.push((self.right, edge[edge.len() - 1].1));
            if below.is_empty() {
                below = vec![(self.left, BOTTOM), (self.right, BOTTOM)];
            }
            let outline: Vec<(i32, i32)> = edge.iter().copied().chain(below.iter().rev().copied()).collect();
            canvas.polygon(&outline, fill);
            below = edge;
        }
        canvas.line(&below, self.colour, 2);
    }

    /// The name, and a key that is a table of shares at once.
    fn paint_title(&self, canvas: &Canvas<'_>, series: &[Cores]) {
        let mean = |layer: usize| {
            series.iter().map(|cores| cores.layers()[layer].1).sum::<f64>() / series.len() as f64
        };
        let means: Vec<f64> = (0..4).map(mean).collect();
        let paid: f64 = means.iter().sum();
        canvas.text_bold((self.left, TOP - 26), self.name, MEDIUM, INK, Anchor::Left);
        let mean_paid = format!("{} cores paid", significant(paid));
        canvas.text((self.right, TOP - 26), &mean_paid, SMALL, FAINT, Anchor::Right);
        let column = (self.right - self.left) / 2;
        let names = Cores::default().layers();
        for (layer, fill) in self.fills().into_iter().enumerate() {
            let (left, top) = (self.left + (layer as i32 % 2) * column, TOP + 6 + (layer as i32 / 2) * 34);
            canvas.rectangle([(left, top - 10), (left + 20, top + 10)], fill);
            let share = format!("{} {} %", names[layer].0, percent(means[layer] / paid));
            canvas.text((left + 28, top), &share, SMALL, INK, Anchor::Left);
        }
    }
}

fn day(t_s: f64) -> f64 {
    t_s / 86_400.0
}

fn bucket_days(series: &[Cores]) -> f64 {
    match series {
        [first, second, ..] => day(second.t_s - first.t_s),
        _ => 1.0 / 24.0,
    }
}

/// The whole platform's series, thinned by averaging neighbours.
fn series(results: &ResultSet, platform: &str) -> Vec<Cores> {
    let rows: Vec<&TimeseriesRow> = results
        .timeseries
        .iter()
        .filter(|row| row.platform == platform && row.service.is_empty() && row.paid_cores.is_some())
        .collect();
    let per_point = per_point(&rows);
    let average = |rows: &[&TimeseriesRow]| {
        let mean = |field: fn(&TimeseriesRow) -> f64| {
            rows.iter().map(|row| field(row).max(0.0)).sum::<f64>() / rows.len() as f64
        };
        Cores {
            t_s: rows[0].t_s,
            useful: mean(|row| row.useful_cores),
            wasted: mean(|row| row.wasted_cores),
            overhead: mean(|row| row.overhead_cores.unwrap_or(0.0)),
            idle: mean(|row| row.idle_cores.unwrap_or(0.0)),
        }
    };
    // An incomplete last point would be drawn as wide as the others.
    let whole = if rows.len() < per_point { rows.len() } else { rows.len() - rows.len() % per_point };
    rows[..whole].chunks(per_point).map(average).collect()
}

/// How many buckets make a point. A point longer than an eighth of a day would beat against the daily wave, so then
/// it is whole days.
fn per_point(rows: &[&TimeseriesRow]) -> usize {
    let least = rows.len().div_ceil(MOST_POINTS).max(1);
    let [first, second, ..] = rows else { return least };
    let per_day = (86_400.0 / (second.t_s - first.t_s)).round().max(1.0) as usize;
    if least * 8 > per_day { least.next_multiple_of(per_day) } else { least }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn a_year_of_hours_is_drawn_in_whole_days() {
        let row = fixture::three_platforms().timeseries[0].clone();
        let hours = |count: u32| -> Vec<TimeseriesRow> {
            (0..count).map(|k| TimeseriesRow { t_s: f64::from(k) * 3_600.0, ..row.clone() }).collect()
        };
        let points = |rows: &[TimeseriesRow]| per_point(&rows.iter().collect::<Vec<_>>());
        // 8,760 hours in 480 points would be 19 hours each.
        assert_eq!(points(&hours(8_760)), 24);
        // Four weeks of hours are 672 points: two hours each.
        assert_eq!(points(&hours(672)), 2);
        assert_eq!(points(&hours(1)), 1);
    }
}
