//! The commands that the README shows work.

use super::*;

const README: &str = include_str!("../../README.md");

/// What follows `cargo run --release --` in indented lines, in words.
fn commands() -> Vec<Vec<String>> {
    let joined = README.replace("\\\n", " ");
    // The peers beside the engine are a program of their own.
    let ours = |line: &&str| !line.contains("--manifest-path");
    let lines = joined.lines().filter(ours).filter_map(|line| line.strip_prefix("    cargo run --release"));
    let words = |line: &str| -> Vec<String> {
        let line = line.split(" #").next().unwrap_or_default();
        line.split_whitespace()
            .filter(|word| *word != "--")
            .map(|word| word.trim_matches('\'').to_owned())
            .collect()
    };
    lines.map(words).collect()
}

#[test]
fn every_command_of_the_readme_works() {
    let commands = commands();
    assert!(commands.len() >= 6, "{commands:?}");
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let scratch = Scratch::new("readme");
    let folder = scratch.path();
    copy(&repository.join("scenarios"), &folder.join("scenarios"));
    std::fs::copy(repository.join("scenarios/real-traffic.csv"), folder.join("my-requests.csv"))
        .expect("copied");
    // Commands that read results find some, of the same seed and so paired.
    for out in ["results/before", "results/after", "results/quickstart"] {
        assert_eq!(short_run(folder, &["-q", "--out", out]).status, 0);
    }
    for mut words in commands {
        match words.first().map(String::as_str) {
            // Shorter than what a reader would wait for; the last word counts.
            None => {
                words = SHORT
                    .iter()
                    .fold(vec!["run".to_owned()], |words, word| [words, vec![(*word).to_owned()]].concat())
            }
            Some("run") => words.extend(["-r", "1", "--set", "run.length=1d"].map(str::to_owned)),
            // A minute each, and tests of their own run them; here the words only.
            Some("verify") => words.push("--help".to_owned()),
            Some(_) => {}
        }
        let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
        let output = call(folder, &arguments);
        assert_eq!(output.status, 0, "{words:?}\n{}", output.stderr);
        assert!(!output.stdout.is_empty() || words[0] == "export", "{words:?} prints nothing");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("writable");
    for (name, bytes) in files_in(from) {
        std::fs::write(to.join(name), bytes).expect("writable");
    }
}

/// Each block of output that follows commands, with the last of them.
fn shown() -> Vec<(String, String)> {
    let joined = README.replace("\\\n", " ");
    let (mut command, mut block, mut all) = (None, None, Vec::new());
    for line in joined.lines() {
        match (&mut block, line) {
            (None, "```text") => block = Some(String::new()),
            (Some(_), "```") => {
                all.extend(command.take().zip(block.take()));
                block = None;
            }
            (Some(block), line) => *block += &format!("{line}\n"),
            (None, line) => {
                let words = line.strip_prefix("    cargo run --release");
                command = words.map(|words| words.trim_start_matches(" --").trim().to_owned()).or(command);
            }
        }
    }
    all
}

#[test]
fn what_the_readme_shows_is_what_is_printed() {
    let scratch = Scratch::new("readme-shown");
    let folder = scratch.path();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"), &folder.join("scenarios"));
    let shown = shown();
    let block_of = |what: &str| {
        let of = |(command, _): &&(String, String)| command.starts_with(what);
        shown.iter().find(of).unwrap_or_else(|| panic!("nothing is shown of {what}"))
    };
    for what in ["replay", "explain"] {
        let (command, block) = block_of(what);
        let words: Vec<&str> = command.split_whitespace().collect();
        let output = call(folder, &words);
        let printed: Vec<&str> = output.stdout.lines().map(str::trim).collect();
        let missing: Vec<&str> = block.lines().filter(|line| !printed.contains(&line.trim())).collect();
        assert!(!block.is_empty() && missing.is_empty(), "{command} does not print {missing:#?}");
    }
    // The first block is what comes without any words, whole.
    let block = &shown.first().expect("the quickstart").1;
    let output = call(folder, &[]);
    assert_eq!(output.stdout.trim(), block.trim(), "the quickstart prints something else");
}

#[test]
fn what_the_readme_shows_of_verify_is_what_is_printed() {
    let shown = shown();
    let block = &shown.iter().find(|(command, _)| command == "verify").expect("it is shown").1;
    let all: Vec<String> = boxherd::verify::all().into_iter().map(|check| check.name).collect();
    let is_check = |line: &&str| {
        line.split_whitespace().next().is_some_and(|name| all.iter().any(|check| check == name))
    };
    let lines: Vec<&str> = block.lines().filter(is_check).collect();
    assert!(lines.len() > 10, "{block}");
    let names = lines.iter().filter_map(|line| line.split_whitespace().next());
    let words: Vec<&str> = std::iter::once("verify").chain(names).collect();
    let printed = call(Path::new("."), &words).stdout;
    let printed: Vec<&str> = printed.lines().map(str::trim).collect();
    let missing: Vec<&&str> = lines.iter().filter(|line| !printed.contains(&line.trim())).collect();
    assert!(missing.is_empty(), "verify does not print {missing:#?}");
    let count = format!("{0} checks: {0} passed, 0 failed", all.len());
    assert!(block.contains(&count), "there are {} checks", all.len());
}

#[test]
fn the_scenario_of_the_readme_is_valid() {
    let start = README.find("```toml\n").expect("there is one") + "```toml\n".len();
    let text = &README[start..start + README[start..].find("```").expect("it ends")];
    let scratch = Scratch::new("readme-scenario");
    scratch.write("readme.toml", text);
    let output = call(scratch.path(), &["check", "readme.toml"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
}

/// The lines under `Example:` of a help text, in words.
fn examples(help: &str) -> Vec<Vec<String>> {
    let after = help.split_once("Example").expect("there is an example").1;
    let lines = after.lines().skip(1).take_while(|line| line.starts_with("  "));
    let joined =
        lines.map(|line| line.split(" #").next().unwrap_or_default().trim()).collect::<Vec<_>>().join("\n");
    let commands = joined.split(['\n', '|', '>']).flat_map(|part| part.split("&&")).map(str::trim);
    let ours = commands.filter_map(|command| command.strip_prefix("boxherd "));
    ours.map(|command| command.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn the_examples_of_every_help_text_are_commands() {
    let here = Path::new(".");
    for command in
        ["run", "check", "explain", "replay", "verify", "compare", "export", "init", "schema", "completions"]
    {
        let examples = examples(&call(here, &[command, "--help"]).stdout);
        assert!(examples.first().is_some_and(|first| first[0] == command), "{command}: {examples:?}");
        for example in examples {
            let mut arguments: Vec<&str> = example.iter().map(String::as_str).collect();
            if command != "explain" {
                // The words are checked before help is shown.
                arguments.push("--help");
            }
            let output = call(here, &arguments);
            assert_eq!(output.status, 0, "{example:?}: {}", output.stderr);
        }
    }
}

#[test]
fn the_help_lists_the_exit_statuses_and_every_command() {
    let help = call(Path::new("."), &["--help"]).stdout;
    for part in
        ["Exit status:", "  3    done and written", "init", "compare", "export", "schema", "completions"]
    {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
}
