//! `boxherd completions`: a script that makes a shell complete commands and options.
//!
//! Follows from the arguments as they are declared. Start at [`completions`].

use super::outcome::Failure;
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Print a script that makes your shell complete commands and options
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd completions bash > ~/.local/share/bash-completion/completions/boxherd\n  \
                  boxherd completions fish > ~/.config/fish/completions/boxherd.fish"
)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn completions(arguments: &Arguments) -> Result<(), Failure> {
    // Into memory first: a reader that has seen enough must not end in a panic of the generator.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "boxherd", &mut script);
    anstream::stdout().write_all(&script)?;
    Ok(())
}
