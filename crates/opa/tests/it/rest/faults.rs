use std::time::{Duration, Instant};

use kitelogik_core::FailClosed;
use kitelogik_opa::OpaClient;

use super::peer::{Peer, Reply, answer, ok};
use super::{code, decide, fault};

/// What becomes of a 200 with this body.
async fn fault_of_body(body: &'static str) -> FailClosed {
    let peer = Peer::with_body(body).await;
    code(&fault(&peer.client(), "read").await)
}

/// What becomes of an answer.
async fn fault_of(bytes: Vec<u8>) -> FailClosed {
    let peer = Peer::start(move |_| Reply::Close(bytes.clone())).await;
    code(&fault(&peer.client(), "read").await)
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);

    let client = OpaClient::builder()
        .base_url(&url)
        .timeout(Duration::from_secs(30));
    let error = fault(&client.build().unwrap(), "read").await;

    assert_eq!(code(&error), FailClosed::EngineUnreachable);
    assert!(error.detail().contains(&url), "{error}");
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_unreachable() {
    let client = OpaClient::builder()
        .base_url("http://opa.invalid:8181")
        .timeout(Duration::from_secs(30));
    let error = fault(&client.build().unwrap(), "read").await;
    assert_eq!(code(&error), FailClosed::EngineUnreachable);
}

#[tokio::test]
async fn a_body_that_is_not_the_api_s_is_a_protocol_fault() {
    for body in ["", "hello", "[]", "true", "{\"result\": ", "{} {}", "null"] {
        assert_eq!(
            fault_of_body(body).await,
            FailClosed::EngineProtocol,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_member_of_the_wrong_type_is_a_protocol_fault() {
    for body in [
        r#"{"result": {"allow": true}, "decision_id": 1}"#,
        r#"{"result": {"allow": true}, "provenance": "1.22.2"}"#,
        r#"{"result": {"allow": true}, "provenance": {"bundles": []}}"#,
        r#"{"result": {"allow": true}, "provenance": {"bundles": {"main": "r1"}}}"#,
        r#"{"result": {"allow": true}, "provenance": {"bundles": {"main": {"revision": 1}}}}"#,
    ] {
        assert_eq!(
            fault_of_body(body).await,
            FailClosed::EngineProtocol,
            "{body}"
        );
    }
}

#[tokio::test]
async fn duplicate_keys_are_a_protocol_fault_at_every_depth() {
    for body in [
        r#"{"result": {}, "result": {"allow": true}}"#,
        r#"{"result": {"allow": false, "allow": true}}"#,
        r#"{"result": {"allow": true, "more": [{"a": 1, "a": 1}]}}"#,
    ] {
        assert_eq!(
            fault_of_body(body).await,
            FailClosed::EngineProtocol,
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_missing_result_is_undefined() {
    let body = r#"{"warning": {"code": "api_usage_warning"}}"#;
    assert_eq!(fault_of_body(body).await, FailClosed::UndefinedDecision);
}

#[tokio::test]
async fn a_result_document_of_the_wrong_shape_is_malformed() {
    for body in [
        r#"{"result": null}"#,
        r#"{"result": true}"#,
        r#"{"result": {"allow": "yes"}}"#,
        r#"{"result": {"allow": true, "risk_tier": "HARMLESS"}}"#,
    ] {
        assert_eq!(
            fault_of_body(body).await,
            FailClosed::MalformedDecision,
            "{body}"
        );
    }
}

#[tokio::test]
async fn another_status_is_a_protocol_fault_whatever_the_body_allows() {
    let allow = r#"{"result": {"allow": true}}"#;
    for status in [
        "201 Created",
        "401 Unauthorized",
        "404 Not Found",
        "503 Busy",
    ] {
        let fault = fault_of(answer(status, "", allow)).await;
        assert_eq!(fault, FailClosed::EngineProtocol, "{status}");
    }
    assert_eq!(
        fault_of(answer("500 Internal Server Error", "", "oh no")).await,
        FailClosed::EngineProtocol
    );
}

#[tokio::test]
async fn a_500_is_about_the_policy_only_if_opa_says_so() {
    let with_code = |code: &str| {
        let body = format!(
            r#"{{"code": "internal_error", "message": "m", "errors": [{{"code": "{code}"}}]}}"#
        );
        fault_of(answer("500 Internal Server Error", "", &body))
    };
    assert_eq!(
        with_code("eval_conflict_error").await,
        FailClosed::EvaluationError
    );
    assert_eq!(
        with_code("eval_cancel_error").await,
        FailClosed::LimitExceeded
    );
    assert_eq!(with_code("storage_error").await, FailClosed::EngineProtocol);
}

#[tokio::test]
async fn a_redirect_is_a_protocol_fault_and_not_followed() {
    let elsewhere = Peer::with_body(r#"{"result": {"allow": true}}"#).await;
    let location = format!("location: {}/\r\n", elsewhere.url);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let fault = fault_of(answer(status, &location, "")).await;
        assert_eq!(fault, FailClosed::EngineProtocol);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn a_compressed_body_is_a_protocol_fault() {
    let body = r#"{"result": {"allow": true}}"#;
    let fault = fault_of(answer("200 OK", "content-encoding: gzip\r\n", body)).await;
    assert_eq!(fault, FailClosed::EngineProtocol);
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_fault() {
    for bytes in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "\0\0\0\0\0\0\r\n\r\n"] {
        assert_eq!(fault_of(bytes.into()).await, FailClosed::EngineProtocol);
    }
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{}";
    assert_eq!(fault_of(chunks.into()).await, FailClosed::EngineProtocol);
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    for begun in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"result\": {\"allow\"",
    ] {
        let peer = Peer::start(|_| Reply::Hang(begun.into())).await;
        let limit = Duration::from_millis(100);
        let begin = Instant::now();

        let error = fault(&peer.impatient_client(limit), "read").await;

        assert_eq!(code(&error), FailClosed::EngineTimeout);
        assert!(begin.elapsed() >= limit);
        assert_eq!(peer.connections(), 1);
    }
}

#[tokio::test]
async fn half_an_answer_is_a_lost_connection_and_never_asked_for_again() {
    let whole = ok(r#"{"result": {"allow": true}}"#);
    // In the status line, in the headers, in the body, and one byte before its end.
    for end in [1, 12, 30, 50, whole.len() - 1] {
        let half = whole[..end].to_vec();
        let peer = Peer::start(move |_| Reply::Close(half.clone())).await;

        let error = fault(&peer.client(), "read").await;

        assert_eq!(
            code(&error),
            FailClosed::EngineUnreachable,
            "{end}: {error}"
        );
        assert_eq!(peer.requests().len(), 1, "{end}");
    }
}

#[tokio::test]
async fn a_connection_that_dies_before_the_first_byte_is_asked_again_once() {
    let peer = Peer::start(|number| match number {
        0 => Reply::Reset,
        _ => Reply::Say(ok(r#"{"result": {"allow": true}}"#)),
    })
    .await;
    assert!(decide(&peer.client(), "read").await.unwrap().allowed());
    assert_eq!(peer.requests().len(), 2);

    for dies in [|_| Reply::Close(Vec::new()), |_| Reply::Reset] {
        let peer = Peer::start(dies).await;
        let error = fault(&peer.client(), "read").await;
        assert_eq!(code(&error), FailClosed::EngineUnreachable);
        assert_eq!(peer.requests().len(), 2);
    }
}

#[tokio::test]
async fn an_oversized_answer_is_a_limit_hit_whether_or_not_it_says_its_size() {
    let body = format!(
        r#"{{"result": {{"allow": true, "more": "{}"}}}}"#,
        "x".repeat(2000)
    );
    let said = ok(&body);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    )
    .into_bytes();
    for bytes in [said, chunked] {
        let peer = Peer::start(move |_| Reply::Say(bytes.clone())).await;
        let within = |limit| {
            let builder = OpaClient::builder().base_url(&peer.url);
            let builder = builder.timeout(Duration::from_secs(30));
            builder.max_response_bytes(limit).build().unwrap()
        };
        let error = fault(&within(body.len() - 1), "read").await;
        assert_eq!(code(&error), FailClosed::LimitExceeded, "{error}");
        assert!(decide(&within(body.len()), "read").await.unwrap().allowed());
    }
}

#[tokio::test]
async fn the_default_limit_is_a_mebibyte() {
    let endless = |_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n";
        Reply::Hang(head.into())
    };
    let peer = Peer::start(endless).await;
    let error = fault(&peer.client(), "read").await;
    assert_eq!(code(&error), FailClosed::LimitExceeded);
}

#[tokio::test]
async fn the_server_s_text_comes_on_one_line_into_the_detail() {
    let body = r#"{"code": "invalid\nparameter", "message": "a\r\nb"}"#;
    let peer = Peer::start(|_| Reply::Say(answer("400 Bad Request", "", body))).await;
    let error = fault(&peer.client(), "read").await;
    assert!(!error.detail().contains(['\r', '\n']), "{error}");
    assert!(error.detail().contains("400"), "{error}");

    let body = format!(r#"{{"code": "x", "message": "{}"}}"#, "m".repeat(600));
    let peer = Peer::start(move |_| Reply::Say(answer("400 Bad Request", "", &body))).await;
    let error = fault(&peer.client(), "read").await;
    assert!(error.detail().contains("m… [cut from 6"), "{error}");
}
