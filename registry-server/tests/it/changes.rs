//! The change feed of the real server: streamed, posted to webhooks, and complete after kills.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use registry_core::randomness::Randomness as _;
use registry_testkit::fake_receiver::FakeReceiver;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::{SeededRandomness, amount};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::support::{Registry, sign_up};

const BINARY: &str = env!("CARGO_BIN_EXE_registry-server");

/// A configuration with a webhook at `receiver`, and what else is given.
fn configuration(folder: &Path, receiver: &FakeReceiver, more: &str) -> String {
    let secret = folder.join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let config = folder.join("registry.toml");
    let mut file = std::fs::File::create(&config).unwrap();
    let (url, secret) = (receiver.url(), secret.display().to_string());
    write!(file, "[webhooks.ci]\nurl = \"{url}/hook\"\nsecret_file = {secret:?}\n{more}").unwrap();
    config.display().to_string()
}

async fn publish(http: &HttpClient, token: &str, name: &str, version: &str) {
    let document = PublishDocument::new(name, version).build();
    let _ = http.put(&format!("/{name}")).bearer(token).json(&document).send().await.assert_status(201);
}

#[tokio::test]
async fn changes_are_streamed_as_they_come() {
    let registry = Registry::start().await;
    let token = sign_up(&registry.http(), "ana").await;
    publish(&registry.http(), &token, "pear", "1.0.0").await;
    let address = registry.server.base_url().strip_prefix("http://").unwrap().to_owned();
    let mut connection = TcpStream::connect(&address).await.unwrap();
    let request = format!("GET /-/changes HTTP/1.1\r\nhost: {address}\r\naccept: text/event-stream\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(connection).lines();
    let mut next = async |prefix: &str| {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some(rest) = line.strip_prefix(prefix) {
                return rest.to_owned();
            }
        }
        panic!("the stream ended before a line with {prefix}");
    };
    assert_eq!(next("content-type: ").await, "text/event-stream");
    assert_eq!((next("id: ").await, next("event: ").await), ("1".into(), "published".into()));
    publish(&registry.http(), &token, "fig", "1.0.0").await;
    assert_eq!((next("id: ").await, next("event: ").await), ("2".into(), "published".into()));
    let data: Value = serde_json::from_str(&next("data: ").await).unwrap();
    assert_eq!((&data["id"], &data["event"]["version"]), (&"fig".into(), &"1.0.0".into()));
    // A stream does not hold up a server that stops: this reads to its end.
    assert!(registry.server.stop().await.success());
    while lines.next_line().await.unwrap().is_some() {}
}

#[tokio::test]
async fn a_webhook_gets_changes_of_servers_on_one_folder_and_a_dead_one_holds_up_none() {
    let folder = TempDir::with_prefix("changes-").unwrap();
    let (alive, dead) = (FakeReceiver::start().await, FakeReceiver::start().await);
    dead.fall_silent();
    let secret = folder.path().join("secret").display().to_string();
    let more = format!("[webhooks.dead]\nurl = \"{}\"\nsecret_file = {secret:?}\n", dead.url());
    let config = configuration(folder.path(), &alive, &more);
    let storage = folder.path().join("storage");
    let arguments = ["--config", config.as_str()];
    let first = ServerProcess::start(Path::new(BINARY), &arguments, &storage).await;
    let second = ServerProcess::start(Path::new(BINARY), &arguments, &storage).await;
    let (first_http, second_http) = (HttpClient::new(first.base_url()), HttpClient::new(second.base_url()));
    let token = sign_up(&first_http, "ana").await;
    for number in 0..6 {
        let http = if number % 2 == 0 { &first_http } else { &second_http };
        publish(http, &token, "pear", &format!("1.{number}.0")).await;
    }
    let received = alive.wait_for(6).await;
    let versions: Vec<_> =
        received.iter().map(|received| received.json()["data"]["version"].clone()).collect();
    assert_eq!(versions, ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"]);
    let seqs: Vec<_> = received.iter().map(|received| received.json()["data"]["seq"].clone()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    let client = received[0].json()["data"].clone();
    assert!(client["request"].is_string() && client["address"] == "127.0.0.1", "{client}");
    assert!(first.stop().await.success() && second.stop().await.success());
}

#[tokio::test]
async fn kills_in_the_middle_of_publishes_lose_no_event() {
    let folder = TempDir::with_prefix("changes-").unwrap();
    let receiver = FakeReceiver::start().await;
    let config = configuration(folder.path(), &receiver, "");
    let storage = folder.path().join("storage");
    let arguments = ["--config", config.as_str()];
    let randomness = SeededRandomness::new(7);
    let mut acknowledged: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut token = String::new();
    for kill in 0..amount("KILLS", 8) {
        let server = ServerProcess::start(Path::new(BINARY), &arguments, &storage).await;
        let http = HttpClient::new(server.base_url());
        if token.is_empty() {
            token = sign_up(&http, "ana").await;
        }
        let publishers: Vec<_> = (0..4)
            .map(|package| {
                let (http, token, name) = (http.clone(), token.clone(), format!("pear{package}"));
                tokio::spawn(async move {
                    let mut done = Vec::new();
                    for number in 0..1000 {
                        let version = format!("{}.{number}.0", kill + 1);
                        let document = PublishDocument::new(&name, &version).build();
                        let request = http.put(&format!("/{name}")).bearer(&token).json(&document);
                        match request.try_send().await {
                            Ok(answer) if answer.status == 201 => done.push(version),
                            _ => break,
                        }
                    }
                    (name, done)
                })
            })
            .collect();
        let mut pause = [0];
        randomness.fill(&mut pause);
        // Not to wait for something, but to be killed at any moment of it.
        tokio::time::sleep(Duration::from_millis(u64::from(pause[0]))).await;
        server.kill().await;
        for publisher in publishers {
            let (name, done) = publisher.await.unwrap();
            acknowledged.entry(name).or_default().extend(done);
        }
    }
    let total: usize = acknowledged.values().map(Vec::len).sum();
    assert!(total > 4, "only {total} publishes were acknowledged");

    // Two servers take over what is left. A last change of each package comes after all others.
    let first = ServerProcess::start(Path::new(BINARY), &arguments, &storage).await;
    let second = ServerProcess::start(Path::new(BINARY), &arguments, &storage).await;
    let http = HttpClient::new(first.base_url());
    for (name, versions) in &mut acknowledged {
        publish(&http, &token, name, "1000.0.0").await;
        versions.push("1000.0.0".to_owned());
    }
    wait_for_last(&receiver, acknowledged.len()).await;
    let feed = read_feed(&http, &token).await;
    assert_eq!(feed, read_feed(&HttpClient::new(second.base_url()), &token).await);
    let ids: HashSet<_> = feed.iter().map(|change| change["event"]["event-id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), feed.len(), "no change is in the feed twice");
    let numbers: Vec<_> = feed.iter().map(|change| change["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=feed.len() as u64).collect::<Vec<_>>(), "there is no gap");
    for (name, acknowledged) in &acknowledged {
        let told: Vec<_> = feed
            .iter()
            .filter(|change| change["id"] == *name.as_str())
            .map(|change| change["event"]["version"].as_str().unwrap().to_owned())
            .collect();
        let packument = http.get(&format!("/{name}")).send().await.assert_status(200).json();
        let committed: Vec<_> = packument["versions"].as_object().unwrap().keys().cloned().collect();
        assert_eq!(told, committed, "the feed has what was committed, in that order");
        let is_in = |versions: &[String]| acknowledged.iter().all(|version| versions.contains(version));
        assert!(is_in(&told), "{name}: {acknowledged:?} are not all in {told:?}");
        let posted: Vec<String> = receiver
            .received()
            .iter()
            .map(|received| received.json()["data"].clone())
            .filter(|data| data["package"] == *name.as_str())
            .map(|data| data["version"].as_str().unwrap().to_owned())
            .collect();
        let mut seen = HashSet::new();
        let first_times: Vec<_> = posted.into_iter().filter(|version| seen.insert(version.clone())).collect();
        assert_eq!(first_times, told, "the webhook got each at least once, in order");
    }
}

/// Waits until the webhook got the last version of each package.
async fn wait_for_last(receiver: &FakeReceiver, packages: usize) {
    let mut count = 0;
    loop {
        let posts = receiver.wait_for(count + 1).await;
        count = posts.len();
        let is_last = |data: &Value| data["version"] == "1000.0.0";
        let last: HashSet<_> = posts
            .iter()
            .map(|received| received.json()["data"].clone())
            .filter(is_last)
            .map(|data| data["package"].to_string())
            .collect();
        if last.len() == packages {
            return;
        }
    }
}

async fn read_feed(http: &HttpClient, token: &str) -> Vec<Value> {
    let (mut feed, mut since) = (Vec::new(), 0);
    loop {
        let path = format!("/-/changes?limit=1000&since={since}");
        let page = http.get(&path).bearer(token).send().await.assert_status(200).json();
        feed.extend(page["results"].as_array().unwrap().iter().cloned());
        since = page["last_seq"].as_u64().unwrap();
        if page["pending"] == 0 {
            return feed;
        }
    }
}
