use registry_core::signing::KeyId;
use serde::Deserialize;

/// `[bundles]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BundleSettings {
    /// The ids of the keys whose bundles `bundle apply` trusts, besides the registry's own.
    pub trusted_keys: Vec<KeyId>,
}
