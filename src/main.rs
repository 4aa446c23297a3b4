//! The `boxherd` program: see `boxherd::cli`.

fn main() -> std::process::ExitCode {
    boxherd::cli::main()
}
