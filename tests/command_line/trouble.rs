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

/// Files of two complete results folders of the same scenario, told apart by their seed.
#[cfg(target_os = "linux")]
fn two_results(scratch: &Scratch) -> [Vec<(String, Vec<u8>)>; 2] {
    ["1", "2"].map(|seed| {
        let output = short_run(scratch.path(), &["-q", "--out", "sample", "--seed", seed]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        files_in(&scratch.path().join("sample"))
    })
}

#[cfg(target_os = "linux")]
fn beside(scratch: &Scratch, prefix: &str) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(scratch.path()).expect("it exists");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix)))
        .collect()
}

/// Kills at every stage of writing that a look can tell apart, and at some that it cannot. Whenever it dies, the folder
/// is one run's or the other's; between the two renames, which nothing can make one, the earlier results lie beside
/// and the next run puts them back.
#[test]
#[cfg(target_os = "linux")]
fn a_kill_at_any_moment_leaves_one_whole_folder() {
    let scratch = Scratch::new("killed");
    let whole = two_results(&scratch);
    let target = scratch.path().join("mine");
    assert_eq!(short_run(scratch.path(), &["-q", "--out", "mine", "--seed", "1"]).status, 0);
    let mut killed = 0;
    for round in 0..24_u32 {
        let seed = if round % 2 == 0 { "2" } else { "1" };
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_boxherd"))
            .current_dir(scratch.path())
            .args(["run", "-q", "--out", "mine", "--seed", seed])
            .args(SHORT)
            .stdout(std::process::Stdio::null())
            .spawn()
            .expect("it starts");
        // From the first file that appears on, a little later each time; in some rounds before any.
        let temporary = scratch.path().join(format!(".mine.tmp-{}", process.id()));
        while round % 4 != 3 && !temporary.exists() && process.try_wait().expect("it can be asked").is_none()
        {
            std::thread::yield_now();
        }
        for _ in 0..round * 4_000 {
            std::hint::spin_loop();
        }
        let _ = process.kill();
        let status = process.wait().expect("it ends");
        killed += u32::from(status.code().is_none());
        if target.exists() {
            let files = files_in(&target);
            assert!(whole.contains(&files), "round {round} left a mixture");
        } else {
            let old = beside(&scratch, ".mine.old-");
            assert!(old.len() == 1 && whole.contains(&files_in(&old[0])), "round {round} lost the results");
        }
    }
    assert!(killed > 12, "only {killed} of 24 were killed before they ended");
    // The next run clears up after all of them.
    assert_eq!(short_run(scratch.path(), &["-q", "--out", "mine", "--seed", "2"]).status, 0);
    assert!(files_in(&target) == whole[1] && beside(&scratch, ".mine.").is_empty());
}

/// Runs in a shell after these commands of it.
#[cfg(target_os = "linux")]
fn in_shell(scratch: &Scratch, before: &str, arguments: &str) -> std::process::Output {
    let script = format!("{before}\nexec \"$0\" {arguments}");
    std::process::Command::new("bash")
        .current_dir(scratch.path())
        .args(["-c", &script, env!("CARGO_BIN_EXE_boxherd")])
        .output()
        .expect("there is a bash")
}

#[test]
#[cfg(target_os = "linux")]
fn where_files_cannot_grow_the_old_results_stay_whole() {
    let scratch = Scratch::new("no-space");
    let whole = two_results(&scratch);
    assert_eq!(short_run(scratch.path(), &["-q", "--out", "mine", "--seed", "1"]).status, 0);
    // In KiB; the largest file has a few hundred of them. The signal ignored, writing fails as on a full disk.
    for limit in [0, 1, 8, 64] {
        let before = format!("trap '' XFSZ; ulimit -f {limit}");
        let output = in_shell(&scratch, &before, "run -r 2 --set run.length=2d -q --out mine --seed 2");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{limit}: {stderr}");
        assert!(stderr.contains("error: cannot write") && stderr.contains("File too large"), "{stderr}");
        assert!(output.stdout.is_empty(), "nothing is told of results that are not there");
        assert!(files_in(&scratch.path().join("mine")) == whole[0], "limit {limit} left a mixture");
        assert!(beside(&scratch, ".mine.").is_empty(), "limit {limit} left something behind");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_the_old_results_stay_whole() {
    let scratch = Scratch::new("full-disk");
    let whole = two_results(&scratch);
    let disk = scratch.path().join("disk");
    std::fs::create_dir(&disk).expect("it is new");
    let size: usize = whole[0].iter().map(|(_, bytes)| bytes.len().next_multiple_of(4096)).sum();
    // Room for one and a half of them.
    let option = format!("size={}", size * 3 / 2);
    let mount =
        std::process::Command::new("mount").args(["-t", "tmpfs", "-o", &option, "tmpfs"]).arg(&disk).output();
    if !mount.as_ref().is_ok_and(|output| output.status.success()) {
        return eprintln!("skipped: no file system of a given size can be mounted here (it takes root)");
    }
    struct Unmount<'a>(&'a Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg(self.0).status();
        }
    }
    let _unmount = Unmount(&disk);
    let first = short_run(scratch.path(), &["-q", "--out", "disk/mine", "--seed", "1"]);
    assert_eq!(first.status, 0, "{}", first.stderr);
    let second = short_run(scratch.path(), &["-q", "--out", "disk/mine", "--seed", "2"]);
    assert_eq!(second.status, 1, "{}", second.stderr);
    assert!(second.stderr.contains("No space left on device"), "{}", second.stderr);
    assert!(files_in(&disk.join("mine")) == whole[0], "a mixture");
    assert_eq!(std::fs::read_dir(&disk).expect("it exists").count(), 1, "something was left behind");
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_standard_output_is_an_error_and_costs_no_results() {
    let scratch = Scratch::new("full-stdout");
    for command in ["run -r 1 --set run.length=1d", "explain", "schema", "init -", "completions bash"] {
        let output = in_shell(&scratch, "exec > /dev/full", command);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{command}: {stderr}");
        assert!(stderr.contains("cannot write to standard output"), "{command}: {stderr}");
    }
    assert!(read(&scratch.path().join("results/quickstart")).is_ok());
}

#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_is_read_only_is_refused_before_the_run_and_keeps_its_results() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let scratch = Scratch::new("read-only");
    let whole = two_results(&scratch);
    let mode = |mode: u32| std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(mode));
    mode(0o555).expect("it is ours");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_boxherd"));
    command.current_dir(scratch.path()).args(["run", "-q", "--out", "sample", "--seed", "1"]).args(SHORT);
    // To root nothing is read-only: somebody else has to try.
    if std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        command.uid(65_534).gid(65_534);
    }
    let output = command.output();
    mode(0o755).expect("it is ours");
    let output = match output {
        Ok(output) => output,
        Err(error) => return eprintln!("skipped: cannot run as somebody else here ({error})"),
    };
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("cannot write to"), "{stderr}");
    assert!(files_in(&scratch.path().join("sample")) == whole[1]);
}
