//! Servers that come and go.

use kitelogik_postgres_process::{Server, find, postgres_or_skip};

#[test]
fn every_test_has_a_database_of_its_own() {
    let Some(one) = postgres_or_skip!() else {
        return;
    };
    let Some(other) = postgres_or_skip!() else {
        return;
    };
    assert!(one.starts_with("postgres://postgres@%2F"), "{one}");
    assert_ne!(one, other);
}

#[test]
fn a_server_that_was_killed_comes_back() {
    if postgres_or_skip!().is_none() {
        return;
    }
    let mut server = Server::start(find().unwrap()).unwrap();
    server.kill().unwrap();
    assert!(server.database().is_err());
    server.resume().unwrap();
    server.database().unwrap();
}

#[test]
fn a_server_that_could_do_nothing_about_its_end_comes_back() {
    if postgres_or_skip!().is_none() {
        return;
    }
    let mut server = Server::start(find().unwrap()).unwrap();
    for _ in 0..3 {
        server.kill_at_once().unwrap();
        server.resume().unwrap();
        server.database().unwrap();
    }
}
