use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::EditError;
use crate::domain::packument::Packument;
use crate::domain::{Integrity, Version, VersionSignature};

impl Packument<'_> {
    /// Signs a version that has this digest and is not signed yet, by what `is_signed` says of its signatures. Returns whether it
    /// was signed. Signatures by other keys stay in `sourceSignatures`, which no client reads. The version's bytes are what they
    /// were, so that `time` does not change.
    pub(crate) fn add_signature(
        &mut self,
        version: &Version,
        integrity: &Integrity,
        signature: &VersionSignature,
        is_signed: impl Fn(&[VersionSignature]) -> bool,
    ) -> Result<bool, EditError> {
        let Some(manifest) = self.versions.get_mut(version.as_str()) else { return Ok(false) };
        let Some(signed) = with_signature(manifest, integrity, signature, is_signed)? else {
            return Ok(false);
        };
        *manifest = Cow::Owned(signed);
        Ok(true)
    }
}

/// Returns the manifest with a signature; `None` if it is signed, or has another digest.
fn with_signature(
    manifest: &RawValue,
    integrity: &Integrity,
    signature: &VersionSignature,
    is_signed: impl Fn(&[VersionSignature]) -> bool,
) -> Result<Option<Box<RawValue>>, serde_json::Error> {
    let mut fields: Map<String, Value> = serde_json::from_str(manifest.get())?;
    let Some(Value::Object(dist)) = fields.get_mut("dist") else { return Ok(None) };
    if is_signed(&VersionSignature::list_of(dist.get("signatures")))
        || dist.get("integrity").and_then(Value::as_str) != Some(&integrity.to_string())
    {
        return Ok(None);
    }
    signature.replace_in(dist);
    to_raw_value(&fields).map(Some)
}
