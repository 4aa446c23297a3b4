//! Hours of work a month by what they go to.
//!
//! Does not know who worked, or when. Start at [`draw`].

use super::stack::{self, Bar, Order, Words};
use crate::results::metric::MetricId;
use crate::results::rows::ResultSet;

/// From the axis upwards: what is routine, then what is not.
const ACTIVITIES: [&str; 2] = ["upkeep", "deploy"];

const WORDS: Words = Words {
    title: "Hours of people's work per month, by what they do",
    unit: "hours per month of 730 hours",
    decimals: 1,
};

pub fn draw(results: &ResultSet) -> Option<String> {
    let mut order = Order::new(&ACTIVITIES);
    let names = results.manifest.platforms.iter().map(|platform| platform.name.as_str());
    let bar = |(platform, name): (usize, &str)| {
        let rows = results.costs.iter().filter(|row| row.platform == name && row.category == "people");
        let parts = order.parts(rows.map(|row| (row.item.as_str(), row.quantity_per_month)));
        let total = results.whole(name, MetricId::PeopleHoursPerMonth, "ratio");
        let interval = total.and_then(|row| Some((row.ci_low?, row.ci_high?)));
        Bar { platform, name: name.to_owned(), parts, interval }
    };
    let bars: Vec<Bar> = names.enumerate().map(bar).collect();
    stack::draw(results, &WORDS, &bars)
}
