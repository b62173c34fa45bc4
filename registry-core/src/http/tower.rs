use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use tower_service::Service;

use super::body::Body;
use crate::Registry;
use crate::error::BoxError;

/// Answers as [`Registry::handle`] does: always ready, and without an error. A router that removes the path at which it
/// mounts the registry needs [`RegistryBuilder::mounted_at`](crate::RegistryBuilder::mounted_at).
///
/// ```
/// use std::sync::Arc;
/// use registry_core::{Body, Registry, storage::ObjectStoreBlobs};
/// use tower_service::Service as _;
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let mut registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).build();
/// let request = http::Request::get("/-/ping").body(Body::empty()).unwrap();
/// assert_eq!(registry.call(request).await.unwrap().status(), 200);
/// # });
/// ```
impl<B> Service<Request<B>> for Registry
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let registry = self.clone();
        Box::pin(async move { Ok(registry.handle(request).await) })
    }
}
