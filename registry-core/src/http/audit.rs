use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::header::CONTENT_ENCODING;
use http::{Response, StatusCode};
use serde_json::json;

use crate::Error;
use crate::audit::{AuditTree, AuditedPackages};
use crate::concurrency::compute_elsewhere;
use crate::domain::shorten::shorten;
use crate::domain::strict_json::check_strict_json;
use crate::error::RequestError;

use super::answer::{json_bytes, json_response};
use super::body::Body;
use super::handle::Call;
use super::route::AuditRoute;
use super::status::Failure;

impl Call<'_> {
    pub(super) async fn audit(mut self, route: AuditRoute) -> Result<Response<Body>, Failure> {
        let json = match route {
            AuditRoute::Advisories => {
                let packages = self.read_audit(AuditedPackages::from_bulk).await?;
                let advisories = self.registry.advisories(&self.caller, &packages).await?;
                return Ok(json_response(StatusCode::OK, &json!(advisories)));
            }
            AuditRoute::Report => {
                let tree = self.read_audit(AuditTree::parse).await?;
                let report = self.registry.audit_report(&self.caller, tree).await?;
                return Ok(json_response(StatusCode::OK, &report));
            }
            AuditRoute::Keys => self.registry.signing_keys().await?,
            AuditRoute::Attestations { name, version } => {
                self.registry.attestations(&self.caller, &name, &version).await?.into()
            }
        };
        Ok(json_bytes(StatusCode::OK, json))
    }

    /// Reads the packages to audit. Some clients compress the body, so it is decompressed and parsed on a blocking
    /// thread.
    async fn read_audit<T: Send + 'static>(
        &mut self,
        read: impl FnOnce(&[u8]) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let limit = self.registry.parts.http.limits.other_body_bytes;
        let encoding = self.header(CONTENT_ENCODING).unwrap_or("identity").trim().to_ascii_lowercase();
        let body = self.body.read(limit).await?;
        compute_elsewhere(move || {
            let json = inflate(&encoding, body, limit)?;
            check_strict_json(&json)
                .map_err(|error| Error::request(format!("the request's body is not valid JSON: {error}")))?;
            read(&json)
        })
        .await?
    }
}

fn inflate(encoding: &str, body: Bytes, limit: usize) -> Result<Bytes, Error> {
    match encoding {
        "" | "identity" => return Ok(body),
        "gzip" | "x-gzip" => {}
        other => {
            let other = shorten(other);
            return Err(Error::request(format!(
                "the request's body is encoded as {other:?}: send it with gzip or as it is"
            )));
        }
    }
    let mut inflated = Vec::new();
    let most = (limit as u64).saturating_add(1);
    let length = MultiGzDecoder::new(&*body)
        .take(most)
        .read_to_end(&mut inflated)
        .map_err(|_| Error::request("the request's body is declared as gzip, but is not"))?;
    if length > limit { Err(Error::Request(RequestError::TooLarge { limit })) } else { Ok(inflated.into()) }
}
