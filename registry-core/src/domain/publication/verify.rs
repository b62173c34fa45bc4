use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};

use crate::domain::integrity::shasum_of;
use crate::domain::provenance::ProvenanceError;
use crate::domain::{DistTag, Integrity, PackageName, Version, strict_json, tarball};
use crate::limits::{LimitExceeded, Limits};

use super::document::{Attachment, Document};
use super::{Publication, PublishError};

/// What the media types of Sigstore bundles begin with.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// The most bytes of a bundle. Real ones have about 10,000.
const MAX_BUNDLE: usize = 256 << 10;

impl Publication {
    /// Verifies a publish document as npm, pnpm, yarn and bun send it to `PUT /{name}`.
    ///
    /// Takes time in proportion to the tarball and its unpacked size: call it on a blocking thread.
    pub fn from_document(url_name: &PackageName, json: &[u8], limits: &Limits) -> Result<Self, PublishError> {
        let document = Document::parse(json)?;
        check_sizes(&document, limits)?;
        check_name(&document, url_name)?;
        let (written, mut manifest) = the_version(&document, url_name)?;
        let tag = the_tag(&document, &written)?;
        check_manifest(&mut manifest, limits)?;
        if manifest.get("private").is_some_and(|private| private == &Value::Bool(true)) {
            return Err(PublishError::Private);
        }
        if document.access.as_deref() == Some("restricted") && url_name.scope().is_none() {
            return Err(PublishError::RestrictedWithoutScope);
        }
        let (tarball, bundle) = the_attachments(&document)?;
        let provenance = bundle.map(read_bundle).transpose()?;
        let tarball = decode(tarball)?;
        let integrity = check_digests(&manifest, &tarball)?;
        let contents = tarball::inspect(&tarball, limits)?;
        tarball::agree(&manifest, &contents)?;
        // npm does the same before a publish. yarn 4 does not, and npm could not install its version.
        let version = written.without_build();
        manifest.insert("version".into(), version.as_str().into());
        tarball::complete(&mut manifest, &contents, &tarball);
        let readme = document
            .readme
            .and_then(|readme| serde_json::from_str(readme.get()).ok())
            .or_else(|| manifest.get("readme").and_then(Value::as_str).map(str::to_owned));
        readme.as_ref().map_or(Ok(()), |readme: &String| limits.check_readme(readme.len()))?;
        let restricted = document.access.as_deref() == Some("restricted");
        let publication = Self {
            name: url_name.clone(),
            version,
            tag,
            shasum: shasum_of(&tarball),
            tarball: tarball.into(),
            integrity,
            readme,
            restricted,
            provenance,
            manifest,
            contents,
        };
        publication.completed()
    }

    /// Rejects names that no store can hold, and takes a missing readme from the tarball.
    pub(super) fn completed(self) -> Result<Self, PublishError> {
        require_short_file_names(&self.name, &self.version)?;
        let readme = self.readme.or_else(|| self.contents.readme.as_ref().map(|(_, text)| text.clone()));
        Ok(Self { readme, ..self })
    }
}

/// Rejects a name and a version whose folder or file `{base}-{version}.tgz` is too long for a store.
pub(super) fn require_short_file_names(name: &PackageName, version: &Version) -> Result<(), PublishError> {
    const LONGEST_FILE_NAME: usize = 255;
    // A capital is stored as two characters.
    let stored = |text: &str| text.len() + text.bytes().filter(u8::is_ascii_uppercase).count();
    let tarball = stored(name.base()) + "-.tgz".len() + version.to_string().len();
    let longest = name.as_str().split('/').map(stored).chain([tarball]).max();
    if longest <= Some(LONGEST_FILE_NAME) { Ok(()) } else { Err(PublishError::TooLongTogether) }
}

/// Checks the sizes before anything is parsed.
fn check_sizes(document: &Document<'_>, limits: &Limits) -> Result<(), LimitExceeded> {
    // One character takes at most six bytes, as `\u0000`.
    document.readme.map_or(Ok(()), |readme| limits.check_readme(readme.get().len() / 6))?;
    // npm repeats the readme in the manifest, and yarn 1 puts the license's text there.
    let most = limits.manifest_bytes.saturating_add(limits.readme_bytes.saturating_mul(2));
    let too_large = document.versions.values().any(|manifest| manifest.get().len() > most);
    if too_large {
        limits.check_manifest(usize::MAX)
    } else {
        limits.check_dist_tags(document.dist_tags.len())
    }
}

/// Checks the limits of a stored manifest, as published and as completed from the tarball.
pub(super) fn check_manifest(
    manifest: &mut Map<String, Value>,
    limits: &Limits,
) -> Result<(), LimitExceeded> {
    let text = |field: &str| manifest.get(field).and_then(Value::as_str).unwrap_or_default();
    limits.check_readme(text("readme").len())?;
    limits.check_deprecation(text("deprecated"))?;
    let readme = manifest.shift_remove("readme");
    let size = serde_json::to_vec(manifest).map_or(usize::MAX, |json| json.len());
    if let Some(readme) = readme {
        manifest.insert("readme".to_owned(), readme);
    }
    limits.check_manifest(size)
}

fn check_name(document: &Document<'_>, expected: &PackageName) -> Result<(), PublishError> {
    for (field, value) in [("name", &document.name), ("_id", &document.id)] {
        let required = field == "name";
        if value.as_deref().map_or(required, |value| value != expected.as_str()) {
            return Err(PublishError::OtherName { field, expected: expected.clone() });
        }
    }
    Ok(())
}

fn the_version(
    document: &Document<'_>,
    name: &PackageName,
) -> Result<(Version, Map<String, Value>), PublishError> {
    let mut versions = document.versions.iter();
    let (Some((key, manifest)), None) = (versions.next(), versions.next()) else {
        return Err(PublishError::VersionCount { count: document.versions.len() });
    };
    let key = Version::parse(key.as_str())?;
    let Value::Object(manifest) = strict_json::parse_strict_json(manifest.get().as_bytes())? else {
        return Err(PublishError::shape("a version is not an object"));
    };
    if manifest.get("name").and_then(Value::as_str) != Some(name.as_str()) {
        return Err(PublishError::OtherName { field: "versions[…].name", expected: name.clone() });
    }
    if manifest.get("version").and_then(Value::as_str) != Some(key.as_str()) {
        return Err(PublishError::OtherVersion { key });
    }
    Ok((key, manifest))
}

fn the_tag(document: &Document<'_>, version: &Version) -> Result<DistTag, PublishError> {
    let mut tags = document.dist_tags.iter();
    let (Some((tag, tagged)), None) = (tags.next(), tags.next()) else {
        return Err(PublishError::TagCount { count: document.dist_tags.len() });
    };
    let tag = DistTag::parse(tag)?;
    if tagged != version.as_str() {
        return Err(PublishError::TagOfOtherVersion { tag: tag.to_string() });
    }
    Ok(tag)
}

/// Returns the tarball, and the provenance bundle if there is one. npm names the latter by its own media type, with or without
/// a version.
fn the_attachments<'a>(
    document: &'a Document<'_>,
) -> Result<(&'a Attachment<'a>, Option<&'a Attachment<'a>>), PublishError> {
    let (mut tarballs, mut bundles) = (Vec::new(), Vec::new());
    for (name, attachment) in &document.attachments {
        match attachment.content_type.as_deref().unwrap_or_default() {
            media_type if media_type.starts_with(BUNDLE) => bundles.push(attachment),
            "" | "application/octet-stream" | "application/gzip" | "application/x-gzip" => {
                tarballs.push(attachment);
            }
            _ => return Err(PublishError::Attachment { name: name.as_str().chars().take(100).collect() }),
        }
    }
    let [tarball] = tarballs[..] else {
        return Err(PublishError::TarballCount { count: tarballs.len() });
    };
    if bundles.len() > 1 {
        return Err(ProvenanceError::Count { count: bundles.len() }.into());
    }
    Ok((tarball, bundles.first().copied()))
}

/// Returns the text of a bundle, which clients attach as it is.
fn read_bundle(attachment: &Attachment<'_>) -> Result<Bytes, ProvenanceError> {
    if attachment.data.len() > MAX_BUNDLE {
        return Err(ProvenanceError::TooLarge { limit: MAX_BUNDLE });
    }
    Ok(Bytes::copy_from_slice(attachment.data.as_bytes()))
}

fn decode(attachment: &Attachment<'_>) -> Result<Vec<u8>, PublishError> {
    let tarball = STANDARD.decode(attachment.data.as_bytes()).map_err(|_| PublishError::Base64)?;
    let actual = tarball.len() as u64;
    match attachment.length {
        Some(declared) if declared != actual => Err(PublishError::Length { declared, actual }),
        _ => Ok(tarball),
    }
}

fn check_digests(manifest: &Map<String, Value>, tarball: &[u8]) -> Result<Integrity, PublishError> {
    let declared =
        |field: &str| manifest.get("dist").and_then(|dist| dist.get(field)).and_then(Value::as_str);
    let actual = Integrity::of(tarball);
    let mut checked = false;
    if let Some(integrity) = declared("integrity") {
        if Integrity::parse(integrity)? != actual {
            return Err(PublishError::Integrity);
        }
        checked = true;
    }
    if let Some(shasum) = declared("shasum") {
        if !shasum.eq_ignore_ascii_case(&shasum_of(tarball)) {
            return Err(PublishError::Shasum);
        }
        checked = true;
    }
    if checked { Ok(actual) } else { Err(PublishError::shape("dist declares neither integrity nor shasum")) }
}
