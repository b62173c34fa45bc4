//! Adds the configured authentication providers, in their order.

use crate::RegistryBuilder;
use crate::settings::{ProviderName, Settings, SettingsError};

use super::{github, install_tls_provider, openid};

/// Adds every configured provider, in the order in which they are asked. Must be called within a Tokio runtime.
pub fn add_providers(
    settings: &Settings,
    builder: RegistryBuilder,
) -> Result<RegistryBuilder, SettingsError> {
    install_tls_provider();
    settings.provider_order().iter().try_fold(builder, |builder, name| add(*name, settings, builder))
}

/// Adds one provider.
pub(super) fn add(
    name: ProviderName,
    settings: &Settings,
    builder: RegistryBuilder,
) -> Result<RegistryBuilder, SettingsError> {
    let missing = |table: &str| SettingsError::new(format!("no table [{table}]"));
    match name {
        ProviderName::Local => local(settings, builder),
        ProviderName::Htpasswd => htpasswd(settings, builder),
        ProviderName::Openid => {
            let table = settings.openid.as_ref().ok_or_else(|| missing("openid"))?;
            openid::add(table, builder)
        }
        ProviderName::Github => {
            let table = settings.github.as_ref().ok_or_else(|| missing("github"))?;
            github::add(table, builder)
        }
    }
}

#[cfg(not(feature = "local-accounts"))]
fn local(_: &Settings, _: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    Err(SettingsError::new(
        "providers lists \"local\", and this build keeps no accounts; build it with --features local-accounts",
    ))
}

#[cfg(feature = "local-accounts")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn local(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    let (cache, sign_up) = (settings.cache.token_lifetime(), settings.accounts.sign_up);
    Ok(builder.local_accounts_with(move |accounts| accounts.with_password_cache(cache).with_sign_up(sign_up)))
}

#[cfg(not(feature = "htpasswd"))]
fn htpasswd(_: &Settings, _: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    Err(SettingsError::new(
        "[htpasswd]: this build reads no htpasswd files; build it with --features htpasswd",
    ))
}

#[cfg(feature = "htpasswd")]
fn htpasswd(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use crate::settings::error::Context as _;

    let file = settings.htpasswd.file.as_deref();
    let file = file.ok_or_else(|| SettingsError::new("no file is named under [htpasswd]"))?;
    let builder = builder.htpasswd(file).context("[htpasswd]: file")?;
    tracing::info!(file = %file.display(), "reading names and passwords from an htpasswd file");
    Ok(builder)
}
