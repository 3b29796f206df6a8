//! Microsoft's `agentmesh`: its evaluator of Rego.

#[path = "../../../src/memory.rs"]
mod memory;
#[path = "../../protocol.rs"]
mod protocol;
// The very code that our own decisions are timed with.
#[path = "../../../src/times.rs"]
#[expect(dead_code, reason = "one part of what the others use")]
mod times;

use std::collections::HashMap;

use agentmesh::{OPAEvaluator, load_rego_into_engine};
use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::protocol::Peer;

fn main() -> Result<()> {
    protocol::serve::<Agentmesh>()
}

struct Agentmesh(OPAEvaluator);

impl Peer for Agentmesh {
    type Call = HashMap<String, Value>;

    fn load(policy: &str) -> Result<Self> {
        let engine = load_rego_into_engine(policy);
        let problems: Vec<String> = engine
            .diagnostics()
            .iter()
            .map(|diagnostic| format!("{diagnostic:?}"))
            .collect();
        ensure!(problems.is_empty(), "{}", problems.join("; "));
        Ok(Self(engine))
    }

    fn call(document: &Value) -> Result<Self::Call> {
        let fields = document.as_object().context("a call is an object")?;
        Ok(fields.clone().into_iter().collect())
    }

    fn decide(&self, call: &Self::Call) -> Result<&'static str> {
        let decision = self.0.evaluate(call);
        Ok(match decision.reason.as_deref() {
            _ if decision.allow => "ALLOW",
            Some("rego deny rule matched request") => "DENY",
            _ => "REFUSE",
        })
    }
}
