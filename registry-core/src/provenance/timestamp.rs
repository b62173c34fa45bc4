//! Timestamps by timestamp authorities (RFC 3161): a CMS structure around the time.

use chrono::{DateTime, Utc};
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerInfo};
use der::asn1::{GeneralizedTime, Int, ObjectIdentifier, OctetString};
use der::{Decode as _, Encode as _, Sequence};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use webpki::EndEntityCert;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::chain::{Usage, issuer_of};
use super::keys::CERTIFICATE_ALGORITHMS;
use super::trusted_root::Authority;

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TIMESTAMP_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// The beginning of a `TSTInfo`; what follows is not needed.
#[derive(Debug)]
struct TimestampInfo {
    imprint: MessageImprint,
    time: GeneralizedTime,
}

#[derive(Debug, Sequence)]
struct MessageImprint {
    algorithm: AlgorithmIdentifierOwned,
    digest: OctetString,
}

/// Returns the time of a timestamp of `signature` by one of these authorities; `None` if it is not one.
pub(super) fn verified_time(
    token: &[u8],
    signature: &[u8],
    authorities: &[Authority],
) -> Option<DateTime<Utc>> {
    let content = ContentInfo::from_der(unwrapped(token).as_deref().unwrap_or(token)).ok()?;
    (content.content_type == SIGNED_DATA).then_some(())?;
    let signed: SignedData = content.content.decode_as().ok()?;
    (signed.encap_content_info.econtent_type == TIMESTAMP_INFO).then_some(())?;
    let info: OctetString = signed.encap_content_info.econtent.as_ref()?.decode_as().ok()?;
    let timestamp = TimestampInfo::parse(info.as_bytes())?;
    let MessageImprint { algorithm, digest: imprint } = &timestamp.imprint;
    (digest(algorithm.oid, signature)? == imprint.as_bytes()).then_some(())?;
    let [by] = signed.signer_infos.0.as_slice() else { return None };
    let attributes = signed_attributes(by, info.as_bytes())?;
    let time = DateTime::from_timestamp(i64::try_from(timestamp.time.to_unix_duration().as_secs()).ok()?, 0)?;
    let is_signed_by = |certificate: &[u8]| {
        let der = CertificateDer::from(certificate);
        let Ok(parsed) = EndEntityCert::try_from(&der) else { return false };
        verifies(&parsed, &attributes, by.signature.as_bytes())
            && issuer_of(authorities, certificate, Usage::Timestamping, time).is_ok()
    };
    let embedded =
        signed.certificates.iter().flat_map(|set| set.0.iter()).filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => certificate.to_der().ok(),
            CertificateChoices::Other(_) => None,
        });
    let known = authorities.iter().filter_map(|authority| authority.certificates.first().cloned());
    embedded.chain(known).any(|certificate| is_signed_by(&certificate)).then_some(time)
}

/// Returns the token inside of a response (`TimeStampResp`); `None` if it is one already.
fn unwrapped(response: &[u8]) -> Option<Vec<u8>> {
    let parts = Vec::<der::Any>::from_der(response).ok()?;
    let [_, token] = &parts[..] else { return None };
    let is_response = der::Tag::Sequence == der::Tagged::tag(&parts[0]);
    is_response.then(|| token.to_der().ok())?
}

/// Returns the attributes as they are signed, once they name this content.
fn signed_attributes(signer: &SignerInfo, content: &[u8]) -> Option<Vec<u8>> {
    let attributes = signer.signed_attrs.as_ref()?;
    let value = |oid| {
        let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
        let attribute = found.next().filter(|_| found.next().is_none())?;
        let [only] = attribute.values.as_slice() else { return None };
        Some(only)
    };
    let kind: ObjectIdentifier = value(CONTENT_TYPE)?.decode_as().ok()?;
    let expected: OctetString = value(MESSAGE_DIGEST)?.decode_as().ok()?;
    let is_of_content =
        kind == TIMESTAMP_INFO && digest(signer.digest_alg.oid, content)? == expected.as_bytes();
    is_of_content.then(|| attributes.to_der().ok())?
}

fn digest(algorithm: ObjectIdentifier, bytes: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        SHA256 => Some(Sha256::digest(bytes).to_vec()),
        SHA384 => Some(Sha384::digest(bytes).to_vec()),
        SHA512 => Some(Sha512::digest(bytes).to_vec()),
        _ => None,
    }
}

fn verifies(certificate: &EndEntityCert<'_>, message: &[u8], signature: &[u8]) -> bool {
    let verify = |algorithm: &&dyn SignatureVerificationAlgorithm| {
        certificate.verify_signature(*algorithm, message, signature).is_ok()
    };
    CERTIFICATE_ALGORITHMS.iter().any(verify)
}

impl TimestampInfo {
    /// Reads version, policy, imprint, serial number and time.
    fn parse(der: &[u8]) -> Option<Self> {
        let parts = Vec::<der::Any>::from_der(der).ok()?;
        let [version, policy, imprint, serial, time, ..] = &parts[..] else { return None };
        let _: (Int, ObjectIdentifier, Int) =
            (version.decode_as().ok()?, policy.decode_as().ok()?, serial.decode_as().ok()?);
        Some(Self { imprint: imprint.decode_as().ok()?, time: time.decode_as().ok()? })
    }
}
