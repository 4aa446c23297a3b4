//! Folders that cannot be written, signals, full disks: the old results or the new ones are whole, never a mixture.

use super::*;

#[test]
fn a_folder_that_cannot_be_written_is_found_before_the_run() {
    let scratch = Scratch::new("unwritable");
    scratch.write("file", "no folder");
    refused_in(&scratch, &["run", "--out", "file/below"], &["file"]);
    refused_in(&scratch, &["run", "--out", "file"], &["file is a file"]);
    refused_in(&scratch, &["run", "--out", "."], &["--out"]);
}

#[test]
fn a_folder_without_results_is_left_alone() {
    let scratch = Scratch::new("foreign");
    std::fs::create_dir(scratch.path().join("thesis")).expect("it is new");
    scratch.write("thesis/chapter-1.txt", "years of work");
    refused_in(&scratch, &["run", "--out", "thesis"], &["thesis holds files but no boxherd results"]);
}

#[test]
fn earlier_results_are_replaced_as_a_whole() {
    let scratch = Scratch::new("replaced");
    short_run(scratch.path(), &["--out", "mine"]);
    scratch.write("mine/charts/old.svg", "<svg/>");
    let again = short_run(scratch.path(), &["--out", "mine", "--seed", "2"]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    assert_eq!(read(&scratch.path().join("mine")).expect("complete").manifest.seed, 2);
    assert!(!scratch.path().join("mine/charts/old.svg").exists());
}

/// Sends the signal of Ctrl-C once the process has a handler for it.
#[cfg(target_os = "linux")]
fn interrupt(process: &std::process::Child) {
    const SIGINT_BIT: u64 = 1 << (2 - 1);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.expect("it runs for longer than a test");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells");
        if u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & SIGINT_BIT != 0 {
            break;
        }
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(kill.expect("there is a kill").success());
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_with_130_and_leaves_earlier_results_untouched() {
    let scratch = Scratch::new("interrupted");
    short_run(scratch.path(), &[]);
    let before = files_in(scratch.path());
    let endless = std::process::Command::new(env!("CARGO_BIN_EXE_boxherd"))
        .current_dir(scratch.path())
        .args(["run", "-r", "100000", "--set", "run.length=2d"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    interrupt(&endless);
    let output = endless.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("earlier results are untouched"), "{stderr}");
    assert!(files_in(scratch.path()) == before);
}
