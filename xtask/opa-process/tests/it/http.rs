//! Requests byte by byte: a client library would tidy up the paths that these tests are about.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use kitelogik_opa_process::OpaProcess;

/// Sends one request and gives back the status and the body. `headers` are lines that end in `\r\n`.
pub(crate) fn send(
    server: &OpaProcess,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<(u16, String)> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         {headers}Content-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    match server.socket() {
        Some(path) => exchange(UnixStream::connect(path)?, &request),
        None => {
            let stream = TcpStream::connect(("127.0.0.1", server.port().unwrap()))?;
            stream.set_read_timeout(Some(Duration::from_millis(500)))?;
            exchange(stream, &request)
        }
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> io::Result<(u16, String)> {
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok((
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    ))
}
