use registry_testkit::clients::{Npm, package};
use registry_testkit::http_client::HttpClient;

use super::*;
use crate::support::{publish, sign_up, start_server};

#[tokio::test]
async fn a_bill_of_materials_names_licenses_hashes_and_advisories() {
    let place = Place::new();
    let database = place.file("database.json", advisory("GHSA-1", "pear").to_string().as_bytes());
    let _ = stdout(&place.update(&database));
    let server = start_server(place.storage.path()).await;
    let http = HttpClient::new(server.base_url());
    let token = sign_up(&http, "ana").await;
    let npm = Npm::with_token(server.base_url(), &token).await;
    publish(&npm, &package("pear", "1.0.0").field("license", "MIT".into())).await;
    publish(&npm, &package("@acme/fig", "2.0.0").dependency("pear", "1.0.0")).await;

    let bill: Value = serde_json::from_str(&stdout(&place.run_on(&["sbom", "pear@1.0.0"]))).unwrap();
    assert_eq!((&bill["bomFormat"], &bill["specVersion"]), (&json!("CycloneDX"), &json!("1.6")));
    let component = &bill["metadata"]["component"];
    assert_eq!(component["purl"], "pkg:npm/pear@1.0.0");
    assert_eq!(component["licenses"], json!([{ "license": { "id": "MIT" } }]));
    assert_eq!(component["hashes"][0]["alg"], "SHA-512");
    assert_eq!(bill["vulnerabilities"][0]["id"], "GHSA-1");
    assert_eq!(bill["vulnerabilities"][0]["affects"][0]["ref"], "pkg:npm/pear@1.0.0");
    assert_eq!(bill["vulnerabilities"][0]["ratings"][0]["severity"], "high");

    let answer = http.get("/-/sbom/pear/1.0.0").send().await.assert_status(200);
    assert_eq!(answer.header("content-type"), Some("application/vnd.cyclonedx+json; version=1.6"));
    assert_eq!(answer.json()["metadata"]["component"]["hashes"], component["hashes"]);
    let scoped = http.get("/-/sbom/@acme%2ffig/2.0.0").send().await.assert_status(200).json();
    assert_eq!(scoped["metadata"]["component"]["purl"], "pkg:npm/%40acme/fig@2.0.0");
    assert_eq!(scoped["vulnerabilities"], json!([]));
    let _ = http.get("/-/sbom/pear/9.0.0").send().await.assert_status(404);
    let _ = http.get("/-/sbom/plum/1.0.0").send().await.assert_status(404);

    let app = npm.home().project(&package("app", "1.0.0").dependency("@acme/fig", "^2.0.0"));
    let _ = npm.run_in(&app, &["install"]).await.assert_success();
    let lock = app.join("package-lock.json");
    let bill = stdout(&place.run_on(&["sbom", "--lockfile", lock.to_str().unwrap()]));
    let bill: Value = serde_json::from_str(&bill).unwrap();
    let purls: Vec<_> =
        bill["components"].as_array().unwrap().iter().map(|one| one["purl"].clone()).collect();
    assert_eq!(purls, ["pkg:npm/%40acme/fig@2.0.0", "pkg:npm/pear@1.0.0"]);
    assert_eq!(bill["vulnerabilities"].as_array().unwrap().len(), 1);
    assert_eq!(bill["dependencies"][0]["dependsOn"].as_array().unwrap().len(), 2);
    let unknown = stderr(&place.run_on(&["sbom", "--lockfile", "/no/such/lock"]));
    assert!(unknown.contains("cannot read /no/such/lock"), "{unknown}");
    assert!(stderr(&place.run_on(&["sbom", "pear@9.0.0"])).contains("pear@9.0.0"));
}
