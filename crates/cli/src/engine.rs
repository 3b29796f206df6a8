//! Who answers: the embedded engine or an OPA server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use kitelogik_core::{EventDocument, PolicyDecision};
use kitelogik_opa::{Embedded, OpaClient, PolicyGate};
use kitelogik_policy::Policy;
use tokio::runtime::{Builder, Runtime};

use crate::answer::{Failure, Outcome};
use crate::policy::read_file;

/// The engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// In this process
    Embedded,
    /// An OPA server (see `--url`)
    Opa,
}

/// How an OPA server is reached.
#[derive(Args, Debug)]
#[command(next_help_heading = "OPA server")]
pub(crate) struct ServerArguments {
    /// Its base URL
    #[arg(long, value_name = "URL", default_value = "http://localhost:8181")]
    pub(crate) url: String,
    /// A file with the bearer token it wants
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// A file with the CA certificates (PEM) to trust, instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// How long one answer may take, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5000)]
    timeout: u64,
}

impl ServerArguments {
    /// A client of the server, asking for `entry_point`.
    pub(crate) fn client(&self, entry_point: &str) -> Outcome<OpaClient> {
        let mut builder = OpaClient::builder()
            .base_url(&self.url)
            .entry_point(entry_point)
            .timeout(Duration::from_millis(self.timeout));
        if let Some(path) = &self.token_file {
            builder = builder.bearer_token(read_file(path)?.trim());
        }
        if let Some(path) = &self.ca_file {
            builder = builder.ca_certificates(read_file(path)?);
        }
        builder.build().map_err(Failure::new)
    }
}

/// A gate, and what it runs on.
pub(crate) struct Judge {
    gate: PolicyGate,
    runtime: Arc<Runtime>,
}

impl Judge {
    /// The embedded engine with `policy`.
    pub(crate) fn embedded(policy: Policy) -> Outcome<Self> {
        let engine = Embedded::new(policy).map_err(Failure::new)?;
        Ok(Self {
            gate: PolicyGate::new(engine),
            runtime: runtime()?,
        })
    }

    /// The server of `client`.
    pub(crate) fn server(client: OpaClient) -> Outcome<Self> {
        Ok(Self {
            gate: PolicyGate::builder(client)
                // The client's own limit is the user's.
                .decision_timeout(Duration::from_secs(24 * 60 * 60))
                .build(),
            runtime: runtime()?,
        })
    }

    /// What is decided about an event. Nothing runs, nobody is asked, nothing is recorded.
    pub(crate) fn decide(&self, document: &EventDocument) -> Arc<PolicyDecision> {
        self.runtime
            .block_on(self.gate.evaluate(&document.event, &document.context))
    }
}

fn runtime() -> Outcome<Arc<Runtime>> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map(Arc::new)
        .map_err(|error| Failure::new(format_args!("cannot start: {error}")))
}
