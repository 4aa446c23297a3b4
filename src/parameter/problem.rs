//! What is wrong with a scenario, collected and shown together with file, line, column and advice.
//!
//! Knows places and texts, not what a parameter is. Start at [`Problems`].

use super::tree::{Origin, Sources};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use std::fmt::Write as _;

/// More than these are not shown: the first ones are fixed first anyway.
const MAX_SHOWN: usize = 50;

/// Longer lines were not written by hand; they are not shown.
const MAX_LINE_BYTES: usize = 4_000;

/// One mistake of the user. Texts are lower case without a full stop, names in backticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// What is wrong, in one line.
    pub title: String,
    /// Where; `None` if it concerns the whole scenario.
    pub origin: Option<Origin>,
    /// What was found there; may be empty.
    pub label: String,
    /// What was expected, or what to do.
    pub help: Option<String>,
}

impl Problem {
    /// A problem at one place.
    pub fn at(origin: &Origin, title: impl Into<String>, label: impl Into<String>) -> Self {
        Problem { title: title.into(), origin: Some(origin.clone()), label: label.into(), help: None }
    }

    /// A problem without a place.
    pub fn general(title: impl Into<String>) -> Self {
        Problem { title: title.into(), origin: None, label: String::new(), help: None }
    }

    /// Adds advice.
    pub fn help(self, help: impl Into<String>) -> Self {
        Problem { help: Some(help.into()), ..self }
    }

    /// The same with a cure, if there is one to offer.
    pub fn maybe_help(self, help: Option<String>) -> Self {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    fn sort_key(&self) -> (bool, u16, usize, usize) {
        match &self.origin {
            Some(origin) => (false, origin.source.0, origin.span.start, origin.span.end),
            None => (true, 0, 0, 0),
        }
    }

    fn render(&self, renderer: &Renderer, sources: &Sources) -> String {
        let title = one_line(&self.title);
        let mut group = Group::with_title(Level::ERROR.primary_title(title.as_str()));
        let place = self.origin.as_ref().and_then(|origin| Some((origin, sources.get(origin.source)?)));
        let (label, help);
        if let Some((origin, (name, text))) = place {
            let window = Window::around(text, origin);
            label = one_line(&self.label);
            let label = (!label.is_empty()).then_some(label.as_str());
            group = if window.line.len() <= MAX_LINE_BYTES {
                let annotation = AnnotationKind::Primary.span(window.start..window.end).label(label);
                let snippet = Snippet::source(window.line).path(name).line_start(window.number);
                group.element(snippet.annotation(annotation))
            } else {
                let column = window.line[..window.start].chars().count() + 1;
                let place = annotate_snippets::Origin::path(name).line(window.number).char_column(column);
                group.element(place).elements(label.map(|label| Level::NOTE.message(label)))
            };
        }
        if let Some(text) = &self.help {
            help = one_line(text);
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }
}

/// The problems found so far, in any order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Problems {
    items: Vec<Problem>,
}

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.items.push(problem);
    }

    /// Adds those of `other`.
    pub fn append(&mut self, mut other: Problems) {
        self.items.append(&mut other.items);
    }

    /// True if nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// In the order found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.items.iter()
    }

    /// All problems as text, in the order of the file and then of the overrides; empty if there are none.
    /// `styled` adds terminal colours.
    pub fn render(&self, sources: &Sources, styled: bool) -> String {
        let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
        let mut sorted: Vec<&Problem> = self.items.iter().collect();
        sorted.sort_by_key(|problem| problem.sort_key());
        let mut text = String::new();
        for problem in sorted.iter().take(MAX_SHOWN) {
            text.push_str(&problem.render(&renderer, sources));
            text.push_str("\n\n");
        }
        let (count, file) = (sorted.len(), one_line(sources.file_name()));
        let problems = if count == 1 { "problem" } else { "problems" };
        if count > MAX_SHOWN {
            let more = count - MAX_SHOWN;
            writeln!(text, "{count} {problems} in {file}; {more} more than shown").expect("a String grows");
        } else if count > 0 {
            writeln!(text, "{count} {problems} in {file}").expect("a String grows");
        }
        text
    }
}

/// The line to show of a text, and the bytes to underline in it. Only the first line of a longer span is shown.
struct Window<'t> {
    line: &'t str,
    number: usize,
    start: usize,
    end: usize,
}

impl<'t> Window<'t> {
    /// Whatever the span is: places out of the text or within a character move to the nearest good one.
    fn around(text: &'t str, origin: &Origin) -> Self {
        let start = char_boundary(text, origin.span.start);
        let end = char_boundary(text, origin.span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let number = text[..line_start].bytes().filter(|&byte| byte == b'\n').count() + 1;
        let within = |at: usize| (at - line_start).min(line.len());
        Window { line, number, start: within(start), end: within(end) }
    }
}

/// The end of the text, or the beginning of the character that byte `at` is in.
fn char_boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// No control characters, so that neither line breaks nor escape sequences from a file reach the terminal, and
/// no more than a few lines when wrapped.
fn one_line(text: &str) -> String {
    text.chars().take(400).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A name or a text of the user for a message: in backticks, shortened, without control characters.
pub fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let short = one_line(&text.chars().take(MAX_CHARS).collect::<String>());
    let more = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    format!("`{short}{more}`")
}

/// The candidates that `name` may be a slip of, nearest first, at most five.
pub fn nearest<'c>(name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Vec<&'c str> {
    let plain = |text: &str| text.to_lowercase().replace(['_', ' '], "-");
    // Nobody mistypes a novel, and the comparison takes time and memory of both lengths.
    if name.len() > 100 {
        return Vec::new();
    }
    let name = plain(name);
    let mut near: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|candidate| {
            let distance = strsim::damerau_levenshtein(&name, &plain(candidate));
            let longer = name.chars().count().max(candidate.chars().count());
            (distance <= (longer / 3).max(1) && distance < longer).then_some((distance, candidate))
        })
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(5).map(|(_, candidate)| candidate).collect()
}

/// Advice for a name nobody knows: the nearest names, or else what there is to choose from.
pub fn suggestion(name: &str, candidates: &[&str]) -> Option<String> {
    let in_backticks = |names: &[&str]| names.iter().map(|name| quoted(name)).collect::<Vec<_>>();
    let near = in_backticks(&nearest(name, candidates.iter().copied()));
    if !near.is_empty() {
        return Some(format!("did you mean {}?", alternatives(&near)));
    }
    match candidates.len() {
        0 => None,
        1..=5 => Some(format!("expected {}", alternatives(&in_backticks(candidates)))),
        more => {
            let shown = in_backticks(&candidates[..5]).join(", ");
            Some(format!("expected one of {shown} and {} more", more - 5))
        }
    }
}

/// `a`, `a or b`, `a, b or c`.
pub(super) fn alternatives(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} or {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::tree::SourceId;
    use proptest::prelude::*;

    fn render(text: &str, origin: Origin) -> String {
        let mut problems = Problems::default();
        problems.push(Problem::at(&origin, "wrong", "here").help("right"));
        problems.render(&Sources::new("shop.toml", text), false)
    }

    #[test]
    fn tabs_and_wide_characters_keep_the_caret_under_its_place() {
        // The tab is shown as four columns, each of the two characters before `x` as one and two.
        let text = "a = 1\r\n\tö日 = x\r\n";
        let at = text.find('x').expect("an x");
        let expected = "\
error: wrong
 --> shop.toml:2:7
  |
2 |     ö日 = x
  |           ^ here
  |
  = help: right

1 problem in shop.toml
";
        assert_eq!(render(text, Origin::new(SourceId::FILE, at..at + 1)), expected);
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let long = |length| format!("a = \"{}\" 90 \"{}\"", "x".repeat(length), "y".repeat(length));
        for text in [long(1_000), long(9_000)] {
            let at = text.find("90").expect("a number");
            for line in render(&text, Origin::new(SourceId::FILE, at..at + 2)).lines() {
                assert!(line.chars().count() <= 160, "{line}");
            }
        }
        let text = long(9_000);
        let expected =
            "error: wrong\n--> shop.toml:1:9008\n = note: here\n = help: right\n\n1 problem in shop.toml\n";
        assert_eq!(render(&text, Origin::new(SourceId::FILE, 9_007..9_009)), expected);
    }

    #[test]
    fn only_the_first_fifty_are_shown_in_the_order_of_the_file() {
        let mut problems = Problems::default();
        for at in (0..60).rev() {
            problems.push(Problem::at(&Origin::new(SourceId::FILE, at..at), format!("problem {at}"), ""));
        }
        problems.push(Problem::general("somewhere"));
        let text = problems.render(&Sources::new("shop.toml", &"\n".repeat(60)), false);
        assert_eq!(text.matches("error: ").count(), 50);
        assert!(text.starts_with("error: problem 0\n"));
        assert!(text.ends_with("61 problems in shop.toml; 11 more than shown\n"), "{text}");
    }

    #[test]
    fn suggestions_name_near_keys_or_list_a_few() {
        assert_eq!(suggestion("rplicas", &["replicas", "rate"]).as_deref(), Some("did you mean `replicas`?"));
        assert_eq!(suggestion("boot-time", &["boot_time"]).as_deref(), Some("did you mean `boot_time`?"));
        assert_eq!(suggestion("xyzzy", &["a", "b", "c"]).as_deref(), Some("expected `a`, `b` or `c`"));
        let many = ["aa", "bb", "cc", "dd", "ee", "ff", "gg"];
        let expected = "expected one of `aa`, `bb`, `cc`, `dd`, `ee` and 2 more";
        assert_eq!(suggestion("xyzzy", &many).as_deref(), Some(expected));
    }

    proptest! {
        #[test]
        fn any_span_in_any_text_is_rendered(text in "\\PC{0,20}[\t\r\n\u{1b}öx日]{0,9}", start in 0usize..60, end in 0usize..60) {
            let shown = render(&text, Origin { source: SourceId::FILE, span: start..end });
            prop_assert!(shown.ends_with("1 problem in shop.toml\n"));
            let escapes = shown.contains('\u{1b}');
            prop_assert!(!escapes);
        }
    }
}
