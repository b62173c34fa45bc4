//! Requests that are none, too much of them, and clients that take their time. After each, the server answers others.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Instant;

use crate::running::Running;

const MIB: usize = 1 << 20;

/// A server that takes one mebibyte to publish, and waits for a second for the rest of a request.
fn strict_server() -> Running {
    Running::start(&["--config", "limits.publish_body_mib = 1\nserver.header_read_seconds = 1"])
}

#[track_caller]
fn assert_goes_on(server: &Running, after: &str) {
    let answer = server.get("/-/ping");
    assert!(answer.starts_with("HTTP/1.1 200 "), "after {after}: {answer}");
}

/// A token of a new account.
fn sign_up(server: &Running) -> String {
    let body = r#"{"name":"ana","password":"long enough"}"#;
    let answer = server.ask(&format!(
        "PUT /-/user/org.couchdb.user:ana HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    ));
    let (_, token) = answer.split_once("\"token\":\"").unwrap_or_else(|| panic!("{answer}"));
    token.split('"').next().unwrap().to_owned()
}

/// Everything that comes until the server closes or breaks the connection.
fn read_all(stream: &mut TcpStream) -> String {
    let (mut answer, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        answer.extend_from_slice(&piece[..length]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Sends head and body to the end, and reads the answer only then: so do clients that take a body from a pipe.
fn send_all_then_read(server: &Running, head: &str, body: impl Iterator<Item = Vec<u8>>) -> String {
    let mut stream = server.connect();
    stream.write_all(head.as_bytes()).unwrap();
    for piece in body {
        if let Err(error) = stream.write_all(&piece) {
            return format!("the server hung up on a client that was still sending: {error}");
        }
    }
    read_all(&mut stream)
}

#[test]
fn a_body_that_is_too_large_is_413_also_for_a_client_that_is_still_sending() {
    let server = strict_server();
    let token = sign_up(&server);
    let head = format!(
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n"
    );
    for mebibytes in [2, 7] {
        let body = || std::iter::repeat_n(vec![b' '; MIB], mebibytes);
        let declared = format!("{head}content-length: {}\r\n\r\n", mebibytes * MIB);
        let answer = send_all_then_read(&server, &declared, body());
        assert!(answer.starts_with("HTTP/1.1 413 "), "{mebibytes} MiB: {answer}");
        assert!(answer.contains("{\"error\":\"the request is larger than"), "{answer}");

        let chunks =
            body().map(|piece| [format!("{:x}\r\n", piece.len()).as_bytes(), &piece, b"\r\n"].concat());
        let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n");
        let answer = send_all_then_read(&server, &chunked, chunks.chain([b"0\r\n\r\n".to_vec()]));
        assert!(answer.starts_with("HTTP/1.1 413 "), "{mebibytes} MiB in chunks: {answer}");
        assert_goes_on(&server, "a body that is too large");
    }
}

#[test]
fn a_client_that_asks_first_is_told_before_it_sends() {
    let server = strict_server();
    let token = sign_up(&server);
    let mut stream = server.connect();
    let request = format!(
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\nconnection: close\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        500 * MIB,
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(String::from_utf8_lossy(&first), "HTTP/1.1 413");
    assert_goes_on(&server, "a client that asks first");
}

#[test]
fn what_is_no_http_is_refused() {
    let server = strict_server();
    for request in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET /\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\n: no name\r\n\r\n",
        "GET / HTTP/1.1\r\nhost : x\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: localhost\r\n folded: y\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: x\0y\r\n\r\n",
        "GET /a b HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET /a\0b HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET \\..\\etc HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "G\0T / HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999999999999999\r\n\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: x\r\n\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "\x16\x03\x01\x02\0\x01\0\x01\u{fffd}\x03\x03",
        "SSH-2.0-OpenSSH_9.9\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage",
        "GET http:// HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "GET * HTTP/1.1\r\nhost: localhost\r\n\r\n",
        "CONNECT registry.example:443 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    ] {
        let mut stream = server.connect();
        stream.write_all(request.as_bytes()).unwrap();
        // The server may have hung up already.
        let _ = stream.shutdown(Shutdown::Write);
        let answer = read_all(&mut stream);
        assert!(
            !answer.starts_with("HTTP/1.1 2") && !answer.starts_with("HTTP/1.1 5"),
            "{request:?}: {answer}"
        );
        assert_goes_on(&server, request);
    }
}

#[test]
fn a_header_of_ten_megabytes_is_refused_and_not_kept() {
    let server = strict_server();
    for name in ["x", "authorization", "host", "cookie"] {
        let mut stream = server.connect();
        let _ = stream.write_all(format!("GET / HTTP/1.1\r\n{name}: ").as_bytes());
        // The server may hang up as soon as it has had enough.
        for _ in 0..10 {
            if stream.write_all(&vec![b'x'; MIB]).is_err() {
                break;
            }
        }
        let answer = read_all(&mut stream);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
        assert_goes_on(&server, "a long header");
    }
    let many = "x: y\r\n".repeat(20_000);
    let answer = read_all_of(&server, &format!("GET / HTTP/1.1\r\nhost: localhost\r\n{many}\r\n"));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let answer =
        read_all_of(&server, &format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "x".repeat(MIB)));
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_goes_on(&server, "a long path");
}

/// Sends what the server takes of a request, and reads what it says to it.
fn read_all_of(server: &Running, request: &str) -> String {
    let mut stream = server.connect();
    let _ = stream.write_all(request.as_bytes());
    read_all(&mut stream)
}

#[test]
fn a_client_that_stops_in_the_middle_of_a_body_is_left() {
    let server = strict_server();
    let token = sign_up(&server);
    for head in [
        "PUT /-/user/org.couchdb.user:bob HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{"
            .to_owned(),
        "PUT /pear HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{".to_owned(),
        "GET /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{".to_owned(),
        format!(
            "PUT /pear HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{"
        ),
        format!(
            "PUT /pear HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             transfer-encoding: chunked\r\n\r\n1\r\n{{\r\n"
        ),
    ] {
        let mut stream = server.connect();
        let begun = Instant::now();
        stream.write_all(head.as_bytes()).unwrap();
        let answer = read_all(&mut stream);
        assert!(begun.elapsed().as_secs() < 15, "{head:?} was waited for");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{head:?}: {answer}");
    }
    assert_goes_on(&server, "slow bodies");
}

#[test]
fn many_requests_at_once_on_one_connection_are_answered_up_to_the_first_that_is_none() {
    let server = strict_server();
    let good = "GET /-/ping HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(500);
    let unknown = "GET /%00 HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(500);
    let send = |requests: String| {
        let mut stream = server.connect();
        let mut writer = stream.try_clone().unwrap();
        let sending = thread::spawn(move || writer.write_all(requests.as_bytes()).is_ok());
        let answers = read_all(&mut stream);
        sending.join().unwrap();
        (answers.matches("HTTP/1.1 200 ").count(), answers.matches("HTTP/1.1 400 ").count())
    };
    // The garbage is one byte: were any of it left unread, closing the connection would take answers with it.
    let (answered, refused) = send(format!("{good}{unknown}\0"));
    assert_eq!(answered, 500);
    assert!(refused >= 500, "{refused}");
    let (answered, _) = send(format!("{good}{unknown}\0{good}"));
    assert!(answered <= 500, "{answered}: none is answered after the garbage");
    assert_goes_on(&server, "pipelined garbage");
}

#[test]
fn a_storm_of_garbage_from_many_connections_is_outlived() {
    let server = strict_server();
    thread::scope(|scope| {
        for thread in 0..8_u8 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..50_u8 {
                    let mut stream = server.connect();
                    let garbage: Vec<u8> = (0..=255)
                        .map(|byte: u8| byte.wrapping_mul(thread * 2 + 1) ^ round)
                        .cycle()
                        .take(4096)
                        .collect();
                    let _ = stream.write_all(&garbage);
                    // Half of the clients go away without listening.
                    if round % 2 == 0 {
                        let _ = stream.shutdown(Shutdown::Write);
                        read_all(&mut stream);
                    }
                }
            });
        }
    });
    assert_goes_on(&server, "a storm");
}
