//! Clients that take their time.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use kitelogik_web::Identity;

use crate::house::{House, refund};
use crate::http::{Events, send};

const PATIENCE: Duration = Duration::from_secs(1);

/// What comes after this was sent, until the server ends the connection. It panics where that never happens.
fn sent(house: &House, text: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, house.port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn who_does_not_send_a_request_in_time_is_not_waited_for() {
    let house = House::with(|builder| builder.patience(PATIENCE));
    let host = format!("Host: 127.0.0.1:{}\r\n", house.port);
    for head in [
        "",
        "GET",
        "GET / HTTP/1.1\r\n",
        &format!("GET / HTTP/1.1\r\n{host}"),
    ] {
        let answer = sent(&house, head);
        assert!(
            !answer.contains(" 200 ") && !answer.contains(" 303 "),
            "{answer}"
        );
    }
    // One that has had an answer and then is silent.
    let answer = sent(&house, &format!("GET /sign-in HTTP/1.1\r\n{host}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let form = format!(
        "POST /sign-in HTTP/1.1\r\n{host}Origin: {}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 100\r\n\r\ncsrf=",
        house.url("")
    );
    let answer = sent(&house, &form);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[test]
fn those_who_are_slow_keep_nobody_else_out() {
    let house = House::with(|builder| builder.patience(Duration::from_secs(600)));
    let slow: Vec<TcpStream> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, house.port)).unwrap();
            stream.write_all(b"GET / HT").unwrap();
            stream
        })
        .collect();
    let token = house.token(Identity::new("bo", "manager"));
    house.sign_in(&token);
    send(house.port, "GET", "/sign-in", &[], "").status(200);
    drop(slow);
}

/// The head of each request is there in time, and so the clock of heads never ends this.
#[test]
fn who_asks_on_and_reads_no_answer_is_cut() {
    let house = House::with(|builder| builder.patience(PATIENCE));
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, house.port)).unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let request = format!(
        "GET /assets/style.css HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n",
        house.port
    );
    let end = loop {
        if let Err(end) = stream.write_all(request.as_bytes()) {
            break end;
        }
    };
    assert!(
        matches!(
            end.kind(),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
        ),
        "{end}"
    );
}

#[test]
fn a_page_that_is_kept_up_to_date_may_hear_nothing_for_longer_than_that() {
    let house = House::with(|builder| builder.patience(PATIENCE));
    let cookie = house.sign_in(&house.token(Identity::new("bo", "manager")));
    let mut events = Events::open(house.port, "/events", &cookie);
    // Each of these is cut when that time has passed.
    for _ in 0..2 {
        sent(&house, "GET");
    }
    let id = house.ask(&refund(150));
    assert!(events.until("\n\n").contains(&id));
}
