//! A real connection between a client and a real server, spoiled as a test tells it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What becomes of what a server says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It arrives.
    Pass,
    /// It arrives byte by byte.
    Trickle,
    /// It is held back until the mode changes; so are questions.
    Hold,
    /// The connection breaks after so many bytes of an answer.
    Cut(usize),
    /// The lowest bit of this byte of an answer is the other one.
    Garble(usize),
    /// Connections are closed as they come, and those that are open.
    Refuse,
}

/// Passes bytes on to a loopback port. It lives as long as the test's runtime.
pub(crate) struct Proxy {
    pub(crate) url: String,
    mode: watch::Sender<Mode>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    questions: Mutex<String>,
    asked: watch::Sender<usize>,
}

impl Proxy {
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared::default());
        let (mode, watched) = watch::channel(Mode::Pass);
        let passing = shared.clone();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                passing.connections.fetch_add(1, Ordering::SeqCst);
                if *watched.borrow() == Mode::Refuse {
                    continue;
                }
                let (watched, passing) = (watched.clone(), passing.clone());
                tokio::spawn(async move {
                    if let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await {
                        pass(near, far, watched, passing).await;
                    }
                });
            }
        });
        Self { url, mode, shared }
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until `text` has been in what clients sent at least `times` times.
    pub(crate) async fn asked(&self, text: &str, times: usize) {
        let mut asked = self.shared.asked.subscribe();
        asked
            .wait_for(|_| self.shared.questions.lock().unwrap().matches(text).count() >= times)
            .await
            .unwrap();
    }
}

async fn pass(near: TcpStream, far: TcpStream, mode: watch::Receiver<Mode>, shared: Arc<Shared>) {
    let ((near_read, near_write), (far_read, far_write)) = (near.into_split(), far.into_split());
    let answered = AtomicUsize::new(0);
    let mut watched = mode.clone();
    // Whichever side ends, both connections go.
    tokio::select! {
        () = forth(near_read, far_write, mode.clone(), &answered, &shared) => {}
        () = back(far_read, near_write, mode, &answered) => {}
        _ = watched.wait_for(|mode| *mode == Mode::Refuse) => {}
    }
}

async fn forth(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    answered: &AtomicUsize,
    shared: &Shared,
) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        let text = String::from_utf8_lossy(&chunk[..count]);
        shared.questions.lock().unwrap().push_str(&text);
        shared.asked.send_modify(|times| *times += 1);
        released(&mut mode).await;
        answered.store(0, Ordering::SeqCst);
        if to.write_all(&chunk[..count]).await.is_err() {
            return;
        }
    }
}

async fn back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut mode: watch::Receiver<Mode>,
    answered: &AtomicUsize,
) {
    let mut chunk = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut chunk).await {
        released(&mut mode).await;
        let begin = answered.fetch_add(count, Ordering::SeqCst);
        let mode = *mode.borrow();
        let spoilt = match mode {
            Mode::Cut(after) => after.saturating_sub(begin).min(count),
            _ => count,
        };
        if let Mode::Garble(index) = mode
            && let Some(byte) = index
                .checked_sub(begin)
                .and_then(|at| chunk[..count].get_mut(at))
        {
            *byte ^= 1;
        }
        let step = if mode == Mode::Trickle { 1 } else { count };
        for bytes in chunk[..spoilt].chunks(step) {
            if to.write_all(bytes).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        if spoilt < count {
            return;
        }
    }
}

async fn released(mode: &mut watch::Receiver<Mode>) {
    // Fails only when the test is over.
    let _ = mode.wait_for(|mode| *mode != Mode::Hold).await;
}
