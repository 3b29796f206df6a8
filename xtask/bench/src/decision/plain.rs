//! `regorus` as its own documentation uses it: compiled once, asked with a document.

use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use anyhow::{Result, anyhow};
use kitelogik_core::Verdict;
use regorus::{CompiledPolicy, Engine, PolicyLengthConfig, Value};

use super::System;
use crate::{Call, Times, timed};

const QUESTION: &str = "data.question.decision";

pub(super) struct Regorus {
    policy: CompiledPolicy,
    calls: Vec<Call>,
}

/// Compiles `rego`, which answers in `kitelogik.main`.
pub(super) fn compile(rego: &str) -> Result<CompiledPolicy> {
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
    });
    engine.add_policy("main.rego".to_owned(), rego.to_owned())?;
    // Only a rule can be asked for.
    engine.add_policy(
        "question.rego".to_owned(),
        "package question\n\ndecision := data.kitelogik.main\n".to_owned(),
    )?;
    engine.compile_with_entrypoint(&QUESTION.into())
}

impl Regorus {
    pub(super) fn new(rego: &str, calls: &[Call]) -> Result<Self> {
        Ok(Self {
            policy: compile(rego)?,
            calls: calls.to_vec(),
        })
    }
}

fn decide(policy: &CompiledPolicy, call: &Call) -> Result<Verdict> {
    let input = Value::from(serde_json::to_value(call.input())?);
    let answer = policy.eval_with_input(input)?;
    let answer = answer.as_object()?;
    let denied = match answer.get(&Value::from("deny")) {
        Some(Value::Set(reasons)) => !reasons.is_empty(),
        None => false,
        Some(other) => return Err(anyhow!("`deny` is {other}")),
    };
    let allowed = answer.get(&Value::from("allow")) == Some(&Value::from(true));
    Ok(match (denied, allowed) {
        (true, _) => Verdict::Deny,
        (false, true) => Verdict::Allow,
        (false, false) => Verdict::Refuse,
    })
}

impl System for Regorus {
    fn name(&self) -> &'static str {
        "regorus"
    }

    fn verdicts(&mut self) -> Result<Vec<Verdict>> {
        self.calls
            .iter()
            .map(|call| decide(&self.policy, call))
            .collect()
    }

    fn time(&mut self, budget: Duration) -> Result<Times> {
        timed(&self.calls, budget, |call| decide(&self.policy, call))
    }
}
