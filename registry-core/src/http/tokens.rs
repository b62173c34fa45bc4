use chrono::{DateTime, Utc};
use http::{Response, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use crate::access::PackagePattern;
use crate::accounts::tokens::{TokenInfo, TokenOptions};
use crate::auth::{OrganizationPermission, TokenPermission};
use crate::clock::timestamp;

use super::answer::json_response;
use super::body::Body;
use super::handle::Call;
use super::paging::Page;
use super::route::TokenRoute;
use super::status::Failure;
use super::token_request::TokenDocument;

impl Call<'_> {
    pub(super) async fn token(self, route: TokenRoute) -> Result<Response<Body>, Failure> {
        match route {
            TokenRoute::List => self.tokens().await,
            TokenRoute::Create => self.create_token().await,
            TokenRoute::Revoke { wanted } => self.revoke_token(&wanted).await,
            TokenRoute::Profile => self.own_profile().await,
            TokenRoute::SetProfile => self.set_profile().await,
        }
    }

    async fn tokens(self) -> Result<Response<Body>, Failure> {
        let page = Page::of(self.request.uri.query());
        let tokens = self.registry.tokens(&self.caller).await?;
        let shown: Vec<Value> = page.of_list(&tokens).iter().map(described).collect();
        let mut urls = json!({});
        if let Some(next) = page.next(tokens.len()) {
            urls["next"] = format!("/-/npm/v1/tokens?{next}").into();
        }
        let answer = json!({ "objects": shown, "total": tokens.len(), "urls": urls });
        Ok(json_response(StatusCode::OK, &answer))
    }

    async fn create_token(mut self) -> Result<Response<Body>, Failure> {
        // Rejects an unauthenticated caller before the body is read.
        self.registry.whoami(&self.caller)?;
        let request = self.json::<TokenDocument>().await?.into_request()?;
        self.confirm(action_of(&request.options));
        let made = self.registry.create_token(&self.caller, request).await?;
        let mut answer = described(&made.info);
        answer["token"] = made.secret.expose_secret().into();
        Ok(json_response(StatusCode::CREATED, &answer))
    }

    async fn revoke_token(self, wanted: &SecretString) -> Result<Response<Body>, Failure> {
        self.registry.revoke_token(&self.caller, wanted).await?;
        Ok(json_response(StatusCode::OK, &json!({ "ok": true, "success": true })))
    }
}

/// Describes what a new token will permit.
fn action_of(options: &TokenOptions) -> String {
    let may = match options.permission {
        TokenPermission::NoAccess => "neither reads nor writes packages",
        TokenPermission::ReadOnly => "only reads packages",
        TokenPermission::StageOnly => "reads and stages packages",
        TokenPermission::ReadWrite => "reads and writes packages",
    };
    let patterns = options.packages.iter().flatten().map(PackagePattern::as_str);
    let packages = match patterns.collect::<Vec<_>>() {
        none if none.is_empty() => String::new(),
        some => format!(" ({})", some.join(", ")),
    };
    let organizations = options.organizations.iter().map(|organizations| {
        let names: Vec<_> = organizations.names.iter().map(ToString::to_string).collect();
        let may = match organizations.permission {
            OrganizationPermission::NoAccess => "does not see",
            OrganizationPermission::ReadOnly => "sees",
            OrganizationPermission::ReadWrite => "changes",
        };
        format!(", {may} the organizations {}", names.join(", "))
    });
    let organizations: String = organizations.collect();
    let bypass = if options.bypass_two_factor { "needs no second factor, " } else { "" };
    format!("create a token that {bypass}{may}{packages}{organizations}")
}

/// Renders a token for clients. They disagree on the names of some fields, so these appear under each name.
fn described(token: &TokenInfo) -> Value {
    let limits = &token.limits;
    let moment = |moment: DateTime<Utc>| Value::from(timestamp(moment));
    let expires = limits.expires.map_or(Value::Null, moment);
    let networks = match limits.networks.as_slice() {
        [] => Value::Null,
        networks => networks.iter().map(ToString::to_string).collect(),
    };
    let action = match limits.permission {
        TokenPermission::NoAccess => None,
        TokenPermission::ReadOnly => Some("read"),
        TokenPermission::StageOnly => Some("stage"),
        TokenPermission::ReadWrite => Some("write"),
    };
    let mut permissions: Vec<Value> =
        action.iter().map(|action| json!({ "name": "package", "action": action })).collect();
    // Tells a token that stands for its holder from one that is for all packages and nothing else.
    let of_account = if limits.permit_account_changes() {
        Some("write")
    } else {
        limits.permit_account_reads().then_some("read")
    };
    permissions.extend(of_account.map(|action| json!({ "name": "account", "action": action })));
    let mut scopes: Vec<Value> = match &limits.packages {
        None => vec![json!({ "type": "package", "name": "*" })],
        Some(packages) => packages
            .iter()
            .map(|package| match (package.as_str(), package.as_str().strip_suffix("/*")) {
                ("**", _) => json!({ "type": "package", "name": "*" }),
                (_, Some(scope)) => json!({ "type": "scope", "name": scope }),
                (_, None) => json!({ "type": "package", "name": package }),
            })
            .collect(),
    };
    let mut readonly = limits.permission <= TokenPermission::ReadOnly;
    if let Some(organizations) = &limits.organizations {
        let action = match organizations.permission {
            OrganizationPermission::NoAccess => None,
            OrganizationPermission::ReadOnly => Some("read"),
            OrganizationPermission::ReadWrite => Some("write"),
        };
        readonly &= organizations.permission <= OrganizationPermission::ReadOnly;
        permissions.extend(action.map(|action| json!({ "name": "org", "action": action })));
        scopes.extend(organizations.names.iter().map(|name| json!({ "type": "org", "name": name })));
    }
    json!({
        "key": token.key,
        "token": token.prefix,
        "name": token.name,
        "description": token.description,
        "created": moment(token.created),
        "updated": moment(token.created),
        "readonly": readonly,
        "cidr_whitelist": networks,
        "cidr": networks,
        "expires": expires,
        "expiry": expires,
        "bypass_2fa": limits.bypass_two_factor,
        "permissions": permissions,
        "scopes": scopes,
    })
}
