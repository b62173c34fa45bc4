//! Many processes, many clients and sudden death on one folder: nothing acknowledged is lost, and nothing is mixed up.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use registry_core::domain::Integrity;
use registry_testkit::amount;
use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::{HttpClient, TestResponse};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Map, Value};
use tempfile::TempDir;

use crate::support::{sign_up, start_server};

/// A tiny version whose tarball differs from that of every other.
fn document(name: &str, version: &str, content: usize) -> PublishDocument {
    PublishDocument::new(name, version).file("index.js", format!("module.exports = {content};").as_bytes())
}

async fn versions_of(http: &HttpClient, name: &str) -> Map<String, Value> {
    let packument = http.get(&format!("/{name}")).send().await.assert_status(200).json();
    packument["versions"].as_object().unwrap().clone()
}

/// Downloads the tarball of each of these versions and compares it with the integrity that the packument gives.
async fn assert_downloads(http: &HttpClient, name: &str, versions: impl Iterator<Item = (&String, &Value)>) {
    let downloads = versions.map(async |(version, manifest)| {
        let tarball = http.get(&format!("/{name}/-/{name}-{version}.tgz")).send().await.assert_status(200);
        let integrity = Integrity::parse(manifest["dist"]["integrity"].as_str().unwrap()).unwrap();
        assert!(integrity.matches(&tarball.body), "{version} has other bytes than its integrity says");
    });
    futures::stream::iter(downloads).buffer_unordered(16).collect::<()>().await;
}

#[tokio::test]
async fn four_processes_lose_no_version() {
    let each = amount("VERSIONS", 240) / 4;
    let storage = TempDir::with_prefix("storm-").unwrap();
    let mut servers = Vec::new();
    for _ in 0..4 {
        servers.push(start_server(storage.path()).await);
    }
    let clients: Vec<_> = servers.iter().map(|server| HttpClient::new(server.base_url())).collect();
    let token = sign_up(&clients[0], "ana").await;

    let publishes = (0..each * clients.len()).map(|number| {
        let http = &clients[number % clients.len()];
        let body = document("storm", &format!("1.0.{number}"), number).build();
        let request = http.put("/storm").bearer(&token).json(&body);
        async move { (number, request.send().await) }
    });
    let answers: Vec<_> = futures::stream::iter(publishes).buffer_unordered(32).collect().await;
    for (number, answer) in answers {
        assert_eq!(answer.status, 201, "version 1.0.{number}: {}", answer.text());
    }
    for http in &clients {
        let versions = versions_of(http, "storm").await;
        assert_eq!(versions.len(), each * clients.len());
    }
    let versions = versions_of(&clients[0], "storm").await;
    assert_downloads(&clients[0], "storm", versions.iter().step_by(10)).await;
    for server in servers {
        assert!(server.stop().await.success());
    }
}

#[tokio::test]
async fn of_fifty_who_publish_one_version_one_wins() {
    let storage = TempDir::with_prefix("storm-").unwrap();
    let servers = [start_server(storage.path()).await, start_server(storage.path()).await];
    let clients = servers.each_ref().map(|server| HttpClient::new(server.base_url()));
    let token = sign_up(&clients[0], "ana").await;

    // Several races, because a registry that lets two win does not do so each time.
    for round in 0..10 {
        one_wins(&clients, &token, &format!("{round}.0.0")).await;
    }
}

async fn one_wins(clients: &[HttpClient; 2], token: &str, version: &str) {
    let documents: Vec<_> = (0..50).map(|number| document("race", version, number)).collect();
    let publishes = documents.iter().enumerate().map(|(number, document)| {
        clients[number % 2].put("/race").bearer(token).json(&document.build()).send()
    });
    let answers = futures::future::join_all(publishes).await;
    let won: Vec<_> = (0..50).filter(|number| answers[*number].status == 201).collect();
    assert_eq!(won.len(), 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for (number, answer) in answers.iter().enumerate().filter(|(number, _)| *number != won[0]) {
        assert!(matches!(answer.status.as_u16(), 403 | 409), "{number}: {} {}", answer.status, answer.text());
        assert!(!answer.error().is_empty());
    }
    let winner = &documents[won[0]];
    for http in clients {
        let versions = versions_of(http, "race").await;
        assert_eq!(versions[version]["dist"]["integrity"], winner.integrity());
        let tarball = http.get(&format!("/race/-/race-{version}.tgz")).send().await.assert_status(200);
        assert_eq!(tarball.body, winner.tarball());
    }
}

/// Starts a storm of publishes and kills the server in its middle. Returns what was acknowledged: version → integrity.
async fn killed_in_a_storm(storage: &TempDir, token: &str, round: usize) -> BTreeMap<String, String> {
    const AT_ONCE: usize = 12;
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let mut publishes: FuturesUnordered<_> = (0..AT_ONCE)
        .map(|number| {
            let version = format!("{round}.0.{number}");
            let document = document("storm", &version, number);
            let request = http.put("/storm").bearer(token).json(&document.build());
            async move { (version, document.integrity(), request.try_send().await) }
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    let mut take = |version: String, integrity: String, answer: TestResponse| {
        assert_eq!(answer.status, 201, "{version}: {}", answer.text());
        acknowledged.insert(version, integrity);
    };
    // Each round dies at another moment: after so many answers, and so long into the work on the next one.
    let mut answers_to_come = round % 5;
    let work = Duration::from_micros(u64::try_from(round * 457 % 5_000).unwrap());
    while answers_to_come > 0
        && let Some((version, integrity, answer)) = publishes.next().await
    {
        take(version, integrity, answer.unwrap());
        answers_to_come -= 1;
    }
    let mut moment = std::pin::pin!(tokio::time::sleep(work));
    loop {
        tokio::select! {
            () = &mut moment => break,
            Some((version, integrity, answer)) = publishes.next() => take(version, integrity, answer.unwrap()),
        }
    }
    server.kill().await;
    while let Some((version, integrity, answer)) = publishes.next().await {
        // From here on, no answer is what is to be expected.
        if let Ok(answer) = answer {
            take(version, integrity, answer);
        }
    }
    acknowledged
}

#[tokio::test]
async fn kills_in_the_middle_of_publishing_lose_nothing_that_was_acknowledged() {
    let storage = TempDir::with_prefix("storm-").unwrap();
    let first = start_server(storage.path()).await;
    let token = sign_up(&HttpClient::new(first.base_url()), "ana").await;
    first.kill().await;

    let mut acknowledged = BTreeMap::new();
    let mut downloaded = Map::new();
    let (kills, mut interrupted) = (amount("KILLS", 10), 0);
    for round in 1..=kills {
        let news = killed_in_a_storm(&storage, &token, round).await;
        interrupted += usize::from(news.len() < 12);
        acknowledged.extend(news);
        let server = start_server(storage.path()).await;
        let http = HttpClient::new(server.base_url());
        if acknowledged.is_empty() {
            continue;
        }
        let listed = versions_of(&http, "storm").await;
        for (version, integrity) in &acknowledged {
            let manifest =
                listed.get(version).unwrap_or_else(|| panic!("{version} is lost in round {round}"));
            assert_eq!(manifest["dist"]["integrity"], *integrity, "{version} in round {round}");
        }
        for (version, manifest) in &downloaded {
            let integrity = &manifest["dist"]["integrity"];
            assert_eq!(listed[version]["dist"]["integrity"], *integrity, "{version} in round {round}");
        }
        let fresh: Map<_, _> =
            listed.into_iter().filter(|(version, _)| !downloaded.contains_key(version)).collect();
        assert_downloads(&http, "storm", fresh.iter()).await;
        downloaded.extend(fresh);
    }
    assert!(interrupted > kills / 2, "only {interrupted} of {kills} kills came in the middle of a storm");

    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let listed = versions_of(&http, "storm").await;
    assert_downloads(&http, "storm", listed.iter()).await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    let project = npm.home().project(&package("project", "0.0.0"));
    let (version, _) = acknowledged.last_key_value().unwrap();
    let _ = npm.run_in(&project, &["install", &format!("storm@{version}")]).await.assert_success();
    let installed = fs::read_to_string(project.join("node_modules/storm/package.json")).unwrap();
    assert!(installed.contains(version.as_str()), "{installed}");
}
