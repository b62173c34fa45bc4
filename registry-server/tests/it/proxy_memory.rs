//! What an upstream sends that is far too large costs memory within bounds, and the server goes on.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::join_all;
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;

/// A packument larger than any in use. It is within the limit of 128 MiB that holds by default.
const LARGE: usize = 60_000_000;

/// What may be on top: connections, their buffers, what the allocator keeps of each size.
const SLACK: usize = 16 << 20;

/// What the kernel says of the process's memory, in bytes.
fn memory(server: &ServerProcess, of: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id().unwrap())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

/// The most it ever had, or had since [`forget_peak`].
fn peak(server: &ServerProcess) -> usize {
    memory(server, "VmHWM:")
}

fn forget_peak(server: &ServerProcess) {
    std::fs::write(format!("/proc/{}/clear_refs", server.id().unwrap()), "5").unwrap();
}

/// Keeps the server busy with small things until it has given back what it took for the large ones. The allocator keeps
/// freed memory for a second, to use it again, and looks at it when it is asked for more. Without waiting, one document
/// stands beside what is left of the one before, and the peak is twice as high; with `MIMALLOC_PURGE_DELAY=0` it is not.
async fn has_given_back(server: &ServerProcess, client: &HttpClient, idle: usize) {
    let patience = Instant::now() + Duration::from_secs(30);
    while memory(server, "VmRSS:") > idle + SLACK {
        assert!(Instant::now() < patience, "{} MB are not given back", memory(server, "VmRSS:") / 1_000_000);
        let _ = client.get("/left-pad").send().await.assert_status(200);
    }
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
    let idle = memory(&server, "VmRSS:");
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
            // Each by itself: of those before nothing is left, neither in use nor freed and not yet given back. So a
            // second copy of the document, or a buffer that grows by doubling, would not pass.
            has_given_back(&server, &client, idle).await;
            forget_peak(&server);
            assert!(client.get(name).send().await.assert_status(502).error().contains("an invalid response"));
            let cost = peak(&server) - idle;
            assert!(cost < limit + 2 * SLACK, "{name}: {} MB", cost / 1_000_000);
        }
    }
    has_given_back(&server, &client, idle).await;
    let _ = client.get("/left-pad/-/left-pad-1.1.0.tgz").send().await.assert_status(200);
    assert!(server.stop().await.success());
}

fn bytes_of(length: usize) -> Vec<u8> {
    let mut document = packument(length).into_bytes();
    document.truncate(length);
    document
}
