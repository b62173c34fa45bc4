use chrono::{DateTime, Utc};
use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::domain::provenance::{Provenance, ProvenanceError};
use crate::domain::{Integrity, PackageName, Version};

use super::bundle::{Envelope, SigstoreBundle};
use super::certificate::SignerCertificate;
use super::certificate_log::is_logged;
use super::chain::{ChainError, Usage, issuer_of};
use super::keys::certificate_verifies;
use super::statement::Statement;
use super::timestamp::verified_time;
use super::trusted_root::{Log, TrustedRoot};

/// What a bundle must be about.
#[derive(Debug, Clone, Copy)]
pub struct ProvenanceSubject<'a> {
    /// The package.
    pub name: &'a PackageName,
    /// The version.
    pub version: &'a Version,
    /// The digest of its tarball.
    pub integrity: &'a Integrity,
}

/// A bundle whose statement is signed by its certificate.
pub(super) struct SignedStatement<'a> {
    bundle: &'a SigstoreBundle,
    envelope: &'a Envelope,
    certificate: &'a [u8],
    pub(super) signer: SignerCertificate,
}

/// Verifies a Sigstore bundle. With a trust root, that a build with the identity that is returned signed it. Without one, only
/// that the bundle is about the subject and agrees with itself: anyone can make such a bundle.
///
/// Takes about a millisecond: call it on a blocking thread.
pub fn verify_bundle(
    json: &[u8],
    subject: ProvenanceSubject<'_>,
    root: Option<&TrustedRoot>,
) -> Result<Provenance, ProvenanceError> {
    let bundle = SigstoreBundle::parse(json)?;
    let signed = SignedStatement::of(&bundle)?;
    let statement = Statement::parse(&signed.envelope.payload.0)?;
    statement.require_subject(subject)?;
    if let Some(root) = root {
        signed.verify(root)?;
    }
    let identity = signed.signer.identity();
    Ok(Provenance { predicate_type: statement.predicate_type, identity, is_trusted: root.is_some() })
}

impl<'a> SignedStatement<'a> {
    /// Returns the statement of a bundle, whatever it is about, once its certificate signed it and its log entries are of it.
    pub(super) fn of(bundle: &'a SigstoreBundle) -> Result<Self, ProvenanceError> {
        let (envelope, certificate) = (bundle.envelope()?, bundle.certificate()?);
        let signer = SignerCertificate::parse(certificate)?;
        let der = CertificateDer::from(certificate);
        let end_entity = EndEntityCert::try_from(&der)
            .map_err(|_| ProvenanceError::malformed("its certificate cannot be read"))?;
        if !certificate_verifies(&end_entity, &envelope.signed(), envelope.signature()) {
            return Err(ProvenanceError::Signature);
        }
        let statement = Self { bundle, envelope, certificate, signer };
        statement.require_own_entries()?;
        Ok(statement)
    }
}

impl SignedStatement<'_> {
    /// Rejects entries of other signatures, and proofs that lead elsewhere.
    fn require_own_entries(&self) -> Result<(), ProvenanceError> {
        for entry in &self.bundle.verification_material.tlog_entries {
            if !entry.is_of(self.envelope, self.certificate) {
                return Err(ProvenanceError::OtherEntry);
            }
            if !entry.is_consistent() || (self.bundle.needs_proof() && !entry.has_proof()) {
                return Err(ProvenanceError::Inclusion);
            }
        }
        Ok(())
    }

    /// Verifies log, time and certificate with the trust root.
    pub(super) fn verify(&self, root: &TrustedRoot) -> Result<(), ProvenanceError> {
        let (mut logs, mut times): (Vec<&Log>, Vec<DateTime<Utc>>) = (Vec::new(), Vec::new());
        for entry in &self.bundle.verification_material.tlog_entries {
            if let Some((log, time)) = entry.verify(&root.logs)? {
                logs.push(log);
                times.extend(time);
            }
        }
        if logs.is_empty() {
            return Err(ProvenanceError::NotLogged);
        }
        for timestamp in self.bundle.timestamps() {
            let time = verified_time(timestamp, self.envelope.signature(), &root.timestamp_authorities);
            times.push(time.ok_or(ProvenanceError::Timestamp)?);
        }
        let Some(first) = times.first() else { return Err(ProvenanceError::NoTime) };
        if !logs.iter().any(|log| log.valid_for.contains(*first)) {
            return Err(ProvenanceError::NotLogged);
        }
        for time in &times {
            let issuer =
                issuer_of(&root.certificate_authorities, self.certificate, Usage::CodeSigning, *time);
            let issuer = issuer.map_err(|error| match error {
                ChainError::NotValidThen => ProvenanceError::Expired,
                ChainError::Untrusted => ProvenanceError::Chain,
            })?;
            // An instance without logs of certificates has none to be in.
            if !root.certificate_logs.is_empty() && !is_logged(&self.signer, issuer, &root.certificate_logs) {
                return Err(ProvenanceError::CertificateLog);
            }
        }
        Ok(())
    }
}
