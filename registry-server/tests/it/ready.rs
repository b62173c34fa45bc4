//! `registry-server ready`, as the health check of an image runs it.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::running::{Running, run, stderr_of_failure};
use crate::support::{sign_up, start_server};

#[test]
fn a_server_that_is_ready_is_told_from_one_that_is_not_there() {
    let server = Running::start(&[]);
    let everywhere = format!("0.0.0.0:{}", server.address.port());
    let asked = run(&["ready", "--listen", &everywhere]);
    assert_eq!(String::from_utf8_lossy(&asked.stdout), "ready\n");
    assert!(asked.status.success());
    let address = server.address.to_string();
    drop(server);
    let stderr = stderr_of_failure(&run(&["ready", "--listen", &address]), 1);
    assert!(stderr.starts_with(&format!("registry-server: no server answers at {address}")), "{stderr}");
}

#[test]
fn the_answer_in_json_is_there_whether_or_not_a_server_is() {
    let ask = |address: &str| {
        let asked = run(&["ready", "--json", "--listen", address]);
        (asked.status.code(), serde_json::from_slice::<Value>(&asked.stdout).unwrap())
    };
    let server = Running::start(&[]);
    let address = server.address.to_string();
    let ready = json!({ "address": address, "ready": true, "findings": [], "error": null });
    assert_eq!(ask(&address), (Some(0), ready));
    drop(server);
    let (code, told) = ask(&address);
    assert_eq!((code, &told["ready"]), (Some(1), &json!(false)));
    assert!(
        told["error"].as_str().unwrap().starts_with(&format!("no server answers at {address}")),
        "{told}"
    );
}

#[test]
fn a_server_that_says_no_is_believed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"error\":\"stopping\"}").unwrap();
        // Until the other side has read it all.
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let stderr = stderr_of_failure(&run(&["ready", "--listen", &address]), 1);
    assert!(stderr.ends_with("is not ready: {\"error\":\"stopping\"}\n"), "{stderr}");
    answering.join().unwrap();
}

#[tokio::test]
async fn a_server_whose_storage_was_emptied_under_it_is_not_ready_and_answers_for_nothing() {
    let storage = tempfile::tempdir().unwrap();
    let server = start_server(storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "ana").await;
    let pear = PublishDocument::new("pear", "1.0.0").build();
    let _ = http.put("/pear").bearer(&token).json(&pear).send().await.assert_status(201);
    let _ = http.get("/-/ready").send().await.assert_status(200);

    let (objects, aside) = (storage.path().join("objects"), storage.path().join("aside"));
    fs::rename(&objects, &aside).unwrap();
    fs::create_dir(&objects).unwrap();
    let ready = http.get("/-/ready").send().await.assert_status(503);
    assert_eq!(
        ready.error(),
        "the storage is empty or not mounted, its marker is gone: mount it again, or, if it was emptied on purpose, restart \
         the server"
    );
    let told = http.get("/pear").send().await.assert_status(503);
    assert_eq!(
        told.error(),
        "the registry's storage is not the one that was opened: ask the registry's operator to look at the log"
    );
    // The log is written behind the answers.
    let is_logged = async {
        while !server.stderr().contains("its marker _registry.json is gone") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(Duration::from_secs(30), is_logged).await.is_ok(), "{}", server.stderr());

    // What the server had begun to write when its storage went away may be in the empty one.
    fs::remove_dir_all(&objects).unwrap();
    fs::rename(&aside, &objects).unwrap();
    let _ = http.get("/-/ready").send().await.assert_status(200);
    let _ = http.get("/pear").send().await.assert_status(200);
}

#[test]
fn a_server_that_is_to_find_a_registry_begins_none() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("registry.toml"));
    fs::create_dir(&data).unwrap();
    fs::write(&config, "[storage]\nmust_exist = true\n").unwrap();
    let storage = format!("file:{}", data.display());
    let arguments = ["--storage", &storage, "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()];
    let stderr = stderr_of_failure(&run(&arguments), 1);
    assert!(stderr.contains("storage.must_exist is true: mount the storage"), "{stderr}");
    assert_eq!(fs::read_dir(&data).unwrap().count(), 0);
}
