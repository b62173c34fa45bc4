//! Fills a folder with packages as publishes leave them, to see how the commands for operators do on a large storage.
//!
//! ```sh
//! cargo run --release -p registry-testkit --example fill -- --folder /tmp/large --packages 20000 --versions 5
//! target/release/registry-server stats --storage file:/tmp/large
//! target/release/registry-server verify --storage file:/tmp/large
//! ```

#![expect(clippy::print_stdout, reason = "it is for people to read")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bytes::Bytes;
use clap::Parser;
use registry_core::error::BoxError;
use registry_core::storage::LocalDisk;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;

/// The name in what is copied for each package. As long as the names that take its place.
const SAMPLE: &str = "pear-00000000";

/// Writes packages into the folder of a storage.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder, which must not exist.
    #[arg(long)]
    folder: PathBuf,
    /// How many packages.
    #[arg(long, default_value_t = 20_000)]
    packages: u32,
    /// How many versions of each.
    #[arg(long, default_value_t = 5)]
    versions: u32,
    /// The size of each tarball in KiB, at least.
    #[arg(long, default_value_t = 4)]
    tarball_kib: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match fill(&Arguments::parse()).await {
        Ok(files) => {
            println!("{files} files");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn fill(arguments: &Arguments) -> Result<u64, BoxError> {
    if arguments.folder.exists() {
        return Err(format!("{} exists: name another folder", arguments.folder.display()).into());
    }
    // Makes the folder that of a storage.
    drop(LocalDisk::open(&arguments.folder)?);
    let objects = arguments.folder.join("objects");
    let mut files = 0;
    for (path, bytes) in sample(arguments).await {
        if !path.contains(SAMPLE) {
            write(&objects.join(path), &bytes)?;
            files += 1;
            continue;
        }
        // The tarballs keep the name of the sample inside: their digests are in the packument.
        let is_text = !path.contains("/-/");
        for number in 0..arguments.packages {
            let name = format!("pear-{number:08}");
            let path = objects.join(path.replace(SAMPLE, &name));
            if is_text {
                write(&path, String::from_utf8_lossy(&bytes).replace(SAMPLE, &name).as_bytes())?;
            } else {
                write(&path, &bytes)?;
            }
            files += 1;
        }
    }
    Ok(files)
}

/// The objects of a registry with one package.
async fn sample(arguments: &Arguments) -> BTreeMap<String, Bytes> {
    let registry = TestRegistry::new().await;
    let ana = registry.ana();
    for version in 0..arguments.versions {
        let content = incompressible(arguments.tarball_kib << 10, version);
        let document = PublishDocument::new(SAMPLE, &format!("1.0.{version}")).file("data.bin", &content);
        let _ = ana.publish(&document).await.assert_status(201);
    }
    registry.stored().await
}

/// A sequence that gzip cannot shorten, another for each seed.
fn incompressible(length: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed) + 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), BoxError> {
    let folder = path.parent().ok_or("a path of a storage has a folder")?;
    fs::create_dir_all(folder)?;
    Ok(fs::write(path, bytes)?)
}
