//! The whole way in a real browser, whose policies of cookies, forms and redirects no other client has.

use kitelogik_browser_process::{Browser, browser_or_skip};
use kitelogik_core::Approval;

use super::walk::Door;
use crate::browser::{one_at_a_time, text};
use crate::house::refund;

#[test]
fn a_person_signs_in_at_the_provider_approves_and_signs_out() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    approve(&browser);
}

#[test]
fn a_person_signs_in_at_the_provider_without_scripts() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    approve(&browser.without_scripts());
}

fn approve(browser: &Browser) {
    let _one = one_at_a_time();
    let door = Door::open();
    let call = refund(150);
    let id = door.house.ask(&call);
    let page = browser.start().unwrap();
    // A link from a mail: without a session it leads through the provider to the page itself.
    let link = format!("/approvals/{id}");
    // The provider is at `127.0.0.1`: for the browser another site, whose cookies are not ours.
    let url = |path: &str| format!("http://localhost:{}{path}", door.house.port);
    page.open(&url(&link)).unwrap();
    page.click("#provider").unwrap();
    page.click("#go").unwrap();
    page.wait_for(&format!("location.pathname === '{link}'"))
        .unwrap();
    assert_eq!(text(&page, ".who b"), "ann@example.com");
    let cookies = page.evaluate("return document.cookie").unwrap();
    assert_eq!(cookies, "", "no script reads the session");

    page.click(".approve").unwrap();
    page.wait_for("document.querySelector('#notice:not(:empty)')")
        .unwrap();
    let (found, _) = door.house.ask_again(&call);
    assert!(
        matches!(&found, Approval::Granted { approver, .. } if approver == "ann@example.com"),
        "{found:?}"
    );
    page.click(".who button").unwrap();
    page.wait_for("location.pathname === '/sign-in'").unwrap();
    page.open(&url("/approvals")).unwrap();
    page.wait_for("location.pathname === '/sign-in'").unwrap();
}
