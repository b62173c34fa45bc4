use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::jwt::Unverified;
use crate::auth::{IdToken, IdTokenRefusal};

/// Checks audience and times of a token. Its signature and issuer are already verified.
pub(super) fn check(
    token: Unverified<'_>,
    audiences: &[String],
    now: DateTime<Utc>,
    skew: TimeDelta,
) -> Result<IdToken, IdTokenRefusal> {
    let Unverified { claims, signed, .. } = token;
    if !is_for(claims.get("aud"), audiences) {
        return Err(IdTokenRefusal::Audience { expected: audiences.first().cloned().unwrap_or_default() });
    }
    let expires = moment(&claims, "exp")?.ok_or(IdTokenRefusal::Claim { claim: "exp" })? + skew;
    let issued = moment(&claims, "iat")?.ok_or(IdTokenRefusal::Claim { claim: "iat" })?;
    let begins = moment(&claims, "nbf")?;
    if expires <= now {
        return Err(IdTokenRefusal::Expired);
    }
    if now + skew < issued || begins.is_some_and(|begins| now + skew < begins) {
        return Err(IdTokenRefusal::NotYet);
    }
    let named = claims.get("jti").and_then(Value::as_str).filter(|id| !id.is_empty());
    // The hash is of the signed part, without the signature: anyone can derive a second ECDSA signature from a valid
    // one.
    let id = named.map_or_else(|| const_hex::encode(Sha256::digest(signed)), str::to_owned);
    Ok(IdToken { id, expires, claims })
}

fn is_for(audience: Option<&Value>, audiences: &[String]) -> bool {
    let is_one = |value: &Value| value.as_str().is_some_and(|one| audiences.iter().any(|known| known == one));
    match audience {
        Some(Value::Array(list)) => list.iter().any(is_one),
        Some(one) => is_one(one),
        None => false,
    }
}

/// Parses a time in seconds since 1970, which may have a fraction. Years after 3000 are rejected.
fn moment(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<DateTime<Utc>>, IdTokenRefusal> {
    const LATEST: f64 = 32_503_680_000.0;
    let Some(value) = claims.get(claim) else { return Ok(None) };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it is within the bounds, and parts of a second do not count"
    )]
    let seconds =
        value.as_f64().filter(|seconds| (0.0..LATEST).contains(seconds)).map(|seconds| seconds as i64);
    seconds
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(Some)
        .ok_or(IdTokenRefusal::Claim { claim })
}
