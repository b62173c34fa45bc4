//! Four servers and a function of Lambda on one bucket, all publishing, each killed in the middle of it again and again:
//! what was acknowledged is there in the end, whole, and nothing is mixed up.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use clap::Parser as _;
use futures::stream::{FuturesUnordered, StreamExt as _};
use registry_core::domain::Integrity;
use registry_server::command_line::CommandLine;
use registry_testkit::fake_lambda_runtime::{LambdaFunction, Outcome};
use registry_testkit::http_client::{HttpClient, TestResponse};
use registry_testkit::object_stores::{Ministack, StoreAddress};
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::events::{Asked, Given, Sender};

const STORAGE: &str = "s3://registry/storm";
const RULES: &str = "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n\
    [log]\nfilter = \"warn\"\n";
const SERVERS: usize = 4;
const ROUNDS: usize = 6;
/// How many publishes a server gets at once in a round.
const AT_ONCE: usize = 6;
const PACKAGES: usize = 3;

/// Package and version → integrity.
type Published = BTreeMap<(String, String), String>;

/// A version to publish.
struct Release {
    package: String,
    version: String,
    document: PublishDocument,
}

impl Release {
    fn path(&self) -> String {
        format!("/{}", self.package)
    }
}

/// Releases that no other round of any worker has.
fn releases(worker: usize, round: usize) -> impl Iterator<Item = Release> {
    (0..AT_ONCE).map(move |number| {
        let (package, version) =
            (format!("storm-{}", number % PACKAGES), format!("{worker}.{round}.{number}"));
        let content = format!("module.exports = '{worker} {round} {number}'\n");
        let document = PublishDocument::new(&package, &version).file("index.js", content.as_bytes());
        Release { package, version, document }
    })
}

/// Each round dies at another moment: after so many answers, and so long into the work on the next one.
fn moment_of_death(worker: usize, round: usize) -> (usize, Duration) {
    let number = worker * ROUNDS + round;
    (number % 5, Duration::from_micros(u64::try_from(number * 3457 % 40_000).unwrap()))
}

/// `registry-server` in a process of its own, which is this program again.
struct Server {
    child: Child,
    http: HttpClient,
}

impl Server {
    async fn start(address: &StoreAddress) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "storm::a_server_for_the_storm", "--ignored", "--nocapture"])
            .env_clear()
            .envs(address.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let line = lines.next_line().await.unwrap().unwrap_or_else(|| panic!("the server ended"));
            if let Some((_, url)) = line.split_once("listening on ") {
                return Self { child, http: HttpClient::new(url) };
            }
        }
    }

    /// Publishes until its death. Answers what was acknowledged.
    async fn publish_and_die(mut self, token: &str, worker: usize, round: usize) -> Published {
        let mut under_way: FuturesUnordered<_> = releases(worker, round)
            .map(|release| {
                let request = self.http.put(&release.path()).bearer(token).json(&release.document.build());
                async move { (release, request.try_send().await) }
            })
            .collect();
        let mut acknowledged = Published::new();
        let mut take = |release: Release, answer: TestResponse| {
            assert_eq!(answer.status, 201, "{} {}", release.version, answer.text());
            acknowledged.insert((release.package, release.version), release.document.integrity());
        };
        let (answers, work) = moment_of_death(worker, round);
        for _ in 0..answers {
            let Some((release, answer)) = under_way.next().await else { break };
            take(release, answer.unwrap());
        }
        let mut moment = std::pin::pin!(tokio::time::sleep(work));
        loop {
            tokio::select! {
                () = &mut moment => break,
                Some((release, answer)) = under_way.next() => take(release, answer.unwrap()),
            }
        }
        self.child.kill().await.unwrap();
        while let Some((release, answer)) = under_way.next().await {
            // From here on, no answer is what is to be expected.
            if let Ok(answer) = answer {
                take(release, answer);
            }
        }
        acknowledged
    }
}

/// No test, but the server that one starts in a process of its own.
#[test]
#[ignore = "the storm starts it"]
fn a_server_for_the_storm() {
    let line = ["registry-server", "--listen", "127.0.0.1:0", "--storage", STORAGE, "--config", RULES];
    registry_server::run(&CommandLine::parse_from(line)).unwrap();
}

async fn start_function(address: &StoreAddress) -> LambdaFunction {
    let environment = address.environment();
    let mut variables: Vec<_> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    variables.extend([("REGISTRY_STORAGE", STORAGE), ("REGISTRY_CONFIG", RULES)]);
    LambdaFunction::start(Path::new(env!("CARGO_BIN_EXE_registry-lambda")), &variables).await
}

async fn ask(function: &mut LambdaFunction, asked: &Asked) -> Option<Given> {
    match function.invoke(asked.event(Sender::HttpApi).to_string()).await {
        Outcome::Gone => None,
        answered => Some(Given::of(&answered.json())),
    }
}

/// As the servers do, with one request at a time.
async fn function_publishes_and_dies(
    address: &StoreAddress,
    token: &str,
    worker: usize,
    round: usize,
) -> Published {
    let mut function = start_function(address).await;
    let mut acknowledged = Published::new();
    let (answers, work) = moment_of_death(worker, round);
    for (number, release) in releases(worker, round).enumerate() {
        let asked = Asked::of("PUT", &release.path())
            .header("authorization", &format!("Bearer {token}"))
            .body(release.document.build().to_string());
        let answered = if number < answers {
            ask(&mut function, &asked).await
        } else {
            tokio::time::timeout(work, ask(&mut function, &asked)).await.unwrap_or_default()
        };
        let Some(given) = answered else { break };
        assert_eq!(given.status, 201, "{} {}", release.version, String::from_utf8_lossy(&given.body));
        acknowledged.insert((release.package, release.version), release.document.integrity());
    }
    // Dropping it kills it.
    acknowledged
}

#[tokio::test]
async fn servers_and_a_function_that_are_killed_lose_nothing_that_they_acknowledged() {
    let Some(ministack) = Ministack::start().await else { return };
    let address = ministack.address();
    let first = Server::start(&address).await;
    let account =
        json!({ "name": "ana", "password": "correct horse battery", "email": "ana@registry.example" });
    let answer = first.http.put("/-/user/org.couchdb.user:ana").json(&account).send().await;
    let token = answer.assert_status(201).json()["token"].as_str().unwrap().to_owned();
    drop(first);

    let servers = (0..SERVERS).map(|worker| {
        let (address, token) = (&address, token.as_str());
        Box::pin(async move {
            let mut acknowledged = Published::new();
            for round in 0..ROUNDS {
                let server = Server::start(address).await;
                acknowledged.extend(server.publish_and_die(token, worker, round).await);
            }
            acknowledged
        })
    });
    let function = async {
        let mut acknowledged = Published::new();
        for round in 0..ROUNDS {
            acknowledged.extend(function_publishes_and_dies(&address, &token, SERVERS, round).await);
        }
        acknowledged
    };
    let (by_servers, by_function) = tokio::join!(futures::future::join_all(servers), function);
    let sent = (SERVERS + 1) * ROUNDS * AT_ONCE;
    let acknowledged: Published = by_servers.into_iter().flatten().chain(by_function).collect();
    assert!(acknowledged.len() > sent / 10, "only {} of {sent} were acknowledged", acknowledged.len());
    assert!(acknowledged.len() < sent, "no process died in the middle of a publish");

    let server = Server::start(&address).await;
    let mut function = start_function(&address).await;
    for number in 0..PACKAGES {
        let name = format!("storm-{number}");
        let packument = server.http.get(&format!("/{name}")).send().await.assert_status(200).json();
        let given = ask(&mut function, &Asked::get(&format!("/{name}"))).await.unwrap();
        let by_function: Value = serde_json::from_slice(&given.body).unwrap();
        assert_eq!(by_function["_rev"], packument["_rev"]);
        assert_eq!(integrities(&by_function), integrities(&packument));

        let listed = integrities(&packument);
        for ((_, version), integrity) in acknowledged.iter().filter(|((package, _), _)| *package == name) {
            assert_eq!(listed.get(version), Some(integrity), "{name}@{version}");
        }
        assert!(listed.contains_key(packument["dist-tags"]["latest"].as_str().unwrap()));
        for (version, integrity) in &listed {
            let path = format!("/{name}/-/{name}-{version}.tgz");
            let tarball = server.http.get(&path).send().await.assert_status(200);
            assert!(Integrity::parse(integrity).unwrap().matches(&tarball.body), "{name}@{version}");
        }
    }
}

/// Version → integrity.
fn integrities(packument: &Value) -> BTreeMap<String, String> {
    let versions = packument["versions"].as_object().unwrap().iter();
    let integrity = |manifest: &Value| manifest["dist"]["integrity"].as_str().unwrap().to_owned();
    versions.map(|(version, manifest)| (version.clone(), integrity(manifest))).collect()
}
