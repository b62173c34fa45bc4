//! Provenance with real clients, against a Sigstore of test keys on this machine. npm asks a TUF repository for what it trusts, which is
//! on this machine, too.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use registry_core::upstream::PackumentForm;
use registry_testkit::clients::{Client, CommandOutput, PNPM, PinnedClient, package};
use registry_testkit::conformance::{ServedPackage, ServedPackages, ServedVersion};
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use registry_testkit::tarball::Tarball;
use registry_testkit::test_sigstore::{Build, TestSigstore, TestTuf};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{sign_up, with_each_npm};

const KEY_ID: &str = "SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// A registry that trusts a Sigstore, in front of an upstream that has and signs `pear` 1.0.0, with its provenance.
struct Ground {
    sigstore: TestSigstore,
    tuf: TestTuf,
    server: ServerProcess,
    token: String,
    folder: TempDir,
    _upstream: FakeUpstream,
}

impl Ground {
    async fn new(rules: &str) -> Self {
        let sigstore = TestSigstore::new();
        let tuf = TestTuf::start(&sigstore.trusted_root()).await;
        let upstream = signing_upstream(&sigstore).await;
        let folder = TempDir::with_prefix("provenance-").unwrap();
        let root = folder.path().join("trusted_root.json");
        fs::write(&root, sigstore.trusted_root().to_string()).unwrap();
        let config = format!(
            "[provenance]\ntrusted_root = \"{}\"\n{rules}\n[upstreams.main]\nurl = {:?}\n",
            root.display(),
            upstream.base_url()
        );
        let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
        let storage = folder.path().join("storage");
        let server = ServerProcess::start(binary, &["--config", &config], &storage).await;
        let token = sign_up(&HttpClient::new(server.base_url()), "ana").await;
        Self { sigstore, tuf, server, token, folder, _upstream: upstream }
    }

    /// A client that asks the TUF repository on this machine.
    async fn client(&self, pinned: &PinnedClient) -> Client {
        let client = Client::with_token(pinned, self.server.base_url(), &self.token).await;
        let variables = self.tuf.variables();
        variables.iter().fold(client, |client, (name, value)| client.with_variable(name, value))
    }

    /// A tarball, and the bundle of its build.
    fn built(&self, version: &str, change: impl FnOnce(&mut Build)) -> (PathBuf, PathBuf) {
        let tarball =
            Tarball::new("@acme/web", version).file("index.js", b"module.exports = 'web';\n").pack();
        let mut build = Build::new("@acme/web", version, &tarball);
        change(&mut build);
        let at = |name: &str| self.folder.path().join(format!("{name}-{version}"));
        let (packed, bundle) = (at("web").with_extension("tgz"), at("bundle").with_extension("json"));
        fs::write(&packed, tarball).unwrap();
        fs::write(&bundle, self.sigstore.bundle(&build).to_string()).unwrap();
        (packed, bundle)
    }

    async fn publish(&self, npm: &Client, (tarball, bundle): &(PathBuf, PathBuf)) -> CommandOutput {
        let bundle = format!("--provenance-file={}", bundle.display());
        npm.run(&["publish", &tarball.display().to_string(), &bundle, "--access=public"]).await
    }
}

/// An upstream that has `pear` 1.0.0 with a signature and with provenance of the same Sigstore.
async fn signing_upstream(sigstore: &TestSigstore) -> FakeUpstream {
    let tarball = Tarball::new("pear", "1.0.0").file("index.js", b"module.exports = 'pear';\n").pack();
    let bundle = sigstore.bundle(&Build::new("pear", "1.0.0", &tarball));
    let versions = vec![ServedVersion { version: "1.0.0".parse().unwrap(), tarball: tarball.into() }];
    let pear = ServedPackage { name: "pear".parse().unwrap(), versions };
    let upstream = FakeUpstream::start(ServedPackages(vec![pear.clone()])).await;
    let key = KeyPair::generate().unwrap();
    let mut packument = pear.packument(upstream.base_url(), PackumentForm::Full);
    let dist = &mut packument["versions"]["1.0.0"]["dist"];
    let message = format!("pear@1.0.0:{}", dist["integrity"].as_str().unwrap());
    let signature = BASE64_STANDARD.encode(key.sign(message.as_bytes()).unwrap());
    dist["signatures"] = json!([{ "keyid": KEY_ID, "sig": signature }]);
    let kind = "https://slsa.dev/provenance/v1";
    let path = "/-/npm/v1/attestations/pear@1.0.0";
    dist["attestations"] =
        json!({ "url": format!("{}{path}", upstream.base_url()), "provenance": { "predicateType": kind } });
    upstream.answer("/pear", FakeAnswer::usual().body(packument.to_string()));
    let attestations = json!({ "attestations": [{ "predicateType": kind, "bundle": bundle }] });
    upstream.answer(path, FakeAnswer::usual().body(attestations.to_string()));
    let key = json!({
        "expires": null,
        "keyid": KEY_ID,
        "keytype": "ecdsa-sha2-nistp256",
        "scheme": "ecdsa-sha2-nistp256",
        "key": BASE64_STANDARD.encode(key.subject_public_key_info()),
    });
    upstream.answer("/-/npm/v1/keys", FakeAnswer::usual().body(json!({ "keys": [key] }).to_string()));
    upstream
}

with_each_npm!(
    npm_publishes_with_provenance_and_verifies_it,
    npm_verifies_hosted_and_proxied_packages_in_one_run,
    npm_shows_why_provenance_is_refused,
);

async fn npm_publishes_with_provenance_and_verifies_it(pinned: &PinnedClient) {
    let ground = Ground::new("").await;
    let npm = ground.client(pinned).await;
    let built = ground.built("1.0.0", |_| {});
    let _ = ground.publish(&npm, &built).await.assert_success();
    let viewed = npm.run(&["view", "@acme/web@1.0.0", "dist.attestations", "--json"]).await.assert_success();
    let viewed: Value = serde_json::from_str(&viewed.stdout).unwrap();
    // npm 12 shows a list.
    let viewed = viewed.get(0).unwrap_or(&viewed);
    assert_eq!(viewed["provenance"]["predicateType"], "https://slsa.dev/provenance/v1");
    let url = viewed["url"].as_str().unwrap();
    let path = url.strip_prefix(ground.server.base_url()).unwrap();
    let served: Value =
        serde_json::from_slice(&HttpClient::new(ground.server.base_url()).get(path).send().await.body)
            .unwrap();
    let bundle: Value = serde_json::from_slice(&fs::read(&built.1).unwrap()).unwrap();
    assert_eq!(served["attestations"][0]["bundle"], bundle);
}

/// What npm says of two packages with signatures and provenance, and after one byte of each was changed.
async fn npm_verifies_hosted_and_proxied_packages_in_one_run(pinned: &PinnedClient) {
    let ground = Ground::new("").await;
    let npm = ground.client(pinned).await;
    let _ = ground.publish(&npm, &ground.built("1.0.0", |_| {})).await.assert_success();
    let app = package("app", "1.0.0").dependency("pear", "^1.0.0").dependency("@acme/web", "^1.0.0");
    let folder = npm.home().project(&app);
    let _ = npm.run_in(&folder, &["install"]).await.assert_success();
    let audited = npm.run_in(&folder, &["audit", "signatures"]).await.assert_success();
    let _ = audited
        .assert_printed("audited 2 packages")
        .assert_printed("2 packages have verified registry signatures")
        .assert_printed("2 packages have verified attestations");

    let index = ground.folder.path().join("storage/objects/@acme/web/index.json");
    let stored = fs::read_to_string(&index).unwrap();
    let packument: Value = serde_json::from_str(&stored).unwrap();
    let dist = &packument["versions"]["1.0.0"]["dist"];
    for (what, field) in [("signature", &dist["signatures"][0]["sig"]), ("digest", &dist["integrity"])] {
        let field = field.as_str().unwrap();
        let at = field.len() - 10;
        let other = if field[at..].starts_with('A') { "B" } else { "A" };
        let changed = format!("{}{other}{}", &field[..at], &field[at + 1..]);
        fs::write(&index, stored.replace(field, &changed)).unwrap();
        let audited = npm.run_in(&folder, &["audit", "signatures"]).await;
        assert!(!audited.status.success(), "a changed {what} was verified:\n{audited}");
        fs::write(&index, &stored).unwrap();
    }
    let _ = npm.run_in(&folder, &["audit", "signatures"]).await.assert_success();
}

async fn npm_shows_why_provenance_is_refused(pinned: &PinnedClient) {
    let rules =
        "[[provenance.require]]\nmatch = \"@acme/*\"\nrepository = \"acme/pear\"\nrefs = [\"refs/tags/*\"]";
    let ground = Ground::new(rules).await;
    let npm = ground.client(pinned).await;
    let built = ground.built("1.0.0", |_| {});
    let tarball = built.0.display().to_string();
    let without = npm.run(&["publish", &tarball, "--access=public"]).await.assert_failure();
    let _ =
        without.assert_printed("@acme/web is only published with provenance").assert_printed("refs/tags/*");
    let of_branch = ground.publish(&npm, &built).await.assert_failure();
    let _ = of_branch.assert_printed("whose ref is refs/heads/main");
    let tagged = ground.built("1.0.1", |build| build.git_ref = "refs/tags/v1.0.1".into());
    let _ = ground.publish(&npm, &tagged).await.assert_success();
}

/// pnpm refuses a version with less evidence than one before it.
#[tokio::test]
async fn pnpm_refuses_a_version_whose_trust_drops() {
    let ground = Ground::new("").await;
    let npm = ground.client(&registry_testkit::clients::NPM).await;
    let _ = ground.publish(&npm, &ground.built("1.0.0", |_| {})).await.assert_success();
    let pnpm = ground.client(&PNPM).await;
    let app = |range: &str| package("app", "1.0.0").dependency("@acme/web", range);
    let settings = "trustPolicy: no-downgrade\n";
    let folder = pnpm.home().project(&app("1.0.0"));
    fs::write(folder.join("pnpm-workspace.yaml"), settings).unwrap();
    let _ = pnpm.run_in(&folder, &["install"]).await.assert_success();

    let (without, _) = ground.built("1.1.0", |_| {});
    let _ = npm.run(&["publish", &without.display().to_string(), "--access=public"]).await.assert_success();
    let folder = pnpm.home().project(&app("1.1.0"));
    fs::write(folder.join("pnpm-workspace.yaml"), settings).unwrap();
    let refused = pnpm.run_in(&folder, &["install"]).await.assert_failure();
    let _ = refused.assert_printed("trust downgrade");
}
