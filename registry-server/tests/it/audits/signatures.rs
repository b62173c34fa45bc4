use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{KeyPair, PublicKeyData as _, SigningKey as _};
use registry_core::upstream::PackumentForm;
use registry_testkit::clients::{Client, PNPM, package};
use registry_testkit::fake_upstream::FakeAnswer;
use serde_json::{Value, json};

use super::{Front, pear};

const KEY_ID: &str = "SHA256:0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";

/// Lets the upstream sign `pear`, and say with which key.
fn sign(front: &Front, signed_as: &str) {
    let key = KeyPair::generate().unwrap();
    let mut packument = pear().0[0].packument(front.upstream.base_url(), PackumentForm::Full);
    let dist = &mut packument["versions"]["1.0.0"]["dist"];
    let message = format!("{signed_as}:{}", dist["integrity"].as_str().unwrap());
    let signature = BASE64_STANDARD.encode(key.sign(message.as_bytes()).unwrap());
    dist["signatures"] = json!([{ "keyid": KEY_ID, "sig": signature }]);
    front.upstream.answer("/pear", FakeAnswer::usual().body(packument.to_string()));
    let keys = json!({ "keys": [{
        "expires": null,
        "keyid": KEY_ID,
        "keytype": "ecdsa-sha2-nistp256",
        "scheme": "ecdsa-sha2-nistp256",
        "key": BASE64_STANDARD.encode(key.subject_public_key_info()),
    }] });
    front.upstream.answer("/-/npm/v1/keys", FakeAnswer::usual().body(keys.to_string()));
}

/// npm itself cannot be asked: it gets the keys' root from a server of its own, over the network.
#[tokio::test]
async fn pnpm_verifies_the_signatures_of_the_upstream() {
    for (signed_as, verdict) in
        [("pear@1.0.0", Ok("verified registry signature")), ("pear@1.0.1", Err("invalid"))]
    {
        let front = Front::start().await;
        sign(&front, signed_as);
        let client = Client::new(&PNPM, front.server.base_url()).await;
        let folder = client.home().project(&package("app", "1.0.0").dependency("pear", "^1.0.0"));
        let _ = client.run_in(&folder, &["install"]).await.assert_success();
        let audited = client.run_in(&folder, &["audit", "signatures"]).await;
        let _ = match verdict {
            Ok(text) => audited.assert_success().assert_printed(text),
            Err(text) => audited.assert_failure().assert_printed(text),
        };
        assert_eq!(front.upstream.requests_of("/-/npm/v1/keys"), 1);
    }
}

/// Packages of both registries, verified in one run, and none of them once a signature or a digest was changed.
#[tokio::test]
async fn pnpm_verifies_what_is_published_here_beside_what_an_upstream_has() {
    let front = Front::start().await;
    sign(&front, "pear@1.0.0");
    let client = Client::new(&PNPM, front.server.base_url()).await;
    let app = package("app", "1.0.0").dependency("pear", "^1.0.0").dependency("@ours/web", "^1.0.0");
    let folder = client.home().project(&app);
    let _ = client.run_in(&folder, &["install"]).await.assert_success();
    let audited = client.run_in(&folder, &["audit", "signatures"]).await;
    let _ = audited.assert_success().assert_printed("2 packages have verified registry signatures");

    let index = front.storage().join("objects/@ours/web/index.json");
    let stored = fs::read_to_string(&index).unwrap();
    let packument: Value = serde_json::from_str(&stored).unwrap();
    let signature = packument["versions"]["1.0.0"]["dist"]["signatures"][0]["sig"].as_str().unwrap();
    // Among the last bytes, so that it stays a signature in its form.
    let at = signature.len() - 10;
    let other = if signature[at..].starts_with('A') { "B" } else { "A" };
    let changed = format!("{}{other}{}", &signature[..at], &signature[at + 1..]);
    fs::write(&index, stored.replace(signature, &changed)).unwrap();
    let audited = client.run_in(&folder, &["audit", "signatures"]).await;
    let _ = audited.assert_failure().assert_printed("invalid").assert_printed("@ours/web@1.0.0");
}
