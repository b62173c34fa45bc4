//! Bundles: what is in them, what a registry takes of them, and what it refuses.

mod damaged;
mod forged;
mod increments;
mod keys;
mod owners;
mod stopped;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use registry_core::access::AccessRules;
use registry_core::bulk::{
    ApplyOptions, Bundle, BundleError, BundleOptions, BundledVersion, ImportedPackage, WrittenBundle,
};
use registry_core::domain::lockfile::{LockedPackage, parse_lockfile};
use registry_core::signing::KeyId;
use registry_testkit::TestRegistry;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::import::{Source, stored};
use super::{outcome, told};

/// A registry in front of another one, and a folder for bundles.
struct Site {
    registry: TestRegistry,
    upstream: Source,
    folder: TempDir,
}

fn pear(version: &str) -> PublishDocument {
    PublishDocument::new("@acme/pear", version).access("restricted").file("index.js", version.as_bytes())
}

fn fig(version: &str) -> PublishDocument {
    PublishDocument::new("fig", version).file("index.js", version.as_bytes())
}

impl Site {
    /// Hosts `@acme/pear`, which strangers may not see, and proxies `fig`.
    async fn new() -> Self {
        let upstream = Source::default();
        for version in ["1.0.0", "1.1.0", "2.0.0"] {
            upstream.publish(&fig(version));
        }
        upstream.change("fig", |packument| {
            packument["versions"]["1.0.0"]["deprecated"] = json!("use 2.0.0");
            packument["dist-tags"]["old"] = json!("1.0.0");
            packument["time"]["0.9.0"] = json!("2020-02-01T00:00:00.001Z");
        });
        let builder = TestRegistry::builder().access(AccessRules::open_to_all_in_front_of("npm"));
        let registry = builder.upstream("npm", Arc::new(upstream.upstream.clone())).start().await;
        for version in ["1.0.0", "1.1.0"] {
            let _ = registry.ana().publish(&pear(version)).await.assert_status(201);
        }
        Self { registry, upstream, folder: TempDir::with_prefix("bundles-").unwrap() }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// The names of what is in the folder.
    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    async fn key(&self) -> KeyId {
        self.registry.registry().signing_key().await.unwrap().public_key().id()
    }

    async fn open(&self, file: &str) -> Bundle {
        Bundle::open(&self.path(file), &[self.key().await]).await.unwrap()
    }

    /// Makes a bundle, or tells why it failed.
    async fn create(
        &self,
        file: &str,
        locked: Vec<LockedPackage>,
        since: Option<&str>,
    ) -> Result<(Vec<BundledVersion>, WrittenBundle), Vec<String>> {
        let mut options = BundleOptions::new(locked, self.path(file));
        if let Some(since) = since {
            options.base = Some(self.open(since).await);
        }
        let mut builder = match self.registry.registry().begin_bundle(options).await {
            Ok(builder) => builder,
            Err(error) => return Err(vec![told(&error)]),
        };
        let (mut versions, mut failures) = (Vec::new(), Vec::new());
        while let Some(read) = builder.next().await {
            match read {
                Ok(version) => versions.push(version),
                Err(error) => failures.push(told(&error)),
            }
        }
        versions.sort_by_key(|version| (version.package.clone(), version.version.clone()));
        match builder.finish().await {
            Ok(written) => Ok((versions, written)),
            Err(error) if failures.is_empty() => Err(vec![told(&error)]),
            Err(_) => Err(failures),
        }
    }

    async fn created(&self, file: &str, packages: &[(&str, &str)]) -> WrittenBundle {
        self.create(file, locked(packages), None).await.unwrap().1
    }

    /// Applies a bundle of this site's to another registry.
    async fn apply(
        &self,
        registry: &TestRegistry,
        file: &str,
    ) -> Result<(Vec<ImportedPackage>, Vec<String>), BundleError> {
        apply(registry, &self.path(file), &self.key().await, ApplyOptions::default()).await
    }

    /// Applies a bundle, also to packages that users published there.
    async fn apply_into_published(
        &self,
        registry: &TestRegistry,
        file: &str,
    ) -> (Vec<ImportedPackage>, Vec<String>) {
        let mut options = ApplyOptions::default();
        options.into_published = true;
        apply(registry, &self.path(file), &self.key().await, options).await.unwrap()
    }
}

/// What a lock file without integrities says.
fn locked(packages: &[(&str, &str)]) -> Vec<LockedPackage> {
    locked_with(packages, &Map::new())
}

/// What a lock file says, with more fields for each package.
fn locked_with(packages: &[(&str, &str)], more: &Map<String, Value>) -> Vec<LockedPackage> {
    let entries = packages.iter().enumerate().map(|(number, (name, version))| {
        let mut entry = more.clone();
        entry.insert("version".to_owned(), json!(version));
        (format!("{number}/node_modules/{name}"), Value::Object(entry))
    });
    let entries: Map<String, Value> = entries.collect();
    parse_lockfile(&json!({ "lockfileVersion": 3, "packages": entries }).to_string()).unwrap()
}

async fn apply(
    registry: &TestRegistry,
    path: &Path,
    trusted: &KeyId,
    options: ApplyOptions,
) -> Result<(Vec<ImportedPackage>, Vec<String>), BundleError> {
    let bundle = Bundle::open(path, std::slice::from_ref(trusted)).await?.check().await?;
    Ok(outcome(registry.registry().apply_bundle(bundle, options)).await)
}

/// The files of an archive, as any tar reads it.
fn entries(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    use std::io::Read as _;

    let mut archive = tar::Archive::new(archive);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (path, bytes)
    });
    entries.collect()
}

const LOCKED: [(&str, &str); 3] = [("@acme/pear", "1.0.0"), ("fig", "1.0.0"), ("fig", "1.1.0")];

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the snapshot has most of them")]
async fn a_bundle_has_what_the_lock_file_names_and_nothing_else() {
    let site = Site::new().await;
    site.created("one.tar", &LOCKED).await;
    let archive = fs::read(site.path("one.tar")).unwrap();
    let entries = entries(&archive);
    let paths: Vec<_> = entries.iter().map(|(path, _)| path.as_str()).collect();
    insta::assert_snapshot!(paths.join("\n"), @"
    bundle.json
    bundle.json.sig
    packuments/fe922b62878518b28a30cba5a3effe262e579015111da5d5375a17b6f6fa0dc9.json
    packuments/c9b1899cafdff5efe08256687418dfd6f0cedcc9f87917a0e066007637972714.json
    tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz
    tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz
    tarballs/2ae4d462e058ace2adcc0a83a1db330d296765bd270e105e67a43d9c36b1e30a.tgz
    ");
    insta::assert_snapshot!(String::from_utf8_lossy(&entries[0].1), @r#"
    {
      "format": 1,
      "created": "2026-01-02T03:04:05Z",
      "packages": [
        {
          "name": "@acme/pear",
          "packument": {
            "path": "packuments/fe922b62878518b28a30cba5a3effe262e579015111da5d5375a17b6f6fa0dc9.json",
            "size": 729,
            "integrity": "sha512-/pIrYoeFGLKKMMulo+/+Ji5XkBURHaXVN1oXtvb6Dcl+hzlJw/cOQ4f0z1P+ryjq1feXuGEkgMIMCdJE5MAgMg=="
          },
          "versions": [
            {
              "version": "1.0.0",
              "tarball": {
                "path": "tarballs/bc11c3f27ba061afed1ea2fa50d8c61eefd698e4fbee89930ed7fdb0a29266b4.tgz",
                "size": 177,
                "integrity": "sha512-vBHD8nugYa/tHqL6UNjGHu/WmOT77omTDtf9sKKSZrTaC3FkyymMr6MLORvL4BnlYKoj6v4n+qYIyhNhe1f1rg=="
              }
            }
          ]
        },
        {
          "name": "fig",
          "packument": {
            "path": "packuments/c9b1899cafdff5efe08256687418dfd6f0cedcc9f87917a0e066007637972714.json",
            "size": 1525,
            "integrity": "sha512-ybGJnK/f9e/gglZodBjf1vDO3Mn4eReg4GYAdjeXJxQIf5ouA9Jke26STjCv/JaVD1vHCPjaO60JXi5u9Na40g=="
          },
          "versions": [
            {
              "version": "1.0.0",
              "tarball": {
                "path": "tarballs/b5f3023c09b2de71b64a55b24384982c35ded7ccbff13b0fdcd47a5487fb0627.tgz",
                "size": 170,
                "integrity": "sha512-tfMCPAmy3nG2SlWyQ4SYLDXe18y/8TsP3NR6VIf7Bifo0qdT5wUAZAGz0jAu02uVMydkLtUGYSCicxjX88C19w=="
              }
            },
            {
              "version": "1.1.0",
              "tarball": {
                "path": "tarballs/2ae4d462e058ace2adcc0a83a1db330d296765bd270e105e67a43d9c36b1e30a.tgz",
                "size": 171,
                "integrity": "sha512-KuTUYuBYrOKtzAqDodszDSlnZb0nDhBeZ6Q9nDax4wq2TPE27yqFrnmF+zn8Ma/ioh/1BkqmDmbpGwpOHIdtUA=="
              }
            }
          ]
        }
      ]
    }
    "#);
    let figs: Value = serde_json::from_slice(&entries[3].1).unwrap();
    insta::assert_snapshot!(format!("{figs:#}"), @r##"
    {
      "name": "fig",
      "dist-tags": {
        "old": "1.0.0",
        "latest": "1.1.0"
      },
      "versions": {
        "1.0.0": {
          "name": "fig",
          "version": "1.0.0",
          "readme": "# fig\n",
          "readmeFilename": "README.md",
          "_id": "fig@1.0.0",
          "_nodeVersion": "24.21.0",
          "_npmVersion": "11.21.2",
          "dist": {
            "integrity": "sha512-tfMCPAmy3nG2SlWyQ4SYLDXe18y/8TsP3NR6VIf7Bifo0qdT5wUAZAGz0jAu02uVMydkLtUGYSCicxjX88C19w==",
            "shasum": "9524f3aecbcbd8e063b0ffefdc5fdd5710519855",
            "tarball": "bundle:/fig/-/fig-1.0.0.tgz",
            "signatures": [
              {
                "keyid": "SHA256:source",
                "sig": "MEUC"
              }
            ],
            "attestations": {
              "url": "bundle:/-/npm/v1/attestations/fig@1.0.0"
            }
          },
          "_npmUser": {
            "name": "eva",
            "email": "eva@source.example"
          },
          "_from": "file:/home/eva",
          "maintainers": [
            {
              "name": "eva",
              "email": "eva@source.example"
            }
          ],
          "deprecated": "use 2.0.0"
        },
        "1.1.0": {
          "name": "fig",
          "version": "1.1.0",
          "readme": "# fig\n",
          "readmeFilename": "README.md",
          "_id": "fig@1.1.0",
          "_nodeVersion": "24.21.0",
          "_npmVersion": "11.21.2",
          "dist": {
            "integrity": "sha512-KuTUYuBYrOKtzAqDodszDSlnZb0nDhBeZ6Q9nDax4wq2TPE27yqFrnmF+zn8Ma/ioh/1BkqmDmbpGwpOHIdtUA==",
            "shasum": "3e40b0b53a10da4ccef40025d2ef9737091fe9f0",
            "tarball": "bundle:/fig/-/fig-1.1.0.tgz",
            "signatures": [
              {
                "keyid": "SHA256:source",
                "sig": "MEUC"
              }
            ],
            "attestations": {
              "url": "bundle:/-/npm/v1/attestations/fig@1.1.0"
            }
          },
          "_npmUser": {
            "name": "eva",
            "email": "eva@source.example"
          },
          "_from": "file:/home/eva",
          "maintainers": [
            {
              "name": "eva",
              "email": "eva@source.example"
            }
          ]
        }
      },
      "time": {
        "created": "2020-03-01T01:02:03.456Z",
        "1.0.0": "2020-03-01T01:02:03.456Z",
        "1.1.0": "2020-03-02T01:02:03.456Z"
      },
      "maintainers": [
        {
          "name": "eva",
          "email": "eva@source.example"
        }
      ]
    }
    "##);
    assert_eq!(entries[4].1, pear("1.0.0").tarball());
    assert_eq!(site.files(), ["one.tar"]);
}

#[tokio::test]
async fn the_same_input_is_the_same_bundle_but_for_the_signature() {
    let site = Site::new().await;
    let read = |file: &str| entries(&fs::read(site.path(file)).unwrap());
    let unsigned = |file: &str| {
        let mut entries = read(file);
        assert_eq!(entries.remove(1).0, "bundle.json.sig");
        entries
    };
    site.created("one.tar", &LOCKED).await;
    let mut reversed = LOCKED;
    reversed.reverse();
    site.created("two.tar", &reversed).await;
    assert_eq!(unsigned("one.tar"), unsigned("two.tar"));
    site.registry.clock().advance(std::time::Duration::from_secs(1));
    // What is published meanwhile is not in it.
    site.upstream.publish(&fig("3.0.0"));
    let _ = site.registry.ana().publish(&pear("1.2.0")).await.assert_status(201);
    site.created("one.tar", &LOCKED).await;
    assert_eq!(unsigned("one.tar")[1..], unsigned("two.tar")[1..]);
    let manifest = |file: &str| String::from_utf8(read(file)[0].1.clone()).unwrap();
    assert_eq!(manifest("one.tar"), manifest("two.tar").replace("03:04:05", "03:04:06"));
}

#[tokio::test]
async fn a_registry_serves_what_it_got_as_the_other_one_does() {
    let (site, other) = (Site::new().await, TestRegistry::new().await);
    site.created("one.tar", &LOCKED).await;
    let (packages, failures) = site.apply(&other, "one.tar").await.unwrap();
    assert_eq!(failures, [""; 0]);
    let added: Vec<_> = packages.iter().map(|package| (package.package.as_str(), package.added)).collect();
    assert_eq!(added, [("@acme/pear", 1), ("fig", 2)]);
    let (there, here) = (site.registry.ana(), other.anonymous());
    for (name, version) in LOCKED {
        let path = format!("/{}", name.replace('/', "%2f"));
        let expected = there.get(&path).await.assert_status(200).json()["versions"][version].clone();
        let mut found = here.get(&path).await.assert_status(200).json()["versions"][version].clone();
        let mut expected_without = expected.clone();
        for manifest in [&mut found, &mut expected_without] {
            // It is not attested here, and a readme is that of the package.
            manifest["dist"].as_object_mut().unwrap().shift_remove("attestations");
            let fields = manifest.as_object_mut().unwrap();
            for field in ["readme", "_from"] {
                fields.shift_remove(field);
            }
            for computed in ["fileCount", "unpackedSize"] {
                manifest["dist"].as_object_mut().unwrap().shift_remove(computed);
            }
        }
        assert_eq!(found, expected_without, "{name}@{version}");
        let base = name.rsplit('/').next().unwrap();
        let tarball = format!("/{name}/-/{base}-{version}.tgz");
        let served = here.get(&tarball).await.assert_status(200).body;
        assert_eq!(served, there.get(&tarball).await.assert_status(200).body);
    }
    let fig = stored(&other, "fig").await;
    assert_eq!(fig["dist-tags"], json!({ "old": "1.0.0", "latest": "1.1.0" }));
    assert_eq!(fig["time"]["1.1.0"], "2020-03-02T01:02:03.456Z");
    assert_eq!(fig.get("_tombstones"), None, "numbers that were left out are free");
    other.registry().flush_events().await;
    let key = site.key().await.to_string();
    let events = other.events().kinds().replace(&key, "[key]");
    let mut events: Vec<_> = events.lines().collect();
    events.sort_unstable();
    insta::assert_snapshot!(events.join("\n"), @r#"
    {"kind":"imported","from":"bundle of 2026-01-02T03:04:05.000Z by [key]","added":1,"latest":"1.0.0"}
    {"kind":"imported","from":"bundle of 2026-01-02T03:04:05.000Z by [key]","added":2,"latest":"1.1.0"}
    "#);

    let before = other.stored().await;
    let (packages, failures) = site.apply(&other, "one.tar").await.unwrap();
    assert_eq!((packages[1].added, packages[1].unchanged, failures), (0, 2, Vec::new()));
    assert_eq!(other.stored().await, before);
}

#[tokio::test]
async fn what_cannot_be_bundled_leaves_no_file_and_is_told_at_once() {
    let site = Site::new().await;
    let wrong = json!({ "integrity": fig("2.0.0").integrity() });
    let wrong = locked_with(&[("fig", "1.0.0"), ("fig", "1.1.0")], wrong.as_object().unwrap());
    let right = json!({ "integrity": fig("2.0.0").integrity() });
    let right = locked_with(&[("fig", "2.0.0")], right.as_object().unwrap());
    let _ = site.create("one.tar", right, None).await.unwrap();
    let mut failures = site.create("two.tar", wrong, None).await.unwrap_err();
    failures.extend(
        site.create("two.tar", locked(&[("fig", "9.0.0"), ("plum", "1.0.0")]), None).await.unwrap_err(),
    );
    site.upstream.publish(&PublishDocument::new("grape", "1.0.0"));
    site.upstream.change("grape", |packument| packument["versions"]["1.0.0"]["bin"] = json!("other.js"));
    failures.extend(site.create("two.tar", locked(&[("grape", "1.0.0")]), None).await.unwrap_err());
    site.upstream.publish(&PublishDocument::new("quince", "1.0.0"));
    let forged = PublishDocument::new("quince", "1.0.0").file("more", b"");
    site.upstream.upstream.set_tarball("https://registry.example/files/quince-1.0.0.tgz", &forged.tarball());
    failures.extend(site.create("two.tar", locked(&[("quince", "1.0.0")]), None).await.unwrap_err());
    site.upstream.upstream.set_down(true);
    failures.extend(site.create("two.tar", locked(&[("peach", "1.0.0")]), None).await.unwrap_err());
    failures.sort();
    insta::assert_snapshot!(failures.join("\n"), @"
    cannot read or change the package peach: the upstream registry of this package did not answer: try again in a moment: the upstream registry of this package did not answer: try again in a moment: the upstream registry scripted upstream did not answer: it is down
    cannot read or change the package plum: the package plum does not exist in this registry
    cannot read or change the package quince: the registry's storage did not answer: try again in a moment: the stream to be stored at _upstream/npm/quince/-/87d56f364c028b69721a03a95a402770/quince-1.0.0.tgz failed: the upstream registry of this package sent an invalid response: try again later, or ask the registry's operator to look at the log: the upstream registry of this package sent an invalid response: try again later, or ask the registry's operator to look at the log: the upstream registry scripted upstream sent an invalid response: the tarball at https://registry.example/files/quince-1.0.0.tgz is not the one that the packument names
    grape@1.0.0 cannot be bundled: its manifest at the source and the package.json in its tarball differ in `bin`, so clients would install something else than they see: publish a repaired version
    the tarball of fig@1.0.0 does not have the integrity that a lock file has of it: find out which of the two is right
    the tarball of fig@1.1.0 does not have the integrity that a lock file has of it: find out which of the two is right
    this registry and its upstreams have no fig@9.0.0, which a lock file names: let the client write the lock file again
    ");
    assert_eq!(site.files(), ["one.tar"]);
    let nowhere = BundleOptions::new(locked(&LOCKED), site.path("none/two.tar"));
    let refused = site.registry.registry().begin_bundle(nowhere).await.unwrap_err();
    assert!(told(&refused).contains("cannot write"), "{refused}");
}
