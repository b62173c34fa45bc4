//! What the log says of stored data that is damaged.

use std::fs;
use std::path::{Path, PathBuf};

use registry_testkit::publish_document::PublishDocument;

use crate::running::wait_for;
use crate::support::{Registry, sign_up};

fn stored(folder: &Path, end: &str) -> Option<PathBuf> {
    fs::read_dir(folder).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() { stored(&path, end) } else { path.ends_with(end).then_some(path) }
    })
}

/// The client is told to have the operator look at the log, which then says where to look and what to do.
#[tokio::test]
async fn a_damaged_packument_is_logged_with_its_key_and_the_remedy() {
    for (content, what) in [("", "is empty or cut off"), ("[]", "cannot be read")] {
        let registry = Registry::start().await;
        let http = registry.http();
        let token = sign_up(&http, "ana").await;
        let document = PublishDocument::new("@acme/Pear", "1.0.0").build();
        let _ = http.put("/@acme%2fPear").bearer(&token).json(&document).send().await.assert_status(201);
        fs::write(stored(registry.storage(), "@acme/=pear/index.json").unwrap(), content).unwrap();
        let refused = http.get("/@acme%2fPear").send().await.assert_status(500);
        assert!(
            refused.error().contains("ask the registry's operator to look at the log"),
            "{}",
            refused.error()
        );
        let line = wait_for("the line in the log", || {
            let log = registry.server.stderr();
            log.lines().find(|line| line.contains("a request failed")).map(str::to_owned)
        });
        for part in
            [&format!("@acme/=pear/index.json {what}"), "restore it from a backup", "_spellings/@acme/pear"]
        {
            assert!(line.contains(part), "no {part} in {line}");
        }
        assert!(!line.contains("look at the log"), "{line}");
    }
}
