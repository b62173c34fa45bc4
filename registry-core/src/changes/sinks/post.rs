use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, StatusCode};
use reqwest::Client;
use serde::Deserialize;
use serde_json::value::RawValue;
use url::Url;

use crate::changes::{ChangeRefused, DeliveredChange};
use crate::outbound::{NoClient, Outbound};
use crate::vocabulary::BoxError;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How many packages are told of at the same time.
const CONCURRENCY: usize = 8;

/// Why a sink over HTTP cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SinkError {
    /// The process has installed no default `rustls` crypto provider.
    #[error("no TLS provider is installed: install a default `rustls` crypto provider first")]
    TlsProvider,
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be created")]
    Client(#[source] BoxError),
    /// The partition of the topic has no public endpoint.
    #[cfg(feature = "sns")]
    #[error("the endpoint of the topic's region is not known: set `endpoint`")]
    NoEndpoint,
    /// The credentials in the environment are incomplete.
    #[cfg(feature = "sns")]
    #[error(
        "no credentials of AWS can be found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither"
    )]
    Credentials(#[source] BoxError),
}

impl From<NoClient> for SinkError {
    fn from(error: NoClient) -> Self {
        match error {
            NoClient::TlsProvider => Self::TlsProvider,
            NoClient::Certificates(source) | NoClient::Client(source) => Self::Client(source),
        }
    }
}

/// Returns a client for one service.
pub(super) fn client() -> Result<Client, SinkError> {
    let outbound = Outbound {
        extra_root_certificates: &[],
        connect_timeout: CONNECT_TIMEOUT,
        proxy_from_environment: true,
    };
    Ok(outbound.client(|builder| builder.timeout(TIMEOUT))?)
}

/// Whether a receiver refuses what it got, rather than being unable to take anything. A limit of requests and a receiver that
/// did not read in time concern all changes.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

/// Posts JSON. Only an answer with a status from 200 to 299 is an acceptance. Reads no body.
pub(super) async fn post(
    client: &Client,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(), BoxError> {
    let request = client.post(url.clone()).headers(headers).body(body);
    let response = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    let answer = format!("the answer was {status}");
    if status.is_success() {
        Ok(())
    } else if is_refusal(status) {
        Err(ChangeRefused::new(answer).into())
    } else {
        Err(answer.into())
    }
}

/// The part of an event by which it is ordered and filtered.
#[derive(Debug, Deserialize)]
pub(super) struct EventHead {
    #[serde(default)]
    pub(super) package: Option<String>,
    #[serde(default)]
    pub(super) organization: Option<String>,
    pub(super) kind: String,
    pub(super) time: String,
}

impl EventHead {
    pub(super) fn of(event: &RawValue) -> Result<Self, serde_json::Error> {
        serde_json::from_str(event.get())
    }
}

/// Runs `send` for each change: one after the other for changes of one package, at the same time for some packages.
pub(super) async fn in_order_per_package<'a, Sent>(
    changes: &'a [DeliveredChange],
    send: impl Fn(&'a DeliveredChange, EventHead) -> Sent + Send + Sync,
) -> Result<(), BoxError>
where
    Sent: Future<Output = Result<(), BoxError>> + Send,
{
    let mut by_package: BTreeMap<String, Vec<(&DeliveredChange, EventHead)>> = BTreeMap::new();
    for change in changes {
        let head = EventHead::of(&change.event)?;
        let subject = head.package.clone().or_else(|| head.organization.clone()).unwrap_or_default();
        by_package.entry(subject).or_default().push((change, head));
    }
    let send = &send;
    let packages: Vec<_> = by_package
        .into_values()
        .map(|changes| async move {
            for (change, head) in changes {
                send(change, head).await?;
            }
            Ok(())
        })
        .collect();
    stream::iter(packages).buffer_unordered(CONCURRENCY).try_collect().await
}
