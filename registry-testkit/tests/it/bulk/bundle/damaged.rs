use std::collections::BTreeSet;
use std::fs;

use registry_testkit::{TestRegistry, amount};

use super::{ApplyOptions, Bundle, KeyId, LOCKED, Site, apply};

/// Why these bytes are no bundle.
async fn refusal(site: &Site, bytes: &[u8], trusted: &KeyId) -> String {
    let path = site.path("damaged.tar");
    fs::write(&path, bytes).unwrap();
    let refused = match Bundle::open(&path, std::slice::from_ref(trusted)).await {
        Err(refused) => refused,
        Ok(bundle) => bundle.check().await.map(drop).expect_err("it is taken for a bundle"),
    };
    refused.to_string()
}

/// What is told of a byte in the first header, in the manifest or its signature, and in the rest.
const KINDS: [&str; 7] = [
    "it is not a bundle: ",
    "its signature does not hold: ",
    "the header of bundle.json.sig was changed",
    "there are bytes between two files",
    "stands in place of",
    "has another digest",
    "was changed",
];

/// Every byte follows from the manifest, so there is none that may change. What is not checked cannot be applied, which
/// the types say.
#[tokio::test]
async fn a_flipped_bit_anywhere_is_found() {
    let site = Site::new().await;
    site.created("one.tar", &LOCKED).await;
    let (bytes, key) = (fs::read(site.path("one.tar")).unwrap(), site.key().await);
    let step = (bytes.len() / amount("FLIPS", 800)).max(1);
    let mut found = BTreeSet::new();
    for at in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let refused = refusal(&site, &flipped, &key).await;
        let kind = KINDS.iter().find(|kind| refused.contains(**kind));
        found.insert(*kind.unwrap_or_else(|| panic!("byte {at}: {refused}")));
    }
    assert_eq!(found, BTreeSet::from(KINDS));
}

#[tokio::test]
async fn a_file_that_ends_early_or_late_is_refused_before_anything_else() {
    let site = Site::new().await;
    site.created("one.tar", &LOCKED).await;
    let (bytes, key) = (fs::read(site.path("one.tar")).unwrap(), site.key().await);
    let step = (bytes.len() / amount("CUTS", 60)).max(1);
    for length in (0..bytes.len()).step_by(step).chain([bytes.len() - 1]) {
        let refused = refusal(&site, &bytes[..length], &key).await;
        let is_told = refused.contains(&format!("it ends after {length} of ")) || length < 512;
        assert!(is_told, "{length}: {refused}");
    }
    for more in [&[0][..], &[0; 512], b"more"] {
        let refused = refusal(&site, &[&bytes, more].concat(), &key).await;
        let expected = format!(
            "it has {} bytes, and its manifest accounts for {}",
            bytes.len() + more.len(),
            bytes.len()
        );
        assert!(refused.starts_with(&expected), "{refused}");
    }
}

#[tokio::test]
async fn what_is_no_bundle_is_told_so() {
    let site = Site::new().await;
    let key = site.key().await;
    let mut other_tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(4);
    other_tar.append_data(&mut header, "package/index.js", b"pear".as_slice()).unwrap();
    let html = format!("<!doctype html>{}", " ".repeat(2_000));
    for bytes in
        [Vec::new(), b"{}".to_vec(), html.into_bytes(), vec![0; 4_096], other_tar.into_inner().unwrap()]
    {
        let refused = refusal(&site, &bytes, &key).await;
        assert!(refused.starts_with("it is not a bundle: "), "{refused}");
        assert!(refused.ends_with("give the file that `registry-server bundle create` wrote"), "{refused}");
    }
    let folder = Bundle::open(site.folder.path(), &[key]).await.unwrap_err();
    assert!(folder.to_string().starts_with("cannot read"), "{folder}");
}

/// The file is read again while it is applied.
#[tokio::test]
async fn bytes_that_change_after_the_check_are_not_taken() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    site.created("one.tar", &LOCKED).await;
    let path = site.path("one.tar");
    let bundle = Bundle::open(&path, &[site.key().await]).await.unwrap().check().await.unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let all = bytes.len();
    // Within the last tarball.
    bytes[all - 1_024 - 500] ^= 1;
    fs::write(&path, bytes).unwrap();
    let stream = other.registry().apply_bundle(bundle, ApplyOptions::default());
    let (packages, failures) = super::outcome(stream).await;
    assert_eq!((packages.len(), failures.len()), (2, 1), "{failures:?}");
    assert!(failures[0].starts_with("cannot fetch the tarball of fig@1.1.0"), "{failures:?}");
    let _ = other.anonymous().get("/fig/-/fig-1.1.0.tgz").await.assert_status(404);
    let keys = other.keys().await;
    assert!(!keys.iter().any(|key| key.contains("fig-1.1.0")), "{keys:?}");
    assert!(apply(&other, &path, &site.key().await, ApplyOptions::default()).await.is_err());
}
