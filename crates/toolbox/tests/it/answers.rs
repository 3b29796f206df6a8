//! An engine that answers by the action's name, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use kitelogik_core::{
    BoxFuture, EngineError, FailClosed, PolicyDecision, PolicyEngine, PolicyInput, SessionContext,
};
use kitelogik_opa::{PolicyGate, Session};
use kitelogik_toolbox::{GovernedToolbox, Tool, Toolbox};
use serde_json::{Value, json};

/// Allows, unless the action begins with `deny`, `review`, `refuse` or `unreachable`.
#[derive(Clone, Default)]
pub(crate) struct Answers {
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Answers {
    /// The input documents so far.
    pub(crate) fn asked(&self) -> Vec<Value> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn session(&self) -> Session {
        PolicyGate::new(self.clone()).session(SessionContext::new("test"))
    }

    /// These tools, in a session that this engine judges.
    pub(crate) fn judging(&self, tools: impl IntoIterator<Item = Tool>) -> GovernedToolbox {
        let toolbox = Toolbox::builder().tools(tools).build().unwrap();
        toolbox.for_session(&self.session())
    }
}

impl PolicyEngine for Answers {
    fn decide<'a>(
        &'a self,
        input: &'a PolicyInput<'a>,
    ) -> BoxFuture<'a, Result<PolicyDecision, EngineError>> {
        self.asked
            .lock()
            .unwrap()
            .push(serde_json::to_value(input).unwrap());
        let action = input.event().action();
        let kind = action.split('_').next().unwrap();
        let document = match kind {
            "deny" => json!({ "deny": ["the policy says no"] }),
            "review" => json!({ "hitl_reason": ["a manager must look"] }),
            "refuse" => json!({}),
            _ => json!({ "allow": true }),
        };
        let answer = match kind {
            "unreachable" => Err(EngineError::new(
                FailClosed::EngineUnreachable,
                "10.0.0.7:8181 refused the connection",
            )),
            _ => PolicyDecision::from_result(&document, "data.kitelogik.main"),
        };
        Box::pin(async move { answer })
    }
}

/// A tool without arguments whose result is `value`.
pub(crate) fn returns(name: &str, value: Value) -> Tool {
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    Tool::dynamic(name, "Returns a value.", schema, move |_| {
        let value = value.clone();
        async move { Ok::<_, String>(value) }
    })
    .unwrap()
}

/// A tool with any arguments whose result is them.
pub(crate) fn echo(name: &str, schema: Value) -> Tool {
    Tool::dynamic(name, "Returns its arguments.", schema, |args| async move {
        Ok::<_, String>(Value::Object(args))
    })
    .unwrap()
}
