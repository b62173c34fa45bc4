//! Makes the providers of principals that the configuration names, in its order.

use std::sync::Arc;

use anyhow::Context as _;
use registry_core::auth::{AuthProvider, Htpasswd, LocalAccounts};
use registry_core::clock::SystemClock;
use registry_core::randomness::SystemRandomness;
use registry_core::storage::BlobStore;

use crate::settings::{HtpasswdSettings, ProviderName, Settings};
use crate::{github, openid};

/// Every provider, in the order in which they are asked.
pub(crate) fn open(
    settings: &Settings,
    store: &Arc<dyn BlobStore>,
) -> anyhow::Result<Vec<Arc<dyn AuthProvider>>> {
    let open = |name: &ProviderName| match name {
        ProviderName::Local => Ok(local(settings, store)),
        ProviderName::Htpasswd => htpasswd(&settings.htpasswd),
        ProviderName::Openid => {
            let table = settings.openid.as_ref().context("no table [openid]")?;
            openid::open(table, Arc::clone(store))
        }
        ProviderName::Github => {
            let table = settings.github.as_ref().context("no table [github]")?;
            github::open(table, Arc::clone(store))
        }
    };
    settings.provider_order().iter().map(open).collect()
}

fn local(settings: &Settings, store: &Arc<dyn BlobStore>) -> Arc<dyn AuthProvider> {
    let accounts = LocalAccounts::new(Arc::clone(store), Arc::new(SystemClock), Arc::new(SystemRandomness));
    let accounts = accounts.with_password_cache(settings.cache.token_lifetime());
    Arc::new(accounts.with_sign_up(settings.accounts.sign_up))
}

fn htpasswd(settings: &HtpasswdSettings) -> anyhow::Result<Arc<dyn AuthProvider>> {
    let file = settings.file.as_deref().context("no file is named under [htpasswd]")?;
    let provider =
        Htpasswd::open(file, Arc::new(SystemClock), &SystemRandomness).context("[htpasswd]: file")?;
    tracing::info!(file = %file.display(), "names and passwords are taken from an htpasswd file");
    Ok(Arc::new(provider))
}
