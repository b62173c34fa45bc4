use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CACHE_CONTROL, EXPECT, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use sha2::{Digest as _, Sha256};

use crate::accounts::two_factor::one_time_password;
use crate::auth::{Caller, Credential, Principal, RequestOrigin, RequestedAction, TokenHash};
use crate::error::BoxError;
use crate::error::{LoginError, PermissionError};
use crate::events::CredentialRejection;
use crate::packages::known_bases::RenderedBase;
use crate::{Error, Registry};

use super::base_url::{base_url, reached_host};
use super::body::Body;
use super::challenge::failure_or_challenge;
use super::find_route::{FoundRoute, find_route};
use super::incoming::Incoming;
use super::origin::check_origin;
use super::own_request::refuse_own_request;
#[cfg(feature = "web")]
use super::route::strip_prefix;
use super::route::{Route, TrustRoute, loggable_path};
use super::security_headers::secure;
use super::status::{Failure, NOTICE, add_notice, failure_response};
#[cfg(feature = "web")]
use super::web::{failure_page, is_browser, is_for_other_sites, share};

/// How many times the publish limit is read from a rejected client, so that it receives the reason. A longer body ends
/// in a broken connection.
const DRAINED: usize = 8;

/// The header in which clients send a one-time password.
const ONE_TIME_PASSWORD: &str = "npm-otp";

/// Set on a request by the frontend: the client's address.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

/// Set on a request by a frontend: addresses between the client and this server that may be proxies, but without proof,
/// so that each might be the client itself. A token that is limited to networks must permit them too.
#[derive(Debug, Clone)]
pub struct UnprovenProxies(pub Arc<[IpAddr]>);

/// Set on a request by the frontend: the id under which it logs the request. Events name it.
#[derive(Debug, Clone)]
pub struct RequestId(pub HeaderValue);

/// Set on a response: the kind of its route, for logs and metrics. One of a few values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteKind(pub &'static str);

/// Set on a response: the caller's principal, for logs. Absent for anonymous callers.
#[derive(Debug, Clone)]
pub struct PrincipalName(Arc<Principal>);

impl fmt::Display for PrincipalName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.name)
    }
}

impl From<Arc<Principal>> for PrincipalName {
    fn from(principal: Arc<Principal>) -> Self {
        Self(principal)
    }
}

/// A request with its caller, ready for an operation.
pub(super) struct Call<'a> {
    pub(super) registry: &'a Registry,
    pub(super) request: &'a Parts,
    /// The host that the client reached.
    pub(super) host: Option<&'a str>,
    pub(super) caller: Caller,
    /// Where the caller's action is left for the answer to a failure.
    action: &'a mut Option<Arc<RequestedAction>>,
    /// The SHA-256 of the body, once it is read as JSON.
    sent: Vec<u8>,
    pub(super) under_prefix: bool,
    pub(super) body: &'a mut Incoming,
}

impl Registry {
    /// Answers a request. Every error is rendered as an answer; the connection is never left without one.
    ///
    /// A frontend may set [`ClientAddress`], [`UnprovenProxies`] and [`TrustedProxy`](super::TrustedProxy) on the
    /// request, and finds [`RouteKind`] and [`PrincipalName`] on the response.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (request, body) = request.into_parts();
        let mut body = Incoming::new(body);
        let mut response = self.with_access_snapshot().answer(&request, &mut body).await;
        if response.status().is_client_error() && !request.headers.contains_key(EXPECT) {
            body.drain(self.parts.http.limits.publish_body_bytes.saturating_mul(DRAINED)).await;
        }
        secure(response.headers_mut(), self.parts.http.public_url.as_deref());
        if request.method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    async fn answer(&self, request: &Parts, body: &mut Incoming) -> Response<Body> {
        let checked = reached_host(request).and_then(|host| {
            check_origin(self, request, host)?;
            refuse_own_request(self, request)?;
            Ok(host)
        });
        let host = match checked {
            Ok(host) => host,
            Err(error) => {
                let mut response = failure_response(&error.into());
                response.extensions_mut().insert(RouteKind("none"));
                return response;
            }
        };
        let found = find_route(&self.parts.http, &request.method, request.uri.path(), is_browser(request));
        let FoundRoute { route, under_prefix } = match found {
            Ok(found) => found,
            Err(error) => {
                let mut response = self.without_route(request, host, &Failure::Route(error));
                response.extensions_mut().insert(RouteKind("none"));
                return response;
            }
        };
        let reading = matches!(request.method, Method::GET | Method::HEAD);
        let kind = RouteKind(route.kind());
        #[cfg(feature = "web")]
        let is_shared = is_for_other_sites(&self.parts.http, request, &route);
        let mut stale = None;
        let identified = match self.caller(request, &route).await {
            Err(error) if let Some(token) = stale_token(request, &route, &error) => {
                stale = Some((token, error));
                Ok(anonymous_caller(request))
            }
            identified => identified,
        };
        let (caller, result) = match identified {
            Err(error) => {
                let anonymous = anonymous_caller(request);
                let error = self.accounts().count_request(&anonymous).err().unwrap_or(error);
                (anonymous, Err(error.into()))
            }
            Ok(caller) if let Err(error) = self.accounts().count_request(&caller) => {
                (caller, Err(error.into()))
            }
            Ok(caller)
                if !reading && let Err(error) = self.authorization().require_room_for_events().await =>
            {
                (caller, Err(error.into()))
            }
            Ok(caller) => {
                let (registry, mut action) = (self, None);
                let mut call = Call {
                    registry,
                    request,
                    host,
                    caller: caller.clone(),
                    action: &mut action,
                    sent: Vec::new(),
                    under_prefix,
                    body,
                };
                if !reading {
                    call.confirm(action_of(request, &route));
                }
                let result = call.dispatch(route).await;
                (Caller { action, ..caller }, result)
            }
        };
        let result = match (result, &stale) {
            // An anonymous caller may not do this, so report what is wrong with the token.
            (
                Err(Failure::Operation(Error::Permission(PermissionError::AuthenticationRequired))),
                Some(_),
            ) => Err(stale
                .take()
                .map_or(Error::Permission(PermissionError::AuthenticationRequired), |(_, error)| error)
                .into()),
            (result, _) => result,
        };
        let mut response = match result {
            Ok(response) => response,
            Err(failure) => failure_or_challenge(self, request, &caller, under_prefix, &failure).await,
        };
        if let Some((token, error)) = stale
            && self.accounts().is_notice_due(token)
        {
            add_notice(response.headers_mut(), &error.to_string());
            // npm shows no notice of a cacheable answer.
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        self.add_expiry_notice(&caller, response.headers_mut());
        #[cfg(feature = "web")]
        if is_shared {
            share(&mut response);
        }
        response.extensions_mut().insert(kind);
        if let Some(principal) = caller.principal {
            response.extensions_mut().insert(PrincipalName(principal));
        }
        response
    }

    /// Tells that the caller's token ends soon. Another notice is about this answer, and the next answer tells about the
    /// token.
    fn add_expiry_notice(&self, caller: &Caller, headers: &mut HeaderMap) {
        if !headers.contains_key(NOTICE)
            && let Some(notice) = self.accounts().expiry_notice(caller)
        {
            add_notice(headers, &notice);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }

    /// Answers a request without a route: with a page, if a browser sent it.
    #[cfg_attr(not(feature = "web"), expect(clippy::unused_self, reason = "without pages, all get the same"))]
    fn without_route(&self, request: &Parts, host: Option<&str>, failure: &Failure) -> Response<Body> {
        #[cfg(feature = "web")]
        if self.parts.http.web.settings.pages && is_browser(request) {
            let prefix = self.parts.http.path_prefix.as_str();
            let under_prefix = !prefix.is_empty() && strip_prefix(request.uri.path(), prefix).is_some();
            return failure_page(self, request, base_url(self, request, host, under_prefix).url, failure);
        }
        let _ = (request, host);
        failure_response(failure)
    }

    async fn caller(&self, request: &Parts, route: &Route) -> Result<Caller, Error> {
        let anonymous = anonymous_caller(request);
        // Clients send an old token along when they log in or out, and must not be rejected for it.
        let needs_no_credential = matches!(
            route,
            Route::Root
                | Route::Robots
                | Route::Ping
                | Route::Login { .. }
                | Route::LoginRevision { .. }
                | Route::Logout { .. }
                | Route::WebLogin(_)
                // The credential of this route is valid for no other route.
                | Route::Trust(TrustRoute::Exchange { .. })
        );
        let credential = if needs_no_credential {
            None
        } else {
            credential_of(request).inspect_err(|_| {
                self.accounts().emit_rejection(&anonymous, CredentialRejection::Malformed, None);
            })?
        };
        let shown = request.headers.get(ONE_TIME_PASSWORD).and_then(|header| header.to_str().ok());
        let anonymous = Caller { one_time_password: shown.and_then(one_time_password), ..anonymous };
        let caller = self.accounts().identify_caller(credential.as_ref(), anonymous).await?;
        if let Some(UnprovenProxies(addresses)) = request.extensions.get() {
            self.accounts().check_further_addresses(&caller, addresses)?;
        }
        Ok(caller)
    }
}

/// Returns the credential of a request. More than one `Authorization` is an error: a proxy may have checked another of
/// them.
fn credential_of(request: &Parts) -> Result<Option<Credential>, Error> {
    let mut headers = request.headers.get_all(AUTHORIZATION).iter();
    let (Some(header), another) = (headers.next(), headers.next()) else { return Ok(None) };
    let header = header.to_str().ok().filter(|_| another.is_none());
    let credential = header.and_then(Credential::from_authorization);
    credential.map(Some).ok_or(Error::Login(LoginError::InvalidCredential))
}

/// Returns the token of a request if it is no longer valid and the request only reads packages. A client with such a
/// token in its settings may read what anonymous callers may, and nothing else.
fn stale_token(request: &Parts, route: &Route, error: &Error) -> Option<TokenHash> {
    let is_stale =
        matches!(error, Error::Login(LoginError::InvalidCredential | LoginError::TokenExpired { .. }));
    match credential_of(request) {
        Ok(Some(Credential::Bearer(token))) if is_stale && route.reads_packages() => {
            Some(TokenHash::of(&token))
        }
        _ => None,
    }
}

/// Returns the caller of a request, before its credential is looked at.
fn anonymous_caller(request: &Parts) -> Caller {
    let origin = RequestOrigin {
        id: request.extensions.get::<RequestId>().map(|id| id.0.clone()),
        client: request.headers.get(USER_AGENT).cloned(),
    };
    let address = request.extensions.get::<ClientAddress>().map(|address| address.0);
    Caller { address, origin, ..Caller::default() }
}

#[cfg(not(feature = "web"))]
fn is_browser(_: &Parts) -> bool {
    false
}

/// Returns what a request does, in the words of a user who confirms it.
fn action_of(request: &Parts, route: &Route) -> String {
    let path = || format!("{} {}", request.method, loggable_path(request.uri.path()));
    route.phrase().unwrap_or_else(path)
}

impl Call<'_> {
    /// Says what the request does, where its body says more of that than its path. A second factor shown in the browser
    /// counts for exactly this text, and for the body that was read as JSON.
    pub(super) fn confirm(&mut self, action: String) {
        self.confirm_with(action, self.sent.clone());
    }

    /// Says what the request does, and what else must be the same in a request that was confirmed. Clients send a request
    /// again with the second factor.
    pub(super) fn confirm_with(&mut self, action: String, content: impl Into<Vec<u8>>) {
        let action = Arc::new(RequestedAction::new(action, content));
        *self.action = Some(Arc::clone(&action));
        self.caller.action = Some(action);
    }

    /// Returns the registry's URL as this client reaches it.
    pub(super) fn base_url(&self) -> Arc<str> {
        self.rendered_base().url
    }

    /// Returns the URL that this client reaches, and the URL that its documents are rendered with.
    pub(super) fn rendered_base(&self) -> RenderedBase {
        base_url(self.registry, self.request, self.host, self.under_prefix)
    }

    /// Returns the value of a request header, if it is text.
    pub(super) fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    /// Parses a small body as JSON.
    pub(super) async fn json<T: serde::de::DeserializeOwned>(&mut self) -> Result<T, Error> {
        let body = self.body.read(self.registry.parts.http.limits.other_body_bytes).await?;
        self.sent = Sha256::digest(&body).to_vec();
        if let Some(action) = self.caller.action.take() {
            self.confirm(action.text().to_owned());
        }
        crate::domain::strict_json::check_strict_json(&body)
            .map_err(|error| Error::request(format!("the request's body is not valid JSON: {error}")))?;
        serde_json::from_slice(&body).map_err(|error| {
            Error::request(format!(
                "the request's body does not have the format that this route expects: {error}"
            ))
        })
    }
}
