use std::borrow::Cow;

use crate::domain::shorten::shorten;
use crate::domain::{PackageName, Version};
use crate::upstream::UpstreamError;

/// Why an upstream gives nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The package was published here while an upstream was about to be asked for it.
    #[error("{name} was published to this registry a moment ago: try again")]
    PublishedMeanwhile {
        /// The package.
        name: PackageName,
    },
    /// An upstream did not answer, or not usefully.
    #[error("{}", upstream_text(.0))]
    Upstream(#[from] UpstreamError),
    /// A tarball of an upstream exceeds the limit.
    #[error(
        "the tarball is larger than {} MiB, which is the most that this registry takes from {upstream}: ask the \
         registry's operator to raise upstream_tarball_mib", limit >> 20
    )]
    TarballTooLarge {
        /// The upstream, as configured.
        upstream: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// An upstream has no audits.
    #[error(
        "the upstream registry {upstream} offers no security advisories, so nothing is known of these \
         packages: audit them against another registry"
    )]
    NoAudits {
        /// The upstream, as configured.
        upstream: String,
    },
    /// An upstream failed to return its advisories.
    #[error(
        "the upstream registry {upstream} did not return its security advisories, so these packages are not \
         audited: try again in a moment, or ask the registry's operator to look at the log"
    )]
    NoAdvisories {
        /// The upstream, as configured.
        upstream: String,
        /// The error of the upstream.
        #[source]
        source: UpstreamError,
    },
    /// Neither this registry nor any upstream signs packages.
    #[error("there are no signing keys: neither this registry nor an upstream signs packages")]
    NoKeys,
    /// The version has no attestations.
    #[error("no attestations of {name}@{version} are known")]
    NoAttestations {
        /// The package.
        name: PackageName,
        /// The version.
        version: Version,
    },
    /// The package to change belongs to an upstream.
    #[error(
        "{name} comes from the upstream registry {upstream} and cannot be changed here: change it there, or publish \
         your own package under another name"
    )]
    ComesFromUpstream {
        /// The package.
        name: PackageName,
        /// The upstream, as configured.
        upstream: String,
    },
}

fn upstream_text(error: &UpstreamError) -> Cow<'static, str> {
    let text = match error {
        UpstreamError::Redirect { reason, .. } => {
            let text = format!(
                "the upstream registry of this package {reason}: try again later, or ask the registry's \
                 operator to look at the log"
            );
            return text.into();
        }
        UpstreamError::Elsewhere { host, .. } => {
            let host = shorten(host);
            let text = format!(
                "the upstream registry of this package names another host, {host}, which did not deliver \
                 the expected file: to permit that host, the registry's operator lists it in the upstream's tarball_hosts"
            );
            return text.into();
        }
        UpstreamError::Unusable { .. } | UpstreamError::Unreadable { .. } => {
            "the upstream registry of this package sent an invalid response: try again later, or ask the \
             registry's operator to look at the log"
        }
        UpstreamError::Loop { .. } => {
            "the upstream of this package is this registry itself, or leads back to it: ask the registry's \
             operator to correct the url of the upstream"
        }
        UpstreamError::Refused { upstream, status } => {
            let why = match status {
                401 => "rejects this registry's own credential, not yours",
                403 => "does not let this registry's own credential read the package",
                _ => "rejected the request of this registry",
            };
            let text = format!(
                "the upstream registry {upstream} {why} (status {status}): ask the registry's operator to correct the token \
                 for that upstream"
            );
            return text.into();
        }
        _ => "the upstream registry of this package did not answer: try again in a moment",
    };
    text.into()
}
