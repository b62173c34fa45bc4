//! Opens the configured authentication providers, in their order.

use std::sync::Arc;

use crate::auth::AuthProvider;
use crate::settings::{ProviderName, Settings, SettingsError};
use crate::storage::BlobStore;

use super::{github, install_tls_provider, openid};

/// Opens every provider, in the order in which they are asked. Must be called within a Tokio runtime.
pub fn open_providers(
    settings: &Settings,
    store: &Arc<dyn BlobStore>,
) -> Result<Vec<Arc<dyn AuthProvider>>, SettingsError> {
    install_tls_provider();
    let missing = |table: &str| SettingsError::new(format!("no table [{table}]"));
    let open = |name: &ProviderName| match name {
        ProviderName::Local => local(settings, store),
        ProviderName::Htpasswd => htpasswd(settings),
        ProviderName::Openid => {
            let table = settings.openid.as_ref().ok_or_else(|| missing("openid"))?;
            openid::open(table, Arc::clone(store))
        }
        ProviderName::Github => {
            let table = settings.github.as_ref().ok_or_else(|| missing("github"))?;
            github::open(table, Arc::clone(store))
        }
    };
    settings.provider_order().iter().map(open).collect()
}

#[cfg(not(feature = "local-accounts"))]
fn local(_: &Settings, _: &Arc<dyn BlobStore>) -> Result<Arc<dyn AuthProvider>, SettingsError> {
    Err(SettingsError::new(
        "providers lists \"local\", and this build keeps no accounts; build it with --features local-accounts",
    ))
}

#[cfg(feature = "local-accounts")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn local(settings: &Settings, store: &Arc<dyn BlobStore>) -> Result<Arc<dyn AuthProvider>, SettingsError> {
    use crate::auth::LocalAccounts;
    use crate::clock::SystemClock;
    use crate::randomness::SystemRandomness;

    let accounts = LocalAccounts::new(Arc::clone(store), Arc::new(SystemClock), Arc::new(SystemRandomness));
    let accounts = accounts.with_password_cache(settings.cache.token_lifetime());
    Ok(Arc::new(accounts.with_sign_up(settings.accounts.sign_up)))
}

#[cfg(not(feature = "htpasswd"))]
fn htpasswd(_: &Settings) -> Result<Arc<dyn AuthProvider>, SettingsError> {
    Err(SettingsError::new(
        "[htpasswd]: this build reads no htpasswd files; build it with --features htpasswd",
    ))
}

#[cfg(feature = "htpasswd")]
fn htpasswd(settings: &Settings) -> Result<Arc<dyn AuthProvider>, SettingsError> {
    use crate::auth::Htpasswd;
    use crate::clock::SystemClock;
    use crate::randomness::SystemRandomness;
    use crate::settings::error::Context as _;

    let file = settings.htpasswd.file.as_deref();
    let file = file.ok_or_else(|| SettingsError::new("no file is named under [htpasswd]"))?;
    let provider =
        Htpasswd::open(file, Arc::new(SystemClock), &SystemRandomness).context("[htpasswd]: file")?;
    tracing::info!(file = %file.display(), "reading names and passwords from an htpasswd file");
    Ok(Arc::new(provider))
}
