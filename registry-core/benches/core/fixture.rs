use std::io::Write as _;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HOST};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use registry_core::auth::{Caller, Principal};
use registry_core::domain::publication::Publication;
use registry_core::domain::{DistTag, Integrity, PackageName};
use registry_core::limits::Limits;
use registry_core::storage::{BlobStore, Key, LocalDisk, ObjectStoreBlobs, When};
use registry_core::{Body, Registry, RegistryBuilder};
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// What runs the library's futures, with threads for what blocks.
pub(crate) static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());

/// Where packages are kept while they are measured.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Store {
    Memory,
    Disk,
}

/// A registry on a store of its own. The folder goes when it is dropped.
pub(crate) struct Fixture {
    pub(crate) registry: Registry,
    store: Arc<dyn BlobStore>,
    _folder: Option<TempDir>,
}

impl Fixture {
    /// An empty one. A disk is synced as in production, so that a publish costs what it costs there.
    pub(crate) fn new(store: Store) -> Self {
        Self::built(store, |builder| builder)
    }

    /// An empty one with further settings.
    pub(crate) fn built(store: Store, more: impl FnOnce(RegistryBuilder) -> RegistryBuilder) -> Self {
        let (store, folder): (Arc<dyn BlobStore>, _) = match store {
            Store::Memory => (Arc::new(ObjectStoreBlobs::in_memory()), None),
            Store::Disk => {
                let folder = TempDir::with_prefix("registry-bench-").unwrap();
                (Arc::new(LocalDisk::open(folder.path().join("data")).unwrap()), Some(folder))
            }
        };
        // Some sinks are tried again in the background, which needs a runtime.
        let _entered = RUNTIME.enter();
        let builder = Registry::builder(Arc::clone(&store)).local_accounts().open_to_everyone();
        Self { registry: more(builder).build(), store, _folder: folder }
    }

    /// One with a package in it.
    pub(crate) fn with_package(store: Store, versions: usize) -> Self {
        let fixture = Self::new(store);
        fixture.put_package("pear", versions);
        fixture
    }

    /// Another registry on the same store, which has nothing in memory yet.
    pub(crate) fn cold(&self) -> Registry {
        registry_on(&self.store)
    }

    /// Stores a packument of so many versions, as publishing them one by one would leave it.
    pub(crate) fn put_package(&self, name: &str, versions: usize) {
        let path = Key::Packument(&PackageName::parse(name).unwrap()).path().unwrap();
        let stored = self.store.put(&path, packument(name, versions), When::Always);
        let _ = RUNTIME.block_on(stored).unwrap();
    }

    /// A token of a new account.
    pub(crate) fn token(&self) -> String {
        let account = json!({ "name": "ana", "password": "correct horse battery" });
        let sign_up =
            Request::put("/-/user/org.couchdb.user:ana").body(Body::from(account.to_string())).unwrap();
        let answer = RUNTIME.block_on(async {
            let answer = self.registry.handle(sign_up).await;
            answer.into_body().collect().await.unwrap().to_bytes()
        });
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["token"].as_str().unwrap().to_owned()
    }
}

fn registry_on(store: &Arc<dyn BlobStore>) -> Registry {
    Registry::builder(Arc::clone(store)).local_accounts().open_to_everyone().build()
}

/// Returns the caller that publishes.
pub(crate) fn ana() -> Caller {
    Principal::user("ana").into()
}

/// What npm sends for each package of an install.
pub(crate) fn install_request(token: Option<&str>) -> Request<Body> {
    let request = Request::get("/pear")
        .header(HOST, "registry.example:4873")
        .header(ACCEPT, "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*")
        .header(ACCEPT_ENCODING, "gzip,deflate");
    let request = match token {
        Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
        None => request,
    };
    request.body(Body::empty()).unwrap()
}

/// Hands a request to the registry. The body is bytes already, so that it need not be read.
pub(crate) fn ask(registry: &Registry, request: Request<Body>) -> Response<Body> {
    RUNTIME.block_on(registry.handle(request))
}

/// A version ready to be stored.
pub(crate) fn publication(name: &str, version: &str) -> Publication {
    let tarball = tarball(&manifest(name, version), 16 << 10);
    let tag = DistTag::parse("latest").unwrap();
    Publication::from_tarball(tarball.into(), tag, &Limits::default()).unwrap()
}

/// The body that npm sends to publish a package with a file of so many bytes, which do not compress.
pub(crate) fn publish_document(name: &str, file_bytes: usize) -> Bytes {
    let mut manifest = manifest(name, "1.0.0");
    let tarball = tarball(&manifest, file_bytes);
    manifest["dist"] = json!({
        "integrity": Integrity::of(&tarball).to_string(),
        "shasum": const_hex::encode(Sha1::digest(&tarball)),
    });
    let document = json!({
        "_id": name,
        "name": name,
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": manifest },
        "_attachments": {
            format!("{name}-1.0.0.tgz"): { "data": STANDARD.encode(&tarball), "length": tarball.len() },
        },
    });
    document.to_string().into()
}

/// A manifest of the usual size, about two kilobytes when it is stored.
fn manifest(name: &str, version: &str) -> Value {
    let dependency =
        |number: usize| (format!("@orchard/dependency-{number}"), json!(format!("^{number}.2.3")));
    json!({
        "name": name,
        "version": version,
        "description": "A package that stands for all the others while the registry is measured.",
        "license": "MIT",
        "homepage": "https://pear.example/",
        "repository": { "type": "git", "url": "git+https://git.example/orchard/pear.git" },
        "keywords": ["fruit", "orchard", "measure"],
        "main": "index.js",
        "exports": { ".": { "import": "./index.mjs", "require": "./index.js" } },
        "scripts": { "test": "node --test", "prepack": "node build.js" },
        "engines": { "node": ">=20" },
        "dependencies": Value::Object((0..12).map(dependency).collect()),
        "devDependencies": Value::Object((12..24).map(dependency).collect()),
    })
}

/// A packument as it is stored: one that the registry wrote itself, its version repeated. The digests differ, as
/// they do in life, where they are most of what compression leaves.
fn packument(name: &str, versions: usize) -> Bytes {
    let fixture = Fixture::new(Store::Memory);
    RUNTIME.block_on(fixture.registry.publish(&ana(), publication(name, "1.0.0"))).unwrap();
    let path = Key::Packument(&PackageName::parse(name).unwrap()).path().unwrap();
    let stored = RUNTIME.block_on(fixture.store.get(&path)).unwrap().unwrap();
    let mut packument: Value = serde_json::from_slice(&stored.bytes).unwrap();
    let time = packument["time"]["1.0.0"].clone();
    let first = packument["versions"]["1.0.0"].to_string();
    for version in (1..versions).map(|number| format!("1.0.{number}")) {
        let mut manifest: Value = serde_json::from_str(&first.replace("1.0.0", &version)).unwrap();
        manifest["dist"]["integrity"] = json!(Integrity::of(version.as_bytes()).to_string());
        manifest["dist"]["shasum"] = json!(const_hex::encode(Sha1::digest(&version)));
        packument["versions"][&version] = manifest;
        packument["time"][&version] = time.clone();
        packument["dist-tags"]["latest"] = json!(version);
    }
    packument.to_string().into()
}

fn tarball(manifest: &Value, file_bytes: usize) -> Vec<u8> {
    let encoder = GzEncoder::new(Vec::new(), Compression::default());
    let mut archive = tar::Builder::new(encoder);
    let file = noise(file_bytes);
    for (path, content) in
        [("package/package.json", manifest.to_string().as_bytes()), ("package/index.js", file.as_slice())]
    {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, path, content).unwrap();
    }
    let mut encoder = archive.into_inner().unwrap();
    encoder.flush().unwrap();
    encoder.finish().unwrap()
}

/// Bytes that look random and are the same each time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
