//! The command line as a user meets it: real processes, their output, files and exit status. One file a theme; what they
//! share is here.

mod asserts;
mod bad_input;
mod compare;
mod editors;
mod explain;
mod export;
mod fuzz;
mod precision;
mod readme;
mod replay;
mod run;
mod trouble;

use crate::support::{Scratch, assert_close, files_in};
use assert_cmd::Command;
use boxherd::results::read::read;
use std::path::Path;

/// Short enough for a test, long enough for every kind of row.
const SHORT: [&str; 4] = ["-r", "2", "--set", "run.length=2d"];

/// boxherd in `folder`, as in a plain terminal session without a terminal.
fn boxherd(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("boxherd").expect("cargo builds it");
    command.current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
    command
}

struct Output {
    status: i32,
    stdout: String,
    stderr: String,
}

fn call(folder: &Path, arguments: &[&str]) -> Output {
    let output = boxherd(folder).args(arguments).output().expect("it starts");
    Output {
        status: output.status.code().expect("it is not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn short_run(folder: &Path, arguments: &[&str]) -> Output {
    call(folder, &[&["run"], &SHORT[..], arguments].concat())
}

/// Status 2, nothing on stdout, nothing written, and every one of `expected` on stderr.
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let scratch = Scratch::new("refused");
    refused_in(&scratch, arguments, expected);
    assert_eq!(files_in(scratch.path()), [], "{arguments:?} wrote something");
}

fn refused_in(scratch: &Scratch, arguments: &[&str], expected: &[&str]) {
    let before = files_in(scratch.path());
    let output = call(scratch.path(), arguments);
    assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{arguments:?}\n{}", output.stderr);
    for text in expected {
        assert!(output.stderr.contains(text), "{text:?} is missing in\n{}", output.stderr);
    }
    assert!(files_in(scratch.path()) == before, "{arguments:?} wrote something");
    assert!(!scratch.path().join("results").exists(), "{arguments:?} made a folder");
}

/// A scenario file with these mistakes is refused by `check` and by `run`.
fn check_bad_file(text: &str, expected: &[&str]) {
    let scratch = Scratch::new("bad-file");
    scratch.write("shop.toml", text);
    refused_in(&scratch, &["check", "shop.toml"], expected);
    refused_in(&scratch, &["run", "shop.toml", "-r", "1"], expected);
}

/// One service on one platform; the text under test replaces or follows parts of it.
const SHOP: &str = r#"[run]
length = "2d"

[service.web]
cpu_per_request = "40ms"
traffic.rate = "20/s"

[service.web.container.app]
cpu = "500m"

[platform.pets]
kind = "pets"
"#;
