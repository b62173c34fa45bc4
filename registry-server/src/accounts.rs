//! `account`: what an operator does to accounts, directly in the storage, with or without a running server.

use std::fmt::Write as _;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use registry_core::Registry;
use registry_core::accounts::{AccountOverview, ListedAccount, TwoFactorMode};
use registry_core::settings::{Trial, accounts_builder, open_existing_store};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::json;
use tokio::runtime::Builder;

use crate::command_line::{AccountAction, Overrides};
use crate::logging;
use crate::operate::session::load;
use crate::report::Report;
use crate::run::print;
use crate::settings::Settings;

/// An account as `account show` describes it.
#[derive(Serialize)]
struct ShownAccount<'a> {
    name: &'a str,
    known_to: &'a str,
    email: Option<&'a str>,
    created: Option<String>,
    changed: Option<String>,
    /// `None`, `pending`, `auth-only` or `auth-and-writes`.
    two_factor: Option<&'static str>,
    groups: Vec<&'a str>,
}

/// Runs an action, and prints its result.
pub(crate) fn run(overrides: &Overrides, action: &AccountAction, json: bool) -> anyhow::Result<()> {
    let report = on_registry(overrides, async |registry| match action {
        AccountAction::List => Report::list(
            registry.list_accounts().await?,
            line,
            |account| json!({ "name": account.name, "provider": account.provider, "exists": account.exists }),
        ),
        AccountAction::Show { name } => {
            let account = registry.account_overview(name).await?;
            let shown = ShownAccount::of(&account);
            Report::new(overview(&shown), &shown)
        }
        AccountAction::Add { name, email } => {
            let password = registry.add_account(name, email.as_deref()).await?;
            with_password(name, &password)
        }
        AccountAction::Admit { name, provider, subject } => {
            registry.admit_name(name, provider, subject.as_deref()).await?;
            let text = format!("the name {} belongs to {provider}\n", name.escape_debug());
            Report::new(text, &json!({ "name": name, "provider": provider, "subject": subject }))
        }
        AccountAction::Remove { name } => {
            registry.remove_account(name).await?;
            let text = format!(
                "removed the account {name}\npackages: `npm search maintainer:{name}` finds them, and `npm owner rm {name} PACKAGE` \
                 removes it from the owners of each\norganizations: `npm org rm ORGANIZATION {name}` removes it; one whose only owner \
                 it was is changed by who administers the registry\n"
            );
            Report::new(text, &json!({ "name": name, "removed": true }))
        }
        AccountAction::ResetPassword { name } => {
            let password = registry.reset_password(name).await?;
            with_password(name, &password)
        }
        AccountAction::ResetTwoFactor { name } => {
            let is_removed = registry.reset_two_factor(name).await?;
            let text = if is_removed {
                format!("removed the second factor of {name}\n")
            } else {
                format!("{name} has no second factor\n")
            };
            Report::new(text, &json!({ "name": name, "removed": is_removed }))
        }
    })?;
    print(&report.render(json))
}

fn with_password(name: &str, password: &SecretString) -> anyhow::Result<Report> {
    let password = password.expose_secret();
    Report::new(format!("{password}\n"), &json!({ "name": name, "password": password }))
}

/// Runs an operation on the accounts of the storage, and delivers its events.
pub(crate) fn on_registry<Done>(
    overrides: &Overrides,
    operation: impl AsyncFnOnce(&Registry) -> anyhow::Result<Done>,
) -> anyhow::Result<Done> {
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

impl<'a> ShownAccount<'a> {
    fn of(account: &'a AccountOverview) -> Self {
        let profile = &account.profile;
        let two_factor = account.two_factor.map(|factor| match factor.mode {
            _ if factor.pending => "pending",
            TwoFactorMode::AuthOnly => "auth-only",
            TwoFactorMode::AuthAndWrites => "auth-and-writes",
        });
        Self {
            name: &profile.principal.name,
            known_to: &account.provider,
            email: profile.email.as_deref(),
            created: profile.details.created.map(timestamp),
            changed: profile.details.updated.map(timestamp),
            two_factor,
            groups: profile.principal.groups.iter().chain(&account.groups).map(String::as_str).collect(),
        }
    }
}

fn overview(account: &ShownAccount<'_>) -> String {
    let moment = |at: &Option<String>| at.clone().unwrap_or_else(|| "unknown".to_owned());
    let two_factor = match account.two_factor {
        None => "none",
        Some("pending") => "not confirmed yet",
        Some(mode) => mode,
    };
    let groups = if account.groups.is_empty() { "none".to_owned() } else { account.groups.join(", ") };
    let mut text = String::new();
    for (field, value) in [
        ("account", account.name),
        ("known to", account.known_to),
        ("email", account.email.unwrap_or("none")),
        ("created", &moment(&account.created)),
        ("changed", &moment(&account.changed)),
        ("second factor", two_factor),
        ("groups", &groups),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{field}: {}", value.escape_debug());
    }
    text
}
