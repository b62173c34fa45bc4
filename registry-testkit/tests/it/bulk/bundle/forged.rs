//! What a trusted key signed, and no release writes.

use std::fs;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry_core::domain::Integrity;
use registry_core::signing::SigningKey;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha512};

use super::{Bundle, LOCKED, Site, entries, fig};

/// An archive in the form of a bundle, with any content.
struct Forgery {
    key: Arc<SigningKey>,
    manifest: Value,
    files: Vec<(String, Vec<u8>)>,
}

/// Appends a file whatever its path is.
fn append(archive: &mut Vec<u8>, path: &str, size: u64, bytes: &[u8]) {
    let mut header = tar::Header::new_ustar();
    header.as_ustar_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_size(size);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(bytes);
    archive.resize(archive.len().next_multiple_of(512), 0);
}

impl Forgery {
    /// The content of a good bundle.
    async fn of(site: &Site) -> Self {
        site.created("good.tar", &LOCKED).await;
        let mut files = entries(&fs::read(site.path("good.tar")).unwrap());
        let manifest = serde_json::from_slice(&files.remove(0).1).unwrap();
        files.remove(0);
        Self { key: site.registry.registry().signing_key().await.unwrap(), manifest, files }
    }

    fn pack(&self) -> Vec<u8> {
        let manifest = self.manifest.to_string().into_bytes();
        let public = self.key.public_key();
        let signature = json!({
            "keyid": public.id(), "key": public.base64(), "sig": STANDARD.encode(self.key.sign(&manifest).unwrap()),
        });
        let signature = signature.to_string().into_bytes();
        let mut archive = Vec::new();
        append(&mut archive, "bundle.json", manifest.len() as u64, &manifest);
        append(&mut archive, "bundle.json.sig", signature.len() as u64, &signature);
        for (path, bytes) in &self.files {
            append(&mut archive, path, bytes.len() as u64, bytes);
        }
        archive.resize(archive.len() + 1_024, 0);
        archive
    }

    /// Why it is refused.
    async fn refusal(&self, site: &Site) -> String {
        refusal(site, &self.pack()).await
    }

    /// The entry of a file in the manifest.
    fn tarball(&mut self) -> &mut Value {
        &mut self.manifest["packages"][1]["versions"][1]["tarball"]
    }
}

async fn refusal(site: &Site, bytes: &[u8]) -> String {
    let path = site.path("forged.tar");
    fs::write(&path, bytes).unwrap();
    let refused = match Bundle::open(&path, &[site.key().await]).await {
        Err(refused) => refused,
        Ok(bundle) => bundle.check().await.map(drop).expect_err("it is taken for a bundle"),
    };
    refused.to_string()
}

/// Adds why a changed forgery is refused.
async fn refuse(site: &Site, told: &mut Vec<String>, what: &str, change: impl Fn(&mut Forgery)) {
    let mut forgery = Forgery::of(site).await;
    change(&mut forgery);
    told.push(format!("{what}: {}", forgery.refusal(site).await));
}

#[tokio::test]
async fn a_forgery_without_a_change_is_accepted() {
    let site = Site::new().await;
    let forgery = Forgery::of(&site).await;
    fs::write(site.path("forged.tar"), forgery.pack()).unwrap();
    let (_, failures) = site.apply(&TestRegistry::new().await, "forged.tar").await.unwrap();
    assert_eq!(failures, [""; 0]);
}

#[tokio::test]
async fn manifests_that_no_release_writes_are_refused() {
    let site = Site::new().await;
    let mut told = Vec::new();
    for path in
        ["../../../etc/cron.d/pear", "/etc/passwd", "tarballs/pear.tgz", "tarballs/../bundle.json", ""]
    {
        refuse(&site, &mut told, &format!("path {path}"), |forgery| {
            let known = forgery.tarball()["path"].clone();
            forgery.tarball()["path"] = json!(path);
            let file = forgery.files.iter_mut().find(|(path, _)| known == json!(path)).unwrap();
            path.clone_into(&mut file.0);
        })
        .await;
    }
    refuse(&site, &mut told, "package twice", |forgery| {
        let packages = forgery.manifest["packages"].as_array_mut().unwrap();
        packages.push(packages[0].clone());
    })
    .await;
    refuse(&site, &mut told, "version twice", |forgery| {
        let versions = forgery.manifest["packages"][1]["versions"].as_array_mut().unwrap();
        versions.push(versions[0].clone());
    })
    .await;
    refuse(&site, &mut told, "file twice", |forgery| {
        let other = forgery.manifest["packages"][1]["versions"][0]["tarball"].clone();
        *forgery.tarball() = other;
    })
    .await;
    refuse(&site, &mut told, "no version", |forgery| forgery.manifest["packages"][1]["versions"] = json!([]))
        .await;
    refuse(&site, &mut told, "no base", |forgery| {
        drop(forgery.tarball().as_object_mut().unwrap().shift_remove("path"));
    })
    .await;
    refuse(&site, &mut told, "name", |forgery| forgery.manifest["packages"][0]["name"] = json!("../pear"))
        .await;
    refuse(&site, &mut told, "version", |forgery| {
        forgery.manifest["packages"][0]["versions"][0]["version"] = json!("1");
    })
    .await;
    refuse(&site, &mut told, "digest", |forgery| forgery.tarball()["integrity"] = json!("sha1-AAAA")).await;
    refuse(&site, &mut told, "format", |forgery| forgery.manifest["format"] = json!(2)).await;
    refuse(&site, &mut told, "field", |forgery| forgery.manifest["later"] = json!(true)).await;
    refuse(&site, &mut told, "not an object", |forgery| forgery.manifest = json!([])).await;
    for size in [u64::MAX, u64::MAX - 600, 1 << 45] {
        refuse(&site, &mut told, &format!("size {size}"), |forgery| forgery.tarball()["size"] = json!(size))
            .await;
    }
    let told = told.join("\n").replace(&site.folder.path().display().to_string(), "[folder]");
    insta::assert_snapshot!(told, @r#"
    path ../../../etc/cron.d/pear: its manifest cannot be used: it has an entry at "../../../etc/cron.d/pear", which is not where such a file is; make it again
    path /etc/passwd: its manifest cannot be used: it has an entry at "/etc/passwd", which is not where such a file is; make it again
    path tarballs/pear.tgz: its manifest cannot be used: it has an entry at "tarballs/pear.tgz", which is not where such a file is; make it again
    path tarballs/../bundle.json: its manifest cannot be used: it has an entry at "tarballs/../bundle.json", which is not where such a file is; make it again
    path : its manifest cannot be used: it has an entry at "", which is not where such a file is; make it again
    package twice: its manifest cannot be used: it has @acme/pear twice; make it again
    version twice: its manifest cannot be used: it has fig@1.0.0 twice; make it again
    file twice: its manifest cannot be used: it has tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz twice; make it again
    no version: its manifest cannot be used: it has no version of fig; make it again
    no base: its manifest cannot be used: it leaves files out, and names no base; make it again
    name: its manifest cannot be used: a package name cannot start with a period or an underscore at line 1 column 74; make it again
    version: its manifest cannot be used: a version must look like 1.2.3 or 1.2.3-beta.4 (SemVer 2.0, without a leading `v`) at line 1 column 329; make it again
    digest: its manifest cannot be used: an integrity must contain a sha512 digest, such as `sha512-…` at line 1 column 1201; make it again
    format: its format is 2, which this release does not read: update registry-server
    field: its manifest cannot be used: unknown field `later`, expected one of `format`, `created`, `base`, `packages` at line 1 column 1299; make it again
    not an object: its manifest cannot be used: invalid length 0, expected struct Format with 1 element at line 1 column 2; make it again
    size 18446744073709551615: its manifest cannot be used: its files are larger than any archive; make it again
    size 18446744073709551015: its manifest cannot be used: its files are larger than any archive; make it again
    size 35184372088832: it ends after 10752 of 35184372099072 bytes: carry it over again
    "#);
}

#[tokio::test]
async fn archives_that_differ_from_their_manifest_are_refused() {
    let site = Site::new().await;
    let mut told = Vec::new();
    refuse(&site, &mut told, "missing", |forgery| drop(forgery.files.remove(2))).await;
    refuse(&site, &mut told, "extra", |forgery| {
        forgery.files.push(("tarballs/more.tgz".into(), vec![1; 10]));
    })
    .await;
    refuse(&site, &mut told, "doubled", |forgery| forgery.files.insert(3, forgery.files[2].clone())).await;
    refuse(&site, &mut told, "swapped", |forgery| forgery.files.swap(2, 3)).await;
    refuse(&site, &mut told, "in place of another", |forgery| forgery.files[3] = forgery.files[2].clone())
        .await;
    refuse(&site, &mut told, "escaping", |forgery| forgery.files[3].0 = "../../../etc/cron.d/pear".into())
        .await;
    refuse(&site, &mut told, "longer", |forgery| forgery.files[3].1.extend_from_slice(&[0; 3])).await;
    refuse(&site, &mut told, "much longer", |forgery| forgery.files[3].1.extend_from_slice(&[0; 700])).await;
    refuse(&site, &mut told, "empty", |forgery| forgery.files[3].1.clear()).await;

    let good = Forgery::of(&site).await.pack();
    let length = good.len();
    let link = good.chunks(512).position(|block| block.starts_with(b"tarballs/")).unwrap() * 512;
    let mut linked = good.clone();
    linked[link + 156] = b'2';
    told.push(format!("a link: {}", refusal(&site, &linked).await));
    // Headers may claim any size: one is never believed.
    for (at, what) in [(124, "bundle.json"), (link + 124, "tarball")] {
        let mut huge = good.clone();
        huge[at..at + 12].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
        told.push(format!("huge {what}: {}", refusal(&site, &huge).await));
    }
    let told = told.join("\n").replace(&length.to_string(), "[length]");
    insta::assert_snapshot!(told, @r#"
    missing: it ends after 9728 of [length] bytes: carry it over again
    extra: it has 11776 bytes, and its manifest accounts for [length]: carry it over again
    doubled: it has 11776 bytes, and its manifest accounts for [length]: carry it over again
    swapped: it is damaged at byte 6656, where "tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz" stands in place of tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz: carry it over again
    in place of another: it is damaged at byte 7680, where "tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz" stands in place of tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz: carry it over again
    escaping: it is damaged at byte 7680, where "../../../etc/cron.d/pear" stands in place of tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz: carry it over again
    longer: it is damaged at byte 7680, where the header of tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz was changed: carry it over again
    much longer: it has 11264 bytes, and its manifest accounts for [length]: carry it over again
    empty: it ends after 10240 of [length] bytes: carry it over again
    a link: it is damaged at byte 6656, where the header of tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz was changed: carry it over again
    huge bundle.json: it is not a bundle: it does not begin with bundle.json; give the file that `registry-server bundle create` wrote
    huge tarball: it is damaged at byte 6656, where the header of tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz was changed: carry it over again
    "#);
}

/// The signature proves who made a bundle. What clients install is verified as in every import.
#[tokio::test]
async fn tarballs_and_packuments_that_disagree_are_not_imported() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    let mut forgery = Forgery::of(&site).await;
    let forged =
        PublishDocument::new("fig", "1.1.0").field("scripts", json!({ "install": "true" })).tarball();
    let digest = const_hex::encode(&Sha512::digest(&forged)[..32]);
    let path = format!("tarballs/{digest}.tgz");
    *forgery.tarball() =
        json!({ "path": path, "size": forged.len(), "integrity": Integrity::of(&forged).to_string() });
    forgery.files[4] = (path, forged);
    fs::write(site.path("forged.tar"), forgery.pack()).unwrap();
    let (packages, failures) = site.apply(&other, "forged.tar").await.unwrap();
    assert_eq!(packages.iter().map(|package| package.added).sum::<u64>(), 2);
    insta::assert_snapshot!(failures.join("\n"), @"fig@1.1.0 is not imported: the bytes that the source sent do not have the dist.integrity of its packument: mend the source");
    let keys = other.keys().await;
    assert!(!keys.iter().any(|key| key.contains("fig-1.1.0")), "{keys:?}");
    assert_eq!(other.anonymous().get("/fig/-/fig-1.0.0.tgz").await.body, fig("1.0.0").tarball());
}

/// A name that the packument inside denies, and a packument that is none.
#[tokio::test]
async fn packuments_of_other_packages_are_not_imported() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    for packument in
        [b"<!doctype html>".to_vec(), b"{}".to_vec(), br#"{"name":"fig","versions":{}}"#.to_vec()]
    {
        let mut forgery = Forgery::of(&site).await;
        let digest = const_hex::encode(&Sha512::digest(&packument)[..32]);
        let path = format!("packuments/{digest}.json");
        forgery.manifest["packages"][1]["packument"] = json!({ "path": path, "size": packument.len(), "integrity": Integrity::of(&packument).to_string() });
        forgery.files[1] = (path, packument.clone());
        fs::write(site.path("forged.tar"), forgery.pack()).unwrap();
        let (_, failures) = site.apply(&other, "forged.tar").await.unwrap();
        assert_eq!(failures.len(), 1, "{failures:?}");
        assert_eq!(other.anonymous().get("/fig").await.status, 404);
    }
}
