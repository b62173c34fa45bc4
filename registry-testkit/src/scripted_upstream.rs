//! Another registry, played by a script: what it has, what it says, and what it was asked.
//!
//! ```
//! use registry_core::upstream::{PackumentForm, Upstream, UpstreamPackument, Validators};
//! use registry_testkit::ScriptedUpstream;
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let upstream = ScriptedUpstream::default();
//! upstream.publish("pear", "1.0.0", b"the bytes of a tarball");
//! let known = Validators::default();
//! let answer = upstream.packument(&"pear".parse()?, PackumentForm::Full, &known).await?;
//! assert!(matches!(answer, UpstreamPackument::Found { .. }));
//! assert_eq!(upstream.take_asked(), ["packument pear"]);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, StreamExt as _};
use registry_core::domain::{Integrity, PackageName, Version};
use registry_core::upstream::{
    PackumentForm, Upstream, UpstreamError, UpstreamPackument, UpstreamTarball, Validators,
};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::futures::OwnedNotified;

/// Another registry, played by a script. Clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct ScriptedUpstream(Arc<Mutex<Script>>);

#[derive(Debug, Default)]
struct Script {
    name: Option<String>,
    packuments: BTreeMap<String, Value>,
    /// Packuments byte by byte, before those above.
    documents: BTreeMap<String, Bytes>,
    tarballs: BTreeMap<String, Bytes>,
    told: BTreeMap<String, Bytes>,
    is_down: bool,
    searches_hang: bool,
    /// Lets the callers that wait for a packument continue.
    packuments_hang: Option<Arc<Notify>>,
    cut_after: Option<usize>,
    empty_piece: bool,
    declared: Option<u64>,
    elsewhere: Option<String>,
    asked: Vec<String>,
}

impl ScriptedUpstream {
    /// Adds a version with this tarball, signed and attested as far as a document shows.
    pub fn publish(&self, name: &str, version: &str, tarball: &'static [u8]) {
        let url = url_of(name, version);
        let manifest = json!({
            "name": name,
            "version": version,
            "dist": {
                "tarball": url,
                "integrity": Integrity::of(tarball).to_string(),
                "signatures": [{ "keyid": "SHA256:upstream", "sig": "MEUC" }],
                "attestations": {
                    "url": format!("https://registry.example/attested/{name}@{version}"),
                    "provenance": { "predicateType": "https://slsa.dev/provenance/v1" },
                },
            },
        });
        let mut script = self.script();
        script.tarballs.insert(url, Bytes::from_static(tarball));
        let packument = script.packuments.entry(name.to_owned()).or_insert_with(|| {
            json!({ "_id": name, "_rev": "1-abc", "name": name, "dist-tags": {}, "versions": {}, "time": {} })
        });
        packument["versions"][version] = manifest;
        packument["dist-tags"]["latest"] = version.into();
        packument["time"][version] = "2026-01-01T00:00:00.000Z".into();
    }

    /// Answers like this from now on where it was silent before: to `advisories` (whatever they are asked of), to `keys`,
    /// and to what is asked as `attestations pear@1.0.0`.
    pub fn tell(&self, what: &str, answer: &str) {
        self.script().told.insert(what.to_owned(), answer.to_owned().into());
    }

    /// Displays itself by this name.
    pub fn set_name(&self, name: &str) {
        self.script().name = Some(name.to_owned());
    }

    /// Has this document, whatever it says, as the packument of `name`.
    pub fn set_packument(&self, name: &str, packument: Value) {
        self.script().packuments.insert(name.to_owned(), packument);
    }

    /// Answers these bytes as the packument of `name`, in place of any other, and as the full form whichever is asked for.
    pub fn set_document(&self, name: &str, bytes: impl Into<Bytes>) {
        self.script().documents.insert(name.to_owned(), bytes.into());
    }

    /// Adds the tarball at an address.
    pub fn set_tarball(&self, url: &str, tarball: &[u8]) {
        self.script().tarballs.insert(url.to_owned(), Bytes::copy_from_slice(tarball));
    }

    /// Takes a package back, with all of its versions.
    pub fn remove(&self, name: &str) {
        self.script().packuments.remove(name);
    }

    /// Tags a version.
    pub fn tag(&self, name: &str, tag: &str, version: &str) {
        if let Some(packument) = self.script().packuments.get_mut(name) {
            packument["dist-tags"][tag] = version.into();
        }
    }

    /// Deprecates a version.
    pub fn deprecate(&self, name: &str, version: &str, message: &str) {
        let mut script = self.script();
        if let Some(manifest) =
            script.packuments.get_mut(name).and_then(|packument| packument["versions"].get_mut(version))
        {
            manifest["deprecated"] = message.into();
        }
    }

    /// Takes a version back.
    pub fn withdraw(&self, name: &str, version: &str) {
        let mut script = self.script();
        if let Some(versions) =
            script.packuments.get_mut(name).and_then(|packument| packument["versions"].as_object_mut())
        {
            versions.shift_remove(version);
        }
    }

    /// Gives other bytes for a tarball than its packument promises.
    pub fn replace_tarball(&self, name: &str, version: &str, tarball: &'static [u8]) {
        self.script().tarballs.insert(url_of(name, version), Bytes::from_static(tarball));
    }

    /// Breaks every tarball off after so many bytes; `None` ends that.
    pub fn cut_tarballs_after(&self, bytes: Option<usize>) {
        self.script().cut_after = bytes;
    }

    /// Ends every tarball with a piece of no bytes, as HTTP/2 may, or no longer does.
    pub fn end_tarballs_with_an_empty_piece(&self, empty_piece: bool) {
        self.script().empty_piece = empty_piece;
    }

    /// Declares this length for every tarball, whatever it is; `None` ends that.
    pub fn declare_tarballs(&self, length: Option<u64>) {
        self.script().declared = length;
    }

    /// Has every tarball at another host, which is not allowed; `None` ends that.
    pub fn have_tarballs_elsewhere(&self, host: Option<&str>) {
        self.script().elsewhere = host.map(str::to_owned);
    }

    /// Stops answering, or answers again.
    pub fn set_down(&self, is_down: bool) {
        self.script().is_down = is_down;
    }

    /// Takes searches and never answers them, or answers again.
    pub fn set_searches_hang(&self, hang: bool) {
        self.script().searches_hang = hang;
    }

    /// Takes questions for packuments and does not answer them, or answers again, also those that it took.
    pub fn set_packuments_hang(&self, hang: bool) {
        let mut script = self.script();
        if hang {
            script.packuments_hang.get_or_insert_default();
        } else if let Some(let_go) = script.packuments_hang.take() {
            let_go.notify_waiters();
        }
    }

    /// What was asked since the last call, oldest first, such as `packument pear` and `tarball …`.
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.script().asked)
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to wait for while questions for packuments are not answered.
    fn hanging(&self) -> Option<OwnedNotified> {
        self.script().packuments_hang.clone().map(Notify::notified_owned)
    }

    fn ask(&self, what: String) -> Result<MutexGuard<'_, Script>, UpstreamError> {
        let mut script = self.script();
        script.asked.push(what);
        if script.is_down {
            return Err(UpstreamError::Unavailable {
                upstream: script.name().to_owned(),
                retry_after: None,
                source: "it is down".into(),
            });
        }
        Ok(script)
    }
}

impl Script {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or("scripted upstream")
    }

    /// The packument of a package, and the form that it has.
    fn packument(&self, name: &str, form: PackumentForm) -> Option<(Bytes, PackumentForm)> {
        if let Some(bytes) = self.documents.get(name) {
            return Some((bytes.clone(), PackumentForm::Full));
        }
        let mut packument = self.packuments.get(name)?.clone();
        if form == PackumentForm::Abbreviated
            && let Some(fields) = packument.as_object_mut()
        {
            fields.retain(|field, _| ["name", "dist-tags", "versions"].contains(&field.as_str()));
        }
        Some((packument.to_string().into(), form))
    }

    /// All packages with one of the words in their names, in the order of the names. Without `maintainers`, which
    /// some registries leave out.
    fn search(&self, query: &str) -> Value {
        let field = |wanted: &str| {
            let mut fields = url::form_urlencoded::parse(query.as_bytes());
            fields.find(|(field, _)| field == wanted).map(|(_, value)| value.into_owned())
        };
        let number = |wanted: &str| field(wanted).and_then(|number| number.parse().ok());
        let text = field("text").unwrap_or_default();
        let found =
            self.packuments.iter().filter(|(name, _)| text.split(' ').any(|word| name.contains(word)));
        let found = found.map(|(name, packument)| {
            json!({ "package": { "name": name, "version": packument["dist-tags"]["latest"] }, "searchScore": 1 })
        });
        let found: Vec<_> = found.collect();
        let (from, size) = (number("from").unwrap_or(0), number("size").unwrap_or(20));
        let page: Vec<_> = found.iter().skip(from).take(size).collect();
        json!({ "objects": page, "total": found.len(), "time": "2026-01-01T00:00:00.000Z" })
    }
}

fn url_of(name: &str, version: &str) -> String {
    format!("https://registry.example/files/{name}-{version}.tgz")
}

#[async_trait]
impl Upstream for ScriptedUpstream {
    async fn packument(
        &self,
        name: &PackageName,
        form: PackumentForm,
        known: &Validators,
    ) -> Result<UpstreamPackument, UpstreamError> {
        // Gives concurrent callers the time to meet.
        tokio::task::yield_now().await;
        drop(self.ask(format!("packument {name}"))?);
        while let Some(let_go) = self.hanging() {
            let_go.await;
        }
        let Some((bytes, form)) = self.script().packument(name.as_str(), form) else {
            return Ok(UpstreamPackument::Missing);
        };
        let etag = Some(Integrity::of(&bytes).to_string());
        if known.etag == etag {
            return Ok(UpstreamPackument::Unchanged);
        }
        let validators = Validators { etag, last_modified: None };
        Ok(UpstreamPackument::Found { bytes, form, validators })
    }

    async fn tarball(&self, url: &str) -> Result<Option<UpstreamTarball>, UpstreamError> {
        tokio::task::yield_now().await;
        let script = self.ask(format!("tarball {url}"))?;
        let Some(bytes) = script.tarballs.get(url).cloned() else { return Ok(None) };
        let length = script.declared.or(Some(bytes.len() as u64));
        let sent = bytes.slice(..script.cut_after.unwrap_or(bytes.len()).min(bytes.len()));
        let is_cut = sent.len() < bytes.len();
        let end = is_cut.then(|| {
            Err(UpstreamError::Unavailable {
                upstream: script.name().to_owned(),
                retry_after: None,
                source: "it was cut off".into(),
            })
        });
        let empty_piece = script.empty_piece.then(Bytes::new);
        // A few bytes at a time, so that a client has part of it before the end is known.
        let pieces =
            sent.chunks((bytes.len() / 64).max(2)).map(Bytes::copy_from_slice).chain(empty_piece).map(Ok);
        let chunks: Vec<_> = pieces.chain(end).collect();
        let mut tarball = UpstreamTarball::new(stream::iter(chunks).boxed(), length);
        tarball.elsewhere.clone_from(&script.elsewhere);
        Ok(Some(tarball))
    }

    async fn search(&self, query: &str) -> Result<Option<Bytes>, UpstreamError> {
        let hits = {
            let script = self.ask(format!("search {query}"))?;
            if script.searches_hang { None } else { Some(script.search(query)) }
        };
        match hits {
            Some(hits) => Ok(Some(hits.to_string().into())),
            None => std::future::pending().await,
        }
    }

    async fn all_packages(&self) -> Result<Option<Bytes>, UpstreamError> {
        let script = self.ask("all packages".into())?;
        let listed = script.packuments.iter().map(|(name, packument)| (name.as_str(), packument.clone()));
        let time = ("_updated", json!(1_767_225_600_000_u64));
        let all: BTreeMap<&str, Value> = listed.chain([time]).collect();
        Ok(Some(json!(all).to_string().into()))
    }

    async fn advisories(&self, packages: Bytes) -> Result<Option<Bytes>, UpstreamError> {
        let script = self.ask(format!("advisories {}", String::from_utf8_lossy(&packages)))?;
        Ok(script.told.get("advisories").cloned())
    }

    async fn keys(&self) -> Result<Option<Bytes>, UpstreamError> {
        // Gives concurrent callers the time to meet.
        tokio::task::yield_now().await;
        Ok(self.ask("keys".into())?.told.get("keys").cloned())
    }

    async fn attestations(
        &self,
        name: &PackageName,
        version: &Version,
    ) -> Result<Option<Bytes>, UpstreamError> {
        let what = format!("attestations {name}@{version}");
        Ok(self.ask(what.clone())?.told.get(&what).cloned())
    }
}

impl fmt::Display for ScriptedUpstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.script().name())
    }
}
