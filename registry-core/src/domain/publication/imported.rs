use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use crate::domain::integrity::{have_integrity, shasum_of};
use crate::domain::packument::{SourceVersion, deprecation_text, tarball_path};
use crate::domain::shorten::shorten;
use crate::domain::{
    Integrity, PackageName, TarballContents, Version, VersionError, VersionSignature, strict_json, tarball,
};
use crate::limits::{LimitExceeded, Limits};

use super::TarballError;
use super::verify::{check_manifest, require_short_file_names};

/// The underscored fields of a manifest that are taken over.
const KEPT_UNDERSCORED: [&str; 4] = ["_id", "_nodeVersion", "_npmUser", "_npmVersion"];

/// A version of another registry, verified like a publication, and ready to be recorded.
#[derive(Debug, Clone)]
pub(crate) struct ImportedVersion {
    pub(crate) version: Version,
    pub(crate) integrity: Integrity,
    /// The `dist.integrity` that clients get, which may list other digests, too.
    pub(crate) served_integrity: String,
    /// The manifest as stored.
    pub(crate) manifest: Box<RawValue>,
    /// The readme of the manifest, or else that of the tarball.
    pub(crate) readme: Option<String>,
    /// The origins from which an `npm-shrinkwrap.json` in the tarball takes packages.
    pub(crate) shrinkwrap_origins: Vec<String>,
}

/// Why a version of another registry is not imported. The text is for the operator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportRefusal {
    /// The key of the version is not a version.
    #[error("no client can install a version with such a key: leave it at the source")]
    Version(#[from] VersionError),
    /// The manifest has not the form of one.
    #[error("its manifest at the source cannot be used, because {reason}: mend it there")]
    Manifest {
        /// What is wrong with it.
        reason: String,
    },
    /// The source names no digest that is known.
    #[error("the source names no digest of its tarball: publish a tarball that you trust, in its place")]
    NoDigest,
    /// The bytes are not those that the packument names.
    #[error("the bytes that the source sent do not have the dist.{field} of its packument: mend the source")]
    Digest {
        /// `integrity` or `shasum`.
        field: &'static str,
    },
    /// The tarball has content that clients could not install, or would install differently.
    #[error("its tarball is refused: publish a repaired version")]
    Tarball(#[from] TarballError),
    /// Clients would install something else than the packument says.
    #[error(
        "its manifest at the source and the package.json in its tarball differ in `{field}`, so clients would install something \
         else than they see: publish a repaired version"
    )]
    Disagreement {
        /// The field, such as `dependencies.left-pad`.
        field: String,
    },
    /// A part exceeds a limit of this registry.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// Name and version together are too long for a store.
    #[error("its name and version are too long together")]
    TooLongTogether,
    /// The tarball lets npm install packages from elsewhere.
    #[error(
        "its npm-shrinkwrap.json takes packages from {origin}, which is neither the public_url of this registry nor one of \
         its upstreams"
    )]
    ShrinkwrapOrigin {
        /// Where it takes them from, such as `https://registry.example`.
        origin: String,
    },
    /// The source has no tarball of the version.
    #[error("the source has no tarball of it")]
    NoTarball,
    /// The version here has another tarball.
    #[error("the version here has another tarball, and stays: find out which of the two is right")]
    OtherTarball,
    /// The number is staged here, or differs in build metadata only from one that is taken.
    #[error("its number is staged here, or taken by a version that differs in build metadata only")]
    Taken,
}

impl ImportedVersion {
    /// Verifies a version against its tarball.
    ///
    /// Takes time in proportion to the tarball and its unpacked size: call it on a blocking thread.
    pub(crate) fn verify(
        name: &PackageName,
        version: &Version,
        source: &SourceVersion,
        tarball: &[u8],
        limits: &Limits,
    ) -> Result<Self, ImportRefusal> {
        let mut manifest = read_manifest(name, version, &source.manifest)?;
        let readme = manifest.shift_remove("readme");
        check_manifest(&mut manifest, limits)?;
        check_digests(source, tarball)?;
        let contents = tarball::inspect(tarball, limits)?;
        tarball::agree(&manifest, &contents)
            .map_err(|differs| ImportRefusal::Disagreement { field: differs.field().to_owned() })?;
        tarball::complete(&mut manifest, &contents, tarball);
        require_short_file_names(name, version).map_err(|_| ImportRefusal::TooLongTogether)?;
        let integrity = Integrity::of(tarball);
        let dist =
            stored_dist(&manifest, &integrity, tarball, &contents, &tarball_path(name, version.as_str()));
        let served = dist.get("integrity").and_then(Value::as_str);
        let served_integrity = served.map_or_else(|| integrity.to_string(), str::to_owned);
        let manifest = stored(manifest, dist, &contents);
        let manifest = to_raw_value(&manifest).map_err(|error| manifest_error(&error.to_string()))?;
        let readme =
            readme.as_ref().and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let readme = readme.or(contents.readme.map(|(_, text)| text));
        readme.as_ref().map_or(Ok(()), |readme| limits.check_readme(readme.len()))?;
        let shrinkwrap_origins = contents.shrinkwrap_origins.into_iter().collect();
        Ok(Self {
            version: version.clone(),
            integrity,
            served_integrity,
            manifest,
            readme,
            shrinkwrap_origins,
        })
    }

    /// Replaces the signatures of the other registry by that of this one. They stay in `sourceSignatures`, which no client reads.
    pub(crate) fn signed(mut self, signature: &VersionSignature) -> Result<Self, serde_json::Error> {
        let mut manifest: Map<String, Value> = serde_json::from_str(self.manifest.get())?;
        if let Some(Value::Object(dist)) = manifest.get_mut("dist") {
            signature.replace_in(dist);
        }
        self.manifest = to_raw_value(&manifest)?;
        Ok(self)
    }
}

fn manifest_error(reason: &str) -> ImportRefusal {
    ImportRefusal::Manifest { reason: shorten(reason).into_owned() }
}

fn read_manifest(
    name: &PackageName,
    version: &Version,
    manifest: &RawValue,
) -> Result<Map<String, Value>, ImportRefusal> {
    let read = strict_json::parse_strict_json(manifest.get().as_bytes());
    let Value::Object(manifest) = read.map_err(|error| manifest_error(&error.to_string()))? else {
        return Err(manifest_error("it is not an object"));
    };
    for (field, expected) in [("name", name.as_str()), ("version", version.as_str())] {
        if manifest.get(field).and_then(Value::as_str) != Some(expected) {
            return Err(manifest_error(&format!("its {field} is that of another package or version")));
        }
    }
    Ok(manifest)
}

fn check_digests(source: &SourceVersion, tarball: &[u8]) -> Result<(), ImportRefusal> {
    let by_integrity = source.integrity.as_deref().and_then(|integrity| have_integrity(tarball, integrity));
    let by_shasum = source.shasum.as_ref().map(|shasum| *shasum == shasum_of(tarball));
    match (by_integrity, by_shasum) {
        (None, None) => Err(ImportRefusal::NoDigest),
        (Some(false), _) => Err(ImportRefusal::Digest { field: "integrity" }),
        (_, Some(false)) => Err(ImportRefusal::Digest { field: "shasum" }),
        _ => Ok(()),
    }
}

/// Returns `dist` as at the source, completed, but without attestations, which stay there.
fn stored_dist(
    manifest: &Map<String, Value>,
    integrity: &Integrity,
    tarball: &[u8],
    contents: &TarballContents,
    path: &str,
) -> Map<String, Value> {
    let mut dist = manifest.get("dist").and_then(Value::as_object).cloned().unwrap_or_default();
    dist.shift_remove("attestations");
    // Clients take a tarball that has any of several digests, of which only one was verified.
    let is_verified = |told: &str| {
        let digests = told.split_whitespace().filter(|digest| digest.starts_with("sha512-"));
        digests.count() == 1 && Integrity::parse(told).as_ref() == Ok(integrity)
    };
    if !dist.get("integrity").and_then(Value::as_str).is_some_and(is_verified) {
        dist.insert("integrity".into(), integrity.to_string().into());
    }
    dist.insert("tarball".into(), path.into());
    dist.insert("shasum".into(), shasum_of(tarball).into());
    for (field, value) in [("fileCount", contents.file_count), ("unpackedSize", contents.unpacked_size)] {
        dist.entry(field).or_insert_with(|| value.into());
    }
    dist
}

/// Returns the manifest as stored: as at the source, without what only that registry needs.
fn stored(
    mut manifest: Map<String, Value>,
    dist: Map<String, Value>,
    contents: &TarballContents,
) -> Map<String, Value> {
    manifest.retain(|field, _| !field.starts_with('_') || KEPT_UNDERSCORED.contains(&field.as_str()));
    // How an account there was proven, proves nothing here.
    if let Some(Value::Object(publisher)) = manifest.get_mut("_npmUser") {
        publisher.retain(|field, _| ["name", "email"].contains(&field.as_str()));
    }
    let deprecated = deprecation_text(manifest.get("deprecated"));
    manifest.shift_remove("deprecated");
    manifest.extend(deprecated.map(|message| ("deprecated".to_owned(), message.into())));
    if contents.has_shrinkwrap {
        manifest.insert("_hasShrinkwrap".into(), true.into());
    }
    manifest.insert("dist".into(), dist.into());
    manifest
}
