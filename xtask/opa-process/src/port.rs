//! A loopback port that no other server of ours takes.
//!
//! `--addr 127.0.0.1:0` is of no use: OPA does not say which port it got. A port that was free a moment
//! ago may be another test's server by the time it is asked, and that one would answer in ours' place.
//! So a port is leased through a locked file, which works across processes, from a range below the one
//! that systems hand out by themselves.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::{env, process};

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port that is ours until this is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    port: u16,
    _lock: File,
}

impl Lease {
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// A port on which nobody listens and which nobody else has leased.
pub(crate) fn lease() -> io::Result<Lease> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let user = rustix::process::getuid();
    let folder = env::temp_dir().join(format!("kitelogik-opa-ports-{user}", user = user.as_raw()));
    fs::create_dir_all(&folder)?;
    // Test processes begin in different places, so that they rarely meet.
    let begin = process::id().wrapping_mul(97) % u32::from(COUNT);
    for _ in 0..COUNT {
        let step = u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let offset = u16::try_from((begin + step) % u32::from(COUNT)).map_err(io::Error::other)?;
        let port = FIRST + offset;
        let lock = File::create(folder.join(port.to_string()))?;
        if lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(Lease { port, _lock: lock });
        }
    }
    Err(io::Error::other(format!(
        "no loopback port is free between {FIRST} and {}",
        FIRST + COUNT
    )))
}
