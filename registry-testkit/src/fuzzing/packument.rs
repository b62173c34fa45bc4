use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderValue, Request};
use registry_core::Body;
use registry_core::domain::PackageName;
use registry_core::domain::packument::{
    ForeignDocument, ForeignTarballs, Packument, TarballIndex, render_abbreviated, render_foreign,
    render_foreign_abbreviated, render_full, version_names,
};
use registry_core::storage::{BlobPath, BlobStore as _, Key, PutOutcome, When};
use serde_json::{Map, Value};

use super::ground::{Ground, Held};

thread_local! {
    static GROUND: Ground = Ground::new();
}

/// Where the registry is.
const BASE: &str = "https://here.example/npm";

/// Any bytes as a stored packument, and as that of another registry: what can be read is written and read again as the
/// same, every tarball lies below the registry's own URL, the abbreviated form says nothing that the full one does not,
/// and the registry
/// answers with it and changes it.
///
/// # Panics
///
/// If one of that is not so.
pub fn packument(input: &[u8]) {
    let name = the_name();
    let renders = stored(&name, input);
    foreign(&name, input);
    GROUND.with(|ground| ground.with(async |held: &Held| serve(held, &name, input, renders).await));
}

fn the_name() -> PackageName {
    PackageName::parse("@acme/pear").unwrap_or_else(|error| panic!("{error}"))
}

/// Whether both forms can be rendered.
fn stored(name: &PackageName, input: &[u8]) -> bool {
    let Ok(packument) = Packument::parse(name, input) else { return false };
    let written = packument.to_json().unwrap_or_else(|error| panic!("read and not written: {error}"));
    let again =
        Packument::parse(name, &written).unwrap_or_else(|error| panic!("written and not read: {error}"));
    assert!(again.to_json().is_ok_and(|json| json == written), "written otherwise the second time");
    // Asked for what they say, and not only whether they answer.
    let (full, abbreviated) = (render_full(&packument, BASE), render_abbreviated(&packument, BASE));
    assert_same(&full, &render_full(&again, BASE));
    assert_same(&abbreviated, &render_abbreviated(&again, BASE));
    if let Ok(index) = TarballIndex::of(&packument) {
        assert!(packument.versions.keys().all(|version| index.get(version.as_str()).is_some()));
    }
    let (Ok(full), Ok(abbreviated)) = (full, abbreviated) else { return false };
    let (Some(full), Some(abbreviated)) = (object(&full), object(&abbreviated)) else { return true };
    assert!(full.keys().all(|field| !field.starts_with('_') || matches!(field.as_str(), "_id" | "_rev")));
    assert_tarballs(&full);
    assert_tarballs(&abbreviated);
    assert_abbreviated(&full, &abbreviated);
    true
}

fn foreign(name: &PackageName, input: &[u8]) {
    version_names(input);
    let _ = ForeignTarballs::of(name, input);
    let (full, abbreviated) =
        (render_foreign(name, input, BASE), render_foreign_abbreviated(name, input, BASE));
    let Ok(full) = full else { return };
    assert!(render_foreign(name, &full, BASE).is_ok_and(|again| again == full), "rewritten twice");
    assert_same(&abbreviated, &render_foreign_abbreviated(name, &full, BASE));
    let Some(mut full) = object(&full) else { return };
    assert_tarballs(&full);
    if let Some(abbreviated) = abbreviated.ok().as_deref().and_then(object) {
        assert_tarballs(&abbreviated);
        assert_abbreviated(&full, &abbreviated);
    }
    read_leniently(name, input);
    // But for the URLs, and what has another type than clients can read, it is what the other registry said.
    if let Ok(Value::Object(mut before)) = serde_json::from_slice(input) {
        if !before.get("name").is_some_and(Value::is_string) {
            before.insert("name".into(), name.as_str().into());
        }
        take_odd(&mut before, &mut full);
        take_urls(&mut full);
        take_urls(&mut before);
        assert_eq!(full, before);
    }
}

/// Whatever a document says, something is made of it, and of each of its versions by itself.
fn read_leniently(name: &PackageName, input: &[u8]) {
    let Ok(document) = ForeignDocument::parse(name, input) else { panic!("rendered and not read") };
    let _ = (document.unpublished(), document.maintainers());
    for (tag, version) in document.dist_tags() {
        let by_version = document.render_manifest(&version, BASE).ok().flatten();
        assert!(by_version.is_some(), "{tag} names {version}, which cannot be read");
    }
}

/// What is left out of a document: versions that are not in `full`, tags that are no texts, a `time` that is no object, and
/// fields of versions that an install reads and that have another type. Those may be in `full` as something else.
fn take_odd(before: &mut Map<String, Value>, full: &mut Map<String, Value>) {
    let of_full = full.get_mut("versions").and_then(Value::as_object_mut);
    for (version, manifest) in of_full.into_iter().flatten() {
        let said = before.get_mut("versions").and_then(|versions| versions.get_mut(version));
        if let (Some(manifest), Some(said)) = (manifest.as_object_mut(), said.and_then(Value::as_object_mut))
        {
            take_odd_fields(said, manifest);
        }
    }
    let kept = full.get("versions").and_then(Value::as_object);
    match before.get_mut("versions") {
        Some(Value::Object(versions)) => {
            versions.retain(|version, _| kept.is_some_and(|kept| kept.contains_key(version)));
        }
        Some(odd) => *odd = Value::Object(Map::new()),
        None => {}
    }
    match before.get_mut("dist-tags") {
        Some(Value::Object(tags)) => tags.retain(|_, version| version.is_string()),
        Some(odd) => *odd = Value::Object(Map::new()),
        None => {}
    }
    if before.get("time").is_some_and(|time| !time.is_object()) {
        before.shift_remove("time");
    }
}

fn take_odd_fields(said: &mut Map<String, Value>, served: &mut Map<String, Value>) {
    const OBJECTS: [&str; 8] = [
        "dependencies",
        "devDependencies",
        "optionalDependencies",
        "peerDependencies",
        "acceptDependencies",
        "peerDependenciesMeta",
        "engines",
        "scripts",
    ];
    const OTHERS: [&str; 10] = [
        "bin",
        "directories",
        "os",
        "cpu",
        "libc",
        "bundleDependencies",
        "bundledDependencies",
        "deprecated",
        "hasInstallScript",
        "_hasShrinkwrap",
    ];
    for field in OBJECTS.iter().chain(&OTHERS) {
        let odd = match said.get(*field) {
            Some(value) => served.get(*field) != Some(value),
            None => false,
        };
        if odd {
            let value = said.shift_remove(*field);
            let of_texts =
                |value: &Value| value.as_object().is_some_and(|object| object.values().all(Value::is_string));
            let is_plain = OBJECTS.contains(field)
                && *field != "peerDependenciesMeta"
                && value.as_ref().is_some_and(of_texts);
            assert!(!is_plain, "{field} was changed from {value:?}");
            if let Some(served) = served.shift_remove(*field) {
                assert!(!OBJECTS.contains(field) || served.is_object(), "{field} is {served}");
            }
        }
    }
}

fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(object)) => Some(object),
        Ok(other) => panic!("no object: {other}"),
        // Deeper than a tree of values can be, or with a half of a pair of surrogates: served as it was written.
        Err(_) => None,
    }
}

fn assert_same<Failure>(one: &Result<Vec<u8>, Failure>, other: &Result<Vec<u8>, Failure>) {
    let [one, other] =
        [one, other].map(|result| result.as_ref().ok().map(|json| String::from_utf8_lossy(json)));
    assert_eq!(one, other);
}

/// Every URL of a tarball is one of this registry and this package.
fn assert_tarballs(document: &Map<String, Value>) {
    let versions = document.get("versions").and_then(Value::as_object);
    for (version, manifest) in versions.into_iter().flatten() {
        if let Some(tarball) = manifest.get("dist").and_then(|dist| dist.get("tarball")) {
            let expected = format!("{BASE}/@acme/pear/-/pear-{version}.tgz");
            assert!(tarball == &expected || tarball.is_null(), "{tarball} of {version}");
        }
    }
}

/// The abbreviated form has the same versions and tags, and of each version nothing else than the full one.
fn assert_abbreviated(full: &Map<String, Value>, abbreviated: &Map<String, Value>) {
    for field in ["name", "dist-tags"] {
        if full.contains_key(field) && field != "name" {
            assert_eq!(full.get(field), abbreviated.get(field), "{field}");
        }
    }
    let versions =
        |document: &Map<String, Value>| document.get("versions").and_then(Value::as_object).cloned();
    let Some(full) = versions(full) else { return };
    let abbreviated = versions(abbreviated).unwrap_or_default();
    assert!(full.keys().eq(abbreviated.keys()), "other versions");
    for (version, manifest) in &abbreviated {
        for (field, value) in manifest.as_object().into_iter().flatten() {
            let is_derived = field == "hasInstallScript" && value == &Value::Bool(true);
            assert!(is_derived || full[version].get(field) == Some(value), "{version}.{field}");
        }
    }
}

fn take_urls(document: &mut Map<String, Value>) {
    let versions = document.get_mut("versions").and_then(Value::as_object_mut);
    for (_, manifest) in versions.into_iter().flatten() {
        let Some(dist) = manifest.get_mut("dist").and_then(Value::as_object_mut) else { continue };
        if let Some(tarball) = dist.get_mut("tarball") {
            *tarball = Value::Null;
        }
        if let Some(url) = dist.get_mut("attestations").and_then(|attestations| attestations.get_mut("url")) {
            *url = Value::Null;
        }
    }
}

/// Asks for everything that is made of the packument.
async fn serve(held: &Held, name: &PackageName, input: &[u8], renders: bool) {
    let registry = &held.registry;
    let path = Key::Packument(name).path().unwrap_or_else(|error| panic!("{error}"));
    put(held, &path, input.to_vec().into()).await;
    let ana = registry.ana();
    for accept in ["application/json", "application/vnd.npm.install-v1+json"] {
        let request = Request::get("/@acme%2fpear").header(ACCEPT, HeaderValue::from_static(accept));
        let request = request.body(Body::empty()).unwrap_or_else(|error| panic!("{error}"));
        let answer = ana.send(request).await;
        let expected: &[u16] = if renders { &[200, 404] } else { &[200, 404, 500] };
        assert!(expected.contains(&answer.status.as_u16()), "{}: {}", answer.status, answer.text());
    }
    for path in [
        "/@acme/pear/latest",
        "/@acme/pear/1.0.0",
        "/@acme/pear/-/pear-1.0.0.tgz",
        "/-/package/@acme%2fpear/dist-tags",
        "/-/package/@acme%2fpear/collaborators",
        "/-/package/@acme%2fpear/visibility",
    ] {
        let answer = ana.get(path).await;
        assert!(matches!(answer.status.as_u16(), 200 | 403 | 404 | 500), "{path}: {}", answer.status);
    }
    // A change is made to what is there, or refused; it damages nothing.
    let before = ana.get("/@acme/pear").await;
    let tagged = ana.put("/-/package/@acme%2fpear/dist-tags/beta", &"1.0.0".into()).await;
    assert!(matches!(tagged.status.as_u16(), 200 | 201 | 400 | 403 | 404 | 500), "{}", tagged.status);
    let after = ana.get("/@acme/pear").await;
    assert!(after.status == before.status, "{} after a change, {} before", after.status, before.status);
    if tagged.status.is_success()
        && let Some(document) = object(&after.body)
    {
        assert!(after.status != 200 || document["dist-tags"]["beta"] == "1.0.0", "{document:?}");
    }
    put(held, &path, held.before[path.as_str()].clone()).await;
    registry.store().take_calls();
}

async fn put(held: &Held, path: &BlobPath, bytes: Bytes) {
    let put = held.registry.store().put(path, bytes, When::Always).await;
    assert!(matches!(put, Ok(PutOutcome::Stored(_))), "{put:?}");
}
