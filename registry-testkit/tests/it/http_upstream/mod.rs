//! The adapter for registries over HTTP, in front of one that breaks in every way.

mod breaker;
mod broken;
mod documents;
mod https;
mod other_hosts;
mod proxies;
mod redirects;
mod requests;
mod retries;
mod secrets;
mod statuses;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use registry_core::domain::{PackageName, Version};
use registry_core::upstream::{
    HttpUpstream, HttpUpstreamSettings, PackumentForm, Upstream, UpstreamError, UpstreamPackument, Validators,
};
use registry_testkit::conformance::{self, ServedPackages};
use registry_testkit::fake_upstream::FakeUpstream;
use registry_testkit::{SeededRandomness, install_tls_provider};

/// Far more than any of these tests takes, and far less than a developer waits for one that hangs.
const BOUNDED: Duration = Duration::from_secs(20);

async fn fake() -> FakeUpstream {
    FakeUpstream::start(ServedPackages::sample()).await
}

/// Settings that make a test of failures short.
fn settings(fake: &FakeUpstream) -> HttpUpstreamSettings {
    let mut settings = HttpUpstreamSettings::new(fake.base_url().parse().unwrap());
    settings.stall_timeout = Duration::from_millis(200);
    settings.failures_until_pause = 0;
    settings.retries = 0;
    settings.proxy_from_environment = false;
    settings.randomness = Arc::new(SeededRandomness::new(1));
    settings
}

/// Host and port of a fake upstream, as settings name them.
fn host(fake: &FakeUpstream) -> String {
    fake.base_url().trim_start_matches("http://").to_owned()
}

fn connect(settings: HttpUpstreamSettings) -> HttpUpstream {
    install_tls_provider();
    HttpUpstream::new(settings).unwrap()
}

async fn bounded<Answer>(work: impl Future<Output = Answer>) -> Answer {
    tokio::time::timeout(BOUNDED, work).await.expect("every answer comes in bounded time")
}

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

async fn full(upstream: &HttpUpstream) -> Result<UpstreamPackument, UpstreamError> {
    bounded(upstream.packument(&name("left-pad"), PackumentForm::Full, &Validators::default())).await
}

async fn attestations(upstream: &HttpUpstream) -> Result<Option<Bytes>, UpstreamError> {
    bounded(upstream.attestations(&name("@acme/web"), &Version::parse("2.0.0-rc.1").unwrap())).await
}

/// The bytes at a path of the fake upstream, and the error that ended them.
async fn download(upstream: &HttpUpstream, url: &str) -> (Vec<u8>, Option<UpstreamError>) {
    bounded(async {
        let mut tarball = upstream.tarball(url).await.unwrap().expect("a tarball");
        let mut bytes = Vec::new();
        loop {
            match tarball.stream.try_next().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return (bytes, None),
                Err(error) => return (bytes, Some(error)),
            }
        }
    })
    .await
}

fn reason(error: &UpstreamError) -> &str {
    match error {
        UpstreamError::Unusable { reason, .. } | UpstreamError::Redirect { reason, .. } => reason,
        _ => panic!("not unusable: {error:?}"),
    }
}

#[tokio::test]
async fn keeps_the_contract() {
    let upstreams = std::sync::Mutex::new(Vec::new());
    conformance::upstream(async |served| {
        let fake = FakeUpstream::start(served).await;
        let upstream = connect(settings(&fake));
        upstreams.lock().unwrap().push(fake);
        Arc::new(upstream) as _
    })
    .await;
}
