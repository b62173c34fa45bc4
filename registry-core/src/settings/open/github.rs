//! Adds the provider that `[github]` configures.

use crate::RegistryBuilder;
use crate::settings::{GithubTable, SettingsError};

/// Adds GitHub as configured.
#[cfg(not(feature = "github"))]
pub(super) fn add(_: &GithubTable, _: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    Err(SettingsError::new("[github]: this build cannot ask GitHub; build it with --features github"))
}

/// Adds GitHub as configured. Must be called within a Tokio runtime.
#[cfg(feature = "github")]
pub(super) fn add(table: &GithubTable, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use crate::settings::error::Context as _;

    let settings = settings(table).context("[github]")?;
    let builder = builder.github(settings).context("[github]")?;
    tracing::info!(
        url = %table.url,
        organizations = ?table.organizations,
        sign_in_in_the_browser = table.client_id.is_some(),
        "signing in with GitHub"
    );
    Ok(builder)
}

#[cfg(feature = "github")]
fn settings(table: &GithubTable) -> Result<crate::auth::github::GithubSettings, SettingsError> {
    use std::time::Duration;

    use crate::auth::github::{GithubApp, GithubSettings};
    use crate::settings::error::Context as _;

    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let mut settings = GithubSettings::new(table.url.as_url().clone());
    if let Some(url) = &table.api_url {
        settings.api_url = url.as_url().clone();
    }
    if let Some(client_id) = &table.client_id {
        let client_secret = client_secret(table)?.into();
        settings.app = Some(GithubApp { client_id: client_id.clone(), client_secret });
    }
    settings.restricted_organizations.clone_from(&table.organizations);
    settings.admins.clone_from(&table.admins);
    settings.cache = seconds(table.cache_seconds);
    settings.stale = seconds(table.stale_seconds);
    settings.membership = Duration::from_hours(table.membership_hours.get().into());
    settings.request_timeout = seconds(table.timeout_seconds.get());
    for file in &table.certificate_files {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        settings.extra_root_certificates.push(pem.into());
    }
    Ok(settings)
}

#[cfg(feature = "github")]
fn client_secret(table: &GithubTable) -> Result<String, SettingsError> {
    use crate::settings::error::Context as _;

    let Some(file) = &table.client_secret_file else {
        let variable = &table.client_secret_env;
        return std::env::var(variable).with_context(|| {
            format!(
                "the client secret of the OAuth app is missing: set the variable {variable}, or name its file in \
                 client_secret_file"
            )
        });
    };
    let secret = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read the client secret in {}", file.display()))?;
    Ok(secret.trim().to_owned())
}
