//! Operations on tokens, directly in the storage, with or without a running server.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;

use crate::accounts::{on_registry, timestamp};
use crate::command_line::{CreateToken, Overrides, TokenAction};
use crate::run::print;
use crate::settings::Network;
use registry_core::accounts::{HeldToken, TokenOptions};
use registry_core::auth::{TokenKind, TokenPermission};

/// Runs an action, and prints its result.
pub(crate) fn run(overrides: &Overrides, action: &TokenAction) -> anyhow::Result<()> {
    match action {
        TokenAction::Create(token) => create(overrides, token),
        TokenAction::List { account } => print(&on_registry(overrides, async |registry| {
            if let Some(account) = account {
                registry.account_overview(account).await?;
            }
            Ok(registry.all_tokens(account.as_deref()).await?.iter().map(line).collect())
        })?),
        TokenAction::Revoke { id } => print(&on_registry(overrides, async |registry| {
            let holder = registry.revoke_token_of_any(&id.as_str().into()).await?;
            Ok(format!("revoked a token of {}\n", holder.escape_debug()))
        })?),
    }
}

/// Creates a token and prints it. Stdout contains nothing else, so that scripts can capture it.
fn create(overrides: &Overrides, token: &CreateToken) -> anyhow::Result<()> {
    let options = TokenOptions {
        name: token.name.clone(),
        permission: if token.read_only { TokenPermission::ReadOnly } else { TokenPermission::ReadWrite },
        packages: (!token.package.is_empty()).then(|| token.package.clone()),
        networks: token.cidr.iter().map(Network::as_net).collect(),
        days: token.expires_in,
        bypass_two_factor: token.bypass_2fa,
        ..TokenOptions::default()
    };
    print(&on_registry(overrides, async |registry| {
        let made = registry.create_operator_token(&token.user, options).await;
        let made = made.with_context(|| format!("cannot make a token for {}", token.user))?;
        Ok(format!("{}\n", made.secret.expose_secret()))
    })?)
}

/// `ID HOLDER KIND PERMISSION`, then the other properties.
fn line(held: &HeldToken) -> String {
    let HeldToken { holder, token, .. } = held;
    let limits = &token.limits;
    let kind = match limits.kind {
        TokenKind::Session => "session",
        TokenKind::Granular => "granular",
        TokenKind::Operator => "operator",
        TokenKind::TrustedPublishing => "trusted-publishing",
        _ => "other",
    };
    let permission = match limits.permission {
        TokenPermission::NoAccess => "no-access",
        TokenPermission::ReadOnly => "read-only",
        TokenPermission::StageOnly => "stage-only",
        TokenPermission::ReadWrite => "read-write",
    };
    let expires = limits.expires.map_or_else(|| "never".to_owned(), timestamp);
    let name = token.name.as_ref().map(|name| format!(" name={}", name.escape_debug())).unwrap_or_default();
    let created = timestamp(token.created);
    let listed = |field: &str, values: Vec<String>| {
        if values.is_empty() { String::new() } else { format!(" {field}={}", values.join(",")) }
    };
    let packages = limits.packages.iter().flatten().map(|pattern| pattern.as_str().to_owned()).collect();
    let networks = limits.networks.iter().map(ToString::to_string).collect();
    let (packages, networks) = (listed("packages", packages), listed("networks", networks));
    let bypass = if limits.bypass_two_factor { " bypass-2fa" } else { "" };
    format!(
        "{} {} {kind} {permission}{bypass} created={created} expires={expires}{packages}{networks}{name}\n",
        token.key,
        holder.escape_debug()
    )
}
