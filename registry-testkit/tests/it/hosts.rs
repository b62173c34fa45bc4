//! Which hosts a request may name, which pages may send one, and what a client's choice of a host costs.

use http::header::{ACCEPT_ENCODING, HOST, IF_NONE_MATCH};
use http::{Method, Request};
use registry_core::Body;
use registry_core::http::{TrustedProxy, UnprovenProxies};
use registry_testkit::TestRegistry;
use registry_testkit::http_client::TestResponse;
use registry_testkit::publish_document::PublishDocument;
use registry_testkit::test_registry::TestClient;
use serde_json::json;

/// How many base URLs documents are rendered and compressed for.
const RENDERED: usize = 16;

async fn with_pear() -> TestRegistry {
    let registry = TestRegistry::new().await;
    let _ = registry.ana().publish(&PublishDocument::new("pear", "1.0.0")).await.assert_status(201);
    registry
}

async fn get(client: &TestClient, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    ask(client, Method::GET, path, headers).await
}

async fn ask(client: &TestClient, method: Method, path: &str, headers: &[(&str, &str)]) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body(Body::empty()).unwrap()).await
}

#[track_caller]
fn tarball_url(answer: &TestResponse) -> String {
    answer.json()["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_names_one_host() {
    let registry = with_pear().await;
    let client = registry.anonymous();
    for (target, hosts) in [
        ("/-/ping", &["a.example", "a.example"][..]),
        ("/-/ping", &["a.example", "b.example"]),
        ("/pear", &[""]),
        ("/-/ping", &["a.example:x"]),
        ("/-/ping", &["a.example:1:2"]),
        ("/-/ping", &["[::1"]),
        ("http://a.example/-/ping", &["b.example"]),
        ("http://a.example/-/ping", &["a.example:8080"]),
    ] {
        let hosts: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        let refused = get(&client, target, &hosts).await.assert_status(400);
        assert!(refused.error().contains("Host"), "{target} {hosts:?}: {}", refused.error());
    }
    for (target, host) in [
        ("/-/ping", "a.example"),
        ("/-/ping", "[::1]:80"),
        ("http://a.example/-/ping", "A.example"),
        ("http://a.example:80/-/ping", "a.example"),
    ] {
        let _ = get(&client, target, &[("host", host)]).await.assert_status(200);
    }
}

#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let registry = with_pear().await;
    let ana = registry.ana();
    let before = registry.stored().await;
    let own = "http://registry.example";
    for (method, path) in [
        (Method::PUT, "/plum"),
        (Method::PUT, "/-/user/org.couchdb.user:ben"),
        (Method::DELETE, "/-/package/pear/dist-tags/next"),
        (Method::POST, "/-/v1/login"),
        (Method::POST, "/-/v1/login/1767323045-abc-def"),
        (Method::POST, "/-/npm/v1/tokens"),
        (Method::PUT, "/-/user/v1/star"),
        (Method::POST, "/nothing/of/the/kind"),
    ] {
        for headers in [
            &[("origin", "http://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "")],
            &[("origin", "http://registry.example:8080")],
            &[("origin", "http://registry.example.evil.example")],
            &[("origin", "registry.example")],
            &[("origin", "ftp://registry.example")],
            &[("origin", own), ("origin", "http://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("origin", own), ("sec-fetch-site", "cross-site")],
        ] {
            let refused = ask(&ana, method.clone(), path, headers).await;
            assert_eq!(refused.status, 403, "{method} {path} {headers:?}");
            assert!(refused.error().contains("another site"), "{}", refused.error());
        }
    }
    assert_eq!(registry.stored().await, before);

    for headers in [&[("origin", own)][..], &[("origin", own), ("sec-fetch-site", "same-origin")], &[]] {
        let _ = ask(&ana, Method::POST, "/-/v1/login", headers).await.assert_status(200);
    }
    // Reading is no change, and the page of a provider sends browsers back.
    let foreign = [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    let _ = get(&ana, "/pear", &foreign).await.assert_status(200);
    let callback = get(&ana, "/-/v1/login/callback", &foreign).await;
    assert!(callback.text().contains("another browser"), "{}", callback.text());
}

#[tokio::test]
async fn behind_a_public_url_that_is_where_pages_come_from() {
    let registry = TestRegistry::builder().public_url("https://npm.example/registry").start().await;
    let client = registry.anonymous();
    for (origin, status) in [
        ("https://npm.example", 200),
        ("https://npm.example:443", 200),
        ("http://registry.example", 403),
        ("https://evil.example", 403),
    ] {
        let answer = ask(&client, Method::POST, "/-/v1/login", &[("origin", origin)]).await;
        assert_eq!(answer.status, status, "{origin}");
    }
}

#[tokio::test]
async fn forwarded_headers_are_ignored_unless_a_trusted_proxy_sent_them() {
    let registry = with_pear().await;
    let client = registry.anonymous();
    let headers =
        [("x-forwarded-host", "npm.example"), ("x-forwarded-proto", "https"), ("forwarded", "host=evil")];
    let direct = get(&client, "/pear", &headers).await.assert_status(200);
    assert_eq!(tarball_url(&direct), "http://registry.example/pear/-/pear-1.0.0.tgz");
    let malformed = get(&client, "/pear", &[("x-forwarded-host", "a b")]).await.assert_status(200);
    assert_eq!(tarball_url(&malformed), tarball_url(&direct));

    let proxied = |headers: &[(&'static str, &'static str)]| {
        let mut request = Request::get("/pear").extension(TrustedProxy);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(Body::empty()).unwrap()
    };
    let answer = client.send(proxied(&headers)).await.assert_status(200);
    assert_eq!(tarball_url(&answer), "https://npm.example/pear/-/pear-1.0.0.tgz");
    for headers in [
        &[("x-forwarded-host", "a b")][..],
        &[("x-forwarded-host", "a.example, b.example")],
        &[("x-forwarded-host", "a.example"), ("x-forwarded-host", "b.example")],
    ] {
        let _ = client.send(proxied(headers)).await.assert_status(400);
    }
}

#[tokio::test]
async fn a_client_that_may_have_invented_its_address_gets_no_token_past_its_networks() {
    let registry = with_pear().await;
    let rights = json!({
        "name": "ci", "password": registry_testkit::test_registry::PASSWORD, "cidr_whitelist": ["192.0.2.0/24"],
    });
    let made = registry.ana().post("/-/npm/v1/tokens", &rights).await.assert_status(201).json();
    let inside = registry.anonymous().with_token(made["token"].as_str().unwrap());
    let inside = inside.from_address("192.0.2.1".parse().unwrap());
    let by = |proxies: &[&str]| {
        let proxies = proxies.iter().map(|address| address.parse().unwrap()).collect();
        Request::get("/-/whoami").extension(UnprovenProxies(proxies)).body(Body::empty()).unwrap()
    };
    let _ = inside.send(by(&[])).await.assert_status(200);
    let _ = inside.send(by(&["192.0.2.9"])).await.assert_status(200);
    for proxies in [&["10.0.0.9"][..], &["192.0.2.9", "10.0.0.9"], &["10.0.0.9", "192.0.2.9"]] {
        let refused = inside.send(by(proxies)).await.assert_status(401);
        assert_eq!(refused.header("www-authenticate"), Some("ipaddress"));
    }
    // A token that is good everywhere is good there too.
    let _ = registry.ana().send(by(&["10.0.0.9"])).await.assert_status(200);
}

#[tokio::test]
async fn documents_are_rendered_for_a_bounded_number_of_hosts() {
    let registry = TestRegistry::new().await;
    for version in ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "1.0.4"] {
        let _ = registry.ana().publish(&PublishDocument::new("pear", version)).await.assert_status(201);
    }
    let client = registry.anonymous();
    let from = async |host: &str| {
        let headers = [(HOST.as_str(), host), (ACCEPT_ENCODING.as_str(), "gzip")];
        get(&client, "/pear", &headers).await.assert_status(200)
    };
    let mut etags = std::collections::BTreeSet::new();
    let mut compressed = 0;
    for number in 0..3 * RENDERED {
        let host = format!("host-{number}.example");
        let answer = from(&host).await;
        etags.insert(answer.header("etag").unwrap().to_owned());
        if answer.header("content-encoding") == Some("gzip") {
            compressed += 1;
            continue;
        }
        let length = answer.header("content-length").unwrap().parse::<usize>().unwrap();
        assert_eq!(length, answer.body.len());
        assert_eq!(tarball_url(&answer), format!("http://{host}/pear/-/pear-1.0.0.tgz"));
        assert!(!answer.text().contains(".invalid"), "{}", answer.text());
        let manifest = get(&client, "/pear/1.0.0", &[("host", &host)]).await.assert_status(200);
        let tarball = format!("\"http://{host}/pear/-/pear-1.0.0.tgz\"");
        assert!(manifest.text().contains(&tarball), "{}", manifest.text());

        let etag = answer.header("etag").unwrap();
        let known = [(HOST.as_str(), host.as_str()), (IF_NONE_MATCH.as_str(), etag)];
        let unchanged = get(&client, "/pear", &known).await.assert_status(304);
        assert!(unchanged.body.is_empty());
    }
    assert_eq!(compressed, RENDERED, "for these, the document was rendered and compressed");
    assert_eq!(etags.len(), 3 * RENDERED);
    assert_eq!(from("host-0.example").await.header("content-encoding"), Some("gzip"));
}
