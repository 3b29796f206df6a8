//! What is made by hand: the pictures of the documentation, and the time until a browser shows something.
//!
//! `cargo test --release -p kitelogik-web --test it -- --ignored --nocapture`; the pictures go to `target/pictures`.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use kitelogik_browser_process::{Page, browser_or_skip};
use kitelogik_core::{AuditSink, DecisionRecord, Outcome};
use serde_json::{Value, json};

use crate::house::{Asked, House, refund};

#[test]
#[ignore = "draws the pictures of the documentation"]
fn pictures() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/pictures");
    fs::create_dir_all(&folder).unwrap();
    let house = House::open();
    history(&house);
    let ids: Vec<String> = desk().iter().map(|call| house.ask(call)).collect();
    let page = browser.start().unwrap();
    page.open(&house.url(&house.link)).unwrap();
    page.click("button.primary").unwrap();
    page.wait_for("!document.getElementById('live').hidden")
        .unwrap();
    let report = "/report?session=support-1".to_owned();
    let views = [
        ("approvals", "/approvals".to_owned()),
        ("request", format!("/approvals/{}", ids[0])),
        ("history", "/history".to_owned()),
        ("audit", "/audit".to_owned()),
        ("report", report),
        ("sign-in", "/sign-in".to_owned()),
    ];
    for scheme in ["light", "dark"] {
        page.prefer("prefers-color-scheme", scheme).unwrap();
        for (device, width, height) in [("desk", 1120, 860), ("phone", 390, 844)] {
            page.screen(width, height, 1.0).unwrap();
            for (name, path) in &views {
                page.open(&house.url(path)).unwrap();
                draw(&page, &folder.join(format!("{name}-{device}-{scheme}.png")));
            }
        }
    }
    println!("pictures in {}", folder.display());
}

fn draw(page: &Page, path: &std::path::Path) {
    fs::write(path, page.screenshot().unwrap()).unwrap();
}

#[test]
#[ignore = "measures the time to the first paint"]
fn first_paint_with_ten_thousand_pending_requests() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let house = House::open();
    for index in 0..10_000_u64 {
        let call = refund(index)
            .session(&format!("s{}", index / 20))
            .tenant(&format!("t{}", index / 1000));
        house.ask(&call);
    }
    let page = browser.start().unwrap();
    page.open(&house.url(&house.link)).unwrap();
    page.click("button.primary").unwrap();
    let mut times = Vec::new();
    for _ in 0..21 {
        page.open(&house.url("/approvals")).unwrap();
        page.wait_for("performance.getEntriesByName('first-contentful-paint').length")
            .unwrap();
        let paint = page
            .evaluate("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
            .unwrap();
        times.push(paint.as_f64().unwrap());
    }
    times.sort_by(f64::total_cmp);
    println!(
        "first contentful paint with 10,000 pending requests: {:.0} ms (median of {}), {:.0} ms at most",
        times[times.len() / 2],
        times.len(),
        times[times.len() - 1]
    );
}

fn call(
    session: &str,
    principal: &str,
    tenant: &str,
    tool: &str,
    args: Value,
    result: Value,
) -> Asked {
    Asked {
        session: session.to_owned(),
        principal: principal.to_owned(),
        tenant: Some(tenant.to_owned()),
        tool: tool.to_owned(),
        args,
        result,
    }
}

/// What waits on a support desk.
fn desk() -> Vec<Asked> {
    vec![
        call(
            "support-1",
            "helpdesk-bot",
            "acme",
            "approve_refund",
            json!({"amount": 150.0, "customer_id": "cust_001", "reason": "Delivered twice, the second parcel came back unopened."}),
            json!({"hitl_reason": ["Refunds over $100 need a person"], "rules": ["review_refunds"], "risk_tier": "TRANSACTIONAL_HIGH"}),
        ),
        call(
            "ops-7",
            "release-agent",
            "acme",
            "delete_volume",
            json!({"volume": "vol-0a91", "region": "eu-west-1", "snapshots": ["snap-11", "snap-12"]}),
            json!({"hitl_reason": ["Nothing is destroyed without a person", "Two snapshots depend on this volume"], "rules": ["destructive_needs_review"], "risk_tier": "DESTRUCTIVE"}),
        ),
        call(
            "mail-3",
            "helpdesk-bot",
            "globex",
            "send_email",
            json!({"to": "press@example.com", "subject": "Re: outage", "body": "Dear all,\n\nthe outage of this morning is over. <script>alert(1)</script>\n\nKind regards"}),
            json!({"hitl_reason": ["Mail to other domains is read by a person first"], "rules": ["review_external_mail"], "risk_tier": "OPERATIONAL"}),
        ),
    ]
}

/// A day of a support desk.
fn history(house: &House) {
    let tools = [
        (
            "get_customer",
            json!({"allow": true, "risk_tier": "INFORMATIONAL"}),
            14,
        ),
        (
            "search_orders",
            json!({"allow": true, "risk_tier": "INFORMATIONAL"}),
            9,
        ),
        (
            "approve_refund",
            json!({"allow": true, "rules": ["small_refunds"], "risk_tier": "TRANSACTIONAL_LOW"}),
            5,
        ),
        (
            "approve_refund",
            json!({"deny": ["Refunds over $200 need a manager"], "rules": ["block_large_refunds"], "risk_tier": "TRANSACTIONAL_HIGH"}),
            2,
        ),
        (
            "send_email",
            json!({"hitl_reason": ["Mail to other domains is read by a person first"], "rules": ["review_external_mail"], "risk_tier": "OPERATIONAL"}),
            2,
        ),
        (
            "export_customers",
            json!({"deny": ["Customers' data stays here"], "rules": ["no_bulk_export"], "risk_tier": "SECURITY_CRITICAL"}),
            1,
        ),
        ("close_account", json!({"risk_tier": "DESTRUCTIVE"}), 1),
    ];
    let begin = SystemTime::now() - Duration::from_secs(8 * 3600);
    let audit = house.ledger.audit();
    let mut count = 0_u64;
    for round in 0..12_u64 {
        for (tool, result, times) in &tools {
            for index in 0..*times * (1 + (round * 7 + 3) % 5) / 3 {
                count += 1;
                let args = json!({"customer_id": format!("cust_{:03}", count * 17 % 400)});
                let session = if count.is_multiple_of(3) {
                    "support-2"
                } else {
                    "support-1"
                };
                let asked = call(session, "helpdesk-bot", "acme", tool, args, result.clone());
                let (event, context, decision) = asked.parts();
                let mut record = DecisionRecord::new(&event, &context, &decision);
                record.asked_at = begin + Duration::from_secs(round * 2400 + index * 131 % 2400);
                record.decided_in = Duration::from_micros(
                    24 + count * 7919 % 90 + if count.is_multiple_of(37) { 900 } else { 0 },
                );
                house.runtime.block_on(async {
                    let id = audit.record_decision(&record).await.unwrap();
                    let outcome = if count.is_multiple_of(41) {
                        Outcome::Failed
                    } else {
                        Outcome::Ran
                    };
                    audit.record_outcome(
                        id,
                        if decision.permits() {
                            outcome
                        } else {
                            Outcome::NeverRan
                        },
                    );
                });
            }
        }
    }
    for (index, amount) in [120_u64, 180, 140].into_iter().enumerate() {
        let asked = refund(amount).session("support-0");
        let id = house.ask(&asked);
        let bo = kitelogik_ledger::Reviewer::new("bo").role("manager");
        let approvals = house.ledger.approvals();
        house.runtime.block_on(async {
            if index == 1 {
                approvals
                    .deny(
                        &id,
                        &bo,
                        "The parcel was signed for; see the carrier's note.",
                    )
                    .await
                    .unwrap();
            } else {
                approvals
                    .approve(&id, &bo, "Agreed by telephone")
                    .await
                    .unwrap();
            }
        });
        if index == 0 {
            house.ask_again(&asked);
        }
    }
}
