use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Uri};
use registry_core::domain::{Integrity, PackageName};
use registry_core::events::EventKind;
use registry_core::http::route::Route;
use serde_json::Value;
use sha1::{Digest as _, Sha1};

use super::ground::{Ground, Held};
use super::tar;
use crate::tarball::gzip;

thread_local! {
    static GROUND: Ground = Ground::new();
}

/// Any body of `PUT /{name}`: the registry answers it, what is refused leaves nothing behind, what was published stays as
/// it is, and what is published now can be installed with the digests that were declared.
///
/// The input is a path, a line break, and the body. After a NUL each, files of a tarball may follow, as path, line break
/// and content. In the body, `$DATA$`, `$LENGTH$`, `$INTEGRITY$` and `$SHASUM$` stand for that tarball and what is true of
/// it, since no fuzzer finds a digest.
///
/// # Panics
///
/// If one of that is not so.
pub fn publish_body(input: &[u8]) {
    let mut parts = input.split(|byte| *byte == 0);
    let request = parts.next().unwrap_or_default();
    let end = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
    let (path, body) = (&request[..end], request.get(end + 1..).unwrap_or_default());
    let Ok(path) = std::str::from_utf8(path) else { return };
    let Ok(Route::PutPackument { name }) = Route::parse(&Method::PUT, path) else { return };
    if path.parse::<Uri>().is_err() {
        return;
    }
    let files = parts.map(|file| {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        (&file[..end], file.get(end + 1..).unwrap_or_default())
    });
    let tarball = gzip(&tar::pack(files));
    let body = filled_in(body, &tarball);
    GROUND.with(|ground| ground.with(async |held: &Held| put(held, &name, path, body).await));
}

fn filled_in(body: &[u8], tarball: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(body.len() + tarball.len() * 2);
    let mut rest = body;
    while let Some((byte, after)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(b"$DATA$") {
            filled.extend(STANDARD.encode(tarball).into_bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"$LENGTH$") {
            filled.extend(tarball.len().to_string().into_bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"$INTEGRITY$") {
            filled.extend(Integrity::of(tarball).to_string().into_bytes());
            rest = after;
        } else if let Some(after) = rest.strip_prefix(b"$SHASUM$") {
            filled.extend(const_hex::encode(Sha1::digest(tarball)).into_bytes());
            rest = after;
        } else {
            filled.push(*byte);
            rest = after;
        }
    }
    filled
}

async fn put(held: &Held, name: &PackageName, path: &str, body: Vec<u8>) {
    let registry = &held.registry;
    let before = registry.ana().get(path).await.json();
    let answer = registry.ana().ask(Method::PUT, path, body).await;
    assert!(!answer.status.is_server_error(), "{}: {}", answer.status, answer.text());
    registry.registry().flush_events().await;
    let events = registry.events().take();
    if !answer.status.is_success() {
        assert!(!answer.error().is_empty());
        assert!(!held.changed().await, "refused and stored: {}", answer.text());
        let told = events.iter().find(|event| !matches!(event.kind, EventKind::Denied { .. }));
        assert!(told.is_none(), "refused and told: {told:?}");
        return;
    }
    for event in &events {
        assert_eq!(event.package.as_ref(), Some(name));
        if let EventKind::Published { version, .. } = &event.kind {
            installable(held, name, version.as_str()).await;
        }
    }
    let packument = registry.ana().get(path).await.assert_status(200).json();
    for (version, manifest) in before["versions"].as_object().into_iter().flatten() {
        assert_eq!(packument["versions"][version]["dist"], manifest["dist"], "{version} was changed");
    }
    for (tag, version) in packument["dist-tags"].as_object().into_iter().flatten() {
        assert!(packument["versions"].get(version.as_str().unwrap_or_default()).is_some(), "{tag}");
    }
}

/// What clients do to install: the packument, the tarball it names, the digests.
async fn installable(held: &Held, name: &PackageName, version: &str) {
    let ana = held.registry.ana();
    let packument =
        ana.get(&format!("/{}", name.as_str().replace('/', "%2f"))).await.assert_status(200).json();
    let manifest = &packument["versions"][version];
    assert_eq!((&manifest["name"], &manifest["version"]), (&name.as_str().into(), &version.into()));
    let text = |field: &str| manifest["dist"][field].as_str().unwrap_or_default().to_owned();
    let url: Uri = text("tarball").parse().unwrap_or_else(|error| panic!("{}: {error}", text("tarball")));
    let tarball = ana.get(url.path()).await.assert_status(200).body;
    assert_eq!(text("integrity"), Integrity::of(&tarball).to_string());
    assert_eq!(text("shasum"), const_hex::encode(Sha1::digest(&tarball)));
    let alone: Value =
        ana.get(&format!("/{name}/{}", version.replace('+', "%2B"))).await.assert_status(200).json();
    assert_eq!(&alone, manifest);
}
