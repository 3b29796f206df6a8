//! What is asked.

use kitelogik_core::{
    BudgetUsage, GovernanceEvent, PolicyInput, SessionContext, ToolCallInput, Verdict,
};
use serde_json::{Map, Value};

use crate::Rules;

/// A call of one of the tools that [`Rules`] are about, and the verdict that they come to.
#[derive(Clone, Debug)]
pub struct Call {
    /// What is asked.
    pub event: GovernanceEvent,
    /// Who asks.
    pub context: SessionContext,
    /// The verdict.
    pub wanted: Verdict,
}

impl Call {
    /// Calls of the first, the middle and the last tool, each allowed once, denied once and refused once.
    pub fn all(rules: &Rules) -> Vec<Self> {
        let last = rules.tools().saturating_sub(1);
        let mut calls = Vec::new();
        for tool in [0, last / 2, last] {
            calls.push(Self::new(tool, 42, true, Verdict::Allow));
            calls.push(Self::new(tool, 5_500, true, Verdict::Deny));
            calls.push(Self::new(tool, 42, false, Verdict::Refuse));
        }
        calls
    }

    /// Calls of the tools that the Python package's own policies are about.
    pub fn of_the_python_bundle() -> Vec<Self> {
        let call = |action: &str, amount, wanted| Self {
            event: GovernanceEvent::ToolCall(ToolCallInput::new(action, arguments(amount))),
            context: SessionContext::new("example_01")
                .role("support_agent")
                .scopes(["read_customer", "approve_refund_under_100"]),
            wanted,
        };
        vec![
            call("approve_refund", 42, Verdict::Allow),
            call("approve_refund", 500, Verdict::RequireApproval),
            call("read_customer_record", 0, Verdict::Allow),
            call("execute_shell", 0, Verdict::Deny),
        ]
    }

    fn new(tool: usize, amount: i64, scope: bool, wanted: Verdict) -> Self {
        let action = format!("tool_{tool}");
        let scopes = scope.then(|| format!("scope_{tool}"));
        Self {
            event: GovernanceEvent::ToolCall(ToolCallInput::new(action, arguments(amount))),
            context: SessionContext::new("example_01")
                .role("support_agent")
                .scopes(["read_customer".to_owned()].into_iter().chain(scopes)),
            wanted,
        }
    }

    /// The input document.
    pub fn input(&self) -> PolicyInput<'_> {
        PolicyInput::new(&self.event, &self.context, BudgetUsage::default())
    }
}

fn arguments(amount: i64) -> Map<String, Value> {
    let mut arguments = Map::new();
    arguments.insert("customer_id".to_owned(), Value::from("cust_001"));
    arguments.insert("amount".to_owned(), Value::from(amount));
    arguments.insert("note".to_owned(), Value::from("as agreed on the phone"));
    arguments
}
