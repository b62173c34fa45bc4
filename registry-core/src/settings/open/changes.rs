//! Adds the configured sinks of the change feed.

use crate::RegistryBuilder;
use crate::settings::{Settings, SettingsError};

#[cfg(feature = "webhooks")]
use super::named::named;

/// Adds the configured sinks. Must be called within a Tokio runtime.
#[cfg(not(feature = "webhooks"))]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    refuse_topics(settings)?;
    refuse_hooks(settings)?;
    if settings.webhooks.is_empty() && settings.codebox_log.is_none() {
        return Ok(builder);
    }
    Err(SettingsError::new(
        "[webhooks] and [codebox_log]: this build posts no changes; build it with --features webhooks",
    ))
}

/// Adds the configured sinks. Must be called within a Tokio runtime.
#[cfg(feature = "webhooks")]
pub(super) fn add(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use std::sync::Arc;

    use crate::changes::sinks::{CodeboxLog, CodeboxLogSettings, Webhook, WebhookSettings};
    use crate::clock::SystemClock;
    use crate::settings::changes::delivery;
    use crate::settings::error::Context as _;

    let mut builder = add_hooks(settings, add_topics(settings, builder)?)?;
    for (name, table) in &settings.webhooks {
        let section = || format!("[webhooks.{name}]");
        let secret = webhook_secret(table).with_context(section)?;
        let mut webhook = WebhookSettings::new(table.url.as_url().clone(), secret);
        webhook.packages.clone_from(&table.packages);
        webhook.kinds.clone_from(&table.kinds);
        let sink = Webhook::new(webhook, Arc::new(SystemClock)).with_context(section)?;
        tracing::info!(name, %sink, "posting changes");
        builder =
            builder.change_sink(&format!("webhook-{name}"), Arc::new(sink), delivery(table.give_up_hours));
    }
    if let Some(table) = &settings.codebox_log {
        let secret =
            named("secret", Some(&table.secret_env), None).context("[codebox_log]")?.unwrap_or_default();
        let mut log =
            CodeboxLogSettings::new(table.url.as_url().clone(), table.client_id.clone(), secret.into());
        log.log_topic.clone_from(&table.log_topic);
        let sink = CodeboxLog::new(log, Arc::clone(builder.store())).context("[codebox_log]")?;
        tracing::info!(%sink, "posting changes");
        builder = builder.change_sink("codebox-log", Arc::new(sink), delivery(table.give_up_hours));
    }
    Ok(builder)
}

#[cfg(feature = "sns")]
fn add_topics(settings: &Settings, mut builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use std::sync::Arc;

    use crate::changes::sinks::{Sns, SnsSettings};
    use crate::settings::changes::delivery;
    use crate::settings::error::Context as _;

    for (name, table) in &settings.sns {
        let mut topic = SnsSettings::new(table.topic_arn.clone());
        topic.endpoint = table.endpoint.as_ref().map(|url| url.as_url().clone());
        let sink = Sns::new(topic).with_context(|| format!("[sns.{name}]"))?;
        tracing::info!(name, %sink, "publishing changes");
        builder = builder.change_sink(&format!("sns-{name}"), Arc::new(sink), delivery(table.give_up_hours));
    }
    Ok(builder)
}

#[cfg(feature = "hooks")]
fn add_hooks(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    use std::time::Duration;

    use crate::hooks::{HookKey, HookSettings};
    use crate::settings::error::Context as _;

    let Some(table) = &settings.hooks else { return Ok(builder) };
    let key = named("key", table.key_env.as_deref(), table.key_file.as_deref())
        .context("[hooks]")?
        .unwrap_or_default();
    let mut hooks = HookSettings::new(key.parse::<HookKey>().context("[hooks]")?);
    hooks.allow_private_addresses = table.allow_private_addresses;
    if let Some(most) = table.per_account {
        hooks.per_account = usize::try_from(most.get()).unwrap_or(usize::MAX);
    }
    if let Some(hours) = table.give_up_hours {
        hooks.give_up_after = Duration::from_hours(hours.get().into());
    }
    builder.hooks(hooks).context("[hooks]")
}

#[cfg(all(feature = "webhooks", not(feature = "hooks")))]
fn add_hooks(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    refuse_hooks(settings).map(|()| builder)
}

#[cfg(not(feature = "hooks"))]
fn refuse_hooks(settings: &Settings) -> Result<(), SettingsError> {
    if settings.hooks.is_none() {
        return Ok(());
    }
    Err(SettingsError::new("[hooks]: this build has no hooks; build it with --features hooks"))
}

#[cfg(all(feature = "webhooks", not(feature = "sns")))]
fn add_topics(settings: &Settings, builder: RegistryBuilder) -> Result<RegistryBuilder, SettingsError> {
    refuse_topics(settings).map(|()| builder)
}

#[cfg(not(feature = "sns"))]
fn refuse_topics(settings: &Settings) -> Result<(), SettingsError> {
    if settings.sns.is_empty() {
        return Ok(());
    }
    Err(SettingsError::new("[sns]: this build publishes to no topics; build it with --features sns"))
}

#[cfg(feature = "webhooks")]
fn webhook_secret(
    table: &crate::settings::WebhookTable,
) -> Result<crate::changes::sinks::WebhookSecret, SettingsError> {
    use crate::settings::error::Context as _;

    let secret =
        named("secret", table.secret_env.as_deref(), table.secret_file.as_deref())?.unwrap_or_default();
    secret.trim().parse().context("the secret")
}
