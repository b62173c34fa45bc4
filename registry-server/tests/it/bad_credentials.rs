//! Credentials that are none: refused, told of in the audit log, without filling it, and without a word of theirs in it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use serde_json::Value;

use crate::running::run;
use crate::support::{Registry, sign_up, start_server};

/// An answer, byte by byte: what is sent here no client would send.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn ask(base_url: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(base_url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// `GET path` with these header lines.
fn get(base_url: &str, path: &str, headers: &[&[u8]]) -> Answer {
    let lines: Vec<u8> = headers.iter().flat_map(|line| [line, b"\r\n".as_slice()].concat()).collect();
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    ask(base_url, &[head.as_bytes(), &lines, b"\r\n"].concat())
}

/// What the audit log has of refused credentials: the reason, the name that was tried, and whose it is.
fn refused_in_log(storage: &Path) -> Vec<String> {
    let url = format!("file:{}", storage.display());
    let output = run(&["log", "--storage", &url, "--json", "--action", "credential-refused"]);
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told = lines.map(|line| {
        assert_eq!(line["address"], "127.0.0.1");
        let field = |name: &str| line[name].as_str().unwrap_or("-").to_owned();
        let count = line["count"].as_u64().map(|count| format!(" and {count} more")).unwrap_or_default();
        format!("{} {} {}{count}", field("reason"), field("name"), field("principal"))
    });
    told.collect()
}

#[tokio::test]
async fn what_is_no_credential_is_401_with_a_reason_and_told_of_once() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    let good = format!("authorization: Bearer {token}");
    let garbage = format!("authorization: Bearer {}", "x".repeat(8000));
    let cases: [(&str, u16, &[&[u8]]); 20] = [
        ("nothing", 200, &[]),
        ("a good token", 200, &[good.as_bytes()]),
        ("an empty header", 401, &[b"authorization:"]),
        ("Bearer alone", 401, &[b"authorization: Bearer"]),
        ("Bearer and a space", 401, &[b"authorization: Bearer "]),
        ("an unknown token", 401, &[b"authorization: Bearer npm_forged"]),
        ("bytes that are no text", 401, &[b"authorization: Bearer \xff\xfe"]),
        ("a tab in a token", 401, &[b"authorization: Bearer npm_\tforged"]),
        ("a token in pieces", 401, &[b"authorization: Bearer npm_forged and more"]),
        ("a long token", 401, &[garbage.as_bytes()]),
        ("Basic alone", 401, &[b"authorization: Basic"]),
        ("Basic without a colon", 401, &[b"authorization: Basic YW5h"]),
        ("Basic that is no Base64", 401, &[b"authorization: Basic !!!!"]),
        ("Basic that is no UTF-8", 401, &[b"authorization: Basic /////w=="]),
        // ana:wrong
        ("Basic with a wrong password", 401, &[b"authorization: Basic YW5hOndyb25n"]),
        ("Digest", 401, &[b"authorization: Digest username=\"ana\", response=\"0\""]),
        ("two tokens, the good one first", 401, &[good.as_bytes(), b"authorization: Bearer npm_forged"]),
        ("two tokens, the good one last", 401, &[b"authorization: Bearer npm_forged", good.as_bytes()]),
        (
            "a token that is not signed",
            401,
            &[b"authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ."],
        ),
        ("a control byte, which is no HTTP", 400, &[b"authorization: Bearer npm_\x01forged"]),
    ];
    for (what, status, headers) in cases {
        for path in ["/-/npm/v1/user", "/nothing"] {
            let status = match (status, path, headers.is_empty()) {
                (200, "/-/npm/v1/user", true) => 401,
                (200, "/nothing", _) => 404,
                // A single unknown token reads what anonymous callers may.
                (401, "/nothing", _) if what.contains("token") && !what.starts_with("two") => 404,
                (status, ..) => status,
            };
            let answer = get(registry.server.base_url(), path, headers);
            assert_eq!(answer.status, status, "{what} at {path}: {}", answer.body);
            if status == 401 {
                let body: Value = serde_json::from_str(&answer.body).unwrap();
                assert!(body["error"].is_string(), "{what}: {body}");
                assert!(answer.head.contains("www-authenticate: Bearer"), "{what}: {}", answer.head);
                assert!(!answer.body.contains("forged"), "{what}: {}", answer.body);
            }
        }
    }
    // The log has one line for each reason, and one for how many came after it in that minute.
    for number in 0..200 {
        let forged = format!("authorization: Bearer npm_forged{number}");
        assert_eq!(get(registry.server.base_url(), "/-/whoami", &[forged.as_bytes()]).status, 401);
    }
    let log = registry.server.stderr();
    assert!(!log.contains("panicked") && !log.contains("forged"), "{log}");
    let Registry { server, storage } = registry;
    assert!(server.stop().await.success());
    assert_eq!(
        refused_in_log(storage.path()),
        [
            "malformed - -",
            "unknown-token - -",
            "wrong-password ana -",
            "wrong-password ana - and 1 more",
            "malformed - - and 21 more",
            "unknown-token - - and 209 more",
        ]
    );
}

#[tokio::test]
async fn a_token_from_elsewhere_is_told_of_with_whose_it_is() {
    let registry = Registry::start().await;
    sign_up(&registry.http(), "ana").await;
    let storage = format!("file:{}", registry.storage().display());
    let made = run(&["token", "create", "ana", "--storage", &storage, "--cidr=192.0.2.0/24"]);
    let token = String::from_utf8(made.stdout).unwrap();
    let refused = registry.http().get("/-/whoami").bearer(token.trim_end()).send().await.assert_status(401);
    assert_eq!(refused.header("www-authenticate"), Some("ipaddress"));
    let Registry { server, storage } = registry;
    assert!(server.stop().await.success());
    assert_eq!(refused_in_log(storage.path()), ["token-elsewhere - ana"]);
}

#[tokio::test]
async fn line_breaks_get_neither_into_a_header_nor_into_a_line_of_a_log() {
    let registry = Registry::start().await;
    let http = registry.http();
    let token = sign_up(&http, "ana").await;
    let log_in = |name: &str| {
        let body = serde_json::json!({ "name": name, "password": "long enough", "type": "user" });
        http.put(&format!("/-/user/org.couchdb.user:{}", name.replace("\r\n", "%0d%0a"))).json(&body)
    };
    for name in ["eve\r\nx-evil: 1", "eve\r\n{\"kind\":\"published\"}"] {
        let path_safe = name.replace(['{', '}', '"', ' '], "_");
        let answer = log_in(&path_safe).send().await;
        assert!(answer.status.is_client_error(), "{}", answer.text());
        assert_eq!(answer.header("x-evil"), None);
    }
    let named = serde_json::json!({ "password": crate::support::PASSWORD, "name": "ci\r\nx-evil: 1" });
    let made = http.request(http::Method::POST, "/-/npm/v1/tokens").bearer(&token).json(&named).send().await;
    assert_eq!(made.header("x-evil"), None);
    assert!(made.status.is_client_error(), "{}", made.text());
    for path in [
        "/-/v1/search?text=a%0d%0ax-evil:%201",
        "/-/npm/v1/tokens?package=%0d%0ax-evil:%201",
        "/pear%0d%0ax-evil:%201",
        "/-/_view/starredByUser?key=%22a%0d%0ax-evil:%201%22",
        "/-/v1/login/%0d%0ax-evil:%201",
    ] {
        let answer = http.get(path).bearer(&token).send().await;
        assert_eq!(answer.header("x-evil"), None, "{path}");
        assert!(!answer.status.is_server_error(), "{path}: {}", answer.text());
    }
    let log = registry.server.stderr();
    assert!(!log.contains("panicked"), "{log}");
    assert!(log.lines().all(|line| !line.starts_with("x-evil") && !line.starts_with('{')), "{log}");
    let Registry { server, storage } = registry;
    assert!(server.stop().await.success());
    let url = format!("file:{}", storage.path().display());
    let shown = run(&["log", "--storage", &url]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.lines().all(|line| line.starts_with("20")), "{shown}");
}

#[tokio::test]
async fn a_token_revoked_on_another_server_is_dead_within_the_configured_seconds() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let config = ["--config", "cache.token_seconds = 2"];
    let other = ServerProcess::start(binary, &config, registry.storage()).await;
    let elsewhere = HttpClient::new(other.base_url());
    let _ = elsewhere.get("/-/whoami").bearer(&token).send().await.assert_status(200);
    let seen = Instant::now();
    let _ = registry.http().delete(&format!("/-/user/token/{token}")).send().await.assert_status(200);
    loop {
        let asked = seen.elapsed();
        let answer = elsewhere.get("/-/whoami").bearer(&token).send().await;
        if answer.status == 401 {
            break;
        }
        assert!(asked < Duration::from_secs(2), "it was good after {asked:?}");
    }
    // One that has not seen the token lately does not believe it for a moment.
    let third = start_server(registry.storage()).await;
    let fresh = HttpClient::new(third.base_url());
    let _ = fresh.get("/-/whoami").bearer(&token).send().await.assert_status(401);
}
