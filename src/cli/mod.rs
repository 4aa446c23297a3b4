//! The command line: the only part of boxherd that prints or ends the process.
//!
//! stdout is data, stderr is talk. Exit status: see the help text below.
//! Knows no domain rule: it asks `scenario`, `experiment`, `results`, `report` and `verify`. One file a command. Start at
//! [`main`].

mod check;
mod compare;
mod completions;
mod explain;
mod export;
mod init;
mod outcome;
mod progress;
mod replay;
mod report;
mod run;
mod schema;
mod verify;
mod verify_kubernetes;

use clap::builder::styling::Styles;
use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Examples:
  boxherd init mine.toml                    # a commented scenario to begin with
  boxherd run mine.toml --replications 10   # compare its platforms
  boxherd compare results/a results/b       # what changed between two runs

Exit status:
  0    done
  1    a run, a check or a file failed
  2    wrong arguments, an invalid scenario or unreadable results; nothing was written
  3    done and written, but an [[assert]] of the scenario or a --fail-on does not hold
  130  interrupted; earlier results are untouched";

/// Pets, cattle or Kubernetes? Compares ways of running services on the same traffic, faults and team.
///
/// Without a command it runs the embedded quickstart: three services, three platforms, four weeks.
#[derive(Debug, Parser)]
#[command(name = "boxherd", version, styles = Styles::plain(), max_term_width = 100)]
#[command(after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,

    /// When to use colour and bold; auto also obeys NO_COLOR
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Colour::Auto)]
    color: Colour,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Arguments),
    Check(check::Arguments),
    Compare(compare::Arguments),
    Explain(explain::Arguments),
    Replay(replay::Arguments),
    Report(report::Arguments),
    Export(export::Arguments),
    Init(init::Arguments),
    Verify(verify::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// Parses the process's arguments, does what they say, and tells the exit status.
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version go to stdout, which may be closed already: nothing to tell anyone then.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match arguments.color {
        Colour::Auto => anstream::ColorChoice::Auto,
        Colour::Always => anstream::ColorChoice::Always,
        Colour::Never => anstream::ColorChoice::Never,
    }
    .write_global();

    let result = match arguments.command.unwrap_or(Command::Run(run::Arguments::default())) {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::check(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Export(arguments) => export::export(&arguments),
        Command::Init(arguments) => init::init(&arguments),
        Command::Schema(arguments) => schema::schema(&arguments),
        Command::Completions(arguments) => completions::completions(&arguments),
        Command::Explain(arguments) => explain::explain(&arguments),
        Command::Replay(arguments) => replay::replay(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                // A closed stderr must not turn one failure into another.
                let _ = writeln!(anstream::stderr(), "{}", message.trim_end());
            }
            ExitCode::from(failure.exit_status())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example_in_its_help() {
        for command in Arguments::command().get_subcommands() {
            let help = command.get_after_help().expect("an example").to_string();
            assert!(help.contains(&format!("boxherd {}", command.get_name())), "{help}");
        }
    }

    #[test]
    fn what_run_without_arguments_means_is_what_no_command_means() {
        let Ok(Arguments { command: Some(Command::Run(run)), .. }) = parse("boxherd run") else {
            panic!("run is a command");
        };
        assert_eq!(run, run::Arguments::default());
        assert!(parse("boxherd").expect("no command is fine").command.is_none());
    }

    #[test]
    fn nonsense_ends_with_status_2() {
        for line in [
            "boxherd fly",
            "boxherd run -r 0",
            "boxherd run -j 0",
            "boxherd replay",
            "boxherd run --format x",
        ] {
            assert_eq!(parse(line).expect_err(line).exit_code(), 2, "{line}");
        }
    }
}
