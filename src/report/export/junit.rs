//! The scenario's claims as JUnit XML, which every continuous integration shows: a test case a claim and platform.
//!
//! Start at [`xml`].

use crate::report::asserts::line;
use crate::results::rows::ResultSet;
use std::fmt::Write as _;

/// One suite, named after the scenario.
pub fn xml(results: &ResultSet) -> String {
    let manifest = &results.manifest;
    let rows = &manifest.asserts;
    let failures = rows.iter().filter(|row| !row.passed).count();
    let (name, tests) = (escape(&manifest.scenario_name), rows.len());
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{tests}\" failures=\"{failures}\">\n  \
         <testsuite name=\"boxherd.{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\">\n"
    );
    for row in rows {
        let service =
            if row.service.is_empty() { String::new() } else { format!("service {} ", row.service) };
        let case = format!("{service}{} {} {} {}", row.metric, row.statistic, row.comparison, row.bound);
        let class = format!("boxherd.{}.{}", manifest.scenario_name, row.platform);
        let (case, class, told) = (escape(&case), escape(&class), escape(&line(row)));
        let (open, close) = if row.passed {
            ("<system-out>".to_owned(), "</system-out>")
        } else {
            (format!("<failure message=\"{told}\">"), "</failure>")
        };
        writeln!(
            text,
            "    <testcase classname=\"{class}\" name=\"{case}\">\n      {open}{told}{close}\n    </testcase>"
        )
        .expect("a String grows");
    }
    text + "  </testsuite>\n</testsuites>\n"
}

/// For text and attributes; what XML cannot hold at all becomes a blank.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;
    use crate::results::rows::AssertRow;

    #[test]
    fn a_claim_that_does_not_hold_is_a_failure_with_its_line() {
        let mut results = three_platforms();
        let row = |platform: &str, passed: bool| AssertRow {
            platform: platform.to_owned(),
            service: String::new(),
            metric: "cost_per_month".to_owned(),
            unit: "USD".to_owned(),
            statistic: "ratio".to_owned(),
            comparison: "<".to_owned(),
            bound: 7_000.0,
            value: Some(if passed { 6_200.0 } else { 7_050.0 }),
            ci_low: None,
            ci_high: None,
            passed,
            certain: false,
        };
        results.manifest.asserts = vec![row("cattle", true), row("k<8>&\"s\"\u{1}", false)];
        let text = xml(&results);
        assert!(text.contains("tests=\"2\" failures=\"1\""), "{text}");
        assert!(
            text.contains("classname=\"boxherd.quickstart.cattle\" name=\"cost_per_month ratio &lt; 7000\""),
            "{text}"
        );
        assert!(text.contains("<failure message=\"✗ k&lt;8&gt;&amp;&quot;s&quot; : cost_per_month 7,050 USD is not &lt; 7,000 USD"), "{text}");
        assert_eq!(text.matches("<testcase").count(), text.matches("</testcase>").count());
    }
}
