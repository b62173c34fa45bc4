//! What a Sigstore bundle says about a version, and why one is rejected.

use std::borrow::Cow;

use super::shorten::shorten;
use super::{Integrity, PackageName, Version};

/// What was verified of the provenance of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provenance {
    /// The kind of the statement, such as `https://slsa.dev/provenance/v1`.
    pub predicate_type: String,
    /// What signed it.
    pub identity: BuildIdentity,
    /// Whether the certificate and the log were verified with a trust root. Otherwise the bundle is consistent, and nothing more.
    pub is_trusted: bool,
}

/// A build, as the certificate of its signature says. Every field is a claim of the certificate authority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BuildIdentity {
    /// The issuer of the build's token, such as `https://token.actions.githubusercontent.com`.
    pub issuer: Option<String>,
    /// The URL of the repository, such as `https://github.com/acme/pear`.
    pub repository: Option<String>,
    /// The branch or tag, such as `refs/heads/main`.
    pub git_ref: Option<String>,
    /// The URL of the workflow, such as `https://github.com/acme/pear/.github/workflows/publish.yml@refs/heads/main`.
    pub workflow: Option<String>,
}

/// The attestations of a version, as its packument records them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RecordedAttestations {
    /// The digest of the stored document.
    pub(crate) integrity: Integrity,
    /// The kind of the provenance.
    pub(crate) predicate_type: String,
    /// Whether it was verified with a trust root.
    pub(crate) is_trusted: bool,
}

impl RecordedAttestations {
    /// Returns the digest that `dist.attestations`, in whatever form it is, names.
    pub(crate) fn digest_in(attestations: &serde_json::Value) -> Option<Integrity> {
        Integrity::parse(attestations["integrity"].as_str()?).ok()
    }
}

/// Why a provenance bundle is rejected. Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProvenanceError {
    /// This build of the registry verifies no provenance.
    #[error("this registry does not keep provenance statements: publish without --provenance")]
    Unsupported,
    /// The document has several bundles.
    #[error("exactly one provenance bundle can be attached, and the document has {count}")]
    Count {
        /// How many there are.
        count: usize,
    },
    /// The bundle is too large.
    #[error("the provenance bundle is larger than {limit} bytes: a bundle of npm has about 10,000")]
    TooLarge {
        /// The most bytes.
        limit: usize,
    },
    /// The bundle has another format.
    #[error(
        "the provenance bundle has the media type {}, and this registry takes the versions 0.1 to 0.3 of Sigstore bundles: ask \
         its operator for an update",
        shown(found)
    )]
    MediaType {
        /// What it says.
        found: String,
    },
    /// The bundle cannot be read.
    #[error("the provenance bundle cannot be read: {reason}")]
    Malformed {
        /// What is missing or of the wrong type.
        reason: String,
    },
    /// The statement is of another kind.
    #[error(
        "the provenance bundle has a statement of the kind {}, which is not SLSA provenance",
        shown(found)
    )]
    Predicate {
        /// The kind.
        found: String,
    },
    /// The statement is about another version.
    #[error(
        "the provenance is of {}, and not of {expected}: build the package again with the version to publish",
        shown(found)
    )]
    Subject {
        /// What it is about.
        found: String,
        /// The package URL of the version.
        expected: String,
    },
    /// The statement is about another tarball.
    #[error(
        "the provenance is of another tarball than the attached one: publish the tarball that was built with it"
    )]
    Digest,
    /// The bundle is signed with a key and not with a certificate.
    #[error(
        "the provenance bundle has no certificate: sign it with one of Sigstore, as `npm publish --provenance` does"
    )]
    NoCertificate,
    /// The certificate did not sign the statement.
    #[error(
        "the signature of the provenance is not by its certificate: the bundle was changed after it was signed"
    )]
    Signature,
    /// The certificate was not valid when it signed.
    #[error("the certificate of the provenance was not valid when it signed: build and publish again")]
    Expired,
    /// No certificate authority of the trust root issued the certificate.
    #[error(
        "the certificate of the provenance is not by a certificate authority that this registry trusts: build with the Sigstore \
         instance of its trusted_root"
    )]
    Chain,
    /// No log of certificates of the trust root has the certificate.
    #[error("the certificate of the provenance is in no certificate log that this registry trusts")]
    CertificateLog,
    /// No log of the trust root has the signature.
    #[error(
        "the signature of the provenance is in no transparency log that this registry trusts: build and publish again"
    )]
    NotLogged,
    /// The entry of the log is of another signature.
    #[error(
        "the log entry in the provenance bundle is of another signature: the bundle was changed after it was signed"
    )]
    OtherEntry,
    /// The proof that the log has the entry is wrong.
    #[error(
        "the provenance bundle does not prove that the transparency log has its entry: build and publish again"
    )]
    Inclusion,
    /// Nothing says when the signature was made.
    #[error(
        "nothing in the provenance bundle proves when it was signed: it needs a log entry with a time, or a timestamp"
    )]
    NoTime,
    /// A timestamp is wrong.
    #[error(
        "the timestamp in the provenance bundle is not by a timestamp authority that this registry trusts, or of another signature"
    )]
    Timestamp,
    /// A rule requires provenance, and there is none.
    #[error("{name} is only published with provenance: {}", required(rule))]
    Required {
        /// The package.
        name: PackageName,
        /// What the rule requires.
        rule: String,
    },
    /// A rule requires provenance of another build.
    #[error("{name} is not published by this build, whose {field} is {}: {}", shown(found), required(rule))]
    OtherBuild {
        /// The package.
        name: PackageName,
        /// What differs: `repository`, `workflow` or `ref`.
        field: &'static str,
        /// What the certificate says; `nothing` if it does not say.
        found: String,
        /// What the rule requires.
        rule: String,
    },
    /// A rule requires provenance, and none can be verified.
    #[error(
        "{name} is only published with provenance, and this registry has no trust root to verify it with: ask its operator"
    )]
    Unverifiable {
        /// The package.
        name: PackageName,
    },
}

impl ProvenanceError {
    #[cfg(feature = "provenance")]
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { reason: reason.into() }
    }
}

fn shown(text: &str) -> Cow<'_, str> {
    shorten(text)
}

fn required(rule: &str) -> String {
    if rule.is_empty() {
        "publish with `npm publish --provenance` in a build".to_owned()
    } else {
        format!("publish with `npm publish --provenance` in a build of {rule}")
    }
}

/// Returns the package URL of a version, as npm's statements name it: `pkg:npm/%40acme/pear@1.0.0`.
pub fn package_url(name: &PackageName, version: &Version) -> String {
    let name = match name.as_str().strip_prefix('@') {
        Some(rest) => format!("%40{rest}"),
        None => name.as_str().to_owned(),
    };
    format!("pkg:npm/{name}@{version}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_escapes_the_scope() {
        let url = |name, version| {
            package_url(&PackageName::parse(name).unwrap(), &Version::parse(version).unwrap())
        };
        assert_eq!(url("@acme/pear", "1.0.0"), "pkg:npm/%40acme/pear@1.0.0");
        assert_eq!(url("pear", "1.0.0-beta.1"), "pkg:npm/pear@1.0.0-beta.1");
    }
}
