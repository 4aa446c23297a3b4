//! `boxherd replay`: one replication in words.

use super::*;

#[test]
fn a_replay_on_an_unknown_platform_is_refused() {
    let scratch = Scratch::new("no-platform");
    scratch.write("shop.toml", SHOP);
    refused_in(
        &scratch,
        &["replay", "shop.toml", "--platform", "pats", "--replication", "0"],
        &["no platform pats", "did you mean pets?"],
    );
}

/// The replay of the shop on pets.
fn replay(scratch: &Scratch, arguments: &[&str]) -> Output {
    scratch.write("shop.toml", SHOP);
    let base = ["replay", "shop.toml", "--platform", "pets", "--replication", "0"];
    call(scratch.path(), &[&base[..], arguments].concat())
}

#[test]
fn a_replay_shows_the_window_asked_for() {
    let scratch = Scratch::new("windows");
    let all = replay(&scratch, &[]).stdout;
    assert!(all.starts_with("  0d 00:00:00.000 Mon  vm-0-0"), "{all}");
    // The run starts on Monday, 2026-01-05: the same window in both notations, half-open.
    let metering = "  1d 00:00:00.000 Tue                            metering begins\n";
    assert!(all.contains(metering), "{all}");
    for (from, until) in [("1d", "1d1us"), ("24h", "1d 1s"), ("2026-01-06T00:00", "2026-01-06T00:00:01")] {
        let window = replay(&scratch, &["--from", from, "--until", until]);
        assert_eq!((window.stdout.as_str(), window.stderr.as_str()), (metering, ""), "{from} to {until}");
    }
    assert_eq!(replay(&scratch, &["--from", "2026-01-06", "--until", "1d1us"]).stdout, metering);
    assert_eq!(replay(&scratch, &["--from", "1d1us", "--until", "1d1us"]).stdout, "");
    // Window by window it is the whole.
    let (first, second) = (replay(&scratch, &["--until", "30h"]), replay(&scratch, &["--from", "30h"]));
    assert_eq!(first.stdout + &second.stdout, all);
}

#[test]
fn a_replay_shows_only_what_it_is_asked_about() {
    let scratch = Scratch::new("filters");
    let all = replay(&scratch, &[]).stdout;
    let expect = |wanted: &dyn Fn(&str) -> bool| -> String {
        all.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect()
    };
    let box_lines = expect(&|line| line.contains("web-1 "));
    assert!(!box_lines.is_empty());
    assert_eq!(replay(&scratch, &["--box", "web-1"]).stdout, box_lines);
    let vm_lines = expect(&|line| line.contains("vm-1-0 "));
    let vm = replay(&scratch, &["--vm", "vm-1-0"]).stdout;
    assert!(vm_lines.lines().all(|line| vm.contains(line)) && vm.lines().count() < all.lines().count());
    assert_eq!(replay(&scratch, &["--service", "web"]).stdout, expect(&|line| line.contains(" web")));
}

#[test]
fn a_replay_of_nothing_is_refused() {
    let scratch = Scratch::new("no-replay");
    for (arguments, expected) in [
        (&["--from", "tomorrow"][..], "cannot read the time tomorrow"),
        (&["--from", "2025-01-01"], "before the start"),
        (&["--service", "wob"], "no service wob"),
    ] {
        let output = replay(&scratch, arguments);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains(expected), "{expected} is missing in {}", output.stderr);
    }
}
