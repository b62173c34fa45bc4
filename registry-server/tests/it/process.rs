//! How the server lives and ends: first line, own routes, connections, signals.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use rustix::process::Signal;

use crate::running::{Running, wait_for};

/// A request that no registry can answer before its body is there, up to the middle of the body.
const FIRST_HALF: &str = "PUT /-/user/org.couchdb.user:ana HTTP/1.1\r\nhost: localhost\r\n\
                          content-type: application/json\r\ncontent-length: 34\r\n\r\n{\"name\":\"ana\",";
const SECOND_HALF: &str = "\"password\":\"secret\"}";

/// Sends half a request and waits until the server is at it.
fn half_a_request(server: &Running) -> TcpStream {
    let mut stream = server.connect();
    stream.write_all(FIRST_HALF.as_bytes()).unwrap();
    wait_for("the request to be in flight", || {
        server.get("/-/metrics").contains("\nregistry_requests_in_flight 1\n").then_some(())
    });
    stream
}

fn is_refused(server: &Running) -> Option<()> {
    TcpStream::connect(server.address).is_err().then_some(())
}

#[test]
fn stdout_has_the_address_and_nothing_else() {
    let server = Running::start(&[]);
    assert!(server.address.ip().is_loopback() && server.address.port() != 0);
    server.get("/pear");
    server.signal(Signal::TERM);
    let (status, stdout, stderr) = server.wait();
    assert_eq!((status.code(), stdout.as_str()), (Some(0), ""), "{stderr}");
    assert!(stderr.contains("path=/pear status=404"), "{stderr}");
}

#[test]
fn log_lines_can_be_json() {
    let server = Running::start(&["--log-format", "json"]);
    server.get("/pear");
    server.signal(Signal::INT);
    let (_, _, stderr) = server.wait();
    let lines: Vec<serde_json::Value> =
        stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let requests: Vec<_> = lines.iter().filter(|line| line["target"] == "registry_server::access").collect();
    assert_eq!(requests.len(), 1, "{stderr}");
    assert_eq!(requests[0]["path"], "/pear");
}

/// Such as `npm view TOKEN`, or a registry URL that ends in the token.
#[test]
fn a_token_in_place_of_a_name_is_in_no_log() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("registry.toml");
    let rules = "[[packages]]\nmatch = \"*\"\nread = [\"user:ana\"]\n";
    std::fs::write(&file, rules).unwrap();
    let server = Running::start(&["--config", file.to_str().unwrap(), "--log", "trace"]);
    let token = "npm_0123456789abcdefghijABCDEFGHIJ012345";
    for path in
        ["/{}", "/{}/latest", "/{}/-/{}-1.0.0.tgz", "/@{}%2fpear", "/-/package/{}/dist-tags", "/-/user/{}"]
    {
        let answer = server.get(&path.replace("{}", token));
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(!answer.contains(token), "{answer}");
    }
    server.get("/pear");
    server.signal(Signal::TERM);
    let (_, _, stderr) = server.wait();
    assert!(stderr.contains("package=pear"), "events are not logged: {stderr}");
    let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(&token[4..])).collect();
    assert_eq!(lines, [""; 0]);
}

#[test]
fn ready_says_so() {
    let server = Running::start(&[]);
    let answer = server.get("/-/ready");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("content-type: application/json\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n{\"ok\":true,\"findings\":[]}"), "{answer}");
}

#[test]
fn metrics_are_lines_that_prometheus_reads() {
    let server = Running::start(&[]);
    server.get("/pear");
    let page = wait_for("the request to be counted", || {
        let page = server.get("/-/metrics");
        page.contains("registry_requests_total{").then_some(page)
    });
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    for line in body.lines().filter(|line| !line.is_empty() && !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with(|first: char| first.is_ascii_lowercase()), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
    for name in [
        "registry_requests_total",
        "registry_request_duration_seconds_bucket",
        "registry_requests_in_flight",
        "registry_response_bytes_total",
        "registry_build_info",
        "process_start_time_seconds",
    ] {
        assert!(body.contains(&format!("\n{name}")), "no {name} in {body}");
    }
}

#[test]
fn a_stopping_server_finishes_what_it_began() {
    for signal in [Signal::TERM, Signal::INT] {
        let server = Running::start(&[]);
        let mut in_flight = half_a_request(&server);
        server.signal(signal);
        wait_for("connections to be refused", || is_refused(&server));

        in_flight.write_all(SECOND_HALF.as_bytes()).unwrap();
        let mut answer = String::new();
        in_flight.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 "), "{answer:?}");
        assert!(answer.ends_with('}'), "{answer:?}");
        let (status, _, stderr) = server.wait();
        assert_eq!(status.code(), Some(0), "{stderr}");
        let at = |words: &str| stderr.find(words).unwrap_or_else(|| panic!("no {words} in {stderr}"));
        assert!(at("stopping:") < at("method=\"PUT\"") && at("method=\"PUT\"") < at("stopped"), "{stderr}");
        assert!(!stderr.contains("are cut"), "{stderr}");
    }
}

#[test]
fn a_stopping_server_does_not_wait_for_ever() {
    let server = Running::start(&["--config", "server.shutdown_seconds = 0"]);
    let _in_flight = half_a_request(&server);
    server.signal(Signal::TERM);
    let (status, _, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("did not end within 0 s and are cut"), "{stderr}");
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let server = Running::start(&[]);
    let _in_flight = half_a_request(&server);
    server.signal(Signal::TERM);
    wait_for("connections to be refused", || is_refused(&server));
    server.signal(Signal::TERM);
    let (status, _, stderr) = server.wait();
    assert_eq!(status.code(), Some(143), "{stderr}");
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    let server = Running::start(&["--config", "server.shutdown_seconds = 600"]);
    let _silent = server.connect();
    let mut idle = server.connect();
    idle.write_all(b"GET /-/ready HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut first = [0; 8];
    idle.read_exact(&mut first).unwrap();
    server.signal(Signal::TERM);
    let (status, _, stderr) = server.wait();
    assert_eq!(status.code(), Some(0), "{stderr}");
}

#[test]
fn a_client_that_does_not_get_to_the_point_is_left() {
    let server = Running::start(&["--config", "server.header_read_seconds = 1"]);
    // The first looks like the beginning of HTTP/2 and of `PUT`, the second is the beginning of HTTP/1.1.
    for beginning in ["P", "GET / HTTP/1.1\r\nhost:"] {
        let mut stream = server.connect();
        stream.write_all(beginning.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn http_2_is_spoken_without_an_upgrade() {
    let server = Running::start(&[]);
    let mut stream = server.connect();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    let mut frame_head = [0; 9];
    stream.read_exact(&mut frame_head).unwrap();
    assert_eq!(frame_head[3], 4, "the first frame is SETTINGS");
}

#[test]
fn a_head_without_end_is_refused() {
    let server = Running::start(&[]);
    let answer = server.ask(&format!("GET / HTTP/1.1\r\nx: {}\r\n", "x".repeat(70_000)));
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[test]
fn no_spelling_of_a_logout_shows_the_token_in_the_log() {
    let server = Running::start(&["--log", "debug"]);
    for path in
        ["/-/user/%74oken/npm_SECRET", "/%2d/user/token/npm_SECRET", "/-/npm/v1/%74okens/token/npm_SECRET"]
    {
        server.get(path);
        let head = format!("DELETE {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        server.ask(&head);
    }
    assert!(!server.get("/-/metrics").contains("SECRET"));
    server.signal(Signal::TERM);
    let (_, _, stderr) = server.wait();
    assert_eq!(stderr.matches("[redacted]").count(), 6, "{stderr}");
    assert!(!stderr.contains("SECRET"), "{stderr}");
}
