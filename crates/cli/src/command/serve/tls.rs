//! `kitelogik serve --tls-…`.

use std::fs;
use std::path::PathBuf;

use clap::Args;
use kitelogik_web::Tls;

use super::protected;
use crate::answer::{Failure, Outcome};

/// How large a key may be, in bytes.
const MAX_KEY: u64 = 64 * 1024;

/// TLS of the server itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "TLS")]
pub(super) struct TlsArguments {
    /// The certificate, with those that lead to its authority, PEM; read at start
    #[arg(long = "tls-certificate", value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The certificate's key, PEM; no others may read the file
    #[arg(long = "tls-key", value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
}

impl TlsArguments {
    /// The certificate that they name, if any.
    pub(super) fn pair(&self) -> Outcome<Option<Tls>> {
        let (Some(certificate), Some(key)) = (&self.tls_certificate, &self.tls_key) else {
            return Ok(None);
        };
        let chain = fs::read(certificate).map_err(|error| {
            let path = certificate.display();
            Failure::new(format_args!("cannot read `{path}`: {error}"))
        })?;
        let key = protected::read(key, MAX_KEY)?;
        Tls::from_pem(&chain, key.as_bytes())
            .map(Some)
            .map_err(Failure::new)
    }
}
