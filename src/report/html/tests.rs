use super::*;
use crate::results::fixture;
use crate::results::rows::AssertRow;

#[test]
fn the_page_answers_first_and_has_every_part() {
    let page = page(&fixture::three_platforms());
    let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(at("Cheapest: cattle") < at("id=\"cost\""), "the answer is on the first screen");
    for id in [
        "utilization",
        "recovery",
        "waterfall",
        "releases",
        "exposure",
        "people",
        "series",
        "assumptions",
        "again",
    ] {
        at(&format!("<section id=\"{id}\""));
    }
    assert!(page.len() < 1_000_000, "{}", page.len());
}

#[test]
fn what_the_scenario_asserts_stands_first() {
    let mut results = fixture::three_platforms();
    let claim = |platform: &str, bound: f64, passed| AssertRow {
        platform: platform.to_owned(),
        service: String::new(),
        metric: "availability".to_owned(),
        unit: "share".to_owned(),
        statistic: "ratio".to_owned(),
        comparison: ">=".to_owned(),
        bound,
        value: Some(0.999),
        ci_low: None,
        ci_high: None,
        passed,
        certain: false,
    };
    assert!(!page(&results).contains("class=\"claims\""), "nothing is asserted");
    results.manifest.asserts = vec![claim("k8s", 0.99, true), claim("<pets>", 0.9999, false)];
    let page = page(&results);
    let at = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part} is missing"));
    assert!(at("<li>✓ k8s: availability ") < at("<li class=\"failed\">✗ &lt;pets&gt;"));
    assert!(at("class=\"failed\"") < at("Cheapest: cattle"));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = page(&fixture::three_platforms());
    // The namespace of SVG is a name, and uPlot's licence line names its home.
    let links = page.matches("://").count();
    let names = page.matches("http://www.w3.org/2000/svg").count()
        + page.matches("https://github.com/leeoniya/uPlot").count();
    assert_eq!(links, names, "other addresses");
    for loader in [" src=", "@import", "url(", "<link", "<iframe", "<object", "<base", "<form action"] {
        assert!(!page.contains(loader), "{loader}");
    }
}

#[test]
fn the_policy_lets_only_this_page_s_style_and_script_run() {
    let policy = policy();
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let page = page(&fixture::three_platforms());
    let between = |open: &str, close: &str| {
        let start = page.rfind(open).unwrap() + open.len();
        &page[start..start + page[start..].find(close).unwrap()]
    };
    // What a browser hashes is what stands between the tags.
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    assert!(policy.contains(&format!("script-src 'sha256-{}'", hash(between("<script>", "</script>")))));
    assert!(policy.contains(&format!("style-src 'sha256-{}'", hash(between("<style>", "</style>")))));
    assert!(!page.contains(" style=") && !page.contains(" onclick="), "the policy would not let them");
}

#[test]
fn names_from_a_scenario_are_text_everywhere() {
    let mut results = fixture::three_platforms();
    let evil = "<img src=x onerror=alert(1)>\"'&{{ 7*7 }}";
    results.manifest.scenario_name = evil.to_owned();
    results.manifest.scenario = format!("# {evil}</code></pre><script>alert(1)</script>");
    results.manifest.overrides = vec![format!("name={evil}")];
    results.manifest.platforms[0].sizing = vec![evil.to_owned()];
    let old = std::mem::replace(&mut results.manifest.platforms[0].name, evil.to_owned());
    results
        .summary
        .iter_mut()
        .filter(|row| row.platform == old)
        .for_each(|row| row.platform = evil.to_owned());
    results.summary.iter_mut().for_each(|row| row.service = row.service.replace("web", evil));
    let page = page(&results);
    assert!(!page.contains("<img") && !page.contains("alert(1)</script>"), "markup from a name");
    assert_eq!(page.matches("<script").count(), 2, "the data and the script of the page");
    assert!(page.contains("{{ 7*7 }}"), "names are no templates");
}

#[test]
fn a_run_in_which_nothing_happened_has_a_page() {
    let mut results = fixture::three_platforms();
    results.timeseries.clear();
    results.incidents.clear();
    results.costs.clear();
    results.summary.clear();
    results.differences.clear();
    assert!(page(&results).contains("no machine was lost"));
}

#[test]
fn the_same_rows_are_the_same_page() {
    let results = fixture::three_platforms();
    assert_eq!(page(&results), page(&results));
}
