use futures::stream::{FuturesUnordered, StreamExt};
use object_store::{MultipartUpload, PutResult};
use tokio::runtime::Handle;

use crate::storage::BlobError;
use crate::storage::regroup::Regrouped;

/// The size of a part. Stores require at least 5 MiB and accept at most 10,000 parts; this allows for 80 GiB.
pub(super) const PART: usize = 8 * 1024 * 1024;
/// How many parts are uploaded concurrently, which bounds the memory of an upload.
const PARTS_UNDER_WAY: usize = 4;

/// A multipart upload that is aborted unless it completes, also when its future is dropped: the bytes of an abandoned
/// upload are invisible, but are stored and billed.
pub(super) struct Upload(Option<Box<dyn MultipartUpload>>);

/// Why an upload did not complete.
pub(super) enum UploadError {
    /// The stream failed.
    Stream(BlobError),
    /// The store failed.
    Store(object_store::Error),
}

impl Upload {
    pub(super) fn new(upload: Box<dyn MultipartUpload>) -> Self {
        Self(Some(upload))
    }

    /// Sends `first` and the rest of the stream.
    pub(super) async fn send(
        mut self,
        first: bytes::Bytes,
        rest: &mut Regrouped<'_>,
    ) -> Result<PutResult, UploadError> {
        let sent = match &mut self.0 {
            Some(upload) => send_all(upload.as_mut(), first, rest).await,
            None => Err(UploadError::Store(object_store::Error::NotSupported {
                source: "an upload was sent twice".into(),
            })),
        };
        match sent {
            Ok(result) => {
                self.0 = None;
                Ok(result)
            }
            Err(error) => {
                if let Some(mut upload) = self.0.take() {
                    // The first error is reported; the bucket's own rules sweep what an abort leaves.
                    upload.abort().await.ok();
                }
                Err(error)
            }
        }
    }
}

async fn send_all(
    upload: &mut dyn MultipartUpload,
    first: bytes::Bytes,
    rest: &mut Regrouped<'_>,
) -> Result<PutResult, UploadError> {
    let mut under_way = FuturesUnordered::new();
    under_way.push(upload.put_part(first.into()));
    while let Some(part) = rest.next().await.map_err(UploadError::Stream)? {
        if under_way.len() >= PARTS_UNDER_WAY
            && let Some(done) = under_way.next().await
        {
            done.map_err(UploadError::Store)?;
        }
        under_way.push(upload.put_part(part.into()));
    }
    while let Some(done) = under_way.next().await {
        done.map_err(UploadError::Store)?;
    }
    upload.complete().await.map_err(UploadError::Store)
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut upload) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use bytes::Bytes;
    use futures::stream;
    use object_store::{PutPayload, UploadPart};
    use tokio::sync::{Notify, watch};
    use tokio::task::spawn;

    use super::*;
    use crate::storage::{BlobPath, ByteStream};

    /// An upload that accepts all parts and reports its end.
    #[derive(Debug)]
    struct Told {
        end: watch::Sender<&'static str>,
        part_came: Arc<Notify>,
    }

    #[async_trait]
    impl MultipartUpload for Told {
        fn put_part(&mut self, _: PutPayload) -> UploadPart {
            self.part_came.notify_one();
            Box::pin(async { Ok(()) })
        }

        async fn complete(&mut self) -> object_store::Result<PutResult> {
            self.end.send_replace("completed");
            Ok(PutResult {
                e_tag: Some("tag".to_owned()),
                version: None,
                extensions: object_store::Extensions::default(),
            })
        }

        async fn abort(&mut self) -> object_store::Result<()> {
            self.end.send_replace("aborted");
            Ok(())
        }
    }

    /// Returns how an upload of `stream` ends; drops it once a part has arrived if `drops`.
    async fn end_of(stream: ByteStream, drops: bool) -> &'static str {
        let (end, mut ends) = watch::channel("open");
        let part_came = Arc::new(Notify::new());
        let upload = Upload::new(Box::new(Told { end, part_came: Arc::clone(&part_came) }));
        let sending = spawn(async move {
            let path = BlobPath::parse("a").unwrap();
            let mut rest = Regrouped::new(&path, stream, 4);
            upload.send("part".into(), &mut rest).await.is_ok()
        });
        part_came.notified().await;
        if drops {
            sending.abort();
        }
        let end = *ends.wait_for(|end| *end != "open").await.unwrap();
        assert_eq!(sending.await.is_ok_and(|sent| sent), end == "completed");
        end
    }

    #[tokio::test]
    async fn completes_or_is_aborted() {
        let more = || stream::iter([Ok(Bytes::from_static(b"another"))]);
        let error = BlobError::Stream { path: "a".to_owned(), source: "hung up".into() };
        assert_eq!(end_of(more().boxed(), false).await, "completed");
        assert_eq!(end_of(more().chain(stream::iter([Err(error)])).boxed(), false).await, "aborted");
        assert_eq!(end_of(more().chain(stream::pending()).boxed(), true).await, "aborted");
    }
}
