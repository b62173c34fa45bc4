use chrono::{DateTime, Utc};
use serde_json::json;

use crate::fake_upstream::FakeAnswer;

/// What GitHub says to a token that is none, or not any more.
pub fn bad_credentials() -> FakeAnswer {
    FakeAnswer::status(401).body(json!({ "message": "Bad credentials", "status": "401" }).to_string())
}

/// What GitHub says to whom has asked too often within the hour, until it begins anew.
pub fn used_up_limit(reset: DateTime<Utc>) -> FakeAnswer {
    FakeAnswer::status(403)
        .body(json!({ "message": "API rate limit exceeded for user ID 1.", "status": "403" }).to_string())
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "0")
        .header("x-ratelimit-reset", &reset.timestamp().to_string())
}

/// What GitHub says to whom asks too fast.
pub fn secondary_limit(retry_after_seconds: u32) -> FakeAnswer {
    let message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
    FakeAnswer::status(429)
        .body(json!({ "message": message }).to_string())
        .header("retry-after", &retry_after_seconds.to_string())
}
