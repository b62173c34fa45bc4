//! `account`: what an operator does to accounts, directly in the storage, with or without a running server.

use std::fmt::Write as _;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use registry_core::Registry;
use registry_core::accounts::{AccountOverview, ListedAccount, TwoFactorMode};
use registry_core::settings::{Trial, accounts_builder, open_existing_store};
use secrecy::ExposeSecret as _;
use tokio::runtime::Builder;

use crate::command_line::{AccountAction, Overrides};
use crate::logging;
use crate::operate::session::load;
use crate::run::print;
use crate::settings::Settings;

/// Runs an action, and prints its result.
pub(crate) fn run(overrides: &Overrides, action: &AccountAction) -> anyhow::Result<()> {
    print(&on_registry(overrides, async |registry| match action {
        AccountAction::List => Ok(registry.list_accounts().await?.iter().map(line).collect()),
        AccountAction::Show { name } => Ok(overview(&registry.account_overview(name).await?)),
        AccountAction::Add { name, email } => {
            let password = registry.add_account(name, email.as_deref()).await?;
            Ok(format!("{}\n", password.expose_secret()))
        }
        AccountAction::Admit { name, provider, subject } => {
            registry.admit_name(name, provider, subject.as_deref()).await?;
            Ok(format!("the name {} belongs to {provider}\n", name.escape_debug()))
        }
        AccountAction::Remove { name } => {
            registry.remove_account(name).await?;
            Ok(format!(
                "removed the account {name}\npackages: `npm search maintainer:{name}` finds them, and `npm owner rm {name} PACKAGE` \
                 removes it from the owners of each\norganizations: `npm org rm ORGANIZATION {name}` removes it; one whose only owner \
                 it was is changed by who administers the registry\n"
            ))
        }
        AccountAction::ResetPassword { name } => {
            let password = registry.reset_password(name).await?;
            Ok(format!("{}\n", password.expose_secret()))
        }
        AccountAction::ResetTwoFactor { name } => Ok(if registry.reset_two_factor(name).await? {
            format!("removed the second factor of {name}\n")
        } else {
            format!("{name} has no second factor\n")
        }),
    })?)
}

/// Runs an operation on the accounts of the storage, and delivers its events.
pub(crate) fn on_registry(
    overrides: &Overrides,
    operation: impl AsyncFnOnce(&Registry) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let Settings { registry: settings, .. } = load(overrides)?;
    let _flusher = logging::start(&settings.log)?;
    let access = settings.packages.compile(&settings.upstreams)?;
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the threads of the command")?.block_on(async {
        let store = open_existing_store(&settings.storage, Trial::Always).await?;
        let registry = accounts_builder(&settings, store)?.access(access).build();
        let done = operation(&registry).await;
        registry.flush_events().await;
        done
    })
}

/// Renders a time as the log does.
pub(crate) fn timestamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn line(account: &ListedAccount) -> String {
    let state = if account.exists { "" } else { " (no account)" };
    format!("{} {}{state}\n", account.name.escape_debug(), account.provider)
}

fn overview(account: &AccountOverview) -> String {
    let profile = &account.profile;
    let moment = |at: Option<_>| at.map_or_else(|| "unknown".to_owned(), timestamp);
    let two_factor = match account.two_factor {
        None => "none",
        Some(factor) if factor.pending => "not confirmed yet",
        Some(factor) => match factor.mode {
            TwoFactorMode::AuthOnly => "auth-only",
            TwoFactorMode::AuthAndWrites => "auth-and-writes",
        },
    };
    let groups: Vec<&str> =
        profile.principal.groups.iter().chain(&account.groups).map(String::as_str).collect();
    let groups = if groups.is_empty() { "none".to_owned() } else { groups.join(", ") };
    let mut text = String::new();
    for (field, value) in [
        ("account", profile.principal.name.as_str()),
        ("known to", &account.provider),
        ("email", profile.email.as_deref().unwrap_or("none")),
        ("created", &moment(profile.details.created)),
        ("changed", &moment(profile.details.updated)),
        ("second factor", two_factor),
        ("groups", &groups),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{field}: {}", value.escape_debug());
    }
    text
}
