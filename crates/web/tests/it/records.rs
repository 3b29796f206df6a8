//! The record on the page: filters, pages, the chain, and the report.

use kitelogik_web::Identity;
use serde_json::json;

use crate::house::{House, refund};

#[test]
fn records_are_found_by_what_they_say() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    house.record(&refund(150).session("one"));
    let mut denied = refund(300).session("two");
    denied.tool = "delete_all".to_owned();
    denied.result =
        json!({"deny": ["never"], "rules": ["never_delete"], "risk_tier": "DESTRUCTIVE"});
    let id = house.record(&denied);
    let found = |query: &str| -> Vec<&str> {
        let page = house.get(&format!("/audit?{query}"), &bo).status(200).body;
        ["<code>one</code>", "<code>two</code>"]
            .into_iter()
            .filter(|session| page.contains(session))
            .collect()
    };
    for query in [
        "session=two",
        "tool=delete_all",
        "verdict=deny",
        "tier=DESTRUCTIVE",
        "rule=never_delete",
    ] {
        assert_eq!(found(query), ["<code>two</code>"], "{query}");
    }
    assert_eq!(found("principal=bot%40acme&from=2020-01-01T00:00").len(), 2);
    assert_eq!(found("to=2020-01-01T00:00").len(), 0);
    assert_eq!(found("faults=1").len(), 0);
    house.get("/audit?from=yesterday", &bo).status(400);

    let page = house.get(&format!("/audit/{id}"), &bo).status(200).body;
    for part in [
        "never",
        "destructive",
        "never_delete",
        "never ran",
        "Digest of the arguments",
        "of writer",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
}

#[test]
fn records_come_page_by_page_the_newest_first() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let ids: Vec<String> = (0..120)
        .map(|index| house.record(&refund(101 + index)))
        .collect();
    let mut seen = Vec::new();
    let mut next = Some("/audit".to_owned());
    while let Some(path) = next {
        let page = house.get(&path, &bo).status(200).body;
        for part in page.split("<a href=\"/audit/").skip(1) {
            seen.push(part.split('"').next().unwrap().to_owned());
        }
        next = page.split_once("\" rel=\"next\">").map(|(before, _)| {
            let (_, link) = before.rsplit_once('"').unwrap();
            link.replace("&#38;", "&")
        });
    }
    seen.sort();
    let mut all = ids;
    all.sort();
    assert_eq!(seen, all);
}

#[test]
fn the_state_of_the_chain_is_looked_at_and_told() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    house.record(&refund(150));
    // It is looked at in the background: ask until that is done.
    let state = (0..2000).find_map(|_| {
        let state = house
            .api("GET", "/api/v1/audit/chain", &token, "")
            .status(200)
            .json();
        (state["state"] != "unknown").then_some(state)
    });
    assert_eq!(state.unwrap()["state"], "intact");
    let bo = house.sign_in(&token);
    let page = house.get("/audit", &bo).body;
    assert!(page.contains("Chain intact"), "{page}");
    let csrf = page.split("action=\"/audit/verify\"").nth(1).unwrap();
    let csrf = csrf
        .split("value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    house
        .post("/audit/verify", &bo, &[("csrf", csrf)])
        .status(303);
}

#[test]
fn who_sees_some_tenants_learns_nothing_of_how_much_the_others_do() {
    let house = House::open();
    let token = house.token(Identity::new("bo", "auditor").tenants(["acme"]));
    house.record(&refund(150).tenant("globex"));
    let state = (0..2000).find_map(|_| {
        let answer = house.api("GET", "/api/v1/audit/chain", &token, "");
        let state = answer.status(200).json();
        (state["state"] != "unknown").then_some(state)
    });
    let state = state.unwrap();
    assert_eq!(state["state"], "intact");
    let told = state["detail"].as_str().unwrap();
    assert!(!told.contains(char::is_numeric), "{told}");
    let bo = house.sign_in(&token);
    for path in ["/audit", "/report?session=one"] {
        let page = house.get(path, &bo).status(200).body;
        assert!(page.contains(told), "{page}");
    }
}

#[test]
fn a_page_hears_of_records_of_its_visitors_tenants_alone() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "auditor").tenants(["acme"])));
    let ann = house.sign_in(&house.token(Identity::new("ann", "auditor")));
    let (mut of_bo, mut of_ann) = (house.events(&bo), house.events(&ann));
    // What Ann hears twice was there when Bo's page looked.
    for _ in 0..3 {
        house.record(&refund(150).tenant("globex"));
        of_ann.until("event: record\n");
    }
    assert!(!of_bo.come().contains("event: record\n"));
    house.record(&refund(150));
    of_bo.until("event: record\n");
}

#[test]
fn a_report_of_a_session_stands_alone() {
    let house = House::open();
    let bo = house.sign_in(&house.token(Identity::new("bo", "manager")));
    for amount in 0..5 {
        house.record(&refund(101 + amount).session("one"));
    }
    house.record(&refund(999).session("two"));
    let report = house.get("/report?session=one", &bo).status(200);
    let html = &report.body;
    for part in [
        "<b>5</b> decisions",
        "approve_refund",
        "Over time",
        "<svg",
        "Content-Security-Policy",
        "never ran",
    ] {
        assert!(html.contains(part), "{part} in {html}");
    }
    for part in [
        "<script", "src=", "href=", "http://", "https://", "@import", "url(",
    ] {
        assert!(!html.contains(part), "{part} in {html}");
    }
    let policy = report.header("content-security-policy").unwrap();
    assert!(policy.contains("style-src 'sha256-"), "{policy}");
}
