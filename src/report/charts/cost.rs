//! Cost by category, per 730-hour month.
//!
//! Does not know prices. Start at [`draw`].

use super::stack::{self, Bar, Order, Words};
use crate::results::metric::MetricId;
use crate::results::rows::ResultSet;

/// From the axis upwards. What the catalog may add later goes on top, under its own name.
const CATEGORIES: [&str; 6] =
    ["compute", "people", "automation", "network entry", "control plane", "storage"];

const WORDS: Words =
    Words { title: "Cost per month, by what it pays for", unit: "USD per month of 730 hours", decimals: 0 };

pub fn draw(results: &ResultSet) -> Option<String> {
    let mut order = Order::new(&CATEGORIES);
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let bar = |(platform, name): (usize, &str)| {
        let rows = results.costs.iter().filter(|row| row.platform == name);
        let parts = order.parts(rows.map(|row| (row.category.as_str(), row.usd_per_month)));
        let total = results.whole(name, MetricId::CostPerMonth, "ratio");
        let interval = total.and_then(|row| Some((row.ci_low?, row.ci_high?)));
        Bar { platform, name: name.to_owned(), parts, interval }
    };
    let bars: Vec<Bar> = names.enumerate().map(bar).collect();
    stack::draw(results, &WORDS, &bars)
}
