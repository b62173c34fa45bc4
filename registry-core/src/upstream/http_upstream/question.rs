use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, VIA,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{RequestBuilder, Response, StatusCode};
use tokio::time::timeout;
use url::Url;

use super::HttpUpstream;
use super::failure::Failed;
use crate::outbound::check_public;
use crate::upstream::{PackumentForm, Validators};

/// The header that npm sends for the abbreviated form. Registries without that form send the full one.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A request to the upstream, which may be sent more than once.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Question {
    /// A request for a document, which may be compressed.
    pub(super) fn document(url: Url) -> Self {
        Self::new(url, "application/json", "gzip")
    }

    /// A request for a tarball, byte for byte.
    pub(super) fn tarball(url: Url) -> Self {
        Self::new(url, "*/*", "identity")
    }

    fn new(url: Url, accept: &'static str, encoding: &'static str) -> Self {
        let headers = [(ACCEPT, accept), (ACCEPT_ENCODING, encoding)];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self { url, headers: headers.into_iter().collect(), body: None }
    }

    /// Requests this form, and only if the document differs from the known one.
    pub(super) fn of_packument(mut self, form: PackumentForm, known: &Validators) -> Self {
        if form == PackumentForm::Abbreviated {
            self.headers.insert(ACCEPT, HeaderValue::from_static(ABBREVIATED));
        }
        self.insert(IF_NONE_MATCH, known.etag.as_deref());
        self.insert(IF_MODIFIED_SINCE, known.last_modified.as_deref());
        self
    }

    /// Adds a JSON body.
    pub(super) fn posting(mut self, body: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Some(body);
        self
    }

    fn insert(&mut self, name: HeaderName, value: Option<&str>) {
        // A value that is not valid in a header came from no header, so no upstream would recognize it.
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            self.headers.insert(name, value);
        }
    }

    /// Whether the answer may depend on validators.
    pub(super) fn is_conditional(&self) -> bool {
        self.headers.contains_key(IF_NONE_MATCH) || self.headers.contains_key(IF_MODIFIED_SINCE)
    }

    /// Whether the request may be retried although the upstream may have processed it.
    pub(super) fn is_repeatable(&self) -> bool {
        self.body.is_none()
    }
}

/// An answer, and the first host of its redirects that is neither the upstream's own nor allowed.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) response: Response,
    pub(super) elsewhere: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer began within {} ms", .0.as_millis())]
struct NoFirstByte(Duration);

impl HttpUpstream {
    /// Sends the request once and follows redirects. The credential is sent until the first redirect away from the
    /// configured scheme, host and port, and never again: a host that redirects here must not use this registry's
    /// credential.
    pub(super) async fn send(&self, question: &Question) -> Result<Reply, Failed> {
        let mut elsewhere = None;
        let response = self.follow(question, &mut elsewhere).await;
        match (response, elsewhere) {
            (Ok(response), elsewhere) => Ok(Reply { response, elsewhere }),
            (Err(failed), Some(host)) => Err(self.failed_elsewhere(&host, failed)),
            (Err(failed), None) => Err(failed),
        }
    }

    /// Follows redirects, and records the first host that is neither the upstream's own nor allowed. That host chooses
    /// every later one.
    async fn follow(&self, question: &Question, elsewhere: &mut Option<String>) -> Result<Response, Failed> {
        let mut url = question.url.clone();
        let mut is_home = true;
        let mut visited = Vec::new();
        while visited.len() <= self.settings.redirects as usize {
            is_home &= self.is_home(&url);
            let client = if self.is_trusted(&url) {
                &self.client
            } else {
                let host = url.host_str().unwrap_or_default();
                elsewhere.get_or_insert_with(|| host.to_owned());
                check_public(&url, &self.proxies).await.map_err(|reason| self.elsewhere(host, reason))?;
                self.public_client().map_err(|error| self.elsewhere(host, error))?
            };
            let mut request = match &question.body {
                None => client.get(url.clone()),
                Some(body) => client.post(url.clone()).body(body.clone()),
            };
            request = request.headers(question.headers.clone());
            if let Some(authorization) = self.authorization.as_ref().filter(|_| is_home) {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            if let Some(via) = self.via.get().filter(|_| self.is_trusted(&url)) {
                request = request.header(VIA, via.clone());
            }
            if let Some(traces) = self.traces.get().filter(|_| self.is_trusted(&url)) {
                request = request.headers(traces.headers());
            }
            let response = self.begin(request, question, visited.is_empty()).await?;
            match redirected(&response, &url, question.body.is_some()) {
                Ok(None) => return Ok(response),
                Ok(Some(next)) if next == url || visited.contains(&next) => {
                    return Err(self.astray("redirects in a circle").into());
                }
                Ok(Some(next)) => visited.push(std::mem::replace(&mut url, next)),
                Err(reason) => return Err(self.astray(reason).into()),
            }
        }
        Err(self.astray(format!("redirects more than {} times", self.settings.redirects)).into())
    }

    /// Waits for the head of an answer, with a timeout.
    async fn begin(
        &self,
        request: RequestBuilder,
        question: &Question,
        is_first_hop: bool,
    ) -> Result<Response, Failed> {
        let response =
            async { request.send().await.map_err(|error| Failed::no_response(error, is_first_hop)) };
        // A registry takes longer to process a POST than to find a document.
        if question.body.is_some() {
            return response.await;
        }
        let most = self.settings.connect_timeout.saturating_add(self.settings.first_byte_timeout);
        timeout(most, response).await.unwrap_or_else(|_| Err(Failed::hung(NoFirstByte(most))))
    }

    /// Whether a host may be used at any address, and its bytes streamed unverified.
    pub(super) fn is_trusted(&self, url: &Url) -> bool {
        self.is_home(url) || self.allowed.iter().any(|allowed| allowed.is_at(url))
    }

    /// Whether a URL has the configured scheme, host and port.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.settings.url.origin()
    }
}

/// Returns the target of a redirect. Reasons contain no URL: signed ones are as sensitive as a password.
fn redirected(response: &Response, from: &Url, has_body: bool) -> Result<Option<Url>, &'static str> {
    match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {}
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER if !has_body => {}
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            return Err("redirects a POST in a way that loses its body");
        }
        _ => return Ok(None),
    }
    let location = response.headers().get(LOCATION).ok_or("redirects without a Location header")?;
    let next = location.to_str().ok().and_then(|location| from.join(location).ok());
    let next = next.and_then(fetchable).ok_or("redirects to something that is no http or https URL")?;
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err("redirects from https to http, where the answer can be changed on the way");
    }
    Ok(Some(next))
}

/// Returns the URL without user name and password, which would be sent as credentials; `None` if it is not an HTTP URL.
pub(super) fn fetchable(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_fragment(None);
    Some(url)
}
