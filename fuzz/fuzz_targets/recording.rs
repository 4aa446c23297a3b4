//! Any bytes as a recording of traffic.
#![no_main]

use boxherd::world::traffic::read_recording;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Err(problems) = read_recording(bytes, &Default::default()) {
        assert!(!problems.is_empty());
    }
});
