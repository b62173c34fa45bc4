use std::time::Duration;

use bytes::BytesMut;
use futures::StreamExt as _;
use http::StatusCode;
use http::header::ACCEPT;
use reqwest::{Client, RequestBuilder};
use serde::de::DeserializeOwned;
use url::Url;

use super::{IssuerSettings, OpenIdError};
use crate::outbound::{NoClient, Outbound};
use crate::vocabulary::BoxError;

/// The longest document of an issuer, in bytes.
const LONGEST: usize = 1 << 20;

/// Sends requests to an issuer, within limits of size and time. Errors contain no secret: for an invalid answer they
/// give only the position.
#[derive(Debug)]
pub(super) struct Fetch {
    client: Client,
    timeout: Duration,
}

/// A status and the JSON body.
pub(super) struct Answer<Body> {
    pub(super) status: StatusCode,
    pub(super) body: Body,
}

impl Fetch {
    pub(super) fn new(settings: &IssuerSettings) -> Result<Self, OpenIdError> {
        let outbound = Outbound {
            extra_root_certificates: &settings.extra_root_certificates,
            connect_timeout: settings.connect_timeout,
            proxy_from_environment: settings.proxy_from_environment,
        };
        let client = outbound.client(|builder| builder).map_err(|reason| match reason {
            NoClient::TlsProvider => OpenIdError::NoTlsProvider,
            NoClient::Certificates(source) => OpenIdError::Certificates(source),
            NoClient::Client(source) => OpenIdError::Client(source),
        })?;
        Ok(Self { client, timeout: settings.request_timeout })
    }

    /// Fetches a required document.
    pub(super) async fn get<Body: DeserializeOwned>(&self, url: &Url) -> Result<Body, BoxError> {
        let answer = self.ask(self.client.get(url.clone())).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("{} answered with status {}", url.path(), answer.status.as_u16()).into());
        }
        Ok(answer.body)
    }

    /// Posts a form and returns the answer.
    pub(super) async fn post_form<Body: DeserializeOwned>(
        &self,
        url: &Url,
        form: String,
        credentials: Option<(&str, &str)>,
    ) -> Result<Answer<Body>, BoxError> {
        let mut request = self
            .client
            .post(url.clone())
            .header(http::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        if let Some((name, secret)) = credentials {
            request = request.basic_auth(name, Some(secret));
        }
        self.ask(request).await
    }

    async fn ask<Body: DeserializeOwned>(&self, request: RequestBuilder) -> Result<Answer<Body>, BoxError> {
        let whole = async {
            let response = request
                .header(ACCEPT, "application/json")
                .send()
                .await
                .map_err(|error| BoxError::from(error.without_url()))?;
            let status = response.status();
            let mut body = BytesMut::new();
            let mut chunks = response.bytes_stream();
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(|error| BoxError::from(error.without_url()))?;
                if body.len() + chunk.len() > LONGEST {
                    return Err(BoxError::from(format!("its answer is longer than {LONGEST} bytes")));
                }
                body.extend_from_slice(&chunk);
            }
            let body = serde_json::from_slice(&body).map_err(|error| {
                let (status, line, column) = (status.as_u16(), error.line(), error.column());
                format!("its answer of status {status} cannot be parsed at line {line}, column {column}")
            })?;
            Ok(Answer { status, body })
        };
        let in_time = tokio::time::timeout(self.timeout, whole).await;
        in_time.map_err(|_| {
            BoxError::from(format!("no whole answer came within {} ms", self.timeout.as_millis()))
        })?
    }
}
