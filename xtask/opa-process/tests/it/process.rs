use std::io;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use kitelogik_opa_process::{Opa, OpaProcess, StartError, opa_or_skip};

use crate::http::send;

const POLICY: &str =
    "package kitelogik.main\nallow if input.action == \"read\"\nlimit := data.limit";
const READ: &str = r#"{"input": {"action": "read"}}"#;

#[test]
fn a_server_answers_from_its_modules_and_data_once_started() {
    let Some(opa) = opa_or_skip!() else { return };
    let server = opa
        .server()
        .module("main.rego", POLICY)
        .data(r#"{"limit": 200}"#)
        .start()
        .unwrap();
    let (status, body) = ask(&server).unwrap();
    assert_eq!(
        (status, body.trim()),
        (200, r#"{"result":{"allow":true,"limit":200}}"#)
    );
    assert!(
        server
            .url()
            .ends_with(&format!("127.0.0.1:{}", server.port().unwrap()))
    );
}

#[test]
fn a_server_without_policy_leaves_the_entry_point_undefined() {
    let Some(opa) = opa_or_skip!() else { return };
    let server = opa.server().start().unwrap();
    let (status, body) = ask(&server).unwrap();
    assert_eq!(status, 200);
    assert!(!body.contains("result"), "{body}");
}

#[test]
fn a_folder_is_loaded_without_tests_hidden_files_and_backups() {
    let Some(opa) = opa_or_skip!() else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("main.rego"), POLICY).unwrap();
    for broken in [
        "main_test.rego",
        ".main.rego",
        "main.rego~",
        "main.rego.bak",
    ] {
        std::fs::write(folder.path().join(broken), "not rego").unwrap();
    }
    let server = opa.server().policy(folder.path()).start().unwrap();
    assert_eq!(
        ask(&server).unwrap().1.trim(),
        r#"{"result":{"allow":true}}"#
    );
}

#[test]
fn a_server_on_a_unix_socket_answers_there_also_after_a_restart() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut server = opa
        .server()
        .module("main.rego", POLICY)
        .unix_socket()
        .start()
        .unwrap();
    assert_eq!(ask(&server).unwrap().0, 200);
    server.restart().unwrap();
    assert_eq!(ask(&server).unwrap().0, 200);
    assert_eq!(server.url(), "http://localhost");
}

#[test]
fn a_killed_server_refuses_and_comes_back_at_the_same_address() {
    let Some(opa) = opa_or_skip!() else { return };
    let mut server = opa.server().module("main.rego", POLICY).start().unwrap();
    let url = server.url();
    server.kill().unwrap();
    assert_eq!(
        ask(&server).unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
    server.restart().unwrap();
    assert_eq!(server.url(), url);
    assert_eq!(ask(&server).unwrap().0, 200);
}

#[test]
fn a_paused_server_accepts_and_does_not_answer_until_it_goes_on() {
    let Some(opa) = opa_or_skip!() else { return };
    let server = opa.server().module("main.rego", POLICY).start().unwrap();
    server.pause().unwrap();
    TcpStream::connect(("127.0.0.1", server.port().unwrap())).unwrap();
    assert_eq!(ask(&server).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    server.resume().unwrap();
    assert_eq!(ask(&server).unwrap().0, 200);
}

#[test]
fn a_policy_that_does_not_compile_is_an_error_that_shows_what_opa_wrote() {
    let Some(opa) = opa_or_skip!() else { return };
    let error = opa
        .server()
        .module("broken.rego", "package x\np if {")
        .start()
        .unwrap_err();
    assert!(matches!(error, StartError::Ended { .. }));
    assert!(
        error
            .to_string()
            .contains("broken.rego:2: rego_parse_error"),
        "{error}"
    );
}

#[test]
fn a_module_given_twice_is_an_error() {
    let Some(opa) = opa_or_skip!() else { return };
    let error = opa
        .server()
        .module("main.rego", POLICY)
        .module("main.rego", POLICY)
        .start()
        .unwrap_err();
    assert!(matches!(error, StartError::Io(error) if error.kind() == io::ErrorKind::AlreadyExists));
}

#[test]
fn a_port_that_is_taken_is_an_error_and_not_its_owner() {
    let Some(opa) = opa_or_skip!() else { return };
    let owner = opa.server().start().unwrap();
    let error = opa
        .server()
        .port(owner.port().unwrap())
        .start()
        .unwrap_err();
    assert!(matches!(error, StartError::Io(error) if error.kind() == io::ErrorKind::AddrInUse));
}

#[test]
fn a_dropped_server_is_gone() {
    let Some(opa) = opa_or_skip!() else { return };
    let server = opa.server().start().unwrap();
    let port = server.port().unwrap();
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
}

#[test]
fn servers_started_at_once_have_ports_of_their_own() {
    let Some(opa) = opa_or_skip!() else { return };
    let servers: Vec<OpaProcess> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..6)
            .map(|number| {
                let server = opa.server().module(
                    "main.rego",
                    format!("package kitelogik.main\nnumber := {number}"),
                );
                scope.spawn(|| server.start().unwrap())
            })
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    for (number, server) in servers.iter().enumerate() {
        assert_eq!(
            ask(server).unwrap().1.trim(),
            format!(r#"{{"result":{{"number":{number}}}}}"#)
        );
    }
}

#[test]
fn a_server_dies_with_a_test_process_that_is_killed() {
    const HOLDER: &str = "KITELOGIK_TEST_HOLDS_A_SERVER";
    let Some(opa) = opa_or_skip!() else { return };
    if std::env::var_os(HOLDER).is_some() {
        return hold_until_killed(&opa);
    }
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "process::a_server_dies_with_a_test_process_that_is_killed",
        ])
        .env(HOLDER, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(holder.stderr.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let socket = line.trim().strip_prefix("socket ").unwrap().to_owned();
    let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
    holder.kill().unwrap();
    holder.wait().unwrap();
    // The connection ends when the server does.
    let end = io::Read::read(&mut stream, &mut [0]);
    assert!(
        matches!(end, Ok(0))
            || end.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    );
    std::fs::remove_dir_all(std::path::Path::new(&socket).parent().unwrap()).unwrap();
}

fn hold_until_killed(opa: &Opa) {
    let server = opa.server().unix_socket().start().unwrap();
    let line = format!("socket {}\n", server.socket().unwrap().display());
    // Past the capture of the test runner.
    io::Write::write_all(&mut io::stderr(), line.as_bytes()).unwrap();
    io::stdin().read_line(&mut String::new()).unwrap();
}

fn ask(server: &OpaProcess) -> io::Result<(u16, String)> {
    send(server, "POST", "/v1/data/kitelogik/main", "", READ)
}
