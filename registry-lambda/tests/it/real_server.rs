//! The function in its process, and the server at its port, on one folder: each event is answered as the same request is
//! over a connection, to the byte.

use std::net::TcpListener;
use std::path::Path;

use clap::Parser as _;
use http::Method;
use registry_server::command_line::CommandLine;
use registry_testkit::fake_lambda_runtime::{LambdaFunction, Outcome};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};

use crate::events::{Asked, Given, Sender};

const CONFIG: &str = "public_url = \"https://npm.registry.example/registry\"\npath_prefix = \"/registry\"\n\
    [[packages]]\nmatch = \"@closed/*\"\nread = [\"user:nobody\"]\n\
    [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n\
    [log]\nfilter = \"error\"\n";

/// `registry-server` on a thread of its own, for as long as the tests run.
async fn serve(storage: &str) -> HttpClient {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let line = ["registry-server", "--listen", &address, "--storage", storage, "--config", CONFIG];
    let line = CommandLine::parse_from(line);
    let server = std::thread::spawn(move || registry_server::run(&line));
    let client = HttpClient::new(&format!("http://{address}"));
    while client.get("/-/ping").try_send().await.is_err() {
        assert!(!server.is_finished(), "the server ended");
        tokio::task::yield_now().await;
    }
    client
}

async fn over_http(server: &HttpClient, asked: &Asked) -> Given {
    let mut request = server.request(Method::from_bytes(asked.method.as_bytes()).unwrap(), &asked.target);
    for (name, value) in asked.headers.iter().filter(|(name, _)| name != "host") {
        request = request.header(name, value);
    }
    let answer = request.body(asked.body.clone()).send().await;
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let mut headers: Vec<(String, String)> =
        answer.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    headers.sort();
    Given { status: answer.status.as_u16().into(), headers, body: answer.body.to_vec() }
}

async fn over_lambda(function: &mut LambdaFunction, sender: Sender, asked: &Asked) -> Given {
    match function.invoke(asked.event(sender).to_string()).await {
        Outcome::Streamed { mut prelude, body } => {
            prelude["body"] = "".into();
            let mut given = Given { body: body.to_vec(), ..Given::of(&prelude) };
            // In streams, Lambda's runtime library names a type where an answer has none, such as a 304.
            if given.status == 304 {
                given.headers.retain(|(name, _)| name != "content-type");
            }
            given
        }
        answered => Given::of(&answered.json()),
    }
}

/// What a connection adds, and what says in which form the body went.
fn without_the_way(given: Given) -> Given {
    let is_of_the_way =
        |name: &str| ["date", "connection", "transfer-encoding", "x-request-id"].contains(&name);
    let headers = given.headers.into_iter().filter(|(name, _)| !is_of_the_way(name)).collect();
    Given { headers, ..given }
}

/// Within the second of a change, an answer has no date of it: the later of two answers may have one alone.
fn without_new_date(mut answers: [Given; 2]) -> [Given; 2] {
    let has_date = |answer: &Given| answer.header("last-modified").is_some();
    if has_date(&answers[0]) != has_date(&answers[1]) {
        for answer in &mut answers {
            answer.headers.retain(|(name, _)| name != "last-modified");
        }
    }
    answers
}

/// The revision that a publish leads to is a number and random digits, which no two publishes share.
fn without_revision(mut given: Given) -> Given {
    let mut body: Value = serde_json::from_slice(&given.body).unwrap();
    let revision = body["rev"].as_str().unwrap();
    assert_eq!(revision.split_once('-').map(|(_, digits)| digits.len()), Some(32));
    body["rev"] = "".into();
    given.body = body.to_string().into();
    given.headers.retain(|(name, _)| name != "content-length");
    given
}

fn document(name: &str, version: &str) -> String {
    PublishDocument::new(name, version).field("description", "é \"\\ \u{1}".into()).build().to_string()
}

/// Reads, and writes that change nothing however often they are made.
fn requests(token: &str, etag: &str) -> Vec<(u64, Asked)> {
    let ana = |asked: Asked| asked.header("authorization", &format!("Bearer {token}"));
    let abbreviated = "application/vnd.npm.install-v1+json";
    let tag = || Asked::of("PUT", "/registry/-/package/@acme%2fone/dist-tags/stable");
    let publish = |name: &str| Asked::of("PUT", &format!("/registry/{}", name.replace('/', "%2f")));
    vec![
        (200, Asked::get("/registry/@acme%2fone")),
        (200, Asked::get("/registry/@acme%2fone").header("accept", abbreviated)),
        (
            200,
            Asked::get("/registry/@acme/one").header("accept", abbreviated).header("accept-encoding", "gzip"),
        ),
        (304, Asked::get("/registry/@acme%2fone").header("if-none-match", etag)),
        (200, Asked::of("HEAD", "/registry/@acme%2fone")),
        (200, Asked::get("/registry/@acme%2fone/latest")),
        (200, Asked::get("/registry/@acme/one/-/one-1.0.0.tgz")),
        (206, Asked::get("/registry/@acme%2fone/-/one-1.0.0.tgz").header("range", "bytes=3-9")),
        (416, Asked::get("/registry/@acme%2fone/-/one-1.0.0.tgz").header("range", "bytes=999999-")),
        (200, ana(tag()).body("\"1.0.0\"")),
        (200, Asked::get("/registry/-/package/@acme%2fone/dist-tags")),
        (403, ana(publish("@acme/one")).body(document("@acme/one", "1.0.0"))),
        (401, publish("@acme/one").body(document("@acme/one", "1.1.0"))),
        (400, ana(publish("@acme/one")).body(document("@acme/two", "1.0.0")).in_base64()),
        (400, ana(publish("@acme/one")).body("{")),
        (404, ana(tag()).body("\"9.9.9\"")),
        (400, ana(Asked::of("DELETE", "/registry/-/package/@acme%2fone/dist-tags/latest"))),
        (200, ana(Asked::get("/registry/-/whoami"))),
        (401, Asked::get("/registry/-/whoami")),
        (401, Asked::get("/registry/@closed%2fone")),
        (404, ana(Asked::get("/registry/@closed%2fone"))),
        (404, Asked::get("/registry/@acme%2fmissing")),
        (404, Asked::get("/registry/@acme%2fone/-/one-9.9.9.tgz")),
        (405, Asked::of("PATCH", "/registry/@acme%2fone")),
        (404, Asked::get("/registry/-/nothing/there")),
        (200, Asked::get("/-/ping")),
    ]
}

#[tokio::test]
async fn every_event_is_answered_as_the_server_answers() {
    let folder = tempfile::tempdir().unwrap();
    let storage = format!("file:{}", folder.path().display());
    let server = serve(&storage).await;
    let body = json!({ "name": "ana", "password": "correct horse battery", "email": "ana@registry.example" });
    let session = server.put("/-/user/org.couchdb.user:ana").json(&body).send().await.assert_status(201);
    let token = session.json()["token"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {token}");
    for (number, mode) in ["buffered", "streaming"].into_iter().enumerate() {
        let variables = [
            ("REGISTRY_STORAGE", storage.as_str()),
            ("REGISTRY_CONFIG", CONFIG),
            ("REGISTRY_LAMBDA_RESPONSE", mode),
        ];
        let mut function =
            LambdaFunction::start(Path::new(env!("CARGO_BIN_EXE_registry-lambda")), &variables).await;
        for (sender, at) in Sender::ALL.into_iter().zip(0..) {
            // One publishes at the server and one with the function, and both are told the same of both.
            let mut answers = Vec::new();
            for way in ["server", "function"] {
                let version = if number == 0 && at == 0 && way == "server" {
                    "1.0.0".to_owned()
                } else {
                    format!("1.{}.{}", 1 + number * 10 + at, usize::from(way == "function"))
                };
                let publish = Asked::of("PUT", "/registry/@acme%2fone").header("authorization", &bearer);
                let publish = publish.body(document("@acme/one", &version));
                answers.push(without_revision(without_the_way(match way {
                    "server" => over_http(&server, &publish).await,
                    _ => over_lambda(&mut function, sender, &publish).await,
                })));
            }
            assert_eq!(answers[0].status, 201, "{}", String::from_utf8_lossy(&answers[0].body));
            assert_eq!(answers[0], answers[1], "{sender:?} {mode}");

            let packument = over_http(&server, &Asked::get("/registry/@acme%2fone")).await;
            let parsed: Value = serde_json::from_slice(&packument.body).unwrap();
            assert_eq!(parsed["versions"].as_object().unwrap().len(), 2 * (number * 5 + at + 1));
            // Once it is set, setting it changes nothing.
            let tag = Asked::of("PUT", "/registry/-/package/@acme%2fone/dist-tags/stable").body("\"1.0.0\"");
            assert_eq!(over_http(&server, &tag.header("authorization", &bearer)).await.status, 200);
            let etag = over_http(&server, &Asked::get("/registry/@acme%2fone")).await;
            let etag = etag.header("etag").unwrap().to_owned();
            for (status, asked) in requests(&token, &etag) {
                let expected = without_the_way(over_http(&server, &asked).await);
                assert_eq!(expected.status, status, "{asked:?} {}", String::from_utf8_lossy(&expected.body));
                let given = without_the_way(over_lambda(&mut function, sender, &asked).await);
                let [given, expected] = without_new_date([given, expected]);
                assert_eq!(given, expected, "{sender:?} {mode} {asked:?}");
            }
        }
    }
}
