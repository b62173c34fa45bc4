use crate::RegistryBuilder;
use crate::settings::{Settings, SettingsError};

/// Adds the trust root and the rules of `[provenance]`.
#[cfg(feature = "provenance")]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use std::sync::Arc;

    use crate::provenance::{ProvenanceSettings, TrustedRoot};
    use crate::settings::error::Context as _;

    let section = &settings.provenance;
    let mut provenance = ProvenanceSettings::default();
    if let Some(file) = &section.trusted_root {
        let shown = || format!("[provenance] trusted_root, {}", file.display());
        let json = std::fs::read(file).with_context(|| format!("cannot read {}", shown()))?;
        provenance.trusted_root = Some(Arc::new(TrustedRoot::from_json(&json).with_context(shown)?));
    }
    provenance.rules = section.compile()?;
    if provenance.trusted_root.is_none() && !provenance.rules.is_empty() {
        return Err(SettingsError::new(
            "[[provenance.require]] needs a trust root to verify with: set trusted_root under [provenance]",
        ));
    }
    Ok(builder.provenance(provenance))
}

/// Rejects rules and trust roots that this build cannot verify with.
#[cfg(not(feature = "provenance"))]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    if settings.provenance != crate::settings::ProvenanceSection::default() {
        return Err(SettingsError::new("[provenance] needs a build with the feature `provenance`"));
    }
    Ok(builder)
}
