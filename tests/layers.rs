//! Who may use whom: reads the `crate::…` paths of the source against the layers of the design.
//!
//! Only code that ships counts: `mod tests`, `…_tests.rs` and fixtures may use everything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Each layer, and the layers it may use beside itself, lowest first.
const ALLOWED: [(&str, &[&str]); 14] = [
    ("engine", &[]),
    ("cluster", &["engine"]),
    ("parameter", &["engine"]),
    ("catalog", &["parameter"]),
    ("world", &["engine", "parameter", "catalog"]),
    ("platform", &["engine", "cluster", "parameter", "catalog", "world"]),
    ("results", &[]),
    ("metrics", &["engine", "parameter", "catalog", "world", "results"]),
    ("simulation", &["engine", "world", "platform"]),
    ("scenario", &["engine", "parameter", "catalog", "world", "platform", "results"]),
    (
        "experiment",
        &["engine", "catalog", "world", "platform", "results", "metrics", "simulation", "scenario"],
    ),
    ("report", &["results"]),
    (
        "verify",
        &[
            "engine",
            "cluster",
            "parameter",
            "catalog",
            "world",
            "platform",
            "results",
            "simulation",
            "scenario",
            "experiment",
        ],
    ),
    ("cli", &["experiment", "report", "results", "scenario", "simulation", "verify"]),
];

/// (file, layer): uses beyond the table that do no harm, with the reason.
const EXCEPTIONS: [(&str, &str); 5] = [
    // A recorder is a watcher: the trait stands where facts are handed out. It names no platform and no event.
    ("metrics/mod.rs", "simulation"),
    // The replay is a command over a whole scenario that happens to live beside the loop it runs.
    ("simulation/replay.rs", "scenario"),
    ("simulation/replay.rs", "experiment"),
    ("simulation/replay.rs", "metrics"),
    ("simulation/replay.rs", "parameter"),
];

/// The only files that may touch the file system.
const TOUCHES_FILES: [&str; 4] =
    ["scenario/load.rs", "results/read.rs", "results/write.rs", "verify/kubernetes/load.rs"];

struct Source {
    /// From `src/`.
    name: String,
    /// Without comments and tests.
    code: String,
}

impl Source {
    fn layer(&self) -> &str {
        self.name.split_once('/').map_or(self.name.trim_end_matches(".rs"), |(layer, _)| layer)
    }

    /// The first part of every path from `crate::`.
    fn uses(&self) -> BTreeSet<&str> {
        let paths = self.code.split("crate::").skip(1);
        paths
            .map(|rest| {
                assert!(!rest.starts_with('{'), "{}: write one `use crate::…` a layer", self.name);
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                &rest[..end]
            })
            .collect()
    }
}

fn sources() -> Vec<Source> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("there is source") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let name =
        |path: &Path| path.strip_prefix(&root).expect("below").display().to_string().replace('\\', "/");
    let is_test =
        |name: &str| ["_tests.rs", "/tests.rs", "/fixture.rs"].iter().any(|end| name.ends_with(end));
    files
        .iter()
        .map(|path| (name(path), std::fs::read_to_string(path).expect("UTF-8")))
        .filter(|(name, _)| !is_test(name))
        .map(|(name, text)| Source { name, code: code(&text) })
        .collect()
}

/// The text up to its tests, without comments.
fn code(text: &str) -> String {
    let end = text.find("\n#[cfg(test)]\nmod tests").unwrap_or(text.len());
    let without = |line: &str| line.find("//").map_or(line.to_owned(), |at| line[..at].to_owned()) + "\n";
    text[..end].lines().map(without).collect()
}

/// Files where any of `words` stands, but for those that `may` have them.
fn check_absent(words: &[&str], may: impl Fn(&Source) -> bool) {
    let found: Vec<String> = sources()
        .iter()
        .filter(|source| !may(source))
        .flat_map(|source| {
            words.iter().filter(|w| source.code.contains(**w)).map(|w| format!("{}: {w}", source.name))
        })
        .collect();
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn every_layer_uses_only_what_lies_below() {
    let (mut broken, mut used) = (Vec::new(), BTreeSet::new());
    for source in sources() {
        if ["lib.rs", "main.rs"].contains(&source.name.as_str()) {
            continue;
        }
        let layer = source.layer();
        let (_, below) = ALLOWED
            .iter()
            .find(|(name, _)| *name == layer)
            .unwrap_or_else(|| panic!("{layer} has no line in the table"));
        for other in source.uses() {
            let exception = EXCEPTIONS.iter().find(|(file, to)| *file == source.name && *to == other);
            match exception {
                Some(exception) => drop(used.insert(exception)),
                None if other == layer || below.contains(&other) => {}
                None => broken.push(format!("{} uses {other}", source.name)),
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
    let stale: Vec<_> = EXCEPTIONS.iter().filter(|exception| !used.contains(exception)).collect();
    assert!(stale.is_empty(), "no longer needed: {stale:?}");
}

#[test]
fn the_table_itself_has_no_circles() {
    let below = |layer: &str| ALLOWED.iter().find(|(name, _)| *name == layer).map(|(_, below)| *below);
    for (layer, _) in ALLOWED {
        let mut reached: BTreeSet<&str> = BTreeSet::new();
        let mut open = vec![layer];
        while let Some(next) = open.pop() {
            for &lower in below(next).unwrap_or_else(|| panic!("{next} is no layer")) {
                assert_ne!(lower, layer, "{layer} lies below itself");
                if reached.insert(lower) {
                    open.push(lower);
                }
            }
        }
    }
}

#[test]
fn platforms_do_not_know_of_each_other() {
    let kinds = ["pets", "cattle", "kubernetes", "containers", "serverless"];
    for source in sources().iter().filter(|source| source.name.starts_with("platform/")) {
        let own = source.name.split('/').nth(1).expect("a file or folder");
        for other in kinds.iter().filter(|kind| **kind != own) {
            let named = ["super::", "super::super::", "crate::platform::"].iter().any(|from| {
                // `registry` and `mod` are the places that list all of them.
                !["registry.rs", "mod.rs"].contains(&own) && source.code.contains(&format!("{from}{other}::"))
            });
            assert!(!named, "{} uses {other}", source.name);
        }
    }
}

#[test]
fn nothing_depends_on_hashing_order() {
    check_absent(&["HashMap", "HashSet", "RandomState"], |_| false);
}

#[test]
fn nothing_but_the_command_line_knows_wall_clock_time() {
    check_absent(&["std::time", "Instant::", "SystemTime", "Zoned::now", "Timestamp::now"], |source| {
        source.layer() == "cli"
    });
}

#[test]
fn nothing_but_the_command_line_prints_or_exits() {
    check_absent(&["println!", "print!(", "dbg!(", "process::exit", "io::stdout", "io::stderr"], |source| {
        ["cli", "main"].contains(&source.layer())
    });
}

#[test]
fn only_named_places_touch_files() {
    check_absent(&["std::fs", "File::", "fs::"], |source| {
        source.layer() == "cli" || TOUCHES_FILES.contains(&source.name.as_str())
    });
}

#[test]
fn randomness_is_drawn_from_named_streams_only() {
    check_absent(
        &["thread_rng", "rand::rng()", "from_entropy", "from_os_rng", "OsRng", "rand::random"],
        |_| false,
    );
}

#[test]
fn threads_exist_in_experiments_and_checks_only() {
    check_absent(&["rayon", "std::thread", "thread_local!", "Mutex", "Atomic"], |source| {
        ["experiment", "verify", "cli"].contains(&source.layer())
    });
}
