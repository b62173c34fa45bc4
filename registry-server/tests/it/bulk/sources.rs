//! What `import registry` says of its source: that it is this registry, that lock files take packages from elsewhere, and what
//! differs there.

use std::collections::BTreeMap;
use std::fs;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::failure;
use super::import::{Source, lines, packages, target};
use crate::running::run;
use crate::support::{sign_up, start_server};

#[tokio::test]
async fn a_registry_is_not_imported_from_itself() {
    let source = Source::start(&[("@acme/pear", &["1.0.0"]), ("fig", &["1.0.0"])]).await;
    let before = packages(source.registry.storage());
    for arguments in [
        &["fig", "@acme/pear"][..],
        &["--scope", "@acme", "--scope", "@other"],
        &["--all"],
        &["fig", "--dry-run"],
    ] {
        let output = source.import(source.registry.storage(), arguments).await;
        let told = failure(&output);
        let address = source.url().trim_start_matches("http://");
        assert_eq!(
            told,
            format!(
                "registry-server: the source {address} is this registry itself, or stores in a copy of its storage, so nothing is \
                 imported: name the URL of the registry that has the packages\n"
            ),
            "{arguments:?}"
        );
        assert_eq!(output.stdout, b"", "{arguments:?}");
    }
    assert_eq!(packages(source.registry.storage()), before);
}

#[tokio::test]
async fn what_lock_files_take_from_elsewhere_is_left_out_and_counted() {
    let source = Source::start(&[("fig", &["1.0.0"]), ("plum", &["1.0.0"]), ("pear", &["1.0.0"])]).await;
    let target = target().await;
    let files = TempDir::new().unwrap();
    let lock_file = |name: &str, packages: &[(&str, Option<String>)]| {
        let entry = |(name, resolved): &(&str, Option<String>)| {
            let mut entry = json!({ "version": "1.0.0" });
            if let Some(resolved) = resolved {
                entry["resolved"] = json!(resolved);
            }
            (format!("node_modules/{name}"), entry)
        };
        let packages: serde_json::Map<String, Value> = packages.iter().map(entry).collect();
        let path = files.path().join(name);
        fs::write(&path, json!({ "lockfileVersion": 3, "packages": packages }).to_string()).unwrap();
        path.display().to_string()
    };
    let at = |host: &str, name: &str| Some(format!("{host}/{name}/-/{name}-1.0.0.tgz"));
    let forge = "https://forge.example";
    let lock = lock_file(
        "package-lock.json",
        &[
            ("fig", at(source.url(), "fig")),
            ("plum", None),
            ("pear", at("https://files.example:8443/npm", "pear")),
            ("kiwi", at(forge, "kiwi")),
            ("lime", at(forge, "lime")),
            ("fork", Some("git+ssh://git@forge.example/fork.git#1f9c".into())),
        ],
    );
    let output = source.import(target.path(), &["--lockfile", &lock]).await;
    let found = lines(&output);
    assert_eq!(
        found[..2],
        [
            json!({ "host": "files.example", "left-out": ["pear"] }),
            json!({ "host": "forge.example", "left-out": ["kiwi", "lime"] }),
        ]
    );
    let places: Vec<_> =
        found[2..4].iter().map(|line| (&line["package"], &line["number"], &line["of"])).collect();
    assert_eq!(places, [(&json!("fig"), &json!(1), &json!(2)), (&json!("plum"), &json!(2), &json!(2))]);
    assert_eq!((&found[4]["packages"], &found[4]["elsewhere"]), (&json!(2), &json!(3)));

    // The operator knows better.
    let hosts = ["--tarball-host", "files.example:8443"];
    let found = lines(&source.import(target.path(), &[&["--lockfile", &lock], &hosts[..]].concat()).await);
    assert_eq!(
        (&found.last().unwrap()["packages"], &found.last().unwrap()["elsewhere"]),
        (&json!(3), &json!(2))
    );
    let nothing = lock_file("other.json", &[("kiwi", at(forge, "kiwi"))]);
    let told = failure(&source.import(target.path(), &["--lockfile", &nothing]).await);
    assert!(told.contains("the lock files take nothing from http://127.0.0.1:"), "{told}");
    assert!(told.contains("and 1 package from elsewhere: name packages, or the hosts"), "{told}");
}

#[tokio::test]
async fn the_sum_names_what_differs_at_the_source_and_stays() {
    let source = Source::start(&[("fig", &["1.0.0"]), ("plum", &["1.0.0"])]).await;
    let target = target().await;
    assert_eq!(lines(&source.import(target.path(), &["fig", "plum"]).await).len(), 3);
    let storage = format!("file:{}", target.path().display());
    let admitted = run(&["account", "admit", "eva", "--provider", "local", "--storage", &storage]);
    assert!(admitted.status.success(), "{admitted:?}");
    let server = start_server(target.path()).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "eva").await;
    for name in ["fig", "plum"] {
        let document = PublishDocument::new(name, "9.0.0").build();
        let put = http.put(&format!("/{name}")).bearer(&token).json(&document);
        let _ = put.send().await.assert_status(201);
        source.publish(name, &PublishDocument::new(name, "1.1.0")).await;
    }
    for arguments in [&["fig", "plum", "--dry-run"][..], &["fig", "plum"]] {
        let sum = lines(&source.import(target.path(), arguments).await).pop().unwrap();
        assert_eq!(sum["added"], 2, "{sum}");
        let kept: BTreeMap<String, Value> = serde_json::from_value(sum["kept"].clone()).unwrap();
        assert_eq!(kept, BTreeMap::from([("dist-tags".to_owned(), json!(["fig latest", "plum latest"]))]));
    }
}
