//! Imports that are killed, repeated and run beside each other.

use std::fs;

use registry_testkit::amount;
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;

use super::super::import::packages;
use super::{Verdaccio, output, records};
use crate::running::kill_after;
use crate::support::start_server;

#[tokio::test]
async fn imports_that_are_killed_and_run_again_end_as_one_clean_run() {
    let names: Vec<String> =
        (0..amount("PACKAGES", 12)).map(|number| format!("@acme/fig-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let verdaccio = Verdaccio::with(&names);
    let clean = verdaccio.path("clean");
    let cleanly = super::command(verdaccio.folder.path(), &verdaccio.config(), &clean);
    assert!(output(cleanly).await.status.success());
    let settings = fs::read_to_string(verdaccio.path("registry.toml")).unwrap();
    fs::remove_file(verdaccio.path("registry.toml")).unwrap();
    let kills = amount("KILLS", 4);
    for kill in 0..kills {
        kill_after(verdaccio.command(&[]), kill * names.len() / kills).await;
    }
    // Two at once end as one.
    let (first, second) = tokio::join!(verdaccio.import(&[]), verdaccio.import(&[]));
    for output in [first, second] {
        assert!(output.status.success(), "{output:?}");
        assert_eq!(records(&output).pop().unwrap()["failures"], 0);
    }
    assert_eq!(packages(&verdaccio.target()), packages(&clean));
    let written = fs::read_to_string(verdaccio.path("registry.toml")).unwrap();
    assert_eq!(written.replace("/target", "/clean"), settings);
}

/// What changed in Verdaccio since, while our server runs, and what changed here.
#[tokio::test]
async fn a_later_import_brings_up_to_date_what_was_not_changed_here() {
    let mut verdaccio = Verdaccio::with(&["fig"]);
    verdaccio.change("fig", |package| package["users"] = json!({ "ana": true, "ben": true }));
    let file = verdaccio.path("registry.toml");
    fs::write(&file, "# of the operator\n").unwrap();
    assert!(verdaccio.import(&[]).await.status.success());
    assert_eq!(fs::read_to_string(&file).unwrap(), "# of the operator\n");

    let server = start_server(&verdaccio.target()).await;
    verdaccio.publish(&PublishDocument::new("fig", "1.1.0").file("index.js", b"module.exports = 1;"));
    verdaccio.change("fig", |package| {
        package["versions"]["1.0.0"]["deprecated"] = json!("use 1.1.0");
        package["dist-tags"]["old"] = json!("1.0.0");
        package["users"] = json!({ "ben": true, "eva": true });
    });
    let output = verdaccio.import(&[]).await;
    assert_eq!(records(&output)[0]["added"], 1, "{output:?}");
    let fig = HttpClient::new(server.base_url()).get("/fig").send().await.assert_status(200).json();
    assert_eq!(fig["dist-tags"], json!({ "latest": "1.1.0", "old": "1.0.0" }));
    assert_eq!(fig["versions"]["1.0.0"]["deprecated"], "use 1.1.0");
    assert_eq!(fig["time"]["1.1.0"], "2020-03-02T01:02:03.456Z");
    assert_eq!(fig["users"], json!({ "ben": true, "eva": true }));
    assert!(server.stop().await.success());
}

/// A copy has its packages elsewhere than its configuration says.
#[tokio::test]
async fn the_variable_of_verdaccio_names_the_storage() {
    let verdaccio = Verdaccio::with(&["fig"]);
    fs::write(verdaccio.path("config.yaml"), "storage: /no/such/storage\npackages: {}\n").unwrap();
    let folder = verdaccio.folder.path();
    let mut command = super::command(folder, &folder.display().to_string(), &verdaccio.target());
    command.env("VERDACCIO_STORAGE_PATH", "./storage");
    let output = output(command).await;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(records(&output).pop().unwrap()["added"], 1);
}
