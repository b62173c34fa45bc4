use http::header::{ACCEPT, AUTHORIZATION, VIA};
use reqwest::{RequestBuilder, StatusCode};
use tokio::time::{Instant, timeout, timeout_at};

use super::HttpUpstream;
use super::breaker::Probe;

impl HttpUpstream {
    /// Asks the upstream for `/-/ping`, and lets the answer decide whether requests pause. Any status will do that is not of a
    /// server in trouble: some registries have no such path.
    ///
    /// Returns at `deadline` at the latest. The probe goes on even then, and if the caller is dropped: a client that hangs up
    /// decides nothing.
    pub(super) async fn probe(&self, probe: Probe, deadline: Instant) {
        let request = self.ping();
        let most = self.settings.connect_timeout.saturating_add(self.settings.first_byte_timeout);
        let (upstream, pause) = (self.to_string(), self.settings.pause);
        let asked = tokio::spawn(async move {
            let answer = timeout(most, request.send()).await;
            if matches!(&answer, Ok(Ok(response)) if !is_trouble(response.status())) {
                probe.answered();
            } else {
                tracing::warn!(upstream, ?pause, "pausing requests to an upstream that failed repeatedly");
                probe.failed();
            }
        });
        // Whatever becomes of it, the caller has its own error.
        let _ = timeout_at(deadline, asked).await;
    }

    fn ping(&self) -> RequestBuilder {
        let mut request = self.client.get(self.endpoint("/-/ping")).header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(via) = self.via.get() {
            request = request.header(VIA, via.clone());
        }
        request
    }
}

/// Whether a status tells of the server and not of what it was asked.
fn is_trouble(status: StatusCode) -> bool {
    let is_of_the_request = [StatusCode::NOT_IMPLEMENTED, StatusCode::LOOP_DETECTED].contains(&status);
    let asks_to_wait = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
    asks_to_wait || (status.is_server_error() && !is_of_the_request)
}
