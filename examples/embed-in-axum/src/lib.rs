//! A private npm registry under `/npm` of an axum service that has routes of its own.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).path_prefix("/npm").build();
//! let router = embed_in_axum::router(registry);
//! assert!(router.has_routes());
//! ```

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use axum::routing::{any, get};
use registry_core::Registry;
use registry_core::auth::LocalAccounts;
use registry_core::clock::SystemClock;
use registry_core::http::ClientAddress;
use registry_core::randomness::SystemRandomness;
use registry_core::storage::{BlobStore, LocalDisk, LocalDiskError};
use tokio::net::TcpListener;

/// A registry that keeps everything in `folder`, with accounts made by `npm adduser`.
///
/// The path prefix must be the path it is mounted at: tarball URLs are made with it.
pub fn registry(folder: &Path) -> Result<Registry, LocalDiskError> {
    let store: Arc<dyn BlobStore> = Arc::new(LocalDisk::open(folder)?);
    let accounts = LocalAccounts::new(Arc::clone(&store), Arc::new(SystemClock), Arc::new(SystemRandomness));
    let builder = Registry::builder(store).auth_provider(Arc::new(accounts)).path_prefix("/npm");
    // Without this, or rules of your own in `access`, the registry lets no caller do anything.
    Ok(builder.open_to_everyone().build())
}

/// A route of the service's own, and the registry.
///
/// The registry is a handler and not `nest`ed: it reads the path as it came over the wire, prefix included, since
/// `/npm/@acme%2fpear` and `/npm/@acme/pear` are one package and a router takes them for two paths.
pub fn router(registry: Registry) -> Router {
    Router::new()
        .route("/", get(async || "the service itself"))
        .route("/npm", any(npm))
        .route("/npm/", any(npm))
        .route("/npm/{*path}", any(npm))
        .with_state(registry)
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, registry: Registry) -> io::Result<()> {
    axum::serve(listener, router(registry).into_make_service_with_connect_info::<SocketAddr>()).await
}

async fn npm(
    State(registry): State<Registry>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    // Behind a proxy that sets `X-Forwarded-Host` and `X-Forwarded-Proto`, also insert `TrustedProxy`: without it the
    // registry ignores them.
    request.extensions_mut().insert(ClientAddress(client.ip()));
    registry.handle(request).await.map(Body::new)
}
