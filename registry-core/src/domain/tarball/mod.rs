//! The content of a tarball, and whether a publish document agrees with it.
//!
//! ```
//! use std::io::Write as _;
//!
//! use registry_core::domain::tarball::{agree, inspect};
//! use registry_core::limits::Limits;
//! use serde_json::json;
//!
//! let manifest = json!({ "name": "greet", "version": "1.0.0", "bin": "./greet.js" }).to_string();
//! let mut header = tar::Header::new_ustar();
//! header.set_mode(0o644);
//! header.set_size(manifest.len() as u64);
//! let mut archive = tar::Builder::new(Vec::new());
//! archive.append_data(&mut header, "package/package.json", manifest.as_bytes())?;
//! let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
//! gzip.write_all(&archive.into_inner()?)?;
//!
//! let contents = inspect(&gzip.finish()?, &Limits::default())?;
//! assert_eq!(contents.file_count, 1);
//!
//! // npm writes `bin` as an object into the document; that is the same to every client.
//! let mut document = json!({ "name": "greet", "version": "1.0.0", "bin": { "greet": "greet.js" } });
//! assert_eq!(agree(document.as_object().unwrap(), &contents), Ok(()));
//!
//! document["dependencies"] = json!({ "hidden": "^1.0.0" });
//! let disagreement = agree(document.as_object().unwrap(), &contents).unwrap_err();
//! assert_eq!(disagreement.field(), "dependencies.hidden");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bins;
mod bundle;
mod claims;
mod commands;
mod dependencies;
mod error;
mod field_types;
#[cfg(feature = "web")]
mod files;
mod folded;
mod git_reference;
mod header;
mod inspect;
mod install_fields;
mod manifest_agreement;
mod native_code;
mod path;
mod pax;
mod readme;
mod scripts;
mod short_names;
mod shrinkwrap;
mod unpacker;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(in crate::domain) use commands::commands;
pub use error::TarballError;
pub(in crate::domain) use field_types::{fits, make_fit};
#[cfg(feature = "web")]
pub(crate) use files::each_file;
pub(in crate::domain) use folded::is_device;
pub use inspect::inspect;
pub use manifest_agreement::{ManifestDisagreement, agree};

/// Converts a manifest that agrees with its tarball to the types that clients expect, and adds what the tarball implies
/// and the client omitted: the script that builds native code, bundled dependencies under one spelling, and all
/// commands as npm writes them.
pub(in crate::domain) fn complete(
    manifest: &mut Map<String, Value>,
    contents: &TarballContents,
    tarball: &[u8],
) {
    install_fields::complete(manifest, contents);
    make_fit(manifest);
    // The client's value is ignored.
    manifest.shift_remove("hasInstallScript");
    native_code::declare(manifest, contents);
    // Clients write commands in several forms, and list those of a folder that is on the publisher's disk.
    let commands = commands(&contents.manifest, tarball);
    if commands.is_empty() {
        manifest.shift_remove("bin");
    } else {
        manifest.insert("bin".into(), serde_json::json!(commands));
    }
}

/// The result of inspecting a tarball.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each tells of one file, and a package has any of them")]
pub struct TarballContents {
    /// The `package.json` inside, as written.
    pub manifest: Map<String, Value>,
    /// The number of regular files.
    pub file_count: u64,
    /// The total size of all files in bytes.
    pub unpacked_size: u64,
    /// Whether there is an `npm-shrinkwrap.json` at the root.
    pub has_shrinkwrap: bool,
    /// The origins, such as `https://registry.example`, from which files named `npm-shrinkwrap.json` take packages.
    pub shrinkwrap_origins: BTreeSet<String>,
    /// Whether there is a `*.gyp` file at the root, for which npm runs `node-gyp rebuild` at install even without a
    /// script.
    pub has_gyp_file: bool,
    /// Whether one of these is `binding.gyp`, for which yarn does so even if `gypfile` is `false`.
    pub has_binding_gyp: bool,
    /// Whether a package bundled in `node_modules` has a script, or native code, that npm runs or builds at an install.
    pub has_bundled_install_script: bool,
    /// Whether there is a license file at the root, from which some clients take the license.
    pub has_license_file: bool,
    /// The name and the text of the readme at the root. The text is UTF-8 and at most 64 KiB.
    pub readme: Option<(String, String)>,
}
