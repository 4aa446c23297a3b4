//! The comparison as one table: metrics as rows, platforms as columns.
//!
//! Reads well at 80 columns with three platforms and without colour. Knows rows and titles, not what a metric means.
//! Start at [`table`].

use super::comparison::is_significant;
use super::number::{DASH, cell, unit};
use super::words::wrap;
use crate::results::metric::{Better, Group, Kind, METRICS, MetricDefinition, Scale};
use crate::results::rows::{IncidentRow, ResultSet, SummaryRow};
use anstyle::{Effects, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table};

/// Marks the best cell of a row, where it is better than every other beyond chance.
const BEST: &str = "*";
const INDENT: &str = "  ";
/// Characters of a title that stay on one line.
const LONGEST_TITLE: usize = 26;
/// Spaces between columns.
const GAP: usize = 1;
/// Widest table that needs no sideways scrolling anywhere.
pub const WIDTH: usize = 80;

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TableOptions {
    /// Every metric, and then each service; otherwise the short set.
    pub verbose: bool,
    /// Group titles in bold.
    pub styled: bool,
}

/// The table with its legend, ending in a line break. A row whose intervals would not fit in [`WIDTH`] shows values
/// only; six platforms and more are wider all the same.
pub fn table(results: &ResultSet, options: TableOptions) -> String {
    let services = services(results, options);
    let sheets: Vec<Sheet<'_>> =
        services.iter().map(|service| Sheet::new(results, service, options)).collect();
    let mut text = String::new();
    for (service, sheet) in services.iter().zip(&sheets) {
        if !service.is_empty() {
            text += &format!("\nService {service}\n");
        }
        text += &sheet.render(options.styled);
    }
    text + &legend(results, &sheets)
}

/// A row for whoever lays out the table otherwise.
pub struct Row {
    pub group: Group,
    pub title: String,
    /// What the metric means, in a sentence or two.
    pub doc: &'static str,
    /// By platform: what is shown, and whether it is better than every other beyond chance.
    pub cells: Vec<(String, bool)>,
}

/// The rows of the table for a service; the empty name is the whole platform.
pub fn rows(results: &ResultSet, service: &str, verbose: bool) -> Vec<Row> {
    let sheet = Sheet::new(results, service, TableOptions { verbose, styled: false });
    let row = |line: Line| {
        let cells = line.entries.iter().map(|entry| (entry.shown(line.scale, true), entry.best)).collect();
        // Titles break for the terminal's sake only.
        let title = line.title.split('\n').map(str::trim).collect::<Vec<_>>().join(" ");
        Row { group: line.group, title, doc: line.doc, cells }
    };
    sheet.lines.into_iter().map(row).collect()
}

/// The whole platform, and each service where all is asked for.
pub(super) fn services(results: &ResultSet, options: TableOptions) -> Vec<&str> {
    let mut services: Vec<&str> = vec![""];
    if options.verbose {
        for row in &results.summary {
            if !services.contains(&row.service.as_str()) {
                services.push(&row.service);
            }
        }
    }
    services
}

/// Explains the signs that occur.
pub(super) fn legend(results: &ResultSet, sheets: &[Sheet<'_>]) -> String {
    let any = |has: fn(&Entry) -> bool| sheets.iter().flat_map(Sheet::entries).any(has);
    let signs = [
        (
            "± half of the 95 % interval over replications: luck, not the uncertainty of the assumptions",
            results.manifest.replications > 1,
        ),
        ("* best beyond chance (Holm, 5 %)", any(|entry| entry.best)),
        ("– none, too few, or hidden by what is still open", any(|entry| entry.value.is_none())),
    ];
    let shown: Vec<&str> = signs.iter().filter(|(_, occurs)| *occurs).map(|(sign, _)| *sign).collect();
    if shown.is_empty() { String::new() } else { wrap(&shown.join("; "), WIDTH) + "\n" }
}

/// One platform's value in one row.
#[derive(Clone)]
pub(super) struct Entry {
    value: Option<f64>,
    interval: Option<(f64, f64)>,
    best: bool,
}

pub(super) struct Line {
    pub group: Group,
    pub title: String,
    pub doc: &'static str,
    pub scale: Scale,
    pub entries: Vec<Entry>,
}

/// The rows of one table.
pub(super) struct Sheet<'a> {
    pub platforms: Vec<&'a str>,
    pub lines: Vec<Line>,
}

impl<'a> Sheet<'a> {
    pub fn new(results: &'a ResultSet, service: &str, options: TableOptions) -> Sheet<'a> {
        let platforms: Vec<&str> =
            results.manifest.platforms.iter().map(|platform| platform.name.as_str()).collect();
        let mut lines = Vec::new();
        for metric in METRICS.iter().filter(|metric| metric.headline || options.verbose) {
            for statistic in metric.statistics() {
                let cells: Vec<Option<&SummaryRow>> = platforms
                    .iter()
                    .map(|platform| find(results, platform, service, metric, &statistic))
                    .collect();
                if cells.iter().all(Option::is_none) {
                    continue;
                }
                let entry = |(platform, row): (&&str, &Option<&SummaryRow>)| {
                    let row = row.filter(|_| !too_few(results, platform, service, metric, &statistic));
                    Entry {
                        value: row.and_then(|row| row.value),
                        interval: row.and_then(|row| Some((row.ci_low?, row.ci_high?))),
                        best: false,
                    }
                };
                let mut entries: Vec<Entry> = platforms.iter().zip(&cells).map(entry).collect();
                if let Some(best) = best(results, &platforms, service, metric, &statistic, &entries) {
                    entries[best].best = !looks_equal(metric.scale, best, &entries);
                }
                let title = title(metric, &statistic);
                lines.push(Line {
                    group: metric.group,
                    title,
                    doc: metric.doc,
                    scale: metric.scale,
                    entries,
                });
            }
        }
        Sheet { platforms, lines }
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.lines.iter().flat_map(|line| &line.entries)
    }

    /// What one cell may take, its mark included, so that a line ends within [`WIDTH`].
    fn cell_width(&self) -> usize {
        let widths =
            self.lines.iter().flat_map(|line| line.title.split('\n')).map(|part| part.chars().count());
        let title = widths.max().unwrap_or(0) + INDENT.len();
        (WIDTH.saturating_sub(title) / self.platforms.len().max(1)).saturating_sub(GAP)
    }

    fn render(&self, styled: bool) -> String {
        let width = self.cell_width();
        let mut table = Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(ContentArrangement::Disabled);
        // The mark hangs in a column of its own right of the numbers, so a header is padded by as much.
        let header = self.platforms.iter().map(|name| format!("{name} "));
        table.set_header(std::iter::once(String::new()).chain(header));
        let mut group = None;
        for line in &self.lines {
            if group != Some(line.group) {
                group = Some(line.group);
                table.add_row([line.group.title()]);
            }
            let cells = |with_intervals| {
                line.entries.iter().map(move |entry| entry.write(line.scale, with_intervals))
            };
            let fits = cells(true).all(|cell| cell.chars().count() <= width);
            table.add_row(std::iter::once(format!("{INDENT}{}", line.title)).chain(cells(fits)));
        }
        for index in 0..=self.platforms.len() {
            let column = table.column_mut(index).expect("a header cell for each column");
            column.set_padding(if index == 0 { (0, 0) } else { (GAP as u16, 0) });
            if index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let bold = Style::new().effects(Effects::BOLD);
        let mut text = String::new();
        for (index, line) in table.lines().enumerate() {
            let line = line.trim_end();
            let is_title = index == 0 || !line.starts_with(' ');
            text += &if styled && is_title { format!("{bold}{line}{bold:#}\n") } else { format!("{line}\n") };
        }
        text
    }
}

impl Entry {
    pub fn write(&self, scale: Scale, with_interval: bool) -> String {
        format!("{}{}", self.shown(scale, with_interval), if self.best { BEST } else { " " })
    }

    fn shown(&self, scale: Scale, with_interval: bool) -> String {
        let interval = self.interval.filter(|_| with_interval);
        self.value.map_or(DASH.to_owned(), |value| cell(scale, value, interval))
    }
}

fn find<'a>(
    results: &'a ResultSet,
    platform: &str,
    service: &str,
    metric: &MetricDefinition,
    statistic: &str,
) -> Option<&'a SummaryRow> {
    let mut rows = results.summary.iter();
    rows.find(|row| row.platform == platform && row.service == service && row.is_of(metric.name, statistic))
}

/// Whether a quantile far out rests on less than one sample beyond it: the worst one in other words. Asked of spans
/// that the incidents list one by one; everything else rests on requests, which are many.
fn too_few(
    results: &ResultSet,
    platform: &str,
    service: &str,
    metric: &MetricDefinition,
    statistic: &str,
) -> bool {
    let least = match statistic {
        "p90" => 10,
        "p99" => 100,
        _ => return false,
    };
    let Some(is_sample) = IncidentRow::counted_by(metric.id) else { return false };
    let in_scope = |row: &&IncidentRow| {
        row.platform == platform && (service.is_empty() || row.service == service) && is_sample(row)
    };
    results.incidents.iter().filter(in_scope).take(least).count() < least
}

/// Whether another cell shows the same value: a mark beside one of two equal numbers would puzzle.
fn looks_equal(scale: Scale, best: usize, entries: &[Entry]) -> bool {
    let shown = |entry: &Entry| {
        let text = cell(scale, entry.value?, entry.interval);
        let end = text.find(" ±").or(text.find(" (")).unwrap_or(text.len());
        Some(text[..end].to_owned())
    };
    let mark = shown(&entries[best]);
    entries.iter().enumerate().any(|(index, entry)| index != best && shown(entry) == mark)
}

/// The column that is better than every other one beyond chance.
fn best(
    results: &ResultSet,
    platforms: &[&str],
    service: &str,
    metric: &MetricDefinition,
    statistic: &str,
    entries: &[Entry],
) -> Option<usize> {
    let sign = match metric.better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
        Better::Neither => return None,
    };
    // Who is better than a value that is not shown cannot be seen.
    if entries.iter().any(|entry| entry.value.is_none()) {
        return None;
    }
    let merit = |index: usize| entries[index].value.map(|value| value * sign);
    let known = (0..entries.len()).filter(|&index| merit(index).is_some());
    let best = known.min_by(|&a, &b| merit(a).partial_cmp(&merit(b)).expect("no NaN in rows"))?;
    let beats = |other: &str| {
        results.differences.iter().any(|row| {
            let pair = (row.platform_a.as_str(), row.platform_b.as_str());
            let is_pair = pair == (platforms[best], other) || pair == (other, platforms[best]);
            is_pair && row.service == service && row.is_of(metric.name, statistic) && is_significant(row)
        })
    };
    let others: Vec<&&str> = platforms.iter().filter(|name| **name != platforms[best]).collect();
    (!others.is_empty() && others.iter().all(|other| beats(other))).then_some(best)
}

pub(super) fn title(metric: &MetricDefinition, statistic: &str) -> String {
    let statistic = match statistic {
        // Its title says which one.
        _ if matches!(metric.kind, Kind::Latency(_)) => "",
        "ratio" => "",
        "p50" => ", median",
        "max" => ", worst",
        other => &format!(", {other}"),
    };
    let unit = unit(metric.scale).map_or(String::new(), |unit| format!(" [{unit}]"));
    let title = format!("{}{statistic}{unit}", metric.title);
    // A long title goes on below: its width would cost the intervals of every row.
    match title.rsplit_once(", ") {
        Some((first, rest)) if title.chars().count() > LONGEST_TITLE => format!("{first},\n{INDENT}  {rest}"),
        _ => title,
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
