use crate::proxy::Proxy;
use crate::upstream::UpstreamError;

/// Whether an upstream answers.
#[derive(Debug)]
#[non_exhaustive]
pub struct CheckedUpstream {
    /// Its id in access rules.
    pub id: String,
    /// The upstream, as it displays itself.
    pub upstream: String,
    /// What it answered.
    pub answer: Result<(), UpstreamError>,
}

impl Proxy {
    /// Asks every upstream for its signing keys: a request that names no package.
    pub(crate) async fn check_upstreams(&self) -> Vec<CheckedUpstream> {
        let ask = self.parts.upstream.upstreams.iter().map(|named| async {
            let answer = named.upstream.keys().await.map(drop);
            CheckedUpstream { id: named.id.to_string(), upstream: named.upstream.to_string(), answer }
        });
        futures::future::join_all(ask).await
    }
}
