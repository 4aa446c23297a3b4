//! A sheet of 1440 × 800 to draw on, with the colours, text sizes and caption that all figures share.
//!
//! A thin wall around plotters' SVG backend, which is all of plotters that is used: its own axes cannot do
//! logarithmic time or labels beside lines. Knows no metric. Start at [`Canvas::draw`].

pub use crate::report::palette::{FAINT, INK, RULE, colour};
use crate::results::rows::ResultSet;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// SVG coordinates are whole pixels: a large sheet keeps lines smooth, and the viewer scales it down.
pub const WIDTH: i32 = 1440;
pub const HEIGHT: i32 = 800;

/// Where a figure may draw; the rest belongs to title and caption.
pub const LEFT: i32 = 130;
pub const RIGHT: i32 = WIDTH - 40;
/// Where the title of the vertical axis stands.
pub const AXIS_TITLE: i32 = 30;
pub const TOP: i32 = 120;
pub const BOTTOM: i32 = HEIGHT - 126;

/// Text heights in pixels of the sheet.
pub const LARGE: i32 = 34;
pub const MEDIUM: i32 = 26;
pub const SMALL: i32 = 22;

/// Lengths of dash and gap; empty is a solid line. Not in step with the colours, so that the pair says who it is.
const PLATFORM_DASHES: [&[i32]; 4] = [&[], &[22, 9], &[5, 7], &[22, 7, 5, 7]];

pub fn dashes(platform: usize) -> &'static [i32] {
    PLATFORM_DASHES[platform % PLATFORM_DASHES.len()]
}

/// `share` of the colour, the rest white, without transparency: layers do not add up.
pub fn tint(colour: RGBColor, share: f64) -> RGBColor {
    let mix = |channel: u8| (f64::from(channel) * share + 255.0 * (1.0 - share)).round() as u8;
    RGBColor(mix(colour.0), mix(colour.1), mix(colour.2))
}

/// `share` of the colour, the rest black.
pub fn shade(colour: RGBColor, share: f64) -> RGBColor {
    let mix = |channel: u8| (f64::from(channel) * share).round() as u8;
    RGBColor(mix(colour.0), mix(colour.1), mix(colour.2))
}

#[derive(Clone, Copy)]
pub enum Anchor {
    Left,
    Centre,
    Right,
}

/// Panels side by side, in as many rows as it takes; each row lengthens the sheet.
#[derive(Clone, Copy)]
pub struct Grid {
    pub per_row: usize,
    rows: usize,
}

impl Grid {
    /// From the top of one row to the top of the next.
    const PITCH: i32 = BOTTOM - TOP + 130;

    /// Rows as even as possible, of at most `most` panels.
    pub fn new(count: usize, most: usize) -> Grid {
        let rows = count.div_ceil(most).max(1);
        Grid { per_row: count.div_ceil(rows).max(1), rows }
    }

    /// How far the last row lies below the first.
    fn drop(self) -> i32 {
        (self.rows as i32 - 1) * Grid::PITCH
    }
}

pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

impl<'a> Canvas<'a> {
    /// Draws one figure under a title, with the caption that says where the numbers are from.
    pub fn draw(title: &str, results: &ResultSet, grid: Grid, paint: impl FnOnce(&Canvas<'_>)) -> String {
        let height = HEIGHT + grid.drop();
        let mut svg = String::new();
        {
            let backend = SVGBackend::with_string(&mut svg, (WIDTH as u32, height as u32));
            let canvas = Canvas { area: backend.into_drawing_area() };
            canvas.area.fill(&WHITE).expect(IN_MEMORY);
            canvas.text_bold((40, 42), title, LARGE, INK, Anchor::Left);
            canvas.text((40, height - 26), &caption(results), SMALL, FAINT, Anchor::Left);
            paint(&canvas);
            canvas.area.present().expect(IN_MEMORY);
        }
        // A figure is shown at the width of its page; the view box keeps the shape.
        svg.replacen(&format!("width=\"{WIDTH}\" height=\"{height}\" "), "width=\"100%\" ", 1)
    }

    /// The same sheet with its origin moved to that row of a [`Grid`].
    pub fn row(&self, row: usize) -> Canvas<'a> {
        Canvas { area: self.area.clone().shrink((0, row as i32 * Grid::PITCH), (WIDTH, HEIGHT)) }
    }

    /// Vertically centred on the point.
    pub fn text(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor, anchor: Anchor) {
        self.text_in(("sans-serif", size).into_font(), at, text, colour, anchor);
    }

    pub fn text_bold(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor, anchor: Anchor) {
        self.text_in(("sans-serif", size).into_font().style(FontStyle::Bold), at, text, colour, anchor);
    }

    /// Reads upwards, centred on the point.
    pub fn text_upwards(&self, at: (i32, i32), text: &str, size: i32, colour: RGBColor) {
        let font = ("sans-serif", size).into_font().transform(FontTransform::Rotate270);
        self.text_in(font, at, text, colour, Anchor::Centre);
    }

    fn text_in(&self, font: FontDesc<'_>, at: (i32, i32), text: &str, colour: RGBColor, anchor: Anchor) {
        let horizontal = match anchor {
            Anchor::Left => HPos::Left,
            Anchor::Centre => HPos::Center,
            Anchor::Right => HPos::Right,
        };
        let style = TextStyle::from(font).color(&colour).pos(Pos::new(horizontal, VPos::Center));
        self.area.draw_text(text, &style, at).expect(IN_MEMORY);
    }

    pub fn line(&self, points: &[(i32, i32)], colour: RGBColor, width: u32) {
        let style = ShapeStyle::from(&colour).stroke_width(width);
        self.area.draw(&PathElement::new(points.to_vec(), style)).expect(IN_MEMORY);
    }

    /// Dashes run on around corners, so that a staircase shows them as well.
    pub fn dashed(&self, points: &[(i32, i32)], colour: RGBColor, width: u32, dashes: &[i32]) {
        if dashes.is_empty() {
            return self.line(points, colour, width);
        }
        let (mut phase, mut left) = (0, f64::from(dashes[0]));
        let mut piece: Vec<(i32, i32)> = points.first().copied().into_iter().collect();
        for pair in points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
            let length = dx.hypot(dy);
            let mut done = 0.0;
            while length - done > left {
                done += left;
                let share = done / length;
                let at = (from.0 + (dx * share).round() as i32, from.1 + (dy * share).round() as i32);
                piece.push(at);
                if phase % 2 == 0 {
                    self.line(&piece, colour, width);
                }
                piece = vec![at];
                phase = (phase + 1) % dashes.len();
                left = f64::from(dashes[phase]);
            }
            left -= length - done;
            piece.push(to);
        }
        if phase % 2 == 0 && piece.len() > 1 {
            self.line(&piece, colour, width);
        }
    }

    pub fn rectangle(&self, corners: [(i32, i32); 2], colour: RGBColor) {
        self.area.draw(&Rectangle::new(corners, colour.filled())).expect(IN_MEMORY);
    }

    pub fn polygon(&self, points: &[(i32, i32)], colour: RGBColor) {
        self.area.draw(&Polygon::new(points.to_vec(), colour.filled())).expect(IN_MEMORY);
    }

    /// White inside, so that it reads as "open".
    pub fn ring(&self, at: (i32, i32), radius: i32, colour: RGBColor) {
        self.area.draw(&Circle::new(at, radius, WHITE.filled())).expect(IN_MEMORY);
        let style = ShapeStyle::from(&colour).stroke_width(4);
        self.area.draw(&Circle::new(at, radius, style)).expect(IN_MEMORY);
    }
}

const IN_MEMORY: &str = "an SVG is a string, and strings do not fail";

fn caption(results: &ResultSet) -> String {
    let manifest = &results.manifest;
    let replications = match manifest.replications {
        1 => "1 replication".to_owned(),
        n => format!("{n} replications"),
    };
    format!(
        "{} · {replications} · seed {} · prices of {} · boxherd {}",
        manifest.scenario_name, manifest.seed, manifest.price_date, manifest.boxherd_version
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_panels_are_as_even_as_possible() {
        // 4 panels of at most 3 a row: 2 and 2, not 3 and 1.
        for (count, most, per_row, rows) in
            [(1, 3, 1, 1), (3, 3, 3, 1), (4, 3, 2, 2), (6, 3, 3, 2), (7, 3, 3, 3)]
        {
            let grid = Grid::new(count, most);
            assert_eq!((grid.per_row, grid.rows), (per_row, rows), "{count} panels");
        }
    }

    #[test]
    fn platforms_with_the_same_colour_or_dash_differ_in_the_other() {
        // Six colours and four dashes: the pair repeats after twelve platforms.
        let looks: Vec<_> = (0..12).map(|platform| (colour(platform), dashes(platform))).collect();
        for (index, look) in looks.iter().enumerate() {
            assert!(!looks[..index].contains(look), "platform {index}");
        }
    }
}
