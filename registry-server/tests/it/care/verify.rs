use std::fs;

use registry_testkit::clients::on_terminal;
use serde_json::{Value, json};

use super::{lines, old_orphan, package, run_on, storage, tarball, with_pear};
use crate::running::{run, stderr_of_failure};

fn verified(line: &Value, field: &str) -> u64 {
    line["verified"][field].as_u64().unwrap_or_else(|| panic!("no {field} in {line}"))
}

#[tokio::test]
async fn the_exit_code_says_whether_the_storage_is_sound() {
    let registry = with_pear().await;
    let sound = lines(&run_on(&registry, &["verify"]), 0);
    assert_eq!(sound.len(), 1);
    let counts = ["packages", "versions", "findings", "repaired"].map(|field| verified(&sound[0], field));
    assert_eq!(counts, [1, 2, 0, 0]);

    let file = tarball(&registry, "1.1.0");
    let mut bytes = fs::read(&file).unwrap();
    bytes[10] ^= 1;
    fs::write(&file, bytes).unwrap();
    let damaged = lines(&run_on(&registry, &["verify", "--repair", "--package", "pear"]), 1);
    assert_eq!(damaged.len(), 2);
    assert_eq!(
        [&damaged[0]["package"], &damaged[0]["finding"], &damaged[0]["version"], &damaged[0]["repaired"]],
        [&json!("pear"), &json!("damaged-tarball"), &json!("1.1.0"), &json!(false)]
    );
    assert_eq!(damaged[0]["advice"], "restore the tarball from a backup, or unpublish the version");
    assert_eq!(verified(&damaged[1], "findings"), 1);

    fs::remove_file(&file).unwrap();
    let missing = lines(&run_on(&registry, &["verify"]), 1);
    assert_eq!(missing[0]["finding"], "missing-tarball");
}

#[tokio::test]
async fn what_is_repaired_is_no_failure() {
    let registry = with_pear().await;
    let index = package(&registry, "pear/index.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    json["dist-tags"]["beta"] = json!("2.0.0");
    fs::write(&index, json.to_string()).unwrap();
    let orphan = old_orphan(&registry);
    let kinds = |output: &[Value]| {
        output.iter().filter_map(|line| line["finding"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let found = lines(&run_on(&registry, &["verify"]), 1);
    assert_eq!(kinds(&found), ["dangling-tag", "orphaned-tarball"]);
    assert!(orphan.exists());
    let repaired = lines(&run_on(&registry, &["verify", "--repair"]), 0);
    assert_eq!(kinds(&repaired), ["dangling-tag", "orphaned-tarball"]);
    assert_eq!(verified(&repaired[2], "repaired"), 2);
    assert!(!orphan.exists());
    assert_eq!(lines(&run_on(&registry, &["verify"]), 0).len(), 1);
    let tags = registry.http().get("/-/package/pear/dist-tags").send().await.assert_status(200).json();
    assert_eq!(tags, json!({ "latest": "1.1.0" }));
}

#[tokio::test]
async fn a_check_that_cannot_run_is_not_a_finding() {
    let registry = with_pear().await;
    let refused = stderr_of_failure(&run_on(&registry, &["verify", "--package", "plum"]), 2);
    assert!(refused.contains("no package plum is hosted in this storage: check the name"), "{refused}");
    let elsewhere = format!("file:{}/nothing-here", registry.storage().display());
    let refused = stderr_of_failure(&run(&["verify", "--storage", &elsewhere]), 2);
    assert!(refused.contains("there is no registry in"), "{refused}");
    let refused = stderr_of_failure(&run(&["verify", "--storage", "memory:"]), 2);
    assert!(
        refused.contains("the check did not finish: nothing persists in the storage memory"),
        "{refused}"
    );
    let refused = stderr_of_failure(&run_on(&registry, &["verify", "--older-than", "10m"]), 2);
    assert!(refused.contains("a publish in progress may be as young: write 1h or more"), "{refused}");
}

#[tokio::test]
async fn a_terminal_shows_sentences() {
    let registry = with_pear().await;
    fs::remove_file(tarball(&registry, "1.0.0")).unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_registry-server"));
    command.args(["verify", "--storage", &storage(&registry)]);
    let shown = on_terminal(command, "registry-server verify").await.assert_failure();
    assert!(shown.printed("pear@1.0.0: the tarball pear/-/"), "{shown}");
    assert!(shown.printed("verified 1 package with 2 versions"), "{shown}");
}
