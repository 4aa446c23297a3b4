//! Tests of the whole program, from outside: one crate, one file a theme.
//!
//! `layers` reads the source; `command_line` starts real processes; all others use the public API. Platforms are
//! those of the quickstart scenario, so that a new one is covered as soon as it is in there.

mod browser;
mod cattle;
mod command_line;
mod determinism;
mod discovery;
mod exposure;
mod faults;
mod forgotten;
mod golden;
mod keys;
mod kubernetes_cases;
mod layers;
mod memory;
mod metamorphic;
mod metamorphic_table;
mod money;
mod oracles;
mod outside;
mod releases;
mod requests;
mod scale;
mod scale_up;
mod sizing;
mod support;
mod traffic;
mod verify;
