//! Tells the program which target it was built for: results promise equal bytes for the same target only.

fn main() {
    println!("cargo::rustc-env=TARGET={}", std::env::var("TARGET").expect("cargo sets TARGET"));
    println!("cargo::rerun-if-changed=build.rs");
}
