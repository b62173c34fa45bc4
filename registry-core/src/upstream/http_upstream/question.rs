use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Response, StatusCode};
use url::Url;

use super::HttpUpstream;
use super::failure::Failed;
use crate::upstream::{PackumentForm, Validators};

/// What npm sends for the abbreviated form. Registries that do not have it send the full one.
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A question to the upstream, which may be asked more than once.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) url: Url,
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Question {
    /// For a document, which may come compressed.
    pub(super) fn document(url: Url) -> Self {
        Self::new(url, "application/json", "gzip")
    }

    /// For a tarball, byte for byte.
    pub(super) fn tarball(url: Url) -> Self {
        Self::new(url, "*/*", "identity")
    }

    fn new(url: Url, accept: &'static str, encoding: &'static str) -> Self {
        let headers = [(ACCEPT, accept), (ACCEPT_ENCODING, encoding)];
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Self { url, headers: headers.into_iter().collect(), body: None }
    }

    /// In this form, and only if the document is not the one that is known.
    pub(super) fn of_packument(mut self, form: PackumentForm, known: &Validators) -> Self {
        if form == PackumentForm::Abbreviated {
            self.headers.insert(ACCEPT, HeaderValue::from_static(ABBREVIATED));
        }
        self.insert(IF_NONE_MATCH, known.etag.as_deref());
        self.insert(IF_MODIFIED_SINCE, known.last_modified.as_deref());
        self
    }

    /// With JSON to answer to.
    pub(super) fn posting(mut self, body: Bytes) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.body = Some(body);
        self
    }

    fn insert(&mut self, name: HeaderName, value: Option<&str>) {
        // What no header can carry came from no header, so no upstream would know it.
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            self.headers.insert(name, value);
        }
    }

    /// Whether an answer may depend on what the asker knows already.
    pub(super) fn is_conditional(&self) -> bool {
        self.headers.contains_key(IF_NONE_MATCH) || self.headers.contains_key(IF_MODIFIED_SINCE)
    }

    /// Whether it may be asked again although the upstream may have read it.
    pub(super) fn is_repeatable(&self) -> bool {
        self.body.is_none()
    }
}

impl HttpUpstream {
    /// Asks once and follows redirects. The credential goes along until the first step away from the
    /// configured scheme, host and port, and never comes back: who redirects here may not speak in our name.
    pub(super) async fn send(&self, question: &Question) -> Result<Response, Failed> {
        let mut url = question.url.clone();
        let mut is_home = true;
        for hop in 0..=self.settings.redirects {
            is_home &= self.is_home(&url);
            let mut request = match &question.body {
                None => self.client.get(url.clone()),
                Some(body) => self.client.post(url.clone()).body(body.clone()),
            };
            request = request.headers(question.headers.clone());
            if let Some(authorization) = self.authorization.as_ref().filter(|_| is_home) {
                request = request.header(AUTHORIZATION, authorization.clone());
            }
            let response = request.send().await.map_err(|error| Failed::no_response(error, hop == 0))?;
            match redirected(&response, &url, question.body.is_some()) {
                Ok(None) => return Ok(response),
                Ok(Some(next)) => url = next,
                Err(reason) => return Err(self.unusable(reason).into()),
            }
        }
        Err(self.unusable(format!("it redirects more than {} times", self.settings.redirects)).into())
    }

    /// Whether a URL is at the scheme, host and port that are configured.
    pub(super) fn is_home(&self, url: &Url) -> bool {
        url.origin() == self.settings.url.origin()
    }
}

/// Where a response sends its reader. Reasons name no URL: signed ones are as good as a password.
fn redirected(response: &Response, from: &Url, has_body: bool) -> Result<Option<Url>, &'static str> {
    match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {}
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER if !has_body => {}
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER => {
            return Err("it redirects a POST in a way that loses what was posted");
        }
        _ => return Ok(None),
    }
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = location.and_then(|location| from.join(location).ok());
    let next = next.and_then(fetchable).ok_or("it redirects to something that is no http or https URL")?;
    if from.scheme() == "https" && next.scheme() == "http" {
        return Err("it redirects from https to http, where anybody could change the answer");
    }
    Ok(Some(next))
}

/// The URL without user name and password, which would be sent as credentials; `None` if it is not for HTTP.
pub(super) fn fetchable(mut url: Url) -> Option<Url> {
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    url.set_fragment(None);
    Some(url)
}
