use crate::RegistryBuilder;
use crate::settings::{Settings, SettingsError};

#[cfg(feature = "signing")]
use super::named::named;

/// Adds the keys of `[signing]`.
#[cfg(feature = "signing")]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use crate::settings::error::Context as _;
    use crate::signing::{SealingKey, SigningKey, StoredKeySettings};

    let section = &settings.signing;
    let mut stored = StoredKeySettings::default();
    if let Some(key) =
        named("key", section.key_env.as_deref(), section.key_file.as_deref()).context("[signing]")?
    {
        let key = SigningKey::from_pem(&key);
        let wanted = "key_env and key_file need a key on the curve P-256 as PKCS #8 in PEM, as `openssl genpkey -algorithm EC \
                      -pkeyopt ec_paramgen_curve:P-256` makes it";
        stored.key = Some(key.with_context(|| format!("[signing]: {wanted}"))?);
    }
    if let Some(secret) =
        named("secret", section.secret_env.as_deref(), section.secret_file.as_deref()).context("[signing]")?
    {
        stored.secret = Some(secret.parse::<SealingKey>().context("[signing]: secret")?);
    }
    Ok(match section.enabled {
        Some(false) => builder.stored_keys(stored),
        _ => builder.sign_versions_with_stored_keys(stored),
    })
}

/// Rejects keys that this build cannot sign with.
#[cfg(not(feature = "signing"))]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    let section = &settings.signing;
    if section.enabled == Some(true) || section.key_env.is_some() || section.key_file.is_some() {
        return Err(SettingsError::new("[signing] needs a build with the feature `signing`"));
    }
    Ok(builder)
}
