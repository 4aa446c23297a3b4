//! The parts of the page that have a figure: what it is about, its text alternative, and its numbers as a table.
//!
//! Start at [`all`].

use crate::report::charts::{self, waterfall};
use crate::report::number::{DASH, cell, duration, grouped, phrase};
use crate::report::palette;
use crate::results::metric::{MetricId, Scale};
use crate::results::rows::{CostRow, IncidentRow, ResultSet};
use serde::Serialize;

#[derive(Serialize)]
pub struct Section {
    /// Also the name of the chart's file.
    pub id: String,
    pub heading: &'static str,
    /// What the figure shows and how it is to be read.
    pub text: &'static str,
    /// For those who do not see it: the numbers that it is about.
    pub alternative: String,
    /// Markup.
    pub figure: String,
    pub table: Table,
}

/// The numbers of a figure: columns are platforms.
#[derive(Default, Serialize)]
pub struct Table {
    pub rows: Vec<TableRow>,
}

#[derive(Serialize)]
pub struct TableRow {
    pub name: String,
    pub cells: Vec<String>,
}

/// What is said of each figure, in the order of the page: file name, heading, text, the metric of its alternative
/// text, and its table.
type About = (&'static str, &'static str, &'static str, (MetricId, &'static str), fn(&ResultSet) -> Table);

#[rustfmt::skip]
const FIGURES: [About; 9] = [
    ("cost", "Cost", "The bill of a month of 730 hours. People are part of it: every hour of work at the team's wage, routine upkeep included.", (MetricId::CostPerMonth, "ratio"), costs),
    ("utilization", "Machines", "What the processors that are paid for do: work on answers that came in time, work in vain, running the machine itself, or nothing. The four sum to what is paid.", (MetricId::Utilization, "ratio"), processors),
    ("recovery", "Recovery", "Each box that went with its machine counts once; how many were made good within the time on the axis. Those still open at the end count as longer than they were watched, not as recovered.", (MetricId::RecoveryTime, "p50"), recoveries),
    ("waterfall", "Where recovery time goes", "The mean recovery, cut into its stages. Each bar is its own whole: compare shares within a bar, and the spans beside them.", (MetricId::RecoveryTime, "p50"), recovery_stages),
    ("scale-up", "Where scale-up time goes", "From the moment that too many requests are slow or late because the boxes are too few, until enough more serve. Each bar is its own whole; \"decide\" includes the boxes that were asked for before and were not enough. A platform that acts before anybody feels anything has no overload; one where the traffic went down before help came has no scale-up.", (MetricId::ScaleUpTime, "p50"), scale_up_stages),
    ("availability", "Users", "The share of requests that got no good answer in time, of those that were sent. The smaller, the better.", (MetricId::Availability, "ratio"), users),
    ("releases", "Releases", "From a release being ready to the last box, from the first changed box to the last, and how long a bad release stayed from its first harm on.", (MetricId::ReleaseDuration, "p50"), releases),
    ("exposure", "Security", "A box is exposed while it has a vulnerability of high severity that attackers use by now: published for longer than its time to exploit, and not fixed. Below, the boxes that still have a vulnerability a month and a year after its publication. Nobody is attacked in the simulation.", (MetricId::ExposedShare, "ratio"), security),
    ("people", "People", "Hours of work. Upkeep is an assumption for each platform; the rest is what the simulated people did.", (MetricId::PeopleHoursPerMonth, "ratio"), people),
];

/// Every figure that the rows have something to show for.
pub fn all(results: &ResultSet) -> Vec<Section> {
    let mut figures = charts::all(results);
    let section = |&(id, heading, text, of, table): &About| {
        let place = figures.iter().position(|(name, _)| name == id)?;
        let (id, svg) = figures.swap_remove(place);
        let alternative = alternative(results, of);
        let figure = palette::themed(&svg);
        Some(Section { id, heading, text, alternative, figure, table: table(results) })
    };
    FIGURES.iter().filter_map(section).collect()
}

fn names(results: &ResultSet) -> impl Iterator<Item = &str> {
    results.manifest.platforms.iter().map(|platform| platform.name.as_str())
}

/// `cost/month: pets 10,000 USD, cattle 6,200 USD`.
fn alternative(results: &ResultSet, (metric, statistic): (MetricId, &str)) -> String {
    let definition = metric.definition();
    let of = |name: &str| {
        let value = results.whole(name, metric, statistic).and_then(|row| row.value);
        format!("{name} {}", value.map_or("no value".to_owned(), |value| phrase(definition.scale, value)))
    };
    let kind = if statistic == "p50" { ", median" } else { "" };
    format!("{}{kind}: {}", definition.title, names(results).map(of).collect::<Vec<_>>().join(", "))
}

/// One statistic with its interval, for each platform.
fn metric_row(
    results: &ResultSet,
    name: &str,
    service: &str,
    (metric, statistic): (MetricId, &str),
) -> TableRow {
    let scale = metric.definition().scale;
    let of = |platform: &str| {
        let row = results.of_service(platform, service, metric, statistic);
        let value = row.and_then(|row| Some((row.value?, row.ci_low.zip(row.ci_high))));
        value.map_or(DASH.to_owned(), |(value, interval)| {
            let unit = match scale {
                Scale::Usd => " USD",
                Scale::Share => " %",
                Scale::Milliseconds => " ms",
                Scale::Seconds | Scale::Minutes | Scale::Count => "",
            };
            format!("{}{unit}", cell(scale, value, interval))
        })
    };
    TableRow { name: name.to_owned(), cells: names(results).map(of).collect() }
}

fn metric_rows(results: &ResultSet, rows: &[(&str, MetricId, &str)]) -> Table {
    let row = |&(name, metric, statistic): &(&str, MetricId, &str)| {
        metric_row(results, name, "", (metric, statistic))
    };
    Table { rows: rows.iter().map(row).collect() }
}

/// Lines of the bill, added up by `key`, and their sum.
fn bill(
    results: &ResultSet,
    key: fn(&CostRow) -> Option<String>,
    value: fn(&CostRow) -> f64,
    decimals: usize,
) -> Table {
    let mut keys: Vec<String> = Vec::new();
    for key in results.costs.iter().filter_map(key) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    let sum = |platform: &str, wanted: Option<&String>| {
        let is_it = |row: &&CostRow| {
            row.platform == platform && key(row).is_some_and(|key| wanted.is_none_or(|wanted| *wanted == key))
        };
        grouped(results.costs.iter().filter(is_it).map(value).sum(), decimals)
    };
    let row = |name: &str, wanted: Option<&String>| TableRow {
        name: name.to_owned(),
        cells: names(results).map(|platform| sum(platform, wanted)).collect(),
    };
    let mut rows: Vec<TableRow> = keys.iter().map(|key| row(key, Some(key))).collect();
    rows.push(row("sum", None));
    Table { rows }
}

fn costs(results: &ResultSet) -> Table {
    let line = |row: &CostRow| Some(format!("{}: {} [USD]", row.category, row.item));
    bill(results, line, |row| row.usd_per_month, 2)
}

fn people(results: &ResultSet) -> Table {
    let activity = |row: &CostRow| (row.category == "people").then(|| format!("{} [h]", row.item));
    bill(results, activity, |row| row.quantity_per_month, 2)
}

fn processors(results: &ResultSet) -> Table {
    use MetricId::*;
    metric_rows(
        results,
        &[
            ("useful", Utilization, "ratio"),
            ("wasted", CpuWasted, "ratio"),
            ("overhead", CpuOverhead, "ratio"),
            ("idle", CpuIdle, "ratio"),
            ("memory used", MemoryUsed, "ratio"),
            ("VMs", Vms, "ratio"),
            ("boxes ready", BoxesReady, "ratio"),
        ],
    )
}

fn recoveries(results: &ResultSet) -> Table {
    use MetricId::RecoveryTime;
    let statistics =
        [("median", "p50"), ("90th percentile", "p90"), ("99th percentile", "p99"), ("worst", "max")];
    let mut table =
        metric_rows(results, &statistics.map(|(name, statistic)| (name, RecoveryTime, statistic)));
    let mut count = |name: &str, is_it: fn(&IncidentRow) -> bool| {
        let of = |platform: &str| {
            let rows =
                results.incidents.iter().filter(|row| row.platform == platform && row.is_machine_loss());
            grouped(rows.filter(|row| is_it(row)).count() as f64, 0)
        };
        table.rows.push(TableRow { name: name.to_owned(), cells: names(results).map(of).collect() });
    };
    count("boxes lost, all replications", |_| true);
    count("… still open at the end", |row| row.is_open());
    table
}

fn recovery_stages(results: &ResultSet) -> Table {
    stages(results, &waterfall::RECOVERY)
}

fn scale_up_stages(results: &ResultSet) -> Table {
    let mut table = stages(results, &waterfall::SCALE_UP);
    let count = |name: &str, is_it: fn(&IncidentRow) -> bool| {
        let of = |platform: &str| {
            let rows = results.incidents.iter().filter(|row| row.platform == platform && row.is_overload());
            grouped(rows.filter(|row| is_it(row)).count() as f64, 0)
        };
        TableRow { name: name.to_owned(), cells: names(results).map(of).collect() }
    };
    table.rows.push(count("overloads, all replications", |_| true));
    table.rows.push(count("… over or at the end before more boxes served", IncidentRow::is_censored));
    table
}

fn stages(results: &ResultSet, subject: &waterfall::Subject) -> Table {
    let means = waterfall::means(results, subject);
    let of = |platform: usize| means.iter().find(|means| means.platform == platform);
    let row = |name: &str, span: &dyn Fn(&waterfall::Means) -> f64| {
        let cell = |index| of(index).map_or(DASH.to_owned(), |means| duration(span(means)));
        TableRow { name: name.to_owned(), cells: (0..results.manifest.platforms.len()).map(cell).collect() }
    };
    let stage = |(place, (name, _)): (usize, &(&str, _))| row(name, &|means| means.stages[place]);
    let mut rows: Vec<TableRow> = waterfall::STAGES.iter().enumerate().map(stage).collect();
    rows.push(row("sum", &waterfall::Means::total_s));
    Table { rows }
}

fn users(results: &ResultSet) -> Table {
    let mut rows = Vec::new();
    for service in std::iter::once("").chain(results.services()) {
        let of = if service.is_empty() { "all services" } else { service };
        rows.push(metric_row(
            results,
            &format!("{of}: availability"),
            service,
            (MetricId::Availability, "ratio"),
        ));
        rows.push(metric_row(
            results,
            &format!("{of}: within goal"),
            service,
            (MetricId::WithinGoal, "ratio"),
        ));
        rows.push(metric_row(
            results,
            &format!("{of}: latency, p99"),
            service,
            (MetricId::LatencyP99, "p99"),
        ));
        let minutes = (MetricId::MinutesBelowSlo, "ratio");
        rows.push(metric_row(
            results,
            &format!("{of}: minutes a month below its objective"),
            service,
            minutes,
        ));
    }
    Table { rows }
}

fn security(results: &ResultSet) -> Table {
    use MetricId::*;
    metric_rows(
        results,
        &[
            ("box time exposed", ExposedShare, "ratio"),
            ("exposed box-days a month", ExposedBoxDays, "ratio"),
            ("open vulnerabilities per box", OpenVulnerabilities, "ratio"),
            ("boxes with one after 30 days", OpenAfterMonth, "ratio"),
            ("boxes with one after 365 days", OpenAfterYear, "ratio"),
            ("patch latency, median", PatchLatency, "p50"),
            ("patch latency, p90", PatchLatency, "p90"),
            ("age of the oldest machine", OldestMachine, "ratio"),
            ("hours of patching a month", PatchHours, "ratio"),
        ],
    )
}

fn releases(results: &ResultSet) -> Table {
    use MetricId::*;
    metric_rows(
        results,
        &[
            ("ready to last box, median", ReleaseLeadTime, "p50"),
            ("first to last box, median", ReleaseDuration, "p50"),
            ("bad release until gone, median", RollbackTime, "p50"),
            ("requests hit by a bad release", BadReleaseRequests, "ratio"),
            ("minutes a month with two versions", MixedVersionMinutes, "ratio"),
        ],
    )
}
