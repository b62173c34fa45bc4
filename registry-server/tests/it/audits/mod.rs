//! Audits of real clients through the server, in front of an upstream that knows of a vulnerability.

mod signatures;
mod vulnerabilities;

use std::path::Path;

use registry_testkit::clients::{Npm, package};
use registry_testkit::conformance::{ServedPackage, ServedPackages, ServedVersion};
use registry_testkit::fake_upstream::FakeUpstream;
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::tarball::Tarball;
use tempfile::TempDir;

use crate::support::{publish, sign_up};

/// A server that hosts `@ours/web`, in front of an upstream that has `pear` 1.0.0.
struct Front {
    upstream: FakeUpstream,
    server: ServerProcess,
    token: String,
    storage: TempDir,
}

impl Front {
    fn storage(&self) -> &Path {
        self.storage.path()
    }

    async fn start() -> Self {
        let upstream = FakeUpstream::start(pear()).await;
        let storage = TempDir::with_prefix("audits-").unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let server = ServerProcess::start(binary, &["--upstream", upstream.base_url()], storage.path()).await;
        let token = host(&server).await;
        Self { upstream, server, token, storage }
    }
}

/// Publishes `@ours/web`, and returns the token of who did.
async fn host(server: &ServerProcess) -> String {
    let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
    let ana = Npm::with_token(server.base_url(), &token).await;
    publish(&ana, &package("@ours/web", "1.0.0")).await;
    token
}

fn pear() -> ServedPackages {
    let tarball = Tarball::new("pear", "1.0.0").file("index.js", b"module.exports = 'pear';\n").pack();
    let versions = vec![ServedVersion { version: "1.0.0".parse().unwrap(), tarball: tarball.into() }];
    ServedPackages(vec![ServedPackage { name: "pear".parse().unwrap(), versions }])
}
