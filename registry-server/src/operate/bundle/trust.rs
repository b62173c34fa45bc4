use std::fs;

use anyhow::Context as _;
use registry_core::Registry;
use registry_core::signing::{KeyId, PublicKey};

use crate::command_line::Overrides;
use crate::operate::session::load;

/// Returns the keys that the settings and the flags name.
pub(super) fn named(overrides: &Overrides, flags: &[String]) -> anyhow::Result<Vec<KeyId>> {
    let mut keys = load(overrides)?.bundles.trusted_keys;
    for flag in flags {
        keys.push(parse(flag)?);
    }
    Ok(keys)
}

/// Adds the key that the registry itself signs with, if it has one.
pub(super) async fn with_own(registry: &Registry, mut keys: Vec<KeyId>) -> anyhow::Result<Vec<KeyId>> {
    let own = registry.find_signing_key().await.context("cannot read the key of this registry")?;
    keys.extend(own.map(|own| own.public_key().id()));
    require_any(keys)
}

/// Adds every key of the registry itself, for a bundle that it made, however long ago.
pub(super) async fn with_all_own(registry: &Registry, mut keys: Vec<KeyId>) -> anyhow::Result<Vec<KeyId>> {
    let own = registry.list_signing_keys().await.context("cannot read the keys of this registry")?;
    for key in own {
        keys.push(key.keyid.parse()?);
    }
    require_any(keys)
}

/// Refuses to trust no key.
fn require_any(keys: Vec<KeyId>) -> anyhow::Result<Vec<KeyId>> {
    if keys.is_empty() {
        anyhow::bail!(
            "no key is trusted here, so no bundle is: run `registry-server bundle key` where the bundle was made, bring what it \
             prints here by a way that you trust, and name it with --key or in [bundles] trusted_keys"
        );
    }
    Ok(keys)
}

fn parse(flag: &str) -> anyhow::Result<KeyId> {
    if flag.starts_with("SHA256:") {
        return flag.parse().with_context(|| format!("--key {flag} cannot be used"));
    }
    let text = fs::read_to_string(flag).with_context(|| format!("cannot read the key in {flag}"))?;
    Ok(PublicKey::from_pem(&text).with_context(|| format!("{flag} cannot be used as a key"))?.id())
}
