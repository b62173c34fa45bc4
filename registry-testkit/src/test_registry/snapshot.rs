use std::fmt::Write as _;

use http::HeaderName;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};
use serde_json::{Value, json};

use super::TestRegistry;
use crate::http_client::TestResponse;

/// What says nothing of the one answer that a snapshot is of.
const LEFT_OUT: [HeaderName; 4] =
    [ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LENGTH, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS];
/// What begins the address of a file that pages load.
const ASSETS: &str = "/-/web/assets/";

impl TestRegistry {
    /// An answer and what came with it as one text: status, headers (but for the length, and those that every answer
    /// has), body, the keys in the store, and the events since the last snapshot (but for their time and token, and for what the
    /// access rules said).
    ///
    /// ```
    /// use registry_testkit::TestRegistry;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let registry = TestRegistry::new().await;
    /// let snapshot = registry.snapshot_of(&registry.ana().get("/-/whoami").await).await;
    /// assert!(snapshot.starts_with("200 OK\ncache-control: no-cache\ncontent-type: application/json\n\n{\n"));
    /// assert!(snapshot.ends_with("\n\nevents:\n"));
    /// # });
    /// ```
    pub async fn snapshot_of(&self, response: &TestResponse) -> String {
        let mut snapshot = format!("{}\n", response.status);
        let mut headers: Vec<_> =
            response.headers.iter().filter(|(name, _)| !LEFT_OUT.contains(name)).collect();
        headers.sort_by_key(|(name, _)| name.as_str());
        for (name, value) in headers {
            let value = String::from_utf8_lossy(value.as_bytes());
            // Writing to a string cannot fail.
            let _ = writeln!(snapshot, "{name}: {value}");
        }
        let _ = write!(snapshot, "\n{}\n\nstore:\n", readable(&response.body));
        // Each package has an entry of its spelling, and it never changes: it would be in every snapshot.
        for key in self.keys().await.iter().filter(|key| !key.starts_with("_spellings/")) {
            let _ = writeln!(snapshot, "  {key}");
        }
        snapshot.push_str("\nevents:\n");
        self.registry().flush_events().await;
        for event in self.events().take() {
            let mut event = json!(event);
            if let Value::Object(fields) = &mut event {
                // A token in them would change with every seed; `changes::feed` has tests of it.
                fields.shift_remove("token");
                fields.shift_remove("time");
                fields.shift_remove("access");
            }
            let _ = writeln!(snapshot, "  {event}");
        }
        snapshot
    }
}

/// JSON with indents, other text as it is, and of anything else its length.
fn readable(body: &[u8]) -> String {
    match (serde_json::from_slice::<Value>(body), std::str::from_utf8(body)) {
        (Ok(json), _) => format!("{json:#}"),
        (_, Ok(text)) => without_digests(text),
        (_, Err(_)) => format!("({} bytes)", body.len()),
    }
}

/// A page without the digests of the files that it loads, which change with each of their bytes.
fn without_digests(text: &str) -> String {
    let mut parts = text.split(ASSETS);
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, rest) = part.split_once('-').unwrap_or((part, ""));
        let rest = rest.trim_start_matches(|digit: char| digit.is_ascii_hexdigit());
        let _ = write!(kept, "{ASSETS}{name}-[digest]{rest}");
    }
    kept
}
