use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt as _;
use http::Method;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use registry_core::Registry;
use registry_core::access::AccessRules;
use registry_core::domain::Integrity;
use registry_core::storage::{BlobPrefix, BlobStore, ObjectStoreBlobs};
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings, Upstream};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::FakeUpstream;
use registry_testkit::http_client::{HttpClient, TestResponse};
use registry_testkit::{FixedClock, SeededRandomness, install_tls_provider};
use serde_json::Value;
use sha1::{Digest as _, Sha1};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// What npm asks an install's packuments with.
pub(super) const INSTALL: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A registry that listens on a port, in front of an upstream that listens on another.
pub(super) struct InFront {
    pub(super) fake: FakeUpstream,
    pub(super) clock: Arc<FixedClock>,
    pub(super) store: ObjectStoreBlobs,
    settings: HttpUpstreamSettings,
    serving: Serving,
}

/// A registry that answers on a port until this is dropped.
pub(super) struct Serving {
    pub(super) client: HttpClient,
    pub(super) address: String,
    listening: AbortHandle,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl InFront {
    /// With settings that make a test of failures short.
    pub(super) async fn start() -> Self {
        Self::with(shorten).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut HttpUpstreamSettings)) -> Self {
        install_tls_provider();
        let fake = FakeUpstream::start(ServedPackages::sample()).await;
        let mut settings = HttpUpstreamSettings::new(fake.base_url().parse().unwrap());
        settings.proxy_from_environment = false;
        settings.randomness = Arc::new(SeededRandomness::new(1));
        change(&mut settings);
        let (store, clock) = (ObjectStoreBlobs::in_memory(), Arc::new(FixedClock::new()));
        let serving = serve(connect(&settings), &store, &clock).await;
        Self { fake, clock, store, settings, serving }
    }

    /// For what does not fail by taking too long.
    pub(super) async fn patient() -> Self {
        Self::with(|settings| {
            shorten(settings);
            settings.request_timeout = Duration::from_secs(30);
        })
        .await
    }

    /// With settings that make a test of failures short, and this host of tarballs, which begins with `http://`.
    pub(super) async fn start_allowing(base_url: &str) -> Self {
        let host = base_url.trim_start_matches("http://").to_owned();
        Self::with(|settings| {
            shorten(settings);
            settings.tarball_hosts = vec![host];
        })
        .await
    }

    /// Another registry on the same store, as another process would be.
    pub(super) async fn replica(&self) -> Serving {
        serve(connect(&self.settings), &self.store, &self.clock).await
    }

    pub(super) fn client(&self) -> &HttpClient {
        &self.serving.client
    }

    pub(super) fn address(&self) -> &str {
        &self.serving.address
    }

    /// The whole answer; an error where the connection was broken off.
    pub(super) async fn try_get(&self, path: &str) -> io::Result<TestResponse> {
        self.client().get(path).try_send().await
    }

    pub(super) async fn get(&self, path: &str) -> TestResponse {
        self.client().get(path).send().await
    }

    /// The packument as an install asks for it.
    pub(super) async fn install(&self, path: &str) -> TestResponse {
        self.client().get(path).header("accept", INSTALL).send().await
    }

    pub(super) async fn head(&self, path: &str) -> TestResponse {
        self.client().request(Method::HEAD, path).send().await
    }

    /// Everything that is kept, checked: every document is that of its package, every tarball has the digest that it
    /// is kept under.
    pub(super) async fn kept(&self) -> BTreeMap<String, Bytes> {
        kept(&self.store).await
    }
}

fn shorten(settings: &mut HttpUpstreamSettings) {
    settings.request_timeout = Duration::from_millis(300);
    settings.stall_timeout = Duration::from_millis(200);
    settings.failures_until_pause = 0;
    settings.retries = 0;
    settings.packument_bytes = 1 << 20;
}

pub(super) async fn kept(store: &ObjectStoreBlobs) -> BTreeMap<String, Bytes> {
    let listed: Vec<_> = store.list(&BlobPrefix::ROOT).try_collect().await.unwrap();
    let mut kept = BTreeMap::new();
    for blob in listed {
        let path = blob.path.to_string();
        // How much is kept, and what of it was used, is written in the background.
        // Which store it is says nothing of packages.
        if path.starts_with("_upstream/_") || path == "_registry.json" {
            continue;
        }
        let bytes = store.get(&blob.path).await.unwrap().unwrap().bytes;
        check_kept(&path, &bytes);
        kept.insert(path, bytes);
    }
    kept
}

fn check_kept(path: &str, bytes: &Bytes) {
    let inner = path.strip_prefix("_upstream/npm/").unwrap_or_else(|| panic!("not of the cache: {path}"));
    if let Some((_, tarball)) = inner.split_once("/-/") {
        let (digest, _) = tarball.split_once('/').unwrap();
        let actual = match digest.len() {
            32 => const_hex::encode(&Integrity::of(bytes).sha512()[..16]),
            _ => const_hex::encode(Sha1::digest(bytes)),
        };
        assert_eq!(digest, actual, "{path} holds other bytes");
    } else {
        let document = bytes.split(|byte| *byte == b'\n').nth(1).unwrap();
        let document: Value = serde_json::from_slice(document).unwrap();
        let name = inner.rsplit_once('/').unwrap().0.replace("=j", "J").replace("=s", "S");
        assert_eq!(document["name"], name, "{path} holds another document");
    }
}

fn connect(settings: &HttpUpstreamSettings) -> Arc<dyn Upstream> {
    Arc::new(HttpUpstream::new(settings.clone()).unwrap())
}

/// A registry in front of `upstream` that answers on a port.
pub(super) async fn serve(
    upstream: Arc<dyn Upstream>,
    store: &ObjectStoreBlobs,
    clock: &Arc<FixedClock>,
) -> Serving {
    let registry = Registry::builder(Arc::new(store.clone()))
        .upstream("npm", upstream)
        .access(AccessRules::open_to_all_in_front_of("npm"))
        .clock(Arc::<FixedClock>::clone(clock))
        .randomness(Arc::new(SeededRandomness::new(2)))
        .build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let listening = tokio::spawn(listen(listener, registry)).abort_handle();
    Serving { client: HttpClient::new(&format!("http://{address}")), address, listening }
}

async fn listen(listener: TcpListener, registry: Registry) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let registry = registry.clone();
        connections.spawn(async move {
            let service = TowerToHyperService::new(registry);
            // An answer that breaks off breaks the connection, which is what these tests are about.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
