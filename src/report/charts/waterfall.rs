//! What the time of a recovery or of a scale-up goes to: one bar a platform, from the fault to traffic again, or from
//! the need for more boxes to its satisfaction.
//!
//! Spans differ by factors of a hundred between platforms, so each bar is its own whole; how long that is stands beside
//! it. Means over what was closed by the horizon. Start at [`draw`].

use super::canvas::{
    Anchor, Canvas, FAINT, Grid, INK, LEFT, MEDIUM, RIGHT, SMALL, TOP, colour, dashes, shade, tint,
};
use crate::report::number::duration;
use crate::results::rows::{IncidentRow, ResultSet};
use plotters::style::{RGBColor, WHITE};

/// A stage by its name, and how long it took in a recovery [s].
type Stage = (&'static str, fn(&IncidentRow) -> f64);

/// In the order of time, as in the rows.
pub const STAGES: [Stage; 7] = [
    ("detect", |row| row.detect_s),
    ("decide", |row| row.decide_s),
    ("provision", |row| row.provision_s),
    ("boot", |row| row.boot_s),
    ("configure", |row| row.configure_s),
    ("start", |row| row.start_s),
    ("into rotation", |row| row.rotation_s),
];

/// From one bar to the next.
const PITCH: i32 = (super::canvas::BOTTOM - TOP) / MOST;
/// Bars below each other, before another row of them begins.
const MOST: i32 = 4;
const THICK: i32 = 62;
/// Room right of the bars for the total.
const TOTALS: i32 = 300;
/// A part that is less of the whole has no label.
const LEAST_NAMED: f64 = 0.004;

/// What is cut into its stages.
pub struct Subject {
    title: &'static str,
    /// Below the bars.
    note: &'static str,
    /// In the plural.
    noun: &'static str,
    counts: fn(&IncidentRow) -> bool,
}

pub const RECOVERY: Subject = Subject {
    title: "What the time of a recovery goes to",
    note: "each bar is 100 % of the mean recovery from the loss of a machine; open recoveries left out",
    noun: "recoveries",
    counts: IncidentRow::is_machine_loss,
};

pub const SCALE_UP: Subject = Subject {
    title: "What the time of a scale-up goes to",
    note: "each bar is 100 % of the mean time from too few boxes to enough; overloads that passed by themselves left out",
    noun: "scale-ups",
    counts: IncidentRow::is_overload,
};

/// Mean spans of one platform.
pub struct Means {
    pub platform: usize,
    pub name: String,
    pub incidents: usize,
    /// One a stage [s].
    pub stages: [f64; STAGES.len()],
}

impl Means {
    pub fn total_s(&self) -> f64 {
        self.stages.iter().sum()
    }
}

/// Platforms that had such incidents closed.
pub fn means(results: &ResultSet, subject: &Subject) -> Vec<Means> {
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let of = |(platform, name): (usize, &str)| {
        let is_over =
            |row: &&IncidentRow| row.platform == name && (subject.counts)(row) && !row.is_censored();
        let rows: Vec<&IncidentRow> = results.incidents.iter().filter(is_over).collect();
        let mean = |stage: fn(&IncidentRow) -> f64| {
            rows.iter().map(|row| stage(row)).sum::<f64>() / rows.len() as f64
        };
        let stages = STAGES.map(|(_, stage)| mean(stage));
        (!rows.is_empty()).then(|| Means { platform, name: name.to_owned(), incidents: rows.len(), stages })
    };
    names.enumerate().filter_map(of).collect()
}

pub fn draw(results: &ResultSet, subject: &Subject) -> Option<String> {
    let platforms = means(results, subject);
    if platforms.is_empty() {
        return None;
    }
    let grid = Grid::new(platforms.len().div_ceil(MOST as usize), 1);
    let bars = Grid::new(platforms.len(), MOST as usize).per_row;
    Some(Canvas::draw(subject.title, results, grid, |canvas| {
        for (place, means) in platforms.iter().enumerate() {
            let row = canvas.row(place / bars);
            paint(&row, means, subject.noun, TOP + (place % bars) as i32 * PITCH + 30);
        }
        let last = canvas.row((platforms.len() - 1) / bars);
        last.text((LEFT, super::canvas::BOTTOM + 58), subject.note, SMALL, FAINT, Anchor::Left);
    }))
}

fn paint(canvas: &Canvas<'_>, means: &Means, noun: &str, top: i32) {
    let (from, to) = (LEFT, RIGHT - TOTALS);
    let hue = colour(means.platform);
    canvas.dashed(&[(from, top - 24), (from + 46, top - 24)], hue, 4, dashes(means.platform));
    canvas.text_bold((from + 58, top - 24), &means.name, MEDIUM, INK, Anchor::Left);
    let total = means.total_s();
    let mut left = from;
    let mut below: Vec<(i32, String)> = Vec::new();
    for (place, ((name, _), span)) in STAGES.iter().zip(means.stages).enumerate() {
        let width = (span / total.max(f64::MIN_POSITIVE) * f64::from(to - from)).round() as i32;
        if width < 1 {
            continue;
        }
        let right = (left + width).min(to);
        let fill = fill(hue, place);
        canvas.rectangle([(left, top), (right, top + THICK)], fill);
        canvas.line(&[(right, top), (right, top + THICK)], WHITE, 2);
        let label = format!("{name} {}", duration(span));
        if width >= width_of(&label) {
            let ink = if is_dark(fill) { WHITE } else { INK };
            canvas.text(((left + right) / 2, top + THICK / 2), &label, SMALL, ink, Anchor::Centre);
        } else if span >= total * LEAST_NAMED {
            below.push(((left + right) / 2, label));
        }
        left = right;
    }
    for (at, label) in side_by_side(&below, from, to) {
        canvas.text((at, top + THICK + 18), label, SMALL, INK, Anchor::Left);
    }
    canvas.text_bold((to + 20, top + THICK / 3), &duration(total), MEDIUM, INK, Anchor::Left);
    let count = format!("mean of {} {noun}", crate::report::number::grouped(means.incidents as f64, 0));
    canvas.text((to + 20, top + THICK * 5 / 6), &count, SMALL, FAINT, Anchor::Left);
}

/// Pixels that a label takes in the widest of usual fonts, with the gap to the next one.
fn width_of(label: &str) -> i32 {
    10 * label.chars().count() as i32 + 12
}

/// Where labels begin that each want to be centred on a point: in order, none over another, within the bar as far as
/// there is room.
fn side_by_side(wishes: &[(i32, String)], from: i32, to: i32) -> Vec<(i32, &str)> {
    let mut places: Vec<i32> = Vec::new();
    let mut free = from;
    for (middle, label) in wishes {
        places.push((middle - width_of(label) / 2).max(free));
        free = places[places.len() - 1] + width_of(label);
    }
    let mut end = to;
    for (place, (_, label)) in places.iter_mut().zip(wishes).rev() {
        *place = (*place).min(end - width_of(label)).max(from);
        end = *place;
    }
    places.into_iter().zip(wishes.iter().map(|(_, label)| label.as_str())).collect()
}

/// Dark and light in turn, so that what touches can be told apart.
fn fill(hue: RGBColor, place: usize) -> RGBColor {
    match place {
        0 => shade(hue, 0.45),
        1 => tint(hue, 0.35),
        2 => shade(hue, 0.7),
        3 => tint(hue, 0.6),
        4 => hue,
        5 => tint(hue, 0.25),
        _ => shade(hue, 0.6),
    }
}

fn is_dark(colour: RGBColor) -> bool {
    0.299 * f64::from(colour.0) + 0.587 * f64::from(colour.1) + 0.114 * f64::from(colour.2) < 140.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn labels_below_a_bar_keep_order_and_stay_inside() {
        let wish = |middle, label: &str| (middle, label.to_owned());
        // Each takes 10 · 3 + 12 = 42 pixels.
        let wishes = [wish(10, "abc"), wish(395, "def"), wish(398, "ghi")];
        let at: Vec<i32> = side_by_side(&wishes, 0, 400).into_iter().map(|(at, _)| at).collect();
        assert_eq!(at, [0, 316, 358]);
    }

    #[test]
    fn stages_are_means_over_machine_losses_that_are_over() {
        let mut results = fixture::three_platforms();
        let row =
            results.incidents.iter().find(|row| row.is_machine_loss() && !row.is_open()).unwrap().clone();
        let with =
            |detect_s: f64, status: &str| IncidentRow { detect_s, status: status.to_owned(), ..row.clone() };
        results.incidents = vec![with(10.0, "closed"), with(30.0, "closed"), with(1_000.0, "open")];
        let means = means(&results, &RECOVERY);
        assert_eq!(means.len(), 1);
        // (10 + 30) / 2; the open one is left out.
        assert_eq!((means[0].stages[0], means[0].incidents), (20.0, 2));
    }
}
