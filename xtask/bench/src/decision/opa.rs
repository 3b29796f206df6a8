//! An OPA server asked by a bare HTTP client over loopback.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kitelogik_core::{PolicyDecision, Verdict};
use kitelogik_opa_process::OpaProcess;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};

use super::System;
use crate::{Call, Times, timed_async};

/// A server that several systems ask; it ends with the last of them.
#[derive(Clone)]
pub(super) struct Shared(Arc<OpaProcess>);

impl Shared {
    pub(super) fn new(server: OpaProcess) -> Self {
        Self(Arc::new(server))
    }

    pub(super) fn url(&self) -> String {
        self.0.url()
    }
}

pub(super) struct Opa {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
    calls: Vec<Call>,
    _server: Shared,
}

impl Opa {
    pub(super) fn new(server: Shared, calls: &[Call]) -> Result<Self> {
        // The client wants TLS even where it speaks to loopback; a second one finds it installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            runtime: Builder::new_current_thread().enable_all().build()?,
            client: reqwest::Client::builder().no_proxy().build()?,
            url: format!(
                "{}/v1/data/kitelogik/main?strict-builtin-errors=true",
                server.url()
            ),
            calls: calls.to_vec(),
            _server: server,
        })
    }

    async fn ask(&self, call: &Call) -> Result<Value> {
        let response = self
            .client
            .post(&self.url)
            .header("content-type", "application/json")
            .body(json!({ "input": call.input() }).to_string())
            .send()
            .await?;
        ensure!(
            response.status() == 200,
            "OPA answers {}",
            response.status()
        );
        Ok(serde_json::from_slice(&response.bytes().await?)?)
    }
}

impl System for Opa {
    fn name(&self) -> &'static str {
        "opa"
    }

    fn verdicts(&mut self) -> Result<Vec<Verdict>> {
        let mut verdicts = Vec::new();
        for call in &self.calls {
            let answer = self.runtime.block_on(self.ask(call))?;
            let result = answer.get("result").context("OPA knows no such policy")?;
            let decision = PolicyDecision::from_result(result, "data.kitelogik.main")?;
            verdicts.push(decision.verdict);
        }
        Ok(verdicts)
    }

    fn time(&mut self, budget: Duration) -> Result<Times> {
        let ask = async |call: &Call| self.ask(call).await;
        self.runtime.block_on(timed_async(&self.calls, budget, ask))
    }
}
