use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Deserialize;

use super::policy::Arn;

/// The event is not one for an authorizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizerEventError {
    /// The event does not have the expected JSON format.
    #[error(
        "this authorizer accepts only events of API Gateway: TOKEN and REQUEST, in the formats 1.0 and 2.0"
    )]
    Kind,
    /// The ARN of the request does not have the format of API Gateway.
    #[error("the event names no route such as arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH")]
    Arn,
}

/// The request to decide on.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) arn: Arn,
    /// The whole header, including the scheme.
    pub(super) authorization: Option<String>,
    pub(super) address: Option<IpAddr>,
    pub(super) wants: Wants,
}

/// The expected format of the answer.
#[derive(Debug)]
pub(super) enum Wants {
    /// A policy, regardless of the configuration: REST APIs, and HTTP APIs in format 1.0.
    Policy,
    /// An HTTP API in format 2.0, which accepts both.
    HttpApi,
}

/// The union of all event formats, limited to the fields that are read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    version: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    authorization_token: Option<String>,
    method_arn: Option<String>,
    route_arn: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    request_context: Option<Context>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    identity: Option<From>,
    http: Option<From>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct From {
    source_ip: Option<String>,
}

impl Asked {
    pub(super) fn parse(event: &str) -> Result<Self, AuthorizerEventError> {
        let event: Event = serde_json::from_str(event).map_err(|_| AuthorizerEventError::Kind)?;
        if !matches!(event.kind.as_deref(), Some("TOKEN" | "REQUEST")) {
            return Err(AuthorizerEventError::Kind);
        }
        let arn = event.route_arn.as_deref().or(event.method_arn.as_deref());
        let arn = Arn::parse(arn.unwrap_or_default()).ok_or(AuthorizerEventError::Arn)?;
        let wants = if event.version.as_deref() == Some("2.0") { Wants::HttpApi } else { Wants::Policy };
        let mut headers = event.headers.unwrap_or_default().into_iter();
        let header = headers.find(|(name, _)| name.eq_ignore_ascii_case("authorization"));
        let from = event.request_context.and_then(|context| context.identity.or(context.http));
        Ok(Self {
            authorization: event.authorization_token.or(header.map(|(_, value)| value)),
            address: from.and_then(|from| from.source_ip?.parse().ok()),
            arn,
            wants,
        })
    }
}
