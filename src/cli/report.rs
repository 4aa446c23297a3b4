//! `boxherd report`: draw the report and the charts of a results folder anew, from its rows alone.
//!
//! Nothing is simulated. Start at [`report`].

use super::outcome::Failure;
use crate::report::{drawings, html};
use crate::results::{read, write};
use std::io::Write;
use std::path::PathBuf;

/// Draw the report and charts of a results folder again, without running anything
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd report results/quickstart\n  boxherd report results/quickstart -o shop.html"
)]
pub struct Arguments {
    /// Folder that `boxherd run` wrote
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Write the page to this file instead (- is stdout), and leave the folder as it is
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn report(arguments: &Arguments) -> Result<(), Failure> {
    let results = read::read(&arguments.folder).map_err(Failure::usage)?;
    let Some(output) = &arguments.output else {
        write::write(&arguments.folder, &results, &drawings::all(&results)).map_err(Failure::run)?;
        let written = arguments.folder.join(write::REPORT);
        writeln!(anstream::stdout(), "Report: {}", written.display())?;
        return Ok(());
    };
    let page = html::page(&results);
    if output.as_os_str() == "-" {
        // Not through the stream that strips colours: it is a document.
        std::io::stdout().write_all(page.as_bytes())?;
    } else {
        std::fs::write(output, page)
            .map_err(|error| Failure::run(format!("cannot write {}: {error}", output.display())))?;
    }
    Ok(())
}
