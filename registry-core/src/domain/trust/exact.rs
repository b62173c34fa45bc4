use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::shorten::shorten;
use super::{TrustClaimsError, refused, text};

/// Claims that every token has, or that do not identify the build.
const OF_EVERY_TOKEN: [&str; 7] = ["iss", "aud", "exp", "nbf", "iat", "jti", "nonce"];

/// The most claims that are compared.
const MOST: usize = 20;

/// Parses the required claims: each a text, or a list of texts that must all be in the build's list.
pub(super) fn parse(claims: &Map<String, Value>) -> Result<BTreeMap<String, Value>, TrustClaimsError> {
    if claims.is_empty() || claims.len() > MOST {
        return Err(refused(format!(
            "name 1 to {MOST} claims that distinguish the trusted build from others, such as sub"
        )));
    }
    let mut parsed = BTreeMap::new();
    for (name, value) in claims {
        if OF_EVERY_TOKEN.contains(&name.as_str()) || name.len() > 128 || name.chars().any(char::is_control) {
            return Err(refused(format!(
                "the claim {} does not distinguish builds: leave it out",
                shorten(name)
            )));
        }
        let value = match value {
            Value::Array(list) if !list.is_empty() && list.len() <= MOST => {
                list.iter().map(|one| text(name, one).map(Value::from)).collect::<Result<_, _>>()?
            }
            one => Value::from(text(name, one)?),
        };
        parsed.insert(name.clone(), value);
    }
    Ok(parsed)
}

/// Returns the first claim that a build does not have verbatim.
pub(super) fn mismatch(claims: &BTreeMap<String, Value>, build: &Map<String, Value>) -> Option<String> {
    let holds = |wanted: &Value, has: &Value| match (wanted, has) {
        (Value::Array(wanted), Value::Array(has)) => wanted.iter().all(|one| has.contains(one)),
        (wanted, has) => wanted == has,
    };
    let wrong = |(name, wanted): &(&String, &Value)| !build.get(*name).is_some_and(|has| holds(wanted, has));
    claims.iter().find(wrong).map(|(name, _)| name.clone())
}
