//! The comparison as GitHub markdown: for a pull request, a wiki, a chat.
//!
//! Holds what the table of the terminal holds and breaks no lines; names cannot break out of their cell. Start at
//! [`table`].

use super::number::DASH;
use super::table::{Sheet, TableOptions, legend, services};
use crate::results::rows::ResultSet;

/// Tables, each service under a heading of its own, and the legend.
pub fn table(results: &ResultSet, options: TableOptions) -> String {
    let services = services(results, options);
    let sheets: Vec<Sheet<'_>> =
        services.iter().map(|service| Sheet::new(results, service, options)).collect();
    let mut text = String::new();
    for (service, sheet) in services.iter().zip(&sheets) {
        if !service.is_empty() {
            text += &format!("\n### Service {}\n\n", escape(service));
        }
        let names: Vec<String> = sheet.platforms.iter().map(|name| escape(name)).collect();
        text += &row(std::iter::once(String::new()).chain(names));
        text += &rule(sheet.platforms.len());
        let mut group = None;
        for line in &sheet.lines {
            if group != Some(line.group) {
                group = Some(line.group);
                let empty = std::iter::repeat_n(String::new(), sheet.platforms.len());
                text += &row(std::iter::once(format!("**{}**", line.group.title())).chain(empty));
            }
            let title: Vec<&str> = line.title.split_whitespace().collect();
            let cells = line.entries.iter().map(|entry| escape(entry.write(line.scale, true).trim_end()));
            text += &row(std::iter::once(escape(&title.join(" "))).chain(cells));
        }
    }
    let legend: Vec<String> = legend(results, &sheets).split_whitespace().map(escape).collect();
    if legend.is_empty() { text } else { text + &format!("\n{}\n", legend.join(" ")) }
}

/// `| a | b |`.
pub(super) fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// Below the header: the first column to the left, so many others to the right.
pub(super) fn rule(others: usize) -> String {
    format!("| :-- |{}\n", " --: |".repeat(others))
}

/// Text that markdown takes as text.
pub fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if matches!(c, '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '\\' | '#' | '~') {
            escaped.push('\\');
        }
        escaped.push(if c.is_control() { ' ' } else { c });
    }
    if escaped == DASH { DASH.to_owned() } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;

    #[test]
    fn every_row_has_as_many_cells_as_there_are_platforms_and_a_title() {
        let mut results = three_platforms();
        let text = table(&results, TableOptions::default());
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        assert!(rows.len() > 10 && rows.iter().all(|row| row.matches(" |").count() == 4), "{text}");
        assert!(text.contains("| cost/month \\[USD\\] | 10,000 ± "), "{text}");
        assert!(
            text.starts_with("|  | pets | cattle | k8s |\n| :-- | --: | --: | --: |\n| **Money** |"),
            "{text}"
        );
        results.manifest.platforms[0].name = "a|b\n<script>".to_owned();
        assert!(table(&results, TableOptions::default()).starts_with("|  | a\\|b \\<script\\> | cattle"));
    }
}
