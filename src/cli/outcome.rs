//! How a command ends badly, and the exit status of each way.
//!
//! Knows no command. Start at [`Failure`].

use crate::experiment::RunError;
use crate::scenario::LoadError;
use std::io;

#[derive(Debug)]
pub enum Failure {
    /// The arguments or the scenario cannot be: status 2. The text is complete, with its `error:`.
    Usage(String),
    /// A run or a file failed: status 1.
    Run(String),
    /// Everything ran and is written, but a claim does not hold: status 3.
    Claim(String),
    /// Ctrl-C: status 130, as shells have it.
    Interrupted,
    /// Whoever read our output has seen enough. That is no failure of ours.
    ClosedPipe,
}

impl Failure {
    pub fn usage(problem: impl std::fmt::Display) -> Failure {
        Failure::Usage(error_line(&problem.to_string()))
    }

    pub fn run(problem: impl std::fmt::Display) -> Failure {
        Failure::Run(error_line(&problem.to_string()))
    }

    pub fn claim(problem: impl std::fmt::Display) -> Failure {
        Failure::Claim(error_line(&problem.to_string()))
    }

    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Run(_) => 1,
            Failure::Claim(_) => 3,
            Failure::Interrupted => 130,
            Failure::ClosedPipe => 0,
        }
    }

    pub fn message(&self) -> Option<&str> {
        match self {
            Failure::Usage(text) | Failure::Run(text) | Failure::Claim(text) => Some(text),
            Failure::Interrupted => Some("interrupted; earlier results are untouched"),
            Failure::ClosedPipe => None,
        }
    }
}

/// From writing to stdout.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Failure::ClosedPipe
        } else {
            Failure::run(format!("cannot write to standard output: {error}"))
        }
    }
}

/// Always styled: the stream strips what the terminal does not want.
impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Failure {
        Failure::Usage(error.render(true))
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        match error {
            RunError::Cancelled => Failure::Interrupted,
            RunError::Failed(problem) => Failure::run(problem),
        }
    }
}

fn error_line(problem: &str) -> String {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    format!("{red}error{red:#}: {problem}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_success_and_any_other_write_error_is_not() {
        let closed = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!((closed.exit_status(), closed.message()), (0, None));
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit_status(), 1);
    }

    #[test]
    fn ctrl_c_is_130() {
        assert_eq!(Failure::from(RunError::Cancelled).exit_status(), 130);
    }
}
