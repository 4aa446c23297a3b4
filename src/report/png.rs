//! Figures as PNG pictures, for slides and chats that show no SVG.
//!
//! The one embedded font makes them the same on every machine. Knows no figure. Start at [`picture`].

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::{Arc, OnceLock};

const FONTS: [&[u8]; 2] =
    [include_bytes!("fonts/DejaVuSans.ttf"), include_bytes!("fonts/DejaVuSans-Bold.ttf")];

/// One pixel for each unit of the sheet.
///
/// # Panics
/// If the text is no SVG, or one without a size: figures are ours.
pub fn picture(svg: &str) -> Vec<u8> {
    static FONT_BASE: OnceLock<Arc<fontdb::Database>> = OnceLock::new();
    let fontdb = FONT_BASE.get_or_init(|| {
        let mut fonts = fontdb::Database::new();
        FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
        fonts.set_sans_serif_family("DejaVu Sans");
        Arc::new(fonts)
    });
    let options = Options { fontdb: fontdb.clone(), ..Options::default() };
    let tree = Tree::from_str(svg, &options).expect("figures are well-formed");
    let size = tree.size().to_int_size();
    let mut pixels = Pixmap::new(size.width(), size.height()).expect("figures have a size");
    resvg::render(&tree, Transform::identity(), &mut pixels.as_mut());
    pixels.encode_png().expect("memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::charts;
    use crate::results::fixture;

    #[test]
    fn every_figure_is_a_picture_of_its_sheet_with_ink_where_its_title_is() {
        for (name, svg) in charts::all(&fixture::three_platforms()) {
            let pixels = Pixmap::decode_png(&picture(&svg)).expect("a PNG");
            assert_eq!(pixels.width(), 1440, "{name}");
            let is_dark = |x: u32| (30..56).any(|y| pixels.pixel(x, y).is_some_and(|p| p.red() < 128));
            // Letters need the embedded font: without it this corner is white.
            assert!((40..200).filter(|&x| is_dark(x)).count() > 40, "{name}");
        }
    }
}
