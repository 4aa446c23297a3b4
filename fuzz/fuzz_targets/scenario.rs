//! Any bytes as a scenario file: understood or refused. `cargo fuzz run scenario -- -dict=toml.dict`
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = boxherd::scenario::load_text("fuzz.toml", bytes, Path::new("/nowhere"), &[]) {
        assert!(error.render(false).contains(" in fuzz.toml"));
    }
});
