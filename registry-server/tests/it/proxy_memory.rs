//! What an upstream sends that is far too large costs memory within bounds, and the server goes on.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;

/// A packument larger than any in use. It is within the limit of 128 MiB that holds by default.
const LARGE: usize = 60_000_000;

/// The most memory the process ever had, in bytes.
fn peak(server: &ServerProcess) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

async fn start(fake: &FakeUpstream) -> (ServerProcess, tempfile::TempDir) {
    let storage = tempfile::tempdir().unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let server = ServerProcess::start(binary, &["--upstream", fake.base_url()], storage.path()).await;
    (server, storage)
}

fn packument(readme: usize) -> String {
    let head = r#"{"name":"big","dist-tags":{"latest":"1.0.0"},"versions":{"1.0.0":{"name":"big","version":"1.0.0"}},"readme":""#;
    format!("{head}{}\"}}", "x".repeat(readme))
}

#[tokio::test]
async fn a_packument_of_60_megabytes_costs_a_few_times_its_size_for_any_number_of_clients() {
    let fake = FakeUpstream::start(ServedPackages::sample()).await;
    let (server, _storage) = start(&fake).await;
    let client = HttpClient::new(server.base_url());
    let _ = client.get("/left-pad").send().await.assert_status(200);
    let idle = peak(&server);
    fake.answer("/big", FakeAnswer::usual().body(packument(LARGE)));
    let answers =
        join_all((0..10).map(|_| client.get("/big").header("accept-encoding", "gzip").send())).await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body.len() < LARGE / 100));
    assert_eq!(fake.requests_of("/big"), 1);
    let cost = peak(&server) - idle;
    assert!(cost < 4 * LARGE, "{} MB", cost / 1_000_000);
    assert!(server.stop().await.success());
}

#[tokio::test]
async fn more_than_the_limit_is_refused_within_the_limit_however_it_comes() {
    let fake = FakeUpstream::start(ServedPackages::sample()).await;
    let (server, _storage) = start(&fake).await;
    let client = HttpClient::new(server.base_url());
    let _ = client.get("/left-pad").send().await.assert_status(200);
    let idle = peak(&server);
    let limit = 128 << 20;
    let large = bytes_of(limit + 1);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..8 {
        gzip.write_all(&large).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    let whole = FakeAnswer::usual().body(large);
    for answer in [
        whole.clone(),
        whole.without_length(),
        FakeAnswer::usual().body(bomb).header("content-encoding", "gzip"),
    ] {
        fake.answer("/big", answer);
        for name in ["/big", "/big/latest", "/big/-/big-1.0.0.tgz"] {
            assert!(client.get(name).send().await.assert_status(502).error().contains("unusable"));
        }
    }
    let cost = peak(&server) - idle;
    // One document at the limit, and what the allocator has not yet given back of those before it.
    assert!(cost < 3 * limit, "{} MB", cost / 1_000_000);
    let _ = client.get("/left-pad/-/left-pad-1.1.0.tgz").send().await.assert_status(200);
    assert!(server.stop().await.success());
}

fn bytes_of(length: usize) -> Vec<u8> {
    let mut document = packument(length).into_bytes();
    document.truncate(length);
    document
}
