//! The service from outside, over HTTP on a port of its own.

#![expect(clippy::unwrap_used, reason = "in a test, a step that fails ends the test")]

use axum::http::Method;
use registry_core::randomness::Randomness as _;
use registry_testkit::SeededRandomness;
#[cfg(unix)]
use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::HttpClient;
use registry_testkit::publish_document::PublishDocument;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;

/// A running service. It ends with the test's runtime.
struct Service {
    base_url: String,
    _folder: TempDir,
}

impl Service {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = embed_in_axum::registry(folder.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(embed_in_axum::serve(listener, registry));
        Self { base_url, _folder: folder }
    }

    fn http(&self) -> HttpClient {
        HttpClient::new(&self.base_url)
    }

    async fn sign_up(&self, name: &str) -> String {
        let account = json!({ "name": name, "password": "correct horse battery" });
        let path = format!("/npm/-/user/org.couchdb.user:{name}");
        let answer = self.http().put(&path).json(&account).send().await.assert_status(201);
        answer.json()["token"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_is_published_under_the_prefix_is_read_under_it() {
    let service = Service::start().await;
    let token = service.sign_up("ana").await;
    let pear = PublishDocument::new("@acme/pear", "1.0.0").file("index.js", b"module.exports = 1;");
    let publish = service.http().put("/npm/@acme%2fpear").bearer(&token).json(&pear.build());
    let _ = publish.send().await.assert_status(201);

    for spelling in ["/npm/@acme%2fpear", "/npm/@acme%2Fpear", "/npm/@acme/pear"] {
        let packument = service.http().get(spelling).send().await.assert_status(200).json();
        let tarball = packument["versions"]["1.0.0"]["dist"]["tarball"].as_str().unwrap();
        assert_eq!(tarball, format!("{}/npm/@acme/pear/-/pear-1.0.0.tgz", service.base_url));
        let path = tarball.strip_prefix(&service.base_url).unwrap();
        assert_eq!(service.http().get(path).send().await.assert_status(200).body, pear.tarball());
    }
}

#[tokio::test]
async fn a_package_with_the_name_of_the_mount_is_a_package() {
    let service = Service::start().await;
    let token = service.sign_up("ana").await;
    let npm = PublishDocument::new("npm", "1.0.0").build();
    let _ = service.http().put("/npm/npm").bearer(&token).json(&npm).send().await.assert_status(201);
    let manifest = service.http().get("/npm/npm/latest").send().await.assert_status(200).json();
    assert_eq!(manifest["dist"]["tarball"], format!("{}/npm/npm/-/npm-1.0.0.tgz", service.base_url));
}

#[tokio::test]
async fn a_login_in_the_browser_stays_below_the_mount() {
    let service = Service::start().await;
    let begun = service
        .http()
        .request(Method::POST, "/npm/-/v1/login")
        .json(&json!({}))
        .send()
        .await
        .assert_status(200);
    let page = begun.json()["loginUrl"].as_str().unwrap().to_owned();
    let path = page.strip_prefix(&service.base_url).unwrap();
    assert!(path.starts_with("/npm/-/v1/login/"), "{path}");
    let page = service.http().get(path).send().await.assert_status(200);
    let cookie = page.header("set-cookie").unwrap();
    assert!(cookie.contains("; Path=/npm/-/v1/login;"), "{cookie}");
}

#[tokio::test]
async fn the_registry_knows_the_address_of_the_client() {
    let service = Service::start().await;
    let token = service.sign_up("ana").await;
    for (network, status) in [("127.0.0.0/8", 200), ("192.0.2.0/24", 401)] {
        let limited = json!({ "password": "correct horse battery", "cidr_whitelist": [network] });
        let request =
            service.http().request(Method::POST, "/npm/-/npm/v1/tokens").bearer(&token).json(&limited);
        let made = request.send().await.assert_status(201).json();
        let whoami = service.http().get("/npm/-/whoami").bearer(made["token"].as_str().unwrap());
        let _ = whoami.send().await.assert_status(status);
    }
}

#[tokio::test]
async fn the_service_keeps_its_own_routes() {
    let service = Service::start().await;
    assert_eq!(service.http().get("/").send().await.assert_status(200).text(), "the service itself");
    let _ = service.http().get("/-/ping").send().await.assert_status(404);
    assert_eq!(service.http().get("/npm/-/ping").send().await.assert_status(200).json(), json!({}));
    for path in ["/npm", "/npm/"] {
        let root = service.http().get(path).send().await.assert_status(200).json();
        assert_eq!(root["registry"], format!("{}/npm/", service.base_url), "{path}");
    }
}

#[tokio::test]
async fn a_stranger_cannot_choose_the_host_in_tarball_urls() {
    let service = Service::start().await;
    let token = service.sign_up("ana").await;
    let pear = PublishDocument::new("pear", "1.0.0").build();
    let _ = service.http().put("/npm/pear").bearer(&token).json(&pear).send().await.assert_status(201);
    let request = service.http().get("/npm/pear/1.0.0");
    let request = request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "https");
    let manifest = request.send().await.assert_status(200).json();
    assert!(manifest["dist"]["tarball"].as_str().unwrap().starts_with(&service.base_url), "{manifest}");
}

#[tokio::test]
async fn a_publish_larger_than_axums_own_limit_is_taken() {
    let service = Service::start().await;
    let token = service.sign_up("ana").await;
    let mut noise = vec![0; 3 << 20];
    SeededRandomness::new(1).fill(&mut noise);
    let pear = PublishDocument::new("pear", "1.0.0").file("noise.bin", &noise).build();
    assert!(pear.to_string().len() > 2 << 20, "axum's own limit is 2 MiB");
    let _ = service.http().put("/npm/pear").bearer(&token).json(&pear).send().await.assert_status(201);
}

#[cfg(unix)]
#[tokio::test]
async fn a_real_npm_publishes_and_installs_under_the_prefix() {
    let service = Service::start().await;
    let npm = Npm::new(&format!("{}/npm", service.base_url)).await;
    let _ = npm.adduser("ana", "correct horse battery").await.assert_success();
    let pear = npm.home().project(&package("@acme/pear", "1.0.0"));
    let _ = npm.run_in(&pear, &["publish"]).await.assert_success();
    // Another home, so that the tarball comes from its URL and not from the publisher's cache.
    let reader = Npm::new(&format!("{}/npm", service.base_url)).await;
    let project = reader.home().project(&package("project", "0.0.0"));
    let _ = reader.run_in(&project, &["install", "@acme/pear"]).await.assert_success();
    assert!(project.join("node_modules/@acme/pear/package.json").is_file());
    assert_eq!(npm.run(&["whoami"]).await.assert_success().stdout, "ana\n");
}
