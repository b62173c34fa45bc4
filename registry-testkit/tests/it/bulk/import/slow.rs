//! A source that holds each of its answers for as long as it may.

use std::sync::Arc;
use std::time::Duration;

use registry_core::bulk::ImportOptions;
use registry_core::upstream::{HttpUpstream, HttpUpstreamSettings};
use registry_testkit::conformance::ServedPackages;
use registry_testkit::fake_upstream::{FakeAnswer, FakeUpstream};
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::{TestRegistry, install_tls_provider};
use serde_json::json;

use super::super::outcome;

/// Serves a package with one version.
fn serve(fake: &FakeUpstream, name: &str, tarball: FakeAnswer) {
    let mut packument = PublishDocument::new(name, "1.0.0").build();
    let path = format!("/{name}/-/{name}-1.0.0.tgz");
    packument["versions"]["1.0.0"]["dist"]["tarball"] = json!(format!("{}{path}", fake.base_url()));
    fake.answer(&format!("/{name}"), FakeAnswer::usual().body(packument.to_string()));
    let bytes = PublishDocument::new(name, "1.0.0").tarball();
    fake.answer(&path, tarball.body(bytes));
}

#[tokio::test]
async fn a_source_that_trickles_is_named_and_the_next_package_is_imported() {
    install_tls_provider();
    let fake = FakeUpstream::start(ServedPackages::sample()).await;
    let pause = Duration::from_millis(20);
    serve(&fake, "fig", FakeAnswer::usual().trickle_after(20, pause));
    serve(&fake, "pear", FakeAnswer::usual());
    serve(&fake, "plum", FakeAnswer::usual());
    let of_plum = PublishDocument::new("plum", "1.0.0").build().to_string();
    fake.answer("/plum", FakeAnswer::usual().body(of_plum).trickle_after(20, pause));
    let mut settings = HttpUpstreamSettings::new(fake.base_url().parse().unwrap());
    settings.request_timeout = Duration::from_millis(500);
    settings.stall_timeout = Duration::from_millis(300);
    settings.least_tarball_rate = 16 << 10;
    settings.retries = 0;
    settings.proxy_from_environment = false;
    let registry = TestRegistry::new().await;
    let mut options = ImportOptions::default();
    options.names = ["fig", "plum", "pear"].map(|name| name.parse().unwrap()).into();
    let source = Arc::new(HttpUpstream::new(settings).unwrap());
    let (packages, failures) = outcome(registry.registry().import_packages(source, options)).await;
    let added: Vec<_> = packages.iter().map(|package| (package.package.as_str(), package.added)).collect();
    assert_eq!(added, [("fig", 0), ("pear", 1)]);
    let address = fake.base_url().trim_start_matches("http://");
    let slow = format!(
        "cannot fetch the tarball of fig@1.0.0: the source {address} did not answer as it should: the tarball was too slow: "
    );
    assert!(failures[0].starts_with(&slow), "{failures:?}");
    let slow = format!(
        "cannot read the package plum of the source: the source {address} did not answer as it should: no whole answer came within 500 ms"
    );
    assert_eq!(failures[1..], [slow]);
}
