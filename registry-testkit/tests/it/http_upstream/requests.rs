use registry_core::auth::Credential;
use registry_core::domain::Version;
use registry_core::upstream::{PackumentForm, Upstream as _, Validators};
use registry_testkit::fake_upstream::FakeRequest;

use super::{bounded, connect, fake, name, settings};

/// A request as it went over the wire, but for the host.
fn on_the_wire(request: FakeRequest) -> String {
    let FakeRequest { method, path, query, headers, body } = request;
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    let mut lines: Vec<_> = headers
        .iter()
        .filter(|(name, _)| *name != "host")
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    lines.sort();
    format!("{method} {path}{query}\n{}\n{}\n", lines.join("\n"), String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn each_question_is_what_npm_would_ask() {
    let fake = fake().await;
    let mut settings = settings(&fake);
    settings.url = format!("{}/npm/all/", fake.base_url()).parse().unwrap();
    settings.credential =
        Some(Credential::Basic { name: "ana".into(), password: "pass:word".to_owned().into() });
    let upstream = connect(settings);
    let (unknown, web) = (Validators::default(), name("@acme/web"));
    let version = Version::parse("1.0.0-rc.1+build").unwrap();

    let _ = bounded(upstream.packument(&web, PackumentForm::Abbreviated, &unknown)).await;
    let _ = bounded(upstream.packument(&web, PackumentForm::Full, &unknown)).await;
    let _ = bounded(upstream.tarball(&format!("{}/a%2fb/../c.tgz?d=e#f", fake.base_url()))).await;
    let _ = bounded(upstream.search("text=a b&size=20#x")).await;
    let _ = bounded(upstream.advisories(r#"{"pear":["1.0.0"]}"#.into())).await;
    let _ = bounded(upstream.keys()).await;
    let _ = bounded(upstream.attestations(&web, &version)).await;
    let sent: Vec<_> = fake.requests().into_iter().map(on_the_wire).collect();
    insta::assert_snapshot!(sent.join("\n"), @r#"
    GET /npm/all/@acme%2fweb
    accept-encoding: gzip
    accept: application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0


    GET /npm/all/@acme%2fweb
    accept-encoding: gzip
    accept: application/json
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0


    GET /c.tgz?d=e
    accept-encoding: identity
    accept: */*
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0


    GET /npm/all/-/v1/search?text=a%20b&size=20%23x
    accept-encoding: gzip
    accept: application/json
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0


    POST /npm/all/-/npm/v1/security/advisories/bulk
    accept-encoding: gzip
    accept: application/json
    authorization: Basic YW5hOnBhc3M6d29yZA==
    content-length: 18
    content-type: application/json
    user-agent: registry-core/0.1.0
    {"pear":["1.0.0"]}

    GET /npm/all/-/npm/v1/keys
    accept-encoding: gzip
    accept: application/json
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0


    GET /npm/all/-/npm/v1/attestations/@acme%2fweb@1.0.0-rc.1%2Bbuild
    accept-encoding: gzip
    accept: application/json
    authorization: Basic YW5hOnBhc3M6d29yZA==
    user-agent: registry-core/0.1.0
    "#);
}

#[tokio::test]
async fn connections_are_kept() {
    let fake = fake().await;
    let upstream = connect(settings(&fake));
    for _ in 0..3 {
        bounded(upstream.keys()).await.unwrap();
    }
    assert_eq!(fake.connections(), 1);
}
