//! A real OPA whose answers do not arrive as it gave them.

use std::time::Duration;

use kitelogik_core::{FailClosed, Verdict};
use kitelogik_opa::OpaClient;
use kitelogik_opa_process::opa_or_skip;

use super::opa::{builder, start};
use super::proxy::{Mode, Proxy};
use super::{decide, fault};

/// Never opens, so that each question meets the fault.
fn client(proxy: &Proxy, patience: Duration) -> OpaClient {
    let builder = builder(&proxy.url).open_after(u32::MAX);
    builder.timeout(patience).build().unwrap()
}

/// More than OPA's answers have.
const BYTES: usize = 400;

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_an_answer() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    proxy.set(Mode::Trickle);
    let client = client(&proxy, Duration::from_secs(30));
    for (action, verdict) in [("read", Verdict::Allow), ("drop", Verdict::Deny)] {
        let decision = decide(&client, action).await.unwrap();
        assert_eq!(decision.verdict, verdict);
        assert_eq!(decision.fail_closed, None);
    }
}

#[tokio::test]
async fn an_answer_held_back_is_a_timeout_and_not_taken_for_the_next_one() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let client = client(&proxy, Duration::from_millis(300));
    for _ in 0..2 {
        proxy.set(Mode::Hold);
        let error = fault(&client, "read").await;
        assert_eq!(error.code(), FailClosed::EngineTimeout);
        proxy.set(Mode::Pass);
        let decision = loop {
            // A slow machine may need more than one.
            if let Ok(decision) = decide(&client, "drop").await {
                break decision;
            }
        };
        assert_eq!(decision.verdict, Verdict::Deny);
    }
}

#[tokio::test]
async fn an_answer_cut_anywhere_is_never_an_allow() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    let client = client(&proxy, Duration::from_secs(30));
    let mut whole = 0;
    for length in 0..BYTES {
        proxy.set(Mode::Cut(length));
        match decide(&client, "read").await {
            Ok(decision) => {
                assert!(decision.allowed());
                whole += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), FailClosed::EngineUnreachable, "{length}");
                assert_eq!(whole, 0, "{length}");
            }
        }
    }
    assert!((1..BYTES).contains(&whole), "{whole}");
}

#[tokio::test]
async fn no_flipped_bit_makes_an_allow_of_a_denial() {
    let Some(opa) = opa_or_skip!() else { return };
    let opa = start(&opa);
    let proxy = Proxy::start(opa.port().unwrap()).await;
    // A length that grew is waited for.
    let client = client(&proxy, Duration::from_millis(300));
    let mut spoilt = 0;
    for index in 0..BYTES {
        proxy.set(Mode::Garble(index));
        match decide(&client, "drop").await {
            Ok(decision) => assert_ne!(decision.verdict, Verdict::Allow, "{index}"),
            Err(_) => spoilt += 1,
        }
    }
    assert!(spoilt > 20, "{spoilt}");
}
