//! How the program ends.

use std::fmt;
use std::io;
use std::process::ExitCode;

use anstream::eprintln;
use kitelogik_core::text::visible_lines;
use kitelogik_ledger::LedgerError;

use crate::output::style;

/// What a command found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Allowed, equal, clean: exit 0.
    Yes,
    /// Not allowed, different, found something: exit 1.
    No,
    /// Tests were run, and not all passed: exit 2, as that of `opa test`.
    TestsFailed,
    /// It was printed that there is no answer, as where the policy could not be asked: exit 2.
    Unknown,
}

impl Answer {
    /// Yes where `condition` holds.
    pub(crate) fn yes_if(condition: bool) -> Self {
        if condition { Self::Yes } else { Self::No }
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What went wrong and what to do.
    Message(String),
    /// Whoever read the output has gone; there is nobody to tell.
    OutputClosed,
}

impl Failure {
    /// An error with this message.
    pub(crate) fn new(message: impl fmt::Display) -> Self {
        Self::Message(message.to_string())
    }

    /// `error`, met while standard output was written.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::OutputClosed
        } else {
            Self::new(format_args!("cannot write to standard output: {error}"))
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Export(error) => Self::of_output(&error),
            error => Self::new(error),
        }
    }
}

/// The result of a command.
pub(crate) type Outcome<T = Answer> = Result<T, Failure>;

/// Tells of a failure on standard error, and how to end.
pub(crate) fn exit_code(outcome: Outcome) -> ExitCode {
    match outcome {
        Ok(Answer::Yes) => ExitCode::SUCCESS,
        Ok(Answer::No) => ExitCode::from(1),
        Ok(Answer::TestsFailed | Answer::Unknown) | Err(Failure::OutputClosed) => ExitCode::from(2),
        Err(Failure::Message(message)) => {
            tell(&message);
            ExitCode::from(2)
        }
    }
}

/// Tells of an error.
pub(crate) fn tell(message: &str) {
    let message = visible_lines(message).replace('\n', "\n  ");
    eprintln!("{}error:{:#} {message}", style::ERROR, style::ERROR);
}
