//! How long a function takes from its start to its first answer, what an answer costs it, and how much is uploaded:
//! `cargo bench -p registry-lambda`. On Linux. Nothing is asked of AWS; the Runtime API and S3 are the testkit's.

#![expect(clippy::print_stdout, reason = "a table on stdout is what this is for")]

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use flate2::Compression;
use flate2::read::DeflateEncoder;
use registry_core::Registry;
use registry_core::auth::Principal;
use registry_core::domain::DistTag;
use registry_core::domain::publication::Publication;
use registry_core::limits::Limits;
use registry_core::storage::{BlobStore, LocalDisk, open_bucket};
use registry_testkit::benchmark::{Promises, median, processor_seconds};
use registry_testkit::fake_lambda_runtime::LambdaFunction;
use registry_testkit::fake_s3::FakeS3;
use registry_testkit::install_tls_provider;
use registry_testkit::tarball::Tarball;
use serde_json::json;

const BINARIES: [(&str, &str); 2] = [
    ("registry-lambda", env!("CARGO_BIN_EXE_registry-lambda")),
    ("registry-authorizer", env!("CARGO_BIN_EXE_registry-authorizer")),
];
const STARTS: usize = 21;
const WARM: u32 = 500;
const RULES: &str = "[[packages]]\nmatch = \"**\"\nread = [\"@all\"]\n[log]\nfilter = \"warn\"";

fn main() -> anyhow::Result<ExitCode> {
    // Test runners start every target to ask for its tests. There are none here.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = Promises::default();
    for (name, path) in BINARIES {
        let file = std::fs::File::open(path)?;
        let mut zipped = DeflateEncoder::new(file, Compression::best());
        let bytes = std::io::copy(&mut zipped, &mut std::io::sink())?;
        report.at_most(&format!("{name}, zipped (MB)"), megabytes(bytes), 12.0);
    }
    tokio::runtime::Runtime::new()?.block_on(run(&mut report))?;
    println!("{report}");
    Ok(if report.kept() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[expect(clippy::cast_precision_loss, reason = "a file is not that large")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

async fn run(report: &mut Promises) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    publish(Arc::new(LocalDisk::open(folder.path())?)).await?;
    let storage = format!("file:{}", folder.path().display());
    measure(report, "folder", &[("REGISTRY_STORAGE", storage.as_str())]).await?;

    install_tls_provider();
    let s3 = FakeS3::start().await;
    publish(Arc::new(open_bucket(&s3.url().parse()?, &s3.options())?)).await?;
    let storage = s3.url();
    let variables = [&[("REGISTRY_STORAGE", storage.as_str())], s3.variables().as_slice()].concat();
    measure(report, "S3 that is not Amazon's and so is tried first", &variables).await
}

/// From the start of the process to the first packument, and what each costs from then on.
async fn measure(report: &mut Promises, on: &str, storage: &[(&str, &str)]) -> anyhow::Result<()> {
    let variables = [storage, &[("REGISTRY_CONFIG", RULES)]].concat();
    let event = json!({
        "version": "2.0", "rawPath": "/pear", "rawQueryString": "", "isBase64Encoded": false,
        "headers": { "host": "registry.example", "accept": "application/vnd.npm.install-v1+json", "accept-encoding": "gzip" },
        "requestContext": { "domainName": "x.lambda-url.eu-west-1.on.aws", "stage": "$default",
            "http": { "method": "GET", "path": "/pear", "sourceIp": "192.0.2.1" } }
    })
    .to_string();

    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let mut function = LambdaFunction::start(Path::new(BINARIES[0].1), &variables).await;
        let answer = function.invoke(event.clone()).await.json();
        starts.push(milliseconds(started.elapsed()));
        anyhow::ensure!(answer["statusCode"] == 200, "{answer} {}", function.stderr());
    }
    let what = format!("cold start to the first packument, median (ms): {on}");
    report.at_most(&what, median(&starts), 100.0);

    let mut function = LambdaFunction::start(Path::new(BINARIES[0].1), &variables).await;
    function.invoke(event.clone()).await.json();
    let id = function.id().context("the function has ended")?;
    let before = processor_seconds(id)?;
    for _ in 0..WARM {
        function.invoke(event.clone()).await;
    }
    let each = (processor_seconds(id)? - before) * 1e3 / f64::from(WARM);
    report.at_most(&format!("warm packument, processor time of all of the process (ms): {on}"), each, 1.0);
    Ok(())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn publish(store: Arc<dyn BlobStore>) -> anyhow::Result<()> {
    let registry = Registry::builder(store).open_to_everyone().build();
    for number in 0..50 {
        let manifest = json!({ "name": "pear", "version": format!("1.{number}.0") });
        let tarball = Tarball::of_manifest(manifest).pack();
        let publication = Publication::from_tarball(tarball.into(), DistTag::latest(), &Limits::default())?;
        registry.publish(&Principal::user("ana").into(), publication).await?;
    }
    Ok(())
}
