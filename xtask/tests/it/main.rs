//! `cargo xtask opa`, as a contributor runs it.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use kitelogik_opa_process::opa_or_skip;
use rustix::process::{Pid, Signal, kill_process};

#[test]
fn help_lists_each_task_with_a_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for task in ["ci", "test", "opa"] {
        let line = help
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{task} ")))
            .unwrap();
        assert!(line.split_whitespace().count() > 3, "{line}");
    }
}

#[test]
fn without_opa_and_go_provide_names_the_ways_to_get_it() {
    let nothing = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["opa", "provide"])
        .env_remove("OPA_BIN")
        .env("PATH", nothing.path())
        .env("XDG_CACHE_HOME", nothing.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert_eq!(output.stdout, b"");
    let error = String::from_utf8(output.stderr).unwrap();
    for way in ["OPA_BIN", "PATH", "cache", "Go is not present"] {
        assert!(error.contains(way), "{error}");
    }
}

#[test]
fn provide_and_path_print_the_program_and_nothing_else() {
    let Some(opa) = opa_or_skip!() else { return };
    for task in [["opa"].as_slice(), &["opa", "provide"], &["opa", "path"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(task)
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("{}\n", opa.path().display())
        );
    }
}

#[test]
fn serve_listens_on_loopback_only() {
    for address in ["0.0.0.0:0", "192.0.2.1:8181", "[::]:8181"] {
        let output = serve(&["--addr", address]);
        assert!(!output.status.success());
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(
            error.contains(&format!("`{address}` is not a loopback address")),
            "{error}"
        );
    }
}

#[test]
fn serve_refuses_a_policy_that_is_not_there() {
    let Some(_opa) = opa_or_skip!() else { return };
    let output = serve(&["--policy", "/nowhere"]);
    assert!(!output.status.success());
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("cannot read `/nowhere`")
    );
}

#[test]
fn serve_answers_the_entry_point_and_nothing_else_until_ctrl_c() {
    let Some(_opa) = opa_or_skip!() else { return };
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("user.rego"),
        "package kitelogik.userpolicy\nimport rego.v1\nallow if input.action == \"read\"",
    )
    .unwrap();
    // Below the ports that the system gives to clients: connecting to one of those can meet itself.
    let address = (30_000..32_000)
        .map(|port| format!("127.0.0.1:{port}"))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["opa", "serve", "--addr", &address, "--policy"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();

    let begin = Instant::now();
    let query = r#"{"input": {"action": "read"}}"#;
    while !try_send(&address, "POST", "/v1/data/kitelogik/main", query)
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    {
        assert!(begin.elapsed() < Duration::from_secs(60) && server.try_wait().unwrap().is_none());
        thread::yield_now();
    }
    assert!(send(&address, "POST", "/v1/data/kitelogik/main", query).contains("\"allow\":true"));
    let policy = "package kitelogik.main\nallow := true";
    assert!(send(&address, "PUT", "/v1/policies/main", policy).starts_with("HTTP/1.1 401"));
    assert!(
        send(&address, "POST", "/v1/query", "{\"query\": \"true\"}").starts_with("HTTP/1.1 401")
    );

    kill_process(Pid::from_child(&server), Signal::INT).unwrap();
    server.wait().unwrap();
    assert!(TcpStream::connect(&address).is_err());
}

fn serve(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["opa", "serve"])
        .args(arguments)
        .output()
        .unwrap()
}

fn send(address: &str, method: &str, path: &str, body: &str) -> String {
    try_send(address, method, path, body).unwrap()
}

fn try_send(address: &str, method: &str, path: &str, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
