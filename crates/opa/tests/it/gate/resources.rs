//! Calls that touch several resources.

use std::time::Duration;

use kitelogik_core::{Approval, FailClosed, Verdict};
use kitelogik_opa::{CallRequest, MAX_RESOURCES, PolicyGate};

use super::{Reviewer, Scripted, call, reviewed, session};

#[tokio::test]
async fn every_resource_is_judged_and_the_strongest_verdict_holds() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let request = |resources: &[&str]| CallRequest {
        resources: resources.iter().map(|&path| path.to_owned()).collect(),
        ..call("deny_tmp")
    };
    assert!(session(&gate).authorize(request(&["a", "b"])).await.is_ok());
    for order in [["a", "/tmp/b"], ["/tmp/b", "a"]] {
        let error = session(&gate).authorize(request(&order)).await.unwrap_err();
        assert_eq!(error.decision.reason, "not /tmp/b");
    }
    let seen = engine.seen.lock().unwrap();
    let paths: Vec<_> = seen
        .iter()
        .map(|input| input["resource_path"].clone())
        .collect();
    assert_eq!(paths, ["a", "b", "a", "/tmp/b", "/tmp/b"]);
}

#[tokio::test]
async fn a_denied_resource_ends_the_judging_and_the_same_one_is_judged_once() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let request = CallRequest {
        resources: ["a", "a", "/tmp/b", "c"].map(str::to_owned).into(),
        ..call("deny_tmp")
    };
    session(&gate).authorize(request).await.unwrap_err();
    let seen = engine.seen.lock().unwrap();
    let paths: Vec<_> = seen
        .iter()
        .map(|input| input["resource_path"].clone())
        .collect();
    assert_eq!(paths, ["a", "/tmp/b"]);
}

#[tokio::test]
async fn more_resources_than_a_call_may_name_are_denied_unasked() {
    let engine = Scripted::default();
    let gate = PolicyGate::new(engine.clone());
    let request = |count: usize| CallRequest {
        resources: (0..count).map(|number| number.to_string()).collect(),
        ..call("allow")
    };
    assert!(
        session(&gate)
            .authorize(request(MAX_RESOURCES))
            .await
            .is_ok()
    );
    let asked = engine.seen.lock().unwrap().len();
    let error = session(&gate)
        .authorize(request(MAX_RESOURCES + 1))
        .await
        .unwrap_err();
    assert_eq!(error.decision.fail_closed, Some(FailClosed::LimitExceeded));
    assert_eq!(engine.seen.lock().unwrap().len(), asked);
}

#[tokio::test]
async fn all_resources_of_a_call_share_one_time_limit() {
    let gate = PolicyGate::builder(Scripted::default())
        .decision_timeout(Duration::from_millis(40))
        .build();
    let request = CallRequest {
        resources: (0..MAX_RESOURCES)
            .map(|number| number.to_string())
            .collect(),
        ..call("slow")
    };
    let error = session(&gate).authorize(request).await.unwrap_err();
    assert_eq!(error.decision.fail_closed, Some(FailClosed::EngineTimeout));
}

#[tokio::test]
async fn an_allow_with_a_fault_is_a_denial_also_beside_a_clean_allow() {
    let gate = PolicyGate::new(Scripted::default());
    for resources in [vec![], vec!["a"], vec!["a", "faulty"], vec!["faulty", "a"]] {
        let request = CallRequest {
            resources: resources.iter().map(|&name| name.to_owned()).collect(),
            ..call("faulty")
        };
        let clean = resources == ["a"];
        let answer = session(&gate).authorize(request).await;
        assert_eq!(answer.is_ok(), clean, "{resources:?}");
        if let Err(error) = answer {
            assert_eq!(error.decision.verdict, Verdict::Deny);
            assert_eq!(error.decision.fail_closed, Some(FailClosed::EngineTimeout));
        }
    }
}

#[tokio::test]
async fn who_approves_one_resource_does_not_grant_another_that_no_rule_allows() {
    let gate = reviewed(Reviewer::Says(Approval::Granted {
        request: "apr_1".into(),
        approver: "ada".into(),
    }));
    let copy = |from: &str, to: &str| CallRequest {
        resources: vec![from.to_owned(), to.to_owned()],
        ..call("copy")
    };
    let session = session(&gate);
    assert!(session.authorize(copy("flagged", "allowed")).await.is_ok());
    for order in [("flagged", "unknown"), ("unknown", "flagged")] {
        let error = session.authorize(copy(order.0, order.1)).await.unwrap_err();
        assert_eq!(error.decision.verdict, Verdict::Refuse);
    }
}
