//! Operations on tokens, directly in the storage, with or without a running server.

use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::json;

use crate::accounts::{on_registry, timestamp};
use crate::command_line::{CreateToken, Overrides, TokenAction};
use crate::report::Report;
use crate::run::print;
use crate::settings::Network;
use registry_core::accounts::{HeldToken, TokenOptions};
use registry_core::auth::{TokenKind, TokenPermission};
use registry_core::clock::{Clock as _, SystemClock};

/// A token as `token list` describes it.
#[derive(Serialize)]
struct ListedToken<'a> {
    id: &'a str,
    holder: &'a str,
    kind: &'static str,
    permission: &'static str,
    bypass_2fa: bool,
    created: String,
    /// `None` for never.
    expires: Option<String>,
    /// `None` for all.
    packages: Option<Vec<&'a str>>,
    /// Empty for all.
    networks: Vec<String>,
    name: Option<&'a str>,
}

/// Runs an action, and prints its result.
pub(crate) fn run(overrides: &Overrides, action: &TokenAction, json: bool) -> anyhow::Result<()> {
    let report = match action {
        TokenAction::Create(token) => create(overrides, token),
        TokenAction::List { account, expiring } => on_registry(overrides, async |registry| {
            if let Some(account) = account {
                registry.account_overview(account).await?;
            }
            let (mut held, now) = (registry.all_tokens(account.as_deref()).await?, SystemClock.now());
            held.retain(|held| !expiring || held.token.limits.expires_soon(now));
            Report::list(held.iter().map(ListedToken::of), ListedToken::line, |token| json!(token))
        }),
        TokenAction::Revoke { id } => on_registry(overrides, async |registry| {
            let holder = registry.revoke_token_of_any(&id.as_str().into()).await?;
            let text = format!("revoked a token of {}\n", holder.escape_debug());
            Report::new(text, &json!({ "holder": holder, "revoked": true }))
        }),
    }?;
    print(&report.render(json))
}

/// Creates a token. Its text contains nothing else, so that scripts can capture it.
fn create(overrides: &Overrides, token: &CreateToken) -> anyhow::Result<Report> {
    let options = TokenOptions {
        name: token.name.clone(),
        permission: if token.read_only { TokenPermission::ReadOnly } else { TokenPermission::ReadWrite },
        packages: (!token.package.is_empty()).then(|| token.package.clone()),
        networks: token.cidr.iter().map(Network::as_net).collect(),
        days: token.expires_in,
        bypass_two_factor: token.bypass_2fa,
        ..TokenOptions::default()
    };
    on_registry(overrides, async |registry| {
        let made = registry.create_operator_token(&token.user, options).await;
        let made = made.with_context(|| format!("cannot make a token for {}", token.user))?;
        let secret = made.secret.expose_secret();
        let expires = made.info.limits.expires.map(timestamp);
        let record =
            json!({ "id": made.info.key, "holder": token.user, "token": secret, "expires": expires });
        Report::new(format!("{secret}\n"), &record)
    })
}

impl<'a> ListedToken<'a> {
    fn of(held: &'a HeldToken) -> Self {
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
        let packages = limits.packages.as_ref();
        Self {
            id: &token.key,
            holder,
            kind,
            permission,
            bypass_2fa: limits.bypass_two_factor,
            created: timestamp(token.created),
            expires: limits.expires.map(timestamp),
            packages: packages
                .map(|packages| packages.iter().map(registry_core::access::PackagePattern::as_str).collect()),
            networks: limits.networks.iter().map(ToString::to_string).collect(),
            name: token.name.as_deref(),
        }
    }

    /// `ID HOLDER KIND PERMISSION`, then the other properties.
    fn line(&self) -> String {
        let Self { id, kind, permission, created, .. } = self;
        let expires = self.expires.as_deref().unwrap_or("never");
        let name = self.name.map(|name| format!(" name={}", name.escape_debug())).unwrap_or_default();
        let packages = self.packages.as_deref().filter(|packages| !packages.is_empty());
        let packages = packages.map(|packages| format!(" packages={}", packages.join(",")));
        let packages = packages.unwrap_or_default();
        let networks = if self.networks.is_empty() {
            String::new()
        } else {
            format!(" networks={}", self.networks.join(","))
        };
        let bypass = if self.bypass_2fa { " bypass-2fa" } else { "" };
        let holder = self.holder.escape_debug();
        format!(
            "{id} {holder} {kind} {permission}{bypass} created={created} expires={expires}{packages}{networks}{name}\n"
        )
    }
}
