use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::CONTENT_TYPE;
use http::{HeaderName, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::value::RawValue;
use sha2::Sha256;

use crate::Error;
use crate::events::Event;
use crate::outbound::check_public;
use crate::vocabulary::BoxError;

use super::Hooks;
use super::payload::HookPayload;
use super::record::HookRecord;

/// How long an endpoint may take to answer.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

const SIGNATURE: HeaderName = HeaderName::from_static("x-npm-signature");

/// What came of a change that waited for a hook.
pub(super) enum HookOutcome {
    /// The hook gets nothing of it.
    NotForIt,
    /// The endpoint answered.
    Answered(StatusCode),
    /// The endpoint did not answer, or was not asked.
    Failed(BoxError),
}

impl Hooks {
    /// Posts a change as the account may see it now.
    pub(super) async fn attempt(
        &self,
        id: &str,
        record: &HookRecord,
        event: Event,
    ) -> Result<HookOutcome, Error> {
        let base = &self.parts.public_url;
        let seen = self.packages().change_seen_by(&record.account, event, base).await?;
        let Some((event, packument)) = seen else { return Ok(HookOutcome::NotForIt) };
        let packument: Option<&RawValue> = match &packument {
            Some(json) => Some(serde_json::from_slice(json).map_err(Error::internal)?),
            None => None,
        };
        let Some(payload) = HookPayload::new(&record.account, &event, packument) else {
            return Ok(HookOutcome::NotForIt);
        };
        let body = serde_json::to_vec(&payload).map_err(Error::internal)?;
        // The name of the host is resolved within the time, too.
        let posted = tokio::time::timeout(ANSWER_TIMEOUT, self.post(id, record, body)).await;
        let posted = posted
            .unwrap_or_else(|_| Err(format!("no answer within {} seconds", ANSWER_TIMEOUT.as_secs()).into()));
        Ok(posted.map_or_else(HookOutcome::Failed, HookOutcome::Answered))
    }

    async fn post(&self, id: &str, record: &HookRecord, body: Vec<u8>) -> Result<StatusCode, BoxError> {
        let caller = &self.parts.caller;
        if !self.parts.settings.allow_private_addresses {
            check_public(&record.endpoint, &caller.proxies).await?;
        }
        let secret = self.parts.settings.key.open(id, &record.secret).ok_or(
            "its secret was encrypted with another key: restore the key in [hooks], or let the account update the hook",
        )?;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes())?;
        mac.update(&body);
        let signature = format!("sha256={}", const_hex::encode(mac.finalize().into_bytes()));
        let request = caller.client.post(record.endpoint.clone());
        let request =
            request.header(CONTENT_TYPE, "application/json").header(SIGNATURE, signature).body(body);
        Ok(request.send().await.map_err(reqwest::Error::without_url)?.status())
    }
}
