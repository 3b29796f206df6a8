//! One request to a WebDriver, and its answer.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// How long the browser may take for one command.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Sends one command; the `value` of the answer.
pub(crate) fn command(port: u16, method: &str, path: &str, body: &Value) -> io::Result<Value> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    let body = if method == "POST" {
        body.to_string()
    } else {
        String::new()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status)?;
    // The driver does not always close the connection.
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut answer: Value = serde_json::from_slice(&body).map_err(io::Error::other)?;
    let value = answer.get_mut("value").map_or(Value::Null, Value::take);
    if status.starts_with("HTTP/1.1 200") {
        Ok(value)
    } else {
        Err(io::Error::other(value.to_string()))
    }
}
