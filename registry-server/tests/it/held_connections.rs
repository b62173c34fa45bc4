//! Clients that hold connections: each is hung up on, and others are answered meanwhile.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use http::Request;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use tokio::net::TcpSocket;

use crate::running::{Running, wait_for};
use crate::support::sign_up;

/// A client must send or take 1000 bytes in each second that the server waits for it.
const PACE: &str = "server.progress_seconds = 1\nserver.least_bytes_per_second = 1000";

/// How long a client looks for an answer before it sends its next byte.
const A_MOMENT: Duration = Duration::from_millis(100);

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

#[track_caller]
fn assert_others_are_answered(server: &Running) {
    let answer = server.get("/-/ping");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

/// Whether the server has hung up, or has said something.
fn is_over(stream: &TcpStream) -> bool {
    match stream.peek(&mut [0]) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

#[test]
fn a_body_that_drips_is_left() {
    let server = Running::start(&["--config", PACE]);
    for framing in ["content-length: 1000000", "transfer-encoding: chunked"] {
        let mut stream = server.connect();
        let head =
            format!("PUT /-/user/org.couchdb.user:eve HTTP/1.1\r\nhost: localhost\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(A_MOMENT)).unwrap();
        let byte: &[u8] = if framing.contains("chunked") { b"1\r\n \r\n" } else { b" " };
        // Each byte comes long before a pause of 30 seconds is over.
        wait_for("the server to hang up", || {
            (stream.write_all(byte).is_err() || is_over(&stream)).then_some(())
        });
        assert_others_are_answered(&server);
    }
}

/// Publishes a package whose tarball no buffer of a connection holds.
async fn publish_a_large_one(server: &Running) {
    let http = HttpClient::new(&format!("http://{}", server.address));
    let token = sign_up(&http, "ana").await;
    let mut noise = vec![0; 24 << 20];
    let mut state = 1_u64;
    for byte in &mut noise {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *byte = state.to_be_bytes()[0];
    }
    let document = PublishDocument::new("large", "1.0.0").file("noise.bin", &noise).build();
    let _ = http.put("/large").bearer(&token).json(&document).send().await.assert_status(201);
}

#[tokio::test]
async fn a_reader_that_reads_nothing_is_left() {
    let server = Running::start(&["--config", PACE]);
    publish_a_large_one(&server).await;
    let path = "/large/-/large-1.0.0.tgz";
    let whole = HttpClient::new(&format!("http://{}", server.address)).get(path).send().await;
    let length = whole.assert_status(200).body.len();
    let mut stream = server.connect();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).unwrap();
    // The answer has begun, and of the rest no buffer has room.
    stream.read_exact(&mut [0; 12]).unwrap();
    wait_for("the server to hang up", || {
        assert_others_are_answered(&server);
        stream.write_all(b" ").is_err().then_some(())
    });
    // Only now does the client read: what was under way is there, and no more comes.
    let (mut received, mut piece) = (0, vec![0; 1 << 20]);
    while let Ok(read @ 1..) = stream.read(&mut piece) {
        received += read;
    }
    assert!(received < length, "{received} of {length}");
}

#[tokio::test]
async fn http_2_without_requests_or_without_a_window_is_left() {
    let server = Running::start(&["--config", PACE]);
    publish_a_large_one(&server).await;
    for path in [None, Some("/large/-/large-1.0.0.tgz")] {
        let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let (mut requests, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(A_MOMENT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        // The answer's body is kept and not read, so that no window is granted for more of it.
        let _unread = match path {
            None => None,
            Some(path) => {
                let uri = format!("http://{}{path}", server.address);
                let request = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
                let answer = requests.send_request(request).await.unwrap();
                assert_eq!(answer.status(), 200);
                Some(answer)
            }
        };
        let ended = tokio::time::timeout(PATIENCE, connection).await;
        assert!(ended.is_ok(), "the connection is held, by PINGs alone: {path:?}");
        assert_others_are_answered(&server);
    }
}

/// A connection from this address of the machine.
async fn connect_from(address: &str, server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let stream = socket.connect(server).await.unwrap().into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Whether a request over this connection is answered with 200, and the connection goes on.
fn is_served(stream: &mut TcpStream) -> bool {
    let asked = stream.write_all(b"GET /-/ping HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).unwrap_or_default();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 200 ") || answer.starts_with("HTTP/1.1 503 "),
        "{answer}"
    );
    asked.is_ok() && answer.starts_with("HTTP/1.1 200 ")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn connections_are_limited_for_each_address_and_in_all() {
    let server = Running::start(&["--config", "server.connections = 4\nserver.connections_per_address = 2"]);
    let mut open = Vec::new();
    for address in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"] {
        let mut stream = connect_from(address, server.address).await;
        assert!(is_served(&mut stream), "{address}");
        open.push(stream);
        if open.len() == 2 {
            assert!(
                !is_served(&mut connect_from("127.0.0.1", server.address).await),
                "a third of one address"
            );
        }
    }
    assert!(!is_served(&mut connect_from("127.0.0.3", server.address).await), "a fifth in all");
    assert!(open.iter_mut().all(is_served), "those that are there go on");
    open.truncate(3);
    for attempt in 0.. {
        if is_served(&mut connect_from("127.0.0.3", server.address).await) {
            break;
        }
        assert!(attempt < 10_000, "a place that was given up is not taken again");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_refused_connection_is_told_why_and_proxies_share_no_limit() {
    let settings = "server.connections_per_address = 1\nserver.trusted_proxies = [\"127.0.0.9\"]";
    let server = Running::start(&["--config", settings]);
    let mut first = connect_from("127.0.0.2", server.address).await;
    assert!(is_served(&mut first));
    // Nothing is sent, so that nothing unread takes the text away.
    let mut text = String::new();
    connect_from("127.0.0.2", server.address).await.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("\r\nretry-after: 5\r\n"), "{head}");
    assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(body["error"].as_str().unwrap().contains("too many connections"), "{body}");

    let mut proxied = Vec::new();
    for _ in 0..5 {
        let mut stream = connect_from("127.0.0.9", server.address).await;
        assert!(is_served(&mut stream));
        proxied.push(stream);
    }
}
