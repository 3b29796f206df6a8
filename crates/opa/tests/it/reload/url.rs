//! A bundle on a real server.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use kitelogik_core::FailClosed;
use kitelogik_opa::{BundleUrl, PolicySource, ReloadError, ReloadEvent, ReloadOutcome};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::bundle::bundle;
use super::{allowed, decide, next, quick, refusal};

type Change = fn(&mut Served);

/// What the server answers with, and what it was asked.
#[derive(Default)]
struct Served {
    body: Vec<u8>,
    etag: Option<String>,
    status: Option<StatusCode>,
    location: Option<String>,
    hangs: bool,
    /// Each request: its `If-None-Match`, its `Authorization`, and the status of the answer.
    asked: Vec<(Option<String>, Option<String>, StatusCode)>,
}

struct Server {
    address: String,
    served: Arc<Mutex<Served>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(body: Vec<u8>) -> Self {
        Self::at("127.0.0.1:0", body).await
    }

    async fn at(address: &str, body: Vec<u8>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let served = Arc::new(Mutex::new(Served {
            body,
            ..Served::default()
        }));
        let app = axum::Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&served));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            served,
            task,
        }
    }

    fn url(&self) -> String {
        format!("http://{}/policy.tar.gz?team=refunds", self.address)
    }

    fn set(&self, change: impl FnOnce(&mut Served)) {
        change(&mut self.served.lock().unwrap());
    }

    fn serve(&self, body: Vec<u8>, etag: &str) {
        self.set(|served| {
            served.body = body;
            served.etag = Some(etag.to_owned());
        });
    }
}

async fn answer(State(served): State<Arc<Mutex<Served>>>, request: Request) -> Response<Body> {
    let query = request.uri().query().map(str::to_owned);
    let (known, authorization) = {
        let told = |name| {
            let value = request.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        (told(header::IF_NONE_MATCH), told(header::AUTHORIZATION))
    };
    drop(request);
    let hangs = served.lock().unwrap().hangs;
    if hangs {
        std::future::pending::<()>().await;
    }
    let mut served = served.lock().unwrap();
    let fresh = known.is_some() && known == served.etag;
    let status = served.status.unwrap_or(if fresh {
        StatusCode::NOT_MODIFIED
    } else if query.as_deref() == Some("team=refunds") {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    });
    served.asked.push((known, authorization, status));
    let mut response = Response::builder().status(status);
    if let Some(etag) = &served.etag {
        response = response.header(header::ETAG, etag);
    }
    if let Some(location) = &served.location {
        response = response.header(header::LOCATION, location);
    }
    let body = if status == StatusCode::OK {
        served.body.clone()
    } else {
        Vec::new()
    };
    response.body(Body::from(body)).unwrap()
}

fn rarely(source: impl Into<PolicySource>) -> kitelogik_opa::ReloadingBuilder {
    quick(source).poll_interval(Duration::from_secs(24 * 60 * 60))
}

#[tokio::test]
async fn a_bundle_is_fetched_again_only_where_its_tag_changed() {
    let server = Server::start(bundle("a", Some(1))).await;
    server.serve(bundle("a", Some(1)), "\"one\"");
    let url = BundleUrl::new(server.url()).bearer_token("s3cret");
    let engine = rarely(url).start().await.unwrap();
    assert!(allowed(&engine, "a").await);
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
    server.serve(bundle("b", Some(2)), "\"two\"");
    assert!(matches!(
        engine.reload_now().await,
        Ok(ReloadOutcome::Reloaded(_))
    ));
    assert!(allowed(&engine, "b").await);
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
    let served = server.served.lock().unwrap();
    let asked: Vec<_> = served
        .asked
        .iter()
        .map(|(tag, _, status)| (tag.as_deref(), status.as_u16()))
        .collect();
    assert_eq!(
        asked,
        [
            (None, 200),
            (Some("\"one\""), 304),
            (Some("\"one\""), 200),
            (Some("\"two\""), 304),
        ]
    );
    assert!(
        served
            .asked
            .iter()
            .all(|(_, token, _)| token.as_deref() == Some("Bearer s3cret"))
    );
}

#[tokio::test]
async fn a_bundle_that_the_server_has_still_is_read_anew() {
    let server = Server::start(bundle("a", Some(1))).await;
    server.serve(bundle("a", Some(1)), "\"one\"");
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("limits.json");
    std::fs::write(&data, "{\"limit\": 1}").unwrap();
    let followed = data.clone();
    let engine = rarely(BundleUrl::new(server.url()))
        .compose(move |policy| policy.data_file(&followed))
        .start()
        .await
        .unwrap();
    assert_eq!(engine.reload_now().await, Ok(ReloadOutcome::Unchanged));
    std::fs::write(&data, "{}, which is no data").unwrap();
    assert!(engine.reload_now().await.is_err());
    let served = server.served.lock().unwrap();
    let status = served.asked.last().map(|(_, _, status)| *status);
    assert_eq!(status, Some(StatusCode::NOT_MODIFIED));
}

#[tokio::test]
async fn a_changed_bundle_is_found_by_polling() {
    let server = Server::start(bundle("a", None)).await;
    let engine = quick(PolicySource::bundle_url(server.url()))
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    server.set(|served| served.body = bundle("b", None));
    assert!(matches!(next(&mut events).await, ReloadEvent::Reloaded(_)));
    assert!(allowed(&engine, "b").await);
}

#[tokio::test]
async fn what_was_refused_stays_refused_while_its_tag_is_the_same() {
    let server = Server::start(bundle("a", Some(5))).await;
    let engine = rarely(PolicySource::bundle_url(server.url()))
        .start()
        .await
        .unwrap();
    for (body, tag) in [
        (b"damaged".to_vec(), "\"bad\""),
        (bundle("b", Some(4)), "\"old\""),
    ] {
        server.serve(body, tag);
        let first = engine.reload_now().await.unwrap_err();
        assert_eq!(engine.reload_now().await, Err(first.clone()));
        assert_eq!(engine.status().problem, Some(first));
        assert_eq!(
            server.served.lock().unwrap().asked.last().unwrap().2,
            StatusCode::NOT_MODIFIED
        );
        assert!(allowed(&engine, "a").await);
    }
}

#[tokio::test]
async fn answers_that_are_no_bundle_change_nothing() {
    let server = Server::start(bundle("a", None)).await;
    let elsewhere = Server::start(bundle("b", None)).await;
    let url = BundleUrl::new(server.url())
        .timeout(Duration::from_millis(500))
        .max_bytes(100_000);
    let engine = rarely(url).start().await.unwrap();
    let cases: [(&str, Change); 5] = [
        ("HTTP status 404", |served| {
            served.status = Some(StatusCode::NOT_FOUND)
        }),
        ("HTTP status 302", |served| {
            served.status = Some(StatusCode::FOUND)
        }),
        ("nothing has changed, and has given nothing", |served| {
            served.status = Some(StatusCode::NOT_MODIFIED)
        }),
        ("larger than 100000 bytes", |served| {
            served.status = None;
            served.body = vec![0; 100_001];
        }),
        ("no whole answer within", |served| served.hangs = true),
    ];
    server.set(|served| served.location = Some(elsewhere.url()));
    for (said, change) in cases {
        server.set(change);
        let error = engine.reload_now().await.unwrap_err();
        assert!(
            matches!(&error, ReloadError::Unreadable(text) if text.contains(said)),
            "{error}"
        );
        assert!(!error.to_string().contains("team=refunds"), "{error}");
        assert!(allowed(&engine, "a").await);
    }
    assert!(
        elsewhere.served.lock().unwrap().asked.is_empty(),
        "no redirect was followed"
    );
}

#[tokio::test]
async fn without_a_server_there_is_no_first_version_and_a_late_one_recovers() {
    let server = Server::start(bundle("a", None)).await;
    let max_stale = Duration::from_millis(1500);
    let engine = quick(PolicySource::bundle_url(server.url()))
        .max_stale(max_stale)
        .start()
        .await
        .unwrap();
    let mut events = engine.events();
    let address = server.address.clone();
    server.set(|served| served.hangs = false);
    server.task.abort();
    let _ = server.task.await;
    assert!(matches!(
        refusal(&mut events).await,
        ReloadError::Unreadable(_)
    ));
    assert_eq!(next(&mut events).await, ReloadEvent::Stale { max_stale });
    assert_eq!(
        decide(&engine, "a").await.fail_closed,
        Some(FailClosed::PolicyStale)
    );
    let nobody = quick(PolicySource::bundle_url(format!(
        "http://{address}/policy.tar.gz"
    )))
    .start()
    .await;
    assert!(matches!(nobody, Err(ReloadError::Unreadable(_))));

    let _server = Server::at(&address, bundle("a", None)).await;
    assert!(matches!(
        next(&mut events).await,
        ReloadEvent::Recovered { .. }
    ));
    assert!(allowed(&engine, "a").await);
}

#[tokio::test]
async fn a_url_that_cannot_be_asked_is_refused_without_its_secrets() {
    for url in [
        "policies.internal/a.tar.gz",
        "ftp://policies.internal/a.tar.gz",
        "http://user:s3cret@policies.internal/a.tar.gz",
        "http://policies.internal/a.tar.gz?s3cret=1#x",
    ] {
        let error = rarely(PolicySource::bundle_url(url))
            .start()
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(!text.contains("s3cret"), "{text}");
        assert!(
            matches!(error, ReloadError::Setting(_) | ReloadError::Unreadable(_)),
            "{text}"
        );
    }
    let token = BundleUrl::new("https://policies.internal/a.tar.gz").bearer_token("two words");
    assert!(!format!("{token:?}").contains("two words"));
    assert!(matches!(
        rarely(token).start().await,
        Err(ReloadError::Setting(_))
    ));
}
