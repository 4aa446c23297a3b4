//! What changed between two results folders: a sentence for each question and platform, and a table old → new.
//!
//! A change is claimed by the rule of the verdict: its interval leaves out "the same" and the corrected p-value is
//! below 5 %. Knows rows and words, not how a difference was computed. Start at [`sentences`], then [`table`].

use super::comparison::{Range, SIGNIFICANCE};
use super::markdown::{escape, row as markdown_row, rule};
use super::number::{DASH, cell};
use super::table::title;
use crate::results::metric::{METRICS, MetricDefinition, MetricId, QUESTIONS, Scale};
use crate::results::rows::ChangeRow;
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// One sentence a question and platform, those of which nothing changed together; `replications` is what they rest on, for
/// people.
pub fn sentences(rows: &[ChangeRow], replications: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    for (id, statistic) in QUESTIONS {
        let metric = id.definition();
        let is_it = |row: &&ChangeRow| {
            row.service.is_empty() && row.metric == metric.name && row.statistic == statistic
        };
        let (same, other): (Vec<&ChangeRow>, Vec<&ChangeRow>) =
            rows.iter().filter(is_it).partition(|row| is_same(row));
        sentences.extend(other.into_iter().map(|row| sentence(metric, row, replications)));
        if !same.is_empty() {
            let platforms = listed(same.iter().map(|row| row.platform.as_str()));
            sentences.push(format!("{} of {platforms} is the same in both.", plain_title(metric, statistic)));
        }
    }
    sentences
}

/// `a, b and c`.
fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = names.collect();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last.to_owned() } else { format!("{} and {last}", names.join(", ")) }
}

/// Nothing changed, in no replication.
fn is_same(row: &ChangeRow) -> bool {
    row.old.is_some() && row.old == row.new && row.difference_low == row.difference_high
}

/// `cost/month of k8s fell by 12 % (95 % CI 10–14 %).`
fn sentence(metric: &MetricDefinition, row: &ChangeRow, replications: &str) -> String {
    let title = plain_title(metric, &row.statistic);
    let subject = format!("{title} of {}", row.platform);
    match (row.old, row.new) {
        (Some(_), Some(_)) => {}
        (None, None) => return format!("{subject}: nothing was observed in either."),
        (Some(_), None) => return format!("{subject}: no value in the new results."),
        (None, Some(_)) => return format!("{subject}: no value in the old results."),
    }
    let change = distance(metric, row);
    let is_rise = change.value.is_some_and(|value| value > 0.0);
    let size = if is_rise { change } else { change.map(|x| -x).flipped() };
    let unit = unit(metric);
    let (value, interval) = size.write(0.0, unit);
    if is_claim(row) {
        let verb = if is_rise { "rose" } else { "fell" };
        let points = if unit.is_empty() { " points" } else { unit };
        return format!("{subject} {verb} by {value}{points} ({interval}).");
    }
    let (value, interval) = change.write(0.0, unit);
    let sign = if is_rise { "+" } else { "" };
    let points = if unit.is_empty() { " points" } else { unit };
    // An interval is of one comparison; where it alone looks decisive, say why it is not.
    let counted = if leaves_out_equality(row) { " once all comparisons are counted" } else { "" };
    format!(
        "{subject}: no difference that {replications} can tell{counted} ({sign}{value}{points}, {interval})."
    )
}

/// The change in percent of the old value; in points where the value is a percentage itself, or the old one is 0.
fn distance(metric: &MetricDefinition, row: &ChangeRow) -> Range {
    if metric.scale == Scale::Share {
        let difference = Range { value: row.difference, low: row.difference_low, high: row.difference_high };
        return difference.map(|difference| difference * 100.0);
    }
    let ratio = Range { value: row.ratio, low: row.ratio_low, high: row.ratio_high };
    ratio.map(|ratio| (ratio - 1.0) * 100.0)
}

/// Behind a distance; points have none, because they belong to a percentage without being one.
fn unit(metric: &MetricDefinition) -> &'static str {
    if metric.scale == Scale::Share { "" } else { " %" }
}

/// The rule for a claim: see the head of this file.
pub fn is_claim(row: &ChangeRow) -> bool {
    leaves_out_equality(row) && row.p_adjusted.is_some_and(|p| p < SIGNIFICANCE)
}

/// Whether the interval of this one change leaves out "the same".
pub fn leaves_out_equality(row: &ChangeRow) -> bool {
    let beyond = |low: Option<f64>, high: Option<f64>, same: f64| matches!((low, high), (Some(low), Some(high)) if low > same || high < same);
    if row.ratio.is_some() {
        beyond(row.ratio_low, row.ratio_high, 1.0)
    } else {
        beyond(row.difference_low, row.difference_high, 0.0)
    }
}

fn plain_title(metric: &MetricDefinition, statistic: &str) -> String {
    let title = title(metric, statistic);
    let title: Vec<&str> = title.split_whitespace().collect();
    let title = title.join(" ");
    let title = title.strip_prefix("… ").unwrap_or(&title);
    title.split(" [").next().unwrap_or_default().to_owned()
}

/// What is shown: headlines of whole platforms, or all of it.
fn shown(rows: &[ChangeRow], verbose: bool) -> impl Iterator<Item = (&'static MetricDefinition, &ChangeRow)> {
    let known = rows.iter().filter_map(|row| {
        let metric = MetricId::from_name(&row.metric).map(|id| &METRICS[id as usize])?;
        Some((metric, row))
    });
    known.filter(move |(metric, row)| verbose || (metric.headline && row.service.is_empty()))
}

/// Platform, metric, old, new, change with its mark.
fn cells(metric: &MetricDefinition, row: &ChangeRow) -> [String; 5] {
    let value = |value: Option<f64>| {
        let unit = super::number::unit(metric.scale).map_or(String::new(), |unit| format!(" {unit}"));
        value.map_or(DASH.to_owned(), |value| cell(metric.scale, value, None) + &unit)
    };
    let of = if row.service.is_empty() { String::new() } else { format!(", service {}", row.service) };
    let change = distance(metric, row);
    let unit = unit(metric);
    let change = match change.value {
        None => DASH.to_owned(),
        Some(0.0) if change.low == change.high => "=".to_owned(),
        Some(value) => {
            let (text, interval) = change.write(0.0, unit);
            let sign = if value > 0.0 { "+" } else { "" };
            let points = if unit.is_empty() { " points" } else { unit };
            let mark = if is_claim(row) { "*" } else { " " };
            format!("{sign}{text}{points} ({}){mark}", interval.trim_start_matches("95 % CI "))
        }
    };
    let title = plain_title(metric, &row.statistic);
    [row.platform.clone(), title + &of, value(row.old), value(row.new), change]
}

const HEADER: [&str; 5] = ["platform", "metric", "old", "new", "change (95 % interval)"];
const LEGEND: &str = "* beyond chance (Holm over the headline metrics, 5 %)";

/// For the terminal: platform by platform, what changed; the rest as well if `verbose`.
pub fn table(rows: &[ChangeRow], verbose: bool) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(&HEADER[1..]);
    let (mut platform, mut left_out) = (None, 0);
    for (metric, row) in shown(rows, verbose) {
        let is_empty = row.old.is_none() && row.new.is_none();
        if !verbose && (is_same(row) || is_empty) {
            left_out += 1;
            continue;
        }
        let [name, title, old, new, change] = cells(metric, row);
        if platform.as_ref() != Some(&name) {
            table.add_row([name.clone()]);
            platform = Some(name);
        }
        table.add_row([format!("  {title}"), old, new, change]);
    }
    for index in 0..HEADER.len() - 1 {
        let Some(column) = table.column_mut(index) else { continue };
        column.set_padding(if index == 0 { (0, 0) } else { (2, 0) });
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    if left_out > 0 {
        let (of, is) = if left_out == 1 { ("row", "is") } else { ("rows", "are") };
        lines.push(format!("{left_out} {of} without a change {is} left out (-v)"));
    }
    lines.join("\n") + "\n" + LEGEND + "\n"
}

/// For a pull request.
pub fn markdown(rows: &[ChangeRow], verbose: bool) -> String {
    let mut text = markdown_row(HEADER.map(str::to_owned)) + &rule(HEADER.len() - 1);
    for (metric, row) in shown(rows, verbose) {
        text += &markdown_row(cells(metric, row).map(|cell| escape(cell.trim_end())));
    }
    text + "\n" + &escape(LEGEND) + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> ChangeRow {
        ChangeRow {
            platform: "k8s".to_owned(),
            service: String::new(),
            metric: "cost_per_month".to_owned(),
            unit: "USD".to_owned(),
            statistic: "ratio".to_owned(),
            old: Some(7_050.0),
            new: Some(6_204.0),
            difference: Some(-846.0),
            difference_low: Some(-987.0),
            difference_high: Some(-705.0),
            ratio: Some(0.88),
            ratio_low: Some(0.86),
            ratio_high: Some(0.90),
            p_value: Some(0.001),
            p_adjusted: Some(0.01),
            paired: true,
            basis: "sums".to_owned(),
        }
    }

    fn check(row: &ChangeRow, expected: &str) {
        assert_eq!(sentences(std::slice::from_ref(row), "30 replications"), [expected]);
    }

    #[test]
    fn a_change_beyond_chance_is_told_with_its_interval() {
        check(&row(), "cost/month of k8s fell by 12 % (95 % CI 10–14 %).");
        let dearer = ChangeRow { ratio: Some(1.5), ratio_low: Some(1.4), ratio_high: Some(1.6), ..row() };
        check(&dearer, "cost/month of k8s rose by 50 % (95 % CI 40–60 %).");
        let points = ChangeRow {
            metric: "availability".to_owned(),
            difference: Some(-0.002),
            difference_low: Some(-0.003),
            difference_high: Some(-0.001),
            ..row()
        };
        check(&points, "availability of k8s fell by 0.2 points (95 % CI 0.1–0.3).");
    }

    #[test]
    fn nothing_is_claimed_inside_the_interval_or_before_correction() {
        let open = ChangeRow { ratio: Some(1.01), ratio_low: Some(0.98), ratio_high: Some(1.03), ..row() };
        check(
            &open,
            "cost/month of k8s: no difference that 30 replications can tell (+1 %, 95 % CI -2 to 3 %).",
        );
        let corrected = ChangeRow { p_adjusted: Some(0.06), ..row() };
        check(
            &corrected,
            "cost/month of k8s: no difference that 30 replications can tell once all comparisons are counted (-12 %, 95 % CI -14 to -10 %).",
        );
        check(&ChangeRow { new: None, ..row() }, "cost/month of k8s: no value in the new results.");
        let same =
            ChangeRow { new: row().old, difference_low: Some(0.0), difference_high: Some(0.0), ..row() };
        check(&same, "cost/month of k8s is the same in both.");
        let both = [same.clone(), ChangeRow { platform: "pets".to_owned(), ..same }];
        assert_eq!(sentences(&both, ""), ["cost/month of k8s and pets is the same in both."]);
    }

    #[test]
    fn both_tables_show_old_new_and_the_change() {
        let text = table(&[row()], false);
        let expected = "\nk8s\n  cost/month  7,050 USD  6,204 USD";
        assert!(text.contains(expected) && text.contains("-12 % (-14 to -10 %)*"), "{text}");
        let text = markdown(&[row()], false);
        assert!(
            text.contains("| k8s | cost/month | 7,050 USD | 6,204 USD | -12 % (-14 to -10 %)\\* |"),
            "{text}"
        );
        let same = ChangeRow {
            new: row().old,
            difference_low: Some(0.0),
            difference_high: Some(0.0),
            platform: "pets".to_owned(),
            ..row()
        };
        let text = table(&[same, row()], false);
        assert!(!text.contains("pets") && text.contains("1 row without a change is left out (-v)"), "{text}");
        let hidden = ChangeRow { service: "web".to_owned(), ..row() };
        assert!(
            !table(std::slice::from_ref(&hidden), false).contains("web")
                && table(&[hidden], true).contains("service web")
        );
    }
}
