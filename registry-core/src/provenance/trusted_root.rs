use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::base64_text::Base64;
use super::bundle::{LogId, RawBytes};
use super::keys::VerifyingKey;

/// What the media type of a trust root begins with.
const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.trustedroot";

/// The keys and certificates of a Sigstore instance: `trusted_root.json`, as its TUF repository has it.
#[derive(Debug, Clone)]
pub struct TrustedRoot {
    pub(super) certificate_authorities: Vec<Authority>,
    pub(super) logs: Vec<Log>,
    pub(super) certificate_logs: Vec<Log>,
    pub(super) timestamp_authorities: Vec<Authority>,
}

/// Why a file is not a trust root.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustedRootError {
    /// The file is not one.
    #[error("this is not the trusted_root.json of a Sigstore instance: {0}")]
    Format(String),
    /// It trusts nothing that could sign.
    #[error("the trusted_root.json names no {0}, so that no provenance could be verified")]
    Empty(&'static str),
    /// A key or a certificate in it cannot be used.
    #[error("the trusted_root.json has a key or a certificate that cannot be read: {0}")]
    Key(&'static str),
}

/// A log, and when it may be used.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) id: Vec<u8>,
    pub(super) key: VerifyingKey,
    pub(super) valid_for: Window,
}

/// A certificate authority, and when it may be used.
#[derive(Debug, Clone)]
pub(super) struct Authority {
    /// In DER; the root is the last one.
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) valid_for: Window,
}

/// A span of time, open at both ends if nothing is said.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Window {
    #[serde(default)]
    start: Option<DateTime<Utc>>,
    #[serde(default)]
    end: Option<DateTime<Utc>>,
}

impl Window {
    pub(super) fn contains(&self, time: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start <= time) && self.end.is_none_or(|end| time <= end)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: String,
    #[serde(default)]
    tlogs: Vec<LogDocument>,
    #[serde(default)]
    ctlogs: Vec<LogDocument>,
    #[serde(default)]
    certificate_authorities: Vec<AuthorityDocument>,
    #[serde(default)]
    timestamp_authorities: Vec<AuthorityDocument>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogDocument {
    public_key: KeyDocument,
    log_id: LogId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeyDocument {
    raw_bytes: Base64,
    #[serde(default)]
    valid_for: Window,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorityDocument {
    cert_chain: ChainDocument,
    #[serde(default)]
    valid_for: Window,
}

#[derive(Deserialize)]
struct ChainDocument {
    certificates: Vec<RawBytes>,
}

impl TrustedRoot {
    /// Reads `trusted_root.json`.
    pub fn from_json(json: &[u8]) -> Result<Self, TrustedRootError> {
        let document: Document =
            serde_json::from_slice(json).map_err(|error| TrustedRootError::Format(error.to_string()))?;
        if !document.media_type.starts_with(MEDIA_TYPE) {
            let found = crate::domain::shorten::shorten(&document.media_type).into_owned();
            return Err(TrustedRootError::Format(format!("its media type is {found}")));
        }
        let authorities = |documents: Vec<AuthorityDocument>| {
            documents.into_iter().map(Authority::new).collect::<Result<Vec<_>, _>>()
        };
        let logs = |documents: Vec<LogDocument>| {
            let is_named = !documents.is_empty();
            let usable: Vec<_> = documents.into_iter().filter_map(Log::new).collect();
            // Without any, certificates would be trusted that are in no log.
            if is_named && usable.is_empty() {
                Err(TrustedRootError::Key("no log has a key of a known kind"))
            } else {
                Ok(usable)
            }
        };
        let root = Self {
            certificate_authorities: authorities(document.certificate_authorities)?,
            logs: logs(document.tlogs)?,
            certificate_logs: logs(document.ctlogs)?,
            timestamp_authorities: authorities(document.timestamp_authorities)?,
        };
        if root.certificate_authorities.is_empty() {
            return Err(TrustedRootError::Empty("certificate authority"));
        }
        if root.logs.is_empty() {
            return Err(TrustedRootError::Empty("transparency log"));
        }
        Ok(root)
    }
}

impl Log {
    /// Returns the log; `None` if its key is of another kind, so that nothing it signed is trusted. Old logs have keys of RSA.
    fn new(document: LogDocument) -> Option<Self> {
        let KeyDocument { raw_bytes, valid_for } = document.public_key;
        let key = VerifyingKey::new(raw_bytes.0)?;
        Some(Self { id: document.log_id.key_id.0, key, valid_for })
    }
}

impl Authority {
    fn new(document: AuthorityDocument) -> Result<Self, TrustedRootError> {
        let certificates: Vec<_> =
            document.cert_chain.certificates.into_iter().map(|certificate| certificate.raw_bytes.0).collect();
        if certificates.is_empty() {
            return Err(TrustedRootError::Key("an authority has no certificate"));
        }
        let authority = Self { certificates, valid_for: document.valid_for };
        if authority.anchor().is_none() {
            return Err(TrustedRootError::Key("the root certificate of an authority is not X.509 in DER"));
        }
        Ok(authority)
    }
}
