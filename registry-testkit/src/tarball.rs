//! Packs a package's tarball in memory, the same bytes each time.
//!
//! ```
//! use registry_testkit::tarball::Tarball;
//! let tarball = Tarball::new("@acme/one", "1.0.0").file("index.js", b"module.exports = 1;").pack();
//! assert_eq!(tarball[..2], [0x1f, 0x8b], "gzip");
//! assert_eq!(tarball, Tarball::new("@acme/one", "1.0.0").file("index.js", b"module.exports = 1;").pack());
//! ```

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// The time that npm gives every file: packing twice gives the same bytes.
const PACKED_AT: u64 = 499_162_500;

/// The content of a tarball to pack.
#[derive(Debug, Clone)]
pub struct Tarball {
    manifest: Option<Value>,
    files: Vec<(String, Vec<u8>)>,
}

impl Tarball {
    /// A tarball whose `package.json` has this name and version.
    pub fn new(name: &str, version: &str) -> Self {
        Self::of_manifest(json!({ "name": name, "version": version }))
    }

    /// A tarball with this `package.json`.
    pub fn of_manifest(manifest: Value) -> Self {
        Self { manifest: Some(manifest), files: Vec::new() }
    }

    /// A tarball that lacks a `package.json`.
    pub fn without_manifest() -> Self {
        Self { manifest: None, files: Vec::new() }
    }

    /// With this file in its `package/` folder.
    #[must_use]
    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        self.files.push((path.to_owned(), content.to_vec()));
        self
    }

    /// The tarball: tar in gzip.
    ///
    /// # Panics
    ///
    /// If a file's path does not fit into a tar header.
    pub fn pack(&self) -> Vec<u8> {
        gzip(&self.tar())
    }

    fn tar(&self) -> Vec<u8> {
        let mut archive = tar::Builder::new(Vec::new());
        let manifest = self.manifest.as_ref().map(|manifest| format!("{manifest:#}\n").into_bytes());
        let manifest = manifest.iter().map(|content| ("package.json", content));
        let files = self.files.iter().map(|(path, content)| (path.as_str(), content));
        for (path, content) in manifest.chain(files) {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(PACKED_AT);
            archive
                .append_data(&mut header, format!("package/{path}"), content.as_slice())
                .unwrap_or_else(|error| panic!("cannot pack {path}: {error}"));
        }
        archive.into_inner().unwrap_or_else(|error| panic!("cannot end the tar: {error}"))
    }
}

/// Compresses bytes as npm does a tarball.
///
/// # Panics
///
/// Never: memory takes all that is written.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_else(|error| panic!("cannot compress in memory: {error}"))
}
