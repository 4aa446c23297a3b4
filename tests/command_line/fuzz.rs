//! Mutated scenarios, recordings and results: whatever is in them, an answer or a refusal, and never a panic.
//!
//! A bounded share of what the targets in `fuzz/` do without end, with a fixed seed; their corpus comes first. Each
//! find has a test of its own beside the code that it was found in.

use super::*;
use boxherd::experiment::change;
use boxherd::scenario::{self, load_text};

/// Bytes as they are in this place for ever.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }
}

/// What breaks parsers.
const NASTY: [&str; 30] = [
    "0",
    "-1",
    "1e308",
    "1e-308",
    "99999999999999999999",
    "NaN",
    "inf",
    "\"",
    "'''",
    "\"\"\"",
    "[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    "\n",
    "\r",
    "\0",
    "\u{feff}",
    "é",
    "日",
    "1000y",
    "0s",
    "1e9/s",
    "\"0/s\"",
    "[[assert]]\n",
    "-0.0",
    "µs",
    "#",
];

/// One to four changes: bytes flipped, pieces cut, doubled, swapped, nasty words put in.
fn mutated(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let end = (at + dice.below(20)).min(bytes.len());
        match dice.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => bytes.truncate(at),
            // A number by another one: most of what gets past the parser.
            4 => {
                let digits = |byte: &u8| byte.is_ascii_digit();
                let from = bytes[at..].iter().position(digits).map_or(bytes.len(), |found| at + found);
                let to = bytes[from..]
                    .iter()
                    .position(|byte| !digits(byte))
                    .map_or(bytes.len(), |found| from + found);
                bytes.splice(from..to, dice.pick(&NASTY).bytes());
            }
            _ => drop(bytes.splice(at..at, dice.pick(&NASTY).bytes())),
        }
    }
    bytes
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files: Vec<Vec<u8>> = files_in(&folder).into_iter().map(|(_, bytes)| bytes).collect();
    assert!(!files.is_empty(), "no corpus for {target}");
    files
}

/// Loads it; a scenario that is refused says why.
fn load(bytes: &[u8]) {
    if let Err(error) = load_text("fuzz.toml", bytes, Path::new("/nowhere"), &[]) {
        let text = error.render(false);
        assert!(text.contains(" in fuzz.toml"), "{text}");
        assert!(!text.contains('\0') && !text.contains('\x1b'), "{text:?}");
    }
}

#[test]
fn no_scenario_makes_the_loader_panic() {
    let mut dice = Dice(1);
    let shipped = [scenario::QUICKSTART, scenario::STARTER, SHOP].map(|text| text.as_bytes().to_vec());
    let seeds: Vec<Vec<u8>> = shipped.into_iter().chain(corpus("scenario")).collect();
    seeds.iter().for_each(|seed| load(seed));
    for _ in 0..1_500 {
        let seed = dice.below(seeds.len());
        load(&mutated(&seeds[seed], &mut dice));
    }
}

#[test]
fn no_override_makes_the_loader_panic() {
    let mut dice = Dice(2);
    let paths: Vec<String> = scenario::describe().into_iter().map(|doc| doc.path).collect();
    for _ in 0..400 {
        let path = paths[dice.below(paths.len())].replace("NAME", "shop").replace("[N]", "[0]");
        let argument = format!("{path}={}", dice.pick(&NASTY));
        let argument = String::from_utf8_lossy(&mutated(argument.as_bytes(), &mut dice)).into_owned();
        let _ = load_text("fuzz.toml", scenario::QUICKSTART.as_bytes(), Path::new(""), &[argument]);
    }
}

#[test]
fn no_recording_makes_its_reader_panic() {
    let scratch = Scratch::new("fuzz-recording");
    let text = SHOP.replace(
        "traffic.rate = \"20/s\"",
        "traffic.file = \"traffic.csv\"\ntraffic.recording.gaps = \"hold\"",
    );
    let mut dice = Dice(3);
    let seeds = corpus("recording");
    for round in 0..1_000 {
        let seed = &seeds[dice.below(seeds.len())];
        let bytes = if round < seeds.len() { seeds[round].clone() } else { mutated(seed, &mut dice) };
        std::fs::write(scratch.path().join("traffic.csv"), bytes).expect("writable");
        let _ = load_text("fuzz.toml", text.as_bytes(), scratch.path(), &[]);
    }
}

#[test]
fn no_results_make_their_reader_or_the_comparison_panic() {
    let scratch = Scratch::new("fuzz-results");
    scratch.write("shop.toml", &SHOP.replace("2d", "2h"));
    let run =
        ["run", "shop.toml", "-q", "-r", "5", "--out", "mine", "--set", "faults.vm_crash.rate=9000/year"];
    assert_eq!(call(scratch.path(), &run).status, 0);
    let folder = scratch.path().join("mine");
    let good = read(&folder).expect("complete");
    let files: Vec<(String, Vec<u8>)> =
        files_in(&folder).into_iter().filter(|(name, _)| !name.starts_with("charts")).collect();
    let mut dice = Dice(4);
    let mut accepted = 0;
    for _ in 0..300 {
        let (name, bytes) = &files[dice.below(files.len())];
        std::fs::write(folder.join(name), mutated(bytes, &mut dice)).expect("writable");
        match read(&folder) {
            Ok(results) => {
                accepted += 1;
                change::compare(&good, &results);
                change::compare(&results, &good);
                use boxherd::report::export::{focus, junit, openmetrics};
                let _ = (openmetrics::text(&results), focus::csv(&results), junit::xml(&results));
                let _ = boxherd::report::verdict::verdicts(&results);
                let _ = boxherd::report::table::table(&results, Default::default());
            }
            Err(error) => assert!(error.to_string().contains(name.as_str()), "{error}"),
        }
        std::fs::write(folder.join(name), bytes).expect("writable");
    }
    assert!(accepted > 10, "{accepted}");
}
