use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use registry_testkit::clients::package;
use registry_testkit::http_client::HttpClient;
use registry_testkit::server_process::ServerProcess;
use zip::write::SimpleFileOptions;

use super::*;
use crate::running::registry_server;
use crate::support::{publish, sign_up};

/// A zip archive as databases offer it: one file for each advisory.
fn archive(advisories: &[Value]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for advisory in advisories {
        let name = format!("{}.json", advisory["id"].as_str().unwrap());
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(advisory.to_string().as_bytes()).unwrap();
    }
    writer.start_file("README.md", SimpleFileOptions::default()).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn every_kind_of_source_is_loaded_alike() {
    let place = Place::new();
    let two = [advisory("GHSA-1", "pear"), advisory("GHSA-2", "@acme/fig")];
    let list = serde_json::to_vec(&two).unwrap();
    let lines = format!("{}\n{}\n", two[0], two[1]);
    let _ = place.file("folder/one/1.json", two[0].to_string().as_bytes());
    let _ = place.file("folder/2.json", two[1].to_string().as_bytes());
    let _ = place.file("folder/notes.txt", b"no advisory");
    for source in [
        place.file("all.zip", &archive(&two)),
        place.file("list.json", &list),
        place.file("lines.json", lines.as_bytes()),
        place.files.path().join("folder"),
    ] {
        let loaded = stdout(&place.update(&source));
        assert_eq!(loaded, "loaded 2 advisories for 2 packages; the newest is of 2026-11-01T00:00:00Z\n");
        assert_eq!(
            stdout(&place.advisories(&["list", "pear"])),
            "pear GHSA-1 (high) <1.1.0: Pears rot\n",
            "{}",
            source.display()
        );
    }
    let status = stdout(&place.advisories(&["status"]));
    assert!(status.starts_with("2 advisories for 2 packages; the newest is of "), "{status}");
    assert!(status.contains("\nloaded 2") && status.ends_with("\nadded here: none\n"), "{status}");
    let status: Value = serde_json::from_str(&stdout(&place.advisories(&["status", "--json"]))).unwrap();
    assert_eq!(status["database"]["packages"], 2);
    assert_eq!(stdout(&place.advisories(&["list"])), "", "none was added here");
    assert_eq!(stdout(&place.advisories(&["list", "--all", "--json"])).lines().count(), 2);
    let one = place.file("one.json", two[0].to_string().as_bytes());
    assert!(stdout(&place.update(&one)).starts_with("loaded 1 advisory for 1 package;"));
    assert_eq!(stdout(&place.advisories(&["list", "@acme/fig"])), "", "the others are replaced");
}

#[test]
fn own_advisories_are_added_and_removed() {
    let place = Place::new();
    let none = stderr(&place.advisories(&["status"]));
    assert!(none.contains("there are no advisories in this storage"), "{none}");
    let own = place.file("own.json", advisory("ACME-1", "first").to_string().as_bytes());
    assert_eq!(stdout(&place.advisories(&["add", own.to_str().unwrap()])), "added ACME-1 for first\n");
    let database = place.file("list.json", advisory("GHSA-1", "pear").to_string().as_bytes());
    let _ = stdout(&place.update(&database));
    assert_eq!(stdout(&place.advisories(&["list"])), "first ACME-1 (high) <1.1.0: Pears rot\n");
    assert_eq!(stdout(&place.advisories(&["remove", "ACME-1"])), "removed ACME-1\n");
    assert_eq!(stdout(&place.advisories(&["list"])), "");
    assert!(
        stderr(&place.advisories(&["remove", "ACME-1"]))
            .contains("none of the advisories that were added here")
    );
}

/// Updates that are killed at any moment leave the old advisories or the new ones, and the next one takes effect.
#[test]
fn an_update_that_is_killed_leaves_the_old_advisories_or_the_new_ones() {
    let kills: u64 = std::env::var("KILLS").map_or(6, |kills| kills.parse().unwrap());
    let place = Place::new();
    let many: Vec<_> =
        (0..3000).map(|number| advisory(&format!("GHSA-{number}"), &format!("pear-{number}"))).collect();
    let (few, many) = (
        place.file("few.json", advisory("GHSA-old", "pear").to_string().as_bytes()),
        place.file("many.zip", &archive(&many)),
    );
    let _ = stdout(&place.update(&few));
    let storage = storage_of(place.storage.path());
    for kill in 0..kills {
        let arguments = ["advisories", "update", many.to_str().unwrap(), "--storage", &storage];
        let mut child = registry_server(&arguments).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(40 * kill));
        let _ = child.kill();
        let _ = child.wait().unwrap();
        let status: Value = serde_json::from_str(&stdout(&place.advisories(&["status", "--json"]))).unwrap();
        let packages = status["database"]["packages"].as_u64().unwrap();
        // A package of which nothing is known any more is remembered, and not counted.
        assert!([1, 3000].contains(&packages), "{status}");
    }
    assert!(stdout(&place.update(&many)).starts_with("loaded 3000 advisories"));
    assert_eq!(stdout(&place.advisories(&["list", "pear-2999"])).lines().count(), 1);
}

#[tokio::test]
async fn a_running_server_refuses_what_an_update_names_and_two_servers_agree() {
    let storage = TempDir::with_prefix("advised-").unwrap();
    let settings = "[advisories]\nseconds = 0\n[[policy]]\nmatch = \"**\"\nadvisories = \"high\"\n\
                    [[packages]]\nmatch = \"**\"\nread = [\"@all\"]\npublish = [\"@authenticated\"]\n";
    let binary = Path::new(env!("CARGO_BIN_EXE_registry-server"));
    let one = ServerProcess::start(binary, &["--config", settings], storage.path()).await;
    let other = ServerProcess::start(binary, &["--config", settings], storage.path()).await;
    let http = [HttpClient::new(one.base_url()), HttpClient::new(other.base_url())];
    let token = sign_up(&http[0], "ana").await;
    let ana = registry_testkit::clients::Npm::with_token(one.base_url(), &token).await;
    let place = Place { storage, files: TempDir::with_prefix("files-").unwrap() };
    let harmless = place.file("harmless.json", advisory("GHSA-1", "plum").to_string().as_bytes());
    let path = "/pear/-/pear-1.0.0.tgz";
    publish(&ana, &package("pear", "1.0.0")).await;
    let refused = http[0].get(path).send().await.assert_status(503);
    assert!(refused.error().contains("registry-server advisories update"), "{}", refused.error());
    let _ = stdout(&place.update(&harmless));
    for http in &http {
        let _ = http.get(path).send().await.assert_status(200);
    }
    let harmful = place.file("harmful.json", advisory("GHSA-2", "pear").to_string().as_bytes());
    let _ = stdout(&place.update(&harmful));
    for http in &http {
        let refused = http.get(path).send().await.assert_status(403);
        assert!(
            refused.error().contains("is named by the advisory GHSA-2 (high; fixed in 1.1.0)"),
            "{}",
            refused.error()
        );
    }
    let explained = place.run_on(&["policy", "explain", "pear", "--config", settings]);
    assert_eq!(explained.status.code(), Some(3), "{}", String::from_utf8_lossy(&explained.stderr));
    assert!(String::from_utf8(explained.stdout).unwrap().contains("(rule advisories, "));
}

#[tokio::test]
async fn a_url_is_loaded_and_its_secrets_are_shown_nowhere() {
    let place = Place::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let body = archive(&[advisory("GHSA-1", "pear")]);
    let served = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        for status in ["200 OK", "302 Found"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await.unwrap();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(&body).await.unwrap();
        }
    });
    let url = format!("http://ana:swordfish@{address}/all.zip?key=swordfish");
    let (place, loaded, refused) = tokio::task::spawn_blocking(move || {
        let loaded = place.advisories(&["update", &url]);
        let refused = place.advisories(&["update", &url]);
        (place, loaded, refused)
    })
    .await
    .unwrap();
    served.await.unwrap();
    assert!(stdout(&loaded).starts_with("loaded 1 advisory"));
    let refused = stderr(&refused);
    assert!(refused.contains("answered with 302") && !refused.contains("swordfish"), "{refused}");
    let status = stdout(&place.advisories(&["status"]));
    assert!(
        status.contains(&format!("http://{address}/all.zip")) && !status.contains("swordfish"),
        "{status}"
    );
}
