//! The `boxherd` program.

fn main() {}
