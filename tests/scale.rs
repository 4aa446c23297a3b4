//! Size: what a thousand boxes cost in events.

use crate::support::{run, scenario};

/// Ten services that together run on about a thousand boxes of Kubernetes, a few hundred machines elsewhere.
fn thousand_boxes() -> String {
    let mut text = String::from("[run]\nlength = \"1w\"\nreplications = 1\n");
    for i in 0..10 {
        text += &format!(
            "[service.s{i}]\ncpu_per_request = \"40ms\"\ntraffic.rate = \"800/s\"\n[service.s{i}.container.app]\n"
        );
    }
    text + "[platform.pets]\nkind = \"pets\"\n[platform.cattle]\nkind = \"cattle\"\n[platform.k8s]\nkind = \"kubernetes\"\n"
}

#[test]
fn a_year_of_a_thousand_boxes_stays_under_fifty_million_events() {
    let results = run(&scenario("thousand.toml", &thousand_boxes(), &[]));
    for platform in &results.manifest.platforms {
        // One week and the day of warm-up are simulated: a year is 365 / 8 times as much.
        let year = platform.events as f64 * 365.0 / 8.0;
        assert!(year < 5e7, "{}: {year:.2e} events a year", platform.name);
    }
}
