//! Downloads as the real server counts them: for a real npm, in the commands of operators, and across kills.

use std::path::Path;
use std::time::{Duration, Instant};

use registry_core::randomness::Randomness as _;
use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::{SeededRandomness, amount};
use serde_json::Value;
use tempfile::TempDir;

use crate::running::run;
use crate::support::{Registry, publish, sign_up, start_server};

const BINARY: &str = env!("CARGO_BIN_EXE_registry-server");
/// How often the servers that are killed write their counts.
const INTERVAL: Duration = Duration::from_secs(1);
/// What a busy machine adds to it.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many clients download at a time.
const CLIENTS: usize = 4;

async fn counted(http: &HttpClient, name: &str) -> u64 {
    let path = format!("/downloads/point/last-week/{name}");
    http.get(&path).send().await.assert_status(200).json()["downloads"].as_u64().unwrap()
}

#[tokio::test]
async fn an_install_and_a_clean_install_with_npm_are_counted() {
    let registry = Registry::configured("log.downloads = true").await;
    let ana = registry.user("ana").await;
    publish(&ana, &package("@acme/base", "1.2.0")).await;
    publish(&ana, &package("one", "1.0.0").dependency("@acme/base", "^1.0.0")).await;
    let app = package("app", "1.0.0").dependency("one", "^1.0.0");
    // The publisher's npm would install from its own cache.
    let ben = registry.user("ben").await;
    let folder = ben.home().project(&app);
    let _ = ben.run_in(&folder, &["install"]).await.assert_success();
    let carol = registry.user("carol").await;
    let copy = carol.home().project(&app);
    std::fs::copy(folder.join("package-lock.json"), copy.join("package-lock.json")).unwrap();
    let _ = carol.run_in(&copy, &["ci"]).await.assert_success();
    assert!(copy.join("node_modules/@acme/base/package.json").exists());

    // A server that is told to stop writes what it counted.
    let Registry { server, storage } = registry;
    assert!(server.stop().await.success());
    let url = format!("file:{}", storage.path().display());
    let show = |arguments: &[&str]| {
        let output = run(&[arguments, &["--storage", &url, "--log", "off"]].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let stats: Value = serde_json::from_str(show(&["stats"]).lines().last().unwrap()).unwrap();
    assert_eq!(
        (&stats["downloads"]["last_30_days"], &stats["downloads"]["never_used"]),
        (&4.into(), &0.into())
    );
    let log = show(&["log", "--action", "downloaded"]);
    let who: Vec<_> = log.lines().map(|line| line.split(' ').skip(1).collect::<Vec<_>>().join(" ")).collect();
    for user in ["ben", "carol"] {
        for version in ["@acme/base version=1.2.0", "one version=1.0.0"] {
            let line = format!("{user} 127.0.0.1 downloaded {version}");
            assert_eq!(who.iter().filter(|who| **who == line).count(), 1, "{line} in {log}");
        }
    }
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    assert_eq!((counted(&http, "one").await, counted(&http, "@acme%2fbase").await), (2, 2));
    let stranger = Npm::new(server.base_url()).await;
    let _ = stranger.run(&["view", "one", "version"]).await.assert_success();
    assert_eq!(counted(&http, "one").await, 2, "a look is no download");
}

/// Downloads until the server is gone. Returns when each download was answered, and how many were asked for.
async fn download_until_killed(http: HttpClient) -> (Vec<Instant>, u64) {
    let (mut answered, mut asked) = (Vec::new(), 0);
    loop {
        asked += 1;
        match http.get("/pear/-/pear-1.0.0.tgz").try_send().await {
            Ok(answer) if answer.status == 200 => answered.push(Instant::now()),
            _ => return (answered, asked),
        }
    }
}

#[tokio::test]
async fn kills_under_load_lose_at_most_an_interval_and_count_nothing_twice() {
    let storage = TempDir::with_prefix("downloads-").unwrap();
    let config = format!("downloads.flush_seconds = {}", INTERVAL.as_secs());
    let arguments = ["--config", config.as_str()];
    let randomness = SeededRandomness::new(11);
    let (mut asked, mut answered, mut safe) = (0, 0, 0);
    for kill in 0..amount("KILLS", 2) {
        let server = ServerProcess::start(Path::new(BINARY), &arguments, storage.path()).await;
        let http = HttpClient::new(server.base_url());
        if kill == 0 {
            let token = sign_up(&http, "ana").await;
            let pear = PublishDocument::new("pear", "1.0.0").build();
            let _ = http.put("/pear").bearer(&token).json(&pear).send().await.assert_status(201);
        }
        let clients: Vec<_> =
            (0..CLIENTS).map(|_| tokio::spawn(download_until_killed(http.clone()))).collect();
        let mut pause = [0];
        randomness.fill(&mut pause);
        // Not to wait for something, but to be killed at any moment between two writes.
        let pause = Duration::from_millis(u64::from(pause[0]) * 4);
        tokio::time::sleep(INTERVAL + PATIENCE + pause).await;
        let killed = Instant::now();
        server.kill().await;
        for client in clients {
            let (times, more) = client.await.unwrap();
            let is_safe = |time: &&Instant| **time + INTERVAL + PATIENCE < killed;
            safe += times.iter().filter(is_safe).count() as u64;
            answered += times.len() as u64;
            asked += more;
        }
    }
    let server = start_server(storage.path()).await;
    let counted = counted(&HttpClient::new(server.base_url()), "pear").await;
    println!("{asked} asked for, {answered} answered, {counted} counted, {safe} of them safe");
    assert!(safe > 0, "the clients downloaded nothing");
    assert!(counted <= asked, "{counted} are counted, of {asked} that were asked for");
    assert!(counted >= safe, "{counted} are counted, and {safe} were older than an interval");
}
