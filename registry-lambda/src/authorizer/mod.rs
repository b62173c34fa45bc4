//! The authorizer: says API Gateway whether a request may come in at all. What it may do exactly, the registry behind
//! decides for itself; this one keeps strangers from starting it.
//!
//! A policy covers all routes of the registry, so a gateway may keep it for as long as it likes without mistaking one
//! package for another; a token that is revoked then works for as long at the gateway, and not at the registry behind.
//!
//! ```
//! use registry_lambda::authorizer::{Authorizer, Method};
//! use registry_lambda::AuthorizerResponse;
//! use registry_core::{Registry, blob::ObjectStoreBlobs};
//! use std::sync::Arc;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
//! let authorizer = Authorizer::of(registry, AuthorizerResponse::Simple, "/registry", None);
//! let event = r#"{ "type": "TOKEN", "authorizationToken": "Bearer npm_unknown",
//!     "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:abc/prod/GET/registry/pear" }"#;
//! let answer = authorizer.decide(event).await.unwrap();
//! assert_eq!(answer["principalId"], "nobody");
//! assert_eq!(answer["policyDocument"]["Statement"][0]["Effect"], "Deny");
//! assert_eq!(Method::ALL.len(), 5);
//! # });
//! ```

mod event;
mod policy;

use std::net::IpAddr;

use registry_core::access::Action;
use registry_core::auth::{Caller, Credential, TokenPermission};
use registry_core::{Error, Registry};
use serde_json::{Value, json};

use crate::settings::{AuthorizerResponse, LambdaSettings};
use event::{Asked, Wants};

pub use event::AuthorizerEventError;
pub use policy::Method;

/// Who comes in without being anybody.
const ANONYMOUS: &str = "anonymous";

/// Who does not come in. A gateway takes no answer without a principal.
const NOBODY: &str = "nobody";

/// Decides for API Gateway.
#[derive(Debug)]
pub struct Authorizer {
    registry: Registry,
    response: AuthorizerResponse,
    path_prefix: String,
    /// Where people sign in, whose faces are there too.
    github: Option<String>,
}

/// Why there is no decision. The gateway answers 500, and keeps nothing of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerError {
    /// The event is none for an authorizer.
    #[error("{0}")]
    Event(#[from] AuthorizerEventError),
    /// Who it is cannot be found out at the moment.
    #[error("it cannot be found out who this is: {0}")]
    Unknown(#[source] Error),
}

impl From<AuthorizerError> for lambda_http::lambda_runtime::Diagnostic {
    fn from(error: AuthorizerError) -> Self {
        let error_type = match error {
            AuthorizerError::Event(_) => "Event",
            AuthorizerError::Unknown(_) => "Unknown",
        };
        Self { error_type: error_type.into(), error_message: error.to_string() }
    }
}

/// What somebody may do at the gateway.
pub(crate) struct Admitted {
    pub(crate) reads: bool,
    pub(crate) writes: bool,
    /// A signed-in caller may always give up their own token.
    pub(crate) logs_out: bool,
}

impl Authorizer {
    /// Decides with `registry`, as the settings say.
    pub fn new(registry: Registry, settings: &LambdaSettings) -> Self {
        let github = settings.settings.github.as_ref().map(|github| github.url.to_string());
        let prefix = settings.settings.path_prefix.as_str();
        Self::of(registry, settings.authorizer_response, prefix, github)
    }

    /// Decides with `registry`, whose routes are below `path_prefix`. `github` is where people have their faces, if there.
    pub fn of(
        registry: Registry,
        response: AuthorizerResponse,
        path_prefix: &str,
        github: Option<String>,
    ) -> Self {
        let path_prefix = path_prefix.trim_matches('/').to_owned();
        Self { registry, response, path_prefix, github }
    }

    /// The answer to one event, given as JSON.
    pub async fn decide(&self, event: &str) -> Result<Value, AuthorizerError> {
        let asked = Asked::parse(event)?;
        let credential = asked.authorization.as_deref().map(Credential::from_authorization);
        let caller = match credential {
            None => Some(Caller::anonymous()),
            Some(None) => None,
            Some(Some(credential)) => self.identify(&credential, asked.address).await?,
        };
        let admitted = caller.as_ref().map_or(Admitted::NOWHERE, |caller| self.admit(caller));
        let principal = match &caller {
            Some(caller) if admitted.reads || caller.principal.is_some() => {
                caller.name().unwrap_or(ANONYMOUS)
            }
            _ => NOBODY,
        };
        let context = self.context(caller.as_ref());
        Ok(match (asked.wants, self.response) {
            (Wants::HttpApi { method, path }, AuthorizerResponse::Simple) => json!({
                "isAuthorized": admitted.covers(method, &path, &self.path_prefix),
                "context": context,
            }),
            (Wants::HttpApi { .. } | Wants::Policy, _) => json!({
                "principalId": principal,
                "policyDocument": policy::document(&asked.arn, &self.path_prefix, &admitted),
                "context": context,
            }),
        })
    }

    /// `None` for a credential that is good for nothing.
    async fn identify(
        &self,
        credential: &Credential,
        address: Option<IpAddr>,
    ) -> Result<Option<Caller>, AuthorizerError> {
        match self.registry.identify(Some(credential), address).await {
            Ok(caller) => Ok(Some(caller)),
            Err(error) if error.is_internal() => Err(AuthorizerError::Unknown(error)),
            // The registry asks for the one-time password itself, of the request that brings one.
            Err(Error::Auth(_) | Error::Store(_) | Error::Busy) => Err(AuthorizerError::Unknown(Error::Busy)),
            Err(_refused) => Ok(None),
        }
    }

    fn admit(&self, caller: &Caller) -> Admitted {
        let rules = self.registry.access();
        let principal = caller.principal.as_deref();
        let reads_only =
            |limits: &registry_core::auth::TokenLimits| limits.permission == TokenPermission::ReadOnly;
        let may_write = !caller.limits.as_deref().is_some_and(reads_only);
        Admitted {
            reads: rules.allow_anywhere(Action::Read, principal),
            writes: may_write && rules.allow_anywhere(Action::Publish, principal),
            logs_out: principal.is_some(),
        }
    }

    /// What a gateway passes on and writes to its log. Values are texts, as it wants them.
    fn context(&self, caller: Option<&Caller>) -> Value {
        let Some(name) = caller.and_then(Caller::name) else { return json!({}) };
        match &self.github {
            Some(url) => {
                json!({ "username": name, "avatar": format!("{}/{name}.png", url.trim_end_matches('/')) })
            }
            None => json!({ "username": name }),
        }
    }
}

impl Admitted {
    const NOWHERE: Self = Self { reads: false, writes: false, logs_out: false };
}
