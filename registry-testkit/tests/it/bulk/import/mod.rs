//! Imports of packages of another registry: what is taken over, what is refused, and what stays as it was decided here.

mod merge;
mod names;
mod owners;
mod published_here;
mod refused;
mod slow;
mod stopped;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use registry_core::bulk::{BulkMode, ImportOptions, ImportedPackage};
use registry_core::domain::PackageName;
use registry_testkit::faulty::Operation;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{ScriptedUpstream, TestRegistry};
use serde_json::{Value, json};

use super::{calls_of, outcome};

/// Another registry, whose packages have real tarballs.
#[derive(Default)]
pub(crate) struct Source {
    pub(crate) upstream: ScriptedUpstream,
    packages: Mutex<BTreeMap<String, Value>>,
}

fn url(name: &str, version: &str) -> String {
    format!("https://registry.example/files/{name}-{version}.tgz")
}

impl Source {
    /// Adds a version, as a good registry serves it.
    pub(crate) fn publish(&self, document: &PublishDocument) {
        let built = document.build();
        let name = built["_id"].as_str().unwrap().to_owned();
        let (version, manifest) = built["versions"].as_object().unwrap().iter().next().unwrap();
        let (url, mut manifest) = (url(&name, version), manifest.clone());
        self.upstream.set_tarball(&url, &document.tarball());
        manifest["dist"]["tarball"] = json!(url);
        manifest["dist"]["signatures"] = json!([{ "keyid": "SHA256:source", "sig": "MEUC" }]);
        manifest["dist"]["attestations"] = json!({ "url": "https://registry.example/attested" });
        manifest["_npmUser"] = json!({ "name": "eva", "email": "eva@source.example" });
        manifest["_from"] = json!("file:/home/eva");
        manifest["maintainers"] = json!([{ "name": "eva", "email": "eva@source.example" }]);
        let version = version.clone();
        self.change(&name, |packument| {
            let time =
                format!("2020-03-0{}T01:02:03.456Z", packument["versions"].as_object().unwrap().len() + 1);
            packument["versions"][&version] = manifest;
            packument["dist-tags"]["latest"] = json!(version);
            packument["time"][&version] = json!(time);
            packument["time"]["modified"] = json!(time);
        });
    }

    /// Changes the document of a package.
    pub(crate) fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let mut packages = self.packages.lock().unwrap();
        let packument = packages.entry(name.to_owned()).or_insert_with(|| {
            json!({
                "_id": name, "_rev": "9-source", "name": name, "dist-tags": {}, "versions": {},
                "time": { "created": "2020-03-01T01:02:03.456Z", "modified": "2020-03-01T01:02:03.456Z" },
                "maintainers": [{ "name": "eva", "email": "eva@source.example" }],
                "readme": format!("# {name} there\n"), "readmeFilename": "README.md",
                "_attachments": {}, "users": { "ana": true },
            })
        });
        change(packument);
        self.upstream.set_packument(name, packument.clone());
    }

    /// A package with two versions, of which the first is deprecated, and a number that was unpublished.
    fn with_pear() -> Self {
        let source = Self::default();
        let pear =
            |version: &str| PublishDocument::new("@acme/pear", version).field("description", json!("green"));
        source.publish(&pear("1.0.0"));
        source.publish(&pear("1.1.0").tag("latest").file("index.js", b"module.exports = 1;"));
        source.change("@acme/pear", |packument| {
            packument["versions"]["1.0.0"]["deprecated"] = json!("use 1.1.0");
            packument["dist-tags"]["old"] = json!("1.0.0");
            packument["time"]["0.9.0"] = json!("2020-02-01T00:00:00.001Z");
        });
        source
    }

    async fn import_as(
        &self,
        registry: &TestRegistry,
        change: impl FnOnce(&mut ImportOptions),
    ) -> (Vec<ImportedPackage>, Vec<String>) {
        let mut options = ImportOptions::default();
        change(&mut options);
        let source = Arc::new(self.upstream.clone());
        outcome(registry.registry().import_packages(source, options)).await
    }

    pub(crate) async fn import(
        &self,
        registry: &TestRegistry,
        names: &[&str],
    ) -> (Vec<ImportedPackage>, Vec<String>) {
        let names = names.iter().map(|name| PackageName::parse(name).unwrap()).collect();
        self.import_as(registry, |options| options.names = names).await
    }

    /// Imports a package, also into one that users published here.
    async fn import_into_published(
        &self,
        registry: &TestRegistry,
        name: &str,
    ) -> (Vec<ImportedPackage>, Vec<String>) {
        let into_published = |options: &mut ImportOptions| {
            options.names = vec![PackageName::parse(name).unwrap()];
            options.into_published = true;
        };
        self.import_as(registry, into_published).await
    }

    /// Imports a package that must not fail.
    async fn imported(&self, registry: &TestRegistry, name: &str) -> ImportedPackage {
        let (mut packages, failures) = self.import(registry, &[name]).await;
        assert_eq!((packages.len(), failures), (1, Vec::new()));
        packages.remove(0)
    }
}

/// The notes of a package, one a line.
fn notes(imported: &ImportedPackage) -> String {
    imported.notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// A stored packument, without what each commit makes anew.
pub(super) async fn stored(registry: &TestRegistry, name: &str) -> Value {
    let stored = registry.stored().await;
    let mut packument: Value = serde_json::from_slice(&stored[&format!("{name}/index.json")]).unwrap();
    for field in ["_rev", "_history", "_outbox"] {
        packument.as_object_mut().unwrap().shift_remove(field);
    }
    packument
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "the snapshot has most of them")]
async fn all_that_the_source_says_is_taken_over_with_one_event() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let imported = source.imported(&registry, "@acme/pear").await;
    assert_eq!((imported.added, imported.unchanged, notes(&imported)), (2, 0, String::new()));
    assert!(imported.bytes > 300, "{imported:?}");
    let of_packages = |key: &String| !key.starts_with("_accounts") && !key.starts_with("_tokens");
    let keys: Vec<_> = registry.keys().await.into_iter().filter(of_packages).collect();
    insta::assert_snapshot!(keys.join("\n"), @r"
    @acme/pear/-/38eda9f1ac6620e002cf01be7bf06d36/pear-1.0.0.tgz
    @acme/pear/-/945e2bd5f6cf351c42db9d0071aab1e8/pear-1.1.0.tgz
    @acme/pear/index.json
    _names/ana.json
    _names/eva.json
    _search/07.json
    _spellings/@acme/pear
    _spellings/_all_entered
    ");
    insta::assert_snapshot!(format!("{:#}", stored(&registry, "@acme/pear").await), @r##"
    {
      "_id": "@acme/pear",
      "name": "@acme/pear",
      "description": "green",
      "readme": "# @acme/pear there\n",
      "readmeFilename": "README.md",
      "dist-tags": {
        "latest": "1.1.0",
        "old": "1.0.0"
      },
      "versions": {
        "1.0.0": {
          "name": "@acme/pear",
          "version": "1.0.0",
          "description": "green",
          "readmeFilename": "README.md",
          "_id": "@acme/pear@1.0.0",
          "_nodeVersion": "24.21.0",
          "_npmVersion": "11.21.2",
          "dist": {
            "integrity": "sha512-OO2p8axmIOACzwG+e/BtNpSsX0Pb850aRXZBuddJg5exZIZ1kyxMeSaeqs+Nob3lJ5k3+Hzk4ycS+XKqkLjqXg==",
            "shasum": "ef8bd6bec606f9fafda11f59dd4934421b4579ae",
            "tarball": "@acme/pear/-/pear-1.0.0.tgz",
            "signatures": [
              {
                "keyid": "SHA256:source",
                "sig": "MEUC"
              }
            ],
            "fileCount": 1,
            "unpackedSize": 75
          },
          "_npmUser": {
            "name": "eva",
            "email": "eva@source.example"
          },
          "maintainers": [
            {
              "name": "eva",
              "email": "eva@source.example"
            }
          ],
          "deprecated": "use 1.1.0"
        },
        "1.1.0": {
          "name": "@acme/pear",
          "version": "1.1.0",
          "description": "green",
          "readmeFilename": "README.md",
          "_id": "@acme/pear@1.1.0",
          "_nodeVersion": "24.21.0",
          "_npmVersion": "11.21.2",
          "dist": {
            "integrity": "sha512-lF4r1fbPNRxC250Acaqx6BMtRCwtGNcvaRX9IAW8IqaXkbHOUqSBKIzYpYLtHmCVmP71+cUUk5sIBEe2adopCg==",
            "shasum": "7134ba4dc8551b288eded343d9834bb87dad7a36",
            "tarball": "@acme/pear/-/pear-1.1.0.tgz",
            "signatures": [
              {
                "keyid": "SHA256:source",
                "sig": "MEUC"
              }
            ],
            "fileCount": 2,
            "unpackedSize": 94
          },
          "_npmUser": {
            "name": "eva",
            "email": "eva@source.example"
          },
          "maintainers": [
            {
              "name": "eva",
              "email": "eva@source.example"
            }
          ]
        }
      },
      "time": {
        "1.0.0": "2020-03-01T01:02:03.456Z",
        "1.1.0": "2020-03-02T01:02:03.456Z",
        "created": "2020-03-01T01:02:03.456Z",
        "modified": "2020-03-02T01:02:03.456Z"
      },
      "maintainers": [
        {
          "name": "eva",
          "email": "eva@source.example"
        }
      ],
      "_tombstones": {
        "0.9.0": "2020-02-01T00:00:00.001Z"
      },
      "_imported": {
        "dist-tags": {
          "latest": "1.1.0",
          "old": "1.0.0"
        },
        "deprecated": {
          "1.0.0": "use 1.1.0"
        },
        "versions": [
          "1.0.0",
          "1.1.0"
        ],
        "added": {
          "2026-01-02T03:04:05.000Z": [
            "1.0.0",
            "1.1.0"
          ]
        },
        "maintainers": [
          {
            "name": "eva",
            "email": "eva@source.example"
          }
        ]
      }
    }
    "##);
    registry.registry().flush_events().await;
    insta::assert_snapshot!(registry.events().kinds(), @r#"{"kind":"imported","from":"scripted upstream","added":2,"latest":"1.1.0"}"#);

    let tarball = registry.anonymous().get("/@acme/pear/-/pear-1.1.0.tgz").await.assert_status(200);
    let expected = PublishDocument::new("@acme/pear", "1.1.0").field("description", json!("green"));
    assert_eq!(tarball.body, expected.file("index.js", b"module.exports = 1;").tarball());
    let shown = registry.anonymous().get("/@acme%2fpear").await.assert_status(200).json();
    assert_eq!(
        shown["versions"]["1.1.0"]["dist"]["tarball"],
        "http://registry.example/@acme/pear/-/pear-1.1.0.tgz"
    );
    let found = registry.anonymous().get("/-/v1/search?text=pear").await.json();
    assert_eq!(found["objects"][0]["package"]["name"], "@acme/pear");
}

/// A publisher cannot give other bytes a number that lock files may name.
#[tokio::test]
async fn numbers_that_were_unpublished_there_stay_taken_here() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let eva = owners::owner(&registry, "eva").await;
    source.imported(&registry, "@acme/pear").await;
    let refused = eva.publish(&PublishDocument::new("@acme/pear", "0.9.0")).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
    let _ = eva.publish(&PublishDocument::new("@acme/pear", "1.2.0")).await.assert_status(201);
    let _ = registry.ana().publish(&PublishDocument::new("@acme/pear", "1.3.0")).await.assert_status(403);

    source.change("gone", |packument| {
        packument["time"]["unpublished"] =
            json!({ "name": "eva", "time": "2020-04-01T00:00:00.000Z", "versions": ["1.0.0", "1.0.1"] });
    });
    let gone = source.imported(&registry, "gone").await;
    assert_eq!((gone.added, gone.unchanged), (0, 0));
    let _ = registry.anonymous().get("/gone").await.assert_status(404);
    let refused = eva.publish(&PublishDocument::new("gone", "1.0.1")).await;
    assert!(refused.status.is_client_error(), "{refused:?}");
}

#[tokio::test]
async fn a_second_import_writes_and_fetches_nothing() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    source.imported(&registry, "@acme/pear").await;
    let (before, _) =
        (registry.stored().await, (registry.store().take_calls(), source.upstream.take_asked()));
    let again = source.imported(&registry, "@acme/pear").await;
    assert_eq!((again.added, again.unchanged, again.bytes), (0, 2, 0));
    assert_eq!(registry.stored().await, before);
    assert_eq!(calls_of(&registry, Operation::Put), [""; 0]);
    assert_eq!(source.upstream.take_asked(), ["packument @acme/pear"]);
}

#[tokio::test]
async fn a_dry_run_counts_and_writes_and_fetches_nothing() {
    let (source, registry) = (Source::with_pear(), TestRegistry::new().await);
    let before = registry.stored().await;
    let dry_run = async |registry: &TestRegistry| {
        let (packages, failures) = source
            .import_as(registry, |options| {
                options.names = vec!["@acme/pear".parse().unwrap()];
                options.mode = BulkMode::DryRun;
            })
            .await;
        assert_eq!(failures, [""; 0]);
        (packages[0].added, packages[0].unchanged)
    };
    assert_eq!(dry_run(&registry).await, (2, 0));
    assert_eq!(registry.stored().await, before);
    assert_eq!(source.upstream.take_asked(), ["packument @acme/pear"]);
    source.imported(&registry, "@acme/pear").await;
    assert_eq!(dry_run(&registry).await, (0, 2));
}

/// Old packages have only a SHA-1, or no time, readme or tag `latest`.
#[tokio::test]
async fn what_the_source_does_not_say_is_completed() {
    let (source, registry) = (Source::default(), TestRegistry::new().await);
    source.publish(&PublishDocument::new("fig", "0.1.0").file("README.md", b"# fig\n"));
    source.publish(&PublishDocument::new("fig", "0.2.0-rc.1"));
    source.change("fig", |packument| {
        *packument = json!({ "name": "fig", "versions": packument["versions"] });
        let manifest = &mut packument["versions"]["0.1.0"];
        manifest["dist"] =
            json!({ "shasum": manifest["dist"]["shasum"], "tarball": manifest["dist"]["tarball"] });
        manifest.as_object_mut().unwrap().shift_remove("readme");
    });
    let imported = source.imported(&registry, "fig").await;
    assert_eq!(imported.added, 2);
    insta::assert_snapshot!(notes(&imported), @"the source names no owners, so it belongs to every account that may publish");
    let packument = stored(&registry, "fig").await;
    let dist = &packument["versions"]["0.1.0"]["dist"];
    assert_eq!(
        dist["integrity"],
        PublishDocument::new("fig", "0.1.0").file("README.md", b"# fig\n").integrity()
    );
    assert_eq!((&dist["fileCount"], &dist["tarball"]), (&json!(2), &json!("fig/-/fig-0.1.0.tgz")));
    assert_eq!(packument["dist-tags"], json!({ "latest": "0.1.0" }));
    assert_eq!(packument["readme"], "# fig\n");
    assert_eq!(packument["time"]["0.1.0"], "2026-01-02T03:04:05.000Z");
    assert_eq!(source.imported(&registry, "fig").await.unchanged, 2);
}
