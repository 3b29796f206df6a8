//! Callers that wait, and those who watch.

use std::time::Duration;

use kitelogik_core::{Approval, Approver, GovernanceEvent};
use kitelogik_ledger::{ApprovalOptions, ApprovalState, ApprovalView, Ledger, Reviewer};
use serde_json::json;

use super::desk::{Asking, ann, object, refund, refund_of};
use crate::stores::on_both_stores;

/// The request, as soon as its time is up.
pub(crate) async fn until_expired(ledger: &Ledger, id: &str) -> ApprovalView {
    loop {
        let view = ledger.approvals().get(id, &ann()).await.unwrap();
        if view.state == ApprovalState::Expired {
            return view;
        }
        tokio::task::yield_now().await;
    }
}

/// Waits in a task of its own, and gives the id of the request as soon as it is there.
async fn wait(asking: Asking, ledger: &Ledger) -> (tokio::task::JoinHandle<Approval>, String) {
    let mut watch = ledger.approvals().watch(&ann());
    let approver = ledger.approvals().waiting();
    let GovernanceEvent::ToolCall(call) = asking.event.clone() else {
        panic!("no call");
    };
    let waiting = tokio::spawn(async move { approver.approve(&asking.request()).await.unwrap() });
    let id = loop {
        // Of a request before, a change may still be on its way.
        let view = watch.next().await.unwrap();
        if view.arguments == *call.args.object() && view.state == ApprovalState::Pending {
            break view.id;
        }
    };
    (waiting, id)
}

on_both_stores! {
    async fn a_call_that_waits_wakes_when_it_is_decided(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let approvals = ledger.approvals();
        let (waiting, id) = wait(refund(), &ledger).await;
        approvals.approve(&id, &ann(), "").await.unwrap();
        let granted = Approval::Granted {
            request: id,
            approver: "ann@example.com".into(),
        };
        assert_eq!(waiting.await.unwrap(), granted);

        let (waiting, id) = wait(refund_of(json!({"amount": 1})), &ledger).await;
        approvals.deny(&id, &ann(), "").await.unwrap();
        assert!(matches!(waiting.await.unwrap(), Approval::Denied { .. }));

        let (waiting, id) = wait(refund_of(json!({"amount": 2})), &ledger).await;
        let wanted = object(json!({"amount": 3}));
        approvals.edit(&id, &ann(), wanted.clone(), "").await.unwrap();
        assert!(matches!(
            waiting.await.unwrap(),
            Approval::Edited { arguments, .. } if arguments == wanted
        ));
    }

    async fn a_call_that_waits_wakes_when_another_ledger_decides(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let elsewhere = store.with(ApprovalOptions::new()).await;
        let (waiting, id) = wait(refund(), &ledger).await;
        elsewhere.approvals().approve(&id, &ann(), "").await.unwrap();
        assert!(matches!(waiting.await.unwrap(), Approval::Granted { .. }));
    }

    async fn a_call_that_waits_learns_that_its_time_is_up(store: TestStore) {
        let options = ApprovalOptions::new().expiry(Duration::from_millis(20));
        let ledger = store.with(options).await;
        let approver = ledger.approvals().waiting();
        let answer = approver.approve(&refund().request()).await.unwrap();
        assert!(matches!(answer, Approval::Expired { .. }), "{answer:?}");
    }

    async fn a_call_that_gave_up_waiting_leaves_its_request_and_finds_it_again(store: TestStore) {
        let options = ApprovalOptions::new().wait(Duration::from_millis(20));
        let ledger = store.with(options).await;
        let approver = ledger.approvals().waiting();
        let answer = approver.approve(&refund().request()).await.unwrap();
        let Approval::Pending { request } = answer else {
            panic!("{answer:?}");
        };
        ledger.approvals().approve(&request, &ann(), "").await.unwrap();
        let answer = approver.approve(&refund().request()).await.unwrap();
        assert!(matches!(answer, Approval::Granted { request: id, .. } if id == request));
    }

    async fn those_who_watch_are_told_of_their_tenants_and_of_no_other(store: TestStore) {
        let ledger = store.with(ApprovalOptions::new()).await;
        let elsewhere = store.with(ApprovalOptions::new()).await;
        let globex = Reviewer::new("kim").tenants(["globex"]);
        let mut watches = [
            ledger.approvals().watch(&globex),
            elsewhere.approvals().watch(&globex),
        ];
        refund().pending(&ledger).await;
        let other = refund().with(|call| call.context.tenant_id = Some("globex".into()));
        let id = other.pending(&ledger).await;
        for watch in &mut watches {
            assert_eq!(watch.next().await.unwrap().id, id);
        }
        ledger.approvals().deny(&id, &globex, "").await.unwrap();
        for watch in &mut watches {
            while watch.next().await.unwrap().state != ApprovalState::Denied {}
        }
    }
}
