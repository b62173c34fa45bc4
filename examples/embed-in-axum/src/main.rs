//! Listens on 127.0.0.1, at the port given as the first argument.

use std::path::Path;

use anyhow::Context as _;
use tokio::net::TcpListener;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "where it listens is what its user wants to know")]
async fn main() -> anyhow::Result<()> {
    let port = std::env::args().nth(1).context("say at which port to listen: embed-in-axum PORT")?;
    let port: u16 =
        port.parse().with_context(|| format!("`{port}` is not a port: write a number such as 8080"))?;
    let registry = embed_in_axum::registry(Path::new("registry-data"))?;
    // So that an empty folder that takes its place later is not taken for it.
    registry.open().await?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await.context("cannot listen")?;
    println!("the registry is at http://{}/npm/", listener.local_addr()?);
    embed_in_axum::serve(listener, registry).await.context("cannot serve")
}
