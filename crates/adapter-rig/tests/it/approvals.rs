//! Calls that a person decides, as a model and a reviewer see them.

use kitelogik::ledger::{ApprovalFilter, Ledger, Reviewer};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::desk::{Desk, agent, read_by, script};

async fn ledger() -> (Ledger, TempDir) {
    let folder = TempDir::new().unwrap();
    let address = format!("sqlite:{}", folder.path().join("ledger.db").display());
    (Ledger::open(&address).await.unwrap(), folder)
}

fn refund(amount: f64) -> Value {
    json!({ "customer_id": "cust_001", "amount": amount })
}

/// What the model of a run in session `example_01` reads of a refund of this amount.
async fn read(desk: &Desk, amount: f64) -> String {
    let model = script(&[("approve_refund", refund(amount))]);
    agent(&model, &desk.per_run())
        .prompt("refund please")
        .tool_context(desk.context("example_01"))
        .await
        .unwrap();
    read_by(&model).remove(0)
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
    let desk = Desk::reviewed(ledger.approvals().pending());
    let text = read(&desk, 150.0).await;
    let id = waiting(&ledger).await;
    assert_eq!(
        text,
        format!(
            "[BLOCKED] approve_refund: Refunds between $100 and $200 need a second pair of eyes. \
             It needs a person's approval (request {id})."
        )
    );
    let ann = Reviewer::new("ann");
    ledger.approvals().approve(&id, &ann, "").await.unwrap();
    assert_eq!(
        read(&desk, 150.0).await,
        "Refunded $150.00 to cust_001 for example_01"
    );
    assert_eq!(desk.calls.all(), [refund(150.0)]);
    assert_ne!(read(&desk, 150.0).await, text);
}

#[tokio::test]
async fn the_model_reads_which_arguments_a_reviewer_wants_and_that_call_runs() {
    let (ledger, _folder) = ledger().await;
    let desk = Desk::reviewed(ledger.approvals().pending());
    read(&desk, 150.0).await;
    let id = waiting(&ledger).await;
    let Value::Object(wanted) = refund(120.0) else {
        panic!("no object");
    };
    let ann = Reviewer::new("ann");
    ledger
        .approvals()
        .edit(&id, &ann, wanted, "")
        .await
        .unwrap();
    assert_eq!(
        read(&desk, 150.0).await,
        "[BLOCKED] approve_refund: a reviewer asks for other arguments: \
         {\"amount\":120.0,\"customer_id\":\"cust_001\"}. Adjust the arguments and try again."
    );
    assert_eq!(
        read(&desk, 120.0).await,
        "Refunded $120.00 to cust_001 for example_01"
    );
    assert_eq!(desk.calls.all(), [refund(120.0)]);
}

#[tokio::test]
async fn a_call_that_waits_runs_when_it_is_approved() {
    let (ledger, _folder) = ledger().await;
    let desk = Desk::reviewed(ledger.approvals().waiting());
    let ann = Reviewer::new("ann");
    let mut requests = ledger.approvals().watch(&ann);
    let approve = async {
        let request = requests.next().await.unwrap();
        ledger.approvals().approve(&request.id, &ann, "").await
    };
    let (text, approved) = tokio::join!(read(&desk, 150.0), approve);
    approved.unwrap();
    assert_eq!(text, "Refunded $150.00 to cust_001 for example_01");
}
