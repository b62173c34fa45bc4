//! A private npm registry under `/npm` of an axum service that has routes of its own.
//!
//! ```
//! use std::sync::Arc;
//! use registry_core::{Registry, storage::ObjectStoreBlobs};
//! let registry = Registry::builder(Arc::new(ObjectStoreBlobs::in_memory())).mounted_at("/npm").build();
//! let router = embed_in_axum::router(registry);
//! assert!(router.has_routes());
//! ```

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use axum::routing::get;
use registry_core::Registry;
use registry_core::http::ClientAddress;
use registry_core::storage::{LocalDisk, LocalDiskError};
use tokio::net::TcpListener;

/// A registry that keeps everything in `folder`, with accounts made by `npm adduser`.
pub fn registry(folder: &Path) -> Result<Registry, LocalDiskError> {
    let builder = Registry::builder(Arc::new(LocalDisk::open(folder)?)).local_accounts().mounted_at("/npm");
    // Without this, or rules of your own in `access`, the registry lets no caller do anything.
    Ok(builder.open_to_everyone().build())
}

/// A route of the service's own, and the registry at the path that `mounted_at` names.
pub fn router(registry: Registry) -> Router {
    Router::new()
        .route("/", get(async || "the service itself"))
        .nest_service("/npm", registry)
        .layer(map_request(with_client_address))
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, registry: Registry) -> io::Result<()> {
    axum::serve(listener, router(registry).into_make_service_with_connect_info::<SocketAddr>()).await
}

/// Tells the registry the address of the client, for limits by address and for tokens that are limited to networks.
///
/// Behind a proxy that sets `X-Forwarded-Host` and `X-Forwarded-Proto`, also insert `TrustedProxy`: without it the
/// registry ignores them.
async fn with_client_address(ConnectInfo(client): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(ClientAddress(client.ip()));
    request
}
