use http::Method;

use super::Ground;

/// Every address, and the methods that it takes.
const ADDRESSES: &[(&str, &[&str])] = &[
    ("/-/ping", &["GET", "HEAD"]),
    ("/-/whoami", &["GET", "HEAD"]),
    ("/pear", &["GET", "HEAD", "PUT"]),
    ("/@acme%2fpear", &["GET", "HEAD", "PUT"]),
    ("/pear/1.0.0", &["GET", "HEAD"]),
    ("/pear/-/pear-1.0.0.tgz", &["GET", "HEAD"]),
    ("/pear/-/pear-1.0.0.tgz/-rev/1-0", &["DELETE"]),
    ("/pear/-rev/1-0", &["PUT", "DELETE"]),
    ("/-/package/pear/dist-tags", &["GET", "HEAD"]),
    ("/-/package/pear/dist-tags/beta", &["PUT", "DELETE"]),
    ("/-/package/pear/owners", &["GET", "HEAD", "PUT"]),
    ("/-/package/pear/owners/ana", &["DELETE"]),
    ("/-/user/org.couchdb.user:bob", &["GET", "HEAD", "PUT"]),
    ("/-/user/org.couchdb.user:bob/-rev/1-0", &["PUT"]),
    ("/-/user/token/npm_x", &["DELETE"]),
    ("/-/user/package/pear/star", &["PUT", "DELETE"]),
    ("/-/user/v1/star", &["GET", "HEAD", "PUT", "DELETE"]),
    ("/-/user/ana/stars", &["GET", "HEAD"]),
    ("/-/_view/starredByUser", &["GET", "HEAD"]),
    ("/-/npm/v1/security/advisories/bulk", &["POST"]),
    ("/-/npm/v1/security/audits", &["POST"]),
    ("/-/npm/v1/security/audits/quick", &["POST"]),
    ("/-/npm/v1/keys", &["GET", "HEAD"]),
    ("/-/npm/v1/attestations/pear@1.0.0", &["GET", "HEAD"]),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "TRACE", "OPTIONS", "CONNECT", "PROPFIND", "BREW",
    "get", "Put", "X", "DELETED",
];

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_405_with_those_that_it_does() {
    let ground = Ground::new().await;
    for (path, takes) in ADDRESSES {
        for method in METHODS.iter().filter(|method| !takes.contains(method)) {
            let what = format!("{method} {path}");
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = ground.ana.ask(method, path, "{}").await;
            ground.refused(&what, &answer).await;
            assert_eq!(answer.status, 405, "{what}");
            let allow: Vec<_> = answer.header("allow").unwrap().split(", ").collect();
            assert_eq!(allow, *takes, "{what}");
        }
    }
}

#[tokio::test]
async fn no_method_makes_an_address_that_is_not_there() {
    let ground = Ground::new().await;
    for path in ["/-/x", "/-/npm/v1/x", "/a/b/c/d/e/f/g/h", "/-", "/-/package/pear", "//", "/pear//", "/%20"]
    {
        for method in METHODS {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            if method != Method::HEAD {
                ground.refuses(method, path, "{}").await;
            }
        }
    }
}

#[tokio::test]
async fn a_long_method_is_one_like_others() {
    let ground = Ground::new().await;
    let method = Method::from_bytes("X".repeat(60_000).as_bytes()).unwrap();
    let answer = ground.ana.ask(method, "/pear", "").await;
    ground.refused("a long method", &answer).await;
}
