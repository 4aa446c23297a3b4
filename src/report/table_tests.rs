//! Golden tables.

use super::*;
use crate::results::fixture::{set_metric, three_platforms};
use crate::results::metric::MetricId;

#[test]
fn the_short_table_is_readable_at_80_columns() {
    let text = table(&three_platforms(), TableOptions::default());
    let golden = r"                                     pets           cattle              k8s
Money
  cost/month [USD]           10,000 ± 120       6,200 ± 80*      7,050 ± 90
  cost per million [USD]      4.00 ± 0.05      2.48 ± 0.03*     2.82 ± 0.03
Machines
  CPU useful [%]               21.0 ± 0.4       38.0 ± 0.6       41.0 ± 0.6*
Users
  availability [%]           99.91 ± 0.02   99.981 ± 0.004   99.983 ± 0.004
  latency, p99 [ms]               212 ± 3          209 ± 2          231 ± 2
Recovery
  recovery time, median        40 m ± 5 m  4 m 20 s ± 12 s   1 m 10 s ± 4 s*
  recovery time, worst            1 d 1 h              1 h        33 m 20 s
Releases
  release duration, median 1 h 35 m ± 6 m      22 m ± 48 s  3 m 30 s ± 12 s*
Security
  box time exposed [%]             93 ± 2        2.0 ± 0.4*          31 ± 3
People
  pages/month                  14.2 ± 1.1        1.6 ± 0.3        1.4 ± 0.3
± half of the 95 % interval over replications: luck, not the uncertainty of the
  assumptions; * best beyond chance (Holm, 5 %)
";
    assert_eq!(text, golden);
}

#[test]
fn style_is_bold_titles_and_nothing_else() {
    let results = three_platforms();
    let styled = table(&results, TableOptions { styled: true, ..TableOptions::default() });
    assert!(styled.contains("\x1b[1mMoney\x1b[0m\n"));
    let plain = anstream::adapter::strip_str(&styled).to_string();
    assert_eq!(plain, table(&results, TableOptions::default()));
}

#[test]
fn many_platforms_lose_the_interval_before_the_width() {
    let mut results = three_platforms();
    for copy in ["pets-2", "pets-3"] {
        let mut platform = results.manifest.platforms[0].clone();
        platform.name = copy.to_owned();
        results.manifest.platforms.push(platform);
        let mut rows: Vec<_> = results.summary.iter().filter(|row| row.platform == "pets").cloned().collect();
        rows.iter_mut().for_each(|row| row.platform = copy.to_owned());
        results.summary.extend(rows);
    }
    let text = table(&results, TableOptions::default());
    assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    assert!(text.contains("10,000"), "{text}");
}

#[test]
fn verbose_adds_services_with_their_own_rows() {
    let mut results = three_platforms();
    let mut row = results.summary[0].clone();
    row.service = "web".to_owned();
    results.summary.push(row);
    assert!(!table(&results, TableOptions::default()).contains("Service web"));
    let verbose = table(&results, TableOptions { verbose: true, styled: false });
    let service = verbose.split("Service web\n").nth(1).expect("a block");
    assert!(service.contains("10,000 ± 120"), "{service}");
    assert!(verbose.contains("recovery time, worst"), "{verbose}");
}

#[test]
fn one_replication_has_no_legend_for_intervals() {
    let mut results = three_platforms();
    results.manifest.replications = 1;
    assert!(!table(&results, TableOptions::default()).contains("± half of"));
}

fn row<'a>(text: &'a str, title: &str) -> &'a str {
    text.lines()
        .find(|line| line.trim_start().starts_with(title))
        .unwrap_or_else(|| panic!("{title}: {text}"))
}

#[test]
fn a_quantile_of_too_few_samples_is_not_shown() {
    let mut results = three_platforms();
    let cells = [(9_000.0, 300.0), (900.0, 12.0), (200.0, 4.0)];
    set_metric(&mut results, MetricId::RecoveryTime, "p90", cells);
    set_metric(&mut results, MetricId::RecoveryTime, "p99", cells);
    // The fixture has 40 machines lost a platform: enough for p90, not for p99.
    let text = table(&results, TableOptions::default());
    assert!(row(&text, "recovery time, p90").contains("3 m 20 s ± 4 s*"), "{text}");
    assert_eq!(row(&text, "recovery time, p99").split_whitespace().collect::<Vec<_>>()[3..], ["–"; 3]);
    assert!(text.contains("– none, too few, or hidden by"), "{text}");
    // Nine of one platform: its cell goes, and with it the mark of the row.
    let mut pets = 0;
    results.incidents.retain(|row| {
        pets += u32::from(row.platform == "pets");
        row.platform != "pets" || pets < 10
    });
    let text = table(&results, TableOptions::default());
    let p90 = row(&text, "recovery time, p90");
    assert!(p90.contains('–') && p90.contains("15 m ± 12 s") && !p90.contains('*'), "{text}");
}

#[test]
fn of_two_cells_that_read_the_same_none_is_marked() {
    let mut results = three_platforms();
    // 209.4 and 208.8, shown as 209, differ beyond chance: their own intervals are wider than that of the pairs.
    set_metric(&mut results, MetricId::LatencyP99, "p99", [(209.4, 2.0), (208.8, 2.0), (231.0, 2.0)]);
    for row in results.differences.iter_mut().filter(|row| row.metric == "latency_p99") {
        row.p_adjusted = Some(0.0001);
        if row.difference < Some(0.0) {
            (row.ratio_low, row.ratio_high) = (Some(0.996), Some(0.999));
        }
    }
    let text = table(&results, TableOptions::default());
    let latency = row(&text, "latency, p99");
    assert!(latency.matches("209 ± 2").count() == 2 && !latency.contains('*'), "{text}");
}

#[test]
fn a_long_title_goes_on_below_and_leaves_the_numbers_their_room() {
    let mut results = three_platforms();
    set_metric(&mut results, MetricId::RollbackTime, "p50", [(33.0, 2.0), (35.0, 2.0), (26.0, 2.0)]);
    let text = table(&results, TableOptions { verbose: true, styled: false });
    assert!(text.contains("\n  bad release, until gone, "), "{text}");
    assert!(text.lines().any(|line| line == "    median"), "{text}");
    assert!(row(&text, "availability").contains("99.981 ± 0.004"), "{text}");
}
