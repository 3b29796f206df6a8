//! Why a server did not start.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use crate::InvalidEntryPoint;

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A file, a process or a port could not be had.
    #[error("cannot start OPA: {0}")]
    Io(#[from] io::Error),
    /// The server ended before it answered, for example because a policy does not compile.
    #[error("OPA ended before it answered ({status}):\n{log}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What it wrote.
        log: String,
    },
    /// The server runs but does not answer.
    #[error("OPA did not answer within {waited:?}:\n{log}")]
    Silent {
        /// How long it was waited for.
        waited: Duration,
        /// What it wrote.
        log: String,
    },
    /// A name for [`queries_only`](crate::Server::queries_only) that is not an entry point.
    #[error(transparent)]
    EntryPoint(#[from] InvalidEntryPoint),
}
