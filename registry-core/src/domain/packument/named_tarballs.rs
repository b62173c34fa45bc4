use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::provenance::RecordedAttestations;
use crate::domain::{Integrity, PackageName, Version, VersionSignature};

use super::tarball_index::locate;
use super::{Packument, TarballLocation, tarball_path};

/// What a packument says about the tarball of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedTarball {
    pub(crate) version: Version,
    pub(crate) location: TarballLocation,
    pub(crate) integrity: Option<Integrity>,
    /// The SHA-1 in lowercase hex.
    pub(crate) shasum: Option<String>,
    /// The `dist.tarball`, if it is that of another version or package.
    pub(crate) foreign: Option<String>,
    /// Whether the `dist.integrity` is this one digest and nothing else, so that it can be signed.
    pub(crate) is_signable: bool,
    pub(crate) signatures: Vec<VersionSignature>,
    /// The digest of the attestations that it names.
    pub(crate) attestations: Option<Integrity>,
}

/// A version whose tarball cannot be found, because its manifest is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnreadableManifest {
    pub(crate) version: String,
    pub(crate) reason: String,
}

#[derive(Deserialize)]
struct Manifest {
    dist: Option<Dist>,
}

#[derive(Deserialize)]
struct Dist {
    tarball: Option<Value>,
    integrity: Option<Value>,
    shasum: Option<Value>,
    signatures: Option<Value>,
    attestations: Option<Value>,
}

impl Packument<'_> {
    /// Returns what each version says about its tarball, in the order of publishing.
    pub(crate) fn named_tarballs(&self) -> Vec<Result<NamedTarball, UnreadableManifest>> {
        let named = self.versions.iter().map(|(version, manifest)| {
            read(&self.name, version.as_str(), manifest)
                .map_err(|reason| UnreadableManifest { version: version.as_str().to_owned(), reason })
        });
        named.collect()
    }

    /// Returns the tags that name no version, with what they name.
    pub(crate) fn dangling_dist_tags(&self) -> impl Iterator<Item = (&str, &str)> {
        let dangling =
            self.dist_tags.iter().filter(|(_, version)| !self.versions.contains_key(version.as_str()));
        dangling.map(|(tag, version)| (tag.as_str(), version.as_str()))
    }
}

fn read(name: &PackageName, text: &str, manifest: &RawValue) -> Result<NamedTarball, String> {
    let version = Version::parse(text).map_err(|_| "its key is not a version".to_owned())?;
    let location = locate(name, text, manifest).map_err(|error| error.to_string())?;
    let view: Manifest = serde_json::from_str(manifest.get()).map_err(|error| error.to_string())?;
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    };
    let Some(dist) = view.dist else { return Err("it has no dist".to_owned()) };
    let told = text(dist.integrity);
    let integrity = told.as_ref().and_then(|integrity| Integrity::parse(integrity).ok());
    let is_signable = integrity.as_ref().map(ToString::to_string) == told && told.is_some();
    let attestations = dist.attestations.as_ref().and_then(RecordedAttestations::digest_in);
    let shasum = text(dist.shasum).map(|shasum| shasum.to_ascii_lowercase());
    let foreign = text(dist.tarball).filter(|tarball| !is_of(name, version.as_str(), tarball));
    let signatures = VersionSignature::list_of(dist.signatures.as_ref());
    Ok(NamedTarball { version, location, integrity, shasum, foreign, is_signable, signatures, attestations })
}

/// Whether a `dist.tarball` is that of the version: our path, or a URL of codebox-npm, whose file may be named after the
/// whole name and may be percent-encoded.
fn is_of(name: &PackageName, version: &str, tarball: &str) -> bool {
    if tarball == tarball_path(name, version) {
        return true;
    }
    let decoded = percent_decode_str(tarball).decode_utf8_lossy();
    let Some((before, file)) = decoded.split_once("/-/") else {
        return decoded.ends_with(&format!("/{version}.tgz"));
    };
    let is_of_package = before == name.as_str() || before.ends_with(&format!("/{name}"));
    let files = [name.base(), name.as_str()].map(|base| format!("{base}-{version}.tgz"));
    is_of_package && files.iter().any(|known| known == file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_codebox_are_those_of_their_version() {
        let name = PackageName::parse("@acme/pear").unwrap();
        for tarball in [
            "@acme/pear/-/pear-1.0.0.tgz",
            "https://npm.registry.example/@acme/pear/-/pear-1.0.0.tgz",
            "https://npm.registry.example/@acme/pear/-/%40acme%2Fpear-1.0.0.tgz",
            "undefined/@acme/pear/-/@acme/pear-1.0.0.tgz",
            "undefined/@acme%2fpear/-/pear-1.0.0.tgz",
        ] {
            assert!(is_of(&name, "1.0.0", tarball), "{tarball}");
        }
        for tarball in [
            "@acme/pear/-/pear-1.0.1.tgz",
            "@acme/plum/-/pear-1.0.0.tgz",
            "https://npm.registry.example/pear/-/pear-1.0.0.tgz",
            "@acme/pear/-/plum-1.0.0.tgz",
            "",
        ] {
            assert!(!is_of(&name, "1.0.0", tarball), "{tarball}");
        }
    }
}
