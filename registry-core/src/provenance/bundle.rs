use serde::Deserialize;

use crate::domain::provenance::ProvenanceError;

use super::base64_text::{Base64, Int64};

/// The media types that are taken, in both spellings.
const MEDIA_TYPES: [&str; 5] = [
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.2+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
];
/// The only kind of payload with a statement.
const STATEMENT_TYPE: &str = "application/vnd.in-toto+json";

/// The largest certificate in bytes. DER's sets are sorted as they are read, in time that grows with the square of their size.
const LARGEST_CERTIFICATE: usize = 8 << 10;
/// The largest timestamp in bytes, which has sets, too.
const LARGEST_TIMESTAMP: usize = 16 << 10;
/// The most timestamps.
const MOST_TIMESTAMPS: usize = 4;
/// The most entries of logs.
const MOST_ENTRIES: usize = 8;

/// A Sigstore bundle of versions 0.1 to 0.3, as far as provenance needs it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SigstoreBundle {
    media_type: String,
    pub(super) verification_material: VerificationMaterial,
    dsse_envelope: Option<Envelope>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerificationMaterial {
    certificate: Option<RawBytes>,
    x509_certificate_chain: Option<CertificateChain>,
    #[serde(default)]
    pub(super) tlog_entries: Vec<LogEntry>,
    #[serde(default)]
    timestamp_verification_data: Option<TimestampData>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawBytes {
    pub(super) raw_bytes: Base64,
}

#[derive(Debug, Deserialize)]
struct CertificateChain {
    certificates: Vec<RawBytes>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TimestampData {
    #[serde(default)]
    rfc3161_timestamps: Vec<SignedTimestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignedTimestamp {
    signed_timestamp: Base64,
}

/// A signed statement (DSSE).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Envelope {
    pub(super) payload: Base64,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Debug, Deserialize)]
struct EnvelopeSignature {
    sig: Base64,
}

/// An entry of a transparency log.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogEntry {
    pub(super) log_index: Int64,
    pub(super) log_id: LogId,
    pub(super) kind_version: KindVersion,
    #[serde(default)]
    pub(super) integrated_time: Int64,
    #[serde(default)]
    pub(super) inclusion_promise: Option<InclusionPromise>,
    #[serde(default)]
    pub(super) inclusion_proof: Option<InclusionProof>,
    pub(super) canonicalized_body: Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LogId {
    pub(super) key_id: Base64,
}

#[derive(Debug, Deserialize)]
pub(super) struct KindVersion {
    pub(super) kind: String,
    pub(super) version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionPromise {
    pub(super) signed_entry_timestamp: Base64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InclusionProof {
    #[serde(default)]
    pub(super) log_index: Int64,
    pub(super) root_hash: Base64,
    pub(super) tree_size: Int64,
    #[serde(default)]
    pub(super) hashes: Vec<Base64>,
    /// Bundles of version 0.1 may have none, and then prove nothing but by the promise of the log.
    #[serde(default)]
    pub(super) checkpoint: Option<Checkpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Checkpoint {
    pub(super) envelope: String,
}

impl SigstoreBundle {
    pub(super) fn parse(json: &[u8]) -> Result<Self, ProvenanceError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct MediaType {
            media_type: String,
        }

        let malformed = |error: serde_json::Error| ProvenanceError::malformed(error.to_string());
        let MediaType { media_type } = serde_json::from_slice(json).map_err(malformed)?;
        if !MEDIA_TYPES.contains(&media_type.as_str()) {
            return Err(ProvenanceError::MediaType { found: media_type });
        }
        let bundle: Self = serde_json::from_slice(json).map_err(malformed)?;
        bundle.require_bounds()?;
        Ok(bundle)
    }

    /// Rejects parts whose size alone would take long, before any of them is read.
    fn require_bounds(&self) -> Result<(), ProvenanceError> {
        let material = &self.verification_material;
        if self.certificate().is_ok_and(|certificate| certificate.len() > LARGEST_CERTIFICATE) {
            return Err(ProvenanceError::malformed("its certificate is too large"));
        }
        if self.timestamps().any(|timestamp| timestamp.len() > LARGEST_TIMESTAMP) {
            return Err(ProvenanceError::malformed("one of its timestamps is too large"));
        }
        if self.timestamps().count() > MOST_TIMESTAMPS || material.tlog_entries.len() > MOST_ENTRIES {
            return Err(ProvenanceError::malformed("it has too many timestamps or log entries"));
        }
        Ok(())
    }

    /// Whether its version needs a proof of inclusion, beside the promise of the log.
    pub(super) fn needs_proof(&self) -> bool {
        self.media_type != MEDIA_TYPES[0]
    }

    /// Returns the signed statement, of which there is exactly one with one signature.
    pub(super) fn envelope(&self) -> Result<&Envelope, ProvenanceError> {
        let envelope = self.dsse_envelope.as_ref();
        let envelope = envelope.ok_or_else(|| ProvenanceError::malformed("it has no DSSE envelope"))?;
        if envelope.payload_type != STATEMENT_TYPE {
            return Err(ProvenanceError::malformed("its payload is not an in-toto statement"));
        }
        if envelope.signatures.len() != 1 {
            return Err(ProvenanceError::malformed("it does not have exactly one signature"));
        }
        Ok(envelope)
    }

    /// Returns the certificate of the signer, in DER. Only its own counts: the rest of the chain comes from the trust root.
    pub(super) fn certificate(&self) -> Result<&[u8], ProvenanceError> {
        let material = &self.verification_material;
        let chain = material.x509_certificate_chain.as_ref();
        let first = || chain.and_then(|chain| chain.certificates.first());
        let certificate = material.certificate.as_ref().or_else(first);
        certificate.map(|certificate| &*certificate.raw_bytes.0).ok_or(ProvenanceError::NoCertificate)
    }

    /// Returns the timestamps of RFC 3161, in DER.
    pub(super) fn timestamps(&self) -> impl Iterator<Item = &[u8]> {
        let data = self.verification_material.timestamp_verification_data.iter();
        data.flat_map(|data| &data.rfc3161_timestamps).map(|stamp| &*stamp.signed_timestamp.0)
    }
}

impl Envelope {
    /// Returns the signature.
    pub(super) fn signature(&self) -> &[u8] {
        self.signatures.first().map_or(&[], |signature| &signature.sig.0)
    }

    /// Returns what is signed, in DSSE's pre-authentication encoding.
    pub(super) fn signed(&self) -> Vec<u8> {
        let (kind, payload) = (&self.payload_type, &self.payload.0);
        let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).into_bytes();
        signed.extend_from_slice(payload);
        signed
    }
}
