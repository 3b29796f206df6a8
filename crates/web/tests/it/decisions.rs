//! Deciding requests on the page, by form alone.

use kitelogik_core::Approval;
use kitelogik_web::Identity;
use serde_json::json;

use crate::house::{House, refund};
use crate::http::send;

/// Decides by the page's own form.
fn decide(house: &House, cookie: &str, id: &str, fields: &[(&str, &str)]) -> String {
    let csrf = house.get("/history", cookie).status(200).form_token();
    let mut form = vec![("csrf", csrf.as_str()), ("from", "/approvals")];
    form.extend(fields);
    let path = format!("/approvals/{id}/decide");
    let answer = house.post(&path, cookie, &form).status(303);
    let back = answer.header("location").unwrap().to_owned();
    let page = house.get(&back, cookie).body;
    let (_, rest) = page.split_once("id=\"notice\">").unwrap();
    rest.split("</p>").next().unwrap().to_owned()
}

#[test]
fn an_approval_lets_the_call_run_once_and_names_who_gave_it() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let call = refund(150);
    let id = house.ask(&call);
    let fields = [
        ("decision", "approve"),
        ("note", " as agreed "),
        ("name", "mallory"),
        ("reviewer", "mallory"),
    ];
    assert_eq!(
        decide(&house, &bo, &id, &fields),
        "Approved: approve_refund"
    );
    let request = house.request(&id);
    assert_eq!(request.decisions[0].by, "bo");
    assert_eq!(request.decisions[0].note, "as agreed");

    let (found, used) = house.ask_again(&call);
    assert!(
        matches!(&found, Approval::Granted { approver, .. } if approver == "bo"),
        "{found:?}"
    );
    assert!(used);
    let (found, used) = house.ask_again(&call);
    assert!(
        matches!(found, Approval::Pending { .. }) && !used,
        "{found:?}"
    );

    let history = house.get("/history", &bo).body;
    assert!(
        history.contains("approved and used") && history.contains("as agreed"),
        "{history}"
    );
}

#[test]
fn what_came_of_a_decision_is_told_to_who_made_it_not_to_a_page_that_looks_what_is_new() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let id = house.ask(&refund(150));
    let csrf = house.get("/approvals", &bo).form_token();
    let form = [("csrf", csrf.as_str()), ("decision", "approve")];
    house
        .post(&format!("/approvals/{id}/decide"), &bo, &form)
        .status(303);
    let headers = [("Cookie", bo.as_str()), ("Kitelogik-Refresh", "1")];
    let refreshed = send(house.port, "GET", "/approvals", &headers, "").status(200);
    assert!(
        !refreshed.body.contains("id=\"notice\""),
        "{}",
        refreshed.body
    );
    let page = house.get("/approvals", &bo).status(200);
    assert!(
        page.body.contains("Approved: approve_refund"),
        "{}",
        page.body
    );
    let again = house.get("/approvals", &bo).status(200);
    assert!(
        !again.body.contains("Approved: approve_refund"),
        "{}",
        again.body
    );
}

#[test]
fn what_is_decided_is_not_decided_again() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let call = refund(150);
    let id = house.ask(&call);
    assert_eq!(
        decide(&house, &bo, &id, &[("decision", "deny")]),
        "Denied: approve_refund"
    );
    let told = decide(&house, &bo, &id, &[("decision", "approve")]);
    assert!(
        told.contains("is denied and cannot be decided any more"),
        "{told}"
    );
    assert!(matches!(house.ask_again(&call).0, Approval::Denied { .. }));
}

#[test]
fn other_arguments_make_another_call() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let call = refund(150);
    let id = house.ask(&call);
    let page = house.get(&format!("/approvals/{id}"), &bo).body;
    assert!(page.contains("&#34;amount&#34;: 150"), "{page}");

    for bad in ["", "[]", "{", r#"{"amount": 1, "amount": 120}"#] {
        let told = decide(
            &house,
            &bo,
            &id,
            &[("decision", "edit"), ("arguments", bad)],
        );
        assert!(told.starts_with("The arguments are no JSON"), "{told}");
    }
    let wanted = r#"{"amount": 120, "customer_id": "cust_001"}"#;
    let told = decide(
        &house,
        &bo,
        &id,
        &[("decision", "edit"), ("arguments", wanted)],
    );
    assert_eq!(told, "Asked for other arguments: approve_refund");
    assert!(matches!(house.ask_again(&call).0, Approval::Edited { .. }));
    let edited = refund(120);
    assert!(matches!(
        house.ask_again(&edited).0,
        Approval::Granted { .. }
    ));
}

#[test]
fn nobody_sees_or_decides_what_is_of_other_tenants() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager").tenants(["acme"])));
    let own = house.ask(&refund(150));
    let other = house.ask(&refund(160).tenant("globex").session("support-2"));
    let record = house.record(&refund(160).tenant("globex").session("support-2"));

    let pending = house.get("/approvals", &bo).status(200).body;
    assert!(
        pending.contains(&own) && !pending.contains(&other),
        "{pending}"
    );
    house.get(&format!("/approvals/{other}"), &bo).status(404);
    let told = decide(&house, &bo, &other, &[("decision", "approve")]);
    assert!(told.starts_with("no request"), "{told}");
    assert_eq!(house.request(&other).state.as_str(), "pending");
    let audit = house.get("/audit", &bo).status(200).body;
    assert!(
        !audit.contains("globex") && !audit.contains("support-2"),
        "{audit}"
    );
    house.get(&format!("/audit/{record}"), &bo).status(404);
    let report = house.get("/report?session=support-2", &bo).status(200).body;
    assert!(report.contains("No decisions"), "{report}");
}

#[test]
fn nobody_decides_their_own_call() {
    let house = House::open();
    let bot = house.sign_in(&house.token(Identity::new("bot@acme", "manager")));
    let id = house.ask(&refund(150));
    let told = decide(&house, &bot, &id, &[("decision", "approve")]);
    assert!(told.contains("your own call"), "{told}");
    assert_eq!(house.request(&id).state.as_str(), "pending");
}

#[test]
fn who_reads_only_has_no_buttons_and_decides_nothing() {
    let house = House::open();
    let eve = house.sign_in(&house.token(Identity::new("eve", "auditor").read_only()));
    let id = house.ask(&refund(150));
    assert!(
        !house
            .get("/approvals", &eve)
            .body
            .contains("value=\"approve\"")
    );
    let told = decide(&house, &eve, &id, &[("decision", "approve")]);
    assert_eq!(told, "You are signed in to read, not to decide.");
    assert_eq!(house.request(&id).state.as_str(), "pending");
}

#[test]
fn many_requests_come_page_by_page() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let mut ids: Vec<String> = (0..60)
        .map(|index| {
            let call = refund(101 + index).session(&format!("s{}", index / 10));
            house.ask(&call.args(json!({"amount": 101 + index})))
        })
        .collect();
    let mut seen = Vec::new();
    let mut next = Some("/approvals".to_owned());
    while let Some(path) = next {
        let page = house.get(&path, &bo).status(200).body;
        assert!(page.contains("60 waiting"), "{page}");
        for part in page.split("<li class=\"card\" id=\"").skip(1) {
            seen.push(part.split('"').next().unwrap().to_owned());
        }
        next = page.split_once("\" rel=\"next\">").map(|(before, _)| {
            let (_, link) = before.rsplit_once('"').unwrap();
            link.replace("&#38;", "&")
        });
    }
    // The oldest first; of one millisecond, in the order of their ids.
    ids.sort_unstable();
    assert_eq!(seen, ids);
}
