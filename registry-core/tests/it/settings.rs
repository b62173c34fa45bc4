//! What settings name is opened as they say.

use std::sync::Arc;

use registry_core::settings::{Settings, open_trusted_publishing, registry_builder};
use registry_core::storage::{BucketError, ObjectStoreBlobs, open_bucket};

#[test]
fn builds_of_pull_requests_publish_only_where_the_settings_let_them() {
    // A test beside this one may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let lets = |more: &str| {
        let table = "[[trusted_publishing.issuers]]\nname = \"github\"\nkind = \"github\"\nurl = \"https://issuer.example\"";
        let settings = Settings::from_toml(&format!("{table}\n{more}")).unwrap();
        let publishing = open_trusted_publishing(&settings.trusted_publishing).unwrap();
        publishing.issuers.iter().map(|issuer| issuer.pull_requests).collect::<Vec<_>>()
    };
    assert_eq!(lets(""), [false]);
    assert_eq!(lets("pull_requests = true"), [true]);
}

#[tokio::test]
async fn the_hosts_of_tarballs_reach_the_upstream() {
    let open_with = |more: &str| {
        let table = format!("[upstreams.npm]\nurl = \"https://registry.example\"\n{more}");
        let settings = Settings::from_toml(&table).unwrap();
        registry_builder(&settings, Arc::new(ObjectStoreBlobs::in_memory()))
    };
    drop(open_with("tarball_hosts = [\"files.example:8443\"]").unwrap());
    let refused = format!("{:#}", open_with("tarball_hosts = [\"https://files.example\"]").unwrap_err());
    assert!(refused.starts_with("[upstreams.npm]: https://registry.example/ cannot be used: "), "{refused}");
    assert!(refused.contains("https://files.example"), "{refused}");
}

fn open(url: &str, options: &[(&str, &str)]) -> Result<String, BucketError> {
    // A test beside this one may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    open_bucket(&url.parse().unwrap(), &options).map(|store| store.to_string())
}

#[test]
fn a_prefix_is_taken_from_the_url() {
    let region = [("aws_region", "eu-west-1")];
    assert_eq!(open("s3://bucket/team/a/", &region).unwrap(), "s3://bucket/team/a");
    assert_eq!(open("s3://bucket", &region).unwrap(), "s3://bucket");
}

#[test]
fn a_mistyped_option_is_refused() {
    let refused = open("s3://bucket", &[("aws_regoin", "eu-west-1")]);
    assert_eq!(
        refused.unwrap_err().to_string(),
        "`aws_regoin` is not an option of s3:// storage; did you mean `aws_region`?"
    );
}
