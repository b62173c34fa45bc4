use serde_json::json;

use super::{lines, old_orphan, run_on, storage, tarball, with_pear};
use crate::running::{run, stderr_of_failure};

#[tokio::test]
async fn only_old_orphans_are_deleted_and_a_dry_run_deletes_nothing() {
    let registry = with_pear().await;
    let orphan = old_orphan(&registry);
    let path = "pear/-/00000000000000000000000000000000/pear-9.9.9.tgz";
    let tarball_line =
        |deleted| json!({ "package": "pear", "tarball": path, "bytes": 6, "deleted": deleted });
    let planned = lines(&run_on(&registry, &["sweep", "--dry-run"]), 0);
    assert_eq!(planned[0], tarball_line(false));
    assert_eq!(
        (&planned[1]["swept"]["tarballs"], &planned[1]["swept"]["deleted"]),
        (&json!(1), &json!(false))
    );
    assert!(orphan.exists());
    assert_eq!(lines(&run_on(&registry, &["sweep", "--older-than", "7d"]), 0).len(), 1, "it is younger");
    assert!(orphan.exists());
    let swept = lines(&run_on(&registry, &["sweep"]), 0);
    assert_eq!(swept[0], tarball_line(true));
    assert!(!orphan.exists());
    assert!(tarball(&registry, "1.0.0").exists() && tarball(&registry, "1.1.0").exists());
    let refused = stderr_of_failure(&run(&["sweep", "--storage", "memory:"]), 1);
    assert!(refused.contains("nothing persists in the storage memory"), "{refused}");
}

#[tokio::test]
async fn stats_count_what_is_stored() {
    let registry = with_pear().await;
    let stats = lines(&run(&["stats", "--storage", &storage(&registry)]), 0);
    let stats = &stats[0];
    let counts = ["packages", "versions", "local_accounts", "tokens", "organizations", "staged_versions"];
    assert_eq!(counts.map(|field| stats[field].as_u64().unwrap()), [1, 2, 1, 1, 0, 0], "{stats}");
    assert_eq!(stats["largest"][0]["name"], "pear");
    assert!(stats["hosted_bytes"].as_u64().unwrap() > 0);
}
