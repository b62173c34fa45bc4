use serde_json::json;

use super::{Front, assert_refused};

const PEAR: &str = "/-/npm/v1/attestations/pear@1.0.0";

#[tokio::test]
async fn attestations_come_from_where_the_package_comes_from() {
    let front = Front::start();
    let told = |what: &str| json!({ "attestations": [{ "predicateType": what, "bundle": {} }] });
    front.npm.tell("attestations pear@1.0.0", &told("a").to_string());
    front.npm.tell("attestations @both/kiwi@1.0.0", &told("wrong").to_string());
    front.other.tell("attestations @both/kiwi@1.0.0", &told("b").to_string());
    // npm asks below the root also where the registry has a prefix.
    for path in [PEAR.to_owned(), format!("/registry{PEAR}")] {
        let (status, body) = front.get(&path).await;
        assert_eq!((status.as_u16(), body), (200, told("a")), "{path}");
    }
    for name in ["@both/kiwi", "@both%2fkiwi", "@both%2Fkiwi"] {
        let (status, body) = front.get(&format!("/-/npm/v1/attestations/{name}@1.0.0")).await;
        assert_eq!((status.as_u16(), body), (200, told("b")), "{name}");
    }
}

#[tokio::test]
async fn a_missing_attestation_is_404() {
    let front = Front::start();
    assert_refused(front.get(PEAR).await, 404, "no attestations of pear@1.0.0 are known");
    assert_refused(front.get("/-/npm/v1/attestations/apple@1.0.0").await, 404, "no attestations of apple");
    front.npm.set_down(true);
    assert_refused(front.get(PEAR).await, 503, "did not answer");
}

#[tokio::test]
async fn packuments_say_that_attestations_are_here_and_pass_signatures_on() {
    let front = Front::start();
    let expected = |base: &str| {
        json!({
            "url": format!("{base}/-/npm/v1/attestations/@both%2fkiwi@1.0.0"),
            "provenance": { "predicateType": "https://slsa.dev/provenance/v1" },
        })
    };
    let abbreviated = [("accept", "application/vnd.npm.install-v1+json")];
    for (prefix, base) in [("", "http://here.example"), ("/registry", "http://here.example/registry")] {
        for headers in [&[][..], &abbreviated] {
            let path = format!("{prefix}/@both%2fkiwi");
            let (_, body) =
                super::answer(&front.registry, http::Method::GET, &path, headers, Vec::new()).await;
            let dist = &body["versions"]["1.0.0"]["dist"];
            assert_eq!(dist["attestations"], expected(base));
            assert_eq!(dist["signatures"], json!([{ "keyid": "SHA256:upstream", "sig": "MEUC" }]));
            assert_eq!(dist["tarball"], format!("{base}/@both/kiwi/-/kiwi-1.0.0.tgz"));
        }
    }
    let (_, manifest) = front.get("/@both%2fkiwi/latest").await;
    assert_eq!(manifest["dist"]["attestations"], expected("http://here.example"));
}
