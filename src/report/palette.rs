//! The colours that all figures and the page share, and how a figure follows the reader's light or dark theme.
//!
//! Start at [`colour`].

use plotters::style::RGBColor;

pub const INK: RGBColor = RGBColor(34, 34, 34);
pub const FAINT: RGBColor = RGBColor(110, 110, 110);
pub const RULE: RGBColor = RGBColor(222, 222, 222);
pub const PAPER: RGBColor = RGBColor(255, 255, 255);

/// Okabe and Ito's palette without black and yellow: told apart by every common kind of colour blindness.
const PLATFORM_COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(213, 94, 0),
];

/// The colour of the platform at that place in the manifest, the same in every figure.
pub fn colour(platform: usize) -> RGBColor {
    PLATFORM_COLOURS[platform % PLATFORM_COLOURS.len()]
}

/// `#0072B2`.
pub fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// A figure for inside the page: ink and paper are the page's, as variables of its style.
pub fn themed(svg: &str) -> String {
    let variables = [(INK, "ink"), (FAINT, "faint"), (RULE, "rule"), (PAPER, "paper")];
    let swap = |svg: String, (colour, name): &(RGBColor, &str)| {
        svg.replace(&format!("\"{}\"", hex(*colour)), &format!("\"var(--{name})\""))
    };
    variables.iter().fold(svg.to_owned(), swap)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_in_the_page_has_its_ink_and_keeps_the_platforms_colours() {
        let svg = r##"<text fill="#222222">a</text><rect fill="#0072B2" stroke="#FFFFFF"/>"##;
        let expected = r##"<text fill="var(--ink)">a</text><rect fill="#0072B2" stroke="var(--paper)"/>"##;
        assert_eq!(themed(svg), expected);
    }
}
