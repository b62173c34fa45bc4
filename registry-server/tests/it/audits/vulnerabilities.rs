use std::path::PathBuf;

use registry_testkit::clients::{
    BUN, Client, CommandOutput, DENO, NPM, NPM_10, PNPM, PinnedClient, YARN_4, package,
};
use registry_testkit::fake_upstream::FakeAnswer;
use serde_json::json;

use super::{Front, host};
use crate::support::{Registry, publish};

const BULK: &str = "/-/npm/v1/security/advisories/bulk";
const TITLE: &str = "Pears rot";

/// How a client audits what it has installed.
#[derive(Clone, Copy)]
struct Auditor {
    pinned: &'static PinnedClient,
    install: &'static [&'static str],
    audit: &'static [&'static str],
    /// What it prints when nothing is known.
    clean: &'static str,
}

const AUDITORS: [Auditor; 5] = [
    Auditor { pinned: &NPM, install: &["install"], audit: &["audit"], clean: "found 0 vulnerabilities" },
    Auditor {
        pinned: &PNPM,
        install: &["install"],
        audit: &["audit"],
        clean: "No known vulnerabilities found",
    },
    Auditor {
        pinned: &YARN_4,
        install: &["install"],
        audit: &["npm", "audit", "--recursive"],
        clean: "No audit suggestions",
    },
    Auditor { pinned: &BUN, install: &["install"], audit: &["audit"], clean: "No vulnerabilities found" },
    Auditor {
        pinned: &DENO,
        install: &["install", "--minimum-dependency-age=0"],
        audit: &["audit"],
        clean: "No known vulnerabilities found",
    },
];

impl Auditor {
    /// Installs `pear` and `@ours/web` from the registry at `base_url`.
    async fn install(&self, base_url: &str, token: &str) -> (Client, PathBuf) {
        let client = Client::with_token(self.pinned, base_url, token).await;
        let app = package("@ours/app", "1.0.0").dependency("pear", "^1.0.0").dependency("@ours/web", "1.0.0");
        let folder = client.home().project(&app);
        let _ = client.run_in(&folder, self.install).await.assert_success();
        (client, folder)
    }

    async fn run_install(&self, (client, folder): &(Client, PathBuf)) -> CommandOutput {
        client.run_in(folder, self.install).await
    }

    async fn audit(&self, (client, folder): &(Client, PathBuf)) -> CommandOutput {
        client.run_in(folder, self.audit).await
    }
}

/// What the upstream was asked to audit, from this request on.
fn audited(front: &Front, from: usize) -> Vec<String> {
    let requests = front.upstream.requests().split_off(from);
    let audits = requests.into_iter().filter(|request| request.path.contains("/security/"));
    audits.map(|request| String::from_utf8(request.body.to_vec()).unwrap()).collect()
}

/// What the upstream knows against `pear`.
fn known() -> String {
    let advisory = json!({
        "id": 1001, "url": "https://advisories.example/GHSA-aaaa-bbbb-cccc", "title": TITLE, "severity": "high",
        "vulnerable_versions": "<1.0.1", "cwe": ["CWE-1"], "cvss": { "score": 7, "vectorString": null },
    });
    json!({ "pear": [advisory] }).to_string()
}

#[tokio::test]
async fn every_client_finds_what_the_upstream_knows() {
    let front = Front::start().await;
    for auditor in &AUDITORS {
        let installed = auditor.install(front.server.base_url(), &front.token).await;
        front.upstream.answer_as_usual();
        let from = front.upstream.requests().len();
        let _ = auditor.audit(&installed).await.assert_success().assert_printed(auditor.clean);
        assert_eq!(audited(&front, from), [r#"{"pear":["1.0.0"]}"#], "{}", auditor.pinned.command);

        front.upstream.answer(BULK, FakeAnswer::usual().body(known()));
        let found = auditor.audit(&installed).await.assert_failure();
        assert_eq!(found.status.code(), Some(1), "{found}");
        let _ = found.assert_printed(TITLE).assert_printed("high");
    }
}

#[tokio::test]
async fn without_an_upstream_no_client_finds_anything() {
    let registry = Registry::start().await;
    let token = host(&registry.server).await;
    publish(&registry.user("ben").await, &package("pear", "1.0.0")).await;
    for auditor in &AUDITORS {
        let installed = auditor.install(registry.server.base_url(), &token).await;
        let _ = auditor.audit(&installed).await.assert_success().assert_printed(auditor.clean);
    }
}

/// pnpm repeats an audit for more than a minute where the answer is a 5xx.
#[tokio::test]
async fn an_upstream_without_audits_is_taken_for_that_at_once() {
    let front = Front::start().await;
    for auditor in AUDITORS.iter().filter(|auditor| ["npm", "pnpm", "deno"].contains(&auditor.pinned.command))
    {
        front.upstream.answer_as_usual();
        let installed = auditor.install(front.server.base_url(), &front.token).await;
        for status in [404, 405, 501, 401] {
            front.upstream.answer(BULK, FakeAnswer::status(status));
            let from = front.upstream.requests().len();
            let audited_at = std::time::Instant::now();
            let audit = auditor.audit(&installed).await.assert_failure();
            assert!(audited_at.elapsed() < std::time::Duration::from_secs(20), "{status}: {audit}");
            // npm asks in the older way as well.
            let asked = audited(&front, from).len();
            assert!(
                asked == 1 || auditor.pinned.command == "npm" && asked == 2,
                "{status}: {asked} times, {audit}"
            );
            let _ = auditor.run_install(&installed).await.assert_success();
        }
    }
}

#[tokio::test]
async fn npm_says_why_there_is_no_answer() {
    let front = Front::start().await;
    let installed = AUDITORS[0].install(front.server.base_url(), &front.token).await;
    front.upstream.answer(BULK, FakeAnswer::status(503));
    let failed = AUDITORS[0].audit(&installed).await.assert_failure();
    let _ = failed.assert_printed("did not return its security advisories");
}

#[tokio::test]
async fn npm_10_asks_again_in_the_older_form() {
    let front = Front::start().await;
    front.upstream.answer(BULK, FakeAnswer::usual().body(known()));
    let npm_10 = Auditor { pinned: &NPM_10, ..AUDITORS[0] };
    let with_versions = Auditor { install: &["install", "--lockfile-version=2"], ..npm_10 };
    let installed = with_versions.install(front.server.base_url(), &front.token).await;
    let from = front.upstream.requests().len();
    front.upstream.answer_next(BULK, FakeAnswer::status(503));
    let found = with_versions.audit(&installed).await.assert_failure();
    let _ = found.assert_printed(TITLE).assert_printed("1 high severity vulnerability");
    assert_eq!(audited(&front, from), [r#"{"pear":["1.0.0"]}"#; 2]);

    // For a newer lock file it sends no versions, and must not be told that all is well.
    let installed = npm_10.install(front.server.base_url(), &front.token).await;
    front.upstream.answer_next(BULK, FakeAnswer::status(503));
    let refused = npm_10.audit(&installed).await.assert_failure();
    let _ = refused.assert_printed("not its installed versions");
}

/// Hosted packages are audited, too, and no upstream is there to ask.
#[tokio::test]
async fn every_client_finds_what_is_loaded_into_the_storage() {
    let settings = "[audit]\nsource = \"local\"\n[advisories]\nseconds = 0\n\
                    [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n";
    let registry = Registry::configured(settings).await;
    let token = host(&registry.server).await;
    publish(&registry.user("ben").await, &package("pear", "1.0.0")).await;
    let load = |package: &str| {
        let advisory = json!({
            "id": "GHSA-aaaa-bbbb-cccc", "summary": TITLE, "database_specific": { "severity": "HIGH" },
            "affected": [{ "package": { "ecosystem": "npm", "name": package }, "ranges": [
                { "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": "1.0.1" }] },
            ] }],
        });
        let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
        std::fs::write(file.path(), advisory.to_string()).unwrap();
        let storage = format!("file:{}", registry.storage().display());
        let arguments = ["advisories", "update", file.path().to_str().unwrap(), "--storage", &storage];
        let loaded = crate::running::run(&arguments);
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
    };
    for auditor in &AUDITORS {
        let installed = auditor.install(registry.server.base_url(), &token).await;
        load("fig");
        let _ = auditor.audit(&installed).await.assert_success().assert_printed(auditor.clean);
        for package in ["pear", "@ours/web"] {
            load(package);
            let found = auditor.audit(&installed).await.assert_failure();
            assert_eq!(found.status.code(), Some(1), "{found}");
            let _ = found.assert_printed(TITLE).assert_printed("high").assert_printed(package);
        }
    }
}
