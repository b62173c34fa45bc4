//! What the certificate of a build says about it.

use der::oid::ObjectIdentifier;
use der::{Decode as _, Encode as _};
use x509_cert::Certificate;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::ExtendedKeyUsage;

use crate::domain::provenance::{BuildIdentity, ProvenanceError};

const ISSUER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.8");
const ISSUER_BEFORE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.1");
const REPOSITORY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.12");
const GIT_REF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.14");
const WORKFLOW: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.57264.1.18");
/// The timestamps of certificate logs (RFC 6962).
const LOG_TIMESTAMPS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.11129.2.4.2");

/// What a certificate may be used for.
const USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// The certificate of a signer, parsed.
pub(super) struct SignerCertificate {
    certificate: Certificate,
}

impl SignerCertificate {
    pub(super) fn parse(der: &[u8]) -> Result<Self, ProvenanceError> {
        let certificate = Certificate::from_der(der);
        let certificate =
            certificate.map_err(|_| ProvenanceError::malformed("its certificate is not X.509 in DER"))?;
        Ok(Self { certificate })
    }

    /// Returns what the certificate authority says of the build.
    pub(super) fn identity(&self) -> BuildIdentity {
        let text = |oid| self.extension(oid).and_then(|value| String::from_der(value).ok());
        let plain = |oid| self.extension(oid).and_then(|value| String::from_utf8(value.to_vec()).ok());
        BuildIdentity {
            issuer: text(ISSUER).or_else(|| plain(ISSUER_BEFORE)),
            repository: text(REPOSITORY),
            git_ref: text(GIT_REF),
            workflow: text(WORKFLOW),
        }
    }

    /// Returns the timestamps of certificate logs in it, as TLS encodes them.
    pub(super) fn log_timestamps(&self) -> Option<Vec<u8>> {
        let value = self.extension(LOG_TIMESTAMPS)?;
        der::asn1::OctetString::from_der(value).ok().map(|list| list.as_bytes().to_vec())
    }

    /// Returns what certificate logs sign of it: what its authority signed, without their timestamps.
    pub(super) fn without_log_timestamps(&self) -> Option<Vec<u8>> {
        let mut signed = self.certificate.tbs_certificate.clone();
        if let Some(extensions) = &mut signed.extensions {
            extensions.retain(|extension| extension.extn_id != LOG_TIMESTAMPS);
        }
        signed.to_der().ok()
    }

    /// Returns the SPKI of the certificate among `candidates` that has the name of the issuer.
    pub(super) fn issuer_key(&self, candidates: &[Vec<u8>]) -> Option<Vec<u8>> {
        let issuer = &self.certificate.tbs_certificate.issuer;
        let mut candidates = candidates.iter().filter_map(|der| Certificate::from_der(der).ok());
        let found = candidates.find(|candidate| candidate.tbs_certificate.subject == *issuer)?;
        found.tbs_certificate.subject_public_key_info.to_der().ok()
    }

    /// Returns the value of the extension; `None` if there is none, or several.
    fn extension(&self, oid: ObjectIdentifier) -> Option<&[u8]> {
        let extensions: &[Extension] =
            self.certificate.tbs_certificate.extensions.as_deref().unwrap_or_default();
        let mut found = extensions.iter().filter(|extension| extension.extn_id == oid);
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only.extn_value.as_bytes()),
            _ => None,
        }
    }
}

/// Whether a certificate says that it is for this usage.
pub(super) fn is_for(certificate: &[u8], usage: ObjectIdentifier) -> bool {
    let Ok(certificate) = SignerCertificate::parse(certificate) else { return false };
    let usages = certificate.extension(USAGE).and_then(|value| ExtendedKeyUsage::from_der(value).ok());
    usages.is_some_and(|usages| usages.0.contains(&usage))
}
