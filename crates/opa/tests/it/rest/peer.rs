//! A server that answers as a test tells it, byte by byte.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kitelogik_opa::OpaClient;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// What the server does with one request.
pub(crate) enum Reply {
    /// Writes this and waits for the next request.
    Say(Vec<u8>),
    /// Writes this and never another byte.
    Hang(Vec<u8>),
    /// Writes this and closes the connection.
    Close(Vec<u8>),
    /// Breaks the connection without a word (TCP reset).
    Reset,
}

/// A server on a loopback port. It lives as long as the test's runtime.
pub(crate) struct Peer {
    pub(crate) url: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
    asked: watch::Sender<usize>,
    hung_up: Notify,
}

impl Peer {
    /// Starts a server that asks `reply` what to do, with the number of the request, from 0.
    pub(crate) async fn start(reply: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::reading(move |number, _| reply(number)).await
    }

    /// A server that asks `reply` what to do, with the number of the request and the request.
    pub(crate) async fn reading(
        reply: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State::default());
        let reply = Arc::new(reply);
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream, shared.clone(), reply.clone()));
            }
        });
        Self { url, state }
    }

    /// A server that gives each request a 200 with this body.
    pub(crate) async fn with_body(body: &'static str) -> Self {
        Self::start(move |_| Reply::Say(ok(body))).await
    }

    /// A client of it, patient enough for a slow machine.
    pub(crate) fn client(&self) -> OpaClient {
        self.impatient_client(Duration::from_secs(30))
    }

    pub(crate) fn impatient_client(&self, timeout: Duration) -> OpaClient {
        let builder = OpaClient::builder().base_url(&self.url).timeout(timeout);
        builder.build().unwrap()
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// The requests that came, head and body.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come for which `which` holds.
    pub(crate) async fn asked(&self, times: usize, which: impl Fn(&str) -> bool) {
        let mut asked = self.state.asked.subscribe();
        asked
            .wait_for(|_| self.requests().iter().filter(|it| which(it)).count() >= times)
            .await
            .unwrap();
    }

    /// Waits until a client has closed a connection on which it was owed an answer.
    pub(crate) async fn hung_up_on(&self) {
        self.state.hung_up.notified().await;
    }
}

/// An answer with status 200.
pub(crate) fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "", body)
}

/// An answer with more headers, each ended by `\r\n`.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

async fn serve(
    mut stream: TcpStream,
    state: Arc<State>,
    reply: Arc<impl Fn(usize, &str) -> Reply + Send + Sync + 'static>,
) {
    while let Some(request) = read_request(&mut stream).await {
        let number = {
            let mut requests = state.requests.lock().unwrap();
            requests.push(request.clone());
            state.asked.send_replace(requests.len());
            requests.len() - 1
        };
        match reply(number, &request) {
            Reply::Say(bytes) => stream.write_all(&bytes).await.unwrap(),
            Reply::Close(bytes) => return stream.write_all(&bytes).await.unwrap(),
            Reply::Hang(bytes) => {
                stream.write_all(&bytes).await.unwrap();
                if matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)) {
                    state.hung_up.notify_one();
                }
                pending::<()>().await;
            }
            Reply::Reset => return stream.set_zero_linger().unwrap(),
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        if let Some(text) = whole(&read) {
            return Some(text);
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&chunk[..count]),
        }
    }
}

fn whole(read: &[u8]) -> Option<String> {
    let text = str::from_utf8(read).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    (body.len() == length).then(|| text.to_owned())
}
