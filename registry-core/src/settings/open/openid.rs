//! Adds the provider that `[openid]` configures.

use crate::RegistryBuilder;
use crate::settings::{OpenIdTable, SettingsError};

/// The variable with the client secret if the settings name none.
#[cfg(feature = "openid")]
const CLIENT_SECRET: &str = "REGISTRY_OPENID_CLIENT_SECRET";

/// Adds the issuer as configured.
#[cfg(not(feature = "openid"))]
pub(super) fn add(_: &OpenIdTable, _: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    Err(SettingsError::new(
        "[openid]: this build does not support OpenID Connect; build it with --features openid",
    ))
}

/// Adds the issuer as configured.
#[cfg(feature = "openid")]
pub(super) fn add(table: &OpenIdTable, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use std::time::Duration;

    use crate::auth::openid::{IssuerSettings, OpenIdSettings};
    use crate::settings::error::Context as _;

    let mut issuer = IssuerSettings::new(table.issuer.as_str());
    for file in &table.certificate_files {
        let pem = std::fs::read(file).with_context(|| format!("[openid]: cannot read {}", file.display()))?;
        issuer.extra_root_certificates.push(pem.into());
    }
    let mut settings = OpenIdSettings::new(issuer, table.client_id.clone());
    settings.client_secret = match (&table.client_secret_file, &table.client_secret_env) {
        (Some(file), _) => {
            let secret = std::fs::read_to_string(file).with_context(|| {
                format!("[openid]: cannot read the client secret in client_secret_file, {}", file.display())
            })?;
            Some(secret.trim().to_owned().into())
        }
        (None, Some(variable)) => {
            let secret = std::env::var(variable).with_context(|| {
                format!("[openid]: client_secret_env names the variable {variable}, which is not set")
            })?;
            Some(secret.into())
        }
        (None, None) => std::env::var(CLIENT_SECRET).ok().map(Into::into),
    };
    settings.scopes.clone_from(&table.scopes);
    settings.name_claim.clone_from(&table.name_claim);
    settings.trust_unverified_email = table.trust_unverified_email;
    settings.groups_claim.clone_from(&table.groups_claim);
    settings.group_prefix.clone_from(&table.group_prefix);
    settings.audience.clone_from(&table.audience);
    settings.membership = Duration::from_hours(table.membership_hours.get().into());
    let builder = builder.openid(settings).context("[openid]")?;
    tracing::info!(issuer = table.issuer.as_str(), "signing in with OpenID Connect");
    Ok(builder)
}
