//! Calls that a person decides, as a model and a reviewer see them.

use kitelogik::ledger::{ApprovalFilter, ApprovalState, Ledger, Reviewer};
use kitelogik::prelude::*;
use kitelogik_openai::{ChatTools, ResponsesTools};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{chat_call, function_call};
use crate::desk::{Desk, NEEDS_APPROVAL, refund};

async fn ledger() -> (Ledger, TempDir) {
    let folder = TempDir::new().unwrap();
    let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
    (Ledger::open(&address).await.unwrap(), folder)
}

/// What the model reads in chat.
async fn chat(tools: &GovernedToolbox, arguments: &Value) -> String {
    let call = chat_call("a", "approve_refund", arguments);
    let read = json!(ChatTools::new(tools).execute_all(vec![call]).await);
    read[0]["content"].as_str().unwrap().to_owned()
}

/// What the model reads of a response.
async fn responses(tools: &GovernedToolbox, arguments: &Value) -> String {
    let call = function_call("a", "approve_refund", &arguments.to_string());
    let read = json!(ResponsesTools::new(tools).execute_all(vec![call]).await);
    read[0]["output"].as_str().unwrap().to_owned()
}

/// The one request that waits.
async fn waiting(ledger: &Ledger) -> String {
    let (approvals, pending) = (ledger.approvals(), ApprovalFilter::pending());
    let list = approvals
        .list(&pending, &Reviewer::new("ann"))
        .await
        .unwrap();
    assert_eq!(list.len(), 1);
    list[0].id.clone()
}

#[tokio::test]
async fn the_model_reads_the_id_and_the_next_identical_call_runs() {
    let (ledger, _folder) = ledger().await;
    let desk = Desk::default();
    let tools = desk.reviewed(ledger.approvals().pending());
    let (_, arguments) = refund(150.0);
    let read = chat(&tools, &arguments).await;
    let id = waiting(&ledger).await;
    assert_eq!(
        read,
        NEEDS_APPROVAL.replace("approval.", &format!("approval (request {id})."))
    );
    // The same call by the other API is the same call.
    assert_eq!(responses(&tools, &arguments).await, read);
    assert_eq!(desk.refunds(), 0);
    let ann = Reviewer::new("ann");
    ledger.approvals().approve(&id, &ann, "").await.unwrap();
    assert_eq!(
        responses(&tools, &arguments).await,
        "Refunded $150.00 to cust_001"
    );
    assert_eq!(desk.refunds(), 1);
    assert_ne!(chat(&tools, &arguments).await, read);
    assert_eq!(desk.refunds(), 1);
}

#[tokio::test]
async fn the_model_reads_which_arguments_a_reviewer_wants_and_that_call_runs() {
    let (ledger, _folder) = ledger().await;
    let desk = Desk::default();
    let tools = desk.reviewed(ledger.approvals().pending());
    let (_, arguments) = refund(150.0);
    chat(&tools, &arguments).await;
    let id = waiting(&ledger).await;
    let Value::Object(wanted) = refund(120.0).1 else {
        panic!("no object");
    };
    let ann = Reviewer::new("ann");
    ledger
        .approvals()
        .edit(&id, &ann, wanted, "")
        .await
        .unwrap();
    assert_eq!(
        chat(&tools, &arguments).await,
        "[BLOCKED] approve_refund: a reviewer asks for other arguments: \
         {\"amount\":120.0,\"customer_id\":\"cust_001\"}. Adjust the arguments and try again."
    );
    assert_eq!(
        chat(&tools, &refund(120.0).1).await,
        "Refunded $120.00 to cust_001"
    );
}

#[tokio::test]
async fn a_call_that_waits_runs_when_it_is_approved_and_not_when_it_is_denied() {
    let (ledger, _folder) = ledger().await;
    let desk = Desk::default();
    let tools = desk.reviewed(ledger.approvals().waiting());
    let ann = Reviewer::new("ann");
    let mut requests = ledger.approvals().watch(&ann);
    let (_, arguments) = refund(150.0);
    let approve = async {
        let request = requests.next().await.unwrap();
        ledger.approvals().approve(&request.id, &ann, "").await
    };
    let (read, approved) = tokio::join!(chat(&tools, &arguments), approve);
    approved.unwrap();
    assert_eq!(read, "Refunded $150.00 to cust_001");

    let mut requests = ledger.approvals().watch(&ann);
    let deny = async {
        let request = loop {
            // Of the one before, a change may still be on its way.
            let request = requests.next().await.unwrap();
            if request.state == ApprovalState::Pending {
                break request;
            }
        };
        ledger.approvals().deny(&request.id, &ann, "no").await
    };
    let (read, denied) = tokio::join!(chat(&tools, &arguments), deny);
    denied.unwrap();
    assert_eq!(
        read,
        "[BLOCKED] approve_refund: a reviewer denied this call. This is final; do not retry."
    );
    assert_eq!(desk.refunds(), 1);
}
