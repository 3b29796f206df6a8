//! The page in a real browser.

use std::sync::{Mutex, MutexGuard, PoisonError};

use kitelogik_browser_process::{Page, browser_or_skip};
use kitelogik_core::Approval;
use kitelogik_web::Identity;
use serde_json::json;

use crate::house::{House, refund};

const ENTER: &str = "\u{e007}";

/// One browser at a time: several would wait for each other's processor time.
pub(crate) fn one_at_a_time() -> MutexGuard<'static, ()> {
    static BROWSER: Mutex<()> = Mutex::new(());
    BROWSER.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sign_in(page: &Page, house: &House) {
    page.open(&house.url(&house.link)).unwrap();
    page.click("button.primary").unwrap();
    page.wait_for("location.pathname === '/approvals'").unwrap();
}

/// Signed in, and told of what changes.
fn live(page: &Page, house: &House) {
    sign_in(page, house);
    page.wait_for("!document.getElementById('live').hidden")
        .unwrap();
}

pub(crate) fn text(page: &Page, selector: &str) -> String {
    let found = page.evaluate(&format!(
        "return document.querySelector('{selector}').innerText"
    ));
    found.unwrap().as_str().unwrap().to_owned()
}

#[test]
fn a_person_signs_in_by_the_link_and_by_a_token_and_out_again() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let page = browser.start().unwrap();
    sign_in(&page, &house);
    assert_eq!(text(&page, ".who b"), "ann");
    page.click(".who button").unwrap();
    page.wait_for("location.pathname === '/sign-in'").unwrap();
    let token = house.token(Identity::new("bo", "manager"));
    page.type_into("#token", &token).unwrap();
    page.press(ENTER).unwrap();
    page.wait_for("location.pathname === '/approvals'").unwrap();
    assert_eq!(text(&page, ".who b"), "bo");
    let cookies = page.evaluate("return document.cookie").unwrap();
    assert_eq!(cookies, "", "no script reads the session");
}

#[test]
fn requests_come_and_go_while_the_page_is_open_and_are_decided_with_a_note() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let page = browser.start().unwrap();
    live(&page, &house);
    page.wait_for("document.querySelector('.empty')").unwrap();
    page.evaluate("window.same = true").unwrap();

    let (first, second, third) = (refund(150), refund(160), refund(170));
    let approved = house.ask(&first);
    page.wait_for(&format!("document.getElementById('{approved}')"))
        .unwrap();
    let denied = house.ask(&second);
    let elsewhere = house.ask(&third);
    page.wait_for(&format!("document.getElementById('{elsewhere}')"))
        .unwrap();
    page.wait_for("document.getElementById('pending-count').textContent === '3'")
        .unwrap();

    // A note that was begun stays when others are decided.
    page.type_into(&format!("#note-{denied}"), "not twice")
        .unwrap();
    page.type_into(&format!("#note-{approved}"), "as agreed")
        .unwrap();
    page.click(&format!("#{approved} .approve")).unwrap();
    page.wait_for(&format!(
        "document.getElementById('{approved}').classList.contains('gone')"
    ))
    .unwrap();
    page.wait_for("document.getElementById('notice').innerText === 'Approved: approve_refund'")
        .unwrap();
    page.click(&format!("#{denied} .deny")).unwrap();
    page.wait_for(&format!(
        "document.getElementById('{denied}').classList.contains('gone')"
    ))
    .unwrap();

    let cy = kitelogik_ledger::Reviewer::new("cy");
    let approvals = house.ledger.approvals();
    house
        .runtime
        .block_on(approvals.deny(&elsewhere, &cy, ""))
        .unwrap();
    page.wait_for(&format!(
        "document.getElementById('{elsewhere}').classList.contains('gone')"
    ))
    .unwrap();
    page.wait_for("document.getElementById('pending-count').textContent === '0'")
        .unwrap();
    assert_eq!(
        page.evaluate("return window.same").unwrap(),
        true,
        "it was never loaded anew"
    );

    let (found, used) = house.ask_again(&first);
    assert!(matches!(found, Approval::Granted { approver, .. } if approver == "ann") && used);
    assert_eq!(house.request(&approved).decisions[0].note, "as agreed");
    assert_eq!(house.request(&denied).decisions[0].note, "not twice");
    assert!(matches!(
        house.ask_again(&second).0,
        Approval::Denied { .. }
    ));
}

#[test]
fn records_appear_while_the_page_is_open() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let page = browser.start().unwrap();
    sign_in(&page, &house);
    page.open(&house.url("/audit")).unwrap();
    page.wait_for("!document.getElementById('live').hidden")
        .unwrap();
    let id = house.record(&refund(150));
    page.wait_for(&format!(
        "document.querySelector('a[href=\"/audit/{id}\"]')"
    ))
    .unwrap();
}

#[test]
fn a_page_that_is_open_leaves_when_its_session_ends() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let token = house.token(Identity::new("bo", "manager"));
    let page = browser.start().unwrap();
    page.open(&house.url("/sign-in")).unwrap();
    page.type_into("#token", &token).unwrap();
    page.press(ENTER).unwrap();
    page.wait_for("!document.getElementById('live').hidden")
        .unwrap();
    house.tokens.revoke("bo").unwrap();
    page.wait_for("location.pathname === '/sign-in'").unwrap();
}

#[test]
fn every_form_works_without_scripts() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let call = refund(150);
    let id = house.ask(&call);
    let page = browser.without_scripts().start().unwrap();
    page.open(&house.url(&house.link)).unwrap();
    page.click("button.primary").unwrap();
    page.type_into(&format!("#note-{id}"), "as agreed").unwrap();
    page.click(&format!("#{id} .approve")).unwrap();
    page.click("#notice").unwrap();
    assert!(matches!(house.ask_again(&call).0, Approval::Granted { .. }));
}

#[test]
fn a_script_in_arguments_is_shown_and_not_run() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let page = browser.start().unwrap();
    live(&page, &house);
    let evil = "<img src=x onerror=\"window.ran=1\"><script>window.ran=1</script>\u{202e}txt";
    // What comes by itself is put into the page by script.
    let id = house.ask(&refund(150).args(json!({"text": evil, evil: [evil]})));
    page.wait_for(&format!("document.getElementById('{id}')"))
        .unwrap();
    let shown = text(&page, &format!("#{id}"));
    assert!(
        shown.contains("<script>window.ran=1</script>\\u{202e}txt"),
        "{shown}"
    );
    for path in ["/approvals", &format!("/approvals/{id}")] {
        page.open(&house.url(path)).unwrap();
        assert_eq!(page.evaluate("return window.ran").unwrap(), json!(null));
        let elements =
            page.evaluate("return document.querySelectorAll('main img, main script').length");
        assert_eq!(elements.unwrap(), 0);
    }
}

#[test]
fn everything_can_be_done_from_the_keyboard() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let calls = [refund(150), refund(160), refund(170)];
    let ids: Vec<String> = calls.iter().map(|call| house.ask(call)).collect();
    let page = browser.start().unwrap();
    live(&page, &house);
    let focused = |condition: &str| {
        page.wait_for(&format!("document.activeElement{condition}"))
            .unwrap()
    };

    page.press("jj").unwrap();
    focused(&format!(".id === '{}'", ids[1]));
    page.press("k").unwrap();
    focused(&format!(".id === '{}'", ids[0]));
    let outline = page.evaluate("return getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline.unwrap(), "solid", "the focus is seen");
    // The key chooses; nothing is decided yet.
    page.press("a").unwrap();
    focused(".classList.contains('approve')");
    assert_eq!(house.request(&ids[0]).state.as_str(), "pending");
    page.press(ENTER).unwrap();
    page.wait_for(&format!(
        "document.getElementById('{}').classList.contains('gone')",
        ids[0]
    ))
    .unwrap();
    focused(&format!(".id === '{}'", ids[1]));
    page.press("n").unwrap();
    focused(".name === 'note'");
    // In a field, keys are text.
    page.press("jad").unwrap();
    page.press("\u{e00c}d").unwrap();
    focused(".classList.contains('deny')");
    page.press(ENTER).unwrap();
    page.wait_for(&format!(
        "document.getElementById('{}').classList.contains('gone')",
        ids[1]
    ))
    .unwrap();
    assert_eq!(house.request(&ids[1]).decisions[0].note, "jad");
    page.press("o").unwrap();
    page.wait_for(&format!("location.pathname === '/approvals/{}'", ids[2]))
        .unwrap();
}

#[test]
fn it_is_light_and_dark_and_fits_a_phone() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    let long = "a".repeat(400);
    house.ask(&refund(150).args(json!({"customer": long, "list": [{"deep": long}]})));
    house.record(&refund(150));
    let page = browser.start().unwrap();
    sign_in(&page, &house);
    let background = || {
        page.evaluate("return getComputedStyle(document.body).backgroundColor")
            .unwrap()
    };
    page.prefer("prefers-color-scheme", "light").unwrap();
    let light = background();
    page.prefer("prefers-color-scheme", "dark").unwrap();
    assert_ne!(light, background());

    page.screen(360, 740, 1.0).unwrap();
    for path in ["/approvals", "/history", "/audit"] {
        page.open(&house.url(path)).unwrap();
        let wider = page.evaluate("return document.documentElement.scrollWidth > innerWidth");
        assert_eq!(wider.unwrap(), false, "{path}");
    }
    page.open(&house.url("/approvals")).unwrap();
    let small = "[...document.querySelectorAll('.decide button')].some((button) => button.offsetHeight < 36)";
    assert_eq!(
        page.evaluate(&format!("return {small}")).unwrap(),
        false,
        "a finger finds the buttons"
    );
}

#[test]
fn text_stands_out_from_its_ground() {
    let Some(browser) = browser_or_skip!() else {
        return;
    };
    let _one = one_at_a_time();
    let house = House::open();
    house.ask(&refund(150));
    house.record(&refund(150));
    let page = browser.start().unwrap();
    sign_in(&page, &house);
    for scheme in ["light", "dark"] {
        page.prefer("prefers-color-scheme", scheme).unwrap();
        for path in ["/approvals", "/audit"] {
            page.open(&house.url(path)).unwrap();
            let faint = page.evaluate(CONTRAST).unwrap();
            assert_eq!(faint, json!([]), "{scheme} {path}");
        }
    }
}

/// The texts whose contrast is below 4.5, as WCAG 2 measures it.
const CONTRAST: &str = r"
const parts = (color) => { const found = color.match(/[\d.]+/g).map(Number); return found.length < 4 ? [...found, 1] : found; };
const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ground = (element) => { for (let at = element; at; at = at.parentElement) { const color = parts(getComputedStyle(at).backgroundColor); if (color[3] === 1) return color; } return [255, 255, 255, 1]; };
const faint = [];
for (const element of document.querySelectorAll('body *')) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility() || element.closest('.visually-hidden, .skip, select')) continue;
  const [a, b] = [light(parts(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
  const contrast = (a + 0.05) / (b + 0.05);
  if (contrast < 4.5) faint.push(`${element.tagName}.${element.className} ${element.textContent.trim().slice(0, 20)}: ${contrast.toFixed(2)}`);
}
return faint;
";
