use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as it came: still compressed, if it was asked for compressed.
    pub body: Bytes,
}

impl TestResponse {
    /// A header's value, or nothing if it is absent or no text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// If it is none, showing it.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is no JSON: {error}\n{}", self.text()))
    }

    /// The text under `error`, which every refusal must have.
    ///
    /// # Panics
    ///
    /// If there is none, showing the body.
    #[track_caller]
    pub fn error(&self) -> String {
        let body = self.json();
        let text = body["error"].as_str();
        text.unwrap_or_else(|| panic!("the body has no `error`: {body}")).to_owned()
    }

    /// Itself, if this is its status.
    ///
    /// # Panics
    ///
    /// If it is another, showing the body.
    #[track_caller]
    #[must_use = "look at the answer, or bind it to `_`"]
    pub fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }
}
