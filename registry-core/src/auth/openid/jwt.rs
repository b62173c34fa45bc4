use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::auth::IdTokenRefusal;
use crate::domain::strict_json::parse_strict_json;

/// The longest token in bytes.
const LONGEST: usize = 16 << 10;

/// A token in compact form (RFC 7515), of which nothing is trusted yet.
pub(super) struct Unverified<'token> {
    pub(super) algorithm: Algorithm,
    pub(super) key_id: Option<String>,
    pub(super) claims: Map<String, Value>,
    /// The signed part.
    pub(super) signed: &'token str,
    pub(super) signature: Vec<u8>,
}

/// The accepted signature algorithms. Neither `none` nor HMAC, whose key would be the issuer's public one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rs256,
    Ps256,
    Es256,
    EdDsa,
}

impl Algorithm {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs256,
            "PS256" => Self::Ps256,
            "ES256" => Self::Es256,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }
}

impl<'token> Unverified<'token> {
    pub(super) fn parse(token: &'token str) -> Result<Self, IdTokenRefusal> {
        if token.len() > LONGEST {
            return Err(IdTokenRefusal::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(IdTokenRefusal::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(IdTokenRefusal::Malformed)?;
        let header = object(header)?;
        let text = |name: &str| header.get(name).and_then(Value::as_str);
        // Rejects critical extensions and tokens of other types.
        let is_plain = text("typ").is_none_or(|kind| kind.eq_ignore_ascii_case("JWT"));
        if header.contains_key("crit") || !is_plain {
            return Err(IdTokenRefusal::Malformed);
        }
        Ok(Self {
            algorithm: text("alg").and_then(Algorithm::parse).ok_or(IdTokenRefusal::Algorithm)?,
            key_id: text("kid").map(str::to_owned),
            claims: object(claims)?,
            signed,
            signature: decode(signature)?,
        })
    }
}

/// Returns the unverified `iss` of a token, to select the issuer.
pub(super) fn issuer_of(token: &str) -> Option<String> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    if token.len() > LONGEST {
        return None;
    }
    object(claims).ok()?.get("iss")?.as_str().map(str::to_owned)
}

fn object(part: &str) -> Result<Map<String, Value>, IdTokenRefusal> {
    match parse_strict_json(&decode(part)?) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(IdTokenRefusal::Malformed),
    }
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, IdTokenRefusal> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| IdTokenRefusal::Malformed)
}
