//! The authorizer: tells API Gateway whether a request may reach the registry. The registry behind it makes the exact
//! decision itself; the authorizer keeps unauthorized callers from invoking it.
//!
//! A policy covers all routes of the registry and names packages where the access rules distinguish them, so a gateway
//! may cache it without mistaking one package for another; a revoked token then keeps working at the gateway until the
//! cache expires, but not at the registry behind it. A few sets of rules cannot be expressed by a policy: an exception
//! of an exception (`@acme/one` for all, `@acme/*` for few, `**` for all), or a star in the middle of a pattern. Then
//! the policy covers only the requested route, never more, and the context contains `"policy": "this-route"`: with such
//! rules, the gateway must not cache (a TTL of 0), or must include method and path in its cache key. The same holds for
//! simple yes-or-no answers.
//!
//! ```
//! use registry_lambda::authorizer::{Authorizer, Method};
//! use registry_lambda::AuthorizerResponse;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
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
mod names;
mod policy;
mod spellings;

use std::net::IpAddr;
use std::sync::Arc;

use registry_core::access::Action;
use registry_core::auth::{Caller, Credential, TokenPermission};
use registry_core::domain::PackageName;
use registry_core::http::route::{Route, strip_prefix};
use registry_core::{Error, Registry};
use serde_json::{Value, json};

use crate::settings::{AuthorizerResponse, LambdaSettings};
use event::{Asked, Wants};
use names::Shape;
use policy::{Arn, Holds, Rights};

pub use event::AuthorizerEventError;
pub use policy::Method;

/// The principal of an admitted anonymous caller.
const ANONYMOUS: &str = "anonymous";

/// The principal of a rejected caller. A gateway accepts no answer without a principal.
const REJECTED: &str = "nobody";

/// Decides on requests for API Gateway.
#[derive(Debug)]
pub struct Authorizer {
    registry: Registry,
    response: AuthorizerResponse,
    path_prefix: String,
    /// The base URL of GitHub sign-in, which also has the users' avatars.
    github: Option<String>,
}

/// Why there is no decision. The gateway answers 500, and caches nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerError {
    /// The event is not one for an authorizer.
    #[error("{0}")]
    Event(#[from] AuthorizerEventError),
    /// The caller cannot be identified at the moment.
    #[error("the caller cannot be identified: {0}")]
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

impl Authorizer {
    /// Creates an authorizer for `registry` with these settings.
    pub fn new(registry: Registry, settings: &LambdaSettings) -> Self {
        let github = settings.settings.github.as_ref().map(|github| github.url.to_string());
        let prefix = settings.settings.path_prefix.as_str();
        Self::of(registry, settings.authorizer_response, prefix, github)
    }

    /// Creates an authorizer for `registry`, whose routes are below `path_prefix`. `github` is the base URL of the
    /// users' avatars, if any.
    pub fn of(
        registry: Registry,
        response: AuthorizerResponse,
        path_prefix: &str,
        github: Option<String>,
    ) -> Self {
        let path_prefix = path_prefix.trim_matches('/').to_owned();
        Self { registry, response, path_prefix, github }
    }

    /// Returns the answer to one event, given as JSON.
    pub async fn decide(&self, event: &str) -> Result<Value, AuthorizerError> {
        let asked = Asked::parse(event)?;
        let credential = asked.authorization.as_deref().map(Credential::from_authorization);
        let caller = match credential {
            None => Some(Caller::anonymous()),
            Some(None) => None,
            Some(Some(credential)) => self.identify(&credential, asked.address).await?,
        };
        let rights = caller.as_ref().map_or_else(Rights::nowhere, |caller| self.rights(caller));
        let principal = match &caller {
            Some(caller) if rights.reads.allows_something() || caller.principal.is_some() => {
                caller.name().unwrap_or(ANONYMOUS)
            }
            _ => REJECTED,
        };
        let allowed = caller.as_ref().is_some_and(|caller| self.allows(caller, &rights, &asked.arn));
        let mut context = self.context(caller.as_ref());
        Ok(match (asked.wants, self.response) {
            (Wants::HttpApi, AuthorizerResponse::Simple) => {
                json!({ "isAuthorized": allowed, "context": context })
            }
            (Wants::HttpApi | Wants::Policy, _) => {
                let (policy, holds) = policy::document(&asked.arn, &self.path_prefix, &rights, allowed);
                if holds == Holds::ForThisRoute {
                    context["policy"] = "this-route".into();
                }
                json!({ "principalId": principal, "policyDocument": policy, "context": context })
            }
        })
    }

    /// Returns `None` for an invalid credential.
    async fn identify(
        &self,
        credential: &Credential,
        address: Option<IpAddr>,
    ) -> Result<Option<Caller>, AuthorizerError> {
        match self.registry.identify(Some(credential), address).await {
            Ok(caller) => Ok(Some(caller)),
            Err(error) if error.is_internal() => Err(AuthorizerError::Unknown(error)),
            // The registry itself asks for the one-time password, on the request that needs it.
            Err(Error::Auth(_) | Error::Store(_) | Error::Busy) => Err(AuthorizerError::Unknown(Error::Busy)),
            Err(_refused) => Ok(None),
        }
    }

    /// Returns what the caller may do, as far as it depends on package names.
    fn rights(&self, caller: &Caller) -> Rights {
        let shape = |caller: &Caller, action| {
            let may = |name: &str| {
                PackageName::parse(name).is_ok_and(|name| self.registry.may(caller, action, &name))
            };
            Shape::of(&self.registry.permission_summary(caller, action), may)
        };
        Rights {
            reads: shape(caller, Action::Read),
            writes: shape(caller, Action::Publish),
            stages: shape(&stager(caller), Action::Publish),
            is_identified: caller.principal.is_some(),
        }
    }

    /// Whether this one request is admitted.
    fn allows(&self, caller: &Caller, rights: &Rights, arn: &Arn) -> bool {
        let Some(method) = Method::parse(&arn.method) else { return false };
        let path = format!("/{}", arn.path);
        // The registry answers at the root too.
        let below = strip_prefix(&path, &self.path_prefix).unwrap_or(&path);
        let Ok(http_method) = http::Method::from_bytes(arn.method.as_bytes()) else { return false };
        let route = Route::parse(&http_method, below);
        match route.as_ref().ok().and_then(Route::package) {
            Some((name, action)) if matches!(route, Ok(Route::Stage(_))) => {
                self.registry.may(&stager(caller), action, name)
            }
            Some((name, action)) => self.registry.may(caller, action, name),
            None => rights.cover(method, below.trim_start_matches('/')),
        }
    }

    /// Returns the context that a gateway passes on and logs. Its values must be strings.
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

/// Returns the same caller, with a token that permits staging treated as one that permits publishing.
fn stager(caller: &Caller) -> Caller {
    let mut stager = caller.clone();
    if let Some(limits) = &mut stager.limits
        && limits.permission == TokenPermission::StageOnly
    {
        Arc::make_mut(limits).permission = TokenPermission::ReadWrite;
    }
    stager
}
