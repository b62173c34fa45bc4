//! Chains of certificates, up to those of the trust root.

use std::time::Duration;

use chrono::{DateTime, Utc};
use der::oid::ObjectIdentifier;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, Error, KeyUsage, anchor_from_trusted_cert};

use super::certificate::is_for;
use super::keys::CERTIFICATE_ALGORITHMS;
use super::trusted_root::Authority;

/// What a certificate must be for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Usage {
    CodeSigning,
    Timestamping,
}

/// Why no authority issued a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChainError {
    /// One did, and the certificate or a certificate above it was not valid at that time.
    NotValidThen,
    Untrusted,
}

impl Authority {
    /// Returns the root; `None` if it cannot be read.
    pub(super) fn anchor(&self) -> Option<TrustAnchor<'static>> {
        let root = CertificateDer::from(self.certificates.last()?.as_slice());
        anchor_from_trusted_cert(&root).ok().map(|anchor| anchor.to_owned())
    }

    /// Verifies that this authority issued a certificate that was valid then.
    fn verify(
        &self,
        certificate: &EndEntityCert<'_>,
        usage: Usage,
        time: DateTime<Utc>,
    ) -> Result<(), ChainError> {
        let anchors = [self.anchor().ok_or(ChainError::Untrusted)?];
        let between = &self.certificates[..self.certificates.len() - 1];
        let between: Vec<_> = between.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let seconds = u64::try_from(time.timestamp()).map_err(|_| ChainError::NotValidThen)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let verified = certificate.verify_for_usage(
            CERTIFICATE_ALGORITHMS,
            &anchors,
            &between,
            time,
            usage.above(),
            None,
            None,
        );
        match verified {
            Ok(_) => Ok(()),
            Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. }) => Err(ChainError::NotValidThen),
            Err(_) => Err(ChainError::Untrusted),
        }
    }
}

impl Usage {
    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Self::CodeSigning => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
            Self::Timestamping => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.8"),
        }
    }

    /// Returns what certificates between the root and the signer may be for: this, or anything. The signer's own must say so.
    fn above(self) -> KeyUsage {
        match self {
            Self::CodeSigning => KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 3]),
            Self::Timestamping => KeyUsage::required_if_present(&[0x2b, 6, 1, 5, 5, 7, 3, 8]),
        }
    }
}

/// Returns the authority that issued a certificate, in DER, which was valid at `time` and is for this usage.
pub(super) fn issuer_of<'a>(
    authorities: &'a [Authority],
    certificate: &[u8],
    usage: Usage,
    time: DateTime<Utc>,
) -> Result<&'a Authority, ChainError> {
    if !is_for(certificate, usage.oid()) {
        return Err(ChainError::Untrusted);
    }
    let der = CertificateDer::from(certificate);
    let certificate = EndEntityCert::try_from(&der).map_err(|_| ChainError::Untrusted)?;
    let mut failure = ChainError::Untrusted;
    for authority in authorities {
        match authority.verify(&certificate, usage, time) {
            Ok(()) if authority.valid_for.contains(time) => return Ok(authority),
            Ok(()) | Err(ChainError::NotValidThen) => failure = ChainError::NotValidThen,
            Err(ChainError::Untrusted) => {}
        }
    }
    Err(failure)
}
