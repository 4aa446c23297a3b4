//! `boxherd init`: a commented scenario to begin with.
//!
//! Writes the text that the scenario module keeps, whose tests hold it against the parameters. Never overwrites
//! without being told to. Start at [`init`].

use super::outcome::Failure;
use crate::results::write::replace_file;
use crate::scenario::STARTER;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Write a commented scenario to begin with
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd init mine.toml && boxherd run mine.toml\n  boxherd init - | less"
)]
pub struct Arguments {
    /// Where to; `-` is stdout
    #[arg(value_name = "FILE", default_value = "scenario.toml")]
    file: PathBuf,

    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
}

pub fn init(arguments: &Arguments) -> Result<(), Failure> {
    let path = &arguments.file;
    if path == Path::new("-") {
        anstream::stdout().write_all(STARTER.as_bytes())?;
        return Ok(());
    }
    if arguments.force {
        replace_file(path, STARTER.as_bytes()).map_err(Failure::run)?;
    } else {
        create(path)?;
    }
    let shown = path.display();
    writeln!(anstream::stdout(), "Wrote {shown}. Next:\n  boxherd run {shown}")?;
    Ok(())
}

/// Asking first and writing then would lose to somebody who writes between the two.
fn create(path: &Path) -> Result<(), Failure> {
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    file.and_then(|mut file| file.write_all(STARTER.as_bytes())).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::usage(format!(
            "{} exists and is left alone; give another name, or --force to replace it",
            path.display()
        )),
        _ => Failure::run(format!("cannot write {}: {error}", path.display())),
    })
}
