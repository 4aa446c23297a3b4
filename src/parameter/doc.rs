//! What there is to say about a parameter besides its value.
//!
//! Knows no section. Start at [`ParameterDoc`].

/// How well a default is founded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Read in the source itself.
    Verified,
    /// Measured by us.
    Measured,
    /// Computed from what a source says.
    Derived,
    /// Remembered from a source that was not at hand.
    Recalled,
    /// An estimate without a source.
    Estimate,
    /// A setting without a truth value, such as a seed or a name.
    Choice,
}

impl Grade {
    /// In words, for `explain`.
    pub fn in_words(self) -> &'static str {
        match self {
            Grade::Verified => "verified: read in the source itself",
            Grade::Measured => "measured by this project",
            Grade::Derived => "derived: computed from what the source says",
            Grade::Recalled => "recalled: the source was not at hand when this was written",
            Grade::Estimate => "an estimate",
            Grade::Choice => "a choice: no value is more right than another",
        }
    }

    /// True if nobody has checked the number against a source.
    pub fn is_estimate(self) -> bool {
        matches!(self, Grade::Recalled | Grade::Estimate)
    }
}

/// What there is to say about one parameter.
#[derive(Clone, Debug)]
pub struct ParameterDoc {
    /// From the section described: `rate`, `traffic.rate`, `service.NAME.requests`, `event[N].at`.
    pub path: String,
    /// What it is, in a sentence or two.
    pub meaning: String,
    /// What to write.
    pub expected: String,
    /// What it may be, if not everything of that form.
    pub range: Option<&'static str>,
    /// The setting with which it exists, such as `kind = "pets"`, if it does not always.
    pub when: Option<String>,
    /// The default as one would write it, without quotation marks.
    pub default: Option<&'static str>,
    /// True if there is no default and it must be given.
    pub required: bool,
    /// Where the default comes from.
    pub source: Option<&'static str>,
    /// How well the default is founded; `None` without a default.
    pub grade: Option<Grade>,
    /// Other defaults, by the preset of the section that it is in.
    pub presets: Vec<PresetDefault>,
    /// Whether a text would be accepted as the value, and why not.
    pub accepts: fn(&str) -> Result<(), String>,
}

/// The default under a preset.
#[derive(Clone, Debug, PartialEq)]
pub struct PresetDefault {
    pub preset: &'static str,
    pub value: &'static str,
    pub source: Option<&'static str>,
    pub grade: Grade,
}

impl ParameterDoc {
    /// True if nobody has checked its default, or one of its defaults, against a source.
    pub fn has_estimates(&self) -> bool {
        self.grade.is_some_and(Grade::is_estimate) || self.presets.iter().any(|p| p.grade.is_estimate())
    }

    /// The same seen from the section above.
    pub fn under(self, prefix: &str) -> Self {
        ParameterDoc { path: format!("{prefix}.{}", self.path), ..self }
    }
}

/// The text of a doc comment as one paragraph.
pub fn meaning(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The parameters of a section that exists only if `key` is `value`.
pub fn only_with(key: &str, value: &str, docs: Vec<ParameterDoc>) -> Vec<ParameterDoc> {
    let condition = format!("{key} = \"{value}\"");
    let add = |doc: ParameterDoc| ParameterDoc {
        when: Some(doc.when.map_or_else(|| condition.clone(), |inner| format!("{condition}, {inner}"))),
        ..doc
    };
    docs.into_iter().map(add).collect()
}

/// What is wrong with the declarations: defaults that are no values, missing meanings and sources. For a test
/// over all sections.
pub fn check_defaults(docs: &[ParameterDoc]) -> Vec<String> {
    let mut wrong = Vec::new();
    for doc in docs {
        if let Some(Err(why)) = doc.default.map(doc.accepts) {
            wrong.push(format!("{}: {why}", doc.path));
        }
        for preset in &doc.presets {
            if let Err(why) = (doc.accepts)(preset.value) {
                wrong.push(format!("{} with preset {}: {why}", doc.path, preset.preset));
            }
            let founded = !matches!(preset.grade, Grade::Choice | Grade::Estimate);
            if founded && preset.source.is_none_or(str::is_empty) {
                wrong.push(format!("{} with preset {}: has no source", doc.path, preset.preset));
            }
        }
        if doc.meaning.is_empty() {
            wrong.push(format!("{}: has no meaning", doc.path));
        }
        let needs_source = !matches!(doc.grade, None | Some(Grade::Choice | Grade::Estimate));
        if needs_source && doc.source.is_none_or(str::is_empty) {
            wrong.push(format!("{}: has no source", doc.path));
        }
    }
    wrong
}
