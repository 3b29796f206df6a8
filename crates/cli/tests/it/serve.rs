//! `kitelogik serve`, and the commands that go on until they are told to end.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use kitelogik_core::Masking;
use serde_json::Value;

use crate::record::record;
use crate::shell::Shell;

/// A command that runs until this is dropped.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    fn start(shell: &Shell, arguments: &[&str]) -> (Self, impl Iterator<Item = String>) {
        Self::command(shell.command().args(arguments))
    }

    pub(crate) fn command(command: &mut Command) -> (Self, impl Iterator<Item = String> + use<>) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        (Self(child), told.lines().map(Result::unwrap))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn get(url: &str, path: &str, headers: &str) -> String {
    send(url, &format!("GET {path}"), headers)
}

/// Sends a request of this first line; the last headers may hold an empty line and a body.
pub(crate) fn send(url: &str, line: &str, headers: &str) -> String {
    let host = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    let request = format!("{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_page_is_served_to_who_has_the_link_or_a_token() {
    let shell = Shell::new();
    record(&shell, &[50], Masking::none());
    let made = shell.run(&[
        "serve", "token", "new", "ann", "--role", "manager", "--tenant", "acme",
    ]);
    let token = made.code(0).stdout.trim().to_owned();
    let (mut running, mut told) =
        Running::start(&shell, &["serve", "--bind", "127.0.0.1:0", "--json"]);
    let told: Value = serde_json::from_str(&told.next().unwrap()).unwrap();
    let url = told["url"].as_str().unwrap();
    assert_eq!(told["tokens"], 1);
    let link = told["link"].as_str().unwrap().strip_prefix(url).unwrap();
    assert!(get(url, link, "").starts_with("HTTP/1.1 200"));
    assert!(get(url, "/approvals", "").starts_with("HTTP/1.1 303"));
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let me = get(url, "/api/v1/me", &bearer);
    assert!(
        me.contains(r#"{"name":"ann","role":"manager","tenants":["acme"],"read_only":false}"#),
        "{me}"
    );
    assert!(get(url, "/api/v1/audit", &bearer).contains(r#""amount":50"#));
    let id = running.0.id().to_string();
    assert!(Command::new("kill").arg(&id).status().unwrap().success());
    assert_eq!(
        running.0.wait().unwrap().code(),
        Some(0),
        "it ends when it is told to"
    );
}

#[test]
fn tokens_are_listed_without_their_secret_and_revoked() {
    let shell = Shell::new();
    let new = [
        "serve",
        "token",
        "new",
        "eve",
        "--read-only",
        "--days",
        "1",
        "--json",
    ];
    let token = shell.run(&new).code(0).json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(token.starts_with("klt_"), "{token}");
    shell.run(&["serve", "token", "new", "eve"]).code(2);
    let listed = shell.run(&["serve", "token", "list"]).code(0).stdout;
    assert!(
        listed.starts_with("eve") && listed.contains("all tenants, reads only  until 2"),
        "{listed}"
    );
    let file = shell.read("kitelogik.tokens");
    assert!(!file.contains(&token) && !listed.contains(&token));
    assert_eq!(
        shell
            .run(&["serve", "token", "revoke", "eve"])
            .code(0)
            .stdout,
        "revoked the token of eve\n"
    );
    shell.run(&["serve", "token", "revoke", "eve"]).code(1);
}

#[test]
fn it_does_not_start_where_others_could_reach_it_or_nobody_could_sign_in() {
    let shell = Shell::new();
    record(&shell, &[50], Masking::none());
    for (arguments, told) in [
        (&["--bind", "0.0.0.0:0"][..], "say that this is meant"),
        (&["--bind", "0.0.0.0:0", "--public"], "--origin"),
        (
            &[
                "--bind",
                "0.0.0.0:0",
                "--public",
                "--origin",
                "http://a.example",
            ],
            "is not encrypted",
        ),
        (&["--no-link"], "nobody could sign in"),
    ] {
        let mut all = vec!["serve"];
        all.extend(arguments);
        let stderr = shell.run(&all).code(2).stderr;
        assert!(stderr.contains(told), "{stderr}");
    }
}

#[test]
fn the_tail_shows_what_was_and_what_comes() {
    let shell = Shell::new();
    record(&shell, &[50, 300], Masking::none());
    let (_running, mut told) = Running::start(&shell, &["audit", "tail", "-n", "2"]);
    assert!(told.next().unwrap().contains("Refunds over $200"));
    assert!(told.next().unwrap().contains("engine_timeout"));
    record(&shell, &[77], Masking::none());
    let came = told.find(|line| line.contains("allow")).unwrap();
    assert!(
        came.contains("approve_refund") && came.contains("support-1"),
        "{came}"
    );
}
