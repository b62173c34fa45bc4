//! Publishes the tarball given as the first argument into `./registry-data` and prints what became of it.

use std::sync::Arc;

use anyhow::Context as _;
use publish_without_http::{publish, read_back};
use registry_core::Registry;
use registry_core::auth::{Caller, Principal};
use registry_core::storage::LocalDisk;
use registry_core::upstream::PackumentForm;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "what became of the tarball is what its user wants to know")]
async fn main() -> anyhow::Result<()> {
    let path =
        std::env::args().nth(1).context("say which tarball to publish: publish-without-http TARBALL")?;
    let tarball = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;

    let registry = Registry::builder(Arc::new(LocalDisk::open("registry-data")?)).open_to_everyone().build();
    registry.open().await?;
    let caller = Caller::from(Principal::user("release-robot"));
    let published = publish(&registry, &caller, tarball.into()).await?;
    println!("published {}@{} ({})", published.name, published.version, published.integrity);

    let tarball = read_back(&registry, &caller, &published).await?;
    println!("read back {} bytes with that digest", tarball.len());

    let base = Arc::from("https://npm.example.com");
    let packument = registry.packument(&caller, &published.name, PackumentForm::Full, &base).await?;
    println!("{}", String::from_utf8_lossy(&packument.identity));
    Ok(())
}
