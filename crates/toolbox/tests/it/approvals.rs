//! Calls that a person decides: what the model reads, what runs, and on which arguments.

use std::sync::{Arc, Mutex};

use kitelogik_core::{Approver, SessionContext};
use kitelogik_ledger::{ApprovalFilter, ApprovalView, Ledger, Reviewer};
use kitelogik_opa::PolicyGate;
use kitelogik_toolbox::{GovernedToolbox, Tool, ToolError, Toolbox, blocked_text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::answers::Answers;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Refund {
    amount: f64,
    #[serde(default)]
    note: String,
}

/// A tool that a person must approve, what it was called with, and who is asked.
struct Desk {
    ledger: Ledger,
    calls: Arc<Mutex<Vec<f64>>>,
    _folder: TempDir,
}

impl Desk {
    async fn open() -> Self {
        let folder = TempDir::new().unwrap();
        let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
        Self {
            ledger: Ledger::open(&address).await.unwrap(),
            calls: Arc::default(),
            _folder: folder,
        }
    }

    fn tools(&self, description: &str, approver: impl Approver + 'static) -> GovernedToolbox {
        let calls = Arc::clone(&self.calls);
        let tool = Tool::typed("review_refund", description, move |refund: Refund| {
            calls.lock().unwrap().push(refund.amount);
            let text = format!("refunded {}", refund.amount);
            async move { Ok::<_, std::io::Error>(text) }
        })
        .unwrap();
        let gate = PolicyGate::builder(Answers::default())
            .approver(approver)
            .build();
        let session = gate.session(SessionContext::new("s1").principal("sam"));
        let toolbox = Toolbox::builder().tool(tool).build().unwrap();
        toolbox.for_session(&session)
    }

    async fn waiting(&self) -> ApprovalView {
        let (approvals, pending) = (self.ledger.approvals(), ApprovalFilter::pending());
        let ann = Reviewer::new("ann");
        let mut list = approvals.list(&pending, &ann).await.unwrap();
        assert_eq!(list.len(), 1);
        list.remove(0)
    }
}

async fn call(tools: &GovernedToolbox, arguments: &Value) -> String {
    let text = arguments.to_string();
    match tools.call_json("review_refund", &text).await {
        Ok(output) => output.text,
        Err(ToolError::Denied(error)) => blocked_text(&error),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn the_model_reads_the_id_and_the_next_identical_call_runs_once() {
    let desk = Desk::open().await;
    let tools = desk.tools("Refunds.", desk.ledger.approvals().pending());
    let read = call(&tools, &json!({"amount": 150})).await;
    let request = desk.waiting().await;
    assert_eq!(
        read,
        format!(
            "[BLOCKED] review_refund: a manager must look. It needs a person's approval (request {}).",
            request.id
        )
    );
    // What the reviewer sees is what runs: defaults are filled in.
    assert_eq!(
        Value::Object(request.arguments),
        json!({"amount": 150.0, "note": ""})
    );
    let ann = Reviewer::new("ann");
    let approvals = desk.ledger.approvals();
    approvals.approve(&request.id, &ann, "").await.unwrap();
    let spelt_out = json!({"note": "", "amount": 150.0});
    assert_eq!(call(&tools, &spelt_out).await, "refunded 150");
    let again = call(&tools, &spelt_out).await;
    assert!(again.starts_with("[BLOCKED]"), "{again}");
    assert_eq!(*desk.calls.lock().unwrap(), [150.0]);
}

#[tokio::test]
async fn an_approval_is_for_the_tool_with_the_schema_that_was_published() {
    let desk = Desk::open().await;
    let tools = desk.tools("Refunds.", desk.ledger.approvals().pending());
    call(&tools, &json!({"amount": 150})).await;
    let request = desk.waiting().await.id;
    let ann = Reviewer::new("ann");
    let approvals = desk.ledger.approvals();
    approvals.approve(&request, &ann, "").await.unwrap();
    let other = Tool::typed(
        "review_refund",
        "Refunds.",
        |amounts: OtherRefund| async move {
            Ok::<_, std::io::Error>(format!("refunded {} of {}", amounts.amount, amounts.note))
        },
    )
    .unwrap();
    let gate = PolicyGate::builder(Answers::default())
        .approver(approvals.pending())
        .build();
    let session = gate.session(SessionContext::new("s1").principal("sam"));
    let toolbox = Toolbox::builder().tool(other).build().unwrap();
    let read = call(
        &toolbox.for_session(&session),
        &json!({"amount": 150.0, "note": ""}),
    )
    .await;
    assert!(read.starts_with("[BLOCKED]"), "{read}");
}

/// As a [`Refund`] but for its schema.
#[derive(Serialize, Deserialize, JsonSchema)]
struct OtherRefund {
    /// In cents.
    amount: f64,
    #[serde(default)]
    note: String,
}

#[tokio::test]
async fn a_call_that_waits_runs_after_the_approval_on_what_was_approved() {
    let desk = Desk::open().await;
    let approvals = desk.ledger.approvals();
    let tools = desk.tools("Refunds.", approvals.waiting());
    let ann = Reviewer::new("ann");
    let mut requests = approvals.watch(&ann);
    let approve = async {
        let request = requests.next().await.unwrap();
        assert!(desk.calls.lock().unwrap().is_empty());
        approvals.approve(&request.id, &ann, "").await.unwrap();
    };
    let arguments = json!({"amount": 150});
    let (read, ()) = tokio::join!(call(&tools, &arguments), approve);
    assert_eq!(read, "refunded 150");
}

#[tokio::test]
async fn the_arguments_that_a_reviewer_wants_run_when_the_model_asks_with_them() {
    let desk = Desk::open().await;
    let approvals = desk.ledger.approvals();
    let tools = desk.tools("Refunds.", approvals.waiting());
    let ann = Reviewer::new("ann");
    let mut requests = approvals.watch(&ann);
    let edit = async {
        let request = requests.next().await.unwrap();
        let mut wanted = request.arguments.clone();
        wanted.insert("amount".to_owned(), json!(120.0));
        approvals.edit(&request.id, &ann, wanted, "").await.unwrap();
    };
    let arguments = json!({"amount": 150});
    let (read, ()) = tokio::join!(call(&tools, &arguments), edit);
    assert_eq!(
        read,
        "[BLOCKED] review_refund: a reviewer asks for other arguments: \
         {\"amount\":120.0,\"note\":\"\"}. Adjust the arguments and try again."
    );
    assert_eq!(call(&tools, &json!({"amount": 120})).await, "refunded 120");
    assert_eq!(*desk.calls.lock().unwrap(), [120.0]);
}
