use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use insta::assert_snapshot;
use registry_testkit::TestRegistry;
use registry_testkit::test_sigstore::{Build, Rekor, TestSigstore};
use serde_json::{Value, json};

use super::{build, document, registry_trusting};

/// The status and the reason; and that nothing was stored.
async fn refusal(registry: &TestRegistry, bundle: &Value) -> String {
    let before = registry.stored().await;
    let answer = registry.ana().publish(&document("1.0.0").provenance(bundle)).await;
    assert!(!answer.status.is_success(), "it was taken");
    assert_eq!(registry.stored().await, before, "something was stored");
    format!("{} {}", answer.status.as_u16(), answer.json()["error"].as_str().unwrap())
}

/// Decodes base64 at a pointer, and puts back what `change` makes of it.
fn change(bundle: &mut Value, pointer: &str, change: impl FnOnce(String) -> String) {
    let value = bundle.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    let bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    *value = json!(STANDARD.encode(change(String::from_utf8(bytes).unwrap())));
}

/// Flips a bit of the bytes at a pointer, far from their beginning.
fn flip(bundle: &mut Value, pointer: &str) {
    let value = bundle.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    let mut bytes = STANDARD.decode(value.as_str().unwrap()).unwrap();
    let place = bytes.len() - 3;
    bytes[place] ^= 1;
    *value = json!(STANDARD.encode(bytes));
}

const ENTRY: &str = "/verificationMaterial/tlogEntries/0";

#[tokio::test]
async fn every_defect_has_its_own_reason() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let made = |change: fn(&mut Build)| {
        let mut build = build("1.0.0");
        change(&mut build);
        sigstore.bundle(&build)
    };
    let right = made(|_| {});
    let with = |change: fn(&mut Value)| {
        let mut bundle = right.clone();
        change(&mut bundle);
        bundle
    };

    let other_subject = made(|build| build.subject = "pkg:npm/%40acme/plum@1.0.0".into());
    assert_snapshot!(refusal(&registry, &other_subject).await, @"422 the provenance is of pkg:npm/%40acme/plum@1.0.0, and not of pkg:npm/%40acme/pear@1.0.0: build the package again with the version to publish");
    let other_digest = made(|build| build.sha512 = "00".repeat(64));
    assert_snapshot!(refusal(&registry, &other_digest).await, @"422 the provenance is of another tarball than the attached one: publish the tarball that was built with it");
    let expired = made(|build| build.time += TimeDelta::days(2));
    assert_snapshot!(refusal(&registry, &expired).await, @"422 the certificate of the provenance was not valid when it signed: build and publish again");
    let too_early = made(|build| build.time -= TimeDelta::days(2));
    assert_snapshot!(refusal(&registry, &too_early).await, @"422 the certificate of the provenance was not valid when it signed: build and publish again");
    let other_kind = made(|build| build.predicate_type = "https://slsa.dev/verification_summary/v1".into());
    assert_snapshot!(refusal(&registry, &other_kind).await, @"422 the provenance bundle has a statement of the kind https://slsa.dev/verification_summary/v1, which is not SLSA provenance");
    let media_type = made(|build| build.media_type = "application/vnd.dev.sigstore.bundle.v0.4+json".into());
    assert_snapshot!(refusal(&registry, &media_type).await, @"400 the provenance bundle has the media type application/vnd.dev.sigstore.bundle.v0.4+json, and this registry takes the versions 0.1 to 0.3 of Sigstore bundles: ask its operator for an update");

    let foreign = TestSigstore::new();
    let mut chain = foreign.bundle(&build("1.0.0"));
    assert_snapshot!(refusal(&registry, &chain).await, @"422 the signature of the provenance is in no transparency log that this registry trusts: build and publish again");
    chain["verificationMaterial"]["certificate"] = right["verificationMaterial"]["certificate"].clone();
    assert_snapshot!(refusal(&registry, &chain).await, @"422 the signature of the provenance is not by its certificate: the bundle was changed after it was signed");

    let tampered = with(|bundle| {
        change(bundle, "/dsseEnvelope/payload", |payload| {
            payload.replace("registry.example/build", "registry.example/other")
        });
    });
    assert_snapshot!(refusal(&registry, &tampered).await, @"422 the signature of the provenance is not by its certificate: the bundle was changed after it was signed");
    let unsigned = with(|bundle| flip(bundle, "/dsseEnvelope/signatures/0/sig"));
    assert_snapshot!(refusal(&registry, &unsigned).await, @"422 the signature of the provenance is not by its certificate: the bundle was changed after it was signed");
    let no_entry = with(|bundle| bundle["verificationMaterial"]["tlogEntries"] = json!([]));
    assert_snapshot!(refusal(&registry, &no_entry).await, @"422 the signature of the provenance is in no transparency log that this registry trusts: build and publish again");
    let no_proof = with(|bundle| {
        let entry = bundle.pointer_mut(ENTRY).unwrap().as_object_mut().unwrap();
        entry.remove("inclusionProof");
        entry.remove("inclusionPromise");
    });
    assert_snapshot!(refusal(&registry, &no_proof).await, @"422 the provenance bundle does not prove that the transparency log has its entry: build and publish again");
    let no_certificate = with(|bundle| {
        bundle["verificationMaterial"]["certificate"] = Value::Null;
    });
    assert_snapshot!(refusal(&registry, &no_certificate).await, @"422 the provenance bundle has no certificate: sign it with one of Sigstore, as `npm publish --provenance` does");
    assert_snapshot!(refusal(&registry, &json!({ "mediaType": "application/json" })).await, @"400 the provenance bundle has the media type application/json, and this registry takes the versions 0.1 to 0.3 of Sigstore bundles: ask its operator for an update");
    let no_payload = with(|bundle| bundle["dsseEnvelope"] = Value::Null);
    assert_snapshot!(refusal(&registry, &no_payload).await, @"400 the provenance bundle cannot be read: it has no DSSE envelope");

    let _ = registry.ana().publish(&document("1.0.0").provenance(&right)).await.assert_status(201);
}

/// One bit of each part that proves something.
#[tokio::test]
async fn every_changed_proof_is_refused() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let v1 = sigstore.bundle(&build("1.0.0"));
    let v2 = sigstore.bundle(&build("1.0.0").rekor(Rekor::V2));
    let mut refusals = Vec::new();
    for (bundle, place) in [
        (&v1, "inclusionPromise/signedEntryTimestamp"),
        (&v1, "inclusionProof/rootHash"),
        (&v1, "inclusionProof/hashes/0"),
        (&v1, "canonicalizedBody"),
        (&v2, "inclusionProof/hashes/0"),
        (&v2, "canonicalizedBody"),
    ] {
        let mut bundle = bundle.clone();
        flip(&mut bundle, &format!("{ENTRY}/{place}"));
        refusals.push(format!("{place}: {}", refusal(&registry, &bundle).await));
    }
    let mut moved = v1.clone();
    moved.pointer_mut(ENTRY).unwrap()["integratedTime"] = json!("1767323001");
    refusals.push(format!("another time: {}", refusal(&registry, &moved).await));
    for (bundle, version) in [(&v1, "v1"), (&v2, "v2")] {
        let mut unsigned = bundle.clone();
        let checkpoint =
            &mut unsigned.pointer_mut(ENTRY).unwrap()["inclusionProof"]["checkpoint"]["envelope"];
        let envelope =
            checkpoint.as_str().unwrap().replace("rekor.registry.example\n2", "other.registry.example\n2");
        *checkpoint = json!(envelope);
        refusals.push(format!("checkpoint of {version}: {}", refusal(&registry, &unsigned).await));
    }
    let stamp = "/verificationMaterial/timestampVerificationData/rfc3161Timestamps/0/signedTimestamp";
    let mut other_stamp = v2.clone();
    flip(&mut other_stamp, stamp);
    refusals.push(format!("timestamp: {}", refusal(&registry, &other_stamp).await));
    let mut of_another = v2.clone();
    let another = sigstore.bundle(&build("1.0.0").rekor(Rekor::V2));
    *of_another.pointer_mut(stamp).unwrap() = another.pointer(stamp).unwrap().clone();
    refusals.push(format!("timestamp of another signature: {}", refusal(&registry, &of_another).await));
    let mut foreign_stamp = v2.clone();
    let foreign = TestSigstore::new().bundle(&build("1.0.0").rekor(Rekor::V2));
    *foreign_stamp.pointer_mut(stamp).unwrap() = foreign.pointer(stamp).unwrap().clone();
    refusals.push(format!("timestamp of another authority: {}", refusal(&registry, &foreign_stamp).await));
    let mut no_time = v2.clone();
    no_time["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    refusals.push(format!("no timestamp: {}", refusal(&registry, &no_time).await));
    assert_snapshot!(refusals.join("\n"), @r#"
    inclusionPromise/signedEntryTimestamp: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    inclusionProof/rootHash: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    inclusionProof/hashes/0: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    canonicalizedBody: 422 the log entry in the provenance bundle is of another signature: the bundle was changed after it was signed
    inclusionProof/hashes/0: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    canonicalizedBody: 422 the log entry in the provenance bundle is of another signature: the bundle was changed after it was signed
    another time: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    checkpoint of v1: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    checkpoint of v2: 422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    timestamp: 422 the timestamp in the provenance bundle is not by a timestamp authority that this registry trusts, or of another signature
    timestamp of another signature: 422 the timestamp in the provenance bundle is not by a timestamp authority that this registry trusts, or of another signature
    timestamp of another authority: 422 the timestamp in the provenance bundle is not by a timestamp authority that this registry trusts, or of another signature
    no timestamp: 422 nothing in the provenance bundle proves when it was signed: it needs a log entry with a time, or a timestamp
    "#);
    let _ = registry.ana().publish(&document("1.0.0").provenance(&v2)).await.assert_status(201);
}

/// A certificate that is in no log of certificates, and one that another root issued with the same log.
#[tokio::test]
async fn the_trust_root_decides_about_certificates() {
    let (sigstore, foreign) = (TestSigstore::new(), TestSigstore::new());
    let bundle = sigstore.bundle(&build("1.0.0"));
    let mut refusals = Vec::new();
    for part in ["ctlogs", "certificateAuthorities", "tlogs"] {
        let mut root = sigstore.trusted_root();
        root[part] = foreign.trusted_root()[part].clone();
        let registry = TestRegistry::builder().provenance(super::trusting_root(&root)).start().await;
        refusals.push(format!("{part}: {}", refusal(&registry, &bundle).await));
    }
    for (part, window) in [
        ("certificateAuthorities", "/certificateAuthorities/0/validFor"),
        ("tlogs", "/tlogs/0/publicKey/validFor"),
        ("ctlogs", "/ctlogs/0/publicKey/validFor"),
    ] {
        let mut root = sigstore.trusted_root();
        *root.pointer_mut(window).unwrap() =
            json!({ "start": "2025-01-01T00:00:00Z", "end": "2025-12-31T00:00:00Z" });
        let registry = TestRegistry::builder().provenance(super::trusting_root(&root)).start().await;
        refusals.push(format!("{part} of last year: {}", refusal(&registry, &bundle).await));
    }
    assert_snapshot!(refusals.join("\n"), @r#"
    ctlogs: 422 the certificate of the provenance is in no certificate log that this registry trusts
    certificateAuthorities: 422 the certificate of the provenance is not by a certificate authority that this registry trusts: build with the Sigstore instance of its trusted_root
    tlogs: 422 the signature of the provenance is in no transparency log that this registry trusts: build and publish again
    certificateAuthorities of last year: 422 the certificate of the provenance was not valid when it signed: build and publish again
    tlogs of last year: 422 the signature of the provenance is in no transparency log that this registry trusts: build and publish again
    ctlogs of last year: 422 the certificate of the provenance is in no certificate log that this registry trusts
    "#);
}

/// Without a trust root, the bundle still must be about this tarball and agree with itself.
#[tokio::test]
async fn without_a_trust_root_bundles_must_be_consistent() {
    let sigstore = TestSigstore::new();
    let registry = TestRegistry::new().await;
    let right = sigstore.bundle(&build("1.0.0"));
    let mut refusals = Vec::new();
    let other = Build { sha512: "00".repeat(64), ..build("1.0.0") };
    refusals.push(refusal(&registry, &sigstore.bundle(&other)).await);
    for pointer in [
        "/dsseEnvelope/signatures/0/sig",
        &format!("{ENTRY}/inclusionProof/hashes/0"),
        &format!("{ENTRY}/canonicalizedBody"),
    ] {
        let mut bundle = right.clone();
        flip(&mut bundle, pointer);
        refusals.push(refusal(&registry, &bundle).await);
    }
    assert_snapshot!(refusals.join("\n"), @r#"
    422 the provenance is of another tarball than the attached one: publish the tarball that was built with it
    422 the signature of the provenance is not by its certificate: the bundle was changed after it was signed
    422 the provenance bundle does not prove that the transparency log has its entry: build and publish again
    422 the log entry in the provenance bundle is of another signature: the bundle was changed after it was signed
    "#);
}

#[tokio::test]
async fn a_bundle_of_ten_megabytes_is_refused() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let mut bundle = sigstore.bundle(&build("1.0.0"));
    bundle["padding"] = json!("x".repeat(10 << 20));
    assert_snapshot!(refusal(&registry, &bundle).await, @"413 the provenance bundle is larger than 262144 bytes: a bundle of npm has about 10,000");
    let mut twice = document("1.0.0").provenance(&sigstore.bundle(&build("1.0.0"))).build();
    let first = twice["_attachments"]["@acme/pear-1.0.0.sigstore"].clone();
    twice["_attachments"]["another.sigstore"] = first;
    let answer = registry.ana().put("/@acme%2fpear", &twice).await.assert_status(400);
    assert_snapshot!(answer.json()["error"].as_str().unwrap(), @"exactly one provenance bundle can be attached, and the document has 2");
}

/// Each of these would take seconds or minutes to verify.
#[tokio::test]
async fn what_would_take_long_is_refused_by_its_size() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let right = sigstore.bundle(&build("1.0.0"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut bundle = right.clone();
        change(&mut bundle);
        bundle
    };
    let large = STANDARD.encode(vec![0x30; 9 << 10]);
    let certificate =
        with(&|bundle| bundle["verificationMaterial"]["certificate"]["rawBytes"] = json!(large));
    assert_snapshot!(refusal(&registry, &certificate).await, @"400 the provenance bundle cannot be read: its certificate is too large");
    let stamp = STANDARD.encode(vec![0x30; 17 << 10]);
    let stamps = |stamp: &str, count: usize| vec![json!({ "signedTimestamp": stamp }); count];
    let data = "timestampVerificationData";
    let timestamp = with(&|bundle| {
        bundle["verificationMaterial"][data] = json!({ "rfc3161Timestamps": stamps(&stamp, 1) });
    });
    assert_snapshot!(refusal(&registry, &timestamp).await, @"400 the provenance bundle cannot be read: one of its timestamps is too large");
    let timestamps = with(&|bundle| {
        bundle["verificationMaterial"][data] = json!({ "rfc3161Timestamps": stamps("MAA=", 5) });
    });
    assert_snapshot!(refusal(&registry, &timestamps).await, @"400 the provenance bundle cannot be read: it has too many timestamps or log entries");
    let entries = with(&|bundle| {
        let entries = bundle["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
        *entries = vec![entries[0].clone(); 9];
    });
    assert_snapshot!(refusal(&registry, &entries).await, @"400 the provenance bundle cannot be read: it has too many timestamps or log entries");
    let signatures = with(&|bundle| {
        let pointer = format!("{ENTRY}/inclusionProof/checkpoint/envelope");
        let checkpoint = bundle.pointer_mut(&pointer).unwrap();
        let more = "\u{2014} witness.example AAAAAAA=\n".repeat(40);
        *checkpoint = json!(format!("{}{more}", checkpoint.as_str().unwrap()));
    });
    assert_snapshot!(refusal(&registry, &signatures).await, @"422 the provenance bundle does not prove that the transparency log has its entry: build and publish again");
    let long = with(&|bundle| {
        let pointer = format!("{ENTRY}/inclusionProof/checkpoint/envelope");
        let checkpoint = bundle.pointer_mut(&pointer).unwrap();
        *checkpoint = json!(format!("{}{}", "o".repeat(9 << 10), checkpoint.as_str().unwrap()));
    });
    assert_snapshot!(refusal(&registry, &long).await, @"422 the provenance bundle does not prove that the transparency log has its entry: build and publish again");
    let padded = with(&|bundle| bundle["padding"] = json!("a".repeat(300 << 10)));
    assert_snapshot!(refusal(&registry, &padded).await, @"413 the provenance bundle is larger than 262144 bytes: a bundle of npm has about 10,000");
}

/// Versions 0.2 and later need the proof, and clients refuse a bundle without it.
#[tokio::test]
async fn a_promise_alone_is_no_proof() {
    let sigstore = TestSigstore::new();
    let registry = registry_trusting(&sigstore).await;
    let mut promised = sigstore.bundle(&build("1.0.0"));
    promised.pointer_mut(ENTRY).unwrap().as_object_mut().unwrap().remove("inclusionProof");
    assert_snapshot!(refusal(&registry, &promised).await, @"422 the provenance bundle does not prove that the transparency log has its entry: build and publish again");
}
