//! The figures of a results folder, as SVG text; one file a figure.
//!
//! Knows rows only. Colours, sizes, axes and the caption live in [`canvas`] so that all figures look alike. Start at
//! [`all`]; a new figure is a new file and one line there.

mod availability;
mod axis;
mod canvas;
mod cost;
mod dots;
mod exposure;
mod people;
mod recovery;
mod releases;
mod stack;
mod utilization;
pub mod waterfall;

use crate::results::rows::ResultSet;

/// A figure, or nothing if there are no rows to draw.
type Draw = fn(&ResultSet) -> Option<String>;

/// Every figure that the rows have something to show for: (name without extension, SVG).
pub fn all(results: &ResultSet) -> Vec<(String, String)> {
    let figures: [(&str, Draw); 9] = [
        ("utilization", utilization::draw),
        ("cost", cost::draw),
        ("recovery", recovery::draw),
        ("waterfall", |results| waterfall::draw(results, &waterfall::RECOVERY)),
        ("scale-up", |results| waterfall::draw(results, &waterfall::SCALE_UP)),
        ("availability", availability::draw),
        ("releases", releases::draw),
        ("exposure", exposure::draw),
        ("people", people::draw),
    ];
    figures.into_iter().filter_map(|(name, draw)| Some((name.to_owned(), draw(results)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn figures_are_well_formed_and_the_same_each_time() {
        let results = fixture::three_platforms();
        let figures = all(&results);
        let names: Vec<&str> = figures.iter().map(|(name, _)| name.as_str()).collect();
        let expected = [
            "utilization",
            "cost",
            "recovery",
            "waterfall",
            "scale-up",
            "availability",
            "releases",
            "exposure",
            "people",
        ];
        assert_eq!(names, expected);
        assert_eq!(figures, all(&results));
        for (name, svg) in figures {
            assert!(svg.starts_with("<svg ") && svg.trim_end().ends_with("</svg>"), "{name}");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
        }
    }

    #[test]
    fn every_figure_says_scenario_replications_and_seed_and_names_each_platform() {
        for (name, svg) in all(&fixture::three_platforms()) {
            assert!(svg.contains("quickstart · 30 replications · seed 7"), "{name}");
            for platform in fixture::PLATFORMS {
                assert!(svg.contains(platform), "{name} lacks {platform}");
            }
        }
    }

    #[test]
    fn names_from_the_scenario_cannot_break_the_markup() {
        let mut results = fixture::three_platforms();
        results.manifest.scenario_name = "a <b> & \"c\"".to_owned();
        for (name, svg) in all(&results) {
            assert!(svg.contains("a &lt;b&gt; &amp; &quot;c&quot;"), "{name}");
        }
    }

    #[test]
    fn without_rows_there_is_no_figure_but_that_nothing_was_lost() {
        let mut results = fixture::three_platforms();
        results.timeseries.clear();
        results.incidents.clear();
        results.costs.clear();
        results.summary.clear();
        let figures = all(&results);
        let [(name, svg)] = figures.as_slice() else { panic!("{} figures", figures.len()) };
        assert!(name == "recovery" && svg.contains("no machine was lost"), "{svg}");
    }

    #[test]
    fn incidents_that_all_stayed_open_still_make_a_figure() {
        let mut results = fixture::three_platforms();
        results.incidents.iter_mut().for_each(|row| row.status = "open".to_owned());
        assert!(all(&results).iter().any(|(name, _)| name == "recovery"));
    }
}
