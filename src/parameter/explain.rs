//! Finds parameters by name and says what there is to say about one.
//!
//! Knows only [`ParameterDoc`]s, not where they come from. Start at [`Catalogue`].

use super::doc::ParameterDoc;
use super::problem::{nearest, quoted};
use std::fmt::Write as _;

/// All parameters of a scenario.
#[derive(Clone, Debug)]
pub struct Catalogue {
    docs: Vec<ParameterDoc>,
}

impl Catalogue {
    /// Of these parameters, usually `Scenario::describe()`.
    pub fn new(docs: Vec<ParameterDoc>) -> Self {
        Catalogue { docs }
    }

    /// The parameters that `filter` names (all without one): by its path, else by the start of it, else by the end if only
    /// one ends so, else by any part of it. `estimates_only` keeps those whose default nobody has checked against a source.
    pub fn list(&self, filter: Option<&str>, estimates_only: bool) -> Vec<&ParameterDoc> {
        let wanted = |doc: &&ParameterDoc| !estimates_only || doc.has_estimates();
        let found = |matches: &dyn Fn(&str) -> bool| -> Vec<&ParameterDoc> {
            self.docs.iter().filter(|doc| matches(&doc.path)).filter(wanted).collect()
        };
        let Some(filter) = filter else { return found(&|_| true) };
        let filter = filter.trim().trim_matches('.');
        let ends = |path: &str| path.strip_suffix(filter).is_some_and(|rest| rest.ends_with('.'));
        let is_one = |found: &[&ParameterDoc]| found.iter().all(|doc| doc.path == found[0].path);
        let ways: [&dyn Fn(&str) -> bool; 2] =
            [&|path| is_path(path, filter), &|path| is_start(path, filter)];
        let by_part = || found(&|path| path.contains(filter));
        ways.into_iter()
            .map(found)
            .chain(Some(found(&ends)).filter(|found| is_one(found)))
            .find(|found| !found.is_empty())
            .unwrap_or_else(by_part)
    }

    /// "There is no such parameter", with the nearest names.
    pub fn not_found(&self, name: &str) -> String {
        let last = |path: &'_ str| path.rsplit('.').next().unwrap_or_default().to_owned();
        let mut near = nearest(name, self.docs.iter().map(|doc| doc.path.as_str()));
        if near.is_empty() {
            let name = last(name);
            let ends: Vec<(String, &str)> =
                self.docs.iter().map(|doc| (last(&doc.path), doc.path.as_str())).collect();
            let near_ends = nearest(&name, ends.iter().map(|(end, _)| end.as_str()));
            near = ends
                .iter()
                .filter(|(end, _)| near_ends.contains(&end.as_str()))
                .map(|(_, path)| *path)
                .collect();
        }
        // Several kinds may have a parameter of the same path.
        near.dedup();
        near.truncate(5);
        let near: Vec<String> = near.into_iter().map(quoted).collect();
        let text = format!("no parameter is called {}", quoted(name));
        if near.is_empty() {
            text
        } else {
            format!("{text}; did you mean {}?", super::problem::alternatives(&near))
        }
    }
}

/// Whether `asked` is `path`, or what `path` is in a scenario: `service.web.rate` is `service.NAME.rate`.
fn is_path(path: &str, asked: &str) -> bool {
    path.split('.').count() == asked.split('.').count() && is_start(path, asked)
}

/// The same of a start of it.
fn is_start(path: &str, asked: &str) -> bool {
    let same = |(known, asked): (&str, &str)| match known.strip_suffix("[N]") {
        Some(list) => asked.split_once('[').is_some_and(|(name, index)| name == list && index.ends_with(']')),
        None => known == asked || known == "NAME",
    };
    path.split('.').count() >= asked.split('.').count() && path.split('.').zip(asked.split('.')).all(same)
}

/// What was found: everything where all have one path, which several kinds of a section may have, else a list.
pub fn render_found(docs: &[&ParameterDoc]) -> String {
    let Some(first) = docs.first().filter(|first| docs.iter().all(|doc| doc.path == first.path)) else {
        return render_list(docs);
    };
    let mut told: Vec<ParameterDoc> = vec![(*first).clone()];
    for doc in &docs[1..] {
        match told.iter_mut().find(|known| is_alike(known, doc)) {
            Some(known) => {
                known.when = Some(
                    [known.when.take(), doc.when.clone()]
                        .into_iter()
                        .flatten()
                        .collect::<Vec<_>>()
                        .join(" or "),
                )
            }
            None => told.push((*doc).clone()),
        }
    }
    told.iter().map(render).collect::<Vec<_>>().join("\n")
}

/// The same is said of both.
fn is_alike(a: &ParameterDoc, b: &ParameterDoc) -> bool {
    let said = |doc: &ParameterDoc| render(&ParameterDoc { when: None, ..doc.clone() });
    said(a) == said(b)
}

/// Everything about one parameter, several lines.
pub fn render(doc: &ParameterDoc) -> String {
    let mut text = format!("{}\n  {}\n", doc.path, doc.meaning);
    let mut line = |name: &str, content: &str| {
        writeln!(text, "  {name:<9} {content}").expect("a String grows");
    };
    line("expected", &doc.expected);
    if let Some(range) = doc.range {
        line("range", range);
    }
    if let Some(when) = &doc.when {
        line("only with", when);
    }
    match doc.default {
        Some(default) => line("default", default),
        None if doc.required => line("default", "none, it must be given"),
        None => line("default", "none, it may be left out"),
    }
    if let Some(source) = doc.source {
        line("source", source);
    }
    if let Some(grade) = doc.grade {
        line("grade", grade.in_words());
    }
    for preset in &doc.presets {
        let source = preset.source.map_or(String::new(), |source| format!("{source}; "));
        let grade = preset.grade.in_words();
        line("preset", &format!("{}: {} ({source}{grade})", preset.preset, preset.value));
    }
    text
}

/// Path and default of several parameters, a line each, in columns.
pub fn render_list(docs: &[&ParameterDoc]) -> String {
    let width = docs.iter().map(|doc| doc.path.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for doc in docs {
        let default = doc.default.unwrap_or(if doc.required { "(required)" } else { "(none)" });
        let is_one_of_several = docs.iter().filter(|other| other.path == doc.path).count() > 1;
        let when = doc.when.as_ref().filter(|_| is_one_of_several);
        let when = when.map_or(String::new(), |when| format!("  ({when})"));
        writeln!(text, "{:<width$}  {default}{when}", doc.path).expect("a String grows");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::Grade;

    fn doc(path: &str, grade: Option<Grade>) -> ParameterDoc {
        ParameterDoc {
            path: path.to_owned(),
            meaning: "How often one machine crashes.".to_owned(),
            expected: "a rate such as `20/s`".to_owned(),
            range: Some("at most 1/s"),
            when: Some("kind = \"crash\"".to_owned()),
            default: grade.map(|_| "1/y"),
            required: grade.is_none(),
            source: grade.map(|_| "Dean 2008"),
            grade,
            presets: Vec::new(),
            accepts: |_| Ok(()),
        }
    }

    fn catalogue() -> Catalogue {
        Catalogue::new(vec![
            doc("rate", Some(Grade::Derived)),
            doc("fault.NAME.rate", Some(Grade::Estimate)),
            doc("service.NAME.requests", None),
            doc("service.NAME.traffic.base_rate", Some(Grade::Recalled)),
            doc("event[N].at", None),
        ])
    }

    fn check(filter: Option<&str>, estimates_only: bool, expected: &[&str]) {
        let catalogue = catalogue();
        let paths: Vec<&str> =
            catalogue.list(filter, estimates_only).iter().map(|doc| doc.path.as_str()).collect();
        assert_eq!(paths, expected, "{filter:?}");
    }

    #[test]
    fn parameters_are_found_by_path_then_end_then_part() {
        check(Some("rate"), false, &["rate"]);
        check(Some("NAME.rate"), false, &["fault.NAME.rate"]);
        // Two end so: all that have it somewhere.
        check(Some("a"), true, &["fault.NAME.rate", "service.NAME.traffic.base_rate"]);
        check(Some("traffic"), false, &["service.NAME.traffic.base_rate"]);
        check(Some("NAME"), true, &["fault.NAME.rate", "service.NAME.traffic.base_rate"]);
        check(None, true, &["fault.NAME.rate", "service.NAME.traffic.base_rate"]);
        check(Some("xyzzy"), false, &[]);
        check(Some("service.web.requests"), false, &["service.NAME.requests"]);
        check(Some("event[3].at"), false, &["event[N].at"]);
    }

    #[test]
    fn an_unknown_parameter_is_answered_with_near_ones() {
        let expected = "no parameter is called `request`; did you mean `service.NAME.requests`?";
        assert_eq!(catalogue().not_found("request"), expected);
        assert_eq!(catalogue().not_found("xyzzy"), "no parameter is called `xyzzy`");
    }

    #[test]
    fn what_several_kinds_have_is_explained_once_or_by_kind() {
        let of_kind = |kind: &str, default| ParameterDoc {
            when: Some(format!("kind = \"{kind}\"")),
            default: Some(default),
            ..doc("platform.NAME.rate", Some(Grade::Estimate))
        };
        let docs = [of_kind("a", "1/y"), of_kind("b", "1/y"), of_kind("c", "2/y")];
        let told = render_found(&docs.iter().collect::<Vec<_>>());
        assert_eq!(told.matches("How often one machine crashes.").count(), 2, "{told}");
        assert!(told.contains("only with kind = \"a\" or kind = \"b\"\n  default   1/y"), "{told}");
        assert!(told.contains("only with kind = \"c\"\n  default   2/y"), "{told}");
        let list = render_list(&docs.iter().collect::<Vec<_>>());
        assert!(list.contains("platform.NAME.rate  2/y  (kind = \"c\")"), "{list}");
        let catalogue = Catalogue::new(docs.to_vec());
        assert_eq!(
            catalogue.not_found("platform.NAME.rat"),
            "no parameter is called `platform.NAME.rat`; did you mean `platform.NAME.rate`?"
        );
        assert_eq!(catalogue.list(Some("platform.mine"), false).len(), 3, "the start of one");
    }

    #[test]
    fn one_parameter_is_explained_in_full() {
        let expected = "\
fault.NAME.rate
  How often one machine crashes.
  expected  a rate such as `20/s`
  range     at most 1/s
  only with kind = \"crash\"
  default   1/y
  source    Dean 2008
  grade     an estimate
";
        assert_eq!(render(&doc("fault.NAME.rate", Some(Grade::Estimate))), expected);
        assert_eq!(
            render_list(&catalogue().list(Some("NAME.re"), false)),
            "service.NAME.requests  (required)\n"
        );
    }
}
