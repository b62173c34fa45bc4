//! Commands that only read: they write nothing, whatever is configured and whatever is missing.

use std::collections::BTreeMap;
use std::fs;

use super::{RULES, lines, storage, with_pear};
use crate::running::{registry_server, run};
use crate::support::{Registry, files_below};

const SINKS: &str = "
[webhooks.deploys]
url = \"http://127.0.0.1:9/\"
secret_env = \"HOOK_SECRET\"
[codebox_log]
url = \"http://127.0.0.1:9/\"
client_id = \"log\"
";

/// Path → content, of all files but those that the running server still writes after its last answer.
pub(super) fn files(registry: &Registry) -> BTreeMap<String, Vec<u8>> {
    let mut found = files_below(&registry.storage().join("objects"));
    let is_left_alone =
        |path: &str| !["_changes/", "_log/", "_outbox/", "_search/"].iter().any(|of| path.starts_with(of));
    found.retain(|path, _| is_left_alone(path));
    found
}

#[tokio::test]
async fn with_sinks_of_changes_they_run_and_without_the_marker_they_make_none() {
    let registry = with_pear().await;
    fs::remove_file(registry.storage().join("objects/_registry.json")).unwrap();
    let before = files(&registry);
    let (storage, config) = (storage(&registry), format!("{RULES}\n{SINKS}"));
    for arguments in
        [&["verify"][..], &["stats"], &["sweep", "--dry-run"], &["retain", "--releases", "0"], &["doctor"]]
    {
        let command = [arguments, &["--storage", &storage, "--config", &config]].concat();
        let output =
            registry_server(&command).env("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").output();
        let output = output.unwrap();
        let is_doctor = arguments == ["doctor"];
        let found = lines(&output, i32::from(is_doctor));
        if is_doctor {
            let told = found
                .iter()
                .filter(|check| check["check"] == "storage")
                .map(|check| check["message"].clone());
            let told: Vec<_> = told.collect();
            assert_eq!(told.len(), 1, "{told:?}");
            assert!(
                told[0].as_str().unwrap().ends_with("has packages and no marker _registry.json"),
                "{told:?}"
            );
        }
        let after = files(&registry);
        assert_eq!(
            after.keys().collect::<Vec<_>>(),
            before.keys().collect::<Vec<_>>(),
            "{arguments:?} wrote"
        );
        assert!(after == before, "{arguments:?} wrote");
    }
}

#[test]
fn a_storage_of_another_user_is_not_called_empty() {
    // The folder's place is taken by a file: like a folder of another user, it cannot be looked into, by root neither.
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = format!("file:{}", file.path().join("data").display());
    let output = run(&["verify", "--storage", &inside, "--config", RULES]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("cannot open the storage") && !stderr.contains("there is no registry"),
        "{stderr}"
    );
}
