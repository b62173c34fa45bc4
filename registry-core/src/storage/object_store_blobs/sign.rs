use std::sync::Arc;
use std::time::Duration;

use object_store::Error;
use object_store::path::Path;
use object_store::signer::{Method, SignedUrlOptions as SignerOptions, Signer};
use url::Url;

use super::ObjectStoreBlobs;
use crate::storage::SignedUrlOptions;

impl ObjectStoreBlobs {
    /// Enables signed URLs: the cloud stores of `object_store` are signers themselves.
    #[must_use]
    pub fn with_signer(self, signer: Arc<dyn Signer>) -> Self {
        Self { signer: Some(signer), ..self }
    }
}

pub(super) async fn url(
    signer: &dyn Signer,
    location: &Path,
    expires: Duration,
    options: SignedUrlOptions,
) -> Result<Url, Error> {
    let query =
        [("response-content-type", options.content_type), ("response-cache-control", options.cache_control)];
    let wanted = SignerOptions::new()
        .with_query(query.into_iter().filter_map(|(name, value)| value.map(|value| (name, value))));
    match signer.signed_url_opts(Method::GET, location, expires, &wanted).await {
        // Azure does not sign these headers; they are optional.
        Err(Error::NotSupported { .. }) => signer.signed_url(Method::GET, location, expires).await,
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;

    use super::*;
    use crate::storage::{BlobPath, BlobPrefix, BlobStore};

    /// A signer whose URLs show its arguments.
    #[derive(Debug)]
    struct Plain {
        wishes: bool,
    }

    #[async_trait]
    impl Signer for Plain {
        async fn signed_url(
            &self,
            method: Method,
            path: &Path,
            expires: Duration,
        ) -> object_store::Result<Url> {
            let url = format!("https://bucket.example/{path}?{method}&{}", expires.as_secs());
            Ok(Url::parse(&url).unwrap())
        }

        async fn signed_url_opts(
            &self,
            method: Method,
            path: &Path,
            expires: Duration,
            options: &SignerOptions,
        ) -> object_store::Result<Url> {
            if !self.wishes {
                return Err(Error::NotSupported { source: "no wishes".into() });
            }
            let mut url = self.signed_url(method, path, expires).await?;
            url.query_pairs_mut().extend_pairs(&options.extra_query);
            Ok(url)
        }
    }

    async fn signed(wishes: bool) -> String {
        let store = ObjectStoreBlobs::in_memory()
            .with_prefix(BlobPrefix::folder(BlobPath::parse("team").unwrap()))
            .with_signer(Arc::new(Plain { wishes }));
        let content_type = Some("application/octet-stream".to_owned());
        let options = SignedUrlOptions { content_type, ..Default::default() };
        let path = BlobPath::parse("a.tgz").unwrap();
        store.signed_url(&path, Duration::from_mins(1), options).await.unwrap().unwrap().to_string()
    }

    #[tokio::test]
    async fn the_prefix_and_the_wishes_are_signed() {
        let url = "https://bucket.example/team/a.tgz?GET&60&response-content-type=application%2Foctet-stream";
        assert_eq!(signed(true).await, url);
    }

    #[tokio::test]
    async fn a_signer_that_takes_no_wishes_signs_without() {
        assert_eq!(signed(false).await, "https://bucket.example/team/a.tgz?GET&60");
    }
}
